//! Where `\c` leads the session of an SQL text.

use super::{Goes, Known, Reach};
use crate::libpq::{Parameters, conninfo};
use crate::runbook::syntax::{Argument, read_sql};

/// The places that an SQL text leads its session to by `\c`.
pub fn sql_reaches(code: &str, lookup: &dyn Fn(&str) -> Known) -> Vec<Reach> {
    if !code.contains("\\c") {
        return Vec::new();
    }
    let script = read_sql(code);
    let metas = script.metas();
    metas
        .filter(|meta| matches!(meta.name.as_str(), "c" | "connect"))
        .map(|meta| Reach {
            line: script.line(meta.span.start),
            what: format!("\\{}", meta.name),
            to: reconnects(meta.arguments.iter().map(|one| word(one, lookup))),
        })
        .collect()
}

fn word(argument: &Argument, lookup: &dyn Fn(&str) -> Known) -> Known {
    if argument.runs {
        return Known::Not("a command gives it".to_owned());
    }
    let text = argument.text.as_str();
    if argument.is_literal {
        return Known::Value(text.to_owned());
    }
    let name = text
        .strip_prefix(':')
        .unwrap_or(text)
        .trim_matches(['\'', '"']);
    let is_name = name
        .chars()
        .all(|letter| letter.is_alphanumeric() || letter == '_');
    match text.starts_with(':') && is_name {
        true => lookup(name),
        false => Known::Not(format!("`{text}` is filled in by psql")),
    }
}

/// `\c DATABASE USER HOST PORT`, `-` for what stays; or one connection string.
fn reconnects(words: impl Iterator<Item = Known>) -> Goes {
    let mut written = Parameters::new();
    for (name, word) in ["dbname", "user", "host", "port"].into_iter().zip(words) {
        match word {
            Known::Not(why) => return Goes::Unknown(why),
            Known::Value(value) if value == "-" || value.is_empty() => {}
            Known::Value(value) if name == "dbname" && conninfo::is_connection_string(&value) => {
                return match conninfo::parse(&value) {
                    Ok(parameters) => Goes::Reconnects(parameters),
                    Err(why) => Goes::Unknown(why),
                };
            }
            Known::Value(value) => {
                written.insert(name.to_owned(), value);
            }
        }
    }
    Goes::Reconnects(written)
}
