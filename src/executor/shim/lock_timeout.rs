//! A statement that queues for a strong lock is given a `lock_timeout` in the session that runs it, and the
//! server is asked whether it has it. How it ended psql says by its SQLSTATE and not by its own end, so that
//! the session lives on and the statement can be tried again.

use std::time::Duration;

use chrono::Utc;
use tokio::time::Instant;

use super::course::Course;
use super::output::Spool;
use crate::run::{LOCK_PAUSES_S, LOCK_TIMEOUT, LockTimeout, LockWait};

const GOOD: &str = "00000";
/// `lock_not_available`.
const NO_LOCK: &str = "55P03";
/// Without a limit.
const NONE: &str = "0";

#[derive(Default)]
pub(super) struct LockTimeouts {
    /// What the session had at first.
    found: Option<String>,
    asked: Asked,
    /// It was set, and not yet taken back.
    is_set: bool,
    /// Where what was tried last begins again, and how often it was.
    tried: (usize, u32),
}

#[derive(Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    Found,
    Set,
    /// The next command may be sent.
    Ready,
}

/// How a statement ended.
pub(super) enum Heard {
    Good,
    Failed,
    Again { at: Instant, rolls_back: bool },
}

impl LockTimeouts {
    /// What psql is to be told before a statement that queues; `None` once it is ready for it.
    pub(super) fn prepare(&mut self, word: &str) -> Option<String> {
        let shown =
            format!("SHOW lock_timeout \\gset gonogo_\n\\echo {word}:gonogo_lock_timeout.\n");
        if self.found.is_none() {
            self.asked = Asked::Found;
            return Some(shown);
        }
        if self.asked == Asked::Ready || self.found.as_deref() != Some(NONE) {
            return None;
        }
        self.asked = Asked::Set;
        let set = LockTimeout::before();
        Some(format!("{}{shown}", quiet(&set)))
    }

    /// What the server says that the session has.
    pub(super) fn told(&mut self, answer: &str, spool: &mut Spool) {
        let answer = answer.trim_end_matches('.');
        match std::mem::take(&mut self.asked) {
            Asked::Found => {
                if answer != NONE {
                    spool.note(&format!(
                        "lock_timeout is {answer} in this session already: it stays so"
                    ));
                }
                self.found = Some(answer.to_owned());
            }
            Asked::Set => {
                self.asked = Asked::Ready;
                self.is_set = answer == LOCK_TIMEOUT;
                let said = match self.is_set {
                    true => format!("lock_timeout is {answer} for the next statement"),
                    false => format!("lock_timeout cannot be set here: the server says {answer}"),
                };
                spool.note(&said);
            }
            Asked::Nothing | Asked::Ready => {}
        }
    }

    /// What stands before a command: nothing of ours is left for one that is not meant, and psql is kept
    /// from ending at an error of one that is.
    pub(super) fn before(&mut self, is_meant: bool) -> String {
        self.asked = Asked::Nothing;
        if is_meant {
            return "\\set gonogo_stop :ON_ERROR_STOP\n\\set ON_ERROR_STOP off\n".to_owned();
        }
        match std::mem::take(&mut self.is_set) {
            true => quiet(LockTimeout::AFTER),
            false => String::new(),
        }
    }

    /// What stands behind one that is meant, on its last line.
    pub(super) fn behind(word: &str) -> String {
        format!("\\set ON_ERROR_STOP :gonogo_stop\n\\echo {word}:SQLSTATE.\n")
    }

    /// The command under way has ended so.
    pub(super) fn ended(
        &mut self,
        state: &str,
        now: Instant,
        course: &mut Course,
        spool: &mut Spool,
    ) -> Heard {
        let state = state.trim_end_matches('.');
        if state == GOOD {
            return Heard::Good;
        }
        let Some((command, sent_at)) = course.current().filter(|_| state == NO_LOCK) else {
            return Heard::Failed;
        };
        let (index, line) = (command.index, command.line);
        let again_from = command.lock.and_then(|lock| lock.again_from);
        // Two statements of a transaction that fail in turn have their tries in common.
        let from = again_from.unwrap_or(index);
        let tried = match self.tried {
            (known, times) if known == from => times,
            _ => 0,
        };
        self.tried = (from, tried + 1);
        let pause = LOCK_PAUSES_S.get(usize::try_from(tried).unwrap_or(usize::MAX));
        let pause = pause.copied().filter(|_| again_from.is_some());
        let waited = now.saturating_duration_since(sent_at);
        let wait = LockWait {
            number: 0,
            at: Utc::now(),
            waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
            pause_s: pause,
            held_up: Vec::new(),
        };
        let seconds = wait.waited_ms as f64 / 1e3;
        let rolls_back = again_from.is_some_and(|from| from < index);
        let goes_on = match (pause, again_from, rolls_back) {
            (Some(pause), ..) if rolls_back => {
                format!("its transaction is rolled back, and begun again in {pause} s")
            }
            (Some(pause), ..) => format!("tried again in {pause} s"),
            (None, Some(_), _) => "not tried again".to_owned(),
            (None, None, _) => {
                "not tried again: a rollback does not take back all that ran before it".to_owned()
            }
        };
        spool.note(&format!(
            "line {line} got no lock in {seconds:.1} s (try {} of {}): {goes_on}",
            tried + 1,
            LOCK_PAUSES_S.len() + 1
        ));
        course.waited(wait, spool);
        match pause {
            Some(pause) => Heard::Again {
                at: now + Duration::from_secs(pause),
                rolls_back,
            },
            None => Heard::Failed,
        }
    }
}

/// A statement without its tag in the output, whatever the guide wants of tags.
pub(super) fn quiet(statement: &str) -> String {
    format!("\\set gonogo_quiet :QUIET\n\\set QUIET on\n{statement}\n\\set QUIET :gonogo_quiet\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::CommandText;
    use crate::runbook::LockTry;

    #[test]
    fn statements_of_a_transaction_have_their_tries_and_each_its_own_waits() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(folder.path(), Vec::new()).unwrap();
        let commands: Vec<CommandText> = (0..3)
            .map(|index| CommandText {
                lock: (index > 0).then_some(LockTry {
                    again_from: Some(0),
                }),
                ..CommandText::new(index, index + 1, "LOCK TABLE t;")
            })
            .collect();
        let mut course = Course::new(&commands, false);
        let mut locks = LockTimeouts::default();
        let now = Instant::now();
        let mut tries = 0;
        // The third waits first, then the second and the third in turn.
        for failing in [2, 1].into_iter().cycle().take(20) {
            while let Some(command) = course.begin(&mut spool) {
                if command.index == failing {
                    break;
                }
                course.told(now, 0, Vec::new());
                course.conclude(&mut spool, None);
            }
            tries += 1;
            match locks.ended(NO_LOCK, now, &mut course, &mut spool) {
                Heard::Again { .. } => course.go_back_to(0),
                Heard::Failed => break,
                Heard::Good => panic!("it got no lock"),
            }
        }
        let waits = course.into_runs();
        let waits: Vec<_> = waits
            .iter()
            .map(|run| (run.index, run.waits.len()))
            .collect();
        let expected = vec![(0, 0), (1, 3), (2, 3)];
        assert_eq!((tries, waits), (LOCK_PAUSES_S.len() + 1, expected));
    }
}
