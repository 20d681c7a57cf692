//! How far a long command is, in words: the share of its phase, its rate, and the time that is left at that
//! rate.

use super::format::{count, duration};
use super::model::Model;
use crate::executor::application_name;
use crate::monitor::{Progress, Session};
use crate::run::ActionId;

/// `63% building index: loading tuples in tree`.
pub fn short(progress: &Progress) -> String {
    match progress.share() {
        Some(share) => format!("{:.0}% {}", share * 100.0, progress.phase),
        None if progress.done == 0 => progress.phase.clone(),
        None => {
            let done = count(progress.done);
            format!("{}: {done} {}", progress.phase, progress.unit)
        }
    }
}

/// [`short`], with the rate and what is left.
pub fn words(progress: &Progress, target: &str, pid: i32, model: &Model) -> String {
    let mut words = short(progress);
    if let Some(rate) = model.paces.rate(target, pid) {
        words += &format!(", {} {}/s", count(rate.round() as i64), progress.unit);
        let left = (progress.total - progress.done) as f64 / rate;
        if progress.total > progress.done && left.is_finite() {
            words += &format!(", {} left of this phase", duration(left.ceil() as u64));
        }
    }
    words
}

/// What the server says of the step that runs, in words.
pub fn of_action(action: ActionId, model: &Model) -> Option<String> {
    let step = model.run.step_of(action)?;
    let name = application_name(&model.run.run, &step.id);
    model.activity.iter().find_map(|(target, activity)| {
        let mut sessions = activity.sample.sessions.iter();
        let session: &Session =
            sessions.find(|session| session.application == name && session.progress.is_some())?;
        let progress = session.progress.as_ref()?;
        Some(words(progress, target, session.pid, model))
    })
}
