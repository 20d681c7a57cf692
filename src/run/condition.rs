//! Conditions in CEL over evidence: checked before the run, bounded, and explained when they fail
//! with the values of both sides. A condition that cannot be evaluated is inconclusive, never true.

mod check;
mod compiled;
mod cut;
mod explain;
mod source;
mod types;
mod value;

pub(super) use value::value_of;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cel::{Context, Value as Cel};
use regex::Regex;
use serde_json::{Value, json};

use super::{Evidence, Judgement, Outcome, RunState, Verdict};
use check::bounded;
pub use check::{ConditionError, ConditionNames, check_condition};
use compiled::compiled;
use explain::{show, sides, unmeasured, why_false};
use source::rewritten;

/// The evaluator recurses; this is enough for the depth above with room to spare.
const STACK: usize = 16 << 20;

/// Why nothing is said of output whose beginning is not kept.
pub(super) const NOT_WHOLE: &str = "only the end of its output is kept: the rest was not checked";

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
    /// Names of what printed more than is kept: blocks, and `stdout` and `stderr` of what is judged.
    cut: BTreeSet<String>,
}

/// A block or probe id as a CEL identifier: `-` and `.` become `_`.
pub(super) fn identifier(id: &str) -> String {
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
                        if evidence.is_cut() {
                            scope.cut.insert(name.clone());
                        }
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
        if evidence.is_cut() {
            let streams = ["stdout", "stderr"].map(str::to_owned);
            self.cut.extend(streams);
        }
        // What was not seen is no value: neither equal to anything nor different from it.
        let seen = [
            (
                "value",
                evidence.value.is_some(),
                "it did not give a single value",
            ),
            (
                "status",
                evidence.status.is_some(),
                "no answer with a status was seen",
            ),
            (
                "latency",
                evidence.latency_ms.is_some(),
                "no time of an answer was seen",
            ),
            (
                "commands",
                !evidence.each.is_empty(),
                "which command gave what is not known",
            ),
        ];
        for (name, _, why) in seen.into_iter().filter(|(_, seen, _)| !seen) {
            self.values.remove(name);
            self.pending.insert(name.to_owned(), why);
        }
        self
    }
}

/// Without what was not seen: a condition over that is inconclusive.
fn seen_value(evidence: &Evidence) -> Value {
    let mut value = evidence_value(evidence, None);
    if let Value::Object(fields) = &mut value {
        let seen = [
            ("value", evidence.value.is_some()),
            ("status", evidence.status.is_some()),
            ("latency", evidence.latency_ms.is_some()),
        ];
        for (name, _) in seen.iter().filter(|(_, seen)| !seen) {
            fields.remove(*name);
        }
        // Some of what it printed is not kept.
        if evidence.is_cut() {
            fields.remove("stdout");
            fields.remove("stderr");
        }
    }
    value
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
    if let (Value::Object(fields), Some(last)) = (&mut value, evidence.each.last()) {
        let mut commands = vec![Value::Null; last.index + 1];
        for one in &evidence.each {
            if let Some(command) = commands.get_mut(one.index) {
                *command = seen_value(&one.seen);
            }
        }
        fields.insert("commands".to_owned(), Value::Array(commands));
    }
    if let (Value::Object(fields), Some(outcome)) = (&mut value, outcome) {
        fields.insert("outcome".to_owned(), json!(outcome));
    }
    value
}

/// Whether a condition refers to a name, by what it references and not by its letters.
pub(super) fn names(source: &str, name: &str) -> bool {
    bounded(source).is_ok()
        && on_deep_stack(|| {
            compiled(source).is_ok_and(|program| program.references().variables().contains(&name))
        })
        .unwrap_or(false)
}

/// The names that conditions over this runbook may use, besides probes.
pub const EVIDENCE_NAMES: [&str; 13] = [
    "exit", "stdout", "stderr", "rows", "value", "tag", "notices", "status", "headers", "json",
    "latency", "elapsed", "commands",
];

/// Judges one condition.
pub fn judge(text: &str, source: &str, scope: &Scope) -> Judgement {
    let (verdict, explanation) = match bounded(source) {
        Err(error) => (Verdict::Inconclusive, error.message),
        Ok(()) => on_deep_stack(|| evaluate(source, scope))
            .unwrap_or_else(|reason| (Verdict::Inconclusive, reason)),
    };
    Judgement {
        text: if text.is_empty() { source } else { text }.to_owned(),
        cel: Some(source.to_owned()),
        verdict,
        explanation,
    }
}

