//! The next action within a step, or of a command in it.

use super::{NextAction, loud, next, of_busy};
use crate::run::{ActionId, Mode, Outcome, RunState, TimedWait, action_title, preview};
use crate::runbook::Step;
use crate::ui::format::{fit, plural};
use crate::ui::held::held as held_transaction;
use crate::ui::intent::Intent;
use crate::ui::keymap::{Context, key_of};
use crate::ui::keys::{key, walk_key};
use crate::ui::markdown::plain;
use crate::ui::step_input::{asking, question};
use crate::ui::theme::Role;
use crate::ui::view::Look;
use crate::ui::walk::{Item, attempt_outcome, is_done, items, may_wait};

pub(super) fn in_step(look: &Look<'_>, run: &RunState, step: &Step) -> NextAction {
    if let Some(busy) = of_busy(look) {
        return busy;
    }
    let key = |intent| key(look, intent);
    let enter = walk_key(look);
    let elsewhere = if look
        .view
        .step
        .as_ref()
        .is_some_and(|shown| *shown != step.id)
    {
        format!("{} goes to `{}`: ", key(Intent::AtHand), step.title)
    } else {
        String::new()
    };
    let items = items(run, step);
    let open = items
        .iter()
        .find(|item| !is_done(run, step, item) && !may_wait(run, step, item));
    if let Some((_, _, tick)) = run.by_hand_now() {
        let text = plain(&tick.text);
        return next(format!(
            "{elsewhere}by hand: {text}; {} when done, {} with what you saw",
            key(Intent::Tick),
            key(Intent::TickWithNote)
        ));
    }
    match open {
        Some(Item::Tick(_)) => {
            let left = items
                .iter()
                .filter(|item| {
                    matches!(item, Item::Tick(_))
                        && !is_done(run, step, item)
                        && !may_wait(run, step, item)
                })
                .count();
            next(format!(
                "{elsewhere}{} to check ({})",
                plural(left, "item", "items"),
                key(Intent::Tick)
            ))
        }
        Some(Item::Choice(_)) => next(format!(
            "{elsewhere}{enter} shows the alternatives to choose from"
        )),
        Some(Item::Action(action)) => of_command(look, step, *action, &elsewhere),
        None if run.mode == Mode::RollingBack => {
            next("rolling back: the next step starts by itself")
        }
        None => next(format!("{elsewhere}read `{}`", step.title)),
    }
}

/// What a command of a step asks for.
fn of_command(look: &Look<'_>, step: &Step, action: ActionId, elsewhere: &str) -> NextAction {
    let run = look.run();
    let key = |intent| key(look, intent);
    let enter = walk_key(look);
    let title = action_title(&run.runbook, step, action);
    match attempt_outcome(run, step, action) {
        Some(Outcome::Watched) => loud(
            format!(
                "{elsewhere}the watch `{}` has ended by itself: {enter} starts it again, {} skips",
                fit(&title, 40),
                key(Intent::AskSkip)
            ),
            Role::Failed,
        ),
        Some(Outcome::Inconclusive) => loud(
            format!(
                "{elsewhere}`{}` finished; say whether that is good: {enter}",
                fit(&title, 40)
            ),
            Role::Unknown,
        ),
        Some(Outcome::Unknown) => loud(
            format!("unknown whether `{title}` happened: find out, then {enter} to say so"),
            Role::Unknown,
        ),
        Some(ended @ (Outcome::Failed | Outcome::Cancelled)) => loud(
            format!(
                "{elsewhere}`{}` {}: {enter} {}, {} skips, {} is the rollback",
                fit(&title, 40),
                if ended == Outcome::Failed {
                    "failed"
                } else {
                    "was cancelled"
                },
                match run.resume(action) {
                    Some(resume) => format!("goes on at line {}", resume.again_line),
                    None => "to retry".to_owned(),
                },
                key(Intent::AskSkip),
                key(Intent::AskRollBack)
            ),
            Role::Failed,
        ),
        _ if let Some(waiting) = run.waits_for(action, look.model.now) => {
            let may_leave = match waiting {
                TimedWait::Until(_) => "; you may leave",
                TimedWait::For(_) => "",
            };
            next(format!(
                "{elsewhere}`{}`: {}{may_leave}",
                fit(&title, 40),
                waiting.words()
            ))
        }
        _ => match preview(run, action) {
            Ok(_) if run.is_optional(action) => next(format!(
                "{elsewhere}optional: {enter} shows what would run, {} skips it: `{title}`",
                key(Intent::AskSkip)
            )),
            Ok(_) => next(format!(
                "{elsewhere}{enter} shows what would run: `{title}`"
            )),
            Err(refusal) => loud(
                format!("{}; {}", refusal.message, refusal.help),
                Role::Warning,
            ),
        },
    }
}

/// Something that runs waits for a person in its middle: that comes before everything else.
pub(super) fn waits_for_person(look: &Look<'_>) -> Option<NextAction> {
    let key = |intent| key(look, intent);
    if let Some(held) = held_transaction(look.model) {
        let role = match held.blocked.is_empty() {
            true => Role::Warning,
            false => Role::Failed,
        };
        return Some(NextAction {
            text: format!(
                "HELD before COMMIT, {}, {}: {} decides, {} rolls back",
                held.open(),
                held.blocks(),
                key(Intent::AskHeld),
                key(Intent::RollBackHeld)
            ),
            role,
        });
    }
    let asking = asking(look.model)?;
    let question = question(asking);
    let text = match look.view.typing {
        Some(_) => format!(
            "the step {question}; {} takes the keyboard back",
            key_of(Context::Keyboard, Intent::TakeKeyboardBack)
        ),
        None => format!(
            "the step {question}: {} gives it your keyboard, {} cancels",
            key(Intent::GiveKeyboard),
            key(Intent::AskCancel)
        ),
    };
    Some(NextAction {
        text,
        role: Role::Warning,
    })
}

/// A watch is offered; nobody has to take it.
pub(super) fn offer(look: &Look<'_>, watch: ActionId, is_last: bool) -> String {
    let run = look.run();
    let key = |intent| key(look, intent);
    let step = run.step_of(watch);
    let title = step
        .map(|step| action_title(&run.runbook, step, watch))
        .unwrap_or_default();
    let shown = look.view.step.as_deref();
    let elsewhere = match (shown, step) {
        (Some(shown), Some(step)) if shown != step.id => {
            format!("{} goes to `{}`: ", key(Intent::AtHand), step.title)
        }
        _ => String::new(),
    };
    let instead = if is_last {
        format!("; {} is the gate", key(Intent::AskGate))
    } else {
        String::new()
    };
    format!(
        "{elsewhere}{} shows what would run: `{title}`, a watch beside the steps{instead}",
        walk_key(look)
    )
}
