//! Which database a target is, as its server proved it. What is confirmed is bound to it; a change of
//! it halts the run until a person says why it may continue.

use serde::{Deserialize, Serialize};

use super::{Event, Mode, RunState, Timestamp};
use crate::libpq::Proof;
use crate::text::scrub::scrub_line;

/// The database a run acts on, as it proved itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetIdentity {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub server_version: String,
    /// `pg_control_system().system_identifier`; absent where the role may not read it.
    pub system_identifier: Option<String>,
    /// True of a standby.
    pub in_recovery: bool,
    /// Absent where nobody could read it.
    #[serde(default)]
    pub timeline: Option<u32>,
    /// When the server process began. Copies of one cluster share all the rest.
    #[serde(default)]
    pub started: Option<Timestamp>,
}

/// A target that answers as another than the one that was confirmed, until a person has looked at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// What answers now.
    pub to: TargetIdentity,
    pub since: Timestamp,
    /// What differs, in words.
    pub what: Vec<String>,
    /// The run was going and was halted by it.
    pub halted: bool,
}

/// One identity of a target, for the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentitySeen {
    pub target: String,
    pub identity: TargetIdentity,
    pub at: Timestamp,
    pub how: Seen,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// The first proof, or the same server after a restart.
    Proved,
    /// Another answered.
    Changed { what: Vec<String> },
    /// A person goes on with it.
    Accepted { by: String, reason: String },
}

impl TargetIdentity {
    /// What a server proved in a session that was opened to this place.
    pub fn of(host: &str, port: u16, proof: &Proof) -> Self {
        let clean = |text: &str| scrub_line(text, false).into_owned();
        Self {
            host: clean(host),
            port,
            database: clean(&proof.database),
            user: clean(&proof.user),
            server_version: clean(&proof.version),
            system_identifier: proof.system.as_deref().map(clean),
            in_recovery: proof.in_recovery,
            timeline: proof.timeline,
            started: Some(proof.started),
        }
    }

    /// `db1:5432/app`.
    pub fn place(&self) -> String {
        format!("{}:{}/{}", self.host, self.port, self.database)
    }

    /// `primary` or `standby`.
    pub fn role(&self) -> &'static str {
        if self.in_recovery {
            "standby"
        } else {
            "primary"
        }
    }

    /// All of it in one line, for who compares two.
    pub fn describe(&self) -> String {
        let mut words = format!("{}, {}", self.place(), self.role());
        if let Some(system) = &self.system_identifier {
            words.push_str(&format!(", system {system}"));
        }
        if let Some(timeline) = self.timeline {
            words.push_str(&format!(", timeline {timeline}"));
        }
        if let Some(started) = self.started {
            words.push_str(
                &started
                    .format(", running since %Y-%m-%d %H:%M:%S UTC")
                    .to_string(),
            );
        }
        words
    }

    /// What a confirmation is bound to: all that a change of halts a run.
    pub fn key(&self) -> String {
        format!(
            "{}|{}|{}|{}|{}|{}",
            self.host,
            self.port,
            self.database,
            self.role(),
            self.system_identifier.as_deref().unwrap_or_default(),
            self.timeline
                .map_or(String::new(), |timeline| timeline.to_string()),
        )
    }

    /// Names exactly this answer: what a person accepts is what they saw.
    pub fn mark(&self) -> String {
        let started = self.started.map_or(0, |started| started.timestamp_micros());
        format!("{}|{started}", self.key())
    }

    /// What makes `seen` another database than this one, in words; none where it is the same, be it
    /// after a restart. `alive_until`, by the server's clock: this one certainly answered then, so a
    /// server that was running already at that time is another.
    pub fn differences(&self, seen: &Self, alive_until: Option<Timestamp>) -> Vec<String> {
        let mut found = Vec::new();
        let mut differ = |what: &str, before: String, now: String| {
            if before != now {
                found.push(format!("{what} {before} → {now}"));
            }
        };
        differ("host", self.host.clone(), seen.host.clone());
        differ("port", self.port.to_string(), seen.port.to_string());
        differ("database", self.database.clone(), seen.database.clone());
        differ("role", self.role().to_owned(), seen.role().to_owned());
        if let (Some(before), Some(now)) = (&self.system_identifier, &seen.system_identifier) {
            differ("system identifier", before.clone(), now.clone());
        }
        if let (Some(before), Some(now)) = (self.timeline, seen.timeline) {
            differ("timeline", before.to_string(), now.to_string());
        }
        if let (true, Some(before), Some(now)) = (found.is_empty(), self.started, seen.started)
            && before != now
            && alive_until.is_none_or(|alive| now < alive)
        {
            let time = |at: Timestamp| at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string();
            found.push(format!(
                "another server process: running since {} → since {}",
                time(before),
                time(now)
            ));
        }
        found
    }
}

impl RunState {
    /// What is to be said of each target that is another than the one that was confirmed.
    pub fn moved_words(&self) -> Vec<String> {
        self.moved
            .iter()
            .map(|(target, moved)| {
                format!(
                    "`{target}` is not the confirmed database: {}",
                    moved.what.join("; ")
                )
            })
            .collect()
    }

