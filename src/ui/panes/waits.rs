//! What sessions wait for, as time goes by: one column for one stretch of time, and in it one letter for a
//! session or for several. Below it the phases that began.
//!
//! ```text
//! waits  4.2 sessions at work · most wait for a lock
//! L lock 3.1  I I/O 0.6  c CPU 0.5  (mean of 2m 05s, one column is 2s)
//!  12          LLLLLL
//!           LLLLLLLLLLL
//!   6     ILLLLLLLLLLLLL
//!      ccIIccIccLLccccIIcc
//!        ▲2 Migrate
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{Pane, Title};
use crate::monitor::{WaitClass, WaitSecond, WaitsSample};
use crate::run::Timestamp;
use crate::ui::format::{duration, fit, pad_left, width};
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Waits;

/// Columns of the scale at the left.
const SCALE: usize = 5;
/// The least time that is shown.
const LEAST_S: i64 = 60;
/// Bars above this part of them all are drawn as high as it, so that one spike does not flatten the rest.
const SPIKES: f64 = 0.98;
/// A reading stands until the next, at most for so long: what comes after is a gap.
const HOLDS: i64 = 5_000;
/// Rows around the bars: what the letters mean, and the phases.
const AROUND: u16 = 2;

impl Pane for Waits {
    fn name(&self) -> &'static str {
        "waits"
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let Some(waits) = look.model.main_waits() else {
            return Title::default();
        };
        let shown = Shown::of(waits, look, 1);
        let mut words = vec![format!(
            "{:.1} sessions at work",
            shown.mean.iter().sum::<f64>()
        )];
        if look.model.waits.len() > 1 {
            words.insert(0, waits.target.clone());
        }
        let waiting = WaitClass::ALL.into_iter().zip(shown.mean);
        let most = waiting
            .filter(|(class, mean)| *class != WaitClass::Cpu && *mean > 0.0)
            .max_by(|(_, one), (_, other)| one.total_cmp(other));
        if let Some((class, _)) = most {
            words.push(format!("most wait for {}", name(class)));
        }
        Title::new(words.join(" · "))
    }

    fn rows(&self, _look: &Look<'_>, size: Size) -> u64 {
        size.height.into()
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let waits = look.model.main_waits();
        let Some(waits) = waits.filter(|waits| !waits.seconds.is_empty()) else {
            super::empty(super::no_database(look), look, area, buffer);
            return;
        };
        let columns = usize::from(area.width).saturating_sub(SCALE + 1);
        let height = area.height.saturating_sub(AROUND);
        if columns == 0 || height == 0 {
            return;
        }
        let shown = Shown::of(waits, look, columns);
        let mut rows = area.rows();
        if let Some(row) = rows.next() {
            legend(&shown, look, row.width).render(row, buffer);
        }
        let bars = shown.bars(height.into());
        for (at, row) in rows.by_ref().take(height.into()).enumerate() {
            let level = usize::from(height) - 1 - at;
            line(&shown, &bars, level, height.into(), look).render(row, buffer);
        }
        if let Some(row) = rows.next() {
            phases(&shown, look, row.width).render(row, buffer);
        }
    }

    fn copies(&self, look: &Look<'_>, columns: u16) -> Option<String> {
        let waits = look.model.main_waits()?;
        let shown = Shown::of(waits, look, columns.into());
        Some(legend(&shown, look, columns).to_string())
    }
}

/// The readings as columns.
struct Shown {
    from: Timestamp,
    /// Seconds that one column stands for.
    stretch: i64,
    /// `None`: nothing was read then.
    columns: Vec<Option<[f64; WaitClass::ALL.len()]>>,
    /// Of all that was read.
    mean: [f64; WaitClass::ALL.len()],
    /// Sessions of the highest bar.
    full: f64,
}

