//! What the server's own counters say that nobody should have to look for.

use super::sample::age;
use super::{Alarm, AlarmSubject, DatabaseSample, Gravity};

/// Seconds by which a replica may be behind.
const BEHIND_S: f64 = 60.0;
/// WAL that a slot which nobody uses may retain.
const RETAINED: i64 = 10 << 30;
/// Transactions: of the 2^31 at which the server refuses to write, three quarters.
const OLD: i64 = 3 << 29;

/// The alarms of one reading.
pub fn of_database(sample: &DatabaseSample) -> Vec<Alarm> {
    let target = &sample.target;
    let Some(facts) = &sample.facts else {
        return Vec::new();
    };
    let mut alarms = Vec::new();
    let mut tell = |what: &str, gravity: Gravity, text: String| {
        alarms.push(Alarm {
            key: format!("server/{target}/{what}"),
            gravity,
            text,
            subject: AlarmSubject::Server(target.clone()),
        });
    };
    if let Some(oldest) = facts.oldest.as_ref().filter(|oldest| oldest.age >= OLD) {
        let text = format!(
            "the oldest transaction of `{}` is {} million transactions old: at 2,147 the server of \
             `{target}` refuses to write",
            oldest.database,
            oldest.age / 1_000_000
        );
        tell("wraparound", Gravity::Stops, text);
    }
    if let Some(seconds) = facts.archiver.failing_s.filter(|_| facts.archiver.on) {
        let text = format!(
            "`{target}` cannot archive `{}`: {} failures, the last {} ago",
            facts.archiver.failing,
            facts.archiver.failed,
            age(seconds as i64)
        );
        tell("archiver", Gravity::Warns, text);
    }
    for replica in &facts.replicas {
        if let Some(seconds) = replica.behind_s.filter(|seconds| *seconds >= BEHIND_S) {
            let text = format!(
                "the replica `{}` of `{target}` is {} behind",
                replica.name,
                age(seconds as i64)
            );
            tell(&format!("replica/{}", replica.name), Gravity::Warns, text);
        }
    }
    for slot in facts.slots.iter().filter(|slot| !slot.active) {
        if let Some(some) = slot.retained_bytes.filter(|some| *some >= RETAINED) {
            let text = format!(
                "the slot `{}` of `{target}` is not in use and retains {} GB of WAL",
                slot.name,
                some >> 30
            );
            tell(&format!("slot/{}", slot.name), Gravity::Warns, text);
        }
    }
    alarms
}

#[cfg(test)]
mod tests {
    use super::super::{Archiver, DatabaseFacts, Oldest, Reading, Replica, Slot, TableSizes};
    use super::*;
    use crate::run::Timestamp;

    fn words(facts: DatabaseFacts) -> Vec<String> {
        let sample = DatabaseSample {
            at: Timestamp::UNIX_EPOCH,
            target: "main".to_owned(),
            state: Reading::Good,
            facts: Some(facts),
            last: None,
            phase: None,
            reset: false,
            tables: TableSizes::default(),
            cost_us: 0,
            interval_ms: 5_000,
        };
        let alarms = of_database(&sample);
        alarms.into_iter().map(|alarm| alarm.text).collect()
    }

    #[test]
    fn a_server_that_is_well_is_not_told() {
        assert!(words(DatabaseFacts::default()).is_empty());
        let replica = Replica {
            behind_s: Some(3.0),
            ..Replica::default()
        };
        let slot = Slot {
            active: true,
            retained_bytes: Some(RETAINED),
            ..Slot::default()
        };
        assert!(
            words(DatabaseFacts {
                replicas: vec![replica],
                slots: vec![slot],
                ..DatabaseFacts::default()
            })
            .is_empty()
        );
    }

    #[test]
    fn what_will_stop_the_server_and_what_falls_behind_is_told() {
        let facts = DatabaseFacts {
            oldest: Some(Oldest {
                database: "app".to_owned(),
                age: 1_700_000_000,
            }),
            archiver: Archiver {
                on: true,
                failed: 7,
                failing: "000000010000000000000003".to_owned(),
                failing_s: Some(65.2),
                ..Archiver::default()
            },
            replicas: vec![Replica {
                name: "standby1".to_owned(),
                behind_s: Some(90.0),
                ..Replica::default()
            }],
            slots: vec![Slot {
                name: "old".to_owned(),
                retained_bytes: Some(12 << 30),
                ..Slot::default()
            }],
            ..DatabaseFacts::default()
        };
        assert_eq!(
            words(facts),
            [
                "the oldest transaction of `app` is 1700 million transactions old: at 2,147 the \
                 server of `main` refuses to write",
                "`main` cannot archive `000000010000000000000003`: 7 failures, the last 1m 5s ago",
                "the replica `standby1` of `main` is 1m 30s behind",
                "the slot `old` of `main` is not in use and retains 12 GB of WAL",
            ]
        );
    }
}
