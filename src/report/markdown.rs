//! The report of a run in Markdown: who did what when, what was seen, what was decided. Everything in
//! it went through scrubbing and redaction before it was journalled.

use std::fmt::Write;

use super::words::time;
use super::{decision_word, mode_word, outcome_word, step_word};
use crate::run::{
    ActionId, Alert, Attempt, GuideOnDisk, Outcome, RunState, Seen, Verdict, action_title,
};
use crate::runbook::{Expectation, Phase, Step};
use crate::text::scrub::scrub_line;

/// Output lines quoted per attempt; the whole of it stays in the spool.
const QUOTED_LINES: usize = 12;

/// The report; `intact` says whether the journal's chain was verified.
pub fn markdown(state: &RunState, intact: bool, events: u64) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let written = write(&mut out, state, intact, events);
    debug_assert!(written.is_ok());
    out
}

fn write(out: &mut String, state: &RunState, intact: bool, events: u64) -> std::fmt::Result {
    writeln!(out, "# Report: {}\n", state.runbook.title)?;
    writeln!(out, "| | |\n|---|---|")?;
    writeln!(out, "| run | `{}` |", state.run)?;
    writeln!(
        out,
        "| guide | `{}`, SHA-256 `{}` |",
        state.runbook.file, state.runbook.digest
    )?;
    if let Some(configuration) = &state.provenance.configuration {
        writeln!(
            out,
            "| configuration | `{}`, SHA-256 `{}` |",
            configuration.path, configuration.digest
        )?;
    }
    writeln!(
        out,
        "| environment | {}{} |",
        state.environment,
        if state.protected { " (protected)" } else { "" }
    )?;
    for (name, target) in &state.targets {
        let identity = state.identities.get(name).map(|identity| {
            format!(
                "; proved to be `{}`, PostgreSQL {}, {}{}",
                identity.place(),
                identity.server_version,
                identity.role(),
                identity
                    .system_identifier
                    .as_ref()
                    .map(|id| format!(", system {id}"))
                    .unwrap_or_default()
            )
        });
        writeln!(
            out,
            "| target {name} | `{target}`{} |",
            identity.unwrap_or_default()
        )?;
        let told_by = state.config.targets.get(name).map(|target| &target.told_by);
        for words in told_by.into_iter().flatten() {
            writeln!(out, "| target {name} | {words} |")?;
        }
    }
    write_identities(out, state)?;
    writeln!(
        out,
        "| opened | {} by {} |",
        time(state.opened_at),
        state.opened_by
    )?;
    writeln!(out, "| last event | {} |", time(state.last_event_at))?;
    if let Some(ends) = state.window_ends {
        writeln!(out, "| window ends | {} |", time(ends))?;
    }
    writeln!(out, "| state | {} |", mode_word(state).replace('_', " "))?;
    writeln!(
        out,
        "| journal | {events} events, {} |",
        if intact {
            "chain verified"
        } else {
            "**chain broken: the tail was altered or torn**"
        }
    )?;
    if let Some(seen) = &state.guide_on_disk {
        let what = match &seen.state {
            GuideOnDisk::Same => "again what the run was opened from".to_owned(),
            GuideOnDisk::Changed(digest) => format!("**changed**, SHA-256 `{digest}`"),
            GuideOnDisk::Missing => "**gone**".to_owned(),
            GuideOnDisk::Unreadable(why) => format!("**cannot be read**: {why}"),
        };
        writeln!(out, "| guide on disk | {what} since {} |", time(seen.at))?;
    }
    super::inputs::write(out, state)?;
    for phase in state.runbook.walk() {
        write_phase(out, state, phase)?;
    }
    for rollback in state.past_rollbacks.iter().chain(&state.rollback) {
        let Some(option) = state.runbook.option(&rollback.option) else {
            continue;
        };
        writeln!(out, "\n## Rollback: {}\n", option.title)?;
        writeln!(
            out,
            "Started {} by {}{}; {}.\n",
            time(rollback.started_at),
            rollback.by,
            rollback
                .reason
                .as_ref()
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default(),
            match (
                rollback.succeeded,
                rollback.ended_at,
                &rollback.stuck_reason
            ) {
                (Some(true), Some(ended), _) => format!("succeeded {}", time(ended)),
                (Some(false), _, why) =>
                    format!("**stuck**: {}", why.as_deref().unwrap_or("a step failed")),
                _ => "under way".to_owned(),
            }
        )?;
        let is_last = state.rollback.as_ref().is_some_and(|last| last == rollback);
        if rollback.succeeded == Some(true) {
            writeln!(out, "{}\n", super::standing::undone(state))?;
            if let Some(proof) = state.rollback_proof().filter(|_| is_last) {
                writeln!(out, "**Rolled back, {}.**\n", proof.words())?;
            }
        }
        for step in &option.steps {
            write_step(out, state, step)?;
        }
        if let Some(gate) = state.rollback_gate().filter(|_| is_last) {
            let items = state.gate_items(&gate);
            if !items.is_empty() {
                writeln!(out, "\nMust be true after it:\n")?;
            }
            for item in items {
                writeln!(out, "- {}", criterion(state, &gate, item))?;
            }
        }
    }
    write_beside(out, state)?;
    if !state.pairing.log.is_empty() {
        writeln!(out, "\n## Who drove, watched and approved\n")?;
        for logged in &state.pairing.log {
            let (word, text) = logged.fact.words();
            writeln!(out, "- {} {}: {word} {text}", time(logged.at), logged.by)?;
        }
    }
    if !state.notes.is_empty() {
        writeln!(out, "\n## Notes\n")?;
        for note in &state.notes {
            writeln!(out, "- {} {}: {}", time(note.at), note.by, note.text)?;
        }
    }
    Ok(())
}

