//! The report of a run in Markdown: who did what when, what was seen, what was decided. Everything in
//! it went through scrubbing and redaction before it was journalled.

use super::page::{Line, Page};
use super::since::Since;
use super::words::time;
use super::{decision_word, mode_word, outcome_word, step_word};
use crate::run::{
    ActionId, Alert, Attempt, CommandEnd, GuideOnDisk, LockWait, Outcome, RunState, Seen, Verdict,
    action_title,
};
use crate::runbook::{Expectation, Phase, Step};

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

fn write_step(page: &mut Page, state: &RunState, step: &Step) {
    let title = Line::new().text(&step.title).own(" — ");
    page.heading(3, &title.own(step_word(state, step)));
    let own = state.steps.get(&step.id);
    if let Some(skip) = own.and_then(|own| own.skipped.as_ref()) {
        let line = Line::new().own("Skipped ").text(time(skip.at));
        page.paragraph(&reasoned(line.own(" by ").text(&skip.by), &skip.reason));
    }
    for (action, skip) in own.iter().flat_map(|own| &own.left_out) {
        let line = Line::new().own("Left out ").text(time(skip.at));
        let line = line.own(" by ").text(&skip.by).own(": ");
        let title = action_title(&state.runbook, step, *action);
        page.paragraph(&reasoned(line.code(title), &skip.reason));
    }
    for (index, tick) in step.ticks.iter().enumerate() {
        let Some(ticked) = own.and_then(|own| own.ticks.get(&index)) else {
            page.item(&Line::new().own("[ ] ").text(&tick.text));
            continue;
        };
        let judged = ticked.judgement.as_ref();
        let line = Line::new().own("[x] ").text(&tick.text).own(" (");
        let line = line.text(&ticked.by).own(" ").text(time(ticked.at));
        let line = line
            .with(ticked.value.as_ref(), reasoned)
            .with(ticked.note.as_ref(), reasoned)
            .with(judged.map(|judgement| &judgement.explanation), reasoned);
        page.item(&line.own(")"));
    }
    if !step.ticks.is_empty() {
        page.gap();
    }
    for action in state.actions_of(step) {
        write_correction(page, state, action);
        for attempt in state
            .action(action)
            .into_iter()
            .flat_map(|action| &action.attempts)
        {
            let title = action_title(&state.runbook, step, action);
            write_attempt(page, &title, attempt);
        }
    }
}

/// How each of its commands went, where it had several.
fn write_commands(page: &mut Page, attempt: &Attempt) {
    if attempt.planned.len() < 2 {
        return;
    }
    for command in &attempt.planned {
        let run = attempt
            .commands
            .iter()
            .find(|run| run.index == command.index);
        let line = Line::new().own("line ").text(command.line.to_string());
        let line = line.own(", ").code(&command.text).own(": ");
        page.item(&match run.map(|run| (run.began, &run.done)) {
            None => line.own("not begun"),
            Some((began, None)) => {
                let line = line.own("began ").text(time(began));
                line.own(", its end was not seen")
            }
            Some((began, Some(done))) => {
                let line = match &done.end {
                    CommandEnd::Good => line.own("done"),
                    CommandEnd::Failed { why, .. } => line.own("**failed**: ").text(why),
                    CommandEnd::Asks { question, .. } => line.own("not judged: ").text(question),
                };
                let took = done.elapsed_ms as f64 / 1e3;
                let line = line.own(", began ").text(time(began));
                line.own(", took ").text(format!("{took:.1} s"))
            }
        });
    }
    page.gap();
}

/// What stood against it, and how it waited for locks.
fn write_locks(page: &mut Page, attempt: &Attempt) {
    let mut any = !attempt.guards.is_empty();
    for guard in &attempt.guards {
        page.item(&Line::new().own("when it began: ").text(guard.words()));
    }
    for command in &attempt.planned {
        let mut runs = attempt.commands.iter();
        let run = runs.find(|run| run.index == command.index);
        let line = Line::new().own("line ").text(command.line.to_string());
        if let Some(first) = command.around.first() {
            page.item(&line.clone().own(", put before it: ").code(first));
            any = true;
        }
        if let Some(batch) = run.and_then(|run| run.batch.as_ref()) {
            page.item(
                &line
                    .clone()
                    .own(", last batch: ")
                    .text(batch.words_in(attempt.outcome)),
            );
            any = true;
        }
        if let Some(words) = run.and_then(|run| LockWait::words(&run.waits)) {
            page.item(&line.own(" ").text(words));
        }
    }
    if any {
        page.gap();
    }
}

