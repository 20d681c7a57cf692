//! What the words of a guide say must be true, as conditions of the commands that they speak of: a
//! comment beside them, a sentence behind their block, a criterion of their phase. Read by a grammar
//! over words, numbers and comparisons ([`phrase`], its words by language in a data file), bound to a
//! command that can answer ([`shape`]), and written as a condition over what that gives ([`condition`]).
//! Only proposed: it is shown and armed with its command, and a person may change it. What cannot be
//! measured for certain is shown to a person for judgement.

mod cel;
mod columns;
mod comments;
mod condition;
mod lexicon;
mod output;
mod phrase;
mod shape;
mod states;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

pub(super) use comments::in_comments;
pub(super) use lexicon::{is_goal, is_label};
pub(super) use phrase::{asserts, has_verb, waits};

use super::model::{Block, BlockNumber, Expectation};
use phrase::{What, Wish};
use shape::{Answer, Shape};

/// Where a sentence was found to be answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bound {
    pub block: BlockNumber,
    pub part: usize,
    pub cel: String,
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
    match wish.what {
        What::Absent(_) => return bound(targets),
        // The block ends as the first of its commands that fails.
        What::Exit { .. } | What::Green { .. } if targets.len() > 1 => {
            let last = *targets.last()?;
            let cel = condition::of_end(wish, shape, last)?;
            return Some(Bound {
                block: shape.block,
                part: shape.part,
                cel,
            });
        }
        _ => {}
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
        && answers.clone().all(|answer| {
            matches!(
                answer,
                Answer::Status { .. } | Answer::Code | Answer::Written
            )
        })
}

/// Expectations that are looked at to see what is asked already.
const KNOWN: usize = 64;
/// Criteria times actions that are compared; a guide of thousands has no person's eye on each.
const COMPARED: usize = 20_000;

/// How words beside a block speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Sentence,
    /// What stands behind `Expected:`.
    Label,
    /// An example of what is printed.
    Sample,
    /// A line of a longer example.
    Line,
}

