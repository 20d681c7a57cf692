//! How the rest of the process reaches the supervisor: questions through a channel, news from the
//! feed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::facts::Found;
use super::feed::Feed;
use super::folder::Lost;
use super::guide::GuideWatch;
use super::message::{Person, Snapshot};
use super::output::{Outputs, PageError};
use super::readiness::ReadinessWatch;
use crate::executor::{Running, Waiting};
use crate::monitor::{BeforeStep, IdentityNews, SessionDetail};
use crate::run::{
    ActionId, Command, ENGINE, Fate, FilesNow, GuideOnDisk, Included, Observation, OutputLine,
    Readiness, Refusal, Timestamp, Typed,
};

/// A file on a disk that hangs must not hold up who wants to go back.
const READING: Duration = Duration::from_secs(5);

/// Who asks: somebody at the connection that they joined with, or the engine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    pub name: String,
    /// The number of that connection, given once; `None`: it is no client.
    pub seat: Option<u64>,
}

impl Asker {
    pub fn engine() -> Self {
        Self {
            name: ENGINE.to_owned(),
            seat: None,
        }
    }
}

/// What the loop is asked.
pub struct Request {
    pub by: Asker,
    pub command: Command,
    /// Gets the sequence number of the last event.
    pub answer: Option<oneshot::Sender<Result<u64, Refusal>>>,
}

/// A question to the monitor's reserved connection.
pub struct LossRequest {
    pub block: usize,
    pub answer: oneshot::Sender<Result<String, String>>,
}

/// A look at one session of a target.
pub struct SessionRequest {
    pub target: String,
    pub pid: i32,
    pub backend_start_us: i64,
    pub answer: oneshot::Sender<Result<SessionDetail, String>>,
}

/// A look at what an action would meet.
pub struct BeforeRequest {
    pub action: ActionId,
    pub answer: oneshot::Sender<Result<BeforeStep, String>>,
}

/// What a person types to a running action.
pub struct TypedRequest {
    pub by: Asker,
    pub action: ActionId,
    pub attempt: u32,
    pub typed: Typed,
    pub answer: oneshot::Sender<Result<u64, Refusal>>,
}

pub(super) enum Input {
    Request(Request),
    Observed(Observation),
    /// What had to be looked up for it is here.
    Found(Request, Box<Found>),
    /// The files of the rollback's next command, as the look of this number found them.
    FilesSeen {
        action: ActionId,
        look: u64,
        files: FilesNow,
    },
    /// The secrets of an attempt are here, or why they are not.
    SecretsCame {
        action: ActionId,
        attempt: u32,
        reason: Option<String>,
    },
    Loss(LossRequest),
    Session(SessionRequest),
    Before(BeforeRequest),
    Typed(TypedRequest),
    /// What an action waits for has changed.
    Waiting {
        action: ActionId,
        attempt: u32,
        waiting: Waiting,
    },
    Fate(ActionId, oneshot::Sender<Fate>),
    /// The files that an action includes and calls.
    Included(ActionId, oneshot::Sender<Vec<Included>>),
    /// A receiver of notifications was not reached.
    NotTold {
        receiver: String,
        reason: String,
    },
    /// A step's own session has found another database.
    Identity(IdentityNews),
    /// What became of the run's folder, if it is not the one that was opened.
    Folder(Option<Lost>),
    /// The guide's file was looked at.
    Guide(GuideWatch, GuideOnDisk),
    /// What the rollbacks need was looked at.
    Readiness(ReadinessWatch, Readiness),
    Launched {
        action: ActionId,
        attempt: u32,
        running: Result<Running, String>,
    },
}

/// How the rest of the process reaches the supervisor.
#[derive(Clone)]
pub struct Handle {
    pub feed: Arc<Feed>,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) outputs: Outputs,
    pub(super) presence: watch::Sender<Vec<Person>>,
    pub(super) run: String,
    /// The run's own folder.
    pub(super) directory: PathBuf,
    /// Whose turn it is to look at the past.
    pub(super) past: Arc<Semaphore>,
}

