//! The throwaway world of `gonogo demo`: a PostgreSQL of its own, two small services with traffic, and
//! the directory in which a guide deploys a new version of them. Nothing here is used by a run: for
//! the cockpit it is a target like any other.

pub mod cluster;
pub mod control;
mod engine;
mod gateway;
pub mod host;
pub mod layout;
pub mod preflight;
pub mod service;
mod store;
mod traffic;
mod web;
pub mod workspace;
