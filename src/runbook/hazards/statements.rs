//! What SQL destroys, by the grammar of its statements.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::{DEEPEST, Danger};
use crate::runbook::syntax::{
    Ending, Item, Meta, Script, Span, SqlScript, SqlToken, SqlTokenKind, Statement,
};

/// Everything in a script that destroys, in its order.
pub(super) fn dangers(script: &SqlScript, depth: usize) -> Vec<Danger> {
    let mut found = Vec::new();
    if depth > DEEPEST {
        return found;
    }
    // A function destroys where it is called.
    let mut functions: Vec<(String, Vec<Danger>)> = Vec::new();
    for item in script.items() {
        match item {
            Item::Statement(statement) => {
                of_statement(script, statement, depth, &mut functions, &mut found);
            }
            Item::Meta(meta) => of_meta(script, meta, depth, &mut found),
            Item::Data(_) => {}
        }
    }
    found
}

/// Words without which nothing is destroyed.
fn is_suspicious(script: &SqlScript, statement: &Statement) -> bool {
    const WORDS: [&str; 8] = [
        "drop", "truncate", "delete", "update", "do", "program", "merge", "execute",
    ];
    let sent = matches!(statement.ending, Ending::Sent(_));
    sent || statement.tokens.iter().any(|token| {
        token.kind == SqlTokenKind::Word
            && WORDS
                .iter()
                .any(|word| token.is_word(script.source(), word))
    })
}

fn of_statement(
    script: &SqlScript,
    statement: &Statement,
    depth: usize,
    functions: &mut Vec<(String, Vec<Danger>)>,
    found: &mut Vec<Danger>,
) {
    let source = script.source();
    let span = statement.span;
    for (name, dangers) in functions.iter() {
        let mut pairs = statement.tokens.windows(2);
        let called =
            pairs.any(|pair| pair[1].kind == SqlTokenKind::Open && names(pair[0], source, name));
        if called {
            found.extend(dangers.iter().map(|danger| Danger {
                phrase: danger.phrase.clone(),
                span,
            }));
        }
    }
    if statement.starts_with(source, "CREATE") {
        if let Some((name, text)) = function(script, statement) {
            let inner = of_body(&text, depth + 1);
            if !inner.is_empty() {
                functions.push((name, inner));
            }
        }
        return;
    }
    if !is_suspicious(script, statement) {
        return;
    }
    if statement.starts_with(source, "DO") {
        for token in statement.tokens.iter().filter(|token| token.is_literal()) {
            let inner = of_body(&inside(script.text(token.span)), depth + 1);
            found.extend(inner.into_iter().map(|danger| Danger {
                phrase: danger.phrase,
                span: token.span,
            }));
        }
        return;
    }
    // `COPY … TO PROGRAM 'rm …'`, `SELECT 'DROP TABLE …' \gexec`.
    for pair in statement.tokens.windows(2) {
        if pair[0].is_word(source, "program") && pair[1].is_literal() {
            let text = inside(script.text(pair[1].span));
            let inner = super::destroys::dangers(&Script::read(&text), depth + 1);
            found.extend(inner.into_iter().map(|danger| Danger {
                phrase: danger.phrase,
                span: pair[1].span,
            }));
        }
    }
    if let Ending::Sent(command) = statement.ending
        && script.text(command).starts_with("\\gexec")
    {
        generated(script, &statement.tokens, depth, found);
    }
    let read = script.tree(statement);
    let before = found.len();
    if let Some(tree) = &read {
        let offset = statement.span.start;
        for node in tree.descendants() {
            if let Some(phrase) = phrase(&node) {
                let start = offset + usize::from(node.text_range().start());
                let end = offset + usize::from(node.text_range().end());
                let span = Span::new(start, end);
                found.push(Danger { phrase, span });
            }
        }
    }
    if found.len() == before {
        by_words(script, statement, read.is_none(), found);
    }
}

fn names(token: SqlToken, source: &str, name: &str) -> bool {
    let text = token.span.of(source).trim_matches('"');
    matches!(token.kind, SqlTokenKind::Word | SqlTokenKind::Identifier)
        && text.eq_ignore_ascii_case(name)
}

/// Text that becomes SQL when it runs.
fn generated(script: &SqlScript, tokens: &[SqlToken], depth: usize, found: &mut Vec<Danger>) {
    for token in tokens.iter().filter(|token| token.is_literal()) {
        let text = inside(script.text(token.span));
        let inner = dangers(&SqlScript::read(&text), depth + 1);
        found.extend(inner.into_iter().map(|danger| Danger {
            phrase: danger.phrase,
            span: token.span,
        }));
    }
}

/// A literal without its quotes.
fn inside(literal: &str) -> String {
    if let Some(rest) = literal.strip_prefix('$')
        && let Some(length) = rest.find('$')
    {
        let tag = length + 2;
        let end = literal.len().saturating_sub(tag);
        return literal.get(tag..end).unwrap_or_default().to_owned();
    }
    let start = literal.find('\'').map_or(0, |at| at + 1);
    let inner = literal.get(start..literal.len().saturating_sub(1));
    inner.unwrap_or_default().replace("''", "'")
}

/// The body of a block of PL/pgSQL or of a function in SQL.
fn of_body(text: &str, depth: usize) -> Vec<Danger> {
    if depth > DEEPEST {
        return Vec::new();
    }
    let mut found = Vec::new();
    let script = SqlScript::read(text);
    for statement in script.statements() {
        // What stands between `BEGIN`, `THEN`, `LOOP`, `ELSE` and the semicolon is a statement.
        let mut rest = statement.tokens.as_slice();
        loop {
            let begins = ["begin", "then", "loop", "else", "execute"];
            let at = rest
                .iter()
                .position(|token| begins.iter().any(|word| token.is_word(text, word)));
            let (head, after) = match at {
                Some(at) => (&rest[..at], Some((rest[at], &rest[at + 1..]))),
                None => (rest, None),
            };
            plain(&script, head, depth, &mut found);
            let Some((word, after)) = after else { break };
            if word.is_word(text, "execute") {
                generated(&script, after, depth, &mut found);
            }
            rest = after;
        }
    }
    found
}

