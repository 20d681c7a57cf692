//! What a report is made of, and its one writer of Markdown. Words of ours are marked as such by their type (`&'static str`);
//! whatever else is written is text, and no renderer makes markup of it: neither elements of HTML, nor
//! links, nor cells, nor the links that some renderers make of bare addresses.

use std::borrow::Cow;

use crate::text::scrub::scrub_line;

/// A document that is being written, block by block.
#[derive(Debug, Default)]
pub(super) struct Page {
    blocks: Vec<Block>,
}

#[derive(Debug)]
pub(super) enum Block {
    Heading(usize, Line),
    Paragraph(Line),
    Item(Line),
    /// The end of a list.
    Gap,
    /// The titles of a table, one a column; rows follow.
    Table(Vec<&'static str>),
    Row(Vec<Line>),
    /// Lines as they are.
    Fence(String),
    /// Spans of time one below the other: a picture of what a table beside it says.
    Spans(Vec<Span>),
}

/// One bar of a chart, in milliseconds from the opening of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub label: String,
    pub from_ms: u64,
    pub to_ms: u64,
    pub kind: SpanKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanKind {
    Phase,
    Good,
    Bad,
}

/// What stands in one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Own(&'static str),
    Text(String),
    Code(String),
    Strong(String),
}

impl Line {
    pub fn new() -> Self {
        Self::default()
    }

    /// Words of ours, markup included.
    pub fn own(mut self, words: &'static str) -> Self {
        self.parts.push(Part::Own(words));
        self
    }

    /// Anything. What stands between back quotes is shown as code, as in the guide it may come from.
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        self.parts.push(Part::Text(text.as_ref().to_owned()));
        self
    }

    pub fn code(mut self, text: impl AsRef<str>) -> Self {
        self.parts.push(Part::Code(text.as_ref().to_owned()));
        self
    }

    pub fn strong(mut self, text: impl AsRef<str>) -> Self {
        self.parts.push(Part::Strong(text.as_ref().to_owned()));
        self
    }

    /// What another line says, too.
    pub fn join(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// More, where there is something.
    pub fn with<T>(self, some: Option<T>, more: impl FnOnce(Self, T) -> Self) -> Self {
        match some {
            Some(value) => more(self, value),
            None => self,
        }
    }

    fn written(&self, in_cell: bool) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Own(words) => out.push_str(words),
                Part::Text(text) => write_text(&mut out, &one_line(text), in_cell),
                Part::Code(text) => write_code(&mut out, &one_line(text), in_cell),
                Part::Strong(text) => {
                    let text = one_line(text);
                    out.push_str("**");
                    write_plain(&mut out, text.trim(), in_cell);
                    out.push_str("**");
                }
            }
        }
        out.trim().to_owned()
    }
}

impl Page {
    pub fn heading(&mut self, level: usize, line: &Line) {
        self.blocks.push(Block::Heading(level, line.clone()));
    }

    pub fn paragraph(&mut self, line: &Line) {
        self.blocks.push(Block::Paragraph(line.clone()));
    }

    pub fn item(&mut self, line: &Line) {
        self.blocks.push(Block::Item(line.clone()));
    }

    /// The end of a list.
    pub fn gap(&mut self) {
        self.blocks.push(Block::Gap);
    }

    /// The first line of a table.
    pub fn table(&mut self, titles: &[&'static str]) {
        self.blocks.push(Block::Table(titles.to_vec()));
    }

    pub fn row(&mut self, cells: &[Line]) {
        self.blocks.push(Block::Row(cells.to_vec()));
    }

    /// Lines as they are, in a fence that nothing inside can close.
    pub fn fence(&mut self, text: &str) {
        self.blocks.push(Block::Fence(text.to_owned()));
    }

    pub fn spans(&mut self, spans: Vec<Span>) {
        self.blocks.push(Block::Spans(spans));
    }

    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// As Markdown.
    pub fn finish(self) -> String {
        let mut out = String::new();
        for block in &self.blocks {
            write_block(&mut out, block);
        }
        let text = out.trim_end();
        format!("{text}\n")
    }
}

fn write_block(out: &mut String, block: &Block) {
    match block {
        Block::Heading(level, line) => {
            let begins = out.is_empty() || out.ends_with("\n\n");
            let gap = if begins { "" } else { "\n" };
            let text = line.written(false);
            // A `#` at the end would be taken for the end of the heading.
            let closed = text.trim_end_matches('#');
            let signs = "\\#".repeat(text.len() - closed.len());
            let marks = "#".repeat(*level);
            out.push_str(&format!("{gap}{marks} {closed}{signs}\n\n"));
        }
        Block::Paragraph(line) => out.push_str(&format!("{}\n\n", line.written(false))),
        Block::Item(line) => out.push_str(&format!("- {}\n", line.written(false))),
        Block::Gap => out.push('\n'),
        Block::Table(titles) => {
            let rule = "|---".repeat(titles.len());
            out.push_str(&format!("| {} |\n{rule}|\n", titles.join(" | ")));
        }
        Block::Row(cells) => {
            let cells: Vec<String> = cells.iter().map(|cell| cell.written(true)).collect();
            out.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        Block::Fence(text) => {
            let fence = "`".repeat(longest_run(text).max(2) + 1);
            let lines = as_they_are(text);
            out.push_str(&format!("{fence}\n{lines}\n{fence}\n\n"));
        }
        // Markdown has no pictures of its own; the table says the same.
        Block::Spans(_) => {}
    }
}

/// Line by line, without what drives terminals.
pub(super) fn as_they_are(text: &str) -> String {
    let lines = text.trim_end().lines();
    let lines: Vec<Cow<'_, str>> = lines.map(|line| scrub_line(line, false)).collect();
    lines.join("\n")
}

/// Line ends and what is not seen would begin other blocks, or hide them.
pub(super) fn one_line(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text
        .lines()
        .map(|line| scrub_line(line.trim_end_matches('\r'), false))
        .collect();
    let joined = lines.join(" ");
    joined.replace(['\t', '\n'], " ")
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|character| character != '`');
    runs.map(str::len).max().unwrap_or(0)
}

/// Text cut where back quotes stand in pairs around code: what is code, and what is not.
pub(super) fn pieces(text: &str) -> Vec<(bool, &str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('`') {
        let inner = &rest[open..];
        let marks = inner.len() - inner.trim_start_matches('`').len();
        let inside = &inner[marks..];
        let mut ends = inside.match_indices('`');
        let close = ends.find(|(at, _)| {
            let run = inside[*at..].len() - inside[*at..].trim_start_matches('`').len();
            run == marks && !inside[..*at].ends_with('`')
        });
        let Some((close, _)) = close else {
            break;
        };
        pieces.push((false, &rest[..open]));
        pieces.push((true, &inside[..close]));
        rest = &inside[close + marks..];
    }
    pieces.push((false, rest));
    pieces
}

fn write_text(out: &mut String, text: &str, in_cell: bool) {
    for (is_code, piece) in pieces(text) {
        match is_code {
            true => write_code(out, piece, in_cell),
            false => write_plain(out, piece, in_cell),
        }
    }
}

fn write_code(out: &mut String, text: &str, in_cell: bool) {
    if text.trim().is_empty() {
        return;
    }
    // A code span right behind another one would be one with it.
    if out.ends_with('`') {
        out.push(' ');
    }
    let marks = "`".repeat(longest_run(text) + 1);
    let pad = match text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        true => " ",
        false => "",
    };
    let text = match in_cell {
        // A backslash right before a bar would make two cells of it.
        true => Cow::Owned(text.replace("\\|", "\\ |").replace('|', "\\|")),
        false => Cow::Borrowed(text),
    };
    out.push_str(&format!("{marks}{pad}{text}{pad}{marks}"));
}

