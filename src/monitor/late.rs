//! A password that is still on its way when its database is to be watched.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;

use super::trouble::Trouble;

/// Who watches says so often that it still waits.
const TOLD: Duration = Duration::from_secs(1);

/// The password of a target, once there is one.
#[derive(Clone)]
pub struct LatePassword {
    /// The secret by its name.
    name: String,
    since: Instant,
    came: watch::Receiver<Option<Result<String, String>>>,
}

impl LatePassword {
    /// It is sent when it is there, or why there is none.
    pub fn new(name: impl Into<String>) -> (watch::Sender<Option<Result<String, String>>>, Self) {
        let (sender, came) = watch::channel(None);
        let late = Self {
            name: name.into(),
            since: Instant::now(),
            came,
        };
        (sender, late)
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.came.borrow().is_none()
    }

    /// The options with the password; it waits no longer than a moment.
    ///
    /// # Errors
    /// It is still on its way, or there is none.
    pub(super) async fn complete(
        &self,
        options: PgConnectOptions,
    ) -> Result<PgConnectOptions, Trouble> {
        let mut came = self.came.clone();
        let waited = tokio::time::timeout(TOLD, came.wait_for(Option::is_some)).await;
        let value = waited
            .ok()
            .and_then(Result::ok)
            .and_then(|value| value.clone());
        match value {
            Some(Ok(password)) => Ok(options.password(&password)),
            Some(Err(reason)) => Err(Trouble::lost(
                reason,
                "fix its source in `gonogo.toml`; a run that is open asks again after `gonogo park`",
            )),
            None => Err(Trouble::lost(
                format!(
                    "waiting for the secret `{}`, {} s",
                    self.name,
                    self.since.elapsed().as_secs()
                ),
                "its source has not answered yet",
            )),
        }
    }
}

/// The password must stand in no log.
impl std::fmt::Debug for LatePassword {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "LatePassword({})", self.name)
    }
}
