//! Reads the receivers of notifications.

use super::{Reader, Value};
use crate::runbook::config::{NotifySpec, Occasion, Sink, WebhookAddress, WebhookFormat};
use crate::runbook::diagnostic::Severity;
use crate::runbook::lint::did_you_mean;

const HELP: &str = "write `webhook = { env = \"SLACK_WEBHOOK\" }`, or `command = \"pager send\"`";

impl Reader<'_> {
    /// Exactly one of `webhook` and `command`.
    pub(super) fn receiver(&mut self, value: &Value<'_>) -> Option<NotifySpec> {
        let Some(table) = value.get_ref().as_table() else {
            self.expected(value, "a receiver of notifications", HELP);
            return None;
        };
        let (mut webhook, mut command, mut format) = (None, None, None);
        let mut on = Occasion::ALL.to_vec();
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "webhook" => webhook = self.address(value),
                "command" => command = self.string(value, "a command"),
                "format" => format = self.format(value),
                "on" => on = self.occasions(value),
                other => self.unknown("receiver", other, &key.span()),
            }
        }
        let sink = match (webhook, command) {
            (Some(address), None) => Sink::Webhook {
                address,
                format: format.unwrap_or_default(),
            },
            (None, Some(command)) if format.is_none() => Sink::Command(command),
            (None, Some(_)) => {
                let message = "`format` is of a webhook; a command reads JSON".to_owned();
                self.refuse(value, message);
                return None;
            }
            (Some(_), Some(_)) => {
                self.refuse(value, "a receiver is told in one way".to_owned());
                return None;
            }
            (None, None) => {
                if ["webhook", "command"]
                    .iter()
                    .all(|key| table.get(*key).is_none())
                {
                    self.refuse(
                        value,
                        "nobody is told: there is no `webhook` and no `command`".to_owned(),
                    );
                }
                return None;
            }
        };
        Some(NotifySpec { sink, on })
    }

    fn refuse(&mut self, value: &Value<'_>, message: String) {
        self.report(
            Severity::Error,
            "bad-value",
            &value.span(),
            message,
            HELP.to_owned(),
        );
    }

    fn address(&mut self, value: &Value<'_>) -> Option<WebhookAddress> {
        let Some(url) = value.get_ref().as_str() else {
            return self.secret(value).map(WebhookAddress::Secret);
        };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let message = "a webhook needs an address that begins with `https://` or `http://`";
            self.refuse(value, message.to_owned());
            return None;
        }
        Some(WebhookAddress::Url(url.to_owned()))
    }

    fn format(&mut self, value: &Value<'_>) -> Option<WebhookFormat> {
        let words = WebhookFormat::ALL.map(WebhookFormat::word);
        let word = self.string(value, "a format")?;
        let known = WebhookFormat::ALL
            .into_iter()
            .find(|format| format.word() == word);
        if known.is_none() {
            let message = format!("unknown format `{word}`");
            self.report(
                Severity::Error,
                "bad-value",
                &value.span(),
                message,
                did_you_mean(&word, &words),
            );
        }
        known
    }

    fn occasions(&mut self, value: &Value<'_>) -> Vec<Occasion> {
        let words = Occasion::ALL.map(Occasion::word);
        let Some(list) = value.get_ref().as_array() else {
            self.expected(value, "a list", "write `on = [\"failure\", \"red_flag\"]`");
            return Vec::new();
        };
        let mut on = Vec::new();
        for item in list.iter() {
            let Some(word) = self.string(item, "what it is told of") else {
                continue;
            };
            match Occasion::ALL.into_iter().find(|known| known.word() == word) {
                Some(occasion) if on.contains(&occasion) => {}
                Some(occasion) => on.push(occasion),
                None => {
                    let message = format!("unknown occasion `{word}`");
                    self.report(
                        Severity::Error,
                        "bad-value",
                        &item.span(),
                        message,
                        did_you_mean(&word, &words),
                    );
                }
            }
        }
        on
    }
}
