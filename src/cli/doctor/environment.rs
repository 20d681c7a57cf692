//! One environment: secrets, databases with their rights, and health endpoints.

use std::path::Path;

use super::Findings;
use super::machine::psql_major;
use crate::monitor::{StatementsState, Survey, Target, survey};
use crate::runbook::config::Environment;
use crate::supervisor::Secrets;
use crate::supervisor::trust::Consent;

/// A clock that differs by more makes times in a report misleading.
const CLOCK_MS: i64 = 2_000;

/// Looks at secrets, databases and probes; the user has agreed to that.
pub(super) async fn look_at(
    findings: &mut Findings,
    environment: &Environment,
    beside: Option<&Path>,
    consent: &Consent,
) {
    let mut directory = beside.unwrap_or(Path::new(".")).to_owned();
    if let Some(own) = &environment.directory {
        directory.push(own);
        if !directory.is_dir() {
            findings.bad(
                format!("`{}` is not a folder", directory.display()),
                "fix `directory` of the environment",
            );
        }
    }
    let secrets = Secrets::new(directory, Some(consent.clone()));
    for (name, source) in &environment.secrets {
        match secrets.get(name, source).await {
            Ok(_) => findings.good(format!("secret {name} has a value")),
            Err(reason) => findings.bad(reason, "see docs/configuration.md, `A secret`"),
        }
    }
    for (name, target) in &environment.targets {
        let mut password = None;
        if let Some(source) = &target.password {
            match secrets.get(&format!("{name} password"), source).await {
                Ok(value) => password = Some(value),
                Err(reason) => findings.bad(reason, "see docs/configuration.md, `A secret`"),
            }
        }
        let parsed = match Target::parse(name, &target.postgres, password.as_deref()) {
            Ok(parsed) => parsed,
            Err(error) => {
                findings.bad(format!("target {name}: {}", error.message), error.help);
                continue;
            }
        };
        for words in parsed.settled().told_by() {
            findings.good(format!("target {name}: {words}"));
        }
        match survey(&parsed, "doctor").await {
            Ok(survey) => tell(findings, name, &survey),
            Err(trouble) => {
                findings.bad(format!("target {name}: {}", trouble.message), trouble.help);
            }
        }
    }
    let client = reqwest::Client::new();
    for (name, probe) in &environment.probes {
        let patience = std::time::Duration::from_millis(probe.timeout_ms.max(1_000));
        match client.get(&probe.url).timeout(patience).send().await {
            Ok(answer) if answer.status().as_u16() == probe.status => {
                findings.good(format!("probe {name}: {}", answer.status()));
            }
            Ok(answer) => findings.bad(
                format!("probe {name}: {} answers {}", probe.url, answer.status()),
                "start the service, or fix the probe",
            ),
            Err(_) => findings.bad(
                format!("probe {name}: {} does not answer", probe.url),
                "start the service, or fix the probe",
            ),
        }
    }
}

fn tell(findings: &mut Findings, name: &str, survey: &Survey) {
    let identity = &survey.identity;
    let user = &identity.user;
    findings.good(format!(
        "target {name}: {}:{}/{} as {user}, PostgreSQL {}, {}",
        identity.host,
        identity.port,
        identity.database,
        identity.server_version,
        if identity.in_recovery {
            "STANDBY"
        } else {
            "primary"
        }
    ));
    let quoted = format!("\"{}\"", user.replace('"', "\"\""));
    if survey.superuser || survey.may_see_all {
        findings.good(format!("target {name}: {user} sees everybody's sessions"));
    } else {
        findings.warn(
            format!("target {name}: {user} sees only its own sessions and statements"),
            format!("as a superuser: `GRANT pg_monitor TO {quoted}`"),
        );
    }
    if survey.superuser || survey.may_signal {
        findings.good(format!(
            "target {name}: {user} may cancel the sessions of others"
        ));
    } else {
        findings.warn(
            format!("target {name}: {user} may cancel only its own sessions"),
            format!("as a superuser: `GRANT pg_signal_backend TO {quoted}`"),
        );
    }
    match survey.statements {
        StatementsState::Ready => {
            findings.good(format!("target {name}: pg_stat_statements is there"));
        }
        StatementsState::NotCreated => findings.warn(
            format!("target {name}: no pg_stat_statements in this database"),
            "as a superuser, in this database: `CREATE EXTENSION pg_stat_statements`",
        ),
        StatementsState::NotLoaded => findings.warn(
            format!("target {name}: the server does not load pg_stat_statements"),
            "add it to `shared_preload_libraries` and restart the server, then create the extension",
        ),
    }
    let free = i64::from(survey.max_connections) - survey.connections;
    if survey.connections * 5 >= i64::from(survey.max_connections) * 4 {
        findings.warn(
            format!(
                "target {name}: {} of {} connections are in use",
                survey.connections, survey.max_connections
            ),
            "gonogo needs two for itself and one for each step",
        );
    } else {
        findings.good(format!("target {name}: {free} connections are free"));
    }
    if let Some(client) = psql_major() {
        let server = survey.version / 10_000;
        if client < server {
            findings.warn(
                format!("target {name}: psql {client} is older than the server ({server})"),
                format!(
                    "apt-get install postgresql-client-{server}: `pg_dump` refuses a newer server"
                ),
            );
        }
    }
    if survey.clock_ahead_ms.abs() > CLOCK_MS + survey.round_trip_ms {
        findings.warn(
            format!(
                "target {name}: its clock is {:.1} s {} of ours",
                survey.clock_ahead_ms.abs() as f64 / 1e3,
                if survey.clock_ahead_ms > 0 {
                    "ahead"
                } else {
                    "behind"
                }
            ),
            "set the clocks by NTP: times of the server and of this run will not agree",
        );
    } else {
        findings.good(format!("target {name}: its clock agrees with ours"));
    }
}
