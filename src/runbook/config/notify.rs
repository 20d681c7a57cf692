//! Who is told of a run without looking at its screen, and of what.

use serde::{Deserialize, Serialize};

use super::SecretSource;

/// A receiver of notifications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotifySpec {
    pub sink: Sink,
    /// What it is told of, each once.
    pub on: Vec<Occasion>,
}

/// Where notifications go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// An address that takes JSON by POST.
    Webhook {
        address: WebhookAddress,
        format: WebhookFormat,
    },
    /// A shell command; it finds the notification as JSON on its standard input.
    Command(String),
}

/// Chat tools put a token into the address: then it is a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookAddress {
    Url(String),
    Secret(SecretSource),
}

/// What the body of a webhook looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFormat {
    /// All that is known, field by field.
    #[default]
    Json,
    /// `{"text": …}` as Slack and Mattermost read it.
    Slack,
    /// `{"text": …}` as Microsoft Teams reads it.
    Teams,
    /// `{"content": …}`, which mentions nobody.
    Discord,
}

impl WebhookFormat {
    pub const ALL: [Self; 4] = [Self::Json, Self::Slack, Self::Teams, Self::Discord];

    pub fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Discord => "discord",
        }
    }
}

/// What people are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// Every step of a phase is settled: somebody decides.
    Gate,
    /// Somebody says whether an answer is good, or what became of a held transaction.
    Question,
    /// Somebody else confirms what the driver asked for.
    SecondPerson,
    /// A step has failed or is unknown, or the rollback is stuck.
    Failure,
    /// A watch has seen a red flag.
    RedFlag,
    /// Something around the run is wrong.
    Alarm,
    /// What the run waited for is due.
    Due,
    /// The run has ended.
    Finish,
}

impl Occasion {
    pub const ALL: [Self; 8] = [
        Self::Gate,
        Self::Question,
        Self::SecondPerson,
        Self::Failure,
        Self::RedFlag,
        Self::Alarm,
        Self::Due,
        Self::Finish,
    ];

    /// As the configuration names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Question => "question",
            Self::SecondPerson => "second_person",
            Self::Failure => "failure",
            Self::RedFlag => "red_flag",
            Self::Alarm => "alarm",
            Self::Due => "due",
            Self::Finish => "finish",
        }
    }

    /// For the first words of a message.
    pub fn title(self) -> &'static str {
        match self {
            Self::Gate => "gate reached",
            Self::Question => "answer needed",
            Self::SecondPerson => "second person needed",
            Self::Failure => "failure",
            Self::RedFlag => "red flag",
            Self::Alarm => "alarm",
            Self::Due => "due now",
            Self::Finish => "finished",
        }
    }
}
