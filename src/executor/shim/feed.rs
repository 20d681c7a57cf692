//! How the program of an action is fed its commands, one at a time: bash by a pipe from which it reads
//! its script, psql by its input. Bytes are written as fast as they are taken, and never block.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use tokio::net::unix::pipe;
use tokio::time::Instant;

use super::course::Course;
use super::output::{Spool, Stream};
use super::prepare::SCRIPT_PIPE;
use super::psql::{Psql, Sent, Session};
use super::reading::{Reader, read_turn, reader};
use super::report::{Dump, Reports};
use super::shell::Script;
use crate::executor::ShellHanded;
use crate::executor::channel::open_fifo;

/// The pipe by which bash reports, in the directory of the attempt.
pub(in crate::executor) const REPORT_PIPE: &str = "report";

pub(super) struct Feed {
    program: Program,
    /// `None` once there is nothing more to say.
    input: Option<pipe::Sender>,
    pending: VecDeque<u8>,
    /// No further byte comes: the input is closed behind what is pending.
    closing: bool,
}

enum Program {
    Bash(Box<Bash>),
    Psql(Psql),
}

/// A bash, and what it has said of itself.
struct Bash {
    script: Script,
    report: Reader,
    reports: Reports,
    /// It has come up and waits for a command.
    is_ready: bool,
    /// It never did.
    failure: Option<String>,
    /// What it held at first, before the last command, and behind it.
    held: [Option<Dump>; 3],
}

/// What the shell held: at first, before the command that was begun last, and now.
pub(super) struct Held {
    pub(super) first: Dump,
    pub(super) before: Option<Dump>,
    pub(super) now: Option<Dump>,
}

impl Feed {
    /// Makes the pipes of a bash and writes what comes before its first command.
    pub(super) fn bash(directory: &Path, word: &str, handed: &ShellHanded) -> io::Result<Self> {
        let path = directory.join(REPORT_PIPE);
        let report = open_fifo(&path)?;
        let mut script = Script::new(directory, &path, word)?;
        let input = open_fifo(&directory.join(SCRIPT_PIPE))?;
        let mut feed = Self {
            input: Some(pipe::Sender::from_owned_fd_unchecked(input)?),
            pending: script.prelude(handed).into(),
            closing: false,
            program: Program::Bash(Box::new(Bash {
                script,
                report: Some(reader(report)?),
                reports: Reports::new(word),
                is_ready: false,
                failure: None,
                held: [None, None, None],
            })),
        };
        feed.write();
        Ok(feed)
    }

    pub(super) fn psql(
        directory: &Path,
        word: &str,
        input: OwnedFd,
        session: Session,
    ) -> io::Result<Self> {
        Ok(Self {
            input: Some(pipe::Sender::from_owned_fd(input)?),
            pending: VecDeque::new(),
            closing: false,
            program: Program::Psql(Psql::new(directory, word, session)),
        })
    }

    /// Its session is in the database that was confirmed.
    pub(super) fn proved(&mut self) {
        if let Program::Psql(psql) = &mut self.program {
            psql.proved();
        }
    }

    /// It is not, or nobody knows: psql finds the end of its input, and has been sent nothing.
    pub(super) fn refuse(&mut self, why: String, course: &mut Course, spool: &mut Spool) {
        if let Program::Psql(psql) = &mut self.program {
            psql.refuse(why, course, spool);
            self.closing = true;
            self.write();
        }
    }

    /// A shell that has not said that it is there.
    pub(super) fn awaits_shell(&self) -> bool {
        matches!(&self.program, Program::Bash(bash) if !bash.is_ready && bash.failure.is_none())
    }

    /// It will not be there any more: it finds the end of its script, and has been sent no command.
    pub(super) fn never_came_up(&mut self, course: &mut Course, spool: &mut Spool) {
        if let Program::Bash(bash) = &mut self.program {
            let why = "its shell did not start; nothing was run";
            spool.note(why);
            bash.failure = Some(why.to_owned());
            course.stop();
            self.pending.clear();
            self.closing = true;
            self.write();
        }
    }

