//! From the name of a run to a connection with its supervisor, starting one where none lives.

use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::Args;
use futures::FutureExt;

use super::exit::Trouble;
use super::glance;
use super::identity;
use super::kept::directory_of;
use super::owner::{self, Owner};
use super::print::say;
use crate::api::{Client, ClientError, CommandAnswer, Message, MessageStream, Seat};
use crate::run::{Asking, Command, PairingAct, RunState, apply};
use crate::supervisor::place;

/// A supervisor opens its socket within this time, or something is wrong with it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked for that.
const LOOK: Duration = Duration::from_millis(5);
/// How often it is started: one that was dying may have had the run's lock at the first.
const STARTS: usize = 3;
/// On a disk that works, the runs are read within this time.
const READING: Duration = Duration::from_secs(8);

/// The run named, or the newest that is not over, or the newest.
pub(super) async fn choose(named: Option<&str>) -> color_eyre::Result<String> {
    if let Some(named) = named {
        directory_of(named)?;
        return Ok(named.to_owned());
    }
    let over = |state: &str| matches!(state, "done" | "failed" | "rolled_back");
    if let Some(run) = glance::newest(|standing| !over(&standing.state)).await? {
        return Ok(run);
    }
    let runs = place::runs()?;
    runs.into_iter().next().ok_or_else(|| {
        Trouble::usage(
            "there are no runs yet",
            "open one with `gonogo run GUIDE`, or try `gonogo demo`",
        )
    })
}

/// What to do about a supervisor that is there and does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
pub(super) struct Takeover {
    /// If the supervisor is stopped or hangs: end its process, and take over what it started.
    #[arg(long)]
    force_takeover: bool,
}

/// The run named, or the newest that is not over; said within [`READING`] where the disk of the state
/// folder hangs.
pub(super) async fn choose_in_time(named: Option<&str>) -> color_eyre::Result<String> {
    let named = named.map(str::to_owned);
    let choosing = tokio::spawn(async move { choose(named.as_deref()).await });
    match tokio::time::timeout(READING, choosing).await {
        Ok(chosen) => chosen?,
        Err(_) => Err(Trouble::failed(
            format!(
                "reading `{}` takes longer than {} s: does its disk hang?",
                place::root()?.display(),
                READING.as_secs()
            ),
            "`dmesg` may name the disk; commands that run go on, and nothing new starts before it \
             answers",
        )),
    }
}

/// A client of the run's supervisor, where one answers.
pub(super) async fn reach(run: &str, takeover: Takeover) -> color_eyre::Result<Option<Client>> {
    match owner::of(run).await? {
        Owner::Answers(client) => {
            if takeover.force_takeover {
                say!("its supervisor answers: no takeover is needed");
            }
            Ok(Some(client))
        }
        Owner::Nobody => Ok(None),
        Owner::Silent(silent) if takeover.force_takeover => {
            silent.end().await?;
            Ok(None)
        }
        Owner::Silent(silent) => Err(silent.trouble()),
    }
}

/// A client of the run's supervisor; starts one where none lives.
pub(super) async fn connect(run: &str) -> color_eyre::Result<Client> {
    connect_taking(run, Takeover::default()).await
}

