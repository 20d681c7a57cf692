//! What the words of a guide say must be true, as conditions of the commands that they speak of: a
//! comment beside them, a sentence behind their block, a criterion of their phase. Read by a grammar
//! over words, numbers and comparisons ([`phrase`], its words by language in a data file), bound to a
//! command that can answer ([`shape`]), and written as a condition over what that gives ([`condition`]).
//! Only proposed: it is shown and armed with its command, and a person may change it. What cannot be
//! measured for certain is shown to a person for judgement.

mod columns;
mod condition;
mod lexicon;
mod phrase;
mod shape;

use std::collections::BTreeSet;

use super::labels::{Label, label_of};
use super::model::{Actor, Block, BlockNumber, Expectation};
use super::pattern::pattern;
use super::syntax::{read_shell, read_sql};
use lexicon::{Class, classes};
use phrase::{What, Wish};
use shape::{Answer, Shape};

/// Where a sentence was found to be answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bound {
    pub block: BlockNumber,
    pub part: usize,
    pub cel: String,
}

/// How a comment speaks of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// `Expected: 0`
    Label,
    /// `Should return 0`
    Sentence,
    /// `Verify it (should be 0)`
    Aside,
}

/// Expectations in the comments of a block: `-- Should return 0`, `# Expected: active`.
pub(super) fn in_comments(block: &Block) -> Vec<Expectation> {
    let comments = match block.actor {
        Actor::Shell => comments_of(&block.code, false),
        Actor::Sql => comments_of(&block.code, true),
        Actor::Http | Actor::Nobody => Vec::new(),
    };
    let said: Vec<(usize, Manner, String)> = comments
        .into_iter()
        .filter_map(|(offset, comment)| {
            let (manner, text) = said_in(&comment)?;
            Some((block.code_line + offset, manner, text))
        })
        .collect();
    let shapes = match said.is_empty() {
        true => Vec::new(),
        false => Shape::of_block(block),
    };
    said.into_iter()
        .map(|(line, manner, text)| {
            let bound =
                phrase::read(&text).and_then(|wish| of_comment(&wish, &shapes, line, manner));
            Expectation {
                line,
                text,
                block: Some(block.n),
                part: bound.as_ref().map_or(0, |bound| bound.part),
                proposed: bound.is_some(),
                cel: bound.map(|bound| bound.cel),
                ..Expectation::default()
            }
        })
        .collect()
}

/// Comments by line, counted from 0 within the code; also those of a psql session in a shell block.
fn comments_of(code: &str, sql: bool) -> Vec<(usize, String)> {
    let mark = if sql { "--" } else { "#" };
    if !code.contains(mark) && !code.contains("--") && !code.contains("/*") {
        return Vec::new();
    }
    let (known, readable): (Vec<(usize, String)>, bool) = match sql {
        true => {
            let script = read_sql(code);
            let comments = script.comments().iter();
            let comments =
                comments.map(|one| (script.line(one.span.start), one.text(code).to_owned()));
            (comments.collect(), script.unreadable().is_none())
        }
        false => {
            let script = read_shell(code);
            let comments = script.comments().iter();
            let comments =
                comments.map(|one| (script.line(one.span.start), one.text(code).to_owned()));
            (comments.collect(), script.unreadable().is_none())
        }
    };
    let mut found = match readable {
        true => known,
        false => Vec::new(),
    };
    for (index, line) in code.lines().enumerate() {
        let line = line.trim_start();
        let of_sql = !sql && line.starts_with("--");
        let unread = !readable && line.starts_with(mark);
        if (of_sql || unread) && !found.iter().any(|(known, _)| *known == index) {
            found.push((index, line.trim_start_matches(['-', '#']).trim().to_owned()));
        }
    }
    found.sort_by_key(|(line, _)| *line);
    let lines = found.into_iter().flat_map(|(line, text)| {
        let texts: Vec<(usize, String)> = text
            .lines()
            .zip(line..)
            .map(|(text, line)| (line, text.trim().to_owned()))
            .collect();
        texts
    });
    lines.collect()
}

