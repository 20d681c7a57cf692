//! The task that holds the one sampling connection of a target: sessions every second, statements and
//! counters every five, sizes every thirty, each less often where the server is slow, and never two of the
//! slower ones in one beat. It survives the server.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use super::activity::{self, Activity, Names};
use super::database::Database;
use super::detail;
use super::link::{Link, Scope};
use super::moment::Moment;
use super::progress;
use super::prover::Place;
use super::statements::Statements;
use super::trouble::Trouble;
use super::{ActivitySample, Cadence, Publisher, Reading, Sample};
use crate::run::TargetIdentity;
use crate::runbook::TableName;

/// A reading may take this part of the time between readings.
const SHARE: u32 = 20;
/// However slow the server is, look this often.
const RAREST: Duration = Duration::from_secs(30);
/// And this often after a reading that failed: a lock in its way costs the server nothing.
const FAILED: Duration = Duration::from_secs(3);
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(5);

pub(super) struct Sampler {
    pub(super) place: Arc<Place>,
    pub(super) cadence: Cadence,
    pub(super) publisher: Publisher,
    /// A phase began: the next poll of statements is the baseline.
    pub(super) baseline: Arc<Notify>,
    pub(super) tables: Arc<[TableName]>,
}

/// What survives a lost connection.
struct Seen {
    activity: Activity,
    activity_at: Moment,
    identity: Option<TargetIdentity>,
    statements: Statements,
    names: Names,
    database: Database,
}

impl Seen {
    fn rebase(&mut self) {
        self.statements.rebase();
        self.database.rebase();
    }
}

/// One of the readings that are made less often than that of the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slow {
    Statements,
    Database,
    Sizes,
}

/// When each reading is due.
struct Due {
    activity: Instant,
    slow: [(Slow, Instant); 3],
    /// No slow reading before.
    quiet_until: Instant,
}

impl Due {
    fn at_once() -> Self {
        let now = Instant::now();
        Self {
            activity: now,
            slow: [Slow::Statements, Slow::Database, Slow::Sizes].map(|one| (one, now)),
            quiet_until: now,
        }
    }

    /// The slow reading that is due first, and when.
    fn first_slow(&self) -> (Slow, Instant) {
        let mut first = self.slow[0];
        for one in &self.slow[1..] {
            if one.1 < first.1 {
                first = *one;
            }
        }
        (first.0, first.1.max(self.quiet_until))
    }

    fn set(&mut self, slow: Slow, at: Instant) {
        for one in self.slow.iter_mut().filter(|one| one.0 == slow) {
            one.1 = at;
        }
    }

    /// A phase began.
    fn rebase(&mut self) {
        let now = Instant::now();
        self.quiet_until = now;
        // In their order: statements are counted from the first call of the phase on.
        self.slow = self.slow.map(|(one, _)| (one, now));
    }
}

impl Sampler {
    /// Runs until nobody listens any more.
    pub(super) async fn run(self, mut details: mpsc::Receiver<detail::Request>) {
        let mut seen = Seen {
            activity: Activity::default(),
            activity_at: Moment::now(),
            identity: None,
            statements: Statements::new(),
            names: Names::default(),
            database: Database::default(),
        };
        let mut pause = FIRST_RETRY;
        while !self.publisher.closed() {
            let trouble = match Link::open(&self.place.target, &self.place.run, Scope::System).await
            {
                Ok(link) => {
                    seen.statements.reconnected();
                    let began = Instant::now();
                    let trouble = self.watch(link, &mut seen, &mut details).await;
                    // A session that lasted means that the server was well.
                    if began.elapsed() > LAST_RETRY {
                        pause = FIRST_RETRY;
                    }
                    trouble
                }
                Err(trouble) => Some(trouble),
            };
            let Some(trouble) = trouble else {
                return;
            };
            self.publish_activity(&seen, Some(&trouble), pause);
            self.publish_statements(&seen, Some(&trouble));
            self.publish_database(&seen, Some(&trouble), pause);
            tokio::select! {
                () = sleep(pause) => {}
                () = self.baseline.notified() => seen.rebase(),
            }
            pause = match self.place.target.is_awaiting() {
                true => FIRST_RETRY,
                false => (pause * 2).min(LAST_RETRY),
            };
        }
    }

