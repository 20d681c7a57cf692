//! `[variables.NAME]`: what a value of a blank must be. A pattern is compiled and a default is held
//! against its own rule while the file is read, so that no run meets a rule that nothing can satisfy.

use toml::Spanned;
use toml::de::DeValue;

use super::reader::Reader;
use crate::runbook::diagnostic::Severity;
use crate::runbook::model::VariableRule;
use crate::runbook::values;

impl Reader<'_> {
    pub(super) fn variable(&mut self, value: &Spanned<DeValue<'_>>) -> Option<VariableRule> {
        let Some(table) = value.get_ref().as_table() else {
            self.expected(
                value,
                "a table",
                "write `[variables.NAME]` and its keys below",
            );
            return None;
        };
        let mut rule = VariableRule::default();
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "default" => rule.default = self.scalar(value),
                "pattern" => rule.pattern = self.pattern(value),
                "description" => rule.description = self.string(value, "a sentence"),
                "secret" => match value.get_ref().as_bool() {
                    Some(secret) => rule.secret = Some(secret),
                    None => self.expected(value, "true or false", "write `secret = true`"),
                },
                "choices" => match value.get_ref().as_array() {
                    Some(choices) => {
                        let choices = choices.iter();
                        rule.choices = choices.filter_map(|one| self.scalar(one)).collect();
                    }
                    None => {
                        self.expected(value, "a list", "write `choices = [\"blue\", \"green\"]`")
                    }
                },
                other => self.unknown("variable", other, &key.span()),
            }
        }
        let span = table.get("default").unwrap_or(value).span();
        if rule.secret == Some(true) && rule.default.is_some() {
            self.report(
                Severity::Error,
                "secret-in-the-open",
                &span,
                "a secret has no default: everybody could read it here".to_owned(),
                "say where it comes from: `secrets.NAME` of an environment".to_owned(),
            );
            rule.default = None;
        }
        if let Some(default) = &rule.default
            && let Err(why) = values::check(&rule, default)
        {
            self.report(
                Severity::Error,
                "bad-default",
                &span,
                format!("the default breaks its own rule: {why}"),
                "fix the default or the rule".to_owned(),
            );
            rule.default = None;
        }
        Some(rule)
    }

    fn pattern(&mut self, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let pattern = self.string(value, "a regular expression")?;
        match values::compile(&pattern) {
            Ok(_) => Some(pattern),
            Err(why) => {
                self.report(
                    Severity::Error,
                    "bad-pattern",
                    &value.span(),
                    format!("this is not a regular expression: {why}"),
                    "write it in single quotes, so that a backslash stays one: `pattern = '[0-9a-f]{7,40}'`"
                        .to_owned(),
                );
                None
            }
        }
    }
}
