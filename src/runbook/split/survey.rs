//! What a block holds, counted before it is cut: from this follows whether it is cut at all.

use std::collections::BTreeSet;

use super::Around;
use super::alternatives::{headed, side_by_side};
use super::items::Item;
use crate::runbook::markers::{self, Marker, marker};
use crate::runbook::model::Actor;
use crate::runbook::pattern::pattern;
use crate::runbook::words;

/// What a block holds, counted before it is cut.
#[derive(Default)]
pub(super) struct Survey {
    pub options: usize,
    pub alternatives: bool,
    pub terminals: bool,
    pub hosts: bool,
    pub systems: bool,
    pub using: bool,
    /// Comments (by item) that head one of several ways, and the rule that says so.
    pub headed: Vec<usize>,
    pub headed_by: &'static str,
    /// The first group of lines is for a terminal of its own.
    pub aside: bool,
    pub rollback: bool,
    pub optional: bool,
    pub numbered: usize,
    pub statements: usize,
    pub sessions: usize,
    pub manual: bool,
    /// SQL beside shell commands.
    pub mixed: bool,
    pub endless_before_others: bool,
    /// Statements (by item) of which one is chosen.
    pub side_by_side: Vec<usize>,
    /// Comment lines (by item) that are acts of a person.
    pub acts: Vec<usize>,
    /// Comment lines (by item) that go on telling of such an act.
    pub told: Vec<usize>,
    /// Items before which a part begins because of a person, and the first rule that says so.
    pub cuts: Vec<usize>,
    pub cut_by: Option<&'static str>,
    /// Statements (by item) after which a person edits what they made.
    pub edits: Vec<usize>,
    /// Statements (by item) that a remark at their end makes conditional.
    pub conditional: Vec<usize>,
}

/// Different names that comments of a block give, by what they name.
#[derive(Default)]
struct Places<'a> {
    hosts: BTreeSet<&'a str>,
    systems: BTreeSet<&'a str>,
    using: BTreeSet<&'a str>,
    terminals: BTreeSet<&'a str>,
}

impl Survey {
    pub fn of(items: &[Item<'_>], actor: Actor, around: Around) -> Self {
        let mut survey = Self::default();
        let mut places = Places::default();
        let mut endless = false;
        let mut manual = 0;
        for (index, item) in items.iter().enumerate() {
            match item {
                Item::Comment { text, marker, .. } => {
                    survey.comment(item, marker, &items[index + 1..], &mut places, around);
                    survey.numbered +=
                        usize::from(*marker == Marker::Optional && markers::is_numbered(text));
                }
                Item::Statement {
                    remark,
                    manual: is_manual,
                    endless: never_ends,
                    text,
                    ..
                } => {
                    if endless && !is_background(text) {
                        survey.endless_before_others = true;
                    }
                    endless |= *never_ends && !is_background(text);
                    survey.statements += 1;
                    manual += usize::from(*is_manual);
                    survey.alternatives |=
                        remark.is_some_and(|remark| matches!(marker(remark), Marker::OrCommand(_)));
                }
                Item::Session { .. } => {
                    survey.sessions += 1;
                    survey.statements += 1;
                }
            }
        }
        let bare = items
            .iter()
            .filter(|item| matches!(item, Item::Statement { sql: true, .. }))
            .count();
        survey.mixed = bare > 0 && bare < survey.statements;
        survey.manual = manual > 0 && manual < survey.statements;
        (survey.headed_by, survey.headed) = headed(items);
        survey.side_by_side = side_by_side(items);
        (survey.acts, survey.told) = manual_comments(items);
        survey.edits = super::cuts::edits(items);
        survey.conditional = conditional(items);
        let ground = super::ground::Ground::of(items, actor, around.in_rollback);
        for rule in super::cuts::RULES {
            let cuts = (rule.cuts)(items, &ground);
            if !cuts.is_empty() {
                survey.cut_by.get_or_insert(rule.id);
                survey.cuts.extend(cuts);
            }
        }
        survey.cuts.sort_unstable();
        survey
    }

    /// What a comment counts for; `behind` are the items after it.
    fn comment<'a>(
        &mut self,
        item: &Item<'_>,
        marker: &'a Marker,
        behind: &[Item<'_>],
        places: &mut Places<'a>,
        around: Around,
    ) {
        let later = behind
            .iter()
            .any(|item| !matches!(item, Item::Comment { .. }));
        let begun = self.statements > 0;
        match marker {
            Marker::Option => self.options += usize::from(later),
            // Also where what follows is told only: `or in the console`.
            Marker::OrNext | Marker::OrCommand(_) => self.alternatives |= begun,
            Marker::Terminal(name) => {
                self.aside |= !begun
                    && !name.contains(|character: char| character.is_ascii_digit())
                    && goes_on_elsewhere(behind);
                places.terminals.insert(name);
                self.terminals |= self.aside || (begun && later) || places.terminals.len() > 1;
            }
            Marker::Host(name) => {
                places.hosts.insert(name);
                self.hosts |= later && (begun || places.hosts.len() > 1);
            }
            Marker::System(name) => {
                places.systems.insert(name);
                self.systems |= places.systems.len() > 1;
            }
            Marker::Using(name) => {
                places.using.insert(name);
                self.using |= places.using.len() > 1;
            }
            Marker::Emergency => self.rollback |= later && begun,
            // In a section about going back every command is one.
            Marker::Rollback => self.rollback |= later && begun && !around.in_rollback,
            // What is told on condition, without a command of its own, is a remark.
            Marker::Optional => {
                self.optional |= later && (has_command(behind) || !is_conditional(item));
            }
            Marker::Numbered => self.numbered += 1,
            Marker::Plain => {}
        }
    }

    /// The rule by which the block is cut.
    pub fn rule(&self) -> Option<&'static str> {
        let several = self.statements > 1;
        let chosen = self.options > 1 || self.options == 1 && several && self.alternatives;
        let person = !self.acts.is_empty() || !self.edits.is_empty();
        [
            ("session", self.sessions > 0),
            ("ways", chosen || self.systems || self.using),
            (self.headed_by, !self.headed.is_empty()),
            ("side-by-side", !self.side_by_side.is_empty()),
            ("or", self.alternatives),
            ("terminals", self.terminals),
            ("hosts", self.hosts),
            ("rollback-beside", self.rollback && several),
            ("never-ends", self.endless_before_others),
            ("mixed", self.mixed),
            ("person", person && self.statements > 0),
            ("editor-among", self.manual),
            (
                "optional",
                (self.optional || !self.conditional.is_empty()) && several,
            ),
        ]
        .into_iter()
        .find_map(|(rule, fires)| fires.then_some(rule))
        .or(self.cut_by)
    }

