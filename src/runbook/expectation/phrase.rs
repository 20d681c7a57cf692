//! A sentence that says what must be true, read into what it asks for. A grammar over words, numbers
//! and comparisons: what it does not read for certain, or what cannot be measured, is left to a person.

use std::collections::BTreeSet;

use super::lexicon::{Class, LONGEST, classes, stems};
use crate::runbook::pattern::pattern;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    /// Within a tenth.
    About,
}

/// What a sentence asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    pub what: What,
    /// Of each row, each answer.
    pub all: bool,
    /// It must not be so.
    pub negated: bool,
    /// It speaks of a status of HTTP.
    pub http: bool,
    /// Its words about the matter itself, by their stems.
    pub about: BTreeSet<String>,
    /// Nothing but what is asked for: `0`, `should return 404`.
    pub bare: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A number of rows; said of `rows`, or of something that rows may be.
    Rows {
        compare: Compare,
        count: f64,
        named: bool,
    },
    Number {
        compare: Compare,
        value: f64,
        percent: bool,
    },
    Between(f64, f64),
    OneOf(Vec<f64>),
    /// `2xx`
    StatusClass(u16),
    /// `name = 0`
    Column {
        name: String,
        compare: Compare,
        value: Operand,
    },
    /// `a = b`
    Same(Vec<String>),
    Literal {
        text: String,
        contains: bool,
    },
    Truth(bool),
    /// Words that must not be printed.
    Absent(Vec<String>),
    /// Milliseconds.
    Time {
        compare: Compare,
        value: f64,
    },
    Tag(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Number(f64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// What the author set as code or in quotes.
    Code {
        text: String,
        quoted: bool,
    },
    Number {
        value: f64,
        percent: bool,
        time: Option<f64>,
        ratio: bool,
    },
    Compare(Compare),
    Classed(BTreeSet<Class>),
    Word(String),
    /// `2xx`
    StatusClass(u16),
    Or,
    Dash,
    Colon,
}

impl Token {
    fn is(&self, class: Class) -> bool {
        matches!(self, Token::Classed(classes) if classes.contains(&class))
    }
}

/// Reads a sentence.
pub(super) fn read(text: &str) -> Option<Wish> {
    let whole = text.trim().trim_end_matches(['.', '!', ';']).trim();
    if let Some(tag) = pattern!(r"^`?(INSERT 0 \d+|(?:UPDATE|DELETE|MERGE|COPY|SELECT) \d+|(?:CREATE|ALTER|DROP|REFRESH|REINDEX|VACUUM|ANALYZE)(?: [A-Z]+)*)`?$").captures(whole) {
        return Some(plain(What::Tag(tag[1].to_owned())));
    }
    let main = without_asides(whole);
    let tokens = tokens(match main.is_empty() {
        true => whole,
        false => &main,
    });
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    if has(Class::Hedge) {
        return None;
    }
    let negated = negated(&tokens);
    let what = of_columns(&tokens)
        .or_else(|| of_numbers(&tokens))
        .or_else(|| of_words(&tokens))?;
    let negated = negated && !matches!(what, What::Absent(_) | What::Column { .. });
    let matter = |token: &Token| match token {
        Token::Word(word) => Some(word.clone()),
        Token::Code { text, .. } => Some(text.clone()),
        _ => None,
    };
    let words: Vec<String> = tokens.iter().filter_map(matter).collect();
    let bare = !tokens.iter().any(|token| matches!(token, Token::Word(_)));
    let mut about = stems(&words.join(" "));
    if let What::Literal { text, .. } = &what {
        about.retain(|stem| !stems(text).contains(stem));
    }
    Some(Wish {
        what,
        all: has(Class::All),
        negated,
        http: has(Class::Http),
        about,
        bare,
    })
}

fn plain(what: What) -> Wish {
    Wish {
        what,
        all: false,
        negated: false,
        http: false,
        about: BTreeSet::new(),
        bare: true,
    }
}

/// Without what stands in brackets, but for a call: `count(*)`.
fn without_asides(text: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut in_code = false;
    for character in text.chars() {
        match character {
            '`' => in_code = !in_code,
            '(' if !in_code && (depth > 0 || out.ends_with(' ') || out.is_empty()) => depth += 1,
            ')' if depth > 0 && !in_code => {
                depth -= 1;
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            out.push(character);
        }
    }
    let out = out.replace("**", "");
    // What comes behind a dash explains.
    let end = [" — ", " – ", " - "]
        .iter()
        .filter_map(|dash| out.find(dash))
        .min();
    out[..end.filter(|end| *end > 0).unwrap_or(out.len())]
        .trim()
        .to_owned()
}

fn tokens(text: &str) -> Vec<Token> {
    let scanner = pattern!(
        r#"(?x)
        `(?P<code>[^`]+)` | "(?P<quoted>[^"]+)" | “(?P<curly>[^”]+)”
        | (?P<class>\b[1-5]xx\b)
        | (?P<number>(?:\b|-)\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?)(?P<unit>\s?%|\s?(?:ms|msec|milliseconds?|s|sec|secs|seconds?|sekunden?|secondes?|segundos?|min|mins|minutes?|minuten?|minutos?|h|hours?|stunden?)\b|x\b)?
        | (?P<op><=|>=|==|!=|≤|≥|≠|<>|<|>|=|~|≈)
        | (?P<word>[\p{L}_][\p{L}\p{N}_.-]*)
        | (?P<mark>[:/–—-])
        "#
    );
    let mut found = Vec::new();
    let mut words: Vec<String> = Vec::new();
    for hit in scanner.captures_iter(text) {
        if let Some(word) = hit.name("word") {
            words.push(word.as_str().trim_end_matches(['.', '-']).to_owned());
            continue;
        }
        classify(&mut words, &mut found);
        if let Some(code) = hit.name("code") {
            found.push(Token::Code {
                text: code.as_str().trim().to_owned(),
                quoted: false,
            });
        } else if let Some(quoted) = hit.name("quoted").or(hit.name("curly")) {
            found.push(Token::Code {
                text: quoted.as_str().to_owned(),
                quoted: true,
            });
        } else if let Some(class) = hit.name("class") {
            let first = class.as_str().bytes().next().map_or(0, |byte| byte - b'0');
            found.push(Token::StatusClass(u16::from(first)));
        } else if let Some(number) = hit.name("number") {
            let unit = hit.name("unit").map_or("", |unit| unit.as_str().trim());
            let value = number.as_str().replace(',', "").parse().unwrap_or(f64::NAN);
            found.push(Token::Number {
                value,
                percent: unit == "%",
                time: time_unit(unit).map(|factor| value * factor),
                ratio: unit == "x",
            });
        } else if let Some(operator) = hit.name("op") {
            found.push(Token::Compare(compare_of(operator.as_str())));
        } else if let Some(mark) = hit.name("mark") {
            found.push(match mark.as_str() {
                ":" => Token::Colon,
                "/" => Token::Or,
                _ => Token::Dash,
            });
        }
    }
    classify(&mut words, &mut found);
    found
}

fn compare_of(operator: &str) -> Compare {
    match operator {
        "<" => Compare::Less,
        "<=" | "≤" => Compare::AtMost,
        ">" => Compare::More,
        ">=" | "≥" => Compare::AtLeast,
        "!=" | "≠" | "<>" => Compare::Unequal,
        "~" | "≈" => Compare::About,
        _ => Compare::Equal,
    }
}

fn time_unit(unit: &str) -> Option<f64> {
    let unit = unit.to_lowercase();
    Some(match unit.as_str() {
        "" | "%" | "x" => return None,
        "ms" | "msec" => 1.0,
        unit if unit.starts_with("milli") => 1.0,
        unit if unit.starts_with('s') => 1_000.0,
        unit if unit.starts_with('m') => 60_000.0,
        _ => 3_600_000.0,
    })
}

/// Words become what they mean, the longest phrases first.
fn classify(words: &mut Vec<String>, found: &mut Vec<Token>) {
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let mut at = 0;
    while at < lower.len() {
        let longest = LONGEST.min(lower.len() - at);
        let phrase = (1..=longest)
            .rev()
            .find_map(|length| Some((length, classes(&lower[at..at + length].join(" "))?)));
        match phrase {
            Some((length, known)) => {
                // A level of a log that is shouted is looked for as it is written.
                let mut known = known.clone();
                if known.contains(&Class::Trouble) {
                    found.push(Token::Word(words[at].clone()));
                    known.retain(|class| *class == Class::Trouble);
                }
                found.push(Token::Classed(known));
                at += length;
            }
            None if matches!(lower[at].as_str(), "or" | "oder" | "ou" | "o") => {
                found.push(Token::Or);
                at += 1;
            }
            None => {
                found.push(Token::Word(words[at].clone()));
                at += 1;
            }
        }
    }
    words.clear();
}

/// `not` before a verb or a number: `should not return 500`, and not `404 Not Found`.
fn negated(tokens: &[Token]) -> bool {
    let number = tokens
        .iter()
        .position(|token| matches!(token, Token::Number { .. } | Token::Code { .. }))
        .unwrap_or(tokens.len());
    tokens[..number].iter().any(|token| token.is(Class::Not))
}

/// The comparison that stands before the token at this place, words of no matter between them.
fn compare_before(tokens: &[Token], at: usize) -> Compare {
    for token in tokens[..at].iter().rev() {
        match token {
            Token::Compare(compare) => return *compare,
            Token::Classed(classes) => {
                let found = classes.iter().find_map(|class| compare_word(*class));
                if let Some(compare) = found {
                    return compare;
                }
            }
            Token::Dash | Token::Colon => {}
            _ => break,
        }
    }
    // `3 or more`, `5 maximum`.
    let behind = tokens.get(at + 1).and_then(|token| match token {
        Token::Classed(classes) => classes.iter().find_map(|class| match class {
            Class::Least => Some(Compare::AtLeast),
            Class::Most => Some(Compare::AtMost),
            _ => None,
        }),
        _ => None,
    });
    behind.unwrap_or(Compare::Equal)
}

fn compare_word(class: Class) -> Option<Compare> {
    Some(match class {
        Class::About => Compare::About,
        Class::Least => Compare::AtLeast,
        Class::Most => Compare::AtMost,
        Class::More => Compare::More,
        Class::Less => Compare::Less,
        _ => return None,
    })
}

/// `late = 0`, `` `indisvalid` = `t` ``, `a = b = c`.
fn of_columns(tokens: &[Token]) -> Option<What> {
    if let [Token::Code { text, .. }, ..] = tokens
        && let Some(what) = column_in_code(text)
    {
        let rest = tokens[1..].iter();
        let free = rest
            .filter(|token| matches!(token, Token::Number { .. } | Token::Code { .. } | Token::Or))
            .count();
        return (free == 0).then_some(what);
    }
    let name = |token: &Token| match token {
        Token::Code { text, .. } if is_name(text) => Some(text.clone()),
        Token::Word(word) if is_name(word) => Some(word.clone()),
        _ => None,
    };
    let [first, Token::Compare(compare), rest @ ..] = tokens else {
        return None;
    };
    let first = name(first)?;
    match rest {
        [
            Token::Number {
                value, time: None, ..
            },
        ] => Some(What::Column {
            name: first,
            compare: *compare,
            value: Operand::Number(*value),
        }),
        [Token::Classed(classes)] if classes.contains(&Class::True) => Some(truth(first, true)),
        [Token::Classed(classes)] if classes.contains(&Class::False) => Some(truth(first, false)),
        [Token::Code { text, quoted }] if *quoted || !is_name(text) || text.len() == 1 => {
            Some(What::Column {
                name: first,
                compare: *compare,
                value: Operand::Text(text.clone()),
            })
        }
        _ if *compare == Compare::Equal => {
            let mut names = vec![first];
            let mut rest = rest.iter();
            loop {
                names.push(name(rest.next()?)?);
                match rest.next() {
                    None => return Some(What::Same(names)),
                    Some(Token::Compare(Compare::Equal)) => {}
                    Some(_) => return None,
                }
            }
        }
        _ => None,
    }
}

fn truth(name: String, is_true: bool) -> What {
    What::Column {
        name,
        compare: Compare::Equal,
        value: Operand::Text(if is_true { "t" } else { "f" }.to_owned()),
    }
}

fn column_in_code(code: &str) -> Option<What> {
    let found = pattern!(
        r#"(?x)^(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<op><=|>=|==|!=|<>|=|<|>|:)\s*
        (?:(?P<number>-?\d+(?:\.\d+)?)|(?P<truth>true|false|t|f)|'(?P<text>[^']*)'|"(?P<quoted>[^"]*)")$"#
    )
    .captures(code)?;
    let value = match (found.name("number"), found.name("truth")) {
        (Some(number), _) => Operand::Number(number.as_str().parse().ok()?),
        (None, Some(truth)) => Operand::Text(truth.as_str()[..1].to_owned()),
        (None, None) => {
            let text = found.name("text").or(found.name("quoted"))?;
            Operand::Text(text.as_str().to_owned())
        }
    };
    Some(What::Column {
        name: found["name"].to_owned(),
        compare: compare_of(&found["op"]),
        value,
    })
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Sentences with numbers.
fn of_numbers(tokens: &[Token]) -> Option<What> {
    if let Some(class) = tokens.iter().find_map(|token| match token {
        Token::StatusClass(class) => Some(*class),
        _ => None,
    }) {
        return Some(What::StatusClass(class));
    }
    let numbers: Vec<usize> = (0..tokens.len())
        .filter(|at| match &tokens[*at] {
            Token::Code { text, .. } => text.parse::<f64>().is_ok(),
            token => matches!(token, Token::Number { .. }),
        })
        .collect();
    let value = |at: usize| match &tokens[at] {
        Token::Number { value, .. } => *value,
        Token::Code { text, .. } => text.parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    };
    let (percent, time, ratio) = match numbers.first().map(|at| &tokens[*at]) {
        Some(Token::Number {
            percent,
            time,
            ratio,
            ..
        }) => (*percent, *time, *ratio),
        _ => (false, None, false),
    };
    match numbers.as_slice() {
        [] => None,
        _ if ratio => None,
        [at] => {
            let compare = compare_before(tokens, *at);
            if let Some(time) = time {
                return Some(What::Time {
                    compare,
                    value: time,
                });
            }
            // Only what stands right behind the number is what is counted.
            let counted = tokens
                .iter()
                .skip(at + 1)
                .find(|token| !token.is(Class::Exact));
            if counted.is_some_and(|token| token.is(Class::Row)) {
                return Some(What::Rows {
                    compare,
                    count: value(*at),
                    named: true,
                });
            }
            let trouble = trouble(tokens);
            if value(*at) == 0.0 && compare == Compare::Equal && !trouble.is_empty() {
                return Some(What::Absent(trouble));
            }
            Some(What::Number {
                compare,
                value: value(*at),
                percent,
            })
        }
        [first, second] if matches!(&tokens[first + 1..*second], [Token::Dash]) => {
            (time.is_none()).then(|| What::Between(value(*first), value(*second)))
        }
        many => {
            let joined = many
                .windows(2)
                .all(|pair| matches!(&tokens[pair[0] + 1..pair[1]], [Token::Or]));
            joined.then(|| What::OneOf(many.iter().map(|at| value(*at)).collect()))
        }
    }
}

/// The words of trouble that a sentence names, as it writes them.
fn trouble(tokens: &[Token]) -> Vec<String> {
    tokens
        .windows(2)
        .filter_map(|pair| match pair {
            [Token::Word(word), second] if second.is(Class::Trouble) => Some(word.clone()),
            _ => None,
        })
        .collect()
}

/// Sentences without numbers.
fn of_words(tokens: &[Token]) -> Option<What> {
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    let is_matter = |token: &&Token| matches!(token, Token::Word(_) | Token::Or);
    let trouble = trouble(tokens);
    if has(Class::None) && !trouble.is_empty() {
        // `No unexpected errors`: which ones are expected?
        let rest = tokens.iter().filter(is_matter).count() - trouble.len();
        let known = tokens.iter().any(|token| token.is(Class::Printed)) || rest == 0;
        return known.then_some(What::Absent(trouble));
    }
    if has(Class::None) && has(Class::Row) {
        return Some(What::Rows {
            compare: Compare::Equal,
            count: 0.0,
            named: !tokens.iter().any(|token| matches!(token, Token::Word(_))),
        });
    }
    let free = tokens.iter().filter(is_matter).count();
    if has(Class::Empty) && free == 0 {
        return Some(What::Rows {
            compare: Compare::Equal,
            count: 0.0,
            named: true,
        });
    }
    let codes: Vec<&Token> = tokens
        .iter()
        .filter(|token| matches!(token, Token::Code { .. }))
        .collect();
    if let [Token::Code { text: literal, .. }] = codes.as_slice() {
        let says = has(Class::Say);
        let first = matches!(tokens.first(), Some(Token::Code { .. }));
        // What is printed, and not the name of what must be so.
        let is_output = says && !first || free == 0;
        return (is_output && !has(Class::None) && literal.chars().count() <= 120).then(|| {
            What::Literal {
                text: literal.clone(),
                contains: says,
            }
        });
    }
    if !codes.is_empty() || free > 0 {
        // `PONG`, `t`
        return match tokens {
            [.., Token::Word(word)]
                if free == 1 && codes.is_empty() && matches!(word.as_str(), "t" | "f") =>
            {
                Some(What::Truth(word == "t"))
            }
            [.., Token::Word(word)] if free == 1 && codes.is_empty() && is_shouted(word) => {
                Some(What::Literal {
                    text: word.clone(),
                    contains: has(Class::Say),
                })
            }
            _ => None,
        };
    }
    match (has(Class::True), has(Class::False)) {
        (true, false) => Some(What::Truth(true)),
        (false, true) => Some(What::Truth(false)),
        _ => None,
    }
}

fn is_shouted(word: &str) -> bool {
    word.len() > 1
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(text: &str) -> Option<What> {
        read(text).map(|wish| wish.what)
    }

    fn number(compare: Compare, value: f64) -> Option<What> {
        Some(What::Number {
            compare,
            value,
            percent: false,
        })
    }

    fn rows(compare: Compare, count: f64) -> Option<What> {
        Some(What::Rows {
            compare,
            count,
            named: true,
        })
    }

    #[test]
    fn numbers_and_comparisons() {
        for (text, compare, value) in [
            ("Should return 404", Compare::Equal, 404.0),
            ("should be exactly 3.", Compare::Equal, 3.0),
            (
                "Should return 401 Unauthorized (not 200)",
                Compare::Equal,
                401.0,
            ),
            ("~48", Compare::About, 48.0),
            ("about 48 queries", Compare::About, 48.0),
            ("at least 5", Compare::AtLeast, 5.0),
            ("should be less than 1,200", Compare::Less, 1200.0),
            ("mindestens 3", Compare::AtLeast, 3.0),
            ("doit retourner 0", Compare::Equal, 0.0),
            ("debe devolver 0", Compare::Equal, 0.0),
            ("must be `0`", Compare::Equal, 0.0),
        ] {
            assert_eq!(what(text), number(compare, value), "{text}");
        }
        assert!(read("should not return 500").unwrap().negated);
        assert!(!read("should return 404 Not Found").unwrap().negated);
        assert_eq!(what("200 or 204"), Some(What::OneOf(vec![200.0, 204.0])));
        assert_eq!(what("HTTP 2xx"), Some(What::StatusClass(2)));
    }

    #[test]
    fn numbers_of_rows() {
        for (text, compare, count) in [
            ("returns 1 row", Compare::Equal, 1.0),
            ("0 rows", Compare::Equal, 0.0),
            ("should return no rows", Compare::Equal, 0.0),
            ("at least 2 rows", Compare::AtLeast, 2.0),
            ("Should be empty", Compare::Equal, 0.0),
            ("keine Zeilen", Compare::Equal, 0.0),
            ("aucune ligne", Compare::Equal, 0.0),
        ] {
            assert_eq!(what(text), rows(compare, count), "{text}");
        }
    }

    #[test]
    fn columns_literals_and_times() {
        assert_eq!(
            what("`recent = 0` (no new writes)"),
            Some(What::Column {
                name: "recent".to_owned(),
                compare: Compare::Equal,
                value: Operand::Number(0.0),
            })
        );
        assert_eq!(
            what("a_rows = b_rows = c"),
            Some(What::Same(vec![
                "a_rows".into(),
                "b_rows".into(),
                "c".into()
            ]))
        );
        let literal = |text: &str, contains| {
            Some(What::Literal {
                text: text.to_owned(),
                contains,
            })
        };
        assert_eq!(what("is `f`"), literal("f", false));
        assert_eq!(
            what("The log shows \"all done\""),
            literal("all done", true)
        );
        assert_eq!(what("PONG"), literal("PONG", false));
        assert_eq!(what("should be true"), Some(What::Truth(true)));
        assert_eq!(
            what("< 1 second"),
            Some(What::Time {
                compare: Compare::Less,
                value: 1000.0
            })
        );
        assert_eq!(what("UPDATE 12"), Some(What::Tag("UPDATE 12".to_owned())));
    }

    #[test]
    fn what_must_not_be_printed() {
        for (text, words) in [
            ("No ERROR messages in output", vec!["ERROR"]),
            ("no errors", vec!["errors"]),
            (
                "No ERROR or CRITICAL messages in startup logs",
                vec!["ERROR", "CRITICAL"],
            ),
            ("keine Fehler in der Ausgabe", vec!["Fehler"]),
        ] {
            let words = words.into_iter().map(str::to_owned).collect();
            assert_eq!(what(text), Some(What::Absent(words)), "{text}");
        }
    }

    #[test]
    fn percent_of_all() {
        let wish = read("100.00% for all tables").unwrap();
        assert!(wish.all);
        assert_eq!(
            wish.what,
            What::Number {
                compare: Compare::Equal,
                value: 100.0,
                percent: true
            }
        );
    }

    #[test]
    fn what_cannot_be_measured_is_left_to_a_person() {
        for text in [
            "Should return 0 or very low number",
            "Should be near 0 for first 15 minutes",
            "Dashboard data shows correct metrics",
            "the service is up",
            "Query performance improved",
            "10-100x faster",
            "Should show normal activity patterns",
            "Backup file created and verified",
            "No unexpected errors on the dashboard",
            "System back to the old state",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
