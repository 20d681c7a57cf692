//! Where a run stands, in the lines that somebody needs who takes the controls of it.

use super::{
    ActionId, Mode, Outcome, RollbackPlan, RunState, StepStatus, Timestamp, Verdict, schedule,
};

/// One line of a hand-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryLine {
    /// One or two words: `running`, `rollback`.
    pub label: &'static str,
    pub text: String,
    /// It wants attention before anything else.
    pub grave: bool,
}

fn line(label: &'static str, text: impl Into<String>) -> SummaryLine {
    SummaryLine {
        label,
        text: text.into(),
        grave: false,
    }
}

fn grave(label: &'static str, text: impl Into<String>) -> SummaryLine {
    SummaryLine {
        grave: true,
        ..line(label, text)
    }
}

/// The state of a run for whoever takes it over: phase and step, what runs, what is unknown, red flags,
/// the rollback, the window, and what was written since the controls changed hands last.
pub fn summary(state: &RunState, plans: &[RollbackPlan], now: Timestamp) -> Vec<SummaryLine> {
    let mut lines = vec![standing(state)];
    lines.extend(step(state));
    lines.extend(attempts(state, now));
    lines.extend(flags(state));
    lines.extend(alerts(state));
    lines.extend(
        state
            .moved_words()
            .into_iter()
            .map(|words| grave("target", words)),
    );
    if let Some((target, holder)) = state.held_elsewhere() {
        let text = format!("`{target}` is held by {}", holder.describe());
        lines.push(grave("target", text));
    }
    if let Some(waiting) = &state.pairing.waiting {
        let what = state.subject_title(&waiting.request.subject);
        let text = format!("`{what}`, asked by {}", waiting.by);
        lines.push(grave("second person", text));
    }
    lines.push(match plans.first() {
        Some(plan) if plan.ready => {
            let takes = plan.estimate_s.map_or(String::new(), |seconds| {
                format!(", about {} min", seconds.div_ceil(60))
            });
            line("rollback", format!("ready: {}{takes}", plan.title))
        }
        Some(plan) => {
            let why = plan.reasons.first().map_or("", String::as_str);
            grave("rollback", format!("NOT READY: {why}"))
        }
        None => grave("rollback", "the guide names none"),
    });
    if let Some(loss) = plans.first().and_then(|plan| plan.loss.as_ref()) {
        lines.push(line("loss", loss.words()));
    }
    if let Some(rehearsal) = &state.provenance.rehearsal {
        let text = rehearsal.describe();
        lines.push(match rehearsal.warning() {
            Some(_) => grave("rehearsal", text),
            None => line("rehearsal", text),
        });
    }
    lines.extend(window(state, plans, now));
    lines.extend(notes(state));
    lines
}

fn standing(state: &RunState) -> SummaryLine {
    let title = state
        .phase()
        .map_or("the beginning", |phase| phase.title.as_str());
    match state.mode {
        Mode::Running => line("phase", title),
        Mode::Held => grave("phase", format!("{title}: HELD")),
        Mode::RollingBack => grave("phase", format!("ROLLING BACK from {title}")),
        Mode::Stuck => grave("phase", format!("STUCK on the rollback from {title}")),
        Mode::Done => line("phase", format!("{title}: done")),
        Mode::Failed => line("phase", format!("{title}: abandoned")),
        Mode::RolledBack => line("phase", format!("{title}: rolled back")),
    }
}

/// The first step of the phase at hand that is not settled.
fn step(state: &RunState) -> Option<SummaryLine> {
    let phase = state.phase()?;
    let open = phase.steps.iter().find(|step| !state.is_step_settled(step));
    Some(match open {
        Some(step) => {
            let word = match state.step_status(step) {
                StepStatus::Pending => "to be done",
                StepStatus::Running => "running",
                StepStatus::Failed => "FAILED",
                StepStatus::Cancelled => "cancelled",
                StepStatus::Unknown => "UNKNOWN",
                StepStatus::Stuck => "STUCK",
                StepStatus::Passed | StepStatus::Skipped | StepStatus::Undone => "settled",
            };
            let at = phase.steps.iter().position(|other| other.id == step.id);
            let of = phase.steps.len();
            let number = at.map_or(0, |at| at + 1);
            line("step", format!("{} ({number} of {of}): {word}", step.title))
        }
        None if state.is_phase_passed(&phase.id) => line("step", "the gate is passed"),
        None => line("step", "all settled; the gate is open"),
    })
}

