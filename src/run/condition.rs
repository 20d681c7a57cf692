//! Conditions in CEL over evidence: checked before the run, bounded, and explained when they fail
//! with the values of both sides. A condition that cannot be evaluated is inconclusive, never true.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::{Context, Program, Value as Cel};
use regex::Regex;
use serde_json::{Value, json};

use super::{Evidence, Judgement, Outcome, RunState, Verdict};
use crate::runbook::Runbook;

/// Longest condition in bytes: longer ones overflow the evaluator's stack.
const MAX_LENGTH: usize = 512;
/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 32;
/// The evaluator recurses; this is enough for the depth above with room to spare.
const STACK: usize = 16 << 20;

/// What a health endpoint last said, as conditions see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeReading {
    pub healthy: bool,
    pub status: Option<u16>,
    /// Milliseconds.
    pub latency: i64,
    pub version: Option<String>,
}

/// Live readings that conditions may name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    pub probes: BTreeMap<String, ProbeReading>,
}

/// The names a condition may use, with their values.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    values: BTreeMap<String, Value>,
    /// Names that exist in the runbook but have no value yet.
    pending: BTreeMap<String, &'static str>,
}

/// A block or probe id as a CEL identifier: `-` and `.` become `_`.
fn identifier(id: &str) -> String {
    id.replace(['-', '.', ' '], "_")
}

impl Scope {
    /// All that was seen so far: the last evidence of every block by its id, and every probe.
    pub fn of(state: &RunState, readings: &Readings) -> Self {
        let mut scope = Self::default();
        for block in &state.runbook.blocks {
            let name = identifier(&block.id);
            let last = state
                .actions
                .iter()
                .filter(|(action, _)| action.block == block.n)
                .filter_map(|(_, action)| action.last())
                .max_by_key(|attempt| attempt.started_at);
            match last {
                Some(attempt) => match (&attempt.evidence, attempt.outcome) {
                    // A repeated check has some of its last round, and no outcome.
                    (Some(evidence), outcome) => {
                        scope.values.insert(name, evidence_value(evidence, outcome));
                    }
                    _ => {
                        scope.pending.insert(name, "it has not ended yet");
                    }
                },
                None => {
                    scope.pending.insert(name, "it has not run yet");
                }
            }
        }
        for (name, probe) in &readings.probes {
            scope.values.insert(
                identifier(name),
                json!({
                    "healthy": probe.healthy,
                    "status": probe.status.unwrap_or(0),
                    "latency": probe.latency,
                    "version": probe.version.clone().unwrap_or_default(),
                }),
            );
        }
        scope
    }

    /// Adds the evidence of the action being judged under its short names (`exit`, `value`, …).
    pub fn with_evidence(mut self, evidence: &Evidence) -> Self {
        if let Value::Object(fields) = evidence_value(evidence, None) {
            self.values.extend(fields);
        }
        self
    }
}

fn evidence_value(evidence: &Evidence, outcome: Option<Outcome>) -> Value {
    let mut value = json!({
        "exit": evidence.exit.unwrap_or(-1),
        "stdout": evidence.stdout,
        "stderr": evidence.stderr,
        "rows": evidence.rows,
        "value": evidence.value,
        "tag": evidence.tag.clone().unwrap_or_default(),
        "notices": evidence.notices,
        "status": evidence.status.unwrap_or(0),
        "headers": evidence.headers,
        "json": evidence.json,
        "latency": evidence.latency_ms.unwrap_or(0),
        "elapsed": evidence.elapsed_ms,
    });
    if let (Value::Object(fields), Some(outcome)) = (&mut value, outcome) {
        fields.insert("outcome".to_owned(), json!(outcome));
    }
    value
}

/// The names that conditions over this runbook may use, besides probes.
pub const EVIDENCE_NAMES: [&str; 12] = [
    "exit", "stdout", "stderr", "rows", "value", "tag", "notices", "status", "headers", "json",
    "latency", "elapsed",
];

/// A condition that cannot be used, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    pub message: String,
    /// The name that is meant, where one is.
    pub name: Option<String>,
}

/// Checks a condition before the run: its syntax, its bounds and the names in it. `probes` are the
/// names of the environment's health endpoints; `None` where no environment is at hand.
pub fn check_condition(
    source: &str,
    runbook: &Runbook,
    probes: Option<&[String]>,
) -> Result<(), ConditionError> {
    bounded(source)?;
    let rewritten = rewrite_durations(source);
    on_deep_stack(|| {
        let program = Program::compile(&rewritten).map_err(|error| ConditionError {
            message: format!("not a condition: {}", first_line(&error.to_string())),
 name: None,
        })?;
        let bound = bound_names(&rewritten);
        for name in program.references().variables() {
            let known = EVIDENCE_NAMES.contains(&name)
                || bound.contains(&name)
                || runbook
                    .blocks
                    .iter()
                    .any(|block| identifier(&block.id) == name)
                || probes.is_none_or(|probes| probes.iter().any(|probe| identifier(probe) == name));
            if !known {
                return Err(ConditionError {
                    message: format!(
                        "`{name}` is neither evidence (such as `exit` or `value`), nor the id of a block, nor a probe"
                    ),
 name: Some(name.to_owned()),
                });
            }
        }
        Ok(())
    })
    .unwrap_or_else(|reason| {
        Err(ConditionError {
            message: reason,
 name: None,
        })
    })
}

