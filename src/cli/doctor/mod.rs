//! `gonogo doctor`: is everything here that a guide needs? Each finding comes with the way to fix it.

mod environment;
mod machine;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::configuration::{self, ConfigFile};
use super::{Exit, print};
use crate::supervisor::trust;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The environment of `gonogo.toml` to check.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// The guide whose `gonogo.toml` to check; the default is the one of this folder.
    guide: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Good,
    /// It works, but less well.
    Warning,
    Missing,
}

#[derive(Debug, Serialize)]
struct Finding {
    section: String,
    level: Level,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// What was found so far. Prints each section as soon as it is complete: a server may take its time.
#[derive(Default)]
struct Findings {
    all: Vec<Finding>,
    section: String,
    json: bool,
    printed: usize,
}

impl Findings {
    fn begin(&mut self, section: impl Into<String>) -> color_eyre::Result<()> {
        self.print()?;
        self.section = section.into();
        if !self.json {
            print::out(&format!("{}\n", self.section))?;
        }
        Ok(())
    }

    fn add(&mut self, level: Level, what: impl Into<String>, fix: Option<String>) {
        self.all.push(Finding {
            section: self.section.clone(),
            level,
            what: what.into(),
            fix,
        });
    }

    fn good(&mut self, what: impl Into<String>) {
        self.add(Level::Good, what, None);
    }

    fn warn(&mut self, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Level::Warning, what, Some(fix.into()));
    }

    fn bad(&mut self, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Level::Missing, what, Some(fix.into()));
    }

    fn print(&mut self) -> color_eyre::Result<()> {
        if self.json {
            return Ok(());
        }
        let mut text = String::new();
        for finding in &self.all[self.printed..] {
            let word = match finding.level {
                Level::Good => "ok   ",
                Level::Warning => "WARN ",
                Level::Missing => "MISS ",
            };
            text += &format!("  {word} {}\n", finding.what);
            if let Some(fix) = &finding.fix {
                text += &format!("        fix: {fix}\n");
            }
        }
        self.printed = self.all.len();
        print::out(&text)?;
        Ok(())
    }

    fn count(&self, level: Level) -> usize {
        let found = self.all.iter();
        found.filter(|finding| finding.level == level).count()
    }
}

pub(super) async fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let mut findings = Findings {
        json: arguments.json,
        ..Findings::default()
    };
    findings.begin("programs")?;
    machine::programs(&mut findings);
    findings.begin("state")?;
    machine::state(&mut findings)?;
    findings.begin("runs")?;
    machine::runs(&mut findings).await?;
    findings.begin("machine")?;
    machine::logout(&mut findings);
    findings.begin("terminal")?;
    machine::terminal(&mut findings);

    let near = match &arguments.guide {
        Some(guide) => guide.clone(),
        None => std::env::current_dir()?,
    };
    let (config, file) = configuration::read(&near)?;
    match file {
        None => {
            findings.begin("environments")?;
            findings.warn(
                "none: there is no `gonogo.toml` here or above",
                "without one there is no database pane and no probe; see docs/configuration.md",
            );
        }
        Some(ConfigFile {
            path,
            configuration,
            ..
        }) => {
            let consent = trust::consent(&configuration);
            let known: Vec<&str> = config.environments.keys().map(String::as_str).collect();
            if let Some(wanted) = &arguments.env
                && !config.environments.contains_key(wanted)
            {
                return Err(super::exit::Trouble::usage(
                    format!("`{}` has no environment `{wanted}`", path.display()),
                    format!("there are: {}", known.join(", ")),
                ));
            }
            for (name, environment) in &config.environments {
                if arguments.env.as_ref().is_some_and(|wanted| wanted != name) {
                    continue;
                }
                findings.begin(format!("environment {name} ({})", path.display()))?;
                match &consent {
                    Some(consent) => {
                        environment::look_at(&mut findings, environment, path.parent(), consent)
                            .await;
                    }
                    None => findings.bad(
                        "skipped: you have not yet trusted this file",
                        format!(
                            "`gonogo trust {}` shows what it would do, and asks",
                            path.display()
                        ),
                    ),
                }
            }
        }
    }
    findings.print()?;
    let (missing, warnings) = (
        findings.count(Level::Missing),
        findings.count(Level::Warning),
    );
    if arguments.json {
        print::json(&serde_json::json!({
            "missing": missing,
            "warnings": warnings,
            "findings": findings.all,
        }))?;
    }
    Ok(if missing > 0 {
        Exit::Failed
    } else {
        Exit::Done
    })
}