impl Handle {
    /// Asks for a command and waits until its events are durable.
    ///
    /// # Errors
    /// The refusal of the engine, or that the supervisor is gone.
    pub async fn command(&self, by: Asker, command: Command) -> Result<u64, Refusal> {
        let (answer, answered) = oneshot::channel();
        let request = Input::Request(Request {
            by,
            command,
            answer: Some(answer),
        });
        let gone = || Refusal::new("the supervisor is ending", "attach again");
        self.inputs.send(request).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Tells what was seen of the world.
    pub async fn observe(&self, observation: Observation) {
        if self
            .inputs
            .send(Input::Observed(observation))
            .await
            .is_err()
        {
            tracing::debug!("seen, but the supervisor is ending");
        }
    }

    /// Types to the action that has this person's keyboard; it is kept nowhere.
    ///
    /// # Errors
    /// Who does not drive, or has not given it the keyboard, types nothing.
    pub async fn type_to(
        &self,
        by: Asker,
        action: ActionId,
        attempt: u32,
        typed: Typed,
    ) -> Result<u64, Refusal> {
        let (answer, answered) = oneshot::channel();
        let request = Input::Typed(TypedRequest {
            by,
            action,
            attempt,
            typed,
            answer,
        });
        let gone = || Refusal::new("the supervisor is ending", "attach again");
        self.inputs.send(request).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Lines of an action's output.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub async fn page(
        &self,
        action: ActionId,
        attempt: u32,
        from: u64,
        count: usize,
    ) -> Result<(u64, Vec<OutputLine>), PageError> {
        self.outputs.page(action, attempt, from, count).await
    }

    /// The files that an action would include and call now, secrets masked.
    ///
    /// # Errors
    /// They could not be read at all, or not within [`READING`].
    pub async fn included(&self, action: ActionId) -> Result<Vec<Included>, String> {
        let (answer, answered) = oneshot::channel();
        let gone = || "the supervisor is ending".to_owned();
        self.inputs
            .send(Input::Included(action, answer))
            .await
            .map_err(|_| gone())?;
        match tokio::time::timeout(READING, answered).await {
            Ok(files) => files.map_err(|_| gone()),
            Err(_) => Err(format!("reading takes longer than {} s", READING.as_secs())),
        }
    }

    /// What has changed in the guide's file since the run was opened, as the lines of a unified
    /// difference.
    ///
    /// # Errors
    /// Why it cannot be said: the file is gone, for one.
    pub async fn guide_difference(&self) -> Result<Vec<String>, String> {
        let (state, directory) = (self.feed.state(), self.directory.clone());
        tokio::task::spawn_blocking(move || super::guide::difference(&state, &directory))
            .await
            .map_err(|error| error.to_string())?
    }

    /// What a rollback option would lose, read from the database now.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn loss(&self, block: usize) -> Result<String, String> {
        let (answer, answered) = oneshot::channel();
        let gone = || "the supervisor is ending".to_owned();
        self.inputs
            .send(Input::Loss(LossRequest { block, answer }))
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// One session of a target in full.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn session(
        &self,
        target: String,
        pid: i32,
        backend_start_us: i64,
    ) -> Result<SessionDetail, String> {
        let (answer, answered) = oneshot::channel();
        let gone = || "the supervisor is ending".to_owned();
        let request = SessionRequest {
            target,
            pid,
            backend_start_us,
            answer,
        };
        self.inputs
            .send(Input::Session(request))
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// What an action would meet if it began now.
    ///
    /// # Errors
    /// Why that is not known.
    pub async fn before(&self, action: ActionId) -> Result<BeforeStep, String> {
        let (answer, answered) = oneshot::channel();
        let gone = || "the supervisor is ending".to_owned();
        let request = BeforeRequest { action, answer };
        self.inputs
            .send(Input::Before(request))
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// The run and its readings as they were at a moment; its journal and its recorder are read, the run
    /// itself is not asked.
    ///
    /// # Errors
    /// They cannot be read, or the run was not yet open.
    pub async fn past(&self, at: Timestamp) -> Result<Snapshot, String> {
        // The whole journal is folded and minutes of readings are unpacked: one after the other.
        let turn = self.past.acquire().await;
        let _turn = turn.map_err(|_| "the supervisor is ending".to_owned())?;
        super::past::past(&self.run, &self.directory, at).await
    }

    /// What can be found out now about an action whose end nobody saw.
    ///
    /// # Errors
    /// The supervisor is ending.
    pub async fn fate(&self, action: ActionId) -> Result<Fate, String> {
        let (answer, answered) = oneshot::channel();
        let gone = || "the supervisor is ending".to_owned();
        self.inputs
            .send(Input::Fate(action, answer))
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }

    /// Says who is connected. Whatever is asked after it is decided with it known.
    pub fn announce(&self, people: Vec<Person>) {
        self.presence.send_replace(people);
    }
}
