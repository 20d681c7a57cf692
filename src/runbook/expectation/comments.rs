//! What the comments of a block say must be true, and of which of its commands.

use std::collections::{BTreeMap, BTreeSet};

use super::lexicon::{Class, is, is_label, words};
use super::phrase::{self, Wish};
use super::shape::Shape;
use super::{Bound, answered, group, parts};
use crate::runbook::labels::{Label, label_of};
use crate::runbook::model::{Actor, Block, Expectation};
use crate::runbook::pattern::pattern;
use crate::runbook::syntax::{read_shell, read_sql};
use crate::runbook::words::says;

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

/// What a comment says, and how.
#[derive(Debug, PartialEq)]
enum Said {
    Sentence(Manner, String),
    /// An example of what is printed: `→ HTTP/1.1 401`, `{"status": "ok"}`.
    Sample(String),
    /// A label: what is printed stands in the comments below it.
    Opens(String),
}

/// Expectations in the comments of a block: `-- Should return 0`, `# Expected: active`.
pub(in crate::runbook) fn in_comments(block: &Block) -> Vec<Expectation> {
    let comments = match block.actor {
        Actor::Shell => comments_of(&block.code, false),
        Actor::Sql => comments_of(&block.code, true),
        Actor::Http | Actor::Nobody => Vec::new(),
    };
    let said: Vec<Option<Said>> = comments.iter().map(|(_, text)| said_in(text)).collect();
    if said.iter().all(Option::is_none) {
        return Vec::new();
    }
    let shapes = Shape::of_block(block);
    let mut found = Vec::new();
    for (at, one) in said.iter().enumerate() {
        let offset = comments[at].0;
        let line = block.code_line + offset;
        match one {
            None => {}
            Some(Said::Sentence(manner, text)) => {
                found.extend(of_text(block, &shapes, line, *manner, text));
            }
            Some(Said::Sample(text)) => {
                let bound = phrase::read_sample(text)
                    .and_then(|wish| of_comment(&wish, &shapes, line, Manner::Label));
                // Without a word of expectation only what can be judged is one.
                if bound.is_some() {
                    found.push(expected(block, line, text, bound));
                }
            }
            Some(Said::Opens(label)) => {
                let below = comments[at + 1..]
                    .iter()
                    .zip(offset + 1..)
                    .zip(&said[at + 1..])
                    .take_while(|(((line, text), next), said)| {
                        line == next && said.is_none() && !text.is_empty()
                    })
                    .map(|(((_, text), _), _)| text);
                found.extend(of_samples(
                    block,
                    &shapes,
                    line,
                    label,
                    &below.collect::<Vec<_>>(),
                ));
            }
        }
    }
    without_conflicts(&mut found);
    found
}

/// What a comment asks for: as a whole, or its parts that can be measured.
fn of_text(
    block: &Block,
    shapes: &[Shape],
    line: usize,
    manner: Manner,
    text: &str,
) -> Vec<Expectation> {
    let read = |text: &str| {
        let wish = match manner {
            Manner::Label => phrase::read_label(text),
            Manner::Sentence | Manner::Aside => phrase::read(text),
        };
        of_comment(&wish?, shapes, line, manner)
    };
    let whole = read(text);
    let pieces = parts(text);
    if whole.is_none() && pieces.len() > 1 {
        let each: Vec<Expectation> = pieces
            .into_iter()
            .map(|piece| expected(block, line, piece, read(piece)))
            .collect();
        if each.iter().any(|one| one.cel.is_some()) {
            return each;
        }
    }
    vec![expected(block, line, text, whole)]
}

/// Of two values that comments want of one command the first stands; the other is of another time or case.
fn without_conflicts(found: &mut [Expectation]) {
    let mut asked: BTreeMap<(usize, String), String> = BTreeMap::new();
    for one in found {
        let Some((subject, value)) = one.cel.as_deref().and_then(subject) else {
            continue;
        };
        let key = (one.part, subject.to_owned());
        let value = value.to_owned();
        if *asked.entry(key).or_insert_with(|| value.clone()) != value {
            one.cel = None;
            one.proposed = false;
        }
    }
}

/// The one value that a condition is about, and what it must be.
fn subject(cel: &str) -> Option<(&str, &str)> {
    let (subject, value) = cel.split_once(' ')?;
    let is_one =
        subject.ends_with("value") || subject.ends_with("exit") || subject.starts_with("size(");
    is_one.then_some((subject, value))
}

/// One expectation for each line of an example that can be judged; else one for a person.
fn of_samples(
    block: &Block,
    shapes: &[Shape],
    line: usize,
    label: &str,
    samples: &[&String],
) -> Vec<Expectation> {
    let read = |(at, text): (usize, &&String)| {
        let wish = phrase::read_sample(text)?;
        let bound = of_comment(&wish, shapes, line, Manner::Label)?;
        Some(expected(block, line + 1 + at, text, Some(bound)))
    };
    let is_told = |text: &&String| phrase::is_whole(text);
    let told = samples.iter().filter(|text| is_told(text)).count();
    // Where others are whole, one with blanks adds little.
    let judged: Vec<Expectation> = samples
        .iter()
        .enumerate()
        .filter(|(_, text)| told == 0 || is_told(text))
        .filter_map(read)
        .collect();
    if !judged.is_empty() || samples.is_empty() {
        return judged;
    }
    let lines: Vec<&str> = samples.iter().map(|text| text.as_str()).collect();
    vec![expected(
        block,
        line,
        &format!("{label} {}", lines.join("; ")),
        None,
    )]
}

