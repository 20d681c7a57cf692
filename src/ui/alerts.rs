//! Red flags that are open, and what a person says of them.

use super::dialogs::{Field, Form, Reply};
use super::format::{duration, seconds_between};
use super::intent::Intent;
use super::keys::key;
use super::markdown::plain;
use super::view::Look;
use crate::run::{Alert, Command};

/// The alert that is asked about first: the gravest that is open, then the oldest.
pub fn alert_at_hand<'a>(look: &Look<'a>) -> Option<&'a Alert> {
    let run = look.run();
    let first = run.flags().into_iter().find_map(|flag| flag.alert);
    run.open_alerts().find(|alert| Some(alert.id) == first)
}

/// The row of the gravest red flag, with how grave it is, its clock and the key that helps.
pub fn row(look: &Look<'_>) -> Option<String> {
    let (run, now) = (look.run(), look.model.now);
    let flags = run.flags();
    let flag = flags.first()?;
    let count = match flags.len() {
        1 => String::new(),
        many => format!(" (1 of {many})"),
    };
    let clock = flag.due().map(|due| match due <= now {
        true if flag.since == due => format!("for {}", duration(seconds_between(flag.since, now))),
        true => format!("OVERDUE for {}", duration(seconds_between(due, now))),
        false => format!("{} left", duration(seconds_between(now, due))),
    });
    let rolls_back = flag.rolls_back() && !run.runbook.rollback.is_empty();
    let rolls_back =
        rolls_back.then(|| format!("{} shows the rollback", key(look, Intent::AskRollBack)));
    let settles = match flag.alert {
        Some(_) => format!("{} acknowledges", key(look, Intent::AskAcknowledge)),
        None => format!("{} shows it", key(look, Intent::AskGate)),
    };
    let grade = flag
        .graded
        .as_ref()
        .map(|graded| graded.severity.label.clone());
    let grade = grade.filter(|label| !label.is_empty());
    let what: Vec<String> = [grade, clock, rolls_back, Some(settles)]
        .into_iter()
        .flatten()
        .collect();
    // What to do stands first; the line that was seen may be of any length.
    let says = flag.severity_words();
    let says = says.map_or_else(String::new, |says| format!("; {}", plain(&says)));
    let text = match flag.alert {
        Some(_) => flag.text.clone(),
        None => plain(&flag.text),
    };
    Some(format!(
        "RED FLAG{count}, {}: {text}{says}",
        what.join(", ")
    ))
}

/// Asks what the alert at hand means.
pub fn acknowledgement(look: &Look<'_>) -> Option<Form> {
    let run = look.run();
    let alert = alert_at_hand(look)?;
    let id = alert.id;
    let title = format!("red flag: `{}`", alert.pattern);
    let mut about = vec![run.alert_words(alert)];
    if run.is_of_lines(alert) {
        about.push(format!(
            "Once acknowledged, more lines with `{}` in this watch are counted and raise no alarm, until the phase ends.",
            alert.pattern
        ));
    }
    let form = Form::new(
        &title,
        vec![Field::required("what it means")],
        move |texts| {
            Reply::Done(vec![Command::Acknowledge {
                alert: id,
                note: texts.concat(),
            }])
        },
    );
    Some(form.about(about))
}
