//! Puts every section of a guide where it belongs: preparation, forward path, cleanup, rollbacks, or
//! beside the walk.

mod aside;
mod phase;
mod places;
mod rollback;
mod rollback_words;
mod soaks;
#[cfg(test)]
mod tests;
mod undoes;

use std::collections::{HashMap, HashSet};

use super::blocks::Blocks;
use super::headings::{Heading, Kind, Word, slug, slug_of};
use super::labels::Label;
use super::metrics;
use super::model::{Actor, Phase, Role, Runbook, SectionKind, Step, Wait};
use super::options::is_recommended;
use super::outline::{Node, NodeKind};
use super::severity;
use super::source::Source;
use super::steps::{self, Content, Material};
use super::timing;

pub(super) struct Assembler<'a> {
    source: &'a Source,
    nodes: &'a [Node],
    headings: &'a [Heading],
    blocks: &'a Blocks,
    phases: HashSet<usize>,
    first_phase: usize,
    /// Headings whose sections hold a phase.
    containers: HashSet<usize>,
    runbook: Runbook,
    /// Ids in use, and the next number to try for each.
    ids: HashMap<String, usize>,
    /// Criteria of a section for the whole deployment: the last gate asks them.
    final_criteria: Vec<super::model::Expectation>,
    /// The same of a section with a time of its own, in seconds.
    timed_criteria: Vec<(u64, Vec<super::model::Expectation>)>,
    /// Lines of the watches that were found already.
    soaks: HashSet<usize>,
}

/// Compiles the patterns that are asked for here: that takes as long as all else, and while blocks are read
/// there is a core with nothing to do.
pub(super) fn prepare() {
    let ask = "a line of 1";
    super::labels::label_of(ask);
    timing::estimate_in(ask);
    timing::soak_in(ask);
    timing::wait_in(ask);
    timing::holds(ask);
    steps::is_optional(ask);
    undoes::is_partial(ask);
    for of_rollbacks in [
        rollback_words::only_tells,
        rollback_words::only_tells_a_part,
        rollback_words::verifies,
        rollback_words::is_emergency,
        rollback_words::is_other_way,
        rollback_words::offers_one,
        rollback_words::names_options,
        rollback_words::is_degree,
    ] {
        of_rollbacks(ask);
    }
    for in_words in [
        rollback_words::discouraged,
        rollback_words::only_if,
        rollback_words::loses,
    ] {
        in_words(ask);
    }
}

impl<'a> Assembler<'a> {
    pub fn new(
        source: &'a Source,
        nodes: &'a [Node],
        headings: &'a [Heading],
        blocks: &'a Blocks,
        phases: &[usize],
    ) -> Self {
        // Ids that the author wrote come first: an inferred id gives way.
        let mut ids = HashMap::new();
        for block in &blocks.blocks {
            ids.insert(block.id.clone(), 2);
        }
        for heading in headings {
            if let Some(id) = heading.raw.id.as_deref().or(heading.raw.get("id")) {
                ids.insert(id.to_owned(), 2);
            }
        }
        let mut containers = HashSet::new();
        for phase in phases {
            let mut above = headings[*phase].parent;
            while let Some(index) = above.filter(|index| containers.insert(*index)) {
                above = headings[index].parent;
            }
        }
        Self {
            containers,
            source,
            nodes,
            headings,
            blocks,
            first_phase: phases.first().copied().unwrap_or(usize::MAX),
            phases: phases.iter().copied().collect(),
            runbook: Runbook::default(),
            ids,
            final_criteria: Vec::new(),
            timed_criteria: Vec::new(),
            soaks: HashSet::new(),
        }
    }

    pub fn into_runbook(self) -> Runbook {
        self.runbook
    }

