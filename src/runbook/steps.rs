//! What stands inside a step: its blocks, the boxes to tick, what must be true afterwards, how long it
//! takes and what must be waited for. Reads a range of the outline, in order, under the label at hand.

mod judged;

use super::attributes::take_comments;
use super::expectation::{self, Answers};
use super::headings::bare_title;
use super::labels::{self, Label, is_introduction, label_of, marked};
use super::model::{Actor, Block, Estimate, Expectation, Role, Tick, Wait};
use super::outline::{Node, NodeKind};
use super::pattern::pattern;
use super::source::Source;
use super::timing;
use super::words;

/// What was found in a range of the outline.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub blocks: Vec<usize>,
    pub ticks: Vec<Tick>,
    pub expect: Vec<Expectation>,
    pub criteria: Vec<Expectation>,
    pub estimate: Option<Estimate>,
    pub waits: Vec<Wait>,
}

impl Content {
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.ticks.is_empty() && self.criteria.is_empty()
    }
}

/// The nodes of a guide and the blocks made of them.
pub(super) struct Material<'a> {
    pub nodes: &'a [Node],
    pub blocks: &'a [Block],
    /// Block number by node index.
    pub number_of: &'a std::collections::HashMap<usize, usize>,
    pub source: &'a Source,
    /// A list that only describes (`Keeps the old files`) asks for nothing there.
    pub in_rollback: bool,
}

/// Reads the nodes of a step. `title` names the act where the step holds nothing else to do; `None`
/// where the range is not a step of its own.
pub(super) fn read(
    material: &Material<'_>,
    nodes: &[usize],
    title: Option<(&str, usize)>,
    initial: Option<Label>,
) -> Content {
    let mut reader = Reader {
        material,
        content: Content::default(),
        label: initial,
        last_block: None,
        loose: Vec::new(),
        answers: None,
        introduced: None,
        after_code: false,
        since_code: usize::MAX,
        leads: false,
    };
    for (position, index) in nodes.iter().enumerate() {
        reader.node(*index, nodes.get(position + 1).copied());
    }
    reader.finish(title)
}

/// Paragraphs behind a block that may speak of it.
const NEAR: usize = 2;

struct Reader<'a> {
    material: &'a Material<'a>,
    content: Content,
    label: Option<Label>,
    /// The block that an expectation looks back to.
    last_block: Option<usize>,
    /// Plain list items: acts only where the step holds nothing else.
    loose: Vec<Tick>,
    /// What the block of this number, the last that was asked about, can answer.
    answers: Option<(usize, Answers)>,
    /// The node right before a block that introduces it.
    introduced: Option<usize>,
    /// The node before was a block.
    after_code: bool,
    /// Nodes since the last block.
    since_code: usize,
    /// The paragraph at hand speaks of the block that follows it.
    leads: bool,
}

