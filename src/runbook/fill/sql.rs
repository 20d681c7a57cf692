//! Where a marker stands in SQL.

use super::place::{Place, Reason};
use crate::runbook::syntax::{Argument, Item, Meta, Span, SqlScript, SqlTokenKind, Statement};

const DEEPEST: usize = 3;

const UNREADABLE: Reason = Reason {
    why: "the block cannot be read as SQL, so nothing says how a value is quoted in it",
    help: "correct the block, or give a value of letters, digits and `_ . / @ % + , : -`",
};
const BARE: Reason = Reason {
    why: "outside of quotes the value would be read as SQL",
    help: "write it as a text (`'<name>'` or `:'name'`) or as a name (`\"<name>\"` or `:\"name\"`)",
};
const LITERAL: Reason = Reason {
    why: "in this kind of literal nothing keeps a value from being read as SQL",
    help: "write an ordinary one: `'<name>'` or `:'name'`",
};
const SHELL: Reason = Reason {
    why: "psql hands this text to a shell, which would read the value as code",
    help: "make a shell block of it",
};
const DATA: Reason = Reason {
    why: "in the data of a COPY a value of other characters would be another row or column",
    help: "write an INSERT in place of the COPY",
};
const TEXT: Reason = Reason {
    why: "in a dollar quote nothing keeps a value from ending it",
    help: "write an ordinary literal: `'<name>'` or `:'name'`",
};

/// What surrounds the marker.
pub(super) fn place(script: &SqlScript, marker: &str, depth: usize) -> Place {
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
    for item in script.items() {
        match item {
            Item::Meta(meta) if meta.span.covers(at) => return of_meta(script, meta, at),
            Item::Data(span) if span.covers(at) => return Place::Plain(DATA),
            _ => {}
        }
    }
    let mut statements = script.statements();
    match statements.find(|one| one.span.covers(at)) {
        Some(statement) => of_statement(script, statement, at, marker, depth),
        None => Place::Plain(BARE),
    }
}

fn of_statement(
    script: &SqlScript,
    statement: &Statement,
    at: Span,
    marker: &str,
    depth: usize,
) -> Place {
    let Some(token) = statement.tokens.iter().find(|token| token.span.covers(at)) else {
        return Place::Plain(BARE);
    };
    let text = script.text(token.span);
    match token.kind {
        // Bits and bytes take no other characters anyway.
        SqlTokenKind::Literal if text.starts_with('\'') => {
            let before = statement
                .tokens
                .iter()
                .take_while(|one| one.span.end <= at.start);
            let program = before.last();
            match program.is_some_and(|word| word.is_word(script.source(), "program")) {
                true => Place::Plain(SHELL),
                false => Place::Literal,
            }
        }
        SqlTokenKind::Escape => Place::Escape,
        SqlTokenKind::Identifier if text.starts_with('"') => Place::Identifier,
        SqlTokenKind::Dollar if depth < DEEPEST => {
            let is_code = ["DO", "CREATE"]
                .iter()
                .any(|word| statement.starts_with(script.source(), word));
            let tag = text[1..].find('$').map_or(2, |length| length + 2);
            let inner = text.get(tag..text.len() - tag).unwrap_or_default();
            match is_code {
                true => dollar(place(&SqlScript::read(inner), marker, depth + 1)),
                false => Place::Plain(TEXT),
            }
        }
        SqlTokenKind::Literal | SqlTokenKind::Unicode => Place::Plain(LITERAL),
        _ => Place::Plain(BARE),
    }
}

/// In a body the quotes are those of the body; the value must not end the body as well.
fn dollar(inner: Place) -> Place {
    match inner {
        plain @ (Place::Plain(_) | Place::Number(_) | Place::Comment) => plain,
        _ => Place::Plain(TEXT),
    }
}

fn of_meta(script: &SqlScript, meta: &Meta, at: Span) -> Place {
    let Some(argument) = meta.arguments.iter().find(|one| one.span.covers(at)) else {
        return Place::Plain(BARE);
    };
    let whole = matches!(
        meta.name.as_str(),
        "copy" | "!" | "ef" | "ev" | "sf" | "sv" | "h"
    );
    if argument.runs || whole {
        return Place::Plain(SHELL);
    }
    of_argument(script, argument, at)
}

fn of_argument(script: &SqlScript, argument: &Argument, at: Span) -> Place {
    let text = script.text(argument.span);
    let before = Span::new(argument.span.start, at.start).of(script.source());
    // A word with several kinds of quotes is not taken apart.
    let bare = !text.contains(['\'', '"', '`', '\\', ':']);
    let quoted = text.len() > 1
        && text.starts_with('\'')
        && text.ends_with('\'')
        && !text[1..text.len() - 1].contains(['\'', '\\']);
    match (bare, quoted) {
        // Quotes in the middle of a word are psql's as well, but the word stays readable without.
        (true, _) if before.is_empty() && text.len() == at.end - at.start => Place::Argument,
        (_, true) => Place::QuotedArgument,
        _ => Place::Plain(BARE),
    }
}

/// What holds for a variable that psql fills in by itself: `None` where any value may come.
pub(super) fn travelling(script: &SqlScript, name: &str) -> Option<Place> {
    for statement in script.statements() {
        for token in &statement.tokens {
            if token.kind == SqlTokenKind::Variable && token.variable(script.source()) == Some(name)
            {
                return Some(Place::Plain(BARE));
            }
        }
    }
    let mut arguments = script.metas().flat_map(|meta| &meta.arguments);
    let runs = arguments.any(|argument| {
        let text = script.text(argument.span);
        argument.runs && text.contains(':') && text.contains(name)
    });
    runs.then_some(Place::Plain(SHELL))
}
