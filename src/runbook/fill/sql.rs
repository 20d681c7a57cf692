//! Where a marker stands in SQL.

use super::place::{Place, Reason};
use crate::runbook::syntax::{
    Argument, Ending, Item, Meta, Span, SqlScript, SqlToken, SqlTokenKind, Statement,
};

const DEEPEST: usize = 3;

const UNREADABLE: Reason = Reason {
    why: "the block cannot be read as SQL, so a value cannot be quoted safely in it",
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
const ANSWER: Reason = Reason {
    why: "what the statement answers is read as SQL again",
    help: "write the statement out, or give a value of letters, digits and `_ . / @ % + , : -`",
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
    if script.statements().any(|one| unsettles_quotes(script, one)) {
        return Place::Plain(LITERAL);
    }
    match script.statements().find(|one| one.span.covers(at)) {
        Some(statement) => of_statement(script, statement, at, marker, depth),
        None => Place::Plain(BARE),
    }
}

/// Behind `SET standard_conforming_strings` or another encoding a quote is no longer what it was.
fn unsettles_quotes(script: &SqlScript, statement: &Statement) -> bool {
    let names = ["standard_conforming_strings", "client_encoding", "names"];
    statement.starts_with(script.source(), "SET")
        && statement.tokens.iter().any(|token| {
            names
                .iter()
                .any(|name| token.is_word(script.source(), name))
        })
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
            let runs = program.is_some_and(|word| word.is_word(script.source(), "program"));
            match becomes_code(script, statement) {
                _ if runs => Place::Plain(SHELL),
                Some(reason) => Place::Plain(reason),
                None => Place::Literal,
            }
        }
        SqlTokenKind::Escape => match becomes_code(script, statement) {
            Some(reason) => Place::Plain(reason),
            None => Place::Escape,
        },
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
    if argument.runs || whole || meta.may_run() {
        return Place::Plain(SHELL);
    }
    // A variable is filled in later, where it may be code.
    let set = (meta.name == "set")
        .then(|| meta.arguments.first())
        .flatten();
    match set.and_then(|name| travelling(script, &name.text)) {
        Some(strict) => strict,
        None => of_argument(script, argument, at),
    }
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
    let source = script.source();
    let mut names = vec![name];
    loop {
        let before = names.len();
        for meta in script.metas().filter(|meta| meta.name == "set") {
            if let [target, values @ ..] = meta.arguments.as_slice()
                && values.iter().any(|value| names_one(script, value, &names))
                && !names.contains(&target.text.as_str())
            {
                names.push(&target.text);
            }
        }
        if names.len() == before {
            break;
        }
    }
    let is_one = |token: &SqlToken| {
        token
            .variable(source)
            .is_some_and(|name| names.contains(&name))
    };
    for statement in script.statements() {
        let mut tokens = statement.tokens.iter().filter(|token| is_one(token));
        let bare = tokens
            .clone()
            .any(|token| token.kind == SqlTokenKind::Variable);
        if bare {
            return Some(Place::Plain(BARE));
        }
        if tokens.next().is_some()
            && let Some(reason) = becomes_code(script, statement)
        {
            return Some(Place::Plain(reason));
        }
    }
    let runs = script.metas().any(|meta| {
        let mut own = meta.arguments.iter();
        own.any(|one| (one.runs || meta.may_run()) && names_one(script, one, &names))
    });
    runs.then_some(Place::Plain(SHELL))
}

fn names_one(script: &SqlScript, argument: &Argument, names: &[&str]) -> bool {
    let text = script.text(argument.span);
    text.contains(':') && names.iter().any(|name| text.contains(name))
}

/// Why the literals of a statement are read as code later, if they are.
fn becomes_code(script: &SqlScript, statement: &Statement) -> Option<Reason> {
    let source = script.source();
    let sent = match statement.ending {
        Ending::Sent(command) => script.text(command),
        _ => "",
    };
    // What it answers goes into variables; which ones is known when it has run.
    let mut statements = script.statements().flat_map(|one| &one.tokens);
    let fills_in = statements.any(|token| token.kind == SqlTokenKind::Variable);
    if sent.starts_with("\\gexec") || sent.starts_with("\\gset") && fills_in {
        return Some(ANSWER);
    }
    let defines = [
        "DO",
        "CREATE FUNCTION",
        "CREATE PROCEDURE",
        "CREATE OR REPLACE",
    ];
    let is_body = defines
        .iter()
        .any(|words| statement.starts_with(source, words));
    is_body.then_some(TEXT)
}
