//! The whole suite in one binary: linking dominates the time of short tests.

mod cluster;
mod config;
mod demo;
mod executor;
mod house;
mod migration;
mod monitor;
mod panes;
mod support;
