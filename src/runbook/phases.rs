//! Which headings are the phases. Phases are sibling headings that share a numbering pattern under one
//! parent; where nothing is numbered, the children of the section that says "deployment steps", and
//! where no section says so, every section that holds something to do.

use std::collections::{BTreeMap, HashSet};

use super::headings::{Heading, Kind, Word};
use super::outline::{Node, NodeKind};
use super::words;

/// The phases by heading index, and what competes with them.
pub(super) struct Chosen {
    pub phases: Vec<usize>,
    /// The first headings of other sequences that look like phases as well.
    pub rivals: Vec<Vec<usize>>,
}

/// Parent, word and depth of a number: what the headings of one sequence share.
type Pattern = (Option<usize>, u8, usize);

/// Headings of one numbering pattern under one parent.
#[derive(Debug)]
struct Sequence {
    word: Word,
    parent: Option<usize>,
    members: Vec<usize>,
    score: i64,
    /// Something is done in one of its members.
    is_active: bool,
}

pub(super) fn choose(headings: &[Heading], nodes: &[Node]) -> Chosen {
    let acts = acts_before(nodes);
    let has_acts = |heading: &Heading| acts[heading.end] > acts[heading.node];
    let off_path = off_path(headings);

    let forced: Vec<usize> = (0..headings.len())
        .filter(|index| headings[*index].raw.flag("phases"))
        .flat_map(|index| headings[index].children.clone())
        .chain((0..headings.len()).filter(|index| headings[*index].raw.flag("phase")))
        .collect();
    if !forced.is_empty() {
        let mut phases = forced;
        phases.sort_unstable();
        phases.dedup();
        return Chosen {
            phases,
            rivals: Vec::new(),
        };
    }

    let mut groups: BTreeMap<Pattern, Vec<(Word, usize)>> = BTreeMap::new();
    for (index, heading) in headings.iter().enumerate() {
        let Some(number) = &heading.number else {
            continue;
        };
        if off_path[index] || matches!(number.word, Word::Test | Word::Option) {
            continue;
        }
        groups
            .entry((heading.parent, number.word as u8, number.path.len()))
            .or_default()
            .push((number.word, index));
    }
    let mut sequences: Vec<Sequence> = groups
        .into_iter()
        .map(|((parent, _, _), members)| {
            let word = members[0].0;
            let members: Vec<usize> = members.into_iter().map(|(_, index)| index).collect();
            let active = members
                .iter()
                .filter(|index| has_acts(&headings[**index]))
                .count();
            let parent_kind = parent.map(|index| headings[index].kind);
            let weight = match word {
                Word::Phase | Word::Stage => 6,
                Word::Step => 5,
                Word::Task => 4,
                Word::Bare | Word::Clock => 3,
                _ => 2,
            };
            let placed = match parent_kind {
                Some(Kind::Procedure) => 3,
                None => 2,
                Some(_) if parent.is_some_and(|index| headings[index].level == 0) => 2,
                Some(_) => 0,
            };
            let share = 4 * active as i64 / members.len().max(1) as i64;
            Sequence {
                word,
                parent,
                is_active: active > 0,
                score: weight + placed + share + i64::from(members.len() > 1) * 2,
                members,
            }
        })
        .filter(|sequence| {
            sequence.members.len() > 1
                || matches!(sequence.word, Word::Phase | Word::Stage | Word::Step)
        })
        .collect();

    let begun = (0..headings.len()).find(|index| headings[*index].raw.flag("begin"));
    if sequences.is_empty() && begun.is_none() {
        return Chosen {
            phases: unnumbered(headings, &off_path, has_acts),
            rivals: Vec::new(),
        };
    }

    // `begin` under a heading: the sequence it belongs to, whatever else looks like one.
    if let Some(first) = begun {
        let members = sequences
            .iter()
            .find(|sequence| sequence.members.contains(&first))
            .map_or_else(
                || siblings_from(first, headings, has_acts),
                |sequence| sequence.members.clone(),
            );
        return Chosen {
            phases: with_siblings(members, headings, has_acts),
            rivals: Vec::new(),
        };
    }

    // A sequence inside a member of another is made of its steps, unless the outer one numbers the
    // chapters of the document and only one chapter is about doing something.
    let nested_in = nested(&sequences, headings);
    let mut dropped = vec![false; sequences.len()];
    for (outer, nested) in nested_in.into_iter().enumerate() {
        let chapters = sequences[outer].word == Word::Bare;
        let worded: Vec<usize> = nested
            .iter()
            .copied()
            .filter(|inner| {
                matches!(
                    sequences[*inner].word,
                    Word::Phase | Word::Stage | Word::Step
                )
            })
            .collect();
        let active_chapters = sequences[outer]
            .members
            .iter()
            .filter(|member| headings[**member].kind == Kind::Walk && has_acts(&headings[**member]))
            .count();
        let is_chapters = chapters
            && worded.len() == 1
            && (active_chapters <= 1
                || sequences[worded[0]]
                    .parent
                    .is_some_and(|parent| headings[parent].kind == Kind::Procedure));
        if is_chapters {
            dropped[outer] = true;
            for inner in nested {
                dropped[inner] |= inner != worded[0];
            }
        } else {
            for inner in nested {
                dropped[inner] = true;
            }
        }
    }
    let mut index = 0;
    sequences.retain(|_| {
        index += 1;
        !dropped[index - 1]
    });

    // Numbers that begin anew under sibling sections: the sections are the phases.
    if let Some(parents) = restarted(&sequences, headings) {
        return Chosen {
            phases: with_siblings(parents, headings, has_acts),
            rivals: Vec::new(),
        };
    }

    sequences.sort_by_key(|sequence| (-sequence.score, sequence.members[0]));
    // Steps of something else, while another section says that the change is made in it.
    if let Some(best) = sequences.first()
        && is_of_another_matter(best, headings, has_acts)
    {
        return Chosen {
            phases: unnumbered(headings, &off_path, has_acts),
            rivals: Vec::new(),
        };
    }
    let mut sequences = sequences.into_iter();
    let Some(best) = sequences.next() else {
        return Chosen {
            phases: Vec::new(),
            rivals: Vec::new(),
        };
    };
    let rivals = sequences
        .filter(|other| {
            other.members.len() > 1
                && matches!(other.word, Word::Phase | Word::Stage | Word::Step)
                && matches!(
                    best.word,
                    Word::Phase | Word::Stage | Word::Step | Word::Bare
                )
        })
        .map(|other| other.members)
        .collect();
    Chosen {
        phases: with_siblings(best.members, headings, has_acts),
        rivals,
    }
}

