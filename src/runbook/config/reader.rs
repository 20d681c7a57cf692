//! Reads `gonogo.toml` with the place of every mistake. What is wrong is reported and left out; the
//! rest of the file still counts.

mod annotations;
mod notify;
mod target;

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Config, Environment, TwoPerson};
use crate::runbook::diagnostic::{Diagnostic, Severity};
use crate::runbook::lint::did_you_mean;
use crate::text::duration;
use crate::text::scrub::is_hidden;

/// The keys of each table of the file, by the name the documentation gives it.
pub const KEYS: [(&str, &[&str]); 8] = [
    (
        "file",
        &[
            "annotations",
            "default_environment",
            "environments",
            "variables",
        ],
    ),
    (
        "environment",
        &[
            "demand_after",
            "directory",
            "layout",
            "notify",
            "park_after",
            "probes",
            "protected",
            "second_login",
            "secrets",
            "targets",
            "theme",
            "two_person",
            "values",
            "window",
        ],
    ),
    ("target", &["password", "postgres"]),
    ("probe", &["every", "status", "timeout", "url"]),
    ("receiver", &["command", "format", "on", "webhook"]),
    ("secret", &["command", "env", "file"]),
    (
        "variable",
        &["choices", "default", "description", "pattern", "secret"],
    ),
    (
        "annotation",
        &["attributes", "block", "guide", "heading", "occurrence"],
    ),
];

fn keys(table: &str) -> &'static [&'static str] {
    KEYS.iter()
        .find(|(name, _)| *name == table)
        .map_or(&[], |(_, keys)| keys)
}

/// Reads the text of a `gonogo.toml`; `file` is its path, for the log. With an error among the diagnostics
/// the configuration is not to be used.
pub fn parse_config(file: &str, text: &str) -> (Config, Vec<Diagnostic>) {
    let mut reader = Reader {
        text,
        diagnostics: Vec::new(),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        reader.report(
            Severity::Error,
            "bad-toml",
            &span,
            error.message().lines().collect::<Vec<_>>().join(", "),
            "see https://toml.io for how tables and values are written".to_owned(),
        );
    }
    reader.refuse_hidden(table.get_ref());
    let config = reader.file(table.get_ref());
    reader
        .diagnostics
        .sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    tracing::debug!(
        file,
        mistakes = reader.diagnostics.len(),
        "configuration read"
    );
    (config, reader.diagnostics)
}

type Value<'a> = Spanned<DeValue<'a>>;

