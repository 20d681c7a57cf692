//! The command line: one file a subcommand, arguments in, exit code out.

mod abandon;
mod accept;
mod annotate;
mod attach;
mod by_hand;
mod check;
mod completions;
mod configuration;
mod demo;
mod doctor;
mod exit;
mod glance;
mod guard;
mod handover;
mod holders;
mod identity;
mod inputs;
mod kept;
mod open;
mod owner;
mod park;
mod plan;
mod print;
mod promote;
mod recall;
mod report;
mod resume;
mod rollback;
mod rollback_view;
mod run;
mod runs;
mod session;
mod shell_syntax;
mod status;
mod supervise;
mod trust;
mod unattended;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::demo::{control, host, service};

pub use exit::Exit;

/// A deployment cockpit: walks you through a Markdown runbook against a real PostgreSQL and real
/// services, with the rollback always ready.
#[derive(Debug, Parser)]
#[command(name = "gonogo", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done or go; 1 failed or no-go; 2 usage or configuration; \
    3 waiting for a person; 4 rolled back; 5 the guide has errors."
)]
struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Open the cockpit on a new run of a guide.
    Run(run::Arguments),
    /// Join a run: the newest that is under way, or the one named.
    Attach(attach::Arguments),
    /// Walk an annotated guide without a person.
    Rehearse(unattended::Arguments),
    /// Open a run of the same guide in another environment, with the same inputs.
    Promote(promote::Arguments),
    /// Parse and lint guides.
    Check(check::Arguments),
    /// Show what would run, in order, with its values filled in; and the rollback.
    Plan(plan::Arguments),
    /// Confirm or correct what was inferred about a guide's blocks.
    Annotate(annotate::Arguments),
    /// Revive a run whose supervisor is gone; it starts held.
    Resume(resume::Arguments),
    /// List the runs kept on this machine.
    Runs(runs::Arguments),
    /// Show the state of a run.
    Status(status::Arguments),
    /// Show the state of a run to whoever takes it over.
    Handover(handover::Arguments),
    /// Print the report of a run, with evidence and times, without secrets.
    Report(report::Arguments),
    /// Roll a run back without the cockpit.
    Rollback(rollback::Arguments),
    /// Abandon a run where it stands; nothing is rolled back.
    Abandon(abandon::Arguments),
    /// End the process of a run, with its connections and locks; the run stays.
    Park(park::Arguments),
    /// Show what a configuration would run and connect to, and trust it.
    Trust(trust::Arguments),
    /// Accept a target that is no longer the confirmed database.
    Accept(accept::Arguments),
    /// Check that everything a guide needs is here.
    Doctor(doctor::Arguments),
    /// A throwaway PostgreSQL, sample services, traffic, and a guide to walk.
    Demo(demo::Arguments),
    /// Print completions for a shell.
    Completions(completions::Arguments),
    /// Own a run (started by `run`).
    #[command(hide = true)]
    Supervise(supervise::Arguments),
    /// Carry out one action (started by the supervisor).
    #[command(hide = true)]
    Shim { directory: PathBuf },
    /// A service of the sample system.
    #[command(hide = true)]
    DemoService(service::ServiceArguments),
    /// Controls the services of the sample system.
    #[command(hide = true)]
    DemoCtl(control::ControlArguments),
    /// Watches over the processes of the sample system.
    #[command(hide = true)]
    DemoHost(host::HostArguments),
}

/// How a run is opened.
#[derive(Clone, Debug, Default, Args)]
struct OpenArguments {
    /// The Markdown guide.
    guide: PathBuf,
    /// The environment of `gonogo.toml` to act on.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// A value for a blank of the guide.
    #[arg(long = "var", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// Length of the maintenance window, counted from now.
    #[arg(long, value_name = "DURATION")]
    window: Option<String>,
}

/// Parses the arguments of the process and does what they say.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return guard::misused(&error),
    };
    guard::leave_no_core();
    // These are worlds of their own: no runtime here, nothing that could fail before they act.
    match cli.command {
        Subcommands::Shim { directory } => {
            let code = crate::executor::shim::main(&directory);
            ExitCode::from(u8::try_from(code).unwrap_or(1))
        }
        Subcommands::DemoService(arguments) => ExitCode::from(service::main(arguments)),
        Subcommands::DemoCtl(arguments) => ExitCode::from(control::main(&arguments)),
        Subcommands::DemoHost(arguments) => ExitCode::from(host::main(&arguments)),
        command => run_command(command),
    }
}

fn run_command(command: Subcommands) -> ExitCode {
    guard::report_panics();
    crate::tls::install();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            print::say!("gonogo: cannot start: {error}");
            return ExitCode::from(Exit::Failed.code());
        }
    };
    let outcome = runtime.block_on(dispatch(command));
    // A task that waits for a slow server must not hold the prompt back.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            print::say!("{}", guard::masked(&exit::explain(&error)));
            ExitCode::from(exit::code_of(&error))
        }
    }
}

async fn dispatch(command: Subcommands) -> color_eyre::Result<Exit> {
    guard::bear_limits();
    match command {
        Subcommands::Run(arguments) => run::main(arguments).await,
        Subcommands::Attach(arguments) => attach::main(arguments).await,
        Subcommands::Rehearse(arguments) => unattended::main(arguments).await,
        Subcommands::Promote(arguments) => promote::main(arguments).await,
        Subcommands::Check(arguments) => check::main(&arguments),
        Subcommands::Plan(arguments) => plan::main(&arguments),
        Subcommands::Annotate(arguments) => annotate::main(&arguments),
        Subcommands::Resume(arguments) => resume::main(arguments).await,
        Subcommands::Runs(arguments) => runs::main(&arguments).await,
        Subcommands::Status(arguments) => status::main(&arguments).await,
        Subcommands::Handover(arguments) => handover::main(&arguments).await,
        Subcommands::Report(arguments) => report::main(&arguments).await,
        Subcommands::Rollback(arguments) => rollback::main(arguments).await,
        Subcommands::Abandon(arguments) => abandon::main(arguments).await,
        Subcommands::Park(arguments) => park::main(&arguments).await,
        Subcommands::Trust(arguments) => trust::main(&arguments).await,
        Subcommands::Accept(arguments) => accept::main(arguments).await,
        Subcommands::Doctor(arguments) => doctor::main(&arguments).await,
        Subcommands::Demo(arguments) => demo::main(arguments).await,
        Subcommands::Completions(arguments) => completions::main(&arguments),
        Subcommands::Supervise(arguments) => supervise::main(&arguments).await,
        // Handled before the runtime was built.
        Subcommands::Shim { .. }
        | Subcommands::DemoService(_)
        | Subcommands::DemoCtl(_)
        | Subcommands::DemoHost(_) => Ok(Exit::Usage),
    }
}
