//! The hash chain: each record's hash covers the one before it and every column of its own.

use std::fmt::Write;
use std::ops::Range;

use chrono::NaiveDate;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::run::{Event, Record, Timestamp};

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
        let at = match as_written(self.at) {
            Some(at) => at,
            None => text(self.at)?
                .parse()
                .map_err(|error| format!("its time cannot be read: {error}"))?,
        };
        let event = Event::from_json(self.body)
            .map_err(|error| format!("its event cannot be read: {error}"))?;
        Ok(Record {
            seq: u64::try_from(self.seq).map_err(|error| error.to_string())?,
            at,
            by: text(self.by)?.to_owned(),
            event,
        })
    }
}

/// A time in the very form that [`Row::new`] gives it (`2026-01-31T02:03:04.000000000Z`), which takes a tenth
/// of what it takes to read any form.
fn as_written(at: &[u8]) -> Option<Timestamp> {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000000000Z";
    let fits = |(at, form): (&u8, &u8)| match form {
        b'0' => at.is_ascii_digit(),
        _ => at == form,
    };
    if at.len() != FORM.len() || !at.iter().zip(FORM).all(fits) {
        return None;
    }
    let number = |digits: Range<usize>| {
        at[digits]
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    let year = i32::try_from(number(0..4)).ok()?;
    NaiveDate::from_ymd_opt(year, number(5..7), number(8..10))?
        .and_hms_nano_opt(
            number(11..13),
            number(14..16),
            number(17..19),
            number(20..29),
        )
        .map(|time| time.and_utc())
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::runbook::parse;

    #[test]
    fn the_opening_of_a_run_is_read_as_it_was_written() {
        let guide = "# A\n\n## Step 1: Do it\n\n```bash\necho ${NAME}\n```\n";
        let opening = Event::RunOpened {
            run: "20260101-000000-aaa".to_owned(),
            runbook: Arc::new(parse("a.md", guide.as_bytes())),
            environment: Box::default(),
            directory: "/".to_owned(),
            inputs: Default::default(),
            window_ends: None,
            driver: "anna@ops1".to_owned(),
            unattended: true,
            provenance: Default::default(),
        };
        for event in [opening, Event::SupervisorStopped {}] {
            let body = serde_json::to_vec(&event).unwrap();
            assert_eq!(Event::from_json(&body).unwrap(), event);
            assert_eq!(serde_json::from_slice::<Event>(&body).unwrap(), event);
        }
    }

    #[test]
    fn a_time_is_read_as_the_library_reads_it() {
        for at in [
            "2026-01-31T02:03:04.000000567Z",
            "2024-02-29T23:59:59.999999999Z",
            "0000-01-01T00:00:00.000000000Z",
        ] {
            let read: Timestamp = at.parse().unwrap();
            assert_eq!(as_written(at.as_bytes()), Some(read), "{at}");
        }
        for other in [
            "2026-01-31T02:03:04Z",
            "2026-01-31T02:03:04.000000567+01:00",
            "2026-02-29T02:03:04.000000567Z",
            "2026-01-31T24:03:04.000000567Z",
            "",
        ] {
            assert_eq!(as_written(other.as_bytes()), None, "{other}");
        }
    }
}