    /// Whether every group of lines is a part where nothing is numbered.
    pub fn is_fine(&self) -> bool {
        self.numbered < 2
            && (self.optional || self.rollback || self.endless_before_others)
            && self.options < 2
            && !self.systems
            && !self.using
            && !self.terminals
            && !self.hosts
    }
}

/// `seed.sh  # if the schema changed`: what a remark makes conditional, beside what it does not.
fn conditional(items: &[Item<'_>]) -> Vec<usize> {
    let is_conditional = |item: &Item<'_>| {
        matches!(item, Item::Statement { remark: Some(remark), text, .. }
            if marker(remark) == Marker::Optional && !only_sets(text))
    };
    (0..items.len())
        .filter(|index| is_conditional(&items[*index]))
        .collect()
}

/// `export TOKEN=a`: others need it, whatever its remark says.
fn only_sets(command: &str) -> bool {
    pattern!(r"^\s*(?:export\s+)?[A-Za-z_]\w*=\S*\s*(?:#.*)?$").is_match(command)
}

/// Whether a command stands right under a comment, or under the lines that go on with it.
fn has_command(after: &[Item<'_>]) -> bool {
    after
        .iter()
        .find(|item| {
            !matches!(
                item,
                Item::Comment {
                    after_blank: false,
                    ..
                }
            )
        })
        .is_some_and(|item| !matches!(item, Item::Comment { .. }))
}

fn is_conditional(item: &Item<'_>) -> bool {
    matches!(item, Item::Comment { text, .. }
        if matches!(first_word(text).as_str(), "if" | "falls" | "wenn" | "si" | "se"))
}

/// The first word of a comment, in lower case.
pub(super) fn first_word(text: &str) -> String {
    text.split_whitespace()
        .next()
        .unwrap_or_default()
        .to_lowercase()
}

fn is_background(text: &str) -> bool {
    let text = text.trim_end();
    text.ends_with('&') && !text.ends_with("&&")
}

/// Whether a group of lines under a comment of its own comes after the first one.
fn goes_on_elsewhere(items: &[Item<'_>]) -> bool {
    let mut statements = 0;
    let mut apart = false;
    for item in items {
        match item {
            Item::Comment { after_blank, .. } => apart |= *after_blank && statements > 0,
            _ if apart => return true,
            _ => statements += 1,
        }
    }
    false
}

/// Comments that no command follows and that tell what a person does by hand: numbered ones, and a
/// paragraph of its own that begins with such an act. A single number that only heads the comments
/// after it is a title. Gives the acts, and the lines that go on telling of them.
fn manual_comments(items: &[Item<'_>]) -> (Vec<usize>, Vec<usize>) {
    let (mut acts, mut told) = (Vec::new(), Vec::new());
    let mut index = 0;
    while index < items.len() {
        let Item::Comment { text: head, .. } = items[index] else {
            index += 1;
            continue;
        };
        let start = index;
        index += 1;
        while index < items.len()
            && matches!(
                items[index],
                Item::Comment {
                    after_blank: false,
                    ..
                }
            )
        {
            index += 1;
        }
        let numbered: Vec<usize> = (start..index)
            .filter(|at| matches!(&items[*at], Item::Comment { text, .. } if markers::is_numbered(text)))
            .collect();
        let attached = items
            .get(index)
            .is_some_and(|next| !matches!(next, Item::Comment { .. }));
        if attached {
            // Of several numbers before one command only the last is its title.
            if numbered.len() > 1 && markers_adjacent(&numbered) {
                acts.extend(&numbered[..numbered.len() - 1]);
            } else if numbered.is_empty() {
                acts.extend((start..index).filter(|at| {
                    matches!((&items[*at], items.get(index)),
                        (Item::Comment { text, .. }, Some(Item::Statement { text: command, .. }))
                            if edits_a_file(text, command))
                }));
            }
            continue;
        }
        let next_numbered = match items.get(index) {
            Some(Item::Comment { text, .. }) => markers::is_numbered(text),
            _ => true,
        };
        // A list of causes after the last command tells, it asks for nothing.
        let tells = says_what_happens(head)
            || index == items.len() && pattern!(r"(?i)\b(causes?|reasons?|symptoms?|fixes|solutions?|notes?|expected|outputs?|examples?|issues|problems|errors|ursachen?|causas?)\b.*:$").is_match(head.trim());
        if tells {
            continue;
        }
        if numbered.len() > 1 || (next_numbered && !numbered.is_empty() && index < items.len()) {
            acts.extend(numbered);
        } else if numbered.is_empty()
            && index < items.len()
            && (is_by_hand(head)
                || (start..index).any(
                    |at| matches!(&items[at], Item::Comment { text, .. } if edits_a_file(text, "")),
                ))
        {
            acts.push(start);
            told.extend(start + 1..index);
        }
    }
    (acts, told)
}

/// `This job runs:`, `Should return 8 rows:`: the list under it tells, nobody is asked for anything.
fn says_what_happens(head: &str) -> bool {
    let head = head.trim();
    !markers::is_numbered(head)
        && pattern!(r"(?i)^(?:this|these|it|that|the \w+(?: \w+)?|which|dies|das|isto|isso|esto|cela|ceci|questo)\s.{0,60}:$|\b(?:will|should|would|does|creates?|contains?|includes?|returns?|shows?|prints?|keys|wird|va|vai)\b.{0,50}:$")
            .is_match(head)
        && !pattern!(r"(?i)^(?:then|next|now|you|finally|manually|do|danach|jetzt)\b").is_match(head)
}

/// Whether a comment begins with what only a person does, somewhere else than here.
fn is_by_hand(text: &str) -> bool {
    pattern!(r"(?i)^(configure|edit|update|modify|change|adjust|open|go to|log ?in|sign in|click|visit|navigate|ask|notify|announce|copy and paste|paste|select|choose|record|write down|contact|add|enter|fill in|replace)\s+\S|^(?:/[\w.-]+)+\s*:\s*[A-Z][A-Z0-9_]*\s*=").is_match(text)
}

/// `Uncomment the port in app.conf`, `app.conf: PORT = 1`: a file that a person changes, and that the
/// command under it does not.
fn edits_a_file(text: &str, command: &str) -> bool {
    let file = pattern!(
        r"(?i)([\w./-]*\.(?:conf|cfg|cnf|ini|env|ya?ml|toml|json|properties))(?:\b|[^\x00-\x7f])"
    );
    let setting = pattern!(r"(?i)^([\w./-]*\.(?:conf|cfg|cnf|ini|env|ya?ml|toml))\s*:\s*\S+\s*=");
    let found = match words::says("edit", text) {
        true => file.captures(text),
        false => setting.captures(text),
    };
    let Some(file) = found.and_then(|found| found.get(1)) else {
        return false;
    };
    let base = file.as_str().rsplit('/').next().unwrap_or_default();
    !command.contains(base)
        && !pattern!(r"^\s*(?:sudo )?(?:sed|tee|cat|echo|cp|perl|awk|yq|jq|nano|vim?|code)\b")
            .is_match(command)
}

fn markers_adjacent(numbered: &[usize]) -> bool {
    numbered.windows(2).all(|pair| pair[1] == pair[0] + 1)
}
