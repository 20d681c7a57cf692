//! What a running shim waits for, as it stands in the attempt's directory: written by the shim,
//! read by every supervisor that follows it.
//!
//! ```text
//! held.json     which transaction is held before its COMMIT; durable before it is told, and taken
//!               away, durably, before the COMMIT is sent
//! asks.json     what the action asks for on its terminal; gone when it asks no more
//! ```

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::{private_file, read_json};
use crate::run::Timestamp;

const HELD_FILE: &str = "held.json";
const ASKS_FILE: &str = "asks.json";
/// Under which they are written.
pub(super) const DRAFTS: [&str; 2] = ["held.json.draft", "asks.json.draft"];

/// A transaction that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTransaction {
    /// Which one of the attempt, counted from 1.
    pub number: u32,
    /// The line of its `COMMIT` in the guide.
    pub line: usize,
    pub since: Timestamp,
    /// Time since the start of the action, in milliseconds.
    pub elapsed_ms: u64,
}

/// An action that waits for something to be typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// The unfinished line before the cursor, redacted; empty where there is none.
    pub prompt: String,
    /// What is typed is not echoed: a password, most likely.
    pub hidden: bool,
}

/// What a shim waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub held: Option<HeldTransaction>,
    pub asks: Option<Asks>,
}

/// What the shim of this directory waits for now, or was waiting for when it ended.
pub(super) fn read(directory: &Path) -> io::Result<Waiting> {
    Ok(Waiting {
        held: read_json(&directory.join(HELD_FILE))?,
        asks: read_json(&directory.join(ASKS_FILE))?,
    })
}

/// Durable when it returns.
pub(super) fn write_held(directory: &Path, held: Option<&HeldTransaction>) -> io::Result<()> {
    write(directory, HELD_FILE, held)?;
    File::open(directory)?.sync_all()
}

/// Of no account after a crash, so it waits for no disk.
pub(super) fn write_asks(directory: &Path, asks: Option<&Asks>) -> io::Result<()> {
    write(directory, ASKS_FILE, asks)
}

/// A reader finds all of it or what was there before. `null` takes it back: the one who follows is
/// woken by files that appear, not by files that go.
fn write<T: Serialize>(directory: &Path, name: &str, value: Option<&T>) -> io::Result<()> {
    let draft = directory.join(format!("{name}.draft"));
    let mut file = private_file(&draft)?;
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(&value)?)?;
    if name == HELD_FILE {
        file.sync_all()?;
    }
    std::fs::rename(&draft, directory.join(name))
}
