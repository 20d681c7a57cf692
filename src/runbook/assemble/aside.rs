//! Sections beside the walk, and what has to be waited for.

use super::Assembler;
use crate::runbook::headings::Kind;
use crate::runbook::labels::{Label, label_of};
use crate::runbook::model::{Section, SectionKind};
use crate::runbook::outline::NodeKind;
use crate::runbook::timing;

impl Assembler<'_> {
    pub(super) fn reference(&mut self, index: usize) {
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
            if label.is_some() {
                let content = self.read(&self.own_nodes(index), None, label);
                match timing::soak_in(&heading.title) {
                    None => self.final_criteria.extend(content.criteria),
                    Some(window_s) => self.timed_criteria.push((window_s, content.criteria)),
                }
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

    pub(super) fn push_section(&mut self, index: usize, end: usize, kind: SectionKind) {
        let heading = &self.headings[index];
        let nodes = self.range(heading.node + 1, end);
        let section = Section {
            kind,
            title: heading.title.clone(),
            line: heading.line,
            body: self.markdown(heading.node + 1, end),
            blocks: nodes
                .iter()
                .filter_map(|node| self.blocks.number_of.get(node).copied())
                .collect(),
            step: None,
        };
        self.runbook.references.push(section);
    }

    /// What must pass before a phase of the cleanup: its title, its text, or its comments say so.
    pub(super) fn wait_of(&self, index: usize) -> Option<u64> {
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
}
