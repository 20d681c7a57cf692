//! The report of a run in Markdown: who did what when, what was seen, what was decided. Everything in
//! it went through scrubbing and redaction before it was journalled.

mod step;

use super::page::{Line, Page};
use super::since::Since;
use super::words::time;
use super::{decision_word, mode_word};
use crate::run::{ActionId, Alert, GuideOnDisk, RunState, Seen, Verdict};
use crate::runbook::{Expectation, Phase, Step};
use step::write_step;

/// Output lines quoted per attempt; the whole of it stays in the spool.
const QUOTED_LINES: usize = 12;

/// The report as Markdown; `intact` says whether the journal's chain was verified.
pub fn markdown(state: &RunState, since: Since, intact: bool, events: u64) -> String {
    page(state, since, intact, events).finish()
}

/// The same as one page of HTML that needs nothing else.
pub fn html(state: &RunState, since: Since, intact: bool, events: u64) -> String {
    let title = format!("Report: {}", state.runbook.title);
    super::html::html(&page(state, since, intact, events), &title)
}

fn page(state: &RunState, since: Since, intact: bool, events: u64) -> Page {
    let mut page = Page::default();
    page.heading(1, &Line::new().own("Report: ").text(&state.runbook.title));
    page.table(&["", ""]);
    write_facts(&mut page, state);
    write_identities(&mut page, state);
    write_standing(&mut page, state, intact, events);
    page.gap();
    super::front::write(&mut page, state, since);
    super::inputs::write(&mut page, state);
    let phases = state.runbook.walk();
    for phase in phases.filter(|phase| since.shows_phase(state, phase)) {
        write_phase(&mut page, state, phase, since);
    }
    write_rollbacks(&mut page, state, since);
    write_beside(&mut page, state, since);
    super::alarms::write(&mut page, state, since);
    let log = || {
        let log = state.pairing.log.iter();
        log.filter(|logged| since.shows(logged.at))
    };
    if log().next().is_some() {
        page.heading(2, &Line::new().own("Who drove, watched and approved"));
        for logged in log() {
            let (word, text) = logged.fact.words();
            page.item(
                &signed(logged.at, &logged.by)
                    .own(": ")
                    .own(word)
                    .own(" ")
                    .text(text),
            );
        }
    }
    let notes = || state.notes.iter().filter(|note| since.shows(note.at));
    if notes().next().is_some() {
        page.heading(2, &Line::new().own("Notes"));
        for note in notes() {
            page.item(&signed(note.at, &note.by).own(": ").text(&note.text));
        }
    }
    page
}

/// A time, and who it was.
fn signed(at: crate::run::Timestamp, by: &str) -> Line {
    Line::new().text(time(at)).own(" ").text(by)
}

fn row(page: &mut Page, name: &'static str, value: Line) {
    page.row(&[Line::new().own(name), value]);
}

/// What the run is about.
fn write_facts(page: &mut Page, state: &RunState) {
    row(page, "run", Line::new().code(&state.run));
    let file = |path: &str, digest: &str| Line::new().code(path).own(", SHA-256 ").code(digest);
    row(
        page,
        "guide",
        file(&state.runbook.file, &state.runbook.digest),
    );
    if let Some(own) = &state.provenance.configuration {
        row(page, "configuration", file(&own.path, &own.digest));
    }
    let environment = Line::new().text(&state.environment);
    let protected = if state.protected { " (protected)" } else { "" };
    row(page, "environment", environment.own(protected));
    if let Some(promotion) = &state.provenance.promoted {
        let changed = promotion.guide_changed.as_ref();
        let from = Line::new().text(promotion.from.describe());
        let from = from.with(changed, |line, reason| {
            line.own("; the guide was another text: ").text(reason)
        });
        row(page, "promoted from", from);
        for difference in &promotion.differences {
            let line = Line::new().text(&difference.what).own(": ");
            let line = line.text(&difference.from).own(" → ");
            row(page, "differs", line.text(&difference.to));
        }
    }
    if let Some(rehearsal) = &state.provenance.rehearsal {
        row(page, "rehearsal", Line::new().text(rehearsal.describe()));
    }
    for (name, target) in &state.targets {
        let title = || Line::new().own("target ").text(name);
        let value = Line::new()
            .code(target)
            .with(state.identities.get(name), |line, identity| {
                line.own("; proved to be ")
                    .code(identity.place())
                    .own(", PostgreSQL ")
                    .text(&identity.server_version)
                    .own(", ")
                    .text(identity.role())
                    .with(identity.system_identifier.as_ref(), |line, id| {
                        line.own(", system ").text(id)
                    })
            });
        page.row(&[title(), value]);
        let told_by = state.config.targets.get(name).map(|target| &target.told_by);
        for words in told_by.into_iter().flatten() {
            page.row(&[title(), Line::new().text(words)]);
        }
    }
}

