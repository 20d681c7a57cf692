//! Whose files and folders these are. What steers a run (its configuration, its guide, what is
//! remembered) counts only from files that nobody but the user and root can change, and the program's
//! own folders are nobody else's. Every path is walked by descriptors from `/` on, so that what was
//! judged is what is used: a name that is replaced on the way leads nowhere.
//!
//! The rules are those of OpenSSH's `StrictModes` and git's `safe.directory`:
//!
//! - a file and each folder above it belong to the user or to root, and nobody else may write them;
//! - a group may, if it is the private group of that owner (`anna:anna`);
//! - where others may make names but not replace ours (sticky, as `/tmp`), a folder on the way is
//!   fine, and no link is followed; elsewhere a link is followed that belongs to the user or to root.

mod account;
mod distrust;
mod file;
mod folder;
mod walk;

pub use account::login_of;
pub use distrust::Distrust;
pub use file::{Judged, read};
pub use folder::{OPEN_TO_PASS, PRIVATE, make};
