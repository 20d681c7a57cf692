//! Acts that a person does by hand, asked for at the prompt one after the other: `done`, with what
//! was seen after it. Whoever ticks one in the cockpit meanwhile answers it as well.

use std::io::{BufRead, IsTerminal};

use tokio::sync::mpsc;

use super::print;
use super::print::say;
use crate::run::{Command, RunState};

pub(super) struct Prompt {
    lines: mpsc::UnboundedReceiver<String>,
    /// The act that was asked for last: its step and box.
    asked: Option<(String, usize)>,
}

/// What a line at the prompt comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Do(Command),
    Again,
    Leave,
}

impl Prompt {
    /// `None` where nobody sits at the terminal.
    pub(super) fn at_terminal() -> Option<Self> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let (sender, lines) = mpsc::unbounded_channel();
        // A thread of its own: a read of the terminal cannot be called off, and ends with the process.
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let sent = line.map(|line| sender.send(line));
                if !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
        });
        Some(Self { lines, asked: None })
    }

    /// Asks for what the rollback waits for, once; false where it waits for nothing by hand.
    pub(super) fn asks(&mut self, state: &RunState) -> bool {
        let Some((step, index, tick)) = state.by_hand_now() else {
            self.asked = None;
            return false;
        };
        let act = (step.id.clone(), index);
        if self.asked.as_ref() != Some(&act) {
            say!("  by hand   {}", tick.text);
            if let Some(cel) = &tick.cel {
                say!("            ticks itself once `{cel}`");
            }
            self.asked = Some(act);
            question(tick.value.as_deref());
        }
        true
    }

    /// The next line; `None` once there is no more. Whoever is asked nothing types nothing.
    pub(super) async fn line(&mut self) -> Option<String> {
        match self.asked {
            Some(_) => self.lines.recv().await,
            None => std::future::pending().await,
        }
    }

    /// What the line says about the act that was asked for.
    pub(super) fn said(&self, state: &RunState, line: &str) -> Said {
        let Some((step, index, tick)) = state.by_hand_now() else {
            return Said::Again;
        };
        let asked = tick.value.as_deref();
        let said = understood(line, asked.is_some());
        match said {
            Answer::Leave => Said::Leave,
            Answer::Done(seen) => Said::Do(Command::Tick {
                step: step.id.clone(),
                index,
                value: seen.clone().filter(|_| asked.is_some()),
                note: seen.filter(|_| asked.is_none()),
            }),
            Answer::Unclear => {
                question(asked);
                Said::Again
            }
        }
    }
}

fn question(asked: Option<&str>) {
    let what = asked.map_or("what you saw".to_owned(), |asked| format!("<{asked}>"));
    print::remark(&format!(
        "            `done {what}` when it is done, `stop` to leave it open: "
    ));
}

#[derive(Debug, PartialEq)]
enum Answer {
    Done(Option<String>),
    Leave,
    Unclear,
}

fn understood(line: &str, with_value: bool) -> Answer {
    let line = line.trim();
    let (word, rest) = line.split_once([' ', ':', ',']).unwrap_or((line, ""));
    let rest = rest.trim();
    match word.to_lowercase().as_str() {
        "stop" => Answer::Leave,
        "done" if with_value && rest.is_empty() => Answer::Unclear,
        "done" => Answer::Done((!rest.is_empty()).then(|| rest.to_owned())),
        _ => Answer::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_is_said_and_enter_alone_does_nothing() {
        let seen = |text: &str| Answer::Done(Some(text.to_owned()));
        assert_eq!(understood("done", false), Answer::Done(None));
        assert_eq!(
            understood(" Done: flag is off ", false),
            seen("flag is off")
        );
        assert_eq!(understood("done OPS-7", true), seen("OPS-7"));
        assert_eq!(understood("done", true), Answer::Unclear);
        assert_eq!(understood("", false), Answer::Unclear);
        assert_eq!(understood("y", false), Answer::Unclear);
        assert_eq!(understood("stop", false), Answer::Leave);
    }
}