/// What a comment says must be true, if it does.
fn said_in(comment: &str) -> Option<(Manner, String)> {
    let comment = comment.trim();
    if let Some((Label::Expected, rest)) = label_of(comment)
        && comment.contains(':')
        && !rest.is_empty()
    {
        return Some((Manner::Label, rest.to_owned()));
    }
    let is = |word: &str, class: Class| {
        classes(&word.to_lowercase()).is_some_and(|known| known.contains(&class))
    };
    if let Some(aside) = pattern!(r"\(([^()]+)\)\s*$").captures(comment) {
        let inner = aside[1].trim();
        let first = inner
            .split(|one: char| !one.is_alphanumeric())
            .next()
            .unwrap_or_default();
        let expects = first.to_lowercase().starts_with("expect");
        if expects {
            let text = inner[first.len()..].trim_start_matches([':', ' ']);
            return Some((Manner::Aside, text.to_owned()));
        }
        // Not where the sentence before it says what must be so itself.
        if is(first, Class::Modal)
            && !words(&comment[..comment.len() - aside[0].len()]).any(|word| is(word, Class::Modal))
        {
            return Some((Manner::Aside, inner.to_owned()));
        }
    }
    // A subject of a word or two, then what it should do.
    let begins = words(comment).take(3).any(|word| is(word, Class::Modal));
    (begins && words(comment).count() > 1).then(|| (Manner::Sentence, comment.to_owned()))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|one: char| !one.is_alphanumeric() && one != '_')
        .filter(|word| !word.is_empty())
}

/// The commands that a comment on this line speaks of, and what they must answer.
fn of_comment(wish: &Wish, shapes: &[Shape], line: usize, manner: Manner) -> Option<Bound> {
    let shape = shapes
        .iter()
        .find(|shape| shape.comments.iter().any(|said| said.line == line))
        .or_else(|| {
            let within = |shape: &&Shape| {
                shape
                    .commands
                    .iter()
                    .any(|talk| talk.first <= line && line <= talk.last)
            };
            shapes.iter().find(within)
        })?;
    let alone = shape
        .comments
        .iter()
        .find(|said| said.line == line)
        .is_none_or(|said| said.alone);
    let commands = &shape.commands;
    let inside = commands
        .iter()
        .position(|talk| talk.first <= line && line <= talk.last);
    let next = commands.iter().position(|talk| talk.first > line);
    let previous = commands.iter().rposition(|talk| talk.last < line);
    let commented = |line: usize| {
        shape
            .comments
            .iter()
            .any(|said| said.line == line && said.alone)
    };
    let adjoins = |from: usize, to: usize| (from + 1..to).all(commented);
    let after = previous.filter(|at| adjoins(commands[*at].last, line));
    let before = next.filter(|at| adjoins(line, commands[*at].first));
    let targets = match (inside, manner) {
        (Some(at), _) => vec![at],
        (None, _) if !alone => return None,
        (None, Manner::Aside) => group(shape, next?),
        (None, Manner::Label) => match after.or(previous) {
            Some(at) => vec![at],
            None => group(shape, next?),
        },
        (None, Manner::Sentence) => match (after, before, shape.actor) {
            (Some(at), None, _) | (Some(at), Some(_), Actor::Sql) => vec![at],
            (_, Some(at), _) => group(shape, at),
            (None, None, Actor::Sql) => vec![previous.or(next)?],
            (None, None, _) => group(shape, next.or(previous)?),
        },
    };
    answered(wish, shape, &targets, false)
}

/// The commands that stand together, from this one on: no blank line and no comment between them.
fn group(shape: &Shape, first: usize) -> Vec<usize> {
    let mut all = vec![first];
    for at in first + 1..shape.commands.len() {
        if shape.commands[at].first != shape.commands[at - 1].last + 1 {
            break;
        }
        all.push(at);
    }
    all
}

/// A condition of those of the targets that can answer: of all that are asked alike, or of the one.
fn answered(wish: &Wish, shape: &Shape, targets: &[usize], flag: bool) -> Option<Bound> {
    let bound = |targets: &[usize]| {
        let cel = condition::condition(wish, shape, targets, flag)?;
        Some(Bound {
            block: shape.block,
            part: shape.part,
            cel,
        })
    };
    if matches!(wish.what, What::Absent(_)) {
        return bound(targets);
    }
    let able: Vec<usize> = targets
        .iter()
        .copied()
        .filter(|at| condition::condition(wish, shape, &[*at], flag).is_some())
        .collect();
    let speaking = targets
        .iter()
        .filter(|at| shape.commands[**at].answer != Answer::Silent)
        .count();
    match able.as_slice() {
        [] => None,
        [one] => bound(&[*one]),
        _ if is_of_status(wish, shape, &able) => bound(&able),
        _ if wish.all && able.len() == speaking => bound(&able),
        _ => None,
    }
}

