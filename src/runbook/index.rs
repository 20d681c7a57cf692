//! Where the steps, phases and blocks of a guide are found by their names. Made once, when somebody first
//! asks, and kept with a guide that is complete: while one is put together it changes.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use super::pattern::pattern;
use super::{Block, BlockNumber, Phase, Runbook, Step};

/// The index of a runbook. It is no part of what the runbook says: never written, and all are equal.
#[derive(Default)]
pub struct Index {
    /// The runbook does not change any more.
    is_complete: bool,
    places: OnceLock<Box<Places>>,
    movers: OnceLock<Vec<Mover>>,
}

/// Where a step stands.
#[derive(Clone, Copy)]
enum Place {
    /// Phase in the walk, step in it.
    Walk(usize, usize),
    /// Rollback option, step in it.
    Option(usize, usize),
    /// Section beside the walk.
    Beside(usize),
}

/// Everything that is looked up by a name or a number.
#[derive(Default)]
struct Places {
    phases: HashMap<String, usize>,
    steps: HashMap<String, Place>,
    blocks: HashMap<String, usize>,
    /// The first step that holds a block.
    of_block: HashMap<BlockNumber, Place>,
    /// Watches: a whole block (`None`), or a part of it.
    watches: HashSet<(BlockNumber, Option<usize>)>,
    /// Steps that hold one, in the order of the guide.
    watched: Vec<Place>,
}

/// A command of the walk that leaves its shell in another directory.
#[derive(Clone, Copy, Debug)]
pub struct Mover {
    /// Phase in the walk, and step in it.
    pub at: (usize, usize),
    pub block: BlockNumber,
    pub part: Option<usize>,
}

/// What is kept, or was made for one question.
enum Kept<'a, T> {
    Kept(&'a T),
    Made(T),
}

impl<T> Deref for Kept<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Kept(kept) => kept,
            Self::Made(made) => made,
        }
    }
}

impl Index {
    /// Of a runbook that is complete.
    pub(super) fn complete() -> Self {
        Self {
            is_complete: true,
            ..Self::default()
        }
    }
}

impl Clone for Index {
    fn clone(&self) -> Self {
        Self {
            is_complete: self.is_complete,
            ..Self::default()
        }
    }
}

impl PartialEq for Index {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Index")
    }
}

impl Places {
    fn of(runbook: &Runbook) -> Self {
        let mut places = Self::default();
        for (at, block) in runbook.blocks.iter().enumerate() {
            places.blocks.entry(block.id.clone()).or_insert(at);
            let watches = parts(block).filter(|part| block.watches(*part));
            places.watches.extend(watches.map(|part| (block.n, part)));
        }
        for (at, phase) in runbook.walk().enumerate() {
            places.phases.entry(phase.id.clone()).or_insert(at);
            for (step_at, step) in phase.steps.iter().enumerate() {
                places.add(step, Place::Walk(at, step_at), runbook);
            }
        }
        for (at, option) in runbook.rollback.iter().enumerate() {
            let steps = option.steps.iter().enumerate();
            for (step_at, step) in steps.filter(|(_, step)| !step.is_repeated) {
                places.add(step, Place::Option(at, step_at), runbook);
            }
        }
        for (at, section) in runbook.references.iter().enumerate() {
            if let Some(step) = &section.step {
                places.add(step, Place::Beside(at), runbook);
            }
        }
        places
    }

    fn add(&mut self, step: &Step, place: Place, runbook: &Runbook) {
        self.steps.entry(step.id.clone()).or_insert(place);
        for number in &step.blocks {
            self.of_block.entry(*number).or_insert(place);
        }
        let blocks = step
            .blocks
            .iter()
            .filter_map(|number| runbook.block(*number));
        let mut all = blocks.flat_map(|block| parts(block).map(|part| (block.n, part)));
        if all.any(|part| self.watches.contains(&part)) {
            self.watched.push(place);
        }
    }
}

/// The whole of a block, then each of its parts.
fn parts(block: &Block) -> impl Iterator<Item = Option<usize>> {
    std::iter::once(None).chain((0..block.parts.len()).map(Some))
}

/// `cd` as a command of its own, not inside a subshell that opens on its line.
pub(super) fn changes_directory(code: &str) -> bool {
    let may_be = code.contains("cd") || code.contains("pushd");
    may_be
        && pattern!(r"(?m)^[^(#\n]*?(?:^|[;&|]|\b(?:then|do|else))\s*(?:cd|pushd)\s+[^-\s]")
            .is_match(code)
}