fn expected(block: &Block, line: usize, text: &str, bound: Option<Bound>) -> Expectation {
    Expectation {
        line,
        text: text.to_owned(),
        block: Some(block.n),
        part: bound.as_ref().map_or(0, |bound| bound.part),
        proposed: bound.is_some(),
        cel: bound.map(|bound| bound.cel),
        ..Expectation::default()
    }
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
    let seen: BTreeSet<usize> = match readable {
        true => known.iter().map(|(line, _)| *line).collect(),
        false => BTreeSet::new(),
    };
    let mut found = match readable {
        true => known,
        false => Vec::new(),
    };
    for (index, line) in code.lines().enumerate() {
        let line = line.trim_start();
        let of_sql = !sql && line.starts_with("--");
        let unread = !readable && line.starts_with(mark);
        if (of_sql || unread) && !seen.contains(&index) {
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
fn said_in(comment: &str) -> Option<Said> {
    // `3. Should be 5`
    let comment = pattern!(r"^\s*\d{1,2}[.)]\s+").replace(comment, "");
    let comment = comment.trim();
    if comment.starts_with('{') && comment.ends_with('}') && comment.contains('"') {
        return Some(Said::Sample(comment.to_owned()));
    }
    if pattern!(r"^HTTP/\d(?:\.\d)? \d{3}\b").is_match(comment) {
        return Some(Said::Sample(comment.to_owned()));
    }
    if let Some(printed) = ["→", "=>", "->", "⇒"]
        .iter()
        .find_map(|arrow| comment.strip_prefix(arrow))
    {
        // An arrow in it goes from one step to the next.
        let printed = printed.trim();
        let goes_on = ["→", "->", "=>", "⇒"]
            .iter()
            .any(|arrow| printed.contains(arrow));
        return (!goes_on).then(|| Said::Sample(printed.to_owned()));
    }
    if let Some((head, rest)) = comment.split_once([':', '：'])
        && (is_label(head) || matches!(label_of(comment), Some((Label::Expected, _))))
    {
        let rest = rest.trim();
        return Some(match rest.is_empty() {
            true => Said::Opens(comment.to_owned()),
            false => Said::Sentence(Manner::Label, rest.to_owned()),
        });
    }
    if let Some(aside) = pattern!(r"\(([^()]+)\)\s*$").captures(comment) {
        let inner = aside[1].trim();
        let first = words(inner).next().unwrap_or_default();
        let expects = first.to_lowercase().starts_with("expect");
        if expects {
            let from = inner.find(first).map_or(0, |at| at + first.len());
            let text = inner[from..].trim_start_matches(['*', ':', ' ']);
            return Some(Said::Sentence(Manner::Aside, text.to_owned()));
        }
        // Not where the sentence before it says what must be so itself.
        if is(first, Class::Modal)
            && !words(&comment[..comment.len() - aside[0].len()]).any(|word| is(word, Class::Modal))
        {
            return Some(Said::Sentence(Manner::Aside, inner.to_owned()));
        }
    }
    // A subject of a word or two, then what it should do; or what is to be looked for.
    let begins = words(comment).take(3).any(|word| is(word, Class::Modal));
    let looks = comment.contains(['"', '`', '“']) && says("seek", comment);
    let text = || Said::Sentence(Manner::Sentence, comment.to_owned());
    ((begins || looks || asks(comment)) && words(comment).count() > 1).then(text)
}

/// A case, something that is waited for, a question, a look whether something is there.
fn asks(comment: &str) -> bool {
    let Some(first) = words(comment).find(|word| word.contains(char::is_alphabetic)) else {
        return false;
    };
    let begins = [Class::If, Class::Wait, Class::Stop, Class::Proceed];
    if begins.iter().any(|class| is(first, *class)) {
        return phrase::is_case(comment);
    }
    let question = comment.ends_with(['?', '？']) && phrase::is_of_state(comment);
    question
        || says("after-title", first)
            && words(comment).any(|word| is(word, Class::There))
            && !words(comment).any(|word| is(word, Class::If))
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
    let remarks = shape.comments.iter().filter(|said| said.alone);
    let remarks: BTreeSet<usize> = remarks.map(|said| said.line).collect();
    let adjoins = |from: usize, to: usize| remarks.range(from + 1..to).count() + from + 1 == to;
    let after = previous.filter(|at| adjoins(commands[*at].last, line));
    let before = next.filter(|at| adjoins(line, commands[*at].first));
    let targets = match (inside, manner) {
        (Some(at), _) => vec![at],
        (None, _) if !alone => return None,
        (None, Manner::Aside) => group(shape, next?),
        (None, Manner::Label) => match (after, before) {
            (Some(at), _) => vec![at],
            (None, Some(at)) => group(shape, at),
            (None, None) => match previous {
                Some(at) => vec![at],
                None => group(shape, next?),
            },
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
