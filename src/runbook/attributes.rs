//! What authors may write beside their text: attributes after the language of a fence, `{#id .class}`
//! after a heading, and `<!-- gonogo: key=value -->` under a heading or after a list item. All three
//! share one small grammar: `#id`, `.class`, `key=value` with optional quotes, and bare words.

use super::model::{Attributes, Choice, Transaction};
use super::{batch, flag};
use crate::text::duration;

/// Attributes as written, before they mean anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Raw {
    pub id: Option<String>,
    pub classes: Vec<String>,
    /// Keys and values in the order of the text; a bare word has the value `true`.
    pub pairs: Vec<(String, String)>,
}

impl Raw {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// A bare word, a class, or a key that is not `false`.
    pub fn flag(&self, key: &str) -> bool {
        self.classes.iter().any(|class| class == key)
            || self
                .get(key)
                .is_some_and(|value| !matches!(value, "false" | "no" | "0"))
    }

    /// How many people a heading asks for (`approvals=2` or `.two-person`).
    pub fn approvals(&self) -> Option<u8> {
        let two = self.flag("two-person").then_some(2);
        self.get("approvals").and_then(people).max(two)
    }

    pub fn is_empty(&self) -> bool {
        self.id.is_none() && self.classes.is_empty() && self.pairs.is_empty()
    }

    pub fn merge(&mut self, other: Self) {
        self.id = other.id.or(self.id.take());
        self.classes.extend(other.classes);
        self.pairs.extend(other.pairs);
    }
}

/// Reads `#id .class key="value" word` with blanks or commas between.
pub(super) fn parse_raw(text: &str) -> Raw {
    let mut raw = Raw::default();
    let mut characters = text.chars().peekable();
    loop {
        while characters
            .peek()
            .is_some_and(|character| character.is_whitespace() || *character == ',')
        {
            characters.next();
        }
        if characters.peek().is_none() {
            break;
        }
        let mut word = String::new();
        let mut value: Option<String> = None;
        while let Some(&character) = characters.peek() {
            if character.is_whitespace() || (character == ',' && value.is_none()) {
                break;
            }
            characters.next();
            match character {
                '=' if value.is_none() => {
                    let mut text = String::new();
                    match characters.peek() {
                        Some(&quote @ ('"' | '\'')) => {
                            characters.next();
                            read_quoted(&mut characters, quote, &mut text);
                        }
                        _ => {
                            while let Some(&next) = characters.peek() {
                                if next.is_whitespace() {
                                    break;
                                }
                                text.push(next);
                                characters.next();
                            }
                            // `{name=up, eval=FALSE}`: the comma only parts them.
                            text.truncate(text.trim_end_matches(',').len());
                        }
                    }
                    value = Some(text);
                    break;
                }
                // The JSON form of other runners: {"name":"deploy","interactive":"false"}.
                '"' if word.is_empty() => {
                    read_quoted(&mut characters, '"', &mut word);
                    if characters.peek() == Some(&':') {
                        characters.next();
                        let mut text = String::new();
                        while characters.peek().is_some_and(|next| next.is_whitespace()) {
                            characters.next();
                        }
                        if characters.peek() == Some(&'"') {
                            characters.next();
                            read_quoted(&mut characters, '"', &mut text);
                        } else {
                            while let Some(&next) = characters.peek() {
                                if next == ',' || next.is_whitespace() {
                                    break;
                                }
                                text.push(next);
                                characters.next();
                            }
                        }
                        value = Some(text);
                        break;
                    }
                }
                other => word.push(other),
            }
        }
        match (word.strip_prefix('#'), word.strip_prefix('.'), value) {
            (Some(id), _, None) if !id.is_empty() => raw.id = Some(id.to_owned()),
            (_, Some(class), None) if !class.is_empty() => raw.classes.push(class.to_owned()),
            (_, _, Some(value)) => raw.pairs.push((word, value)),
            (_, _, None) if !word.is_empty() => raw.pairs.push((word, "true".to_owned())),
            _ => {}
        }
    }
    raw
}

fn read_quoted(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    quote: char,
    into: &mut String,
) {
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters
                .peek()
                .is_some_and(|next| *next == quote || *next == '\\') =>
            {
                into.extend(characters.next());
            }
            end if end == quote => break,
            other => into.push(other),
        }
    }
}

