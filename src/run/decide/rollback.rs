//! May this rollback begin? It waits for nothing but its confirmation.

use std::collections::BTreeMap;

use super::{given, same, typed_word};
use crate::run::facts::Differs;
use crate::run::{ActionId, Event, Facts, Mode, Refusal, RunState, rollback_plans};

pub(super) fn rollback(
    state: &RunState,
    facts: &Facts,
    option: &str,
    hash: &str,
    typed: Option<&str>,
    reason: Option<&str>,
    included: Option<&BTreeMap<ActionId, String>>,
) -> Result<Vec<Event>, Refusal> {
    if state.mode == Mode::RollingBack {
        return Err(Refusal::new(
            "a rollback is already running",
            "wait until it ends; it shows its progress",
        ));
    }
    let plan = rollback_plans(state)
        .into_iter()
        .find(|plan| plan.option == option)
        .ok_or_else(|| {
            Refusal::new(
                format!("the guide has no rollback `{option}`"),
                "choose one of those it offers",
            )
        })?;
    same(&plan.hash, hash)?;
    if !plan.can_begin {
        return Err(Refusal::new(
            plan.reasons.first().cloned().unwrap_or_default(),
            "fix that, or choose another rollback",
        ));
    }
    for (action, shown) in included.into_iter().flatten() {
        let is_digest = shown.len() == 64
            && shown
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_digest || !plan.actions.iter().any(|own| own.action == *action) {
            return Err(Refusal::new(
                "what was shown of its files does not belong to this rollback",
                "read it again (`R`), then confirm",
            ));
        }
        // What does not answer holds nobody up here: its command is not started before it was seen.
        if facts.differ(*action, Some(shown)) == Some(Differs::Changed) {
            return Err(changed());
        }
    }
    if let Some(shown) = included
        && facts.files.iter().any(|(action, now)| {
            let is_new = now.digest.is_some() && now.hangs.is_none() && !shown.contains_key(action);
            is_new && state.is_of_option(option, *action)
        })
    {
        return Err(changed());
    }
    typed_word(plan.confirm.as_deref(), typed)?;
    let mut events: Vec<Event> = super::identity::accepted_by_word(state).collect();
    events.push(Event::RollbackStarted {
        option: option.to_owned(),
        reason: given(reason).map(str::to_owned),
        hash: hash.to_owned(),
        included: included.cloned(),
    });
    // Watches go on: who goes back wants to see the logs, and may need the tunnel.
    for (action, attempt) in state.busy() {
        events.push(Event::CancelRequested { action, attempt });
    }
    Ok(events)
}

/// What a rollback runs by itself is what was shown when it began: only the command at which it is stuck is
/// looked at and confirmed once more.
pub(super) fn stays_as_shown(state: &RunState, action: ActionId) -> Result<(), Refusal> {
    let goes_back = matches!(state.mode, Mode::RollingBack | Mode::Stuck);
    let is_stuck_here = || state.stuck_at().is_some_and(|(_, stuck)| stuck == action);
    if !goes_back || !state.is_of_the_rollback(action) || is_stuck_here() {
        return Ok(());
    }
    Err(Refusal::new(
        "the rollback has begun: what it runs is what was shown",
        match state.mode {
            Mode::Stuck => "change the command that failed, or restart the rollback",
            _ => "let it end",
        },
    ))
}

/// While a rollback goes on, the values of its commands are those that were shown.
pub(super) fn keeps_its_values(state: &RunState, events: &[Event]) -> Result<(), Refusal> {
    let Some(option) = state.going_back() else {
        return Ok(());
    };
    let blocks = option.steps.iter().flat_map(|step| &step.blocks);
    let needed: Vec<&str> = blocks
        .filter_map(|number| state.runbook.block(*number))
        .flat_map(|block| block.needs.iter().map(String::as_str))
        .collect();
    let changes = |event: &Event| match event {
        Event::InputSet { name, .. }
        | Event::InputCleared { name }
        | Event::InputChangeUndone { name } => {
            state.inputs.contains_key(name) && needed.contains(&name.as_str())
        }
        _ => false,
    };
    if state.mode == Mode::RollingBack && events.iter().any(changes) {
        return Err(Refusal::new(
            "the rollback has begun with another value",
            "its commands cannot be changed; let it end",
        ));
    }
    Ok(())
}

fn changed() -> Refusal {
    Refusal::new(
        "a file that the rollback includes or calls has changed since you looked",
        "read it again (`R`), then confirm",
    )
}