fn bounded(source: &str) -> Result<(), ConditionError> {
    if source.len() > MAX_LENGTH {
        return Err(ConditionError {
            message: format!(
                "a condition may be {MAX_LENGTH} bytes long; this one has {}",
                source.len()
            ),
            name: None,
        });
    }
    let mut depth = 0usize;
    for character in source.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(ConditionError {
                message: format!("a condition may nest brackets {MAX_DEPTH} deep"),
                name: None,
            });
        }
    }
    // Chained unary and ternary operators recurse without brackets.
    if source.matches(['!', '-', '?']).count() > 2 * MAX_DEPTH {
        return Err(ConditionError {
            message: format!("a condition may hold {} of `!`, `-` and `?`", 2 * MAX_DEPTH),
            name: None,
        });
    }
    // There is no fuel: nested comprehensions are what could run long.
    let loops = COMPREHENSION.find_iter(source).count();
    if loops > 2 {
        return Err(ConditionError {
            message:
                "a condition may hold two of `all`, `exists`, `exists_one`, `filter` and `map`"
                    .to_owned(),
            name: None,
        });
    }
    Ok(())
}

/// Judges one condition.
pub fn judge(text: &str, source: &str, scope: &Scope) -> Judgement {
    let (verdict, explanation) = match bounded(source) {
        Err(error) => (Verdict::Inconclusive, error.message),
        Ok(()) => {
            let rewritten = rewrite_durations(source);
            on_deep_stack(|| evaluate(&rewritten, scope))
                .unwrap_or_else(|reason| (Verdict::Inconclusive, reason))
        }
    };
    Judgement {
        text: if text.is_empty() { source } else { text }.to_owned(),
        cel: Some(source.to_owned()),
        verdict,
        explanation,
    }
}

fn evaluate(source: &str, scope: &Scope) -> (Verdict, String) {
    let program = match Program::compile(source) {
        Ok(program) => program,
        Err(error) => {
            return (
                Verdict::Inconclusive,
                format!("not a condition: {}", first_line(&error.to_string())),
            );
        }
    };
    for name in program.references().variables() {
        if let Some(why) = scope.pending.get(name)
            && !scope.values.contains_key(name)
        {
            return (Verdict::Inconclusive, format!("`{name}`: {why}"));
        }
    }
    let mut context = Context::default();
    for (name, value) in &scope.values {
        context.add_variable_from_value(name.clone(), to_cel(value));
    }
    match program.execute(&context) {
        Ok(Cel::Bool(true)) => (Verdict::Pass, sides(source, &context)),
        Ok(Cel::Bool(false)) => (Verdict::Fail, sides(source, &context)),
        Ok(other) => (
            Verdict::Inconclusive,
            format!("the condition gives {}, not true or false", show(&other)),
        ),
        Err(error) => {
            let values = sides(source, &context);
            let separator = if values.is_empty() { "" } else { "; " };
            (
                Verdict::Inconclusive,
                format!("{}{separator}{values}", first_line(&error.to_string())),
            )
        }
    }
}

/// The value of every path named in the condition.
fn sides(source: &str, context: &Context<'_, '_>) -> String {
    let mut seen = Vec::new();
    for path in PATH.find_iter(&strip_strings(source)) {
        let path = path.as_str();
        if matches!(path, "true" | "false" | "null" | "in" | "size" | "has")
            || seen.iter().any(|(known, _)| known == path)
        {
            continue;
        }
        // A method call such as `stdout.contains` is explained by its subject.
        let value = Program::compile(path)
            .ok()
            .and_then(|program| program.execute(context).ok())
            .map(|value| (path.to_owned(), value))
            .or_else(|| {
                let (subject, _) = path.rsplit_once('.')?;
                let value = Program::compile(subject).ok()?.execute(context).ok()?;
                Some((subject.to_owned(), value))
            });
        if let Some((path, value)) = value
            && !matches!(value, Cel::Function(..))
            && !seen.iter().any(|(known, _)| *known == path)
        {
            seen.push((path, show(&value)));
        }
    }
    seen.iter()
        .map(|(path, value)| format!("{path} is {value}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn show(value: &Cel) -> String {
    let text = match value {
        Cel::String(text) => format!("{:?}", text.as_str()),
        Cel::List(items) => format!("a list of {}", items.len()),
        Cel::Map(map) => format!("a map of {}", map.map.len()),
        other => other
            .json()
            .map_or_else(|_| "not a value".to_owned(), |json| json.to_string()),
    };
    if text.chars().count() <= 80 {
        return text;
    }
    let short: String = text.chars().take(79).collect();
    format!("{short}…")
}

fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        // Whole numbers are always `int`: CEL does not compare `int` with `uint` literals.
        Value::Number(number) => number
            .as_i64()
            .map(Cel::Int)
            .or_else(|| number.as_f64().map(Cel::Float))
            .unwrap_or(Cel::Null),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), to_cel(value)))
            .collect::<HashMap<String, Cel>>()
            .into(),
    }
}