impl Reader<'_> {
    fn node(&mut self, index: usize, next: Option<usize>) {
        let node = &self.material.nodes[index];
        self.leads = false;
        match &node.kind {
            NodeKind::Heading { .. } => {
                self.since_code = usize::MAX;
                self.label = label_of(&node.text)
                    .map(|(label, _)| label)
                    .filter(|label| *label != Label::Other);
                self.wait(&node.text, node.line, timing::wait_in(&node.text).is_some());
            }
            NodeKind::Paragraph => self.paragraph(node, next),
            NodeKind::Item { task, ordered } => self.item(index, node, *task, *ordered),
            NodeKind::Code(_) => self.code(index),
            NodeKind::Table => self.table(node),
            NodeKind::Html => {}
        }
        self.introduced = match &node.kind {
            NodeKind::Paragraph | NodeKind::Item { .. }
                if self.leads || is_introduction(&node.text) =>
            {
                Some(index)
            }
            _ => None,
        };
        self.after_code = matches!(node.kind, NodeKind::Code(_));
        self.since_code = match self.after_code {
            true => 0,
            false => self.since_code.saturating_add(1),
        };
    }

    fn paragraph(&mut self, node: &Node, next: Option<usize>) {
        let (text, raw) = take_comments(&node.text);
        if self.content.estimate.is_none() {
            self.content.estimate = timing::estimate_in(&text);
        }
        self.wait(&text, node.line, timing::holds(&text));
        if text.contains('☐') {
            for (offset, line) in text.split('☐').skip(1).enumerate() {
                self.tick(node.line + offset, line.trim(), false, false);
            }
            return;
        }
        let found = label_of(&text);
        let is_labelled = matches!(
            &found,
            Some((Label::Success | Label::Expected | Label::RedFlag, rest)) if !rest.is_empty()
        );
        if !is_labelled && !is_introduction(&text) {
            let next_is_code = next
                .is_some_and(|next| matches!(self.material.nodes[next].kind, NodeKind::Code(_)));
            // What is waited for is seen in the next look.
            let waits = next_is_code && expectation::waits(&text);
            let read = !waits && self.since_code < NEAR && self.asserted(&text, node);
            self.leads = next_is_code && !read;
        }
        let before_list = next.is_some_and(|next| {
            matches!(
                self.material.nodes[next].kind,
                NodeKind::Item { .. } | NodeKind::Code(_)
            )
        });
        match found {
            Some((label @ (Label::Success | Label::Expected | Label::RedFlag), rest)) => {
                self.label = Some(label);
                let introduces = before_list && is_introduction(&text);
                if !rest.is_empty() && !introduces {
                    let rest = rest.replace("**", "");
                    self.statement(&rest, node.line, label, &raw);
                    self.label = None;
                }
            }
            Some((Label::Action, rest)) => {
                self.label = Some(Label::Action);
                if !rest.is_empty() {
                    self.tick(node.line, rest, false, false);
                }
            }
            Some((label, rest)) if is_introduction(&text) || (rest.is_empty() && before_list) => {
                self.label = Some(label);
            }
            _ => {
                // Criteria as lines of a paragraph, with hard breaks between.
                if let Some(label) = self.label
                    && text.lines().any(|line| marked(line).is_some())
                {
                    for (offset, line) in text.lines().enumerate() {
                        if marked(line).is_some() {
                            self.statement(line, node.line + offset, label, &raw);
                        }
                    }
                    return;
                }
                if node.item.is_none() {
                    self.label = None;
                }
            }
        }
    }

    fn item(&mut self, index: usize, node: &Node, task: Option<bool>, ordered: bool) {
        let (text, raw) = take_comments(&node.text);
        self.wait(&text, node.line, timing::holds(&text));
        if let Some(boxed) = text.strip_prefix('☐') {
            self.tick_with(node.line, boxed.trim(), false, &raw);
            return;
        }
        if text.is_empty() {
            return;
        }
        let label = self.label;
        match (task, marked(&text), label) {
            (Some(_), _, Some(Label::Success | Label::RedFlag)) => {
                let text = text.clone();
                self.statement(&text, node.line, label.unwrap_or(Label::Success), &raw);
            }
            (Some(claimed), _, _) => self.tick_with(node.line, &text, claimed, &raw),
            (None, Some((_, rest)), Some(Label::Prerequisite)) => {
                self.tick_with(node.line, rest, false, &raw);
            }
            (None, Some(_), Some(kind @ (Label::Success | Label::Expected | Label::RedFlag))) => {
                self.statement(&text, node.line, kind, &raw);
            }
            // Without a label a mark is a claim of the author; a comment of ours makes it a criterion.
            (None, Some((good, rest)), _) => {
                if !raw.is_empty() {
                    let kind = if good { Label::Success } else { Label::RedFlag };
                    self.statement(rest, node.line, kind, &raw);
                }
            }
            (None, None, Some(kind @ (Label::Success | Label::Expected | Label::RedFlag))) => {
                self.statement(&text, node.line, kind, &raw);
            }
            (None, None, Some(Label::Prerequisite)) => {
                self.tick_with(node.line, &text, false, &raw)
            }
            (None, None, _) => {
                if self.after_code && !ordered {
                    self.outcomes(index);
                }
                if label.is_none() && self.in_list_behind(index) {
                    self.asserted(&text, node);
                }
                let holds_code = self.material.nodes[index + 1..]
                    .iter()
                    .take_while(|inner| inner.start < node.end)
                    .any(|inner| matches!(inner.kind, NodeKind::Code(_)));
                let nested = node.item.is_some();
                if holds_code || (nested && !ordered) {
                    return;
                }
                if !raw.is_empty()
                    || (ordered && label != Some(Label::Other))
                    || label == Some(Label::Action)
                {
                    self.tick_with(node.line, &text, false, &raw);
                } else {
                    self.loose.push(Tick {
                        line: node.line,
                        text,
                        ..Tick::default()
                    });
                }
            }
        }
    }

    /// Whether nothing but items stand between an item and the block before it.
    fn in_list_behind(&self, index: usize) -> bool {
        const MOST: usize = 8;
        self.since_code < MOST
            && self.material.nodes[index - self.since_code.min(index)..index]
                .iter()
                .all(|node| matches!(node.kind, NodeKind::Item { .. }))
    }

    fn code(&mut self, index: usize) {
        let Some(number) = self.material.number_of.get(&index).copied() else {
            return;
        };
        let Some(block) = self.material.blocks.get(number - 1) else {
            return;
        };
        self.content.blocks.push(number);
        let expected = self.label == Some(Label::Expected) && block.role == Role::Content;
        if block.role == Role::Output || expected {
            self.sample(block);
            self.label = None;
            return;
        }
        if block.role == Role::Manual {
            self.by_hand(block);
            return;
        }
        for part in &block.parts {
            if part.role == Role::Manual {
                self.tick(part.line, &part.title, false, part.optional);
                let tick = self.content.ticks.last_mut();
                if let Some(tick) = tick.filter(|tick| tick.line == part.line) {
                    tick.choice.clone_from(&part.choice);
                }
            }
        }
        if matches!(block.role, Role::Run | Role::Fill) {
            for (offset, act) in super::role::trailing_acts(&block.code, block.actor) {
                self.tick(block.code_line + offset, &act, false, false);
            }
        }
        if matches!(block.actor, Actor::Shell | Actor::Sql | Actor::Http) {
            self.last_block = Some(number);
            let settled = block.attributes.expect.clone();
            let said = expectation::in_comments(block)
                .into_iter()
                .map(|one| judged::settle(one, &settled));
            self.content.expect.extend(said);
            if let Some(index) = self.introduced.take() {
                let node = &self.material.nodes[index];
                self.asserted(&node.text, node);
            }
            if self.content.estimate.is_none() {
                self.content.estimate = block
                    .code
                    .lines()
                    .filter(|line| line.trim_start().starts_with(['#', '-']))
                    .find_map(timing::estimate_in);
            }
            for (offset, line) in block.code.lines().enumerate() {
                let trimmed = line.trim_start();
                if trimmed.starts_with('#') || trimmed.starts_with("--") {
                    // A short pause inside a block is its own `sleep`.
                    let holds = timing::holds(trimmed)
                        && timing::wait_in(trimmed).is_some_and(|seconds| seconds >= 3_600);
                    self.wait(trimmed, block.code_line + offset, holds);
                }
            }
        }
        if let Some(condition) = &block.attributes.expect {
            self.content.expect.push(Expectation {
                line: block.line,
                text: condition.clone(),
                cel: Some(condition.clone()),
                block: Some(number),
                ..Expectation::default()
            });
        }
        self.label = None;
    }

    /// A block of comments, or of an editor: each line is an act.
    fn by_hand(&mut self, block: &Block) {
        for (offset, line) in block.code.lines().enumerate() {
            let act = line.trim().trim_start_matches(['#', '-']).trim();
            let act = labels::boxed(act).unwrap_or(act);
            self.tick(block.code_line + offset, act, false, false);
        }
        self.label = None;
    }

    fn tick(&mut self, line: usize, text: &str, claimed: bool, optional: bool) {
        if !text.is_empty() {
            self.content.ticks.push(Tick {
                line,
                text: text.trim_end_matches(':').to_owned(),
                claimed,
                optional: optional || is_optional(text),
                ..Tick::default()
            });
        }
    }

    fn tick_with(&mut self, line: usize, text: &str, claimed: bool, raw: &super::attributes::Raw) {
        self.tick(line, text, claimed, raw.flag("optional"));
        if let Some(tick) = self
            .content
            .ticks
            .last_mut()
            .filter(|tick| tick.line == line)
        {
            tick.cel = raw.get("expect").map(str::to_owned);
            tick.value = raw.get("value").map(str::to_owned);
        }
    }

    fn wait(&mut self, text: &str, line: usize, holds: bool) {
        if let Some(duration_s) = timing::wait_in(text) {
            self.content.waits.push(Wait {
                line,
                text: text.trim_start_matches(['#', '-', ' ']).to_owned(),
                duration_s,
                holds,
            });
        }
    }

    fn finish(mut self, title: Option<(&str, usize)>) -> Content {
        let numbers = self.content.blocks.iter();
        let blocks = numbers.filter_map(|number| self.material.blocks.get(number - 1));
        expectation::bind_criteria(&mut self.content.criteria, blocks, &self.content.expect, 0);
        let Some((title, line)) = title else {
            return self.content;
        };
        let has_code = self.content.blocks.iter().any(|number| {
            self.material
                .blocks
                .get(number - 1)
                .is_some_and(|block| !matches!(block.role, Role::Output | Role::Content))
        });
        if !has_code && self.content.ticks.is_empty() {
            if self.material.in_rollback {
                self.loose.retain(|tick| words::is_act(&tick.text));
            }
            self.content.ticks = self.loose;
        }
        let asks_for_values = self
            .content
            .criteria
            .iter()
            .any(|item| item.measure.is_some());
        if !has_code && self.content.ticks.is_empty() && !asks_for_values {
            let act = pattern!(r"^(?i)(?:(?:phase|step|stage|task|part)\s*[\w.]+\s*[:.)–—-]*|\d+(?:\.\d+)*[.):]?)\s*")
                .replace(bare_title(title), "")
                .into_owned();
            self.content.ticks.push(Tick {
                line,
                text: if act.is_empty() {
                    title.to_owned()
                } else {
                    act
                },
                ..Tick::default()
            });
        }
        self.content
    }
}

/// Optional only where the text says so.
pub(super) fn is_optional(text: &str) -> bool {
    pattern!(r"(?i)\boptional(ly)?\b|\bif (needed|necessary|desired|required|applicable)\b|\bnice to have\b").is_match(text)
}
