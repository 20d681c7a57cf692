//! May this rollback begin? It waits for nothing but its confirmation.

use std::collections::BTreeMap;

use super::{given, same, typed_word};
use crate::run::apply::is_of_option;
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
            "a rollback is going on already",
            "wait for its end; it says where it stands",
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
        // What does not answer holds nobody up here: its command is not started before it was seen.
        if facts.differ(*action, Some(shown)) == Some(Differs::Changed) {
            return Err(changed());
        }
    }
    if let Some(shown) = included
        && facts.files.iter().any(|(action, now)| {
            let is_new = now.digest.is_some() && now.hangs.is_none() && !shown.contains_key(action);
            is_new && is_of_option(state, option, *action)
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

fn changed() -> Refusal {
    Refusal::new(
        "a file that the rollback includes or calls has changed since you looked",
        "look at it again (`R`), then confirm",
    )
}
