//! Exactly what would run. The command that the operator sees and the one that the executor gets
//! come from here, and a confirmation carries the hash of both target and text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::carried::{Missing, handed_on, missing};
use super::commands::{commands_of, holds_of, judge_by, script_of};
use super::{ActionId, CommandText, HoldPoint, Input, Refusal, RunState, ShellStart, shell_start};
use crate::runbook::syntax;
use crate::runbook::{
    Actor, Attributes, Carried, Elsewhere, Filling, Fillings, ListedCommand, Nature, Role,
    Transaction, blank_name, destroyed_by, dropped, dropped_database, fill, hold_places, listed,
    travels,
};

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
    pub const WHAT_TO_DO_ELSEWHERE: &str = "do it there and skip it here with a reason; if this machine is the one, switch its commands on";

    /// Where it belongs, as long as nobody has said that this machine is the one.
    pub fn belongs_elsewhere(&self) -> Option<String> {
        let there = self.elsewhere.as_ref()?;
        let nothing = self.commands.is_empty() && !self.listed.is_empty();
        nothing.then(|| format!("it belongs to {}: {}", there.named(), there.why))
    }
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
    let mut fillings = Fillings::new();
    let mut values = BTreeMap::new();
    let mut secrets = Vec::new();
    let mut blanks = Vec::new();
    let mut awaited = Vec::new();
    let start = match actor {
        Actor::Shell | Actor::Sql | Actor::Http => shell_start(state, action, from),
        Actor::Nobody => ShellStart::default(),
    };
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
    let carries = subject.carries.iter().map(|carried| &carried.name);
    let names: Vec<&String> = subject.needs.iter().chain(carries).chain(named).collect();
    let earlier: BTreeMap<&String, Input> = names
        .iter()
        .filter_map(|name| Some((*name, left_by_earlier_steps(state, actor, &start, name)?)))
        .collect();
    let mut list = proposed(state, action, &subject);
    let mut lacking = Vec::new();
    for name in names {
        let spellings = spellings(state, name);
        let off_only = is_off_only(&list, &spellings);
        let in_the_text = |spelling: &&String| {
            !travels(spelling, name, actor) && subject.code.contains(spelling.as_str())
        };
        if actor == Actor::Shell
            && start.set.contains_key(name.as_str())
            && spellings.iter().find(in_the_text).is_none()
        {
            // The shell begins with it.
            continue;
        }
        match earlier.get(name).or(state.inputs.get(name)) {
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
            None if off_only => lacking.push((name.clone(), spellings)),
            None => match subject.carries.iter().find(|carried| carried.name == *name) {
                Some(carried) => awaited.push(missing(state, &start, subject.line, carried)),
                None => blanks.push(name),
            },
        }
    }
    for command in &mut list {
        let names = lacking.iter().filter(|(_, spellings)| {
            let mut spellings = spellings.iter();
            spellings.any(|spelling: &String| command.text.contains(spelling.as_str()))
        });
        command.needs = names.map(|(name, _)| name.clone()).collect();
        if !command.needs.is_empty() {
            command.natures.push(Nature::NeedsValue);
        }
    }
    if !blanks.is_empty() {
        let is_secret = |name: &&String| {
            let mut variables = state.runbook.variables.iter();
            variables.any(|variable| variable.name == **name && variable.secret)
        };
        let remembered = &state.provenance.remembered;
        let named: Vec<String> = blanks
            .iter()
            .map(
                |name| match remembered.get(*name).map(|known| &known.input) {
                    Some(Input::Value(value)) => format!("`{name}` (an earlier run had `{value}`)"),
                    Some(Input::Secret(_)) | None => format!("`{name}`"),
                },
            )
            .collect();
        return Err(Refusal::new(
            format!("line {}: no value for {}", subject.line, named.join(", ")),
            match blanks.iter().all(is_secret) {
                _ if blanks.iter().any(|name| remembered.contains_key(*name)) => {
                    "confirm what an earlier run left under inputs (`i`, then `a`), or give another"
                }
                true => {
                    "say where it comes from under inputs (`i`), or under `secrets` in `gonogo.toml`"
                }
                false => "give it under inputs (`i`), with `--var NAME=VALUE`, or in `gonogo.toml`",
            },
        ));
    }
    let command =
        fill(subject.code.trim_end(), actor, subject.code_line, &fillings).map_err(|unfit| {
            Refusal::new(format!("line {}: {}", subject.line, unfit.why), unfit.help)
        })?;
    let (directory, directory_from) = directory(state, attributes, &start);
    let carried = handed_on(state, action, actor, subject.code, &start, &subject.names());
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
        Actor::Shell => match subject.elsewhere.filter(|_| list.iter().all(|one| !one.on)) {
            Some(there) => format!("not here: {} ({})", there.named(), there.why),
            None => format!("shell in {directory}"),
        },
        Actor::Http | Actor::Nobody => command
            .lines()
            .next()
            .map(|line| format!("http {}", line.trim()))
            .unwrap_or_default(),
    };
    let holds = holds(&subject, &command);
    let mut commands = commands_of(actor, &command, subject.code_line, &holds).map_err(|line| {
        Refusal::new(
            format!("line {line}: its transaction cannot be held before this `COMMIT`"),
            "write each statement on a line of its own, or say `txn=one` on the fence",
        )
    })?;
    let expected = state.expectations_of(action);
    let conditions = expected.iter().filter_map(|item| item.cel.as_deref());
    let conditions: Vec<&str> = conditions.chain(attributes.expect.as_deref()).collect();
    judge_by(&mut commands, &conditions);
    if from.is_some_and(|from| from >= commands.len()) {
        return Err(Refusal::new(
            "there is no such command in it",
            "look at what would run",
        ));
    }
    let all = commands.len();
    let is_whole = list.iter().all(|command| command.on);
    if !is_whole && list.len() != all {
        return Err(Refusal::new(
            format!(
                "line {}: with its values filled in it has {all} commands, and not {}",
                subject.line,
                list.len()
            ),
            "switch all of them on, and look again",
        ));
    }
    if list.len() != all {
        list.clear();
    }
    for (listed, command) in list.iter_mut().zip(&commands) {
        listed.text.clone_from(&command.text);
    }
    commands.retain(|command| {
        from.is_none_or(|from| command.index >= from)
            && list.get(command.index).is_none_or(|listed| listed.on)
    });
    let whole = command;
    let (command, holds) = match commands.len() == all {
        true => (whole.clone(), holds),
        false => (script_of(&commands), holds_of(&commands)),
    };
    let destructive = match commands.len() == all {
        true => subject.destructive.to_vec(),
        false => destroyed_by(&command, actor),
    };
    let confirm = attributes.confirm.clone().or_else(|| {
        let grave = !destructive.is_empty() || is_first(state);
        (state.protected && grave).then(|| state.environment.clone())
    });
    let confirm = confirm.or_else(|| {
        let whole = |what: &String| what == "dropdb" || what == "DROP DATABASE";
        let drops = destructive.iter().any(whole);
        drops.then(|| dropped_database(&command, actor)).flatten()
    });
    let confirm = confirm.or_else(|| {
        let now = state.destroys_data(action) && !is_decided_at_its_hold(&command, &holds);
        now.then(|| state.environment.clone())
    });
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
    let confirm = confirm
        .or_else(|| (state.protected && !strays.is_empty()).then(|| state.environment.clone()));
    // On another database than the one that was confirmed nothing goes back without a word.
    let confirm = confirm.or_else(|| (!state.moved.is_empty()).then(|| state.environment.clone()));
    let mut hasher = Sha256::new();
    for part in [&action.to_string(), &target, &whole] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    for (name, value) in &values {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(value.as_bytes());
        hasher.update([0]);
    }
    if actor == Actor::Sql && directory_from.is_some() {
        hasher.update(directory.as_bytes());
        hasher.update([0]);
    }
    for (name, value) in &carried.bound {
        hasher.update(name.as_bytes());
        hasher.update([1]);
        for text in value {
            hasher.update(text.as_bytes());
            hasher.update([0]);
        }
    }
    for item in &expected {
        if let Some(cel) = item.cel.as_ref().filter(|_| item.proposed) {
            hasher.update(cel.as_bytes());
            hasher.update([3]);
        }
    }
    for reached in &reaches {
        hasher.update(reached.place.as_bytes());
        hasher.update([2]);
    }
    let content = super::hex(&hasher.finalize());
    // A confirmation is of what runs.
    let own = match command == whole {
        true => content.clone(),
        false => super::hex(&Sha256::digest(
            [content.as_bytes(), command.as_bytes()].concat(),
        )),
    };
    let proved = match actor {
        Actor::Sql => state.identities.get(&on).map(super::TargetIdentity::key),
        Actor::Shell | Actor::Http | Actor::Nobody => None,
    };
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
        reaches,
        strays,
        elsewhere: subject.elsewhere.cloned(),
        proved,
        content,
        hash,
    };
    Ok((shown, awaited))
}

