//! How an action is brought to its end: asked, told, killed, until nothing of it is left.

use std::collections::VecDeque;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

/// Between SIGTERM and SIGKILL.
const TOLD: Duration = Duration::from_secs(2);
/// Between SIGINT and SIGKILL where a rollback waits.
const URGENT: Duration = Duration::from_millis(300);
/// What is left of these once the action itself has ended.
const LEFTOVERS_TOLD: Duration = Duration::from_millis(200);
const LEFTOVERS_KILLED: Duration = Duration::from_millis(500);
/// How often what is left is looked for and killed again.
const SWEEP: Duration = Duration::from_millis(20);
/// When sweeping is given up: what cannot be killed now hangs in the kernel.
const HOPELESS: Duration = Duration::from_secs(5);

/// A shell that is just about to start its next command may miss one SIGINT: while a rollback waits,
/// it is asked again before it is killed.
const ASKED_AGAIN: Duration = Duration::from_millis(50);

fn urgent_steps(now: Instant) -> [(Instant, Signal); 4] {
    [
        (now, Signal::INT),
        (now + ASKED_AGAIN, Signal::INT),
        (now + 2 * ASKED_AGAIN, Signal::INT),
        (now + URGENT, Signal::KILL),
    ]
}

/// A plan of signals.
#[derive(Debug)]
pub(super) struct Ending {
    steps: VecDeque<(Instant, Signal)>,
    pub(super) timed_out: bool,
    /// SIGKILL was needed.
    pub(super) killed: bool,
    shortened: bool,
    hopeless_at: Option<Instant>,
}

impl Ending {
    pub(super) fn polite(now: Instant, grace: Duration) -> Self {
        Self::new([
            (now, Signal::INT),
            (now + grace, Signal::TERM),
            (now + grace + TOLD, Signal::KILL),
        ])
    }

    pub(super) fn urgent(now: Instant) -> Self {
        Self::new(urgent_steps(now))
    }

    fn new(steps: impl IntoIterator<Item = (Instant, Signal)>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            timed_out: false,
            killed: false,
            shortened: false,
            hopeless_at: None,
        }
    }

    /// There is suddenly no time: whatever the plan was, SIGKILL comes soon.
    pub(super) fn hurry(&mut self, now: Instant) {
        let kill_at = now + URGENT;
        if self
            .steps
            .iter()
            .all(|(at, signal)| *signal != Signal::KILL || *at > kill_at)
        {
            self.steps = VecDeque::from(urgent_steps(now));
        }
    }

    /// The action itself has ended; what it left behind gets less time.
    pub(super) fn only_leftovers(&mut self, now: Instant) {
        if std::mem::replace(&mut self.shortened, true) {
            return;
        }
        for (at, signal) in &mut self.steps {
            let latest = if *signal == Signal::KILL {
                now + LEFTOVERS_KILLED
            } else {
                now + LEFTOVERS_TOLD
            };
            *at = (*at).min(latest);
        }
    }

    /// The next signal that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<Signal> {
        let (at, signal) = *self.steps.front()?;
        if at > now {
            return None;
        }
        self.steps.pop_front();
        if signal == Signal::KILL {
            self.killed = true;
            self.hopeless_at.get_or_insert(now + HOPELESS);
            if self.steps.is_empty() {
                self.steps.push_back((now + SWEEP, Signal::KILL));
            }
        }
        Some(signal)
    }

    /// Nothing more can be done.
    pub(super) fn is_hopeless(&self, now: Instant) -> bool {
        self.hopeless_at.is_some_and(|at| now >= at)
    }
}