/// Numbered points under a title that does not say that the change is made there, beside one that does
/// and holds something to do: `Write a new one` beside `Apply them`.
fn is_of_another_matter(
    sequence: &Sequence,
    headings: &[Heading],
    has_acts: impl Fn(&Heading) -> bool,
) -> bool {
    let Some(parent) = sequence.parent.map(|parent| &headings[parent]) else {
        return false;
    };
    let says =
        |heading: &Heading| words::says("do-it", &heading.title) || heading.kind == Kind::Procedure;
    let siblings = headings
        .iter()
        .filter(|other| other.parent == parent.parent);
    parent.level > 0
        && sequence.word == Word::Bare
        && !says(parent)
        && siblings
            .filter(|other| !other.kind.is_aside() && other.node != parent.node)
            .any(|other| says(other) && has_acts(other))
}

/// For each sequence those that stand inside one of its members. Members are siblings, so what is above
/// their parent tells it; comparing each with each would take hours for a guide of many chapters.
fn nested(sequences: &[Sequence], headings: &[Heading]) -> Vec<Vec<usize>> {
    let mut sequence_of = vec![None; headings.len()];
    for (number, sequence) in sequences.iter().enumerate() {
        for member in &sequence.members {
            sequence_of[*member] = Some(number);
        }
    }
    let mut nested = vec![Vec::new(); sequences.len()];
    for (inner, sequence) in sequences.iter().enumerate() {
        let mut above = sequence.parent;
        while let Some(heading) = above {
            if let Some(outer) = sequence_of[heading] {
                nested[outer].push(inner);
            }
            above = headings[heading].parent;
        }
    }
    nested
}

