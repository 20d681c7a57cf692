//! Where things stand in a demo directory, and the names under which its parts know each other.
//! Written once as `demo/demo.json`; the control program reads it from there.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The services of all sample systems.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum ServiceName {
    /// `single-table`: what customers talk to.
    Gateway,
    /// `single-table`: makes audits.
    Engine,
    /// `watch-release`: the dashboard.
    Portal,
    /// `watch-release`: the conversations.
    Chat,
    /// `counters`: the planner of production.
    Planner,
    /// `counters`: the planner of staging.
    #[value(name = "planner_staging")]
    PlannerStaging,
    /// `star-schema`: writes positions.
    Scorer,
    /// `star-schema`: the six readers.
    Dashboard,
}

impl ServiceName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Engine => "engine",
            Self::Portal => "portal",
            Self::Chat => "chat",
            Self::Planner => "planner",
            Self::PlannerStaging => "planner_staging",
            Self::Scorer => "scorer",
            Self::Dashboard => "dashboard",
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The version before a deployment, and the one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    Old,
    New,
}

impl Version {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The facts of one demo directory: `demo/demo.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The directory itself, absolute.
    pub directory: PathBuf,
    /// The program that is both the services and their control.
    pub binary: PathBuf,
    /// The services, in the order in which they are started.
    pub order: Vec<ServiceName>,
    pub services: BTreeMap<ServiceName, Reach>,
}

/// How a service is reached, and what it reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    pub port: u16,
    /// URI of its database; it holds no password.
    pub database: String,
    /// The way in which it is broken.
    pub broken: Option<String>,
}

impl Layout {
    /// Reads the facts of the demo directory `directory`.
    pub fn read(directory: &Path) -> std::io::Result<Self> {
        let text = std::fs::read_to_string(directory.join("demo/demo.json"))?;
        serde_json::from_str(&text).map_err(std::io::Error::other)
    }

    /// Writes the facts where [`Layout::read`] finds them.
    pub fn write(&self) -> std::io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
        std::fs::write(self.directory.join("demo/demo.json"), text + "\n")
    }

    /// The port of a service; 0 where this system has no such service.
    pub fn port(&self, service: ServiceName) -> u16 {
        self.services.get(&service).map_or(0, |reach| reach.port)
    }

    /// The URI of its database; empty where this system has no such service.
    pub fn database(&self, service: ServiceName) -> &str {
        let reach = self.services.get(&service);
        reach.map_or("", |reach| reach.database.as_str())
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self, service: ServiceName) -> String {
        format!("http://127.0.0.1:{}", self.port(service))
    }

    /// Locked by a service as long as it lives; holds its pid.
    pub fn pid_file(&self, service: ServiceName) -> PathBuf {
        self.directory.join(format!("demo/run/{service}.pid"))
    }

    /// The version that the service was last started in.
    pub fn version_file(&self, service: ServiceName) -> PathBuf {
        self.directory.join(format!("demo/run/{service}.version"))
    }

    pub fn log_file(&self, service: ServiceName) -> PathBuf {
        self.directory.join(format!("demo/logs/{service}.log"))
    }

    /// Locked by the process that owns the demo directory: once it is gone, the services end.
    pub fn owner_file(&self) -> PathBuf {
        self.directory.join("demo/run/owner")
    }

    pub fn admin_token_file(&self) -> PathBuf {
        self.directory.join("demo/secrets/admin_token")
    }
}
