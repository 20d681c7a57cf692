//! `gonogo doctor`: is everything here that a guide needs? Each finding comes with the way to mend it.

use super::print;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use super::{Exit, open};
use crate::monitor::{Target, identify};
use crate::runbook::config::{Environment, SecretSource};
use crate::supervisor::place;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The environment of `gonogo.toml` to look at.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// The guide whose `gonogo.toml` is meant; without it the one of this folder.
    guide: Option<PathBuf>,
}

/// What was found, and how much of it is bad.
#[derive(Default)]
struct Findings {
    bad: usize,
    text: String,
}

impl Findings {
    fn good(&mut self, what: &str) {
        self.text += &format!("  ok    {what}\n");
    }

    fn bad(&mut self, what: &str, mend: &str) {
        self.bad += 1;
        self.text += &format!("  MISS  {what}\n        mend: {mend}\n");
    }
}

pub(super) async fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let mut findings = Findings::default();
    print::out("programs\n")?;
    for (program, mend) in [
        ("bash", "apt-get install bash"),
        ("psql", "apt-get install postgresql-client"),
        ("pg_dump", "apt-get install postgresql-client"),
        ("pg_restore", "apt-get install postgresql-client"),
        ("curl", "apt-get install curl"),
    ] {
        match Command::new(program).arg("--version").output() {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout);
                findings.good(said.lines().next().unwrap_or(program));
            }
            Err(error) => findings.bad(&format!("{program}: {error}"), mend),
        }
    }
    match crate::demo::cluster::Binaries::find() {
        Ok(found) => findings.good(&format!(
            "PostgreSQL server for the demo: {}",
            found.version()
        )),
        Err(error) => findings.bad(
            &format!("no PostgreSQL server for the demo: {error}"),
            "apt-get install postgresql",
        ),
    }

    print::out(&std::mem::take(&mut findings.text))?;
    print::out("state\n")?;
    let root = place::root()?;
    match place::create_private(&root) {
        Ok(()) => {
            findings.good(&format!("{} is ours alone", root.display()));
            let space = rustix::fs::statvfs(&root)?;
            let free = space.f_bavail.saturating_mul(space.f_frsize) >> 20;
            if free < 512 {
                findings.bad(
                    &format!("{free} MiB free there"),
                    "free space: journal and output go there",
                );
            } else {
                findings.good(&format!("{} GiB free there", free >> 10));
            }
        }
        Err(error) => findings.bad(
            &format!("{}: {error}", root.display()),
            "set `XDG_STATE_HOME` to a folder you may write",
        ),
    }
    print::out(&std::mem::take(&mut findings.text))?;

    let guide = arguments
        .guide
        .clone()
        .unwrap_or_else(|| PathBuf::from("./guide.md"));
    let near = if guide.exists() {
        guide
    } else {
        std::env::current_dir()?
    };
    let beside = if near.is_dir() {
        near.join("gonogo.toml")
    } else {
        near
    };
    let (config, path) = open::read_config(&beside)?;
    match path {
        None => print::out("environments\n  none: no `gonogo.toml` here or above\n")?,
        Some(path) => {
            for (name, environment) in &config.environments {
                if arguments.env.as_ref().is_some_and(|wanted| wanted != name) {
                    continue;
                }
                print::out(&format!("environment {name} ({})\n", path.display()))?;
                look_at(&mut findings, environment, path.parent()).await;
                print::out(&std::mem::take(&mut findings.text))?;
            }
        }
    }
    Ok(if findings.bad > 0 {
        Exit::Failed
    } else {
        Exit::Done
    })
}

async fn look_at(
    findings: &mut Findings,
    environment: &Environment,
    beside: Option<&std::path::Path>,
) {
    for (name, source) in &environment.secrets {
        match source {
            SecretSource::Env(variable) if std::env::var_os(variable).is_none() => {
                findings.bad(
                    &format!("secret {name}: `{variable}` is not set"),
                    "export it",
                );
            }
            SecretSource::File(file)
                if !beside.is_some_and(|beside| beside.join(file).exists()) =>
            {
                findings.bad(
                    &format!("secret {name}: no file `{file}`"),
                    "write it, mode 0600",
                );
            }
            _ => findings.good(&format!("secret {name} has a source")),
        }
    }
    for (name, target) in &environment.targets {
        let password = match &target.password {
            Some(SecretSource::Env(variable)) => std::env::var(variable).ok(),
            _ => None,
        };
        let parsed = match Target::parse(name, &target.postgres, password.as_deref()) {
            Ok(parsed) => parsed,
            Err(error) => {
                findings.bad(&format!("target {name}: {}", error.message), &error.help);
                continue;
            }
        };
        match identify(&parsed, "doctor").await {
            Ok(identity) => findings.good(&format!(
                "target {name}: {}:{}/{} as {}, PostgreSQL {}, {}",
                identity.host,
                identity.port,
                identity.database,
                identity.user,
                identity.server_version,
                if identity.in_recovery {
                    "STANDBY"
                } else {
                    "primary"
                }
            )),
            Err(trouble) => findings.bad(
                &format!("target {name}: {}", trouble.message),
                &trouble.help,
            ),
        }
    }
    let client = reqwest::Client::new();
    for (name, probe) in &environment.probes {
        let patience = std::time::Duration::from_millis(probe.timeout_ms.max(1_000));
        match client.get(&probe.url).timeout(patience).send().await {
            Ok(answer) if answer.status().as_u16() == probe.status => {
                findings.good(&format!("probe {name}: {}", answer.status()));
            }
            Ok(answer) => findings.bad(
                &format!("probe {name}: {} answers {}", probe.url, answer.status()),
                "start the service, or mend the probe",
            ),
            Err(_) => findings.bad(
                &format!("probe {name}: {} does not answer", probe.url),
                "start the service, or mend the probe",
            ),
        }
    }
}
