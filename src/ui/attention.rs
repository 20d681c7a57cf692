//! Calls somebody to a screen that is not looked at: what their environment variable asks for, nothing by
//! default. Several at once are one call.

use std::io::{Write, stdout};

use crate::run::{Notice, Notices, Record, RunState, Timestamp};
use crate::runbook::config::Occasion;
use crate::text::scrub::scrub_line;

/// Names what calls, separated by commas.
pub const VARIABLE: &str = "GONOGO_ATTENTION";

/// A notification of a desktop is cut here.
const LONGEST: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The terminal's bell.
    Bell,
    /// A notification of the desktop: OSC 9, and OSC 777 for those that read that.
    Desktop,
    /// The title of the terminal's window, until the run goes on.
    Title,
}

const WAYS: [(&str, Way); 3] = [
    ("bell", Way::Bell),
    ("desktop", Way::Desktop),
    ("title", Way::Title),
];

#[derive(Debug)]
pub struct Attention {
    ways: Vec<Way>,
    notices: Notices,
    /// What came since it was called last.
    news: Vec<Notice>,
}

impl Attention {
    /// From the text of the variable; and what of it is not known.
    pub fn new(wanted: &str, state: &RunState, now: Timestamp) -> (Self, Option<String>) {
        let (ways, fault) = ways_of(wanted);
        let attention = Self {
            ways,
            notices: Notices::new(state, now),
            news: Vec::new(),
        };
        (attention, fault)
    }

    /// Whether anything calls.
    pub fn is_wanted(&self) -> bool {
        !self.ways.is_empty()
    }

    /// An event was folded into the state.
    pub fn happened(&mut self, state: &RunState, record: &Record) {
        self.news.extend(self.notices.of(state, record));
    }

    /// Time has passed.
    pub fn tick(&mut self, state: &RunState, now: Timestamp) {
        if self.is_wanted() {
            self.news.extend(self.notices.due(state, now));
        }
    }

    /// Calls for what is new.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn call(&mut self) -> std::io::Result<()> {
        let Some(sequence) = self.sequence() else {
            return Ok(());
        };
        let mut out = stdout();
        out.write_all(sequence.as_bytes())?;
        out.flush()
    }

    /// The worst of the news as what a terminal understands.
    fn sequence(&mut self) -> Option<String> {
        let news = std::mem::take(&mut self.news);
        let grave = |notice: &&Notice| {
            matches!(
                notice.occasion,
                Occasion::Failure | Occasion::RedFlag | Occasion::Alarm
            )
        };
        let worst = news.iter().rev().find(grave).or(news.last())?;
        let text = format!(
            "gonogo [{}] {}: {}",
            worst.environment,
            worst.occasion.title(),
            worst.text
        );
        // A `;` parts the fields of such a sequence.
        let plain = |letter: char| match letter {
            ';' => ',',
            letter if letter.is_control() => ' ',
            letter => letter,
        };
        let text = scrub_line(&text, false);
        let text: String = text.chars().map(plain).take(LONGEST).collect();
        let ways = self.ways.iter().map(|way| match way {
            Way::Bell => "\u{7}".to_owned(),
            Way::Desktop => {
                format!("\u{1b}]9;{text}\u{7}\u{1b}]777;notify;gonogo;{text}\u{7}")
            }
            Way::Title => format!("\u{1b}]2;{text}\u{7}"),
        });
        Some(ways.collect())
    }
}

/// What a text asks for; and what of it is not known.
fn ways_of(wanted: &str) -> (Vec<Way>, Option<String>) {
    let words = || wanted.split([',', ' ']).filter(|word| !word.is_empty());
    let known = |word: &str| WAYS.iter().find(|(name, _)| *name == word);
    let ways = words().filter_map(known).map(|(_, way)| *way).collect();
    let fault = words().find(|word| known(word).is_none()).map(|word| {
        let names = WAYS.map(|(name, _)| format!("`{name}`")).join(", ");
        format!("{VARIABLE}: unknown `{word}`; use {names}")
    });
    (ways, fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attention(wanted: &str) -> Attention {
        let (ways, fault) = ways_of(wanted);
        assert_eq!(fault, None);
        Attention {
            ways,
            notices: Notices::default(),
            news: Vec::new(),
        }
    }

    fn notice(occasion: Occasion, text: &str) -> Notice {
        Notice {
            occasion,
            text: text.to_owned(),
            run: "20260102-020000-abc".to_owned(),
            title: "Move".to_owned(),
            environment: "staging".to_owned(),
            driver: "anna@ops".to_owned(),
            at: Timestamp::default(),
            seq: 1,
        }
    }

    #[test]
    fn nobody_is_called_by_default() {
        assert!(!attention("").is_wanted());
    }

    #[test]
    fn the_worst_of_several_is_called_once() {
        let mut attention = attention("bell, title");
        attention
            .news
            .push(notice(Occasion::Failure, "`move` failed"));
        attention.news.push(notice(Occasion::Gate, "decide"));
        assert_eq!(
            attention.sequence().as_deref(),
            Some("\u{7}\u{1b}]2;gonogo [staging] failure: `move` failed\u{7}")
        );
        assert_eq!(attention.sequence(), None);
    }

    #[test]
    fn a_text_cannot_end_the_sequence_or_begin_another() {
        let mut attention = attention("desktop");
        attention
            .news
            .push(notice(Occasion::RedFlag, "a\u{7}b\u{1b}]0;c\u{9c}d\ne"));
        let sequence = attention.sequence().unwrap();
        assert_eq!(sequence.matches('\u{1b}').count(), 2, "{sequence:?}");
        assert_eq!(sequence.matches('\u{7}').count(), 2, "{sequence:?}");
        assert!(!sequence.contains(['\u{9c}', '\n']), "{sequence:?}");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let (_, fault) = ways_of("bell,whistle");
        assert_eq!(
            fault.as_deref(),
            Some("GONOGO_ATTENTION: unknown `whistle`; use `bell`, `desktop`, `title`")
        );
    }
}
