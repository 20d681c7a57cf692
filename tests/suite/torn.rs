//! A journal whose end is torn off or altered, at byte after byte of its files: what can be read is a
//! prefix of what was written, or it is refused. Every 211th byte in the short form; each one where
//! `GONOGO_FAULTS` asks for the long one.

use std::path::{Path, PathBuf};

use gonogo::journal::{Journal, SqliteJournal, verify};
use gonogo::run::{Event, Record};

const EVENTS: u64 = 7;

fn record(seq: u64) -> Record {
    Record {
        seq,
        at: chrono::DateTime::from_timestamp(1_700_000_000 + seq as i64, 0).unwrap(),
        by: "anna@ops1".to_owned(),
        event: Event::NoteWritten {
            text: format!(
                "{seq}: {}",
                "seen ".repeat(usize::try_from(seq % 7).unwrap() * 20)
            ),
            step: None,
        },
    }
}

/// A file of a journal in pieces, and what to do to it.
#[derive(Clone, Copy, Debug)]
enum Fault {
    CutAt(usize),
    FlippedAt(usize),
}

impl Fault {
    fn strike(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::CutAt(length) => bytes[..length].to_vec(),
            Self::FlippedAt(byte) => {
                let mut bytes = bytes.to_vec();
                bytes[byte] ^= 0x41;
                bytes
            }
        }
    }
}

/// What came of the faults.
#[derive(Debug, Default)]
struct Tally {
    faults: usize,
    refused: usize,
    /// A shorter journal, and it is said.
    prefix: usize,
    /// The fault changed nothing that is read.
    whole: usize,
    /// Went on behind the prefix.
    went_on: usize,
    /// Went on, but the file is damaged below its events, and a later look says so.
    damaged_again: usize,
}

/// Bytes from one fault to the next; `GONOGO_FAULTS=1000` leaves none out.
fn stride() -> usize {
    let asked: Option<usize> = std::env::var("GONOGO_FAULTS")
        .ok()
        .and_then(|count| count.parse().ok());
    asked.map_or(211, |count| (1_000 / count.max(1)).max(1))
}

/// The journal's files at rest, and while its writer lives; without the note of its end, for which see
/// below.
async fn written(directory: &Path) -> (PathBuf, SqliteJournal) {
    let path = directory.join("journal.sqlite");
    let mut journal = SqliteJournal::create(&path).await.unwrap();
    for seq in 1..=EVENTS {
        journal.append(&[record(seq)]).await.unwrap();
    }
    (path, journal)
}

/// Reads a damaged copy in every way, and goes on with it as a supervisor would.
async fn look(path: &Path, original: &[Record], is_noted: bool, fault: Fault, tally: &mut Tally) {
    tally.faults += 1;
    let mut intact = false;
    let mut readable = None;
    if let Ok(mut journal) = SqliteJournal::open_read_only(path).await
        && let Ok(records) = journal.read(0).await
    {
        assert!(original.starts_with(&records), "{fault:?}: another event");
        readable = Some(records.len());
        journal.close().await.ok();
    }
    if let Ok(found) = verify(path).await {
        intact = found.intact;
    }
    match readable {
        None => tally.refused += 1,
        Some(length) if length == original.len() => tally.whole += 1,
        Some(_) => {
            tally.prefix += 1;
            assert!(!is_noted || !intact, "{fault:?}: what is missing is said");
        }
    }
    // Half of the time somebody reads meanwhile: then what is added stays in the log, in front of what
    // the fault left of it.
    let reader = match tally.faults / 2 % 2 {
        0 => SqliteJournal::open_read_only(path).await.ok(),
        _ => None,
    };
    let Ok(mut journal) = SqliteJournal::open(path).await else {
        return;
    };
    let told = journal.damage().is_some();
    let Ok(kept) = journal.read(0).await else {
        return;
    };
    assert!(original.starts_with(&kept), "{fault:?}: another event");
    if is_noted && kept.len() < original.len() {
        assert!(told, "{fault:?}: a supervisor is told what is missing");
    }
    if journal.damage().is_some() && journal.set_damaged_tail_aside().await.is_err() {
        return;
    }
    // What a supervisor adds is never, byte for byte, what was lost: a log whose torn end is written
    // again as it was would be whole again.
    let mut next = record(kept.len() as u64 + 1);
    next.at += chrono::TimeDelta::days(1);
    if journal.append(std::slice::from_ref(&next)).await.is_err() || journal.close().await.is_err()
    {
        return;
    }
    if let Some(reader) = reader {
        reader.close().await.ok();
    }
    let Ok(mut journal) = SqliteJournal::open_read_only(path).await else {
        return;
    };
    let mut wanted = kept;
    wanted.push(next);
    // Pages of the file itself may be damaged, not only events: then it is said again.
    if let Ok(records) = journal.read(0).await {
        assert!(
            wanted.starts_with(&records),
            "{fault:?}: another event: {} were wanted, and {} are there ({:?})",
            wanted.len(),
            records.len(),
            journal.damage()
        );
        match journal.damage() {
            None => {
                assert_eq!(records, wanted, "{fault:?}: it goes on from its prefix");
                tally.went_on += 1;
            }
            Some(_) => tally.damaged_again += 1,
        }
    }
}

