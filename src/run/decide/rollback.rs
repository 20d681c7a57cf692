//! May this rollback begin? It waits for nothing but its confirmation.

use std::collections::BTreeMap;

use super::{given, same, typed_word};
use crate::run::{ActionId, Event, Mode, Refusal, RunState, rollback_plans};

pub(super) fn rollback(
    state: &RunState,
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
    typed_word(plan.confirm.as_deref(), typed)?;
    let mut events = vec![Event::RollbackStarted {
        option: option.to_owned(),
        reason: given(reason).map(str::to_owned),
        hash: hash.to_owned(),
        included: included.cloned(),
    }];
    // Watches go on: who goes back wants to see the logs, and may need the tunnel.
    for (action, attempt) in state.busy() {
        events.push(Event::CancelRequested { action, attempt });
    }
    Ok(events)
}
