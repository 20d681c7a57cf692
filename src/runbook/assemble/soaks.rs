//! Windows in which what was deployed is watched: where the guide names one, and whose gate waits for it.

use std::collections::HashSet;

use super::{Assembler, step};
use crate::runbook::labels::{Label, is_introduction, label_of};
use crate::runbook::model::{Phase, Soak};
use crate::runbook::outline::NodeKind;
use crate::runbook::steps::Content;
use crate::runbook::{timing, words};

impl Assembler<'_> {
    /// A watch over criteria: a section or its sub-headings that name an observation window.
    pub(super) fn soak(&mut self, index: usize) {
        let heading = &self.headings[index];
        let named = heading
            .raw
            .get("soak")
            .and_then(crate::text::duration::parse_s)
            .or_else(|| timing::soak_in(&heading.title));
        let watches =
            || words::says("validated", &heading.title) || words::says("watched", &heading.title);
        let own = named.or_else(|| watches().then(|| self.soak_of_body(index)).flatten());
        if let Some(duration_s) = own {
            let label = label_of(&heading.title)
                .map(|(label, _)| label)
                .filter(|label| *label == Label::Success);
            let content = self.read(&self.own_nodes(index), None, label);
            let (title, line) = (heading.title.clone(), heading.line);
            self.keep_soak(&title, line, duration_s, &content);
            // Inside of one a time alone names another.
            let inner: Vec<usize> = self
                .inside(index)
                .filter(|inner| timing::window_in_title(&self.headings[*inner].title).is_some())
                .collect();
            for inner in inner {
                self.inner_soak(inner);
            }
        }
        self.soaks_of_labels(index);
    }

    fn inner_soak(&mut self, index: usize) {
        let heading = &self.headings[index];
        let (title, line) = (heading.title.clone(), heading.line);
        if let Some(duration_s) = timing::window_in_title(&title) {
            let content = self.read(&self.own_nodes(index), None, None);
            self.keep_soak(&title, line, duration_s, &content);
        }
    }

    fn keep_soak(&mut self, title: &str, line: usize, duration_s: u64, content: &Content) {
        let mut soak = Soak {
            title: title.to_owned(),
            line,
            duration_s,
            ..Soak::default()
        };
        let ticks = content.ticks.iter().map(|tick| tick.text.clone());
        soak.criteria.extend(ticks);
        let said = content.expect.iter();
        let said = said.filter(|expectation| expectation.output.is_none());
        for expectation in content.criteria.iter().chain(said) {
            match expectation.red_flag {
                true => soak.red_flags.push(expectation.text.clone()),
                false => soak.criteria.push(expectation.text.clone()),
            }
        }
        if self.soaks.insert(line) {
            self.runbook.soaks.push(soak);
        }
    }

    /// A list for each window: `**First 15 minutes:**`, `**4 hours:**`.
    fn soaks_of_labels(&mut self, index: usize) {
        let heading = &self.headings[index];
        let body: Vec<usize> = (heading.node + 1..heading.body_end).collect();
        let labels: Vec<(usize, u64)> = body
            .iter()
            .filter(|node| self.nodes[**node].kind == NodeKind::Paragraph)
            .filter(|node| is_introduction(&self.nodes[**node].text))
            .filter_map(|node| Some((*node, timing::window_of_label(&self.nodes[*node].text)?)))
            .collect();
        for (at, (node, duration_s)) in labels.iter().enumerate() {
            let end = labels
                .get(at + 1)
                .map_or(heading.body_end, |(next, _)| *next);
            let content = self.read(&self.range(node + 1, end), None, None);
            let known = &self.nodes[*node];
            let title = known.text.trim_matches(['*', ':', ' ']).to_owned();
            self.keep_soak(&title, known.line, *duration_s, &content);
        }
    }

    /// `Run for 1 week with …`, `Estimated Time: Ongoing (24-48 hours)`.
    fn soak_of_body(&self, index: usize) -> Option<u64> {
        let heading = &self.headings[index];
        (heading.node + 1..heading.body_end).find_map(|node| {
            let node = &self.nodes[node];
            match node.kind {
                NodeKind::Paragraph => timing::watched_for(&node.text),
                _ => None,
            }
        })
    }

    /// Measures of success by window (`Day 1`, `Week 1`, `Month 1`): a part of the walk that is due later.
    pub(super) fn measures_by_window(&mut self, index: usize) -> bool {
        let heading = &self.headings[index];
        let children: Vec<(usize, u64)> = heading
            .children
            .iter()
            .filter_map(|child| {
                let window_s = timing::window_in_title(&self.headings[*child].title)?;
                Some((*child, window_s))
            })
            .collect();
        if children.len() < 2 {
            return false;
        }
        let mut phase = Phase {
            id: self.id_of(index),
            title: heading.title.clone(),
            line: heading.line,
            body: self.markdown(heading.node + 1, heading.body_end),
            ..Phase::default()
        };
        for (child, window_s) in children {
            let heading = &self.headings[child];
            let content = self.read(&self.own_nodes(child), None, Some(Label::Success));
            phase.criteria.extend(content.criteria.iter().cloned());
            self.keep_soak(&heading.title, heading.line, window_s, &content);
            let body = self.markdown(heading.node + 1, heading.end);
            let id = self.id_of(child);
            phase
                .steps
                .push(step(id, &heading.title, heading.line, body, content));
        }
        self.runbook.cleanup.push(phase);
        true
    }

    /// Binds each window to the part of the walk that it is of, and gives criteria with a time of their own
    /// to a gate that waits as long.
    pub(super) fn settle_soaks(&mut self) {
        let runbook = &mut self.runbook;
        runbook.soaks.sort_by_key(|soak| soak.line);
        let beside = runbook.references.iter().map(|section| section.line);
        let beside = beside.chain(runbook.rollback.iter().map(|option| option.line));
        let beside: Vec<usize> = beside.collect();
        let mut soaks = std::mem::take(&mut runbook.soaks);
        for soak in &mut soaks {
            let before = |line: &usize| *line <= soak.line;
            let phases = runbook.walk().filter(|phase| before(&phase.line));
            let Some(phase) = phases.max_by_key(|phase| phase.line) else {
                continue;
            };
            let ends = |line: &&usize| phase.line < **line && before(line);
            if beside.iter().any(|line| ends(&line)) {
                continue;
            }
            soak.phase.clone_from(&phase.id);
            let step = phase.steps.iter().rfind(|step| before(&step.line));
            let is_inner = phase.line < soak.line;
            soak.step = step.filter(|_| is_inner).map(|step| step.id.clone());
        }
        runbook.soaks = soaks;
        self.bind_timed_criteria();
        for phase in &mut self.runbook.cleanup {
            let mut seen = HashSet::new();
            phase
                .criteria
                .retain(|item| seen.insert((item.line, item.text.clone())));
        }
        self.order_cleanup();
    }

    fn bind_timed_criteria(&mut self) {
        for (window_s, criteria) in std::mem::take(&mut self.timed_criteria) {
            let soaks = self.runbook.soaks.iter();
            let soak = soaks
                .filter(|soak| !soak.phase.is_empty() && soak.duration_s >= window_s)
                .min_by_key(|soak| (soak.duration_s, soak.line));
            let id = soak.map(|soak| soak.phase.clone());
            let runbook = &mut self.runbook;
            let mut walk = runbook.phases.iter_mut().chain(&mut runbook.cleanup);
            match walk.find(|phase| Some(&phase.id) == id.as_ref()) {
                Some(phase) => phase.criteria.extend(criteria),
                None => self.final_criteria.extend(criteria),
            }
        }
    }

    /// What is watched from the deployment on comes before what waits for as long.
    fn order_cleanup(&mut self) {
        let soaks = &self.runbook.soaks;
        let longest = |phase: &Phase| {
            let own = soaks.iter().filter(|soak| soak.phase == phase.id);
            own.map(|soak| soak.duration_s).max()
        };
        let cleanup = &mut self.runbook.cleanup;
        for index in 1..cleanup.len() {
            let mut at = index;
            while at > 0
                && cleanup[at].wait_s.is_none()
                && longest(&cleanup[at]).is_some_and(|watched| {
                    cleanup[at - 1].wait_s.is_some_and(|wait| wait >= watched)
                })
            {
                cleanup.swap(at - 1, at);
                at -= 1;
            }
        }
    }
}
