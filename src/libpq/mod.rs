//! What libpq reads to know where a connection goes: arguments, environment, service files, password
//! files. Asked once for a run and frozen there, so that screen, monitor and steps go to one place
//! whatever the shell holds that a later process is started from. Pure: who asks brings the variables
//! and the files along.

mod address;
mod ambient;
pub mod conninfo;
pub mod passfile;
mod proof;
mod service;
mod variables;

pub use address::{Address, Host, Source, missing_service};
pub use ambient::{Ambient, Files, Service};
pub use proof::{PSQL_END, Proof, QUERY, SYSTEM_QUERY, psql_script};
pub use variables::{is_read_by_libpq, parameter_of, variable_of};

use std::collections::BTreeMap;

/// Parameters of a connection by libpq's names.
pub type Parameters = BTreeMap<String, String>;
