//! The syntax layer held against those who decide: `bash -n`, bash itself, and psql.

mod bounds;
mod quoting;
mod shell;
mod sql;
