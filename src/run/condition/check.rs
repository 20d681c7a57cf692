//! Conditions before the run: bounds, syntax, names, fields, functions and the types of both sides of
//! a comparison. A condition that can never hold is found here, not at two in the morning.

use std::collections::HashSet;
use std::sync::LazyLock;

use cel::Program;
use regex::Regex;

use super::source::typed;
use super::types::{DURATION, FUNCTIONS, Type, Types, evidence_type};
use super::{EVIDENCE_NAMES, first_line, identifier, on_deep_stack, pattern};
use crate::runbook::{Runbook, Wanted, closest};

/// Longest condition in bytes: longer ones overflow the evaluator's stack.
const MAX_LENGTH: usize = 512;
/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 32;

static COMPREHENSION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\.\s*(all|exists|exists_one|filter|map)\s*\("));

/// A condition that cannot be used, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    pub message: String,
    /// The name that is meant, where one is.
    pub name: Option<String>,
    /// The next act.
    pub help: String,
}

impl ConditionError {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            name: None,
            help: help.into(),
        }
    }

    pub(super) fn about(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }
}

/// The names that conditions over a guide may use besides evidence: ids of blocks and, where an
/// environment is at hand, its probes.
#[derive(Clone, Debug, Default)]
pub struct ConditionNames {
    blocks: HashSet<String>,
    probes: Option<HashSet<String>>,
}

impl ConditionNames {
    /// `probes` are the names of the environments' health endpoints; `None` where there is none.
    pub fn of(runbook: &Runbook, probes: Option<&[String]>) -> Self {
        Self {
            blocks: runbook
                .blocks
                .iter()
                .map(|block| identifier(&block.id))
                .collect(),
            probes: probes.map(|probes| probes.iter().map(|probe| identifier(probe)).collect()),
        }
    }

    /// Checks one condition.
    ///
    /// # Errors
    /// What is wrong with it first: its bounds, its syntax, a name, or a type.
    pub fn check(&self, source: &str) -> Result<(), ConditionError> {
        self.checking(|check| check(source, Wanted::Truth))
            .unwrap_or_else(|reason| Err(ConditionError::new(reason, "write it more simply")))
    }

    /// Checks many conditions on one deep stack: `work` gets what checks one.
    ///
    /// # Errors
    /// Where there is no such stack, or the evaluator gave up on one of them.
    pub fn checking<T: Send>(
        &self,
        work: impl FnOnce(&dyn Fn(&str, Wanted) -> Result<(), ConditionError>) -> T + Send,
    ) -> Result<T, String> {
        on_deep_stack(|| {
            work(&|source, wanted| {
                bounded(source)?;
                self.check_bounded(source, wanted)
            })
        })
    }

