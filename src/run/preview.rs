//! Exactly what would run. The command that the operator sees and the one that the executor gets
//! come from here, and a confirmation carries the hash of both target and text.

mod chosen;
mod subject;
mod values;

pub use chosen::listed_of;
use chosen::{Chosen, chosen, proposed, word_of};
use std::collections::BTreeMap;
use subject::{Subject, subject};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::carried::{Missing, handed_on};
use super::lock_timeout::{self, LockTimeout};
use super::{ActionId, CommandText, HoldPoint, Refusal, RunState, ShellStart, shell_start};
use super::{batch, flag_value};
use crate::runbook::syntax;
use crate::runbook::{
    Actor, Attributes, Elsewhere, Expectation, ListedCommand, Transaction, dropped, hold_places,
};
pub(super) use values::is_provided;
pub use values::spellings;
use values::{Filled, filled};

/// An action with its values filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    pub action: ActionId,
    pub actor: Actor,
    /// What runs. Secrets stand as their names and are filled in by environment, never here.
    pub command: String,
    /// The same, command by command.
    #[serde(default)]
    pub commands: Vec<CommandText>,
    /// All of its commands, those that are switched off too. Empty for what is no list of commands.
    #[serde(default)]
    pub listed: Vec<ListedCommand>,
    /// It goes on with an attempt that stopped, from the command of this index.
    #[serde(default)]
    pub from: Option<usize>,
    /// The values that travel by environment (shell) or as psql variables (SQL), secrets masked.
    pub values: BTreeMap<String, String>,
    /// Names of secret values that travel the same way.
    pub secrets: Vec<String>,
    /// Where it starts.
    #[serde(default)]
    pub directory: String,
    /// The title of the step that left the shell there; absent where it is the run's directory or the
    /// block's own `cwd`.
    #[serde(default)]
    pub directory_from: Option<String>,
    /// What earlier steps hand on to it: the variables that it names or its commands inherit, and the
    /// captured values.
    #[serde(default)]
    pub carried: Vec<HandedOn>,
    /// What earlier steps that have not run would hand on; empty for what can start.
    #[serde(default)]
    pub awaits: Vec<HandedOn>,
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
    /// What is put around statements that queue for a strong lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_timeout: Option<LockTimeout>,
    /// It sets a flag, or restores one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<super::FlagSet>,
    /// The places that its commands reach.
    #[serde(default)]
    pub reaches: Vec<super::Reached>,
    /// Why it must not run without a reason: a place that is no target of its environment, a title that
    /// names another one.
    #[serde(default)]
    pub strays: Vec<String>,
    /// It belongs to another machine: nothing of it is on until a person says that this is the one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
    /// Which database its target proved to be, as [`super::TargetIdentity::key`] has it.
    #[serde(default)]
    pub proved: Option<String>,
    /// Binds an arming: the text with all of its commands, its values and where it is written to go.
    #[serde(default)]
    pub content: String,
    /// Binds a confirmation to all of this, and to which database the target is.
    pub hash: String,
}

impl Preview {
    /// What a person does with commands of another machine.
    pub const WHAT_TO_DO_ELSEWHERE: &str =
        "do it there and skip it here with a reason; if this machine is the one, say so (`h`)";

    /// How it runs in batches.
    pub fn batches(&self) -> Option<&super::Batches> {
        batches_of(&self.commands)
    }

    /// Where it belongs, as long as nobody has said that this machine is the one.
    pub fn belongs_elsewhere(&self) -> Option<String> {
        let there = self.elsewhere.as_ref()?;
        let nothing = self.commands.is_empty() && !self.listed.is_empty();
        nothing.then(|| format!("it belongs to {}: {}", there.named(), there.why))
    }
}

/// What runs in batches is one command.
fn batches_of(commands: &[CommandText]) -> Option<&super::Batches> {
    commands.first()?.batches.as_deref()
}

/// A value that comes from an earlier step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOn {
    pub name: String,
    /// On one line and scrubbed; empty while it is awaited.
    pub value: String,
    /// The title of the step it comes from.
    pub from: String,
}

/// Reckons what an action would run now.
///
/// # Errors
/// A refusal where it cannot run: no such action, nothing to execute, a blank without a value, a value
/// that an earlier step should have left, or no target.
pub fn preview(state: &RunState, action: ActionId) -> Result<Preview, Refusal> {
    preview_from(state, action, None)
}

/// As [`preview`], for an action that stopped and goes on from the command of this index.
///
/// # Errors
/// As [`preview`].
pub fn preview_from(
    state: &RunState,
    action: ActionId,
    from: Option<usize>,
) -> Result<Preview, Refusal> {
    let (mut shown, missing) = reckon(state, action, from)?;
    if from.is_some() {
        // Who armed it has read all of it.
        shown.content = reckon(state, action, None)?.0.content;
    }
    match missing.into_iter().next() {
        Some(missing) => Err(missing.refusal),
        None => Ok(shown),
    }
}

