//! The sequences of headings that could be the phases.

use std::collections::{BTreeMap, HashSet};

use super::Guide;
use crate::runbook::headings::{Heading, Kind, Word};

/// What makes a sequence of headings one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// They carry numbers of one kind, under one parent.
    Numbered(Word),
    /// Their numbers go on from one section to the next.
    GoesOn(Word),
    /// Sections in each of which the same numbering begins anew.
    BeginsAnew(Word),
    /// The sections of one level.
    Sections,
}

#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub form: Form,
    pub parent: Option<usize>,
    pub members: Vec<usize>,
}

impl Candidate {
    /// The word of the numbers that the members carry themselves.
    pub fn number(&self) -> Option<Word> {
        match self.form {
            Form::Numbered(word) | Form::GoesOn(word) => Some(word),
            Form::BeginsAnew(_) | Form::Sections => None,
        }
    }
}

pub(super) fn candidates(guide: &Guide<'_>) -> Vec<Candidate> {
    let mut numbered = numbered(guide);
    let mut all = going_on(&numbered, guide);
    // What goes on is no sequence by itself, and neither is what stands in a section beside the path.
    let part: HashSet<usize> = all.iter().flat_map(|one| one.members.clone()).collect();
    numbered.retain(|one| {
        one.members
            .iter()
            .all(|member| !part.contains(member) && !guide.off_path[*member])
    });
    all.extend(beginning_anew(&numbered, guide));
    all.extend(numbered.into_iter().filter(|one| {
        one.members.len() > 1
            || matches!(
                one.form,
                Form::Numbered(Word::Phase | Word::Stage | Word::Step)
            )
    }));
    all.extend(sections(guide));
    all
}

/// Headings of one numbering under one parent. A preparation may hold the first of those that go on.
fn numbered(guide: &Guide<'_>) -> Vec<Candidate> {
    type Pattern = (Option<usize>, u8, usize);
    let mut groups: BTreeMap<Pattern, (Word, Vec<usize>)> = BTreeMap::new();
    for (index, heading) in guide.headings.iter().enumerate() {
        let Some(number) = &heading.number else {
            continue;
        };
        let above = heading.parent.map(|parent| &guide.headings[parent]);
        let in_preparation = above.is_some_and(|above| {
            above.kind == Kind::Preparation
                && above.parent.is_none_or(|outer| !guide.off_path[outer])
        });
        if guide.off_path[index] && (heading.kind.is_aside() || !in_preparation)
            || heading.level == 0
            || matches!(number.word, Word::Test | Word::Option)
        {
            continue;
        }
        groups
            .entry((heading.parent, number.word as u8, number.path.len()))
            .or_insert_with(|| (number.word, Vec::new()))
            .1
            .push(index);
    }
    groups
        .into_iter()
        .map(|((parent, _, _), (word, members))| Candidate {
            form: Form::Numbered(word),
            parent,
            members,
        })
        .collect()
}

/// Numbers that go on under the next section: `Before` with 1 to 3, `At night` with 4 to 7.
fn going_on(numbered: &[Candidate], guide: &Guide<'_>) -> Vec<Candidate> {
    let ends = |one: &Candidate, at: Option<&usize>| {
        let number = guide.headings[*at?].number.as_ref()?;
        let [value] = number.path[..] else {
            return None;
        };
        Some((one.form, value))
    };
    let mut families: BTreeMap<Option<usize>, Vec<&Candidate>> = BTreeMap::new();
    for one in numbered {
        if let Some(parent) = one
            .parent
            .filter(|parent| guide.headings[*parent].level > 0)
        {
            families
                .entry(guide.headings[parent].parent)
                .or_default()
                .push(one);
        }
    }
    let mut all = Vec::new();
    for (above, mut family) in families {
        family.sort_by_key(|one| one.members.first().copied());
        let mut chain: Vec<&Candidate> = Vec::new();
        let mut close = |chain: &mut Vec<&Candidate>| {
            if let [first, _, ..] = chain[..]
                && let Form::Numbered(word) = first.form
            {
                all.push(Candidate {
                    form: Form::GoesOn(word),
                    parent: above,
                    members: chain.iter().flat_map(|one| one.members.clone()).collect(),
                });
            }
            chain.clear();
        };
        for one in family {
            let goes_on = chain.last().is_some_and(|before| {
                let last = ends(before, before.members.last());
                let first = ends(one, one.members.first());
                matches!((last, first), (Some((a, last)), Some((b, first))) if a == b && first == last + 1)
            });
            if !goes_on {
                close(&mut chain);
            }
            chain.push(one);
        }
        close(&mut chain);
    }
    all
}

