//! psql's input: nothing before its session has proved which database it is in; where a transaction is
//! held, the script up to a `COMMIT`, then nothing until somebody has decided. That psql has done everything before it is known by a word that it is asked to print,
//! which nobody can guess and which is taken out of its output.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use chrono::Utc;
use tokio::net::unix::pipe;

use super::output::{Spool, Stream};
use crate::executor::waiting::{self, HeldTransaction};
use crate::run::HoldPoint;

const ROLL_BACK: &str = "ROLLBACK;\n";
/// Prints nothing. It fails where the server has gone or has ended the session meanwhile, so that a
/// `COMMIT` is only sent to a server that has just answered.
const IS_SERVER_THERE: &str = "SELECT 1 AS gonogo_held \\gset \\\\ \\echo ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing is sent before psql's session has proved which database it is in.
    Unproved,
    /// On its way to a `COMMIT`, or past the last.
    Working,
    Held,
    /// Told to commit, and asking first whether the server is still there.
    Checking,
    /// Told to roll back; the rest of the script is not sent.
    GivenUp,
}

pub(super) struct Feed {
    directory: PathBuf,
    /// The rest of the script: up to each further `COMMIT`, with the line of that; then the last piece.
    pieces: VecDeque<(String, Option<usize>)>,
    /// `None` once there is nothing more to say.
    input: Option<pipe::Sender>,
    pending: VecDeque<u8>,
    /// The line of the `COMMIT` that comes next.
    line: Option<usize>,
    number: u32,
    place: Place,
    marker: String,
    /// Why it was given up where nobody asked for that.
    pub(super) failure: Option<String>,
}

impl Feed {
    /// `input` leads to psql; the first piece of the script waits to be written.
    pub(super) fn new(
        script: &str,
        holds: &[HoldPoint],
        input: OwnedFd,
        directory: &Path,
        out: &mut Stream,
    ) -> io::Result<Self> {
        let marker = marker()?;
        let mut feed = Self {
            directory: directory.to_owned(),
            pieces: pieces(script, holds, &marker)?,
            input: Some(pipe::Sender::from_owned_fd(input)?),
            pending: VecDeque::new(),
            line: None,
            number: 0,
            place: Place::Working,
            marker: String::new(),
            failure: None,
        };
        if !holds.is_empty() {
            out.expect(marker.clone());
        }
        feed.marker = marker;
        feed.next_piece();
        Ok(feed)
    }

    fn next_piece(&mut self) {
        match self.pieces.pop_front() {
            Some((text, line)) => {
                self.pending.extend(text.into_bytes());
                self.line = line;
            }
            None => self.line = None,
        }
    }

    pub(super) fn wait_for_proof(&mut self) {
        self.place = Place::Unproved;
    }

    /// It is the database that was confirmed.
    pub(super) fn proved(&mut self) {
        if self.place == Place::Unproved {
            self.place = Place::Working;
            self.write();
        }
    }

    /// It is not, or nobody knows: psql finds the end of its input, and has been sent nothing.
    pub(super) fn refuse(&mut self, why: String, spool: &mut Spool) {
        if self.place != Place::Unproved {
            return;
        }
        spool.note(&why);
        self.failure = Some(why);
        self.pieces.clear();
        self.pending.clear();
        self.line = None;
        self.input = None;
    }

    /// Nothing of its script was ever sent.
    pub(super) fn was_refused(&self) -> bool {
        self.place == Place::Unproved && self.failure.is_some()
    }

    pub(super) fn is_writing(&self) -> bool {
        self.place != Place::Unproved && self.input.is_some() && !self.pending.is_empty()
    }

    pub(super) async fn writable(&self) -> io::Result<()> {
        match &self.input {
            Some(input) if self.is_writing() => input.writable().await,
            _ => std::future::pending().await,
        }
    }

