//! The reasons for which a sequence of headings is taken for the phases, as `check` names them.

use std::fmt::Write as _;

/// A reason, what it says, and how much it counts for at most.
pub(super) struct Reason {
    pub id: &'static str,
    pub says: &'static str,
    pub most: i64,
}

const fn reason(id: &'static str, says: &'static str, most: i64) -> Reason {
    Reason { id, says, most }
}

/// All of them, in the order in which they are told.
pub(super) const REASONS: [Reason; 10] = [
    reason("numbered-phases", "their titles are numbered as phases", 9),
    reason("numbered-steps", "their titles are numbered as steps", 8),
    reason("numbered", "their titles are numbered", 5),
    reason(
        "begins-anew",
        "the same numbering begins anew in each of them",
        4,
    ),
    reason(
        "procedure",
        "the title above them says that the change is made there",
        4,
    ),
    reason(
        "another-matter",
        "the title above them says nothing of the change, and that of a section beside it does",
        -5,
    ),
    reason(
        "top",
        "they are numbered, and nothing but the title of the guide stands above them",
        2,
    ),
    reason("several", "there are several of them", 2),
    reason(
        "active",
        "each of them, or a part of them, holds something to do",
        4,
    ),
    reason(
        "covers",
        "they hold what the guide has to do, or a part of it",
        10,
    ),
];

/// The reasons as a part of a page of Markdown.
pub(in crate::runbook) fn page() -> String {
    let mut page = String::from("| reason | points | what it says |\n|---|---|---|\n");
    for one in &REASONS {
        writeln!(page, "| `{}` | {} | {} |", one.id, one.most, one.says).ok();
    }
    page
}
