//! The one place where this process's environment and home are read for what libpq would find there.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;

use crate::libpq::{Ambient, Files, passfile};

/// Where packages keep the service file of the whole machine.
const SYSTEM_FOLDERS: [&str; 4] = [
    "/etc/postgresql-common",
    "/etc/sysconfig/pgsql",
    "/usr/local/etc/postgresql",
    "/etc/postgresql",
];
const SERVICE_FILE: &str = "pg_service.conf";
/// A file larger than this is none of libpq's.
const LARGEST: u64 = 1 << 20;

/// What libpq would take from here, without passwords.
pub fn surroundings() -> Ambient {
    let socket_directory = match Path::new("/var/run/postgresql").is_dir() {
        true => "/var/run/postgresql",
        false => "/tmp",
    };
    let login = PgConnectOptions::new_without_pgpass();
    // A variable that is no text is none that could be shown.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ambient::new(
        variables,
        &service_files(),
        login.get_username(),
        socket_directory,
    )
}

/// The password that a service file holds for a service.
pub fn service_password(name: &str) -> Option<String> {
    service_files().password(name)
}

/// Passwords that this process's libpq would use by itself: `PGPASSWORD`, those of the service files,
/// and every line of the password file. A step can print them, so they are masked.
pub fn known_passwords() -> Vec<String> {
    let mut known = match password_file(None) {
        PasswordFile::Read(text) => passfile::telling_passwords(&text),
        PasswordFile::Absent | PasswordFile::Ignored(_) => Vec::new(),
    };
    let user = std::env::var("PGUSER").unwrap_or_default();
    let others = std::env::var("PGPASSWORD")
        .into_iter()
        .chain(service_files().passwords());
    known.extend(others.filter(|password| *password != user));
    known.retain(|password| !["", "postgres", "password"].contains(&password.as_str()));
    known
}

/// The user's service file, or where it would be.
fn own_service_file() -> Option<PathBuf> {
    match variable("PGSERVICEFILE") {
        Some(file) => Some(PathBuf::from(file)),
        None => std::env::home_dir().map(|home| home.join(".pg_service.conf")),
    }
}

/// Where a service would have been found, and what is there.
pub(super) fn service_places() -> String {
    let machine =
        match service_files().services.iter().any(|(file, _)| {
            own_service_file().is_none_or(|own| own.display().to_string() != *file)
        }) {
            true => "and in the machine's `pg_service.conf`",
            false => "and the machine has no `pg_service.conf` (`PGSYSCONFDIR` says where it is)",
        };
    let Some(own) = own_service_file() else {
        return format!("there is no home directory for `.pg_service.conf`, {machine}");
    };
    let state = match std::fs::metadata(&own) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
        Ok(metadata) if !metadata.is_file() => "is no file".to_owned(),
        Ok(metadata) if metadata.len() > LARGEST => "is too large for one".to_owned(),
        Ok(_) => match std::fs::read_to_string(&own) {
            Err(error) => format!("cannot be read: {error}"),
            Ok(_) => "has no section of that name".to_owned(),
        },
    };
    format!("`{}` {state}, {machine}", own.display())
}

fn service_files() -> Files {
    let own = own_service_file();
    let system = match variable("PGSYSCONFDIR") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => SYSTEM_FOLDERS.map(PathBuf::from).to_vec(),
    };
    let of_the_system = system.into_iter().map(|folder| folder.join(SERVICE_FILE));
    let of_the_system = of_the_system.into_iter().find(|file| file.is_file());
    let services = own
        .into_iter()
        .chain(of_the_system)
        .filter_map(|file| Some((file.display().to_string(), small_file(&file)?)))
        .collect();
    Files { services }
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The text of a regular file; a pipe or a device would hold us up.
fn small_file(file: &Path) -> Option<String> {
    let metadata = std::fs::metadata(file).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return None;
    }
    std::fs::read_to_string(file).ok()
}

/// libpq's password file as it would use it.
pub(super) enum PasswordFile {
    Read(String),
    Absent,
    /// Why it is not used.
    Ignored(String),
}

/// Reads the file of this path, or the one that libpq takes by itself.
pub(super) fn password_file(path: Option<&str>) -> PasswordFile {
    let file = match path
        .map(PathBuf::from)
        .or(variable("PGPASSFILE").map(PathBuf::from))
    {
        Some(file) => Some(file),
        None => std::env::home_dir().map(|home| home.join(".pgpass")),
    };
    let Some(file) = file else {
        return PasswordFile::Absent;
    };
    let Ok(metadata) = std::fs::metadata(&file) else {
        return PasswordFile::Absent;
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        let file = file.display();
        return PasswordFile::Ignored(format!(
            "`{file}` is open to others and therefore not used, as psql does: `chmod 600 {file}`"
        ));
    }
    match small_file(&file) {
        Some(text) => PasswordFile::Read(text),
        None => PasswordFile::Ignored(format!("`{}` cannot be read", file.display())),
    }
}
