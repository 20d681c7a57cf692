//! Every block has one place: in the walk, in a rollback, or in a section beside them. What no section
//! took is put beside the walk, where it can be found.

use std::collections::BTreeSet;

use super::{Assembler, step};
use crate::runbook::headings::slug;
use crate::runbook::model::{Actor, Role, Section, SectionKind};

impl Assembler<'_> {
    pub(super) fn place_the_rest(&mut self) {
        let mut placed: BTreeSet<usize> = self
            .runbook
            .steps()
            .flat_map(|step| step.blocks.iter().copied())
            .chain(
                self.runbook
                    .rollback
                    .iter()
                    .filter_map(|option| option.loss_query),
            )
            .collect();
        for section in &mut self.runbook.references {
            section.blocks.retain(|number| placed.insert(*number));
        }
        let mut left: Vec<(usize, usize)> = self
            .blocks
            .number_of
            .iter()
            .filter(|(_, number)| !placed.contains(number))
            .map(|(node, number)| (*node, *number))
            .collect();
        left.sort_unstable();
        for (node, number) in left {
            let next = self.headings.partition_point(|heading| heading.node < node);
            let heading = next.checked_sub(1).map(|index| &self.headings[index]);
            let line = heading.map_or(1, |heading| heading.line);
            let known = self
                .runbook
                .references
                .iter_mut()
                .find(|section| section.line == line);
            if let Some(section) = known {
                section.blocks.push(number);
                continue;
            }
            let (from, to) = heading.map_or((0, self.nodes.len()), |heading| {
                (heading.node + 1, heading.body_end)
            });
            let title = heading.map_or(self.runbook.title.as_str(), |heading| &heading.title);
            let section = Section {
                kind: SectionKind::Other,
                title: title.to_owned(),
                line,
                body: self.markdown(from, to),
                blocks: vec![number],
                step: None,
            };
            self.runbook.references.push(section);
        }
        self.steps_beside();
    }

    /// What can be run in the sections beside the walk, as a step of each.
    fn steps_beside(&mut self) {
        let mut sections = std::mem::take(&mut self.runbook.references);
        for section in &mut sections {
            if !section.blocks.iter().any(|number| self.is_act(*number)) {
                continue;
            }
            let mut nodes: Vec<usize> = self
                .blocks
                .number_of
                .iter()
                .filter(|(_, number)| section.blocks.contains(number))
                .map(|(node, _)| *node)
                .collect();
            nodes.sort_unstable();
            let content = self.read(&nodes, None, None);
            let id = self.unique(&format!("beside-{}", slug(&section.title)));
            let body = section.body.clone();
            section.step = Some(step(id, &section.title, section.line, body, content));
        }
        self.runbook.references = sections;
    }

    /// Whether a block is something that can be run or done by hand.
    fn is_act(&self, number: usize) -> bool {
        self.blocks.blocks.get(number - 1).is_some_and(|block| {
            block.role == Role::Manual
                || (block.actor != Actor::Nobody
                    && !matches!(block.role, Role::Output | Role::Content))
        })
    }
}
