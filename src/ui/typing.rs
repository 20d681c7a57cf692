//! Typing told from pasting: a terminal that does not bracket a paste sends it as keys, and those
//! must not act.

use std::time::Duration;

use tokio::time::Instant;

/// Three keys that follow each other faster than this were not typed.
const TYPED: Duration = Duration::from_millis(5);

/// When keys came, to tell typing from a paste into a terminal that does not bracket it.
#[derive(Default)]
pub struct Typing {
    last: Option<Instant>,
    /// How many keys in a row came too fast after the one before.
    fast: usize,
}

impl Typing {
    /// Whether these presses, which were read at once, are a burst: several at a time, or the third
    /// in a row. A single fast pair may be a person whose keys the network held back.
    pub fn is_burst(&mut self, presses: usize, now: Instant) -> bool {
        let is_fast = self.last.is_some_and(|last| now - last < TYPED);
        self.fast = if is_fast {
            self.fast + presses
        } else {
            presses - 1
        };
        self.last = Some(now);
        presses > 1 || self.fast > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_several_keys_at_once_or_the_third_in_a_row() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut typing = Typing::default();
        assert!(!typing.is_burst(1, at(0)));
        assert!(!typing.is_burst(1, at(3)), "a pair");
        assert!(typing.is_burst(1, at(5)), "the third");
        assert!(!typing.is_burst(1, at(40)));
        assert!(typing.is_burst(2, at(90)), "two at once");
        assert!(typing.is_burst(1, at(92)), "and what follows them at once");
        assert!(!typing.is_burst(1, at(130)));
    }
}
