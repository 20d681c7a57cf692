//! From our tokens over `brush-parser`'s grammar to a [`Script`]: the grammar says what belongs
//! together, the words are ours.

mod grammar;

use std::sync::Arc;

use brush_parser::{ParseError, ParserOptions, SourcePosition, SourceSpan};

use super::lexer::{Failure, Read, Reader, Token, Tokens};
use super::{
    AndOr, Command, LONGEST, Pipeline, Redirection, RedirectionKind, Script, Simple, Stage, Target,
};
use crate::runbook::syntax::{Comment, Span, Unreadable};

/// How often reading begins again behind what could not be read.
const ATTEMPTS: usize = 100;

/// A whole text.
pub(super) fn script(source: Arc<str>, depth: usize) -> Script {
    let span = Span::new(0, source.len());
    part(&source, span, depth)
}

/// A part of a text that stands for itself.
pub(super) fn part(source: &Arc<str>, span: Span, depth: usize) -> Script {
    let mut script = Script {
        source: source.clone(),
        span,
        commands: Vec::new(),
        comments: Vec::new(),
        unreadable: None,
        detached: false,
        backquoted: false,
    };
    let text = span.of(source);
    if text.len() > LONGEST {
        script.unreadable = Some(unreadable(span.start, "it is too long to be read"));
        return script;
    }
    if let Some(at) = text.find('\0') {
        script.unreadable = Some(unreadable(span.start + at, "it holds a NUL byte"));
        return script;
    }
    let mut reader = Reader {
        source: source.clone(),
        at: span.start,
        end: span.end,
        depth,
        budget: text.len() * 8 + 10_000,
        extglob: text.contains("extglob"),
        comments: Vec::new(),
    };
    for _ in 0..ATTEMPTS {
        let (mut tokens, read) = reader.tokens(false);
        let failure = match read {
            Ok(()) => match commands(source, &mut tokens) {
                Ok(commands) => {
                    script.commands.extend(commands);
                    break;
                }
                Err(failure) => {
                    salvage(source, &mut tokens, &mut script.commands);
                    script.unreadable.get_or_insert(failure.into());
                    break;
                }
            },
            Err(failure) => failure,
        };
        salvage(source, &mut tokens, &mut script.commands);
        let from = failure.at.min(span.end);
        script.unreadable.get_or_insert(failure.into());
        // What follows may hold danger: it is looked at, though nobody may rely on it.
        match source[from..span.end].find('\n') {
            Some(length) if reader.budget > 0 => reader.at = from + length + 1,
            _ => break,
        }
        reader.depth = depth;
    }
    script.comments = reader.comments;
    script
}

/// The commands of a substitution.
pub(super) fn nested(
    source: &Arc<str>,
    span: Span,
    mut tokens: Tokens,
    comments: Vec<Comment>,
) -> Read<Script> {
    Ok(Script {
        commands: commands(source, &mut tokens)?,
        source: source.clone(),
        span,
        comments,
        unreadable: None,
        detached: false,
        backquoted: false,
    })
}

fn unreadable(at: usize, why: &str) -> Unreadable {
    Unreadable {
        at,
        why: why.to_owned(),
    }
}

impl From<Failure> for Unreadable {
    fn from(failure: Failure) -> Self {
        unreadable(failure.at, failure.why)
    }
}

fn commands(source: &Arc<str>, tokens: &mut Tokens) -> Read<Vec<Command>> {
    let taken = std::mem::take(&mut tokens.tokens);
    let result = grammar_of(&taken).and_then(|program| {
        let mut builder = grammar::Builder::new(source, &taken, tokens);
        let lists: Vec<AndOr> = program
            .complete_commands
            .into_iter()
            .flat_map(|line| line.0)
            .map(|item| builder.and_or(item))
            .collect::<Read<_>>()?;
        Ok(lists)
    });
    let result = result.map(|lists| lines(lists, &taken, tokens));
    tokens.tokens = taken;
    result
}

