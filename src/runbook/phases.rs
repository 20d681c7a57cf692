//! Which headings are the phases. Each sequence that could be them is a candidate: headings that share a
//! numbering, and the sections of one level. They are compared by a sum of named reasons ([`score`]), and the
//! best one is taken; what an author settled stands above all of it.

mod candidates;
pub(super) mod reasons;
mod score;
#[cfg(test)]
mod tests;

use super::blocks::Blocks;
use super::headings::{Heading, Kind, Word};
use super::model::{Actor, Block, Role};
use super::outline::{Node, NodeKind};
use super::words;
use candidates::{Candidate, Form, candidates, with_siblings};
use score::Scored;

/// The phases by heading index, and what competes with them.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub phases: Vec<usize>,
    /// The first headings of other sequences that look like phases as well.
    pub rivals: Vec<Vec<usize>>,
    /// Why these, in words; empty where their author said so, and where there was nothing to compare.
    pub why: String,
}

/// The headings of a guide, and what is done under each.
struct Guide<'a> {
    headings: &'a [Heading],
    /// For each node, the work before it, and how much of that has to be done: commands and boxes.
    before: Vec<Work>,
    /// It is, or stands in, a section beside the forward path.
    off_path: Vec<bool>,
    /// The work under each heading without that beside the path.
    forward: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Work {
    any: usize,
    due: usize,
}

/// What a command counts as, beside a box or a numbered point.
const COMMAND: usize = 4;

impl<'a> Guide<'a> {
    fn new(headings: &'a [Heading], nodes: &[Node], blocks: &Blocks) -> Self {
        let mut guide = Self {
            headings,
            before: work_before(nodes, blocks),
            off_path: off_path(headings),
            forward: vec![0; headings.len()],
        };
        // Children stand behind their parents.
        for index in (0..headings.len()).rev() {
            if !guide.off_path[index] {
                let children = headings[index].children.iter();
                let beside: usize = children
                    .map(|child| guide.work(*child) - guide.forward[*child])
                    .sum();
                guide.forward[index] = guide.work(index) - beside;
            }
        }
        guide
    }

    /// What is done under a heading.
    fn work(&self, index: usize) -> usize {
        let heading = &self.headings[index];
        self.before[heading.end].any - self.before[heading.node].any
    }

    fn has_work(&self, index: usize) -> bool {
        self.work(index) > 0
    }

    /// What would be done of it, were it a phase.
    fn walked(&self, index: usize) -> usize {
        match self.off_path[index] {
            true => self.work(index),
            false => self.forward[index],
        }
    }

    /// Whether a command or a box stands under a heading.
    fn has_commands(&self, index: usize) -> bool {
        let heading = &self.headings[index];
        self.before[heading.end].due > self.before[heading.node].due
    }

    /// The headings of the highest level: without the one that is the title.
    fn tops(&self) -> Vec<usize> {
        let is_top = |index: &usize| match self.headings[*index].parent {
            None => self.headings[*index].level > 0,
            Some(parent) => self.headings[parent].level == 0,
        };
        (0..self.headings.len()).filter(is_top).collect()
    }
}

pub(super) fn choose(headings: &[Heading], nodes: &[Node], blocks: &Blocks) -> Chosen {
    let guide = Guide::new(headings, nodes, blocks);
    let told = |phases: Vec<usize>| Chosen {
        phases,
        ..Chosen::default()
    };
    let mut forced: Vec<usize> = (0..headings.len())
        .filter(|index| headings[*index].raw.flag("phases"))
        .flat_map(|index| headings[index].children.clone())
        .chain((0..headings.len()).filter(|index| headings[*index].raw.flag("phase")))
        .collect();
    if !forced.is_empty() {
        forced.sort_unstable();
        forced.dedup();
        return told(forced);
    }
    if is_rollback_guide(&guide) {
        return told(Vec::new());
    }
    let found = candidates(&guide);
    // `begin` under a heading: the sequence it belongs to, whatever else looks like one.
    if let Some(first) = (0..headings.len()).find(|index| headings[*index].raw.flag("begin")) {
        let of_it = found
            .iter()
            .find(|one| one.number().is_some() && one.members.contains(&first));
        let members = of_it.map_or_else(
            || candidates::siblings_from(first, &guide),
            |one| one.members.clone(),
        );
        return told(with_siblings(members, &guide));
    }
    let all = guide.tops().iter().map(|top| guide.forward[*top]).sum();
    let mut scored: Vec<Scored> = found
        .into_iter()
        .map(|candidate| Scored::of(candidate, &guide, all))
        .collect();
    scored.sort_by_key(|one| (-one.points(), one.candidate.members[0]));
    let mut scored = scored.into_iter();
    let Some(best) = scored.next() else {
        return told(Vec::new());
    };
    let others: Vec<Candidate> = scored.map(|one| one.candidate).collect();
    let why = best.told(&guide);
    Chosen {
        rivals: rivals(&best.candidate, &others, &guide),
        phases: match best.candidate.form {
            Form::Sections => best.candidate.members,
            _ => with_siblings(best.candidate.members, &guide),
        },
        why,
    }
}

