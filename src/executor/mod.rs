//! Actions as processes. Each action runs under a shim: the same binary in a session of its own, which
//! owns the action's terminals, writes what it prints to a spool and how it ended to an exit record.
//! So an action outlives a supervisor that dies, and the next one adopts it with output and exit code.
//!
//! ```text
//! ROOT/actions/.ahead-<number>/      folders that are made ahead for a rollback
//! ROOT/actions/<action>-<attempt>/   0700, files 0600; made with all its files before anything runs
//!     pid.json     which process carries the action out; its absence proves that nothing ran
//!     script.sh    or script.sql: what runs, byte for byte as it was shown
//!     holds.sh     what bash is asked between two commands: what it holds now
//!     proof        a FIFO by which psql says which database it has reached, before it gets its script
//!     spool        what it printed (see `spool` for the format)
//!     input        a FIFO by which the shim is told things while it works
//!     held.json    a transaction that waits for a person, asks.json a question on the terminal
//!     exit.json    how it ended; written once, durably
//!     shim.log     what the shim itself could not say elsewhere
//! ```

mod channel;
pub mod evidence;
mod files;
mod http_lines;
mod launcher;
mod prepared;
mod process;
mod psql_table;
mod rounds;
pub mod scan;
pub mod shim;
mod spec;
pub mod spool;
mod waiting;
mod watch;

pub use files::private_file;
pub use launcher::{Adopted, End, Executor, LaunchError, Running};
pub use process::{
    Condition, boot_id, condition, is_alive, launched, signal_exactly, with_arguments,
};
pub use spec::{
    ActionKind, ExitRecord, Expected, HttpAnswer, ShellHanded, ShimSpec, application_name,
};
pub use waiting::{Asks, HeldTransaction, Waiting};
