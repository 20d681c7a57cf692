//! The forms in which a secret may stand in a text, generated here and nowhere else: quoted for a shell,
//! as a literal of SQL, JSON or C, as HTML, percent-encoded, as base64, base32 and hexadecimal.

use std::collections::BTreeSet;

use super::SHORT;

/// The pieces of a secret that may stand on a line of their own. Lines that say nothing (the end marks
/// of a key) are left out.
pub(super) fn parts(secret: &str) -> impl Iterator<Item = &str> {
    let several = secret.trim_end_matches(['\r', '\n']).contains('\n');
    secret.lines().map(str::trim).filter(move |line| {
        !line.is_empty() && !(several && (line.len() < 8 || line.starts_with("-----")))
    })
}

/// Every form of one secret, as tools of every day print it. What cannot be known (hashed, encrypted,
/// compressed, reversed, in pieces) is said in the documentation.
pub(super) fn add_forms(secret: &str, forms: &mut BTreeSet<String>) {
    forms.insert(secret.to_owned());
    // As it looks after scrubbing.
    forms.insert(crate::text::scrub::scrub_line(secret, false).into_owned());
    add_shell(secret, forms);
    add_literals(secret, forms);
    add_markup(secret, forms);
    add_addresses(secret, forms);
    add_encodings(secret.as_bytes(), forms);
    forms.retain(|form| form.chars().count() >= SHORT);
}

/// Between single and double quotes, with backslashes (`printf %q`), as `$'…'` (`declare -p`).
fn add_shell(secret: &str, forms: &mut BTreeSet<String>) {
    for doubled in [r"'\''", "'\"'\"'"] {
        forms.insert(secret.replace('\'', doubled));
    }
    for special in ["\"\\", "\"\\$`", "\"\\$`!"] {
        forms.insert(escaped(secret, |character| special.contains(character)));
    }
    // `#` and `~` only where they begin a word, `~` behind `:` and `=` as well.
    let mut before = None;
    let words = escaped(secret, |character| {
        let first = before.is_none();
        let tilde = first || matches!(before, Some(':' | '='));
        before = Some(character);
        " \t\"'\\|&;()<>!{}*[?]^$`,".contains(character)
            || character == '#' && first
            || character == '~' && tilde
    });
    forms.insert(words);
    for others in [Others::Stay, Others::Octal, Others::Hexadecimal] {
        forms.insert(of_c(secret, '\'', others));
    }
}

/// In SQL, JSON, and the languages that write texts as C does.
fn add_literals(secret: &str, forms: &mut BTreeSet<String>) {
    for (sign, doubled) in [("'", "''"), ("\"", "\"\"")] {
        forms.insert(secret.replace(sign, doubled));
        forms.insert(secret.replace('\\', r"\\").replace(sign, doubled));
    }
    forms.insert(secret.replace('\\', r"\\"));
    // `encode(…, 'escape')`.
    forms.insert(of_c(secret, '\\', Others::Octal));
    for others in [Others::Stay, Others::Octal, Others::Hexadecimal] {
        forms.insert(of_c(secret, '"', others));
    }
    let Ok(json) = serde_json::to_string(secret) else {
        return;
    };
    let json = &json[1..json.len() - 1];
    let numbered = |text: &str, upper: bool, is_numbered: &dyn Fn(char) -> bool| {
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            if !is_numbered(character) {
                out.push(character);
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&match upper {
                    true => format!("\\u{unit:04X}"),
                    false => format!("\\u{unit:04x}"),
                });
            }
        }
        out
    };
    let slashes = json.replace('/', r"\/");
    let foreign = |character: char| !character.is_ascii();
    let of_markup = |character: char| "<>&\u{2028}\u{2029}".contains(character);
    let of_attributes = |character: char| "<>&'".contains(character);
    let all = |character: char| !character.is_ascii() || "<>&'".contains(character);
    let mut texts = vec![json.to_owned(), slashes.clone()];
    for upper in [false, true] {
        texts.push(numbered(json, upper, &foreign));
        texts.push(numbered(&slashes, upper, &foreign));
        texts.push(numbered(json, upper, &of_markup));
        texts.push(numbered(json, upper, &of_attributes));
        texts.push(numbered(json, upper, &all));
    }
    for text in texts {
        // JSON as a text in JSON, and handed to a shell.
        forms.insert(escaped(&text, |character| "\"\\".contains(character)));
        forms.insert(text.replace('\'', r"'\''"));
        forms.insert(text);
    }
}

