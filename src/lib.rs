//! `gonogo` walks an operator through the deployment guide that a team already has, phase by phase,
//! with the database and the health endpoints live beside the current step and the rollback ready.
//!
//! The modules form a house whose arrows point down only (a test holds them to it):
//!
//! ```text
//! cli, demo                        L5  one file per subcommand: arguments in, exit code out
//! ui                               L4  the terminal client, over the API like any other
//! api                              L4  the supervisor's socket, both ends
//! supervisor                       L3  the one writer: commands in, events out, effects started
//! journal executor monitor report  L2  siblings that never import each other
//! run                              L1  pure: events, state, decide, effects, rollback plan, verdicts
//! runbook                          L0  pure: guide text -> Runbook, gonogo.toml -> Config, diagnostics
//! text                             L0  pure: durations, scrubbing of hostile bytes, redaction of secrets
//! owned                            L0  whose files and folders count: judged by descriptors, never by name
//! libpq                            L0  what libpq reads to know where a connection goes
//! tls                              L0  the process-wide cryptography provider
//! ```
//!
//! Data flows one way:
//!
//! ```text
//! key -> intent -> Command -> decide -> events -> journal (durable) -> apply -> broadcast -> view
//!                                event -> effect -> executor -> evidence -> Command
//! ```

// What input, I/O or time can reach fails with words, and no result that matters is thrown away.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::let_underscore_must_use
    )
)]

pub mod api;
pub mod cli;
pub mod demo;
pub mod executor;
pub mod journal;
pub mod libpq;
pub mod monitor;
pub mod owned;
pub mod report;
pub mod run;
pub mod runbook;
pub mod supervisor;
pub mod text;
pub mod tls;
pub mod ui;
