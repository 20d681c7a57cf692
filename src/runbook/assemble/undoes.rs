//! Which steps a rollback undoes, as far as the guide says: what its comment names, the phase it
//! stands in or names in its title, or everything, where it restores a backup. Of all others nothing is
//! claimed.

use super::Assembler;
use crate::runbook::headings::number_of;
use crate::runbook::model::{Actor, Role, RollbackOption, Runbook, Undoes};
use crate::runbook::pattern::pattern;

/// `undoes=all`, `undoes=nothing`, or ids of phases and steps.
pub(super) fn written(value: &str) -> Undoes {
    match value.trim() {
        "all" => Undoes::All,
        "nothing" | "none" => Undoes::These(Vec::new()),
        names => Undoes::These(
            names
                .split([',', ' '])
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        ),
    }
}

impl Assembler<'_> {
    /// Settles what the sections themselves have not said.
    pub(super) fn bind_undoes(&mut self) {
        let book = &self.runbook;
        let found: Vec<Option<Undoes>> = book
            .rollback
            .iter()
            .map(
                |option| match (&option.undoes, named_in(book, &option.title)) {
                    (Undoes::Unsaid, Named::These(phases)) => Some(Undoes::These(phases)),
                    (Undoes::Unsaid, Named::Unclear) => Some(Undoes::Unsaid),
                    (Undoes::Unsaid, Named::Nothing) if self.restores(option) => {
                        Some(Undoes::Backup)
                    }
                    (Undoes::Unsaid, Named::Nothing) => None,
                    (said, _) => Some(said.clone()),
                },
            )
            .collect();
        for (option, found) in self.runbook.rollback.iter_mut().zip(found) {
            option.undoes = found.unwrap_or_default();
        }
    }

    /// Whether it puts a whole backup back.
    fn restores(&self, option: &RollbackOption) -> bool {
        let words = pattern!(
            r"(?i)\brestor(e|ing|ation)\b[^.]*\b(backups?|dumps?|snapshots?|database)\b|\bpoint[- ]in[- ]time\b"
        );
        let part =
            pattern!(r"(?i)\btables?\b|\bpartial|\bonly\b|\bverif|\bif (needed|necessary)\b");
        let says = |text: &str| words.is_match(text) && !part.is_match(text);
        let ticks = || option.steps.iter().flat_map(|step| &step.ticks);
        if is_partial(&option.title) {
            return false;
        }
        says(&option.title)
            || ticks().any(|tick| says(&tick.text))
            || option
                .steps
                .iter()
                .flat_map(|step| &step.blocks)
                .filter_map(|number| self.blocks.blocks.get(number - 1))
                .filter(|block| {
                    block.actor == Actor::Shell
                        && matches!(block.role, Role::Run | Role::Fill | Role::Split)
                })
                .flat_map(|block| block.code.lines())
                .any(puts_a_backup_back)
    }
}

fn puts_a_backup_back(line: &str) -> bool {
    let line = line.trim();
    if line.starts_with('#') {
        return false;
    }
    let looks = pattern!(r"\s(-l|--list|-t|--table(=|\b)|-f)|/dev/null");
    let restores = pattern!(r"\bpg_restore\b");
    let others = pattern!(
        r"(?i)\bpsql\b[^|;]*(<|\s-f\s*|--file[= ])\s*\S*(dump|backup|\.bak)|(dump|backup)\S*\s*\|\s*psql\b|\bpgbackrest\b.*\brestore\b|\bbackup-fetch\b|\bbarman\s+recover\b|\brestore-db-"
    );
    (restores.is_match(line) && !looks.is_match(line)) || others.is_match(line)
}

/// The title names a part of the system.
pub(super) fn is_partial(title: &str) -> bool {
    pattern!(r"(?i)\b(partial|only|code|app|application|frontend|backend|config(uration)?|feature|flags?|tables?)\b")
        .is_match(title)
}

enum Named {
    Nothing,
    /// A phase, but not how far back it goes from there.
    Unclear,
    These(Vec<String>),
}

/// The phases that a title names by their number: `If Phase 3 fails`, `Rollback of steps 2-4`.
fn named_in(book: &Runbook, title: &str) -> Named {
    let named = pattern!(
        r"(?i)(?:\b(?<how>to|from|after|before|since|until|past|nach|vor|ab|bis)\s+)?\b(?:phase|stage|step|part|étape|schritt|fase|paso|passo)s?\s*#?(?<first>\d+)(?<more>\.\d+)?(?:\s*(?<and>-|–|to|through|and|&|\+|,)\s*(?:(?:phase|stage|step)s?\s*)?(?<last>\d+))?"
    );
    let Some(found) = named.captures(title) else {
        return Named::Nothing;
    };
    let number = |name| {
        found
            .name(name)
            .and_then(|text| text.as_str().parse::<i64>().ok())
    };
    let Some(first) = number("first") else {
        return Named::Nothing;
    };
    if found.name("how").is_some() || found.name("more").is_some() {
        return Named::Unclear;
    }
    let range = ["-", "–", "to", "through"];
    let last = number("last").unwrap_or(first);
    let is_range = found
        .name("and")
        .is_some_and(|and| range.contains(&and.as_str().to_lowercase().as_str()));
    let phases: Vec<String> = book
        .phases
        .iter()
        .filter(|phase| {
            number_of(&phase.title).is_some_and(|number| match number.path[..] {
                [number] if is_range => (first..=last).contains(&number),
                [number] => number == first || number == last,
                _ => false,
            })
        })
        .map(|phase| phase.id.clone())
        .collect();
    match phases.is_empty() {
        true => Named::Unclear,
        false => Named::These(phases),
    }
}