    /// Reads until the connection is lost (the trouble) or nobody listens (`None`).
    async fn watch(
        &self,
        mut link: Link,
        seen: &mut Seen,
        details: &mut mpsc::Receiver<detail::Request>,
    ) -> Option<Trouble> {
        self.place.answered(&link.identity, link.asked);
        self.place.tell(&link.identity).await;
        seen.identity = Some(link.identity.clone());
        // It may be another server, or another database of it.
        seen.names = Names::default();
        let mut due = Due::at_once();
        loop {
            if self.publisher.closed() {
                return None;
            }
            tokio::select! {
                biased;
                () = self.baseline.notified() => {
                    seen.rebase();
                    due.rebase();
                }
                () = self.place.sampler_moves.notified() => {
                    let address = self.place.target.address();
                    return Some(Trouble::lost(
                        format!("{address} now leads to another server"),
                        "compare both before you continue: the run shows what differs",
                    ));
                }
                Some(request) = details.recv() => {
                    if let Err(trouble) = self.detail(&mut link, request).await {
                        return Some(trouble);
                    }
                }
                () = sleep_until(due.activity.min(due.first_slow().1)) => {}
            }
            if let Err(trouble) = self.read_what_is_due(&mut link, seen, &mut due).await {
                return Some(trouble);
            }
        }
    }

    /// Trouble where the connection is lost.
    async fn read_what_is_due(
        &self,
        link: &mut Link,
        seen: &mut Seen,
        due: &mut Due,
    ) -> Result<(), Trouble> {
        let now = Instant::now();
        if now >= due.activity {
            let pause = self.read_sessions(link, seen).await?;
            due.activity = next(due.activity, pause);
        }
        let (slow, at) = due.first_slow();
        if now >= at {
            let began = Instant::now();
            let (result, wanted, cost) = match slow {
                Slow::Statements => {
                    let result = seen.statements.poll(link, &self.place.target).await;
                    (result, self.cadence.statements, seen.statements.cost())
                }
                Slow::Database => {
                    let result = seen.database.poll(link, &self.place.target).await;
                    (result, self.cadence.database, seen.database.cost())
                }
                Slow::Sizes if self.tables.is_empty() => {
                    (Ok(()), self.cadence.sizes, Duration::ZERO)
                }
                Slow::Sizes => {
                    let target = &self.place.target;
                    let result = seen.database.sizes.poll(link, target, &self.tables).await;
                    (result, self.cadence.sizes, began.elapsed())
                }
            };
            let pause = match &result {
                Ok(()) => between(wanted, cost),
                Err(_) => after_failure(wanted, began.elapsed()),
            };
            due.set(slow, Instant::now() + pause);
            due.quiet_until = Instant::now() + self.cadence.activity * 3 / 4;
            let trouble = result.err();
            match slow {
                _ if trouble.as_ref().is_some_and(|trouble| trouble.disconnected) => {}
                Slow::Statements => self.publish_statements(seen, trouble.as_ref()),
                Slow::Database => self.publish_database(seen, trouble.as_ref(), pause),
                // They are told with the counters, and why they could not be read.
                Slow::Sizes => self.publish_database(seen, None, self.cadence.database),
            }
            if let Some(trouble) = trouble.filter(|trouble| trouble.disconnected) {
                return Err(trouble);
            }
        }
        Ok(())
    }

