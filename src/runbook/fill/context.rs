//! What surrounds each byte of a command: quotes, here-documents, comments. It decides how a value is
//! written there.

use crate::runbook::model::Actor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A word of a shell, outside quotes.
    Bare,
    /// `'…'` of a shell.
    Single,
    /// `"…"` of a shell.
    Double,
    /// A here-document in which variables are expanded.
    Expanded,
    /// `'…'` of SQL.
    Literal,
    /// `"…"` of SQL.
    Identifier,
    /// Text that nothing reads as a shell or SQL would.
    AsWritten,
    Comment,
}

/// One place a byte.
pub(super) fn places(code: &str, actor: Actor) -> Vec<Place> {
    match actor {
        Actor::Shell => shell(code),
        Actor::Sql => sql(code),
        Actor::Http | Actor::Nobody => vec![Place::AsWritten; code.len()],
    }
}

fn shell(code: &str) -> Vec<Place> {
    let bytes = code.as_bytes();
    let mut places = Vec::with_capacity(bytes.len());
    // The quotes around each open `(`; the last is the one at hand.
    let mut stack = vec![Place::Bare];
    let mut here: Vec<(String, bool)> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let now = stack.last().copied().unwrap_or(Place::Bare);
        let byte = bytes[at];
        places.push(now);
        match (now, byte) {
            (Place::Bare | Place::Double, b'\\') => {
                if at + 1 < bytes.len() {
                    places.push(now);
                }
                at += 1;
            }
            (Place::Bare, b'\'') => replace(&mut stack, Place::Single),
            (Place::Single, b'\'') => replace(&mut stack, Place::Bare),
            (Place::Bare, b'"') => replace(&mut stack, Place::Double),
            (Place::Double, b'"') => replace(&mut stack, Place::Bare),
            (Place::Bare | Place::Double, b'$') if bytes.get(at + 1) == Some(&b'(') => {
                places.push(now);
                at += 1;
                stack.push(Place::Bare);
            }
            (Place::Bare, b'(') => stack.push(Place::Bare),
            (Place::Bare, b')') if stack.len() > 1 => {
                stack.pop();
            }
            (Place::Bare, b'#') if at == 0 || bytes[at - 1].is_ascii_whitespace() => {
                let end = line_end(bytes, at);
                places.pop();
                places.resize(end, Place::Comment);
                at = end;
                continue;
            }
            (Place::Bare, b'<')
                if bytes.get(at + 1) == Some(&b'<') && bytes.get(at + 2) != Some(&b'<') =>
            {
                here.extend(delimiter(&code[at + 2..]));
                places.push(now);
                at += 1;
            }
            (Place::Bare, b'<') if bytes[at..].starts_with(b"<<<") => {
                places.extend([now, now]);
                at += 2;
            }
            (_, b'\n') if !here.is_empty() => {
                for (word, expanded) in here.drain(..) {
                    let place = if expanded {
                        Place::Expanded
                    } else {
                        Place::AsWritten
                    };
                    while at + 1 < bytes.len() {
                        let end = line_end(bytes, at + 1);
                        let line = &code[at + 1..end];
                        let ends = line.trim_start_matches('\t') == word;
                        places.resize(end, if ends { Place::Bare } else { place });
                        at = end - usize::from(end == bytes.len());
                        if end < bytes.len() {
                            places.push(place);
                        }
                        if ends || end == bytes.len() {
                            break;
                        }
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    places.resize(bytes.len() + 1, Place::Bare);
    places
}

fn replace(stack: &mut [Place], place: Place) {
    if let Some(last) = stack.last_mut() {
        *last = place;
    }
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |length| from + length)
}

/// The word that ends a here-document, and whether variables are expanded in it.
fn delimiter(after: &str) -> Option<(String, bool)> {
    let after = after.strip_prefix('-').unwrap_or(after);
    let after = after.trim_start_matches([' ', '\t']);
    let quote = after
        .chars()
        .next()
        .filter(|first| matches!(first, '\'' | '"' | '\\'));
    let word: String = after[quote.map_or(0, char::len_utf8)..]
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect();
    (!word.is_empty()).then_some((word, quote.is_none()))
}

fn sql(code: &str) -> Vec<Place> {
    let bytes = code.as_bytes();
    let mut places = vec![Place::AsWritten; bytes.len() + 1];
    let mut at = 0;
    while at < bytes.len() {
        let rest = &code.as_bytes()[at..];
        let (end, place) = match bytes[at] {
            b'\'' => (closing(bytes, at, b'\''), Place::Literal),
            b'"' => (closing(bytes, at, b'"'), Place::Identifier),
            b'-' if rest.starts_with(b"--") => (line_end(bytes, at), Place::Comment),
            b'/' if rest.starts_with(b"/*") => {
                let length = rest.windows(2).position(|pair| pair == b"*/");
                (
                    length.map_or(bytes.len(), |length| at + length + 2),
                    Place::Comment,
                )
            }
            _ => (at + 1, Place::AsWritten),
        };
        places[at..end].fill(place);
        at = end;
    }
    places
}

/// Just past the quote that closes the one at `at`.
fn closing(bytes: &[u8], at: usize, quote: u8) -> usize {
    bytes[at + 1..]
        .iter()
        .position(|byte| *byte == quote)
        .map_or(bytes.len(), |length| at + length + 2)
}