/// Text without code in it. Bare addresses become code: a renderer would make links of them.
fn write_plain(out: &mut String, text: &str, in_cell: bool) {
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            out.push(' ');
        }
        match is_address(word) {
            true => write_code(out, word, in_cell),
            false => write_escaped(out, word, in_cell),
        }
    }
}

fn is_address(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    // `anna@ops` is none; `anna@ops.test` is.
    let mail = word.match_indices('@').any(|(at, _)| {
        let named = |character: char| character.is_alphanumeric() || "._-+".contains(character);
        let host = &word[at + 1..];
        let host = &host[..host.find(|other| !named(other)).unwrap_or(host.len())];
        word[..at].ends_with(named) && host.trim_end_matches('.').contains('.')
    });
    mail || ["://", "www.", "mailto:", "xmpp:"]
        .iter()
        .any(|sign| lower.contains(sign))
}

/// Every character that could mean something, behind a backslash.
fn write_escaped(out: &mut String, text: &str, in_cell: bool) {
    let begins = out.trim().is_empty();
    let mut before = out.chars().last().unwrap_or(' ');
    let mut characters = text.chars().enumerate().peekable();
    // `12.` and `12)` begin lists.
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    while let Some((position, character)) = characters.next() {
        let next = characters.peek().map_or(' ', |(_, next)| *next);
        let inside = before.is_alphanumeric() && next.is_alphanumeric();
        let special = match character {
            '\\' | '`' | '*' | '[' | ']' | '<' | '~' | '^' | '$' | '{' | '}' => true,
            '_' => !inside,
            '&' => next.is_alphanumeric() || next == '#',
            '#' | '+' | '-' | '=' | '>' | ':' => begins && position == 0,
            '.' | ')' => begins && digits > 0 && position == digits,
            _ => false,
        };
        match character {
            // An entity: whatever stands before it, it ends no cell.
            '|' if in_cell => out.push_str("&#124;"),
            _ => {
                if special {
                    out.push('\\');
                }
                out.push(character);
            }
        }
        before = character;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        Line::new().text(text).written(false)
    }

    #[test]
    fn text_stays_readable() {
        for plain in [
            "It is 3.5 s, and 5 > 4; a_b (x), 2026-01-02: done!",
            "rows: `recent = 0`, then `a`",
            "Ünïcode — \"quoted\" it's",
        ] {
            assert_eq!(text(plain), plain);
        }
    }

    #[test]
    fn what_would_be_markup_is_text() {
        for (raw, written) in [
            ("<b>", "\\<b>"),
            ("[a](b)", "\\[a\\](b)"),
            ("*a* _b_", "\\*a\\* \\_b\\_"),
            ("# a", "\\# a"),
            ("1. a", "1\\. a"),
            ("&amp; & b", "\\&amp; & b"),
            ("a\nb", "a b"),
            ("see https://x.test/a", "see `https://x.test/a`"),
            ("anna@ops.test: yes", "`anna@ops.test:` yes"),
            ("a ` b", "a \\` b"),
        ] {
            assert_eq!(text(raw), written);
        }
    }

    #[test]
    fn code_and_cells_hold_what_they_hold() {
        let line = Line::new().code("a`b").own(" ").code("x|y");
        assert_eq!(line.written(false), "``a`b`` `x|y`");
        assert_eq!(line.written(true), "``a`b`` `x\\|y`");
        let line = Line::new().code("a\\|b").own(" ").text("c|d");
        assert_eq!(line.written(true), "`a\\ \\|b` c&#124;d");
    }
}