impl Runbook {
    /// Says that it is complete: what is made from it once is kept from now on.
    pub(super) fn completed(mut self) -> Self {
        self.index = Index::complete();
        self
    }

    fn lookup(&self) -> Kept<'_, Box<Places>> {
        let make = || Box::new(Places::of(self));
        match self.index.is_complete {
            true => Kept::Kept(self.index.places.get_or_init(make)),
            false => Kept::Made(make()),
        }
    }

    /// A phase by its position in the walk.
    pub fn nth_phase(&self, at: usize) -> Option<&Phase> {
        let (before, forward) = (self.preparation.len(), self.phases.len());
        if at < before {
            return self.preparation.get(at);
        }
        let at = at - before;
        let cleanup = || self.cleanup.get(at.checked_sub(forward)?);
        self.phases.get(at).or_else(cleanup)
    }

    fn at(&self, place: Place) -> Option<&Step> {
        match place {
            Place::Walk(phase, step) => self.nth_phase(phase)?.steps.get(step),
            Place::Option(option, step) => self.rollback.get(option)?.steps.get(step),
            Place::Beside(section) => self.references.get(section)?.step.as_ref(),
        }
    }

    fn phase_at(&self, place: Place) -> Option<&Phase> {
        match place {
            Place::Walk(phase, _) => self.nth_phase(phase),
            Place::Option(..) | Place::Beside(_) => None,
        }
    }

    pub fn phase(&self, id: &str) -> Option<&Phase> {
        self.nth_phase(self.phase_index(id)?)
    }

    /// Position of a phase in the walk.
    pub fn phase_index(&self, id: &str) -> Option<usize> {
        self.lookup().phases.get(id).copied()
    }

    pub fn step(&self, id: &str) -> Option<&Step> {
        self.at(*self.lookup().steps.get(id)?)
    }

    /// Whether a step belongs to a rollback.
    pub fn is_of_rollback(&self, step: &str) -> bool {
        matches!(self.lookup().steps.get(step), Some(Place::Option(..)))
    }

    /// The phase of the walk that holds this step; `None` for a step of a rollback option.
    pub fn phase_of(&self, step: &str) -> Option<&Phase> {
        self.phase_at(*self.lookup().steps.get(step)?)
    }

    /// The step that holds a block, in the walk or in a rollback option.
    pub fn step_of_block(&self, number: BlockNumber) -> Option<&Step> {
        self.at(*self.lookup().of_block.get(&number)?)
    }

    /// Where the step that holds a block stands in the walk: phase and step; `None` of one in a rollback
    /// option.
    pub fn position_of_block(&self, number: BlockNumber) -> Option<(usize, usize)> {
        match self.lookup().of_block.get(&number)? {
            Place::Walk(phase, step) => Some((*phase, *step)),
            Place::Option(..) | Place::Beside(_) => None,
        }
    }

    pub fn block_by_id(&self, id: &str) -> Option<&Block> {
        self.blocks.get(*self.lookup().blocks.get(id)?)
    }

    /// Whether a block, or a part of it, runs beside the steps and has no verdict of its own.
    pub fn is_watch(&self, number: BlockNumber, part: Option<usize>) -> bool {
        self.lookup().watches.contains(&(number, part))
    }

    /// Steps that hold a watch, in the order of the guide, each with its phase where it is in the walk.
    pub fn steps_with_watches(&self) -> Vec<(&Step, Option<&Phase>)> {
        let watched = &self.lookup().watched;
        let steps = watched.iter();
        steps
            .filter_map(|place| Some((self.at(*place)?, self.phase_at(*place))))
            .collect()
    }

    /// Commands of the walk that leave their shell in another directory, in the order of the guide.
    pub fn movers(&self) -> impl Deref<Target = Vec<Mover>> {
        let make = || {
            let mut movers = Vec::new();
            for (phase_at, phase) in self.walk().enumerate() {
                for (step_at, step) in phase.steps.iter().enumerate() {
                    let blocks = step.blocks.iter().filter_map(|number| self.block(*number));
                    let all = blocks.flat_map(|block| parts(block).map(move |part| (block, part)));
                    let moving = all.filter(|(block, part)| block.moves(*part));
                    movers.extend(moving.map(|(block, part)| Mover {
                        at: (phase_at, step_at),
                        block: block.n,
                        part,
                    }));
                }
            }
            movers
        };
        match self.index.is_complete {
            true => Kept::Kept(self.index.movers.get_or_init(make)),
            false => Kept::Made(make()),
        }
    }
}
