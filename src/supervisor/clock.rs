//! The clocks of the machine, and the one that a run goes by. A run's time is measured since the boot of
//! the machine, sleep included, and told as time of day; where the wall clock is set, nothing of that
//! changes before the step is noticed, said and journalled (see [`crate::run::ClockAnchor`]).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::executor::boot_id;
use crate::run::{ClockAnchor, RunState, Timestamp};

/// Less than this is no step worth a word; steps add up.
const NOTICED: TimeDelta = TimeDelta::seconds(1);

/// Both clocks, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    pub wall: Timestamp,
    /// Since the boot of the machine, sleep included.
    pub up: Duration,
}

/// Where the supervisor reads the time. Tests have one of their own, whose wall clock they set.
pub trait Clocks: Send + Sync {
    fn read(&self) -> ClockReading;
}

/// The clocks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClocks;

impl Clocks for SystemClocks {
    fn read(&self) -> ClockReading {
        ClockReading {
            wall: Utc::now(),
            up: up(),
        }
    }
}

fn up() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    // Elsewhere the monotonic clock is the nearest: on macOS it stops while the machine sleeps.
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let read = rustix::time::clock_gettime(clock);
    let seconds = u64::try_from(read.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(read.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}

/// The boot, and the namespace in which time since then is told: in another one it is another number.
fn boot() -> String {
    let namespace = std::fs::read_link("/proc/self/ns/time")
        .map(|link| link.display().to_string())
        .unwrap_or_default();
    format!("{} {namespace}", boot_id())
}

/// The time of a run.
pub(super) struct Clock {
    clocks: Arc<dyn Clocks>,
    boot: String,
    /// Time of day at the boot of the machine, as it was last told.
    booted: Timestamp,
}

impl Clock {
    /// Goes on with the time that the run knows, where that is of this boot.
    pub(super) fn new(clocks: Arc<dyn Clocks>, known: Option<&ClockAnchor>) -> Self {
        let boot = boot();
        let known = known
            .filter(|anchor| anchor.boot == boot)
            .and_then(|anchor| DateTime::from_timestamp_millis(anchor.boot_ms));
        let booted = known.unwrap_or_else(|| booted(clocks.read()));
        Self {
            clocks,
            boot,
            booted,
        }
    }

    /// The time of the run. It goes on evenly, whatever the wall clock is set to.
    pub(super) fn now(&self) -> Timestamp {
        later(self.booted, self.clocks.read().up)
    }

    /// For durations within this process.
    pub(super) fn up(&self) -> Duration {
        self.clocks.read().up
    }

    /// By how much the wall clock was set since that was last told.
    pub(super) fn stepped(&self) -> Option<TimeDelta> {
        let by = booted(self.clocks.read()) - self.booted;
        (by.abs() >= NOTICED).then_some(by)
    }

    /// Goes by the wall clock as it is set now.
    pub(super) fn follow(&mut self, by: TimeDelta) {
        self.booted = self.booted.checked_add_signed(by).unwrap_or(self.booted);
    }

    pub(super) fn anchor(&self) -> ClockAnchor {
        ClockAnchor {
            boot: self.boot.clone(),
            boot_ms: self.booted.timestamp_millis(),
        }
    }
}

/// The time of a run for who only reads its journal: that of its supervisor, on the same boot.
pub fn now_of(state: &RunState) -> Timestamp {
    Clock::new(Arc::new(SystemClocks), state.clock.as_ref()).now()
}

fn booted(read: ClockReading) -> Timestamp {
    TimeDelta::from_std(read.up)
        .ok()
        .and_then(|up| read.wall.checked_sub_signed(up))
        .unwrap_or(read.wall)
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| from.checked_add_signed(by))
        .unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Set(Mutex<ClockReading>);

    impl Clocks for Set {
        fn read(&self) -> ClockReading {
            *self.0.lock().unwrap()
        }
    }

    impl Set {
        fn change(&self, wall: TimeDelta, up: u64) {
            let mut read = self.0.lock().unwrap();
            read.wall += wall;
            read.up += Duration::from_secs(up);
        }
    }

    #[test]
    fn time_goes_on_evenly_and_a_step_is_told_once() {
        let start = Utc::now();
        let set = Arc::new(Set(Mutex::new(ClockReading {
            wall: start,
            up: Duration::from_secs(1_000),
        })));
        let mut clock = Clock::new(set.clone(), None);
        let day = TimeDelta::days(1);
        set.change(TimeDelta::seconds(5), 5);
        assert_eq!(
            (clock.now() - start, clock.stepped()),
            (TimeDelta::seconds(5), None)
        );
        set.change(day, 0);
        assert_eq!(
            clock.now() - start,
            TimeDelta::seconds(5),
            "not before it is told"
        );
        assert_eq!(clock.stepped(), Some(day));
        clock.follow(day);
        assert_eq!(
            (clock.now() - start, clock.stepped()),
            (day + TimeDelta::seconds(5), None)
        );
        // Small ones add up, and are told when they are a second.
        for _ in 0..3 {
            set.change(TimeDelta::milliseconds(-400), 0);
        }
        assert_eq!(clock.stepped(), Some(TimeDelta::milliseconds(-1_200)));
    }

    #[test]
    fn who_comes_after_goes_on_with_the_same_time_on_the_same_boot() {
        let set = Arc::new(Set(Mutex::new(ClockReading {
            wall: Utc::now(),
            up: Duration::from_secs(1_000),
        })));
        let anchor = Clock::new(set.clone(), None).anchor();
        set.change(TimeDelta::days(-1), 60);
        let day_and_more = TimeDelta::days(-1) - TimeDelta::seconds(60);
        let next = Clock::new(set.clone(), Some(&anchor));
        // The anchor is told in whole milliseconds.
        let off = next.stepped().map(|by| (by - day_and_more).abs());
        assert!(
            off.is_some_and(|off| off <= TimeDelta::milliseconds(1)),
            "{off:?}"
        );
        let other = ClockAnchor {
            boot: "another".to_owned(),
            ..anchor
        };
        assert_eq!(
            Clock::new(set, Some(&other)).stepped(),
            None,
            "nobody knows across a boot"
        );
    }
}