/// Every identity that a target had, where it had more than one.
fn write_identities(page: &mut Page, state: &RunState) {
    for target in state.targets.keys() {
        let seen = state
            .identities_seen
            .iter()
            .filter(|seen| seen.target == *target);
        let seen: Vec<_> = seen.collect();
        if seen.len() < 2 {
            continue;
        }
        for seen in seen {
            let how = match &seen.how {
                Seen::Proved => Line::new().own("proved"),
                Seen::Changed { what } => {
                    let what = what.join("; ");
                    Line::new().own("**changed** (").text(what).own(")")
                }
                Seen::Accepted { by, reason } => {
                    let line = Line::new().own("accepted by ").text(by);
                    line.own(": ").text(reason)
                }
            };
            let title = Line::new().own("target ").text(target);
            page.row(&[
                title.own(", ").text(time(seen.at)),
                how.own(": ").code(seen.identity.describe()),
            ]);
        }
    }
}

/// Where the run stands.
fn write_standing(page: &mut Page, state: &RunState, intact: bool, events: u64) {
    let opened = Line::new().text(time(state.opened_at));
    row(page, "opened", opened.own(" by ").text(&state.opened_by));
    row(
        page,
        "last event",
        Line::new().text(time(state.last_event_at)),
    );
    if let Some(ends) = state.window_ends {
        row(page, "window ends", Line::new().text(time(ends)));
    }
    let mode = mode_word(state).replace('_', " ");
    row(page, "state", Line::new().text(mode));
    let journal = Line::new().text(events.to_string()).own(" events, ");
    let chain = match intact {
        true => "chain verified",
        false => "**chain broken: the tail was altered or torn**",
    };
    row(page, "journal", journal.own(chain));
    if let Some(seen) = &state.guide_on_disk {
        let what = match &seen.state {
            GuideOnDisk::Same => Line::new().own("again the one of this run"),
            GuideOnDisk::Changed(digest) => Line::new().own("**changed**, SHA-256 ").code(digest),
            GuideOnDisk::Missing => Line::new().own("**gone**"),
            GuideOnDisk::Unreadable(why) => Line::new().own("**cannot be read**: ").text(why),
        };
        row(
            page,
            "guide on disk",
            what.own(" since ").text(time(seen.at)),
        );
    }
}

/// What was done beside the walk: troubleshooting, looks, commands of a reference.
fn write_beside(page: &mut Page, state: &RunState, since: Since) {
    let done = |step: &&Step| {
        let ticked = state
            .steps
            .get(&step.id)
            .is_some_and(|own| !own.ticks.is_empty());
        let ran = |action: &ActionId| {
            state
                .action(*action)
                .is_some_and(|own| !own.attempts.is_empty())
        };
        ticked || state.actions_of(step).iter().any(ran)
    };
    let steps = state.runbook.beside().filter(done);
    let mut steps = steps
        .filter(|step| since.shows_step(state, step))
        .peekable();
    if steps.peek().is_some() {
        page.heading(2, &Line::new().own("Beside the walk"));
    }
    for step in steps {
        write_step(page, state, step);
    }
}

