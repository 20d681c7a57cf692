//! The whole suite in one binary: linking dominates the time of short tests.

mod config;