/// The commands of an action, each on or off.
///
/// # Errors
/// It is none that could run.
pub fn listed_of(state: &RunState, action: ActionId) -> Result<Vec<ListedCommand>, Refusal> {
    Ok(proposed(state, action, &subject(state, action)?))
}

/// The commands of a block, each on or off: as proposed, or as somebody has switched it.
fn proposed(state: &RunState, action: ActionId, subject: &Subject<'_>) -> Vec<ListedCommand> {
    let mut list = listed(subject.actor, subject.code.trim_end(), subject.code_line);
    let known = state.action(action);
    // Who rolls back is not asked about each command: what stands there runs.
    let step = state.step_of(action);
    let in_option = step.is_some_and(|step| state.runbook.phase_of(&step.id).is_none());
    for command in &mut list {
        let switched = known.and_then(|known| known.switched.get(&command.index));
        let on = subject.elsewhere.is_none() && (command.on || in_option);
        command.on = switched.copied().unwrap_or(on);
        if subject.elsewhere.is_some() && !command.natures.contains(&Nature::Elsewhere) {
            command.natures.push(Nature::Elsewhere);
        }
    }
    list
}

/// Whether a name occurs in commands that are off, and in no other.
fn is_off_only(list: &[ListedCommand], spellings: &[String]) -> bool {
    let names = |command: &&ListedCommand| {
        let mut spellings = spellings.iter();
        spellings.any(|spelling| command.text.contains(spelling.as_str()))
    };
    let mut named = list.iter().filter(names).peekable();
    named.peek().is_some() && named.all(|command| !command.on)
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

/// What earlier steps captured, or left in their shell for a request, which has no shell.
fn left_by_earlier_steps(
    state: &RunState,
    actor: Actor,
    start: &ShellStart<'_>,
    name: &str,
) -> Option<Input> {
    if let Some(captured) = state.captured.get(&blank_name(name)) {
        return Some(Input::Value(captured.value.clone()));
    }
    let (value, _) = start.set.get(name).filter(|_| actor == Actor::Http)?;
    let is_text = !value.array && !value.texts.iter().any(|text| text.starts_with('\0'));
    is_text.then(|| Input::Value(value.texts.concat()))
}

/// Every way in which the guide writes a name.
pub fn spellings(state: &RunState, name: &str) -> Vec<String> {
    let book = &state.runbook;
    let mut all: Vec<String> = Vec::new();
    let named = book.variables.iter().chain(&book.carried);
    for variable in named.filter(|variable| variable.name == name) {
        for spelling in &variable.spellings {
            if !all.contains(spelling) {
                all.push(spelling.clone());
            }
        }
    }
    if all.is_empty() {
        all.push(format!("${{{name}}}"));
    }
    all
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

fn fills_itself(state: &RunState, name: &str) -> bool {
    let mut variables = state.runbook.variables.iter();
    variables.any(|known| known.name == name && known.fills_itself)
}

/// Names that every shell step finds in its environment.
pub(super) fn is_provided(state: &RunState, name: &str) -> bool {
    let of_the_target = ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE"].contains(&name);
    let surroundings = state.config.surroundings.as_ref();
    (of_the_target && state.targets.contains_key("main"))
        || surroundings.is_some_and(|found| found.variable(name).is_some())
        || ["GONOGO_RUN", "GONOGO_STEP"].contains(&name)
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

/// A block or a part of one, whichever the action names.
struct Subject<'a> {
    code: &'a str,
    line: usize,
    /// Line of the first line of its code.
    code_line: usize,
    actor: Actor,
    needs: &'a [String],
    carries: &'a [Carried],
    destructive: &'a [String],
    attributes: &'a Attributes,
    annotated: bool,
    elsewhere: Option<&'a Elsewhere>,
}

impl Subject<'_> {
    fn names(&self) -> Vec<&str> {
        let carries = self.carries.iter().map(|carried| carried.name.as_str());
        self.needs
            .iter()
            .map(String::as_str)
            .chain(carries)
            .collect()
    }
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
            carries: &part.carries,
            destructive: &part.destructive,
            attributes: &block.attributes,
            annotated: block.annotated && role != Role::Promote,
            elsewhere: block.elsewhere.as_ref(),
        },
        None => Subject {
            code: &block.code,
            line,
            code_line: block.code_line,
            actor: block.actor,
            needs: &block.needs,
            carries: &block.carries,
            destructive: &block.destructive,
            attributes: &block.attributes,
            annotated: block.annotated && role != Role::Promote,
            elsewhere: block.elsewhere.as_ref(),
        },
    })
}
