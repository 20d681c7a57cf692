//! What can take a block back: rollbacks, their steps, blocks with a name, other steps and phases.

use crate::runbook::{Runbook, closest};

/// One thing that an `undo` can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub id: String,
    /// What it is, for a person.
    pub about: String,
}

/// All targets of a block, the likely ones first.
pub(super) fn targets(runbook: &Runbook, block: usize) -> Vec<Target> {
    let mut found: Vec<Target> = Vec::new();
    let mut add = |id: &str, about: String| {
        // Names that are given by number move when the guide grows.
        let fixed = !id.is_empty() && !id.starts_with("block-");
        if fixed && !found.iter().any(|target| target.id == id) {
            found.push(Target {
                id: id.to_owned(),
                about,
            });
        }
    };
    for option in &runbook.rollback {
        add(&option.id, format!("rollback: {}", option.title));
        for step in &option.steps {
            add(&step.id, format!("step of it: {}", step.title));
        }
    }
    for other in runbook.blocks.iter().filter(|other| other.n != block) {
        let first = other.code.lines().next().unwrap_or_default().trim();
        add(&other.id, format!("block of line {}: {first}", other.line));
    }
    for phase in runbook.walk() {
        for step in &phase.steps {
            if !step.blocks.contains(&block) {
                add(&step.id, format!("step: {}", step.title));
            }
        }
    }
    found
}

/// Those that hold what was typed.
pub(super) fn matching<'a>(targets: &'a [Target], typed: &str) -> Vec<&'a Target> {
    let typed = typed.trim().to_lowercase();
    targets
        .iter()
        .filter(|target| {
            target.id.to_lowercase().contains(&typed)
                || target.about.to_lowercase().contains(&typed)
        })
        .collect()
}

/// What to say about a name that nothing has.
pub(super) fn unknown(targets: &[Target], typed: &str) -> String {
    let ids: Vec<&str> = targets.iter().map(|target| target.id.as_str()).collect();
    match closest(typed, &ids) {
        Some(id) => format!("nothing is named `{typed}`; did you mean `{id}`?"),
        None => format!(
            "nothing is named `{typed}`; give the step that undoes it an id first: `{{#restore}}`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::parse;

    #[test]
    fn rollbacks_come_first_and_slips_are_told() {
        let guide = "# T\n\n## Phase 1: A\n\n```bash {#go}\nls\n```\n\n```bash\nls\n```\n\n## Rollback\n\n### Restore the dump {#restore}\n\n```bash\nls\n```\n";
        let targets = targets(&parse("g.md", guide.as_bytes()), 2);
        assert_eq!(targets[0].id, "restore");
        let ids: Vec<&str> = targets.iter().map(|target| target.id.as_str()).collect();
        assert!(ids.contains(&"go") && !ids.contains(&"block-2"), "{ids:?}");
        assert!(!ids.contains(&"phase-1-1"), "not its own step: {ids:?}");
        assert_eq!(matching(&targets, "dump")[0].id, "restore");
        assert!(unknown(&targets, "restor").contains("did you mean `restore`?"));
    }
}
