//! A moment that is told as time of day only when somebody asks: the wall clock may have been set since,
//! and what has passed stays what it was.

use std::time::Instant;

use chrono::{TimeDelta, Utc};

use crate::run::Timestamp;

/// The two clocks are read one after the other and drift a little; only a clock that was set differs by
/// more.
const DRIFT: TimeDelta = TimeDelta::seconds(2);

#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    at: Instant,
    read: Timestamp,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self {
            at: Instant::now(),
            read: Utc::now(),
        }
    }

    /// By the wall clock as it is set now; the same at each call while nobody sets it.
    pub(super) fn time(self) -> Timestamp {
        let passed = TimeDelta::from_std(self.at.elapsed()).unwrap_or_default();
        let reckoned = Utc::now() - passed;
        match (reckoned - self.read).abs() < DRIFT {
            true => self.read,
            false => reckoned,
        }
    }
}
