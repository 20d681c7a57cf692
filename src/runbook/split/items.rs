//! A block as a list of comments, statements and sessions, in order.

use crate::runbook::commands::{self, Opener};
use crate::runbook::markers::{Marker, marker};
use crate::runbook::pattern::pattern;
use crate::runbook::shell::{self, LineKind};
use crate::runbook::{hazards, sql, words};

/// Sessions looked for in one block: each is read from its opener on, and no guide has more.
const MOST_SESSIONS: usize = 40;

/// Lines read in vain for the end of loops in one block: code that closes none of them is no script.
const MOST_UNCLOSED: usize = 10_000;

/// Bytes of a session in which its end is looked for.
const LONGEST_SESSION: usize = 64 << 10;

/// One thing in a block.
#[derive(Clone, Debug)]
pub(super) enum Item<'a> {
    /// A comment line: its marker, and whether a blank line stands before it.
    Comment {
        line: usize,
        text: &'a str,
        marker: Marker,
        after_blank: bool,
    },
    Statement {
        first: usize,
        last: usize,
        text: String,
        remark: Option<&'a str>,
        manual: bool,
        endless: bool,
        /// SQL that stands among shell commands.
        sql: bool,
    },
    Session {
        first: usize,
        opener: Opener,
        body: String,
    },
}

pub(super) fn shell_items(code: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let mut sessions = 0;
    let mut unclosed = 0;
    let mut offset = 0;
    let mut first_line = 0;
    'whole: while offset < code.len() {
        let rest = &code[offset..];
        let lines = shell::lines(rest);
        let mut consumed = 0;
        let mut index = 0;
        let mut after_blank = true;
        while index < lines.len() {
            let line = &lines[index];
            let number = first_line + index;
            let comment = |text, after_blank| Item::Comment {
                line: number,
                text,
                marker: marker(text),
                after_blank,
            };
            match line.kind {
                LineKind::Blank => after_blank = true,
                LineKind::Comment => {
                    let text = line.comment().unwrap_or_default();
                    items.push(comment(text, after_blank));
                    after_blank = false;
                }
                // No command of a shell begins so.
                LineKind::Command if is_comment_of_sql(line.text) => {
                    let text = line.text.trim().trim_start_matches('-').trim();
                    items.push(comment(text, after_blank));
                    after_blank = false;
                }
                LineKind::Command if is_bare_sql(line.text) => {
                    let (last, text) = bare_sql(&lines, index);
                    items.push(Item::Statement {
                        first: number,
                        last: first_line + last,
                        text,
                        remark: None,
                        manual: false,
                        endless: false,
                        sql: true,
                    });
                    after_blank = false;
                    consumed += length_of(&lines[index..last]);
                    index = last;
                }
                LineKind::Command | LineKind::Continuation => {
                    let mut last = index;
                    while lines
                        .get(last + 1)
                        .is_some_and(|next| next.kind == LineKind::Continuation)
                    {
                        last += 1;
                    }
                    last = end_of_compound(&lines, index, last, &mut unclosed);
                    let alone = last == index;
                    let opener = if sessions < MOST_SESSIONS && alone {
                        commands::opener(line.command())
                    } else {
                        None
                    };
                    if let Some(opener) = opener {
                        sessions += 1;
                        let start: usize = consumed + line.text.len() + 1;
                        let (body, length) =
                            session_body(rest.get(start..).unwrap_or_default(), &opener);
                        let taken = (start + length).min(rest.len());
                        items.push(Item::Session {
                            first: number,
                            opener,
                            body,
                        });
                        first_line += rest[..taken].matches('\n').count();
                        offset += taken;
                        if taken == 0 {
                            break 'whole;
                        }
                        continue 'whole;
                    }
                    items.push(statement(&lines[index..=last], number));
                    after_blank = false;
                    consumed += length_of(&lines[index..last]);
                    index = last;
                }
            }
            consumed += lines[index].text.len() + 1;
            index += 1;
        }
        break;
    }
    items
}

/// A command of these lines, the first of which is this one of the block.
fn statement<'a>(lines: &[shell::ShellLine<'a>], first: usize) -> Item<'a> {
    let texts: Vec<&str> = lines.iter().map(|line| line.text).collect();
    let text = texts.join("\n");
    let mut commands = lines.iter().map(shell::ShellLine::command);
    let manual = commands.clone().next().is_some_and(commands::is_manual);
    let endless = commands.any(hazards::never_ends)
        || (lines.len() > 1 && hazards::never_ends(&joined(&text)));
    Item::Statement {
        first,
        last: first + lines.len().saturating_sub(1),
        remark: lines.last().and_then(|line| line.remark),
        manual,
        endless,
        text,
        sql: false,
    }
}

pub(super) fn is_comment_of_sql(line: &str) -> bool {
    let line = line.trim();
    line == "--" || line.starts_with("-- ")
}

