//! A database to watch. Its address is written as libpq writes it and must lead where `psql` would
//! go: a parameter that we cannot honour is refused, never ignored.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::late::LatePassword;
use super::trouble::Trouble;
use super::{conninfo, pgpass};

/// Where a database is and how to log in there.
#[derive(Clone, Debug)]
pub struct Target {
    name: String,
    options: PgConnectOptions,
    host: String,
    port: u16,
    user: String,
    database: String,
    pub(super) patience: Duration,
    late: Option<LatePassword>,
}

/// Why an address is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("target `{target}`: {message}; {help}")]
pub struct TargetError {
    pub target: String,
    pub message: String,
    pub help: String,
}

/// Parameters that change nothing for one session of short statements to one named server.
const HARMLESS: [&str; 15] = [
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "target_session_attrs",
    "load_balance_hosts",
    "sslcompression",
    "sslsni",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "replication",
];

/// Parameters of which only these values are what we do anyway.
const ONLY: [(&str, &[&str]); 6] = [
    ("gssencmode", &["disable", "prefer"]),
    ("channel_binding", &["disable", "prefer"]),
    (
        "client_encoding",
        &["auto", "UTF8", "utf8", "UTF-8", "utf-8"],
    ),
    ("sslnegotiation", &["postgres"]),
    ("requiressl", &["0"]),
    ("ssl_min_protocol_version", &["TLSv1", "TLSv1.1", "TLSv1.2"]),
];

impl Target {
    /// Takes a keyword string, a URI or the bare name of a database. What it does not say comes from
    /// `PGHOST` and the like, as with `psql`. Passwords come apart from it: given here, or from
    /// `PGPASSWORD`, or from libpq's password file.
    pub fn parse(name: &str, text: &str, password: Option<&str>) -> Result<Self, TargetError> {
        let refuse = |message: String, help: &str| TargetError {
            target: name.to_owned(),
            message,
            help: help.to_owned(),
        };
        let mut parameters = conninfo::parse(text).map_err(|message| {
            refuse(
                message,
                "write it as `host=… dbname=…` or `postgresql://host/database`",
            )
        })?;
        parameters.retain(|_, value| !value.is_empty());
        check(&parameters).map_err(|(message, help)| refuse(message, help))?;

        // Reads `PGHOST` and its kin; everything named in the text replaces it.
        let mut options = PgConnectOptions::new_without_pgpass().disable_statement_logging();
        if let Some(port) = parameters.get("port") {
            let port = port.parse().map_err(|_| {
                refuse(
                    format!("`port={port}` is not a port"),
                    "a port is a number up to 65535",
                )
            })?;
            options = options.port(port);
        }
        let port = options.get_port();
        let host = parameters
            .get("hostaddr")
            .or_else(|| parameters.get("host"))
            .cloned()
            .unwrap_or_else(|| options.get_host().to_owned());
        if host.contains(',') {
            return Err(refuse(
                format!("`host={host}` names several hosts"),
                "name the one server to watch",
            ));
        }
        if host.starts_with('@') {
            return Err(refuse(
                format!("`host={host}` is an abstract socket"),
                "name the directory of a Unix socket or a host",
            ));
        }
        options = if host.starts_with('/') {
            options.socket(&host)
        } else {
            options.host(&host)
        };
        let user = parameters
            .get("user")
            .cloned()
            .unwrap_or_else(|| options.get_username().to_owned());
        let database = parameters
            .get("dbname")
            .cloned()
            .or_else(|| options.get_database().map(str::to_owned))
            .unwrap_or_else(|| user.clone());
        options = options
            .username(&user)
            .database(&database)
            .extra_float_digits(None);
        options = secured(options, &parameters).map_err(|(message, help)| refuse(message, help))?;
        if let Some(settings) = parameters.get("options") {
            let pairs = settings_of(settings).ok_or_else(|| {
                refuse(
                    format!("`options={settings}` is not understood"),
                    "only `-c name=value` is",
                )
            })?;
            options = options.options(pairs);
        }
        let own = std::env::var("PGPASSWORD").is_ok();
        let found = match password {
            Some(password) => Some(password.to_owned()),
            None if own => None,
            None => pgpass::find(&host, port, &database, &user),
        };
        if let Some(password) = found {
            options = options.password(&password);
        }
        Ok(Self {
            name: name.to_owned(),
            patience: patience(&parameters),
            options,
            host,
            port,
            user,
            database,
            late: None,
        })
    }

