//! What the keys do between people: raised hands, following the driver's screen, handing the controls
//! over, and the second person's word.

use super::{App, Ask};
use crate::run::{Command, PairingAct};
use crate::supervisor::SharedView;
use crate::ui::dialogs::{Approve, Field, Form, HandOver, People, Reply};
use crate::ui::intent::Intent;
use crate::ui::panes;
use crate::ui::people::concerns;
use crate::ui::theme::Role;
use crate::ui::view::View;

fn between(act: PairingAct) -> Vec<Ask> {
    vec![Ask::Commands(vec![Command::Pairing { act }])]
}

impl App {
    /// What the keys between people do.
    pub(in crate::ui) fn on_pairing(&mut self, intent: Intent) -> Vec<Ask> {
        match intent {
            Intent::AskControl if self.model.drives() => {
                self.dialogs.push(Box::new(People::to_offer()));
            }
            Intent::AskControl => self.dialogs.push(Box::new(HandOver::default())),
            Intent::ListPeople => self.dialogs.push(Box::new(People::new())),
            Intent::AskApproval => match Approve::new(&self.look()) {
                Some(dialog) => self.dialogs.push(Box::new(dialog)),
                None => self.say(
                    "nothing waits for a second person",
                    "the driver asks by confirming a step or gate that needs two people",
                    Role::Muted,
                ),
            },
            Intent::RaiseHand => return self.turn_hand(),
            Intent::Follow => self.turn_following(),
            Intent::LetIn if self.model.drives() => self.dialogs.push(Box::new(let_in())),
            Intent::LetIn => self.say(
                "only the driver lets another login in",
                "ask them; h raises your hand",
                Role::Muted,
            ),
            _ => {}
        }
        Vec::new()
    }

    fn turn_hand(&mut self) -> Vec<Ask> {
        if self.model.drives() {
            let up = self.model.run.pairing.hands.keys().next().cloned();
            let Some(whom) = up else {
                self.say("no hand is raised", "m writes a note", Role::Muted);
                return Vec::new();
            };
            return between(PairingAct::LowerHand { whom: Some(whom) });
        }
        if self.model.run.pairing.hands.contains_key(&self.model.me) {
            return between(PairingAct::LowerHand { whom: None });
        }
        self.dialogs.push(Box::new(Form::new(
            "raise your hand",
            vec![Field::optional("about")],
            |texts| {
                Reply::Do(vec![Command::Pairing {
                    act: PairingAct::RaiseHand {
                        about: Some(texts.concat()),
                    },
                }])
            },
        )));
        Vec::new()
    }

    fn turn_following(&mut self) {
        if self.model.drives() {
            self.say("you drive: others follow you", "", Role::Muted);
            return;
        }
        self.view.follows = !self.view.follows;
        if !self.view.follows {
            self.say("you browse on your own", "f follows again", Role::Text);
            return;
        }
        let driver = self.model.run.driver.clone();
        match self.model.drivers_view() {
            Some(_) => self.say(
                format!("you follow `{driver}`'s screen"),
                "any move of your own ends it",
                Role::Text,
            ),
            None => self.say(
                format!("`{driver}` shows nothing to follow now"),
                "you follow as soon as they do",
                Role::Warning,
            ),
        }
        self.follow_driver();
    }

    /// A move of one's own ends the following.
    pub(in crate::ui) fn moved_alone(&mut self, intent: Intent) {
        if self.view.follows && intent.moves() {
            self.view.follows = false;
            self.say(
                "you no longer follow the driver",
                "f follows again",
                Role::Warning,
            );
        }
    }

    /// Takes over what the driver looks at, as far as this screen has it.
    pub(in crate::ui) fn follow_driver(&mut self) {
        if !self.view.follows {
            return;
        }
        if self.model.drives() {
            self.view.follows = false;
            return;
        }
        let Some(shown) = self.model.drivers_view().cloned() else {
            return;
        };
        if self.view.step != shown.step {
            self.view.position_mut("step").top = None;
        }
        self.view.step = shown.step;
        self.view.item = shown.item;
        if let Some(pane) = panes::pane(&shown.pane) {
            self.view.focus_on(pane.name());
            let is_here = self.layout().panes().contains(&pane.name());
            self.view.zoomed = shown.zoomed || !is_here;
        }
    }

    /// What the others may follow.
    pub fn shared_view(&self) -> SharedView {
        let View {
            step, item, zoomed, ..
        } = &self.view;
        SharedView {
            step: step.clone(),
            item: *item,
            pane: self.view.focus().to_owned(),
            zoomed: *zoomed,
            keyed_at: self.keyed_at,
        }
    }

    /// A key was pressed: others see to the minute when that was.
    pub(in crate::ui) fn keyed(&mut self) {
        use chrono::Timelike;
        let now = self.model.now;
        self.keyed_at = now.with_second(0).and_then(|now| now.with_nanosecond(0));
    }

    /// What somebody who joins must know at once.
    pub(in crate::ui) fn greet(&mut self) {
        if self.model.drives() {
            return;
        }
        if let Some(concern) = concerns(&self.look()) {
            self.say(concern, "", Role::Warning);
        }
    }
}

fn let_in() -> Form {
    Form::new(
        "let another login in, to watch",
        vec![Field::required("user, or @group")],
        |texts| {
            Reply::Do(vec![Command::Pairing {
                act: PairingAct::Allow {
                    whom: texts.concat(),
                },
            }])
        },
    )
}
