//! What is looked up in the world, beside the loop: a disk that hangs holds up a thread, and whoever asks
//! hears within a limit that there is no answer.

use std::time::Duration;

use tokio::sync::oneshot;

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