    /// Its password is still on its way.
    pub fn awaiting(mut self, password: LatePassword) -> Self {
        self.late = Some(password);
        self
    }

    /// Whether its password is still on its way.
    pub(super) fn is_awaiting(&self) -> bool {
        self.late.as_ref().is_some_and(LatePassword::is_awaited)
    }

    /// What the configuration calls it (`main`).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A host's name or address, or the directory of a Unix socket.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    /// `db1:5432`, or the socket's path.
    pub fn address(&self) -> String {
        if self.host.starts_with('/') {
            format!(
                "`{}/.s.PGSQL.{}`",
                self.host.trim_end_matches('/'),
                self.port
            )
        } else {
            format!("`{}:{}`", self.host, self.port)
        }
    }

    /// How to connect.
    ///
    /// # Errors
    /// Its password is not here (yet).
    pub(super) async fn options(&self) -> Result<PgConnectOptions, Trouble> {
        match &self.late {
            Some(late) => late.complete(self.options.clone()).await,
            None => Ok(self.options.clone()),
        }
    }
}

fn check(parameters: &BTreeMap<String, String>) -> Result<(), (String, &'static str)> {
    for (name, value) in parameters {
        let name = name.as_str();
        if HARMLESS.contains(&name) {
            continue;
        }
        if let Some((_, allowed)) = ONLY.iter().find(|(only, _)| *only == name) {
            if allowed.contains(&value.as_str()) {
                continue;
            }
            return Err((
                format!("`{name}={value}` is not supported"),
                "leave it out for gonogo",
            ));
        }
        match name {
            "host" | "hostaddr" | "port" | "user" | "sslmode" | "sslrootcert" | "sslcert"
            | "sslkey" | "connect_timeout" | "options" => {}
            "dbname" if value.contains('=') || value.contains("://") => {
                return Err((
                    "`dbname` holds another connection string".to_owned(),
                    "write that string itself as the target",
                ));
            }
            "dbname" => {}
            "password" => {
                return Err((
                    "the address holds a password".to_owned(),
                    "take it out and name its source beside it, or use `PGPASSWORD` or `~/.pgpass`",
                ));
            }
            "service" | "servicefile" => {
                return Err((
                    format!("`{name}={value}` needs a service file, which is not read"),
                    "write out the host, port, user and database that the service stands for",
                ));
            }
            "passfile" => {
                return Err((
                    "`passfile` is not supported".to_owned(),
                    "set `PGPASSFILE` instead",
                ));
            }
            _ => {
                return Err((
                    format!("`{name}` is not a parameter that gonogo knows"),
                    "leave it out: what is not understood could lead to another server",
                ));
            }
        }
    }
    let complete = ["host", "user", "dbname"]
        .iter()
        .all(|name| parameters.contains_key(*name));
    let service = std::env::var("PGSERVICE").is_ok_and(|service| !service.is_empty());
    if service && !complete {
        return Err((
            "`PGSERVICE` is set, and the service file is not read".to_owned(),
            "unset it, or write out host, port, user and database",
        ));
    }
    if parameters.contains_key("host")
        && parameters.contains_key("hostaddr")
        && parameters
            .get("sslmode")
            .is_some_and(|mode| mode == "verify-full")
    {
        return Err((
            "`hostaddr` with `sslmode=verify-full` is not supported".to_owned(),
            "leave out `hostaddr`",
        ));
    }
    Ok(())
}

