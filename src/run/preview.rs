//! Exactly what would run. The command that the operator sees and the one that the executor gets
//! come from here, and a confirmation carries the hash of both target and text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ActionId, HoldPoint, Input, Refusal, RunState};
use crate::runbook::{Actor, Attributes, Filling, Fillings, Role, Transaction, fill, hold_places};

/// An action with its values filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    pub action: ActionId,
    pub actor: Actor,
    /// What runs. Secrets stand as their names and are filled in by environment, never here.
    pub command: String,
    /// The values that travel by environment (shell) or as psql variables (SQL), secrets masked.
    pub values: BTreeMap<String, String>,
    /// Names of secret values that travel the same way.
    pub secrets: Vec<String>,
    /// Name of the target (`main`) for SQL.
    pub on: String,
    /// Where it runs, for the operator: `main: postgres://…/app` or `shell in /srv/app`.
    pub target: String,
    pub destructive: Vec<String>,
    /// A word to type before it starts.
    pub confirm: Option<String>,
    /// The role was only inferred: a person must arm it first.
    pub needs_arming: bool,
    pub timeout_s: Option<u64>,
    /// Where it stops and waits for a person.
    #[serde(default)]
    pub holds: Vec<HoldPoint>,
    /// Binds a confirmation to all of this.
    pub hash: String,
}
/// Reckons what an action would run now.
///
/// # Errors
/// A refusal where it cannot run: no such action, nothing to execute, a blank without a value, or
/// no target.
pub fn preview(state: &RunState, action: ActionId) -> Result<Preview, Refusal> {
    let subject = subject(state, action)?;
    let Subject {
        attributes, actor, ..
    } = subject;
    let mut fillings = Fillings::new();
    let mut values = BTreeMap::new();
    let mut secrets = Vec::new();
    let mut missing = Vec::new();
    // A request is text through and through: every value it names stands in it as `${NAME}`.
    // So is what a shell would fill in by itself, once somebody gives another value.
    let named = state.inputs.keys().filter(|name| {
        !subject.needs.contains(name)
            && match actor {
                Actor::Http => subject.code.contains(&format!("${{{name}}}")),
                Actor::Shell => ["-", ":-", "=", ":="]
                    .iter()
                    .any(|sign| subject.code.contains(&format!("${{{name}{sign}"))),
                Actor::Sql | Actor::Nobody => false,
            }
    });
    for name in subject.needs.iter().chain(named) {
        let spellings = state
            .runbook
            .variables
            .iter()
            .find(|variable| &variable.name == name)
            .map_or_else(
                || vec![format!("${{{name}}}")],
                |variable| variable.spellings.clone(),
            );
        match state.inputs.get(name) {
            Some(Input::Value(value)) => {
                fillings.insert(name, (Filling::Value(value), spellings));
                values.insert(name.clone(), value.clone());
            }
            Some(Input::Secret(_)) => {
                // A secret never becomes text: it travels by environment under its name.
                fillings.insert(name, (Filling::Secret, spellings));
                secrets.push(name.clone());
            }
            // The shell has a value of its own for it.
            None if actor == Actor::Shell && fills_itself(state, name) => {}
            // The shell gets these from the target that the screen names.
            None if actor == Actor::Shell && is_provided(state, name) => {}
            None => missing.push(format!("`{name}`")),
        }
    }
    if !missing.is_empty() {
        return Err(Refusal::new(
            format!("line {}: no value for {}", subject.line, missing.join(", ")),
            "give it under inputs (`i`), with `--var NAME=VALUE`, or in `gonogo.toml`",
        ));
    }
    let command = fill(subject.code.trim_end(), actor, subject.code_line, &fillings);
    let on = attributes.on.clone().unwrap_or_else(|| "main".to_owned());
    let target = match actor {
        Actor::Sql => {
            let place = state.targets.get(&on).ok_or_else(|| {
                Refusal::new(
                    format!(
                        "line {}: the environment `{}` has no target `{on}`",
                        subject.line, state.environment
                    ),
                    format!(
                        "name it in `gonogo.toml` under `[environments.{}.targets]`",
                        state.environment
                    ),
                )
            })?;
            format!("{on}: {place}")
        }
        Actor::Shell => format!("shell in {}", directory(state, attributes)),
        Actor::Http | Actor::Nobody => command
            .lines()
            .next()
            .map(|line| format!("http {}", line.trim()))
            .unwrap_or_default(),
    };
    let holds = holds(&subject, &command);
    let confirm = attributes.confirm.clone().or_else(|| {
        (state.protected && !subject.destructive.is_empty()).then(|| state.environment.clone())
    });
    let mut hasher = Sha256::new();
    for part in [&action.to_string(), &target, &command] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    for (name, value) in &values {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(value.as_bytes());
        hasher.update([0]);
    }
    Ok(Preview {
        action,
        actor,
        command,
        values,
        secrets,
        on,
        target,
        destructive: subject.destructive.to_vec(),
        confirm,
        needs_arming: !subject.annotated,
        timeout_s: attributes.timeout_s,
        holds,
        hash: super::hex(&hasher.finalize()),
    })
}