    /// The word to type before going on with another database.
    pub fn identity_word(&self) -> Option<String> {
        self.protected.then(|| self.environment.clone())
    }

    /// When a target last proved to be what it is known as.
    pub(super) fn last_proved(&self, target: &str) -> Option<Timestamp> {
        let mut seen = self.identities_seen.iter().rev();
        seen.find(|seen| seen.target == target).map(|seen| seen.at)
    }

    /// How often a target has changed: what was confirmed before counts for nothing after it.
    pub(super) fn identity_changes(&self, target: &str) -> usize {
        let seen = self.identities_seen.iter();
        let of_target = seen.filter(|seen| seen.target == target);
        of_target
            .filter(|seen| matches!(seen.how, Seen::Changed { .. }))
            .count()
    }

    fn seen(&mut self, target: &str, identity: &TargetIdentity, at: Timestamp, how: Seen) {
        self.identities_seen.push(IdentitySeen {
            target: target.to_owned(),
            identity: identity.clone(),
            at,
            how,
        });
    }
}

/// Folds what became known of a target.
pub(super) fn apply(state: &mut RunState, at: Timestamp, by: &str, event: &Event) {
    match event {
        Event::TargetVerified { target, identity } => {
            match state.moved.get_mut(target) {
                Some(moved) => moved.to = identity.clone(),
                None => {
                    state.identities.insert(target.clone(), identity.clone());
                }
            }
            state.seen(target, identity, at, Seen::Proved);
        }
        Event::TargetChanged {
            target, to, what, ..
        } => {
            let halted = state.mode == Mode::Running;
            let moved = state.moved.entry(target.clone()).or_insert_with(|| Moved {
                to: to.clone(),
                since: at,
                what: Vec::new(),
                halted,
            });
            moved.to = to.clone();
            // Told against what was confirmed, also where it has changed more than once.
            let known = state.identities.get(target);
            moved.what = match known.map(|known| known.differences(to, None)) {
                Some(differences) if !differences.is_empty() => differences,
                _ => vec![format!(
                    "it changed, and changed back ({})",
                    what.join("; ")
                )],
            };
            if halted {
                state.mode = Mode::Held;
            }
            // What was looked at was looked at for another database.
            for action in state.actions.values_mut() {
                action.armed = None;
            }
            state.armed_before.clear();
            state.seen(target, to, at, Seen::Changed { what: what.clone() });
        }
        Event::TargetAccepted {
            target,
            identity,
            reason,
        } => {
            state.moved.remove(target);
            state.identities.insert(target.clone(), identity.clone());
            let how = Seen::Accepted {
                by: by.to_owned(),
                reason: reason.clone(),
            };
            state.seen(target, identity, at, how);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u32) -> Timestamp {
        chrono::DateTime::from_timestamp(1_800_000_000 + i64::from(second), 0).unwrap()
    }

    fn known() -> TargetIdentity {
        TargetIdentity {
            host: "db1".into(),
            port: 5432,
            database: "app".into(),
            system_identifier: Some("77".into()),
            timeline: Some(1),
            started: Some(at(10)),
            ..TargetIdentity::default()
        }
    }

    #[test]
    fn each_part_of_an_identity_counts() {
        for (seen, said) in [
            (
                TargetIdentity {
                    host: "db2".into(),
                    ..known()
                },
                "host db1 → db2",
            ),
            (TargetIdentity { port: 1, ..known() }, "port"),
            (
                TargetIdentity {
                    database: "b".into(),
                    ..known()
                },
                "database",
            ),
            (
                TargetIdentity {
                    in_recovery: true,
                    ..known()
                },
                "role primary → standby",
            ),
            (
                TargetIdentity {
                    timeline: Some(2),
                    ..known()
                },
                "timeline 1 → 2",
            ),
            (
                TargetIdentity {
                    system_identifier: Some("78".into()),
                    ..known()
                },
                "system identifier",
            ),
        ] {
            let found = known().differences(&seen, Some(at(20)));
            assert!(found.len() == 1 && found[0].contains(said), "{found:?}");
            assert_ne!(known().key(), seen.key());
        }
        let newer = TargetIdentity {
            server_version: "15.9".into(),
            ..known()
        };
        assert_eq!(known().differences(&newer, None), Vec::<String>::new());
    }

    #[test]
    fn a_restart_is_told_from_a_copy_by_when_the_server_began() {
        let restarted = TargetIdentity {
            started: Some(at(21)),
            ..known()
        };
        assert!(known().differences(&restarted, Some(at(20))).is_empty());
        let copy = TargetIdentity {
            started: Some(at(15)),
            ..known()
        };
        assert_eq!(known().differences(&copy, Some(at(20))).len(), 1);
        assert_eq!(known().differences(&copy, None).len(), 1);
        assert_eq!(known().key(), copy.key());
    }

    #[test]
    fn what_could_not_be_read_is_no_difference() {
        let unread = TargetIdentity {
            system_identifier: None,
            timeline: None,
            ..known()
        };
        assert!(known().differences(&unread, Some(at(20))).is_empty());
    }
}
