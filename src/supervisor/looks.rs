//! Looking at the world within a limit, beside the loop: a disk that hangs holds up a thread, and whoever
//! asks hears in time that there is no answer.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::run::Hang;

/// Does this in a thread of its own and waits for it no longer than `limit`; `None` where there is no
/// answer by then. The thread is left to itself: it may hang in the kernel, which no runtime waits for.
pub async fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (answer, answered) = oneshot::channel();
    let started = std::thread::Builder::new()
        .name("facts".to_owned())
        .spawn(move || {
            if answer.send(work()).is_err() {
                tracing::debug!("a look took longer than anybody waited");
            }
        });
    if let Err(error) = started {
        tracing::warn!(%error, "nothing can be looked up");
        return None;
    }
    tokio::time::timeout(limit, answered).await.ok()?.ok()
}

/// Looks at paths. One that hangs is not looked at again before its first look has come back, so that
/// a dead disk costs one thread and not one for each question.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    hanging: Arc<Mutex<HashMap<PathBuf, Instant>>>,
}

/// A look under way; it is over when its thread drops this.
struct Ticket {
    looks: Looks,
    path: PathBuf,
    /// Another look at the same path was there first.
    second: bool,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.second {
            self.looks.lock().remove(&self.path);
        }
    }
}

impl Looks {
    /// A panic while the lock was held leaves consistent data: every change is one insertion or removal.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Instant>> {
        self.hanging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does this with a path, within a limit.
    ///
    /// # Errors
    /// It does not answer, and since when.
    pub(super) async fn at<T: Send + 'static>(
        &self,
        path: &Path,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Hang> {
        let hang = |since: Duration| Hang {
            path: path.display().to_string(),
            for_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        };
        let ticket = {
            let mut hanging = self.lock();
            let first = hanging.get(path).copied();
            if let Some(since) = first
                && since.elapsed() >= limit
            {
                return Err(hang(since.elapsed()));
            }
            hanging.entry(path.to_owned()).or_insert_with(Instant::now);
            Ticket {
                looks: self.clone(),
                path: path.to_owned(),
                second: first.is_some(),
            }
        };
        let looked = within(limit, move || {
            let seen = work();
            drop(ticket);
            seen
        });
        looked.await.ok_or_else(|| hang(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_that_hangs_is_told_in_time_and_costs_one_thread() {
        let looks = Looks::default();
        let path = Path::new("/mnt/dead");
        let (release, held) = std::sync::mpsc::channel::<()>();
        let limit = Duration::from_millis(50);
        let first = looks.at(path, limit, move || held.recv().is_ok()).await;
        assert_eq!(first.unwrap_err().for_ms, 50);
        // Nobody looks a second time while the first still hangs.
        for _ in 0..20 {
            let hang = looks
                .at(path, limit, || panic!("a second thread"))
                .await
                .unwrap_err();
            assert!(
                hang.to_string().contains("`/mnt/dead` has not answered"),
                "{hang}"
            );
        }
        let other = looks.at(Path::new("/mnt/alive"), limit, || 7).await;
        assert_eq!(other, Ok(7));
        release.send(()).unwrap();
        eventually(&looks, path).await;
        assert_eq!(looks.at(path, Duration::from_secs(5), || 8).await, Ok(8));
    }

    async fn eventually(looks: &Looks, path: &Path) {
        while looks.lock().contains_key(path) {
            tokio::task::yield_now().await;
        }
    }
}