static PATH: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d+\])*"));
static DURATION: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(\d+(?:\.\d+)?)(ms|s|m|h|d)\b"));
static COMPREHENSION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\.\s*(all|exists|exists_one|filter|map)\s*\("));

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

#[allow(clippy::expect_used)]
pub(super) fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("a pattern of this file compiles")
}

/// `200ms` and `5m` become milliseconds.
fn rewrite_durations(source: &str) -> String {
    let mut rewritten = String::with_capacity(source.len());
    for (quoted, part) in quoted_parts(source) {
        if quoted {
            rewritten.push_str(part);
            continue;
        }
        let replaced = DURATION.replace_all(part, |captures: &regex::Captures<'_>| {
            let number: f64 = captures[1].parse().unwrap_or(0.0);
            let factor = match &captures[2] {
                "ms" => 1.0,
                "s" => 1e3,
                "m" => 60e3,
                "h" => 3_600e3,
                _ => 86_400e3,
            };
            format!("{}", (number * factor).round())
        });
        rewritten.push_str(&replaced);
    }
    rewritten
}

fn strip_strings(source: &str) -> String {
    quoted_parts(source)
        .into_iter()
        .map(|(quoted, part)| if quoted { " " } else { part })
        .collect()
}

/// The source cut into string literals (`true`) and the rest.
fn quoted_parts(source: &str) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    let mut escaped = false;
    for (at, character) in source.char_indices() {
        match quote {
            None if character == '"' || character == '\'' => {
                parts.push((false, &source[start..at]));
                (start, quote) = (at, Some(character));
            }
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => {
                let end = at + character.len_utf8();
                parts.push((true, &source[start..end]));
                (start, quote) = (end, None);
            }
            _ => {}
        }
    }
    parts.push((quote.is_some(), &source[start..]));
    parts
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Runs on a thread with a deep stack, because the evaluator recurses.
fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("condition".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(|error| format!("the condition could not be evaluated: {error}"))?
            .join()
            .map_err(|_| "the condition could not be evaluated: the evaluator gave up".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::default().with_evidence(&Evidence {
            exit: Some(0),
            value: Some(json!(3)),
            stdout: "all is well".to_owned(),
            latency_ms: Some(150),
            rows: vec![BTreeMap::from([("n".to_owned(), json!(1.5))])],
            ..Evidence::default()
        })
    }

    #[test]
    fn a_true_condition_passes_and_says_the_value() {
        let judgement = judge("", "value == 3", &scope());
        assert_eq!(judgement.verdict, Verdict::Pass);
        assert_eq!(judgement.explanation, "value is 3");
    }

    #[test]
    fn a_false_condition_fails_with_the_values_of_both_sides() {
        let judgement = judge("no rows are left", "value == exit", &scope());
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert_eq!(judgement.explanation, "value is 3, exit is 0");
    }

    #[test]
    fn durations_may_be_written_as_people_write_them() {
        assert_eq!(
            judge("", "latency < 200ms", &scope()).verdict,
            Verdict::Pass
        );
        assert_eq!(judge("", "latency > 2s", &scope()).verdict, Verdict::Fail);
        assert_eq!(
            judge("", "stdout.contains('5m')", &scope()).verdict,
            Verdict::Fail,
            "a duration inside a string stays text"
        );
    }

    #[test]
    fn numbers_of_either_kind_compare() {
        assert_eq!(judge("", "rows[0].n > 1", &scope()).verdict, Verdict::Pass);
        assert_eq!(
            judge("", "size(rows) == 1", &scope()).verdict,
            Verdict::Pass
        );
    }

    #[test]
    fn what_is_no_boolean_is_inconclusive() {
        let judgement = judge("", "value + 1", &scope());
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert!(judgement.explanation.contains("not true or false"));
    }

    #[test]
    fn unknown_names_are_inconclusive_not_false() {
        assert_eq!(
            judge("", "nope == 1", &scope()).verdict,
            Verdict::Inconclusive
        );
    }

    #[test]
    fn monstrous_conditions_are_refused() {
        let deep = format!("{}1{} == 1", "(".repeat(60), ")".repeat(60));
        for source in [deep, "1 + ".repeat(200), "!".repeat(100)] {
            assert!(check_condition(&source, &Runbook::default(), None).is_err());
            assert_eq!(judge("", &source, &scope()).verdict, Verdict::Inconclusive);
        }
    }

    #[test]
    fn a_comprehension_may_name_its_elements() {
        let probes = Some(["gateway".to_owned()]);
        let probes = probes.as_ref().map(<[String; 1]>::as_slice);
        for good in [
            "rows.all(row, row.n == 0)",
            "gateway.healthy && notices.exists( n , n == 'x')",
        ] {
            assert_eq!(check_condition(good, &Runbook::default(), probes), Ok(()));
        }
        assert!(
            check_condition("rows.all(row, other.n == 0)", &Runbook::default(), probes).is_err()
        );
    }
}