/// Every identity that a target had, where it had more than one.
fn write_identities(out: &mut String, state: &RunState) -> std::fmt::Result {
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
                Seen::Proved => "proved".to_owned(),
                Seen::Changed { what } => format!("**changed** ({})", what.join("; ")),
                Seen::Accepted { by, reason } => format!("accepted by {by}: {reason}"),
            };
            let what = seen.identity.describe();
            writeln!(
                out,
                "| target {target}, {} | {how}: `{what}` |",
                time(seen.at)
            )?;
        }
    }
    Ok(())
}

/// What was done beside the walk: troubleshooting, looks, commands of a reference.
fn write_beside(out: &mut String, state: &RunState) -> std::fmt::Result {
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
    let mut steps = state.runbook.beside().filter(done).peekable();
    if steps.peek().is_some() {
        writeln!(out, "\n## Beside the walk\n")?;
    }
    for step in steps {
        write_step(out, state, step)?;
    }
    Ok(())
}

fn write_phase(out: &mut String, state: &RunState, phase: &Phase) -> std::fmt::Result {
    let Some(own) = state.phases.get(&phase.id) else {
        return Ok(());
    };
    writeln!(out, "\n## {}\n", phase.title)?;
    if let Some(entered) = own.entered_at {
        writeln!(out, "Entered {}.\n", time(entered))?;
    }
    for step in &phase.steps {
        write_step(out, state, step)?;
    }
    let items = state.gate_items(phase);
    if !items.is_empty() {
        writeln!(out, "\nGate:\n")?;
        for item in items {
            writeln!(out, "- {}", criterion(state, phase, item))?;
        }
    }
    let alerts = state.alerts.iter().filter(|alert| alert.phase == phase.id);
    let alerts: Vec<String> = alerts.map(|alert| red_flag(state, alert)).collect();
    if !alerts.is_empty() {
        writeln!(out, "\nRed flags that watches saw:\n")?;
        for alert in alerts {
            writeln!(out, "- {alert}")?;
        }
    }
    if let Some(gate) = &own.gate {
        writeln!(
            out,
            "\n**{}** {} by {}{}",
            decision_word(gate.decision),
            time(gate.at),
            gate.by,
            gate.reason
                .as_ref()
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default()
        )?;
    }
    Ok(())
}

fn red_flag(state: &RunState, alert: &Alert) -> String {
    let seen = match &alert.acknowledged {
        Some(known) => {
            let more = state.more_words(alert);
            let more = more.map_or_else(String::new, |more| format!("; {more}"));
            format!("{} {}: {}{more}", known.by, time(known.at), known.note)
        }
        None => "not acknowledged".to_owned(),
    };
    let seen = scrub_line(&seen, false);
    let words = scrub_line(&state.alert_words(alert), false).into_owned();
    format!("{}: {words} ({seen})", time(alert.first_at))
}

fn criterion(state: &RunState, phase: &Phase, item: &Expectation) -> String {
    let known = state
        .phases
        .get(&phase.id)
        .and_then(|own| own.criteria.get(&item.line));
    match known {
        Some(known) => format!(
            "{}: {}{} ({}; {} {})",
            verdict_word(known.judgement.verdict),
            if item.red_flag { "red flag: " } else { "" },
            item.text,
            known.judgement.explanation,
            known.by,
            time(known.at),
        ),
        None => format!("not judged: {}", item.text),
    }
}