    pub fn assemble(&mut self) {
        match self.headings.first() {
            None => self.headless(),
            Some(first) => {
                let before = 0..first.node;
                if first.level == 0 || !self.phases.contains(&0) {
                    self.runbook.title = first.title.clone();
                }
                let content = self.read(&self.range(before.start, before.end), None, None);
                if !content.is_empty() {
                    let phase =
                        self.whole_phase("Before you start", 1, before.start, before.end, 1);
                    self.runbook.preparation.push(phase);
                }
                let tops: Vec<usize> = (0..self.headings.len())
                    .filter(|index| self.headings[*index].parent.is_none())
                    .collect();
                for top in tops {
                    self.place(top);
                }
            }
        }
        self.runbook.severities = severity::in_nodes(self.nodes);
        self.settle_soaks();
        let mut criteria = std::mem::take(&mut self.final_criteria);
        let steps = || self.runbook.walk().flat_map(|phase| &phase.steps);
        let walked = steps().flat_map(|step| &step.blocks);
        let known: Vec<_> = match criteria.is_empty() {
            true => Vec::new(),
            false => steps().flat_map(|step| &step.expect).cloned().collect(),
        };
        // They stand far from the commands that they speak of: more than one word has to tell.
        super::expectation::bind_criteria(
            &mut criteria,
            walked.filter_map(|number| self.blocks.blocks.get(number - 1)),
            &known,
            2,
        );
        if let Some(last) = self.runbook.phases.last_mut() {
            last.criteria.extend(criteria);
        }
        self.runbook.waits.sort_by_key(|wait| wait.line);
        self.runbook.waits.dedup_by_key(|wait| wait.line);
        self.place_the_rest();
        self.bind_undo();
        self.bind_undoes();
    }

    /// A guide without a single heading is one phase.
    fn headless(&mut self) {
        let content = self.read(&self.range(0, self.nodes.len()), None, None);
        if !content.is_empty() {
            let phase = self.whole_phase("Runbook", 1, 0, self.nodes.len(), 1);
            self.runbook.phases.push(phase);
        }
    }

    fn whole_phase(
        &mut self,
        title: &str,
        line: usize,
        from: usize,
        to: usize,
        number: usize,
    ) -> Phase {
        let nodes = self.range(from, to);
        let content = self.read(&nodes, None, None);
        let id = self.unique(&slug(title));
        let step_id = self.unique(&format!("{id}-{number}"));
        let mut phase = Phase {
            id,
            title: title.to_owned(),
            line,
            ..Phase::default()
        };
        self.keep_waits(&content.waits);
        phase.criteria.extend(content.criteria.iter().cloned());
        phase.estimate = content.estimate;
        let body = self.markdown(from, to);
        phase.steps.push(step(step_id, title, line, body, content));
        phase
    }

    fn place(&mut self, index: usize) {
        let heading = &self.headings[index];
        if self.phases.contains(&index) {
            let phase = self.phase(index);
            self.runbook.phases.push(phase);
            return;
        }
        let holds_phase = self.containers.contains(&index);
        if heading.level == 0 || holds_phase {
            self.container(index);
            return;
        }
        let kind = heading.kind;
        let under_title = self.phases.is_empty() && !self.runbook.phases.is_empty();
        let before = index < self.first_phase && !under_title;
        match kind {
            Kind::Rollback => {
                self.rollback(index, None);
                return;
            }
            Kind::Metrics if self.measures_by_window(index) => return,
            Kind::Troubleshooting | Kind::Contacts | Kind::Metrics | Kind::Reference => {
                self.soak(index);
                self.reference(index);
                return;
            }
            _ => {}
        }
        let holds_boxes = self.holds(index, |node| match node.kind {
            NodeKind::Item { task, .. } => task.is_some(),
            NodeKind::Table => !metrics::in_table(&node.text, node.line).is_empty(),
            _ => false,
        });
        let holds_commands = self.holds_commands(index);
        let holds_list = self.holds(index, |node| {
            matches!(node.kind, NodeKind::Item { ordered: true, .. })
        });
        let walked = match kind {
            Kind::Preparation => true,
            Kind::Cleanup => holds_boxes || holds_commands || holds_list,
            Kind::After => holds_boxes || holds_commands,
            _ if before => holds_boxes || holds_commands,
            // What is done later, or step by step, is no appendix.
            _ => holds_boxes || (holds_commands && (self.is_later(index) || self.has_steps(index))),
        };
        if !walked || self.phases.is_empty() && !under_title {
            self.soak(index);
            self.reference(index);
            return;
        }
        let mut phase = self.phase(index);
        if before || kind == Kind::Preparation {
            self.runbook.preparation.push(phase);
        } else {
            phase.wait_s = phase.wait_s.or_else(|| self.wait_of(index));
            self.runbook.cleanup.push(phase);
        }
    }

