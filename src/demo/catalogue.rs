//! All sample systems.

use super::layout::ServiceName;
use super::system::System;
use super::{counters, single_table, star_schema, watch_release};

/// All sample systems; the first is the one that is meant where none is named.
pub static SYSTEMS: [&System; 4] = [
    &single_table::SYSTEM,
    &watch_release::SYSTEM,
    &counters::SYSTEM,
    &star_schema::SYSTEM,
];

/// The system of this name.
pub fn named(name: &str) -> Option<&'static System> {
    SYSTEMS.into_iter().find(|system| system.name == name)
}

/// The system that a service belongs to.
pub(super) fn system_of(service: ServiceName) -> &'static System {
    match service {
        ServiceName::Gateway | ServiceName::Engine => &single_table::SYSTEM,
        ServiceName::Portal | ServiceName::Chat => &watch_release::SYSTEM,
        ServiceName::Planner | ServiceName::PlannerStaging => &counters::SYSTEM,
        ServiceName::Scorer | ServiceName::Dashboard => &star_schema::SYSTEM,
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_service_is_started_by_the_system_it_belongs_to() {
        for service in ServiceName::value_variants() {
            let mut own = system_of(*service).service_names();
            assert!(own.any(|name| name == *service), "{service}");
        }
    }
}
