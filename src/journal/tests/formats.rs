//! Journals of older formats: read as they are, and brought forward without losing anything.

use super::*;

/// A journal as the first format wrote it: a rehearsal of two steps, closed in good order.
const FORMAT_1: &[u8] = include_bytes!("../fixtures/format-1.sqlite");

impl Place {
    fn of_format_1() -> Self {
        let place = Self::new();
        std::fs::write(place.path(), FORMAT_1).unwrap();
        place
    }

    async fn format(&self) -> i64 {
        let mut raw = self.raw().await;
        let format = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&mut raw)
            .await
            .unwrap();
        raw.close().await.unwrap();
        format
    }
}

/// Every event of the fixture, folded as a supervisor does it.
fn assert_is_the_rehearsal(records: &[Record]) {
    assert_eq!(records.len(), 12);
    let mut state = crate::run::open(&records[0]).unwrap();
    for record in &records[1..] {
        crate::run::apply(&mut state, record);
    }
    assert_eq!(state.mode, crate::run::Mode::Done);
    assert_eq!(state.runbook.title, "Move the orders");
}

#[tokio::test]
async fn an_older_journal_is_read_as_it_is() {
    let place = Place::of_format_1();
    let mut reader = SqliteJournal::open_read_only(place.path()).await.unwrap();
    assert_is_the_rehearsal(&reader.read(0).await.unwrap());
    assert_eq!(reader.standing().await, None);
    drop(reader);
    assert!(verify(&place.path()).await.unwrap().intact);
    assert_eq!(std::fs::read(place.path()).unwrap(), FORMAT_1);
}

#[tokio::test]
async fn an_older_journal_is_brought_forward_and_kept_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::of_format_1();
    let before = verify(&place.path()).await.unwrap();
    let mut journal = SqliteJournal::open(place.path()).await.unwrap();
    assert_is_the_rehearsal(&journal.read(0).await.unwrap());
    journal.append(&records(13..=14)).await.unwrap();
    journal.keep_standing("{}").await.unwrap();
    journal.close().await.unwrap();
    assert_eq!(place.format().await, schema::newest());
    let after = verify(&place.path()).await.unwrap();
    assert!(after.intact && after.events == 14, "{after:?}");

    // The copy is a journal of the old format with the same chain, for its owner alone.
    let copy = schema::copy_of(&place.path(), 1);
    assert_eq!(verify(&copy).await.unwrap(), before);
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o077, 0);
    let mut old = SqliteJournal::open_read_only(copy).await.unwrap();
    assert_is_the_rehearsal(&old.read(0).await.unwrap());

    // A journal of today leaves no copy.
    let today = Place::new();
    today.journal_of(1).await.close().await.unwrap();
    SqliteJournal::open(today.path()).await.unwrap();
    assert!(!schema::copy_of(&today.path(), schema::newest()).exists());
}

#[tokio::test]
async fn a_copy_that_an_interrupted_attempt_left_is_replaced() {
    let place = Place::of_format_1();
    let copy = schema::copy_of(&place.path(), 1);
    std::fs::write(&copy, "half a copy").unwrap();
    std::fs::write(copy.with_extension("draft"), "half a draft").unwrap();
    SqliteJournal::open(place.path()).await.unwrap();
    assert_eq!(verify(&copy).await.unwrap().events, 12);
    assert!(!copy.with_extension("draft").exists());
}

/// A crash leaves the file and some of its write-ahead log: the journal is of one format or of the
/// other, all events are there, and the next attempt brings it forward.
#[tokio::test]
async fn a_crash_during_the_change_of_format_loses_nothing() {
    let place = Place::of_format_1();
    let mut formats = std::collections::BTreeSet::new();
    // Changed, but not yet written back into the file: all of it is in the log.
    let mut journal = SqliteJournal::open(place.path()).await.unwrap();
    journal.append(&records(13..=13)).await.unwrap();
    let log = std::fs::read(place.path().with_extension("db-wal")).unwrap();
    let file = std::fs::read(place.path()).unwrap();
    assert_eq!(file.len(), FORMAT_1.len(), "nothing was written back");
    let cuts = (0..log.len()).step_by(97).chain([log.len()]);
    for cut in cuts {
        let torn = Place::new();
        std::fs::write(torn.path(), &file).unwrap();
        std::fs::write(torn.path().with_extension("db-wal"), &log[..cut]).unwrap();
        formats.insert(torn.format().await);
        let mut reader = SqliteJournal::open_read_only(torn.path()).await.unwrap();
        assert_is_the_rehearsal(&reader.read(0).await.unwrap()[..12]);
        drop(reader);
        let mut again = SqliteJournal::open(torn.path()).await.unwrap();
        assert_is_the_rehearsal(&again.read(0).await.unwrap()[..12]);
        again.close().await.unwrap();
        assert_eq!(torn.format().await, schema::newest());
        assert!(verify(&torn.path()).await.unwrap().intact);
    }
    assert_eq!(Vec::from_iter(formats), [1, schema::newest()]);
}

#[tokio::test]
async fn a_change_of_format_that_fails_half_way_changes_nothing() {
    let place = Place::of_format_1();
    // The second format cannot be made: what it adds is there already.
    place.alter("CREATE TABLE standing (x)").await;
    let error = SqliteJournal::open(place.path()).await.unwrap_err();
    assert!(matches!(error, JournalError::Io { .. }), "{error}");
    assert_eq!(place.format().await, 1);
    let mut reader = SqliteJournal::open_read_only(place.path()).await.unwrap();
    assert_is_the_rehearsal(&reader.read(0).await.unwrap());
}

#[tokio::test]
async fn a_damaged_older_journal_is_brought_forward_too() {
    let place = Place::of_format_1();
    place
        .alter("UPDATE events SET by = 'someone else' WHERE seq = 9")
        .await;
    let journal = SqliteJournal::open(place.path()).await.unwrap();
    assert_eq!(journal.damage().unwrap().first_bad, 9);
    assert!(schema::copy_of(&place.path(), 1).exists());
}
