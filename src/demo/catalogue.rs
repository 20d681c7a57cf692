//! All sample systems.

use super::layout::{ServiceName, Version};
use super::system::{Need, System};
use super::{counters, single_table, watch_release};

/// All sample systems; the first is the one that is meant where none is named.
pub static SYSTEMS: [&System; 3] = [
    &single_table::SYSTEM,
    &watch_release::SYSTEM,
    &counters::SYSTEM,
];

/// The system of this name.
pub fn named(name: &str) -> Option<&'static System> {
    SYSTEMS.into_iter().find(|system| system.name == name)
}

/// What a version of a service needs before it can be started.
pub(super) fn needs(service: ServiceName, version: Version) -> &'static [Need] {
    match service {
        ServiceName::Gateway | ServiceName::Engine => single_table::needs(version),
        ServiceName::Portal | ServiceName::Chat => watch_release::needs(version),
        ServiceName::Planner | ServiceName::PlannerStaging => counters::needs(version),
    }
}
