//! Who drives. The controls are offered and accepted; they are demanded, with a reason, only of a
//! driver who is gone; and whoever watches acts on nothing but this.

use chrono::TimeDelta;

use super::{given, one};
use crate::run::{
    Command, ENGINE, Event, Mode, PairingAct, PairingFact, Refusal, RunState, Timestamp,
    same_person,
};

/// What those of one login who do not drive may write, in characters each, and how often: it all
/// stands in the journal, and in the memory of everybody who is there.
const LONGEST_WORD: usize = 2_000;
const WORDS_A_MINUTE: usize = 30;
const WORDS_AN_HOUR: usize = 200;

/// What somebody who does not drive may ask.
pub(in crate::run) fn is_for_watchers(command: &Command) -> bool {
    match command {
        Command::Note { .. } | Command::TakeControl {} => true,
        Command::Pairing { act } => matches!(
            act,
            PairingAct::Decline {}
                | PairingAct::Demand { .. }
                | PairingAct::RaiseHand { .. }
                | PairingAct::LowerHand { .. }
                | PairingAct::Approve { .. }
                | PairingAct::Object { .. }
        ),
        _ => false,
    }
}

/// Whether somebody who watches may say more.
pub(super) fn within_bounds(
    state: &RunState,
    by: &str,
    command: &Command,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(words) = words_of(command) else {
        return Ok(());
    };
    if words.chars().count() > LONGEST_WORD {
        return Err(Refusal::new(
            format!("that is longer than {LONGEST_WORD} characters"),
            "shorten it, or name a file instead",
        ));
    }
    let (minute, hour) = said_lately(state, state.pairing.guest(by), now);
    if minute >= WORDS_A_MINUTE || hour >= WORDS_AN_HOUR {
        return Err(Refusal::new(
            "observers from your login have written too much in a short time",
            "wait a while, or ask the driver to write it down",
        ));
    }
    Ok(())
}

/// What a person who watches says with this, where it adds to the record whenever it is sent.
fn words_of(command: &Command) -> Option<&str> {
    match command {
        Command::Note { text, .. } => Some(text),
        Command::Pairing { act } => match act {
            PairingAct::Demand { reason, .. } | PairingAct::Object { reason } => Some(reason),
            PairingAct::RaiseHand { about } => Some(about.as_deref().unwrap_or_default()),
            PairingAct::LowerHand { .. } => Some(""),
            _ => None,
        },
        _ => None,
    }
}

/// How much those of a login have said in the last minute and in the last hour, the driver aside.
fn said_lately(state: &RunState, login: Option<u32>, now: Timestamp) -> (usize, usize) {
    let (minute, hour) = (TimeDelta::minutes(1), TimeDelta::hours(1));
    let is_theirs = |by: &str| by != state.driver && state.pairing.guest(by) == login;
    let notes = state.notes.iter().rev().map(|note| (note.at, &*note.by));
    let is_said = |fact: &PairingFact| {
        matches!(
            fact,
            PairingFact::HandRaised { .. }
                | PairingFact::HandLowered { .. }
                | PairingFact::ApprovalRefused { .. }
                | PairingFact::ControlDemanded { .. }
                | PairingFact::RollbackDemanded { .. }
        )
    };
    let acts = state.pairing.log.iter().rev();
    let acts = acts
        .filter(|logged| is_said(&logged.fact))
        .map(|logged| (logged.at, &*logged.by));
    let mut said = (0, 0);
    let mut count = |(at, by): (Timestamp, &str)| {
        if by != ENGINE && is_theirs(by) {
            said.0 += usize::from(now - at < minute);
            said.1 += 1;
        }
    };
    notes
        .take_while(|(at, _)| now - *at < hour)
        .for_each(&mut count);
    acts.take_while(|(at, _)| now - *at < hour)
        .for_each(&mut count);
    said
}

pub(super) fn watching(state: &RunState) -> Refusal {
    Refusal::new(
        format!("`{}` drives this run; you are watching", state.driver),
        "raise your hand (`h`), or ask for the controls (`T`)",
    )
}

fn fact(fact: PairingFact) -> Event {
    Event::Pairing { fact }
}

fn hands_over(by: &str, how: PairingFact) -> Result<Vec<Event>, Refusal> {
    Ok(vec![
        fact(how),
        Event::DriverChanged {
            driver: by.to_owned(),
        },
    ])
}

/// Takes what was offered, or what is this person's own.
pub(super) fn take(state: &RunState, by: &str, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    if by == state.driver {
        // They may have got them back meanwhile: what was wanted is so.
        return Ok(Vec::new());
    }
    let from = state.driver.clone();
    let offered = state.pairing.offer.as_ref();
    if offered.is_some_and(|offer| offer.is_for(by)) {
        return hands_over(by, PairingFact::ControlAccepted { from });
    }
    if same_person(by, &from) {
        return hands_over(by, PairingFact::ControlReturned { from });
    }
    Err(not_yet(state, by, now))
}

