//! The lines of a fence, in the bytes of the file as they are: where they stand, and the opening line
//! with attributes added in the form it already has.

use super::patch::lines;
use super::tokens::{self, Token};
use super::{AnnotateError, Answer, Reading, Settle};
use crate::runbook::attributes::{Raw, parse_info};
use crate::runbook::model::{Block, Choice, Part, Role, Runbook};
use crate::runbook::outline::{Code, Node};
use crate::runbook::source::as_macroman;

/// A line of a file cut at its fence: what stands before the fence, the fence, what follows, the line end.
struct Line<'a> {
    before: &'a [u8],
    fence: &'a [u8],
    info: &'a [u8],
    end: &'a [u8],
}

impl<'a> Line<'a> {
    fn cut(line: &'a [u8]) -> Option<Self> {
        let text = line.len()
            - line
                .iter()
                .rev()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
        let (text, end) = line.split_at(text);
        let at = text.iter().position(|byte| matches!(byte, b'`' | b'~'))?;
        let mark = text[at];
        let length = text[at..].iter().take_while(|byte| **byte == mark).count();
        // Before a fence there are only the marks of lists and quotes.
        let plain = |byte: &u8| byte.is_ascii() || text.starts_with(b"\xef\xbb\xbf");
        (length >= 3 && text[..at].iter().all(plain)).then(|| Self {
            before: &text[..at],
            fence: &text[at..at + length],
            info: &text[at + length..],
            end,
        })
    }

    fn with(&self, info: &[u8]) -> Vec<u8> {
        [self.before, self.fence, info, self.end].concat()
    }
}

/// Lines of a file by number, each with the lines that take its place.
type Changes = Vec<(usize, Vec<Vec<u8>>)>;

/// The lines of the file that an answer changes: each by its number, with what takes its place.
pub(super) fn edit(
    bytes: &[u8],
    reading: &Reading,
    runbook: &Runbook,
    block: &Block,
    answer: &Answer,
) -> Result<Changes, AnnotateError> {
    let not_possible = |why: &str| AnnotateError::NotPossible {
        line: block.line,
        why: why.to_owned(),
    };
    let node = reading
        .node(block.n)
        .ok_or(AnnotateError::NoBlock(block.n))?;
    let code = node.code().ok_or(AnnotateError::NoBlock(block.n))?;
    if code.info.is_none() {
        return Err(not_possible(
            "an indented block has no fence line; its answer can only go into `gonogo.toml`",
        ));
    }
    let all = lines(bytes);
    let opening = all
        .get(block.line.wrapping_sub(1))
        .and_then(|line| Line::cut(line))
        .ok_or_else(|| not_possible("its fence was not found in the file"))?;
    let raw = raw_of(code);
    if answer.settle == Settle::Fences {
        return several(&all, reading, runbook, block, node, &opening, &raw);
    }
    let tokens = tokens::of(answer, block);
    let info = with_tokens(opening.info, &raw, &tokens, |text| {
        encoded(text, &opening, reading).map_err(not_possible)
    })?;
    Ok(match info {
        Some(info) => vec![(block.line, vec![opening.with(&info)])],
        None => Vec::new(),
    })
}

fn raw_of(code: &Code) -> Raw {
    code.info
        .as_deref()
        .map(|info| parse_info(info).1)
        .unwrap_or_default()
}

/// Text as it has to stand in this file: with Markdown's escapes, and with the damage that a damaged file
/// is repaired from.
fn encoded(text: &str, opening: &Line<'_>, reading: &Reading) -> Result<Vec<u8>, &'static str> {
    if opening.fence.starts_with(b"`") && text.contains('`') {
        return Err(
            "a backtick is not allowed on a fence of backticks; keep this in `gonogo.toml` with `--sidecar`",
        );
    }
    if text.chars().any(char::is_control) {
        return Err("a control character is not allowed on a fence");
    }
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => escaped.push('\\'),
            '&' if characters
                .peek()
                .is_some_and(|next| next.is_ascii_alphanumeric() || *next == '#') =>
            {
                escaped.push('\\');
            }
            _ => {}
        }
        escaped.push(character);
    }
    if !escaped.is_ascii() {
        if reading.source.repaired.is_some() {
            escaped = as_macroman(&escaped);
        } else if reading
            .source
            .diagnostics
            .iter()
            .any(|diagnostic| diagnostic.code == "not-utf8")
        {
            return Err(
                "the file is not UTF-8; keep what is outside of ASCII in `gonogo.toml` with `--sidecar`",
            );
        }
    }
    Ok(escaped.into_bytes())
}

