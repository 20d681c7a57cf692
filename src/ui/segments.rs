//! Rows of several stretches, of which the less important give way where the row is too narrow.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::format::line_width;

/// A stretch of a row that is left out where the row is too narrow; the larger the number, the
/// sooner.
pub struct Segment {
    pub spans: Vec<Span<'static>>,
    pub expendable: u8,
}

pub fn segment(text: impl Into<String>, style: Style, expendable: u8) -> Segment {
    Segment {
        spans: vec![Span::styled(text.into(), style)],
        expendable,
    }
}

/// Joins what fits: the left part from the left, the right part at the right edge.
pub fn row(
    mut left: Vec<Segment>,
    mut right: Vec<Segment>,
    separator: &Span<'static>,
    columns: u16,
) -> Line<'static> {
    let columns = usize::from(columns);
    loop {
        let line = joined(&left, &right, separator, columns);
        if line_width(&line) <= columns || left.len() + right.len() <= 1 {
            return line;
        }
        let worst = |segments: &[Segment]| {
            segments
                .iter()
                .enumerate()
                .max_by_key(|(_, segment)| segment.expendable)
                .map(|(index, segment)| (segment.expendable, index))
        };
        match (worst(&left), worst(&right)) {
            // What may not be left out is cut at the edge, and not dropped in silence.
            (Some((0, _)), None | Some((0, _))) | (None, Some((0, _))) => return line,
            (Some(in_left), Some(in_right)) if in_right.0 >= in_left.0 => {
                right.remove(in_right.1);
            }
            (Some(in_left), _) => {
                left.remove(in_left.1);
            }
            (None, Some(in_right)) => {
                right.remove(in_right.1);
            }
            (None, None) => return Line::default(),
        }
    }
}

fn joined(
    left: &[Segment],
    right: &[Segment],
    separator: &Span<'static>,
    columns: usize,
) -> Line<'static> {
    let put = |segments: &[Segment]| {
        let mut spans = Vec::new();
        for segment in segments {
            if !spans.is_empty() {
                spans.push(separator.clone());
            }
            spans.extend(segment.spans.iter().cloned());
        }
        Line::from(spans)
    };
    let (mut line, right) = (put(left), put(right));
    // Whichever is the first when others gave way: it begins one column in.
    let first = line.spans.first();
    if first.is_some_and(|span| !span.content.starts_with(' ')) {
        line.spans.insert(0, Span::raw(" "));
    }
    if !right.spans.is_empty() {
        let used = line_width(&line) + line_width(&right) + 1;
        let blank = " ".repeat(columns.saturating_sub(used) + 1);
        line.spans.push(Span::raw(blank));
        line.spans.extend(right.spans);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_begins_one_column_in_whatever_gave_way() {
        let parts = || {
            let style = Style::default();
            vec![
                segment(" Deploy the shop", style, 6),
                segment("TIME 1/600", style, 0),
            ]
        };
        let separator = Span::raw(" │ ");
        let text = |columns| row(parts(), Vec::new(), &separator, columns).to_string();
        assert_eq!(text(40), " Deploy the shop │ TIME 1/600");
        assert_eq!(text(20), " TIME 1/600");
    }
}
