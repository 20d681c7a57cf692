//! What a report tells of a step: its commands, the locks and waits of each, corrections, output.

use super::{QUOTED_LINES, bracketed, reasoned, verdict_word};
use crate::report::page::{Line, Page};
use crate::report::words::time;
use crate::report::{outcome_word, step_word};
use crate::run::{ActionId, Attempt, CommandEnd, LockWait, Outcome, RunState, action_title};
use crate::runbook::Step;

pub(super) fn write_step(page: &mut Page, state: &RunState, step: &Step) {
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
    if let Some(flag) = &attempt.flag {
        page.item(&Line::new().own("flag: ").text(flag.words()));
        any = true;
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
