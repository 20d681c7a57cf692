//! What an unattended walk says of each event.

use crate::cli::print::say;
use crate::report;
use crate::run::{Event, Outcome, RunState};

/// Progress, a line an event that matters.
pub(super) fn say(state: &RunState, event: &Event) {
    match event {
        Event::PhaseEntered { phase } => {
            let title = state
                .runbook
                .phase(phase)
                .map_or("", |phase| phase.title.as_str());
            say!("\n{title}");
        }
        Event::ActionStarted { guards, .. } => {
            for guard in guards {
                say!("  {}", guard.words());
            }
        }
        Event::ActionFinished {
            action,
            outcome,
            evidence,
            reason,
            ..
        } => {
            let title = state.title_of(*action);
            let word = report::outcome_word(*outcome);
            let why = match (outcome, reason) {
                (Outcome::Passed, _) | (_, None) => String::new(),
                (_, Some(reason)) => format!(": {reason}"),
            };
            say!(
                "  {word:<9} {title} ({:.1} s){why}",
                evidence.elapsed_ms as f64 / 1e3
            );
        }
        Event::TransactionEnded { commit, reason, .. } => {
            let word = if *commit {
                "COMMIT is sent"
            } else {
                "rolled back"
            };
            let why = reason.as_deref().unwrap_or("by a person");
            say!("  held      before its COMMIT, then {word}: {why}");
        }
        Event::Captured { name, value, .. } => say!("  captured  {name} = {value}"),
        Event::AlertRaised {
            pattern,
            text,
            count,
            ..
        } => say!("  RED FLAG  `{pattern}` ({count}): {text}"),
        Event::StepSkipped { step, reason, .. } => say!("  skipped   {step}: {reason}"),
        Event::GateDecided {
            decision, reason, ..
        } => {
            let why = reason
                .as_ref()
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default();
            say!("  gate      {}{why}", report::decision_word(*decision));
        }
        Event::Ticked {
            step, index, note, ..
        } if state.runbook.is_of_rollback(step) => {
            let text = state
                .runbook
                .step(step)
                .and_then(|step| step.ticks.get(*index));
            let text = text.map_or("", |tick| tick.text.as_str());
            let note = note.as_ref().map(|note| format!(": {note}"));
            say!("  ticked    {text}{}", note.unwrap_or_default());
        }
        Event::RollbackStarted { option, .. } => {
            let title = state
                .runbook
                .option(option)
                .map_or("", |option| option.title.as_str());
            say!("\nrollback: {title}");
        }
        _ => {}
    }
}
