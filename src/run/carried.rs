//! What an action uses of that which earlier steps left: shown before it runs and bound to its
//! confirmation; and what to say where a step that should have left something did not.

use super::{ActionId, HandedOn, Outcome, Refusal, RunState, ShellStart, StepStatus};
use crate::runbook::{Actor, Carried, blank_name};

/// Characters of a value that are shown.
const SHOWN: usize = 200;

/// A value of an earlier step that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) name: String,
    /// The blocks that would set it.
    pub(super) from: Vec<usize>,
    /// The title of the last of their steps.
    pub(super) step: String,
    pub(super) refusal: Refusal,
}

impl Missing {
    pub(super) fn awaited(&self) -> HandedOn {
        HandedOn {
            name: self.name.clone(),
            value: String::new(),
            from: self.step.clone(),
        }
    }
}

/// What an action is handed on.
#[derive(Default)]
pub(super) struct Carries {
    pub(super) shown: Vec<HandedOn>,
    /// What its confirmation is bound to: names and whole values.
    pub(super) bound: Vec<(String, Vec<String>)>,
}

/// The values of earlier steps that an action names, and those that its commands inherit.
pub(super) fn handed_on(
    state: &RunState,
    action: ActionId,
    actor: Actor,
    code: &str,
    start: &ShellStart<'_>,
    names: &[&str],
) -> Carries {
    let mut carries = Carries::default();
    // A rollback must not ask for another look because something else has changed meanwhile.
    let in_rollback = state
        .step_of(action)
        .is_some_and(|step| state.runbook.is_of_rollback(&step.id));
    if actor == Actor::Shell {
        for (name, (value, from)) in &start.set {
            let named = mentions(code, name);
            if named || value.exported {
                carries.shown.push(HandedOn {
                    name: (*name).to_owned(),
                    value: shortened(value.to_string()),
                    from: title(state, *from),
                });
            }
            if named || (value.exported && !in_rollback) {
                carries
                    .bound
                    .push(((*name).to_owned(), value.texts.clone()));
            }
        }
    }
    for name in names {
        if let Some(captured) = state.captured.get(&blank_name(name))
            && !(actor == Actor::Shell && start.set.contains_key(name))
        {
            let value = crate::text::scrub::scrub_line(&captured.value, false).into_owned();
            carries.shown.push(HandedOn {
                name: (*name).to_owned(),
                value: shortened(value),
                from: title(state, captured.action),
            });
        }
    }
    carries
}

fn shortened(value: String) -> String {
    if value.chars().count() <= SHOWN {
        return value;
    }
    let head: String = value.chars().take(SHOWN).collect();
    format!("{head}… ({} bytes)", value.len())
}

/// Whether `$NAME` or `${NAME…` stands in the code.
fn mentions(code: &str, name: &str) -> bool {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = &code[..at];
        let ends = !code[at + name.len()..].starts_with(is_word);
        let opened = before
            .strip_suffix(['#', '!'])
            .unwrap_or(before)
            .ends_with("${");
        ends && (before.ends_with('$') || opened)
    })
}

/// The title of the step that holds an action.
pub(super) fn title(state: &RunState, action: ActionId) -> String {
    state
        .step_of(action)
        .map_or_else(|| format!("block {action}"), |step| step.title.clone())
}

/// What is missing, which step would have set it, and the way out.
pub(super) fn missing(
    state: &RunState,
    start: &ShellStart<'_>,
    line: usize,
    carried: &Carried,
) -> Missing {
    let name = &carried.name;
    // The setter nearest to what was done: one that has run, else the last.
    let has_run = |number: &&usize| {
        let of_block = state.actions.iter().filter(|(id, _)| id.block == **number);
        of_block
            .filter_map(|(_, action)| action.last())
            .any(|attempt| attempt.outcome.is_some())
    };
    let setter = carried
        .from
        .iter()
        .rev()
        .find(has_run)
        .or(carried.from.last())
        .copied()
        .unwrap_or_default();
    let step = title(state, ActionId::block(setter));
    let status = state
        .step_of(ActionId::block(setter))
        .map(|step| state.step_status(step));
    let last = state
        .actions
        .iter()
        .filter(|(id, _)| id.block == setter)
        .filter_map(|(_, action)| action.last())
        .next_back();
    let verb = if carried.captured { "captured" } else { "set" };
    let withheld = start.withheld.get(name.as_str());
    let (why, secret) = match (withheld, last.map(|attempt| attempt.outcome), status) {
        (Some((why, from)), ..) => (
            format!("`{}` set it, but {why}", title(state, *from)),
            *why == super::Withheld::Secret,
        ),
        (None, Some(None), _) => (format!("it is {verb} by `{step}`, which is running"), false),
        (None, Some(Some(Outcome::Passed)), _) => {
            (format!("`{step}` has passed and did not leave it"), false)
        }
        (None, None, Some(StepStatus::Skipped)) => (
            format!("it is {verb} by `{step}`, which was skipped"),
            false,
        ),
        (None, None, _) => (
            format!("it is {verb} by `{step}`, which has not run"),
            false,
        ),
        (None, Some(Some(_)), _) => (
            format!("it is {verb} by `{step}`, which has not passed"),
            false,
        ),
    };
    let help = if secret {
        format!(
            "name the source of `{name}` under `secrets` in `gonogo.toml`, or set it in this block"
        )
    } else {
        format!("run that step, or give the value under inputs (`i`) or with `--var {name}=VALUE`")
    };
    Missing {
        name: name.clone(),
        from: carried.from.clone(),
        step,
        refusal: Refusal::new(format!("line {line}: `{name}` is missing: {why}"), help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_mentioned_where_the_shell_expands_it() {
        for code in ["echo $A", "echo \"${A:-x}\"", "echo ${#A}", "x=$A/b"] {
            assert!(mentions(code, "A"), "{code}");
        }
        for code in ["echo A", "echo $AB", "echo ${BA}", "A=1"] {
            assert!(!mentions(code, "A"), "{code}");
        }
    }
}
