//! Puts every section of a guide where it belongs: preparation, forward path, cleanup, ways back, or
//! beside the walk.

use std::collections::{HashMap, HashSet};

use super::attributes::parse_choice;
use super::blocks::Blocks;
use super::headings::{Heading, Kind, Word, bare_title, slug};
use super::labels::{Label, label_of};
use super::model::{
    Actor, Choice, Phase, Role, RollbackOption, Runbook, Section, SectionKind, Soak, Step,
};
use super::outline::{Node, NodeKind};
use super::pattern::pattern;
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
    last_phase: usize,
    runbook: Runbook,
    /// Ids in use, and the next number to try for each.
    ids: HashMap<String, usize>,
    /// Criteria of a section for the whole deployment: the last gate asks them.
    final_criteria: Vec<super::model::Expectation>,
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
        Self {
            source,
            nodes,
            headings,
            blocks,
            first_phase: phases.first().copied().unwrap_or(usize::MAX),
            last_phase: phases.last().copied().unwrap_or_default(),
            phases: phases.iter().copied().collect(),
            runbook: Runbook::default(),
            ids,
            final_criteria: Vec::new(),
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
        let criteria = std::mem::take(&mut self.final_criteria);
        if let Some(last) = self.runbook.phases.last_mut() {
            last.criteria.extend(criteria);
        }
        self.bind_undo();
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
        self.keep_waits(&content);
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
        let holds_phase = self.phases.iter().any(|phase| {
            self.headings[*phase].node > heading.node && self.headings[*phase].end <= heading.end
        });
        if heading.level == 0 || holds_phase {
            self.container(index);
            return;
        }
        let kind = heading.kind;
        let before = index < self.first_phase;
        match kind {
            Kind::Rollback => {
                self.rollback(index, None);
                return;
            }
            Kind::Troubleshooting | Kind::Contacts | Kind::Metrics | Kind::Reference => {
                self.soak(index);
                self.reference(index);
                return;
            }
            _ => {}
        }
        let holds_boxes = self.holds(index, |node| {
            matches!(node.kind, NodeKind::Item { task: Some(_), .. })
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
            _ => holds_boxes,
        };
        if !walked || self.phases.is_empty() {
            self.soak(index);
            self.reference(index);
            return;
        }
        let mut phase = self.phase(index);
        if before || kind == Kind::Preparation {
            self.runbook.preparation.push(phase);
        } else {
            phase.wait_s = heading
                .raw
                .get("wait")
                .and_then(crate::text::duration::parse_s)
                .or_else(|| self.wait_of(index));
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
            if alone {
                self.runbook.phases.push(phase);
            } else if index < self.first_phase {
                self.runbook.preparation.push(phase);
            } else {
                self.runbook.cleanup.push(phase);
            }
        } else {
            self.keep_waits(&content);
            if heading.level > 0 && !body.trim().is_empty() {
                self.push_section(index, to, SectionKind::Other);
            }
        }
        for child in heading.children.clone() {
            self.place(child);
        }
    }

    fn phase(&mut self, index: usize) -> Phase {
        let heading = &self.headings[index];
        let raw = &heading.raw;
        let id = self.id_of(index);
        let (from, body_end) = (heading.node + 1, heading.body_end);
        let mut phase = Phase {
            id: id.clone(),
            title: heading.title.clone(),
            line: heading.line,
            optional: raw.flag("optional") || steps::is_optional(&heading.title),
            estimate: raw
                .get("estimate")
                .and_then(timing::estimate_value)
                .or_else(|| timing::estimate_of_title(&heading.title)),
            point_of_no_return: raw.flag("ponr"),
            owner: raw.get("owner").map(str::to_owned),
            ..Phase::default()
        };
        self.soak(index);
        let children = self.step_headings(index);
        if children.is_empty() {
            let content = self.read(
                &self.own_nodes(index),
                Some((&heading.title, heading.line)),
                None,
            );
            phase.estimate = phase.estimate.or(content.estimate);
            phase.criteria.extend(content.criteria.iter().cloned());
            self.keep_waits(&content);
            let step_id = self.unique(&format!("{id}-1"));
            let body = self.markdown(from, heading.end);
            let mut only = step(step_id, &heading.title, heading.line, body, content);
            only.undo = raw.get("undo").map(str::to_owned);
            only.optional = self.is_optional_block(&only.blocks);
            phase.steps.push(only);
        } else {
            phase.body = self.markdown(from, body_end);
            let content = self.read(&self.range(from, body_end), None, None);
            phase.estimate = phase.estimate.or(content.estimate);
            phase.criteria.extend(content.criteria.iter().cloned());
            self.keep_waits(&content);
            if !content.blocks.is_empty() || !content.ticks.is_empty() {
                let step_id = self.unique(&format!("{id}-1"));
                let body = phase.body.clone();
                phase
                    .steps
                    .push(step(step_id, &heading.title, heading.line, body, content));
            }
            for child in children {
                self.step_of(child, &mut phase);
            }
            if phase.steps.is_empty() {
                let step_id = self.unique(&format!("{id}-1"));
                let content = self.read(&[], Some((&heading.title, heading.line)), None);
                let body = phase.body.clone();
                phase
                    .steps
                    .push(step(step_id, &heading.title, heading.line, body, content));
            }
            if let Some(undo) = raw.get("undo")
                && let Some(last) = phase.steps.last_mut()
            {
                last.undo.get_or_insert_with(|| undo.to_owned());
            }
        }
        // A way back inside a phase belongs to the phase.
        for nested in self.nested(index, Kind::Rollback) {
            if self.headings[nested]
                .parent
                .is_some_and(|parent| self.headings[parent].kind != Kind::Rollback)
            {
                let title = phase.title.clone();
                let undo = self.rollback(nested, Some(&title));
                let before = self.headings[nested].line;
                if let Some(step) = phase.steps.iter_mut().rev().find(|step| step.line < before) {
                    step.undo = step.undo.take().or(undo);
                }
            }
        }
        phase
    }

    /// Sub-headings that are steps; the rest of a phase's sub-headings go where they belong.
    fn step_headings(&self, index: usize) -> Vec<usize> {
        // A single chapter that only holds the steps is passed through.
        if let [only] = self.headings[index].children[..] {
            let chapter = &self.headings[only];
            let own = self.read(&self.range(chapter.node + 1, chapter.body_end), None, None);
            if chapter.children.len() > 1 && own.is_empty() && chapter.kind != Kind::Rollback {
                return self.step_headings(only);
            }
        }
        self.headings[index]
            .children
            .iter()
            .copied()
            .filter(|child| {
                let kind = self.headings[*child].kind;
                !matches!(kind, Kind::Rollback)
                    && !(matches!(
                        kind,
                        Kind::Reference | Kind::Contacts | Kind::Troubleshooting
                    ) && !self.holds_commands(*child))
                    || kind == Kind::Metrics
            })
            .collect()
    }

    fn step_of(&mut self, index: usize, phase: &mut Phase) {
        let heading = &self.headings[index];
        let nodes = self.own_nodes(index);
        let own_label = label_of(&heading.title)
            .map(|(label, _)| label)
            .filter(|label| {
                matches!(
                    label,
                    Label::Success | Label::RedFlag | Label::Expected | Label::Prerequisite
                )
            });
        if heading.kind == Kind::Metrics
            || matches!(own_label, Some(Label::Success | Label::RedFlag))
        {
            let content = self.read(&nodes, None, own_label.or(Some(Label::Success)));
            phase.criteria.extend(content.criteria.iter().cloned());
            if content.blocks.is_empty() {
                return;
            }
        }
        if heading.kind == Kind::Troubleshooting {
            self.reference(index);
            return;
        }
        let content = self.read(&nodes, Some((&heading.title, heading.line)), own_label);
        phase.criteria.extend(content.criteria.iter().cloned());
        self.keep_waits(&content);
        self.soak(index);
        let id = self.id_of(index);
        let raw = &heading.raw;
        let body = self.markdown(heading.node + 1, heading.end);
        let mut step = step(id, &heading.title, heading.line, body, content);
        step.optional |= raw.flag("optional")
            || steps::is_optional(&heading.title)
            || self.is_optional_block(&step.blocks);
        step.estimate = raw
            .get("estimate")
            .and_then(timing::estimate_value)
            .or_else(|| timing::estimate_of_title(&heading.title))
            .or(step.estimate);
        step.undo = raw.get("undo").map(str::to_owned);
        let recommended = raw.flag("recommended") || is_recommended(&heading.title);
        step.choice = raw
            .get("choice")
            .map(|value| parse_choice(value, recommended))
            .or_else(|| self.choice_of(index, recommended));
        phase.steps.push(step);
    }

    /// Sibling headings such as `Option A` and `Option B` exclude each other.
    fn choice_of(&self, index: usize, recommended: bool) -> Option<Choice> {
        let is_option = |index: usize| {
            self.headings[index]
                .number
                .as_ref()
                .is_some_and(|number| number.word == Word::Option)
                || pattern!(r"(?i)^(or|alternative(ly)?)\b")
                    .is_match(bare_title(&self.headings[index].title))
        };
        let parent = self.headings[index].parent?;
        let options = self.headings[parent]
            .children
            .iter()
            .filter(|sibling| is_option(**sibling))
            .count();
        (is_option(index) && options > 1).then(|| Choice {
            group: slug(&self.headings[parent].title),
            name: self.headings[index].title.clone(),
            recommended,
        })
    }

    /// Reads a way back; returns the id of its first step. `of` names the phase it belongs to.
    fn rollback(&mut self, index: usize, of: Option<&str>) -> Option<String> {
        let heading = &self.headings[index];
        let options = self.option_headings(index);
        let own = self.read(&self.range(heading.node + 1, heading.body_end), None, None);
        self.keep_waits(&own);
        let first = self.runbook.rollback.len();
        if options.is_empty() {
            let children: Vec<usize> = self.step_headings(index);
            let option = self.option(index, &children, of);
            self.runbook.rollback.push(option);
        } else {
            if self.has_commands(&own) {
                let option = self.option(index, &[], of);
                self.runbook.rollback.push(option);
            }
            for option in options {
                let children = self.step_headings(option);
                let option = self.option(option, &children, of);
                self.runbook.rollback.push(option);
            }
            if !self.has_commands(&own) && !own.is_empty() {
                self.push_section(index, heading.body_end, SectionKind::Other);
            }
            let used: Vec<usize> = self.runbook.rollback[first..]
                .iter()
                .map(|option| option.line)
                .collect();
            for child in self.headings[index].children.clone() {
                let section = &self.headings[child];
                let last_line = self.source.line(self.nodes[section.end - 1].start);
                if !used
                    .iter()
                    .any(|line| (section.line..=last_line).contains(line))
                {
                    self.push_section(child, section.end, SectionKind::Other);
                }
            }
        }
        self.runbook
            .rollback
            .get(first)
            .and_then(|option| option.steps.first())
            .map(|step| step.id.clone())
    }

    /// The headings in a rollback section that are ways back of their own.
    fn option_headings(&self, index: usize) -> Vec<usize> {
        let named: Vec<usize> = self
            .inside(index)
            .filter(|inner| {
                self.headings[*inner]
                    .number
                    .as_ref()
                    .is_some_and(|number| number.word == Word::Option)
            })
            .collect();
        if !named.is_empty() {
            return named;
        }
        let children = &self.headings[index].children;
        let candidates: Vec<usize> = children
            .iter()
            .copied()
            .filter(|child| {
                let heading = &self.headings[*child];
                let lower = heading.title.to_lowercase();
                !heading.kind.is_aside_but_rollback()
                    && !pattern!(r"when to|trigger|critical issue|decision|criteria|require|indicator|verif|validat|after rollback|post-rollback|prerequisite|before|notif|communicat|document")
                        .is_match(&lower)
            })
            .collect();
        let numbered = candidates
            .iter()
            .filter(|child| self.headings[**child].number.is_some())
            .count();
        if numbered > 0 || candidates.is_empty() {
            // A single chapter that holds the options or steps: look inside it.
            return Vec::new();
        }
        if let [only] = candidates[..] {
            let deeper = self.option_headings(only);
            return if deeper.is_empty() {
                vec![only]
            } else {
                deeper
            };
        }
        candidates
    }

    fn option(&mut self, index: usize, children: &[usize], of: Option<&str>) -> RollbackOption {
        let heading = &self.headings[index];
        let raw = &heading.raw;
        let id = self.id_of(index);
        let nodes = if children.is_empty() && self.option_headings(index).is_empty() {
            self.own_nodes_with_rollback(index)
        } else {
            self.range(heading.node + 1, heading.body_end)
        };
        let mut collected = Phase::default();
        let content = self.read(
            &nodes,
            children
                .is_empty()
                .then_some((heading.title.as_str(), heading.line)),
            None,
        );
        let loss_query = self.loss_block(index);
        let mut estimate = raw
            .get("estimate")
            .and_then(timing::estimate_value)
            .or_else(|| timing::estimate_of_title(&heading.title))
            .or(content.estimate);
        if children.is_empty() || !content.is_empty() {
            let step_id = self.unique(&format!("{id}-1"));
            let body = self.markdown(heading.node + 1, heading.body_end);
            let mut only = step(step_id, &heading.title, heading.line, body, content);
            only.blocks.retain(|number| Some(*number) != loss_query);
            only.expect
                .retain(|expectation| loss_query.is_none() || expectation.block != loss_query);
            if children.is_empty() || !only.blocks.is_empty() || !only.ticks.is_empty() {
                collected.steps.push(only);
            }
        }
        for child in children {
            self.step_of(*child, &mut collected);
        }
        if estimate.is_none() && collected.steps.len() == 1 {
            estimate = collected.steps[0].estimate;
        }
        let to = if children.is_empty() && collected.steps.len() == 1 {
            self.headings[index].end
        } else {
            heading.end
        };
        let body = self.markdown(heading.node + 1, to);
        let title = match of {
            Some(phase) => format!("{} ({phase})", heading.title),
            None => heading.title.clone(),
        };
        for step in &mut collected.steps {
            step.blocks.retain(|number| Some(*number) != loss_query);
        }
        RollbackOption {
            id,
            title,
            line: heading.line,
            recommended: raw.flag("recommended") || is_recommended(&heading.title),
            discouraged: match raw.get("discouraged") {
                Some("true") => Some("the guide advises against it".to_owned()),
                Some(words) => Some(words.to_owned()),
                None => discouraged(&body),
            },
            estimate,
            loses: raw.get("loses").map(str::to_owned).or_else(|| loses(&body)),
            loss_query,
            body,
            steps: collected.steps,
        }
    }

    /// Whether the only command of a step says in its first comment that it is optional.
    fn is_optional_block(&self, blocks: &[usize]) -> bool {
        let [only] = blocks else { return false };
        self.blocks.blocks.get(only - 1).is_some_and(|block| {
            block.attributes.has_class("optional")
                || block
                    .code
                    .lines()
                    .take_while(|line| {
                        line.trim_start().starts_with(['#', '-']) || line.trim().is_empty()
                    })
                    .any(|line| {
                        let comment = line.trim_start().trim_start_matches(['#', '-']).trim();
                        pattern!(r"(?i)^optional\b|^no .* needed").is_match(comment)
                    })
        })
    }

    fn loss_block(&self, index: usize) -> Option<usize> {
        let heading = &self.headings[index];
        (heading.node + 1..heading.end)
            .filter_map(|node| self.blocks.number_of.get(&node).copied())
            .find(|number| {
                self.blocks
                    .blocks
                    .get(number - 1)
                    .is_some_and(|block| block.attributes.has_class("loss"))
            })
    }

    fn reference(&mut self, index: usize) {
        let heading = &self.headings[index];
        let back: Vec<usize> = self
            .nested(index, Kind::Rollback)
            .into_iter()
            .filter(|nested| {
                let mut parent = self.headings[*nested].parent;
                while let Some(above) = parent {
                    if above == index {
                        return true;
                    }
                    if self.headings[above].kind == Kind::Rollback {
                        return false;
                    }
                    parent = self.headings[above].parent;
                }
                false
            })
            .collect();
        let kind = match heading.kind {
            Kind::Troubleshooting => SectionKind::Troubleshooting,
            Kind::Contacts => SectionKind::Contacts,
            Kind::Metrics => SectionKind::Metrics,
            _ => SectionKind::Other,
        };
        if kind == SectionKind::Metrics {
            let label = label_of(&heading.title)
                .map(|(label, _)| label)
                .filter(|label| *label == Label::Success);
            let pure = label.is_some() && timing::soak_in(&heading.title).is_none();
            if pure {
                let content = self.read(&self.own_nodes(index), None, label);
                self.final_criteria.extend(content.criteria);
            }
        }
        // Issues are looked up one by one.
        if kind == SectionKind::Troubleshooting && !heading.children.is_empty() {
            let own = self.markdown(heading.node + 1, heading.body_end);
            if !own.trim().is_empty() {
                self.push_section(index, heading.body_end, kind);
            }
            for child in heading.children.clone() {
                self.push_section(child, self.headings[child].end, kind);
            }
        } else {
            self.push_section(index, heading.end, kind);
        }
        if heading.kind != Kind::Troubleshooting {
            for nested in back {
                self.rollback(nested, None);
            }
        }
    }

    fn push_section(&mut self, index: usize, end: usize, kind: SectionKind) {
        let heading = &self.headings[index];
        let section = Section {
            kind,
            title: heading.title.clone(),
            line: heading.line,
            body: self.markdown(heading.node + 1, end),
            blocks: (heading.node + 1..end)
                .filter_map(|node| self.blocks.number_of.get(&node).copied())
                .collect(),
        };
        self.runbook.references.push(section);
    }

    /// A watch over criteria: a section or its sub-headings that name an observation window.
    fn soak(&mut self, index: usize) {
        let heading = &self.headings[index];
        let named = heading
            .raw
            .get("soak")
            .and_then(crate::text::duration::parse_s)
            .or_else(|| timing::soak_in(&heading.title));
        let lower = heading.title.to_lowercase();
        let own = named.or_else(|| {
            (lower.contains("monitor") || lower.contains("validation") || lower.contains("soak"))
                .then(|| self.soak_of_body(index))
                .flatten()
        });
        let Some(duration_s) = own else { return };
        let content = self.read(
            &self.own_nodes(index),
            None,
            label_of(&heading.title)
                .map(|(label, _)| label)
                .filter(|label| *label == Label::Success),
        );
        let mut soak = Soak {
            title: heading.title.clone(),
            line: heading.line,
            duration_s,
            ..Soak::default()
        };
        soak.criteria
            .extend(content.ticks.iter().map(|tick| tick.text.clone()));
        for expectation in content.criteria.iter().chain(
            content
                .expect
                .iter()
                .filter(|expectation| expectation.output.is_none()),
        ) {
            if expectation.red_flag {
                soak.red_flags.push(expectation.text.clone());
            } else {
                soak.criteria.push(expectation.text.clone());
            }
        }
        if !self
            .runbook
            .soaks
            .iter()
            .any(|known| known.line == soak.line)
        {
            self.runbook.soaks.push(soak);
        }
        let inner: Vec<usize> = self
            .inside(index)
            .filter(|inner| timing::soak_in(&self.headings[*inner].title).is_some())
            .collect();
        for inner in inner {
            self.soak(inner);
        }
    }

    /// `Run for 1 week with …`, `Estimated Time: Ongoing (24-48 hours)`.
    fn soak_of_body(&self, index: usize) -> Option<u64> {
        let heading = &self.headings[index];
        (heading.node + 1..heading.body_end).find_map(|node| {
            let node = &self.nodes[node];
            if node.kind != NodeKind::Paragraph {
                return None;
            }
            let says =
                pattern!(r"(?i)\b(run|monitor|observe|watch|soak|keep)\b[^.]*\bfor\b|ongoing")
                    .is_match(&node.text);
            says.then(|| crate::text::duration::find(&node.text))
                .flatten()
                .map(|span| span.max_s())
                .filter(|seconds| *seconds >= 60)
        })
    }

    /// What must pass before a phase of the cleanup: its title, its text, or its comments say so.
    fn wait_of(&self, index: usize) -> Option<u64> {
        let heading = &self.headings[index];
        std::iter::once(heading.title.as_str())
            .chain(
                (heading.node + 1..heading.end.min(heading.node + 6)).filter_map(|node| {
                    let node = &self.nodes[node];
                    matches!(node.kind, NodeKind::Paragraph | NodeKind::Heading { .. })
                        .then_some(node.text.as_str())
                }),
            )
            .find_map(timing::wait_in)
    }

    fn keep_waits(&mut self, content: &Content) {
        self.runbook.waits.extend(content.waits.iter().cloned());
        self.runbook.waits.sort_by_key(|wait| wait.line);
        self.runbook.waits.dedup_by_key(|wait| wait.line);
    }

    fn read(&self, nodes: &[usize], title: Option<(&str, usize)>, label: Option<Label>) -> Content {
        let material = Material {
            nodes: self.nodes,
            blocks: &self.blocks.blocks,
            number_of: &self.blocks.number_of,
        };
        steps::read(&material, nodes, title, label)
    }

    fn range(&self, from: usize, to: usize) -> Vec<usize> {
        (from..to.max(from)).collect()
    }

    /// The nodes of a section without nested ways back.
    fn own_nodes(&self, index: usize) -> Vec<usize> {
        let heading = &self.headings[index];
        let excluded: Vec<(usize, usize)> = self
            .nested(index, Kind::Rollback)
            .into_iter()
            .map(|nested| (self.headings[nested].node, self.headings[nested].end))
            .collect();
        (heading.node + 1..heading.end)
            .filter(|node| {
                !excluded
                    .iter()
                    .any(|(from, to)| (*from..*to).contains(node))
            })
            .collect()
    }

    fn own_nodes_with_rollback(&self, index: usize) -> Vec<usize> {
        let heading = &self.headings[index];
        self.range(heading.node + 1, heading.end)
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
                && matches!(block.role, Role::Run | Role::Fill | Role::Split)
        })
    }

    fn id_of(&mut self, index: usize) -> String {
        let heading = &self.headings[index];
        match heading.raw.id.as_deref().or(heading.raw.get("id")) {
            Some(id) => id.to_owned(),
            None => self.unique(&slug(&heading.title)),
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

impl Kind {
    fn is_aside_but_rollback(self) -> bool {
        self.is_aside() && self != Self::Rollback && self != Self::Reference
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
        choice: None,
        undo: None,
    }
}

fn is_recommended(title: &str) -> bool {
    let lower = title.to_lowercase();
    (lower.contains("recommended") || lower.contains("preferred") || lower.contains("empfohlen"))
        && !lower.contains("not recommended")
}

/// The words with which a guide advises against a way back.
fn discouraged(body: &str) -> Option<String> {
    let found = pattern!(r"(?i)\bnot\s+recommended\b|\blast\s+resort\b|\bavoid\s+(?:this|using)\b|\bdiscouraged\b|\bdo\s+not\s+use\b|\bonly\s+as\s+a\s+last\b").find(body)?;
    Some(sentence_around(body, found.start(), found.end()))
}

/// What a way back loses, where the text says it.
fn loses(body: &str) -> Option<String> {
    let found = pattern!(r"(?i)\bdata\s+(?:loss|written|created|entered|since)|\b(?:will\s+)?lose[sn]?\b|\blost\b|\bdiscards?\b").find(body)?;
    let sentence = sentence_around(body, found.start(), found.end());
    let harmless =
        pattern!(r"(?i)\b(no|without|zero|not|prevent|avoid)\b[^.]*\b(data loss|lose|lost|losing)")
            .is_match(&sentence);
    (!harmless).then_some(sentence)
}

fn sentence_around(text: &str, start: usize, end: usize) -> String {
    let before = text[..start]
        .rfind(". ")
        .map(|at| at + 2)
        .max(text[..start].rfind("\n\n").map(|at| at + 2))
        .unwrap_or_default();
    let after = [
        text[end..].find(". "),
        text[end..].find("\n\n"),
        text[end..].find(".\n"),
    ]
    .into_iter()
    .flatten()
    .min()
    .map_or(text.len(), |at| end + at + 1);
    text[before..after]
        .lines()
        .map(|line| line.trim().trim_start_matches(['#', '-', '>', '*']).trim())
        .filter(|line| !line.is_empty() && !line.starts_with("```"))
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(300)
        .collect()
}
