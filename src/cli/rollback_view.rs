//! A rollback as the prompt shows it: what would run and with which files, what of it is done, and
//! what would run a second time.

use std::collections::BTreeMap;

use super::print::say;
use crate::api::Seat;
use crate::run::{
    Act, ActStanding, ActionId, ActionState, FoundState, Included, PlannedAct, RollbackPlan,
    RunState, World, action_title, digest_of,
};
use crate::supervisor::clock::now_of;
use crate::supervisor::read_alone;

/// What each command includes and calls, or why it cannot be shown.
pub(super) type Files = BTreeMap<ActionId, Result<Vec<Included>, String>>;

/// Reads the files of these commands: as the supervisor sees them, where there is one.
pub(super) async fn files_of(
    seat: Option<&Seat>,
    state: &RunState,
    actions: impl IntoIterator<Item = ActionId>,
) -> Files {
    let Some(seat) = seat else {
        let files = read_alone(state, actions).await.into_iter();
        return files.map(|(action, files)| (action, Ok(files))).collect();
    };
    let mut files = Files::new();
    for action in actions {
        let read = seat.included(action).await;
        files.insert(action, read.map_err(|error| error.to_string()));
    }
    files
}

/// What was shown is what runs; where some of it cannot be shown the rollback does not wait for it.
pub(super) fn digests(files: &Files) -> Option<BTreeMap<ActionId, String>> {
    let mut digests = BTreeMap::new();
    for (action, files) in files {
        let files = files.as_ref().ok()?;
        if !files.is_empty() {
            digests.insert(*action, digest_of(files));
        }
    }
    Some(digests)
}

pub(super) fn show_files(files: &Result<Vec<Included>, String>) {
    let files = match files {
        Ok(files) => files,
        Err(why) => {
            say!("      what it includes cannot be shown: {why}");
            return;
        }
    };
    for file in files {
        let word = if file.called { "calls" } else { "includes" };
        match &file.error {
            Some(error) => say!("      {word} {}: {error}", file.path),
            None => {
                say!("      {word} {} ({} lines):", file.path, file.lines);
                file.text.lines().for_each(|line| say!("        {line}"));
            }
        }
    }
}

/// All that a rollback would do, in its order.
pub(super) fn show(plan: &RollbackPlan, state: &RunState, files: &Files, world: &World) {
    say!("rollback: {}", plan.title);
    if let Some(why) = plan.out_of_reach(&world.lost, now_of(state)) {
        say!("  {why}: it can still begin");
    }
    for warning in &plan.warnings {
        say!("  {warning}");
    }
    for (target, moved) in &state.moved {
        if let Some(known) = state.identities.get(target) {
            say!("    confirmed:        {}", known.describe());
        }
        say!("    it would run on:  {}", moved.to.describe());
    }
    match &plan.takes_back {
        Some(steps) => say!("  undoes: {steps}"),
        None => say!("  the guide does not say what this undoes"),
    }
    if let Some(loses) = &plan.loses {
        say!("  loses: {loses}");
    }
    if let Some(loss) = &plan.loss {
        say!("  {}", loss.words());
    }
    for found in &plan.found {
        let mark = match found.state {
            FoundState::Good => "ok",
            FoundState::Bad => "MISSING",
            FoundState::Unknown => "?",
        };
        say!("  {mark}: {}", found.text);
    }
    let again = state.would_run_again(&plan.option);
    for act in plan.order() {
        match act {
            PlannedAct::ByHand(act) => say!("  [ ] {}", act.text),
            PlannedAct::Command(action) => {
                say!("  {}  [{}]", action.title, action.target);
                if again.iter().any(|(_, known)| *known == action.action) {
                    say!(
                        "      RUNS A SECOND TIME: {}",
                        passed_at(state, action.action)
                    );
                }
                match &action.command {
                    Ok(command) => command.lines().for_each(|line| say!("      {line}")),
                    Err(why) => say!("      cannot run: {why}"),
                }
                files.get(&action.action).into_iter().for_each(show_files);
            }
        }
    }
}

fn passed_at(state: &RunState, action: ActionId) -> String {
    let ended = state.action(action).and_then(ActionState::last);
    match ended.and_then(|attempt| attempt.ended_at) {
        Some(at) => format!("it last ended at {}", at.format("%H:%M:%S UTC")),
        None => "it has run already".to_owned(),
    }
}

/// What of the rollback that was begun last is done, what failed, and what is still to come.
pub(super) fn show_so_far(state: &RunState) {
    let begun = state.rollback.as_ref();
    let Some((begun, option)) =
        begun.and_then(|begun| Some((begun, state.runbook.option(&begun.option)?)))
    else {
        return;
    };
    let at = begun.started_at.format("%H:%M:%S UTC");
    say!("rollback: {}, begun at {at}", option.title);
    for (step, act, standing) in state.rollback_so_far() {
        let title = match act {
            Act::ByHand(index) => step
                .ticks
                .get(index)
                .map_or_else(String::new, |tick| tick.text.clone()),
            Act::Command(action) => action_title(&state.runbook, step, action),
        };
        let (word, why) = match standing {
            ActStanding::Done => ("done", None),
            ActStanding::Skipped => ("skipped", None),
            ActStanding::Running => ("running", None),
            ActStanding::Failed(why) => ("FAILED", Some(why)),
            ActStanding::Open => ("to come", None),
        };
        say!("  {word:<9} {title}");
        if let Some(why) = why {
            say!("            {why}");
        }
    }
}
