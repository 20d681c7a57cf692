//! Where a marker stands in shell code.

use super::builtins::{CODE, DEEPEST, NAMES, SUM, of_builtin};
use super::flows::{self, Held};
use super::place::{Place, Reason};
use crate::runbook::syntax::shell::{Inner, Tongue};
use crate::runbook::syntax::{Piece, PieceKind, Quote, Script, Span, SqlScript, Visit, Word};

const UNREADABLE: Reason = Reason {
    why: "the block cannot be read as shell code, so a value cannot be quoted safely in it",
    help: "correct the block, or give a value of letters, digits and `_ . / @ % + , : -`",
};
const BACK_QUOTES: Reason = Reason {
    why: "in back quotes nothing keeps a value from being read as code",
    help: "write `$(…)` in place of the back quotes",
};
const OPERAND: Reason = Reason {
    why: "inside of `${…}` nothing keeps a value from being read as code",
    help: "put the value into a variable first: `NAME='…'`, then `${NAME}`",
};
const FILLED: Reason = Reason {
    why: "the text around the value is read as code a second time, with other variables in it",
    help: "pass the value outside the code: as an argument, by environment, or with `psql -v`",
};
const ENDS: Reason = Reason {
    why: "a value is not allowed here: it would be the end of a here-document or shell syntax",
    help: "write that part out in the guide",
};

/// What surrounds the marker at this place.
pub(super) fn place(script: &Script, marker: &str, depth: usize) -> Place {
    let Some(start) = script.source().find(marker) else {
        return Place::Comment;
    };
    let at = Span::new(start, start + marker.len());
    if script
        .comments()
        .iter()
        .any(|comment| comment.span.covers(at))
    {
        return Place::Comment;
    }
    if script.unreadable().is_some() {
        return Place::Plain(UNREADABLE);
    }
    let own = within(script, at, marker, depth);
    match own {
        Place::Plain(_) | Place::Number(_) | Place::Comment => own,
        // Quoted where it stands, but kept in a variable that becomes code later.
        _ => flows::strict(script, &mut Held::at(at), depth).unwrap_or(own),
    }
}

fn within(script: &Script, at: Span, marker: &str, depth: usize) -> Place {
    let mut found: Option<Place> = None;
    let mut inside: Option<Place> = None;
    let mut strict: Option<Place> = None;
    script.visit(&mut |visit| {
        match visit {
            Visit::Pipeline(pipeline) => {
                for inner in pipeline.inner() {
                    if inner.holder.span().covers(at) {
                        inside.get_or_insert_with(|| read_again(&inner, marker, depth));
                    }
                }
                let given = |word: &Word| word.span.covers(at);
                strict = strict
                    .take()
                    .or_else(|| flows::through_psql(pipeline, given));
            }
            Visit::Simple(simple) if simple.span.covers(at) => {
                strict = strict.take().or_else(|| of_builtin(simple, at));
            }
            Visit::Assignment(assignment) if assignment.span.covers(at) => {
                let code = ["PS1", "PS4", "PROMPT_COMMAND", "BASH_ENV", "ENV"];
                let key = assignment.subscript.as_ref();
                if key.is_some_and(|key| key.span.covers(at)) {
                    strict = Some(Place::Number(SUM));
                } else if !assignment.value.span.covers(at)
                    || code.contains(&assignment.name.as_str())
                {
                    strict = Some(Place::Plain(NAMES));
                }
            }
            Visit::Redirection(redirection) => {
                if let Some(document) = redirection.here_document() {
                    if document.word.covers(at) {
                        strict = Some(Place::Plain(ENDS));
                    } else if document.body.covers(at) {
                        found = found.take().or_else(|| of_pieces(&document.pieces, at));
                    }
                }
            }
            Visit::Word(word) if word.span.covers(at) => {
                let own = of_pieces(&word.pieces, at);
                found = own.or(found.take());
            }
            Visit::Substitution(inner) => {
                let own = inner.span().covers(at) && !inner.is_detached();
                let hidden = inner.is_detached() && inner.source().contains(marker);
                if inner.is_backquoted() && (own || hidden) {
                    strict = Some(Place::Plain(BACK_QUOTES));
                } else if own {
                    let commented = inner.comments().iter().any(|one| one.span.covers(at));
                    // What stands in it is an argument of its own commands.
                    let own = match commented {
                        true => Place::Comment,
                        false => within(inner, at, marker, depth),
                    };
                    // What its commands print is reckoned with.
                    if !matches!(found, Some(Place::Number(_))) {
                        found = Some(own);
                    }
                }
            }
            _ => {}
        }
        false
    });
    match (strict, inside, found) {
        (Some(strict), _, _) => strict,
        (None, Some(Place::Comment), Some(found)) => found,
        (None, Some(inner), Some(outer)) => composed(inner, outer),
        (None, None, Some(found)) => found,
        (None, _, None) => Place::Plain(ENDS),
    }
}