impl Shown {
    /// Since the phase began, at least a minute, and as far as there are readings.
    fn of(waits: &WaitsSample, look: &Look<'_>, columns: usize) -> Self {
        let now = look.model.now;
        let first = waits.seconds.front().map_or(now, |first| first.at);
        let phases = look.run().phases.values();
        let began = phases.filter_map(|phase| phase.entered_at).max();
        let wanted = (now - began.unwrap_or(first)).num_seconds().max(LEAST_S);
        let columns = i64::try_from(columns).unwrap_or(1).max(1);
        let stretch = (wanted + columns - 1) / columns;
        let from = now - chrono::TimeDelta::seconds(stretch * columns);
        let mut stretches: Vec<Vec<&WaitSecond>> = Vec::new();
        stretches.resize_with(usize::try_from(columns).unwrap_or(1), Vec::new);
        let column = |ms: i64| usize::try_from(ms.div_euclid(stretch * 1_000)).ok();
        let mut next = waits.seconds.iter().skip(1);
        for second in &waits.seconds {
            let at = (second.at - from).num_milliseconds();
            let after = next.next().map(|next| (next.at - from).num_milliseconds());
            let until = after.filter(|after| after - at <= HOLDS);
            let Some(first) = column(at).map(|first| first.min(stretches.len() - 1)) else {
                continue;
            };
            let last = until.and_then(column).unwrap_or(first);
            for stretch in stretches.iter_mut().take(last.max(first + 1)).skip(first) {
                stretch.push(second);
            }
        }
        let all: Vec<&WaitSecond> = stretches.iter().flatten().copied().collect();
        let columns: Vec<_> = stretches
            .iter()
            .map(|seconds| (!seconds.is_empty()).then(|| mean(seconds)))
            .collect();
        let mut totals: Vec<f64> = columns
            .iter()
            .flatten()
            .map(|one| one.iter().sum())
            .collect();
        totals.sort_by(f64::total_cmp);
        let last = totals.len().saturating_sub(1);
        let robust = totals.get((last as f64 * SPIKES).round() as usize);
        Self {
            from,
            stretch,
            mean: mean(&all),
            columns,
            full: robust.copied().unwrap_or(0.0).max(1.0),
        }
    }

    /// Each column from its foot up, one class for each row that it fills.
    fn bars(&self, height: usize) -> Vec<Vec<WaitClass>> {
        let column = |counts: &Option<[f64; WaitClass::ALL.len()]>| {
            let counts = counts.unwrap_or_default();
            let mut bar = Vec::new();
            let mut reached = 0.0;
            for (class, count) in WaitClass::ALL.into_iter().zip(counts) {
                reached += count * height as f64 / self.full;
                let rows = (reached.round() as usize).min(height);
                bar.resize(rows.max(bar.len()), class);
            }
            // Whoever is there is seen, however small the part.
            if bar.is_empty() {
                let largest = WaitClass::ALL.into_iter().zip(counts);
                let largest = largest.max_by(|(_, one), (_, other)| one.total_cmp(other));
                bar.extend(
                    largest
                        .filter(|(_, count)| *count > 0.0)
                        .map(|(class, _)| class),
                );
            }
            bar
        };
        self.columns.iter().map(column).collect()
    }
}

fn mean(seconds: &[&WaitSecond]) -> [f64; WaitClass::ALL.len()] {
    let mut sums = [0.0; WaitClass::ALL.len()];
    for second in seconds {
        for (sum, count) in sums.iter_mut().zip(second.counts) {
            *sum += f64::from(count);
        }
    }
    sums.map(|sum| sum / seconds.len().max(1) as f64)
}

fn name(class: WaitClass) -> &'static str {
    match class {
        WaitClass::Cpu => "CPU",
        WaitClass::Io => "I/O",
        WaitClass::Lock => "a lock",
        WaitClass::LwLock => "a lock inside the server",
        WaitClass::Ipc => "another process",
        WaitClass::Client => "its client",
        WaitClass::Other => "something else",
    }
}

