//! Where things stand in a demo directory, and the names under which its parts know each other.
//! Written once as `demo/demo.json`; the control program reads it from there.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The two services of the sample system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ServiceName {
    Gateway,
    Engine,
}

impl ServiceName {
    pub const ALL: [Self; 2] = [Self::Engine, Self::Gateway];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Engine => "engine",
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The old version writes every query to two tables, the new one to one.
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
    /// URI of the database for the services; it holds no password.
    pub database: String,
    pub gateway_port: u16,
    pub engine_port: u16,
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

    pub fn port(&self, service: ServiceName) -> u16 {
        match service {
            ServiceName::Gateway => self.gateway_port,
            ServiceName::Engine => self.engine_port,
        }
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
