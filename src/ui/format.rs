//! Small words and measures of the screen: durations, clocks, numbers, and text that is cut or
//! wrapped by the width it takes on a terminal rather than by its bytes.

use std::borrow::Cow;

use chrono::{FixedOffset, TimeDelta};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::run::Timestamp;
use crate::text::redact::MASK;
use crate::text::scrub::scrub_line;
use crate::text::written::{masked, secrets_in};

/// `4s`, `3m 05s`, `2h 10m`, `3d 4h`.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A rough duration for estimates: `~45s`, `~15m`, `~1h 30m`.
pub fn estimate(seconds: u64) -> String {
    match seconds {
        0..60 | 61..90 => format!("~{seconds}s"),
        60..5_400 => format!("~{}m", seconds.div_ceil(60)),
        172_800.. => format!("~{}d", seconds.div_ceil(86_400)),
        _ if seconds % 3_600 < 60 => format!("~{}h", seconds / 3_600),
        _ => format!("~{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// `~5-10m`, or one of them where both are the same.
pub fn estimate_range(minimum: u64, maximum: u64) -> String {
    let (low, high) = (estimate(minimum), estimate(maximum));
    if low == high {
        return low;
    }
    let high = high.trim_start_matches('~');
    let unit = |text: &str| text.chars().last();
    if unit(&low) == unit(high) && !low.contains('h') && !high.contains('h') {
        return format!("{}-{high}", &low[..low.len() - 1]);
    }
    format!("{low} to {high}")
}

/// Milliseconds as `0.4ms`, `12ms`, `3.4s`, then as [`duration`].
pub fn milliseconds(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 10.0 => format!("{ms:.1}ms"),
        ms if ms < 1_000.0 => format!("{ms:.0}ms"),
        ms if ms < 60_000.0 => format!("{:.1}s", ms / 1_000.0),
        ms if ms.is_finite() => duration((ms / 1_000.0) as u64),
        _ => "-".to_owned(),
    }
}

/// `950`, `12.3k`, `4.5M`.
pub fn count(number: i64) -> String {
    match number {
        -9_999..=9_999 => number.to_string(),
        -999_999..=999_999 => format!("{:.1}k", number as f64 / 1e3),
        _ => format!("{:.1}M", number as f64 / 1e6),
    }
}

/// `512 B`, `12.4 MB`: of 1,024 each, as the server tells them.
pub fn bytes(number: i64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if number < 1_024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1_024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1_024.0 {
            break;
        }
        value /= 1_024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// `7,000,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 box`, `3 boxes`.
pub fn plural(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}

pub fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from((to - from).num_seconds()).unwrap_or(0)
}

/// `02:41:07`.
pub fn clock(at: Timestamp) -> String {
    at.format("%H:%M:%S").to_string()
}

/// `02:41`.
pub fn minute(at: Timestamp) -> String {
    at.format("%H:%M").to_string()
}

/// The operator's own clock: `04:41 +02:00`.
pub fn local(at: Timestamp, offset: FixedOffset) -> String {
    at.with_timezone(&offset).format("%H:%M %:z").to_string()
}

/// `02:41`, with the date where it is another day than `now`.
pub fn minute_or_date(at: Timestamp, now: Timestamp) -> String {
    if (at - now).abs() < TimeDelta::hours(12) {
        minute(at)
    } else {
        at.format("%Y-%m-%d %H:%M").to_string()
    }
}

pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `limit` columns; what is cut is marked by `…`, and a secret that is written in
/// it masked.
pub fn fit(text: &str, limit: usize) -> String {
    let text = masked(text);
    if text.width() <= limit {
        return text.into_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let wide = grapheme.width();
        if used + wide + 1 > limit {
            break;
        }
        kept.push_str(grapheme);
        used += wide;
    }
    if limit > 0 {
        kept.push('…');
    }
    kept
}

/// [`fit`], filled with blanks to exactly `limit` columns.
pub fn pad(text: &str, limit: usize) -> String {
    let fitted = fit(text, limit);
    let missing = limit.saturating_sub(fitted.width());
    fitted + &" ".repeat(missing)
}

/// [`pad`] to the right edge.
pub fn pad_left(text: &str, limit: usize) -> String {
    let fitted = fit(text, limit);
    " ".repeat(limit.saturating_sub(fitted.width())) + &fitted
}

/// Columns that a line takes.
pub fn line_width(line: &Line<'_>) -> usize {
    line.spans.iter().map(|span| span.content.width()).sum()
}

/// As [`wrap`], in at most so many rows: the last one ends with `…` where more would follow.
pub fn wrap_within(
    line: Line<'static>,
    limit: usize,
    hanging: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    let mut lines = wrap(line, limit, hanging);
    if lines.len() > rows.max(1) {
        lines.truncate(rows.max(1));
        if let Some(last) = lines.last_mut() {
            let style = last.spans.last().map(|span| span.style);
            while line_width(last) + 2 > limit
                && let Some(span) = last.spans.last_mut()
            {
                let mut text = span.content.to_string();
                match text.pop() {
                    Some(_) if !text.is_empty() => span.content = text.into(),
                    _ => drop(last.spans.pop()),
                }
            }
            let more = Span::styled(" …", style.unwrap_or_default());
            last.spans.push(more);
        }
    }
    lines
}

/// Breaks a styled line at blanks so that each part fits `limit` columns. Later parts are indented
/// by `hanging` columns. A secret that is written in it is masked.
pub fn wrap(line: Line<'static>, limit: usize, hanging: usize) -> Vec<Line<'static>> {
    let line = masked_line(line);
    if line_width(&line) <= limit || limit == 0 {
        return vec![line];
    }
    let hanging = if hanging + 8 > limit { 0 } else { hanging };
    let cells: Vec<(&str, Style)> = line
        .spans
        .iter()
        .flat_map(|span| {
            let style = line.style.patch(span.style);
            span.content
                .graphemes(true)
                .map(move |grapheme| (grapheme, style))
        })
        .collect();
    let mut lines = Vec::new();
    let mut start = 0;
    while start < cells.len() {
        let indent = if lines.is_empty() { 0 } else { hanging };
        let (mut end, mut used, mut blank) = (start, indent, None);
        while end < cells.len() {
            let wide = cells[end].0.width();
            if used + wide > limit {
                break;
            }
            if cells[end].0 == " " {
                blank = Some(end);
            }
            used += wide;
            end += 1;
        }
        let mut next = end;
        if end < cells.len() {
            match blank {
                // Not the indentation of the first line: nothing would be gained by breaking there.
                Some(blank) if cells[start..blank].iter().any(|cell| cell.0 != " ") => {
                    end = blank;
                    next = blank + 1;
                }
                _ if cells[end].0 == " " => next = end + 1,
                _ => {
                    end = end.max(start + 1);
                    next = end;
                }
            }
        }
        lines.push(joined(indent, &cells[start..end]));
        start = next;
    }
    lines
}

/// The line with its secrets masked, also one over several styles.
fn masked_line(mut line: Line<'static>) -> Line<'static> {
    let text: Cow<'_, str> = match line.spans.as_slice() {
        [only] => only.content.as_ref().into(),
        several => several.iter().map(|span| span.content.as_ref()).collect(),
    };
    let secrets = secrets_in(&text);
    if secrets.is_empty() {
        return line;
    }
    let mut start = 0;
    for span in &mut line.spans {
        let end = start + span.content.len();
        let mut shown = String::new();
        let mut at = start;
        for secret in secrets.iter().filter(|secret| secret.end > start) {
            if secret.start >= end {
                break;
            }
            if let Some(before) = span.content.get(at - start..secret.start.max(at) - start) {
                shown.push_str(before);
            }
            // The mask stands where the secret begins.
            if secret.start >= start {
                shown.push_str(MASK);
            }
            at = secret.end.min(end);
        }
        shown.push_str(span.content.get(at - start..).unwrap_or_default());
        span.content = shown.into();
        start = end;
    }
    line
}

fn joined(indent: usize, cells: &[(&str, Style)]) -> Line<'static> {
    let mut spans = Vec::new();
    if indent > 0 {
        spans.push(Span::raw(" ".repeat(indent)));
    }
    for run in cells.chunk_by(|one, other| one.1 == other.1) {
        let text: String = run.iter().map(|cell| cell.0).collect();
        spans.push(Span::styled(text, run[0].1));
    }
    Line::from(spans)
}

/// The text of a line that may hold colour sequences.
pub fn without_colour(text: &str) -> String {
    scrub_line(text, false).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(lines: &[Line<'_>]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_secret_is_masked_before_a_line_is_cut_or_wrapped() {
        let text = "psql postgresql://deploy:a-long-password@db/shop -c x";
        let shown = "psql postgresql://deploy:‹redacted›@db/shop -c x";
        assert_eq!(fit(text, 80), shown);
        for limit in [12, 20, 29, 80] {
            let lines = plain(&wrap(Line::raw(text), limit, 2));
            let joined: String = lines.concat().split_whitespace().collect();
            assert!(joined.contains("deploy:‹redacted›@db"), "{lines:?}");
            assert!(!fit(text, limit).contains("a-"), "{limit}");
        }
        let bold = Style::new().bold();
        let spans = vec![
            Span::raw("postgresql://deploy:a-l"),
            Span::styled("ong-pass", bold),
            Span::raw("word@db PGPASSWORD=x1y psql"),
        ];
        let lines = wrap(Line::from(spans), 80, 0);
        assert_eq!(
            plain(&lines),
            ["postgresql://deploy:‹redacted›@db PGPASSWORD=‹redacted› psql"]
        );
    }

    #[test]
    fn durations_grow_coarser() {
        let shown: Vec<_> = [4, 185, 7_800, 273_600].map(duration).into();
        assert_eq!(shown, ["4s", "3m 05s", "2h 10m", "3d 4h"]);
        assert_eq!(estimate_range(300, 600), "~5-10m");
        assert_eq!(estimate_range(2_400, 7_800), "~40m to 2h 10m");
        assert_eq!(estimate_range(300, 300), "~5m");
        assert_eq!(estimate_range(60, 120), "~1-2m");
    }

    #[test]
    fn long_numbers_are_grouped() {
        let shown: Vec<_> = [0, 999, 1_000, 7_000_000].map(grouped).into();
        assert_eq!(shown, ["0", "999", "1,000", "7,000,000"]);
    }

    #[test]
    fn text_is_cut_by_columns_not_bytes() {
        assert_eq!(fit("日本語テキスト", 7), "日本語…");
        assert_eq!(pad("ok", 4), "ok  ");
        assert_eq!(fit("word", 0), "");
    }

    #[test]
    fn lines_break_at_blanks_and_hang() {
        let lines = wrap(Line::raw("- one two three four"), 12, 2);
        assert_eq!(plain(&lines), ["- one two", "  three four"]);
    }

    #[test]
    fn a_long_word_is_broken() {
        assert_eq!(
            plain(&wrap(Line::raw("abcdefgh"), 3, 0)),
            ["abc", "def", "gh"]
        );
    }
}
