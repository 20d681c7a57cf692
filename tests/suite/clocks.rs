//! The wall clock is set while a supervisor is at work, and while none is: it is noticed, said, and
//! journalled, and no window, wait or duration is another one for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::{TimeDelta, Utc};
use gonogo::run::{RunState, Schedule, Timestamp, rollback_plans, schedule};
use gonogo::supervisor::clock::{ClockReading, Clocks, SystemClocks};
use gonogo::supervisor::{Handle, Supervisor};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::eventually;
use crate::support::home::{Home, until};

const GUIDE: &str =
    "---\ngonogo:\n  window: 30m\n---\n# Wait\n\n## Phase 1: Now\n\n- [ ] A person is here\n";

/// The clocks of this machine, the wall clock set by so much.
#[derive(Default)]
struct SetClocks(Mutex<TimeDelta>);

impl SetClocks {
    fn set(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clocks for SetClocks {
    fn read(&self) -> ClockReading {
        let read = SystemClocks.read();
        ClockReading {
            wall: read.wall + *self.0.lock().unwrap(),
            ..read
        }
    }
}

/// A supervisor in this process, by these clocks.
struct Supervised {
    handle: Handle,
    leave: Arc<Notify>,
    running: JoinHandle<gonogo::journal::RunLock>,
}

impl Supervised {
    async fn begin(directory: &Path, clocks: Arc<SetClocks>) -> Self {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_gonogo"));
        let opened = Supervisor::open_by(directory, binary, clocks).await;
        let (supervisor, handle) = opened.unwrap();
        let leave = Arc::new(Notify::new());
        let running = tokio::spawn({
            let leave = leave.clone();
            async move { supervisor.run(leave).await.unwrap() }
        });
        Self {
            handle,
            leave,
            running,
        }
    }

    async fn sees(&self, what: &str, holds: impl Fn(&RunState) -> bool) -> Arc<RunState> {
        eventually(what, async || {
            let state = self.handle.feed.state();
            holds(&state).then_some(state)
        })
        .await
    }

    async fn ends(self) {
        self.leave.notify_one();
        self.running.await.unwrap();
    }
}

fn reckoned(state: &RunState, now: Timestamp) -> Schedule {
    schedule(state, &rollback_plans(state), now)
}

fn steps(state: &RunState) -> usize {
    let notes = state.notes.iter();
    notes.filter(|note| note.text.contains("was set")).count()
}

/// A run that waits for a person, without a supervisor.
fn waiting() -> (Home, PathBuf) {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.gonogo(&["rehearse", "guide.md"]).exits(3);
    let run = home.runs()[0].clone();
    until("the supervisor to leave", || {
        (home.status(&run)["supervisor"]["alive"] == false).then_some(())
    });
    let directory = home.run_directory(&run);
    (home, directory)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_a_day_is_told_once_and_changes_no_window() {
    for by in [TimeDelta::days(1), TimeDelta::days(-1)] {
        let (home, directory) = waiting();
        let clocks = Arc::new(SetClocks::default());
        let supervised = Supervised::begin(&directory, clocks.clone()).await;
        let state = supervised
            .sees("it to begin", |state| state.epoch > 1)
            .await;
        let before = reckoned(&state, Utc::now());
        let ends = before.window_ends.unwrap();
        clocks.set(by);
        let state = supervised.sees("the step", |state| steps(state) == 1).await;
        let after = reckoned(&state, Utc::now() + by);
        let moved = after.window_ends.unwrap() - ends - by;
        assert!(moved.abs() < TimeDelta::seconds(2), "{moved}");
        assert!(after.elapsed_s.abs_diff(before.elapsed_s) < 20);
        supervised.ends().await;
        let run = home.runs()[0].clone();
        let report = home.gonogo(&["report", &run]).exits(0).out;
        let way = if by < TimeDelta::zero() {
            "back"
        } else {
            "forward"
        };
        assert!(report.contains(&format!("was set {way} by 1d")), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_between_two_supervisors_of_one_boot_is_told_by_the_second() {
    let (_home, directory) = waiting();
    let clocks = Arc::new(SetClocks::default());
    let first = Supervised::begin(&directory, clocks.clone()).await;
    let state = first.sees("it to begin", |state| state.epoch > 1).await;
    let epoch = state.epoch;
    first.ends().await;
    clocks.set(TimeDelta::days(-1));
    let second = Supervised::begin(&directory, clocks.clone()).await;
    let state = second
        .sees("the step", move |state| {
            state.epoch > epoch && steps(state) == 1
        })
        .await;
    let elapsed = reckoned(&state, Utc::now() - TimeDelta::days(1)).elapsed_s;
    assert!(elapsed < 120, "{elapsed} s since it was opened");
    second.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_parked_after_the_time_that_was_said_whatever_the_clock_is_set_to() {
    let (_home, directory) = waiting();
    for by in [TimeDelta::days(1), TimeDelta::days(-1)] {
        let clocks = Arc::new(SetClocks::default());
        let supervised = Supervised::begin(&directory, clocks.clone()).await;
        let before = supervised.handle.feed.state().epoch;
        supervised
            .sees("it to begin", move |state| state.epoch >= before)
            .await;
        clocks.set(by);
        supervised.sees("the step", |state| steps(state) > 0).await;
        assert!(
            !supervised.running.is_finished(),
            "it waits for its first visitor"
        );
        supervised.ends().await;
    }
}
