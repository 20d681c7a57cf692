//! The seam to the supervisor: what comes in, and what can be asked. The cockpit knows no more of it
//! than this, so tests stand in for it and a remote run looks like a local one.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::ask::SessionAt;
use crate::api::{Client, ClientError, CommandAnswer, Message, MessageStream, OutputPage, Seat};
use crate::monitor::{BeforeStep, SessionDetail};
use crate::run::{ActionId, Command, Fate, Included, PairingAct, Timestamp, Typed};
use crate::supervisor::{SharedView, Snapshot};

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
    /// The command did not reach the supervisor, or what became of it is not known; a refusal is an
    /// answer.
    fn command(
        &self,
        command: Command,
    ) -> impl Future<Output = Result<CommandAnswer, ClientError>> + Send;

    /// Types to the action that has this person's keyboard.
    ///
    /// # Errors
    /// As those of a command.
    fn type_to(
        &self,
        action: ActionId,
        attempt: u32,
        typed: Typed,
    ) -> impl Future<Output = Result<CommandAnswer, ClientError>> + Send;

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

    /// What an action would meet if it began now.
    ///
    /// # Errors
    /// It cannot be found out.
    fn before(&self, action: ActionId) -> impl Future<Output = Result<BeforeStep, String>> + Send;

    /// One session of a target in full.
    ///
    /// # Errors
    /// It cannot be read.
    fn session(
        &self,
        session: &SessionAt,
    ) -> impl Future<Output = Result<SessionDetail, String>> + Send;

    /// The run and its readings as they were at a moment.
    ///
    /// # Errors
    /// They cannot be read.
    fn past(&self, at: Timestamp) -> impl Future<Output = Result<Snapshot, String>> + Send;

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
    shared: Arc<Shared>,
    stream: Option<MessageStream>,
}

/// Requests to a supervisor on its socket.
#[derive(Clone)]
pub(super) struct SocketControl {
    shared: Arc<Shared>,
}

/// What the two ends have in common.
struct Shared {
    /// Given anew with each join; `None`: not joined (yet).
    seat: RwLock<Option<Seat>>,
    /// Came to watch only, and has not taken the controls since.
    observe: AtomicBool,
}

impl Shared {
    fn sits(&self, seat: Option<Seat>) {
        *self.seat.write().unwrap_or_else(PoisonError::into_inner) = seat;
    }

    fn seat(&self) -> Result<Seat, ClientError> {
        let seat = self.seat.read().unwrap_or_else(PoisonError::into_inner);
        let not_joined = || ClientError::Refused("not connected to the supervisor".to_owned());
        seat.clone().ok_or_else(not_joined)
    }
}

/// Both ends of a supervisor's socket for a person of this name.
pub(super) fn socket(client: Client, me: &str, observe: bool) -> (SocketFeed, SocketControl) {
    let shared = Arc::new(Shared {
        seat: RwLock::default(),
        observe: AtomicBool::new(observe),
    });
    let control = SocketControl {
        shared: shared.clone(),
    };
    let feed = SocketFeed {
        client,
        wished: me.to_owned(),
        shared,
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
        if message.is_none() {
            self.shared.sits(None);
        }
        message
    }

    async fn reconnect(&mut self) -> Result<(), String> {
        self.stream = None;
        let observe = self.shared.observe.load(Ordering::Relaxed);
        let joined = self.client.join(&self.wished, observe).await;
        let (seat, stream) = joined.map_err(|error| error.to_string())?;
        self.shared.sits(Some(seat));
        self.stream = Some(stream);
        Ok(())
    }
}

impl Control for SocketControl {
    async fn command(&self, command: Command) -> Result<CommandAnswer, ClientError> {
        let takes_over = matches!(
            command,
            Command::TakeControl {}
                | Command::Pairing {
                    act: PairingAct::Demand { .. }
                }
        );
        let answer = self.shared.seat()?.command(command).await?;
        if takes_over && matches!(answer, CommandAnswer::Accepted { .. }) {
            self.shared.observe.store(false, Ordering::Relaxed);
        }
        Ok(answer)
    }

    async fn type_to(
        &self,
        action: ActionId,
        attempt: u32,
        typed: Typed,
    ) -> Result<CommandAnswer, ClientError> {
        self.shared.seat()?.type_to(action, attempt, typed).await
    }

    async fn output(
        &self,
        action: ActionId,
        attempt: u32,
        from: u64,
        count: u64,
    ) -> Result<OutputPage, String> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let seat = self.shared.seat().map_err(words)?;
        let page = seat.output(action, attempt, from, count).await;
        page.map_err(words)
    }

    async fn included(&self, action: ActionId) -> Result<Vec<Included>, String> {
        let seat = self.shared.seat().map_err(words)?;
        seat.included(action).await.map_err(words)
    }

    async fn fate(&self, action: ActionId) -> Result<Fate, String> {
        let seat = self.shared.seat().map_err(words)?;
        seat.fate(action).await.map_err(words)
    }

    async fn show(&self, view: SharedView) {
        let shown = match self.shared.seat() {
            Ok(seat) => seat.show(view).await,
            Err(error) => Err(error),
        };
        if let Err(error) = shown {
            tracing::debug!(%error, "the others do not see where this screen is");
        }
    }

    async fn loss(&self, block: usize) -> Result<String, String> {
        let seat = self.shared.seat().map_err(words)?;
        seat.loss(block).await.map_err(words)
    }

    async fn before(&self, action: ActionId) -> Result<BeforeStep, String> {
        let seat = self.shared.seat().map_err(words)?;
        seat.before(action).await.map_err(words)
    }

    async fn session(&self, session: &SessionAt) -> Result<SessionDetail, String> {
        let seat = self.shared.seat().map_err(words)?;
        let SessionAt {
            target,
            pid,
            backend_start_us,
        } = session;
        let detail = seat.session(target, *pid, *backend_start_us).await;
        detail.map_err(words)
    }

    async fn past(&self, at: Timestamp) -> Result<Snapshot, String> {
        let seat = self.shared.seat().map_err(words)?;
        seat.past(at).await.map_err(words)
    }

    async fn guide_difference(&self) -> Result<Vec<String>, String> {
        let seat = self.shared.seat().map_err(words)?;
        seat.guide_difference().await.map_err(words)
    }
}

fn words(error: ClientError) -> String {
    error.to_string()
}
