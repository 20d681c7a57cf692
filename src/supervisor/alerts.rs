//! Listens to what actions print: red flags become alerts, and the rounds of a repeated check samples.
//! It happens here and not in a client, so it goes on while nobody looks. A flood is counted and told
//! at most once in ten seconds for each pattern.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::core::Supervisor;
use super::handle::Input;
use crate::executor::scan::{Found, Hit, Scanner};
use crate::run::{ActionId, Alert, Observation};

/// Lines of one pattern are told at most this often.
const FOLDED: Duration = Duration::from_secs(10);
/// Rounds that are told at once; of a check that nobody listened to for long, the last ones.
const ROUNDS: usize = 100;

/// What is known of one pattern.
struct Told {
    at: Instant,
    /// Counted since.
    more: Option<Hit>,
}

/// Listens to one attempt.
pub(super) struct Listener {
    action: ActionId,
    attempt: u32,
    /// Taken while it reads in the background.
    scanner: Option<Scanner>,
    told: BTreeMap<String, Told>,
}

impl Listener {
    /// What is to be told now; at the `last` time all of it.
    pub(super) async fn listen(&mut self, last: bool) -> Vec<Observation> {
        let mut observations = Vec::new();
        loop {
            let Some(mut scanner) = self.scanner.take() else {
                return observations;
            };
            let read = tokio::task::spawn_blocking(move || {
                let found = scanner.poll();
                (scanner, found)
            })
            .await;
            let found = match read {
                Ok((scanner, found)) => {
                    self.scanner = Some(scanner);
                    found
                }
                Err(error) => {
                    tracing::error!(%error, "listening to a spool failed");
                    return observations;
                }
            };
            let (action, attempt) = (self.action, self.attempt);
            match found {
                Ok(found) => {
                    let more = found.more;
                    observations.extend(self.take(found));
                    // A flood is followed in turns with everything else.
                    if !more || !last {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%action, attempt, %error, "cannot listen to a spool");
                    break;
                }
            }
        }
        observations.extend(self.due(last));
        observations
    }

    fn take(&mut self, found: Found) -> Vec<Observation> {
        let (action, attempt) = (self.action, self.attempt);
        let mut observations = Vec::new();
        for hit in found.hits {
            match self.told.get_mut(&hit.pattern) {
                Some(told) => {
                    let before = told.more.as_ref().map_or(0, |more| more.count);
                    told.more = Some(Hit {
                        count: before + hit.count,
                        ..hit
                    });
                }
                None => {
                    self.told.insert(
                        hit.pattern.clone(),
                        Told {
                            at: Instant::now(),
                            more: None,
                        },
                    );
                    observations.push(self.alert(hit));
                }
            }
        }
        let skipped = found.rounds.len().saturating_sub(ROUNDS);
        for round in found.rounds.into_iter().skip(skipped) {
            observations.push(Observation::Sampled {
                action,
                attempt,
                round: round.number,
                evidence: Box::new(round.evidence),
            });
        }
        observations
    }

    fn due(&mut self, last: bool) -> Vec<Observation> {
        let mut due = Vec::new();
        for told in self.told.values_mut() {
            if (last || told.at.elapsed() >= FOLDED)
                && let Some(hit) = told.more.take()
            {
                told.at = Instant::now();
                due.push(hit);
            }
        }
        due.into_iter().map(|hit| self.alert(hit)).collect()
    }

    fn alert(&self, hit: Hit) -> Observation {
        Observation::Alerted {
            action: self.action,
            attempt: self.attempt,
            pattern: hit.pattern,
            line: hit.line,
            text: hit.text,
            count: hit.count,
        }
    }

    /// Tells it to the loop of the supervisor.
    pub(super) async fn tell(&mut self, last: bool, sender: &mpsc::Sender<Input>) {
        for observation in self.listen(last).await {
            if sender.send(Input::Observed(observation)).await.is_err() {
                tracing::debug!("heard, but the supervisor is ending");
            }
        }
    }
}

impl Supervisor {
    /// Who listens to an attempt; `None` where nothing is to be heard.
    pub(super) fn listener(&self, action: ActionId, attempt: u32) -> Option<Listener> {
        let patterns = self.state.alert_patterns(action);
        let repeated = self.state.is_repeated(action);
        if patterns.is_empty() && !repeated {
            return None;
        }
        let spool = self.executor.spool(action, attempt);
        // What an earlier supervisor has told of this attempt.
        let mine = |alert: &&Alert| (alert.action, alert.attempt) == (action, attempt);
        let known = self.state.alerts.iter().filter(mine);
        let known = known.map(|alert| (alert.pattern.as_str(), alert.line));
        match Scanner::new(spool, &patterns, self.state.actor_of(action), repeated) {
            Ok(scanner) => Some(Listener {
                action,
                attempt,
                scanner: Some(scanner.after(known)),
                told: BTreeMap::new(),
            }),
            Err(why) => {
                tracing::error!(%action, "it raises no alerts: {why}");
                None
            }
        }
    }
}
