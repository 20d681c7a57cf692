//! What is folded on the way is what reading would have given, event by event.

use super::*;
use crate::journal::chain::{self, Row};

async fn folded(place: &Place) -> (SqliteJournal, Vec<Record>) {
    SqliteJournal::open_read_only_folding(
        place.path(),
        Vec::new(),
        |all: &mut Vec<Record>, next| {
            all.push(next);
        },
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn a_journal_is_folded_whole_and_in_order() {
    // Fewer than go to the other thread at once, as many, more, and more than may wait there.
    for count in [0, 1, 255, 256, 257, 9_000] {
        let place = Place::new();
        place.journal_of(count).await.close().await.unwrap();
        let (journal, all) = folded(&place).await;
        assert_eq!(all, records(1..=count));
        assert_eq!(journal.head().seq, count);
        assert_eq!(journal.damage(), None);
    }
}

#[tokio::test]
async fn what_is_folded_ends_at_the_damage() {
    let place = Place::new();
    place.journal_of(700).await.close().await.unwrap();
    place
        .alter("UPDATE events SET by = 'someone else' WHERE seq = 600")
        .await;
    let (journal, all) = folded(&place).await;
    assert_eq!(all, records(1..=599));
    assert_eq!(journal.damage().unwrap().first_bad, 600);
    journal.close().await.unwrap();
    // Whoever goes on has the same state, and goes on from there.
    let (mut journal, count) = SqliteJournal::open_folding(place.path(), 0, |count, _| *count += 1)
        .await
        .unwrap();
    assert_eq!(count, 599);
    journal.set_damaged_tail_aside().await.unwrap();
    journal.append(&records(600..=600)).await.unwrap();
}

/// Adds an event that belongs to the chain and that nobody here can read.
async fn add_from_elsewhere(place: &Place, seq: i64) {
    let mut raw = place.raw().await;
    let before: Vec<u8> = sqlx::query_scalar("SELECT hash FROM events WHERE seq = ?")
        .bind(seq - 1)
        .fetch_one(&mut raw)
        .await
        .unwrap();
    let before: chain::Hash = before.try_into().unwrap();
    let mut row = Row::new(&record(seq.unsigned_abs()), &before).unwrap();
    row.kind = "from_elsewhere".to_owned();
    row.body = r#"{"kind":"from_elsewhere"}"#.to_owned();
    row.hash = row.hash_after(&before);
    sqlx::query("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)")
        .bind(row.seq)
        .bind(&row.at)
        .bind(&row.by)
        .bind(&row.kind)
        .bind(&row.body)
        .bind(row.hash.as_slice())
        .execute(&mut raw)
        .await
        .unwrap();
    raw.close().await.unwrap();
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_said_and_nobody_goes_on_without_it() {
    let place = Place::new();
    place.journal_of(3).await.close().await.unwrap();
    add_from_elsewhere(&place, 4).await;
    let (journal, all) = folded(&place).await;
    assert_eq!(all, records(1..=3));
    let damage = journal.damage().unwrap();
    assert_eq!(damage.first_bad, 4);
    assert!(damage.reason.contains("cannot be read"), "{damage:?}");
    journal.close().await.unwrap();
    let error = SqliteJournal::open_folding(place.path(), (), |(), _| {})
        .await
        .unwrap_err();
    assert!(
        matches!(&error, JournalError::Damaged { damage, .. } if damage.first_bad == 4),
        "{error}"
    );
    let found = verify(&place.path()).await.unwrap();
    assert_eq!(found.first_bad, Some(4), "{found:?}");
    assert_eq!(found.events, 3);
}
