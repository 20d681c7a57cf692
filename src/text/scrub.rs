//! Makes outside text safe once, where it enters: whatever could drive a terminal or deceive a reader
//! is gone after it. What stays is text, tabs, newlines and, where asked for, colours (SGR sequences).
//!
//! Gone are escape sequences (cursor, titles, clipboard, device queries, graphics), C0 and C1 controls,
//! bidirectional overrides and isolates, zero-width and other invisible characters. A carriage return
//! overwrites its line as on a terminal: the last segment stays.

use std::borrow::Cow;

/// Longest SGR sequence that is kept, in bytes of its parameters.
const SGR_LIMIT: usize = 64;

/// Scrubs text that is whole; nothing is copied where nothing had to go.
pub fn scrub_line(text: &str, keep_colours: bool) -> Cow<'_, str> {
    if is_clean(text) {
        return Cow::Borrowed(text);
    }
    let mut scrubber = Scrubber::new(keep_colours);
    let mut out = String::with_capacity(text.len());
    scrubber.push(text.as_bytes(), &mut out);
    scrubber.finish(&mut out);
    Cow::Owned(out)
}

/// Text in which whatever could drive a terminal or deceive a reader is seen: each such character is
/// `\u{FFFD}`, one for one, so that columns stay what they were.
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_clean(text) {
        return Cow::Borrowed(text);
    }
    let seen = |character| match is_hidden(character) {
        true => '\u{FFFD}',
        false => character,
    };
    Cow::Owned(text.chars().map(seen).collect())
}

/// Whether nothing in it has to be scrubbed.
pub fn is_clean(text: &str) -> bool {
    text.is_ascii() && text.bytes().all(|byte| !is_special(byte)) || !text.chars().any(is_hidden)
}

/// Controls other than tab and newline, and what is deceptive.
pub fn is_hidden(character: char) -> bool {
    !matches!(character, '\t' | '\n') && (character.is_control() || is_deceptive(character))
}

/// Characters that are not seen, or that change how others are: they have no place in what an operator
/// must be able to trust. Emoji selectors (U+FE0E, U+FE0F) are harmless and stay.
pub fn is_deceptive(character: char) -> bool {
    matches!(character,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0D}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// Bytes at which the fast path stops: controls other than tab and newline, and all that is not ASCII.
fn is_special(byte: u8) -> bool {
    SPECIAL[usize::from(byte)]
}

static SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte < 0x20 && byte != 0x09 && byte != 0x0A) || byte >= 0x7F;
        byte += 1;
    }
    table
};

/// What of a sequence has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// After ESC, and intermediates of a two-part escape.
    Escape,
    /// After CSI.
    Control,
    /// In OSC, DCS, SOS, PM or APC: all up to the terminator goes. A newline ends it too, because a
    /// forgotten terminator must not swallow the rest of the output.
    String,
    /// ESC inside a string.
    StringEscape,
}

/// The streaming form: sequences and UTF-8 characters may be split anywhere between chunks.
#[derive(Clone, Debug)]
pub struct Scrubber {
    keep_colours: bool,
    state: State,
    /// Parameters of a control sequence; `None` once it cannot be a colour any more.
    parameters: Option<String>,
    /// A carriage return was seen: the next character starts the line again.
    returned: bool,
    /// The beginning of a UTF-8 character whose end is in the next chunk.
    split: Vec<u8>,
}

impl Scrubber {
    pub fn new(keep_colours: bool) -> Self {
        Self {
            keep_colours,
            state: State::Text,
            parameters: None,
            returned: false,
            split: Vec::new(),
        }
    }

