//! A guide as a flat list of the things that matter, each with its place: headings, paragraphs, list
//! items, code, HTML comments. It is read off the CommonMark tree, never off lines, so a `#` inside a
//! fence is no heading.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::source::Source;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum NodeKind {
    Heading { level: u8 },
    Paragraph,
    Item { task: Option<bool>, ordered: bool },
    Code(Code),
    Html,
    Table,
}

/// A fence or an indented block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Code {
    /// What stands after the fence; `None` for an indented block.
    pub info: Option<String>,
    pub code: String,
    /// Line of the first line of code.
    pub code_line: usize,
    /// False where the end of the file or of a list item ended the fence.
    pub closed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub kind: NodeKind,
    pub line: usize,
    pub start: usize,
    pub end: usize,
    /// Inline Markdown on one line; the title of a heading without Markdown; HTML as it stands.
    pub text: String,
    /// How many lists it stands in.
    pub depth: usize,
    /// The item it stands in, by index.
    pub item: Option<usize>,
}

impl Node {
    pub fn code(&self) -> Option<&Code> {
        match &self.kind {
            NodeKind::Code(code) => Some(code),
            _ => None,
        }
    }
}

/// Reads the tree from byte `base` of the source on (what is before is front matter).
pub(super) fn outline(source: &Source, base: usize) -> Vec<Node> {
    let text = &source.text[base..];
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let mut reader = Reader {
        source,
        text,
        base,
        nodes: Vec::new(),
        open: None,
        lists: Vec::new(),
        items: Vec::new(),
        quotes: 0,
        is_cut: false,
    };
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        reader.event(event, range.start, range.end);
    }
    reader.finish();
    reader.nodes
}

/// The node whose inline content is being read.
struct Open {
    index: usize,
    /// Byte range of the inline content seen so far, in the text that is read.
    span: Option<(usize, usize)>,
}

struct Reader<'a> {
    source: &'a Source,
    text: &'a str,
    base: usize,
    nodes: Vec<Node>,
    open: Option<Open>,
    /// True for an ordered list.
    lists: Vec<bool>,
    items: Vec<usize>,
    quotes: usize,
    /// A fence was found in the paragraph at hand.
    is_cut: bool,
}

