//! What stands beside the blocks of a step about what must be true: under a label, as an example of what is
//! printed, in a sentence, in a table.

use super::super::attributes::Raw;
use super::super::expectation::{self, Answers, Bound, Form};
use super::super::labels::{Label, marked};
use super::super::metrics;
use super::super::model::{Block, Expectation, Role};
use super::super::outline::{Node, NodeKind};
use super::{Material, Reader};

impl Reader<'_> {
    /// An example of what the block before it prints.
    pub(super) fn sample(&mut self, block: &Block) {
        let Some(bound) = self.last_block else { return };
        const SHORT: usize = 2;
        let text = block.code.trim();
        let lines: Vec<&str> = text.lines().collect();
        let whole = text.starts_with('{').then(|| lines.join(" "));
        let read = match whole {
            Some(json) => self
                .bind(&json, Form::Sample, bound, false)
                .pop()
                .map(|read| vec![(block.code_line, json, read)]),
            None if lines.len() <= SHORT => {
                let each = lines.iter().zip(block.code_line..).map(|(line, at)| {
                    let read = self.bind(line, Form::Sample, bound, false).pop()?;
                    Some((at, (*line).to_owned(), read))
                });
                each.collect()
            }
            None => None,
        };
        if read.is_none() {
            self.samples_of(block, bound);
        }
        match read {
            Some(read) => {
                let said = read.into_iter().map(|(line, text, read)| Expectation {
                    line,
                    text,
                    block: Some(bound),
                    part: read.part,
                    proposed: true,
                    cel: Some(read.cel),
                    ..Expectation::default()
                });
                self.content.expect.extend(said);
            }
            None if block.role == Role::Output => self.content.expect.push(Expectation {
                line: block.line,
                text: block.code.trim_end().to_owned(),
                block: Some(bound),
                output: Some(block.code.trim_end().lines().map(str::to_owned).collect()),
                ..Expectation::default()
            }),
            None => {}
        }
    }

    /// Of a longer example the lines that can only be so each time.
    fn samples_of(&mut self, block: &Block, bound: usize) {
        const LONGEST: usize = 8;
        const ASKED: usize = 3;
        let lines = block.code.lines().zip(block.code_line..);
        let told: Vec<(&str, usize)> = lines
            .filter(|(line, _)| expectation::is_telling(line))
            .take(ASKED)
            .collect();
        if block.code.lines().count() > LONGEST {
            return;
        }
        for (line, at) in told {
            for read in self.bind(line, Form::Line, bound, false) {
                self.expect_of(bound, line.trim(), at, read);
            }
        }
    }

    /// What sentences right beside a block say must be so, where its commands can answer that. Returns whether
    /// they can.
    pub(super) fn asserted(&mut self, text: &str, node: &Node) -> bool {
        let Some(number) = self.last_block else {
            return false;
        };
        let mut found = false;
        for sentence in expectation::sentences(text) {
            if !expectation::asserts(sentence) {
                continue;
            }
            let whole = self.bind(sentence, Form::Sentence, number, false);
            let apart = expectation::demands(sentence);
            let pieces = match whole.is_empty() {
                _ if apart.len() > 1 => apart,
                true => {
                    let mut parts = expectation::parts(sentence);
                    parts.retain(|part| expectation::has_verb(part) || expectation::asserts(part));
                    parts
                }
                false => vec![sentence],
            };
            for piece in pieces {
                let line = line_of(self.material, node, text, piece);
                for read in self.bind(piece, Form::Sentence, number, false) {
                    self.expect_of(number, piece, line, read);
                    found = true;
                }
            }
        }
        found
    }

    /// Asks this of a block, where nothing else asks the same of it.
    fn expect_of(&mut self, number: usize, text: &str, line: usize, read: Bound) {
        let mut known = self.content.expect.iter();
        if known.any(|item| item.cel.as_ref() == Some(&read.cel) && item.block == Some(number)) {
            return;
        }
        let said = Expectation {
            line,
            text: text.trim_end_matches([':', '：']).to_owned(),
            block: Some(number),
            part: read.part,
            proposed: true,
            cel: Some(read.cel),
            ..Expectation::default()
        };
        let settled = self.settled(number);
        self.content.expect.push(settle(said, &settled));
    }

    /// A list behind a block that says what each of its answers means (`` `open`: all is well ``): one that
    /// stops the work must not be printed, and where one is left, that must.
    pub(super) fn outcomes(&mut self, index: usize) {
        const MOST: usize = 6;
        let Some(number) = self.last_block else {
            return;
        };
        let items: Vec<&Node> = self.material.nodes[index..]
            .iter()
            .take_while(|node| {
                matches!(
                    node.kind,
                    NodeKind::Item {
                        task: None,
                        ordered: false
                    }
                )
            })
            .take(MOST)
            .collect();
        let read = |node: &&Node| expectation::outcome(&node.text).map(|read| (node.line, read));
        let Some(read) = items.iter().map(read).collect::<Option<Vec<_>>>() else {
            return;
        };
        let good = read.iter().filter(|(_, (_, stops))| !stops).count();
        if read.len() < 2 || good == read.len() {
            return;
        }
        for (line, (answer, stops)) in read {
            if !stops && good > 1 {
                continue;
            }
            let text = match stops {
                true => format!("the output must not contain `{answer}`"),
                false => format!("the output must contain `{answer}`"),
            };
            for read in self.bind(&text, Form::Sentence, number, false) {
                self.expect_of(number, &text, line, read);
            }
        }
    }

    /// A table with a column that says what must be (`| Check | Expected |`): each row is a criterion.
    pub(super) fn table(&mut self, node: &Node) {
        const ROWS: usize = 40;
        let metrics = metrics::in_table(&node.text, node.line);
        if !metrics.is_empty() {
            self.content.criteria.extend(metrics);
            return;
        }
        let cells = |line: &str| -> Vec<String> {
            let line = line.trim().trim_start_matches('|').trim_end_matches('|');
            line.split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let mut lines = node.text.lines();
        let Some(head) = lines.next().map(cells) else {
            return;
        };
        let Some(goal) = head.iter().position(|cell| expectation::is_goal(cell)) else {
            return;
        };
        // A target of something else is none of ours.
        let is_asked = self.last_block.is_some()
            || expectation::is_label(&head[goal])
            || matches!(self.label, Some(Label::Success | Label::Expected));
        if goal == 0 || !is_asked {
            return;
        }
        let label = match self.after_code || self.label == Some(Label::Expected) {
            true => Label::Expected,
            false => Label::Success,
        };
        for (offset, row) in lines.skip(1).take(ROWS).enumerate() {
            let row = cells(row);
            let (Some(name), Some(wanted)) = (row.first(), row.get(goal)) else {
                continue;
            };
            if !name.is_empty() && !wanted.is_empty() {
                let text = format!("{name}: {wanted}");
                let raw = Raw::default();
                self.statement(&text, node.line + 2 + offset, label, &raw);
            }
        }
    }

    /// What the author wrote as the condition of a block.
    fn settled(&self, number: usize) -> Option<String> {
        let block = self.material.blocks.get(number.checked_sub(1)?)?;
        block.attributes.expect.clone()
    }

    /// A criterion of the gate, or an expectation about the block before it.
    pub(super) fn statement(&mut self, text: &str, line: usize, label: Label, raw: &Raw) {
        let (negative, text) = match marked(text) {
            Some((good, rest)) => (!good, rest),
            None => (false, text),
        };
        if text.is_empty() {
            return;
        }
        let bound = self.last_block.filter(|_| label == Label::Expected);
        let written = raw.get("expect").map(str::to_owned);
        let mut texts: Vec<(&str, Vec<Bound>)> = vec![(text, Vec::new())];
        if let (None, Some(number)) = (&written, bound) {
            let flag = negative || label == Label::RedFlag;
            texts = self.pieces(text, number, flag);
        }
        let settled = bound.and_then(|number| self.settled(number));
        for (text, read) in texts {
            let each: Vec<Option<Bound>> = match read.is_empty() {
                true => vec![None],
                false => read.into_iter().map(Some).collect(),
            };
            for read in each {
                let expectation = Expectation {
                    line,
                    text: text.to_owned(),
                    block: bound,
                    part: read.as_ref().map_or(0, |read| read.part),
                    proposed: read.is_some(),
                    cel: written.clone().or(read.map(|read| read.cel)),
                    red_flag: negative || label == Label::RedFlag,
                    ..Expectation::default()
                };
                if label == Label::Expected {
                    self.content.expect.push(settle(expectation, &settled));
                } else {
                    self.content.criteria.push(expectation);
                }
            }
        }
    }

    /// What a text behind a label asks for: as a whole, by its sentences, by their parts. What can be measured
    /// of it is; the rest stays a person's.
    fn pieces<'t>(
        &mut self,
        text: &'t str,
        number: usize,
        flag: bool,
    ) -> Vec<(&'t str, Vec<Bound>)> {
        let whole = self.bind(text, Form::Label, number, flag);
        if !whole.is_empty() {
            return vec![(text, whole)];
        }
        for pieces in [expectation::sentences(text), expectation::parts(text)] {
            if pieces.len() < 2 {
                continue;
            }
            let form = |at: usize| match at {
                0 => Form::Label,
                _ => Form::Sentence,
            };
            let pieces = pieces.into_iter().enumerate();
            let each: Vec<_> = pieces
                .map(|(at, piece)| (piece, self.bind(piece, form(at), number, flag)))
                .collect();
            if each.iter().any(|(_, read)| !read.is_empty()) {
                return each;
            }
        }
        vec![(text, whole)]
    }

    /// What a sentence asks of a block; one with thousands of sentences behind it is read once.
    fn bind(&mut self, text: &str, form: Form, number: usize, flag: bool) -> Vec<Bound> {
        if self
            .answers
            .as_ref()
            .is_none_or(|(known, _)| *known != number)
        {
            let block = self.material.blocks.get(number - 1);
            self.answers = block.map(|block| (number, Answers::of(block)));
        }
        let known = &self.content.expect;
        let answers = self.answers.as_ref();
        answers.map_or_else(Vec::new, |(_, answers)| {
            answers.bind(text, form, known, flag)
        })
    }
}

/// The line of a part of a node's text: its text is on one line, the guide's on several.
fn line_of(material: &Material<'_>, node: &Node, text: &str, part: &str) -> usize {
    let ink = |text: &str| {
        text.chars()
            .filter(|one| !one.is_whitespace() && *one != '>')
            .count()
    };
    let Some(at) = text.find(part) else {
        return node.line;
    };
    let raw = material
        .source
        .text
        .get(node.start..node.end)
        .unwrap_or_default();
    // What stands before it in the guide and not in the text: the mark of an item, a comment.
    let more = ink(raw).saturating_sub(ink(text));
    let mut before = ink(&text[..at]) + more.min(3);
    let found = raw.char_indices().find(|(_, one)| {
        let is_ink = !one.is_whitespace() && *one != '>';
        let here = is_ink && before == 0;
        before = before.saturating_sub(usize::from(is_ink));
        here
    });
    found.map_or(node.line, |(offset, _)| {
        material.source.line(node.start + offset)
    })
}

/// What the author wrote as the block's condition stands above what is read from words.
pub(super) fn settle(mut said: Expectation, written: &Option<String>) -> Expectation {
    if let Some(written) = written
        && said.proposed
    {
        said.cel = Some(written.clone());
        said.proposed = false;
    }
    said
}
