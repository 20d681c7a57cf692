//! Where an address leads is asked again and again by a session that is opened for it: the sessions
//! that are open already stay where they are when an address is moved.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};

use super::Target;
use super::link::{Link, Scope};
use super::trouble::Trouble;
use crate::run::{TargetIdentity, Timestamp};

/// How often it is asked; less often where a new session costs the server much.
pub(super) const EVERY: Duration = Duration::from_secs(5);
const SHARE: u32 = 100;
const RAREST: Duration = Duration::from_secs(60);
/// A session that cannot be closed in this time is dropped.
const GOODBYE: Duration = Duration::from_secs(1);

/// A database has said who it is, in a session that began just then.
#[derive(Clone, Debug)]
pub struct IdentityNews {
    pub target: String,
    pub identity: TargetIdentity,
    /// The server process that the open session belongs to: when it began, and until when it certainly
    /// answered, both by its own clock.
    pub alive: Option<(Timestamp, Timestamp)>,
}

/// What is known of one address by all who hold sessions there.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) target: Target,
    pub(super) run: String,
    open: Mutex<Option<(TargetIdentity, Timestamp)>>,
    news: Option<mpsc::Sender<IdentityNews>>,
    /// The sampler's session, and the reserved one, are no longer where the address leads.
    pub(super) sampler_moves: Notify,
    pub(super) control_moves: Notify,
}

impl Place {
    pub(super) fn new(
        target: Target,
        run: String,
        news: Option<mpsc::Sender<IdentityNews>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            target,
            run,
            open: Mutex::new(None),
            news,
            sampler_moves: Notify::new(),
            control_moves: Notify::new(),
        })
    }

    /// The open session has answered, at this time by its server's clock.
    pub(super) fn answered(&self, identity: &TargetIdentity, at: Timestamp) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open = Some((identity.clone(), at));
    }

    pub(super) fn news_of(&self, identity: TargetIdentity) -> IdentityNews {
        IdentityNews {
            target: self.target.name().to_owned(),
            identity,
            alive: self.alive(),
        }
    }

    pub(super) fn alive(&self) -> Option<(Timestamp, Timestamp)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, until) = open.as_ref()?;
        Some((known.started?, *until))
    }

    /// Where another server answers than that of the open sessions, those are given up.
    pub(super) fn check(&self, identity: &TargetIdentity) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.as_ref();
        let is_another = known
            .is_some_and(|(known, until)| !known.differences(identity, Some(*until)).is_empty());
        if is_another {
            self.sampler_moves.notify_one();
            self.control_moves.notify_one();
        }
    }

    /// A session began, or its server has changed its role.
    pub(super) async fn tell(&self, identity: &TargetIdentity) {
        let Some(news) = &self.news else { return };
        if news.send(self.news_of(identity.clone())).await.is_err() {
            tracing::debug!("an identity found nobody ready for it");
        }
    }

    /// Opens a session only to ask.
    pub(super) async fn prove(&self) -> Result<IdentityNews, Trouble> {
        let link = Link::open(&self.target, &self.run, Scope::System).await?;
        let news = self.news_of(link.identity.clone());
        self.check(&news.identity);
        link.close(GOODBYE).await;
        Ok(news)
    }

    /// Asks until nobody listens any more.
    pub(super) async fn watch(self: Arc<Self>, every: Duration) {
        let mut pause = every;
        loop {
            sleep(pause).await;
            let began = Instant::now();
            pause = match self.prove().await {
                Ok(news) => {
                    let Some(sender) = &self.news else { return };
                    if sender.send(news).await.is_err() {
                        return;
                    }
                    every.max((began.elapsed() * SHARE).min(RAREST))
                }
                // Why it cannot be reached is the sampler's to say.
                Err(_) => every,
            };
        }
    }
}
