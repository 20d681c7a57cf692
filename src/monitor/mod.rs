//! Live readings of the target: sessions, statements and health endpoints. Samplers hold one
//! connection each to the database (and one reserved to cancel with), read only, and back off when
//! the server is slow: monitoring must never hurt the patient.

mod activity;
mod alarm;
mod before;
mod blocking;
mod catalog;
mod clean;
mod control;
mod database;
mod database_alarms;
mod detail;
mod fate;
mod handle;
mod late;
mod ledger;
mod link;
mod lock;
mod loss;
mod moment;
mod probe;
mod progress;
mod prover;
mod recorder;
mod sample;
mod sampler;
mod sizes;
mod statements;
mod surroundings;
mod survey;
mod target;
mod trouble;
mod waits;
mod writes;

pub use crate::run::{SessionSignal as Signal, Signalled};
pub use alarm::{Alarm, AlarmSubject, Gravity, alarms_of, of_sessions, source_of};
pub use before::{BeforeStep, LockForecast};
pub use blocking::{BlockingRow, BlockingTree};
pub use database::{
    Archiver, DatabaseCounters, DatabaseFacts, DatabaseSample, Oldest, Prepared, Replica, Slot,
    Spent,
};
pub use database_alarms::of_database;
pub use detail::{HeldLock, SessionDetail};
pub use fate::Remains;
use handle::Publisher;
pub use handle::{Cadence, Monitor, MonitorConfig};
pub use late::LatePassword;
pub use lock::{LockKeeping, LockNews, LockReading, LockRecord};
pub use probe::{Probe, ProbeError};
pub use prover::IdentityNews;
pub use recorder::{Recorder, readings_at};
pub use sample::*;
pub use sizes::{TableSize, TableSizes};
pub use surroundings::{known_passwords, service_password, surroundings};
pub use survey::{StatementsState, Survey, survey};
pub use target::{Target, TargetError};
pub use trouble::Trouble;
pub use waits::{WaitClass, WaitSecond, WaitsSample};