    /// Appends what is left of `bytes` to `out`. The line at the end of `out` must still be there at
    /// the next call (whole lines may be taken away), for a carriage return may take it back.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) {
        let joined;
        let mut rest = bytes;
        if !self.split.is_empty() {
            let mut whole = std::mem::take(&mut self.split);
            whole.extend_from_slice(bytes);
            joined = whole;
            rest = &joined;
        }
        for chunk in rest.utf8_chunks() {
            self.push_text(chunk.valid(), out);
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            let at_end = std::ptr::eq(invalid.as_ptr_range().end, rest.as_ptr_range().end);
            if at_end && is_incomplete(invalid) {
                self.split = invalid.to_vec();
            } else {
                self.push_text("\u{FFFD}", out);
            }
        }
    }

    /// To be called after the last chunk.
    pub fn finish(&mut self, out: &mut String) {
        if !std::mem::take(&mut self.split).is_empty() {
            self.push_text("\u{FFFD}", out);
        }
        *self = Self::new(self.keep_colours);
    }

    fn push_text(&mut self, text: &str, out: &mut String) {
        let mut rest = text;
        while !rest.is_empty() {
            if self.state == State::Text && !self.returned {
                let plain = rest
                    .as_bytes()
                    .iter()
                    .position(|byte| is_special(*byte))
                    .unwrap_or(rest.len());
                out.push_str(&rest[..plain]);
                rest = &rest[plain..];
            }
            let mut characters = rest.chars();
            let Some(character) = characters.next() else {
                return;
            };
            rest = characters.as_str();
            self.push_character(character, out);
        }
    }

    fn push_character(&mut self, character: char, out: &mut String) {
        match self.state {
            State::Text => self.text(character, out),
            State::Escape => self.escape(character, out),
            State::Control => self.control(character, out),
            State::String => self.string(character, out),
            State::StringEscape => {
                // `ESC \` ends the string; any other escape does too, and begins anew.
                self.state = State::Text;
                if character != '\\' {
                    self.escape(character, out);
                }
            }
        }
    }

    fn text(&mut self, character: char, out: &mut String) {
        match character {
            '\n' => {
                self.returned = false;
                out.push('\n');
            }
            '\r' => self.returned = true,
            '\u{1B}' => self.state = State::Escape,
            '\u{9B}' => self.begin_control(),
            '\u{90}' | '\u{98}' | '\u{9D}'..='\u{9F}' => self.state = State::String,
            '\u{2028}' | '\u{2029}' => self.keep(' ', out),
            '\t' => self.keep('\t', out),
            other if other.is_control() || is_deceptive(other) => {}
            other => self.keep(other, out),
        }
    }

    fn keep(&mut self, character: char, out: &mut String) {
        self.overwrite(out);
        out.push(character);
    }

    fn overwrite(&mut self, out: &mut String) {
        if std::mem::take(&mut self.returned) {
            out.truncate(out.rfind('\n').map_or(0, |newline| newline + 1));
        }
    }

    fn escape(&mut self, character: char, out: &mut String) {
        self.state = match character {
            '[' => return self.begin_control(),
            ']' | 'P' | 'X' | '^' | '_' => State::String,
            '\u{1B}' | ' '..='/' => State::Escape,
            '0'..='~' => State::Text,
            other => {
                self.state = State::Text;
                return self.text(other, out);
            }
        };
    }

    fn begin_control(&mut self) {
        self.state = State::Control;
        self.parameters = Some(String::new());
    }

    fn control(&mut self, character: char, out: &mut String) {
        match character {
            '0'..='9' | ';' | ':' => {
                if let Some(parameters) = &mut self.parameters {
                    parameters.push(character);
                    if parameters.len() > SGR_LIMIT {
                        self.parameters = None;
                    }
                }
            }
            // Private parameters and intermediates: never a colour.
            '<'..='?' | ' '..='/' => self.parameters = None,
            '@'..='~' => {
                self.state = State::Text;
                let parameters = self.parameters.take();
                match (character, parameters) {
                    ('m', Some(parameters)) if self.keep_colours => {
                        if let Some(colours) = without_conceal(&parameters) {
                            self.overwrite(out);
                            out.push_str("\u{1B}[");
                            out.push_str(&colours);
                            out.push('m');
                        }
                    }
                    // Erasing the line after a carriage return is part of drawing it again.
                    ('K', Some(_)) => self.overwrite(out),
                    _ => {}
                }
            }
            '\u{1B}' => self.state = State::Escape,
            other => {
                self.state = State::Text;
                self.text(other, out);
            }
        }
    }

    fn string(&mut self, character: char, out: &mut String) {
        match character {
            '\u{07}' | '\u{9C}' | '\u{18}' | '\u{1A}' => self.state = State::Text,
            '\u{1B}' => self.state = State::StringEscape,
            '\n' => {
                self.state = State::Text;
                self.text('\n', out);
            }
            _ => {}
        }
    }
}

/// Whether these bytes may be the beginning of a character (and not simply wrong).
fn is_incomplete(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// Takes the parameter that hides text (8) out of a colour sequence; `None` where nothing is left of
/// what was not empty. The arguments of 38, 48 and 58 are colours, not attributes.
fn without_conceal(parameters: &str) -> Option<Cow<'_, str>> {
    let names_conceal = |part: &str| {
        let number = part.split(':').next().unwrap_or_default();
        number.trim_start_matches('0') == "8"
    };
    if !parameters.split(';').any(names_conceal) {
        return Some(Cow::Borrowed(parameters));
    }
    let mut kept = Vec::new();
    let mut parts = parameters.split(';');
    while let Some(part) = parts.next() {
        match part.trim_start_matches('0') {
            "38" | "48" | "58" => {
                kept.push(part);
                let Some(kind) = parts.next() else { break };
                kept.push(kind);
                let arguments = match kind.trim_start_matches('0') {
                    "2" => 3,
                    "5" => 1,
                    _ => 0,
                };
                kept.extend(parts.by_ref().take(arguments));
            }
            _ if names_conceal(part) => {}
            _ => kept.push(part),
        }
    }
    (!kept.is_empty()).then(|| Cow::Owned(kept.join(";")))
}

#[cfg(test)]
mod tests;
