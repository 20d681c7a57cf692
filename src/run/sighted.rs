//! What the words of a point name, held against what came: whether it stands there, or what stands there
//! instead. It decides nothing; it saves the person who judges the search.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::Evidence;
use super::condition::pattern;

/// Names of one point that are looked for.
const MOST: usize = 6;
/// A longer text between marks is a sentence.
const LONGEST: usize = 80;

/// Something that words name, and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sighting {
    name: String,
    seen: Seen,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Found,
    /// A field or a column of that name has another value.
    Instead(String),
    Missing,
    /// The beginning of the output is not kept.
    NotKept,
}

impl Sighting {
    fn words(&self) -> String {
        let name = &self.name;
        match &self.seen {
            Seen::Found => format!("`{name}` found"),
            Seen::Instead(other) => format!("`{name}` NOT found: it is {other}"),
            Seen::Missing => format!("`{name}` NOT found"),
            Seen::NotKept => format!("`{name}` not found in the end that is kept"),
        }
    }
}

/// What a text names and the command does not, each with what was seen of it.
fn sightings(text: &str, command: &str, evidence: &Evidence) -> Vec<Sighting> {
    let output = Output::of(evidence);
    let sighting = |name: String| Sighting {
        seen: output.seen(&name, evidence.is_cut()),
        name,
    };
    named(text, command).into_iter().map(sighting).collect()
}

/// The same in one line; `None` where nothing is named.
pub(super) fn sighted(text: &str, command: &str, evidence: &Evidence) -> Option<String> {
    let all = sightings(text, command, evidence);
    let words: Vec<String> = all.iter().map(Sighting::words).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Code, quotations, numbers, shouted words and names that are no words of a language.
fn named(text: &str, command: &str) -> Vec<String> {
    static MARKED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r#"`([^`]+)`|"([^"]+)"|“([^”]+)”|„([^“”]+)[“”]|«\s*([^»]+?)\s*»|「([^」]+)」"#)
    });
    static BARE: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{L}\d]+(?:[._-][\p{L}\d]+)*"));
    let mut names: Vec<String> = Vec::new();
    let mut keep = |name: &str| {
        let name = name.trim();
        let is_new = !names.iter().any(|known| known == name);
        let is_told = !name.is_empty() && name.chars().count() <= LONGEST;
        if is_new && is_told && !command.contains(name) && names.len() < MOST {
            names.push(name.to_owned());
        }
    };
    for found in MARKED.captures_iter(text) {
        found
            .iter()
            .skip(1)
            .flatten()
            .for_each(|one| keep(one.as_str()));
    }
    let rest = MARKED.replace_all(text, " ");
    // The number of a list is none of its words.
    let rest =
        rest.trim_start_matches(|one: char| one.is_ascii_digit() || ".)[]-*# ".contains(one));
    for found in BARE.find_iter(rest) {
        let word = found.as_str();
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let shouted = word.chars().count() > 1 && word.chars().all(|one| one.is_ascii_uppercase());
        if digits == word.len() || shouted || word.contains('_') || word.contains('.') && digits > 0
        {
            keep(word);
        }
    }
    names
}

/// All that an action gave, as text and by its names.
struct Output<'a> {
    texts: Vec<String>,
    fields: Vec<(&'a str, &'a Value)>,
}

