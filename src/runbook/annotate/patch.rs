//! Changes of single lines, so that everything between them stays byte for byte what it was; and the
//! same as a unified diff for the person who confirms it.

use std::collections::BTreeMap;

/// Lines of a file, by number from 1, and what stands in their place. The new lines carry their line ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    lines: BTreeMap<usize, Vec<Vec<u8>>>,
}

impl Patch {
    /// `line` becomes `lines`.
    pub fn replace(&mut self, line: usize, lines: Vec<Vec<u8>>) {
        self.lines.insert(line, lines);
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The file with its changes. Lines of every system count.
    pub fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut result = Vec::with_capacity(bytes.len() + 64 * self.lines.len());
        for (index, line) in lines(bytes).into_iter().enumerate() {
            match self.lines.get(&(index + 1)) {
                Some(replacement) => replacement
                    .iter()
                    .for_each(|line| result.extend_from_slice(line)),
                None => result.extend_from_slice(line),
            }
        }
        result
    }
}

/// Lines with their ends, as the reader of guides counts them: `\r\n`, `\n` or `\r`.
pub(super) fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        let width = match bytes[at] {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
            b'\r' | b'\n' => 1,
            _ => {
                at += 1;
                continue;
            }
        };
        at += width;
        found.push(&bytes[start..at]);
        start = at;
    }
    if start < bytes.len() {
        found.push(&bytes[start..]);
    }
    found
}

/// How many lines of context a diff has.
const CONTEXT: usize = 3;

/// The difference of two files in the unified form; empty where there is none. Meant for files of which
/// few lines differ: between two lines that stay, all old ones are shown before all new ones.
pub fn unified_diff(file: &str, old: &[u8], new: &[u8]) -> Vec<u8> {
    if old == new {
        return Vec::new();
    }
    let (before, after) = (lines(old), lines(new));
    let mut out = format!("--- {file}\n+++ {file}\n").into_bytes();
    let changes = changes(&before, &after);
    let mut index = 0;
    while index < changes.len() {
        let first = index;
        while index + 1 < changes.len()
            && changes[index + 1].old.0 - changes[index].old.1 <= 2 * CONTEXT
        {
            index += 1;
        }
        hunk(&mut out, &before, &after, &changes[first..=index]);
        index += 1;
    }
    out
}

/// Ranges of lines, from 0 and without their ends, that differ.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    old: (usize, usize),
    new: (usize, usize),
}

/// Walks both files at once; where they differ, finds the nearest place at which they agree again.
fn changes(before: &[&[u8]], after: &[&[u8]]) -> Vec<Change> {
    let mut found = Vec::new();
    let (mut old, mut new) = (0, 0);
    while old < before.len() || new < after.len() {
        if before.get(old) == after.get(new) {
            old += 1;
            new += 1;
            continue;
        }
        let (left, right) = (before.len() - old, after.len() - new);
        // Two lines in a row must agree, or one that ends the file: a closing fence agrees with any.
        let agrees = |skipped: usize, added: usize| {
            let (from, to) = (old + skipped, new + added);
            before.get(from) == after.get(to) && before.get(from + 1) == after.get(to + 1)
        };
        let (skipped, added) = (1..=left + right)
            .flat_map(|sum| (0..=sum).map(move |skipped| (skipped, sum - skipped)))
            .filter(|(skipped, added)| *skipped <= left && *added <= right)
            .find(|(skipped, added)| agrees(*skipped, *added))
            .unwrap_or((left, right));
        found.push(Change {
            old: (old, old + skipped),
            new: (new, new + added),
        });
        old += skipped;
        new += added;
    }
    found
}

fn hunk(out: &mut Vec<u8>, before: &[&[u8]], after: &[&[u8]], changes: &[Change]) {
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else {
        return;
    };
    let lead = first.old.0.min(CONTEXT);
    let trail = (before.len() - last.old.1).min(CONTEXT);
    let (old_from, new_from) = (first.old.0 - lead, first.new.0 - lead);
    let (old_count, new_count) = (last.old.1 + trail - old_from, last.new.1 + trail - new_from);
    // An empty side begins at the line before.
    let start = |from: usize, count: usize| if count == 0 { from } else { from + 1 };
    out.extend_from_slice(
        format!(
            "@@ -{},{old_count} +{},{new_count} @@\n",
            start(old_from, old_count),
            start(new_from, new_count)
        )
        .as_bytes(),
    );
    let mut write = |mark: u8, line: &[u8]| {
        out.push(mark);
        out.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            out.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    };
    let mut at = old_from;
    for change in changes {
        for line in &before[at..change.old.0] {
            write(b' ', line);
        }
        for line in &before[change.old.0..change.old.1] {
            write(b'-', line);
        }
        for line in &after[change.new.0..change.new.1] {
            write(b'+', line);
        }
        at = change.old.1;
    }
    for line in &before[at..at + trail] {
        write(b' ', line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_named_change() {
        let mut patch = Patch::default();
        patch.replace(2, vec![b"x\r\n".to_vec(), b"y\r\n".to_vec()]);
        assert_eq!(patch.apply(b"a\r\nb\r\nc"), b"a\r\nx\r\ny\r\nc");
        assert_eq!(Patch::default().apply(b"\xff\r\r\n\0"), b"\xff\r\r\n\0");
    }

    #[test]
    fn a_diff_has_context_and_counts() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n";
        let new = old.replace("5\n", "5a\n5b\n").replace("13\n", "13");
        let diff = String::from_utf8(unified_diff("g.md", old.as_bytes(), new.as_bytes())).unwrap();
        assert_eq!(
            diff,
            "--- g.md\n+++ g.md\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+5a\n+5b\n 6\n 7\n 8\n@@ -10,4 +11,4 @@\n 10\n 11\n 12\n-13\n+13\n\\ No newline at end of file\n"
        );
        assert!(unified_diff("g.md", b"a", b"a").is_empty());
        let added = unified_diff("g", b"", b"a\n");
        assert_eq!(added, b"--- g\n+++ g\n@@ -0,0 +1,1 @@\n+a\n");
    }
}