fn is_of_status(wish: &Wish, shape: &Shape, targets: &[usize]) -> bool {
    let of_number = matches!(
        wish.what,
        What::Number { .. } | What::OneOf(_) | What::StatusClass(_)
    );
    let answers = targets.iter().map(|at| &shape.commands[*at].answer);
    of_number
        && answers
            .clone()
            .all(|answer| matches!(answer, Answer::Status { .. } | Answer::Code))
}

/// Expectations that are looked at to see what is asked already.
const KNOWN: usize = 64;
/// Criteria times actions that are compared; a guide of thousands has no person's eye on each.
const COMPARED: usize = 20_000;

/// What the actions of a block can answer.
pub(super) struct Answers(Vec<Shape>);

impl Answers {
    pub(super) fn of(block: &Block) -> Self {
        Self(Shape::of_block(block))
    }

    /// What a sentence behind a block asks of it. `known`: what is asked already, in its comments.
    pub(super) fn bind(&self, text: &str, known: &[Expectation]) -> Option<Bound> {
        let wish = phrase::read(text)?;
        let block = self.0.first()?.block;
        if let Some(same) = asked_already(&wish, known, &[block]) {
            return Some(same);
        }
        let mut found: Vec<Bound> = self
            .0
            .iter()
            .filter_map(|shape| {
                let all: Vec<usize> = (0..shape.commands.len()).collect();
                of_sentence(&wish, shape, &all)
            })
            .collect();
        // Of several parts the words have to tell which.
        match found.len() {
            1 => found.pop(),
            _ => None,
        }
    }
}

/// Gives the criteria of a gate their conditions, where their words name what one of these blocks gives;
/// at least so many of them.
pub(super) fn bind_criteria<'a>(
    criteria: &mut [Expectation],
    blocks: impl Iterator<Item = &'a Block>,
    known: &[Expectation],
    least: usize,
) {
    let mut open = criteria
        .iter_mut()
        .filter(|item| item.cel.is_none())
        .peekable();
    if open.peek().is_none() {
        return;
    }
    let shapes: Vec<Shape> = blocks.flat_map(Shape::of_block).collect();
    if shapes.is_empty() {
        return;
    }
    for item in open.take(COMPARED / shapes.len()) {
        if let Some(bound) = of_criterion(&item.text, item.red_flag, &shapes, known, least) {
            item.block = Some(bound.block);
            item.part = bound.part;
            item.cel = Some(bound.cel);
            item.proposed = true;
        }
    }
}

/// One sentence about all commands of an action.
fn of_sentence(wish: &Wish, shape: &Shape, all: &[usize]) -> Option<Bound> {
    let speaking: Vec<usize> = all
        .iter()
        .copied()
        .filter(|at| shape.commands[*at].answer != Answer::Silent)
        .collect();
    if let What::Literal { text, .. } = &wish.what
        && speaking.len() > 1
    {
        // Somewhere in what the block prints.
        let cel = format!(
            "stdout.contains({0}) || stderr.contains({0})",
            condition::quoted(text)
        );
        return (!wish.negated).then_some(Bound {
            block: shape.block,
            part: shape.part,
            cel,
        });
    }
    let able: Vec<usize> = speaking
        .iter()
        .copied()
        .filter(|at| condition::condition(wish, shape, &[*at], false).is_some())
        .collect();
    if is_of_status(wish, shape, &able) && able.len() > 1 && !wish.bare && !wish.all {
        let named = best(wish, shape, &able);
        return answered(wish, shape, &named?, false);
    }
    if let Some(bound) = answered(wish, shape, &speaking, false) {
        return Some(bound);
    }
    answered(wish, shape, &best(wish, shape, &able)?, false)
}

