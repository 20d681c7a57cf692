//! Rollbacks: what the parts of a rollback section are to each other, and what the guide says of each
//! rollback. Everything in the section that can be run belongs to one of its rollbacks, or is told to
//! stand beside the walk.

use super::{Assembler, is_recommended, rollback_words, step, undoes};
use crate::runbook::headings::{Kind, Word};
use crate::runbook::labels::{Label, label_of, marked};
use crate::runbook::model::{
    Actor, Choice, Expectation, Phase, Role, RollbackOption, SectionKind, Step, Tick, Undoes,
};
use crate::runbook::outline::NodeKind;
use crate::runbook::{headings, steps, timing, words};

/// What the parts of a rollback section are to each other.
enum Shape {
    /// It is read as one.
    Whole,
    /// One after the other.
    Sequence(Vec<Piece>),
    /// One of them is taken; what stands around them is done whichever it is.
    Options {
        before: Vec<Piece>,
        options: Vec<usize>,
        after: Vec<Piece>,
    },
}

/// A stretch of a rollback section, by its heading.
#[derive(Clone, Copy)]
enum Piece {
    /// Up to its first sub-heading.
    Own(usize),
    /// With all of its sub-headings.
    Section(usize),
}

/// What is read of a rollback, besides its title.
#[derive(Default)]
struct Read {
    steps: Vec<Step>,
    criteria: Vec<Expectation>,
}

impl Read {
    fn extend(&mut self, other: &Self) {
        self.steps.extend(other.steps.iter().cloned());
        self.criteria.extend(other.criteria.iter().cloned());
    }
}

