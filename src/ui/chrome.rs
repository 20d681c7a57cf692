//! What stands on every screen and in no layout: the banner with environment, target and times, the
//! alarms, the rollback, the next act, and the keys that work here and now.
//!
//! ```text
//!  staging │ db1:5432/app · PostgreSQL 15.18 · primary                     02:13:07 UTC
//!  12m 04s of ~40m to 1h 10m │ window ends 04:00, start the rollback by 03:40 │ anna drives
//!  …
//!  ALARM 1 of 2 (a lists, X ends 8240): ALTER TABLE audits waits 16s for 8240 nightly-report
//!  ◀ R rollback: restore the dump · 4 commands · ~15m · loses writes since 02:10 · ready
//!  next: 2 items to check (Space)
//!  ? help  Enter look  Space tick  R rollback  g gate  : all commands
//! ```

mod alarms;
mod past;
mod rollback;

pub use alarms::{alarm_lines, draw_alarms};
pub use past::{Moment, past, presses_now};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use rollback::is_finished;
pub use rollback::rollback;

use super::alerts::alert_at_hand;
use super::dialogs::Dialog;
use super::format::{
    clock, duration, estimate_range, fit, line_width, local, minute_or_date, seconds_between,
};
use super::held;
use super::intent::Intent;
use super::keymap::{self, Binding, Context};
use super::markdown::plain;
use super::segments::{row, segment};
use super::theme::Role;
use super::view::Look;
use super::walk::{Item, item_at_cursor, last_undoable};
use crate::run::{GuideOnDisk, Mode, Outcome, Timestamp};

/// Rows of the header at this height of the terminal, alarms not counted.
pub fn header_rows(height: u16) -> u16 {
    if height >= 18 { 2 } else { 1 }
}

/// Rollback, next act and keys, where the next act takes one row.
pub const FOOTER_ROWS: u16 = 3;

/// A screen of so many rows has some to spare for what does not fit on one.
pub const ROOMY: u16 = 20;
/// Seconds before the turn-back time from which on what is left is shown beside it.
const COUNTED_DOWN_S: u64 = 1_800;

pub fn header(look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
    let run = look.run();
    let protected = run.protected.then(|| look.theme.style(Role::Protected));
    for (index, row) in area.rows().enumerate() {
        let line = match index {
            0 => identity_row(look, row.width, area.height == 1),
            1 => time_row(look, row.width),
            _ => break,
        };
        if let (0, Some(style)) = (index, protected) {
            buffer.set_style(row, style);
        }
        line.render(row, buffer);
    }
}

/// The environment as it stands in the banner; also in the title of every dialog.
pub fn badge(look: &Look<'_>) -> String {
    let run = look.run();
    if run.protected {
        format!("{} · PROTECTED", run.environment.to_uppercase())
    } else {
        run.environment.clone()
    }
}

