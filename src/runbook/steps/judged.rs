//! What stands beside the blocks of a step about what must be true: under a label, as an example of what is
//! printed, in a sentence, in a table.

use super::super::attributes::Raw;
use super::super::expectation::{self, Answers, Bound, Form};
use super::super::labels::{Label, marked};
use super::super::metrics;
use super::super::model::{Block, Expectation, Role};
use super::super::outline::Node;
use super::Reader;

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
                .map(|read| vec![(block.code_line, json, read)]),
            None if lines.len() <= SHORT => {
                let each = lines.iter().zip(block.code_line..).map(|(line, at)| {
                    let read = self.bind(line, Form::Sample, bound, false)?;
                    Some((at, (*line).to_owned(), read))
                });
                each.collect()
            }
            None => None,
        };
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

    /// What sentences right beside a block say must be so, where its commands can answer that.
    pub(super) fn asserted(&mut self, text: &str, line: usize) {
        let Some(number) = self.last_block else {
            return;
        };
        for sentence in expectation::sentences(text) {
            if !expectation::asserts(sentence) {
                continue;
            }
            if let Some(read) = self.bind(sentence, Form::Sentence, number, false) {
                let known = self.content.expect.iter();
                if known
                    .clone()
                    .any(|item| item.cel.as_ref() == Some(&read.cel) && item.block == Some(number))
                {
                    continue;
                }
                let said = Expectation {
                    line,
                    text: sentence.trim_end_matches([':', '：']).to_owned(),
                    block: Some(number),
                    part: read.part,
                    proposed: true,
                    cel: Some(read.cel),
                    ..Expectation::default()
                };
                let settled = self.settled(number);
                self.content.expect.push(settle(said, &settled));
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
        let mut texts = vec![(text, None)];
        if let (None, Some(number)) = (&written, bound) {
            let flag = negative || label == Label::RedFlag;
            texts[0].1 = self.bind(text, Form::Label, number, flag);
            let clauses = expectation::clauses(text);
            if texts[0].1.is_none() && clauses.len() > 1 {
                // What can be measured of it is; the rest stays a person's.
                let read = |clause| (clause, self.bind(clause, Form::Sentence, number, flag));
                let each: Vec<_> = clauses.into_iter().map(read).collect();
                if each.iter().any(|(_, read)| read.is_some()) {
                    texts = each;
                }
            }
        }
        let settled = bound.and_then(|number| self.settled(number));
        for (text, read) in texts {
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

    /// What a sentence asks of a block; one with thousands of sentences behind it is read once.
    fn bind(&mut self, text: &str, form: Form, number: usize, flag: bool) -> Option<Bound> {
        if self
            .answers
            .as_ref()
            .is_none_or(|(known, _)| *known != number)
        {
            let block = self.material.blocks.get(number - 1)?;
            self.answers = Some((number, Answers::of(block)));
        }
        let (_, answers) = self.answers.as_ref()?;
        answers.bind(text, form, &self.content.expect, flag)
    }
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