/// The places where SQL stops before its `COMMIT`. Not under `txn=one`: psql itself would commit there
/// when its input ends.
fn holds(subject: &Subject<'_>, command: &str) -> Vec<HoldPoint> {
    let attributes = subject.attributes;
    if subject.actor != Actor::Sql || attributes.txn == Some(Transaction::One) {
        return Vec::new();
    }
    hold_places(command)
        .into_iter()
        .map(|place| HoldPoint {
            offset: place.offset,
            line: subject.code_line + place.line,
        })
        .collect()
}

fn fills_itself(state: &RunState, name: &str) -> bool {
    let mut variables = state.runbook.variables.iter();
    variables.any(|known| known.name == name && known.fills_itself)
}

/// Names that every shell step finds in its environment.
pub(super) fn is_provided(state: &RunState, name: &str) -> bool {
    let of_the_target = ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE"].contains(&name);
    (of_the_target && state.targets.contains_key("main"))
        || ["GONOGO_RUN", "GONOGO_STEP"].contains(&name)
}

/// Where a shell step starts: the block's `cwd` under the run's directory.
pub fn directory(state: &RunState, attributes: &Attributes) -> String {
    match &attributes.cwd {
        Some(cwd) if cwd.starts_with('/') || state.directory.is_empty() => cwd.clone(),
        Some(cwd) => format!("{}/{cwd}", state.directory),
        None => state.directory.clone(),
    }
}

/// A block or a part of one, whichever the action names.
struct Subject<'a> {
    code: &'a str,
    line: usize,
    /// Line of the first line of its code.
    code_line: usize,
    actor: Actor,
    needs: &'a [String],
    destructive: &'a [String],
    attributes: &'a Attributes,
    annotated: bool,
}

fn subject(state: &RunState, action: ActionId) -> Result<Subject<'_>, Refusal> {
    let block = state.runbook.block(action.block).ok_or_else(|| {
        Refusal::new(
            format!("the guide has no block {}", action.block),
            "see `gonogo check` for the blocks it has",
        )
    })?;
    let part = match action.part.checked_sub(1) {
        None => None,
        Some(index) => Some(block.parts.get(index).ok_or_else(|| {
            Refusal::new(
                format!("block {} has no part {}", action.block, action.part),
                "see `gonogo check` for its parts",
            )
        })?),
    };
    let (role, refused, line) = part.map_or((block.role, &block.refused, block.line), |part| {
        (part.role, &part.refused, part.line)
    });
    if let Some(why) = refused {
        return Err(Refusal::new(
            format!("line {line}: {why}"),
            "do it by hand and skip the step with a reason, or annotate the block",
        ));
    }
    let why = match role {
        Role::Run | Role::Fill | Role::Promote => None,
        Role::Split => Some("it holds several acts: run them part by part"),
        Role::Manual => Some("there is nothing in it to execute"),
        Role::Output => Some("it is expected output, not a command"),
        Role::Content => Some("it is content, not a command"),
        Role::Foreign => Some("it is for another database or system"),
    };
    if let Some(why) = why {
        return Err(Refusal::new(
            format!("line {line} cannot run: {why}"),
            "annotate the block if that is wrong",
        ));
    }
    Ok(match part {
        Some(part) => Subject {
            code: &part.code,
            line,
            code_line: part.line,
            actor: part.actor,
            needs: &part.needs,
            destructive: &part.destructive,
            attributes: &block.attributes,
            annotated: block.annotated && role != Role::Promote,
        },
        None => Subject {
            code: &block.code,
            line,
            code_line: block.code_line,
            actor: block.actor,
            needs: &block.needs,
            destructive: &block.destructive,
            attributes: &block.attributes,
            annotated: block.annotated && role != Role::Promote,
        },
    })
}
