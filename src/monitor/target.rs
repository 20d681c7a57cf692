//! A database to watch. Its address is written as libpq writes it and must lead where `psql` would
//! go: a parameter that we cannot honour is refused, never ignored.

mod settings;

use settings::{check, options, patience};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::late::LatePassword;
use super::surroundings::{
    PasswordFile, password_file, service_password, service_places, surroundings,
};
use super::trouble::Trouble;
use crate::libpq::{Address, Ambient, Host, conninfo, missing_service, passfile};

/// Where a database is and how to log in there.
#[derive(Clone, Debug)]
pub struct Target {
    name: String,
    address: Address,
    /// One set of options for each server that the address names, in the order in which they are tried.
    candidates: Vec<(Host, PgConnectOptions)>,
    wanted: Wanted,
    /// Why the password file was of no use.
    passfile_ignored: Option<String>,
    pub(super) patience: Duration,
    late: Option<LatePassword>,
}

/// What a server must be to be taken: libpq's `target_session_attrs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// Why an address is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("target `{target}`: {message}; {help}")]
pub struct TargetError {
    pub target: String,
    pub message: String,
    pub help: String,
}

/// What a Unix socket's address holds, its closing zero left out.
#[cfg(not(target_os = "macos"))]
const LONGEST_SOCKET_PATH: usize = 107;
#[cfg(target_os = "macos")]
const LONGEST_SOCKET_PATH: usize = 103;

impl Target {
    /// Takes a keyword string, a URI or the bare name of a database; what it does not say comes from
    /// this process's surroundings, as with `psql`.
    pub fn parse(name: &str, text: &str, password: Option<&str>) -> Result<Self, TargetError> {
        Self::settle(name, text, &surroundings(), password)
    }

    /// As [`Target::within`], for a text that a person has written.
    ///
    /// # Errors
    /// As there, and where the name of the database is a connection string, which libpq would take for a
    /// name.
    pub fn settle(
        name: &str,
        text: &str,
        ambient: &Ambient,
        password: Option<&str>,
    ) -> Result<Self, TargetError> {
        let written = conninfo::parse(text).unwrap_or_default();
        if written
            .get("dbname")
            .is_some_and(|name| conninfo::is_connection_string(name))
        {
            return Err(TargetError {
                target: name.to_owned(),
                message: "`dbname` holds another connection string".to_owned(),
                help: "write that string itself as the target".to_owned(),
            });
        }
        Self::within(name, text, ambient, password)
    }

