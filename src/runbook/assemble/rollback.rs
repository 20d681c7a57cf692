//! Rollbacks: which headings of a rollback section are options, and what the guide says of each.

use std::collections::BTreeSet;

use super::{Assembler, is_recommended, step, undoes};
use crate::runbook::headings::Word;
use crate::runbook::model::{Actor, Phase, Role, RollbackOption, SectionKind, Step, Tick, Undoes};
use crate::runbook::pattern::pattern;
use crate::runbook::timing;

impl Assembler<'_> {
    /// Reads a rollback; returns the id of its first step. `of` names the phase it belongs to.
    pub(super) fn rollback(&mut self, index: usize, of: Option<&Phase>) -> Option<String> {
        let heading = &self.headings[index];
        if self.only_tells_when(index) {
            self.push_section(index, heading.end, SectionKind::Other);
            return None;
        }
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
            let used: BTreeSet<usize> = self.runbook.rollback[first..]
                .iter()
                .map(|option| option.line)
                .collect();
            for child in self.headings[index].children.clone() {
                let section = &self.headings[child];
                let last_line = self.source.line(self.nodes[section.end - 1].start);
                if used.range(section.line..=last_line).next().is_none() {
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

    /// Whether a section is about the decision to go back, or about what comes after it, and holds no rollback
    ///  itself: a matrix, triggers, a list to tick.
    fn only_tells_when(&self, index: usize) -> bool {
        let heading = &self.headings[index];
        let lower = heading.title.to_lowercase();
        pattern!(r"\bwhen (not )?to\b|\bdecision|\bmatrix\b|\bcriteria\b|\btriggers?\b|\bchecklist\b|^(pre|post)[- ]rollback|^after (the )?rollback|\bdo not\b|entscheidung|décision|quand ")
            .is_match(&lower)
            && !self.has_commands(&self.read(
                &self.range(heading.node + 1, heading.end),
                None,
                None,
            ))
    }

    /// The headings in a rollback section that are rollbacks of their own.
    pub(super) fn option_headings(&self, index: usize) -> Vec<usize> {
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
                // An emergency among rollbacks is one of them.
                let emergency = pattern!(r"^\W*(emergency|notfall|procédures? d.urgence|emergencia|emergenza)").is_match(&lower);
                (emergency || !heading.kind.is_aside_but_rollback())
                    && !pattern!(r"when (not )?to|do not|don't|never|matrix|checklist|trigger|critical issue|decision|criteria|require|indicator|verif|validat|after rollback|post-rollback|prerequisite|before|notif|communicat|document|^\W*(?:important )?(?:notes?|remarks?|caveats?|limitations|see also|references?|hinweise?|notas?|remarques?|note|注意|备注)\b")
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

    pub(super) fn option(
        &mut self,
        index: usize,
        children: &[usize],
        of: Option<&Phase>,
    ) -> RollbackOption {
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
            Some(phase) => format!("{} ({})", heading.title, phase.title),
            None => heading.title.clone(),
        };
        if collected.steps.is_empty() {
            let only = self.read(&[], Some((heading.title.as_str(), heading.line)), None);
            let step_id = self.unique(&format!("{id}-1"));
            let only = step(step_id, &heading.title, heading.line, body.clone(), only);
            collected.steps.push(only);
        }
        for step in &mut collected.steps {
            step.blocks.retain(|number| Some(*number) != loss_query);
            self.ask_for_the_rest(step);
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
            let by_hand = |role| matches!(role, Role::Foreign | Role::Manual);
            let acts = match block.role {
                Role::Split => block
                    .parts
                    .iter()
                    .filter(|part| by_hand(part.role))
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

    pub(super) fn loss_block(&self, index: usize) -> Option<usize> {
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
}

/// The words with which a guide advises against a rollback.
pub(super) fn discouraged(body: &str) -> Option<String> {
    let found = pattern!(r"(?i)\bnot\s+recommended\b|\blast\s+resort\b|\bavoid\s+(?:this|using)\b|\bdiscouraged\b|\bdo\s+not\s+use\b|\bonly\s+as\s+a\s+last\b").find(body)?;
    Some(sentence_around(body, found.start(), found.end()))
}

/// What a rollback loses, where the text says it.
pub(super) fn loses(body: &str) -> Option<String> {
    let found = pattern!(r"(?i)\bdata\s+(?:loss|written|created|entered|since)|\b(?:will\s+)?lose[sn]?\b|\blost\b|\bdiscards?\b").find(body)?;
    let sentence = sentence_around(body, found.start(), found.end());
    let harmless =
        pattern!(r"(?i)\b(no|without|zero|not|prevent|avoid)\b[^.]*\b(data loss|lose|lost|losing)")
            .is_match(&sentence);
    (!harmless).then_some(sentence)
}

pub(super) fn sentence_around(text: &str, start: usize, end: usize) -> String {
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
