//! A criterion that a person has measured: by a query or a command of theirs that repeats, or by a probe.
//! What repeats without anybody must only look.

use super::gate::find_phase;
use super::written;
use crate::run::condition::identifier;
use crate::run::{Command, ConditionNames, Event, Facts, Refusal, RunState, names};
use crate::runbook::SHORTEST_INTERVAL_S;

/// As seldom as one may be asked: a month.
const LONGEST_S: u64 = 31 * 86_400;

pub(super) fn bind(
    state: &RunState,
    facts: &Facts,
    command: &Command,
) -> Result<Vec<Event>, Refusal> {
    let Command::Bind {
        phase,
        line,
        code,
        actor,
        on,
        cel,
        every_s,
    } = command
    else {
        return Ok(Vec::new());
    };
    written::is_open(state, facts)?;
    let phase = find_phase(state, phase)?;
    let item = phase.criteria.iter().find(|item| item.line == *line);
    let item = item.filter(|item| {
        item.output.is_none() && !state.is_of_promotion(item) && (item.cel.is_none() || item.bound)
    });
    let Some(item) = item else {
        return Err(Refusal::new(
            "that is no criterion that can be measured in another way",
            "choose one that a person judges",
        ));
    };
    if state.is_phase_passed(&phase.id) {
        return Err(Refusal::new(
            format!("the gate of `{}` is passed", phase.title),
            "choose a criterion of an open gate",
        ));
    }
    let cel = cel.trim();
    let probes: Vec<String> = state.config.probes.keys().cloned().collect();
    ConditionNames::of(&state.runbook, Some(&probes))
        .check(cel)
        .map_err(|error| Refusal::new(error.message, error.help))?;
    // What measured it until now ends.
    let before = item.block.filter(|_| item.bound);
    let mut events = state.end_watches(|own| Some(own.block) == before);
    let bound = |block| Event::CriterionBound {
        phase: phase.id.clone(),
        line: *line,
        cel: cel.to_owned(),
        block,
    };
    let code = code
        .as_deref()
        .map(str::trim)
        .filter(|code| !code.is_empty());
    let Some(code) = code else {
        if !probes.iter().any(|probe| names(cel, &identifier(probe))) {
            return Err(Refusal::new(
                "without a query or a command, the condition must name a probe",
                match probes.first() {
                    Some(probe) => format!("for example `{probe}.latency < 500ms`"),
                    None => "this environment has none: give a query or a command".to_owned(),
                },
            ));
        }
        events.push(bound(None));
        return Ok(events);
    };
    if !(SHORTEST_INTERVAL_S..=LONGEST_S).contains(every_s) {
        return Err(Refusal::new(
            format!("every {every_s} s is not an interval for this"),
            format!("from {SHORTEST_INTERVAL_S} s to a month"),
        ));
    }
    let mut written = written::new(state, code, *actor, on.as_deref())?;
    written::may_repeat(code, *actor, &written)?;
    let attributes = &mut written.block.attributes;
    attributes.every_s = Some(*every_s);
    attributes.classes.push("check".to_owned());
    written.block.long_running = true;
    let block = state.runbook.blocks.len() + 1;
    events.extend([Event::CommandWritten { written }, bound(Some(block))]);
    Ok(events)
}
