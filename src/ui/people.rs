//! Who is there, and what between them comes before everything else.

use super::format::{duration, plural, seconds_between};
use super::intent::Intent;
use super::keymap::{Context, key_of};
use super::model::Model;
use super::segments::{Segment, segment};
use super::theme::{Role, Theme};
use super::view::Look;
use crate::run::{Timestamp, same_person};
use crate::supervisor::{Person, SharedView};

fn key(intent: Intent) -> String {
    key_of(Context::Main, intent)
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
pub fn concerns(look: &Look<'_>) -> Option<String> {
    let (run, model) = (look.run(), look.model);
    let pairing = &run.pairing;
    if let Some(waiting) = &pairing.waiting {
        let what = run.subject_title(&waiting.request.subject);
        let asked = since(waiting.at, look);
        let review = key(Intent::AskApproval);
        if model.drives() {
            return Some(format!(
                "waiting for a second person since {asked}: `{what}`; {review} withdraws it"
            ));
        }
        if !same_person(&waiting.by, &model.me) {
            return Some(format!(
                "{} asks a second person about `{what}`: {review} shows it",
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
        return Some(format!(
            "{} offers you the controls: {control} shows where the run stands",
            run.driver
        ));
    }
    if same_person(&run.driver, &model.me) {
        return None;
    }
    let left = pairing.driver_left?;
    let gone = since(left, look);
    match run.demand_in_s(model.now) {
        Some(0) => Some(format!(
            "{} has been gone for {gone}: {control} demands the controls",
            run.driver
        )),
        wait => Some(format!(
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
