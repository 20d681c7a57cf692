//! Where PostgreSQL's programs stand on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::ClusterError;

#[cfg(target_os = "macos")]
const INSTALL_SERVER: &str = "`brew install postgresql@17`";
#[cfg(not(target_os = "macos"))]
const INSTALL_SERVER: &str = "`apt-get install postgresql postgresql-client` (Debian, Ubuntu), \
     `dnf install postgresql-server postgresql-contrib` (Fedora), `brew install postgresql@17` (Homebrew)";

#[cfg(target_os = "macos")]
const INSTALL_PSQL: &str = "`brew install libpq` or `brew install postgresql@17`";
#[cfg(not(target_os = "macos"))]
const INSTALL_PSQL: &str =
    "`apt-get install postgresql-client` (Debian, Ubuntu), `dnf install postgresql` (Fedora)";

/// Directories that hold one directory per version, with the programs at `suffix` below.
const VERSIONED: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// Directories that hold the programs themselves.
const PLAIN: [&str; 4] = [
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/usr/local/pgsql/bin",
    "/usr/bin",
];

/// An installation of the server.
#[derive(Clone, Debug)]
pub struct Binaries {
    directory: PathBuf,
    /// As `postgres --version` says it.
    version: String,
}

impl Binaries {
    /// `GONOGO_PG_BINDIR` or `PG_BINDIR` where set (and then nothing else), what `pg_config` says, then
    /// the usual places, the newest version first.
    pub fn find() -> Result<Self, ClusterError> {
        for variable in ["GONOGO_PG_BINDIR", "PG_BINDIR"] {
            let Some(value) = std::env::var_os(variable).filter(|value| !value.is_empty()) else {
                continue;
            };
            let directory = PathBuf::from(value);
            for program in ["initdb", "postgres"] {
                if !directory.join(program).is_file() {
                    return Err(ClusterError::Misdirected {
                        variable,
                        directory: directory.display().to_string(),
                        program,
                        install: INSTALL_SERVER,
                    });
                }
            }
            return Self::at(directory);
        }
        let candidates = candidates();
        match candidates.iter().find(|directory| holds_server(directory)) {
            Some(directory) => Self::at(directory.clone()),
            None => Err(missing(&candidates)),
        }
    }

    fn at(directory: PathBuf) -> Result<Self, ClusterError> {
        let version = says(&directory.join("postgres"), "--version").ok_or_else(|| {
            ClusterError::Program {
                program: "postgres --version",
                output: format!("{} does not run", directory.join("postgres").display()),
            }
        })?;
        Ok(Self { directory, version })
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `postgres (PostgreSQL) 15.18 (Debian …)`.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }

    pub fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }

    /// `psql` beside the server, or the first on the path.
    pub fn psql(&self) -> Result<PathBuf, ClusterError> {
        let beside = self.directory.join("psql");
        if beside.is_file() {
            return Ok(beside);
        }
        on_path("psql").ok_or(ClusterError::NoPsql {
            install: INSTALL_PSQL,
        })
    }

    /// Whether the extension's library can be preloaded: Debian and Homebrew ship it with the server,
    /// others apart from it.
    pub fn has_pg_stat_statements(&self) -> bool {
        let configured = says(&self.directory.join("pg_config"), "--pkglibdir").map(PathBuf::from);
        let prefix = self.directory.parent().unwrap_or(Path::new("/"));
        let usual = [prefix.join("lib"), prefix.join("lib/postgresql")];
        configured.into_iter().chain(usual).any(|directory| {
            ["pg_stat_statements.so", "pg_stat_statements.dylib"]
                .iter()
                .any(|name| directory.join(name).is_file())
        })
    }
}

fn missing(candidates: &[PathBuf]) -> ClusterError {
    let mut looked: Vec<String> = vec!["/usr/lib/postgresql/*/bin".to_owned()];
    looked.extend(candidates.iter().map(|path| path.display().to_string()));
    looked.dedup();
    ClusterError::Missing {
        looked: looked.join(", "),
        install: INSTALL_SERVER,
    }
}

fn holds_server(directory: &Path) -> bool {
    directory.join("initdb").is_file() && directory.join("postgres").is_file()
}

fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = says(Path::new("pg_config"), "--bindir")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    for (parent, prefix, suffix) in VERSIONED {
        found.extend(
            newest_first(Path::new(parent), prefix)
                .into_iter()
                .map(|path| path.join(suffix)),
        );
    }
    found.extend(PLAIN.iter().map(PathBuf::from));
    found.extend(on_path("postgres").and_then(|path| path.parent().map(Path::to_owned)));
    found
}

/// Directories named PREFIX and a version number, the highest number first.
fn newest_first(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut versions: Vec<(Vec<u32>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let numbers: Option<Vec<u32>> = name
                .strip_prefix(prefix)?
                .split('.')
                .map(|number| number.parse().ok())
                .collect();
            Some((numbers?, entry.path()))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, path)| path).collect()
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

/// The first line that a program prints for one option.
fn says(program: &Path, option: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(option)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number_not_by_text() {
        let parent = tempfile::tempdir().unwrap();
        for name in [
            "postgresql@9.6",
            "postgresql@17",
            "postgresql@10",
            "postgresql@",
            "other@18",
        ] {
            std::fs::create_dir(parent.path().join(name)).unwrap();
        }
        let found: Vec<String> = newest_first(parent.path(), "postgresql@")
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(found, ["postgresql@17", "postgresql@10", "postgresql@9.6"]);
    }

    #[test]
    fn a_missing_server_names_what_to_install() {
        let message = missing(&[PathBuf::from("/usr/local/bin")]).to_string();
        assert!(message.contains("brew install postgresql@17"), "{message}");
        assert!(message.contains("GONOGO_PG_BINDIR"), "{message}");
        assert!(message.contains("/usr/local/bin"), "{message}");
    }
}
