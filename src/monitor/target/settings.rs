//! The settings of an address: which are understood, which are refused, and what they mean for a connection.

use super::{LONGEST_SOCKET_PATH, place, too_long_for_a_socket};
use crate::libpq::{Address, Host};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// Parameters that change nothing for one session of short statements to one named server.
const HARMLESS: [&str; 14] = [
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
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

/// How to reach one of the servers.
pub(super) fn options(
    address: &Address,
    host: &Host,
    password: Option<&str>,
) -> Result<PgConnectOptions, (String, &'static str)> {
    if host.place().starts_with('@') {
        return Err((
            format!("`host={}` is an abstract socket", host.place()),
            "name the directory of a Unix socket or a host",
        ));
    }
    if let Some(length) = too_long_for_a_socket(host) {
        return Err((
            format!(
                "the socket {} has a path of {length} bytes, and the system takes {LONGEST_SOCKET_PATH}",
                place(host)
            ),
            "name its directory by a shorter path, such as a symbolic link to it",
        ));
    }
    let mut options = PgConnectOptions::new_without_pgpass().disable_statement_logging();
    options = if host.place().starts_with('/') {
        options.socket(host.place())
    } else {
        options.host(host.place())
    };
    options = options
        .port(host.port)
        .username(address.user())
        .database(address.database())
        .extra_float_digits(None);
    options = secured(options, address.parameters())?;
    if let Some(settings) = address.get("options") {
        let pairs = settings_of(settings).ok_or_else(|| {
            (
                format!("`options={settings}` is not understood"),
                "only `-c name=value` is",
            )
        })?;
        options = options.options(pairs);
    }
    if let Some(password) = password {
        options = options.password(password);
    }
    Ok(options)
}

pub(super) fn check(parameters: &BTreeMap<String, String>) -> Result<(), (String, &'static str)> {
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
            "host"
            | "hostaddr"
            | "port"
            | "user"
            | "sslmode"
            | "sslrootcert"
            | "sslcert"
            | "sslkey"
            | "connect_timeout"
            | "options"
            | "passfile"
            | "target_session_attrs"
            | "dbname" => {}
            _ => {
                return Err((
                    format!("`{name}` is not a parameter that gonogo knows"),
                    "remove it: an unknown parameter could lead to another server",
                ));
            }
        }
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
    if verifies && !parameters.contains_key("sslrootcert") {
        // Where libpq looks.
        let file = std::env::home_dir().map(|home| home.join(".postgresql/root.crt"));
        if let Some(file) = file.filter(|file| file.is_file()) {
            options = options.ssl_root_cert(file);
        }
    }
    Ok(options)
}

/// `-c name=value` and `--name=value`.
pub(super) fn settings_of(text: &str) -> Option<Vec<(String, String)>> {
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
pub(super) fn patience(parameters: &BTreeMap<String, String>) -> Duration {
    let seconds = parameters
        .get("connect_timeout")
        .and_then(|text| text.parse::<u64>().ok())
        .filter(|seconds| *seconds > 0)
        .unwrap_or(5);
    Duration::from_secs(seconds.clamp(2, 60))
}
