//! Parts of which one is chosen: an alternative that is told or given as a command, and one command in
//! several forms.

use super::Builder;
use super::items::Item;
use super::names::command_name;
use crate::runbook::markers::{self, Marker, marker};
use crate::runbook::model::{Choice, Part, Role};

impl Builder<'_> {
    /// What is said or given instead of a statement: by its remark, or by what stands behind it.
    pub(super) fn alternatives(
        &mut self,
        first: usize,
        text: &str,
        remark: Option<&str>,
        behind: &[Item<'_>],
    ) {
        if let Some(Marker::OrCommand(other)) = remark.map(marker) {
            return self.alternative(first, text, &other, remark.unwrap_or_default());
        }
        let Some(Item::Comment {
            marker,
            text: other,
            line,
            ..
        }) = behind.first()
        else {
            return;
        };
        match marker {
            Marker::OrCommand(other) => self.alternative(first, text, other, ""),
            Marker::OrNext
                if behind
                    .iter()
                    .any(|item| !matches!(item, Item::Comment { .. })) =>
            {
                self.begin_choice(command_name(text));
                let group = self.groups;
                self.close();
                let choice = self.parts.last_mut().and_then(|part| part.choice.as_mut());
                if let Some(choice) = choice {
                    choice.recommended = true;
                }
                self.open.choice = Some((group, String::new()));
            }
            Marker::OrNext => self.told_alternative(text, other, *line),
            _ => {}
        }
    }

    /// The alternative of the statement before ends with its first statement.
    pub(super) fn end_alternative(&mut self, text: &str) {
        if self.open.has_statement
            && let Some((_, name)) = &mut self.open.choice
            && name.is_empty()
        {
            *name = command_name(text);
            self.close();
        }
    }

    /// An alternative that is only told: `or in the console: open …`, to the end of the block.
    fn told_alternative(&mut self, text: &str, other: &str, line: usize) {
        self.begin_choice(command_name(text));
        let group = format!("block-{}.{}", self.number, self.groups);
        self.close();
        if let Some(choice) = self.parts.last_mut().and_then(|part| part.choice.as_mut()) {
            choice.recommended = true;
        }
        self.parts.push(Part {
            title: markers::title(other),
            line: self.code_line + line,
            code: self.lines.get(line..).unwrap_or_default().join("\n"),
            role: Role::Manual,
            choice: Some(Choice {
                group,
                name: markers::title(other),
                recommended: false,
            }),
            ..Part::default()
        });
    }

    /// One of several statements of which one is chosen, each a part of its own.
    pub(super) fn form(&mut self, index: usize, text: &str, remark: Option<&str>) {
        let at = self
            .survey
            .side_by_side
            .partition_point(|form| *form < index);
        let goes_on = at > 0 && self.survey.side_by_side[at - 1] + 1 == index;
        if !goes_on {
            self.groups += 1;
        }
        let name = remark.map_or_else(|| command_name(text), markers::title);
        let last = self.open.lines.len();
        let own = text.lines().count();
        let before = self.open.lines[..last.saturating_sub(own)].to_vec();
        let has_before = before.iter().any(|line| {
            self.lines.get(*line).is_some_and(|line| {
                let line = line.trim();
                !line.is_empty() && !line.starts_with('#')
            })
        });
        if has_before {
            let lines = self.open.lines.split_off(before.len());
            self.close();
            self.open.lines = lines;
            self.open.first = self.open.lines.first().copied();
            self.open.has_statement = true;
        }
        self.open.choice = Some((self.groups, name));
        self.close();
    }

    /// Makes the statement at hand the primary of a choice, and adds its alternative as a part.
    fn alternative(&mut self, first: usize, text: &str, other: &str, remark: &str) {
        self.begin_choice(command_name(text));
        let group = self.groups;
        let line = self.code_line + first;
        let optional = self.open.optional;
        let before: Vec<&str> = self
            .open
            .lines
            .iter()
            .filter(|line| **line < first)
            .filter_map(|line| self.lines.get(*line))
            .copied()
            .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
            .collect();
        self.close();
        if let Some(primary) = self.parts.last_mut() {
            if let Some(choice) = &mut primary.choice {
                choice.recommended = true;
            }
            // The remark names what is not run here.
            if !remark.is_empty() {
                primary.title = if primary.title.is_empty() {
                    command_name(text)
                } else {
                    primary.title.clone()
                };
            }
        }
        let other = other.trim_matches('`');
        let code = before
            .iter()
            .copied()
            .chain([other])
            .collect::<Vec<_>>()
            .join("\n");
        let part = self.finish(Part {
            title: command_name(other),
            line,
            optional,
            choice: Some(Choice {
                group: format!("block-{}.{group}", self.number),
                name: command_name(other),
                recommended: false,
            }),
            code,
            ..Part::default()
        });
        self.parts.push(part);
    }

    fn begin_choice(&mut self, name: String) {
        self.groups += 1;
        self.open.choice = Some((self.groups, name));
    }
}
