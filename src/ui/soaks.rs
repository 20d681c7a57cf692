//! The windows of a phase as its gate shows them: how much of each is over, until when it goes on, and
//! for how long nobody watched.

use ratatui::text::Line;

use super::format::{duration, minute_or_date, pad, seconds_between, wrap};
use super::markdown::plain;
use super::theme::Role;
use super::view::Look;
use crate::run::SoakState;
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
    lines.flat_map(|line| wrap(line, width, 11)).collect()
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
