//! Labels: the words before a list or a fence that say what it is (`**Success Criteria**:`,
//! `Expected output:`, `Red flags:`). A ✅ means something only under one of them.

use super::pattern::pattern;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Success,
    Expected,
    RedFlag,
    /// What must be so before the step: boxes to tick.
    Prerequisite,
    /// Something a person does: `**Action:** …`.
    Action,
    /// A heading of something else: notes, files, risks.
    Other,
}

const COLONS: [char; 2] = [':', '：'];

/// The first colon that stands in no code and no quotes.
fn colon_in(line: &str) -> Option<usize> {
    let mut in_code = false;
    line.char_indices().find_map(|(at, letter)| {
        in_code ^= matches!(letter, '`' | '"');
        (!in_code && COLONS.contains(&letter)).then_some(at)
    })
}

fn is_told(rest: &str) -> bool {
    rest.contains(char::is_alphanumeric)
}

/// The label a paragraph or a heading is, and the text that follows it on the same line.
pub(super) fn label_of(text: &str) -> Option<(Label, &str)> {
    let line = text.lines().next().unwrap_or_default().trim();
    let start = line
        .find(|character: char| character.is_alphanumeric())
        .unwrap_or(line.len());
    let line = &line[start..];
    // The label is what is bold, or what stands before the first colon.
    let bold = text.trim_start().starts_with("**");
    let (head, rest) = match (line.find("**"), colon_in(line)) {
        (Some(close), Some(colon)) if bold && colon > close => {
            let after = line[close + 2..].trim_start();
            (&line[..close], after.strip_prefix(COLONS).unwrap_or(after))
        }
        // `**Expected: 0 rows.** More words`
        (Some(close), Some(colon)) if bold && is_told(&line[colon..close]) => {
            (&line[..colon], line[colon..].trim_start_matches(COLONS))
        }
        (Some(close), _) if bold => (&line[..close], &line[close + 2..]),
        (_, Some(colon)) => (&line[..colon], line[colon..].trim_start_matches(COLONS)),
        _ => (line, ""),
    };
    let head = head.trim().trim_end_matches([':', '：', '*']).trim();
    if head.is_empty() || head.chars().count() > 70 {
        return None;
    }
    let rest = rest.trim().trim_start_matches(['*', ':', '：']).trim();
    let lower = head.to_lowercase();
    let label = if pattern!(r"red flag|warning sign|abort (if|when|criteria)|stop (if|when)|no-go|failure (criteria|indicators|signs)|roll ?back (if|when|triggers?|criteria)|must not|should not (see|be)|critical issues").is_match(&lower)
        && !lower.starts_with("if ")
    {
        Label::RedFlag
    } else if pattern!(r"success|acceptance|pass criteria|exit criteria|go criteria|go/no-go|checkpoint|complete (if|when)|definition of done|erfolgskriter|critères de").is_match(&lower) {
        Label::Success
    } else if pattern!(r"^expect|^should (see|return|show|be)|look for|^you should|^verify that|^confirm that|^result should|^(sample|example) (output|response)|^output\b|monitor .* for$|erwartet|résultat attendu").is_match(&lower)
        || super::expectation::is_label(&lower)
    {
        Label::Expected
    } else if pattern!(r"^prerequisites?|^requirements?|^before (you|start|proceed)|^preconditions?|^requires").is_match(&lower) {
        Label::Prerequisite
    } else if pattern!(r"^actions?( required| items)?$|^manual( steps?)?$|^tasks?$|^steps?$|^to ?do$|^do$|^procedure$|^(migration|deployment) steps$|^instructions?$|^checks?$|^checklist$").is_match(&lower) {
        Label::Action
    } else {
        Label::Other
    };
    Some((label, rest))
}

/// Whether a paragraph only introduces what follows it.
pub(super) fn is_introduction(text: &str) -> bool {
    let text = text.trim();
    text.ends_with(COLONS)
        || text.ends_with(":**")
        || text.ends_with("：**")
        || (text.starts_with("**") && text.ends_with("**"))
}

/// The text after a mark of success or failure.
pub(super) fn marked(text: &str) -> Option<(bool, &str)> {
    let text = text.trim_start();
    for (mark, good) in [
        ("✅", true),
        ("✔️", true),
        ("✔", true),
        ("✓", true),
        ("❌", false),
        ("✗", false),
        ("✘", false),
        ("🚩", false),
        ("⛔", false),
    ] {
        if let Some(rest) = text.strip_prefix(mark) {
            return Some((good, rest.trim_start_matches('\u{fe0f}').trim()));
        }
    }
    None
}

/// What stands behind a box: `☐ Reviewed`, `[ ] Reviewed`, `- [x] Reviewed`.
pub(super) fn boxed(line: &str) -> Option<&str> {
    let line = line.trim().trim_start_matches(['-', '*', '•']).trim_start();
    ["☐", "☑", "☒", "□", "▢", "[ ]", "[x]", "[X]"]
        .iter()
        .find_map(|mark| line.strip_prefix(mark))
        .map(str::trim)
}

/// Whether each line is a box or blank: a list to tick, whatever the fence around it says.
pub(super) fn is_checklist(code: &str) -> bool {
    let mut lines = code
        .lines()
        .filter(|line| !line.trim().is_empty())
        .peekable();
    lines.peek().is_some() && lines.all(|line| boxed(line).is_some_and(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_what_follows_them() {
        let label = |text| label_of(text);
        assert_eq!(
            label("**Success Criteria**: ✅ Backup made"),
            Some((Label::Success, "✅ Backup made"))
        );
        assert_eq!(
            label("**Expected**: `n = 0` (none)"),
            Some((Label::Expected, "`n = 0` (none)"))
        );
        assert_eq!(label("**Red Flags:**"), Some((Label::RedFlag, "")));
        assert_eq!(
            label("**Monitor CI/CD logs for:**"),
            Some((Label::Expected, ""))
        );
        assert_eq!(
            label("**Action:** Visit the page:"),
            Some((Label::Action, "Visit the page:"))
        );
        assert_eq!(label("**Note**: careful"), Some((Label::Other, "careful")));
        assert_eq!(
            label("You should see `{\"status\": \"up\"}`"),
            Some((Label::Expected, ""))
        );
        assert_eq!(label("预期结果：3"), Some((Label::Expected, "3")));
    }

    #[test]
    fn a_list_of_boxes_is_a_checklist() {
        assert!(is_checklist("☐ Reviewed\n\n[ ] Tests pass (12/12)\n"));
        assert!(!is_checklist("☐ Reviewed\nmake test\n"));
        assert!(!is_checklist("[ -f a ] && b\n"));
        assert!(!is_checklist(""));
    }

    #[test]
    fn marks() {
        assert_eq!(marked("✅ fine"), Some((true, "fine")));
        assert_eq!(marked("❌ 500 errors"), Some((false, "500 errors")));
        assert_eq!(marked("fine ✅"), None);
    }
}