fn evaluate(source: &str, scope: &Scope) -> (Verdict, String) {
    let program = match compiled(source) {
        Ok(program) => program,
        Err(error) => return (Verdict::Inconclusive, format!("not a condition: {error}")),
    };
    for name in program.references().variables() {
        if let Some(why) = scope.pending.get(name)
            && !scope.values.contains_key(name)
        {
            return (Verdict::Inconclusive, format!("`{name}`: {why}"));
        }
    }
    let mut context = Context::default();
    // What it does not name may be large: rows and output of every block.
    let named = |(name, _): &(&String, &Value)| source.contains(name.as_str());
    for (name, value) in scope.values.iter().filter(named) {
        context.add_variable_from_value(name.clone(), to_cel(value));
    }
    let proven = cut::proven(program.expression(), &scope.cut);
    match program.execute(&context) {
        Ok(Cel::Bool(holds)) if !(if holds { proven.pass } else { proven.fail }) => {
            (Verdict::Inconclusive, NOT_WHOLE.to_owned())
        }
        Ok(Cel::Bool(true)) => (Verdict::Pass, sides(source, &context)),
        Ok(Cel::Bool(false)) => (Verdict::Fail, why_false(source, &context)),
        Ok(other) => (
            Verdict::Inconclusive,
            format!("the condition gives {}, not true or false", show(&other)),
        ),
        Err(error) => {
            if let Some(missing) = unmeasured(source, &context) {
                return (Verdict::Inconclusive, missing);
            }
            let values = sides(source, &context);
            let separator = if values.is_empty() { "" } else { "; " };
            (
                Verdict::Inconclusive,
                format!("{}{separator}{values}", first_line(&error.to_string())),
            )
        }
    }
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

#[allow(clippy::expect_used)]
pub(super) fn pattern(source: &str) -> Regex {
    crate::text::pattern::compile(source).expect("a pattern of this file compiles")
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
    use crate::runbook::Runbook;

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
    fn of_what_was_not_measured_it_is_said_what_would_measure_it() {
        let judgement = judge("", "rows[0].status == 404 && value == 3", &scope());
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(
            judgement.explanation,
            "`rows[0].status` was not measured; `curl -i` prints the status"
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

    /// What is said of a condition that is false.
    fn false_because(source: &str) -> String {
        let scope = Scope::default().with_evidence(&Evidence {
            exit: Some(1),
            value: Some(json!(3)),
            stdout: "x".repeat(100_000),
            latency_ms: Some(310),
            tag: Some("UPDATE 3".to_owned()),
            rows: (0..5)
                .map(|n| {
                    BTreeMap::from([("n".to_owned(), json!(n)), ("id".to_owned(), json!("a"))])
                })
                .collect(),
            ..Evidence::default()
        });
        let judgement = judge("", source, &scope);
        assert_eq!(
            judgement.verdict,
            Verdict::Fail,
            "{source}: {}",
            judgement.explanation
        );
        judgement.explanation
    }

    #[test]
    fn a_false_condition_says_which_part_is_false_and_both_values() {
        for (source, explanation) in [
            ("exit == 0", "exit is 1"),
            ("value == exit", "value is 3, exit is 1"),
            (
                "rows == 0 && value == 3",
                "`rows == 0` is false: rows is a list of 5: ",
            ),
            (
                "value == 3 && latency < 200ms",
                "`latency < 200ms` is false: latency is 310ms",
            ),
            (
                "exit == 0 && latency < 200ms",
                "`exit == 0` is false: exit is 1; `latency < 200ms` is false: latency is 310ms",
            ),
            (
                "(exit == 0 || value > 9) && value == 3",
                "`(exit == 0 || value > 9)` is false: `exit == 0` is false: exit is 1; `value > 9` is false: value is 3",
            ),
            ("size(rows) < 2", "size(rows) is 5"),
            ("rows[4].n == exit", "rows[4].n is 4, exit is 1"),
            (
                "rows.all(row, row.n < 2)",
                "`row.n < 2` is false for rows[2]: row.n is 2",
            ),
            (
                "!rows.exists(row, row.n == 3)",
                "`row.n == 3` is true for rows[3]: row.n is 3",
            ),
            (
                "rows.exists(row, row.n > 8)",
                "`row.n > 8` is false for all 5 of rows",
            ),
            ("tag.startsWith('DELETE')", "tag is \"UPDATE 3\""),
            ("tag in ['a', 'b']", "tag is \"UPDATE 3\""),
            (
                "rows.map(r, r.n) == [1]",
                "rows.map(r, r.n) is a list of 5: [0, 1, 2, …]",
            ),
            ("rows[0] == rows[1]", "rows[0] is {"),
        ] {
            let said = false_because(source);
            assert!(said.starts_with(explanation), "{source}: {said}");
        }
        assert!(
            false_because("stdout == 'y'").chars().count() < 100,
            "a long output is cut"
        );
    }

    #[test]
    fn rows_may_be_compared_with_their_number() {
        assert_eq!(judge("", "rows == 1", &scope()).verdict, Verdict::Pass);
        assert_eq!(judge("", "rows > 1", &scope()).verdict, Verdict::Fail);
        assert_eq!(
            judge("", "rows[0].n == 1.5", &scope()).verdict,
            Verdict::Pass
        );
        assert_eq!(
            judge("", "value == 3 && rows != 0", &scope()).verdict,
            Verdict::Pass
        );
    }
}
