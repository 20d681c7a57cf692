//! The cockpit as it was: every pane shows the run and its readings at a moment of the past. Keys lead
//! through time and from pane to pane; none of them does anything to the run.

use std::sync::LazyLock;

use chrono::TimeDelta;

use super::{App, Ask};
use crate::run::Timestamp;
use crate::supervisor::Snapshot;
use crate::ui::chrome::Moment;
use crate::ui::dialogs::{Pick, Subject};
use crate::ui::format::clock;
use crate::ui::intent::Intent;
use crate::ui::model::{Link, Model};
use crate::ui::next_action::next_action;
use crate::ui::screen::Notice;
use crate::ui::theme::Role;
use crate::ui::view::Look;

const STEP: TimeDelta = TimeDelta::seconds(10);
const LEAP: TimeDelta = TimeDelta::minutes(5);

/// Where the screen is in time.
pub(in crate::ui) struct Past {
    /// The moment that is wanted.
    pub(in crate::ui) at: Timestamp,
    /// The one that is shown.
    shown: Option<(Timestamp, Box<Model>)>,
    is_awaited: bool,
}

/// In the place of what is next: nothing is done there.
pub(super) static NOTHING_ACTS: LazyLock<Notice> = LazyLock::new(|| Notice {
    text: "this is the past: no key changes anything here".to_owned(),
    help: "Esc returns to now".to_owned(),
    role: Role::Warning,
});

impl App {
    /// Where the screen is in time, where that is not now.
    pub(super) fn moment(&self) -> Option<Moment> {
        let past = self.past.as_ref()?;
        Some(Moment {
            shown: past.shown.as_ref().map(|(at, _)| *at),
            wanted: past.at,
            now: self.model.now,
            presses: self.presses_now(),
        })
    }

    /// What would be next now, where that is loud.
    fn presses_now(&self) -> Option<String> {
        let lost = match &self.model.link {
            Link::Lost { .. } => Some("contact is lost".to_owned()),
            _ => None,
        };
        let flag = || {
            let flags = self.model.run.flags();
            flags.first().map(|flag| format!("RED FLAG: {}", flag.text))
        };
        let next = || {
            let next = next_action(&Look {
                model: &self.model,
                view: &self.view,
                theme: &self.themes[self.theme],
            });
            let loud = [Role::Warning, Role::Failed, Role::Unknown];
            loud.contains(&next.role).then_some(next.text)
        };
        lost.or_else(flag).or_else(next)
    }

    pub(super) fn past_model(&self) -> Option<&Model> {
        let (_, model) = self.past.as_ref()?.shown.as_ref()?;
        Some(model)
    }

    /// Whether a key leads through time; then it has.
    pub(super) fn travels(&mut self, intent: Intent) -> bool {
        match intent {
            Intent::Earlier => self.travel(-STEP),
            Intent::Later => self.travel(STEP),
            Intent::MuchEarlier => self.travel(-LEAP),
            Intent::MuchLater => self.travel(LEAP),
            Intent::BackToNow => self.past = None,
            Intent::AskMoment => {
                let entries = self.model.timeline.iter().rev();
                let moments = entries
                    .map(|entry| {
                        let about = format!("{} {}", entry.mark.glyph, entry.text);
                        (entry.at, clock(entry.at), about)
                    })
                    .collect();
                self.open(Pick::new(Subject::Moments(moments)));
            }
            _ => return false,
        }
        true
    }

    fn travel(&mut self, by: TimeDelta) {
        let from = self.past.as_ref().map_or(self.model.now, |past| past.at);
        self.travel_to(from + by);
    }

    /// To a moment of the run; one that is not yet over is now.
    pub(super) fn travel_to(&mut self, at: Timestamp) {
        if at >= self.model.now {
            self.past = None;
            return;
        }
        let at = at.max(self.model.run.opened_at);
        match &mut self.past {
            Some(past) => past.at = at,
            None => {
                // A pane that was paused goes along.
                for listing in self.view.listings.values_mut() {
                    listing.paused = None;
                }
                self.past = Some(Past {
                    at,
                    shown: None,
                    is_awaited: false,
                });
            }
        }
    }

    /// The moment that is wanted and not here.
    pub(super) fn wants_past(&mut self) -> Option<Ask> {
        let past = self.past.as_mut()?;
        let is_shown = past.shown.as_ref().is_some_and(|(at, _)| *at == past.at);
        if past.is_awaited || is_shown {
            return None;
        }
        past.is_awaited = true;
        Some(Ask::Past { at: past.at })
    }

    pub(super) fn learn_past(&mut self, at: Timestamp, snapshot: Result<Box<Snapshot>, String>) {
        let Some(past) = &mut self.past else { return };
        past.is_awaited = false;
        match snapshot {
            Ok(snapshot) => {
                let mut model = Model::new(self.model.offset, at, *snapshot);
                model.me.clone_from(&self.model.me);
                model.observe = true;
                past.shown = Some((at, Box::new(model)));
            }
            Err(why) => {
                self.past = None;
                self.say(
                    format!("the past cannot be shown: {why}"),
                    "",
                    Role::Warning,
                );
            }
        }
    }
}
