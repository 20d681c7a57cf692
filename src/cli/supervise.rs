//! `gonogo supervise RUN`: the process that owns a run, in a session of its own so that no closing
//! terminal reaches it.

use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tracing_subscriber::EnvFilter;

use super::{Exit, kept};
use crate::api;
use crate::supervisor::{Supervisor, place};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    run: String,
}

pub(super) async fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    // A process group leader has its own session already.
    if let Err(error) = rustix::process::setsid()
        && error != rustix::io::Errno::PERM
    {
        return Err(error.into());
    }
    let log = super::guard::log();
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_env("GONOGO_LOG")
                .unwrap_or_else(|_| EnvFilter::new("gonogo=info,warn")),
        )
        .with_ansi(false)
        // On a full disk the log cannot be written; saying so on the same file would panic.
        .log_internal_errors(false)
        .with_writer(move || log)
        .init();
    let directory = kept::directory_of(&arguments.run)?;
    let (supervisor, handle) = Supervisor::open(&directory, std::env::current_exe()?).await?;
    let socket = place::make_socket_path(&directory)?;
    let uid = rustix::process::getuid().as_raw();
    let guests = place::guest_socket_path(uid, &arguments.run);
    let serving = tokio::spawn({
        let socket = socket.clone();
        let guests = guests.clone();
        async move { api::serve(handle, &socket, &guests).await }
    });
    let leave = Arc::new(Notify::new());
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    tokio::spawn({
        let leave = leave.clone();
        async move {
            let signal = tokio::select! {
                _ = terminated.recv() => "SIGTERM",
                _ = interrupted.recv() => "SIGINT",
            };
            tracing::info!(
                signal,
                "told to end; what runs goes on without this process"
            );
            leave.notify_one();
        }
    });
    // A log that begins without its end tells of a death that nothing here could report.
    tracing::info!(run = %arguments.run, pid = std::process::id(), "supervisor begins");
    let supervising = supervisor.run(leave.clone());
    let lock = tokio::select! {
        ended = supervising => Some(ended?),
        served = serving => match served {
            Ok(Ok(())) => None,
            Ok(Err(error)) => return Err(error.into()),
            Err(error) => return Err(error.into()),
        },
    };
    // As long as it holds the run's lock: the next one makes its own in their place.
    let link = directory.join("socket");
    for socket in [&socket, &link, &guests] {
        if let Err(error) = std::fs::remove_file(socket) {
            tracing::debug!(%error, "the socket is gone already");
        }
    }
    drop(lock);
    tracing::info!("supervisor ends");
    Ok(Exit::Done)
}
