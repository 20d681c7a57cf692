//! The seam to the supervisor: what comes in, and what can be asked. The cockpit knows no more of it
//! than this, so tests stand in for it and a remote run looks like a local one.

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use crate::api::{Client, CommandAnswer, Message, MessageStream, OutputPage};
use crate::run::{ActionId, Command, Fate, Included, Typed};
use crate::supervisor::SharedView;

/// The stream of messages.
pub trait Feed: Send + 'static {
    /// The next message, a [`Message::Snapshot`] first; `None` when the connection is gone.
    fn next(&mut self) -> impl Future<Output = Option<Message>> + Send;

    /// Connects again. The next message is then a snapshot.
    ///
    /// # Errors
    /// Why the supervisor cannot be reached, in a few words.
    fn reconnect(&mut self) -> impl Future<Output = Result<(), String>> + Send;
}

/// What can be asked of the supervisor, beside the stream. Clones share the connection.
pub trait Control: Clone + Send + Sync + 'static {
    /// # Errors
    /// The command did not reach the supervisor; a refusal is an answer.
    fn command(
        &self,
        command: Command,
    ) -> impl Future<Output = Result<CommandAnswer, String>> + Send;

    /// Types to the action that has this person's keyboard.
    ///
    /// # Errors
    /// It did not reach the supervisor; a refusal is an answer.
    fn type_to(
        &self,
        action: ActionId,
        attempt: u32,
        typed: Typed,
    ) -> impl Future<Output = Result<CommandAnswer, String>> + Send;

    /// Lines `from` to `from + count` of an attempt's spool, fewer at its end.
    ///
    /// # Errors
    /// The spool cannot be read.
    fn output(
        &self,
        action: ActionId,
        attempt: u32,
        from: u64,
        count: u64,
    ) -> impl Future<Output = Result<OutputPage, String>> + Send;

    /// The files that an action would include now.
    ///
    /// # Errors
    /// They cannot be asked for.
    fn included(
        &self,
        action: ActionId,
    ) -> impl Future<Output = Result<Vec<Included>, String>> + Send;

    /// What can be found out now about an action whose end nobody saw.
    ///
    /// # Errors
    /// It cannot be asked for.
    fn fate(&self, action: ActionId) -> impl Future<Output = Result<Fate, String>> + Send;

    /// Tells the others what this screen shows; nothing waits for it.
    fn show(&self, _view: SharedView) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// How much going back would lose now, by the read-only query in this block, in words.
    ///
    /// # Errors
    /// It cannot be read.
    fn loss(&self, block: usize) -> impl Future<Output = Result<String, String>> + Send;

    /// What has changed in the guide's file since the run was opened, as a unified difference.
    ///
    /// # Errors
    /// It cannot be read.
    fn guide_difference(&self) -> impl Future<Output = Result<Vec<String>, String>> + Send;
}

/// The stream of a supervisor on its socket.
pub(super) struct SocketFeed {
    client: Client,
    wished: String,
    name: Name,
    observe: bool,
    stream: Option<MessageStream>,
}

/// The name under which the supervisor knows this client; it tells in the snapshot.
type Name = Arc<RwLock<String>>;

/// Both ends of a supervisor's socket for a person of this name.
pub(super) fn socket(client: Client, me: &str, observe: bool) -> (SocketFeed, SocketControl) {
    let name = Arc::new(RwLock::new(me.to_owned()));
    let control = SocketControl {
        client: client.clone(),
        name: name.clone(),
    };
    let feed = SocketFeed {
        client,
        wished: me.to_owned(),
        name,
        observe,
        stream: None,
    };
    (feed, control)
}

impl Feed for SocketFeed {
    async fn next(&mut self) -> Option<Message> {
        if self.stream.is_none() && self.reconnect().await.is_err() {
            return None;
        }
        let message = self.stream.as_mut()?.next().await;
        if let Some(Message::Snapshot(snapshot)) = &message {
            let mut name = self.name.write().unwrap_or_else(PoisonError::into_inner);
            name.clone_from(&snapshot.you);
        }
        message
    }

    async fn reconnect(&mut self) -> Result<(), String> {
        self.stream = None;
        let stream = self.client.join_as(&self.wished, self.observe).await;
        self.stream = Some(stream.map_err(|error| error.to_string())?);
        Ok(())
    }
}

/// Requests to a supervisor on its socket.
#[derive(Clone)]
pub(super) struct SocketControl {
    client: Client,
    name: Name,
}

impl SocketControl {
    fn name(&self) -> String {
        let name = self.name.read().unwrap_or_else(PoisonError::into_inner);
        name.clone()
    }
}

impl Control for SocketControl {
    async fn command(&self, command: Command) -> Result<CommandAnswer, String> {
        let answer = self.client.command(&self.name(), command).await;
        answer.map_err(|error| error.to_string())
    }

    async fn type_to(
        &self,
        action: ActionId,
        attempt: u32,
        typed: Typed,
    ) -> Result<CommandAnswer, String> {
        let name = self.name();
        let answer = self.client.type_to(&name, action, attempt, typed).await;
        answer.map_err(|error| error.to_string())
    }

    async fn output(
        &self,
        action: ActionId,
        attempt: u32,
        from: u64,
        count: u64,
    ) -> Result<OutputPage, String> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let page = self.client.output(action, attempt, from, count).await;
        page.map_err(|error| error.to_string())
    }

    async fn included(&self, action: ActionId) -> Result<Vec<Included>, String> {
        let included = self.client.included(action).await;
        included.map_err(|error| error.to_string())
    }

    async fn fate(&self, action: ActionId) -> Result<Fate, String> {
        let fate = self.client.fate(action).await;
        fate.map_err(|error| error.to_string())
    }

    async fn show(&self, view: SharedView) {
        let name = self
            .name
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Err(error) = self.client.show(&name, view).await {
            tracing::debug!(%error, "the others do not see where this screen is");
        }
    }

    async fn loss(&self, block: usize) -> Result<String, String> {
        let loss = self.client.loss(block).await;
        loss.map_err(|error| error.to_string())
    }

    async fn guide_difference(&self) -> Result<Vec<String>, String> {
        let difference = self.client.guide_difference().await;
        difference.map_err(|error| error.to_string())
    }
}
