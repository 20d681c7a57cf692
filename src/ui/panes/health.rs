//! The health endpoints: status, latency, the last ten minutes, and since when it is as it is.
//!
//! ```text
//! health  2 of 2 healthy
//! ✓ gateway  200    12ms ▁▁▂▁▁▁▃▁▁▁ 12m 04s  version 1.4.2
//! ✗ engine   down        ▁▁▁▁✗✗✗✗✗✗ 9s  connection refused
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::{Pane, Title, clamped, draw_lines};
use crate::monitor::ProbeSample;
use crate::ui::format::{duration, fit, milliseconds, pad, pad_left, seconds_between, width};
use crate::ui::model::Probe;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Health;

const NAME: &str = "health";
/// A probe without a reading for this long is not trusted.
const STALE_S: u64 = 10;
const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

impl Pane for Health {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let probes = &look.model.probes;
        if probes.is_empty() {
            return Title::default();
        }
        let healthy = probes
            .values()
            .filter(|probe| probe.last().is_some_and(|last| last.healthy))
            .count();
        let alert = (healthy < probes.len())
            .then(|| (format!("{} DOWN", probes.len() - healthy), Role::Failed));
        Title {
            words: format!("{healthy} of {} healthy", probes.len()),
            alert,
        }
    }

    fn rows(&self, look: &Look<'_>, _size: Size) -> u64 {
        look.model.probes.len() as u64
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let probes = &look.model.probes;
        if probes.is_empty() {
            let text = "no health endpoints: name them in `gonogo.toml` under \
                        `[environments.NAME.probes]`";
            super::empty(text, look, area, buffer);
            return;
        }
        let longest = probes
            .keys()
            .map(|name| width(name))
            .max()
            .unwrap_or(0)
            .min(16);
        let top = look.view.position(NAME).top.unwrap_or(0);
        let top = clamped(top, probes.len() as u64, area.height);
        let lines: Vec<Line<'static>> = probes
            .values()
            .skip(usize::try_from(top).unwrap_or(0))
            .take(area.height.into())
            .filter_map(|probe| Some(row(probe, probe.last()?, longest, look, area.width)))
            .collect();
        draw_lines(&lines, 0, area, buffer);
    }

    fn copies(&self, look: &Look<'_>, _width: u16) -> Option<String> {
        let urls: Vec<&str> = look
            .model
            .probes
            .values()
            .filter_map(|probe| Some(probe.last()?.url.as_str()))
            .collect();
        (!urls.is_empty()).then(|| urls.join("\n"))
    }
}

fn row(
    probe: &Probe,
    last: &ProbeSample,
    longest: usize,
    look: &Look<'_>,
    columns: u16,
) -> Line<'static> {
    let theme = look.theme;
    let now = look.model.now;
    let age = seconds_between(last.at, now);
    let stale = age >= STALE_S;
    let (glyph, role) = match (stale, last.healthy) {
        (true, _) => ("?", Role::Unknown),
        (false, true) => ("✓", Role::Passed),
        (false, false) => ("✗", Role::Failed),
    };
    let status = match (last.status, last.healthy) {
        (Some(status), _) => status.to_string(),
        (None, true) => "up".to_owned(),
        (None, false) => "down".to_owned(),
    };
    let latency = match last.status {
        Some(_) => milliseconds(last.latency_ms),
        None => String::new(),
    };
    let mut after = if stale {
        format!("no reading for {}", duration(age))
    } else {
        duration(seconds_between(last.since, now))
    };
    if let Some(error) = &last.error {
        after = format!("{after}  {error}");
    }
    if let Some(version) = &last.version {
        after = format!("{after}  version {version}");
    }
    let head = format!(
        "{glyph} {} {} {}",
        pad(&last.name, longest),
        pad(&status, 4),
        pad_left(&latency, 6)
    );
    let columns = usize::from(columns);
    // The history takes what the words leave, and its ten last readings in any case.
    let spare = columns.saturating_sub(width(&head) + 2);
    let room = spare.saturating_sub(width(&after)).clamp(spare.min(10), 60);
    let mut spans = vec![Span::styled(head, theme.style(role)), Span::raw(" ")];
    if room >= 4 {
        spans.extend(sparkline(probe, room, look));
        spans.push(Span::raw(" "));
    }
    let used: usize = spans.iter().map(|span| width(&span.content)).sum();
    let style = if last.healthy && !stale {
        theme.style(Role::Muted)
    } else {
        theme.style(role)
    };
    spans.push(Span::styled(
        fit(&after, columns.saturating_sub(used)),
        style,
    ));
    Line::from(spans)
}

/// The history in so many columns: the slowest reading of each stretch, a cross where it failed.
fn sparkline(probe: &Probe, columns: usize, look: &Look<'_>) -> Vec<Span<'static>> {
    let history = &probe.history;
    let shown = history.len().min(columns);
    if shown == 0 {
        return Vec::new();
    }
    let slowest = history
        .iter()
        .filter(|sample| sample.healthy)
        .map(|sample| sample.latency_ms)
        .fold(1.0_f64, f64::max);
    // Even latencies are a low line, not a wall: twice the mean is the least that fills the height.
    let healthy = history.iter().filter(|sample| sample.healthy);
    let (sum, count) = healthy.fold((0.0, 0.0), |(sum, count), sample| {
        (sum + sample.latency_ms, count + 1.0)
    });
    let full = slowest.max(2.0 * sum / f64::max(count, 1.0));
    let mut spans = vec![Span::raw(" ".repeat(columns - shown))];
    for column in 0..shown {
        let from = column * history.len() / shown;
        let to = ((column + 1) * history.len() / shown).max(from + 1);
        let stretch = || history.range(from..to.min(history.len()));
        if stretch().any(|sample| !sample.healthy) {
            spans.push(Span::styled("✗", look.theme.style(Role::Failed)));
            continue;
        }
        let latency = stretch()
            .map(|sample| sample.latency_ms)
            .fold(0.0, f64::max);
        let level = (latency / full * 7.0).round().clamp(0.0, 7.0) as usize;
        spans.push(Span::styled(BARS[level], look.theme.style(Role::Passed)));
    }
    spans
}
