//! A shell or SQL action: one child process in its own group, on two terminals, watched until it and
//! its output have come to an end.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use chrono::Utc;
use rustix::process::Signal;
use tokio::time::Instant;

use super::course::Course;
use super::ending::Ending;
use super::exit::ExitFile;
use super::feed::{self, Feed};
use super::flag;
use super::keyboard::Keyboard;
use super::left::{left_of, remark};
use super::leftovers::{bury, linger};
use super::output::{Spool, Stream};
use super::prepare::SCRIPT_PIPE;
use super::proof::{Gate, Proved};
use super::reading::{Reader, TURN, read_turn, readable, reader};
use super::report::Dump;
use super::signals::Signals;
use super::start::spawn;
use super::terminal::Echo;
use crate::executor::channel::{self, Frames, Told};
use crate::executor::process::{self, Process};
use crate::executor::{ActionKind, ExitRecord, ShimSpec};
use crate::run::{CommandEnd, CommandText, FlagSeen, TargetIdentity};

/// A line without an end is shown after this much silence.
const SILENCE: Duration = Duration::from_millis(100);
/// What was written is in the spool at the latest after this.
const STALE: Duration = Duration::from_millis(50);
/// How long output is awaited after the end, where somebody still holds the terminal.
const DRAIN: Duration = Duration::from_millis(200);
/// Silence that ends that wait early.
const DRAINED: Duration = Duration::from_millis(20);
/// How often processes that were left behind are looked for, to be buried or found gone.
const LOOK_AROUND: Duration = Duration::from_millis(50);
/// A held transaction is rolled back by its own session before that is interrupted.
const LET_GO: Duration = Duration::from_millis(100);
/// How often it is looked whether the background of a watch is still there.
const LOOK_AFTER: Duration = Duration::from_millis(250);
/// How long the last output of a command is awaited, where a terminal does not give it.
const LATE: Duration = Duration::from_millis(500);
/// How long a shell may take to come up. One that cannot say so, for want of descriptors, never does.
const COMES_UP: Duration = Duration::from_secs(20);

pub(super) struct Action<'a> {
    spec: &'a ShimSpec,
    spool: Spool,
    child: Child,
    status: Option<(ExitStatus, Instant)>,
    cancelled: bool,
    ending: Option<Ending>,
    times_out_at: Option<Instant>,
    out: (Reader, Stream),
    err: (Reader, Stream),
    /// What the supervisor says while it works.
    told: (Reader, Frames),
    feed: Feed,
    gate: Option<Gate>,
    /// What answered instead of the database that was confirmed.
    another: Option<Box<TargetIdentity>>,
    course: Course,
    began: Instant,
    /// Holds on the action's ends of its terminals, as long as commands are under way.
    echoes: Option<[Echo; 2]>,
    words: [String; 2],
    /// The output of a command that has ended is awaited, since then; whether it is there.
    awaited: Option<(Instant, [bool; 2])>,
    keyboard: Option<Keyboard>,
    last_output: Instant,
    last_flush: Instant,
    bury_at: Option<Instant>,
    /// When the background of a watch was last seen alive.
    lived_at: Option<Instant>,
}

/// Runs it to its end and writes the exit record.
pub(super) async fn run(
    spec: &ShimSpec,
    directory: &Path,
    spool: Spool,
    exit_file: ExitFile,
    mut signals: Signals,
    seen: Option<FlagSeen>,
) -> io::Result<()> {
    let started = Utc::now();
    let mut action = match Action::begin(spec, directory, spool, started)? {
        Ok(action) => action,
        Err(mut refused) => {
            refused.flag = seen.map(FlagSeen::untouched).map(Box::new);
            return exit_file.write(&refused);
        }
    };
    action.watch(&mut signals).await?;
    channel::close(directory);
    feed::remove_pipes(directory);
    let (mut record, background) = action.conclude(started);
    flag::verify(spec, directory, &mut action.spool, &mut record, seen).await;
    exit_file.write(&record)?;
    let Action { out, err, .. } = action;
    if background {
        linger(out.0, err.0, &mut signals).await?;
    }
    Ok(())
}

