//! What people write is free of secrets and of control sequences before it goes anywhere.

use serde_json::Value;

use super::secrets::Secrets;
use crate::run::{Command, Observation, Refusal};
use crate::text::scrub::scrub_line;

impl Secrets {
    /// The command with every secret in its text replaced, whatever fields it has: but for those that are
    /// compared or run as they are. What a person gives to be run is refused where it holds a secret.
    ///
    /// # Errors
    /// It has no form in JSON, which no command lacks.
    pub(super) fn redacted(&self, command: &Command) -> Result<Command, Refusal> {
        let redactor = self.redactor();
        let clean = |text: &str| redactor.redact_text(&scrubbed(text));
        let cleaned = serde_json::to_value(command).and_then(|mut fields| {
            each_text(&mut fields, &clean);
            serde_json::from_value(fields)
        });
        cleaned.map_err(|error| {
            Refusal::new(
                format!("it cannot be looked through for secrets: {error}"),
                "report this as a defect",
            )
        })
    }

    /// What was seen, with every secret in its free text replaced.
    pub(super) fn masked(&self, mut observation: Observation) -> Observation {
        if let Observation::Alerted { text, .. } = &mut observation {
            *text = self.redactor().redact_text(&scrubbed(text));
        }
        observation
    }
}

/// What a person writes may come from another login: no control sequence of theirs is kept.
fn scrubbed(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| scrub_line(line, false)).collect();
    lines.join("\n")
}

/// What names something of the run, or is compared with what was shown, has to stay what it is: `decide`
/// refuses what it does not know.
const NAMES: [&str; 19] = [
    "kind", "act", "decision", "outcome", "actor", "hash", "typed", "step", "phase", "option",
    "group", "name", "target", "seen", "digest", "on", "code", "signal", "key",
];

fn each_text(value: &mut Value, clean: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = clean(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, clean)),
        Value::Object(fields) => fields
            .iter_mut()
            .filter(|(name, field)| !(field.is_string() && NAMES.contains(&name.as_str())))
            .filter(|(name, _)| !matches!(name.as_str(), "input" | "included"))
            .for_each(|(_, field)| each_text(field, clean)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_text_a_command_has_is_cleaned_and_what_it_names_stays() {
        let clean = |text: &str| text.replace("skip", "***");
        let mut fields = serde_json::json!({
            "kind": "skip", "step": "skip", "reason": "skip it", "new": {"word": ["skip"]},
            "input": {"value": "skip"}, "included": {"1": "skip"},
        });
        each_text(&mut fields, &clean);
        let wanted = serde_json::json!({
            "kind": "skip", "step": "skip", "reason": "*** it", "new": {"word": ["***"]},
            "input": {"value": "skip"}, "included": {"1": "skip"},
        });
        assert_eq!(fields, wanted);
    }
}
