//! Follows the spools of running actions and tells the feed about them, at a pace that does not grow
//! with what they print.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::alerts::Listener;
use super::feed::Feed;
use super::handle::Input;
use crate::executor::Executor;
use crate::executor::spool::SpoolReader;
use crate::run::{ActionId, CommandMark, Observation, OutputLine, OutputTail};

/// How often a running action's output is looked at: fast enough to look live.
const PACE: Duration = Duration::from_millis(50);
/// Lines of one page at most.
const LONGEST_PAGE: usize = 2_000;

#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("attempt {attempt} of action {action} has no output")]
    NoSpool { action: ActionId, attempt: u32 },
    #[error("the output cannot be read: {0}")]
    Read(#[from] std::io::Error),
}

type Shared = Arc<Mutex<SpoolReader>>;

/// All spools of a run, followed or at rest.
#[derive(Clone, Debug)]
pub(super) struct Outputs {
    executor: Executor,
    feed: Arc<Feed>,
    readers: Arc<Mutex<HashMap<(ActionId, u32), Shared>>>,
}

impl Outputs {
    pub(super) fn new(executor: Executor, feed: Arc<Feed>) -> Self {
        Self {
            executor,
            feed,
            readers: Arc::default(),
        }
    }

    fn reader(&self, action: ActionId, attempt: u32) -> Shared {
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((action, attempt))
            .or_insert_with(|| {
                let spool = self.executor.spool(action, attempt);
                Arc::new(Mutex::new(SpoolReader::new(spool)))
            })
            .clone()
    }

    /// Follows one spool until `ended` is notified, then reads what is left of it and returns: the
    /// last tail is published before the action's end is.
    /// A listener hears all of it.
    pub(super) async fn follow(
        &self,
        (action, attempt): (ActionId, u32),
        ended: Arc<Notify>,
        mut listener: Option<Listener>,
        sender: mpsc::Sender<Input>,
    ) {
        let ended = ended.notified();
        tokio::pin!(ended);
        loop {
            let last = tokio::select! {
                biased;
                () = &mut ended => true,
                () = tokio::time::sleep(PACE) => false,
            };
            let marks = self.look(action, attempt).await;
            tell_progress(action, attempt, marks, &sender).await;
            if let Some(listener) = &mut listener {
                listener.tell(last, &sender).await;
            }
            if last {
                return;
            }
        }
    }

    /// Reads what is new in a spool and publishes its tail; gives what it says of commands.
    pub(super) async fn look(&self, action: ActionId, attempt: u32) -> Vec<CommandMark> {
        let reader = self.reader(action, attempt);
        // A flood is read in the background: a gigabyte must not hold up the run.
        let looked = tokio::task::spawn_blocking(move || {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = reader.poll()?;
            let marks = reader.take_marks();
            let tail = changed.then(|| OutputTail {
                action,
                attempt,
                lines: reader.lines(),
                bytes: reader.bytes(),
                tail: reader.tail(),
            });
            Ok::<_, std::io::Error>((tail, marks))
        })
        .await;
        match looked {
            Ok(Ok((tail, marks))) => {
                if let Some(tail) = tail {
                    self.feed.publish_output(tail);
                }
                return marks;
            }
            Ok(Err(error)) => tracing::warn!(%action, attempt, %error, "cannot read a spool"),
            Err(error) => tracing::error!(%error, "reading a spool failed"),
        }
        Vec::new()
    }

    /// Lines of a spool by number, and how many there are.
    pub(super) async fn page(
        &self,
        action: ActionId,
        attempt: u32,
        from: u64,
        count: usize,
    ) -> Result<(u64, Vec<OutputLine>), PageError> {
        if !self.executor.spool(action, attempt).exists() {
            return Err(PageError::NoSpool { action, attempt });
        }
        let reader = self.reader(action, attempt);
        tokio::task::spawn_blocking(move || {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            reader.poll()?;
            let page = reader.page(from, count.min(LONGEST_PAGE))?;
            Ok((reader.lines(), page))
        })
        .await
        .map_err(std::io::Error::other)?
    }
}

/// Says to the run that commands of an attempt have begun or ended.
async fn tell_progress(
    action: ActionId,
    attempt: u32,
    marks: Vec<CommandMark>,
    sender: &mpsc::Sender<Input>,
) {
    if marks.is_empty() {
        return;
    }
    let request = Input::Observed(Observation::Progress {
        action,
        attempt,
        marks,
    });
    if sender.send(request).await.is_err() {
        tracing::debug!(%action, attempt, "its commands go on, but the supervisor is ending");
    }
}
