//! The first page: what a reviewer wants to know before the evidence. Verdict, times, what was not as the
//! guide has it, what was decided against what was known, and who was there.

use std::collections::BTreeSet;

use super::page::{Line, Page, Span, SpanKind};
use super::since::Since;
use super::words::time;
use super::{decision_word, outcome_word, sentence};
use crate::run::{
    Attempt, GateDecision, Mode, Outcome, RunState, Timestamp, Verdict, action_title,
};
use crate::runbook::Phase;
use crate::text::duration::{format_range_s, format_s};

/// Bars of a chart: the phases, and the attempts that took longest.
const BARS: usize = 24;

pub(super) fn write(page: &mut Page, state: &RunState, since: Since) {
    write_verdict(page, state);
    if let Some(from) = since.0 {
        let line = Line::new()
            .own("Evidence and events since ")
            .text(time(from));
        page.paragraph(&line.own("; times and this page are of the whole run."));
    }
    write_times(page, state);
    write_list(page, "Not as the guide has it", deviations(state));
    write_list(page, "Decided against what was known", overrides(state));
    write_list(page, "What went wrong", troubles(state));
    write_people(page, state);
}

fn write_verdict(page: &mut Page, state: &RunState) {
    let word = match state.mode {
        Mode::Done => "DONE",
        Mode::Failed => "ABANDONED",
        Mode::RolledBack => "ROLLED BACK",
        Mode::Stuck => "ROLLBACK STUCK",
        Mode::Held | Mode::Running | Mode::RollingBack => "NOT OVER",
    };
    page.paragraph(
        &Line::new()
            .strong(word)
            .own(": ")
            .text(sentence(state))
            .own("."),
    );
    let open = state.open_points();
    if state.mode == Mode::Running && state.is_walked() {
        for point in open {
            page.item(&Line::new().text(point.text));
        }
        page.gap();
    }
}

/// From the entry of a phase to the decision at its gate.
fn times_of(state: &RunState, phase: &Phase) -> Option<(Timestamp, Option<Timestamp>)> {
    let own = state.phases.get(&phase.id)?;
    Some((own.entered_at?, own.gate.as_ref().map(|gate| gate.at)))
}

fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from((to - from).num_seconds()).unwrap_or(0)
}

fn write_times(page: &mut Page, state: &RunState) {
    let walked: Vec<_> = state
        .walked()
        .filter_map(|phase| Some((phase, times_of(state, phase)?)))
        .collect();
    if walked.is_empty() {
        return;
    }
    page.table(&["phase", "entered", "took", "estimate", "decision"]);
    for (phase, (entered, left)) in &walked {
        let took = left.map_or_else(
            || "under way".to_owned(),
            |left| format_s(seconds(*entered, left)),
        );
        let estimate = phase.estimate.map_or_else(String::new, |estimate| {
            format_range_s(estimate.min_s, estimate.max_s)
        });
        let gate = state
            .phases
            .get(&phase.id)
            .and_then(|own| own.gate.as_ref());
        let decision = Line::new().with(gate, |line, gate| {
            line.own(decision_word(gate.decision))
                .own(" by ")
                .text(&gate.by)
        });
        page.row(&[
            Line::new().text(&phase.title),
            Line::new().text(time(*entered)),
            Line::new().text(took),
            Line::new().text(estimate),
            decision,
        ]);
    }
    page.gap();
    page.spans(spans(state, &walked));
}

type Walked<'a> = (&'a Phase, (Timestamp, Option<Timestamp>));

