//! What clients ask over the socket. No request carries a name: who asks is who joined.

use serde::{Deserialize, Serialize};

use crate::run::{ActionId, OutputLine, Refusal, Typed};
use crate::supervisor::SharedView;

/// Tells a request from all others of its connection: when it comes again, what was done is answered
/// again and nothing is done a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RequestId(String);

impl RequestId {
    const LONGEST: usize = 64;

    /// # Errors
    /// The system gives no random numbers.
    pub fn random() -> std::io::Result<Self> {
        super::random_text().map(Self)
    }
}

impl TryFrom<String> for RequestId {
    type Error = String;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        match (1..=Self::LONGEST).contains(&id.len()) && id.bytes().all(is_plain) {
            true => Ok(Self(id)),
            false => Err(format!(
                "an id has 1 to {} letters, digits, `-` and `_`",
                Self::LONGEST
            )),
        }
    }
}

/// `POST /command`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRequest {
    pub id: RequestId,
    pub command: crate::run::Command,
}

/// `POST /input`: bytes for the keyboard of a running action. The answer is that of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputRequest {
    pub id: RequestId,
    pub action: ActionId,
    pub attempt: u32,
    pub typed: Typed,
}

/// `POST /view`: what a cockpit shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewRequest {
    pub view: SharedView,
}

/// The answer to a command: the sequence number of its last event, or why not. Whatever is not carried
/// out is answered with `refused`, on every route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandAnswer {
    Accepted { seq: u64 },
    Refused(Refusal),
}

/// `GET /output?action=A&attempt=N&from=LINE&count=N`: a page of a spool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputPage {
    /// Lines in the spool so far.
    pub lines: u64,
    pub page: Vec<OutputLine>,
}