    /// A section that only holds other sections: the title of the document, "Deployment Steps".
    fn container(&mut self, index: usize) {
        let heading = &self.headings[index];
        let (from, to) = (heading.node + 1, heading.body_end);
        let nodes = self.range(from, to);
        let content = self.read(&nodes, None, None);
        let body = self.markdown(from, to);
        let alone = heading.children.is_empty();
        if heading.level == 0 {
            self.runbook.overview.clone_from(&body);
            if self.runbook.title.is_empty() {
                self.runbook.title = heading.title.clone();
            }
        }
        if self.has_commands(&content) || !content.ticks.is_empty() && (alone || heading.level > 0)
        {
            let phase = self.whole_phase(&heading.title.clone(), heading.line, from, to, 1);
            // Where no section is a phase, what stands right under the title is the walk.
            if alone || heading.level == 0 && self.phases.is_empty() {
                self.runbook.phases.push(phase);
            } else if index < self.first_phase {
                self.runbook.preparation.push(phase);
            } else {
                self.runbook.cleanup.push(phase);
            }
        } else {
            self.keep_waits(&content.waits);
            if heading.level > 0 && !body.trim().is_empty() {
                self.push_section(index, to, SectionKind::Other);
            }
        }
        for child in heading.children.clone() {
            self.place(child);
        }
    }

    fn keep_waits(&mut self, waits: &[Wait]) {
        self.runbook.waits.extend(waits.iter().cloned());
    }

    /// The wait that a title asks for before its section: `Clean up (after 7 days)`.
    fn wait_in_title(&self, index: usize) -> Option<Wait> {
        let heading = &self.headings[index];
        let written = heading.raw.get("wait");
        let written = written.and_then(crate::text::duration::parse_s);
        let duration_s = written.or_else(|| timing::wait_in(&heading.title))?;
        Some(Wait {
            line: heading.line,
            text: heading.title.clone(),
            duration_s,
            holds: true,
        })
    }

    /// Whether the title of a section, or of one in it, says that time passes before it.
    fn is_later(&self, index: usize) -> bool {
        self.wait_in_title(index).is_some()
            || self
                .inside(index)
                .any(|inner| self.wait_in_title(inner).is_some())
    }

    /// Whether the sub-sections are numbered as steps.
    fn has_steps(&self, index: usize) -> bool {
        let children = self.headings[index].children.iter();
        let numbered = children.filter(|child| {
            let number = self.headings[**child].number.as_ref();
            number.is_some_and(|number| matches!(number.word, Word::Step | Word::Phase))
        });
        numbered.count() > 1
    }

    fn read(&self, nodes: &[usize], title: Option<(&str, usize)>, label: Option<Label>) -> Content {
        steps::read(&self.material(false), nodes, title, label)
    }

    /// [`Self::read`] in a rollback, where a list that only describes asks for nothing.
    fn read_rollback(
        &self,
        nodes: &[usize],
        title: Option<(&str, usize)>,
        label: Option<Label>,
    ) -> Content {
        steps::read(&self.material(true), nodes, title, label)
    }