fn spans(state: &RunState, walked: &[Walked<'_>]) -> Vec<Span> {
    let begin = state.opened_at;
    let at = |time: Timestamp| u64::try_from((time - begin).num_milliseconds()).unwrap_or(0);
    let mut longest: Vec<(u64, Span)> = Vec::new();
    let mut spans: Vec<Span> = Vec::new();
    for (phase, (entered, left)) in walked {
        spans.push(Span {
            label: phase.title.clone(),
            from_ms: at(*entered),
            to_ms: at(left.unwrap_or(state.last_event_at)),
            kind: SpanKind::Phase,
        });
    }
    for (action, own) in &state.actions {
        for attempt in &own.attempts {
            let ended = attempt.ended_at.unwrap_or(state.last_event_at);
            let good = matches!(
                attempt.outcome,
                None | Some(Outcome::Passed | Outcome::Watched)
            );
            let span = Span {
                label: state.title_of(*action),
                from_ms: at(attempt.started_at),
                to_ms: at(ended),
                kind: if good { SpanKind::Good } else { SpanKind::Bad },
            };
            longest.push((span.to_ms.saturating_sub(span.from_ms), span));
        }
    }
    longest.sort_by_key(|(took, _)| std::cmp::Reverse(*took));
    longest.truncate(BARS.saturating_sub(spans.len()));
    spans.extend(longest.into_iter().map(|(_, span)| span));
    spans.sort_by_key(|span| span.from_ms);
    spans
}

fn write_list(page: &mut Page, title: &'static str, items: Vec<Line>) {
    page.heading(2, &Line::new().own(title));
    if items.is_empty() {
        page.paragraph(&Line::new().own("Nothing."));
        return;
    }
    items.iter().for_each(|item| page.item(item));
    page.gap();
}

/// What was skipped, left out, written, corrected, or run more than once.
fn deviations(state: &RunState) -> Vec<Line> {
    let mut found = Vec::new();
    for step in state.runbook.walk().flat_map(|phase| &phase.steps) {
        let Some(own) = state.steps.get(&step.id) else {
            continue;
        };
        if let Some(skip) = &own.skipped {
            let line = Line::new().own("skipped: ").text(&step.title).own(" (");
            found.push(line.text(&skip.reason).own("; ").text(&skip.by).own(")"));
        }
        for (action, skip) in &own.left_out {
            let title = action_title(&state.runbook, step, *action);
            let line = Line::new().own("left out: ").code(title).own(" (");
            found.push(line.text(&skip.reason).own("; ").text(&skip.by).own(")"));
        }
    }
    for (action, written) in &state.written {
        let words = match written.original {
            Some(_) => "corrected for this run: ",
            None => "written beside the guide: ",
        };
        let line = Line::new().own(words).code(state.title_of(*action));
        found.push(line.own(" by ").text(&written.by));
    }
    for (action, own) in &state.actions {
        if own.attempts.len() > 1 && !state.is_watch(*action) {
            let line = Line::new()
                .own("ran more than once: ")
                .code(state.title_of(*action));
            let times = format!(", {} times", own.attempts.len());
            found.push(line.text(times));
        }
    }
    for soak in &state.runbook.soaks {
        let own = state.soaks.get(&soak.line);
        let early = own
            .and_then(|own| own.ended.as_ref())
            .and_then(|end| end.reason.as_ref());
        if let Some(reason) = early {
            let line = Line::new().own("ended early: ").text(&soak.title);
            found.push(line.own(" (").text(reason).own(")"));
        }
    }
    found
}

/// Gates and commands that went on with a reason, and outcomes that a person said.
fn overrides(state: &RunState) -> Vec<Line> {
    let mut found = Vec::new();
    for phase in state.walked() {
        let gate = state
            .phases
            .get(&phase.id)
            .and_then(|own| own.gate.as_ref());
        if let Some(gate) = gate
            && gate.decision == GateDecision::Go
            && let Some(reason) = &gate.reason
        {
            let line = Line::new()
                .own("GO at the gate of ")
                .text(&phase.title)
                .own(": ");
            found.push(signed(line.text(reason), &gate.by, gate.at));
        }
    }
    for (action, own) in &state.actions {
        for attempt in &own.attempts {
            if let Some(reason) = &attempt.asked {
                let line = Line::new()
                    .own("ran ")
                    .code(state.title_of(*action))
                    .own(": ");
                found.push(signed(line.text(reason), &attempt.by, attempt.started_at));
            }
        }
    }
    found
}

fn signed(line: Line, by: &str, at: Timestamp) -> Line {
    line.own(" (").text(by).own(" ").text(time(at)).own(")")
}

/// Attempts that did not pass, criteria that were not met, red flags, alarms, rollbacks.
fn troubles(state: &RunState) -> Vec<Line> {
    let mut found: Vec<(Timestamp, Line)> = Vec::new();
    let is_bad = |attempt: &&Attempt| {
        let outcome = attempt.outcome;
        matches!(
            outcome,
            Some(Outcome::Failed | Outcome::Unknown | Outcome::Cancelled)
        )
    };
    for (action, own) in &state.actions {
        for attempt in own.attempts.iter().filter(is_bad) {
            let word = attempt.outcome.map_or("", outcome_word);
            let line = Line::new().code(state.title_of(*action)).own(" ").own(word);
            let line = line.with(attempt.reason.as_ref(), |line, why| {
                line.own(": ").text(why)
            });
            found.push((attempt.started_at, line));
        }
    }
    for phase in state.walked() {
        for item in state.gate_items(phase) {
            let own = state.phases.get(&phase.id);
            let known = own.and_then(|own| own.criteria.get(&item.line));
            let Some(known) = known else { continue };
            if matches!(
                known.judgement.verdict,
                Verdict::Fail | Verdict::Inconclusive
            ) {
                let word = if item.red_flag {
                    "red flag: "
                } else {
                    "not met: "
                };
                let line = Line::new().own(word).text(&item.text).own(": ");
                found.push((known.at, line.text(&known.judgement.explanation)));
            }
        }
    }
    for alert in &state.alerts {
        let line = Line::new().own("red flag: ").text(state.alert_words(alert));
        found.push((alert.first_at, line));
    }
    for alarm in &state.alarms {
        let ended = alarm.ended_at.unwrap_or(state.last_event_at);
        let line = Line::new()
            .own("alarm for ")
            .text(format_s(seconds(alarm.began_at, ended)));
        found.push((alarm.began_at, line.own(": ").text(&alarm.text)));
    }
    for rollback in state.past_rollbacks.iter().chain(&state.rollback) {
        let title = state
            .runbook
            .option(&rollback.option)
            .map_or("", |option| option.title.as_str());
        let ended = rollback.ended_at.unwrap_or(state.last_event_at);
        let took = format_s(seconds(rollback.started_at, ended));
        let line = Line::new()
            .own("rollback ")
            .text(title)
            .own(", ")
            .text(took);
        let line = line.with(rollback.reason.as_ref(), |line, why| {
            line.own(": ").text(why)
        });
        found.push((rollback.started_at, line));
    }
    found.sort_by_key(|(at, _)| *at);
    let line = |(at, line)| Line::new().text(time(at)).own(" ").join(line);
    found.into_iter().map(line).collect()
}

/// Who took part, and room for who signs.
fn write_people(page: &mut Page, state: &RunState) {
    let mut people: BTreeSet<&str> = BTreeSet::from([state.opened_by.as_str(), &state.driver]);
    let attempts = state.actions.values().flat_map(|own| &own.attempts);
    people.extend(attempts.map(|attempt| attempt.by.as_str()));
    people.extend(state.pairing.log.iter().map(|logged| logged.by.as_str()));
    let gates = state.phases.values().filter_map(|own| own.gate.as_ref());
    people.extend(gates.map(|gate| gate.by.as_str()));
    people.remove(crate::run::ENGINE);
    let people: Vec<&str> = people.into_iter().collect();
    page.heading(2, &Line::new().own("People"));
    page.paragraph(&Line::new().text(people.join(", ")));
    page.table(&["signed off as", "name", "date", "signature"]);
    for role in ["driver", "reviewer"] {
        let name = match role {
            "driver" => Line::new().text(&state.driver),
            _ => Line::new(),
        };
        page.row(&[Line::new().own(role), name, Line::new(), Line::new()]);
    }
    page.gap();
}
