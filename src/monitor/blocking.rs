//! Who blocks whom: sessions in the order in which they are shown, the blocked ones under their
//! blocker. Reckoned once a sample, so that a frame touches only the rows that can be seen.

use std::collections::{HashMap, HashSet};

use super::Session;

/// Deepest chain that is drawn; what lies deeper stands at this depth.
const DEEPEST: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockingTree {
    pub rows: Vec<BlockingRow>,
    /// Sessions that wait for one of ours, with theirs behind them.
    pub blocked_by_ours: usize,
}

/// One session of the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockingRow {
    /// In [`super::ActivitySample::sessions`].
    pub index: usize,
    /// 0 for a session that waits for nobody we see.
    pub depth: usize,
    /// How many sessions wait behind it.
    pub blocks: usize,
}

impl BlockingTree {
    pub fn of(sessions: &[Session]) -> Self {
        let by_pid: HashMap<i32, usize> = sessions
            .iter()
            .enumerate()
            .map(|(index, session)| (session.pid, index))
            .collect();
        let mut waiting: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, session) in sessions.iter().enumerate() {
            // The first blocker is the one it stands under; the others are named in its row.
            let blocker = session.blocked_by.iter().find_map(|pid| by_pid.get(pid));
            if let Some(blocker) = blocker.filter(|blocker| **blocker != index) {
                waiting.entry(*blocker).or_default().push(index);
            }
        }
        let under: HashSet<usize> = waiting.values().flatten().copied().collect();
        let mut workers: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, session) in sessions.iter().enumerate() {
            if let Some(leader) = session.leader.and_then(|pid| by_pid.get(&pid))
                && *leader != index
            {
                workers.entry(*leader).or_default().push(index);
            }
        }
        let mut seen: HashSet<usize> = workers.values().flatten().copied().collect();
        let mut roots: Vec<usize> = (0..sessions.len())
            .filter(|index| !under.contains(index))
            .collect();
        // Blockers first, the sampler's order among them.
        roots.sort_by_key(|index| !waiting.contains_key(index));
        let mut tree = Self::default();
        for root in roots {
            tree.push(root, 0, &waiting, &mut seen);
        }
        // A deadlock has no root: its sessions are shown all the same.
        for index in 0..sessions.len() {
            tree.push(index, 0, &waiting, &mut seen);
        }
        tree.blocked_by_ours = tree
            .rows
            .iter()
            .filter(|row| sessions[row.index].ours)
            .map(|row| row.blocks)
            .sum();
        tree.add_workers(&workers);
        tree
    }

    /// Parallel workers stand under their leader, and wait for nobody by themselves.
    fn add_workers(&mut self, workers: &HashMap<usize, Vec<usize>>) {
        if workers.is_empty() {
            return;
        }
        let own = std::mem::take(&mut self.rows);
        for row in own {
            self.rows.push(row);
            for worker in workers.get(&row.index).into_iter().flatten() {
                self.rows.push(BlockingRow {
                    index: *worker,
                    depth: (row.depth + 1).min(DEEPEST),
                    blocks: 0,
                });
            }
        }
    }

    fn push(
        &mut self,
        index: usize,
        depth: usize,
        waiting: &HashMap<usize, Vec<usize>>,
        seen: &mut HashSet<usize>,
    ) {
        // An explicit stack: a chain of a thousand waiters must not be a thousand calls.
        let mut stack = vec![(index, depth)];
        let mut open: Vec<(usize, usize)> = Vec::new();
        while let Some((index, depth)) = stack.pop() {
            if !seen.insert(index) {
                continue;
            }
            while let Some((row, level)) = open.last().copied() {
                if level < depth {
                    break;
                }
                self.close(row);
                open.pop();
            }
            open.push((self.rows.len(), depth));
            self.rows.push(BlockingRow {
                index,
                depth: depth.min(DEEPEST),
                blocks: 0,
            });
            if let Some(behind) = waiting.get(&index) {
                stack.extend(behind.iter().rev().map(|behind| (*behind, depth + 1)));
            }
        }
        while let Some((row, _)) = open.pop() {
            self.close(row);
        }
    }

    fn close(&mut self, row: usize) {
        self.rows[row].blocks = self.rows.len() - row - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(pid: i32, blocked_by: &[i32], ours: bool) -> Session {
        Session {
            pid,
            blocked_by: blocked_by.to_vec(),
            ours,
            ..Session::default()
        }
    }

    fn shape(sessions: &[Session]) -> Vec<(i32, usize, usize)> {
        BlockingTree::of(sessions)
            .rows
            .iter()
            .map(|row| (sessions[row.index].pid, row.depth, row.blocks))
            .collect()
    }

    #[test]
    fn the_blocked_stand_under_their_blocker() {
        let sessions = [
            session(1, &[], false),
            session(2, &[3], false),
            session(3, &[], true),
            session(4, &[2, 3], false),
        ];
        assert_eq!(
            shape(&sessions),
            [(3, 0, 2), (2, 1, 1), (4, 2, 0), (1, 0, 0)]
        );
        assert_eq!(BlockingTree::of(&sessions).blocked_by_ours, 2);
    }

    #[test]
    fn a_deadlock_and_an_unseen_blocker_are_shown_too() {
        let sessions = [
            session(1, &[2], false),
            session(2, &[1], false),
            session(3, &[99], false),
        ];
        assert_eq!(shape(&sessions).len(), 3);
    }

    #[test]
    fn parallel_workers_stand_under_their_leader_and_block_nobody() {
        let worker = |pid, leader| Session {
            leader: Some(leader),
            ..session(pid, &[], false)
        };
        let sessions = [
            worker(11, 1),
            session(1, &[], true),
            session(2, &[1], false),
            worker(12, 1),
            worker(13, 99),
        ];
        assert_eq!(
            shape(&sessions),
            [(1, 0, 1), (11, 1, 0), (12, 1, 0), (2, 1, 0), (13, 0, 0)]
        );
    }

    #[test]
    fn a_long_chain_is_no_deep_recursion() {
        let sessions: Vec<_> = (1..=5_000)
            .map(|pid| session(pid, &[pid - 1], false))
            .collect();
        let tree = BlockingTree::of(&sessions);
        assert_eq!(tree.rows[0].blocks, 4_999);
    }
}
