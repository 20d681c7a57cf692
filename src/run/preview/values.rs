//! The values of an action: where each comes from, and its code with them in it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Subject, proposed};
use crate::run::carried::{Missing, missing};
use crate::run::flag_value::value_of;
use crate::run::{ActionId, Input, Refusal, RunState, ShellStart};
use crate::runbook::{
    Actor, FLAG_NAME, FLAG_VARIABLE, Filling, Fillings, ListedCommand, Nature, Reading, Unfit,
    blank_name, fill, request_with, travels,
};

/// The code of an action with its values in it.
pub(super) struct Filled {
    pub(super) code: String,
    pub(super) values: BTreeMap<String, String>,
    /// Names of secrets that it is given.
    pub(super) secrets: Vec<String>,
    /// Values of earlier steps that are not there.
    pub(super) awaited: Vec<Missing>,
    pub(super) list: Vec<ListedCommand>,
    /// How its flag is read, and what that is set to.
    pub(super) reading: Option<Reading>,
    pub(super) flag_value: Option<String>,
}

pub(super) fn filled(
    state: &RunState,
    action: ActionId,
    subject: &Subject<'_>,
    start: &ShellStart,
) -> Result<Filled, Refusal> {
    let actor = subject.actor;
    let mut fillings = Fillings::new();
    let mut values = BTreeMap::new();
    let mut secrets = Vec::new();
    let mut blanks = Vec::new();
    let mut awaited = Vec::new();
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
        .filter_map(|name| Some((*name, left_by_earlier_steps(state, actor, start, name)?)))
        .collect();
    let mut list = proposed(state, action, subject);
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
                Some(carried) => awaited.push(missing(state, start, subject.line, carried)),
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
        return Err(no_values(state, subject.line, &blanks));
    }
    let flag_value = match value_of(state, action) {
        Ok(value) => value,
        Err(missing) => {
            awaited.push(*missing);
            None
        }
    };
    let text = with_flag(subject, flag_value.as_ref(), &mut fillings, &mut values)?;
    let code = fill(&text, actor, subject.code_line, &fillings).map_err(unfit(subject))?;
    let reading = reading_of(subject, &fillings)?;
    Ok(Filled {
        code,
        values,
        secrets,
        awaited,
        list,
        reading,
        flag_value,
    })
}

fn unfit(subject: &Subject<'_>) -> impl Fn(Unfit) -> Refusal {
    let line = subject.line;
    move |unfit| Refusal::new(format!("line {line}: {}", unfit.why), unfit.help)
}

/// The code, in which the value of its flag travels as any other; into a request it is written.
fn with_flag<'a>(
    subject: &'a Subject<'_>,
    value: Option<&'a String>,
    fillings: &mut Fillings<'a>,
    values: &mut BTreeMap<String, String>,
) -> Result<Cow<'a, str>, Refusal> {
    let code = subject.code.trim_end();
    let Some(value) = value else {
        return Ok(Cow::Borrowed(code));
    };
    let (name, spelling) = match subject.actor {
        Actor::Http => {
            let written = request_with(code, value).map_err(|why| {
                Refusal::new(
                    format!("line {}: {why}", subject.line),
                    "set it with a shell command, which takes any value",
                )
            })?;
            return Ok(Cow::Owned(written));
        }
        Actor::Sql => (FLAG_VARIABLE, format!(":'{FLAG_VARIABLE}'")),
        Actor::Shell | Actor::Nobody => (FLAG_NAME, format!("${{{FLAG_NAME}}}")),
    };
    fillings.insert(name, (Filling::Value(value), vec![spelling]));
    values.insert(name.to_owned(), value.clone());
    Ok(Cow::Borrowed(code))
}

/// How its flag is read, with the values filled in.
fn reading_of(subject: &Subject<'_>, fillings: &Fillings<'_>) -> Result<Option<Reading>, Refusal> {
    let flag = subject.attributes.flag.as_ref();
    let fill_in =
        |text: &str, actor| fill(text, actor, subject.line, fillings).map_err(unfit(subject));
    Ok(match flag.and_then(|flag| flag.reading(subject.actor)) {
        Some(Reading::Query(text)) => Some(Reading::Query(fill_in(&text, Actor::Sql)?)),
        Some(Reading::Command(text)) => Some(Reading::Command(fill_in(&text, Actor::Shell)?)),
        Some(Reading::Request { text, at }) => Some(Reading::Request {
            text: fill_in(&text, Actor::Http)?,
            at,
        }),
        other => other,
    })
}

fn no_values(state: &RunState, line: usize, blanks: &[&String]) -> Refusal {
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
    Refusal::new(
        format!("line {}: no value for {}", line, named.join(", ")),
        match blanks.iter().all(is_secret) {
            _ if blanks.iter().any(|name| remembered.contains_key(*name)) => {
                "confirm what an earlier run left under inputs (`i`, then `a`), or give another"
            }
            true => {
                "say where it comes from under inputs (`i`), or under `secrets` in `gonogo.toml`"
            }
            false => "give it under inputs (`i`), with `--var NAME=VALUE`, or in `gonogo.toml`",
        },
    )
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

fn fills_itself(state: &RunState, name: &str) -> bool {
    let mut variables = state.runbook.variables.iter();
    variables.any(|known| known.name == name && known.fills_itself)
}

/// Names that every shell step finds in its environment.
pub(in crate::run) fn is_provided(state: &RunState, name: &str) -> bool {
    let of_the_target = ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE"].contains(&name);
    let surroundings = state.config.surroundings.as_ref();
    (of_the_target && state.targets.contains_key("main"))
        || surroundings.is_some_and(|found| found.variable(name).is_some())
        || ["GONOGO_RUN", "GONOGO_STEP"].contains(&name)
}
