//! The next action in words: what the operator would do now, by the guide's order and by what waits.

mod step;

use super::format::{duration, minute, minute_or_date, plural, seconds_between};
use super::intent::Intent;
use super::keymap::{Context, key_of};
use super::keys::{key, walk_key};
use super::markdown::plain;
use super::people::concerns;
use super::progress::of_action;
use super::theme::Role;
use super::view::Look;
use super::walk::step_at_hand;
use crate::run::{GateDecision, Mode, OpenKind, Proof, RunState};
use crate::runbook::Phase;
use step::{in_step, offer, waits_for_person};

/// The next act in words, and how loud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextAction {
    pub text: String,
    pub role: Role,
}

fn next(text: impl Into<String>) -> NextAction {
    NextAction {
        text: text.into(),
        role: Role::Next,
    }
}

fn loud(text: impl Into<String>, role: Role) -> NextAction {
    NextAction {
        text: text.into(),
        role,
    }
}

/// What the operator would do next; who watches is told that it is not theirs to do.
pub fn next_action(look: &Look<'_>) -> NextAction {
    if let Some(concern) = concerns(look) {
        return loud(concern, Role::Warning);
    }
    let mut act = act_of_driver(look);
    if !look.model.drives() {
        let key = key(look, Intent::AskControl);
        act.text = format!("you are watching ({key} asks for control); {}", act.text);
    }
    act
}

