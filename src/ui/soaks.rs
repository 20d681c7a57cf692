//! The windows of a phase as its gate shows them: how much of each is over, until when it goes on, and
//! for how long nobody watched.

use ratatui::text::Line;

use super::format::{duration, minute_or_date, pad, seconds_between, wrap};
use super::markdown::plain;
use super::theme::{Role, verdict_mark};
use super::view::Look;
use crate::run::{ActionId, EACH_ROUND_S, SoakState, Verdict};
use crate::runbook::{Phase, Soak};

pub fn soak_lines(phase: &Phase, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
    let run = look.run();
    let line = |soak: &Soak| {
        let (word, role, told) = match run.soaks.get(&soak.line) {
            None => ("to come", Role::Muted, String::new()),
            Some(own) => told(own, look),
        };
        let text = format!("◷ {} {}{told}", pad(word, 8), plain(&soak.title));
        Line::styled(text, look.theme.style(role))
    };
    let lines = run.soaks_of(phase).map(line);
    let checks = run.soak_checks(phase);
    let checks = checks.filter_map(|(action, soak, every_s)| check(action, soak, every_s, look));
    let lines = lines.chain(checks).chain(breaches(phase, look));
    lines.flat_map(|line| wrap(line, width, 11)).collect()
}

/// A repeated check and its history in its window: how often it was asked and was good, and its last answers.
fn check(action: ActionId, soak: &Soak, every_s: u64, look: &Look<'_>) -> Option<Line<'static>> {
    const SHOWN: usize = 24;
    let (run, now) = (look.run(), look.model.now);
    let (seen, most) = run.soak_rounds(action, soak, every_s, now);
    let last = seen.last()?;
    let good = seen
        .iter()
        .filter(|one| one.verdict == Verdict::Pass)
        .count();
    let newest = &seen[seen.len().saturating_sub(SHOWN)..];
    let marks: String = newest
        .iter()
        .map(|one| verdict_mark(Some(one.verdict)).glyph)
        .collect();
    let asked = match every_s >= EACH_ROUND_S {
        true => format!("{} of {most} rounds, {good} good", seen.len()),
        false => format!("{} changes", seen.len()),
    };
    let (word, role) = match last.verdict {
        Verdict::Pass => ("good", Role::Passed),
        Verdict::Warn => ("warns", Role::Warning),
        Verdict::Fail => ("NOT met", Role::Failed),
        Verdict::Inconclusive => ("unclear", Role::Warning),
    };
    let text = format!(
        "↻ {} {}, every {}: {asked}; {marks} {}: {}",
        pad(word, 8),
        plain(&run.title_of(action)),
        duration(every_s),
        minute_or_date(last.at, now),
        plain(&last.found)
    );
    Some(Line::styled(text, look.theme.style(role)))
}

/// When measured criteria did not hold in their windows.
fn breaches<'a>(phase: &'a Phase, look: &'a Look<'_>) -> impl Iterator<Item = Line<'static>> + 'a {
    let (run, now) = (look.run(), look.model.now);
    let items = run.gate_items(phase).into_iter();
    items.filter_map(move |item| {
        let own = run
            .soaks_of(phase)
            .filter_map(|soak| run.soaks.get(&soak.line));
        let known = own.filter_map(|own| own.breaches.get(&item.line)).next()?;
        let told: Vec<String> = known
            .iter()
            .map(|one| {
                let lasted = duration(seconds_between(one.from, one.to.unwrap_or(now)));
                format!(
                    "{} for {lasted} ({})",
                    minute_or_date(one.from, now),
                    one.found
                )
            })
            .collect();
        let text = format!(
            "↻ {} {}: {}",
            pad("broken", 8),
            plain(&item.text),
            told.join("; ")
        );
        Some(Line::styled(text, look.theme.style(Role::Warning)))
    })
}

fn told(own: &SoakState, look: &Look<'_>) -> (&'static str, Role, String) {
    let now = look.model.now;
    let missed = match own.unwatched().num_seconds() {
        0 => String::new(),
        seconds => format!(
            "; nobody watched for up to {}",
            duration(seconds.unsigned_abs())
        ),
    };
    match &own.ended {
        None => {
            let told = format!(
                ": {} of {}, until {} UTC{missed}",
                duration(seconds_between(own.began_at, now)),
                duration(seconds_between(own.began_at, own.ends_at)),
                minute_or_date(own.ends_at, now)
            );
            ("soaking", Role::Running, told)
        }
        Some(end) => match &end.reason {
            None => ("over", Role::Muted, missed),
            Some(reason) => {
                let told = format!(": cut short by {}: {reason}{missed}", end.by);
                ("cut short", Role::Warning, told)
            }
        },
    }
}
