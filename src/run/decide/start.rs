//! May this action start? Every reason why not stands here, with what to do instead.

use super::{given, identity, lock, same, same_files, typed_word};
use crate::run::{
    Act, ActionId, DirectoryNow, Event, Facts, Guard, Mode, Outcome, Preview, Refusal, RunState,
    Scope, TimedWait, Timestamp, Verdict, guards, is_armed, judge, preview_from,
};
use crate::runbook::Phase;

/// What is to start, as it was confirmed.
pub(super) struct Asked<'a> {
    pub(super) action: ActionId,
    /// The command from which an action that stopped goes on.
    pub(super) from: Option<usize>,
    pub(super) hash: &'a str,
    pub(super) typed: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
    /// The digest of its files, as they were shown.
    pub(super) included: Option<&'a str>,
}

pub(super) fn start(
    state: &RunState,
    facts: &Facts,
    asked: Asked<'_>,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let Asked {
        action,
        from,
        hash,
        typed,
        reason,
        included,
    } = asked;
    let shown = preview_from(state, action, from)?;
    let step = state.step_of(action);
    let phase = step.and_then(|step| state.runbook.phase_of(&step.id));
    let in_option = step.is_some_and(|step| state.runbook.is_of_rollback(&step.id));
    if !in_option {
        identity::settled(state)?;
    }
    mode_allows(state, action, in_option)?;
    if let Some(phase) = phase {
        phase_is_open(state, phase, action, given(reason), now)?;
    }
    // A rollback that is stuck waits for nobody, but for what is done by hand before it.
    match step.filter(|_| in_option) {
        Some(step) => state.in_turn(step, Act::Command(action))?,
        None => {
            lock::known(facts)?;
            lock::free(state)?;
        }
    }
    if state.is_watch(action) && state.is_walked() {
        return Err(Refusal::new(
            "every gate is passed: nothing would end this watch",
            "watch it in a terminal of your own",
        ));
    }
    same(&shown.hash, hash)?;
    if let Some(words) = shown.belongs_elsewhere() {
        return Err(Refusal::new(words, Preview::WHAT_TO_DO_ELSEWHERE));
    }
    if shown.commands.is_empty() && !shown.listed.is_empty() {
        return Err(Refusal::new(
            "all of its commands are off",
            "switch on what should run: Space in front of it",
        ));
    }
    if let Some(shown) = included {
        same_files(facts, action, shown, "read it again, then confirm")?;
    }
    if !is_armed(state, &shown) {
        return Err(Refusal::new(
            "this was only inferred to be a command",
            "read it and arm it first",
        ));
    }
    if let (Some(stray), None, false) = (shown.strays.first(), given(reason), in_option) {
        return Err(Refusal::new(
            stray.clone(),
            "correct it, run it in that environment, or give a reason to run it here",
        ));
    }
    if !in_option {
        guards::allow(&facts.guards, given(reason))?;
    }
    typed_word(shown.confirm.as_deref(), typed)?;
    if shown.actor == crate::runbook::Actor::Sql && !state.identities.contains_key(&shown.on) {
        return Err(Refusal::new(
            format!("`{}` has not proved its identity", shown.on),
            "wait until it answers; `gonogo doctor` says what is wrong",
        ));
    }
    starts_somewhere(facts, &shown, in_option)?;
    last_attempt_allows(state, action, in_option, given(reason))?;
    state.may_go_on(action, from, given(reason), is_repeatable(state, action))?;
    if !state.is_watch(action)
        && let Some((other, _)) = state.busy().into_iter().next()
    {
        let title = state.step_of(other).map_or("", |step| step.title.as_str());
        return Err(Refusal::new(
            format!("`{title}` is running"),
            "one command at a time: wait, or cancel it",
        ));
    }
    needs_are_there(state, facts, action)?;
    state.stage_is_due(action, now, given(reason))?;
    let mut events: Vec<Event> = identity::accepted_by_word(state).collect();
    events.push(started(state, action, &shown, given(reason), &facts.guards));
    Ok(events)
}

fn mode_allows(state: &RunState, action: ActionId, in_option: bool) -> Result<(), Refusal> {
    let refusal = match (state.mode, in_option) {
        (Mode::Running | Mode::Done, false) => return Ok(()),
        // Only the steps of the rollback that is stuck are tried again; another one is begun as a whole.
        (Mode::Stuck, true) if state.is_of_the_rollback(action) => return Ok(()),
        // What helps a stuck rollback may be no part of it.
        (Mode::Stuck, false) if state.is_beside(action) => return Ok(()),
        (Mode::Held, false) => Refusal::new("the run is held", "resume it first"),
        (Mode::RollingBack, _) => Refusal::new("a rollback is running", "wait until it ends"),
        (Mode::RolledBack | Mode::Failed, _) => Refusal::new(
            "this run is over: start a new one, it cannot be resumed",
            "open a new run of the guide",
        ),
        (_, true) => Refusal::new(
            "this belongs to a rollback",
            "press `R` to see it and start it",
        ),
        (Mode::Stuck, false) => Refusal::new(
            "the rollback is stuck",
            "retry its failed step, skip it with a reason, or choose another rollback",
        ),
    };
    Err(refusal)
}

