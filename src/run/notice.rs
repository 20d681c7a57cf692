//! What is worth telling people who do not look at the screen. Each thing is told once; what stands already
//! when a process begins to follow a run is no news.

use serde::Serialize;

use super::{Event, Outcome, Record, RunState, Timestamp, awaits::AwaitedKind};
use crate::runbook::config::Occasion;
use crate::text::scrub::scrub_line;

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    pub occasion: Occasion,
    pub text: String,
    pub run: String,
    /// Title of the guide.
    pub title: String,
    pub environment: String,
    pub driver: String,
    pub at: Timestamp,
    /// The number of the event that it follows from.
    pub seq: u64,
}

/// What was told of a run so far.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// What a person is waited for, as it was told last.
    awaited: Option<(AwaitedKind, String)>,
    /// What is waited for, and until when.
    pause: Option<(Timestamp, String)>,
}

impl Notices {
    /// Begins to follow a run: what stands now is known.
    pub fn new(state: &RunState, now: Timestamp) -> Self {
        let mut notices = Self::default();
        notices.look(state, now);
        notices
    }

    /// What an event that was just folded into the state makes news of.
    pub fn of(&mut self, state: &RunState, record: &Record) -> Vec<Notice> {
        let at = record.at;
        let mut news: Vec<(Occasion, String)> = happened(state, record).into_iter().collect();
        if !is_detail(&record.event) {
            news.extend(self.look(state, at));
        }
        news.into_iter()
            .map(|(occasion, text)| notice(state, occasion, text, at))
            .collect()
    }

    /// What time alone has made news of.
    pub fn due(&mut self, state: &RunState, now: Timestamp) -> Vec<Notice> {
        if self.pause.as_ref().is_none_or(|(until, _)| *until > now) {
            return Vec::new();
        }
        let news = self.look(state, now);
        news.into_iter()
            .map(|(occasion, text)| notice(state, occasion, text, now))
            .collect()
    }

    fn look(&mut self, state: &RunState, now: Timestamp) -> Vec<(Occasion, String)> {
        let mut news = Vec::new();
        let pause = state.pause(now).map(|pause| (pause.until, pause.what));
        let before = std::mem::replace(&mut self.pause, pause);
        if let Some((until, what)) = before
            && until <= now
            && !state.mode.is_over()
        {
            news.push((Occasion::Due, format!("`{what}` is due")));
        }
        let Some(awaited) = state.awaited(now) else {
            return news;
        };
        let occasion = match awaited.kind {
            AwaitedKind::Gate => Occasion::Gate,
            AwaitedKind::SecondPerson => Occasion::SecondPerson,
            AwaitedKind::Question | AwaitedKind::Transaction | AwaitedKind::ByHand => {
                Occasion::Question
            }
            AwaitedKind::Target | AwaitedKind::Stuck => Occasion::Failure,
            // Told as what happened, or told by nothing but the walk.
            AwaitedKind::Failure | AwaitedKind::Consent | AwaitedKind::Held | AwaitedKind::Step => {
                return news;
            }
        };
        let awaited = (awaited.kind, awaited.text);
        if self.awaited.as_ref() != Some(&awaited) {
            news.push((occasion, awaited.1.clone()));
            self.awaited = Some(awaited);
        }
        news
    }
}

fn notice(state: &RunState, occasion: Occasion, text: String, at: Timestamp) -> Notice {
    Notice {
        occasion,
        text: one_line(&text),
        run: state.run.clone(),
        title: state.runbook.title.clone(),
        environment: state.environment.clone(),
        driver: state.driver.clone(),
        at,
        seq: state.seq,
    }
}

/// Reasons may have several lines, a message has one.
fn one_line(text: &str) -> String {
    let text = scrub_line(text, false);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What an event is news of by itself.
fn happened(state: &RunState, record: &Record) -> Option<(Occasion, String)> {
    match &record.event {
        Event::ActionFinished {
            action,
            outcome: outcome @ (Outcome::Failed | Outcome::Unknown),
            reason,
            ..
        } => {
            let word = match outcome {
                Outcome::Unknown => "is unknown",
                _ => "failed",
            };
            let why = reason.as_ref().map(|reason| format!(": {reason}"));
            let text = format!(
                "`{}` {word}{}",
                state.title_of(*action),
                why.unwrap_or_default()
            );
            Some((Occasion::Failure, text))
        }
        Event::AlertRaised {
            action, pattern, ..
        } => {
            let mut alerts = state.alerts.iter().rev();
            // More of what was told is counted where it stands.
            let alert =
                alerts.find(|alert| alert.action == *action && alert.pattern == *pattern)?;
            let is_new = alert.id == record.seq;
            is_new.then(|| (Occasion::RedFlag, state.alert_words(alert)))
        }
        Event::AlarmBegan { text, .. } => Some((Occasion::Alarm, text.clone())),
        Event::RunCompleted {} => Some((Occasion::Finish, "done".to_owned())),
        Event::RunAbandoned { reason } => Some((Occasion::Finish, format!("abandoned: {reason}"))),
        Event::RollbackStarted { option, .. } => {
            let title = state
                .runbook
                .option(option)
                .map_or("", |option| option.title.as_str());
            Some((Occasion::Failure, format!("rolling back by `{title}`")))
        }
        Event::RollbackFinished {
            succeeded: true,
            option,
            ..
        } => {
            let title = state
                .runbook
                .option(option)
                .map_or("", |option| option.title.as_str());
            let proof = state
                .rollback_proof()
                .map(|proof| format!(", {}", proof.words()));
            let text = format!("rolled back by `{title}`{}", proof.unwrap_or_default());
            Some((Occasion::Finish, text))
        }
        _ => None,
    }
}

/// Events in the middle of an action: nobody is waited for before it ends.
fn is_detail(event: &Event) -> bool {
    matches!(
        event,
        Event::CommandBegan { .. }
            | Event::CommandEnded { .. }
            | Event::LockWaited { .. }
            | Event::BatchDone { .. }
            | Event::FlagRead { .. }
            | Event::ActionLaunched { .. }
            | Event::ActionSampled { .. }
            | Event::AlertRaised { .. }
            | Event::TransactionSeen { .. }
            | Event::Captured { .. }
            | Event::NoteWritten { .. }
    )
}
