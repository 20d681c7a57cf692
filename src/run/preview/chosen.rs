//! Which of its commands are on: as the guide proposes, as people chose.

use super::subject::{Subject, subject};
use super::{holds, is_decided_at_its_hold, is_first};
use crate::run::commands::{commands_of, holds_of, judge_by, script_of};
use crate::run::{ActionId, CommandText, HoldPoint, Refusal, RunState};
use crate::runbook::{
    Actor, Expectation, ListedCommand, Nature, destroyed_by, dropped_database, listed,
};

/// What of it runs: the commands that are on, from the one of an index on.
pub(super) struct Chosen {
    pub(super) command: String,
    pub(super) commands: Vec<CommandText>,
    pub(super) holds: Vec<HoldPoint>,
    pub(super) destructive: Vec<String>,
}

pub(super) fn chosen(
    subject: &Subject<'_>,
    whole: &str,
    list: &mut Vec<ListedCommand>,
    expected: &[&Expectation],
    from: Option<usize>,
) -> Result<Chosen, Refusal> {
    let holds = holds(subject, whole);
    let mut commands =
        commands_of(subject.actor, whole, subject.code_line, &holds).map_err(|line| {
            Refusal::new(
                format!("line {line}: its transaction cannot be held before this `COMMIT`"),
                "write each statement on a line of its own, or say `txn=one` on the fence",
            )
        })?;
    let conditions = expected.iter().filter_map(|item| item.cel.as_deref());
    let conditions: Vec<&str> = conditions
        .chain(subject.attributes.expect.as_deref())
        .collect();
    judge_by(&mut commands, &conditions);
    if from.is_some_and(|from| from >= commands.len()) {
        return Err(Refusal::new(
            "it has no such command",
            "check what would run",
        ));
    }
    let all = commands.len();
    if list.len() != all && list.iter().any(|command| !command.on) {
        return Err(Refusal::new(
            format!(
                "line {}: with its values filled in it has {all} commands, and not {}",
                subject.line,
                list.len()
            ),
            "switch all of them on, and check again",
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
    let is_whole = commands.len() == all;
    let (command, holds) = match is_whole {
        true => (whole.to_owned(), holds),
        false => (script_of(&commands), holds_of(&commands)),
    };
    let destructive = match is_whole {
        true => subject.destructive.to_vec(),
        false => destroyed_by(&command, subject.actor),
    };
    Ok(Chosen {
        command,
        commands,
        holds,
        destructive,
    })
}

/// The word that is typed before it runs, where it is grave.
pub(super) fn word_of(
    state: &RunState,
    action: ActionId,
    command: &str,
    actor: Actor,
    destructive: &[String],
    holds: &[HoldPoint],
) -> Option<String> {
    let word = || state.environment.clone();
    if state.protected && (!destructive.is_empty() || is_first(state)) {
        return Some(word());
    }
    let drops = destructive
        .iter()
        .any(|what| what == "dropdb" || what == "DROP DATABASE");
    let dropped = drops.then(|| dropped_database(command, actor)).flatten();
    dropped.or_else(|| {
        let now = state.destroys_data(action) && !is_decided_at_its_hold(command, holds)
            || state.begins_no_return(action);
        now.then(word)
    })
}

/// The commands of an action, each on or off.
///
/// # Errors
/// It is none that could run.
pub fn listed_of(state: &RunState, action: ActionId) -> Result<Vec<ListedCommand>, Refusal> {
    Ok(proposed(state, action, &subject(state, action)?))
}

/// The commands of a block, each on or off: as proposed, or as somebody has switched it.
pub(super) fn proposed(
    state: &RunState,
    action: ActionId,
    subject: &Subject<'_>,
) -> Vec<ListedCommand> {
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
