//! Statement counters against a baseline, pure. The server's counters only ever grow, except when
//! they are reset or when an entry is pushed out by newer ones; both are noticed and said, and never
//! show as a negative number or as a jump.

use std::collections::HashMap;
use std::ops::{AddAssign, Sub};

/// Counters of one statement. `None` as its id stands for statements that the role may not see.
pub(super) type StatementId = Option<i64>;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counters {
    pub(super) calls: i64,
    pub(super) total_ms: f64,
    pub(super) rows: i64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.total_ms += other.total_ms;
        self.rows += other.rows;
    }
}

impl Sub for Counters {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            calls: self.calls - other.calls,
            total_ms: (self.total_ms - other.total_ms).max(0.0),
            rows: self.rows - other.rows,
        }
    }
}

/// What `pg_stat_statements_info` says, where the extension has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) evictions: i64,
    pub(super) reset_at_us: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// At the baseline; zero for a statement that came later.
    base: Counters,
    /// At the poll before the last.
    previous: Counters,
    current: Counters,
    poll: u64,
}

/// One statement since the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Delta {
    pub(super) id: StatementId,
    pub(super) counters: Counters,
    /// Calls since the poll before.
    pub(super) recent_calls: i64,
    /// What was counted of it before the baseline.
    pub(super) before: Counters,
}

/// The counters of a database at the last poll, at the one before, and at the baseline.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: HashMap<StatementId, Entry>,
    poll: u64,
    info: Option<Info>,
    base_info: Option<Info>,
    disturbed: bool,
}

impl Ledger {
    /// Begins a poll: rows follow by [`Ledger::add`], then [`Ledger::end`].
    pub(super) fn begin(&mut self) {
        self.poll += 1;
    }

    /// A row of the server. Several rows of one statement (users, say) add up.
    pub(super) fn add(&mut self, id: StatementId, counters: Counters) {
        let entry = self.entries.entry(id).or_default();
        if entry.poll != self.poll {
            entry.previous = entry.current;
            entry.current = Counters::default();
            entry.poll = self.poll;
        }
        entry.current += counters;
    }

    pub(super) fn end(&mut self, info: Option<Info>) {
        let known = self.entries.len();
        let poll = self.poll;
        self.entries.retain(|_, entry| entry.poll == poll);
        // Whatever is gone took its counts along.
        self.disturbed |= self.entries.len() < known;
        let reset = match (self.info, info) {
            (Some(before), Some(now)) => before.reset_at_us != now.reset_at_us,
            _ => false,
        };
        for entry in self.entries.values_mut() {
            if reset || entry.current.calls < entry.previous.calls {
                entry.base = Counters::default();
                entry.previous = Counters::default();
                self.disturbed = true;
            }
        }
        self.info = info;
    }

    /// From now on differences are against the last poll.
    pub(super) fn rebase(&mut self) {
        for entry in self.entries.values_mut() {
            entry.base = entry.current;
        }
        self.base_info = self.info;
        self.disturbed = false;
    }

    /// Counters were reset or entries pushed out since the baseline: the differences are too small.
    pub(super) fn disturbed(&self) -> bool {
        self.disturbed || self.base_info != self.info
    }

    pub(super) fn known(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn knows(&self, id: StatementId) -> bool {
        self.entries.contains_key(&id)
    }

    /// Statements called since the baseline.
    pub(super) fn deltas(&self) -> impl Iterator<Item = Delta> {
        self.entries.iter().filter_map(|(id, entry)| {
            let counters = entry.current - entry.base;
            (counters.calls > 0).then_some(Delta {
                id: *id,
                counters,
                recent_calls: entry.current.calls - entry.previous.calls,
                before: entry.base,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(calls: i64) -> Counters {
        Counters {
            calls,
            total_ms: calls as f64,
            rows: calls,
        }
    }

    fn poll(ledger: &mut Ledger, rows: &[(i64, i64)], info: Option<(i64, i64)>) {
        ledger.begin();
        for (id, calls) in rows {
            ledger.add(Some(*id), counters(*calls));
        }
        ledger.end(info.map(|(evictions, reset_at_us)| Info {
            evictions,
            reset_at_us,
        }));
    }

    fn calls(ledger: &Ledger) -> Vec<(i64, i64, i64)> {
        let mut calls: Vec<_> = ledger
            .deltas()
            .map(|delta| (delta.id.unwrap(), delta.counters.calls, delta.recent_calls))
            .collect();
        calls.sort_unstable();
        calls
    }

    #[test]
    fn differences_are_against_the_baseline_and_rates_against_the_last_poll() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, &[(1, 10), (2, 5)], None);
        ledger.rebase();
        assert_eq!(calls(&ledger), []);
        poll(&mut ledger, &[(1, 13), (2, 5)], None);
        poll(&mut ledger, &[(1, 14), (2, 5)], None);
        assert_eq!(calls(&ledger), [(1, 4, 1)]);
        assert!(!ledger.disturbed());
    }

    #[test]
    fn a_statement_that_came_after_the_baseline_counts_whole() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, &[(1, 10)], None);
        ledger.rebase();
        poll(&mut ledger, &[(1, 10), (2, 7)], None);
        assert_eq!(calls(&ledger), [(2, 7, 7)]);
    }

    #[test]
    fn rows_of_one_statement_add_up() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, &[(1, 10), (1, 1)], None);
        ledger.rebase();
        poll(&mut ledger, &[(1, 12), (1, 3)], None);
        assert_eq!(calls(&ledger), [(1, 4, 4)]);
    }

    #[test]
    fn a_reset_is_said_and_never_negative() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, &[(1, 500)], None);
        ledger.rebase();
        poll(&mut ledger, &[(1, 3)], None);
        assert_eq!(calls(&ledger), [(1, 3, 3)]);
        assert!(ledger.disturbed());
        ledger.rebase();
        assert!(!ledger.disturbed());
    }

    #[test]
    fn a_reset_is_noticed_even_where_the_count_has_overtaken() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, &[(1, 500)], Some((0, 1)));
        ledger.rebase();
        poll(&mut ledger, &[(1, 600)], Some((0, 2)));
        assert_eq!(calls(&ledger), [(1, 600, 600)]);
        assert!(ledger.disturbed());
    }

    #[test]
    fn evictions_are_said() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, &[(1, 500)], Some((0, 1)));
        ledger.rebase();
        poll(&mut ledger, &[(1, 501)], Some((4, 1)));
        assert_eq!(calls(&ledger), [(1, 1, 1)]);
        assert!(ledger.disturbed());

        let mut old = Ledger::default();
        poll(&mut old, &[(1, 500), (2, 1)], None);
        old.rebase();
        poll(&mut old, &[(1, 501)], None);
        assert!(old.disturbed());
        assert_eq!(old.known(), 1);
    }
}