fn identity_row(look: &Look<'_>, columns: u16, alone: bool) -> Line<'static> {
    let (run, theme) = (look.run(), look.theme);
    // On the banner everything keeps the banner's own colours.
    let on_banner = |role: Role| match run.protected {
        true => theme.style(Role::Protected),
        false => theme.style(role),
    };
    let badge_role = if run.protected {
        Role::Protected
    } else {
        Role::Environment
    };
    let mut left = vec![segment(
        format!(" {} ", badge(look)),
        theme.style(badge_role),
        0,
    )];
    let mode = mode_word(look);
    if let Some((word, role)) = mode {
        let style = on_banner(role)
            .add_modifier(ratatui::style::Modifier::REVERSED | ratatui::style::Modifier::BOLD);
        left.push(segment(word, style, 1));
    }
    if let (true, Some(word)) = (alone, guide_word(look)) {
        left.push(segment(word, on_banner(Role::Warning), 1));
    }
    let name = if let Some(moved) = run.moved.keys().next() {
        Some(moved.as_str())
    } else if run.targets.contains_key("main") {
        Some("main")
    } else {
        run.targets.keys().next().map(String::as_str)
    };
    match name.map(|name| (name, run.identities.get(name))) {
        Some((name, Some(identity))) => {
            left.push(segment(
                format!("{}:{}/{}", identity.host, identity.port, identity.database),
                on_banner(Role::Text),
                2,
            ));
            if let Some(since) = lost_since(look, name) {
                let text = format!(
                    "LOST for {}",
                    duration(seconds_between(since, look.model.now))
                );
                left.push(segment(text, theme.style(Role::Alarm), 1));
            } else if identity.in_recovery {
                left.push(segment("STANDBY", theme.style(Role::Alarm), 1));
            } else {
                left.push(segment("primary", on_banner(Role::Text), 4));
            }
            if run.moved.contains_key(name) {
                left.push(segment("ANOTHER DATABASE", theme.style(Role::Alarm), 0));
            }
            if run.held_elsewhere().is_some() {
                left.push(segment("HELD BY ANOTHER RUN", theme.style(Role::Alarm), 1));
            }
            left.push(segment(
                format!("PostgreSQL {}", identity.server_version),
                on_banner(Role::Text),
                6,
            ));
        }
        Some(_) if run.untrusted.is_some() => {
            let text = "configuration NOT TRUSTED";
            left.push(segment(text, on_banner(Role::Warning), 1));
        }
        Some((name, None)) => {
            let text = format!("{name}: has not proved its identity");
            left.push(segment(text, on_banner(Role::Warning), 3));
        }
        None => left.push(segment("no database", on_banner(Role::Muted), 5)),
    }
    let now = look.model.now;
    let right = vec![
        // Which database it is matters more than the time.
        segment(format!("{} UTC", clock(now)), on_banner(Role::Text), 3),
        segment(
            format!("{} local ", local(now, look.model.offset)),
            on_banner(Role::Muted),
            5,
        ),
    ];
    row(
        left,
        right,
        &Span::styled(" │ ", on_banner(Role::Border)),
        columns,
    )
}

/// The state of the run where it is not simply under way.
fn mode_word(look: &Look<'_>) -> Option<(&'static str, Role)> {
    let run = look.run();
    match run.mode {
        Mode::Running => run.pause(look.model.now).map(|pause| match pause.soaks {
            true => (" SOAKING ", Role::Running),
            false => (" WAITING ", Role::Warning),
        }),
        Mode::Held => Some((" HELD ", Role::Warning)),
        Mode::RollingBack => Some((" ROLLING BACK ", Role::Warning)),
        Mode::Stuck => Some((" STUCK ", Role::Failed)),
        Mode::Done => Some((" DONE ", Role::Passed)),
        Mode::Failed => Some((" ABANDONED ", Role::Failed)),
        Mode::RolledBack => Some((" ROLLED BACK ", Role::Warning)),
    }
}

/// Since when a database has not answered, where its panes know that it does not.
fn lost_since(look: &Look<'_>, target: &str) -> Option<Timestamp> {
    look.model.activity.get(target)?.sample.lost_since()
}

fn time_row(look: &Look<'_>, columns: u16) -> Line<'static> {
    let (model, theme) = (look.model, look.theme);
    let (run, now) = (look.run(), model.now);
    let schedule = model.schedule();
    let text = theme.style(Role::Text);
    let mut left = vec![segment(
        format!(" {}", fit(&plain(&run.runbook.title), 40)),
        theme.style(Role::Muted),
        6,
    )];
    let elapsed = duration(schedule.elapsed_s);
    let (low, high) = schedule.remaining_s;
    let over = matches!(run.mode, Mode::RolledBack | Mode::Failed | Mode::Done);
    left.push(segment(format!(" {elapsed} elapsed"), text, 3));
    if high > 0 && !over {
        left.push(segment(
            format!("{} to go", estimate_range(low, high)),
            text,
            4,
        ));
    }
    if let (Some(ends), false) = (schedule.window_ends, over) {
        let window = format!("window ends {}", minute_or_date(ends, now));
        let (words, role, expendable) = match schedule.turn_back {
            _ if ends <= now => {
                let late = duration(seconds_between(ends, now));
                (format!("WINDOW OVER for {late}"), Role::Alarm, 0)
            }
            Some(by) if by <= now => (
                format!("{window}: the rollback NO LONGER FITS"),
                Role::Alarm,
                0,
            ),
            Some(by) => {
                let left = seconds_between(now, by);
                let counted = match left < COUNTED_DOWN_S {
                    true => format!(" ({} left)", duration(left)),
                    false => String::new(),
                };
                let soon = left < 600;
                (
                    format!(
                        "{window}, start the rollback by {}{counted}",
                        minute_or_date(by, now)
                    ),
                    if soon { Role::Warning } else { Role::Text },
                    1,
                )
            }
            None if run.runbook.rollback.is_empty() => (window, Role::Text, 2),
            None => (format!("{window}, rollback time unknown"), Role::Text, 2),
        };
        left.push(segment(words, theme.style(role), expendable));
    }
    if let Some(scale) = run.runbook.settings.scale {
        let words = format!("TIME 1/{scale}");
        left.insert(1, segment(words, theme.style(Role::Warning), 0));
    }
    if let Some(word) = guide_word(look) {
        left.insert(1, segment(word, theme.style(Role::Warning), 0));
    }
    let right = super::people::presence(look, theme);
    row(
        left,
        right,
        &Span::styled(" │ ", theme.style(Role::Border)),
        columns,
    )
}

/// The guide, where nobody has armed anything of it yet, and its file, where it is no longer what the
/// run was opened from.
fn guide_word(look: &Look<'_>) -> Option<String> {
    let Some(seen) = look.run().guide_on_disk.as_ref() else {
        let provenance = &look.run().provenance;
        let rehearsal = provenance.rehearsal.as_ref();
        let warning = rehearsal.and_then(|known| known.warning());
        return match (warning, provenance.guide_is_new) {
            (Some(words), _) => Some(words.to_owned()),
            (None, true) => Some("guide not yet trusted by you".to_owned()),
            (None, false) => None,
        };
    };
    let key = keymap::key_of(Context::Main, Intent::GuideChanged);
    Some(match seen.state {
        GuideOnDisk::Same => return None,
        GuideOnDisk::Changed(_) => format!("guide CHANGED on disk ({key})"),
        GuideOnDisk::Missing => format!("guide GONE from disk ({key})"),
        GuideOnDisk::Unreadable(_) => format!("guide UNREADABLE on disk ({key})"),
    })
}

/// What a key does, as it is said on the screen.
pub fn label(binding: &Binding, look: &Look<'_>) -> &'static str {
    match binding.intent {
        Intent::Leave if matches!(look.run().mode, Mode::Done) || look.run().mode.is_over() => {
            "leave"
        }
        _ => binding.label,
    }
}

/// Whether a key in the footer would do something now.
fn available(intent: Intent, look: &Look<'_>) -> bool {
    let run = look.run();
    let drives = look.model.drives();
    let item = || item_at_cursor(look).map(|(_, item)| item);
    match intent {
        Intent::AskHeld => held::held(look.model).is_some(),
        Intent::RollBackHeld => drives && held::held(look.model).is_some(),
        Intent::GiveKeyboard => drives && super::step_input::asking(look.model).is_some(),
        Intent::AskCancel => drives && !run.running().is_empty(),
        Intent::Tick => drives && matches!(item(), Some(Item::Tick(_))),
        Intent::AskSkip => drives && !is_finished(run),
        Intent::Undo => last_undoable(run, &look.model.me).is_some(),
        Intent::AskGate => {
            !is_finished(run) && !matches!(run.mode, Mode::RollingBack | Mode::Stuck)
        }
        Intent::AskRollBack => !look.model.plans.is_empty(),
        Intent::Inputs => run.runbook.asked_or_carried().next().is_some(),
        Intent::AskAcknowledge => drives && alert_at_hand(look).is_some(),
        Intent::ListAlarms => !super::alarms::standing(look.model).is_empty(),
        Intent::LookAtWatches => !run.watches().is_empty(),
        Intent::SearchNext => look.view.search.is_some(),
        _ => true,
    }
}

/// The keys that work here and now.
pub fn keys(
    contexts: &[Context],
    dialog: Option<&dyn Dialog>,
    look: &Look<'_>,
    columns: u16,
) -> Line<'static> {
    let offered = |intent| match dialog {
        Some(dialog) => dialog.offers(intent, look),
        None => available(intent, look),
    };
    let mut shown: Vec<&Binding> = Vec::new();
    for binding in contexts.iter().flat_map(|context| keymap::of(*context)) {
        let hidden = keymap::meaning(contexts, binding.keys[0]) != Some(binding.intent);
        if binding.footer.is_some() && !hidden && offered(binding.intent) {
            shown.push(binding);
        }
    }
    // The help and what waits for an answer come first, then the keys of the focused pane.
    let rank = |binding: &Binding| match binding.intent {
        Intent::Help => 0,
        Intent::AskHeld | Intent::RollBackHeld | Intent::AskAcknowledge | Intent::GiveKeyboard => 1,
        _ if binding.context != Context::Main => 2,
        _ => 3,
    };
    shown.sort_by_key(|binding| (rank(binding), binding.footer));
    let (key, muted) = (look.theme.style(Role::Key), look.theme.style(Role::Muted));
    let mut line = Line::default();
    let run = look.run();
    // Two keys that only matter now, and then most of all.
    let is_now = dialog.is_none() && !contexts.contains(&Context::Past);
    let now = match (is_now, look.model.drives(), run.mode) {
        (true, true, Mode::Held) => Some((Intent::Resume, "resume")),
        (true, false, _) if run.pairing.waiting.is_some() => {
            Some((Intent::AskApproval, "second person"))
        }
        (true, false, _) => Some((Intent::AskControl, "control")),
        _ => None,
    };
    if let Some((intent, label)) = now {
        let letter = keymap::key_of(Context::Main, intent);
        line.spans.push(Span::styled(format!(" {letter}"), key));
        line.spans.push(Span::styled(format!(" {label} "), muted));
        if !look.model.drives() {
            for (intent, label) in [(Intent::RaiseHand, "hand"), (Intent::Follow, "follow")] {
                let letter = keymap::key_of(Context::Main, intent);
                line.spans.push(Span::styled(format!(" {letter}"), key));
                line.spans.push(Span::styled(format!(" {label} "), muted));
            }
        }
    }
    let unknown = run.actions.values().any(|action| {
        action
            .last()
            .is_some_and(|attempt| attempt.outcome == Some(Outcome::Unknown))
    });
    for binding in shown {
        let label = match binding.intent {
            Intent::Open if unknown => "say what happened",
            _ => label(binding, look),
        };
        let spans = [
            Span::styled(format!(" {}", binding.keys[0].label()), key),
            Span::styled(format!(" {label} "), muted),
        ];
        let wide: usize = spans
            .iter()
            .map(|span| super::format::width(&span.content))
            .sum();
        if line_width(&line) + wide > usize::from(columns) {
            break;
        }
        line.spans.extend(spans);
    }
    line
}