    fn check_bounded(&self, source: &str, wanted: Wanted) -> Result<(), ConditionError> {
        let program = Program::compile(&typed(source)).map_err(|error| {
            let said = error.to_string();
            let said = first_line(&said);
            let said = said
                .split_once("Syntax error: ")
                .map_or(said.as_str(), |(_, said)| said);
            ConditionError::new(
                format!("not a condition: {said}"),
                match source.contains(" = ") {
                    true => "compare with `==`",
                    false => "write it like `exit == 0 && value > 5`",
                },
            )
        })?;
        let references = program.references();
        let bound = bound_names(source);
        let mut variables = references.variables();
        variables.sort_unstable();
        for name in variables {
            if !bound.contains(&name) && self.kind_of(name).is_none() {
                return Err(self.unknown(name));
            }
        }
        let mut functions = references.functions();
        functions.sort_unstable();
        for name in functions {
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !name.starts_with('_')
                && !name.ends_with('_');
            if is_name && name != DURATION && !FUNCTIONS.contains(&name) {
                let help = match closest(name, &FUNCTIONS) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => "available: `size`, `contains`, `startsWith`, `endsWith`, `matches`, `all`, `exists`, `int`, `string`".to_owned(),
                };
                return Err(
                    ConditionError::new(format!("there is no function `{name}`"), help).about(name),
                );
            }
        }
        let types = Types {
            names: self,
            source,
        };
        match types.of(program.expression())? {
            Type::Boolean | Type::Any => Ok(()),
            _ if wanted == Wanted::Value => Ok(()),
            other => Err(ConditionError::new(
                format!("the condition gives {}, not true or false", other.said()),
                "compare it with something: `exit == 0`, `value > 5`, `size(rows) == 0`",
            )),
        }
    }

    pub(super) fn kind_of(&self, name: &str) -> Option<Type> {
        if let Some(known) = evidence_type(name) {
            return Some(known);
        }
        if self.blocks.contains(name) {
            return Some(Type::Block);
        }
        match &self.probes {
            None => Some(Type::Any),
            Some(probes) => probes.contains(name).then_some(Type::Probe),
        }
    }

    pub(super) fn unknown(&self, name: &str) -> ConditionError {
        let mut known: Vec<&str> = EVIDENCE_NAMES.to_vec();
        known.extend(self.blocks.iter().map(String::as_str));
        known.extend(self.probes.iter().flatten().map(String::as_str));
        known.sort_unstable();
        let help = match closest(name, &known) {
            Some(known) => format!("did you mean `{known}`?"),
            None => {
                "give that block an id, `{#name}`, or name the probe in `gonogo.toml`".to_owned()
            }
        };
        ConditionError::new(
            format!(
                "`{name}` is neither evidence (such as `exit` or `value`), nor the id of a block, nor a probe"
            ),
            help,
        )
        .about(name)
    }
}

/// Checks a condition before the run: its syntax, its bounds, and the names and types in it. `probes`
/// are the names of the environment's health endpoints; `None` where no environment is at hand.
///
/// # Errors
/// As [`ConditionNames::check`].
pub fn check_condition(
    source: &str,
    runbook: &Runbook,
    probes: Option<&[String]>,
) -> Result<(), ConditionError> {
    ConditionNames::of(runbook, probes).check(source)
}

pub(super) fn bounded(source: &str) -> Result<(), ConditionError> {
    const SPLIT: &str = "write several conditions: one `expect` a block, or one criterion each";
    if source.len() > MAX_LENGTH {
        let length = source.len();
        return Err(ConditionError::new(
            format!("a condition may be {MAX_LENGTH} bytes long; this one has {length}"),
            SPLIT,
        ));
    }
    let mut depth = 0usize;
    for character in source.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(ConditionError::new(
                format!("a condition may nest brackets {MAX_DEPTH} deep"),
                SPLIT,
            ));
        }
    }
    // Chained unary and ternary operators recurse without brackets.
    if source.matches(['!', '-', '?']).count() > 2 * MAX_DEPTH {
        return Err(ConditionError::new(
            format!("a condition may hold {} of `!`, `-` and `?`", 2 * MAX_DEPTH),
            SPLIT,
        ));
    }
    // There is no fuel: nested comprehensions are what could run long.
    if COMPREHENSION.find_iter(source).count() > 2 {
        return Err(ConditionError::new(
            "a condition may hold two of `all`, `exists`, `exists_one`, `filter` and `map`",
            SPLIT,
        ));
    }
    Ok(())
}