/// Language and attributes of a fence's info string, in every common form: `sql {#id .check}`,
/// `sql #id expect="…"`, `{.sql #id}` (Pandoc), `rust,ignore` (mdBook), `sh {name=x}` (Runme).
pub(super) fn parse_info(info: &str) -> (Option<String>, Raw) {
    let info = info.trim();
    let language_end = info
        .find(|character: char| character.is_whitespace() || matches!(character, ',' | '{'))
        .unwrap_or(info.len());
    let (mut language, rest) = (&info[..language_end], info[language_end..].trim());
    // A fence that starts with attributes has no language: ```{.sql #id}.
    let bare = language.contains('=') || language.starts_with(['#', '.']);
    let rest = if bare { info } else { rest };
    if bare {
        language = "";
    }
    let rest = rest.trim_start_matches(',').trim();
    let inner = match rest.strip_prefix('{') {
        Some(open) => match open.rfind('}') {
            Some(end) => format!("{} {}", &open[..end], &open[end + 1..]),
            None => open.to_owned(),
        },
        None => match (rest.find('{'), rest.rfind('}')) {
            // Bare attributes first, braces after: title="x" {#id}.
            (Some(open), Some(end)) if open < end && !rest[..open].contains(['"', '\'']) => {
                format!(
                    "{} {} {}",
                    &rest[..open],
                    &rest[open + 1..end],
                    &rest[end + 1..]
                )
            }
            _ => rest.to_owned(),
        },
    };
    let mut raw = parse_raw(&inner);
    let mut language = (!language.is_empty()).then(|| language.to_ascii_lowercase());
    if language.is_none() {
        // Pandoc names the language as the first class; R Markdown as the first word.
        if !raw.classes.is_empty() && !KNOWN_CLASSES.contains(&raw.classes[0].as_str()) {
            language = Some(raw.classes.remove(0).to_ascii_lowercase());
        } else if !inner.trim_start().starts_with(['.', '#'])
            && raw
                .pairs
                .first()
                .is_some_and(|(key, value)| value == "true" && !is_known_key(key))
        {
            language = Some(raw.pairs.remove(0).0.to_ascii_lowercase());
        }
    }
    (language, raw)
}

/// Classes that settle a block's role or say how it is used.
pub(super) const KNOWN_CLASSES: [&str; 16] = [
    "run",
    "check",
    "output",
    "content",
    "manual",
    "foreign",
    "split",
    "optional",
    "norun",
    "undo",
    "loss",
    "watch",
    "batch",
    "flag",
    "destructive",
    "two-person",
];

/// Keys of a fence that mean something here.
pub(super) const FENCE_KEYS: [&str; 32] = [
    "expect",
    "capture",
    "timeout",
    "on",
    "txn",
    "choice",
    "needs",
    "undo",
    "every",
    "fails",
    "alert",
    "until",
    "confirm",
    "cwd",
    "when",
    "repeatable",
    "parts",
    "approvals",
    "table",
    "key",
    "size",
    "pause",
    "max-errors",
    "throttle",
    "read",
    "file",
    "at",
    "value",
    "stages",
    "hold",
    "id",
    "name",
];

/// Keys that other runners and site generators made common. They are accepted; those without a meaning
/// here are kept in [`Attributes::other`].
const FOREIGN_KEYS: [&str; 32] = [
    "interactive",
    "background",
    "ignore",
    "title",
    "filename",
    "linenums",
    "hl_lines",
    "highlight",
    "editable",
    "should_panic",
    "no_run",
    "noplayground",
    "mdbook-runnable",
    "excludeFromRunAll",
    "closeTerminalOnSuccess",
    "promptEnv",
    "mimeType",
    "terminalRows",
    "category",
    "tag",
    "tags",
    "interpreter",
    "startfrom",
    "numberlines",
    "caption",
    "copy",
    "showlinenumbers",
    "wrap",
    "diff",
    "noeval",
    "eval",
    "icon",
];

/// Keys of a comment under a heading or after a list item.
pub(super) const COMMENT_KEYS: [&str; 24] = [
    "id",
    "estimate",
    "owner",
    "undo",
    "undoes",
    "ponr",
    "optional",
    "recommended",
    "discouraged",
    "loses",
    "wait",
    "expect",
    "value",
    "choice",
    "phases",
    "begin",
    "phase",
    "preparation",
    "cleanup",
    "rollback",
    "reference",
    "soak",
    "approvals",
    "two-person",
];

pub(super) fn is_known_key(key: &str) -> bool {
    FENCE_KEYS.contains(&key)
        || FOREIGN_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
        || KNOWN_CLASSES.contains(&key)
        // Line highlights of site generators: {1,3-5}.
        || key
            .trim_start_matches('{')
            .starts_with(|character: char| character.is_ascii_digit())
}

/// What could not be understood in a value: its key and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BadValue {
    pub key: String,
    pub message: String,
    pub help: String,
}

