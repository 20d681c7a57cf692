//! Taking the controls: where the run stands, and whether they can be had: offered, one's own, or
//! those of a driver who is gone, which are demanded with a reason.
//!
//! ```text
//! ╔ take the controls? ═══════════════════════════════════ staging ╗
//! ║ anna@ops1 offers you the controls                              ║
//! ║ phase     3 Migrate                                            ║
//! ║ running   `migrate` for 2 min 4 s                              ║
//! ║ rollback  ready: Option 1, about 2 min                         ║
//! ╚ C take the controls  d decline  Esc close ═════════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::{Dialog, Field, Form, Reply, Scroll, text_size};
use crate::run::{Command, PairingAct, same_person, summary};
use crate::ui::format::{duration, pad, seconds_between, wrap};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::view::Look;

#[derive(Default)]
pub struct HandOver {
    reason: Option<String>,
    scroll: Scroll,
}

/// How the controls can be had now.
enum Way {
    /// This client is the driver's, and came to watch only.
    Own,
    Elsewhere,
    Offered,
    /// Gone for so many seconds.
    Gone(u64),
    /// Gone, but to be waited for this long.
    Soon(u64),
    Guest,
    Here,
}

impl Way {
    fn of(look: &Look<'_>) -> Self {
        let (run, me) = (look.run(), &look.model.me);
        let pairing = &run.pairing;
        let offer = pairing.offer.as_ref();
        if run.driver == *me {
            Self::Own
        } else if offer.is_some_and(|offer| offer.is_for(me)) {
            Self::Offered
        } else if same_person(&run.driver, me) {
            Self::Elsewhere
        } else if pairing.guest(me).is_some() {
            Self::Guest
        } else {
            match (run.demand_in_s(look.model.now), pairing.driver_left) {
                (Some(0), Some(left)) => Self::Gone(seconds_between(left, look.model.now)),
                (Some(wait), _) => Self::Soon(wait),
                (None, _) => Self::Here,
            }
        }
    }

    fn words(&self, driver: &str) -> (String, Role) {
        match self {
            Self::Own => (
                "you drive this run; this screen only watches".to_owned(),
                Role::Text,
            ),
            Self::Elsewhere => (
                format!("you drive from another terminal, as {driver}"),
                Role::Text,
            ),
            Self::Offered => (format!("{driver} offers you the controls"), Role::Warning),
            Self::Gone(seconds) => (
                format!(
                    "{driver} has been gone for {}: r gives a reason to demand the controls, then C",
                    duration(*seconds)
                ),
                Role::Warning,
            ),
            Self::Soon(seconds) => (
                format!(
                    "{driver} is gone; the controls may be demanded in {}",
                    duration(*seconds)
                ),
                Role::Warning,
            ),
            Self::Guest => (
                format!(
                    "{driver} has not offered you the controls, and another login drives only what is \
                     offered to it; h raises your hand"
                ),
                Role::Warning,
            ),
            Self::Here => (
                format!(
                    "{driver} drives and is here: talk to them; h raises your hand, they offer with T"
                ),
                Role::Warning,
            ),
        }
    }

    fn takes(&self) -> bool {
        matches!(
            self,
            Self::Own | Self::Elsewhere | Self::Offered | Self::Gone(_)
        )
    }
}

impl HandOver {
    fn lines(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let way = Way::of(look);
        let (words, role) = way.words(&look.run().driver);
        let mut lines = wrap(Line::styled(words, theme.style(role)), columns, 2);
        if let Some(reason) = &self.reason {
            let text = format!("✓ reason: {reason}");
            lines.extend(wrap(
                Line::styled(text, theme.style(Role::Passed)),
                columns,
                2,
            ));
        }
        lines.push(Line::default());
        let known = summary(look.run(), &look.model.plans, look.model.now);
        let label = known.iter().map(|line| line.label.len()).max().unwrap_or(0);
        for line in known {
            let role = match line.grave {
                true => Role::Failed,
                false => Role::Text,
            };
            let spans = vec![
                Span::styled(pad(line.label, label), theme.style(Role::Muted)),
                Span::raw("  "),
                Span::styled(plain(&line.text), theme.style(role)),
            ];
            lines.extend(wrap(Line::from(spans), columns, label + 2));
        }
        lines
    }

    fn take(&self, look: &Look<'_>) -> Reply {
        let way = Way::of(look);
        match (&way, &self.reason) {
            (Way::Own, _) => Reply::Drive(Vec::new()),
            (Way::Elsewhere | Way::Offered, _) => Reply::Drive(vec![Command::TakeControl {}]),
            (Way::Gone(_), Some(reason)) => Reply::Drive(vec![Command::Pairing {
                act: PairingAct::Demand {
                    reason: reason.clone(),
                    to_go_back: false,
                },
            }]),
            (Way::Gone(_), None) => Reply::say("demanding the controls needs a reason", "press r"),
            _ => Reply::say(way.words(&look.run().driver).0, ""),
        }
    }
}

impl Dialog for HandOver {
    fn context(&self) -> Context {
        Context::HandOver
    }

    fn title(&self, _look: &Look<'_>) -> String {
        "take the controls?".to_owned()
    }

    fn is_for_anybody(&self) -> bool {
        true
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        text_size(room, |columns| self.lines(look, columns))
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        self.scroll.draw(&lines, look, area, buffer);
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        let way = Way::of(look);
        match intent {
            Intent::TakeControls => way.takes(),
            Intent::WriteReason => matches!(way, Way::Gone(_)),
            Intent::Decline => {
                let offer = look.run().pairing.offer.as_ref();
                matches!(way, Way::Offered) && offer.is_some_and(|offer| offer.to.is_some())
            }
            _ => true,
        }
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::TakeControls => self.take(look),
            Intent::Decline => Reply::Do(vec![Command::Pairing {
                act: PairingAct::Decline {},
            }]),
            Intent::WriteReason => Reply::Open(Box::new(Form::new(
                "why you take the controls",
                vec![Field::required("reason")],
                |texts| Reply::Tell(texts.concat()),
            ))),
            other => {
                let rows = look.scrolls(|width| self.lines(look, width));
                self.scroll.on(other, rows)
            }
        }
    }

    fn told(&mut self, text: String) {
        self.reason = Some(text);
    }
}