/// Those of the commands whose group shares most words with the sentence; `None` where none does.
fn best(wish: &Wish, shape: &Shape, able: &[usize]) -> Option<Vec<usize>> {
    let score = |at: usize| shared(wish, shape, at);
    let most = able
        .iter()
        .map(|at| score(*at))
        .max()
        .filter(|most| *most > 0)?;
    Some(
        able.iter()
            .copied()
            .filter(|at| score(*at) == most)
            .collect(),
    )
}

/// How many of the sentence's words a command, its neighbours and their comments share.
fn shared(wish: &Wish, shape: &Shape, at: usize) -> usize {
    let mut first = at;
    while first > 0 && shape.commands[first].first == shape.commands[first - 1].last + 1 {
        first -= 1;
    }
    let group = group(shape, first);
    let mut words: BTreeSet<&str> = BTreeSet::new();
    for at in &group {
        words.extend(shape.commands[*at].words.iter().map(String::as_str));
    }
    let begins = shape.commands[first].first;
    let comments = shape
        .comments
        .iter()
        .filter(|said| said.line < begins && said.line + 3 >= begins);
    let of_comments: BTreeSet<String> = comments
        .flat_map(|said| lexicon::stems(&said.text))
        .collect();
    wish.about
        .iter()
        .filter(|stem| words.contains(stem.as_str()) || of_comments.contains(*stem))
        .count()
}

/// The same wish, where another sentence has asked it of one of these blocks.
fn asked_already(wish: &Wish, known: &[Expectation], blocks: &[BlockNumber]) -> Option<Bound> {
    let mut same = known.iter().rev().take(KNOWN).filter(|item| {
        item.block.is_some_and(|block| blocks.contains(&block))
            && item.cel.is_some()
            && phrase::read(&item.text)
                .is_some_and(|other| other.what == wish.what && other.negated == wish.negated)
    });
    let first = same.next()?;
    let rest = same.all(|other| other.cel == first.cel);
    rest.then(|| {
        Some(Bound {
            block: first.block?,
            part: first.part,
            cel: first.cel.clone()?,
        })
    })?
}

/// What a criterion of a gate asks of one of these actions.
fn of_criterion(
    text: &str,
    red_flag: bool,
    shapes: &[Shape],
    known: &[Expectation],
    least: usize,
) -> Option<Bound> {
    let wish = phrase::read(text)?;
    let numbers: Vec<BlockNumber> = shapes.iter().map(|shape| shape.block).collect();
    if !red_flag && let Some(same) = asked_already(&wish, known, &numbers) {
        return Some(same);
    }
    let mut found: Vec<(usize, Bound)> = Vec::new();
    for shape in shapes {
        let all: Vec<usize> = (0..shape.commands.len()).collect();
        let score = all
            .iter()
            .map(|at| shared(&wish, shape, *at))
            .max()
            .unwrap_or(0);
        let bound = match &wish.what {
            // What a whole output must not hold.
            What::Absent(_) => {
                let plain = wish.about.iter().all(|stem| is_trouble(stem));
                let near = plain || score > 0;
                near.then(|| answered(&wish, shape, &all, red_flag))
                    .flatten()
            }
            What::Literal { contains: true, .. } => (score > 0)
                .then(|| of_sentence(&wish, shape, &all))
                .flatten(),
            What::Column { .. } | What::Same(_) => answered(&wish, shape, &all, red_flag),
            What::Number { .. } | What::Rows { .. } | What::OneOf(_) | What::StatusClass(_) => {
                let able: Vec<usize> = all
                    .iter()
                    .copied()
                    .filter(|at| condition::condition(&wish, shape, &[*at], red_flag).is_some())
                    .collect();
                best(&wish, shape, &able).and_then(|named| answered(&wish, shape, &named, red_flag))
            }
            _ => None,
        };
        found.extend(bound.map(|bound| (score, bound)));
    }
    let most = found.iter().map(|(score, _)| *score).max()?;
    found.retain(|(score, _)| *score == most && most >= least);
    match found.len() {
        1 => found.pop().map(|(_, bound)| bound),
        _ => None,
    }
}

fn is_trouble(stem: &str) -> bool {
    [
        "error",
        "warning",
        "warn",
        "failur",
        "exception",
        "fatal",
        "critical",
        "panic",
        "fehl",
    ]
    .iter()
    .any(|known| stem.starts_with(known))
}

#[cfg(test)]
mod tests;
