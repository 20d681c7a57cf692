//! What people do and what happens between them, as it stands in the journal.

use super::ApprovalRequest;
use crate::run::Timestamp;
use serde::{Deserialize, Serialize};

/// What a person asks that concerns the others, and what the supervisor sees of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum PairingAct {
    /// Offers the controls to one person, or to whoever takes them.
    Offer {
        to: Option<String>,
    },
    /// Takes the offer back.
    Withdraw {},
    /// Does not want the controls that were offered.
    Decline {},
    /// Takes the controls of a driver who is gone; with `to_go_back`, of one who may be there, to
    /// start the rollback from a prompt.
    Demand {
        reason: String,
        #[serde(default)]
        to_go_back: bool,
    },
    RaiseHand {
        #[serde(default)]
        about: Option<String>,
    },
    /// One's own hand, or for the driver anybody's.
    LowerHand {
        #[serde(default)]
        whom: Option<String>,
    },
    /// Lets another login in: a user, or `@group`.
    Allow {
        whom: String,
    },
    Disallow {
        whom: String,
    },
    /// The second person's word on what is asked; `hash` and `included` are those of what they saw.
    /// `assumed`: said by a rehearsal for want of a person, outside protected environments.
    Approve {
        hash: String,
        #[serde(default)]
        included: Option<String>,
        #[serde(default)]
        assumed: bool,
    },
    /// Says no to what is asked; the driver takes their own request back with it too.
    Object {
        reason: String,
    },
}

/// What has happened between the people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum PairingFact {
    ControlOffered {
        to: Option<String>,
    },
    ControlWithdrawn {},
    ControlDeclined {},
    ControlAccepted {
        from: String,
    },
    /// The same person goes on at another terminal.
    ControlReturned {
        from: String,
    },
    ControlDemanded {
        from: String,
        reason: String,
        /// Seconds since the driver was seen last; `None`: they were there.
        gone_s: Option<u64>,
        to_go_back: bool,
    },
    /// They may begin the rollback of a run that somebody else drives, and nothing but that.
    RollbackDemanded {
        from: String,
        reason: String,
    },
    DriverLeft {
        since: Timestamp,
    },
    DriverReturned {},
    HandRaised {
        about: Option<String>,
    },
    HandLowered {
        whom: String,
        /// They have gone.
        #[serde(default)]
        left: bool,
    },
    GuestAllowed {
        whom: String,
    },
    GuestDisallowed {
        whom: String,
    },
    GuestJoined {
        name: String,
        uid: u32,
    },
    ApprovalAsked {
        /// In words.
        what: String,
        request: Box<ApprovalRequest>,
    },
    Approved {
        /// What was approved, in words.
        what: String,
        assumed: bool,
    },
    ApprovalRefused {
        what: String,
        reason: String,
    },
    /// What was asked is no longer what was shown.
    ApprovalVoided {
        what: String,
        reason: String,
    },
}

impl PairingFact {
    /// A word or two (at most ten letters), and the rest; who did it stands beside them.
    pub fn words(&self) -> (&'static str, String) {
        match self {
            Self::ControlOffered { to: Some(to) } => ("offers", format!("the controls to {to}")),
            Self::ControlOffered { to: None } => ("offers", "the controls to anybody".to_owned()),
            Self::ControlWithdrawn {} => ("withdraws", "the offer of the controls".to_owned()),
            Self::ControlDeclined {} => ("declines", "the controls".to_owned()),
            Self::ControlAccepted { from } => ("drives", format!("offered by {from}")),
            Self::ControlReturned { from } => ("drives", format!("here now, before as {from}")),
            Self::ControlDemanded {
                from,
                reason,
                gone_s,
                to_go_back,
            } => {
                let gone = match gone_s {
                    Some(seconds) => format!(", gone for {} min {} s", seconds / 60, seconds % 60),
                    None => String::new(),
                };
                let why = if *to_go_back { " to roll back" } else { "" };
                (
                    "TOOK OVER",
                    format!("the controls of {from}{gone}{why}: {reason}"),
                )
            }
            Self::RollbackDemanded { from, reason } => (
                "demands",
                format!("the controls of {from} to roll back: {reason}"),
            ),
            Self::DriverLeft { since } => (
                "gone",
                format!("the driver, since {}", since.format("%H:%M:%S UTC")),
            ),
            Self::DriverReturned {} => ("back", "the driver".to_owned()),
            Self::HandRaised { about } => ("hand up", about.clone().unwrap_or_default()),
            Self::HandLowered { whom, left: false } => ("hand down", whom.clone()),
            Self::HandLowered { whom, left: true } => {
                ("hand down", format!("{whom}, who has left"))
            }
            Self::GuestAllowed { whom } => ("lets in", whom.clone()),
            Self::GuestDisallowed { whom } => ("shuts out", whom.clone()),
            Self::GuestJoined { name, uid } => ("joined", format!("{name}, user number {uid}")),
            Self::ApprovalAsked { what, request } => {
                let more = match request.needed {
                    1 => "a second person".to_owned(),
                    more => format!("{more} more people"),
                };
                ("asks", format!("{more} to approve `{what}`"))
            }
            Self::Approved { what, assumed } => match assumed {
                true => ("assumed", format!("a second person's approval of `{what}`")),
                false => ("approves", format!("`{what}`")),
            },
            Self::ApprovalRefused { what, reason } => ("says no", format!("to `{what}`: {reason}")),
            Self::ApprovalVoided { what, reason } => ("void", format!("`{what}`: {reason}")),
        }
    }
}
