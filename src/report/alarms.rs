//! What was wrong with what is watched while the run went on.

use super::page::{Line, Page};
use super::since::Since;
use super::words::time;
use crate::run::RunState;
use crate::text::duration::format_s;

pub(super) fn write(page: &mut Page, state: &RunState, since: Since) {
    let alarms = || {
        let alarms = state.alarms.iter();
        alarms.filter(|alarm| since.shows_until(alarm.ended_at))
    };
    if alarms().next().is_none() {
        return;
    }
    page.heading(2, &Line::new().own("Alarms"));
    for alarm in alarms() {
        let line = Line::new().text(time(alarm.began_at));
        let line = match alarm.ended_at {
            Some(ended) => {
                let lasted = (ended - alarm.began_at).num_seconds();
                let lasted = format_s(u64::try_from(lasted).unwrap_or(0));
                line.own(", for ").text(&lasted)
            }
            None if state.mode.is_over() => line.own(", **open when the run ended**"),
            None => line.own(", **still open**"),
        };
        let line = line.own(": ").text(&alarm.text);
        page.item(&line.with(alarm.seen.as_ref(), |line, seen| {
            line.own("; seen ")
                .text(time(seen.at))
                .own(" by ")
                .text(&seen.by)
                .own(": ")
                .text(&seen.note)
        }));
    }
}
