//! The one table of keys: it feeds the event loop, the footer, the help and the palette. Every key
//! means one thing in a context; nothing needs Alt, Ctrl or a function key.

mod bindings;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::intent::Intent;

pub use bindings::BINDINGS;

/// Where keys are read. A pane's context is asked before [`Context::Main`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    Main,
    /// All panes show the past.
    Past,
    Step,
    Phases,
    Output,
    Reference,
    Sessions,
    Statements,
    /// A pane that lists things.
    Table,
    /// The filter of such a pane is typed: keys that are not bound here are text.
    Filter,
    /// Everything about one row of such a pane.
    Detail,
    /// The alarms of what is watched.
    Alarms,
    /// Any other pane.
    Pane,
    Preview,
    Gate,
    NoGo,
    RollBack,
    Pick,
    /// The blanks of the guide.
    Inputs,
    /// A form: keys that are not bound here are text.
    Form,
    /// A command that is written: keys that are not bound here are text.
    Editor,
    /// Typing a confirmation: keys that are not bound here are text.
    Word,
    /// The palette and the search: keys that are not bound here are text.
    Find,
    Read,
    Quit,
    Confirm,
    Resolve,
    /// An action that stopped in its middle.
    Stopped,
    Held,
    /// Keys go to a running step: only these do not.
    Keyboard,
    People,
    HandOver,
    Approve,
    /// What the configuration would do.
    Trust,
}

impl Context {
    pub const ALL: [Self; 34] = [
        Self::Main,
        Self::Past,
        Self::Step,
        Self::Phases,
        Self::Output,
        Self::Reference,
        Self::Sessions,
        Self::Statements,
        Self::Table,
        Self::Filter,
        Self::Detail,
        Self::Alarms,
        Self::Pane,
        Self::Preview,
        Self::Gate,
        Self::NoGo,
        Self::RollBack,
        Self::Pick,
        Self::Inputs,
        Self::Form,
        Self::Editor,
        Self::Word,
        Self::Find,
        Self::Read,
        Self::Quit,
        Self::Confirm,
        Self::Resolve,
        Self::Stopped,
        Self::Held,
        Self::Keyboard,
        Self::People,
        Self::HandOver,
        Self::Approve,
        Self::Trust,
    ];

    /// Its heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Main => "anywhere",
            Self::Past => "while the past is shown",
            Self::Step => "in the step",
            Self::Phases => "in the tree of phases",
            Self::Output => "in the output",
            Self::Reference => "in the reference",
            Self::Sessions => "in the sessions",
            Self::Statements => "in the statements",
            Self::Table => "in a pane that lists things",
            Self::Filter => "typing a filter",
            Self::Detail => "one row in full",
            Self::Alarms => "the alarms",
            Self::Pane => "in any other pane",
            Self::Preview => "before a command runs",
            Self::Gate => "at a gate",
            Self::NoGo => "after a no-go",
            Self::RollBack => "the rollback",
            Self::Pick => "in a list",
            Self::Inputs => "the inputs",
            Self::Form => "in a form",
            Self::Editor => "writing a command",
            Self::Word => "typing a confirmation",
            Self::Find => "palette and search",
            Self::Read => "in this help",
            Self::Quit => "leaving",
            Self::Confirm => "confirming",
            Self::Resolve => "an unknown outcome",
            Self::Stopped => "a command that failed among others",
            Self::Held => "a held transaction",
            Self::Keyboard => "while a step has your keyboard",
            Self::People => "who is here",
            Self::HandOver => "taking the controls",
            Self::Approve => "as the second person",
            Self::Trust => "trusting a configuration",
        }
    }

    /// Keys that are not bound are text here.
    pub fn takes_text(self) -> bool {
        matches!(
            self,
            Self::Form | Self::Editor | Self::Word | Self::Find | Self::Filter
        )
    }
}

/// A key as it is bound and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Char(char),
    Ctrl(char),
    Code(KeyCode),
}

impl Key {
    /// The key of a press; `None` for combinations that are never bound.
    pub fn of(event: KeyEvent) -> Option<Self> {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        match event.code {
            _ if event.modifiers.contains(KeyModifiers::ALT) => None,
            KeyCode::Char(letter) if control => Some(Self::Ctrl(letter.to_ascii_lowercase())),
            KeyCode::Char(letter) => Some(Self::Char(letter)),
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => {
                Some(Self::Code(KeyCode::BackTab))
            }
            code => Some(Self::Code(code)),
        }
    }

    pub fn label(self) -> String {
        match self {
            Self::Char(' ') => "Space".to_owned(),
            Self::Char(letter) => letter.to_string(),
            Self::Ctrl(letter) => format!("Ctrl-{}", letter.to_ascii_uppercase()),
            Self::Code(KeyCode::BackTab) => "Shift-Tab".to_owned(),
            Self::Code(KeyCode::PageUp) => "PgUp".to_owned(),
            Self::Code(KeyCode::PageDown) => "PgDn".to_owned(),
            Self::Code(KeyCode::Up) => "↑".to_owned(),
            Self::Code(KeyCode::Down) => "↓".to_owned(),
            Self::Code(KeyCode::Left) => "←".to_owned(),
            Self::Code(KeyCode::Right) => "→".to_owned(),
            Self::Code(KeyCode::F(number)) => format!("F{number}"),
            Self::Code(code) => code.to_string(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Binding {
    pub context: Context,
    pub keys: &'static [Key],
    pub intent: Intent,
    /// What it does, a few words.
    pub label: &'static str,
    /// Place in the footer, the smaller the earlier; `None`: only in the help.
    pub footer: Option<u8>,
}

/// What a key means in the first of these contexts that binds it. Ctrl-C leaves from everywhere.
pub fn meaning(contexts: &[Context], key: Key) -> Option<Intent> {
    contexts
        .iter()
        .flat_map(|context| of(*context))
        .find(|binding| binding.keys.contains(&key))
        .map(|binding| binding.intent)
        .or_else(|| (key == Key::Ctrl('c')).then_some(Intent::AskQuit))
}

/// The bindings of one context.
pub fn of(context: Context) -> impl Iterator<Item = &'static Binding> {
    BINDINGS
        .iter()
        .filter(move |binding| binding.context == context)
}

/// The key to name in a sentence for an intent.
pub fn key_of(context: Context, intent: Intent) -> String {
    of(context)
        .find(|binding| binding.intent == intent)
        .and_then(|binding| binding.keys.first())
        .map(|key| key.label())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