/// What may stand before a fence on its line.
const BEFORE_A_FENCE: [char; 3] = [' ', '\t', '>'];

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, start: usize, end: usize) {
        match event {
            Event::Start(tag) => self.begin(tag, start, end),
            Event::End(tag) => self.end(tag),
            Event::TaskListMarker(done) => {
                if let Some(index) = self.items.last()
                    && let Some(NodeKind::Item { task, .. }) =
                        self.nodes.get_mut(*index).map(|node| &mut node.kind)
                {
                    *task = Some(done);
                }
            }
            Event::Text(text) => {
                self.goes_on(start, end);
                if let Some(open) = &self.open {
                    let node = &mut self.nodes[open.index];
                    match &mut node.kind {
                        NodeKind::Code(code) => code.code.push_str(&text),
                        NodeKind::Heading { .. } => node.text.push_str(&text),
                        _ => {}
                    }
                }
                self.extend(start, end);
            }
            Event::Code(_) if self.is_a_fence(start, end) => self.fence(start, end),
            Event::Code(text) => {
                self.goes_on(start, end);
                if let Some(open) = &self.open {
                    let node = &mut self.nodes[open.index];
                    if matches!(node.kind, NodeKind::Heading { .. }) {
                        node.text.push_str(&text);
                    }
                }
                self.extend(start, end);
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some(open) = &self.open {
                    let node = &mut self.nodes[open.index];
                    if matches!(node.kind, NodeKind::Heading { .. }) {
                        node.text.push(' ');
                    }
                }
            }
            Event::InlineHtml(_) => self.extend(start, end),
            _ => {}
        }
    }

    /// Whether a span of code is a fence that stands too far right to be one: Markdown takes it for words
    /// of the paragraph before it, its author did not.
    fn is_a_fence(&self, start: usize, end: usize) -> bool {
        let span = &self.text[start..end];
        let ticks = span.len() - span.trim_start_matches('`').len();
        let last = span.rsplit('\n').next().unwrap_or_default();
        ticks >= 3
            && span.contains('\n')
            && last.trim_start_matches(BEFORE_A_FENCE).len() == ticks
            && self
                .before(start)
                .chars()
                .all(|one| BEFORE_A_FENCE.contains(&one))
    }

    /// What stands on its line before this place.
    fn before(&self, start: usize) -> &str {
        let line = self.text[..start]
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        &self.text[line..start]
    }

    fn fence(&mut self, start: usize, end: usize) {
        let indent = self.before(start).chars().count();
        let mut lines = self.text[start..end].lines();
        let info = lines.next().unwrap_or_default();
        let info = info.trim_start_matches('`').trim().to_owned();
        let mut code = String::new();
        // The last is the fence that closes it.
        for line in lines.rev().skip(1).collect::<Vec<_>>().into_iter().rev() {
            let before = line.chars().take(indent);
            let before = before.take_while(|one| BEFORE_A_FENCE.contains(one));
            code.push_str(&line[before.map(char::len_utf8).sum()..]);
            code.push('\n');
        }
        let code = Code {
            info: Some(info),
            code,
            code_line: self.source.line(self.base + start) + 1,
            closed: true,
        };
        self.push(NodeKind::Code(code), start, end);
        self.close();
        self.is_cut = true;
    }

    /// Words behind a block, of a list item or of the paragraph that was taken to hold it, where no blank
    /// line makes them a paragraph.
    fn goes_on(&mut self, start: usize, end: usize) {
        let is_behind = |last: &Node| self.base + start >= last.end;
        let is_new = self.open.is_none() && (self.is_cut || !self.items.is_empty());
        if is_new && self.nodes.last().is_some_and(is_behind) {
            self.push(NodeKind::Paragraph, start, end);
        }
    }

    fn begin(&mut self, tag: Tag<'_>, start: usize, end: usize) {
        match tag {
            Tag::Heading { level, .. } => {
                let nested = !self.items.is_empty() || self.quotes > 0;
                let kind = if nested {
                    NodeKind::Paragraph
                } else {
                    NodeKind::Heading { level: level as u8 }
                };
                self.push(kind, start, end);
            }
            Tag::Paragraph => {
                // The first paragraph of an item is the item's own text.
                let of_item = self
                    .items
                    .last()
                    .is_some_and(|item| *item + 1 == self.nodes.len() && self.open.is_some());
                if !of_item {
                    self.push(NodeKind::Paragraph, start, end);
                }
            }
            Tag::CodeBlock(kind) => {
                self.close();
                let info = match kind {
                    CodeBlockKind::Fenced(info) => Some(info.to_string()),
                    CodeBlockKind::Indented => None,
                };
                let line = self.source.line(self.base + start);
                let code = Code {
                    code_line: if info.is_some() { line + 1 } else { line },
                    closed: info.is_none() || is_closed(&self.text[start..end]),
                    info,
                    code: String::new(),
                };
                self.push(NodeKind::Code(code), start, end);
            }
            Tag::HtmlBlock => {
                self.push(NodeKind::Html, start, end);
                if let Some(node) = self.nodes.last_mut() {
                    node.text = self.text[start..end].trim().to_owned();
                }
                self.open = None;
            }
            Tag::Table(_) => {
                self.push(NodeKind::Table, start, end);
                if let Some(node) = self.nodes.last_mut() {
                    node.text = self.text[start..end].trim_end().to_owned();
                }
                self.open = None;
            }
            Tag::List(first) => {
                self.close();
                self.lists.push(first.is_some());
            }
            Tag::Item => {
                let ordered = self.lists.last().copied().unwrap_or_default();
                self.push(
                    NodeKind::Item {
                        task: None,
                        ordered,
                    },
                    start,
                    end,
                );
                self.items.push(self.nodes.len() - 1);
            }
            Tag::BlockQuote(_) => {
                self.close();
                self.quotes += 1;
            }
            Tag::Link { .. }
            | Tag::Image { .. }
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough => {
                self.goes_on(start, end);
                self.extend(start, end);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::Paragraph | TagEnd::CodeBlock => {
                self.close();
                self.is_cut = false;
            }
            TagEnd::Item => {
                self.close();
                self.items.pop();
            }
            TagEnd::List(_) => {
                self.close();
                self.lists.pop();
            }
            TagEnd::BlockQuote(_) => {
                self.close();
                self.quotes = self.quotes.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn push(&mut self, kind: NodeKind, start: usize, end: usize) {
        self.close();
        self.nodes.push(Node {
            kind,
            line: self.source.line(self.base + start),
            start: self.base + start,
            end: self.base + end,
            text: String::new(),
            depth: self.lists.len(),
            item: self.items.last().copied(),
        });
        self.open = Some(Open {
            index: self.nodes.len() - 1,
            span: None,
        });
    }

    fn extend(&mut self, start: usize, end: usize) {
        if let Some(open) = &mut self.open {
            open.span = Some(match open.span {
                Some((first, last)) => (first.min(start), last.max(end)),
                None => (start, end),
            });
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let node = &mut self.nodes[open.index];
        match node.kind {
            NodeKind::Paragraph | NodeKind::Item { .. } => {
                if let Some((start, end)) = open.span {
                    node.end = node.end.max(self.base + end);
                    node.text = one_line(&self.text[start..end]);
                }
            }
            NodeKind::Heading { level } => {
                node.text = node.text.trim().to_owned();
                // A rule right under a paragraph makes it a heading, which no author of a long
                // paragraph meant.
                let underlined = !self.text[node.start - self.base..].starts_with('#');
                if underlined && level == 2 && (node.text.len() > 100 || node.text.ends_with('.')) {
                    node.kind = NodeKind::Paragraph;
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self) {
        self.close();
    }
}

/// Joins the lines of a paragraph; hard breaks stay as line ends.
fn one_line(text: &str) -> String {
    if !text.contains('\n') {
        return text.trim().to_owned();
    }
    let mut joined = String::with_capacity(text.len());
    for line in text.lines() {
        let hard = line.ends_with("  ") || line.ends_with('\\');
        joined.push_str(line.trim().trim_start_matches("> ").trim_end_matches('\\'));
        joined.push(if hard { '\n' } else { ' ' });
    }
    joined.trim().to_owned()
}

/// Whether a fence ends with a fence of its own kind, at least as long.
fn is_closed(block: &str) -> bool {
    let mut lines = block.trim_end().lines();
    let fence_of = |line: &str| {
        let line = line.trim_start_matches([' ', '\t', '>']);
        let mark = line
            .chars()
            .next()
            .filter(|mark| matches!(mark, '`' | '~'))?;
        let length = line
            .chars()
            .take_while(|character| *character == mark)
            .count();
        Some((mark, length, line[length..].trim().is_empty()))
    };
    let Some((mark, length, _)) = lines.next().and_then(fence_of) else {
        return false;
    };
    let last = lines.next_back().and_then(fence_of);
    last.is_some_and(|(last_mark, last_length, bare)| {
        last_mark == mark && last_length >= length && bare
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each node has a span; they are in the order of the text, stand apart or one inside the other, and
    /// leave out nothing but blanks, marks of quotes and rules.
    fn covers(text: &str) {
        let source = Source::decode(text.as_bytes());
        let text = &source.text;
        let nodes = outline(&source, 0);
        let mut covered = vec![false; text.len()];
        let mut around: Vec<usize> = Vec::new();
        let mut last = 0;
        for node in &nodes {
            assert!(last <= node.start && node.start <= node.end && node.end <= text.len());
            assert!(text.is_char_boundary(node.start) && text.is_char_boundary(node.end));
            assert_eq!(node.line, source.line(node.start));
            last = node.start;
            around.retain(|end| *end > node.start);
            let inside = around.iter().all(|end| node.end <= *end);
            assert!(inside, "{node:?} goes on after what it stands in");
            around.push(node.end);
            covered[node.start..node.end].fill(true);
        }
        let left_out = |character: char| " \t\n>*-_=+".contains(character) || character == '\0';
        for (at, character) in text.char_indices() {
            assert!(
                covered[at] || left_out(character) || character.is_whitespace(),
                "{character:?} of line {} is in no node of {text:?}",
                source.line(at)
            );
        }
    }

    #[test]
    fn the_spans_of_a_guide_cover_it() {
        for guide in [
            include_str!("../../tests/guides/counters.md"),
            include_str!("../../tests/guides/migration.md"),
            include_str!("../../tests/guides/release.md"),
            include_str!("../../tests/guides/rivals.md"),
            include_str!("../../tests/guides/schema.md"),
            include_str!("../../runbooks/single-table-migration.md"),
        ] {
            covers(guide);
        }
    }

    #[test]
    fn a_fence_too_far_right_in_an_item_is_a_fence() {
        let guide = "- [ ] **Look:**\n      ```bash\n      ls\n        df -h\n      ```\n      Then go on.\n- [ ] Next\n\nText:\n     ```sql\n     SELECT 1;\n     ```\n";
        let source = Source::decode(guide.as_bytes());
        let nodes = outline(&source, 0);
        let seen: Vec<(usize, &str, Option<&str>)> = nodes
            .iter()
            .map(|node| {
                let code = node.code().map(|code| code.code.as_str());
                (node.line, node.text.as_str(), code)
            })
            .collect();
        assert_eq!(
            seen,
            [
                (1, "**Look:**", None),
                (2, "", Some("ls\n  df -h\n")),
                (6, "Then go on.", None),
                (7, "Next", None),
                (9, "Text:", None),
                (10, "", Some("SELECT 1;\n")),
            ]
        );
        covers(guide);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

        #[test]
        fn the_spans_of_any_text_cover_it(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "# A\n", "## b `c` **d**\n", "under\n---\n", "***\n", "\n\n", "\n", "words ", "é✅ ",
                    "- one\n", "  - two\n", "1. three\n", "- [ ] four\n", "    indented\n", "> ", "> - five\n",
                    "```bash\n", "```\n", "~~~sql {#a}\n", "~~~\n", "  ```\n", "| a | b |\n|---|---|\n", "| c |\n",
                    "      ```sh\n      ls\n      ```\n", "<!-- gonogo: ponr -->\n", "<div>\n", "</div>\n", "\\\n", "\r\n", "\t", "*x* ", "[y](z) ", "`",
                ]),
                0..40,
            )
        ) {
            covers(&pieces.concat());
        }
    }
}
