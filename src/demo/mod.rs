//! The throwaway world of `gonogo demo`: two small services with traffic, the database they write to,
//! and the directory in which a guide deploys a new version of them. Nothing here is used by a run:
//! for the cockpit it is a target like any other.

pub mod control;
mod engine;
mod gateway;
pub mod layout;
pub mod service;
mod store;
mod traffic;
mod web;