impl Assembler<'_> {
    /// Reads a rollback; returns the id of its first step. `of` names the phase it belongs to.
    pub(super) fn rollback(&mut self, index: usize, of: Option<&Phase>) -> Option<String> {
        self.note_triggers(index);
        let heading = &self.headings[index];
        if self.only_tells(index) {
            self.push_section(index, heading.end, SectionKind::Other);
            return None;
        }
        let first = self.runbook.rollback.len();
        match self.shape(index, false) {
            Shape::Options {
                mut before,
                options,
                after,
            } => {
                let own = self.read_own(index, false);
                if !self.executes(heading.node + 1, heading.body_end) && own.ticks.is_empty() {
                    if !self.markdown(heading.node + 1, heading.body_end).is_empty() {
                        self.push_section(index, heading.body_end, SectionKind::Other);
                    }
                } else if options.iter().any(|option| self.is_named_option(*option)) {
                    before.insert(0, Piece::Own(index));
                } else {
                    let own = self.option(index, &Read::default(), &Read::default(), of, true);
                    self.runbook.rollback.push(own);
                }
                let mut before = self.read_pieces(&before);
                let mut after = self.read_pieces(&after);
                let mut told = Read::default();
                self.push_told(index, &mut told);
                told.criteria.extend(own.criteria);
                after.criteria.extend(told.criteria);
                for option in options {
                    let option = self.option(option, &before, &after, of, false);
                    self.runbook.rollback.push(option);
                    let shared = before.steps.iter_mut().chain(&mut after.steps);
                    shared.for_each(|step| step.is_repeated = true);
                }
            }
            Shape::Whole | Shape::Sequence(_) => {
                let none = Read::default();
                let option = self.option(index, &none, &none, of, false);
                self.runbook.rollback.push(option);
            }
        }
        self.runbook
            .rollback
            .get(first)
            .and_then(|option| option.steps.first())
            .map(|step| step.id.clone())
    }

    /// Whether a section is about the decision to go back, or about what comes after it, and holds no
    /// rollback itself: a matrix, triggers, a list to tick.
    fn only_tells(&self, index: usize) -> bool {
        let heading = &self.headings[index];
        rollback_words::only_tells(&heading.title) && !self.executes(heading.node + 1, heading.end)
    }

    /// Keeps what the guide says of when to go back: sentences before the rollbacks, and the lists of
    /// sections about that.
    fn note_triggers(&mut self, index: usize) {
        let heading = &self.headings[index];
        let own = self.nodes[heading.node + 1..heading.body_end]
            .iter()
            .filter(|node| node.kind == NodeKind::Paragraph)
            .filter_map(|node| rollback_words::trigger(&node.text));
        let about = self
            .inside(index)
            .chain([index])
            .map(|inner| &self.headings[inner])
            .filter(|inner| rollback_words::names_triggers(&inner.title));
        let told = about
            .flat_map(|inner| &self.nodes[inner.node + 1..inner.body_end])
            .filter(|node| matches!(node.kind, NodeKind::Item { .. }))
            .map(|node| marked(&node.text).map_or(node.text.as_str(), |(_, rest)| rest));
        let found: Vec<String> = own.chain(told).map(str::to_owned).collect();
        for text in found {
            if !self.runbook.triggers.contains(&text) {
                self.runbook.triggers.push(text);
            }
        }
    }

    /// Whether something between two nodes can be run, or is done by hand in another program.
    fn executes(&self, from: usize, to: usize) -> bool {
        (from..to)
            .filter_map(|node| self.blocks.number_of.get(&node))
            .filter_map(|number| self.blocks.blocks.get(number - 1))
            .any(|block| {
                matches!(block.role, Role::Foreign | Role::Manual)
                    || (block.actor != Actor::Nobody
                        && !matches!(block.role, Role::Output | Role::Content))
            })
    }

    /// What the parts of a rollback section are to each other. Those of a rollback (`of_one`) are its
    /// steps, where nothing says that one of them is taken.
    fn shape(&self, index: usize, of_one: bool) -> Shape {
        let parts: Vec<usize> = self.headings[index]
            .children
            .iter()
            .copied()
            .filter(|child| self.is_part(*child))
            .collect();
        if parts.iter().any(|part| self.is_named_option(*part)) {
            return self.around(&parts, |part| self.is_named_option(part));
        }
        let is_check = |part: usize| rollback_words::verifies(&self.headings[part].title);
        let main: Vec<usize> = parts
            .iter()
            .copied()
            .filter(|part| !is_check(*part))
            .collect();
        let sequence = || Shape::Sequence(parts.iter().copied().map(Piece::Section).collect());
        match main[..] {
            [] if parts.is_empty() => Shape::Whole,
            [] => sequence(),
            [only] => match self.shape(only, of_one) {
                Shape::Options {
                    before,
                    options,
                    after,
                } => {
                    let at = parts.iter().position(|part| *part == only).unwrap_or(0);
                    let around = |parts: &[usize]| -> Vec<Piece> {
                        parts.iter().copied().map(Piece::Section).collect()
                    };
                    let chapter = &self.headings[only];
                    let own = self
                        .executes(chapter.node + 1, chapter.body_end)
                        .then_some(Piece::Own(only));
                    Shape::Options {
                        before: [around(&parts[..at]), own.into_iter().collect(), before].concat(),
                        options,
                        after: [after, around(&parts[at + 1..])].concat(),
                    }
                }
                _ if of_one || self.is_numbered(only) => sequence(),
                _ => self.around(&parts, |part| part == only),
            },
            _ => {
                let one_by_one = of_one
                    || main.iter().any(|part| self.is_numbered(*part))
                    || words::only_begins(&self.headings[main[0]].title);
                if one_by_one && !self.offers_one_of(index, &main) {
                    sequence()
                } else {
                    self.around(&parts, |part| !is_check(part))
                }
            }
        }
    }

    /// Options, and the parts before the first and after the last of them.
    fn around(&self, parts: &[usize], is_option: impl Fn(usize) -> bool) -> Shape {
        let first = parts.iter().position(|part| is_option(*part)).unwrap_or(0);
        let (mut options, mut after) = (Vec::new(), Vec::new());
        for part in &parts[first..] {
            if is_option(*part) {
                options.push(*part);
            } else {
                after.push(Piece::Section(*part));
            }
        }
        Shape::Options {
            before: parts[..first].iter().copied().map(Piece::Section).collect(),
            options,
            after,
        }
    }

    fn is_numbered(&self, index: usize) -> bool {
        let number = self.headings[index].number.as_ref();
        number.is_some_and(|number| number.word != Word::Option)
    }

    fn is_named_option(&self, index: usize) -> bool {
        let heading = &self.headings[index];
        let number = heading.number.as_ref();
        number.is_some_and(|number| number.word == Word::Option)
            || rollback_words::is_other_way(&heading.title)
            || heading.is_way_in_a_list(self.nodes)
    }

    /// Whether the words around numbered parts say that one of them is taken.
    fn offers_one_of(&self, index: usize, parts: &[usize]) -> bool {
        let heading = &self.headings[index];
        let is_step = |part: &usize| {
            let number = self.headings[*part].number.as_ref();
            number.is_some_and(|number| matches!(number.word, Word::Step | Word::Phase))
        };
        let told = self.nodes[heading.node + 1..heading.body_end]
            .iter()
            .any(|node| rollback_words::offers_one(&node.text));
        !parts.iter().any(is_step)
            && (told
                || rollback_words::names_options(&heading.title)
                || parts
                    .iter()
                    .all(|part| rollback_words::is_degree(&self.headings[*part].title)))
    }

    /// Whether a sub-section of a rollback is something that is done.
    fn is_part(&self, index: usize) -> bool {
        let heading = &self.headings[index];
        let executes = self.executes(heading.node + 1, heading.end);
        let aside = match heading.kind {
            // An emergency among rollbacks is one of them.
            Kind::Troubleshooting => !rollback_words::is_emergency(&heading.title),
            Kind::Contacts => true,
            Kind::Metrics | Kind::Reference => !executes,
            _ => false,
        };
        if aside || (!executes && rollback_words::only_tells_a_part(&heading.title)) {
            return false;
        }
        let is_item = heading.is_item(self.nodes);
        if executes || is_item || self.is_named_option(index) || self.is_numbered(index) {
            return true;
        }
        // What only describes, asks for nothing.
        let nodes = || self.nodes[heading.node + 1..heading.end].iter();
        let lists = nodes().any(|node| matches!(node.kind, NodeKind::Item { .. }));
        nodes().any(|node| match &node.kind {
            NodeKind::Code(_) => true,
            NodeKind::Item { task, ordered } => {
                *ordered || task.is_some() || words::is_act(&node.text)
            }
            NodeKind::Paragraph => !lists || words::is_act(&node.text),
            _ => false,
        })
    }

    fn read_pieces(&mut self, pieces: &[Piece]) -> Read {
        let mut read = Read::default();
        for piece in pieces {
            match *piece {
                Piece::Own(index) => self.own_step(index, &mut read),
                Piece::Section(index) => self.steps_in(index, None, &mut read),
            }
        }
        read
    }

    /// What stands between a heading and its first sub-heading. `whole`: it is a step by itself, and
    /// asks for what its title says where it asks for nothing else.
    fn read_own(&self, index: usize, whole: bool) -> steps::Content {
        let heading = &self.headings[index];
        let label = label_of(&heading.title)
            .map(|(label, _)| label)
            .filter(|label| matches!(label, Label::Success | Label::RedFlag | Label::Expected));
        let title = whole.then_some((heading.title.as_str(), heading.line));
        self.read_rollback(
            &self.range(heading.node + 1, heading.body_end),
            title,
            label,
        )
    }

    /// The steps of a section, in order. `choice`: the alternative that they belong to.
    fn steps_in(&mut self, index: usize, choice: Option<&Choice>, read: &mut Read) {
        match self.shape(index, true) {
            Shape::Whole => {
                let content = self.read_own(index, true);
                let id = self.id_of(index);
                self.push_step(index, id, content, choice, read);
                self.push_told(index, read);
            }
            Shape::Sequence(parts) => {
                self.own_step(index, read);
                for part in parts {
                    match part {
                        Piece::Own(part) => self.own_step(part, read),
                        Piece::Section(part) => self.steps_in(part, choice, read),
                    }
                }
                self.push_told(index, read);
            }
            Shape::Options {
                before,
                options,
                after,
            } => {
                let group = headings::slug(&self.headings[index].title);
                self.own_step(index, read);
                let before = self.read_pieces(&before);
                read.extend(&before);
                let alone = options.len() == 1;
                for option in options {
                    let title = self.headings[option].title.clone();
                    let own = Choice {
                        group: group.clone(),
                        recommended: is_recommended(&title),
                        name: title,
                    };
                    let own = if alone { choice } else { Some(&own) };
                    self.steps_in(option, own, read);
                }
                let after = self.read_pieces(&after);
                read.extend(&after);
                self.push_told(index, read);
            }
        }
    }

    /// What stands between a heading and its first sub-heading, where it holds something to do.
    fn own_step(&mut self, index: usize, read: &mut Read) {
        let mut content = self.read_own(index, false);
        let is_loss = |number: &usize| {
            let block = self.blocks.blocks.get(number - 1);
            block.is_some_and(|block| block.attributes.has_class("loss"))
        };
        content.blocks.retain(|number| !is_loss(number));
        if content.blocks.is_empty() && content.ticks.is_empty() {
            read.criteria.extend(content.criteria);
            self.keep_waits(&content.waits);
            return;
        }
        let id = self.headings[index].title.clone();
        let id = self.unique(&format!("{}-1", headings::slug(&id)));
        self.push_step(index, id, content, None, read);
    }

    fn push_step(
        &mut self,
        index: usize,
        id: String,
        content: steps::Content,
        choice: Option<&Choice>,
        read: &mut Read,
    ) {
        self.keep_waits(&content.waits);
        read.criteria.extend(content.criteria.iter().cloned());
        let heading = &self.headings[index];
        let raw = &heading.raw;
        let body = self.markdown(heading.node + 1, heading.body_end);
        let mut step = step(id, &heading.title, heading.line, body, content);
        step.optional = raw.flag("optional") || steps::is_optional(&heading.title);
        step.estimate = raw
            .get("estimate")
            .and_then(timing::estimate_value)
            .or_else(|| timing::estimate_of_title(&heading.title))
            .or(step.estimate);
        step.undo = raw.get("undo").map(str::to_owned);
        step.approvals = raw.approvals();
        step.choice = choice.cloned();
        read.steps.push(step);
    }

    /// The sub-sections of a rollback that hold nothing to do: what must be true after it, and what is
    /// looked up beside it.
    fn push_told(&mut self, index: usize, read: &mut Read) {
        for child in self.headings[index].children.clone() {
            if self.is_part(child) {
                continue;
            }
            let heading = &self.headings[child];
            let label = label_of(&heading.title).map(|(label, _)| label);
            let proves = rollback_words::verifies(&heading.title)
                || matches!(label, Some(Label::Success | Label::Expected))
                || heading.kind == Kind::Metrics;
            if proves && !self.executes(heading.node + 1, heading.end) {
                let nodes = self.range(heading.node + 1, heading.end);
                let content = self.read_rollback(&nodes, None, Some(Label::Success));
                read.criteria.extend(content.criteria);
            }
            self.push_section(child, self.headings[child].end, SectionKind::Other);
        }
    }

    /// A rollback, with what is done before and after it whichever is taken. `own`: only what stands
    /// before its first sub-heading.
    fn option(
        &mut self,
        index: usize,
        before: &Read,
        after: &Read,
        of: Option<&Phase>,
        own: bool,
    ) -> RollbackOption {
        let heading = &self.headings[index];
        let id = self.id_of(index);
        let mut read = Read::default();
        read.extend(before);
        let mut inner = Read::default();
        if own {
            self.own_step(index, &mut inner);
        } else {
            self.steps_in(index, None, &mut inner);
        }
        // The rollback has the id of its heading, and a step another one.
        for step in inner
            .steps
            .iter_mut()
            .filter(|step| step.id == id || step.line == heading.line)
        {
            step.id = self.unique(&format!("{id}-1"));
        }
        read.extend(&inner);
        read.extend(after);
        let Read {
            mut steps,
            mut criteria,
        } = read;
        let heading = &self.headings[index];
        let raw = &heading.raw;
        let end = if own { heading.body_end } else { heading.end };
        let body = self.markdown(heading.node + 1, end);
        let loss_query = self.loss_block(heading.node + 1, end);
        for step in &mut steps {
            step.blocks.retain(|number| Some(*number) != loss_query);
            step.expect
                .retain(|expectation| loss_query.is_none() || expectation.block != loss_query);
            self.ask_for_the_rest(step);
        }
        criteria.dedup();
        let mut estimates = inner.steps.iter().filter_map(|step| step.estimate);
        let first = estimates.next();
        let told = self.read(&self.range(heading.node + 1, heading.body_end), None, None);
        RollbackOption {
            id,
            title: match of {
                Some(phase) => format!("{} ({})", heading.title, phase.title),
                None => heading.title.clone(),
            },
            line: heading.line,
            recommended: raw.flag("recommended") || is_recommended(&heading.title),
            discouraged: match raw.get("discouraged") {
                Some("true") => Some("the guide advises against it".to_owned()),
                Some(words) => Some(words.to_owned()),
                None => rollback_words::discouraged(&body),
            },
            only_if: rollback_words::only_if(&body),
            estimate: raw
                .get("estimate")
                .and_then(timing::estimate_value)
                .or_else(|| timing::estimate_of_title(&heading.title))
                .or(told.estimate)
                .or(first.filter(|_| estimates.next().is_none())),
            loses: raw
                .get("loses")
                .map(str::to_owned)
                .or_else(|| rollback_words::loses(&body)),
            loss_query,
            body,
            steps,
            criteria,
            undoes_is_said: raw.get("undoes").is_some(),
            undoes: match (raw.get("undoes"), of) {
                (Some(value), _) => undoes::written(value),
                (None, Some(phase)) => Undoes::These(vec![phase.id.clone()]),
                (None, None) => Undoes::Unsaid,
            },
        }
    }

    /// A rollback asks for all that it holds: what nothing here can run (another database, an editor
    /// among commands) is done by hand, and a step that would ask for nothing is ticked as a whole.
    fn ask_for_the_rest(&self, step: &mut Step) {
        let mut runs = false;
        let blocks = step.blocks.iter();
        for block in blocks.filter_map(|number| self.blocks.blocks.get(number - 1)) {
            let acts = match block.role {
                Role::Split => block
                    .parts
                    .iter()
                    .filter(|part| part.role == Role::Foreign)
                    .map(|part| (part.line, part.code.as_str()))
                    .collect(),
                Role::Foreign => vec![(block.line, block.code.as_str())],
                _ => Vec::new(),
            };
            runs |= block.actor != Actor::Nobody
                && matches!(
                    block.role,
                    Role::Run | Role::Fill | Role::Promote | Role::Split
                );
            for (line, code) in acts {
                let first = code.lines().find(|line| !line.trim().is_empty());
                step.ticks.push(Tick {
                    line,
                    text: format!(
                        "By hand, on line {line}: `{}`",
                        first.unwrap_or_default().trim().replace('`', "'")
                    ),
                    ..Tick::default()
                });
            }
        }
        step.ticks.sort_by_key(|tick| tick.line);
        if !runs && step.ticks.is_empty() {
            step.ticks.push(Tick {
                line: step.line,
                text: step.title.clone(),
                ..Tick::default()
            });
        }
    }

    fn loss_block(&self, from: usize, to: usize) -> Option<usize> {
        (from..to)
            .filter_map(|node| self.blocks.number_of.get(&node).copied())
            .find(|number| {
                self.blocks
                    .blocks
                    .get(number - 1)
                    .is_some_and(|block| block.attributes.has_class("loss"))
            })
    }
}
