//! Several people at one run: who drives, who asks for the controls or offers them, whose hand is up,
//! which other logins were let in, and what waits for a second person. Presence is a fact like any
//! other ([`PairingFact::DriverLeft`]), so that who could take over when is part of the replay.

mod act;

pub use act::{PairingAct, PairingFact};
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ActionId, Mode, RunState, Timestamp, preview_from};
use crate::runbook::config::TwoPerson;

/// Seconds after which the controls of a driver who is gone may be demanded, where the environment
/// says nothing.
pub const DEMAND_AFTER_S: u64 = 120;

/// What a second person is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Subject {
    Start {
        action: ActionId,
        /// The command from which an action that stopped goes on.
        #[serde(default)]
        from: Option<usize>,
    },
    /// GO at the gate of a phase.
    Gate { phase: String },
}

/// The driver has confirmed; others must, before it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    pub subject: Subject,
    /// [`subject_hash`] of what the driver saw.
    pub hash: String,
    /// Digest of the files that the command includes.
    pub included: Option<String>,
    pub typed: Option<String>,
    pub reason: Option<String>,
    /// How many others must approve.
    pub needed: u8,
}

/// A request that waits, with who has approved it so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub request: ApprovalRequest,
    pub by: String,
    pub at: Timestamp,
    pub approved_by: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub to: Option<String>,
    pub at: Timestamp,
}

impl Offer {
    /// Whether this person may take it.
    pub fn is_for(&self, name: &str) -> bool {
        self.to.as_deref().is_none_or(|to| same_person(to, name))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    pub since: Timestamp,
    pub about: Option<String>,
}

/// A fact with who and when, for timeline and report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    pub at: Timestamp,
    pub by: String,
    pub fact: PairingFact,
}

/// The people's part of a run's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pairing {
    /// Since when no client of the driver is there; `None` while one is, or was not missed yet.
    pub driver_left: Option<Timestamp>,
    pub offer: Option<Offer>,
    /// Raised hands by name.
    pub hands: BTreeMap<String, Hand>,
    /// Users and `@groups` beside the run's own login that may join.
    pub allowed: BTreeSet<String>,
    /// Names of other logins that have joined, with their user numbers.
    pub guests: BTreeMap<String, u32>,
    /// What waits for a second person.
    pub waiting: Option<Waiting>,
    /// Who may begin the rollback beside the driver, because they demanded it.
    pub goes_back: Option<String>,
    pub log: Vec<Logged>,
}

/// The person behind the name of a client: `anna@ops1 (2)` is `anna@ops1` at a second terminal.
pub fn person(name: &str) -> &str {
    let Some((person, number)) = name.rsplit_once(" (") else {
        return name;
    };
    let numbered = number
        .strip_suffix(')')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    if numbered { person } else { name }
}

/// Whether these are one person at one login: what one of them may do, the other may.
pub fn same_person(one: &str, other: &str) -> bool {
    person(one) == person(other)
}

/// Whether these may be one person, at another login perhaps: such two are no second opinion.
pub fn may_be_one(one: &str, other: &str) -> bool {
    let bare = |name| without_login(person(name)).0;
    bare(one) == bare(other)
}

/// `bert@ops1 (uid 1001)`: somebody of another login. Names of the run's own login are never written
/// like this, so a name alone says which login it is of, whoever was there first.
pub fn guest_name(user: &str, uid: u32) -> String {
    format!("{user} (uid {uid})")
}

/// A name without the number of its login, and that number.
pub fn without_login(name: &str) -> (&str, Option<u32>) {
    let found = name.rsplit_once(" (uid ").and_then(|(bare, rest)| {
        let uid = rest.strip_suffix(')')?.parse().ok()?;
        Some((bare, Some(uid)))
    });
    found.unwrap_or((name, None))
}

impl Pairing {
    /// The user number of another login; `None` for the login that owns the run.
    pub fn guest(&self, name: &str) -> Option<u32> {
        let name = person(name);
        // The journals of older versions name guests without their number.
        without_login(name)
            .1
            .or_else(|| self.guests.get(name).copied())
    }
}

impl RunState {
    /// Seconds that a driver must be gone before the controls may be demanded. A rehearsal's driver is
    /// a process: nobody comes back for it.
    pub fn demand_after_s(&self) -> u64 {
        match self.unattended {
            true => 0,
            false => self.config.demand_after_s.unwrap_or(DEMAND_AFTER_S),
        }
    }

    /// Seconds until the controls may be demanded; `None` while the driver is there.
    pub fn demand_in_s(&self, now: Timestamp) -> Option<u64> {
        let left = self.pairing.driver_left?;
        let gone = u64::try_from((now - left).num_seconds()).unwrap_or(0);
        Some(self.demand_after_s().saturating_sub(gone))
    }

    /// How many people an action asks for, its driver among them. A rollback never asks for a second.
    pub fn people_for(&self, subject: &Subject) -> u8 {
        let asked = match subject {
            Subject::Start { action, .. } => self.people_for_action(*action),
            Subject::Gate { phase } => self.runbook.phase(phase).map(|phase| {
                let of_config =
                    phase.point_of_no_return && self.asks_two(TwoPerson::PointOfNoReturn);
                let of_config = if of_config { 2 } else { 1 };
                phase.approvals.unwrap_or(1).max(of_config)
            }),
        };
        asked.unwrap_or(1).max(1)
    }

    fn asks_two(&self, what: TwoPerson) -> bool {
        self.config.two_person.contains(&what)
    }

