//! Secret values, read from where the environment says they are, when they are first needed. They
//! live in this process's memory only, and whatever goes into the journal is redacted by them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::run::{Command, Input, PairingAct, Refusal, RunState};
use crate::runbook::config::SecretSource;
use crate::text::redact::Redactor;
use crate::text::scrub::scrub_line;

/// A command that gives a secret may take this long (a password manager may ask the network).
const COMMAND_PATIENCE: Duration = Duration::from_secs(15);

/// A file larger than this holds no secret.
const LARGEST_FILE: u64 = 1 << 20;

#[derive(Debug, Default)]
pub struct Secrets {
    /// Value and the source it was read from, by name.
    known: BTreeMap<String, (SecretSource, String)>,
    /// Values of sources that somebody has replaced: still to be kept out of sight.
    former: Vec<String>,
    /// Where relative files and commands start.
    directory: PathBuf,
}

impl Secrets {
    pub fn new(directory: PathBuf) -> Self {
        Self {
            known: BTreeMap::new(),
            former: Vec::new(),
            directory,
        }
    }

    /// The value of a secret.
    ///
    /// # Errors
    /// Why there is none and what to fix; it holds no value.
    pub async fn resolve(&mut self, name: &str, source: &SecretSource) -> Result<String, String> {
        if let Some((known, value)) = self.known.get(name)
            && known == source
        {
            return Ok(value.clone());
        }
        let value = self
            .read(source)
            .await
            .map_err(|reason| format!("no value for the secret `{name}`: {reason}"))?;
        if value.is_empty() {
            return Err(format!("no value for the secret `{name}`: it is empty"));
        }
        let known = (source.clone(), value.clone());
        let replaced = self.known.insert(name.to_owned(), known);
        self.former.extend(replaced.map(|(_, value)| value));
        Ok(value)
    }

    /// Whether an input can be what somebody gives it: no secret stands in a value, and a variable or
    /// file that a secret is to come from is there. A command is not run before it is needed.
    pub(super) async fn check(
        &mut self,
        state: &RunState,
        command: &Command,
    ) -> Result<(), Refusal> {
        let Command::SetInput { name, input } = command else {
            return Ok(());
        };
        match input {
            Input::Value(value) => {
                let redactor = Redactor::new(self.values());
                if redactor.redact_text(value) != *value {
                    return Err(Refusal::new(
                        format!("the value for `{name}` holds a secret"),
                        "say where it comes from instead: name its source in `gonogo.toml`",
                    ));
                }
            }
            Input::Secret(SecretSource::Command(_)) => {}
            Input::Secret(source) => {
                if state.inputs.get(name) != Some(input) {
                    self.resolve(name, source).await.map_err(|reason| {
                        Refusal::new(reason, "name another place, or leave it open")
                    })?;
                }
            }
        }
        Ok(())
    }

    async fn read(&self, source: &SecretSource) -> Result<String, String> {
        match source {
            SecretSource::Env(variable) => std::env::var(variable).map_err(|_| {
                if looks_like_a_variable(variable) {
                    unset(variable)
                } else {
                    // Whoever types the secret itself here does not want to read it on the screen.
                    "what was given is not the name of an environment variable that is set; \
                     a secret's value cannot be typed"
                        .to_owned()
                }
            }),
            SecretSource::File(path) => {
                let path = self.directory.join(path);
                let found = tokio::fs::metadata(&path).await;
                if found.is_ok_and(|found| !found.is_file() || found.len() > LARGEST_FILE) {
                    return Err(format!(
                        "`{}` is not a file of at most 1 MiB",
                        path.display()
                    ));
                }
                tokio::fs::read_to_string(&path)
                    .await
                    .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                    .map_err(|error| format!("cannot read `{}`: {error}", path.display()))
            }
            SecretSource::Command(command) => {
                let output = tokio::process::Command::new("sh")
                    .args(["-c", command])
                    .current_dir(&self.directory)
                    .stdin(std::process::Stdio::null())
                    .kill_on_drop(true)
                    .output();
                let output = tokio::time::timeout(COMMAND_PATIENCE, output)
                    .await
                    .map_err(|_| format!("`{command}` took longer than 15 s"))?
                    .map_err(|error| format!("cannot start `{command}`: {error}"))?;
                if !output.status.success() {
                    return Err(format!("`{command}` ended with {}", output.status));
                }
                String::from_utf8(output.stdout)
                    .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                    .map_err(|_| format!("`{command}` printed bytes that are no text"))
            }
        }
    }

    /// Reads what can be had without running anything, so that it is masked in what is shown.
    pub(super) async fn resolve_what_is_at_hand(&mut self, state: &RunState) {
        for (name, input) in &state.inputs {
            if let Input::Secret(source @ (SecretSource::Env(_) | SecretSource::File(_))) = input
                && let Err(reason) = self.resolve(name, source).await
            {
                tracing::debug!(%reason, "not masked in what is shown");
            }
        }
    }

    /// Values to mask that no step is given.
    pub(super) fn learn(&mut self, values: Vec<String>) {
        self.former.extend(values);
    }

    /// Every value known so far.
    pub(super) fn values(&self) -> Vec<String> {
        self.known
            .values()
            .map(|(_, value)| value)
            .chain(&self.former)
            .cloned()
            .collect()
    }

    /// The command with every secret in its free text replaced.
    pub(super) fn redacted(&self, command: Command) -> Command {
        let redactor = Redactor::new(self.values());
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
            Command::Start {
                action,
                hash,
                typed,
                reason,
                included,
            } => Command::Start {
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
            Command::Alerted {
                action,
                attempt,
                pattern,
                line,
                text,
                count,
            } => Command::Alerted {
                text: clean(text),
                action,
                attempt,
                pattern,
                line,
                count,
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
/// Written as the names of environment variables are: a value that was typed in their place is not.
fn looks_like_a_variable(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}

/// What to do about a variable that is not set. The environment of this process is that of whoever
/// started it: a client that has the variable changes nothing.
fn unset(variable: &str) -> String {
    format!(
        "the environment variable `{variable}` is not set where this supervisor was started: \
         `export {variable}=…`, `kill {}` (the run stays), `gonogo attach`",
        std::process::id()
    )
}

#[cfg(test)]
mod tests {
    use super::unset;

    #[test]
    fn a_variable_that_is_not_set_is_told_with_the_whole_way_out() {
        let told = unset("SHOP_PASSWORD");
        let kill = format!("`kill {}`", std::process::id());
        for part in [
            "`SHOP_PASSWORD`",
            "`export SHOP_PASSWORD=…`",
            &kill,
            "`gonogo attach`",
        ] {
            assert!(told.contains(part), "{told}");
        }
    }
}
