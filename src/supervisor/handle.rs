//! How the rest of the process reaches the supervisor: questions through a channel, news from the
//! feed.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::feed::{Feed, Person};
use super::output::{Outputs, PageError};
use crate::executor::Running;
use crate::run::{ActionId, Command, Included, OutputLine, Refusal};

/// What the loop is asked.
pub struct Request {
    pub by: String,
    pub command: Command,
    /// Gets the sequence number of the last event.
    pub answer: Option<oneshot::Sender<Result<u64, Refusal>>>,
}

/// A question to the monitor's reserved connection.
pub struct LossRequest {
    pub block: usize,
    pub answer: oneshot::Sender<Result<String, String>>,
}

pub(super) enum Input {
    Request(Request),
    Loss(LossRequest),
    People(u64, Vec<Person>),
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
}

impl Handle {
    /// Asks for a command and waits until its events are durable.
    ///
    /// # Errors
    /// The refusal of the engine, or that the supervisor is gone.
    pub async fn command(&self, by: String, command: Command) -> Result<u64, Refusal> {
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

    /// The files that an action would include now.
    ///
    /// # Errors
    /// They could not be read at all.
    pub async fn included(&self, action: ActionId) -> Result<Vec<Included>, String> {
        let state = self.feed.state();
        tokio::task::spawn_blocking(move || super::included::read(&state, action))
            .await
            .map_err(|error| error.to_string())
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

    /// Says who is connected. Of two announcements the one with the higher version holds.
    pub fn announce(&self, version: u64, people: Vec<Person>) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            if inputs.send(Input::People(version, people)).await.is_err() {
                tracing::debug!("nobody is left to hear who is connected");
            }
        });
    }
}
