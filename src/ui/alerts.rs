//! Red flags that are open, and what a person says of them.

use super::dialogs::{Field, Form, Reply};
use super::view::Look;
use crate::run::{Alert, Command};

/// The alert that is shown, and asked about first: the oldest that is open.
pub fn alert_at_hand<'a>(look: &Look<'a>) -> Option<&'a Alert> {
    look.run().open_alerts().next()
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