    /// As [`Target::parse`], in surroundings that were read before. Passwords come apart from the
    /// address: given here, or from the service's file, `PGPASSWORD`, or libpq's password file.
    ///
    /// # Errors
    /// Where the address cannot be read, or names what we cannot honour.
    pub fn within(
        name: &str,
        text: &str,
        ambient: &Ambient,
        password: Option<&str>,
    ) -> Result<Self, TargetError> {
        let refuse = |message: String, help: &str| TargetError {
            target: name.to_owned(),
            message,
            help: help.to_owned(),
        };
        let written = conninfo::parse(text).map_err(|message| {
            refuse(
                message,
                "write it as `host=… dbname=…` or `postgresql://host/database`",
            )
        })?;
        if written
            .get("password")
            .is_some_and(|password| !password.is_empty())
        {
            return Err(refuse(
                "the address holds a password".to_owned(),
                "remove it and name its source beside it, or use `PGPASSWORD` or `~/.pgpass`",
            ));
        }
        let address = Address::resolve(&written, ambient).map_err(|message| {
            let help = match missing_service(&written, ambient) {
                Some(_) => service_places(),
                None => "`psql` with the same address and environment says the same".to_owned(),
            };
            refuse(message, &help)
        })?;
        check(address.parameters()).map_err(|(message, help)| refuse(message, help))?;
        let wanted = Wanted::parse(address.get("target_session_attrs")).map_err(|message| {
            refuse(
                message,
                "write one of any, read-write, read-only, primary, standby, prefer-standby",
            )
        })?;
        let mut passfile_ignored = None;
        let mut candidates = Vec::new();
        for host in address.hosts() {
            let own = std::env::var("PGPASSWORD").ok();
            let found = password
                .map(str::to_owned)
                .or_else(|| service_password(address.password_service.as_deref()?))
                .or(own)
                .or_else(|| match password_file(address.get("passfile")) {
                    PasswordFile::Read(text) => passfile::search(
                        &text,
                        &host.host,
                        host.port,
                        address.database(),
                        address.user(),
                    ),
                    PasswordFile::Absent => None,
                    PasswordFile::Ignored(why) => {
                        passfile_ignored = Some(why);
                        None
                    }
                });
            let options = options(&address, &host, found.as_deref())
                .map_err(|(message, help)| refuse(message, help))?;
            candidates.push((host, options));
        }
        Ok(Self {
            name: name.to_owned(),
            patience: patience(address.parameters()),
            candidates,
            address,
            wanted,
            passfile_ignored,
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

    pub fn user(&self) -> &str {
        self.address.user()
    }

    pub fn database(&self) -> &str {
        self.address.database()
    }

    /// The address with everything settled.
    pub fn settled(&self) -> &Address {
        &self.address
    }

    /// The address with only the server that was connected to.
    pub fn proved(&self, host: &str, port: u16) -> Address {
        let mut hosts = self.candidates.iter().map(|(host, _)| host);
        match hosts.find(|known| known.place() == host && known.port == port) {
            Some(known) => self.address.pinned(known),
            None => self.address.clone(),
        }
    }

    /// How to connect to one of its servers.
    ///
    /// # Errors
    /// Its password is not here (yet).
    pub(super) async fn completed(
        &self,
        options: &PgConnectOptions,
    ) -> Result<PgConnectOptions, Trouble> {
        match &self.late {
            Some(late) => late.complete(options.clone()).await,
            None => Ok(options.clone()),
        }
    }

    /// `db1:5432`, or the socket's path; all of them where there are several.
    pub fn address(&self) -> String {
        let places: Vec<String> = self
            .candidates
            .iter()
            .map(|(host, _)| place(host))
            .collect();
        places.join(" or ")
    }

    pub(super) fn candidates(&self) -> &[(Host, PgConnectOptions)] {
        &self.candidates
    }

    pub(super) fn wanted(&self) -> Wanted {
        self.wanted
    }

    pub(super) fn passfile_ignored(&self) -> Option<&str> {
        self.passfile_ignored.as_deref()
    }
}

fn place(host: &Host) -> String {
    if host.place().starts_with('/') {
        format!(
            "`{}/.s.PGSQL.{}`",
            host.place().trim_end_matches('/'),
            host.port
        )
    } else {
        format!("`{}:{}`", host.place(), host.port)
    }
}

/// The length of a socket's path that the system cannot take.
fn too_long_for_a_socket(host: &Host) -> Option<usize> {
    let folder = host.place();
    let length = folder.trim_end_matches('/').len() + format!("/.s.PGSQL.{}", host.port).len();
    (folder.starts_with('/') && length > LONGEST_SOCKET_PATH).then_some(length)
}

impl Wanted {
    fn parse(text: Option<&str>) -> Result<Self, String> {
        Ok(match text {
            None | Some("any") => Self::Any,
            Some("read-write") => Self::ReadWrite,
            Some("read-only") => Self::ReadOnly,
            Some("primary") => Self::Primary,
            Some("standby") => Self::Standby,
            Some("prefer-standby") => Self::PreferStandby,
            Some(other) => return Err(format!("`target_session_attrs={other}` is not known")),
        })
    }

    /// Whether a server will do. A second round takes any for who only prefers.
    pub(super) fn takes(self, in_recovery: bool, read_only: bool, second_round: bool) -> bool {
        match self {
            Self::Any => true,
            Self::ReadWrite => !read_only && !in_recovery,
            Self::ReadOnly => read_only || in_recovery,
            Self::Primary => !in_recovery,
            Self::Standby => in_recovery,
            Self::PreferStandby => in_recovery || second_round,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::settings::settings_of;
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
            ("service=no-such-service", "no service file"),
            ("host=a,b port=1,2,3 dbname=app", "3 ports"),
            ("host=a,b target_session_attrs=best", "is not known"),
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
    fn the_server_that_proved_itself_is_the_one_that_steps_are_led_to() {
        let target = Target::parse("main", "host=a,b port=1,2 user=anna dbname=app", None).unwrap();
        assert_eq!(target.address(), "`a:1` or `b:2`");
        assert_eq!(
            target.proved("b", 2).conninfo(),
            "host=b port=2 user=anna dbname=app"
        );
        assert!(Wanted::ReadWrite.takes(false, false, false));
        assert!(!Wanted::ReadWrite.takes(true, true, true));
        assert!(Wanted::PreferStandby.takes(false, false, true));
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
