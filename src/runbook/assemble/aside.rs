//! Sections beside the walk, watches, and what has to be waited for.

use super::Assembler;
use crate::runbook::headings::Kind;
use crate::runbook::labels::{Label, label_of};
use crate::runbook::model::{Section, SectionKind, Soak};
use crate::runbook::outline::NodeKind;
use crate::runbook::pattern::pattern;
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

    /// A watch over criteria: a section or its sub-headings that name an observation window.
    pub(super) fn soak(&mut self, index: usize) {
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
        if self.soaks.insert(soak.line) {
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
    pub(super) fn soak_of_body(&self, index: usize) -> Option<u64> {
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
