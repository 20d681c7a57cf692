//! A whole state as lines, in pieces of a size that no reader has to wait for.

use bytes::Bytes;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Clients that join while nothing happens are given one and the same snapshot for so long; what was
/// told since follows it.
pub(super) const SNAPSHOT_FRESH: Duration = Duration::from_secs(2);

/// Snapshots that clients are still reading take no more memory than this for long: beyond it who joins
/// is given the last one again, with all the events since.
pub(super) const SNAPSHOT_BYTES: usize = 24 << 20;

/// A snapshot is handed out in pieces of this size, so that who stops in its middle holds little.
pub(super) const PIECE: usize = 32 << 10;

/// The whole state as lines, without the name of who reads it, and the place to go on from.
#[derive(Debug)]
pub struct SnapshotLines {
    pub place: u64,
    /// After `"you":NAME,`.
    pub pieces: Vec<Bytes>,
    pub(super) bytes: usize,
    pub(super) seq: u64,
    pub(super) made: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Snapshots {
    pub(super) current: Option<Arc<SnapshotLines>>,
    /// All that somebody still reads.
    pub(super) read: Vec<Weak<SnapshotLines>>,
}

impl Snapshots {
    /// Of all but the newest, which is needed anyway.
    pub(super) fn bytes(&self) -> usize {
        let read = self.read.iter().filter_map(Weak::upgrade);
        let current = self.current.as_ref();
        read.filter(|lines| current.is_none_or(|current| !Arc::ptr_eq(lines, current)))
            .map(|lines| lines.bytes)
            .sum()
    }
}

/// Takes text in and gives it out in pieces; the brace that opens the text is left out.
#[derive(Default)]
pub(super) struct Pieces {
    pub(super) done: Vec<Bytes>,
    pub(super) open: Vec<u8>,
    pub(super) bytes: usize,
}

impl Pieces {
    pub(super) fn add(&mut self, mut text: &[u8]) {
        if self.bytes == 0 {
            text = text.strip_prefix(b"{").unwrap_or(text);
        }
        self.bytes += text.len();
        while !text.is_empty() {
            let room = PIECE - self.open.len();
            let (now, later) = text.split_at(room.min(text.len()));
            self.open.extend_from_slice(now);
            text = later;
            if self.open.len() == PIECE {
                self.done.push(Bytes::from(std::mem::take(&mut self.open)));
            }
        }
    }

    pub(super) fn finish(mut self) -> (Vec<Bytes>, usize) {
        if !self.open.is_empty() {
            self.done.push(Bytes::from(self.open));
        }
        (self.done, self.bytes)
    }
}

impl std::io::Write for Pieces {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.add(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
