//! psql's input: nothing before its session has proved which database it is in; then a command, and
//! nothing until psql has done it, which is known by a word that it is asked to print, that nobody can
//! guess, and that is taken out of its output. Before a `COMMIT` that is held nothing is sent until
//! somebody has decided.

use std::path::{Path, PathBuf};

use chrono::Utc;
use tokio::time::Instant;

use super::batches::{self, BatchRun};
use super::course::Course;
use super::lock_timeout::{Heard, LockTimeouts, quiet};
use super::output::Spool;
use crate::executor::waiting::{self, HeldTransaction};
use crate::run::CommandText;

/// What psql ends with where a statement failed under `ON_ERROR_STOP`.
const FAILED: i32 = 3;
const ROLL_BACK: &str = "ROLLBACK;\n";
/// Prints nothing. It fails where the server has gone or has ended the session meanwhile, so that a
/// `COMMIT` is only sent to a server that has just answered.
const IS_SERVER_THERE: &str = "SELECT 1 AS gonogo_held \\gset \\\\ \\echo ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing is sent before psql's session has proved which database it is in.
    Unproved,
    /// Nothing is held.
    Working,
    Held,
    /// Told to commit, and asking first whether the server is still there.
    Checking,
    /// Told to roll back; the rest of the script is not sent.
    GivenUp,
    /// Asked for the `lock_timeout` of the session, or told to set it, before the next command.
    Preparing,
    /// The command under way got no lock, and waits to be sent again.
    Pausing(Instant),
}

/// What the session of an action is like.
pub(super) struct Session {
    /// Which database it is in has to be proved first.
    pub(super) unproved: bool,
    /// It waits for a person before a `COMMIT` that is to be held.
    pub(super) waits: bool,
    /// All of its commands are one transaction, begun before the first.
    pub(super) single_transaction: bool,
}

pub(super) struct Psql {
    directory: PathBuf,
    marker: String,
    place: Place,
    waits: bool,
    /// Its `COMMIT` is still to be sent.
    single_transaction: bool,
    /// Transactions that were held.
    number: u32,
    /// Lines that psql has counted.
    lines: usize,
    locks: LockTimeouts,
    /// The command under way runs in batches.
    batches: Option<Box<BatchRun>>,
    /// A statement failed, and psql was kept from ending by itself.
    failed: bool,
    /// Why it was given up where nobody asked for that.
    pub(super) failure: Option<String>,
}

/// What is to be written to psql.
pub(super) struct Sent {
    pub(super) text: String,
    /// Lines by which psql counts ahead of the guide from here on, where that changes.
    pub(super) ahead: Option<usize>,
}

impl Sent {
    pub(super) fn unnumbered(text: String) -> Self {
        Self { text, ahead: None }
    }
}

impl Psql {
    pub(super) fn new(directory: &Path, marker: &str, session: Session) -> Self {
        Self {
            directory: directory.to_owned(),
            marker: marker.to_owned(),
            place: match session.unproved {
                true => Place::Unproved,
                false => Place::Working,
            },
            waits: session.waits,
            single_transaction: session.single_transaction,
            number: 0,
            lines: 0,
            locks: LockTimeouts::default(),
            batches: None,
            failed: false,
            failure: None,
        }
    }

    /// It is in the database that was confirmed.
    pub(super) fn proved(&mut self) {
        if self.place == Place::Unproved {
            self.place = Place::Working;
        }
    }

    /// It is in another, or nobody knows in which: nothing is ever sent.
    pub(super) fn refuse(&mut self, why: String, course: &mut Course, spool: &mut Spool) {
        if self.place == Place::Unproved {
            spool.note(&why);
            self.failure = Some(why);
            course.stop();
        }
    }

    pub(super) fn was_refused(&self) -> bool {
        self.place == Place::Unproved && self.failure.is_some()
    }

