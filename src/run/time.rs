//! Time as the run sees it: an argument, never a clock.

use chrono::{DateTime, Utc};

/// Wall-clock time in UTC.
pub type Timestamp = DateTime<Utc>;
