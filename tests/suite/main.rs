//! The whole suite in one binary: linking dominates the time of short tests.

mod cluster;
mod config;
mod demo;
mod dialect;
mod executor;
mod house;
mod monitor;
mod support;
