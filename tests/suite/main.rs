//! The whole suite in one binary: linking dominates the time of short tests.

mod cluster;
mod cockpit;
mod config;
mod demo;
mod dialect;
mod dialect_lints;
mod dialect_properties;
mod documentation;
mod errors;
mod executor;
mod executor_adoption;
mod executor_ending;
mod executor_http;
mod executor_sql;
mod faults;
mod hostile_output;
mod house;
mod migration;
mod monitor;
mod pairing;
mod panes;
mod rehearsal;
mod socket;
mod support;
mod target_lock;
mod watches;