/// [`connect`], past a supervisor that does not answer.
pub(super) async fn connect_taking(run: &str, takeover: Takeover) -> color_eyre::Result<Client> {
    let directory = directory_of(run)?;
    if let Some(client) = reach(run, takeover).await? {
        return Ok(client);
    }
    let log_path = directory.join("supervisor.log");
    let log = crate::executor::private_file(&log_path).map_err(|error| {
        Trouble::failed(
            format!("cannot write `{}`: {error}", log_path.display()),
            "free space or fix permissions there",
        )
    })?;
    let start = || {
        std::process::Command::new(std::env::current_exe()?)
            .args(["supervise", run])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            .spawn()
    };
    let mut supervisor = start()?;
    let mut starts = 1;
    let started = Instant::now();
    loop {
        // It says where it listens when it begins to.
        let socket = place::socket_path(&directory)?;
        if owner::is_open(&socket) {
            // It is nobody's child for long; whoever stays reaps it.
            std::thread::spawn(move || supervisor.wait());
            return Ok(Client::new(&socket)?);
        }
        let ended = supervisor.try_wait()?;
        let has_failed = ended.is_some_and(|status| !status.success());
        let is_late = started.elapsed() > PATIENCE;
        if has_failed && !is_late {
            // Another has the run: a client was faster, and its supervisor answers soon; or one is
            // dying, and then its place is free.
            let is_held = owner::holder(&directory).await.is_some();
            if !is_held && starts < STARTS {
                supervisor = start()?;
                starts += 1;
                continue;
            }
            if is_held {
                tokio::time::sleep(LOOK).await;
                continue;
            }
        }
        if has_failed || is_late {
            if owner::is_open(&socket) {
                return Ok(Client::new(&socket)?);
            }
            if ended.is_none() {
                // Nobody would ever look after it.
                supervisor.kill()?;
                supervisor.wait()?;
            }
            if let Some(silent) = owner::silent(run).await {
                return Err(silent.trouble());
            }
            let said = std::fs::read_to_string(&log_path).unwrap_or_default();
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            return Err(Trouble::failed(
                format!(
                    "the supervisor of `{run}` failed to start: {}",
                    last.unwrap_or("it said nothing; is the disk full?")
                ),
                format!("see `{}`", log_path.display()),
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A client of a run that belongs to another login, and that login's user number; `None` where nobody
/// of this machine lets this login into a run of that name.
pub(super) async fn of_another_login(run: &str) -> Option<(u32, Client)> {
    for (uid, socket) in place::guest_sockets(run).ok()? {
        // The kernel says who answers: a socket of somebody else's making is not the run's.
        let Ok(stream) = tokio::net::UnixStream::connect(&socket).await else {
            continue;
        };
        let is_theirs = stream.peer_cred().is_ok_and(|peer| peer.uid() == uid);
        if let (true, Ok(client)) = (is_theirs, Client::new(&socket)) {
            return Some((uid, client));
        }
    }
    None
}

/// A command at the prompt that has joined a run: what it does it does as somebody who is there.
pub(super) struct Joined {
    pub seat: Seat,
    /// Kept, because the seat is gone with it.
    pub stream: MessageStream,
    pub me: String,
    pub state: RunState,
    /// What actions asked for while it was waited for something else.
    pub asked: Vec<Asking>,
}

impl Joined {
    pub(super) async fn join(client: &Client) -> color_eyre::Result<Self> {
        let (seat, mut stream) = client.join(&identity::me(), false).await?;
        loop {
            match stream.next().await {
                Some(Message::Snapshot(snapshot)) => {
                    return Ok(Self {
                        seat,
                        stream,
                        me: snapshot.you,
                        state: snapshot.state,
                        asked: Vec::new(),
                    });
                }
                Some(_) => {}
                None => return Err(Trouble::failed("the supervisor is gone", "try again")),
            }
        }
    }

    /// Does something, and looks on until it is done; a refusal is the end of the command.
    pub(super) async fn does(&mut self, command: Command) -> color_eyre::Result<()> {
        match self.asks(command).await? {
            CommandAnswer::Accepted { seq } => self.sees(seq).await,
            CommandAnswer::Refused(refusal) => Err(Trouble::failed(refusal.message, refusal.help)),
        }
    }

    pub(super) async fn asks(&self, command: Command) -> color_eyre::Result<CommandAnswer> {
        self.seat.command(command).await.map_err(trouble)
    }

    /// Takes in what has been told meanwhile; `None` where the supervisor is gone.
    pub(super) fn catches_up(mut self) -> Option<Self> {
        while let Some(message) = self.stream.next().now_or_never() {
            self.hears(message?);
        }
        Some(self)
    }

    fn hears(&mut self, message: Message) {
        match message {
            Message::Event(record) => apply(&mut self.state, &record),
            Message::Snapshot(snapshot) => self.state = snapshot.state,
            Message::Asking(asking) => self.asked.push(asking),
            _ => {}
        }
    }

    /// Reads on until this event is part of the state.
    async fn sees(&mut self, seq: u64) -> color_eyre::Result<()> {
        while self.state.seq < seq {
            match self.stream.next().await {
                Some(message) => self.hears(message),
                None => {
                    return Err(Trouble::failed(
                        "the supervisor is gone",
                        "`gonogo runs` says where the run is; your request was carried out",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Takes the controls: what is offered or one's own at once; else they are demanded with this
    /// reason, which stands in the report. With `to_go_back` a driver who is there keeps them until the
    /// rollback begins.
    pub(super) async fn takes_controls(
        &mut self,
        reason: &str,
        to_go_back: bool,
    ) -> color_eyre::Result<()> {
        // Whoever drives is told so, and sees with it where the run is now.
        if let CommandAnswer::Accepted { seq } = self.asks(Command::TakeControl {}).await? {
            return self.sees(seq).await;
        }
        let act = PairingAct::Demand {
            reason: reason.to_owned(),
            to_go_back,
        };
        self.does(Command::Pairing { act }).await
    }
}

/// A request that was not answered, with what to do about it.
pub(super) fn trouble(error: ClientError) -> color_eyre::Report {
    let help = error.help();
    Trouble::failed(error.to_string(), help)
}
