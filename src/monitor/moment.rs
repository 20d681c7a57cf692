//! A moment that is told as time of day only when somebody asks: the wall clock may have been set since,
//! and what has passed stays what it was.

use std::time::Instant;

use chrono::{TimeDelta, Utc};

use crate::run::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(Instant);

impl Moment {
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    /// By the wall clock as it is set now.
    pub(super) fn time(self) -> Timestamp {
        let passed = TimeDelta::from_std(self.0.elapsed()).unwrap_or_default();
        Utc::now() - passed
    }
}