fn grammar_of(tokens: &[Token]) -> Read<brush_parser::ast::Program> {
    if tokens.iter().all(|token| token.text == "\n") {
        return Ok(brush_parser::ast::Program {
            complete_commands: Vec::new(),
        });
    }
    let position = |index: usize| {
        Arc::new(SourcePosition {
            index,
            line: 1,
            column: 1,
        })
    };
    let theirs: Vec<brush_parser::Token> = tokens
        .iter()
        .map(|token| {
            let span = SourceSpan {
                start: position(token.span.start),
                end: position(token.span.end),
            };
            match token.is_word {
                true => brush_parser::Token::Word(token.text.to_owned(), span),
                false => brush_parser::Token::Operator(token.text.to_owned(), span),
            }
        })
        .collect();
    brush_parser::parse_tokens(&theirs, &ParserOptions::default()).map_err(|error| {
        let end = tokens.last().map_or(0, |last| last.span.end);
        let (at, why) = match error {
            ParseError::ParsingNear(position) => (position.index, "a word is not allowed there"),
            _ => (end, "it ends in the middle of a command"),
        };
        Failure { at, why }
    })
}

/// Lists with their spans, as lines to be typed one by one.
fn lines(lists: Vec<AndOr>, tokens: &[Token], known: &Tokens) -> Vec<Command> {
    let is_separator = |token: &Token| !token.is_word && matches!(token.text, ";" | "&" | "\n");
    let starts: Vec<usize> = lists
        .iter()
        .map(|list| list.first.stages.first().map_or(0, |one| one.span().start))
        .collect();
    let mut commands: Vec<Command> = Vec::with_capacity(lists.len());
    let mut next = 0;
    for (index, list) in lists.into_iter().enumerate() {
        while tokens.get(next).is_some_and(&is_separator) {
            next += 1;
        }
        let upto = match starts.get(index + 1) {
            Some(start) => {
                let located = tokens[next..].partition_point(|token| token.span.start < *start);
                let between = &tokens[next..next + located];
                next + between.iter().rposition(&is_separator).unwrap_or(located)
            }
            None => tokens.len(),
        };
        let mut own = &tokens[next..upto.max(next)];
        next = upto.max(next);
        while let [rest @ .., last] = own {
            if !is_separator(last) {
                break;
            }
            own = rest;
        }
        let Some((first, last)) = own.first().zip(own.last()) else {
            continue;
        };
        // `a &` is typed with its `&`.
        let mut end = last.span.end;
        if list.background
            && let Some(sign) = tokens[..tokens.len().min(next + 1)]
                .iter()
                .rfind(|token| token.span.start >= end && token.text == "&")
        {
            end = sign.span.end;
        }
        for token in own {
            if let Some(document) = known.here.get(&token.span.start) {
                end = end.max(document.end);
            }
        }
        let span = Span::new(first.span.start, end);
        match commands.last_mut() {
            Some(before) if before.span.end > span.start => {
                before.span = before.span.with(span);
                before.lists.push(list);
            }
            _ => commands.push(Command {
                span,
                lists: vec![list],
            }),
        }
    }
    commands
}

/// Simple commands of a text that could not be read as a whole, for those who look for danger.
fn salvage(source: &Arc<str>, tokens: &mut Tokens, commands: &mut Vec<Command>) {
    let taken = std::mem::take(&mut tokens.tokens);
    let mut simple = Simple::default();
    let mut close = |simple: &mut Simple| {
        let simple = std::mem::take(simple);
        if simple.words.is_empty() && simple.assignments.is_empty() {
            return;
        }
        let span = simple.span;
        let pipeline = Pipeline {
            negated: false,
            timed: false,
            stages: vec![Stage::Simple(simple)],
        };
        let list = AndOr {
            first: pipeline,
            rest: Vec::new(),
            background: false,
        };
        commands.push(Command {
            span,
            lists: vec![list],
        });
    };
    for token in &taken {
        let opens = token.is_word && !matches!(token.text, "w" | "a=" | "0");
        let redirects = token.text.contains(['<', '>']);
        if opens || !token.is_word && !redirects {
            close(&mut simple);
            continue;
        }
        let Some(entry) = tokens.words.remove(&token.span.start) else {
            continue;
        };
        if let Some(document) = tokens.here.remove(&token.span.start) {
            simple.redirections.push(Redirection {
                descriptor: None,
                kind: RedirectionKind::HereDocument,
                target: Target::HereDocument(document),
            });
            continue;
        }
        simple.span = match simple.words.is_empty() && simple.assignments.is_empty() {
            true => token.span,
            false => simple.span.with(token.span),
        };
        if let Some(value) = entry.value.filter(|_| simple.words.is_empty()) {
            let assignment = grammar::assignment(source, entry.word, value);
            simple.assignments.push(assignment);
        } else {
            simple.words.push(entry.word);
        }
    }
    close(&mut simple);
}