/// Names that a comprehension gives to its elements: `row` of `rows.all(row, row.n == 0)`. The
/// evaluator lists them among the names that must exist.
fn bound_names(source: &str) -> Vec<&str> {
    static BOUND: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(\s*([A-Za-z_]\w*)\s*,")
    });
    BOUND
        .captures_iter(source)
        .filter_map(|found| found.get(1))
        .map(|name| name.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::parse;

    fn checked(source: &str) -> Result<(), ConditionError> {
        let guide = parse(
            "guide.md",
            b"# A\n\n## Step 1: a\n\n```bash {#copy-table .run}\nls\n```\n",
        );
        check_condition(source, &guide, Some(&["gateway".to_owned()]))
    }

    #[test]
    fn what_people_write_is_accepted() {
        for good in [
            "exit == 0 && latency < 200ms",
            "rows == 0",
            "rows == 0 && value > 3",
            "size(rows) == 0",
            "status == 200 || status == 204",
            "latency > 0",
            "latency < 2 * gateway.latency",
            "latency < gateway.latency + 5ms",
            "stdout.contains(\"ok\") && !stderr.matches('^E')",
            "copy_table.exit == 0 && copy_table.outcome == 'passed'",
            "copy_table.rows == 2",
            "rows.all(row, row.n == 0 && row.name != '')",
            "rows.map(row, row.n).size() > 1",
            "json.items[0].name == 'x' && has(json.items)",
            "value == null || value == '3'",
            "tag == 'UPDATE 3' ? exit == 0 : exit == 1",
            "gateway.healthy",
            "!gateway.healthy",
            "'x' in headers",
            "int(stdout) > 3",
        ] {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
    }

    /// A condition, what is said of it, what helps, and what of it is marked.
    const NEVER: &[(&str, &str, &str, Option<&str>)] = &[
        (
            "rows == \"0\"",
            "`rows` is a list, and `\"0\"` is text",
            "size(rows) == 0",
            Some("rows"),
        ),
        (
            "exit == \"0\"",
            "`exit` is a number",
            "write `0` without quotes",
            Some("exit"),
        ),
        (
            "status == '200'",
            "`\"200\"` is text",
            "write `200` without quotes",
            Some("status"),
        ),
        (
            "latency < 200",
            "`200` has no unit",
            "`200ms` or `200s`",
            Some("200"),
        ),
        (
            "1000 > gateway.latency",
            "`1000` has no unit",
            "`1000ms`",
            Some("1000"),
        ),
        (
            "latency < '200'",
            "cannot be compared",
            "`200ms`",
            Some("latency"),
        ),
        (
            "stdout == 0",
            "`stdout` is text",
            "stdout.contains",
            Some("stdout"),
        ),
        (
            "notices == 0",
            "`notices` is a list",
            "size(",
            Some("notices"),
        ),
        (
            "exit",
            "gives a number, not true or false",
            "exit == 0",
            None,
        ),
        (
            "exit && value > 1",
            "`exit` is a number, not true",
            "exit == 0",
            Some("exit"),
        ),
        (
            "gateway == 200",
            "all that a probe says",
            ".status",
            Some("gateway"),
        ),
        (
            "exitt == 0",
            "`exitt` is neither",
            "did you mean `exit`",
            Some("exitt"),
        ),
        (
            "copy_tabel.exit == 0",
            "`copy_tabel` is neither",
            "did you mean `copy_table`",
            Some("copy_tabel"),
        ),
        (
            "gateway.latenci < 5ms",
            "has no field `latenci`",
            "did you mean `latency`",
            Some("latenci"),
        ),
        (
            "copy_table.row == 0",
            "has no field `row`",
            "did you mean `rows`",
            Some("row"),
        ),
        (
            "rows.n == 0",
            "`rows` is a list and has no field `n`",
            "rows[0].n",
            Some("n"),
        ),
        (
            "exit.code == 0",
            "has no field `code`",
            "exit == 0",
            Some("exit"),
        ),
        (
            "sise(rows) == 0",
            "there is no function `sise`",
            "did you mean `size`",
            Some("sise"),
        ),
        (
            "exit.contains('0')",
            "`contains` is for text",
            "exit == 0",
            Some("exit"),
        ),
        (
            "exit.all(x, x == 0)",
            "not a list",
            "exit == 0",
            Some("exit"),
        ),
        (
            "rows > rows",
            "neither more nor less",
            "size(rows)",
            Some("rows"),
        ),
        ("exit = 0", "not a condition", "compare with `==`", None),
        ("exit == ", "not a condition", "write it like", None),
    ];

    #[test]
    fn what_can_never_hold_is_found_before_the_run() {
        for (source, message, help, name) in NEVER {
            let error = checked(source).expect_err(source);
            assert!(
                error.message.contains(message),
                "{source}: {}",
                error.message
            );
            assert!(error.help.contains(help), "{source}: {}", error.help);
            assert_eq!(error.name.as_deref(), *name, "{source}: {}", error.message);
        }
    }
}