/// Its letter, which tells it without colours too, its short name and its colour.
fn drawn(class: WaitClass) -> (&'static str, &'static str, Role) {
    match class {
        WaitClass::Cpu => ("c", "CPU", Role::Passed),
        WaitClass::Io => ("I", "I/O", Role::Running),
        WaitClass::Lock => ("L", "lock", Role::Failed),
        WaitClass::LwLock => ("w", "LWLock", Role::Warning),
        WaitClass::Ipc => ("p", "process", Role::Key),
        WaitClass::Client => ("n", "client", Role::Muted),
        WaitClass::Other => ("o", "other", Role::Unknown),
    }
}

fn legend(shown: &Shown, look: &Look<'_>, columns: u16) -> Line<'static> {
    let mut line = Line::default();
    let mut classes: Vec<(WaitClass, f64)> = WaitClass::ALL.into_iter().zip(shown.mean).collect();
    classes.retain(|(_, mean)| *mean > 0.0);
    classes.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    for (class, mean) in classes {
        let (letter, name, role) = drawn(class);
        let text = format!("{letter} {name} {mean:.1}  ");
        line.spans.push(Span::styled(text, look.theme.style(role)));
    }
    if line.spans.is_empty() {
        let idle = Span::styled("no session was at work  ", look.theme.style(Role::Muted));
        line.spans.push(idle);
    }
    let all = shown.stretch * i64::try_from(shown.columns.len()).unwrap_or(0);
    let seconds = |seconds: i64| duration(u64::try_from(seconds).unwrap_or(0));
    let used = crate::ui::format::line_width(&line);
    let text = format!(
        "mean of {}, a column is {}",
        seconds(all),
        seconds(shown.stretch)
    );
    let room = usize::from(columns).saturating_sub(used);
    if width(&text) <= room {
        line.spans
            .push(Span::styled(text, look.theme.style(Role::Muted)));
    }
    line
}

/// One row of the bars, with the scale at the highest and in the middle.
fn line(
    shown: &Shown,
    bars: &[Vec<WaitClass>],
    level: usize,
    height: usize,
    look: &Look<'_>,
) -> Line<'static> {
    let is_marked = level + 1 == height || (height >= 4 && level + 1 == height / 2);
    let scale = match is_marked {
        true => {
            let sessions = shown.full * (level + 1) as f64 / height as f64;
            let digits = usize::from(sessions.fract() > 0.05 && shown.full < 10.0);
            format!("{sessions:.digits$}")
        }
        false => String::new(),
    };
    let mut spans = vec![Span::styled(
        format!("{} ", pad_left(&scale, SCALE)),
        look.theme.style(Role::Muted),
    )];
    for (bar, column) in bars.iter().zip(&shown.columns) {
        spans.push(match (bar.get(level), column) {
            (Some(class), _) => {
                let (letter, _, role) = drawn(*class);
                Span::styled(letter, look.theme.style(role))
            }
            (None, None) if level == 0 => Span::styled("·", look.theme.style(Role::Muted)),
            (None, _) => Span::raw(" "),
        });
    }
    Line::from(spans)
}

/// Where phases began: `▲` and the title, as far as the next one leaves room.
fn phases(shown: &Shown, look: &Look<'_>, columns: u16) -> Line<'static> {
    let run = look.run();
    let began = |id: &str| run.phases.get(id).and_then(|phase| phase.entered_at);
    let mut marks: Vec<(usize, String)> = run
        .runbook
        .walk()
        .filter_map(|phase| {
            let at = (began(&phase.id)? - shown.from).num_seconds();
            let column = usize::try_from(at.div_euclid(shown.stretch)).ok()?;
            let column = column.min(shown.columns.len().saturating_sub(1));
            Some((column, plain(&phase.title)))
        })
        .collect();
    marks.sort();
    let mut text = " ".repeat(SCALE + 1);
    for (index, (column, title)) in marks.iter().enumerate() {
        let at = SCALE + 1 + column;
        if width(&text) > at {
            continue;
        }
        text += &" ".repeat(at - width(&text));
        let next = marks
            .get(index + 1)
            .map_or(usize::from(columns), |(next, _)| SCALE + 1 + next);
        text += &fit(&format!("▲{title}"), next.saturating_sub(at).max(1));
    }
    Line::styled(text, look.theme.style(Role::Heading))
}