/// As [`preview`], before the steps have run whose values it uses: those are named in
/// [`Preview::awaits`].
///
/// # Errors
/// As [`preview`], but for values of earlier steps.
pub fn preview_ahead(state: &RunState, action: ActionId) -> Result<Preview, Refusal> {
    reckon(state, action, None).map(|(shown, _)| shown)
}

/// What would run, and which values of earlier steps are not there.
pub(super) fn reckon(
    state: &RunState,
    action: ActionId,
    from: Option<usize>,
) -> Result<(Preview, Vec<Missing>), Refusal> {
    let subject = subject(state, action)?;
    let Subject {
        attributes, actor, ..
    } = subject;
    let start = match actor {
        Actor::Shell | Actor::Sql | Actor::Http => shell_start(state, action, from),
        Actor::Nobody => ShellStart::default(),
    };
    let Filled {
        code: whole,
        values,
        secrets,
        awaited,
        mut list,
        reading,
        flag_value,
    } = filled(state, action, &subject, &start)?;
    let (directory, directory_from) = directory(state, attributes, &start);
    let carried = handed_on(state, action, actor, subject.code, &start, &subject.names());
    let on = attributes.on.clone().unwrap_or_else(|| "main".to_owned());
    let target = where_to(state, &subject, &list, &whole, &on, &directory)?;
    let expected = state.expectations_of(action);
    let Chosen {
        command,
        mut commands,
        holds,
        destructive,
    } = chosen(&subject, &whole, &mut list, &expected, from)?;
    let lock_timeout = lock_timeout::put(state, action, actor, &command, &mut commands);
    batch::put(state, action, &mut commands)?;
    let flag = flag_value::put(state, action, reading, flag_value.as_ref());
    let (reaches, strays) = super::reach::reached(
        state,
        &super::reach::Looked {
            action,
            actor,
            command: &command,
            line: subject.code_line,
            on: &on,
            start: &start,
            secrets: &BTreeMap::new(),
        },
    );
    let confirm = attributes
        .confirm
        .clone()
        .or_else(|| word_of(state, action, &command, actor, &destructive, &holds))
        .or_else(|| word_of_place(state, &strays));
    let of_sql = actor == Actor::Sql && directory_from.is_some();
    let content = content_of(
        [&action.to_string(), &target, &whole],
        &values,
        of_sql.then_some(directory.as_str()),
        &carried.bound,
        &expected,
        &reaches,
    );
    let around = lock_timeout.as_ref();
    let said = said_of(batches_of(&commands), flag.as_ref());
    let own = of_what_runs(&content, &command, &whole, around, &said);
    let proved = proved(state, actor, &on);
    let hash = bound(state, &own, &on, proved.as_deref());
    let shown = Preview {
        action,
        actor,
        command,
        commands,
        listed: list,
        from,
        values,
        secrets,
        directory,
        directory_from,
        carried: carried.shown,
        awaits: awaited.iter().map(Missing::awaited).collect(),
        on,
        target,
        destructive,
        confirm,
        needs_arming: !subject.annotated,
        timeout_s: attributes.timeout_s,
        holds,
        lock_timeout,
        flag,
        reaches,
        strays,
        elsewhere: subject.elsewhere.cloned(),
        proved,
        content,
        hash,
    };
    Ok((shown, awaited))
}

/// What the database that SQL goes to has proved to be.
fn proved(state: &RunState, actor: Actor, on: &str) -> Option<String> {
    let identity = state.identities.get(on).filter(|_| actor == Actor::Sql);
    identity.map(super::TargetIdentity::key)
}

