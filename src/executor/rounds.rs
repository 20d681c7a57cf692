//! The remark that closes a round of a repeated check, as the shim writes it and the supervisor reads
//! it. A command cannot forge one: only the shim writes remarks.

use std::fmt;

/// `round 3: exit 0 after 214 ms`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoundEnd {
    /// Counted from 1.
    pub(super) number: u64,
    pub(super) exit: i32,
    pub(super) elapsed_ms: u64,
}

impl fmt::Display for RoundEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number,
            exit,
            elapsed_ms,
        } = self;
        write!(
            formatter,
            "round {number}: exit {exit} after {elapsed_ms} ms"
        )
    }
}

impl RoundEnd {
    pub(super) fn parse(note: &str) -> Option<Self> {
        let (number, rest) = note.strip_prefix("round ")?.split_once(": exit ")?;
        let (exit, rest) = rest.split_once(" after ")?;
        Some(Self {
            number: number.parse().ok()?,
            exit: exit.parse().ok()?,
            elapsed_ms: rest.strip_suffix(" ms")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let end = RoundEnd {
            number: 3,
            exit: -1,
            elapsed_ms: 214,
        };
        assert_eq!(RoundEnd::parse(&end.to_string()), Some(end));
        assert_eq!(RoundEnd::parse("cancelled"), None);
    }
}