/// HTML and XML: which characters become entities, and which entities, depends on the writer.
fn add_markup(secret: &str, forms: &mut BTreeSet<String>) {
    let text = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    for double in ["\"", "&quot;", "&#34;", "&#x22;"] {
        for single in ["'", "&#39;", "&#x27;", "&apos;", "&#039;"] {
            let text = text.replace('"', double).replace('\'', single);
            forms.insert(numbered(&text, |code| format!("&#{code};")));
            forms.insert(numbered(&text, |code| format!("&#x{code:X};")));
            forms.insert(numbered(&text, |code| format!("&#x{code:x};")));
            forms.insert(text.replace('`', "&#96;"));
            forms.insert(text);
        }
    }
}

/// What is beyond ASCII as an entity by its number.
fn numbered(text: &str, entity: impl Fn(u32) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_ascii() {
            true => out.push(character),
            false => out.push_str(&entity(u32::from(character))),
        }
    }
    out
}

/// Percent-encoded: which characters stay depends on the part of an address, and on the writer.
fn add_addresses(secret: &str, forms: &mut BTreeSet<String>) {
    for plain in ["-._~", "-._~/", "-._~!*'()", "-._~!$&'()*+,;=:@/?", "-._*"] {
        for lower in [false, true] {
            let text = percent_encoded(secret, |byte| plain.as_bytes().contains(&byte), lower);
            forms.insert(text.replace("%20", "+"));
            forms.insert(text);
        }
    }
}

pub(super) fn add_encodings(secret: &[u8], forms: &mut BTreeSet<String>) {
    for before in ["", "%", "\\x", " ", ":", "-", ", 0x", ",0x"] {
        let lower = secret.iter().map(|byte| format!("{before}{byte:02x}"));
        let lower: String = lower.collect();
        let upper = secret.iter().map(|byte| format!("{before}{byte:02X}"));
        let upper: String = upper.collect();
        // What stands between bytes stands before the first of them only by chance.
        let between = match before {
            "%" | "\\x" => 0,
            _ => before.len(),
        };
        forms.insert(lower[between..].to_owned());
        forms.insert(upper[between..].to_owned());
    }
    // Words of two bytes, the later one first, as `hexdump` and `od -x` print them.
    for from in [0, 1] {
        let pairs = secret.get(from..).unwrap_or_default().chunks_exact(2);
        let words: String = pairs
            .map(|pair| format!("{:02x}{:02x}", pair[1], pair[0]))
            .collect();
        forms.insert(words);
    }
    for (bits, alphabet) in [(6, STANDARD), (6, URL_SAFE), (5, BASE32)] {
        // Where it begins in a group of three or five bytes.
        for offset in 0..if bits == 6 { 3 } else { 5 } {
            let form = encoded_inside(secret, offset, bits, alphabet);
            if form.len() >= SHORT {
                forms.insert(form);
            }
        }
    }
}

fn escaped(text: &str, mut is_special: impl FnMut(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_special(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// How characters beyond ASCII are written.
#[derive(Clone, Copy, PartialEq)]
enum Others {
    Stay,
    Octal,
    Hexadecimal,
}

/// As C writes a text between these quotes.
fn of_c(text: &str, quote: char, others: Others) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push_str(r"\n"),
            '\t' => out.push_str(r"\t"),
            '\r' => out.push_str(r"\r"),
            '\u{1b}' => out.push_str(r"\E"),
            '\\' => out.push_str(r"\\"),
            _ if character == quote => {
                out.push('\\');
                out.push(quote);
            }
            _ if character.is_control() || others != Others::Stay && !character.is_ascii() => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    out.push_str(&match others {
                        Others::Hexadecimal => format!("\\x{byte:02x}"),
                        _ => format!("\\{byte:03o}"),
                    });
                }
            }
            _ => out.push(character),
        }
    }
    out
}

pub(super) const STANDARD: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The characters that a secret gives in the base64 (or base32, by `bits` of a character) of any text
/// that holds it `offset` bytes after the beginning of a group: those that depend on nothing but the
/// secret.
pub(super) fn encoded_inside(secret: &[u8], offset: usize, bits: usize, alphabet: &[u8]) -> String {
    let first_bit = offset * 8;
    let last_bit = first_bit + secret.len() * 8;
    let bit = |position: usize| {
        let inside = position - first_bit;
        (secret[inside / 8] >> (7 - inside % 8)) & 1
    };
    let mut out = String::new();
    let mut position = first_bit.next_multiple_of(bits);
    while position + bits <= last_bit {
        let value = (0..bits).fold(0_usize, |value, index| {
            value << 1 | usize::from(bit(position + index))
        });
        out.push(char::from(alphabet[value]));
        position += bits;
    }
    out
}

pub(super) fn percent_encoded(secret: &str, is_plain: impl Fn(u8) -> bool, lower: bool) -> String {
    let mut out = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || is_plain(byte) {
            out.push(char::from(byte));
        } else if lower {
            out.push_str(&format!("%{byte:02x}"));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
