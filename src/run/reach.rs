//! Where an action goes, settled by libpq's own rules before it runs: each place is named in its
//! preview, and one that is no target of its environment is stopped until a person says why.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ActionId, Input, Preview, RunState, ShellStart, shell_start};
use crate::libpq::{Address, Ambient, Parameters};
use crate::runbook::{
    Actor, Goes, Known, Reaches, Told, blank_name, environment_in, shell_reaches, sql_reaches,
};

/// A place that an action reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// In the guide.
    pub line: usize,
    /// The program, or `\c`.
    pub what: String,
    /// `db1:5432/app`, a host, a cluster; or why nobody can tell.
    pub place: String,
    /// It is settled that it is no target of the environment.
    pub strays: bool,
    /// Nobody can tell before it runs.
    pub unknown: bool,
}

/// What a command is looked at with.
pub(super) struct Looked<'a> {
    pub action: ActionId,
    pub actor: Actor,
    /// With its values filled in.
    pub command: &'a str,
    /// Line of its first line.
    pub line: usize,
    /// Name of the target.
    pub on: &'a str,
    pub start: &'a ShellStart<'a>,
    /// Values of secrets by the names of their blanks; none before it starts.
    pub secrets: &'a BTreeMap<String, String>,
}

/// Why a command must not run where it would go, once its secrets are known: an address in one says where.
/// The words name host and database only.
pub fn strays_of_secrets(
    state: &RunState,
    shown: &Preview,
    secrets: &BTreeMap<String, String>,
) -> Vec<String> {
    let is_hidden = shown.reaches.iter().any(|reached| reached.unknown);
    if !is_hidden || secrets.is_empty() {
        return Vec::new();
    }
    let looked = Looked {
        action: shown.action,
        actor: shown.actor,
        command: &shown.command,
        line: shown.commands.first().map_or(0, |command| command.line),
        on: &shown.on,
        start: &shell_start(state, shown.action, shown.from),
        secrets,
    };
    let (_, strays) = reached(state, &looked);
    strays
        .into_iter()
        .filter(|stray| !shown.strays.contains(stray))
        .collect()
}

/// Everything that an action reaches, and why it must not run unasked.
pub(super) fn reached(state: &RunState, looked: &Looked<'_>) -> (Vec<Reached>, Vec<String>) {
    let places = Places::of(state);
    let lookup = |name: &str| known(state, looked, &places, name);
    let found = match looked.actor {
        Actor::Shell => shell_reaches(looked.command, &lookup),
        Actor::Sql => sql_reaches(looked.command, &lookup),
        Actor::Http | Actor::Nobody => Vec::new(),
    };
    let mut session = places
        .target(looked.on)
        .map(|address| address.parameters().clone());
    let mut made = made(state, looked.action, &places, &lookup);
    let mut reached = Vec::new();
    for reach in found {
        let mut one = places.settle(reach, looked.line, &mut session);
        if one.what == "createdb" {
            made.push(one.place.clone());
        }
        // What the run itself has made is no other's.
        one.strays &= !made.contains(&one.place);
        reached.push(one);
    }
    let mut strays: Vec<String> = reached
        .iter()
        .filter(|one| one.strays)
        .map(|one| {
            format!(
                "line {}: `{}` goes to {}, and `{}` is {}",
                one.line,
                one.what,
                one.place,
                state.environment,
                places.words()
            )
        })
        .collect();
    strays.extend(led_elsewhere(state, looked, &places));
    strays.extend(titled_elsewhere(state, looked.action));
    (reached, strays)
}

/// The targets of the environment, and what libpq finds around a step.
struct Places {
    targets: BTreeMap<String, Address>,
    around: Ambient,
    /// What a shell step finds in its environment.
    variables: BTreeMap<String, String>,
}

impl Places {
    fn of(state: &RunState) -> Self {
        let around = state.config.surroundings.clone().unwrap_or_default();
        let targets: BTreeMap<String, Address> = state
            .targets
            .iter()
            .filter_map(|(name, text)| Some((name.clone(), Address::parse(text, &around).ok()?)))
            .collect();
        let mut variables = around.beside_the_address();
        variables.extend(
            targets
                .get("main")
                .map(Address::environment)
                .unwrap_or_default(),
        );
        Self {
            targets,
            around,
            variables,
        }
    }

    fn target(&self, name: &str) -> Option<&Address> {
        self.targets.get(name)
    }

    fn words(&self) -> String {
        let words: Vec<String> = self
            .targets
            .iter()
            .map(|(name, address)| format!("`{name}` at {}", place(address)))
            .collect();
        match words.is_empty() {
            true => "an environment without targets".to_owned(),
            false => words.join(", "),
        }
    }

    fn settle(&self, reach: Reaches, line: usize, session: &mut Option<Parameters>) -> Reached {
        let settled = match reach.to {
            Goes::Database(told) => {
                let server = told.server;
                let address = self.address(&told);
                if reach.what == "psql" {
                    *session = address
                        .as_ref()
                        .ok()
                        .map(|address| address.parameters().clone());
                }
                address.map(|address| (place(&address), !self.is_target(&address, server)))
            }
            Goes::Reconnects(written) => {
                let mut parameters = match written.contains_key("host") {
                    true => Parameters::new(),
                    false => session.clone().unwrap_or_default(),
                };
                parameters.extend(written);
                let address = Address::resolve(
                    &parameters,
                    &self.around.seen_with(&self.variables, &self.around.login()),
                );
                *session = address
                    .as_ref()
                    .ok()
                    .map(|address| address.parameters().clone());
                address.map(|address| (place(&address), !self.is_target(&address, false)))
            }
            Goes::Host(host) => Ok((host, false)),
            Goes::Context(context) => Ok((format!("the cluster `{context}`"), false)),
            Goes::Unknown(why) => Err(why),
        };
        let unknown = settled.is_err();
        let (place, strays) = settled.unwrap_or_else(|why| (why, false));
        Reached {
            line: line + reach.line,
            what: reach.what,
            place,
            strays,
            unknown,
        }
    }

