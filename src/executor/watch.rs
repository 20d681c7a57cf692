//! Wakes a waiter when an action's exit record appears or its shim is gone, within a millisecond where
//! the system can tell (Linux), else by looking every 20 ms.

use std::path::Path;
use std::time::Duration;

use crate::run::Launched;

/// Also an upper bound where notifications work: a lost one costs this much.
#[cfg(target_os = "linux")]
const SAFETY_NET: Duration = Duration::from_millis(500);
const POLLING: Duration = Duration::from_millis(20);

pub(super) struct Watch {
    #[cfg(target_os = "linux")]
    notices: Option<Notices>,
}

impl Watch {
    /// Must exist before the waiter looks for the record the first time, so that none is missed.
    #[cfg(target_os = "linux")]
    pub(super) fn new(directory: &Path, launched: &Launched) -> Self {
        let notices = Notices::new(directory, launched)
            .inspect_err(|error| tracing::debug!(%error, "no notification; polling instead"))
            .ok();
        Self { notices }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn new(_directory: &Path, _launched: &Launched) -> Self {
        Self {}
    }

    /// Returns when something may have changed.
    pub(super) async fn changed(&mut self) {
        #[cfg(target_os = "linux")]
        if let Some(notices) = &mut self.notices {
            if tokio::time::timeout(SAFETY_NET, notices.next())
                .await
                .is_ok_and(|next| next.is_err())
            {
                self.notices = None;
            }
            return;
        }
        tokio::time::sleep(POLLING).await;
    }
}

/// Two handles of which only readiness matters; they are watched as if they were pipes.
#[cfg(target_os = "linux")]
struct Notices {
    directory: tokio::net::unix::pipe::Receiver,
    process: tokio::net::unix::pipe::Receiver,
}

#[cfg(target_os = "linux")]
impl Notices {
    fn new(directory: &Path, launched: &Launched) -> std::io::Result<Self> {
        use rustix::fs::inotify;
        use tokio::net::unix::pipe::Receiver;
        let events = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&events, directory, inotify::WatchFlags::MOVED_TO)?;
        let process = super::process::open_exactly(launched)?;
        Ok(Self {
            directory: Receiver::from_owned_fd_unchecked(events)?,
            process: Receiver::from_owned_fd_unchecked(process)?,
        })
    }

    async fn next(&mut self) -> std::io::Result<()> {
        tokio::select! {
            ready = self.directory.readable() => {
                ready?;
                // What the events say does not matter: the waiter looks for itself.
                let mut buffer = [0_u8; 4096];
                match self.directory.try_read(&mut buffer) {
                    Ok(_) => Ok(()),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
                    Err(error) => Err(error),
                }
            }
            ready = self.process.readable() => ready,
        }
    }
}
