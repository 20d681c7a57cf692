//! Being more than one: raised hands, following the driver's screen, handing the controls over, and
//! the second person's word.

use super::app::{App, Ask};
use super::dialogs::{Approve, Field, Form, HandOver, People, Reply};
use super::format::{duration, plural, seconds_between};
use super::intent::Intent;
use super::keymap::{Context, key_of};
use super::model::Model;
use super::panes;
use super::segments::{Segment, segment};
use super::theme::{Role, Theme};
use super::view::{Look, View};
use super::walk::NextAct;
use crate::run::{Command, PairingAct, Timestamp, same_person};
use crate::supervisor::{Person, SharedView};

/// The words that a key of this module is offered with, where it matters now.
fn key(intent: Intent) -> String {
    key_of(Context::Main, intent)
}

fn between(act: PairingAct) -> Vec<Ask> {
    vec![Ask::Commands(vec![Command::Pairing { act }])]
}

impl App {
    /// What the keys between people do.
    pub(super) fn on_pairing(&mut self, intent: Intent) -> Vec<Ask> {
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
                    "the driver asks by confirming a step or gate that wants two",
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
                self.say("nobody's hand is up", "m writes a note", Role::Muted);
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
            self.say("you look around on your own", "f follows again", Role::Text);
            return;
        }
        let driver = self.model.run.driver.clone();
        match self.model.drivers_view() {
            Some(_) => self.say(
                format!("you follow what `{driver}` looks at"),
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
    pub(super) fn moved_alone(&mut self, intent: Intent) {
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
    pub(super) fn follow_driver(&mut self) {
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
    pub(super) fn keyed(&mut self) {
        use chrono::Timelike;
        let now = self.model.now;
        self.keyed_at = now.with_second(0).and_then(|now| now.with_nanosecond(0));
    }

    /// What somebody who joins must know at once.
    pub(super) fn greet(&mut self) {
        if self.model.drives() {
            return;
        }
        if let Some(act) = concerns(&self.look()) {
            self.say(act.text, "", Role::Warning);
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

impl Model {
    /// The driver's client, if one is connected.
    pub fn driver(&self) -> Option<&Person> {
        self.people
            .iter()
            .find(|person| person.name == self.run.driver)
    }

    /// What the driver looks at.
    pub fn drivers_view(&self) -> Option<&SharedView> {
        self.driver()?.view.as_ref()
    }
}

fn since(at: Timestamp, look: &Look<'_>) -> String {
    duration(seconds_between(at, look.model.now))
}

/// What between the people comes before everything else: an offer, a driver who is gone, a request.
pub fn concerns(look: &Look<'_>) -> Option<NextAct> {
    let (run, model) = (look.run(), look.model);
    let pairing = &run.pairing;
    let act = |text: String| {
        Some(NextAct {
            text,
            role: Role::Warning,
        })
    };
    if let Some(waiting) = &pairing.waiting {
        let what = run.subject_title(&waiting.request.subject);
        let asked = since(waiting.at, look);
        let review = key(Intent::AskApproval);
        if model.drives() {
            return act(format!(
                "waiting for a second person since {asked}: `{what}`; {review} takes it back"
            ));
        }
        if !same_person(&waiting.by, &model.me) {
            return act(format!(
                "{} asks a second person about `{what}`: {review} looks at it",
                waiting.by
            ));
        }
    }
    if model.drives() {
        return None;
    }
    let control = key(Intent::AskControl);
    if pairing
        .offer
        .as_ref()
        .is_some_and(|offer| offer.is_for(&model.me))
    {
        return act(format!(
            "{} offers you the controls: {control} looks at where the run stands",
            run.driver
        ));
    }
    if same_person(&run.driver, &model.me) {
        return None;
    }
    let left = pairing.driver_left?;
    let gone = since(left, look);
    match run.demand_in_s(model.now) {
        Some(0) => act(format!(
            "{} has been gone for {gone}: {control} demands the controls",
            run.driver
        )),
        wait => act(format!(
            "{} has been gone for {gone}; the controls may be demanded in {} ({control})",
            run.driver,
            duration(wait.unwrap_or(0))
        )),
    }
}

/// Who is there, for the header: the driver, then hands, then who watches.
pub fn presence(look: &Look<'_>, theme: &Theme) -> Vec<Segment> {
    let (run, model) = (look.run(), look.model);
    let text = theme.style(Role::Text);
    let mut segments = Vec::new();
    let watching: Vec<&Person> = model
        .people
        .iter()
        .filter(|person| !person.driver && person.name != model.me)
        .collect();
    // The number stands with the driver, so that it is seen on the narrowest screen too.
    let watch = match (watching.len(), model.drives()) {
        (0, true) => String::new(),
        (0, false) => ", you watch".to_owned(),
        (more, drives) => format!(", {} watch", more + usize::from(!drives)),
    };
    let driver = if model.drives() {
        segment(format!("you drive{watch}"), text, 2)
    } else if run.pairing.driver_left.is_some() {
        let words = format!("{} GONE{watch}", run.driver);
        segment(words, theme.style(Role::Warning), 1)
    } else if model.driver().is_some_and(|driver| driver.stale) {
        let words = format!("{} hangs{watch}", run.driver);
        segment(words, theme.style(Role::Warning), 1)
    } else {
        segment(format!("{} drives{watch}", run.driver), text, 2)
    };
    segments.push(driver);
    if look.view.follows {
        segments.push(segment("following", theme.style(Role::Key), 3));
    }
    let hands: Vec<&String> = run.pairing.hands.keys().collect();
    match hands.as_slice() {
        [] => {}
        [one] => {
            let name = one.split('@').next().unwrap_or(one);
            let words = format!("hand: {name} ");
            segments.push(segment(words, theme.style(Role::Warning), 1));
        }
        more => {
            let words = format!("{} hands up ", more.len());
            segments.push(segment(words, theme.style(Role::Warning), 1));
        }
    }
    let hanging = watching.iter().filter(|person| person.stale).count();
    if hanging > 0 {
        let words = format!("{} ", plural(hanging, "hangs", "hang"));
        segments.push(segment(words, theme.style(Role::Muted), 5));
    }
    let names: Vec<&str> = watching
        .iter()
        .map(|person| person.name.split('@').next().unwrap_or(&person.name))
        .collect();
    if !names.is_empty() && names.len() <= 3 {
        let words = format!("{} ", names.join(", "));
        segments.push(segment(words, theme.style(Role::Muted), 6));
    }
    segments
}