/// What follows the fence, with attributes in the form that is there. `None` where it says all of them.
fn with_tokens(
    info: &[u8],
    raw: &Raw,
    tokens: &[Token],
    encode: impl Fn(&str) -> Result<Vec<u8>, AnnotateError>,
) -> Result<Option<Vec<u8>>, AnnotateError> {
    let tokens: Vec<Token> = tokens
        .iter()
        .filter(|token| !token.is_in(raw))
        .cloned()
        .collect();
    if tokens.is_empty() {
        return Ok(None);
    }
    let trailing = info
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    let (text, trailing) = info.split_at(info.len() - trailing);
    let language = text
        .iter()
        .position(|byte| *byte == b'{' || *byte == b',')
        .into_iter()
        .chain(word_end(text))
        .min()
        .unwrap_or(text.len());
    let rest = text[language..].trim_ascii();
    let open = text.iter().position(|byte| *byte == b'{');
    let close = text.iter().rposition(|byte| *byte == b'}');
    let attributes = encode(&tokens::text(&tokens))?;
    let inside = |at: usize, added: &[u8]| [&text[..at], added, &text[at..], trailing].concat();
    let spaced = |added: &[u8]| [b" ", added].concat();
    let result = match (open, close) {
        // `bash`, and a fence without anything.
        _ if rest.is_empty() && !is_bare(text) => {
            let gap: &[u8] = if text.is_empty() { b"" } else { b" " };
            inside(text.len(), &[gap, b"{", &attributes, b"}"].concat())
        }
        (Some(open), Some(close)) if open < close && text[close + 1..].is_empty() => {
            let body = text[open + 1..close].trim_ascii();
            let quoted_before = text[..open].iter().any(|byte| matches!(byte, b'"' | b'\''));
            if body.starts_with(b"\"") && body.contains(&b':') {
                // The JSON of other runners stays JSON.
                let added = format!(",{}", json(&tokens));
                let at = close
                    - (text[open + 1..close].len() - text[open + 1..close].trim_ascii_end().len());
                inside(at, &encode(&added)?)
            } else if quoted_before || body.first().is_some_and(u8::is_ascii_digit) {
                // Braces that belong to somebody else: lines to highlight.
                inside(text.len(), &spaced(&attributes))
            } else {
                let at = open + 1 + text[open + 1..close].trim_ascii_end().len();
                let gap: &[u8] = if body.is_empty() { b"" } else { b" " };
                inside(at, &[gap, &attributes].concat())
            }
        }
        _ => inside(text.len(), &spaced(&attributes)),
    };
    Ok(Some(result))
}

/// A fence that begins with attributes and no language: `#deploy .run`.
fn is_bare(text: &[u8]) -> bool {
    text.contains(&b'=') || text.starts_with(b"#") || text.starts_with(b".")
}

fn word_end(text: &[u8]) -> Option<usize> {
    let start = text.len() - text.trim_ascii_start().len();
    text[start..]
        .iter()
        .position(u8::is_ascii_whitespace)
        .map(|at| start + at)
}

/// Attributes as members of a JSON object.
fn json(tokens: &[Token]) -> String {
    let string = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    tokens
        .iter()
        .map(|token| match token {
            Token::Id(id) => format!("\"id\":{}", string(id)),
            Token::Class(class) => format!("{}:\"true\"", string(class)),
            Token::Pair(key, value) => format!("{}:{}", string(key), string(value)),
        })
        .collect::<Vec<_>>()
        .join(",")
}

