//! demo

pub mod cluster;