impl<'a> Action<'a> {
    /// Starts it; the record of what could not be started is the inner error.
    pub(super) fn begin(
        spec: &'a ShimSpec,
        directory: &Path,
        mut spool: Spool,
        started: chrono::DateTime<Utc>,
    ) -> io::Result<Result<Self, Box<ExitRecord>>> {
        let spawned = match spawn(spec, directory) {
            Ok(spawned) => spawned,
            Err(refused) => {
                channel::close(directory);
                feed::remove_pipes(directory);
                for line in &refused.output {
                    spool.lines(crate::executor::spool::Tag::Err, line);
                }
                spool.note(&refused.reason);
                spool.flush();
                return Ok(Err(Box::new(ExitRecord {
                    exit: refused.exit,
                    started,
                    ended: Utc::now(),
                    elapsed_ms: spool.elapsed_ms(),
                    lines: spool.lines,
                    bytes: spool.bytes,
                    error: Some(spool.redactor().redact_text(&refused.reason)),
                    another: refused.another,
                    ..ExitRecord::default()
                })));
            }
        };
        let now = Instant::now();
        let (mut out, mut err) = (Stream::output(), Stream::errors());
        for stream in [&mut out, &mut err] {
            stream.expect(spawned.words[1].clone());
            stream.names().of_bash(&directory.join(SCRIPT_PIPE));
        }
        out.expect(spawned.words[0].clone());
        Ok(Ok(Self {
            spec,
            course: Course::new(commands_of(spec), spec.every_s.is_some()),
            began: now,
            echoes: Some(spawned.echoes),
            words: spawned.words,
            awaited: None,
            spool,
            child: spawned.child,
            status: None,
            cancelled: false,
            ending: None,
            times_out_at: spec
                .timeout_s
                .map(|seconds| now + Duration::from_secs(seconds)),
            out: (Some(reader(spawned.out)?), out),
            err: (Some(reader(spawned.err)?), err),
            told: (spawned.told.map(reader).transpose()?, Frames::default()),
            feed: spawned.feed,
            gate: spawned.gate,
            another: None,
            keyboard: spawned.keyboard,
            last_output: now,
            last_flush: now,
            bury_at: None,
            lived_at: None,
        }))
    }

    pub(super) fn into_spool(self) -> Spool {
        self.spool
    }

    /// The leader of a watch has ended and left the watch itself in the background (`npm start &`).
    fn lives_on(&mut self, now: Instant) -> bool {
        if !self.spec.watch || self.status.is_none() || self.ending.is_some() {
            return false;
        }
        if self.lived_at.is_none_or(|at| now >= at + LOOK_AFTER) {
            let left = process::descendants(std::process::id());
            self.lived_at = left.iter().any(|process| !process.zombie).then_some(now);
        }
        self.lived_at.is_some()
    }

    /// Returns when the action has ended, its output is read, and (where it was cancelled) nothing of
    /// it is left.
    pub(super) async fn watch(&mut self, signals: &mut Signals) -> io::Result<()> {
        // psql begins at once; a bash says when it is ready.
        self.proceed(Instant::now());
        loop {
            let wake_at = self.next_wake();
            tokio::select! {
                biased;
                Some(()) = signals.terminate.recv() => self.cancel(true),
                Some(()) = signals.interrupt.recv() => self.cancel(false),
                Some(()) = signals.child.recv() => self.child_changed()?,
                ready = readable(&self.out.0), if self.out.0.is_some() => ready?,
                ready = readable(&self.err.0), if self.err.0.is_some() => ready?,
                ready = readable(&self.told.0), if self.told.0.is_some() => ready?,
                ready = self.feed.writable() => ready?,
                ready = self.feed.readable(), if self.status.is_none() => ready?,
                ready = proving(&self.gate), if self.gate.is_some() => ready?,
                () = tokio::time::sleep_until(wake_at) => {}
            }
            // Under a flood everything is always ready: lets the runtime hear signals in between.
            tokio::task::yield_now().await;
            let more = self.read_both();
            let now = Instant::now();
            self.listen();
            self.prove();
            self.proceed(now);
            self.wait_for_person(now);
            self.time_out(now);
            if let Some(at) = self.bury_at
                && now >= at
            {
                self.bury_at = None;
                bury(
                    &process::descendants(std::process::id()),
                    Some(self.child.id()),
                );
            }
            self.signal_what_is_due(now);
            if !more && now >= self.last_output + SILENCE {
                self.out.1.show_partial(&mut self.spool);
                self.err.1.show_partial(&mut self.spool);
            }
            if !more || now >= self.last_flush + STALE {
                self.spool.flush();
                self.last_flush = now;
            }
            if self.is_over(now, more) {
                return Ok(());
            }
        }
    }

    fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let mut wake_at = now + Duration::from_secs(60);
        let mut by = |at: Instant| wake_at = wake_at.min(at);
        if let Some(at) = self.times_out_at.filter(|_| self.ending.is_none()) {
            by(at);
        }
        if let Some(at) = self.bury_at {
            by(at);
        }
        if self.out.1.has_partial() || self.err.1.has_partial() {
            by(self.last_output + SILENCE);
        }
        if let Some(keyboard) = &self.keyboard
            && self.status.is_none()
        {
            by(keyboard.next_wake());
        }
        if self.awaited.is_some() {
            by(now + Duration::from_millis(2));
        }
        if self.feed.awaits_shell() && self.status.is_none() {
            by(self.began + COMES_UP);
        }
        if let Some(at) = self.feed.tries_again_at() {
            by(at);
        }
        if self.ending.is_some() {
            by(now + Duration::from_millis(10));
        } else if self.spec.watch && self.status.is_some() {
            by(now + LOOK_AFTER);
        } else if self.status.is_some() {
            by(now + Duration::from_millis(5));
        }
        wake_at
    }

    fn cancel(&mut self, urgent: bool) {
        if self.status.is_some() && self.ending.is_none() && !self.spec.watch {
            return;
        }
        let now = self.let_go();
        self.cancelled |= !self.ending.as_ref().is_some_and(|ending| ending.timed_out);
        match &mut self.ending {
            Some(ending) if urgent => ending.hurry(now),
            Some(_) => {}
            None if urgent => self.ending = Some(Ending::urgent(now)),
            None => {
                let grace = Duration::from_millis(self.spec.grace_ms);
                self.ending = Some(Ending::polite(now, grace));
            }
        }
    }

    fn time_out(&mut self, now: Instant) {
        if self.ending.is_none()
            && self.status.is_none()
            && self.times_out_at.is_some_and(|at| now >= at)
        {
            let mut ending =
                Ending::polite(self.let_go(), Duration::from_millis(self.spec.grace_ms));
            ending.timed_out = true;
            self.ending = Some(ending);
        }
    }

    /// Rolls a held transaction back, and says when its session may be interrupted.
    fn let_go(&mut self) -> Instant {
        let now = Instant::now();
        let is_held = self.feed.is_held();
        self.feed.roll_back(&mut self.course, &mut self.spool);
        self.feed.give_up_trying(&mut self.course);
        self.course.stop();
        if is_held { now + LET_GO } else { now }
    }

    /// From one command to the next: hears that one has ended, waits until all that it printed is
    /// there, says how it ended, and begins another or ends the program.
    fn proceed(&mut self, now: Instant) {
        self.feed.write();
        let answer = self.out.1.answer(&self.words[0]);
        let answer = answer.as_deref();
        self.feed.hear(&mut self.course, &mut self.spool, answer);
        if self.ending.is_none() {
            self.feed.try_again(now, &mut self.course, &mut self.spool);
        }
        if self.feed.awaits_shell() && now >= self.began + COMES_UP && self.status.is_none() {
            self.feed.never_came_up(&mut self.course, &mut self.spool);
        }
        if let Some((status, _)) = self.status
            && self.course.is_under_way()
        {
            // It ended the program, or the program ended with it.
            let signal = status.signal().map(|signal| 128 + signal);
            let code = status.code().or(signal).unwrap_or(-1);
            self.course.stop();
            if self.is_drained(now) {
                self.course.told(now, code, Vec::new());
                self.course.conclude(&mut self.spool, None);
            }
            return;
        }
        if self.course.is_told() && self.has_all_output(now) {
            let shell = self
                .feed
                .changed()
                .map(|(before, now)| left_of(self.spec, before, now, self.spool.redactor()));
            self.course.conclude(&mut self.spool, shell);
            if self.ending.is_some() {
                self.course.stop();
            }
            if self.course.is_done() {
                let end = self.course.last_end();
                let complete = self.course.left() == 0
                    && self.ending.is_none()
                    && end.is_none_or(|end| *end == CommandEnd::Good);
                let code = end.map_or(0, CommandEnd::code);
                self.feed.end(code, complete);
            }
        }
        if self.ending.is_some() && !self.course.is_under_way() {
            self.course.stop();
            self.feed.end(0, false);
        } else if self.course.next().is_some() {
            let errors = &mut self.err.1;
            self.feed.begin(&mut self.course, &mut self.spool, errors);
        }
    }

    /// Whether everything that the command which has just ended printed has been read: a word that is
    /// written behind it has come out of both terminals.
    fn has_all_output(&mut self, now: Instant) -> bool {
        let Some(echoes) = &mut self.echoes else {
            return true;
        };
        let (since, mut come) = self.awaited.unwrap_or_else(|| {
            for echo in &mut *echoes {
                echo.write(&self.words[1]);
            }
            (now, [false; 2])
        });
        for ((come, (reader, stream)), echo) in come
            .iter_mut()
            .zip([&mut self.out, &mut self.err])
            .zip(&mut *echoes)
        {
            echo.flush();
            *come |= stream.has_come(&self.words[1]) || reader.is_none();
        }
        let all = come == [true; 2] || now >= since + LATE;
        self.awaited = (!all).then_some((since, come));
        all
    }

    /// Does what the supervisor has said.
    fn listen(&mut self) {
        let (reader, frames) = &mut self.told;
        read_turn(reader, |bytes| frames.push(bytes));
        while let Some(told) = frames.next() {
            match (told, &mut self.keyboard) {
                (Told::Bytes(bytes), Some(keyboard)) => {
                    // A prompt on standard error is answered, and echoed, on the terminal.
                    if bytes.contains(&b'\r') || bytes.contains(&b'\n') {
                        self.err.1.end_line(&mut self.spool);
                    }
                    keyboard.push(&bytes, &mut self.spool);
                }
                (Told::Size { columns, rows }, Some(keyboard)) => {
                    keyboard.resize(columns, rows);
                }
                (Told::Release { number, commit }, _) => {
                    self.feed
                        .release(number, commit, &mut self.course, &mut self.spool);
                }
                _ => {}
            }
        }
    }

    /// Lets the commands go to psql once its session has proved which database it is in.
    fn prove(&mut self) {
        let Some(gate) = &mut self.gate else {
            return;
        };
        let why = match gate.read() {
            None => return,
            Some(Proved::Same) => None,
            Some(Proved::Another { identity, why }) => {
                self.another = Some(Box::new(identity));
                Some(why)
            }
            Some(Proved::Unclear(why)) => Some(format!("{why}; nothing was run")),
        };
        match why {
            None => self.feed.proved(),
            Some(why) => self.feed.refuse(why, &mut self.course, &mut self.spool),
        }
        self.gate = None;
    }

    /// Finds out whether a step asks for something.
    fn wait_for_person(&mut self, now: Instant) {
        if let Some(keyboard) = &mut self.keyboard
            && self.status.is_none()
        {
            keyboard.write(&mut self.spool);
            let unfinished = [self.out.1.unfinished(), self.err.1.unfinished()];
            let silent_for = now.saturating_duration_since(self.last_output);
            keyboard.look(now, unfinished, silent_for, &mut self.spool);
        }
    }

    fn child_changed(&mut self) -> io::Result<()> {
        if self.status.is_none()
            && let Some(status) = self.child.try_wait()?
        {
            let now = Instant::now();
            self.status = Some((status, now));
            // From here on only others hold the terminals open.
            self.echoes = None;
            self.awaited = None;
            if let Some(ending) = &mut self.ending {
                ending.only_leftovers(now);
            }
        }
        self.bury_at.get_or_insert(Instant::now() + LOOK_AROUND);
        Ok(())
    }

    fn signal_what_is_due(&mut self, now: Instant) {
        let Some(signal) = self.ending.as_mut().and_then(|ending| ending.due(now)) else {
            return;
        };
        let group = self.child.id();
        if self.status.is_none()
            && let Some(group) = process::raw_pid(group)
        {
            for signal in [signal, Signal::CONT] {
                if let Err(error) = rustix::process::kill_process_group(group, signal) {
                    tracing::debug!(%error, "the group is gone");
                }
            }
        }
        // Those that left the group, and the group too once its leader is gone.
        let others: Vec<Process> = process::descendants(std::process::id())
            .into_iter()
            .filter(|process| self.status.is_some() || process.group != group)
            .collect();
        process::signal_all(&others, signal);
    }

    /// Takes what is there from both terminals; says whether there may be more at once.
    fn read_both(&mut self) -> bool {
        let mut any = 0;
        let mut more = false;
        for (reader, stream) in [&mut self.out, &mut self.err] {
            let taken = read_turn(reader, |bytes| {
                if let Some(keyboard) = &mut self.keyboard {
                    keyboard.printed(bytes);
                }
                stream.push(bytes, &mut self.spool);
            });
            any += taken;
            more |= taken >= TURN;
        }
        if any > 0 {
            self.last_output = Instant::now();
            if let Some(keyboard) = &mut self.keyboard {
                keyboard.stir(self.last_output);
            }
        }
        more
    }

    fn is_over(&mut self, now: Instant, more: bool) -> bool {
        let Some((_, ended_at)) = self.status else {
            return false;
        };
        if let Some(ending) = &self.ending {
            let left = process::descendants(std::process::id());
            if left.iter().any(|process| !process.zombie) && !ending.is_hopeless(now) {
                return false;
            }
        }
        if self.lives_on(now) {
            return false;
        }
        !self.course.is_under_way() && (self.is_drained(now) || now >= ended_at + DRAIN) && !more
    }

    /// The program has ended, and nothing more of what it printed comes.
    fn is_drained(&self, now: Instant) -> bool {
        let Some((_, ended_at)) = self.status else {
            return false;
        };
        let closed = self.out.0.is_none() && self.err.0.is_none();
        let quiet = now >= self.last_output.max(ended_at) + DRAINED;
        closed || quiet || now >= ended_at + DRAIN
    }

    /// The exit record, and whether something needs the shim to stay.
    pub(super) fn conclude(&mut self, started: chrono::DateTime<Utc>) -> (ExitRecord, bool) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.end(&mut self.spool);
        }
        self.out.1.finish(&mut self.spool);
        self.err.1.finish(&mut self.spool);
        let own = std::process::id();
        let left: Vec<Process> = process::descendants(own)
            .into_iter()
            .filter(|process| !process.zombie)
            .collect();
        let names = left
            .iter()
            .take(5)
            .map(|process| format!("{} (pid {})", process.name, process.pid))
            .collect::<Vec<_>>()
            .join(", ");
        let timed_out = self.ending.as_ref().is_some_and(|ending| ending.timed_out);
        let mut error = self.spool.lost.clone().or(self.feed.failure());
        if let Some(ending) = &self.ending {
            let asked = match (timed_out, self.spec.timeout_s) {
                (true, Some(seconds)) => format!("not done after {seconds} s: ended"),
                _ => "cancelled".to_owned(),
            };
            let how = if ending.killed {
                ", killed in the end"
            } else {
                ""
            };
            self.spool.note(&format!("{asked}{how}"));
            if !left.is_empty() {
                let stuck = format!("{} processes cannot be killed: {names}", left.len());
                self.spool.note(&stuck);
                error = Some(stuck);
            }
        } else if !left.is_empty() {
            let plural = if left.len() == 1 {
                "process goes"
            } else {
                "processes go"
            };
            self.spool.note(&format!(
                "{} {plural} on in the background: {names}; what they print from now on is not kept",
                left.len()
            ));
        }
        let redactor = self.spool.redactor();
        let mut shell = None;
        if let Some(held) = self.feed.held() {
            let left = |dump: &Dump| left_of(self.spec, &held.first, dump, redactor);
            let before = held.before.as_ref().unwrap_or(&held.first);
            // A command that ended its shell leaves what it began with.
            shell = Some(left(held.now.as_ref().unwrap_or(before)));
        }
        if let Some(remark) = shell.as_ref().and_then(remark) {
            self.spool.note(&remark);
        }
        let (exit, signal) = self.ended_with(&mut error);
        self.spool.flush();
        let course = std::mem::replace(&mut self.course, Course::new(&[], true));
        let record = ExitRecord {
            exit,
            signal,
            cancelled: self.cancelled,
            timed_out,
            started,
            ended: Utc::now(),
            elapsed_ms: self.spool.elapsed_ms(),
            lines: self.spool.lines,
            bytes: self.spool.bytes,
            background: u32::try_from(left.len()).unwrap_or(u32::MAX),
            uncommitted: self.feed.is_uncommitted(),
            another: self.another.take(),
            http: None,
            flag: None,
            shell: shell.map(Box::new),
            commands: course.into_runs(),
            error: error.or_else(|| self.spool.lost.clone()),
        };
        (record, self.ending.is_none() && !left.is_empty())
    }

    /// Its exit code and the signal that ended it, as what it was to run makes of them.
    fn ended_with(&mut self, error: &mut Option<String>) -> (Option<i32>, Option<i32>) {
        let left_out = self.course.left();
        // psql ends well where it was given nothing to do.
        let refused = self.feed.was_refused();
        let status = self.status.map(|(status, _)| status).filter(|_| !refused);
        let (mut exit, mut signal) = (
            status.and_then(|status| status.code()),
            status.and_then(|status| status.signal()),
        );
        if self.ending.is_none() && self.feed.awaits_shell() {
            let why = "its shell ended before its first command; nothing was run";
            self.spool.note(why);
            error.get_or_insert_with(|| why.to_owned());
            exit = exit.filter(|code| *code != 0);
        } else if left_out > 0 && exit == Some(0) && self.ending.is_some() {
            // The program ended by itself for want of a further command; that was no success.
            (exit, signal) = (None, Some(Signal::INT.as_raw()));
        } else if exit == Some(0)
            && let Some(CommandEnd::Failed { code, .. }) = self.course.last_end()
            && self.feed.stopped_it()
        {
            // It was asked how the statement ended, and given nothing more.
            exit = Some(*code);
        } else if exit == Some(0) && self.feed.is_open() {
            let why = "it ended its session before the end of its transaction: nothing of it is committed";
            self.spool.note(why);
            exit = None;
            *error = Some(why.to_owned());
        } else if left_out > 0 && exit == Some(0) && !self.feed.is_uncommitted() {
            let plural = if left_out == 1 { "command" } else { "commands" };
            self.spool.note(&format!(
                "it ended the session: {left_out} {plural} behind it did not run"
            ));
        }
        (exit, signal)
    }
}

fn commands_of(spec: &ShimSpec) -> &[CommandText] {
    match &spec.kind {
        ActionKind::Shell { commands } | ActionKind::Sql { commands, .. } => commands,
        ActionKind::Http { .. } => &[],
    }
}

async fn proving(gate: &Option<Gate>) -> io::Result<()> {
    match gate {
        Some(gate) => readable(&gate.reader).await,
        None => std::future::pending().await,
    }
}