/// Tokens of a body that may be one statement.
fn plain(script: &SqlScript, tokens: &[SqlToken], depth: usize, found: &mut Vec<Danger>) {
    let Some((first, last)) = tokens.first().zip(tokens.last()) else {
        return;
    };
    let text = script.text(first.span.with(last.span));
    let inner = SqlScript::read(text);
    found.extend(dangers(&inner, depth + 1));
}

/// The name and the body of a function that a statement creates.
fn function(script: &SqlScript, statement: &Statement) -> Option<(String, String)> {
    let source = script.source();
    let is_function =
        |token: &SqlToken| token.is_word(source, "function") || token.is_word(source, "procedure");
    let at = statement.tokens.iter().position(is_function)?;
    let tokens = &statement.tokens[at + 1..];
    let open = tokens
        .iter()
        .position(|token| token.kind == SqlTokenKind::Open)?;
    let name = script.text(tokens.get(open.checked_sub(1)?)?.span);
    let body = tokens[open..]
        .iter()
        .filter(|token| token.is_literal())
        .map(|token| inside(script.text(token.span)))
        .max_by_key(String::len);
    let atomic = tokens
        .iter()
        .position(|token| token.is_word(source, "atomic"));
    let atomic = atomic.map(|at| {
        let from = tokens[at].span.end;
        script
            .text(Span::new(from, statement.body().end))
            .to_owned()
    });
    Some((name.trim_matches('"').to_owned(), body.or(atomic)?))
}

fn phrase(node: &SyntaxNode) -> Option<String> {
    use SyntaxKind as Kind;
    let kind = node.kind();
    match kind {
        Kind::TRUNCATE => Some("TRUNCATE".to_owned()),
        Kind::DELETE => Some("DELETE FROM".to_owned()),
        Kind::MERGE_DELETE => Some("MERGE … DELETE".to_owned()),
        Kind::UPDATE => {
            let is_where = |child: SyntaxNode| format!("{:?}", child.kind()).starts_with("WHERE_");
            let bounded = node.children().any(is_where);
            (!bounded).then(|| "UPDATE without WHERE".to_owned())
        }
        // They change how a column is, not what is in it.
        Kind::DROP_KW
        | Kind::DROP_NOT_NULL
        | Kind::DROP_DEFAULT
        | Kind::DROP_EXPRESSION
        | Kind::DROP_IDENTITY
        | Kind::DROP_DATABASE_FORCE_CLAUSE => None,
        _ => {
            let name = format!("{kind:?}");
            let what = name.strip_prefix("DROP_")?;
            let statement = node.parent().is_none_or(|parent| {
                matches!(parent.kind(), Kind::SOURCE_FILE)
                    || !format!("{:?}", parent.kind()).starts_with("DROP_")
            });
            statement.then(|| format!("DROP {}", what.replace('_', " ")))
        }
    }
}

/// A statement that the grammar does not know: its first words say what it does.
fn by_words(script: &SqlScript, statement: &Statement, unread: bool, found: &mut Vec<Danger>) {
    let source = script.source();
    let is =
        |token: &SqlToken, words: &[&str]| words.iter().any(|word| token.is_word(source, word));
    let tokens = match unread {
        true => statement.tokens.as_slice(),
        false => statement.tokens.get(..2).unwrap_or(&statement.tokens),
    };
    for (index, token) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1);
        let next = next.filter(|next| next.kind == SqlTokenKind::Word);
        let begins = index == 0 || unread;
        let said = match next.map(|next| script.text(next.span).to_ascii_uppercase()) {
            Some(what) if begins && is(token, &["drop"]) => format!("DROP {what}"),
            Some(what) if begins && is(token, &["delete"]) && what == "FROM" => {
                "DELETE FROM".to_owned()
            }
            _ if begins && is(token, &["truncate"]) => "TRUNCATE".to_owned(),
            _ => continue,
        };
        let span = token.span;
        found.push(Danger { phrase: said, span });
    }
}

/// `\! rm x`, `` \set x `rm y` ``, `\g | sh`.
fn of_meta(script: &SqlScript, meta: &Meta, depth: usize, found: &mut Vec<Danger>) {
    for argument in meta.arguments.iter().filter(|argument| argument.runs) {
        let text = script.text(argument.span).trim_matches('`');
        let text = text.trim_start_matches('|');
        let inner = super::destroys::dangers(&Script::read(text), depth + 1);
        found.extend(inner.into_iter().map(|danger| Danger {
            phrase: danger.phrase,
            span: meta.span,
        }));
    }
}

/// The database that a script drops, where its name is written out.
pub(super) fn dropped_database(script: &SqlScript) -> Option<String> {
    let source = script.source();
    script.statements().find_map(|statement| {
        if !statement.starts_with(source, "DROP DATABASE") {
            return None;
        }
        let mut rest = statement.tokens[2..].iter();
        let name = rest.find(|token| {
            !["if", "exists"]
                .iter()
                .any(|word| token.is_word(source, word))
        })?;
        let text = script.text(name.span);
        match name.kind {
            SqlTokenKind::Word => Some(text.to_owned()),
            SqlTokenKind::Identifier => Some(text.trim_matches('"').replace("\"\"", "\"")),
            _ => None,
        }
    })
}
