//! The forms in which a secret may stand in a text: as it is, quoted, as JSON, percent-encoded, as
//! base64 and hexadecimal.

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

pub(super) fn add_forms(secret: &str, forms: &mut BTreeSet<String>) {
    forms.insert(secret.to_owned());
    // As it looks after scrubbing.
    forms.insert(crate::text::scrub::scrub_line(secret, false).into_owned());
    forms.insert(secret.replace('\'', "''"));
    forms.insert(secret.replace('\'', r"'\''"));
    forms.insert(secret.replace('\\', r"\\").replace('\'', r"\'"));
    if let Ok(json) = serde_json::to_string(secret) {
        forms.insert(json[1..json.len() - 1].to_owned());
    }
    forms.insert(percent_encoded(
        secret,
        |byte| b"-._~".contains(&byte),
        false,
    ));
    forms.insert(percent_encoded(
        secret,
        |byte| b"-._~".contains(&byte),
        true,
    ));
    forms.insert(percent_encoded(
        secret,
        |byte| b"-._~!*'()".contains(&byte),
        false,
    ));
    forms.insert(percent_encoded(
        secret,
        |byte| b"-._~!$&'()*+,;=:@/?".contains(&byte),
        false,
    ));
    forms
        .insert(percent_encoded(secret, |byte| b"-._*".contains(&byte), false).replace("%20", "+"));
    add_encodings(secret.as_bytes(), forms);
    forms.retain(|form| form.chars().count() >= SHORT);
}

pub(super) fn add_encodings(secret: &[u8], forms: &mut BTreeSet<String>) {
    forms.insert(secret.iter().map(|byte| format!("{byte:02x}")).collect());
    forms.insert(secret.iter().map(|byte| format!("{byte:02X}")).collect());
    forms.insert(secret.iter().map(|byte| format!("%{byte:02x}")).collect());
    forms.insert(secret.iter().map(|byte| format!("%{byte:02X}")).collect());
    for alphabet in [STANDARD, URL_SAFE] {
        for offset in 0..3 {
            let form = base64_inside(secret, offset, alphabet);
            if form.len() >= SHORT {
                forms.insert(form);
            }
        }
    }
}

pub(super) const STANDARD: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The characters that a secret gives in the base64 of any text that holds it `offset` bytes after a
/// multiple of three: those that depend on nothing but the secret.
pub(super) fn base64_inside(secret: &[u8], offset: usize, alphabet: &[u8; 64]) -> String {
    let first_bit = offset * 8;
    let last_bit = first_bit + secret.len() * 8;
    let bit = |position: usize| {
        let inside = position - first_bit;
        (secret[inside / 8] >> (7 - inside % 8)) & 1
    };
    let mut out = String::new();
    let mut position = first_bit.next_multiple_of(6);
    while position + 6 <= last_bit {
        let value = (0..6).fold(0_usize, |value, index| {
            value << 1 | usize::from(bit(position + index))
        });
        out.push(char::from(alphabet[value]));
        position += 6;
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
