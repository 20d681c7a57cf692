//! What is put around statements that queue for a strong lock: a `lock_timeout`, so that nobody is held up
//! behind them for long, and further tries. The preview shows it, a person may switch it off, and the
//! executor does what was shown.

use serde::{Deserialize, Serialize};

use super::commands::CommandText;
use super::{ActionId, RunState, Timestamp};
use crate::runbook::{Actor, LockTries, Transaction, lock_tries};

/// As the server prints it: its answer is compared.
pub const LOCK_TIMEOUT: &str = "5s";
/// Seconds between one try and the next.
pub const LOCK_PAUSES_S: [u64; 5] = [2, 4, 8, 16, 30];

/// What is proposed for an action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockTimeout {
    pub on: bool,
    /// The commands around which it is put, by their index, where it is on.
    pub around: Vec<usize>,
    /// Why it is not put there at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

impl LockTimeout {
    fn not(why: String) -> Option<Self> {
        Some(Self {
            why_not: Some(why),
            ..Self::default()
        })
    }

    /// A person decides whether it is put there.
    pub fn is_offered(&self) -> bool {
        !self.around.is_empty()
    }

    pub fn is_around(&self, index: usize) -> bool {
        self.around.contains(&index)
    }

    /// The statement before a command.
    pub fn before() -> String {
        format!("SET lock_timeout = '{LOCK_TIMEOUT}';")
    }

    /// The statement behind it.
    pub const AFTER: &str = "RESET lock_timeout;";
}

/// One wait of a command for a lock that it did not get in time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockWait {
    /// Which one of the command, counted from 1.
    pub number: u32,
    pub at: Timestamp,
    pub waited_ms: u64,
    /// Seconds until it is tried again; `None`: it is not.
    pub pause_s: Option<u64>,
    /// The sessions that were seen to wait behind it, as they are named elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_up: Vec<String>,
}

impl LockWait {
    /// All waits of a command, in words; `None` where it had none.
    pub fn words(waits: &[Self]) -> Option<String> {
        let last = waits.last()?;
        let waited: u64 = waits.iter().map(|wait| wait.waited_ms).sum();
        let tries = match waits.len() {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let mut words = format!(
            "got no lock {tries}, waited {:.1} s for it",
            waited as f64 / 1e3
        );
        let mut held_up: Vec<&str> = waits
            .iter()
            .flat_map(|wait| &wait.held_up)
            .map(String::as_str)
            .collect();
        held_up.sort_unstable();
        held_up.dedup();
        match held_up.as_slice() {
            [] => words.push_str(", nobody was seen to wait behind it"),
            [one] => words.push_str(&format!(", held up {one}")),
            [one, more @ ..] => {
                words.push_str(&format!(", held up {one} and {} more", more.len()));
            }
        }
        if last.pause_s.is_none() {
            words.push_str(", was not tried again");
        }
        Some(words)
    }
}

/// What is put around these commands of an action; they are told.
pub(super) fn put(
    state: &RunState,
    action: ActionId,
    actor: Actor,
    script: &str,
    commands: &mut [CommandText],
) -> Option<LockTimeout> {
    let block = state.runbook.block(action.block)?;
    let step = state.step_of(action);
    // Who rolls back waits for what is in the way, and is held up by nothing.
    let goes_back = step.is_some_and(|step| state.runbook.is_of_rollback(&step.id));
    if goes_back || block.is_repeated() || block.is_watch() {
        return None;
    }
    if actor == Actor::Shell {
        return match in_shell(script) {
            true => LockTimeout::not(
                "its psql is started by the shell: set lock_timeout there, or in the file"
                    .to_owned(),
            ),
            false => None,
        };
    }
    if actor != Actor::Sql {
        return None;
    }
    let texts: Vec<&str> = commands.iter().map(|one| one.text.as_str()).collect();
    let is_one = block.attributes.txn == Some(Transaction::One);
    match lock_tries(&texts, is_one) {
        LockTries::Nothing => None,
        LockTries::Own => LockTimeout::not("the guide sets lock_timeout itself".to_owned()),
        LockTries::Unclear(name) => {
            LockTimeout::not(format!("`{name}` may change what the session is"))
        }
        LockTries::Around(around) => {
            let known = state.action(action).and_then(|known| known.lock_timeout);
            let on = known.unwrap_or(true);
            let indices: Vec<usize> = commands.iter().map(|one| one.index).collect();
            let mut put = LockTimeout {
                on,
                ..LockTimeout::default()
            };
            for (at, lock) in around {
                let Some(command) = commands.get_mut(at) else {
                    continue;
                };
                put.around.push(command.index);
                let again_from = lock.again_from.and_then(|at| indices.get(at)).copied();
                command.lock = on.then_some(crate::runbook::LockTry { again_from });
            }
            Some(put)
        }
    }
}

/// A psql of a shell gets SQL that queues for a strong lock.
fn in_shell(script: &str) -> bool {
    let sql = crate::runbook::sql_in(script);
    let read = crate::runbook::syntax::read_sql(&sql);
    let texts: Vec<&str> = read
        .statements()
        .map(|statement| read.text(statement.span))
        .collect();
    !matches!(
        lock_tries(&texts, false),
        LockTries::Nothing | LockTries::Own
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_waits_of_a_command_are_told_in_one_sentence() {
        let wait = |number, pause_s, held_up: &[&str]| LockWait {
            number,
            waited_ms: 5_000,
            pause_s,
            held_up: held_up.iter().map(|who| (*who).to_owned()).collect(),
            ..LockWait::default()
        };
        assert_eq!(LockWait::words(&[]), None);
        let two = [
            wait(1, Some(2), &["7 shop"]),
            wait(2, None, &["7 shop", "9 app"]),
        ];
        assert_eq!(
            LockWait::words(&two).unwrap(),
            "got no lock 2 times, waited 10.0 s for it, held up 7 shop and 1 more, was not tried again"
        );
        assert_eq!(
            LockWait::words(
                &two[..0]
                    .iter()
                    .chain(&[wait(1, Some(2), &[])])
                    .cloned()
                    .collect::<Vec<_>>()
            )
            .unwrap(),
            "got no lock once, waited 5.0 s for it, nobody was seen to wait behind it"
        );
    }
}
