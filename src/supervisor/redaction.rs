//! What people write is free of secrets and of control sequences before it goes anywhere.

use serde_json::Value;

use super::secrets::Secrets;
use crate::run::{Command, GuideOnDisk, Input, LockHolder, Observation, Refusal};
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

    /// Why a command is refused that gives something to be kept or run, and holds a secret in it.
    pub(super) fn held_by(&self, command: &Command) -> Option<Refusal> {
        let (text, what) = match command {
            Command::SetInput { name, input } => match input {
                Input::Value(value) => (
                    value.as_str(),
                    format!("the value for `{name}` holds a secret"),
                ),
                Input::Secret(source) => (
                    source.text(),
                    format!("the source of `{name}` holds a secret"),
                ),
            },
            Command::Write { code, .. } | Command::Correct { code, .. } => {
                (code.as_str(), "the command holds a secret".to_owned())
            }
            Command::Bind { code, cel, .. } => {
                let code = code.as_deref().unwrap_or_default();
                let found = [code, cel]
                    .into_iter()
                    .find(|text| self.redactor().redact_text(text) != **text);
                (found?, "the source holds a secret".to_owned())
            }
            _ => return None,
        };
        let masked = self.redactor().redact_text(text);
        (masked != *text).then(|| {
            Refusal::new(
                self.redactor().redact_text(&what),
                "say where it comes from instead: name its source in `gonogo.toml`",
            )
        })
    }

    /// What was seen, with every secret in its free text replaced. What a shim tells is free of them
    /// where it was written.
    pub(super) fn masked(&self, mut observation: Observation) -> Observation {
        let redactor = self.redactor();
        let clean = |text: &mut String| *text = redactor.redact_text(&scrubbed(text));
        // Exhaustive on purpose: whoever adds an observation decides here which words are free.
        match &mut observation {
            Observation::Alerted { text, .. } => clean(text),
            Observation::Finished { reason, .. } => reason.iter_mut().for_each(clean),
            Observation::GuideSeen { state } => match state {
                GuideOnDisk::Unreadable(why) => clean(why),
                GuideOnDisk::Same | GuideOnDisk::Changed(_) | GuideOnDisk::Missing => {}
            },
            Observation::Alarm { text, .. } => text.iter_mut().for_each(clean),
            Observation::SessionAnswered { victim, answer, .. } => {
                clean(&mut victim.who);
                answer.as_mut().err().into_iter().for_each(clean);
            }
            Observation::LockSeen { holder, .. } => {
                if let Some(LockHolder { by, why, .. }) = holder {
                    by.iter_mut().chain(why).for_each(clean);
                }
            }
            Observation::RowsCounted(counted) => {
                let failed = counted
                    .targets
                    .values_mut()
                    .filter_map(|one| one.as_mut().err());
                failed.for_each(clean);
            }
            Observation::Launched { .. }
            | Observation::Progress { .. }
            | Observation::Held { .. }
            | Observation::Sampled { .. }
            | Observation::Identified { .. }
            | Observation::TransactionSeen { .. }
            | Observation::DriverLeft { .. }
            | Observation::DriverReturned
            | Observation::WatcherLeft { .. }
            | Observation::GuestJoined { .. } => {}
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
    use std::collections::BTreeMap;

    use chrono::Utc;

    use super::*;
    use crate::run::tests::{every_command_somewhere, marked};
    use crate::run::{Counted, Facts, SessionSignal, Signalled, Timestamp, Victim, decide};

    const MARKER: &str = "s3cr3t-marker";

    fn secrets() -> Secrets {
        let secrets = Secrets::new("/".into(), None);
        secrets.learn(vec![MARKER.to_owned()]);
        secrets
    }

    #[test]
    fn no_field_of_any_command_brings_a_secret_into_the_journal() {
        let secrets = secrets();
        let mut decided = 0;
        for (state, facts, by, command) in every_command_somewhere() {
            for command in marked(&command, MARKER) {
                let given = secrets.redacted(&command).expect("it has a form");
                let facts = Facts {
                    bad_input: secrets.held_by(&command),
                    ..facts.clone()
                };
                let Ok(events) = decide(&state, &facts, &by, &given, Utc::now()) else {
                    continue;
                };
                decided += 1;
                let events = serde_json::to_string(&events).expect("events have a form");
                assert!(!events.contains(MARKER), "{command:?}: {events}");
            }
        }
        assert!(decided > 10, "{decided}");
    }

    #[test]
    fn no_word_of_the_world_brings_a_secret_into_the_journal() {
        let text = || format!("so said \u{1b}[1m{MARKER}");
        let victim = || Victim {
            pid: 1,
            backend_start_us: 1,
            who: text(),
            ours: false,
        };
        let answered = |answer| Observation::SessionAnswered {
            target: "main".to_owned(),
            signal: SessionSignal::Cancel,
            victim: victim(),
            answer,
        };
        let action = crate::run::ActionId::block(1);
        for seen in [
            Observation::Alerted {
                action,
                attempt: 1,
                pattern: "ERROR".to_owned(),
                line: 1,
                text: text(),
                count: 1,
            },
            Observation::Finished {
                action,
                attempt: 1,
                evidence: None,
                reason: Some(text()),
            },
            Observation::GuideSeen {
                state: GuideOnDisk::Unreadable(text()),
            },
            Observation::Alarm {
                key: "k".to_owned(),
                text: Some(text()),
            },
            answered(Ok(Signalled::Sent)),
            answered(Err(text())),
            Observation::RowsCounted(Box::new(Counted {
                action,
                attempt: 1,
                at: Timestamp::default(),
                tables: Vec::new(),
                targets: BTreeMap::from([("main".to_owned(), Err(text()))]),
            })),
            Observation::LockSeen {
                target: "main".to_owned(),
                holder: Some(LockHolder {
                    by: Some(text()),
                    why: Some(text()),
                    ..LockHolder::default()
                }),
            },
        ] {
            let masked = format!("{:?}", secrets().masked(seen));
            assert!(
                !masked.contains(MARKER) && !masked.contains("u{1b}"),
                "{masked}"
            );
        }
    }

    #[test]
    fn a_source_that_holds_a_secret_is_refused_like_a_value() {
        let set = |text: &str| Command::SetInput {
            name: "TOKEN".to_owned(),
            input: Input::Secret(crate::runbook::config::SecretSource::Command(
                text.to_owned(),
            )),
        };
        assert!(secrets().held_by(&set("pass show token")).is_none());
        let refusal = secrets().held_by(&set(&format!("login {MARKER}")));
        assert!(refusal.is_some_and(|refusal| !refusal.message.contains(MARKER)));
    }

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
