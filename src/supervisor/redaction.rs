//! What people write is free of secrets and of control sequences before it goes anywhere.

use super::secrets::Secrets;
use crate::run::{Command, Observation, PairingAct};
use crate::text::scrub::scrub_line;

impl Secrets {
    /// The command with every secret in its free text replaced.
    pub(super) fn redacted(&self, command: Command) -> Command {
        let redactor = self.redactor();
        let clean = |text: String| redactor.redact_text(&scrubbed(&text));
        match command {
            Command::Tick {
                step,
                index,
                value,
                note,
            } => Command::Tick {
                step,
                index,
                value: value.map(clean),
                note: note.map(clean),
            },
            Command::Skip {
                step,
                reason,
                action,
            } => Command::Skip {
                step,
                reason: clean(reason),
                action,
            },
            Command::Judge {
                phase,
                line,
                holds,
                note,
            } => Command::Judge {
                phase,
                line,
                holds,
                note: note.map(clean),
            },
            Command::Gate {
                phase,
                decision,
                reason,
            } => Command::Gate {
                phase,
                decision,
                reason: reason.map(clean),
            },
            Command::EndTransaction {
                action,
                attempt,
                commit,
                typed,
                reason,
            } => Command::EndTransaction {
                action,
                attempt,
                commit,
                typed,
                reason: reason.map(clean),
            },
            Command::Note { text, step } => Command::Note {
                text: clean(text),
                step: step.map(clean),
            },
            Command::TakeTarget {
                target,
                typed,
                reason,
            } => Command::TakeTarget {
                target,
                typed,
                reason: clean(reason),
            },
            Command::AcceptTarget {
                target,
                seen,
                typed,
                reason,
            } => Command::AcceptTarget {
                target,
                seen,
                typed,
                reason: clean(reason),
            },
            Command::Start {
                from,
                action,
                hash,
                typed,
                reason,
                included,
            } => Command::Start {
                from,
                included,
                action,
                hash,
                typed,
                reason: reason.map(clean),
            },
            Command::Rollback {
                option,
                hash,
                typed,
                reason,
                included,
            } => Command::Rollback {
                included,
                option,
                hash,
                typed,
                reason: reason.map(clean),
            },
            Command::Resolve {
                action,
                outcome,
                reason,
            } => Command::Resolve {
                action,
                outcome,
                reason: clean(reason),
            },
            Command::Acknowledge { alert, note } => Command::Acknowledge {
                alert,
                note: clean(note),
            },
            Command::Abandon { reason } => Command::Abandon {
                reason: clean(reason),
            },
            Command::Pairing { act } => Command::Pairing {
                act: pairing(act, clean),
            },
            other => other,
        }
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

/// What people write to each other, and whom they name.
fn pairing(act: PairingAct, clean: impl Fn(String) -> String) -> PairingAct {
    match act {
        PairingAct::Offer { to } => PairingAct::Offer { to: to.map(clean) },
        PairingAct::Allow { whom } => PairingAct::Allow { whom: clean(whom) },
        PairingAct::Demand { reason, to_go_back } => PairingAct::Demand {
            reason: clean(reason),
            to_go_back,
        },
        PairingAct::RaiseHand { about } => PairingAct::RaiseHand {
            about: about.map(clean),
        },
        PairingAct::Object { reason } => PairingAct::Object {
            reason: clean(reason),
        },
        other => other,
    }
}