/// Why the controls cannot be taken, and what can be done instead.
fn not_yet(state: &RunState, by: &str, now: Timestamp) -> Refusal {
    let driver = &state.driver;
    let wait = state.demand_in_s(now);
    match wait {
        _ if state.pairing.guest(by).is_some() => Refusal::new(
            format!("`{driver}` has not offered you the controls"),
            "another login drives only what was offered to it; raise your hand (`h`)",
        ),
        Some(0) => Refusal::new(
            format!("`{driver}` is gone and has offered nothing"),
            "demand the controls, with a reason",
        ),
        Some(wait) => Refusal::new(
            format!("`{driver}` has not been gone long enough"),
            format!("the controls may be demanded in {wait} s"),
        ),
        None => Refusal::new(
            format!("`{driver}` drives this run and is here"),
            "raise your hand (`h`) and ask for an offer",
        ),
    }
}

fn demand(
    state: &RunState,
    by: &str,
    reason: &str,
    to_go_back: bool,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    if by == state.driver {
        return Ok(Vec::new());
    }
    let Some(reason) = given(Some(reason)) else {
        return Err(Refusal::new(
            "demanding the controls needs a reason",
            "say why, for the report",
        ));
    };
    let is_due = state.demand_in_s(now) == Some(0);
    if state.pairing.guest(by).is_some() || !(is_due || to_go_back) {
        return Err(not_yet(state, by, now));
    }
    // A driver who is there keeps the controls until the rollback begins: the demand opens no gate.
    // Where it has begun, going back is all that is left to drive.
    if !is_due && !matches!(state.mode, Mode::RollingBack | Mode::Stuck) {
        return one(fact(PairingFact::RollbackDemanded {
            from: state.driver.clone(),
            reason: reason.to_owned(),
        }));
    }
    let gone_s = state
        .pairing
        .driver_left
        .map(|left| u64::try_from((now - left).num_seconds()).unwrap_or(0));
    hands_over(
        by,
        PairingFact::ControlDemanded {
            from: state.driver.clone(),
            reason: reason.to_owned(),
            gone_s,
            to_go_back,
        },
    )
}

/// Everything between people but approvals.
pub(super) fn between_people(
    state: &RunState,
    by: &str,
    act: &PairingAct,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let pairing = &state.pairing;
    match act {
        PairingAct::Offer { to } => match to {
            Some(to) if same_person(to, &state.driver) => Err(Refusal::new(
                "you drive this run already",
                "offer the controls to somebody else",
            )),
            _ => one(fact(PairingFact::ControlOffered { to: to.clone() })),
        },
        PairingAct::Withdraw {} => match &pairing.offer {
            Some(_) => one(fact(PairingFact::ControlWithdrawn {})),
            None => Err(Refusal::new("nothing is offered", "nothing to take back")),
        },
        PairingAct::Decline {} => match &pairing.offer {
            // An offer to anybody is not for one of them to end.
            Some(offer) if offer.to.is_some() && offer.is_for(by) => {
                one(fact(PairingFact::ControlDeclined {}))
            }
            _ => Err(Refusal::new(
                "the controls are not offered to you alone",
                "nothing to decline",
            )),
        },
        PairingAct::Demand { reason, to_go_back } => demand(state, by, reason, *to_go_back, now),
        PairingAct::RaiseHand { about } => {
            if by == state.driver {
                return Err(Refusal::new("you drive this run", "speak, or write a note"));
            }
            if pairing.hands.contains_key(by) {
                return Err(Refusal::new("your hand is already up", "`h` lowers it"));
            }
            let about = given(about.as_deref()).map(str::to_owned);
            one(fact(PairingFact::HandRaised { about }))
        }
        PairingAct::LowerHand { whom } => {
            let whom = whom.as_deref().unwrap_or(by);
            if whom != by && by != state.driver {
                return Err(Refusal::new(
                    "that is not your hand",
                    "only the driver lowers the hands of others",
                ));
            }
            match pairing.hands.contains_key(whom) {
                true => one(fact(PairingFact::HandLowered {
                    whom: whom.to_owned(),
                    left: false,
                })),
                false => Err(Refusal::new("that hand is not up", "`h` raises yours")),
            }
        }
        PairingAct::Allow { whom } => {
            let whom = whom.trim();
            let name = whom.strip_prefix('@').unwrap_or(whom);
            let sound = !name.is_empty()
                && !name.starts_with('-')
                && !name.contains(|letter: char| letter.is_whitespace() || letter.is_control());
            if !sound {
                return Err(Refusal::new(
                    format!("`{whom}` is not a user"),
                    "name a user, or a group as `@group`",
                ));
            }
            match pairing.allowed.contains(whom) {
                true => Ok(Vec::new()),
                false => one(fact(PairingFact::GuestAllowed {
                    whom: whom.to_owned(),
                })),
            }
        }
        PairingAct::Disallow { whom } => match pairing.allowed.contains(whom) {
            true => one(fact(PairingFact::GuestDisallowed { whom: whom.clone() })),
            false => Err(Refusal::new(
                format!("`{whom}` was not let in"),
                "nothing to take back",
            )),
        },
        // Decided beside the command that they are about.
        PairingAct::Approve { .. } | PairingAct::Object { .. } => Ok(Vec::new()),
    }
}
