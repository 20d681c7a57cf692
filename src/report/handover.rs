//! A run for whoever takes it over, short enough to paste into a chat or a ticket.

use super::page::{Line, Page};
use super::words::time;
use super::{minute, sentence};
use crate::run::{RunState, Timestamp, Whom, rollback_plans, summary};

/// Where the run stands now, who has it, what is open, and what is due.
pub fn handover(state: &RunState, now: Timestamp) -> String {
    let mut page = Page::default();
    let title = Line::new().own("Hand-over: ").text(&state.runbook.title);
    page.heading(1, &title);
    let protected = if state.protected { " (protected)" } else { "" };
    let line = Line::new().strong(&state.environment).own(protected);
    page.paragraph(&line.own(": ").text(sentence(state)).own("."));
    for line in summary(state, &rollback_plans(state), now) {
        let item = Line::new().own(line.label).own(": ");
        page.item(&match line.grave {
            true => item.strong(&line.text),
            false => item.text(&line.text),
        });
    }
    page.gap();
    write_people(&mut page, state, now);
    write_open(&mut page, state);
    write_due(&mut page, state, now);
    let run = Line::new().own("As of ").text(time(now)).own(": ");
    page.paragraph(&run.code(format!("gonogo attach {}", state.run)));
    page.finish()
}

fn write_people(page: &mut Page, state: &RunState, now: Timestamp) {
    page.heading(2, &Line::new().own("People"));
    let opened = Line::new().own("driver: ").text(&state.driver);
    let opened = opened.own("; opened by ").text(&state.opened_by);
    page.item(&opened.own(" ").text(time(state.opened_at)));
    if let Some(awaited) = state.awaited(now) {
        let line = Line::new().own("waits for ");
        let line = match &awaited.whom {
            Whom::Driver(driver) => line.text(driver),
            Whom::AnybodyBut(asker) => line.own("anybody but ").text(asker),
        };
        page.item(&line.own(": ").text(&awaited.text));
    }
    for (who, hand) in &state.pairing.hands {
        let line = Line::new().own("hand up since ").text(time(hand.since));
        let line = line.own(": ").text(who);
        page.item(&line.with(hand.about.as_ref(), |line, about| {
            line.own(", ").text(about)
        }));
    }
    page.gap();
}

/// Alarms that have not ended, and what keeps the run from being done.
fn write_open(page: &mut Page, state: &RunState) {
    let alarms: Vec<_> = state
        .alarms
        .iter()
        .filter(|alarm| alarm.ended_at.is_none())
        .collect();
    let points = state.open_points();
    if alarms.is_empty() && points.is_empty() {
        return;
    }
    page.heading(2, &Line::new().own("Open"));
    for alarm in alarms {
        let line = Line::new().own("alarm since ").text(time(alarm.began_at));
        let line = line.own(": ").text(&alarm.text);
        page.item(&line.with(alarm.seen.as_ref(), |line, seen| {
            line.own(" (")
                .text(&seen.by)
                .own(": ")
                .text(&seen.note)
                .own(")")
        }));
    }
    for point in points {
        page.item(&Line::new().text(&point.text));
    }
    page.gap();
}

fn write_due(page: &mut Page, state: &RunState, now: Timestamp) {
    let mut due: Vec<(Timestamp, Line)> = Vec::new();
    for (soak, own) in state.soaking() {
        due.push((
            own.ends_at,
            Line::new().own("window over: ").text(&soak.title),
        ));
    }
    if let Some(pause) = state.pause(now).filter(|pause| !pause.soaks) {
        due.push((pause.until, Line::new().own("due: ").text(&pause.what)));
    }
    if due.is_empty() {
        return;
    }
    due.sort_by_key(|(at, _)| *at);
    page.heading(2, &Line::new().own("Due"));
    for (at, line) in due {
        page.item(&Line::new().text(minute(at)).own(" ").join(line));
    }
    page.gap();
}
