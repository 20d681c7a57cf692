//! The one writer of a run: commands come in, are decided, become events, are made durable, folded
//! into the state, published, and their effects started, in this order. Everything else (clients,
//! shims, samplers) talks to it through channels, and none of them can make it wait.

mod core;
mod feed;
mod launch;
mod output;
pub mod place;
mod reserve;
mod secrets;

pub use self::core::{Handle, LossRequest, Request, Supervisor, SupervisorError};
pub use feed::{Feed, News, Person, StoreHealth};
pub use output::PageError;
