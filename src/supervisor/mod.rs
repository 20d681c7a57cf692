//! The one writer of a run: commands come in, are decided, become events, are made durable, folded
//! into the state, published, and their effects started, in this order. Everything else (clients,
//! shims, samplers) talks to it through channels, and none of them can make it wait.

mod actions;
mod alarms;
mod alerts;
pub mod clock;
mod commit;
mod core;
mod facts;
mod fate;
mod feed;
mod folder;
mod guide;
mod handle;
mod held_up;
mod included;
mod launch;
mod leaving;
mod looks;
pub mod memory;
mod message;
mod notify;
mod output;
mod past;
pub mod place;
mod presence;
mod readiness;
mod redaction;
mod requests;
mod reserve;
mod secret_source;
mod secrets;
mod standing;
pub mod trust;
mod waiting;
mod watching;

pub use self::core::{Supervisor, SupervisorError};
pub use feed::{Feed, Next, SnapshotLines, head, line};
pub use guide::difference as guide_difference;
pub use handle::{Asker, Handle, LossRequest, Request, SessionRequest, TypedRequest};
pub use included::read_alone;
pub use looks::within;
pub use message::{Message, Person, SecretState, SharedView, Snapshot, StoreHealth};
pub use output::PageError;
pub use secrets::Secrets;