    fn address(&self, told: &Told) -> Result<Address, String> {
        let (mut variables, login) = match &told.as_user {
            Some(user) => (BTreeMap::new(), user.clone()),
            None => (self.variables.clone(), self.around.login()),
        };
        variables.extend(told.variables.clone());
        Address::resolve(&told.written, &self.around.seen_with(&variables, &login))
    }

    fn is_target(&self, address: &Address, server: bool) -> bool {
        self.targets.values().any(|target| {
            let same_database = server || target.database() == address.database();
            let hosts = target.hosts();
            let same_server = |host: &crate::libpq::Host| {
                hosts
                    .iter()
                    .any(|known| known.port == host.port && same_host(known.place(), host.place()))
            };
            same_database && address.hosts().iter().all(same_server)
        })
    }
}

/// Names of one machine that are the same to libpq's user: this one.
fn same_host(one: &str, other: &str) -> bool {
    let is_loopback = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "::1");
    let is_here = |host: &str| is_loopback(host) || host.starts_with('/');
    // A socket and a port of one number are one server; two directories may be two.
    one.eq_ignore_ascii_case(other)
        || is_here(one) && is_here(other) && (is_loopback(one) || is_loopback(other))
}

fn place(address: &Address) -> String {
    let hosts: Vec<String> = address
        .hosts()
        .iter()
        .map(|host| format!("{}:{}", host.place(), host.port))
        .collect();
    format!("{}/{}", hosts.join(","), address.database())
}

/// What a variable holds when the step begins.
fn known(state: &RunState, looked: &Looked<'_>, places: &Places, name: &str) -> Known {
    if let Some(captured) = state.captured.get(&blank_name(name)) {
        return Known::Value(captured.value.clone());
    }
    if let Some((value, _)) = looked.start.set.get(name) {
        let is_text = !value.array && !value.texts.iter().any(|text| text.starts_with('\0'));
        return match is_text {
            true => Known::Value(value.texts.concat()),
            false => Known::Not(format!("`{name}` is a list")),
        };
    }
    match state.inputs.get(name) {
        Some(Input::Value(value)) => return Known::Value(value.clone()),
        Some(Input::Secret(_)) => {
            return match looked.secrets.get(name) {
                Some(value) => Known::Value(value.clone()),
                None => Known::Not(format!("`{name}` is a secret")),
            };
        }
        None => {}
    }
    match places.variables.get(name) {
        Some(value) => Known::Value(value.clone()),
        None => Known::Not(format!("the value of `{name}` is unknown")),
    }
}

/// The databases that earlier commands of this run have made.
fn made(
    state: &RunState,
    action: ActionId,
    places: &Places,
    lookup: &dyn Fn(&str) -> Known,
) -> Vec<String> {
    let attempts = state.actions.iter().filter(|(other, _)| **other != action);
    let passed = attempts
        .flat_map(|(_, known)| &known.attempts)
        .filter(|attempt| attempt.outcome == Some(super::Outcome::Passed));
    passed
        .filter(|attempt| attempt.command.contains("createdb"))
        .flat_map(|attempt| shell_reaches(&attempt.command, lookup))
        .filter(|reach| reach.what == "createdb")
        .map(|reach| places.settle(reach, 0, &mut None).place)
        .collect()
}

/// In the author's terminal a block of SQL goes on where the one before it led the session.
fn led_elsewhere(state: &RunState, looked: &Looked<'_>, places: &Places) -> Option<String> {
    if looked.actor != Actor::Sql {
        return None;
    }
    let book = &state.runbook;
    let steps = book.walk().flat_map(|phase| &phase.steps);
    let mut led = None;
    for number in steps.flat_map(|step| &step.blocks) {
        if *number == looked.action.block {
            break;
        }
        let Some(block) = book.block(*number) else {
            continue;
        };
        let on = block.attributes.target();
        if block.actor == Actor::Shell || on != looked.on {
            continue;
        }
        let not_known = |name: &str| Known::Not(format!("`{name}`"));
        for reach in sql_reaches(&block.code, &not_known) {
            led = Some((block.code_line + reach.line, reach));
        }
    }
    let (line, reach) = led?;
    let mut session = places
        .target(looked.on)
        .map(|address| address.parameters().clone());
    let there = places.settle(reach, line, &mut session);
    let here = places.target(looked.on).map(place).unwrap_or_default();
    (there.place != here).then(|| {
        format!(
            "line {line} moves the session to {} (`{}`). In one psql this would run there; here it runs on `{}` at {here}",
            there.place, there.what, looked.on
        )
    })
}

/// A step that is titled for another environment.
fn titled_elsewhere(state: &RunState, action: ActionId) -> Option<String> {
    let step = state.step_of(action)?;
    let phase = state
        .runbook
        .phase_of(&step.id)
        .map(|phase| phase.title.as_str());
    [Some(step.title.as_str()), phase]
        .into_iter()
        .flatten()
        .find_map(|title| {
            let other = environment_in(title, &state.environment)?;
            Some(format!(
                "`{title}` is for {other}, and this run is of `{}`",
                state.environment
            ))
        })
}
