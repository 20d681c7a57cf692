//! Keeps a demo alive without a cockpit: makes the directory, says where everything is, and waits for
//! SIGTERM, SIGINT or the end of its standard input.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

use super::catalogue::{SYSTEMS, named};
use super::workspace::{Plan, Workspace, WorkspaceError};

/// Arguments of `demo-host`.
#[derive(Clone, Debug, clap::Args)]
pub struct HostArguments {
    /// The directory to make; it stays when the demo ends.
    pub directory: PathBuf,
    /// The sample system.
    #[arg(default_value = SYSTEMS[0].name)]
    pub system: String,
}

/// Holds a demo until it is told to stop. Prints one JSON document, once everything answers: the guide,
/// its configuration, the database and the services. Returns the exit code.
pub fn main(arguments: &HostArguments) -> u8 {
    let result = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(failed("start the runtime"))
        .and_then(|runtime| {
            let result = runtime.block_on(host(arguments));
            // A read from the standard input may never return.
            runtime.shutdown_background();
            result
        });
    match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("demo: {error}");
            1
        }
    }
}

fn failed(what: &str) -> impl FnOnce(std::io::Error) -> WorkspaceError {
    let what = what.to_owned();
    move |source| WorkspaceError::Io { what, source }
}

async fn host(arguments: &HostArguments) -> Result<(), WorkspaceError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(failed("wait for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed("wait for SIGINT"))?;
    let binary = std::env::current_exe().map_err(failed("find this program"))?;
    let system = named(&arguments.system).ok_or_else(|| {
        let unknown = std::io::Error::other("there is no such system");
        failed(&format!("start `{}`", arguments.system))(unknown)
    })?;
    let plan = Plan::of(system);
    let workspace = tokio::select! {
        workspace = Workspace::create(&plan, &arguments.directory, &binary) => workspace?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let layout = workspace.layout();
    let services: BTreeMap<_, _> = layout
        .order
        .iter()
        .map(|service| (service.as_str(), layout.url(*service)))
        .collect();
    println!(
        "{:#}",
        json!({
            "guide": workspace.guide(),
            "config": workspace.config(),
            "database": workspace.conninfo(),
            "services": services,
            "admin_token_file": layout.admin_token_file(),
        })
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = end_of_input() => {}
    }
    workspace.stop().await
}

async fn end_of_input() {
    let mut input = tokio::io::stdin();
    let mut buffer = [0u8; 256];
    while matches!(input.read(&mut buffer).await, Ok(1..)) {}
}