fn phase_is_open(
    state: &RunState,
    phase: &Phase,
    action: ActionId,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let (wanted, at) = (
        state.phase_index(&phase.id),
        state.phase_index(&state.current_phase),
    );
    if wanted > at {
        let here = state.phase().map_or("", |phase| phase.title.as_str());
        return Err(Refusal::new(
            format!("phase `{}` is not open yet", phase.title),
            format!("pass the gate of `{here}` first"),
        ));
    }
    if reason.is_none()
        && let Some(waiting) = state.waits_for(action, now)
    {
        let help = match waiting {
            TimedWait::Until(_) => "come back then, or give a reason to do it now",
            TimedWait::For(_) => "do that first, or give a reason to do it now",
        };
        return Err(Refusal::new(waiting.words(), help));
    }
    Ok(())
}

fn last_attempt_allows(
    state: &RunState,
    action: ActionId,
    in_option: bool,
    reason: Option<&str>,
) -> Result<(), Refusal> {
    let Some(last) = state.action(action).and_then(|known| known.last()) else {
        return Ok(());
    };
    let refusal = match last.outcome {
        None => Refusal::new("it is running", "wait, or cancel it"),
        // A rollback waits for no answer: its steps are written to be run again.
        Some(Outcome::Unknown) if !in_option => Refusal::new(
            "the outcome of its last attempt is unknown",
            "first say whether it happened",
        ),
        Some(Outcome::Inconclusive) if !in_option => Refusal::new(
            "nobody has judged its answer yet",
            "check its output and judge it first",
        ),
        Some(Outcome::Passed) if reason.is_none() && !is_repeatable(state, action) => {
            Refusal::new("it has already passed", "give a reason to run it again")
        }
        _ => return Ok(()),
    };
    Err(refusal)
}

/// What it builds on is there, and its own condition is not false.
fn needs_are_there(state: &RunState, facts: &Facts, action: ActionId) -> Result<(), Refusal> {
    let attributes = state
        .runbook
        .block(action.block)
        .map(|block| &block.attributes);
    for needed in attributes.iter().flat_map(|attributes| &attributes.needs) {
        let Some(block) = state.runbook.block_by_id(needed) else {
            continue;
        };
        if !state.is_there(block) {
            let what = if block.is_watch() {
                "is not running"
            } else {
                "has not passed"
            };
            return Err(Refusal::new(
                format!("it needs `{needed}`, which {what}"),
                format!("run `{needed}` first"),
            ));
        }
    }
    if let Some(when) = attributes.and_then(|attributes| attributes.when.as_deref()) {
        let judgement = judge("", when, &Scope::of(state, &facts.readings));
        if judgement.verdict == Verdict::Fail {
            return Err(Refusal::new(
                format!("it only runs when `{when}`: {}", judgement.explanation),
                "skip the step with that reason",
            ));
        }
    }
    Ok(())
}

/// The directory that an earlier step left may be gone by now: better said before it starts. A rollback
/// waits for no disk.
fn starts_somewhere(
    facts: &Facts,
    shown: &crate::run::Preview,
    in_option: bool,
) -> Result<(), Refusal> {
    match &facts.directory {
        None | Some(DirectoryNow::There) => Ok(()),
        Some(DirectoryNow::Hangs(_)) if in_option => Ok(()),
        Some(DirectoryNow::Hangs(hang)) => Err(Refusal::new(
            hang.to_string(),
            "fix the disk, then start it again; the rollback waits for none",
        )),
        Some(DirectoryNow::Missing) => {
            let (from, help) = match &shown.directory_from {
                Some(step) => (
                    format!(", where `{step}` left the shell,"),
                    format!("make it, run `{step}` again, or give the block a `cwd=`"),
                ),
                None => (String::new(), "make it, or fix its `cwd`".to_owned()),
            };
            Err(Refusal::new(
                format!("the directory `{}`{from} does not exist", shown.directory),
                help,
            ))
        }
    }
}

fn is_repeatable(state: &RunState, action: ActionId) -> bool {
    state
        .runbook
        .block(action.block)
        .is_some_and(|block| block.attributes.may_repeat())
}

pub(in crate::run) fn started(
    state: &RunState,
    action: ActionId,
    shown: &crate::run::Preview,
    reason: Option<&str>,
    guards: &[Guard],
) -> Event {
    let attempts = state
        .action(action)
        .map_or(0, |action| action.attempts.len());
    Event::ActionStarted {
        action,
        attempt: u32::try_from(attempts).unwrap_or(u32::MAX - 1) + 1,
        command: shown.command.clone(),
        target: shown.target.clone(),
        hash: shown.hash.clone(),
        commands: shown.commands.iter().map(Into::into).collect(),
        from: shown.from,
        reason: reason.map(str::to_owned),
        guards: guards.to_vec(),
    }
}