fn act_of_driver(look: &Look<'_>) -> NextAction {
    let first: [fn(&Look<'_>) -> Option<NextAction>; 5] =
        [waits_for_person, halted, held, over, in_the_way];
    if let Some(act) = first.iter().find_map(|act| act(look)) {
        return act;
    }
    let run = look.run();
    let Some(step) = step_at_hand(run) else {
        return next("the guide holds no steps: see `gonogo check`");
    };
    of_phase(look).unwrap_or_else(|| in_step(look, run, step))
}

/// What lets nothing start.
fn halted(look: &Look<'_>) -> Option<NextAction> {
    let run = look.run();
    let key = |intent| key(look, intent);
    if run.untrusted.is_some() && !run.mode.is_over() {
        return Some(loud(
            format!(
                "nothing starts before you trust its configuration: {} shows it",
                key(Intent::AskTrust)
            ),
            Role::Warning,
        ));
    }
    if let (Some(words), Mode::Held | Mode::Running | Mode::Done) =
        (run.moved_words().into_iter().next(), run.mode)
    {
        return Some(loud(
            format!(
                "HALTED: {words}; {} shows both, {} is the rollback",
                key(Intent::AskTarget),
                key(Intent::AskRollBack)
            ),
            Role::Failed,
        ));
    }
    None
}

/// The run is held, or its rollback is stuck.
fn held(look: &Look<'_>) -> Option<NextAction> {
    let run = look.run();
    let key = |intent| key(look, intent);
    match run.mode {
        Mode::Held => {
            let held = run
                .phases
                .get(&run.current_phase)
                .and_then(|phase| phase.gate.as_ref())
                .filter(|gate| gate.decision != GateDecision::Go);
            let why = match held {
                _ if run.held_elsewhere().is_some() => {
                    "because another run took over its target".to_owned()
                }
                Some(gate) => format!("by {} at {}", gate.by, minute(gate.at)),
                None => "since its supervisor was revived".to_owned(),
            };
            Some(loud(
                format!(
                    "HELD {why}: nothing starts; {} resumes, {} is the rollback",
                    key(Intent::Resume),
                    key(Intent::AskRollBack)
                ),
                Role::Warning,
            ))
        }
        Mode::Stuck => {
            let why = run
                .rollback
                .as_ref()
                .and_then(|rollback| rollback.stuck_reason.as_deref())
                .unwrap_or("a step of the rollback failed");
            Some(loud(
                format!(
                    "STUCK: {} retries, {} skips, {} other rollbacks: {why}",
                    walk_key(look),
                    key(Intent::AskSkip),
                    key(Intent::AskRollBack)
                ),
                Role::Failed,
            ))
        }
        _ => None,
    }
}

/// The run is over, or walked to its end.
fn over(look: &Look<'_>) -> Option<NextAction> {
    let run = look.run();
    let key = |intent| key(look, intent);
    match run.mode {
        Mode::RolledBack => Some(rolled_back(look)),
        Mode::Failed => Some(next(format!(
            "abandoned: this run is over; {} still rolls back, {} leaves",
            key(Intent::AskRollBack),
            key(Intent::AskQuit)
        ))),
        Mode::Done if run.is_phase_passed(&run.current_phase) => Some(next(format!(
            "done: every gate is passed; `gonogo report {}` shows it all, {} leaves",
            run.run,
            key(Intent::AskQuit)
        ))),
        Mode::Running if run.is_walked() => Some(not_done(run)),
        _ => None,
    }
}

fn rolled_back(look: &Look<'_>) -> NextAction {
    let run = look.run();
    let key = |intent| key(look, intent);
    let by = run
        .rolled_back_by()
        .map(|option| format!(" by `{}`", plain(&option.title)));
    let by = by.unwrap_or_default();
    match run.rollback_proof() {
        Some(Proof::Open(open)) => loud(
            format!(
                "rolled back{by}, not verified: {} to judge, {} shows them",
                plural(open.len(), "condition", "conditions"),
                key(Intent::AskGate)
            ),
            Role::Warning,
        ),
        Some(proof @ Proof::Failed(_)) => loud(
            format!("rolled back{by}, {}", plain(&proof.words())),
            Role::Failed,
        ),
        proof => next(format!(
            "rolled back{by}, {}; `gonogo report {}` shows it all, {} leaves",
            proof.map_or_else(String::new, |proof| proof.words()),
            run.run,
            key(Intent::AskQuit)
        )),
    }
}

/// Another run has the target, or a red flag says to roll back.
fn in_the_way(look: &Look<'_>) -> Option<NextAction> {
    let run = look.run();
    let key = |intent| key(look, intent);
    if let Some((target, holder)) = run.held_elsewhere()
        && run.mode != Mode::RollingBack
    {
        return Some(loud(
            format!(
                "nothing starts here: {} takes `{target}` over from {}",
                key(Intent::AskTarget),
                holder.describe()
            ),
            Role::Failed,
        ));
    }
    if run.mode != Mode::RollingBack
        && let Some(flag) = run.flags().first().filter(|flag| flag.rolls_back())
        && !run.runbook.rollback.is_empty()
    {
        return Some(loud(
            format!(
                "{} shows the rollback: {}",
                key(Intent::AskRollBack),
                plain(&flag.severity_words().unwrap_or_default())
            ),
            Role::Failed,
        ));
    }
    None
}

/// What its phase waits for or offers, before any step.
fn of_phase(look: &Look<'_>) -> Option<NextAction> {
    let run = look.run();
    let key = |intent| key(look, intent);
    let phase = run.phase().filter(|_| run.mode != Mode::RollingBack)?;
    if let Some(due) = waits_until(run, phase, look) {
        return Some(next(due));
    }
    let settled = phase.steps.iter().all(|step| run.is_step_settled(step));
    if let (Some(watch), true) = (run.offered_watch(), run.busy().is_empty()) {
        return Some(next(offer(look, watch, settled)));
    }
    let due = run.questions_due(look.model.now);
    if let Some(first) = due.first() {
        return Some(loud(
            format!(
                "{} due, {} takes them: {}",
                plural(due.len(), "value is", "values are"),
                key(Intent::AskGate),
                plain(&first.text)
            ),
            Role::Warning,
        ));
    }
    if let Some(pause) = run.pause(look.model.now).filter(|pause| pause.soaks) {
        return Some(next(format!(
            "`{}` goes on until {} UTC; {} shows what is open, you may leave",
            plain(&pause.what),
            minute_or_date(pause.until, look.model.now),
            key(Intent::AskGate)
        )));
    }
    if settled {
        let objections = run.gate_objections(phase).len();
        let what = match objections {
            0 => "all criteria are met".to_owned(),
            open => format!("{} open", plural(open, "point", "points")),
        };
        return Some(next(format!(
            "gate of `{}`: {what}; press {}",
            phase.title,
            key(Intent::AskGate)
        )));
    }
    None
}

fn waits_until(run: &RunState, phase: &Phase, look: &Look<'_>) -> Option<String> {
    let due = run.due(phase)?;
    let deployed = match run.deployed_at {
        Some(_) => "deployed; ",
        None => "",
    };
    (due > look.model.now).then(|| {
        format!(
            "{deployed}`{}` waits until {} UTC; you may leave",
            phase.title,
            minute_or_date(due, look.model.now)
        )
    })
}

/// Every gate is passed, and something has turned up since.
fn not_done(run: &RunState) -> NextAction {
    let key = |intent| key_of(Context::Main, intent);
    let open = run.open_points();
    let Some(first) = open.first() else {
        return next("every gate is passed; the run is finishing");
    };
    let how = match first.kind {
        OpenKind::RedFlag => format!("{} acknowledges it", key(Intent::AskAcknowledge)),
        OpenKind::Criterion => format!("{} judges it", key(Intent::AskGate)),
        OpenKind::Phase | OpenKind::Step => "settle it".to_owned(),
    };
    let what = plural(open.len(), "point", "points");
    loud(
        format!(
            "not done, {what} open: {}; {how}, {} is the rollback",
            plain(&first.text),
            key(Intent::AskRollBack)
        ),
        Role::Warning,
    )
}

/// What runs at the moment.
fn of_busy(look: &Look<'_>) -> Option<NextAction> {
    let run = look.run();
    let key = |intent| key(look, intent);
    let (action, attempt) = run
        .busy()
        .into_iter()
        .find_map(|(action, _)| Some((action, run.action(action)?.last()?)))?;
    let title = run.step_of(action).map_or("", |step| step.title.as_str());
    let for_s = duration(seconds_between(attempt.started_at, look.model.now));
    Some(match attempt.cancel_requested_at {
        Some(_) => loud(format!("cancelling `{title}` after {for_s}"), Role::Warning),
        None if run.mode == Mode::RollingBack => loud(
            format!("rolling back: `{title}` for {for_s}"),
            Role::Running,
        ),
        None => loud(
            format!(
                "`{title}` has been running for {for_s}{}; {} cancels",
                of_action(action, look.model)
                    .map_or_else(String::new, |words| format!(": {words}")),
                key(Intent::AskCancel)
            ),
            Role::Running,
        ),
    })
}