async fn every_fault(files: &[(&str, Vec<u8>)], struck: &str, is_noted: bool) -> Tally {
    let original: Vec<Record> = (1..=EVENTS).map(record).collect();
    let bytes = &files.iter().find(|(name, _)| *name == struck).unwrap().1;
    let mut tally = Tally::default();
    let directory = tempfile::tempdir().unwrap();
    let positions = (0..bytes.len()).step_by(stride());
    let faults = positions.flat_map(|at| [Fault::CutAt(at), Fault::FlippedAt(at)]);
    for (number, fault) in faults.enumerate() {
        let place = directory.path().join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        for (name, bytes) in files {
            let bytes = match *name == struck {
                true => fault.strike(bytes),
                false => bytes.clone(),
            };
            std::fs::write(place.join(name), bytes).unwrap();
        }
        look(
            &place.join("journal.sqlite"),
            &original,
            is_noted,
            fault,
            &mut tally,
        )
        .await;
        std::fs::remove_dir_all(&place).unwrap();
    }
    eprintln!("{struck}, every {}: {tally:?}", stride());
    assert_eq!(
        tally.refused + tally.prefix + tally.whole,
        tally.faults,
        "each has an answer"
    );
    assert!(tally.went_on > 0);
    tally
}

fn files(directory: &Path, names: &[&'static str]) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = |name: &str| std::fs::read(directory.join(name)).unwrap();
    names.iter().map(|name| (*name, bytes(name))).collect()
}

#[tokio::test]
async fn a_closed_journal_torn_or_altered_anywhere_gives_a_prefix_or_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (_path, journal) = written(directory.path()).await;
    journal.close().await.unwrap();
    let files = files(directory.path(), &["journal.sqlite", "journal.head"]);
    let tally = every_fault(&files, "journal.sqlite", true).await;
    assert!(tally.refused > 0 && tally.prefix > 0, "{tally:?}");
}

#[tokio::test]
async fn a_write_ahead_log_torn_or_altered_anywhere_gives_a_prefix_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (_path, journal) = written(directory.path()).await;
    let names = ["journal.sqlite", "journal.sqlite-wal", "journal.head"];
    let files = files(directory.path(), &names);
    drop(journal);
    let tally = every_fault(&files, "journal.sqlite-wal", true).await;
    assert!(tally.prefix > 0, "{tally:?}");
}

#[tokio::test]
async fn a_note_of_the_end_that_is_torn_or_altered_invents_no_event() {
    let directory = tempfile::tempdir().unwrap();
    let (_path, journal) = written(directory.path()).await;
    journal.close().await.unwrap();
    let files = files(directory.path(), &["journal.sqlite", "journal.head"]);
    let tally = every_fault(&files, "journal.head", true).await;
    assert_eq!(tally.whole, tally.faults, "the events are all there");
}
