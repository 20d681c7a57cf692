//! What a shell destroys, by its words: programs that it calls, and code that it hands to others.

use super::{DEEPEST, Danger, programs, statements};
use crate::runbook::pattern::pattern;
use crate::runbook::syntax::shell::{Inner, Tongue};
use crate::runbook::syntax::{Pipeline, RedirectionKind, Script, Simple, SqlScript, Stage, Visit};

/// Everything in a script that destroys, in its order.
pub(super) fn dangers(script: &Script, depth: usize) -> Vec<Danger> {
    let mut found = Vec::new();
    if depth <= DEEPEST {
        gather(script, depth, &mut found);
        found.sort_by_key(|danger| danger.span.start);
    }
    found
}

fn gather(script: &Script, depth: usize, found: &mut Vec<Danger>) {
    script.visit(&mut |visit| {
        match visit {
            Visit::Simple(simple) => {
                for call in simple.calls() {
                    let phrase = programs::destroyed_by(&call);
                    let span = call.word.span;
                    found.extend(phrase.map(|phrase| Danger { phrase, span }));
                }
            }
            Visit::Pipeline(pipeline) => {
                found.extend(restored_into(pipeline));
                for inner in pipeline.inner() {
                    let span = inner.holder.span();
                    let dangers = of_inner(&inner, depth + 1).into_iter();
                    found.extend(dangers.map(|danger| Danger {
                        phrase: danger.phrase,
                        span,
                    }));
                }
            }
            // What is unescaped first has places of its own.
            Visit::Substitution(inner) if inner.is_detached() => {
                let mut own = dangers(inner, depth + 1);
                for danger in &mut own {
                    danger.span = script.span();
                }
                found.extend(own);
            }
            Visit::Substitution(inner) => gather(inner, depth, found),
            _ => {}
        }
        false
    });
}

/// `psql shop < shop.dump.sql`, `gunzip -c a.gz | psql shop`: what is there is overwritten by a dump.
fn restored_into(pipeline: &Pipeline) -> Option<Danger> {
    let simple = |stage: &Stage| match stage {
        Stage::Simple(simple) => Some(simple.clone()),
        _ => None,
    };
    let last = simple(pipeline.stages.last()?)?;
    let calls = last.calls();
    let into = calls.iter().find(|call| {
        matches!(call.program, "psql" | "mysql" | "mariadb" | "sqlite3")
            && !call.has_option(&["-c", "--command", "-f", "--file", "-l", "-e", "--execute"])
    })?;
    let is_dump = |text: &str| {
        pattern!(r"(?i)back-?up|dump|\bbak\b|\.(?:gz|zst|bz2|xz)$|restore").is_match(text)
    };
    let reads_dump = |simple: &Simple| {
        let mut files = simple.redirections.iter();
        files.any(|one| {
            one.kind == RedirectionKind::Read && one.word().is_some_and(|word| is_dump(&word.text))
        })
    };
    let unpacks = |simple: &Simple| {
        simple.calls().iter().any(|call| match call.program {
            "gunzip" | "zcat" | "bunzip2" | "bzcat" | "unzstd" | "zstdcat" | "xzcat"
            | "pg_restore" => true,
            "gzip" | "zstd" | "xz" | "bzip2" => call.has_option(&["-d", "--decompress"]),
            "cat" | "aws" | "gsutil" => call.operands().any(is_dump),
            _ => false,
        })
    };
    let before = pipeline.stages.len().checked_sub(2);
    let from = before.and_then(|at| simple(&pipeline.stages[at]));
    (reads_dump(&last) || from.is_some_and(|from| unpacks(&from))).then(|| Danger {
        phrase: "dump restored".to_owned(),
        span: into.word.span,
    })
}

fn of_inner(inner: &Inner<'_>, depth: usize) -> Vec<Danger> {
    if depth > DEEPEST {
        return Vec::new();
    }
    match inner.tongue {
        Tongue::Shell => dangers(&Script::read(&inner.text), depth),
        Tongue::Sql | Tongue::OtherSql => statements::dangers(&SqlScript::read(&inner.text), depth),
        Tongue::Other => Vec::new(),
    }
}

/// The database that a script drops, where its name is written out.
pub(super) fn dropped_database(script: &Script, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    for (_, simple) in script.all_simple_commands() {
        for call in simple
            .calls()
            .iter()
            .filter(|call| call.program == "dropdb")
        {
            let last = call.arguments.last()?;
            let named = last.is_plain() && !last.text.starts_with('-') && !last.text.is_empty();
            if named {
                return Some(last.text.clone());
            }
        }
    }
    script.inner().iter().find_map(|inner| match inner.tongue {
        Tongue::Shell => dropped_database(&Script::read(&inner.text), depth + 1),
        Tongue::Sql | Tongue::OtherSql => {
            statements::dropped_database(&SqlScript::read(&inner.text))
        }
        Tongue::Other => None,
    })
}
