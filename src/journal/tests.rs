mod formats;

use chrono::{TimeZone, Utc};
use proptest::prelude::*;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::*;
use crate::run::Event;

mod folding;

fn record(seq: u64) -> Record {
    Record {
        seq,
        at: Utc.timestamp_opt(1_700_000_000, 123_456_789).unwrap(),
        by: "anna@ops1".to_owned(),
        event: Event::NoteWritten {
            text: format!("note {seq} with 'quotes', \"more\" and ü"),
            step: seq.is_multiple_of(2).then(|| "step".to_owned()),
        },
    }
}

fn own() -> crate::run::Launched {
    crate::run::Launched {
        pid: std::process::id(),
        start_time: 1,
        boot_id: "this".to_owned(),
    }
}

fn records(range: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    range.map(record).collect()
}

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("journal.db")
    }

    async fn journal_of(&self, count: u64) -> SqliteJournal {
        let mut journal = SqliteJournal::create(self.path()).await.unwrap();
        if count > 0 {
            journal.append(&records(1..=count)).await.unwrap();
        }
        journal
    }

    /// A way past the journal, for those who alter it.
    async fn raw(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.path())
            .connect()
            .await
            .unwrap()
    }

    async fn alter(&self, statement: &'static str) {
        let mut connection = self.raw().await;
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

#[tokio::test]
async fn what_was_appended_is_read_back_as_it_was() {
    let place = Place::new();
    let mut journal = place.journal_of(0).await;
    assert_eq!(journal.head().seq, 0);
    journal.append(&records(1..=2)).await.unwrap();
    journal.append(&records(3..=5)).await.unwrap();
    assert_eq!(journal.read(0).await.unwrap(), records(1..=5));
    assert_eq!(journal.read(3).await.unwrap(), records(4..=5));
    assert_eq!(journal.head().seq, 5);
    let head = journal.head();
    journal.close().await.unwrap();

    let mut again = SqliteJournal::open(place.path()).await.unwrap();
    assert_eq!(again.damage(), None);
    assert_eq!(again.head(), head);
    assert_eq!(again.read(0).await.unwrap(), records(1..=5));
    again.append(&records(6..=6)).await.unwrap();
    let found = verify(&place.path()).await.unwrap();
    assert!(found.intact, "{found:?}");
    assert_eq!((found.events, &found.head), (6, &again.head()));
}

#[tokio::test]
async fn whatever_a_text_holds_is_kept_as_it_is() {
    let odd = "a\0b\u{1}\u{7f};12 3; \"q\" \\ \u{1f680}\u{2028}\n\r";
    let records = [Record {
        by: odd.to_owned(),
        event: Event::NoteWritten {
            text: odd.to_owned(),
            step: Some(String::new()),
        },
        ..record(1)
    }];
    let place = Place::new();
    let mut journal = place.journal_of(0).await;
    journal.append(&records).await.unwrap();
    assert_eq!(journal.read(0).await.unwrap(), records);
    assert!(verify(&place.path()).await.unwrap().intact);
}

#[tokio::test]
async fn a_damage_is_found_at_its_event_wherever_it_is() {
    const EVENTS: u64 = 200;
    let place = Place::new();
    place.journal_of(EVENTS).await.close().await.unwrap();
    let whole = std::fs::read(place.path()).unwrap();
    for seq in [1, 2, 63, 64, 65, 66, 127, 128, 129, 192, 193, EVENTS] {
        for change in [
            "UPDATE events SET by = 'x' WHERE seq =",
            "DELETE FROM events WHERE seq =",
            "UPDATE events SET body = '1 2 3 4 5 6;' WHERE seq =",
            "UPDATE events SET seq = seq + 9000000000000000000 WHERE seq =",
        ] {
            std::fs::write(place.path(), &whole).unwrap();
            let statement = format!("{change} {seq}");
            let mut raw = place.raw().await;
            sqlx::query(sqlx::AssertSqlSafe(statement.clone()))
                .execute(&mut raw)
                .await
                .unwrap();
            raw.close().await.unwrap();
            let found = verify(&place.path()).await.unwrap();
            assert_eq!(found.first_bad, Some(seq), "{statement}: {found:?}");
            let mut journal = SqliteJournal::open_read_only(place.path()).await.unwrap();
            assert_eq!(journal.read(0).await.unwrap(), records(1..=seq - 1));
            // A reader that is still there keeps the log of this change for the next one.
            journal.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn records_follow_on_without_gaps() {
    let place = Place::new();
    let mut journal = place.journal_of(2).await;
    for wrong in [records(4..=4), records(2..=3), vec![record(3), record(5)]] {
        let error = journal.append(&wrong).await.unwrap_err();
        assert!(
            matches!(
                error,
                JournalError::OutOfOrder { .. } | JournalError::Conflict { .. }
            ),
            "{error}"
        );
    }
    // Nothing of the refused ones is there, and the journal goes on.
    assert_eq!(journal.read(0).await.unwrap(), records(1..=2));
    journal.append(&records(3..=3)).await.unwrap();
    assert_eq!(journal.read(0).await.unwrap(), records(1..=3));
}

#[tokio::test]
async fn a_reader_sees_what_the_writer_adds() {
    let place = Place::new();
    let mut writer = place.journal_of(1).await;
    let mut reader = SqliteJournal::open_read_only(place.path()).await.unwrap();
    assert_eq!(reader.read(0).await.unwrap(), records(1..=1));
    writer.append(&records(2..=3)).await.unwrap();
    assert_eq!(reader.read(1).await.unwrap(), records(2..=3));
    assert_eq!(reader.head(), writer.head());
    assert!(matches!(
        reader.append(&records(4..=4)).await,
        Err(JournalError::ReadOnly { .. })
    ));
}

#[tokio::test]
async fn whoever_opens_it_next_fences_the_writer_before() {
    let place = Place::new();
    let mut zombie = place.journal_of(1).await;
    let mut successor = SqliteJournal::open(place.path()).await.unwrap();
    assert!(successor.epoch() > zombie.epoch());
    let error = zombie.append(&records(2..=2)).await.unwrap_err();
    assert!(matches!(error, JournalError::Fenced { .. }), "{error}");
    successor.append(&records(2..=2)).await.unwrap();
    assert_eq!(successor.read(0).await.unwrap(), records(1..=2));
}

#[tokio::test]
async fn a_full_disk_is_said_and_the_same_records_can_be_tried_again() {
    let place = Place::new();
    let mut journal = place.journal_of(1).await;
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(journal.connection())
        .await
        .unwrap();
    set_limit(&mut journal, pages).await;
    let large: Vec<Record> = (2..=40)
        .map(|seq| Record {
            event: Event::NoteWritten {
                text: "x".repeat(4000),
                step: None,
            },
            ..record(seq)
        })
        .collect();
    for _ in 0..2 {
        let error = journal.append(&large).await.unwrap_err();
        assert!(matches!(error, JournalError::DiskFull { .. }), "{error}");
        assert_eq!(journal.read(0).await.unwrap(), records(1..=1));
    }
    set_limit(&mut journal, 100_000).await;
    journal.append(&large).await.unwrap();
    assert_eq!(journal.read(1).await.unwrap(), large);
    assert!(verify(&place.path()).await.unwrap().intact);
}

async fn set_limit(journal: &mut SqliteJournal, pages: i64) {
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "PRAGMA max_page_count = {pages}"
    )))
    .execute(journal.connection())
    .await
    .unwrap();
}

#[tokio::test]
async fn records_that_got_through_before_an_error_are_recognised() {
    let place = Place::new();
    let mut journal = place.journal_of(3).await;
    // The commit reached the disk, its answer did not reach us.
    journal.forget_end();
    journal.append(&records(2..=5)).await.unwrap();
    assert_eq!(journal.read(0).await.unwrap(), records(1..=5));
    // Other records of the same numbers are not what is there.
    journal.forget_end();
    let mut other = record(5);
    other.by = "bert@ops2".to_owned();
    let error = journal.append(&[other]).await.unwrap_err();
    assert!(
        matches!(error, JournalError::Conflict { seq: 5, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_damaged_tail_can_be_set_aside_and_is_kept() {
    let place = Place::new();
    place.journal_of(5).await.close().await.unwrap();
    place
        .alter("UPDATE events SET by = 'someone else' WHERE seq = 4")
        .await;
    let mut journal = SqliteJournal::open(place.path()).await.unwrap();
    assert_eq!(journal.damage().unwrap().first_bad, 4);
    assert_eq!(journal.read(0).await.unwrap(), records(1..=3));
    let error = journal.append(&records(4..=4)).await.unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");

    assert_eq!(journal.set_damaged_tail_aside().await.unwrap(), 2);
    journal.append(&records(4..=4)).await.unwrap();
    assert_eq!(journal.read(0).await.unwrap(), records(1..=4));
    let mut raw = place.raw().await;
    let kept: Vec<String> = sqlx::query_scalar("SELECT by FROM damaged ORDER BY seq")
        .fetch_all(&mut raw)
        .await
        .unwrap();
    assert_eq!(kept, ["someone else", "anna@ops1"]);
}

#[tokio::test]
async fn every_column_is_covered_and_so_is_a_missing_end() {
    for (statement, first_bad) in [
        (
            "UPDATE events SET at = '2020-01-01T00:00:00Z' WHERE seq = 2",
            2,
        ),
        ("UPDATE events SET by = 'mallory' WHERE seq = 1", 1),
        ("UPDATE events SET kind = 'run_completed' WHERE seq = 3", 3),
        (
            "UPDATE events SET body = replace(body, 'note 3', 'note 9') WHERE seq = 3",
            3,
        ),
        ("UPDATE events SET hash = zeroblob(32) WHERE seq = 4", 4),
        ("UPDATE events SET hash = x'00' WHERE seq = 5", 5),
        ("UPDATE events SET body = x'ff' WHERE seq = 5", 5),
        ("DELETE FROM events WHERE seq = 1", 1),
        ("DELETE FROM events WHERE seq = 3", 3),
        ("DELETE FROM events WHERE seq >= 4", 4),
        ("UPDATE events SET seq = 9 WHERE seq = 5", 5),
        (
            "INSERT INTO events VALUES (6, 'x', 'y', 'z', '{}', x'00')",
            6,
        ),
    ] {
        let place = Place::new();
        place.journal_of(5).await.close().await.unwrap();
        place.alter(statement).await;
        let found = verify(&place.path()).await.unwrap();
        assert_eq!(found.first_bad, Some(first_bad), "{statement}: {found:?}");
        assert_eq!(found.events, first_bad - 1, "{statement}");
        let mut journal = SqliteJournal::open_read_only(place.path()).await.unwrap();
        let intact: Vec<Record> = (1..first_bad).map(record).collect();
        assert_eq!(journal.read(0).await.unwrap(), intact, "{statement}");
    }
}

#[tokio::test]
async fn a_newer_journal_is_refused_politely_and_left_alone() {
    let place = Place::new();
    place.journal_of(1).await.close().await.unwrap();
    place.alter("PRAGMA user_version = 99").await;
    let before = std::fs::read(place.path()).unwrap();
    for opened in [
        SqliteJournal::open(place.path()).await,
        SqliteJournal::open_read_only(place.path()).await,
    ] {
        let error = opened.unwrap_err();
        assert!(
            matches!(error, JournalError::NewerSchema { found: 99, .. }),
            "{error}"
        );
    }
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

#[tokio::test]
async fn an_empty_file_becomes_a_journal_and_others_are_refused() {
    let place = Place::new();
    let missing = SqliteJournal::open(place.path()).await.unwrap_err();
    assert!(matches!(missing, JournalError::Missing { .. }), "{missing}");
    std::fs::write(place.path(), "").unwrap();
    SqliteJournal::open(place.path()).await.unwrap();
    assert!(SqliteJournal::create(place.path()).await.is_err());

    let text = Place::new();
    std::fs::write(
        text.path(),
        "just some text, long enough to have a header".repeat(9),
    )
    .unwrap();
    let error = SqliteJournal::open(text.path()).await.unwrap_err();
    assert!(matches!(error, JournalError::NotAJournal { .. }), "{error}");

    let foreign = Place::new();
    std::fs::write(foreign.path(), "").unwrap();
    foreign.alter("CREATE TABLE bookmarks (url TEXT)").await;
    let error = SqliteJournal::open(foreign.path()).await.unwrap_err();
    assert!(matches!(error, JournalError::NotAJournal { .. }), "{error}");
}

#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let _journal = place.journal_of(1).await;
    for entry in std::fs::read_dir(place.directory.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[test]
fn one_holder_at_a_time_and_it_says_who() {
    let place = Place::new();
    let directory = place.directory.path();
    assert_eq!(RunLock::holder(directory).unwrap(), None);
    let lock = RunLock::acquire(directory, Utc::now(), own()).unwrap();
    match RunLock::acquire(directory, Utc::now(), own()).unwrap_err() {
        LockError::Held { holder } => assert_eq!(holder.unwrap().pid, std::process::id()),
        other => panic!("{other}"),
    }
    assert!(RunLock::holder(directory).unwrap().is_some());
    drop(lock);
    assert_eq!(RunLock::holder(directory).unwrap(), None);
    RunLock::acquire(directory, Utc::now(), own()).unwrap();
}

#[tokio::test]
async fn where_the_run_stands_counts_for_the_last_event_only() {
    let place = Place::new();
    let mut writer = place.journal_of(2).await;
    writer.keep_standing("after 2").await.unwrap();
    let kept = async |place: &Place| {
        let mut reader = SqliteJournal::open_read_only(place.path()).await.unwrap();
        reader.standing().await
    };
    assert_eq!(kept(&place).await.as_deref(), Some("after 2"));
    writer.append(&records(3..=3)).await.unwrap();
    assert_eq!(kept(&place).await, None);
    writer.keep_standing("after 3").await.unwrap();
    assert_eq!(kept(&place).await.as_deref(), Some("after 3"));
    // Somebody else has the run: this one says nothing about it any more.
    let successor = SqliteJournal::open(place.path()).await.unwrap();
    writer.keep_standing("of a zombie").await.unwrap();
    assert_eq!(kept(&place).await.as_deref(), Some("after 3"));
    successor.close().await.unwrap();
    // What was altered is not vouched for.
    place
        .alter("UPDATE events SET by = 'x' WHERE seq = 1")
        .await;
    assert_eq!(kept(&place).await, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any byte of any stored column, changed in place: found at that record, the prefix is intact.
    #[test]
    fn an_altered_byte_is_found(seq in 1_i64..=8, column in 0_usize..5, at in any::<usize>(), flip in 1_u8..=255) {
        block_on(async {
            let place = Place::new();
            place.journal_of(8).await.close().await.unwrap();
            let name = ["at", "by", "kind", "body", "hash"][column];
            let mut raw = place.raw().await;
            let select = format!("SELECT CAST({name} AS BLOB) FROM events WHERE seq = ?");
            let mut bytes: Vec<u8> = sqlx::query_scalar(sqlx::AssertSqlSafe(select))
                .bind(seq).fetch_one(&mut raw).await.unwrap();
            let index = at % bytes.len();
            bytes[index] ^= flip;
            let cast = if name == "hash" { "?" } else { "CAST(? AS TEXT)" };
            let update = format!("UPDATE events SET {name} = {cast} WHERE seq = ?");
            sqlx::query(sqlx::AssertSqlSafe(update))
                .bind(bytes).bind(seq).execute(&mut raw).await.unwrap();
            raw.close().await.unwrap();
            let found = verify(&place.path()).await.unwrap();
            assert_eq!(found.first_bad, Some(seq.unsigned_abs()));
            assert_eq!(found.events, seq.unsigned_abs() - 1);
        });
    }

    /// The file cut at any byte: what can be read is a prefix, or nothing and it is said.
    #[test]
    fn a_file_cut_short_gives_a_prefix_or_a_refusal(cut in 0.0_f64..1.0) {
        block_on(async {
            let place = Place::new();
            place.journal_of(60).await.close().await.unwrap();
            let whole = std::fs::read(place.path()).unwrap();
            let length = (whole.len() as f64 * cut) as usize;
            std::fs::write(place.path(), &whole[..length]).unwrap();
            match SqliteJournal::open_read_only(place.path()).await {
                Err(_) => {}
                Ok(mut journal) => {
                    let read = journal.read(0).await.unwrap();
                    assert_eq!(read, records(1..=60)[..read.len()]);
                    assert!(journal.damage().is_some() || read.len() == 60);
                }
            }
        });
    }

    /// The write-ahead log torn at any byte (a crash, a full disk): a prefix of what was appended.
    #[test]
    fn a_torn_log_gives_a_prefix(cut in 0.0_f64..1.0) {
        block_on(async {
            let place = Place::new();
            let mut journal = place.journal_of(0).await;
            for seq in 1..=20 {
                journal.append(&[record(seq)]).await.unwrap();
            }
            let copy = Place::new();
            std::fs::copy(place.path(), copy.path()).unwrap();
            let log = std::fs::read(place.path().with_extension("db-wal")).unwrap();
            let length = (log.len() as f64 * cut) as usize;
            std::fs::write(copy.path().with_extension("db-wal"), &log[..length]).unwrap();
            if let Ok(mut torn) = SqliteJournal::open(copy.path()).await {
                let read = torn.read(0).await.unwrap();
                assert_eq!(read, records(1..=20)[..read.len()]);
                let next = read.len() as u64 + 1;
                torn.append(&[record(next)]).await.unwrap();
                assert!(verify(&copy.path()).await.unwrap().intact);
            }
        });
    }
}