/// The bytes that lines take with their ends.
fn length_of(lines: &[shell::ShellLine<'_>]) -> usize {
    lines.iter().map(|line| line.text.len() + 1).sum()
}

/// A condition over the first command of a block is that of the whole block.
pub(super) fn case_of_all(items: &mut [Item<'_>]) {
    if let Some(Item::Comment { text, marker, .. }) = items.first_mut()
        && *marker == Marker::Optional
        && words::says("if", text)
        && !["optional", "once"]
            .iter()
            .any(|question| words::says(question, text))
    {
        *marker = Marker::Plain;
    }
}

/// The line that closes a loop or a condition which a line opens; that line itself, where nothing does.
fn end_of_compound(
    lines: &[shell::ShellLine<'_>],
    first: usize,
    last: usize,
    unclosed: &mut usize,
) -> usize {
    let opens = pattern!(r"^(?:for|while|until|if|case|select)\s");
    if *unclosed > MOST_UNCLOSED || !opens.is_match(lines[first].command()) {
        return last;
    }
    let mut depth = 0_i32;
    for (at, line) in lines.iter().enumerate().skip(first) {
        if matches!(line.kind, LineKind::Blank | LineKind::Comment) {
            continue;
        }
        for part in line.command().split([';', '|', '&']) {
            let part = part.trim();
            let part = part
                .strip_prefix("do ")
                .or_else(|| part.strip_prefix("then "))
                .or_else(|| part.strip_prefix("else "))
                .unwrap_or(part)
                .trim();
            if opens.is_match(part) {
                depth += 1;
            } else if pattern!(r"^(?:done|fi|esac)\b").is_match(part) {
                depth -= 1;
            }
        }
        if depth <= 0 {
            return at.max(last);
        }
    }
    *unclosed += lines.len() - first;
    last
}

/// A command over several lines as one.
fn joined(text: &str) -> String {
    text.lines()
        .map(|line| line.trim().trim_end_matches('\\').trim_end())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The lines typed into a session, and how many bytes they take with the line that ends it.
pub(super) fn session_body(rest: &str, opener: &Opener) -> (String, usize) {
    let mut body = String::new();
    let mut length = 0;
    for line in rest.split_inclusive('\n') {
        length += line.len();
        let word = line.trim().trim_end_matches(';');
        if matches!(
            word,
            "exit" | "\\q" | "quit" | "logout" | "exit()" | "quit()"
        ) {
            return (body, length);
        }
        // A psql session ends where shell commands go on.
        if matches!(opener, Opener::Psql(_)) && body.ends_with("\n") && is_shell_again(line, &body)
        {
            return (body, length - line.len());
        }
        body.push_str(line);
    }
    (body, length)
}

pub(super) fn is_shell_again(line: &str, body: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    commands::is_command(first)
        && !sql::is_verb(first)
        && body.len() < LONGEST_SESSION
        && sql::statements(body)
            .last()
            .is_none_or(|statement| statement.terminated)
}

pub(super) fn sql_items(code: &str) -> Vec<Item<'_>> {
    let statements = sql::statements(code);
    let mut items = Vec::new();
    let mut statement = statements.iter().peekable();
    let mut after_blank = true;
    let mut skip_to = 0;
    for (number, line) in code.lines().enumerate() {
        while let Some(next) = statement.next_if(|next| next.first == number) {
            items.push(Item::Statement {
                first: next.first,
                last: next.last,
                text: next.text.to_owned(),
                remark: None,
                manual: false,
                endless: false,
                sql: false,
            });
            skip_to = skip_to.max(next.last + 1);
            after_blank = false;
        }
        let trimmed = line.trim();
        if number < skip_to {
            continue;
        }
        if trimmed.is_empty() {
            after_blank = true;
        } else if let Some(text) = trimmed.strip_prefix("--") {
            let text = text.trim_start_matches('-').trim();
            items.push(Item::Comment {
                line: number,
                text,
                marker: marker(text),
                after_blank,
            });
            after_blank = false;
        }
    }
    items
}

/// A line of SQL where a shell command is expected: its verb in capitals, as no program is named.
fn is_bare_sql(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let verb = words.next().unwrap_or_default().trim_end_matches(';');
    verb.len() > 2
        && verb.bytes().all(|byte| byte.is_ascii_uppercase())
        && sql::is_verb(verb)
        && (words.next().is_some()
            || matches!(
                verb,
                "BEGIN" | "COMMIT" | "ROLLBACK" | "VACUUM" | "SELECT" | "WITH"
            ))
}

/// The lines of one SQL statement, to its semicolon or to the blank line after it.
fn bare_sql(lines: &[shell::ShellLine<'_>], first: usize) -> (usize, String) {
    let mut last = first;
    while !lines[last].text.trim_end().ends_with(';')
        && lines
            .get(last + 1)
            .is_some_and(|next| !matches!(next.kind, LineKind::Blank | LineKind::Comment))
    {
        last += 1;
    }
    let text = lines[first..=last]
        .iter()
        .map(|line| line.text)
        .collect::<Vec<_>>()
        .join("\n");
    (last, text)
}
