//! Conditions before the run: bounds, syntax, names, fields, functions and the types of both sides of
//! a comparison. A condition that can never hold is found here, not at two in the morning.

use std::collections::HashSet;
use std::sync::LazyLock;

use cel::Program;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use regex::Regex;

use super::source::{comparison, typed};
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
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            name: None,
            help: help.into(),
        }
    }

    fn about(mut self, name: &str) -> Self {
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
                    None => "there are `size`, `contains`, `startsWith`, `endsWith`, `matches`, `all`, `exists`, `int`, `string`".to_owned(),
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

    fn kind_of(&self, name: &str) -> Option<Type> {
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

    fn unknown(&self, name: &str) -> ConditionError {
        let mut known: Vec<&str> = EVIDENCE_NAMES.to_vec();
        known.extend(self.blocks.iter().map(String::as_str));
        known.extend(self.probes.iter().flatten().map(String::as_str));
        known.sort_unstable();
        let help = match closest(name, &known) {
            Some(known) => format!("did you mean `{known}`?"),
            None => {
                "give the block that is meant an id, `{#name}`, or name the probe in `gonogo.toml`"
                    .to_owned()
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

/// Stands for a duration while types are looked at.
const DURATION: &str = "duration_of";

const FUNCTIONS: [&str; 28] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "has",
    "all",
    "exists",
    "exists_one",
    "filter",
    "map",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "type",
    "dyn",
    "min",
    "max",
    "duration",
    "timestamp",
    "getFullYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

const PROBE_FIELDS: [&str; 4] = ["healthy", "status", "latency", "version"];

/// What is known of a value before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Any,
    Boolean,
    Number,
    /// A number written out; true for zero, which needs no unit.
    Written(bool),
    /// Milliseconds.
    Duration,
    Text,
    List,
    Map,
    /// The evidence of a block.
    Block,
    Probe,
    Null,
}

impl Type {
    fn said(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Boolean => "true or false",
            Self::Number | Self::Written(_) => "a number",
            Self::Duration => "a duration",
            Self::Text => "text",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Block => "all the evidence of a block",
            Self::Probe => "all that a probe says",
            Self::Null => "nothing",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Number | Self::Written(_))
    }
}

fn evidence_type(name: &str) -> Option<Type> {
    Some(match name {
        "exit" | "status" => Type::Number,
        "stdout" | "stderr" | "tag" => Type::Text,
        "rows" | "notices" => Type::List,
        "headers" => Type::Map,
        "latency" | "elapsed" => Type::Duration,
        "value" | "json" => Type::Any,
        _ => return None,
    })
}

struct Types<'a> {
    names: &'a ConditionNames,
    source: &'a str,
}

impl Types<'_> {
    fn of(&self, expression: &IdedExpr) -> Result<Type, ConditionError> {
        Ok(match &expression.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::Boolean,
                LiteralValue::Int(value) => Type::Written(*value.inner() == 0),
                LiteralValue::UInt(_) | LiteralValue::Double(_) => Type::Written(false),
                LiteralValue::String(_) => Type::Text,
                LiteralValue::Null => Type::Null,
                LiteralValue::Bytes(_) => Type::Any,
            },
            Expr::Ident(name) => self.names.kind_of(name).unwrap_or(Type::Any),
            Expr::Select(select) => {
                let operand = self.of(&select.operand)?;
                let field = self.field(operand, &select.operand, &select.field)?;
                if select.test { Type::Boolean } else { field }
            }
            Expr::Call(call) => self.call(call)?,
            Expr::List(list) => {
                for element in &list.elements {
                    self.of(element)?;
                }
                Type::List
            }
            Expr::Map(_) | Expr::Struct(_) => Type::Map,
            Expr::Comprehension(each) => {
                let range = self.of(&each.iter_range)?;
                if !matches!(
                    range,
                    Type::Any | Type::List | Type::Map | Type::Block | Type::Probe
                ) {
                    return Err(self.wrong(&each.iter_range, range, "not a list"));
                }
                self.of(&each.loop_step)?;
                match self.of(&each.accu_init)? {
                    Type::List => Type::List,
                    _ => Type::Boolean,
                }
            }
            Expr::Unspecified => Type::Any,
        })
    }

    fn field(&self, of: Type, operand: &IdedExpr, field: &str) -> Result<Type, ConditionError> {
        let known: &[&str] = match of {
            Type::Any | Type::Map => return Ok(Type::Any),
            Type::Block => match evidence_type(field) {
                Some(known) => return Ok(known),
                None if field == "outcome" => return Ok(Type::Text),
                None => &EVIDENCE_NAMES,
            },
            Type::Probe => match field {
                "healthy" => return Ok(Type::Boolean),
                "status" => return Ok(Type::Number),
                "latency" => return Ok(Type::Duration),
                "version" => return Ok(Type::Text),
                _ => &PROBE_FIELDS,
            },
            Type::List => {
                return Err(ConditionError::new(
                    format!("{} is a list and has no field `{field}`", name_of(operand)),
                    format!("take one of its elements: `rows[0].{field}`, or ask all of them: `rows.all(row, row.{field} == 0)`"),
                )
                .about(field));
            }
            other => {
                return Err(self.wrong(operand, other, &format!("and has no field `{field}`")));
            }
        };
        let help = match closest(field, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has `{}`", known.join("`, `")),
        };
        Err(
            ConditionError::new(format!("{} has no field `{field}`", name_of(operand)), help)
                .about(field),
        )
    }

    fn call(&self, call: &CallExpr) -> Result<Type, ConditionError> {
        let target = match &call.target {
            Some(target) => Some((&**target, self.of(target)?)),
            None => None,
        };
        let mut types = Vec::new();
        for argument in &call.args {
            types.push(self.of(argument)?);
        }
        let name = call.func_name.as_str();
        Ok(match (name, types.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, _) => {
                for (argument, kind) in call.args.iter().zip(&types) {
                    self.boolean(argument, *kind)?;
                }
                Type::Boolean
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                self.comparable(call, *left, *right)?;
                Type::Boolean
            }
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                [left, right],
            ) => {
                for (argument, kind) in call.args.iter().zip(&types) {
                    if matches!(
                        kind,
                        Type::Boolean
                            | Type::List
                            | Type::Map
                            | Type::Block
                            | Type::Probe
                            | Type::Null
                    ) {
                        return Err(self.wrong(argument, *kind, "which is neither more nor less"));
                    }
                }
                self.comparable(call, *left, *right)?;
                Type::Boolean
            }
            (operators::CONDITIONAL, [condition, yes, no]) => {
                if let Some(argument) = call.args.first() {
                    self.boolean(argument, *condition)?;
                }
                if yes == no { *yes } else { Type::Any }
            }
            (operators::ADD | operators::SUBSTRACT | operators::MODULO, [left, right]) => {
                sum(*left, *right)
            }
            (operators::MULTIPLY, [left, right]) => sum(*left, *right),
            (operators::DIVIDE, [Type::Duration, Type::Duration]) => Type::Number,
            (operators::DIVIDE, [left, right]) => sum(*left, *right),
            (operators::NEGATE, [only]) => *only,
            (operators::IN, _) => Type::Boolean,
            (DURATION, _) => Type::Duration,
            ("size" | "int" | "uint" | "double", _) => Type::Number,
            ("contains" | "startsWith" | "endsWith" | "matches", _) => {
                if let Some((subject, kind)) = target
                    && !matches!(kind, Type::Text | Type::Any)
                    && !(name == "contains" && matches!(kind, Type::List | Type::Map))
                {
                    return Err(self.wrong(subject, kind, &format!("and `{name}` is for text")));
                }
                Type::Boolean
            }
            ("bool", _) => Type::Boolean,
            ("string", _) => Type::Text,
            _ => Type::Any,
        })
    }

    fn boolean(&self, argument: &IdedExpr, kind: Type) -> Result<(), ConditionError> {
        match kind {
            Type::Boolean | Type::Any => Ok(()),
            other => Err(self.wrong(argument, other, "not true or false")),
        }
    }

    fn comparable(&self, call: &CallExpr, left: Type, right: Type) -> Result<(), ConditionError> {
        let [first, second] = call.args.as_slice() else {
            return Ok(());
        };
        let same = left == right
            || matches!(
                (left, right),
                (Type::Any | Type::Null, _) | (_, Type::Any | Type::Null)
            )
            || left.is_number() && right.is_number()
            || matches!(left, Type::Map | Type::Block | Type::Probe)
                && matches!(right, Type::Map | Type::Block | Type::Probe);
        if same {
            return Ok(());
        }
        let unit = match (left, right) {
            (Type::Duration, Type::Written(zero)) => Some((first, second, zero)),
            (Type::Written(zero), Type::Duration) => Some((second, first, zero)),
            (Type::Duration, Type::Number) | (Type::Number, Type::Duration) => return Ok(()),
            _ => None,
        };
        if let Some((time, number, zero)) = unit {
            let number = literal(number).unwrap_or_default();
            return if zero {
                Ok(())
            } else {
                Err(ConditionError::new(
                    format!(
                        "{} is a duration, and `{number}` has no unit",
                        name_of(time)
                    ),
                    format!("write `{number}ms` or `{number}s`"),
                )
                .about(&number))
            };
        }
        let quoted = [(first, right, second), (second, left, first)]
            .into_iter()
            .find_map(|(_, other_type, other)| {
                let text = literal(other)?;
                let inner = text.trim_matches(['"', '\'']).to_owned();
                (other_type == Type::Text && inner.parse::<f64>().is_ok()).then_some(inner)
            });
        let help = match (&quoted, left, right) {
            (Some(number), Type::Duration, _) | (Some(number), _, Type::Duration) => {
                format!("write it without quotes and with a unit: `{number}ms`")
            }
            (Some(number), Type::List, _) | (Some(number), _, Type::List) => {
                format!("compare how many there are: `size(rows) == {number}`")
            }
            (Some(number), ..) => format!("write `{number}` without quotes"),
            (None, Type::List, _) | (None, _, Type::List) => {
                "compare how many there are: `size(…) == 0`".to_owned()
            }
            (None, Type::Text, other) | (None, other, Type::Text) if other.is_number() => {
                "compare text with text (`== \"0\"`), look into it (`stdout.contains(\"0\")`), or turn it into a number (`int(…)`)".to_owned()
            }
            (None, Type::Block | Type::Probe, _) | (None, _, Type::Block | Type::Probe) => {
                "name what is meant of it: `.exit`, `.value`, `.healthy`, `.status`".to_owned()
            }
            _ => "compare values of one kind".to_owned(),
        };
        let side = |side: &IdedExpr, kind: Type| format!("{} is {}", name_of(side), kind.said());
        let error = ConditionError::new(
            format!(
                "{}, and {}: they cannot be compared",
                side(first, left),
                side(second, right)
            ),
            help,
        );
        // The comparison itself, where it is the whole condition.
        Err(match comparison(self.source) {
            Some((left, _)) if !left.is_empty() => error.about(left),
            _ => error,
        })
    }

    fn wrong(&self, what: &IdedExpr, kind: Type, why: &str) -> ConditionError {
        let name = name_of(what);
        let error = ConditionError::new(
            format!("{name} is {}, {why}", kind.said()),
            match kind {
                Type::Number | Type::Written(_) => "compare it: `exit == 0`",
                Type::Text => "compare it (`== \"…\"`) or look into it (`.contains(\"…\")`)",
                Type::List => "count it: `size(rows) == 0`",
                Type::Duration => "compare it: `latency < 200ms`",
                Type::Block => "name what is meant of it: `.exit == 0`",
                Type::Probe => "name what is meant of it: `.healthy`",
                _ => "see `docs/dialect.md` on conditions",
            },
        );
        match name.trim_matches('`') {
            plain if name.starts_with('`') => error.about(plain),
            _ => error,
        }
    }
}

