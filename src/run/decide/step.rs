//! Ticks, choices and skips: what a person does to a step besides running it.

use super::{given, one};
use crate::run::{Act, ActionId, Event, Mode, Refusal, RunState};
use crate::runbook::{Elsewhere, Step};

pub(super) fn find_step<'a>(state: &'a RunState, id: &str) -> Result<&'a Step, Refusal> {
    state.runbook.step(id).ok_or_else(|| {
        Refusal::new(
            format!("the guide has no step `{id}`"),
            "see `gonogo check` for its steps",
        )
    })
}

pub(super) fn tick(
    state: &RunState,
    step: &str,
    index: usize,
    value: Option<&str>,
    note: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    let own = find_step(state, step)?;
    let tick = own.ticks.get(index).ok_or_else(|| {
        Refusal::new(
            format!("step `{step}` has no item {}", index + 1),
            "choose one of its items",
        )
    })?;
    if let (Some(asked), None) = (&tick.value, given(value)) {
        return Err(Refusal::new(
            format!("this item asks for a value: {asked}"),
            "write the value you saw",
        ));
    }
    if let (Some(words), None) = (state.asked_later(own, index), given(note)) {
        return Err(Refusal::new(
            format!("this is asked when its window is over: {words}"),
            "come back then, or tick it with what you saw",
        ));
    }
    if state.runbook.is_of_rollback(step) {
        state.in_turn(own, Act::ByHand(index))?;
    }
    one(Event::Ticked {
        step: step.to_owned(),
        index,
        value: given(value).map(str::to_owned),
        note: given(note).map(str::to_owned),
        judgement: None,
    })
}

pub(super) fn choose(state: &RunState, group: &str, name: &str) -> Result<Vec<Event>, Refusal> {
    let known = state
        .runbook
        .all_steps()
        .flat_map(|step| crate::run::choices_of(&state.runbook, step))
        .any(|choice| choice.group == group && choice.name == name);
    let mut leads_away = state
        .runbook
        .blocks
        .iter()
        .flat_map(|block| &block.elsewhere);
    let is_place = leads_away
        .any(|there| there.group() == group && (name == Elsewhere::HERE || name == there.place));
    if !known && !is_place {
        return Err(Refusal::new(
            format!("there is no alternative `{name}` in `{group}`"),
            "choose one of those the guide offers",
        ));
    }
    let of_the_rollback = state.going_back().is_some_and(|option| {
        let steps = option.steps.iter();
        steps
            .flat_map(|step| crate::run::choices_of(&state.runbook, step))
            .any(|choice| choice.group == group)
    });
    if of_the_rollback && state.mode == Mode::RollingBack && state.choices.contains_key(group) {
        return Err(Refusal::new(
            "the rollback has begun with another choice",
            "its commands cannot be changed; let it end",
        ));
    }
    one(Event::ChoiceMade {
        group: group.to_owned(),
        name: name.to_owned(),
    })
}

/// Changes a condition that was read from words. One that the author wrote stays as it is.
pub(super) fn expect(
    state: &RunState,
    action: ActionId,
    line: usize,
    cel: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    super::rollback::stays_as_shown(state, action)?;
    let items = state.expectations_of(action);
    let item = items
        .iter()
        .find(|item| item.line == line && item.output.is_none());
    let Some(item) = item.filter(|item| item.proposed || item.cel.is_none()) else {
        return Err(Refusal::new(
            format!("line {line} has no condition that can be changed"),
            "change a condition of the guide in the guide",
        ));
    };
    if state.action(action).is_some_and(|known| known.is_running()) {
        return Err(Refusal::new(
            "it is running",
            "its conditions stay as shown",
        ));
    }
    let cel = cel.map(str::trim).filter(|cel| !cel.is_empty());
    if let Some(cel) = cel {
        crate::run::check_condition(cel, &state.runbook, None)
            .map_err(|error| Refusal::new(error.message, error.help))?;
    }
    if item.cel.as_deref() == cel {
        return Ok(Vec::new());
    }
    one(Event::ExpectationChanged {
        action,
        line,
        cel: cel.map(str::to_owned),
    })
}

pub(super) fn skip(
    state: &RunState,
    step: &str,
    reason: &str,
    part: Option<ActionId>,
) -> Result<Vec<Event>, Refusal> {
    let step = find_step(state, step)?;
    if given(Some(reason)).is_none() {
        return Err(Refusal::new(
            "skipping a step needs a reason",
            "say why, for the report",
        ));
    }
    if let Some(part) = part {
        if !state.actions_of(step).contains(&part) || !state.is_optional(part) {
            return Err(Refusal::new(
                "the guide does not call that part optional",
                "run it, or skip the whole step",
            ));
        }
        if state.action(part).and_then(|own| own.last()).is_some() {
            return Err(Refusal::new(
                "that part has been run",
                "what ran cannot be skipped",
            ));
        }
    }
    if state.actions_of(step).iter().any(|action| {
        let running = state.action(*action).is_some_and(|own| own.is_running());
        running && !state.is_watch(*action)
    }) {
        return Err(Refusal::new("it is running", "cancel it first"));
    }
    one(Event::StepSkipped {
        step: step.id.clone(),
        reason: reason.trim().to_owned(),
        action: part,
    })
}

pub(super) fn untick(state: &RunState, step: &str, index: usize) -> Result<Vec<Event>, Refusal> {
    find_step(state, step)?;
    let known = state.steps.get(step);
    if !known.is_some_and(|step| step.ticks.contains_key(&index)) {
        return Err(Refusal::new("that item is not ticked", "nothing to undo"));
    }
    one(Event::Unticked {
        step: step.to_owned(),
        index,
    })
}

pub(super) fn unskip(
    state: &RunState,
    step: &str,
    action: Option<ActionId>,
) -> Result<Vec<Event>, Refusal> {
    let skipped = state.steps.get(step).is_some_and(|step| match action {
        Some(action) => step.left_out.contains_key(&action),
        None => step.skipped.is_some(),
    });
    if !skipped {
        return Err(Refusal::new("that step is not skipped", "nothing to undo"));
    }
    one(Event::StepUnskipped {
        step: step.to_owned(),
        action,
    })
}