fn write_step(out: &mut String, state: &RunState, step: &Step) -> std::fmt::Result {
    writeln!(out, "### {} — {}\n", step.title, step_word(state, step))?;
    let own = state.steps.get(&step.id);
    if let Some(skip) = own.and_then(|own| own.skipped.as_ref()) {
        writeln!(
            out,
            "Skipped {} by {}: {}\n",
            time(skip.at),
            skip.by,
            skip.reason
        )?;
    }
    for (action, skip) in own.iter().flat_map(|own| &own.left_out) {
        writeln!(
            out,
            "Left out {} by {}: `{}`: {}\n",
            time(skip.at),
            skip.by,
            crate::run::action_title(&state.runbook, step, *action),
            skip.reason
        )?;
    }
    for (index, tick) in step.ticks.iter().enumerate() {
        match own.and_then(|own| own.ticks.get(&index)) {
            Some(ticked) => {
                let saw = [&ticked.value, &ticked.note]
                    .into_iter()
                    .flatten()
                    .map(|text| format!(": {text}"))
                    .chain(
                        ticked
                            .judgement
                            .as_ref()
                            .map(|judgement| format!(": {}", judgement.explanation)),
                    )
                    .collect::<String>();
                writeln!(
                    out,
                    "- [x] {} ({} {}{saw})",
                    tick.text,
                    ticked.by,
                    time(ticked.at)
                )?;
            }
            None => writeln!(out, "- [ ] {}", tick.text)?,
        }
    }
    if !step.ticks.is_empty() {
        writeln!(out)?;
    }
    for action in state.actions_of(step) {
        for attempt in state
            .action(action)
            .into_iter()
            .flat_map(|action| &action.attempts)
        {
            let title = action_title(&state.runbook, step, action);
            write_attempt(out, &title, attempt)?;
        }
    }
    Ok(())
}

/// Where it waited for a person: transactions that were held, and whose keys went to it.
fn write_waits(out: &mut String, attempt: &Attempt) -> std::fmt::Result {
    for (index, hold) in attempt.holds.iter().enumerate() {
        // What was said is one thing, and whether the server did it another.
        let is_known = attempt.outcome == Some(Outcome::Passed) || index + 1 < attempt.holds.len();
        let end = match &hold.ended {
            Some(end) => format!(
                "{} by {} at {}{}",
                match (end.commit, is_known) {
                    (true, true) => "committed",
                    (true, false) => "COMMIT was said",
                    (false, _) => "rolled back",
                },
                end.by,
                time(end.at),
                end.reason
                    .as_ref()
                    .map(|reason| format!(" ({reason})"))
                    .unwrap_or_default()
            ),
            None if attempt.outcome.is_none() => "not decided yet".to_owned(),
            None => "never committed".to_owned(),
        };
        writeln!(
            out,
            "- held before the COMMIT of line {} at {}: {end}",
            hold.line,
            time(hold.since)
        )?;
    }
    for used in &attempt.keyboard {
        let until = used
            .until
            .map(|until| format!(" to {}", time(until)))
            .unwrap_or_default();
        writeln!(
            out,
            "- {} typed to it from {}{until}; what was typed is not kept",
            used.by,
            time(used.since)
        )?;
    }
    if !attempt.holds.is_empty() || !attempt.keyboard.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

fn write_attempt(out: &mut String, title: &str, attempt: &Attempt) -> std::fmt::Result {
    writeln!(
        out,
        "`{title}`, attempt {} on `{}`, started {} by {}: **{}**{}{}\n",
        attempt.number,
        attempt.target,
        time(attempt.started_at),
        attempt.by,
        match attempt.outcome {
            Some(Outcome::Watched) if !attempt.was_stopped() => "ended",
            outcome => outcome.map_or("running", outcome_word),
        },
        attempt
            .ended_at
            .map(|ended| format!(", ended {}", time(ended)))
            .unwrap_or_default(),
        attempt
            .reason
            .as_ref()
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default(),
    )?;
    fenced(out, &attempt.command)?;
    write_waits(out, attempt)?;
    let Some(evidence) = &attempt.evidence else {
        return Ok(());
    };
    for judgement in &attempt.judgements {
        writeln!(
            out,
            "- {}: `{}` ({})",
            verdict_word(judgement.verdict),
            judgement.text,
            judgement.explanation
        )?;
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
        writeln!(out, "- handed on: {}", scrub_line(&shell.summary(), false))?;
    }
    writeln!(out, "- evidence: {}\n", facts.join(", "))?;
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
        fenced(out, &scrub_lines(&quoted))?;
    }
    Ok(())
}

fn scrub_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| scrub_line(line, false)).collect();
    lines.join("\n")
}

/// A fence that nothing inside can close.
fn fenced(out: &mut String, text: &str) -> std::fmt::Result {
    let longest = text
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    writeln!(out, "{fence}\n{}\n{fence}\n", text.trim_end())
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
    }
}