/// Gives raw attributes of a fence their meaning.
pub(super) fn interpret(raw: &Raw, is_sql: bool) -> (Attributes, Option<Choice>, Vec<BadValue>) {
    let mut attributes = Attributes {
        classes: raw.classes.clone(),
        ..Attributes::default()
    };
    let mut choice = None;
    let mut bad = Vec::new();
    for (key, value) in &raw.pairs {
        let mut duration_of = |value: &str| {
            let parsed = duration::parse_s(value);
            if parsed.is_none() {
                bad.push(BadValue {
                    key: key.clone(),
                    message: format!("`{value}` is not a duration"),
                    help: format!("write it as `{key}=30s`, `{key}=5m` or `{key}=1h30m`"),
                });
            }
            parsed
        };
        match key.as_str() {
            "expect" => attributes.expect = Some(value.clone()),
            "capture" => attributes.capture.extend(captures(value, is_sql)),
            "timeout" => attributes.timeout_s = duration_of(value),
            "every" => attributes.every_s = duration_of(value),
            "fails" => match value.parse().ok().filter(|times| *times > 0) {
                Some(times) => attributes.fails = Some(times),
                None => bad.push(BadValue {
                    key: key.clone(),
                    message: format!("`{value}` is no number of rounds"),
                    help: "write `fails=3`: three rounds in a row".to_owned(),
                }),
            },
            "alert" => attributes.alert = Some(value.clone()),
            "until" => attributes.until = Some(value.clone()),
            "on" => attributes.on = Some(value.clone()),
            "txn" => match value.as_str() {
                "one" => attributes.txn = Some(Transaction::One),
                "each" => attributes.txn = Some(Transaction::Each),
                "none" => attributes.txn = Some(Transaction::None),
                other => bad.push(BadValue {
                    key: key.clone(),
                    message: format!("`{other}` is not a way to wrap statements in transactions"),
                    help: "use `txn=one`, `txn=each` or `txn=none`".to_owned(),
                }),
            },
            "choice" => choice = Some(parse_choice(value, raw.flag("recommended"))),
            "needs" => attributes.needs.extend(
                value
                    .split([',', ' '])
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned),
            ),
            "undo" if value == "true" => attributes.classes.push("undo".to_owned()),
            "undo" => attributes.undo = Some(value.clone()),
            "when" => attributes.when = Some(value.clone()),
            "cwd" => attributes.cwd = Some(value.clone()),
            "confirm" => attributes.confirm = Some(value.clone()),
            "repeatable" => attributes.repeatable = value != "false",
            "approvals" => match people(value) {
                Some(people) => attributes.approvals = Some(people),
                None => bad.push(BadValue {
                    key: key.clone(),
                    message: format!("`{value}` is not a number of people"),
                    help: "write `approvals=2`: two people, the driver among them".to_owned(),
                }),
            },
            "id" | "name" | "recommended" => {}
            "table" | "key" | "size" | "pause" | "max-errors" | "throttle" if raw.flag("batch") => {
            }
            "read" | "file" | "at" | "value" | "stages" | "hold" if raw.flag("flag") => {}
            "ignore" | "no_run" if value == "true" => attributes.classes.push("norun".to_owned()),
            "background" if value == "true" => attributes.classes.push("watch".to_owned()),
            class if value == "true" && KNOWN_CLASSES.contains(&class) => {
                attributes.classes.push(class.to_owned());
            }
            _ => {
                attributes.other.insert(key.clone(), value.clone());
            }
        }
    }
    attributes.batch = batch::read(raw, &mut bad);
    attributes.flag = flag::read(raw, &mut bad);
    if attributes.has_class("two-person") {
        attributes.approvals = attributes.approvals.max(Some(2));
    }
    (attributes, choice, bad)
}

/// How many people something asks for: 1 to 9.
pub(super) fn people(value: &str) -> Option<u8> {
    value.parse().ok().filter(|people| (1..=9).contains(people))
}

/// `group:name`; a name alone belongs to the group `choice`.
pub(super) fn parse_choice(value: &str, recommended: bool) -> Choice {
    let (group, name) = value.split_once(':').unwrap_or(("choice", value));
    Choice {
        group: group.trim().to_owned(),
        name: name.trim().to_owned(),
        recommended,
    }
}

/// `before=value; rows_left=rows[0].n`. A name alone takes the single value or the output.
fn captures(value: &str, is_sql: bool) -> Vec<(String, String)> {
    value
        .split(';')
        .filter(|part| !part.trim().is_empty())
        .map(|part| match part.split_once('=') {
            Some((name, expression)) if !expression.starts_with('=') => {
                (name.trim().to_owned(), expression.trim().to_owned())
            }
            _ => {
                let source = if is_sql { "value" } else { "stdout" };
                (part.trim().to_owned(), source.to_owned())
            }
        })
        .collect()
}

