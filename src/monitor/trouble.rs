//! What goes wrong between us and a database, in words for an operator: what happened, and what to
//! do about it.

use std::io::ErrorKind;

use sqlx::postgres::PgDatabaseError;

use super::Target;

/// A failure with a way on. Both texts are lower case; names stand in backticks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    pub message: String,
    pub help: String,
    /// The connection is of no more use: a new one is needed.
    pub disconnected: bool,
}

impl Trouble {
    pub(super) fn lost(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
            disconnected: true,
        }
    }

    pub(super) fn passing(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
            disconnected: false,
        }
    }

    /// What an error of the driver means for this target.
    pub(super) fn from_driver(error: &sqlx::Error, target: &Target) -> Self {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
                Some(error) => from_server(error, target),
                None => Self::lost(error.message(), "check the server's log"),
            },
            sqlx::Error::Io(error) => from_io(error, target),
            sqlx::Error::Tls(error) => match error.downcast_ref() {
                Some(error) => from_tls(error, target),
                None => Self::lost(
                    format!("no secure connection to {}: {error}", target.address()),
                    "check `sslmode` and `sslrootcert` of the target, and the server's certificate",
                ),
            },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::passing(
                format!("cannot read the server's answer: {error}"),
                "report this with the server's version",
            ),
            sqlx::Error::Protocol(text) if text.contains("authentication") => Self::lost(
                format!(
                    "{} wants an unsupported login method: {text}",
                    target.address()
                ),
                "allow `scram-sha-256` for this role in `pg_hba.conf`",
            ),
            other => Self::lost(
                format!("connection to {} lost: {other}", target.address()),
                "nothing to do: gonogo tries again",
            ),
        }
    }
}

fn from_io(error: &std::io::Error, target: &Target) -> Trouble {
    let address = target.address();
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    if let Some(error) = inner {
        return from_tls(error, target);
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => Trouble::lost(
            format!("no server listens at {address}: connection refused"),
            "is PostgreSQL running there, on this port? `pg_isready` with the same host and port shows it",
        ),
        ErrorKind::NotFound => Trouble::lost(
            format!("no server at {address}: the socket does not exist"),
            "is PostgreSQL running, and is this its `unix_socket_directories` and port?",
        ),
        ErrorKind::PermissionDenied => Trouble::lost(
            format!("no access to the socket at {address}"),
            "this user may not open the directory or the socket: see `ls -l`",
        ),
        ErrorKind::TimedOut => Trouble::lost(
            format!("{address} does not answer"),
            "is the host up, and is a firewall in the way?",
        ),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
            Trouble::lost(
                format!("the server at {address} closed the connection"),
                "nothing to do: gonogo tries again; the server's log says why",
            )
        }
        _ if error.to_string().contains("lookup") => Trouble::lost(
            format!("cannot resolve the host in {address}: {error}"),
            "check its spelling, and the resolver of this machine",
        ),
        _ => Trouble::lost(
            format!("no connection to {address}: {error}"),
            "is the host up, and is PostgreSQL running there?",
        ),
    }
}

/// Why the server's certificate is not taken, or no secure connection comes about.
fn from_tls(error: &rustls::Error, target: &Target) -> Trouble {
    use rustls::CertificateError as Certificate;
    let address = target.address();
    let rustls::Error::InvalidCertificate(why) = error else {
        return Trouble::lost(
            format!("no secure connection to {address}: {error}"),
            "check `sslmode` of the target, and what the server offers (`ssl_min_protocol_version`)",
        );
    };
    let (what, help) = match why {
        // A certificate that is its own authority: libpq takes it where `sslrootcert` names it.
        Certificate::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => (
            "is self-signed and marked as an authority (`CA:TRUE`); psql accepts it, gonogo does not",
            "give the server a certificate that is not one (`openssl req -x509 -addext basicConstraints=critical,CA:FALSE …`, \
             or one that your authority signs), or leave the identity unproved with `sslmode=require` and no `sslrootcert`",
        ),
        Certificate::UnknownIssuer => (
            "is signed by an authority that is not trusted here",
            "name the authority's certificate as `sslrootcert` of the target",
        ),
        Certificate::Expired | Certificate::ExpiredContext { .. } => (
            "has expired",
            "renew it on the server; is the clock of this machine right?",
        ),
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            ("is not valid yet", "is the clock of this machine right?")
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => (
            "is for another host name",
            "name the host as the certificate does, or use `sslmode=verify-ca`",
        ),
        _ => (
            "is not taken",
            "check `sslrootcert` of the target, and the server's certificate",
        ),
    };
    Trouble::lost(format!("the certificate of {address} {what} ({why})"), help)
}

fn from_server(error: &PgDatabaseError, target: &Target) -> Trouble {
    let said = super::clean::line(error.message());
    let (user, database) = (target.user(), target.database());
    match error.code() {
        "28P01" => Trouble::lost(
            format!("wrong password for role `{user}` at {}", target.address()),
            target
                .passfile_ignored()
                .unwrap_or("check the password source of the target, `PGPASSWORD` and `~/.pgpass`"),
        ),
        "28000" => Trouble::lost(
            format!("the server does not let `{user}` in: {said}"),
            "check the role's name, its LOGIN right, and `pg_hba.conf`",
        ),
        "3D000" => Trouble::lost(
            format!(
                "database `{database}` does not exist at {}",
                target.address()
            ),
            "check `dbname` of the target; `psql -l` lists the databases",
        ),
        "42501" => Trouble::passing(
            format!("role `{user}` lacks a right: {said}"),
            format!("as a superuser: `GRANT pg_monitor TO {}`", identifier(user)),
        ),
        "53300" => Trouble::lost(
            format!("no free connection: {said}"),
            "raise `max_connections`, end idle sessions, or wait: gonogo tries again",
        ),
        "57P01" | "57P02" => Trouble::lost(
            format!("the server ended our session: {said}"),
            "nothing to do: gonogo tries again",
        ),
        "57P03" => Trouble::lost(
            format!("the server does not take connections yet: {said}"),
            "nothing to do: gonogo tries again",
        ),
        "57014" => Trouble::passing(
            "the server took too long for a reading",
            "it is busy: gonogo reads less often by itself",
        ),
        "55P03" => Trouble::passing(
            "a lock on the system catalog blocks a reading",
            "look for a session that holds a lock on `pg_` tables; gonogo tries again",
        ),
        // A server itself ends no session so for what we ask for at its beginning.
        "08P01" | "0A000" if error.severity_is_fatal() => pooled(&said),
        code if code.starts_with("08") || code.starts_with("57P") || error.severity_is_fatal() => {
            Trouble::lost(
                format!("the server at {} refused: {said}", target.address()),
                "gonogo tries again; the server's log says more",
            )
        }
        code => Trouble::passing(
            format!("the server answered: {said} ({code})"),
            "check the server's log",
        ),
    }
}

trait Severity {
    fn severity_is_fatal(&self) -> bool;
}

impl Severity for PgDatabaseError {
    fn severity_is_fatal(&self) -> bool {
        use sqlx::postgres::PgSeverity;
        matches!(self.severity(), PgSeverity::Fatal | PgSeverity::Panic)
    }
}

/// Something between us and the server drops the settings that keep us harmless.
pub(super) fn pooled(said: &str) -> Trouble {
    Trouble::lost(
        format!("a pooler seems to answer, not the server itself: {said}"),
        "name the host and port of the server in the target; through a pooler, our limits do not apply",
    )
}

/// A name as SQL wants it.
pub(super) fn identifier(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}