/// Sibling sections in each of which the same numbering begins anew, with what stands between them. Numbers
/// that begin anew deeper, inside one of them, are steps of their own.
fn beginning_anew(numbered: &[Candidate], guide: &Guide<'_>) -> Vec<Candidate> {
    // Where one section says that it is the procedure, its steps are the phases.
    let of_procedure = |one: &&Candidate| {
        let parent = one.parent.map(|parent| guide.headings[parent].kind);
        parent == Some(Kind::Procedure) && is_active(one, guide)
    };
    if numbered.iter().filter(of_procedure).count() == 1 {
        return Vec::new();
    }
    let mut families: BTreeMap<(Option<usize>, u8), (Word, Vec<usize>)> = BTreeMap::new();
    for one in numbered {
        let (Form::Numbered(word), Some(parent)) = (one.form, one.parent) else {
            continue;
        };
        let first = one.members.first();
        let number = first.and_then(|index| guide.headings[*index].number.as_ref());
        let begins = number
            .and_then(|number| number.path.last())
            .is_some_and(|first| *first <= 1);
        if begins
            && one.members.len() > 1
            && is_active(one, guide)
            && guide.headings[parent].level > 0
        {
            families
                .entry((guide.headings[parent].parent, word as u8))
                .or_insert_with(|| (word, Vec::new()))
                .1
                .push(parent);
        }
    }
    families
        .into_iter()
        .filter_map(|((above, _), (word, mut parents))| {
            parents.sort_unstable();
            parents.dedup();
            (parents.len() > 1).then_some(Candidate {
                form: Form::BeginsAnew(word),
                parent: above,
                members: parents,
            })
        })
        .collect()
}

fn is_active(candidate: &Candidate, guide: &Guide<'_>) -> bool {
    candidate.members.iter().any(|index| guide.has_work(*index))
}

/// The sections of each level that hold something to do. What comes after the rollback is looked up.
fn sections(guide: &Guide<'_>) -> Vec<Candidate> {
    let walked = |siblings: &[usize]| {
        let mut walked: Vec<usize> = Vec::new();
        for index in siblings {
            if guide.headings[*index].kind == Kind::Rollback && !walked.is_empty() {
                break;
            }
            if !guide.off_path[*index] && guide.has_work(*index) {
                walked.push(*index);
            }
        }
        walked
    };
    let inner = (0..guide.headings.len())
        .filter(|index| guide.headings[*index].level > 0 && !guide.off_path[*index])
        .map(|index| (Some(index), walked(&guide.headings[index].children)))
        .filter(|(_, members)| members.len() > 1);
    let title = (!guide.headings.is_empty() && guide.headings[0].level == 0).then_some(0);
    [(title, walked(&guide.tops()))]
        .into_iter()
        .filter(|(_, members)| !members.is_empty())
        .chain(inner)
        .map(|(parent, members)| Candidate {
            form: Form::Sections,
            parent,
            members,
        })
        .collect()
}

/// A heading without a number, and those after it under the same parent that hold something to do.
pub(super) fn siblings_from(first: usize, guide: &Guide<'_>) -> Vec<usize> {
    let headings = guide.headings;
    let follows = |index: &usize| {
        let other = &headings[*index];
        *index == first
            || (other.parent == headings[first].parent
                && other.level == headings[first].level
                && !other.kind.is_aside()
                && guide.has_work(*index))
    };
    (first..headings.len()).filter(follows).collect()
}

/// Unnumbered siblings between two phases that hold something to do are walked too, and so is a
/// `Step 3.5` between `Step 3` and `Step 4`.
pub(super) fn with_siblings(members: Vec<usize>, guide: &Guide<'_>) -> Vec<usize> {
    let headings = guide.headings;
    let (Some(&first), Some(&last)) = (members.first(), members.last()) else {
        return members;
    };
    let parent = headings[first].parent;
    let known: HashSet<usize> = members.iter().copied().collect();
    let of_the_sequence = |heading: &Heading| match (&heading.number, &headings[first].number) {
        (None, _) => true,
        (Some(number), Some(of_first)) => {
            number.word == of_first.word && number.path.len() != of_first.path.len()
        }
        (Some(_), None) => false,
    };
    let mut phases = members;
    for (index, heading) in headings.iter().enumerate().take(last).skip(first + 1) {
        if heading.parent == parent
            && !known.contains(&index)
            && heading.level == headings[first].level
            && of_the_sequence(heading)
            && matches!(heading.kind, Kind::Walk | Kind::After | Kind::Procedure)
            && guide.has_work(index)
        {
            phases.push(index);
        }
    }
    phases.sort_unstable();
    phases
}
