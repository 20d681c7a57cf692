//! Live readings of the target: sessions, statements and health endpoints. Samplers hold one
//! connection each to the database (and one reserved to cancel with), read only, and back off when
//! the server is slow: monitoring must never hurt the patient.

mod activity;
mod clean;
mod conninfo;
mod control;
mod handle;
mod ledger;
mod link;
mod lock;
mod loss;
mod pgpass;
mod probe;
mod sample;
mod sampler;
mod statements;
mod target;
mod trouble;

pub use control::{Signal, Signalled};
use handle::Publisher;
pub use handle::{Cadence, Monitor, MonitorConfig, identify};
pub use lock::{LockKeeping, LockNews, LockReading, LockRecord};
pub use probe::{Probe, ProbeError};
pub use sample::*;
pub use target::{Target, TargetError};
pub use trouble::Trouble;
