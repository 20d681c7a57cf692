//! The syntax layer held against what would break it.

mod bounds;