    fn people_for_action(&self, action: ActionId) -> Option<u8> {
        let block = self.runbook.block(action.block)?;
        let step = self.step_of(action)?;
        // Nothing on the rollback waits for anybody.
        let phase = self.runbook.phase_of(&step.id)?;
        let destructive = match action.part.checked_sub(1) {
            None => &block.destructive,
            Some(part) => &block.parts.get(part)?.destructive,
        };
        let of_config = (!destructive.is_empty() && self.asks_two(TwoPerson::Destructive))
            || (phase.point_of_no_return
                && !block.attributes.may_repeat()
                && self.asks_two(TwoPerson::PointOfNoReturn));
        let of_guide = block.attributes.approvals.max(step.approvals).unwrap_or(1);
        Some(of_guide.max(if of_config { 2 } else { 1 }))
    }

    /// A subject in words.
    pub fn subject_title(&self, subject: &Subject) -> String {
        match subject {
            Subject::Start { action, .. } => self.title_of(*action),
            Subject::Gate { phase } => {
                let title = self.runbook.phase(phase).map_or("", |phase| &phase.title);
                format!("GO at the gate of {title}")
            }
        }
    }
}

/// What a second person's word is bound to: of a command, target, text and values; of a gate, every
/// criterion with its verdict and every objection. `None` where it cannot happen any more.
pub fn subject_hash(state: &RunState, subject: &Subject) -> Option<String> {
    match subject {
        Subject::Start { action, from } => {
            let shown = preview_from(state, *action, *from).ok()?;
            Some(shown.hash)
        }
        Subject::Gate { phase } => {
            let phase = state.runbook.phase(phase)?;
            let mut hasher = Sha256::new();
            let mut take = |text: &str| {
                hasher.update(text.as_bytes());
                hasher.update([0]);
            };
            take(&phase.id);
            for item in state.gate_items(phase) {
                take(&item.text);
                take(&format!("{:?}", state.gate_verdict(phase, item)));
            }
            for objection in state.gate_objections(phase) {
                take(&objection);
            }
            Some(super::hex(&hasher.finalize()))
        }
    }
}

/// Why what waits for a second person is void, where it is.
pub(super) fn void(state: &RunState) -> Option<PairingFact> {
    let waiting = state.pairing.waiting.as_ref()?;
    let subject = &waiting.request.subject;
    let of_another_phase =
        matches!(subject, Subject::Gate { phase } if *phase != state.current_phase);
    let reason = if !matches!(state.mode, Mode::Running | Mode::Held | Mode::Done) {
        "the run took another path"
    } else if !state.moved.is_empty() {
        "a target is now another database"
    } else if waiting.by != state.driver {
        "somebody else drives now"
    } else if of_another_phase {
        "the run is in another phase"
    } else if subject_hash(state, subject).as_ref() != Some(&waiting.request.hash) {
        "it is no longer what was shown"
    } else {
        return None;
    };
    Some(PairingFact::ApprovalVoided {
        what: state.subject_title(subject),
        reason: reason.to_owned(),
    })
}

/// Folds a fact into the state.
pub(super) fn apply(state: &mut RunState, at: Timestamp, by: &str, fact: &PairingFact) {
    let pairing = &mut state.pairing;
    match fact {
        PairingFact::ControlOffered { to } => pairing.offer = Some(Offer { to: to.clone(), at }),
        PairingFact::ControlWithdrawn {} | PairingFact::ControlDeclined {} => pairing.offer = None,
        PairingFact::ControlAccepted { .. }
        | PairingFact::ControlReturned { .. }
        | PairingFact::ControlDemanded { .. } => {}
        PairingFact::RollbackDemanded { .. } => pairing.goes_back = Some(by.to_owned()),
        PairingFact::DriverLeft { since } => pairing.driver_left = Some(*since),
        PairingFact::DriverReturned {} => pairing.driver_left = None,
        PairingFact::HandRaised { about } => {
            let about = about.clone();
            pairing
                .hands
                .insert(by.to_owned(), Hand { since: at, about });
        }
        PairingFact::HandLowered { whom, .. } => {
            pairing.hands.remove(whom);
        }
        PairingFact::GuestAllowed { whom } => {
            pairing.allowed.insert(whom.clone());
        }
        PairingFact::GuestDisallowed { whom } => {
            pairing.allowed.remove(whom);
        }
        PairingFact::GuestJoined { name, uid } => {
            pairing.guests.insert(name.clone(), *uid);
        }
        PairingFact::ApprovalAsked { request, .. } => {
            pairing.waiting = Some(Waiting {
                request: (**request).clone(),
                by: by.to_owned(),
                at,
                approved_by: Vec::new(),
            });
        }
        PairingFact::Approved { .. } => {
            if let Some(waiting) = &mut pairing.waiting {
                waiting.approved_by.push(by.to_owned());
            }
        }
        PairingFact::ApprovalRefused { .. } | PairingFact::ApprovalVoided { .. } => {
            pairing.waiting = None;
        }
    }
    pairing.log.push(Logged {
        at,
        by: by.to_owned(),
        fact: fact.clone(),
    });
}

/// Another drives: what concerned the one before is settled.
pub(super) fn driver_changed(state: &mut RunState) {
    state.pairing.offer = None;
    state.pairing.driver_left = None;
    state.pairing.goes_back = None;
    let driver = state.driver.clone();
    state.pairing.hands.remove(&driver);
}

/// What was approved happens now: who asked for it did it, whoever's word came last.
pub(super) fn happens(state: &mut RunState, subject: &Subject) -> Option<String> {
    let waiting = state.pairing.waiting.take()?;
    if waiting.request.subject == *subject && !waiting.approved_by.is_empty() {
        return Some(waiting.by);
    }
    // Something else happens; the request still stands.
    state.pairing.waiting = Some(waiting);
    None
}