/// A guide that only takes something back has no way forward, where the rollbacks hold what it does.
fn is_rollback_guide(guide: &Guide<'_>) -> bool {
    let title = guide.headings.first();
    let back = |index: usize| {
        let heading = &guide.headings[index];
        heading.kind == Kind::Rollback && heading.level > 0 && guide.has_commands(index)
    };
    title.is_some_and(|title| {
        title.level == 0 && title.kind == Kind::Rollback && !words::says("do-it", &title.title)
    }) && (0..guide.headings.len()).any(back)
        && !guide
            .headings
            .iter()
            .any(|heading| heading.raw.flag("begin"))
}

/// Sequences that are numbered as phases or steps, and neither stand in the one that was taken nor hold it.
fn rivals(best: &Candidate, others: &[Candidate], guide: &Guide<'_>) -> Vec<Vec<usize>> {
    let is_worded =
        |number: Option<Word>| matches!(number, Some(Word::Phase | Word::Stage | Word::Step));
    if !is_worded(best.number()) && best.number() != Some(Word::Bare) {
        return Vec::new();
    }
    let span = |one: &Candidate| {
        let last = one.members.last().copied().unwrap_or_default();
        guide.headings[one.members[0]].node..guide.headings[last].end
    };
    let own = span(best);
    others
        .iter()
        .filter(|one| is_worded(one.number()) && one.members.len() > 1)
        .filter(|one| {
            let other = span(one);
            other.end <= own.start || own.end <= other.start
        })
        .map(|one| one.members.clone())
        .collect()
}

/// For each node, the work that stands before it: blocks that can be run, boxes and numbered points.
fn work_before(nodes: &[Node], blocks: &Blocks) -> Vec<Work> {
    let mut counts = Vec::with_capacity(nodes.len() + 1);
    let mut count = Work::default();
    for (index, node) in nodes.iter().enumerate() {
        counts.push(count);
        let (any, due) = match &node.kind {
            NodeKind::Code(_) => {
                let number = blocks.number_of.get(&index);
                let block = number.and_then(|number| blocks.blocks.get(number - 1));
                match block.is_some_and(is_done) {
                    true => (COMMAND, COMMAND),
                    false => (0, 0),
                }
            }
            NodeKind::Item { task: Some(_), .. } => (1, 1),
            NodeKind::Item { ordered: true, .. } => (1, 0),
            _ => (0, 0),
        };
        count.any += any;
        count.due += due;
    }
    counts.push(count);
    counts
}

fn is_done(block: &Block) -> bool {
    let runs = block.actor != Actor::Nobody && !matches!(block.role, Role::Output | Role::Content);
    runs || matches!(block.role, Role::Foreign | Role::Manual)
}

/// True for a heading that is, or stands in, a section beside the forward path. What only looks whether all
/// went well is on it; what watches for a time is not.
fn off_path(headings: &[Heading]) -> Vec<bool> {
    let mut off = vec![false; headings.len()];
    for (index, heading) in headings.iter().enumerate() {
        let beside = match heading.kind {
            Kind::Preparation | Kind::Cleanup => true,
            Kind::After => words::says("watched", &heading.title),
            _ => false,
        };
        let own =
            heading.level > 0 && (heading.kind.is_aside() || heading.number.is_none() && beside);
        off[index] = own || heading.parent.is_some_and(|parent| off[parent]);
    }
    off
}
