//! What the server counts and what its sessions wait for, as panes.

use chrono::TimeDelta;
use gonogo::api::Message;
use gonogo::monitor::{
    ActivitySample, Archiver, DatabaseCounters, DatabaseFacts, DatabaseSample, Oldest, Prepared,
    Reading, Replica, Sample, Slot, Spent, TableSize, TableSizes, WaitClass,
};
use gonogo::run::{Command, Timestamp};
use insta::assert_snapshot;

use super::desk::{Desk, readings};

fn counters(part: i64) -> DatabaseCounters {
    DatabaseCounters {
        commits: 1_240 * part,
        rollbacks: 2 * part,
        read: 300 * part,
        hit: 48_000 * part,
        temp_files: 3,
        temp_bytes: 14_680_064,
        deadlocks: 1,
        conflicts: 0,
        wal_bytes: 13_000_000 * part,
        timed: 1,
        requested: 2,
    }
}

fn sample(at: Timestamp) -> DatabaseSample {
    let spent = |part| Spent {
        ms: 1_000 * u64::try_from(part).unwrap(),
        counters: counters(part),
    };
    let replica = |name: &str, state: &str, behind_bytes, behind_s| Replica {
        name: name.to_owned(),
        state: state.to_owned(),
        sync: "async".to_owned(),
        behind_bytes,
        behind_s,
    };
    let slot = |name: &str, active, retained_bytes| Slot {
        name: name.to_owned(),
        active,
        retained_bytes: Some(retained_bytes),
        wal_status: Some("reserved".to_owned()),
    };
    let table = |name: &str, bytes, before, is_locked| TableSize {
        name: name.to_owned(),
        bytes,
        is_locked,
        before,
        rows: 12_300_000,
        dead_rows: 1_200,
    };
    DatabaseSample {
        at,
        target: "main".to_owned(),
        state: Reading::Good,
        facts: Some(DatabaseFacts {
            at_us: at.timestamp_micros(),
            counters: counters(9_000),
            sees_all: true,
            reserved: 3,
            block_bytes: 8_192,
            autovacuum_workers: 3,
            freeze_max_age: 200_000_000,
            oldest: Some(Oldest {
                database: "app".to_owned(),
                age: 214_000_000,
            }),
            prepared: Prepared {
                count: 1,
                oldest_s: Some(10_800.0),
            },
            archiver: Archiver {
                on: true,
                archived: 812,
                failed: 4,
                failing: "000000010000000000000003".to_owned(),
                failing_s: Some(65.0),
            },
            replicas: vec![
                replica("standby1", "streaming", Some(12_582_912), Some(1.4)),
                replica("standby2", "catchup", Some(912_582_912), Some(95.0)),
            ],
            slots: vec![
                slot("standby1", true, 4_194_304),
                slot("left_behind", false, 12 << 30),
            ],
            ..DatabaseFacts::default()
        }),
        last: Some(spent(5)),
        phase: Some(spent(600)),
        reset: false,
        tables: TableSizes {
            read_at: Some(at),
            tables: vec![
                table("audits", Some(4_509_715_660), Some(4_383_000_000), false),
                table("ai_queries", Some(83_886_080), Some(83_886_080), true),
                table("dashboard_data", None, None, true),
            ],
            ..TableSizes::default()
        },
        cost_us: 900,
        interval_ms: 5_000,
    }
}

fn tell(desk: &mut Desk, sample: DatabaseSample) {
    desk.hears(Message::Sample(Box::new(Sample::Database(Box::new(
        sample,
    )))));
}

#[test]
fn what_the_server_counts_is_one_screen() {
    let mut desk = Desk::new().lively();
    for second in 0..12 {
        let mut one = sample(desk.now + TimeDelta::seconds(second));
        if let Some(last) = &mut one.last {
            last.counters.commits += 900 * second;
        }
        one.at = desk.now;
        tell(&mut desk, one);
    }
    desk.app.view.focus_on("database");
    desk.app.view.zoomed = true;
    assert_snapshot!("database@120x40", desk.screen(120, 40));
    assert_snapshot!("database@80x24", desk.screen(80, 24));
    desk.app.view.zoomed = false;
    desk.app.use_layout("database").unwrap();
    assert_snapshot!("database_layout@120x40", desk.screen(120, 40));
}