    fn material(&self, in_rollback: bool) -> Material<'_> {
        Material {
            nodes: self.nodes,
            blocks: &self.blocks.blocks,
            number_of: &self.blocks.number_of,
            source: self.source,
            in_rollback,
        }
    }

    fn range(&self, from: usize, to: usize) -> Vec<usize> {
        (from..to.max(from)).collect()
    }

    /// The nodes of a section without nested rollbacks.
    fn own_nodes(&self, index: usize) -> Vec<usize> {
        let heading = &self.headings[index];
        let mut own = Vec::new();
        let mut from = heading.node + 1;
        // In the order of the text; those inside another are behind `from` by then.
        for nested in self.nested(index, Kind::Rollback) {
            own.extend(from..self.headings[nested].node.max(from));
            from = from.max(self.headings[nested].end);
        }
        own.extend(from..heading.end.max(from));
        own
    }

    fn inside(&self, index: usize) -> impl Iterator<Item = usize> {
        let end = self.headings[index].end;
        (index + 1..self.headings.len()).take_while(move |inner| self.headings[*inner].node < end)
    }

    fn nested(&self, index: usize, kind: Kind) -> Vec<usize> {
        self.inside(index)
            .filter(|inner| self.headings[*inner].kind == kind)
            .collect()
    }

    fn holds(&self, index: usize, test: impl Fn(&Node) -> bool) -> bool {
        let heading = &self.headings[index];
        self.nodes[heading.node + 1..heading.end].iter().any(test)
    }

    fn holds_commands(&self, index: usize) -> bool {
        let heading = &self.headings[index];
        (heading.node + 1..heading.end)
            .filter_map(|node| self.blocks.number_of.get(&node))
            .any(|number| self.is_command(*number))
    }

    fn has_commands(&self, content: &Content) -> bool {
        content.blocks.iter().any(|number| self.is_command(*number))
    }

    fn is_command(&self, number: usize) -> bool {
        self.blocks.blocks.get(number - 1).is_some_and(|block| {
            block.actor != Actor::Nobody
                && matches!(
                    block.role,
                    Role::Run | Role::Fill | Role::Split | Role::Promote
                )
        })
    }

    fn id_of(&mut self, index: usize) -> String {
        let heading = &self.headings[index];
        match heading.raw.id.as_deref().or(heading.raw.get("id")) {
            Some(id) => id.to_owned(),
            None => self.unique(&slug_of(&heading.title, heading.number.as_ref())),
        }
    }

    fn unique(&mut self, id: &str) -> String {
        match self.ids.get(id).copied() {
            None => {
                self.ids.insert(id.to_owned(), 2);
                id.to_owned()
            }
            Some(mut number) => {
                let mut candidate = format!("{id}-{number}");
                while self.ids.contains_key(&candidate) {
                    number += 1;
                    candidate = format!("{id}-{number}");
                }
                self.ids.insert(id.to_owned(), number + 1);
                self.ids.insert(candidate.clone(), 2);
                candidate
            }
        }
    }

    /// Markdown of a range of nodes.
    fn markdown(&self, from: usize, to: usize) -> String {
        let start = match self.nodes.get(from) {
            Some(node) if from < to => node.start,
            _ => return String::new(),
        };
        let end = match self.nodes.get(to) {
            Some(node) => node.start,
            None => self.source.text.len(),
        };
        let text = self.source.text[start..end.max(start)].trim_end();
        text.trim_end_matches("---").trim_end().to_owned()
    }

    /// An undo may name a heading; what runs is the step under it.
    fn bind_undo(&mut self) {
        let mut step_of: HashMap<String, String> = HashMap::new();
        for (id, steps) in self
            .runbook
            .walk()
            .map(|phase| (&phase.id, &phase.steps))
            .chain(
                self.runbook
                    .rollback
                    .iter()
                    .map(|option| (&option.id, &option.steps)),
            )
        {
            if let [only] = &steps[..] {
                step_of.insert(id.clone(), only.id.clone());
            }
        }
        let runbook = &mut self.runbook;
        let phases = runbook
            .preparation
            .iter_mut()
            .chain(&mut runbook.phases)
            .chain(&mut runbook.cleanup);
        for step in phases.flat_map(|phase| &mut phase.steps) {
            if step.undo.is_none() {
                step.undo = step
                    .blocks
                    .iter()
                    .filter_map(|number| self.blocks.blocks.get(number - 1))
                    .find_map(|block| block.attributes.undo.clone());
            }
            if let Some(target) = step.undo.as_ref().and_then(|undo| step_of.get(undo)) {
                step.undo = Some(target.clone());
            }
        }
    }
}

fn step(id: String, title: &str, line: usize, body: String, content: Content) -> Step {
    Step {
        id,
        title: title.to_owned(),
        line,
        optional: false,
        estimate: content.estimate,
        body,
        blocks: content.blocks,
        ticks: content.ticks,
        expect: content.expect,
        waits: content
            .waits
            .into_iter()
            .filter(|wait| wait.holds)
            .collect(),
        choice: None,
        undo: None,
        approvals: None,
        is_repeated: false,
    }
}