/// What of a code is carried out: without blank lines and comments.
pub(super) fn acts(code: &str) -> Vec<&str> {
    let acts: Vec<&str> = code
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("--"))
        .collect();
    acts
}

/// A fence for each part: closing and opening lines at the borders, the code as it is.
fn several(
    all: &[&[u8]],
    reading: &Reading,
    runbook: &Runbook,
    block: &Block,
    node: &Node,
    opening: &Line<'_>,
    raw: &Raw,
) -> Result<Changes, AnnotateError> {
    let not_possible = |why: &str| AnnotateError::NotPossible {
        line: block.line,
        why: format!("it cannot become several fences: {why}"),
    };
    if let Some(why) = obstacle(block) {
        return Err(not_possible(why));
    }
    if !raw.is_empty() || block.lang.is_none() {
        return Err(not_possible("its fence says more than a language"));
    }
    let closing_line = reading
        .source
        .line(node.start + reading.source.text[node.start..node.end].trim_end().len());
    let closing = all
        .get(closing_line.wrapping_sub(1))
        .and_then(|line| Line::cut(line))
        .filter(|_| closing_line > block.line)
        .ok_or_else(|| not_possible("its closing fence was not found"))?;
    let group = free_group(runbook, block);
    let mut edits = Vec::new();
    for (index, part) in block.parts.iter().enumerate() {
        let tokens = tokens_of_part(part, &group);
        let info = with_tokens(opening.info, raw, &tokens, |text| {
            encoded(text, opening, reading).map_err(not_possible)
        })?
        .unwrap_or_else(|| opening.info.to_vec());
        if index == 0 {
            edits.push((block.line, vec![opening.with(&info)]));
            continue;
        }
        let line = all
            .get(part.line.wrapping_sub(1))
            .ok_or_else(|| not_possible("a part was not found in the file"))?;
        let end = opening.end;
        edits.push((
            part.line,
            vec![
                [closing.before, opening.fence, end].concat(),
                [closing.before, opening.fence, &info, end].concat(),
                line.to_vec(),
            ],
        ));
    }
    Ok(edits)
}

/// Why a block cannot become several fences, as far as its parts tell.
pub(super) fn obstacle(block: &Block) -> Option<&'static str> {
    if block.role != Role::Split || block.parts.len() < 2 {
        return Some("there is nothing to split");
    }
    if block
        .parts
        .windows(2)
        .any(|pair| pair[0].line >= pair[1].line)
    {
        return Some("its parts share lines");
    }
    let foreign = block
        .parts
        .iter()
        .any(|part| part.role != Role::Manual && part.actor != block.actor);
    if foreign {
        return Some("its parts are of several languages");
    }
    if block.parts.iter().any(|part| part.refused.is_some()) || block.refused.is_some() {
        return Some("one of its parts cannot run as it stands");
    }
    None
}

fn tokens_of_part(part: &Part, group: &str) -> Vec<Token> {
    let class = if part.role == Role::Manual {
        Settle::Manual
    } else {
        Settle::Run
    };
    let mut tokens = vec![Token::Class(class.word().to_owned())];
    if part.optional {
        tokens.push(Token::Class("optional".to_owned()));
    }
    if let Some(Choice {
        group: of,
        name,
        recommended,
    }) = &part.choice
    {
        // Several choices of one block stay several.
        let number = of.rsplit('.').next().unwrap_or("1");
        let group = format!("{group}.{number}");
        tokens.push(Token::Pair("choice".to_owned(), format!("{group}:{name}")));
        if *recommended {
            tokens.push(Token::Class("recommended".to_owned()));
        }
    }
    tokens
}

/// A name for the choices of this block that no other block uses.
fn free_group(runbook: &Runbook, block: &Block) -> String {
    let taken = |name: &str| {
        runbook.blocks.iter().any(|other| {
            other
                .choice
                .as_ref()
                .is_some_and(|choice| choice.group.starts_with(name))
        })
    };
    (block.line..)
        .map(|number| format!("options-{number}"))
        .find(|name| !taken(name))
        .unwrap_or_default()
}
