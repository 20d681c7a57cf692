//! Who is here, in which role, and what they look at; for the driver the place to offer the controls.
//!
//! ```text
//! ╔ who is here ══════════════════════════════════════════ staging ╗
//! ║ ▸ anna@ops1   drives (you)                 step                ║
//! ║   bert@ops1   watches, hand up: the lag?   sessions            ║
//! ║ other logins join with: gonogo attach 20261120-122444-fyz      ║
//! ╚ o offer the controls  O to anybody  Esc close ═════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::{Dialog, Field, Form, Reply, draw_scrolled, moved, text_size};
use crate::run::{Command, PairingAct, same_person};
use crate::supervisor::Person;
use crate::ui::format::{duration, pad, seconds_between, width, wrap};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct People {
    cursor: usize,
}

impl People {
    pub fn new() -> Self {
        Self { cursor: 0 }
    }

    /// With the cursor on the first of the others: the driver stands first, and has the controls.
    pub fn to_offer() -> Self {
        Self { cursor: 1 }
    }

    /// The driver first, then the others by name.
    fn people<'a>(look: &Look<'a>) -> Vec<&'a Person> {
        let mut people: Vec<&Person> = look.model.people.iter().collect();
        people.sort_by_key(|person| (!person.driver, &person.name));
        people
    }

    fn role(person: &Person, look: &Look<'_>) -> String {
        let run = look.run();
        let mut words = Vec::new();
        words.push(match (person.driver, person.observe) {
            (true, _) => "drives".to_owned(),
            (false, true) => "watches only".to_owned(),
            (false, false) => "watches".to_owned(),
        });
        if person.name == look.model.me {
            words.push("you".to_owned());
        }
        if let Some(uid) = person.guest {
            words.push(format!("another login ({uid})"));
        }
        if person.stale {
            words.push("HANGS".to_owned());
        }
        if let Some(hand) = run.pairing.hands.get(&person.name) {
            words.push(match &hand.about {
                Some(about) => format!("hand up: {about}"),
                None => "hand up".to_owned(),
            });
        }
        let keyed = person.view.as_ref().and_then(|view| view.keyed_at);
        if let Some(idle) = keyed.map(|at| seconds_between(at, look.model.now))
            && idle >= 300
        {
            words.push(format!("no key for {}", duration(idle)));
        }
        words.join(", ")
    }

    fn lines(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let (run, theme) = (look.run(), look.theme);
        let people = Self::people(look);
        let names = people.iter().map(|person| width(&person.name)).max();
        let name = names.unwrap_or(0).min(columns / 3);
        let mut lines = Vec::new();
        for (index, person) in people.iter().enumerate() {
            let chosen = index == self.cursor.min(people.len().saturating_sub(1));
            let looks = person.view.as_ref().map_or(String::new(), |view| {
                let step = view
                    .step
                    .as_ref()
                    .and_then(|step| run.runbook.step(step))
                    .map_or("the current step", |step| step.title.as_str());
                format!("; views {step} ({})", view.pane)
            });
            let mark = if chosen { "▸ " } else { "  " };
            let line = Line::from(vec![
                Span::styled(mark, theme.style(Role::Key)),
                Span::raw(pad(&person.name, name)),
                Span::raw("  "),
                Span::raw(format!("{}{looks}", Self::role(person, look))),
            ]);
            let line = match chosen {
                true => line.patch_style(theme.style(Role::Selection)),
                false => line,
            };
            lines.extend(wrap(line, columns, name + 4));
        }
        let mut say = |text: String, role: Role| {
            lines.extend(wrap(Line::styled(text, theme.style(role)), columns, 2));
        };
        if let Some(left) = run.pairing.driver_left {
            let gone = duration(seconds_between(left, look.model.now));
            say(
                format!("{} drives and has been gone for {gone}", run.driver),
                Role::Warning,
            );
        }
        if let Some(offer) = &run.pairing.offer {
            let to = offer.to.as_deref().unwrap_or("whoever takes them");
            say(format!("the controls are offered to {to}"), Role::Warning);
        }
        if !run.pairing.allowed.is_empty() {
            let allowed: Vec<&str> = run.pairing.allowed.iter().map(String::as_str).collect();
            say(
                format!(
                    "let in: {}; they join with `gonogo attach {}`",
                    allowed.join(", "),
                    run.run
                ),
                Role::Muted,
            );
        }
        lines
    }

    fn offer(look: &Look<'_>, to: Option<String>) -> Reply {
        if !look.model.drives() {
            return Reply::say("only the driver offers the controls", "T asks for them");
        }
        Reply::Do(vec![Command::Pairing {
            act: PairingAct::Offer { to },
        }])
    }
}

impl Dialog for People {
    fn context(&self) -> Context {
        Context::People
    }

    fn title(&self, _look: &Look<'_>) -> String {
        "who is here".to_owned()
    }

    fn is_for_anybody(&self) -> bool {
        true
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        text_size(room, |columns| self.lines(look, columns))
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        let top = (self.cursor + 2).saturating_sub(area.height.into());
        draw_scrolled(&lines, top, look, area, buffer);
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        let drives = look.model.drives();
        match intent {
            Intent::OfferControl | Intent::OfferToAnybody => drives,
            Intent::Withdraw => drives && look.run().pairing.offer.is_some(),
            Intent::ShutOut => drives && !look.run().pairing.allowed.is_empty(),
            _ => true,
        }
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        let people = Self::people(look);
        match intent {
            Intent::Close => Reply::Close,
            Intent::OfferControl => match people.get(self.cursor) {
                Some(person) if same_person(&person.name, &look.run().driver) => Reply::say(
                    "that is you",
                    "move to somebody else, or O offers to anybody",
                ),
                Some(person) => Self::offer(look, Some(person.name.clone())),
                None => Reply::say("nobody is there", "O offers to whoever comes"),
            },
            Intent::OfferToAnybody => Self::offer(look, None),
            Intent::Withdraw => Reply::Do(vec![Command::Pairing {
                act: PairingAct::Withdraw {},
            }]),
            Intent::ShutOut => {
                let allowed = look.run().pairing.allowed.iter().next();
                let (true, Some(first)) = (look.model.drives(), allowed) else {
                    return Reply::say("there is nobody to shut out", "U lets a login in");
                };
                let field = Field::required("user, or @group").holding(first);
                Reply::Open(Box::new(Form::new(
                    "shut a login out",
                    vec![field],
                    |texts| {
                        Reply::Do(vec![Command::Pairing {
                            act: PairingAct::Disallow {
                                whom: texts.concat(),
                            },
                        }])
                    },
                )))
            }
            other => {
                if let Some(cursor) = moved(self.cursor, other, people.len()) {
                    self.cursor = cursor;
                }
                Reply::Stay
            }
        }
    }
}
