//! What an action printed, as much of it as the cockpit holds: the live end, and the pages that
//! were read back from the spool while scrolling. The whole of it stays in the spool.

use std::collections::BTreeMap;

use crate::run::{OutputLine, OutputTail};

/// Lines in a page.
pub const PAGE: u64 = 500;
/// Pages that are kept.
const PAGES: usize = 16;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputBuffer {
    pub attempt: u32,
    /// Lines and bytes in the spool so far.
    pub lines: u64,
    pub bytes: u64,
    tail: Vec<OutputLine>,
    /// By the number of their first line, a multiple of [`PAGE`].
    pages: BTreeMap<u64, Vec<OutputLine>>,
}

impl OutputBuffer {
    /// Takes in the newest end.
    pub fn follow(&mut self, tail: OutputTail) {
        if tail.attempt != self.attempt {
            self.pages.clear();
        }
        self.attempt = tail.attempt;
        self.lines = tail.lines;
        self.bytes = tail.bytes;
        self.tail = tail.tail;
    }

    /// Takes in a page that was asked for.
    pub fn keep(&mut self, from: u64, lines: u64, page: Vec<OutputLine>) {
        self.lines = self.lines.max(lines);
        if self.pages.len() >= PAGES {
            // The page farthest from the one just read is the least likely to be looked at next.
            let farthest = self
                .pages
                .keys()
                .copied()
                .max_by_key(|start| start.abs_diff(from));
            if let Some(farthest) = farthest {
                self.pages.remove(&farthest);
            }
        }
        self.pages.insert(from, page);
    }

    /// The newest line.
    pub fn last(&self) -> Option<&OutputLine> {
        self.tail.last()
    }

    pub fn line(&self, number: u64) -> Option<&OutputLine> {
        let in_tail = self
            .tail
            .first()
            .and_then(|first| number.checked_sub(first.number))
            .and_then(|index| self.tail.get(usize::try_from(index).ok()?));
        in_tail.or_else(|| {
            let start = number / PAGE * PAGE;
            let index = usize::try_from(number - start).ok()?;
            self.pages.get(&start)?.get(index)
        })
    }

    /// The first page that is needed to show these lines and is not here.
    pub fn missing(&self, from: u64, count: u64) -> Option<u64> {
        (from..from.saturating_add(count).min(self.lines))
            .find(|number| self.line(*number).is_none())
            .map(|number| number / PAGE * PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{ActionId, OutputStream};

    fn lines(from: u64, to: u64) -> Vec<OutputLine> {
        (from..to)
            .map(|number| OutputLine {
                number,
                stream: OutputStream::Out,
                at_ms: number,
                text: format!("line {number}"),
            })
            .collect()
    }

    fn tail(attempt: u32, from: u64, to: u64) -> OutputTail {
        OutputTail {
            action: ActionId::block(1),
            attempt,
            lines: to,
            bytes: to * 10,
            tail: lines(from, to),
        }
    }

    #[test]
    fn lines_before_the_end_are_asked_for_by_page() {
        let mut buffer = OutputBuffer::default();
        buffer.follow(tail(1, 9_800, 10_000));
        assert_eq!(buffer.missing(9_900, 50), None);
        assert_eq!(buffer.missing(9_790, 50), Some(9_500));
        buffer.keep(9_500, 10_000, lines(9_500, 10_000));
        assert_eq!(buffer.missing(9_790, 50), None);
        assert_eq!(buffer.line(9_600).map(|line| line.number), Some(9_600));
    }

    #[test]
    fn memory_is_bounded_and_another_attempt_starts_empty() {
        let mut buffer = OutputBuffer::default();
        buffer.follow(tail(1, 99_800, 100_000));
        for start in (0..50_000).step_by(500) {
            buffer.keep(start, 100_000, lines(start, start + PAGE));
        }
        assert_eq!(buffer.pages.len(), PAGES);
        buffer.follow(tail(2, 0, 3));
        assert!(buffer.pages.is_empty());
        assert_eq!(buffer.lines, 3);
    }
}