    /// Reads who does what; the pause until the next time.
    async fn read_sessions(&self, link: &mut Link, seen: &mut Seen) -> Result<Duration, Trouble> {
        let began = Instant::now();
        let target = &self.place.target;
        let ours = format!("gonogo:{}:", self.place.run);
        let mut activity = match activity::read(link, target, &ours).await {
            Ok(activity) => activity,
            Err(trouble) if trouble.disconnected => return Err(trouble),
            Err(trouble) => {
                let pause = after_failure(self.cadence.activity, began.elapsed());
                self.publish_activity(seen, Some(&trouble), pause);
                return Ok(pause);
            }
        };
        let cost = Duration::from_micros(activity.cost_us);
        let pause = between(self.cadence.activity, cost);
        seen.names.fill(link, target, &mut activity.sessions).await;
        progress::add(link, target, &mut activity.sessions).await;
        if activity.in_recovery != link.identity.in_recovery {
            // A standby was promoted: its timeline is another, too.
            link.identify_again(target).await?;
            self.place.tell(&link.identity).await;
            seen.identity = Some(link.identity.clone());
        }
        if let Some(at) = activity.at {
            self.place.answered(&link.identity, at);
        }
        seen.activity = activity;
        seen.activity_at = Moment::now();
        self.publish_activity(seen, None, pause);
        Ok(pause)
    }

    /// Answers who looks at one session; trouble where the connection is lost.
    async fn detail(&self, link: &mut Link, request: detail::Request) -> Result<(), Trouble> {
        let detail::Request {
            pid,
            backend_start_us,
            answer,
        } = request;
        let target = &self.place.target;
        let read = detail::read(link, target, pid, backend_start_us).await;
        let lost = read.as_ref().err().filter(|trouble| trouble.disconnected);
        let lost = lost.cloned();
        if answer
            .send(read.map(|read| self.publisher.redacted(read)))
            .is_err()
        {
            tracing::debug!("nobody looks at the session any more");
        }
        lost.map_or(Ok(()), Err)
    }

    fn publish_activity(&self, seen: &Seen, trouble: Option<&Trouble>, interval: Duration) {
        let state = match trouble {
            Some(trouble) => Reading::Lost {
                since: seen.activity_at.time(),
                message: trouble.message.clone(),
                help: trouble.help.clone(),
            },
            None => activity::completeness(&seen.activity, self.place.target.user()),
        };
        self.publisher.publish(Sample::Activity(ActivitySample {
            at: Utc::now(),
            target: self.place.target.name().to_owned(),
            state,
            identity: seen.identity.clone(),
            sessions: seen.activity.sessions.clone(),
            counts: seen.activity.counts.clone(),
            cost_us: seen.activity.cost_us,
            interval_ms: u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
        }));
    }

    fn publish_database(&self, seen: &Seen, trouble: Option<&Trouble>, interval: Duration) {
        let sample = seen.database.sample(&self.place.target, trouble, interval);
        self.publisher.publish(Sample::Database(Box::new(sample)));
    }

    fn publish_statements(&self, seen: &Seen, trouble: Option<&Trouble>) {
        self.publisher.publish(Sample::Statements(
            seen.statements.sample(&self.place.target, trouble),
        ));
    }
}

/// The pause after a reading of this cost.
fn between(wanted: Duration, cost: Duration) -> Duration {
    wanted.max((cost * SHARE).min(RAREST))
}

/// The pause after a reading that failed in spite of a connection.
fn after_failure(wanted: Duration, elapsed: Duration) -> Duration {
    wanted.max((elapsed * 2).min(FAILED))
}

/// The next reading of a steady beat; a beat that was missed is not made up for.
fn next(due: Instant, pause: Duration) -> Instant {
    let now = Instant::now();
    let beat = due + pause;
    if beat > now { beat } else { now + pause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_server_is_read_less_often() {
        let second = Duration::from_secs(1);
        assert_eq!(between(second, Duration::from_millis(3)), second);
        assert_eq!(between(second, Duration::from_millis(100)), second * 2);
        assert_eq!(between(second, second * 10), RAREST);
    }
}