/// The attributes of every `<!-- gonogo: … -->` in `text`, and the text without them.
pub(super) fn take_comments(text: &str) -> (String, Raw) {
    let mut raw = Raw::default();
    if !text.contains("<!--") {
        return (text.to_owned(), raw);
    }
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some(open) = rest.find("<!--") {
        kept.push_str(&rest[..open]);
        let inner = &rest[open + 4..];
        let Some(close) = inner.find("-->") else {
            rest = "";
            break;
        };
        if let Some(body) = inner[..close].trim().strip_prefix("gonogo:") {
            raw.merge(parse_raw(body));
        }
        rest = &inner[close + 3..];
    }
    kept.push_str(rest);
    (kept.trim().to_owned(), raw)
}

/// Takes `{#id .class}` off the end of a heading. Other braces (`{{name}}`, `{version}`) stay.
pub(super) fn take_heading_attributes(title: &str) -> (String, Raw) {
    let trimmed = title.trim_end();
    if let Some(inner) = trimmed.strip_suffix('}')
        && let Some(open) = inner.rfind('{')
    {
        let body = inner[open + 1..].trim();
        if body.starts_with(['#', '.']) && !inner[..open].ends_with('{') {
            return (inner[..open].trim_end().to_owned(), parse_raw(body));
        }
    }
    (trimmed.to_owned(), Raw::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_fence_reads_alike() {
        for info in [
            "sql {#verify .check expect=\"rows == 0\" timeout=30s}",
            "sql #verify .check expect=\"rows == 0\" timeout=30s",
            "{.sql #verify .check expect=\"rows == 0\" timeout=30s}",
            "sql {#verify, .check, expect='rows == 0', timeout=30s}",
        ] {
            let (language, raw) = parse_info(info);
            assert_eq!(language.as_deref(), Some("sql"), "{info}");
            assert_eq!(raw.id.as_deref(), Some("verify"), "{info}");
            assert_eq!(raw.classes, ["check"], "{info}");
            let (attributes, _, bad) = interpret(&raw, true);
            assert_eq!(attributes.expect.as_deref(), Some("rows == 0"), "{info}");
            assert_eq!(attributes.timeout_s, Some(30), "{info}");
            assert!(bad.is_empty(), "{info}");
        }
    }

    #[test]
    fn people_are_counted_with_the_driver() {
        let asked = |info: &str| interpret(&parse_info(info).1, true).0.approvals;
        assert_eq!(asked("sql {.run .two-person}"), Some(2));
        assert_eq!(asked("sql {.run approvals=3}"), Some(3));
        assert_eq!(asked("sql {.run .two-person approvals=3}"), Some(3));
        assert_eq!(asked("sql {.run}"), None);
        let (_, _, bad) = interpret(&parse_info("sql {.run approvals=many}").1, true);
        assert_eq!(bad[0].key, "approvals");
        let heading = take_comments("<!-- gonogo: approvals=2 -->").1;
        assert_eq!(heading.approvals(), Some(2));
    }

    #[test]
    fn forms_of_other_runners() {
        let (language, raw) = parse_info("rust,ignore");
        assert_eq!(language.as_deref(), Some("rust"));
        assert!(raw.flag("ignore"));
        let (language, raw) = parse_info("sh {\"name\":\"deploy\",\"interactive\":\"false\"}");
        assert_eq!(language.as_deref(), Some("sh"));
        assert_eq!(raw.get("name"), Some("deploy"));
        assert!(!raw.flag("interactive"));
        let (language, raw) = parse_info("sh { name=deploy background=true }");
        assert_eq!(language.as_deref(), Some("sh"));
        assert_eq!(raw.get("background"), Some("true"));
        assert_eq!(parse_info("{r}").0.as_deref(), Some("r"));
        assert_eq!(parse_info("").0, None);
        assert_eq!(parse_info("Bash").0.as_deref(), Some("bash"));
    }

    #[test]
    fn comments_and_headings() {
        let (text, raw) =
            take_comments("✅ done <!-- gonogo: expect=\"p95 < 200ms\" --> <!-- note -->");
        assert_eq!(text, "✅ done");
        assert_eq!(raw.get("expect"), Some("p95 < 200ms"));
        let (title, raw) = take_heading_attributes("Restore {#restore .recommended}");
        assert_eq!(title, "Restore");
        assert_eq!(raw.id.as_deref(), Some("restore"));
        assert!(raw.flag("recommended"));
        assert_eq!(
            take_heading_attributes("Deploy {{name}}").0,
            "Deploy {{name}}"
        );
    }
}