fn title(state: &RunState, action: ActionId) -> String {
    state.title_of(action)
}

/// What runs, and what nobody knows the end of.
fn attempts(state: &RunState, now: Timestamp) -> Vec<SummaryLine> {
    let mut lines = Vec::new();
    for (action, own) in &state.actions {
        let Some(attempt) = own.last() else { continue };
        match attempt.outcome {
            None => {
                let seconds = (now - attempt.started_at).num_seconds().max(0);
                let asked = match attempt.cancel_requested_at {
                    Some(_) => ", being cancelled",
                    None => "",
                };
                let text = format!(
                    "`{}` for {} min {} s{asked}",
                    title(state, *action),
                    seconds / 60,
                    seconds % 60
                );
                lines.push(line("running", text));
            }
            Some(Outcome::Inconclusive) => {
                let why = attempt.reason.as_deref().unwrap_or_default();
                let text = format!(
                    "somebody must say whether `{}` is good: {why}",
                    title(state, *action)
                );
                lines.push(grave("asks", text));
            }
            Some(Outcome::Unknown) => {
                let text = format!("outcome unknown: `{}`", title(state, *action));
                lines.push(grave("unknown", text));
            }
            Some(_) => {}
        }
    }
    if state.running().is_empty() {
        lines.insert(0, line("running", "nothing"));
    }
    lines
}

/// Red flags that are up in the phase at hand.
fn flags(state: &RunState) -> Vec<SummaryLine> {
    let Some(phase) = state.phase() else {
        return Vec::new();
    };
    state
        .gate_items(phase)
        .into_iter()
        .filter(|item| item.red_flag)
        .filter(|item| {
            matches!(
                state.gate_verdict(phase, item),
                Some(Verdict::Fail | Verdict::Inconclusive)
            )
        })
        .map(|item| grave("red flag", item.text.clone()))
        .collect()
}

/// What watches have seen and nobody has answered.
fn alerts(state: &RunState) -> Vec<SummaryLine> {
    state
        .alerts
        .iter()
        .filter(|alert| alert.acknowledged.is_none())
        .map(|alert| {
            let text = format!(
                "`{}` saw {} ({} times): {}",
                title(state, alert.action),
                alert.pattern,
                alert.count,
                alert.text
            );
            grave("red flag", text)
        })
        .collect()
}

fn window(state: &RunState, plans: &[RollbackPlan], now: Timestamp) -> Option<SummaryLine> {
    let schedule = schedule(state, plans, now);
    let ends = schedule.window_ends?;
    let clock = |at: Timestamp| at.format("%H:%M UTC").to_string();
    Some(match schedule.turn_back {
        _ if ends <= now => grave("window", format!("OVER since {}", clock(ends))),
        Some(by) if by <= now => grave(
            "window",
            format!("ends {}: the rollback NO LONGER FITS", clock(ends)),
        ),
        Some(by) => line(
            "window",
            format!("ends {}, start the rollback by {}", clock(ends), clock(by)),
        ),
        None => line("window", format!("ends {}", clock(ends))),
    })
}

/// What was written since the controls changed hands last, the newest three.
fn notes(state: &RunState) -> Vec<SummaryLine> {
    use super::PairingFact::{ControlAccepted, ControlDemanded};
    let since = state
        .pairing
        .log
        .iter()
        .rev()
        .find(|logged| matches!(logged.fact, ControlAccepted { .. } | ControlDemanded { .. }))
        .map_or(state.opened_at, |logged| logged.at);
    let newer: Vec<_> = state.notes.iter().filter(|note| note.at >= since).collect();
    let from = newer.len().saturating_sub(3);
    let mut lines: Vec<SummaryLine> = newer[from..]
        .iter()
        .map(|note| {
            let text = format!("{} {}: {}", note.at.format("%H:%M"), note.by, note.text);
            line("note", text)
        })
        .collect();
    if from > 0 {
        lines.insert(
            0,
            line("note", format!("{from} older ones stand in the timeline")),
        );
    }
    lines
}