/// The sentences of a text: a full stop in a number, a name or code ends none.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let (mut from, mut in_code) = (0, false);
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        in_code ^= letter == '`';
        let before_blank = letters.peek().is_none_or(|(_, next)| next.is_whitespace());
        let ends = match letter {
            '.' | '!' | '?' => before_blank && !in_code,
            '。' | '\n' => !in_code,
            _ => false,
        };
        if ends {
            sentences.push(text[from..at + letter.len_utf8()].trim());
            from = at + letter.len_utf8();
        }
    }
    sentences.push(text[from..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// The parts of a text that may ask for something each: between commas, outside of code.
pub(super) fn clauses(text: &str) -> Vec<&str> {
    let mut clauses = Vec::new();
    let (mut from, mut depth, mut in_code) = (0, 0_usize, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '`' | '"' => in_code = !in_code,
            '(' | '{' | '[' if !in_code => depth += 1,
            ')' | '}' | ']' if !in_code => depth = depth.saturating_sub(1),
            ',' | ';' | '、' | '，' if !in_code && depth == 0 => {
                let behind = &text[at + letter.len_utf8()..];
                if letter.len_utf8() > 1 || behind.starts_with(' ') {
                    clauses.push(text[from..at].trim());
                    from = at + letter.len_utf8();
                }
            }
            _ => {}
        }
    }
    clauses.push(text[from..].trim());
    clauses.retain(|clause| !clause.is_empty());
    clauses
}

/// The parts of a text that may ask for something each, also where a word joins them.
pub(super) fn parts(text: &str) -> Vec<&str> {
    clauses(text)
        .into_iter()
        .flat_map(lexicon::joined_by_and)
        .collect()
}

/// The parts of a sentence that a word joins, where each has a verb of its own: `must exit 0 and print …`.
pub(super) fn demands(text: &str) -> Vec<&str> {
    let parts = lexicon::joined_by_and(text);
    let says = |part: &&str| phrase::read(part).is_some() && phrase::has_verb(part);
    match parts.iter().all(says) {
        true => parts,
        false => Vec::new(),
    }
}

/// What an item says of one answer, and whether that stops the work: `` `closed`: stop here ``.
pub(super) fn outcome(item: &str) -> Option<(String, bool)> {
    let (answer, meaning) = item.trim().strip_prefix('`')?.split_once('`')?;
    let meaning = meaning.trim_start_matches(['*', ' ']);
    let means = [":", "：", "–", "—", "- ", "→", "=", "->"];
    let is_told = means.iter().any(|mark| meaning.starts_with(mark));
    let stops = lexicon::words(meaning).any(|word| lexicon::is(word, lexicon::Class::Stop));
    (is_told && !answer.is_empty()).then(|| (answer.to_owned(), stops))
}

/// Whether a line of an example is the same each time: words without a figure, and no row of a table.
pub(super) fn is_telling(line: &str) -> bool {
    const LETTERS: usize = 12;
    let line = line.trim();
    line.chars().filter(|one| one.is_alphabetic()).count() >= LETTERS
        && !line.chars().any(|one| one.is_ascii_digit() || one == '|')
        && !line.contains("  ")
        && !line.contains("...")
        && phrase::is_whole(line)
}

/// What the actions of a block can answer.
pub(super) struct Answers(Vec<Shape>);

impl Answers {
    pub(super) fn of(block: &Block) -> Self {
        Self(Shape::of_block(block))
    }

    /// What words beside a block ask of it, or of a red flag what raises it; each thing by itself. `known`:
    /// what is asked already, in its comments.
    pub(super) fn bind(
        &self,
        text: &str,
        form: Form,
        known: &[Expectation],
        flag: bool,
    ) -> Vec<Bound> {
        let wish = match form {
            Form::Sentence => phrase::read(text),
            Form::Label => phrase::read_label(text),
            Form::Sample => phrase::read_sample(text),
            Form::Line => phrase::read_words(text),
        };
        let (Some(wish), Some(first)) = (wish, self.0.first()) else {
            return Vec::new();
        };
        if !flag && let Some(same) = asked_already(&wish, known, &[first.block]) {
            return vec![same];
        }
        let wishes = match flag {
            true => vec![wish],
            false => wish.apart(),
        };
        let each = wishes.iter().map(|wish| self.of_wish(wish, flag));
        each.collect::<Option<_>>().unwrap_or_default()
    }

    fn of_wish(&self, wish: &Wish, flag: bool) -> Option<Bound> {
        let mut found: Vec<Bound> = self
            .0
            .iter()
            .filter_map(|shape| {
                let all: Vec<usize> = (0..shape.commands.len()).collect();
                of_sentence(wish, shape, &all, flag)
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
fn of_sentence(wish: &Wish, shape: &Shape, all: &[usize], flag: bool) -> Option<Bound> {
    let speaking: Vec<usize> = all
        .iter()
        .copied()
        .filter(|at| shape.commands[*at].answer != Answer::Silent)
        .collect();
    if let What::Literal { texts, all, .. } = &wish.what
        && speaking.len() > 1
        && !flag
    {
        // Somewhere in what the block prints.
        return Some(Bound {
            block: shape.block,
            part: shape.part,
            cel: condition::somewhere(texts, *all, wish.negated),
        });
    }
    let able: Vec<usize> = speaking
        .iter()
        .copied()
        .filter(|at| condition::condition(wish, shape, &[*at], flag).is_some())
        .collect();
    if is_of_status(wish, shape, &able) && able.len() > 1 && !wish.bare && !wish.all {
        let named = best(wish, shape, &able);
        return answered(wish, shape, &named?, flag);
    }
    if let Some(bound) = answered(wish, shape, &speaking, flag) {
        return Some(bound);
    }
    answered(wish, shape, &best(wish, shape, &able)?, flag)
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
            && says_the_same(&item.text, wish)
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

thread_local! {
    /// What texts were read as: those before a sentence are compared with it again and again.
    static READ: RefCell<HashMap<String, Option<(What, bool)>>> = RefCell::default();
}

fn says_the_same(text: &str, wish: &Wish) -> bool {
    READ.with_borrow_mut(|known| {
        if known.len() > 4 * KNOWN {
            known.clear();
        }
        let read = known
            .entry(text.to_owned())
            .or_insert_with(|| phrase::read(text).map(|other| (other.what, other.negated)));
        read.as_ref()
            .is_some_and(|(what, negated)| *what == wish.what && *negated == wish.negated)
    })
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
            What::Literal { contains: true, .. } | What::State { .. } => (score > 0)
                .then(|| of_sentence(&wish, shape, &all, red_flag))
                .flatten(),
            What::Column { .. } | What::Field { .. } | What::Same(_) => {
                answered(&wish, shape, &all, red_flag)
            }
            What::Number { .. }
            | What::Rows { .. }
            | What::OneOf(_)
            | What::Between(..)
            | What::StatusClass(_)
            | What::Named { .. }
            | What::Json(_) => {
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
