//! The throwaway worlds of `gonogo demo`: a PostgreSQL of their own, small services with traffic, and
//! the directory in which a guide deploys a new version of them. One module per sample system; all of
//! them share one frame:
//!
//! ```text
//! catalogue   the list of the sample systems
//! system      what a sample system is
//! workspace   the directory: server, rows, services, guide; its start and its end
//! settings    the `gonogo.toml` that leads a run there
//! kept        the state compared with that of the beginning
//! layout      what the processes of a workspace know of each other
//! control     `demo/services`: starts and stops services for the steps of a guide
//! service     one service as a process
//! ```
//!
//! Nothing here is used by a run: for the cockpit it is a target like any other.

pub mod catalogue;
pub mod cluster;
pub mod control;
mod counters;
pub mod host;
mod kept;
pub mod layout;
pub mod preflight;
pub mod service;
mod settings;
mod single_table;
mod star_schema;
pub mod system;
mod watch_release;
mod watched;
mod web;
pub mod workspace;