    /// What commits its single transaction, asked once: every command of it has succeeded.
    pub(super) fn commit_all(&mut self) -> Option<&'static str> {
        let commits = std::mem::take(&mut self.single_transaction);
        commits.then_some("\\set QUIET on\nCOMMIT;\n")
    }

    /// All of its commands are a transaction that nobody has committed.
    pub(super) fn is_open(&self) -> bool {
        self.single_transaction
    }

    /// A command is to begin. One that is held is said to be, unless that is decided already.
    pub(super) fn next(&mut self, course: &mut Course, spool: &mut Spool) -> Option<Sent> {
        let command = course.next()?;
        if self.place != Place::Working {
            return None;
        }
        if command.hold && self.waits {
            let line = command.line;
            let rolled_back = self.hold(line, course, spool)?;
            return Some(Sent::unnumbered(rolled_back));
        }
        if command.lock.is_some()
            && let Some(text) = self.locks.prepare(&self.marker)
        {
            self.place = Place::Preparing;
            return Some(self.count(text));
        }
        let command = course.begin(spool)?;
        if let Some(spec) = &command.batches {
            let run = BatchRun::new(spec.as_ref().clone(), &self.marker, &command);
            let opening = run.opening();
            self.batches = Some(Box::new(run));
            return Some(Sent::unnumbered(opening));
        }
        Some(self.send(&command))
    }

    /// What follows a batch, or what it was asked before.
    fn batch_answered(
        &mut self,
        answer: &str,
        course: &mut Course,
        spool: &mut Spool,
    ) -> Option<Sent> {
        let run = self.batches.as_mut()?;
        let next = run.answered(answer, spool, course.is_over());
        self.batch_goes_on(next, course)
    }

    fn batch_goes_on(&mut self, next: batches::Next, course: &mut Course) -> Option<Sent> {
        match next {
            batches::Next::Send(text) => return Some(Sent::unnumbered(text)),
            batches::Next::Wait(sent) => return sent.map(Sent::unnumbered),
            batches::Next::Done => {
                self.batches = None;
                course.told(Instant::now(), 0, Vec::new());
            }
            batches::Next::Failed => self.fail_batches(course),
        }
        None
    }

    fn fail_batches(&mut self, course: &mut Course) {
        if self.batches.take().is_some() {
            self.failed = true;
            course.told(Instant::now(), FAILED, Vec::new());
        }
    }

    /// What stands on lines of its own, of which the guide has none.
    fn count(&mut self, text: String) -> Sent {
        self.lines += text.matches('\n').count();
        Sent::unnumbered(text)
    }

    fn send(&mut self, command: &CommandText) -> Sent {
        let is_asked = command.lock.is_some();
        let mut text = self.locks.before(is_asked);
        let before = self.lines + text.matches('\n').count();
        // psql counts the lines of its input: they are those of the guide as long as it is not ahead.
        let padding = command.line.saturating_sub(before + 1);
        let ahead = (before + 1).saturating_sub(command.line);
        text.push_str(&"\n".repeat(padding));
        text.push_str(&command.text);
        text.push_str(match ends_itself(&command.text) {
            Closed::BySemicolon => " ",
            Closed::ByLine => "\n",
            Closed::No => "\n; ",
        });
        text.push_str(&match is_asked {
            true => LockTimeouts::behind(&self.marker),
            false => format!("\\echo {}\n", self.marker),
        });
        self.lines += text.matches('\n').count();
        Sent {
            text,
            ahead: Some(ahead),
        }
    }

    /// How the command under way has ended that was given a `lock_timeout`.
    fn lock_answered(
        &mut self,
        state: &str,
        course: &mut Course,
        spool: &mut Spool,
    ) -> Option<Sent> {
        let now = Instant::now();
        match self.locks.ended(state, now, course, spool) {
            Heard::Good => course.told(now, 0, Vec::new()),
            Heard::Failed => {
                self.failed = true;
                course.told(now, FAILED, Vec::new());
            }
            Heard::Again { at, rolls_back } => {
                self.place = Place::Pausing(at);
                // Its locks are let go while it waits.
                let is_open = rolls_back || self.single_transaction;
                return is_open.then(|| self.count(quiet("ROLLBACK;")));
            }
        }
        None
    }

    pub(super) fn tries_again_at(&self) -> Option<Instant> {
        match self.place {
            Place::Pausing(at) => Some(at),
            _ => self.batches.as_ref()?.wakes(),
        }
    }

    /// The pause of a command that got no lock is over: what is to be said before its first command.
    pub(super) fn try_again(
        &mut self,
        now: Instant,
        course: &mut Course,
        spool: &mut Spool,
    ) -> Option<Sent> {
        self.tries_again_at().filter(|at| now >= *at)?;
        if let Some(run) = &mut self.batches {
            let next = run.go_on(spool);
            return self.batch_goes_on(next, course);
        }
        self.place = Place::Working;
        let (command, _) = course.current()?;
        let from = command.lock?.again_from?;
        course.go_back_to(from);
        self.single_transaction.then(|| self.count(quiet("BEGIN;")))
    }

    /// It is not tried again: the program is to end.
    pub(super) fn give_up_trying(&mut self, course: &mut Course) {
        if self
            .batches
            .as_ref()
            .is_some_and(|run| run.wakes().is_some())
        {
            self.fail_batches(course);
        } else if self.tries_again_at().is_some() {
            self.place = Place::Working;
            self.failed = true;
            course.told(Instant::now(), FAILED, Vec::new());
        }
    }

    /// It was kept from ending by itself at a statement that failed.
    pub(super) fn stopped_it(&self) -> bool {
        self.failed
    }

    /// Says that it is held; gives what ends the transaction where that cannot be said.
    fn hold(&mut self, line: usize, course: &mut Course, spool: &mut Spool) -> Option<String> {
        self.number += 1;
        self.place = Place::Held;
        spool.note(&format!(
            "held before the COMMIT of line {line}: nothing is committed until somebody decides"
        ));
        // Who is told that it is held finds the look in the spool.
        spool.flush();
        let held = HeldTransaction {
            number: self.number,
            line,
            since: Utc::now(),
            elapsed_ms: spool.elapsed_ms(),
        };
        let error = waiting::write_held(&self.directory, Some(&held)).err()?;
        self.give_up(
            format!("cannot report that it is held: {error}"),
            course,
            spool,
        )
    }

    fn give_up(&mut self, why: String, course: &mut Course, spool: &mut Spool) -> Option<String> {
        spool.note(&why);
        self.failure = Some(why);
        self.roll_back(course, spool)
    }

    /// What somebody decided, as text for psql; said twice, or of another transaction, it does nothing.
    pub(super) fn release(
        &mut self,
        number: u32,
        commit: bool,
        course: &mut Course,
        spool: &mut Spool,
    ) -> Option<Sent> {
        if self.place != Place::Held || number != self.number {
            return None;
        }
        if !commit {
            return self.roll_back(course, spool).map(Sent::unnumbered);
        }
        self.place = Place::Checking;
        self.lines += 1;
        let text = format!("{IS_SERVER_THERE}{}\n", self.marker);
        Some(Sent::unnumbered(text))
    }

    /// psql has printed the word: the command under way is done, or the server is there.
    pub(super) fn has_answered(
        &mut self,
        answer: &str,
        course: &mut Course,
        spool: &mut Spool,
    ) -> Option<Sent> {
        if self.place == Place::Preparing {
            self.place = Place::Working;
            self.locks.told(answer, spool);
            return None;
        }
        if self.batches.is_some() {
            return self.batch_answered(answer, course, spool);
        }
        if self.place != Place::Checking {
            if course
                .current()
                .is_some_and(|(command, _)| command.lock.is_some())
            {
                return self.lock_answered(answer, course, spool);
            }
            course.told(Instant::now(), 0, Vec::new());
            return None;
        }
        // First it is no longer said to be held: from here on nobody knows until psql has answered.
        if let Err(error) = waiting::write_held(&self.directory, None) {
            let why = format!("cannot record that COMMIT is sent: {error}");
            return self.give_up(why, course, spool).map(Sent::unnumbered);
        }
        spool.note("COMMIT is sent");
        self.place = Place::Working;
        let command = course.begin(spool)?;
        Some(self.send(&command))
    }

    /// Ends a held transaction without its `COMMIT`.
    pub(super) fn roll_back(&mut self, course: &mut Course, spool: &mut Spool) -> Option<String> {
        if !self.is_held() {
            return None;
        }
        spool.note("ROLLBACK is sent; the rest of the script is left out");
        self.place = Place::GivenUp;
        course.stop();
        Some(ROLL_BACK.to_owned())
    }

    pub(super) fn is_held(&self) -> bool {
        matches!(self.place, Place::Held | Place::Checking)
    }

    /// Nothing more of the script is sent.
    pub(super) fn is_given_up(&self) -> bool {
        self.place == Place::GivenUp
    }

    /// If the action ends now, its transaction was never committed.
    pub(super) fn is_uncommitted(&self) -> bool {
        matches!(self.place, Place::Held | Place::Checking | Place::GivenUp)
    }
}

enum Closed {
    BySemicolon,
    /// A command of psql, or a statement that one sends: the line ends it.
    ByLine,
    /// psql would send it at the end of its input.
    No,
}

/// How psql knows that a command is whole.
fn ends_itself(text: &str) -> Closed {
    use crate::runbook::syntax::{Ending, Item, SqlScript};
    let script = SqlScript::read(text);
    match script.items().last() {
        Some(Item::Statement(statement)) => match statement.ending {
            Ending::Semicolon if text.ends_with(';') => Closed::BySemicolon,
            Ending::Semicolon | Ending::Sent(_) => Closed::ByLine,
            Ending::Open => Closed::No,
        },
        Some(Item::Meta(_) | Item::Data(_)) => Closed::ByLine,
        None => Closed::ByLine,
    }
}