    /// Writes what psql takes, and closes its input behind the last piece.
    pub(super) fn write(&mut self) {
        if self.place == Place::Unproved {
            return;
        }
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
                // psql has ended, for an error it found; its exit says the rest.
                Err(_) => self.input = None,
            }
        }
        if self.line.is_none() && self.pending.is_empty() {
            self.input = None;
        }
    }

    /// psql has printed the marker: it has done everything before a `COMMIT`. `is_ending`: the action is being ended already.
    pub(super) fn reached(&mut self, spool: &mut Spool, is_ending: bool) {
        if self.place == Place::Checking {
            self.commit(spool);
            return;
        }
        let Some(line) = self.line.filter(|_| self.place == Place::Working) else {
            return;
        };
        self.number += 1;
        self.place = Place::Held;
        if is_ending {
            self.roll_back(spool);
            return;
        }
        spool.note(&format!(
            "held before the COMMIT of line {line}: nothing is committed until somebody says so"
        ));
        // Who is told that it is held finds the look in the spool.
        spool.flush();
        let held = HeldTransaction {
            number: self.number,
            line,
            since: Utc::now(),
            elapsed_ms: spool.elapsed_ms(),
        };
        if let Err(error) = waiting::write_held(&self.directory, Some(&held)) {
            self.give_up(format!("it cannot be said that it is held: {error}"), spool);
        }
    }

    /// What somebody decided; said twice, or of another transaction, it does nothing.
    pub(super) fn release(&mut self, number: u32, commit: bool, spool: &mut Spool) {
        if self.place != Place::Held || number != self.number {
            return;
        }
        if !commit {
            self.roll_back(spool);
            return;
        }
        self.place = Place::Checking;
        let check = format!("{IS_SERVER_THERE}{}\n", self.marker);
        self.pending.extend(check.into_bytes());
        self.write();
    }

    fn commit(&mut self, spool: &mut Spool) {
        // First it is no longer said to be held: from here on nobody knows until psql has answered.
        if let Err(error) = waiting::write_held(&self.directory, None) {
            self.give_up(
                format!("that COMMIT is sent cannot be written down: {error}"),
                spool,
            );
            return;
        }
        spool.note("COMMIT is sent");
        self.place = Place::Working;
        self.next_piece();
        self.write();
    }

    fn give_up(&mut self, why: String, spool: &mut Spool) {
        spool.note(&why);
        self.failure = Some(why);
        self.roll_back(spool);
    }

    /// Ends a held transaction without its `COMMIT`.
    pub(super) fn roll_back(&mut self, spool: &mut Spool) {
        if !self.is_held() {
            return;
        }
        spool.note("ROLLBACK is sent; the rest of the script is left out");
        self.place = Place::GivenUp;
        self.pieces.clear();
        self.line = None;
        self.pending.extend(ROLL_BACK.bytes());
        self.write();
    }

    pub(super) fn is_held(&self) -> bool {
        matches!(self.place, Place::Held | Place::Checking)
    }

    /// If the action ends now, its transaction was never committed.
    pub(super) fn is_uncommitted(&self) -> bool {
        !matches!(self.place, Place::Working | Place::Unproved)
    }
}

/// The script cut before each `COMMIT` at which it is held; psql is asked for the marker there.
fn pieces(
    script: &str,
    holds: &[HoldPoint],
    marker: &str,
) -> io::Result<VecDeque<(String, Option<usize>)>> {
    let cut = |from, to| {
        script
            .get(from..to)
            .ok_or_else(|| io::Error::other("the script cannot be cut before its COMMIT"))
    };
    let mut pieces = VecDeque::new();
    let mut from = 0;
    for hold in holds {
        let piece = cut(from, hold.offset)?;
        pieces.push_back((asking(piece, marker), Some(hold.line)));
        from = hold.offset;
    }
    let mut last = cut(from, script.len())?.to_owned();
    if !last.ends_with('\n') {
        last.push('\n');
    }
    pieces.push_back((last, None));
    Ok(pieces)
}

/// The piece with the request for the marker behind it: in place of an empty last line or a comment
/// where there is one, so that psql's line numbers stay those of the guide.
fn asking(piece: &str, marker: &str) -> String {
    let ask = format!("\\echo {marker}\n");
    if let Some(body) = piece.strip_suffix('\n') {
        let start = body.rfind('\n').map_or(0, |newline| newline + 1);
        let last = body[start..].trim();
        if last.is_empty() || (last.starts_with("--") && !last.contains("*/")) {
            return format!("{}{ask}", &body[..start]);
        }
    }
    format!("{piece}{ask}")
}

fn marker() -> io::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("gonogo-{}", crate::run::hex(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_stands_where_it_moves_no_line() {
        assert_eq!(asking("SELECT 1;\n\n", "m"), "SELECT 1;\n\\echo m\n");
        assert_eq!(
            asking("SELECT 1;\n-- well?\n", "m"),
            "SELECT 1;\n\\echo m\n"
        );
        assert_eq!(asking("SELECT 1;\n", "m"), "SELECT 1;\n\\echo m\n");
        assert_eq!(asking("SELECT 1; ", "m"), "SELECT 1; \\echo m\n");
        assert_eq!(asking("/* a\n-- b */\n", "m"), "/* a\n-- b */\n\\echo m\n");
    }

    #[test]
    fn a_script_is_cut_before_each_commit() {
        let script = "a;\nCOMMIT;\nb;\nCOMMIT;\nc";
        let holds = [3, 14].map(|offset| HoldPoint { offset, line: 7 });
        let cut: Vec<_> = pieces(script, &holds, "m").unwrap().into();
        assert_eq!(
            cut,
            [
                ("a;\n\\echo m\n".to_owned(), Some(7)),
                ("COMMIT;\nb;\n\\echo m\n".to_owned(), Some(7)),
                ("COMMIT;\nc\n".to_owned(), None)
            ]
        );
        assert!(pieces("é", &[HoldPoint { offset: 1, line: 1 }], "m").is_err());
    }
}