    /// Nothing of its commands was ever sent.
    pub(super) fn was_refused(&self) -> bool {
        match &self.program {
            Program::Psql(psql) => psql.was_refused(),
            Program::Bash(bash) => bash.failure.is_some(),
        }
    }

    pub(super) async fn writable(&self) -> io::Result<()> {
        match &self.input {
            Some(input) if !self.pending.is_empty() => input.writable().await,
            _ => std::future::pending().await,
        }
    }

    /// Returns when the program may have said something by its own pipe.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match &self.program {
            Program::Bash(bash) => super::reading::readable(&bash.report).await,
            Program::Psql(_) => std::future::pending().await,
        }
    }

    /// Writes what is taken, and closes the input behind the last byte.
    pub(super) fn write(&mut self) {
        while let Some(input) = &self.input {
            let (bytes, _) = self.pending.as_slices();
            if bytes.is_empty() {
                break;
            }
            match input.try_write(bytes) {
                Ok(written) => {
                    self.pending.drain(..written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The program has ended; its exit says the rest.
                Err(_) => self.input = None,
            }
        }
        if self.closing && self.pending.is_empty() {
            self.input = None;
        }
    }

    fn send(&mut self, bytes: impl IntoIterator<Item = u8>) {
        if !self.closing {
            self.pending.extend(bytes);
        }
        self.write();
    }

    /// Hears how the command under way has ended. `answer`: what psql has printed behind the word.
    pub(super) fn hear(&mut self, course: &mut Course, spool: &mut Spool, answer: Option<&str>) {
        let sent = match &mut self.program {
            Program::Bash(bash) => {
                let Bash {
                    script,
                    report,
                    reports,
                    is_ready,
                    held,
                    failure: _,
                } = bash.as_mut();
                let mut ended = Vec::new();
                read_turn(report, |bytes| ended.extend(reports.push(bytes)));
                for mut ended in ended {
                    let dump = ended.dump.take();
                    if std::mem::replace(is_ready, true) {
                        script.ended(&ended);
                        course.told(ended.at, ended.status, ended.parts);
                        held[2] = dump;
                    } else {
                        held[0] = dump;
                    }
                }
                return;
            }
            Program::Psql(psql) => {
                let Some(answer) = answer else { return };
                psql.has_answered(answer, course, spool)
            }
        };
        self.send_to_psql(sent, None);
    }

    /// Begins the next command, where one may begin.
    pub(super) fn begin(&mut self, course: &mut Course, spool: &mut Spool, errors: &mut Stream) {
        match &mut self.program {
            Program::Bash(bash) if bash.is_ready => {
                if course.next().is_none() {
                    return;
                }
                let Some(command) = course.begin(spool) else {
                    return;
                };
                if let Some(now) = bash.held[2].take() {
                    bash.held[1] = Some(now);
                }
                let (text, ahead) = bash.script.command(&command);
                errors.names().is_ahead(ahead);
                self.send(text);
            }
            Program::Bash(_) => {}
            Program::Psql(psql) => {
                let sent = psql.next(course, spool);
                // Behind the last command it needs no more input, and finds the end of it: a quote that
                // is never closed is an error then, and no wait for ever.
                let may_be_again = course
                    .current()
                    .is_some_and(|(one, _)| one.lock.is_some() || one.batches.is_some());
                let is_last =
                    sent.is_some() && course.left() == 0 && !psql.is_open() && !may_be_again;
                self.send_to_psql(sent, Some(errors));
                if is_last && course.is_under_way() {
                    self.closing = true;
                    self.write();
                }
            }
        }
    }

    fn send_to_psql(&mut self, sent: Option<Sent>, errors: Option<&mut Stream>) {
        let Some(Sent { text, ahead }) = sent else {
            return;
        };
        if let (Some(ahead), Some(errors)) = (ahead, errors) {
            errors.names().is_ahead(ahead);
        }
        self.send(text.into_bytes());
        if matches!(&self.program, Program::Psql(psql) if psql.is_given_up()) {
            self.end(0, false);
        }
    }

    /// There is no further command: the program ends, with this where it can be told to. `complete`:
    /// all have run, and succeeded.
    pub(super) fn end(&mut self, code: i32, complete: bool) {
        let text = match &mut self.program {
            Program::Bash(bash) => bash.script.end(code),
            Program::Psql(psql) if complete => psql.commit_all().unwrap_or_default().into(),
            Program::Psql(_) => Vec::new(),
        };
        self.send(text);
        self.closing = true;
        self.write();
    }

    /// Its single transaction was never committed.
    pub(super) fn is_open(&self) -> bool {
        matches!(&self.program, Program::Psql(psql) if psql.is_open())
    }

    pub(super) fn is_held(&self) -> bool {
        matches!(&self.program, Program::Psql(psql) if psql.is_held())
    }

    /// Ends a held transaction without its `COMMIT`.
    pub(super) fn roll_back(&mut self, course: &mut Course, spool: &mut Spool) {
        if let Program::Psql(psql) = &mut self.program {
            let sent = psql.roll_back(course, spool).map(Sent::unnumbered);
            self.send_to_psql(sent, None);
        }
    }

    /// When a command that got no lock is sent again.
    pub(super) fn tries_again_at(&self) -> Option<Instant> {
        match &self.program {
            Program::Psql(psql) => psql.tries_again_at(),
            Program::Bash(_) => None,
        }
    }

    /// Goes back to where a command that got no lock is tried again from, once that is due.
    pub(super) fn try_again(&mut self, now: Instant, course: &mut Course, spool: &mut Spool) {
        if let Program::Psql(psql) = &mut self.program {
            let sent = psql.try_again(now, course, spool);
            self.send_to_psql(sent, None);
        }
    }

    pub(super) fn give_up_trying(&mut self, course: &mut Course) {
        if let Program::Psql(psql) = &mut self.program {
            psql.give_up_trying(course);
        }
    }

    /// A statement failed, and the program was kept from ending by itself.
    pub(super) fn stopped_it(&self) -> bool {
        matches!(&self.program, Program::Psql(psql) if psql.stopped_it())
    }

    /// What somebody decided about a held transaction.
    pub(super) fn release(
        &mut self,
        number: u32,
        commit: bool,
        course: &mut Course,
        spool: &mut Spool,
    ) {
        if let Program::Psql(psql) = &mut self.program {
            let sent = psql.release(number, commit, course, spool);
            self.send_to_psql(sent, None);
        }
    }

    pub(super) fn is_uncommitted(&self) -> bool {
        matches!(&self.program, Program::Psql(psql) if psql.is_uncommitted())
    }

    pub(super) fn failure(&self) -> Option<String> {
        match &self.program {
            Program::Psql(psql) => psql.failure.clone(),
            Program::Bash(bash) => bash.failure.clone(),
        }
    }

    /// What the shell held before the command that has just ended, and what it holds now.
    pub(super) fn changed(&self) -> Option<(&Dump, &Dump)> {
        let Program::Bash(bash) = &self.program else {
            return None;
        };
        let [first, before, now] = &bash.held;
        Some((before.as_ref().or(first.as_ref())?, now.as_ref()?))
    }

    /// What the shell held; `None` where it did not start, or is no shell.
    pub(super) fn held(&mut self) -> Option<Held> {
        let Program::Bash(bash) = &mut self.program else {
            return None;
        };
        let [first, before, now] = std::mem::take(&mut bash.held);
        let first = first?;
        Some(Held { first, before, now })
    }
}

/// Takes the pipes of a bash away.
pub(super) fn remove_pipes(directory: &Path) {
    for name in [SCRIPT_PIPE, REPORT_PIPE] {
        match std::fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                eprintln!("gonogo shim: `{name}` stays: {error}");
            }
            _ => {}
        }
    }
}

/// A word that nobody can guess. For its full stop no line of it is taken for a piece of a secret that
/// goes on in the next.
pub(super) fn word() -> io::Result<String> {
    use std::io::Read;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("gonogo.{}", crate::run::hex(&bytes)))
}
