//! Text that comes from outside: durations as people write them, bytes that may carry control
//! sequences, and values that must stay secret. Pure functions, used by every layer above.

pub mod cause;
pub mod duration;
pub mod pattern;
pub mod redact;
pub mod scrub;
pub mod written;
