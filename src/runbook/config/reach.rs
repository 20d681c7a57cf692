//! What a configuration reaches for: what it would make the program run, connect to and read, and what
//! it puts into the commands of a guide. That is what a person consents to. Every key of the file is
//! taken apart here, so that a new one does not compile before somebody has said which kind it is.

use serde::{Deserialize, Serialize};

use super::{
    Annotation, Config, Environment, NotifySpec, ProbeSpec, SecretSource, Sink, Target,
    WebhookAddress,
};
use crate::runbook::model::VariableRule;

/// One thing that a configuration reaches for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    pub kind: ReachKind,
    /// Where it stands in the file: `environments.staging.targets.main`.
    pub key: String,
    /// The command, address, path or value itself.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReachKind {
    /// A command that is run, as soon as what it prints is needed.
    Runs,
    /// A database, watched from the opening on.
    Connects,
    /// An address that is asked again and again.
    Asks,
    /// An address that is told what happens in a run.
    Tells,
    /// A file or variable that holds a secret.
    Reads,
    /// The folder in which steps start.
    StartsIn,
    /// A value that becomes part of commands.
    FillsIn,
    /// A block of a guide that runs without having been armed.
    Settles,
}

impl ReachKind {
    /// For a line such as `runs  pass show db`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Connects => "connects to",
            Self::Asks => "asks",
            Self::Tells => "tells",
            Self::Reads => "reads",
            Self::StartsIn => "starts steps in",
            Self::FillsIn => "fills in",
            Self::Settles => "settles",
        }
    }
}

impl Config {
    /// All that the file reaches for, what runs first.
    pub fn reach(&self) -> Vec<Reach> {
        let Self {
            // Chooses among what stands here.
            default_environment: _,
            environments,
            variables,
            annotations,
        } = self;
        let mut reach: Vec<Reach> = environments.values().flat_map(Environment::reach).collect();
        for (name, rule) in variables {
            let VariableRule {
                default,
                pattern: _,
                description: _,
                secret: _,
                choices: _,
            } = rule;
            let key = format!("variables.{name}.default");
            reach.extend(default.iter().map(|value| Reach {
                kind: ReachKind::FillsIn,
                key: key.clone(),
                text: value.clone(),
            }));
        }
        for annotation in annotations {
            let Annotation {
                guide,
                heading,
                block: _,
                occurrence: _,
                attributes,
                line: _,
            } = annotation;
            reach.push(Reach {
                kind: ReachKind::Settles,
                key: format!("annotations of {guide}, {heading}"),
                text: attributes.clone(),
            });
        }
        reach.sort_by_key(|one| one.kind);
        reach
    }
}

impl Environment {
    /// All that this environment reaches for, what runs first.
    pub fn reach(&self) -> Vec<Reach> {
        let Self {
            name,
            targets,
            probes,
            notify,
            values,
            secrets,
            directory,
            // What these say is no command, no address and no part of one.
            protected: _,
            window_s: _,
            park_after_s: _,
            layout: _,
            theme: _,
            demand_after_s: _,
            two_person: _,
            second_login: _,
            // What the opening user's own surroundings made of the targets; no key of the file.
            surroundings: _,
        } = self;
        let mut reach = Vec::new();
        let mut add = |kind, key: String, text: String| {
            reach.push(Reach {
                kind,
                key: format!("environments.{name}.{key}"),
                text,
            });
        };
        for (name, target) in targets {
            let Target {
                postgres,
                password,
                password_service: _,
                told_by: _,
            } = target;
            let key = format!("targets.{name}");
            if let Some(source) = password {
                let (kind, text) = of_source(source);
                add(kind, format!("{key}.password"), text);
            }
            add(ReachKind::Connects, key, postgres.clone());
        }
        for (name, probe) in probes {
            let ProbeSpec {
                url,
                every_ms: _,
                timeout_ms: _,
                status: _,
            } = probe;
            add(ReachKind::Asks, format!("probes.{name}"), url.clone());
        }
        for (name, receiver) in notify {
            let NotifySpec { sink, on: _ } = receiver;
            let key = format!("notify.{name}");
            match sink {
                Sink::Command(command) => add(ReachKind::Runs, key, command.clone()),
                Sink::Webhook { address, format: _ } => match address {
                    WebhookAddress::Url(url) => add(ReachKind::Tells, key, url.clone()),
                    WebhookAddress::Secret(source) => {
                        let (kind, text) = of_source(source);
                        add(kind, format!("{key}.webhook"), text.clone());
                        add(ReachKind::Tells, key, format!("the address from {text}"));
                    }
                },
            }
        }
        for (name, source) in secrets {
            let (kind, text) = of_source(source);
            add(kind, format!("secrets.{name}"), text);
        }
        if let Some(directory) = directory {
            add(
                ReachKind::StartsIn,
                "directory".to_owned(),
                directory.clone(),
            );
        }
        for (name, value) in values {
            add(ReachKind::FillsIn, format!("values.{name}"), value.clone());
        }
        reach.sort_by_key(|one| one.kind);
        reach
    }
}

