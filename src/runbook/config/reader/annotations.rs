//! Reads `[[annotations]]`: what was settled about blocks of guides that nobody may edit.

use super::{Reader, Value, did_you_mean};
use crate::runbook::attributes::{
    COMMENT_KEYS, FENCE_KEYS, KNOWN_CLASSES, is_known_key, parse_raw,
};
use crate::runbook::config::Annotation;
use crate::runbook::diagnostic::Severity;
use crate::runbook::lint::closest;

const HELP: &str = "write `[[annotations]]` and its keys below, or let `gonogo annotate` write it";

impl Reader<'_> {
    pub(super) fn annotations(&mut self, value: &Value<'_>) -> Vec<Annotation> {
        let Some(entries) = value.get_ref().as_array() else {
            self.expected(value, "an array of tables", HELP);
            return Vec::new();
        };
        entries
            .iter()
            .filter_map(|entry| self.annotation(entry))
            .collect()
    }

    fn annotation(&mut self, value: &Value<'_>) -> Option<Annotation> {
        let Some(table) = value.get_ref().as_table() else {
            self.expected(value, "a table", HELP);
            return None;
        };
        let mut annotation = Annotation {
            line: self.line(value.span().start),
            ..Annotation::default()
        };
        let about_heading = table.get("block").is_none();
        let mut missing = vec!["guide", "heading", "attributes"];
        for (key, value) in table.iter() {
            missing.retain(|name| *name != key.get_ref().as_ref());
            let mut text = |what: &str| self.string(value, what).unwrap_or_default();
            match key.get_ref().as_ref() {
                "guide" => annotation.guide = text("the path of a guide"),
                "heading" => annotation.heading = text("titles of headings, joined by ` > `"),
                "block" => annotation.block = text("the hash of a block's code"),
                "attributes" => {
                    annotation.attributes = text("attributes as after the language of a fence");
                    self.check_attributes(&annotation.attributes, value, about_heading);
                }
                "occurrence" => {
                    let number = value.get_ref().as_integer();
                    annotation.occurrence =
                        number.and_then(|number| number.as_str().parse().ok().filter(|n| *n > 0));
                    if annotation.occurrence.is_none() {
                        self.expected(value, "a number from 1", "write `occurrence = 2`");
                    }
                }
                other => self.unknown("annotation", other, &key.span()),
            }
        }
        if let Some(name) = missing.first() {
            self.report(
                Severity::Error,
                "missing-key",
                &value.span(),
                format!("an annotation without `{name}` says nothing about any block"),
                HELP.to_owned(),
            );
            return None;
        }
        Some(annotation)
    }

    /// A class or key that means nothing here is most likely a slip.
    fn check_attributes(&mut self, text: &str, value: &Value<'_>, about_heading: bool) {
        let raw = parse_raw(text);
        if about_heading {
            let unknown: Vec<&String> = raw
                .pairs
                .iter()
                .map(|(key, _)| key)
                .chain(&raw.classes)
                .filter(|key| !COMMENT_KEYS.contains(&key.as_str()))
                .collect();
            for name in unknown {
                self.report(
                    Severity::Warning,
                    "unknown-attribute",
                    &value.span(),
                    format!("unknown attribute `{name}` of a heading"),
                    did_you_mean(name, &COMMENT_KEYS),
                );
            }
            return;
        }
        let slips = raw
            .pairs
            .iter()
            .filter(|(key, _)| !is_known_key(key))
            .map(|(key, _)| (key.clone(), did_you_mean(key, &FENCE_KEYS)))
            .chain(
                raw.classes
                    .iter()
                    .filter(|class| !KNOWN_CLASSES.contains(&class.as_str()))
                    .filter(|class| closest(class, &KNOWN_CLASSES).is_some())
                    .map(|class| (format!(".{class}"), did_you_mean(class, &KNOWN_CLASSES))),
            );
        for (name, help) in slips {
            self.report(
                Severity::Warning,
                "unknown-attribute",
                &value.span(),
                format!("unknown attribute `{name}`"),
                help,
            );
        }
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or(self.text);
        1 + before.matches('\n').count()
    }
}
