//! Targets, probes and secrets of a configuration.

use super::{Reader, Value};
use crate::runbook::config::{ProbeSpec, SecretSource, Target};
use crate::runbook::diagnostic::Severity;
use crate::runbook::pattern::pattern;
use crate::runbook::values;
use crate::runbook::values::ValueError;

impl Reader<'_> {
    pub(super) fn target(&mut self, value: &Value<'_>) -> Option<Target> {
        let help =
            "write `targets.main = { postgres = \"host=db dbname=app\" }`, or the string alone";
        if let Some(postgres) = value.get_ref().as_str() {
            let postgres = postgres.to_owned();
            self.refuse_password(&postgres, value);
            return Some(Target {
                postgres,
                ..Target::default()
            });
        }
        let Some(table) = value.get_ref().as_table() else {
            self.expected(value, "a database", help);
            return None;
        };
        let mut target = Target::default();
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "postgres" => {
                    target.postgres = self
                        .string(value, "a connection string")
                        .unwrap_or_default();
                    let postgres = target.postgres.clone();
                    self.refuse_password(&postgres, value);
                }
                "password" => target.password = self.secret(value),
                other => self.unknown("target", other, &key.span()),
            }
        }
        if table.get("postgres").is_none() {
            self.report(
                Severity::Error,
                "missing-key",
                &value.span(),
                "a target without `postgres` names no database".to_owned(),
                help.to_owned(),
            );
            return None;
        }
        Some(target)
    }

    /// A password in a file that is kept beside the guide is read by everybody.
    fn refuse_password(&mut self, postgres: &str, value: &Value<'_>) {
        let written = pattern!(r"(?i)^\w+://[^/@\s:]*:[^@\s]+@|(?:^|[\s?&])password\s*=\s*\S")
            .is_match(postgres);
        if written {
            self.report(
                Severity::Error,
                "password-in-target",
                &value.span(),
                "a password is written into the connection string".to_owned(),
                "remove it and say where it comes from: `password = { env = \"PGPASSWORD\" }`"
                    .to_owned(),
            );
        }
    }

    pub(super) fn probe(&mut self, value: &Value<'_>) -> Option<ProbeSpec> {
        let mut probe = ProbeSpec {
            url: String::new(),
            every_ms: 1_000,
            timeout_ms: 2_000,
            status: 200,
        };
        let address = if let Some(url) = value.get_ref().as_str() {
            probe.url = url.to_owned();
            value
        } else {
            let Some(table) = value.get_ref().as_table() else {
                self.expected(
                    value,
                    "an address",
                    "write `probes.api = \"http://localhost:8080/health\"`",
                );
                return None;
            };
            for (key, value) in table.iter() {
                match key.get_ref().as_ref() {
                    "url" => probe.url = self.string(value, "an address").unwrap_or_default(),
                    "every" => probe.every_ms = self.duration_ms(value).unwrap_or(probe.every_ms),
                    "timeout" => {
                        probe.timeout_ms = self.duration_ms(value).unwrap_or(probe.timeout_ms)
                    }
                    "status" => match value
                        .get_ref()
                        .as_integer()
                        .and_then(|status| status.as_str().parse().ok())
                    {
                        Some(status @ 100..=599) => probe.status = status,
                        _ => self.expected(value, "an HTTP status", "write `status = 200`"),
                    },
                    other => self.unknown("probe", other, &key.span()),
                }
            }
            table.get("url").unwrap_or(value)
        };
        if probe.every_ms == 0 {
            self.report(
                Severity::Error,
                "bad-value",
                &value.span(),
                "a probe cannot be asked without a pause".to_owned(),
                "write `every = \"1s\"`".to_owned(),
            );
            probe.every_ms = 1_000;
        }
        if !probe.url.starts_with("http://") && !probe.url.starts_with("https://") {
            self.report(
                Severity::Error,
                "bad-value",
                &address.span(),
                "a probe needs an address that begins with `http://` or `https://`".to_owned(),
                "write `url = \"http://localhost:8080/health\"`".to_owned(),
            );
            return None;
        }
        Some(probe)
    }

    /// Exactly one of `env`, `file`, `command`.
    pub(in crate::runbook::config) fn secret(&mut self, value: &Value<'_>) -> Option<SecretSource> {
        const HELP: &str =
            "write `{ env = \"NAME\" }`, `{ file = \"path\" }` or `{ command = \"pass show db\" }`";
        let Some(table) = value.get_ref().as_table() else {
            self.report(
                Severity::Error,
                "secret-in-the-open",
                &value.span(),
                "a secret is not written here, only where it comes from".to_owned(),
                HELP.to_owned(),
            );
            return None;
        };
        let mut source = None;
        for (key, value) in table.iter() {
            let make: fn(String) -> SecretSource = match key.get_ref().as_ref() {
                "env" => SecretSource::Env,
                "file" => SecretSource::File,
                "command" => SecretSource::Command,
                other => {
                    self.unknown("secret", other, &key.span());
                    continue;
                }
            };
            if source.is_some() {
                self.report(
                    Severity::Error,
                    "bad-value",
                    &key.span(),
                    "a secret comes from one place".to_owned(),
                    HELP.to_owned(),
                );
            }
            source = self
                .string(value, "a name, a path or a command")
                .map(make)
                .filter(|source| self.is_only_a_source(source, value));
        }
        if source.is_none() && table.is_empty() {
            self.expected(value, "where a secret comes from", HELP);
        }
        source
    }

    /// Whether it says where the secret is, and not what it is.
    fn is_only_a_source(&mut self, source: &SecretSource, value: &Value<'_>) -> bool {
        let holds_it = values::source(source) == Err(ValueError::HoldsSecret);
        if holds_it {
            self.report(
                Severity::Error,
                "secret-in-the-open",
                &value.span(),
                format!("that is not a secret source: {}", ValueError::HoldsSecret),
                values::SECRET_ELSEWHERE.to_owned(),
            );
        }
        !holds_it
    }
}