/// For each node, how many blocks and boxes stand before it.
fn acts_before(nodes: &[Node]) -> Vec<usize> {
    let mut counts = Vec::with_capacity(nodes.len() + 1);
    let mut count = 0;
    for node in nodes {
        counts.push(count);
        count += usize::from(match &node.kind {
            NodeKind::Code(code) => is_act(code.info.as_deref()),
            NodeKind::Item { task, ordered } => task.is_some() || *ordered,
            _ => false,
        });
    }
    counts.push(count);
    counts
}

fn is_act(info: Option<&str>) -> bool {
    let language = info.unwrap_or_default().trim().to_ascii_lowercase();
    let word = language
        .split(|character: char| !character.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();
    matches!(
        word,
        "" | "bash"
            | "sh"
            | "shell"
            | "zsh"
            | "console"
            | "sql"
            | "psql"
            | "postgresql"
            | "postgres"
            | "pgsql"
            | "http"
            | "powershell"
    )
}

/// True for a heading that is, or stands in, a section beside the forward path.
fn off_path(headings: &[Heading]) -> Vec<bool> {
    let mut off = vec![false; headings.len()];
    for (index, heading) in headings.iter().enumerate() {
        let own = heading.level > 0
            && (heading.kind.is_aside()
                || (heading.number.is_none()
                    && matches!(
                        heading.kind,
                        Kind::Preparation | Kind::After | Kind::Cleanup
                    )));
        off[index] = own || heading.parent.is_some_and(|parent| off[parent]);
    }
    off
}

/// Sibling parents of sequences that share a word and each begin at the start. Numbers that begin anew
/// deeper, inside one of them or beside the path, are steps of their own.
fn restarted(sequences: &[Sequence], headings: &[Heading]) -> Option<Vec<usize>> {
    let best = sequences.iter().max_by_key(|sequence| sequence.score)?;
    // What is told in numbered points is no phase, and where one section says that it is the procedure,
    // its steps are the phases.
    let of_procedure = |sequence: &&Sequence| {
        let parent = sequence.parent.map(|parent| headings[parent].kind);
        sequence.is_active && parent == Some(Kind::Procedure)
    };
    if sequences.iter().filter(of_procedure).count() == 1 {
        return None;
    }
    let mut families: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for sequence in sequences {
        let begins = sequence
            .members
            .first()
            .and_then(|index| headings[*index].number.as_ref())
            .and_then(|number| number.path.last().copied())
            .is_some_and(|first| first <= 1);
        let Some(parent) = sequence.parent else {
            continue;
        };
        if sequence.word == best.word
            && sequence.is_active
            && sequence.members.len() > 1
            && begins
            && headings[parent].level > 0
        {
            families
                .entry(headings[parent].parent)
                .or_default()
                .push(parent);
        }
    }
    // The largest family, and of equals the first one.
    let mut parents = families
        .into_values()
        .max_by_key(|parents| (parents.len(), std::cmp::Reverse(parents.first().copied())))?;
    parents.sort_unstable();
    parents.dedup();
    (parents.len() > 1).then_some(parents)
}

/// A heading without a number, and those after it under the same parent that hold something to do.
fn siblings_from(
    first: usize,
    headings: &[Heading],
    has_acts: impl Fn(&Heading) -> bool,
) -> Vec<usize> {
    (first..headings.len())
        .filter(|index| {
            *index == first
                || (headings[*index].parent == headings[first].parent
                    && headings[*index].level == headings[first].level
                    && !headings[*index].kind.is_aside()
                    && has_acts(&headings[*index]))
        })
        .collect()
}

/// Where nothing is numbered.
fn unnumbered(
    headings: &[Heading],
    off_path: &[bool],
    has_acts: impl Fn(&Heading) -> bool,
) -> Vec<usize> {
    let procedure = (0..headings.len())
        .filter(|index| {
            headings[*index].kind == Kind::Procedure
                && headings[*index].level > 0
                && !off_path[*index]
                && has_acts(&headings[*index])
        })
        .collect::<Vec<_>>();
    if let [only] = procedure[..] {
        let children: Vec<usize> = headings[only]
            .children
            .iter()
            .copied()
            .filter(|child| !off_path[*child] && has_acts(&headings[*child]))
            .collect();
        return if children.len() > 1 {
            children
        } else {
            vec![only]
        };
    }
    let top = |index: usize| match headings[index].parent {
        None => headings[index].level > 0,
        Some(parent) => headings[parent].level == 0,
    };
    let tops = (0..headings.len()).filter(|index| top(*index));
    let mut walked: Vec<usize> = Vec::new();
    for index in tops {
        // What comes after the rollback is looked up.
        if headings[index].kind == Kind::Rollback && !walked.is_empty() {
            break;
        }
        if !off_path[index] && has_acts(&headings[index]) {
            walked.push(index);
        }
    }
    walked
}

/// Unnumbered siblings between two phases that hold something to do are walked too, and so is a
/// `Step 3.5` between `Step 3` and `Step 4`.
fn with_siblings(
    members: Vec<usize>,
    headings: &[Heading],
    has_acts: impl Fn(&Heading) -> bool,
) -> Vec<usize> {
    let (Some(&first), Some(&last)) = (members.first(), members.last()) else {
        return members;
    };
    let parent = headings[first].parent;
    let known: HashSet<usize> = members.iter().copied().collect();
    let mut phases = members;
    for index in first + 1..last {
        let heading = &headings[index];
        let of_the_sequence = match (&heading.number, &headings[first].number) {
            (None, _) => true,
            (Some(number), Some(of_first)) => number.word == of_first.word,
            (Some(_), None) => false,
        };
        if heading.parent == parent
            && !known.contains(&index)
            && heading.level == headings[first].level
            && of_the_sequence
            && matches!(heading.kind, Kind::Walk | Kind::After | Kind::Procedure)
            && has_acts(heading)
        {
            phases.push(index);
        }
    }
    phases.sort_unstable();
    phases
}

#[cfg(test)]
mod tests {
    use crate::runbook::parse;

    fn outline(text: &str) -> (Vec<String>, Vec<String>) {
        let runbook = parse("guide.md", text.as_bytes());
        (
            runbook
                .phases
                .into_iter()
                .map(|phase| phase.title)
                .collect(),
            runbook
                .rollback
                .into_iter()
                .map(|option| option.title)
                .collect(),
        )
    }

    fn section(heading: &str) -> String {
        format!("{heading}\n\n```bash\n./go\n```\n\n")
    }

    #[test]
    fn numbers_that_begin_anew_make_their_sections_the_phases() {
        let text: String = [
            "# Shop\n",
            "## Set up\n",
            &section("### 1. Account"),
            &section("### 2. Keys"),
            &section("## Settings"),
            "## Database\n",
            &section("### 1. Tables"),
            &section("### 2. Seeds"),
            "## Daily work\n",
            "### Branches\n",
            &section("#### 1. Make one"),
            &section("#### 2. Merge it"),
        ]
        .concat();
        assert_eq!(outline(&text).0, ["Set up", "Settings", "Database"]);
    }

    #[test]
    fn a_half_step_and_other_languages_are_walked_in_order() {
        let steps: String = [
            "# A\n",
            &section("## Step 1: a"),
            &section("## Step 1.5: b"),
            &section("## Step 2: c"),
        ]
        .concat();
        assert_eq!(outline(&steps).0, ["Step 1: a", "Step 1.5: b", "Step 2: c"]);
        let phases: String = [
            "# Guida\n",
            "## FASE 1: Preparare\n",
            &section("### 1.1 Uno"),
            "## FASE 2: Fare\n",
            &section("### 2.1 Uno"),
            &section("### 2.2 Due"),
            "## Risoluzione dei problemi\n",
            &section("### Non parte"),
        ]
        .concat();
        assert_eq!(outline(&phases).0, ["FASE 1: Preparare", "FASE 2: Fare"]);
    }

    #[test]
    fn what_tells_when_to_go_back_is_no_rollback() {
        let text: String = [
            "# Going back\n",
            "## When to roll back\n\n- Errors\n\n",
            "## Rollback decision matrix\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n",
            "## Rollback\n",
            &section("### Method 1: The last release"),
            &section("### Method 2: The dump"),
            "## Emergency procedures\n",
            &section("### All is down"),
        ]
        .concat();
        let (phases, ways) = outline(&text);
        assert_eq!(ways, ["Method 1: The last release", "Method 2: The dump"]);
        assert!(phases.is_empty(), "{phases:?}");
    }
}