fn write_rollbacks(page: &mut Page, state: &RunState, since: Since) {
    let rollbacks = state.past_rollbacks.iter().chain(&state.rollback);
    for rollback in rollbacks.filter(|rollback| since.shows_until(rollback.ended_at)) {
        let Some(option) = state.runbook.option(&rollback.option) else {
            continue;
        };
        page.heading(2, &Line::new().own("Rollback: ").text(&option.title));
        let began = Line::new().own("Started ").text(time(rollback.started_at));
        let began = began
            .own(" by ")
            .text(&rollback.by)
            .with(rollback.reason.as_ref(), bracketed)
            .own("; ");
        let line = match (rollback.succeeded, rollback.ended_at) {
            (Some(true), Some(ended)) => began.own("succeeded ").text(time(ended)),
            (Some(false), _) => {
                let why = rollback.stuck_reason.as_deref();
                began
                    .own("**stuck**: ")
                    .text(why.unwrap_or("a step failed"))
            }
            _ => began.own("under way"),
        };
        page.paragraph(&line.own("."));
        let is_last = state.rollback.as_ref().is_some_and(|last| last == rollback);
        if rollback.succeeded == Some(true) {
            page.paragraph(&Line::new().text(super::standing::undone(state)));
            if let Some(proof) = state.rollback_proof().filter(|_| is_last) {
                let words = format!("Rolled back, {}.", proof.words());
                page.paragraph(&Line::new().strong(words));
            }
        }
        for step in &option.steps {
            write_step(page, state, step);
        }
        if let Some(gate) = state.rollback_gate().filter(|_| is_last) {
            write_criteria(page, state, &gate, "Must be true after it:");
        }
    }
}

fn bracketed(line: Line, text: &String) -> Line {
    line.own(" (").text(text).own(")")
}

fn write_criteria(page: &mut Page, state: &RunState, phase: &Phase, title: &'static str) {
    let items = state.gate_items(phase);
    if items.is_empty() {
        return;
    }
    page.paragraph(&Line::new().own(title));
    for item in items {
        page.item(&criterion(state, phase, item));
    }
    page.gap();
}

fn write_phase(page: &mut Page, state: &RunState, phase: &Phase, since: Since) {
    let Some(own) = state.phases.get(&phase.id) else {
        return;
    };
    page.heading(2, &Line::new().text(&phase.title));
    if let Some(entered) = own.entered_at {
        page.paragraph(&Line::new().own("Entered ").text(time(entered)).own("."));
    }
    let steps = phase.steps.iter();
    for step in steps.filter(|step| since.shows_step(state, step)) {
        write_step(page, state, step);
    }
    write_criteria(page, state, phase, "Gate:");
    let alerts = state.alerts.iter().filter(|alert| alert.phase == phase.id);
    let alerts: Vec<Line> = alerts.map(|alert| red_flag(state, alert)).collect();
    if !alerts.is_empty() {
        page.paragraph(&Line::new().own("Red flags that watches saw:"));
        alerts.iter().for_each(|alert| page.item(alert));
        page.gap();
    }
    if let Some(gate) = &own.gate {
        let line = Line::new().strong(decision_word(gate.decision)).own(" ");
        let line = line.text(time(gate.at)).own(" by ").text(&gate.by);
        page.paragraph(&line.with(gate.reason.as_ref(), reasoned));
    }
}

fn reasoned(line: Line, reason: &String) -> Line {
    line.own(": ").text(reason)
}

fn red_flag(state: &RunState, alert: &Alert) -> Line {
    let line = Line::new().text(time(alert.first_at)).own(": ");
    let line = line.text(state.alert_words(alert)).own(" (");
    let line = match &alert.acknowledged {
        Some(known) => {
            let more = state.more_words(alert);
            line.text(&known.by)
                .own(" ")
                .text(time(known.at))
                .own(": ")
                .text(&known.note)
                .with(more, |line, more| line.own("; ").text(more))
        }
        None => line.own("not acknowledged"),
    };
    line.own(")")
}

fn criterion(state: &RunState, phase: &Phase, item: &Expectation) -> Line {
    let known = state
        .phases
        .get(&phase.id)
        .and_then(|own| own.criteria.get(&item.line));
    let Some(known) = known else {
        return Line::new().own("not judged: ").text(&item.text);
    };
    let line = state
        .gate_answer(phase, item)
        .and_then(|answer| answer.line);
    let of_line = line.map_or_else(String::new, |line| format!("line {line}; "));
    Line::new()
        .own(verdict_word(known.judgement.verdict))
        .own(if item.red_flag { ": red flag: " } else { ": " })
        .text(&item.text)
        .own(" (")
        .text(&known.judgement.explanation)
        .own("; ")
        .text(of_line)
        .text(&known.by)
        .own(" ")
        .text(time(known.at))
        .own(")")
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
    }
}