/// The type of a sum, a product or a remainder.
fn sum(left: Type, right: Type) -> Type {
    match (left, right) {
        (Type::Duration, _) | (_, Type::Duration) => Type::Duration,
        (left, right) if left.is_number() && right.is_number() => Type::Number,
        (Type::Text, Type::Text) => Type::Text,
        (Type::List, Type::List) => Type::List,
        _ => Type::Any,
    }
}

/// An expression as its author wrote it, in backticks, where it is a simple one.
fn name_of(expression: &IdedExpr) -> String {
    written(expression).map_or_else(|| "this".to_owned(), |text| format!("`{text}`"))
}

fn written(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", written(&select.operand)?, select.field))
        }
        Expr::Call(call) if call.func_name == "size" => {
            let inner = call.target.as_deref().or(call.args.first())?;
            Some(format!("size({})", written(inner)?))
        }
        _ => literal(expression),
    }
}

fn literal(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Literal(LiteralValue::Int(value)) => Some(value.inner().to_string()),
        Expr::Literal(LiteralValue::Double(value)) => Some(value.inner().to_string()),
        Expr::Literal(LiteralValue::String(text)) => Some(format!("\"{}\"", text.inner())),
        Expr::Literal(LiteralValue::Boolean(value)) => Some(value.inner().to_string()),
        _ => None,
    }
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

    #[test]
    fn what_can_never_hold_is_found_before_the_run() {
        for (source, message, help, name) in [
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
        ] {
            let error = checked(source).expect_err(source);
            assert!(
                error.message.contains(message),
                "{source}: {}",
                error.message
            );
            assert!(error.help.contains(help), "{source}: {}", error.help);
            assert_eq!(error.name.as_deref(), name, "{source}: {}", error.message);
        }
    }
}