/// Where it goes, in words.
fn where_to(
    state: &RunState,
    subject: &Subject<'_>,
    list: &[ListedCommand],
    command: &str,
    on: &str,
    directory: &str,
) -> Result<String, Refusal> {
    Ok(match subject.actor {
        Actor::Sql => {
            let place = state.targets.get(on).ok_or_else(|| {
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
        Actor::Shell => match subject.elsewhere.filter(|_| list.iter().all(|one| !one.on)) {
            Some(there) => format!("not here: {} ({})", there.named(), there.why),
            None => format!("shell in {directory}"),
        },
        Actor::Http | Actor::Nobody => command
            .lines()
            .next()
            .map(|line| format!("http {}", line.trim()))
            .unwrap_or_default(),
    })
}

/// Binds an arming: the text with its values, where it goes, and what is asked of it.
fn content_of(
    what: [&str; 3],
    values: &BTreeMap<String, String>,
    directory: Option<&str>,
    bound: &[(String, Vec<String>)],
    expected: &[&Expectation],
    reaches: &[super::Reached],
) -> String {
    let mut hasher = Sha256::new();
    for part in what {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    for (name, value) in values {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(value.as_bytes());
        hasher.update([0]);
    }
    if let Some(directory) = directory {
        hasher.update(directory.as_bytes());
        hasher.update([0]);
    }
    for (name, value) in bound {
        hasher.update(name.as_bytes());
        hasher.update([1]);
        for text in value {
            hasher.update(text.as_bytes());
            hasher.update([0]);
        }
    }
    for item in expected {
        if let Some(cel) = item.cel.as_ref().filter(|_| item.proposed) {
            hasher.update(cel.as_bytes());
            hasher.update([3]);
        }
    }
    for reached in reaches {
        hasher.update(reached.place.as_bytes());
        hasher.update([2]);
    }
    super::hex(&hasher.finalize())
}

/// On another database than the one that was confirmed nothing goes back without a word.
fn word_of_place(state: &RunState, strays: &[String]) -> Option<String> {
    let grave = state.protected && !strays.is_empty() || !state.moved.is_empty();
    grave.then(|| state.environment.clone())
}

/// How it runs, as far as a confirmation is bound to it.
fn said_of(batches: Option<&super::Batches>, flag: Option<&super::FlagSet>) -> Vec<String> {
    let batches = batches.into_iter().flat_map(|batches| batches.words());
    let flag = flag.into_iter().flat_map(|flag| {
        let value = std::iter::once(flag.value.clone());
        value.chain(flag.known.iter().cloned()).chain(flag.words())
    });
    batches.chain(flag).collect()
}

/// A confirmation is of what runs, an arming of all.
fn of_what_runs(
    content: &str,
    command: &str,
    whole: &str,
    put_around: Option<&LockTimeout>,
    said: &[String],
) -> String {
    let put_around = put_around.filter(|put| put.on);
    if command == whole && put_around.is_none() && said.is_empty() {
        return content.to_owned();
    }
    let mut hasher = Sha256::new();
    hasher.update(content.as_bytes());
    hasher.update(command.as_bytes());
    if let Some(put) = put_around {
        hasher.update([4]);
        hasher.update(LockTimeout::before().as_bytes());
        for index in &put.around {
            hasher.update(index.to_le_bytes());
        }
    }
    for words in said {
        hasher.update([5]);
        hasher.update(words.as_bytes());
    }
    super::hex(&hasher.finalize())
}

/// Binds a confirmation to the database as well: to what it proved to be, and to how often that has
/// changed. As long as a database has proved nothing there is nothing to be bound to.
fn bound(state: &RunState, content: &str, on: &str, proved: Option<&str>) -> String {
    let changes = state.identity_changes(on);
    if proved.is_none() && changes == 0 {
        return content.to_owned();
    }
    let mut hasher = Sha256::new();
    for part in [content, proved.unwrap_or_default(), &changes.to_string()] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    super::hex(&hasher.finalize())
}

/// Whether nothing has run yet: whoever begins in a protected environment says its name once. Who
/// began a rehearsal has named it already.
fn is_first(state: &RunState) -> bool {
    let mut actions = state.actions.values();
    !state.unattended && actions.all(|action| action.attempts.is_empty())
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

/// Whether what a script drops is final only with the one `COMMIT` before which it is held: there the
/// word is asked, with what was seen of it.
fn is_decided_at_its_hold(command: &str, holds: &[HoldPoint]) -> bool {
    let [hold] = holds else { return false };
    let script = syntax::read_sql(command);
    let starts = |statement: &syntax::Statement, words: &[&str]| {
        let text = script.text(statement.span).to_ascii_lowercase();
        words.iter().any(|word| text.starts_with(word))
    };
    let mut before = script
        .statements()
        .take_while(|statement| statement.span.start < hold.offset);
    let begins = before
        .next()
        .is_some_and(|first| starts(first, &["begin", "start transaction"]));
    let ends_earlier = before.any(|statement| starts(statement, &["commit", "end", "rollback"]));
    let behind = command.get(hold.offset..).unwrap_or_default();
    begins && !ends_earlier && dropped(behind, Actor::Sql).is_empty()
}

/// Where an action starts, and which step left the shell there: the block's `cwd` under the run's
/// directory, else where the shell stands.
fn directory(
    state: &RunState,
    attributes: &Attributes,
    start: &ShellStart<'_>,
) -> (String, Option<String>) {
    match (&attributes.cwd, start.directory) {
        (Some(cwd), _) if cwd.starts_with('/') || state.directory.is_empty() => (cwd.clone(), None),
        (Some(cwd), _) => (format!("{}/{cwd}", state.directory), None),
        (None, Some((directory, from))) => (
            directory.to_owned(),
            Some(super::carried::title(state, from)),
        ),
        (None, None) => (state.directory.clone(), None),
    }
}
