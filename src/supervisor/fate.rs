//! What can be found out about an unknown action: its sessions and its transaction on the server, and
//! what the checks of its step say now. Asked from a task of its own: the database may be slow.

use std::sync::Arc;

use crate::executor::application_name;
use crate::monitor::Monitor;
use crate::run::{
    ActionId, CheckNow, Evidence, Fate, Readings, RunState, Scope, action_title, judge, preview,
};
use crate::runbook::Actor;

/// Asks what there is to ask about an action.
pub(super) async fn find_out(
    state: Arc<RunState>,
    readings: Readings,
    monitor: Arc<Monitor>,
    action: ActionId,
) -> Fate {
    let mut fate = Fate::default();
    let (Some(step), Some(block)) = (state.step_of(action), state.runbook.block(action.block))
    else {
        return fate;
    };
    let on = block.attributes.target();
    if state.targets.contains_key(on) {
        let name = application_name(&state.run, &step.id);
        let transaction = state
            .action(action)
            .and_then(|action| action.last())
            .and_then(|attempt| attempt.transaction);
        match monitor.remains(on, &name, transaction).await {
            Ok(remains) => {
                fate.sessions = Some(Ok(remains.sessions));
                fate.transaction = transaction.map(|_| {
                    remains
                        .transaction
                        .ok_or_else(|| "it is too old for the server to know".to_owned())
                });
            }
            Err(trouble) => fate.sessions = Some(Err(trouble.message)),
        }
    }
    for block in step
        .blocks
        .iter()
        .filter_map(|number| state.runbook.block(*number))
        .filter(|block| block.attributes.has_class("check") && block.actor == Actor::Sql)
    {
        let Some(condition) = &block.attributes.expect else {
            continue;
        };
        let check = ActionId::block(block.n);
        let judgement = match preview(&state, check) {
            Ok(shown) if shown.secrets.is_empty() && shown.values.is_empty() => {
                match monitor.loss(&shown.on, &shown.command).await {
                    Ok(value) if value == "none" => Err("it gives no value now".to_owned()),
                    Ok(value) => {
                        let scope = Scope::of(&state, &readings).with_evidence(&single(&value));
                        Ok(judge("", condition, &scope))
                    }
                    Err(trouble) => Err(trouble.message),
                }
            }
            Ok(_) => Err("it needs values: run it from the step".to_owned()),
            Err(refusal) => Err(refusal.message),
        };
        fate.checks.push(CheckNow {
            title: action_title(&state.runbook, step, check),
            line: block.line,
            judgement,
        });
    }
    fate
}

/// The evidence of a query that gave one value.
fn single(value: &str) -> Evidence {
    let value = match value.parse::<i64>() {
        Ok(number) => serde_json::json!(number),
        Err(_) => serde_json::json!(value),
    };
    Evidence {
        exit: Some(0),
        rows: vec![std::iter::once(("value".to_owned(), value.clone())).collect()],
        value: Some(value),
        tag: Some("SELECT 1".to_owned()),
        ..Evidence::default()
    }
}
