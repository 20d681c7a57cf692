//! The task that holds the one sampling connection of a target: sessions every second, statements
//! every five, each less often where the server is slow. It survives the server.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use super::activity::{self, Activity, Names};
use super::detail;
use super::link::{Link, Scope};
use super::moment::Moment;
use super::progress;
use super::prover::Place;
use super::statements::Statements;
use super::trouble::Trouble;
use super::{ActivitySample, Cadence, Publisher, Reading, Sample};
use crate::run::TargetIdentity;

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
}

/// What survives a lost connection.
struct Seen {
    activity: Activity,
    activity_at: Moment,
    identity: Option<TargetIdentity>,
    statements: Statements,
    names: Names,
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
            tokio::select! {
                () = sleep(pause) => {}
                () = self.baseline.notified() => seen.statements.rebase(),
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
        let ours = format!("gonogo:{}:", self.place.run);
        let mut activity_due = Instant::now();
        let mut statements_due = activity_due;
        loop {
            if self.publisher.closed() {
                return None;
            }
            tokio::select! {
                biased;
                () = self.baseline.notified() => {
                    seen.statements.rebase();
                    statements_due = Instant::now();
                }
                () = self.place.sampler_moves.notified() => {
                    let address = self.place.target.address();
                    return Some(Trouble::lost(
                        format!("{address} leads to another server now"),
                        "look at both before anything goes on: the run says what differs",
                    ));
                }
                Some(request) = details.recv() => {
                    if let Err(trouble) = self.detail(&mut link, request).await {
                        return Some(trouble);
                    }
                }
                () = sleep_until(activity_due.min(statements_due)) => {}
            }
            let now = Instant::now();
            if now >= activity_due {
                let result = activity::read(&mut link, &self.place.target, &ours).await;
                let pause = match &result {
                    Ok(activity) => between(
                        self.cadence.activity,
                        Duration::from_micros(activity.cost_us),
                    ),
                    Err(_) => after_failure(self.cadence.activity, now.elapsed()),
                };
                match result {
                    Ok(mut activity) => {
                        seen.names
                            .fill(&mut link, &self.place.target, &mut activity.sessions)
                            .await;
                        progress::add(&mut link, &self.place.target, &mut activity.sessions).await;
                        if activity.in_recovery != link.identity.in_recovery {
                            // A standby was promoted: its timeline is another, too.
                            if let Err(trouble) = link.identify_again(&self.place.target).await {
                                return Some(trouble);
                            }
                            self.place.tell(&link.identity).await;
                            seen.identity = Some(link.identity.clone());
                        }
                        if let Some(at) = activity.at {
                            self.place.answered(&link.identity, at);
                        }
                        seen.activity = activity;
                        seen.activity_at = Moment::now();
                        self.publish_activity(seen, None, pause);
                    }
                    Err(trouble) if trouble.disconnected => return Some(trouble),
                    Err(trouble) => self.publish_activity(seen, Some(&trouble), pause),
                }
                activity_due = next(activity_due, pause);
            }
            if now >= statements_due {
                let result = seen.statements.poll(&mut link, &self.place.target).await;
                let pause = match &result {
                    Ok(()) => between(self.cadence.statements, seen.statements.cost()),
                    Err(_) => after_failure(self.cadence.statements, now.elapsed()),
                };
                match result {
                    Ok(()) => self.publish_statements(seen, None),
                    Err(trouble) if trouble.disconnected => return Some(trouble),
                    Err(trouble) => self.publish_statements(seen, Some(&trouble)),
                }
                statements_due = Instant::now() + pause;
            }
        }
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
