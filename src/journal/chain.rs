//! The hash chain: each record's hash covers the one before it and every column of its own.

use std::fmt::Write;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::run::{Event, Record};

pub(super) type Hash = [u8; 32];

/// The hash before the first record.
pub(super) const START: Hash = [0; 32];

/// The hash of a record that follows on `previous`; `columns` are its time, author, kind and body.
/// Lengths keep one column from being read as part of the next.
pub(super) fn link(previous: &Hash, seq: i64, columns: [&[u8]; 4]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(seq.to_be_bytes());
    for column in columns {
        hasher.update((column.len() as u64).to_be_bytes());
        hasher.update(column);
    }
    hasher.finalize().into()
}

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) seq: i64,
    /// RFC 3339, UTC, nanoseconds.
    pub(super) at: String,
    pub(super) by: String,
    /// The event's tag, for queries by hand.
    pub(super) kind: String,
    /// The event as JSON.
    pub(super) body: String,
    pub(super) hash: Hash,
}

impl Row {
    /// A record as it follows on `previous`.
    pub(super) fn new(record: &Record, previous: &Hash) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Tag {
            kind: String,
        }
        let body = serde_json::to_string(&record.event).map_err(|error| error.to_string())?;
        let tag: Tag = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let mut row = Self {
            seq: i64::try_from(record.seq).map_err(|error| error.to_string())?,
            at: record
                .at
                .to_rfc3339_opts(chrono::SecondsFormat::Nanos, true),
            by: record.by.clone(),
            kind: tag.kind,
            body,
            hash: START,
        };
        row.hash = row.hash_after(previous);
        Ok(row)
    }

    /// The hash it must have.
    pub(super) fn hash_after(&self, previous: &Hash) -> Hash {
        let columns = [&self.at, &self.by, &self.kind, &self.body];
        link(previous, self.seq, columns.map(|column| column.as_bytes()))
    }
}

/// A record as it is read: the bytes of its columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) seq: i64,
    pub(super) at: &'a [u8],
    pub(super) by: &'a [u8],
    pub(super) kind: &'a [u8],
    pub(super) body: &'a [u8],
    pub(super) hash: &'a [u8],
}

impl Seen<'_> {
    /// The hash it must have.
    pub(super) fn hash_after(&self, previous: &Hash) -> Hash {
        link(previous, self.seq, [self.at, self.by, self.kind, self.body])
    }

    /// Back to a record; what is wrong with it where that does not work.
    pub(super) fn record(&self) -> Result<Record, String> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|error| error.to_string());
        let at = text(self.at)?
            .parse()
            .map_err(|error| format!("its time cannot be read: {error}"))?;
        let event: Event = serde_json::from_slice(self.body)
            .map_err(|error| format!("its event cannot be read: {error}"))?;
        Ok(Record {
            seq: u64::try_from(self.seq).map_err(|error| error.to_string())?,
            at,
            by: text(self.by)?.to_owned(),
            event,
        })
    }
}

pub(super) fn hexadecimal(hash: &Hash) -> String {
    hash.iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string never fails.
            if write!(text, "{byte:02x}").is_err() {
                text.clear();
            }
            text
        })
}