fn of_source(source: &SecretSource) -> (ReachKind, String) {
    match source {
        SecretSource::Command(command) => (ReachKind::Runs, command.clone()),
        SecretSource::File(path) => (ReachKind::Reads, format!("file {path}")),
        SecretSource::Env(variable) => (ReachKind::Reads, format!("variable {variable}")),
    }
}

#[cfg(test)]
mod tests {
    use crate::runbook::config::parse_config;

    fn reach(text: &str) -> Vec<String> {
        let (config, diagnostics) = parse_config("gonogo.toml", text);
        assert_eq!(diagnostics, [], "{text}");
        let reach = config.reach();
        reach
            .iter()
            .map(|one| format!("{} {}: {}", one.kind.words(), one.key, one.text))
            .collect()
    }

    #[test]
    fn what_runs_comes_first_then_what_is_connected_to() {
        let text = r#"
            [environments.a]
            directory = "../app"
            targets.main = { postgres = "host=db", password = { command = "pass show db" } }
            targets.replica = { postgres = "host=replica", password = { env = "REPLICA" } }
            probes.api = "http://api/health"
            values.RELEASE = "2"
            secrets.TOKEN = { file = "token" }
            notify.chat = { webhook = { env = "CHAT" }, format = "slack" }
            notify.pager = { command = "page oncall" }
            [variables.COLOUR]
            default = "blue"
            [[annotations]]
            guide = "a.md"
            heading = "A > B"
            block = "0123456789abcdef"
            attributes = ".run"
        "#;
        assert_eq!(
            reach(text),
            [
                "runs environments.a.targets.main.password: pass show db",
                "runs environments.a.notify.pager: page oncall",
                "connects to environments.a.targets.main: host=db",
                "connects to environments.a.targets.replica: host=replica",
                "asks environments.a.probes.api: http://api/health",
                "tells environments.a.notify.chat: the address from variable CHAT",
                "reads environments.a.targets.replica.password: variable REPLICA",
                "reads environments.a.notify.chat.webhook: variable CHAT",
                "reads environments.a.secrets.TOKEN: file token",
                "starts steps in environments.a.directory: ../app",
                "fills in environments.a.values.RELEASE: 2",
                "fills in variables.COLOUR.default: blue",
                "settles annotations of a.md, A > B: .run",
            ]
        );
    }

    #[test]
    fn what_only_shows_or_restrains_reaches_for_nothing() {
        let text = "[environments.a]\nprotected = true\nwindow = \"1h\"\nlayout = \"review\"\n\
                    two_person = [\"destructive\"]\n[variables.X]\npattern = 'a'\n";
        assert_eq!(reach(text), Vec::<String>::new());
    }
}