pub(super) struct Reader<'a> {
    text: &'a str,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    pub(super) fn report(
        &mut self,
        severity: Severity,
        code: &str,
        span: &Range<usize>,
        message: String,
        help: String,
    ) {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[line_start..]
            .find('\n')
            .map_or(self.text.len(), |at| line_start + at);
        let covered = self
            .text
            .get(start..span.end.min(line_end))
            .unwrap_or_default();
        self.diagnostics.push(Diagnostic {
            severity,
            code: code.to_owned(),
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            width: covered.chars().count().max(1),
            message,
            help,
            also: Vec::new(),
        });
    }

    pub(super) fn unknown(&mut self, table: &str, name: &str, span: &Range<usize>) {
        self.report(
            Severity::Error,
            "unknown-key",
            span,
            format!("unknown key `{name}`"),
            did_you_mean(name, keys(table)),
        );
    }

    pub(super) fn expected(&mut self, value: &Value<'_>, what: &str, help: &str) {
        self.report(
            Severity::Error,
            "bad-value",
            &value.span(),
            format!(
                "this is {}, where {what} is expected",
                article(value.get_ref().type_str())
            ),
            help.to_owned(),
        );
    }

    /// Names and texts that could drive a terminal, or look like others, are not read: they would
    /// stand on every screen.
    fn refuse_hidden(&mut self, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            self.refuse_hidden_text(key.get_ref(), &key.span());
            self.refuse_hidden_value(value);
        }
    }

    fn refuse_hidden_value(&mut self, value: &Value<'_>) {
        match value.get_ref() {
            DeValue::String(text) => self.refuse_hidden_text(text, &value.span()),
            DeValue::Array(items) => items.iter().for_each(|item| self.refuse_hidden_value(item)),
            DeValue::Table(table) => self.refuse_hidden(table),
            _ => {}
        }
    }

    fn refuse_hidden_text(&mut self, text: &str, span: &Range<usize>) {
        let text = text.replace("\r\n", "\n");
        if let Some(character) = text.chars().find(|character| is_hidden(*character)) {
            self.report(
                Severity::Error,
                "invisible-character",
                span,
                format!(
                    "this holds U+{:04X}, which is invisible",
                    u32::from(character)
                ),
                "retype it, without pasting it".to_owned(),
            );
        }
    }

    fn file(&mut self, table: &DeTable<'_>) -> Config {
        let mut config = Config::default();
        let mut default_span = 0..0;
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "default_environment" => {
                    config.default_environment = self.string(value, "the name of an environment");
                    default_span = value.span();
                }
                "annotations" => config.annotations = self.annotations(value),
                "environments" => {
                    let Some(environments) = value.get_ref().as_table() else {
                        self.expected(
                            value,
                            "a table of environments",
                            "write `[environments.staging]`",
                        );
                        continue;
                    };
                    for (name, value) in environments.iter() {
                        let name = name.get_ref().to_string();
                        if let Some(environment) = self.environment(&name, value) {
                            config.environments.insert(name, environment);
                        }
                    }
                }
                "variables" => config.variables = self.entries(value, "variables", Self::variable),
                name => {
                    // An environment written at the top is the common mistake.
                    let is_table = value.get_ref().is_table();
                    self.unknown("file", name, &key.span());
                    if is_table && let Some(last) = self.diagnostics.last_mut() {
                        last.help = format!("environments belong under `[environments.{name}]`");
                    }
                }
            }
        }
        if let Some(name) = &config.default_environment
            && !config.environments.contains_key(name)
        {
            let known: Vec<&str> = config.environments.keys().map(String::as_str).collect();
            let help = if known.is_empty() {
                format!("add `[environments.{name}]`")
            } else {
                did_you_mean(name, &known)
            };
            self.report(
                Severity::Error,
                "unknown-environment",
                &default_span,
                format!("there is no environment `{name}`"),
                help,
            );
        }
        config
    }

    fn environment(&mut self, name: &str, value: &Value<'_>) -> Option<Environment> {
        let Some(table) = value.get_ref().as_table() else {
            self.expected(
                value,
                "a table",
                &format!("write `[environments.{name}]` and its keys below"),
            );
            return None;
        };
        let mut environment = Environment {
            name: name.to_owned(),
            ..Environment::default()
        };
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "protected" => match value.get_ref().as_bool() {
                    Some(protected) => environment.protected = protected,
                    None => self.expected(value, "true or false", "write `protected = true`"),
                },
                "directory" => environment.directory = self.string(value, "a path"),
                "layout" => environment.layout = self.string(value, "the name of a layout"),
                "theme" => environment.theme = self.string(value, "the name of a theme"),
                "window" => {
                    environment.window_s = self.duration_ms(value).map(|ms| ms.div_ceil(1_000))
                }
                "demand_after" => {
                    environment.demand_after_s =
                        self.duration_ms(value).map(|ms| ms.div_ceil(1_000));
                }
                "two_person" => environment.two_person = self.two_person(value),
                "second_login" => match value.get_ref().as_bool() {
                    Some(asked) => environment.second_login = asked,
                    None => self.expected(value, "true or false", "write `second_login = true`"),
                },
                "park_after" => {
                    environment.park_after_s = self.duration_ms(value).map(|ms| ms.div_ceil(1_000))
                }
                "targets" => environment.targets = self.entries(value, "targets", Self::target),
                "probes" => environment.probes = self.entries(value, "probes", Self::probe),
                "notify" => environment.notify = self.entries(value, "notify", Self::receiver),
                "values" => environment.values = self.entries(value, "values", Self::scalar),
                "secrets" => environment.secrets = self.entries(value, "secrets", Self::secret),
                other => self.unknown("environment", other, &key.span()),
            }
        }
        Some(environment)
    }

    /// What asks for a second person.
    fn two_person(&mut self, value: &Value<'_>) -> Vec<TwoPerson> {
        let help = "write `two_person = [\"destructive\", \"point_of_no_return\"]`";
        let Some(list) = value.get_ref().as_array() else {
            self.expected(value, "a list", help);
            return Vec::new();
        };
        let mut asked = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_str() {
                Some("destructive") => asked.push(TwoPerson::Destructive),
                Some("point_of_no_return") => asked.push(TwoPerson::PointOfNoReturn),
                _ => self.expected(item, "`destructive` or `point_of_no_return`", help),
            }
        }
        asked
    }

    fn entries<T>(
        &mut self,
        value: &Value<'_>,
        name: &str,
        read: impl Fn(&mut Self, &Value<'_>) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let Some(table) = value.get_ref().as_table() else {
            self.expected(
                value,
                "a table of names",
                &format!("write `{name}.NAME = …`"),
            );
            return BTreeMap::new();
        };
        table
            .iter()
            .filter_map(|(key, value)| Some((key.get_ref().to_string(), read(self, value)?)))
            .collect()
    }

    pub(super) fn scalar(&mut self, value: &Value<'_>) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Float(number) => Some(number.to_string()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            DeValue::Datetime(time) => Some(time.to_string()),
            DeValue::Array(_) | DeValue::Table(_) => {
                self.expected(
                    value,
                    "a text or a number",
                    "write `values.NAME = \"text\"`",
                );
                None
            }
        }
    }

    pub(super) fn string(&mut self, value: &Value<'_>, what: &str) -> Option<String> {
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.expected(value, what, "write it in quotes");
        }
        text
    }

    /// `"90s"`; a bare number is refused, because nobody knows its unit.
    fn duration_ms(&mut self, value: &Value<'_>) -> Option<u64> {
        let parsed = value
            .get_ref()
            .as_str()
            .filter(|text| text.contains(|character: char| character.is_ascii_alphabetic()))
            .and_then(duration::parse_ms);
        if parsed.is_none() {
            self.expected(
                value,
                "a duration",
                "write it with its unit, in quotes: `\"60m\"`, `\"90s\"`, `\"500ms\"`",
            );
        }
        parsed
    }
}

fn article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}