impl<'a> Output<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let mut texts = vec![evidence.stdout.clone(), evidence.stderr.clone()];
        texts.extend(evidence.notices.iter().cloned());
        texts.extend(evidence.tag.clone());
        texts.extend(evidence.status.map(|status| status.to_string()));
        let mut fields = Vec::new();
        let rows = evidence.rows.iter().flatten();
        fields.extend(rows.map(|(name, value)| (name.as_str(), value)));
        if let Some(json) = &evidence.json {
            gather(json, &mut fields);
        }
        texts.extend(fields.iter().map(|(name, _)| (*name).to_owned()));
        texts.extend(fields.iter().map(|(_, value)| plain(value)));
        texts.extend(evidence.value.iter().map(plain));
        for one in &evidence.each {
            let inner = Output::of(&one.seen);
            texts.extend(inner.texts);
            fields.extend(inner.fields);
        }
        Self { texts, fields }
    }

    fn seen(&self, name: &str, is_cut: bool) -> Seen {
        static PAIR: LazyLock<Regex> =
            LazyLock::new(|| pattern(r#"^"?([\p{L}_][\w.-]*)"?\s*(?:==?|:)\s*(\S.*)$"#));
        if self.has(name) {
            return Seen::Found;
        }
        if let Some(pair) = PAIR.captures(name) {
            let wanted = pair[2].trim().trim_matches(['\'', '"']);
            let own = self.fields.iter().filter(|(field, _)| *field == &pair[1]);
            let values: Vec<String> = own.map(|(_, value)| plain(value)).collect();
            if values.iter().any(|value| value == wanted) {
                return Seen::Found;
            }
            if let Some(first) = values.first() {
                return Seen::Instead(format!("`{first}`"));
            }
            let spelled = [": ", "=", ": \"", "\": \"", "\":\"", "\": ", "\":", " | "];
            if spelled
                .iter()
                .any(|joint| self.has(&format!("{}{joint}{wanted}", &pair[1])))
            {
                return Seen::Found;
            }
        }
        match is_cut {
            true => Seen::NotKept,
            false => Seen::Missing,
        }
    }

    /// As a word of its own, whatever its case.
    fn has(&self, name: &str) -> bool {
        let bound = |one: Option<char>| match one {
            Some(one) if one.is_alphanumeric() || one == '_' => r"\b",
            _ => "",
        };
        let (first, last) = (bound(name.chars().next()), bound(name.chars().last()));
        let spaced: Vec<String> = name.split_whitespace().map(regex::escape).collect();
        let pattern = format!("(?i){first}{}{last}", spaced.join(r"\s+"));
        match Regex::new(&pattern) {
            Ok(pattern) => self.texts.iter().any(|text| pattern.is_match(text)),
            Err(_) => self.texts.iter().any(|text| text.contains(name)),
        }
    }
}

fn gather<'a>(value: &'a Value, fields: &mut Vec<(&'a str, &'a Value)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                fields.push((name, value));
                gather(value, fields);
            }
        }
        Value::Array(all) => all.iter().for_each(|one| gather(one, fields)),
        _ => {}
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn printed(stdout: &str) -> Evidence {
        Evidence {
            stdout: stdout.to_owned(),
            ..Evidence::default()
        }
    }

    fn said(text: &str, evidence: &Evidence) -> String {
        sighted(text, "shop status", evidence).unwrap_or_default()
    }

    #[test]
    fn what_a_sentence_names_is_looked_for_in_what_came() {
        let output = printed("workers: 26\nstate: READY\nstore_primary up\n");
        for (text, seen) in [
            ("The list shows 26 workers", "`26` found"),
            ("Musí vypsat `READY` a 27", "`READY` found, `27` NOT found"),
            ("「READY」と表示される", "`READY` found"),
            (
                "store_primary und store_spare laufen",
                "`store_primary` found, `store_spare` NOT found",
            ),
            ("after `shop status` nothing is wrong", ""),
            ("3. Everything is fine", ""),
        ] {
            assert_eq!(said(text, &output), seen, "{text}");
        }
    }

    #[test]
    fn a_number_is_found_as_a_number_of_its_own() {
        assert_eq!(said("shows 2", &printed("26 workers")), "`2` NOT found");
    }

    #[test]
    fn another_value_of_a_named_field_is_told() {
        let row = [("active", json!("f")), ("plan", json!("nightly"))];
        let evidence = Evidence {
            rows: vec![row.map(|(name, value)| (name.to_owned(), value)).into()],
            ..Evidence::default()
        };
        assert_eq!(
            said("`active = t`", &evidence),
            "`active = t` NOT found: it is `f`"
        );
        assert_eq!(
            said("`plan = 'nightly'`", &evidence),
            "`plan = 'nightly'` found"
        );
        let answer = Evidence {
            json: Some(json!({"db": {"state": "down"}})),
            ..Evidence::default()
        };
        assert_eq!(
            said("\"state\": \"up\"", &answer),
            "`state` found, `up` NOT found"
        );
        assert_eq!(
            said("`\"state\": \"up\"`", &answer),
            "`\"state\": \"up\"` NOT found: it is `down`"
        );
    }

    #[test]
    fn what_is_not_kept_is_not_called_missing() {
        let cut = Evidence {
            lost: 10,
            ..printed("the end")
        };
        assert_eq!(
            said("`begun`", &cut),
            "`begun` not found in the end that is kept"
        );
    }
}
