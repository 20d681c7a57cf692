//! Taking a target over from the run that holds it: its session there is ended, so the person says why
//! and types the name of that run.

use super::{Field, Form, Reply};
use crate::run::Command;
use crate::ui::markdown::plain;
use crate::ui::view::Look;

/// `None` where no other run holds a target of this one.
pub fn take_target(look: &Look<'_>) -> Option<Form> {
    let (target, holder) = look.run().held_elsewhere()?;
    let (target, other) = (target.to_owned(), holder.run.clone());
    let title = format!("take `{target}` over from {}", plain(&holder.describe()));
    let fields = vec![
        Field::required("why"),
        Field::required(&format!("type `{other}`")),
    ];
    Some(Form::new(&title, fields, move |texts| {
        let [reason, typed] = texts else {
            return Reply::Close;
        };
        if *typed != other {
            return Reply::say(
                format!("`{typed}` is not `{other}`"),
                "that run starts nothing more once it is taken; Esc leaves it alone",
            );
        }
        Reply::Do(vec![Command::TakeTarget {
            target: target.clone(),
            typed: typed.clone(),
            reason: reason.clone(),
        }])
    }))
}
