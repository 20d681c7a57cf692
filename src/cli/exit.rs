//! Exit codes by class, and errors as the operator reads them.

use std::fmt;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done or go.
    Done,
    /// Failed or no-go.
    Failed,
    /// Usage or configuration.
    Usage,
    /// Waiting for a person.
    Waiting,
    RolledBack,
    /// The guide has errors.
    Guide,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Waiting => 3,
            Self::RolledBack => 4,
            Self::Guide => 5,
        }
    }
}

/// Something the person at the prompt can fix: what, and what to do next.
#[derive(Debug)]
pub(super) struct Trouble {
    pub message: String,
    pub help: String,
    pub exit: Exit,
}

impl Trouble {
    pub(super) fn usage(message: impl Into<String>, help: impl Into<String>) -> color_eyre::Report {
        color_eyre::Report::new(Self {
            message: message.into(),
            help: help.into(),
            exit: Exit::Usage,
        })
    }

    pub(super) fn failed(
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> color_eyre::Report {
        color_eyre::Report::new(Self {
            message: message.into(),
            help: help.into(),
            exit: Exit::Failed,
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.message)
    }
}

impl std::error::Error for Trouble {}

/// An error for standard error: known trouble in two lines, everything else with its causes.
pub(super) fn explain(error: &color_eyre::Report) -> String {
    match error.downcast_ref::<Trouble>() {
        Some(trouble) if trouble.help.is_empty() => format!("gonogo: {}", trouble.message),
        Some(trouble) => format!("gonogo: {}\n  next: {}", trouble.message, trouble.help),
        None => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            format!("gonogo: {}", causes.join(": "))
        }
    }
}

pub(super) fn code_of(error: &color_eyre::Report) -> u8 {
    error
        .downcast_ref::<Trouble>()
        .map_or(Exit::Failed, |trouble| trouble.exit)
        .code()
}
