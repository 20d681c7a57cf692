//! The hash chain: each record's hash covers the one before it and every column of its own.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::run::{Event, Record, Timestamp};

pub(super) type Hash = [u8; 32];

/// The hash before the first record.
pub(super) const START: Hash = [0; 32];

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
    pub(super) hash: Vec<u8>,
}

impl Row {
    /// A record as it follows on `previous`.
    pub(super) fn new(record: &Record, previous: &Hash) -> Result<Self, String> {
        let body = serde_json::to_value(&record.event).map_err(|error| error.to_string())?;
        let mut row = Self {
            seq: i64::try_from(record.seq).map_err(|error| error.to_string())?,
            at: record
                .at
                .to_rfc3339_opts(chrono::SecondsFormat::Nanos, true),
            by: record.by.clone(),
            kind: body["kind"].as_str().unwrap_or_default().to_owned(),
            body: body.to_string(),
            hash: Vec::new(),
        };
        row.hash = row.hash_after(previous).to_vec();
        Ok(row)
    }

    /// The hash it must have. Lengths keep one column from being read as part of the next.
    pub(super) fn hash_after(&self, previous: &Hash) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(previous);
        hasher.update(self.seq.to_be_bytes());
        for column in [&self.at, &self.by, &self.kind, &self.body] {
            hasher.update((column.len() as u64).to_be_bytes());
            hasher.update(column);
        }
        hasher.finalize().into()
    }

    /// Back to a record; what is wrong with it where that does not work.
    pub(super) fn record(&self) -> Result<Record, String> {
        let at: Timestamp = self
            .at
            .parse()
            .map_err(|error| format!("its time cannot be read: {error}"))?;
        let event: Event = serde_json::from_str(&self.body)
            .map_err(|error| format!("its event cannot be read: {error}"))?;
        Ok(Record {
            seq: u64::try_from(self.seq).map_err(|error| error.to_string())?,
            at,
            by: self.by.clone(),
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
