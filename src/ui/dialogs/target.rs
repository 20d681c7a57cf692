//! What stands in the way of a target: another database that answers for it, which a person looks at and
//! accepts; or a run that holds it, from which it is taken over. Both ask why.

use super::{Field, Form, Reply};
use crate::run::Command;
use crate::ui::markdown::plain;
use crate::ui::view::Look;

/// A target that is not the confirmed database: both are shown, and going on asks
/// why, and for the environment's name where that is protected. `None` where all are what they were.
pub fn accept_target(look: &Look<'_>) -> Option<Form> {
    let run = look.run();
    let (target, moved) = run.moved.iter().next()?;
    let title = format!("`{target}` is not the confirmed database");
    let mut told = Vec::new();
    if let Some(known) = run.identities.get(target) {
        told.push(format!("confirmed: {}", known.describe()));
    }
    told.push(format!("answers now: {}", moved.to.describe()));
    told.extend(moved.what.iter().map(|what| format!("differs: {what}")));
    let word = run.identity_word();
    let mut fields = vec![Field::required("why it may continue")];
    if let Some(word) = &word {
        fields.push(Field::required(&format!("type `{word}`")));
    }
    let (target, seen) = (target.clone(), moved.to.mark());
    let form = Form::new(&title, fields, move |texts| {
        let reason = texts.first().cloned().unwrap_or_default();
        let typed = texts.get(1).cloned();
        if let Some(word) = &word
            && typed.as_ref() != Some(word)
        {
            return Reply::say(
                format!("type `{word}` exactly"),
                "then the run continues with what answers now; Esc leaves the run halted",
            );
        }
        Reply::Do(vec![Command::AcceptTarget {
            target: target.clone(),
            seen: seen.clone(),
            typed,
            reason,
        }])
    });
    Some(form.about(told))
}

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