#[test]
fn a_replica_that_is_behind_and_a_slot_that_nobody_uses_are_alarms() {
    let mut desk = Desk::new().lively();
    let sample = sample(desk.now);
    tell(&mut desk, sample);
    desk.press("a");
    let list = desk.screen(120, 40);
    for alarm in [
        "the replica `standby2` of `main` is 1m 35s behind",
        "the slot `left_behind` of `main` is not in use and retains 12 GB of WAL",
        "`main` cannot archive `000000010000000000000003`",
    ] {
        assert!(list.contains(alarm), "{alarm}: {list}");
    }
}

#[test]
fn counters_that_are_not_known_are_not_shown_as_none() {
    let mut desk = Desk::new().lively();
    let mut first = sample(desk.now);
    (first.last, first.phase, first.reset) = (None, None, true);
    first.state = Reading::Partial {
        message: "how far 2 replicas are is hidden from role `deploy`".to_owned(),
        help: "as a superuser: `GRANT pg_read_all_stats TO deploy`".to_owned(),
    };
    if let Some(facts) = &mut first.facts {
        for replica in &mut facts.replicas {
            replica.state.clear();
        }
    }
    tell(&mut desk, first);
    desk.app.view.focus_on("database");
    desk.app.view.zoomed = true;
    let screen = desk.screen(120, 40);
    for text in [
        "not known yet",
        "since the counters were reset",
        "GRANT pg_read_all_stats",
        "hidden from this role",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
}

/// Reads the sessions for so many seconds; `busy` says of a second how many compute, read and wait.
fn goes_by(desk: &mut Desk, seconds: i64, busy: impl Fn(i64) -> [usize; 3]) {
    for second in 0..seconds {
        let mut samples = readings(desk.now);
        let Some(Sample::Activity(sample)) = samples.first_mut() else {
            panic!("the first reading is of sessions");
        };
        at_work(sample, busy(second));
        desk.hears(Message::Sample(Box::new(samples.remove(0))));
        desk.later(1);
    }
}

fn at_work(sample: &mut ActivitySample, [computing, reading, waiting]: [usize; 3]) {
    let mut one = sample.sessions[1].clone();
    one.blocked_by.clear();
    let mut with = |count: usize, wait: Option<&str>| {
        one.wait = wait.map(str::to_owned);
        vec![one.clone(); count]
    };
    sample.sessions = [
        with(computing, None),
        with(reading, Some("IO: DataFileRead")),
        with(waiting, Some("Lock: relation")),
    ]
    .concat();
}

#[test]
fn what_sessions_wait_for_is_seen_over_time_with_the_phases() {
    let mut desk = Desk::new().identified();
    goes_by(&mut desk, 20, |second| [1 + (second % 2) as usize, 1, 0]);
    desk.does_by(
        super::desk::ANNA,
        Command::Note {
            text: "begins".to_owned(),
            step: None,
        },
    );
    goes_by(&mut desk, 30, |second| [1, 1, (second as usize / 3).min(8)]);
    desk.app.view.focus_on("waits");
    desk.app.view.zoomed = true;
    assert_snapshot!("waits@120x40", desk.screen(120, 40));
    assert_snapshot!("waits@80x24", desk.screen(80, 24));
    desk.app.view.zoomed = false;
    assert_snapshot!("waits_in_default@120x40", desk.screen(120, 40));
}

#[test]
fn waits_are_kept_for_half_an_hour_and_a_lost_reading_leaves_a_gap() {
    let mut desk = Desk::new().identified();
    goes_by(&mut desk, 2_000, |_| [1, 0, 0]);
    let waits = &desk.app.model.waits["main"];
    assert_eq!(waits.seconds.len(), 1_800);
    let last = waits.seconds.back().unwrap().counts;
    assert_eq!(last[WaitClass::Cpu as usize], 1);
    let mut samples = readings(desk.now);
    if let Some(Sample::Activity(sample)) = samples.first_mut() {
        sample.state = Reading::Lost {
            since: desk.now,
            message: "the server does not answer".to_owned(),
            help: "wait".to_owned(),
        };
    }
    let before = waits.seconds.clone();
    desk.hears(Message::Sample(Box::new(samples.remove(0))));
    assert_eq!(desk.app.model.waits["main"].seconds, before);
}
