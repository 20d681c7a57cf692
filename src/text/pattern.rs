//! The program's own regular expressions, made cheap to compile. `\w` names more than 700 ranges of Unicode,
//! and each use of it becomes an automaton of its own: a quarter of a second and 30 MiB for all patterns of a
//! guide. A word here is made of the letters of the scripts that guides are written in, in 30 ranges, and a
//! digit is one of ASCII's, since that is what numbers are read from.

use regex::Regex;

/// Letters, marks and digits: Latin, Greek, Cyrillic, and with their punctuation the scripts from Armenian to
/// Myanmar, Georgian, Ethiopic, then kana, Han and Hangul in all widths.
const WORD: &str = r"0-9A-Za-z_ªµºÀ-ÖØ-öø-ʯ\u{300}-\u{36F}Ͱ-ͽͿ-\u{52F}\u{531}-\u{588}\u{591}-\u{109F}\u{10D0}-\u{10FF}\u{1100}-\u{139F}\u{1E00}-\u{1FFF}々-〇ぁ-ㆎㇰ-ㇿ㐀-\u{4DBF}一-\u{9FFF}가-힣豈-\u{FAFF}０-９Ａ-Ｚａ-ｚｦ-\u{FFDC}\u{20000}-\u{3FFFF}";
const DIGIT: &str = "0-9";

/// Compiles a pattern that this program is built with; not one of a guide or a configuration, which means what
/// the library says.
///
/// # Errors
/// Where it is no regular expression.
pub fn compile(expression: &str) -> Result<Regex, regex::Error> {
    Regex::new(&plain(expression))
}

/// The same pattern in narrower classes.
fn plain(expression: &str) -> String {
    let mut plain = String::with_capacity(expression.len() + 256);
    let mut rest = expression;
    while let Some(at) = rest.find(['\\', '[']) {
        plain += &rest[..at];
        rest = &rest[at..];
        if rest.starts_with('[') {
            let end = class_end(rest);
            plain += &class(&rest[1..end - 1]);
            rest = &rest[end..];
        } else {
            let (escape, after) = split_escape(rest);
            plain += &match escape {
                r"\w" => word(),
                r"\W" => format!("(?-i:[^{WORD}])"),
                r"\d" => format!("[{DIGIT}]"),
                r"\D" => format!("[^{DIGIT}]"),
                _ => escape.to_owned(),
            };
            rest = after;
        }
    }
    plain + rest
}

/// A word's letters are as many in each case already: to look for their other case takes far longer than to
/// compile them.
fn word() -> String {
    format!("(?-i:[{WORD}])")
}

/// A class without its brackets. Its letters of words stand beside it as one more alternative; the two become
/// one class.
fn class(inner: &str) -> String {
    let (mut others, mut has_word) = (String::new(), false);
    let negated = inner.starts_with('^');
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        others += &rest[..at];
        let (escape, after) = split_escape(&rest[at..]);
        match escape {
            r"\w" if negated => others += WORD,
            r"\w" => has_word = true,
            r"\d" => others += DIGIT,
            _ => others += escape,
        }
        rest = after;
    }
    others += rest;
    match (has_word, others.as_str()) {
        (true, "") => word(),
        (true, _) => format!("(?:{}|[{others}])", word()),
        (false, _) => format!("[{others}]"),
    }
}

/// A backslash with what it escapes, and what comes after.
fn split_escape(text: &str) -> (&str, &str) {
    let escaped = text.chars().nth(1).map_or(0, char::len_utf8);
    text.split_at(1 + escaped)
}

/// Where a class ends that begins here.
fn class_end(text: &str) -> usize {
    let mut escaped = false;
    // A bracket at the very beginning is one of its characters.
    let first = if text.starts_with("[^") { 2 } else { 1 };
    for (at, character) in text.char_indices().skip(first) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' if at > first => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_many_languages_are_words() {
        let (plain, library) = (compile(r"^\w+$").unwrap(), Regex::new(r"^\w+$").unwrap());
        for word in [
            "word_1",
            "größer",
            "Łódź",
            "étape",
            "Откат",
            "επιστροφή",
            "שלב",
            "خطوة",
            "ขั้นตอน",
            "चरण",
            "第一步",
            "ロールバック",
            "롤백",
            "bước",
            "two words",
            "a-b",
            "「",
            "。",
            "…",
            "—",
            "×",
            "🚫",
            "",
        ] {
            assert_eq!(plain.is_match(word), library.is_match(word), "{word}");
        }
    }

    #[test]
    fn patterns_find_what_they_find_without_being_narrowed() {
        const TEXT: &str =
            "Étape 2.1: größer_3 [x-y] foo.bar@host ~/a\\b 12 ABC — Фаза 7, 步骤 3; \\w];";
        for pattern in [
            r"\w+",
            r"\W+",
            r"\d+(?:\.\d+)*",
            r"\D+",
            r"(?i)[\w.-]+",
            r"(?i)étape|фаза|abc",
            r"[^\w.]+",
            r"[\w]",
            r"[\d.]+|[^\d]",
            r"[\[{('\w]+",
            r"(?i)\b[\w\s.()-]{2,9}\b",
            r"\\\w|\\\\w",
            r"\[[\w-]+\]",
            r"[]\w]+|[^]\w]+",
            r"\S+\s\w",
        ] {
            let found = |regex: Regex| -> Vec<String> {
                let found = regex.find_iter(TEXT);
                found.map(|found| found.as_str().to_owned()).collect()
            };
            assert_eq!(
                found(compile(pattern).unwrap()),
                found(Regex::new(pattern).unwrap()),
                "{pattern}"
            );
        }
    }
}