/// Where it waited for a person: transactions that were held, and whose keys went to it.
fn write_waits(page: &mut Page, attempt: &Attempt) {
    write_locks(page, attempt);
    for (index, hold) in attempt.holds.iter().enumerate() {
        // What was said is one thing, and whether the server did it another.
        let is_known = attempt.outcome == Some(Outcome::Passed) || index + 1 < attempt.holds.len();
        let line = Line::new().own("held before the COMMIT of line ");
        let line = line.text(hold.line.to_string()).own(" at ");
        let line = line.text(time(hold.since)).own(": ");
        page.item(&match &hold.ended {
            Some(end) => line
                .own(match (end.commit, is_known) {
                    (true, true) => "committed",
                    (true, false) => "COMMIT was confirmed",
                    (false, _) => "rolled back",
                })
                .own(" by ")
                .text(&end.by)
                .own(" at ")
                .text(time(end.at))
                .with(end.reason.as_ref(), bracketed),
            None if attempt.outcome.is_none() => line.own("not decided yet"),
            None => line.own("never committed"),
        });
    }
    for used in &attempt.keyboard {
        let line = Line::new().text(&used.by).own(" typed to it from ");
        let line = line.text(time(used.since));
        let line = line.with(used.until, |line, until| line.own(" to ").text(time(until)));
        page.item(&line.own("; what was typed is not kept"));
    }
    if !attempt.holds.is_empty() || !attempt.keyboard.is_empty() {
        page.gap();
    }
}

/// What a person wrote in the place of the guide's command.
fn write_correction(page: &mut Page, state: &RunState, action: ActionId) {
    let Some(written) = state.written.get(&action) else {
        return;
    };
    let words = match written.original {
        Some(_) => "Corrected for this run ",
        None => "Written beside the guide ",
    };
    let line = Line::new().own(words).text(time(written.at));
    page.paragraph(&line.own(" by ").text(&written.by).own("."));
    let difference = state.difference(action);
    if !difference.is_empty() {
        page.fence(&difference.join("\n"));
    }
}

fn write_attempt(page: &mut Page, title: &str, attempt: &Attempt) {
    let outcome = match attempt.outcome {
        Some(Outcome::Watched) if !attempt.was_stopped() => "ended",
        outcome => outcome.map_or("running", outcome_word),
    };
    let line = Line::new().code(title).own(", attempt ");
    let line = line.text(attempt.number.to_string()).own(" on ");
    let line = line.code(&attempt.target).own(", started ");
    let line = line.text(time(attempt.started_at)).own(" by ");
    let line = line.text(&attempt.by).own(": ").strong(outcome);
    let line = line.with(attempt.ended_at, |line, ended| {
        line.own(", ended ").text(time(ended))
    });
    page.paragraph(&line.with(attempt.reason.as_ref(), bracketed));
    page.fence(&attempt.command);
    write_commands(page, attempt);
    write_waits(page, attempt);
    let Some(evidence) = &attempt.evidence else {
        return;
    };
    for judgement in &attempt.judgements {
        let line = Line::new().own(verdict_word(judgement.verdict)).own(": ");
        let line = line.code(&judgement.text);
        page.item(&bracketed(line, &judgement.explanation));
    }
    let facts = [
        evidence.exit.map(|exit| format!("exit {exit}")),
        evidence.status.map(|status| format!("HTTP {status}")),
        evidence.latency_ms.map(|latency| format!("{latency} ms")),
        evidence.tag.clone(),
        Some(format!("{:.1} s", evidence.elapsed_ms as f64 / 1e3)),
        Some(format!("{} lines", evidence.lines)),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    if let Some(shell) = &evidence.shell {
        page.item(&Line::new().own("handed on: ").text(shell.summary()));
    }
    page.item(&Line::new().own("evidence: ").text(facts.join(", ")));
    page.gap();
    let text = if evidence.stdout.trim().is_empty() {
        &evidence.stderr
    } else {
        &evidence.stdout
    };
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    if !lines.is_empty() {
        let from = lines.len().saturating_sub(QUOTED_LINES);
        let mut quoted = lines[from..].join("\n");
        if from > 0 {
            quoted.insert_str(0, "…\n");
        }
        page.fence(&quoted);
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
    }
}
