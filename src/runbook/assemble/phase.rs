//! Phases and their steps.

use super::{Assembler, step};
use crate::runbook::headings::Kind;
use crate::runbook::labels::{Label, label_of};
use crate::runbook::model::{Choice, Phase};
use crate::runbook::pattern::pattern;
use crate::runbook::{steps, timing};

impl Assembler<'_> {
    pub(super) fn phase(&mut self, index: usize) -> Phase {
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
            approvals: raw.approvals(),
            ..Phase::default()
        };
        if let Some(wait) = self.wait_in_title(index) {
            phase.wait_s = Some(wait.duration_s);
            self.keep_waits(&[wait]);
        }
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
            self.keep_waits(&content.waits);
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
            self.keep_waits(&content.waits);
            if !content.blocks.is_empty() || !content.ticks.is_empty() {
                let step_id = self.unique(&format!("{id}-1"));
                let body = phase.body.clone();
                phase
                    .steps
                    .push(step(step_id, &heading.title, heading.line, body, content));
            }
            // Notes inside a phase are looked up beside the walk.
            for child in self.headings[index].children.clone() {
                let is_note = matches!(
                    self.headings[child].kind,
                    Kind::Reference | Kind::Contacts | Kind::Troubleshooting
                );
                if is_note && !children.contains(&child) {
                    self.reference(child);
                }
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
        let way = self.choice_of(index);
        for step in phase.steps.iter_mut().filter(|step| step.choice.is_none()) {
            step.choice.clone_from(&way);
        }
        // A rollback inside a phase belongs to the phase.
        for nested in self.nested(index, Kind::Rollback) {
            if self.headings[nested]
                .parent
                .is_some_and(|parent| self.headings[parent].kind != Kind::Rollback)
            {
                let undo = self.rollback(nested, Some(&phase));
                let before = self.headings[nested].line;
                if let Some(step) = phase.steps.iter_mut().rev().find(|step| step.line < before) {
                    step.undo = step.undo.take().or(undo);
                }
            }
        }
        phase
    }

    /// Sub-headings that are steps; the rest of a phase's sub-headings go where they belong.
    pub(super) fn step_headings(&self, index: usize) -> Vec<usize> {
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
            .filter(|child| match self.headings[*child].kind {
                Kind::Rollback => false,
                Kind::Reference | Kind::Contacts | Kind::Troubleshooting => {
                    self.holds_commands(*child)
                }
                _ => true,
            })
            .collect()
    }

    pub(super) fn step_of(&mut self, index: usize, phase: &mut Phase) {
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
        self.keep_waits(&content.waits);
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
        step.approvals = raw.approvals();
        if let Some(wait) = self.wait_in_title(index) {
            self.keep_waits(std::slice::from_ref(&wait));
            step.waits.insert(0, wait);
        }
        step.choice = self.choice_of(index);
        phase.steps.push(step);
    }

    /// The way that a section, or one around it, stands for where one of several is taken.
    pub(super) fn choice_of(&self, index: usize) -> Option<Choice> {
        let mut at = Some(index);
        while let Some(heading) = at {
            if let Some(own) = &self.blocks.ways[heading] {
                return Some(own.clone());
            }
            at = self.headings[heading].parent;
        }
        None
    }

    /// Whether the only command of a step says in its first comment that it is optional.
    pub(super) fn is_optional_block(&self, blocks: &[usize]) -> bool {
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
}