fn composed(inner: Place, outer: Place) -> Place {
    match (inner, outer) {
        (plain @ (Place::Plain(_) | Place::Number(_)), _) => plain,
        (_, plain @ (Place::Plain(_) | Place::Number(_))) => plain,
        (inner, outer) => Place::Inside(Box::new(inner), Box::new(outer)),
    }
}

/// Where the marker stands in code that something else reads.
fn read_again(inner: &Inner<'_>, marker: &str, depth: usize) -> Place {
    if depth >= DEEPEST {
        return Place::Plain(CODE);
    }
    // What is filled in otherwise, or stands around it, could open or close a quote.
    if !is_literal(inner) || !inner.alone {
        return Place::Plain(FILLED);
    }
    match inner.tongue {
        Tongue::Shell => place(&Script::read(&inner.text), marker, depth + 1),
        Tongue::Sql => super::sql::place(&SqlScript::read(&inner.text), marker, depth + 1),
        Tongue::OtherSql | Tongue::Other => Place::Plain(CODE),
    }
}

fn is_literal(inner: &Inner<'_>) -> bool {
    use crate::runbook::syntax::shell::Holder;
    match inner.holder {
        Holder::Word(word) => word.is_literal(),
        Holder::Words(words) => words.iter().all(|word| word.is_plain()),
        Holder::HereDocument(document) => document.is_literal() && !document.strips_tabs,
    }
}

fn of_pieces(pieces: &[Piece], at: Span) -> Option<Place> {
    let mut touched = pieces
        .iter()
        .filter(|piece| piece.span.start < at.end && at.start < piece.span.end);
    let piece = touched.next()?;
    if !piece.span.covers(at) {
        return None;
    }
    Some(match &piece.kind {
        PieceKind::Text | PieceKind::Pattern | PieceKind::Blank => match piece.quote {
            Quote::Bare => Place::Bare,
            Quote::Single => Place::Single,
            Quote::Double => Place::Double,
            Quote::AnsiC => Place::AnsiC,
            Quote::Here => Place::Here,
            Quote::Verbatim => Place::Verbatim,
            Quote::Arithmetic => Place::Number(SUM),
            Quote::Operand => Place::Plain(OPERAND),
            Quote::Escaped => Place::Plain(ENDS),
        },
        PieceKind::Parameter { operand, .. } => match of_pieces(operand, at) {
            Some(number @ Place::Number(_)) => number,
            _ => Place::Plain(OPERAND),
        },
        PieceKind::Arithmetic(inner) => match of_pieces(inner, at) {
            Some(place @ Place::Number(_)) => place,
            _ => Place::Number(SUM),
        },
        PieceKind::Array(words) => {
            let word = words.iter().find(|word| word.span.covers(at))?;
            match word.text.starts_with('[') {
                true => Place::Number(SUM),
                false => of_pieces(&word.pieces, at)?,
            }
        }
        _ if piece.quote == Quote::Arithmetic => Place::Number(SUM),
        // Looked at on their own.
        PieceKind::Command(_) | PieceKind::Backquoted(_) | PieceKind::Process(_) => return None,
    })
}