fn secured(
    mut options: PgConnectOptions,
    parameters: &BTreeMap<String, String>,
) -> Result<PgConnectOptions, (String, &'static str)> {
    if let Some(mode) = parameters.get("sslmode") {
        let mode = PgSslMode::from_str(mode).map_err(|_| {
            (
                format!("`sslmode={mode}` is not known"),
                "it is one of disable, allow, prefer, require, verify-ca, verify-full",
            )
        })?;
        options = options.ssl_mode(mode);
    }
    let files = [("sslrootcert", true), ("sslcert", false), ("sslkey", false)];
    for (name, may_be_system) in files {
        let Some(file) = parameters.get(name) else {
            continue;
        };
        // `sslrootcert=system`: the authorities of this machine, the default of our TLS.
        if may_be_system && file == "system" {
            options = options.ssl_mode(PgSslMode::VerifyFull);
            continue;
        }
        if !Path::new(file).is_file() {
            return Err((
                format!("`{name}={file}`: there is no such file"),
                "check the path",
            ));
        }
        options = match name {
            "sslrootcert" => options.ssl_root_cert(file),
            "sslcert" => options.ssl_client_cert(file),
            _ => options.ssl_client_key(file),
        };
    }
    let verifies = matches!(
        options.get_ssl_mode(),
        PgSslMode::VerifyCa | PgSslMode::VerifyFull
    );
    if verifies
        && !parameters.contains_key("sslrootcert")
        && std::env::var_os("PGSSLROOTCERT").is_none()
    {
        // Where libpq looks.
        let file = std::env::home_dir().map(|home| home.join(".postgresql/root.crt"));
        if let Some(file) = file.filter(|file| file.is_file()) {
            options = options.ssl_root_cert(file);
        }
    }
    Ok(options)
}

/// `-c name=value` and `--name=value`.
fn settings_of(text: &str) -> Option<Vec<(String, String)>> {
    let mut words = text.split_whitespace();
    let mut pairs = Vec::new();
    while let Some(word) = words.next() {
        let pair = match word.strip_prefix("-c").or_else(|| word.strip_prefix("--")) {
            Some("") if word == "-c" => words.next()?,
            Some(pair) => pair,
            None => return None,
        };
        let (name, value) = pair.split_once('=')?;
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Some(pairs)
}

/// How long a connection may take: `connect_timeout`, else 5 s.
fn patience(parameters: &BTreeMap<String, String>) -> Duration {
    let seconds = parameters
        .get("connect_timeout")
        .and_then(|text| text.parse::<u64>().ok())
        .filter(|seconds| *seconds > 0)
        .unwrap_or(5);
    Duration::from_secs(seconds.clamp(2, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_and_uri_name_the_same_server() {
        for text in [
            "host=db1 port=5433 dbname=app user=anna",
            "postgresql://anna@db1:5433/app",
        ] {
            let target = Target::parse("main", text, None).unwrap();
            assert_eq!(target.address(), "`db1:5433`");
            assert_eq!((target.user(), target.database()), ("anna", "app"));
        }
    }

    #[test]
    fn the_database_is_named_as_the_role_where_nothing_else_is_said() {
        let target = Target::parse("main", "host=/run/s user=anna", None).unwrap();
        assert_eq!(target.database(), "anna");
        assert!(target.address().starts_with("`/run/s/.s.PGSQL."));
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for (text, said) in [
            ("service=prod", "service file"),
            ("postgresql://db1/app?service=prod", "service file"),
            ("host=a,b dbname=app", "several hosts"),
            ("host=a dbname='host=b'", "another connection string"),
            ("host=a password=x", "holds a password"),
            ("postgresql://anna:x@db1/app", "holds a password"),
            ("host=a port=many", "not a port"),
            ("host=a hots=b", "`hots` is not a parameter"),
            ("host=a channel_binding=require", "not supported"),
            ("host=a sslmode=maybe", "is not known"),
            ("host=a sslrootcert=/nowhere/ca.crt", "no such file"),
            ("host=a options=-d5", "not understood"),
        ] {
            let error = Target::parse("main", text, None).unwrap_err();
            assert!(error.message.contains(said), "{text}: {error}");
            assert!(!error.to_string().contains("=x"), "{error}");
        }
    }

    #[test]
    fn options_are_taken_as_settings() {
        assert_eq!(
            settings_of("-c a=1 -cb=2 --c=3"),
            Some(vec![
                ("a".into(), "1".into()),
                ("b".into(), "2".into()),
                ("c".into(), "3".into())
            ])
        );
        assert_eq!(settings_of("-d 5"), None);
    }

    #[test]
    fn a_short_connect_timeout_is_kept_within_reason() {
        let target = Target::parse("main", "host=a connect_timeout=1", None).unwrap();
        assert_eq!(target.patience, Duration::from_secs(2));
    }
}
