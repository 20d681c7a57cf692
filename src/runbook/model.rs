//! The shape of a runbook. Every part keeps the line it came from (counted from 1), so that any later
//! message can point at the guide.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::diagnostic::Diagnostic;
use super::index::Index;

/// A guide as understood. `phases` is the forward path; what comes before it (checklists, access,
/// dependencies) and after it (cleanup that waits for days) is walked the same way but counted apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Runbook {
    /// The path as the operator gave it.
    pub file: String,
    pub title: String,
    /// SHA-256 of the bytes of the file, in hexadecimal.
    pub digest: String,
    /// The name of the damage that was repaired (`macroman`), where there was one.
    pub repaired: Option<String>,
    /// Markdown between the title and the first section.
    pub overview: String,
    pub preparation: Vec<Phase>,
    pub phases: Vec<Phase>,
    /// Why these sections are the phases: the reasons that were compared.
    #[serde(default)]
    pub phases_why: String,
    pub cleanup: Vec<Phase>,
    pub rollback: Vec<RollbackOption>,
    /// Troubleshooting, contacts, success metrics and all other prose to be looked up.
    pub references: Vec<Section>,
    pub soaks: Vec<Soak>,
    pub waits: Vec<Wait>,
    /// When to roll back, in the author's words.
    #[serde(default)]
    pub triggers: Vec<String>,
    /// The guide's grades of what goes wrong, the gravest in front.
    #[serde(default)]
    pub severities: Vec<super::severity::Severity>,
    /// Every fence and indented block of the guide, in order; a block's number is its index here plus 1.
    pub blocks: Vec<Block>,
    pub variables: Vec<Variable>,
    /// Names that steps set for later ones: nobody is asked for them, unless such a step is left out.
    #[serde(default)]
    pub carried: Vec<Variable>,
    pub settings: Settings,
    pub diagnostics: Vec<Diagnostic>,
    #[serde(skip, default = "Index::complete")]
    pub(super) index: Index,
}

/// The number of a block, counted from 1 in the order of the guide.
pub type BlockNumber = usize;

impl Runbook {
    /// Preparation, forward path and cleanup in the order in which they are walked.
    pub fn walk(&self) -> impl Iterator<Item = &Phase> {
        self.preparation
            .iter()
            .chain(&self.phases)
            .chain(&self.cleanup)
    }

    pub fn block(&self, number: BlockNumber) -> Option<&Block> {
        number
            .checked_sub(1)
            .and_then(|index| self.blocks.get(index))
    }

    /// Names that are asked for, then those that steps set and that a person may give as well.
    pub fn asked_or_carried(&self) -> impl Iterator<Item = &Variable> {
        let carried = self.carried.iter();
        self.variables
            .iter()
            .chain(carried.filter(|variable| !self.asks(&variable.name)))
    }

    /// The step that sets a carried name; the last one where several do.
    pub fn setter_of(&self, name: &str) -> Option<&Step> {
        let number = self
            .blocks
            .iter()
            .flat_map(|block| {
                let of_parts = block.parts.iter().flat_map(|part| &part.carries);
                block.carries.iter().chain(of_parts)
            })
            .filter(|carried| carried.name == name)
            .find_map(|carried| carried.from.last())?;
        self.step_of_block(*number)
    }

    /// Whether a person is asked for this name.
    pub fn asks(&self, name: &str) -> bool {
        self.variables.iter().any(|variable| variable.name == name)
    }

    /// Steps of the walk and of every rollback option.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        let of_rollbacks = self.rollback.iter().flat_map(|option| &option.steps);
        self.walk()
            .flat_map(|phase| &phase.steps)
            .chain(of_rollbacks.filter(|step| !step.is_repeated))
    }

    /// What can be done beside the walk, section by section.
    pub fn beside(&self) -> impl Iterator<Item = &Step> {
        self.references
            .iter()
            .filter_map(|section| section.step.as_ref())
    }

    /// Steps of the walk, of every rollback, and beside them.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps().chain(self.beside())
    }

    /// Where each block belongs, in the order of the blocks.
    pub fn places(&self) -> Vec<Place<'_>> {
        let mut places = vec![Place::Nowhere; self.blocks.len()];
        let mut put = |number: BlockNumber, place| {
            let known = number.checked_sub(1).and_then(|at| places.get_mut(at));
            if let Some(known) = known.filter(|known| **known == Place::Nowhere) {
                *known = place;
            }
        };
        for phase in self.walk() {
            for step in &phase.steps {
                let blocks = step.blocks.iter();
                blocks.for_each(|number| put(*number, Place::Walk(phase, step)));
            }
        }
        for option in &self.rollback {
            let of_steps = option.steps.iter().flat_map(|step| &step.blocks);
            of_steps
                .chain(&option.loss_query)
                .for_each(|number| put(*number, Place::Rollback(option)));
        }
        for section in &self.references {
            let blocks = section.blocks.iter();
            blocks.for_each(|number| put(*number, Place::Beside(section)));
        }
        places
    }

    pub fn option(&self, id: &str) -> Option<&RollbackOption> {
        self.rollback.iter().find(|option| option.id == id)
    }
}

/// A stretch of the walk that ends in a gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Unique in the runbook: from `{#id}` or a comment, else from the heading (`phase-3`).
    pub id: String,
    pub title: String,
    pub line: usize,
    pub optional: bool,
    pub estimate: Option<Estimate>,
    /// Markdown between the heading and the first step.
    pub body: String,
    /// Never empty: a phase without headings of its own holds one step.
    pub steps: Vec<Step>,
    /// What the gate asks: success criteria and red flags.
    pub criteria: Vec<Expectation>,
    /// After this phase there is no rollback.
    pub point_of_no_return: bool,
    /// Seconds that must pass before it, from the completion of what stands before it (`WAIT 7 DAYS`).
    pub wait_s: Option<u64>,
    pub owner: Option<String>,
    /// How many people its gate asks for, the driver among them.
    #[serde(default)]
    pub approvals: Option<u8>,
}

/// What an operator does at one time: ticks, commands and what must be true after them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the runbook.
    pub id: String,
    pub title: String,
    pub line: usize,
    pub optional: bool,
    pub estimate: Option<Estimate>,
    /// The step's Markdown as written, fences included, heading excluded.
    pub body: String,
    pub blocks: Vec<BlockNumber>,
    pub ticks: Vec<Tick>,
    pub expect: Vec<Expectation>,
    /// What must be waited for: in its title before all of it, in a sentence before what comes after.
    #[serde(default)]
    pub waits: Vec<Wait>,
    /// The group of alternatives this step belongs to, and its name within it.
    pub choice: Option<Choice>,
    /// Id of the step or block that takes this step back.
    pub undo: Option<String>,
    /// How many people each of its commands asks for, the driver among them.
    #[serde(default)]
    pub approvals: Option<u8>,
    /// It stands in an earlier rollback too: what is done first, whichever is taken.
    #[serde(default)]
    pub is_repeated: bool,
}

/// A box or manual act that a person ticks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    pub line: usize,
    /// Inline Markdown.
    pub text: String,
    /// The author's `[x]`: a claim, not this run's evidence.
    pub claimed: bool,
    /// A condition that ticks the box by measurement.
    pub cel: Option<String>,
    /// What value the person must give (`value="ticket number"`), where a bare tick is not enough.
    pub value: Option<String>,
    pub optional: bool,
    /// The alternative that it belongs to: it is asked for where that is chosen.
    #[serde(default)]
    pub choice: Option<Choice>,
}

/// What must be true. Without `cel` a person judges it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    pub line: usize,
    /// Inline Markdown, or the lines of an expected output.
    pub text: String,
    pub cel: Option<String>,
    /// The block whose evidence is meant.
    pub block: Option<BlockNumber>,
    /// Its part, counted from 1; 0 for the whole of it.
    #[serde(default)]
    pub part: usize,
    /// The condition was made of the author's words: it is only proposed.
    #[serde(default)]
    pub proposed: bool,
    /// True of a red flag: it must *not* be so.
    pub red_flag: bool,
    /// Lines of expected output in which `X`, `Y` and `...` stand for anything.
    pub output: Option<Vec<String>>,
    /// A person answers it with a value.
    #[serde(default)]
    pub measure: Option<Measure>,
    /// A person said in the run what measures it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bound: bool,
}

/// A metric of the guide's own table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    pub name: String,
    /// Its target in the words of the guide: `<500ms (p95)`.
    pub wanted: String,
    /// How often it is looked at while its window is under way, in seconds; else once, at the end.
    pub every_s: Option<u64>,
}

/// Alternatives of which one is chosen before it is armed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    pub group: String,
    pub name: String,
    pub recommended: bool,
}

/// A named rollback for the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RollbackOption {
    pub id: String,
    pub title: String,
    pub line: usize,
    pub recommended: bool,
    /// The guide itself advises against it; its words.
    pub discouraged: Option<String>,
    pub estimate: Option<Estimate>,
    /// What going back this way loses, in the author's words.
    pub loses: Option<String>,
    /// A block of class `.loss`: a read-only query whose single value says how much is lost.
    pub loss_query: Option<BlockNumber>,
    pub body: String,
    pub steps: Vec<Step>,
    /// What must be true after it, besides what its steps expect.
    #[serde(default)]
    pub criteria: Vec<Expectation>,
    /// When it is the right one, in the author's words.
    #[serde(default)]
    pub only_if: Option<String>,
    #[serde(default)]
    pub undoes: Undoes,
    /// Its author says what it undoes; else the guide's words and places do.
    #[serde(default)]
    pub undoes_is_said: bool,
}

/// What a rollback undoes, as far as the guide says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undoes {
    /// Only what names it as its `undo`.
    #[default]
    Unsaid,
    /// All that ran; its author says so.
    All,
    /// What the backup holds that it puts back: what ran on the database after this run made one.
    Backup,
    /// Phases and steps, by id.
    These(Vec<String>),
}

/// A range of time in seconds, as `5-10 minutes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    pub min_s: u64,
    pub max_s: u64,
}

/// A section beside the walk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Section {
    pub kind: SectionKind,
    pub title: String,
    pub line: usize,
    pub body: String,
    pub blocks: Vec<BlockNumber>,
    /// What can be done in it beside the walk; `None` where it is only read.
    #[serde(default)]
    pub step: Option<Step>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SectionKind {
    Troubleshooting,
    Contacts,
    Metrics,
    /// A command that a person wrote during the run.
    Written,
    #[default]
    Other,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Soak {
    pub title: String,
    pub line: usize,
    pub duration_s: u64,
    pub criteria: Vec<String>,
    pub red_flags: Vec<String>,
    /// The phase whose gate waits for it, by id; empty: of none that is walked.
    #[serde(default)]
    pub phase: String,
    /// The step that it is of; else it is of the whole phase.
    #[serde(default)]
    pub step: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    pub line: usize,
    pub text: String,
    pub duration_s: u64,
    /// What comes after it waits; otherwise it is only told (`the cache is warm after 5 minutes`).
    #[serde(default)]
    pub holds: bool,
}

/// Where a block belongs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place<'a> {
    Walk(&'a Phase, &'a Step),
    /// One step may belong to several rollbacks: what is done first, whichever is taken.
    Rollback(&'a RollbackOption),
    /// In a section that is looked up.
    Beside(&'a Section),
    Nowhere,
}

/// One fence or indented block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Block {
    pub n: BlockNumber,
    /// From `{#id}`, else `block-N`. Unique in the runbook.
    pub id: String,
    /// Line of the opening fence.
    pub line: usize,
    /// Line of the first line of code.
    pub code_line: usize,
    pub lang: Option<String>,
    pub role: Role,
    /// Why the role was given, for the operator.
    pub why: String,
    /// The rule that gave it (see [`super::RULES`]); empty where the author did.
    #[serde(default)]
    pub rule: String,
    /// True where an attribute settled the role: nothing is left to infer.
    pub annotated: bool,
    pub code: String,
    pub actor: Actor,
    /// What the block destroys, one phrase each (`DROP TABLE`, `rm -r`); empty for a harmless block.
    pub destructive: Vec<String>,
    pub long_running: bool,
    pub choice: Option<Choice>,
    /// Names of the variables it needs.
    pub needs: Vec<String>,
    /// Names that it uses and that earlier blocks set or capture.
    #[serde(default)]
    pub carries: Vec<Carried>,
    /// The separate acts of a `split` block, in order.
    pub parts: Vec<Part>,
    pub attributes: Attributes,
    /// The line of a `COMMIT` that comes after a look at what the transaction did: run up to there, show
    /// it, and let the person commit or roll back.
    #[serde(default)]
    pub hold_line: Option<usize>,
    /// The block cannot be armed, and why (blanks in prose, unterminated fence, another database).
    pub refused: Option<String>,
    /// It belongs to another machine than the one that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
}

/// Another machine, and what says that a block belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// `root@db2`, the command that leads there, or `another machine`.
    pub place: String,
    /// The line that says so.
    pub line: usize,
    /// What says so, for a person.
    pub why: String,
}

impl Elsewhere {
    /// Where nothing names the machine.
    pub const UNNAMED: &str = "another machine";

    /// The answer by which the machine that runs the guide is this one.
    pub const HERE: &str = "this machine";

    /// The choice of which machine that is: one answer for all blocks that the same line leads away.
    pub fn group(&self) -> String {
        format!("machine-{}", self.line)
    }

    /// The place in a sentence.
    pub fn named(&self) -> String {
        match self.place.as_str() {
            Self::UNNAMED => self.place.clone(),
            place => format!("`{place}`"),
        }
    }
}

/// A name that a block uses and that earlier blocks set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    pub name: String,
    /// The blocks that set it, in the order of the guide.
    pub from: Vec<BlockNumber>,
    /// By `capture`; else by an assignment in a shell.
    pub captured: bool,
}

impl Block {
    /// It runs beside the steps and has no verdict of its own, the whole of it or one of its parts.
    pub fn is_watch(&self) -> bool {
        self.watches(None) || (0..self.parts.len()).any(|index| self.watches(Some(index)))
    }

    /// Whether the block, or one of its parts, runs beside the steps. What its author put into the
    /// background (`node app.js &`) is there for what comes later, and after the run: no phase ends it.
    pub fn watches(&self, part: Option<usize>) -> bool {
        let (goes_on, code) = match part.map(|index| self.parts.get(index)) {
            None => (self.long_running, &self.code),
            Some(Some(part)) => (part.long_running || self.is_repeated(), &part.code),
            Some(None) => return self.is_repeated(),
        };
        let is_said = self.attributes.has_class("watch") || self.is_repeated();
        goes_on && (is_said || !super::hazards::leaves_running(code))
    }

    /// Whether the block, or one of its parts, leaves its shell in another directory.
    pub fn moves(&self, part: Option<usize>) -> bool {
        let (code, actor) = match part.map(|index| self.parts.get(index)) {
            None => (&self.code, self.actor),
            Some(Some(part)) => (&part.code, part.actor),
            Some(None) => return false,
        };
        actor == Actor::Shell && super::index::changes_directory(code)
    }

    /// It is run again and again, with a verdict for each round.
    pub fn is_repeated(&self) -> bool {
        self.attributes.every_s.is_some() && matches!(self.actor, Actor::Shell | Actor::Sql)
    }
}

/// One act inside a `split` block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub title: String,
    pub line: usize,
    pub code: String,
    pub role: Role,
    pub actor: Actor,
    pub optional: bool,
    pub destructive: Vec<String>,
    pub long_running: bool,
    pub choice: Option<Choice>,
    pub needs: Vec<String>,
    #[serde(default)]
    pub carries: Vec<Carried>,
    /// The terminal or host that the guide names for it, where it is not the one of all other blocks.
    #[serde(default)]
    pub session: Option<String>,
    pub refused: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Run,
    Fill,
    Split,
    Manual,
    Output,
    #[default]
    Content,
    Promote,
    Foreign,
}

/// Who carries a block out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    Shell,
    Sql,
    Http,
    #[default]
    Nobody,
}

/// What the author wrote after the language of a fence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attributes {
    pub classes: Vec<String>,
    /// Conditions that must hold after the block has run.
    pub expect: Option<String>,
    /// `name=expression` pairs: values taken from the evidence for later blocks.
    pub capture: BTreeMap<String, String>,
    pub timeout_s: Option<u64>,
    /// The target by its name in the environment; `main` where it is absent.
    pub on: Option<String>,
    pub txn: Option<Transaction>,
    pub needs: Vec<String>,
    pub undo: Option<String>,
    /// Only run where this condition holds.
    pub when: Option<String>,
    pub cwd: Option<String>,
    /// `every=10s`, in seconds.
    pub every_s: Option<u64>,
    /// So many rounds of a repeated check must fail in a row before that is told; 1 where it is absent.
    #[serde(default)]
    pub fails: Option<u64>,
    /// A pattern that must not turn up in what the block prints.
    #[serde(default)]
    pub alert: Option<String>,
    /// The phase with whose gate a watch ends, where that is not its own; or [`UNTIL_END`].
    #[serde(default)]
    pub until: Option<String>,
    /// Ask for a typed confirmation, and for which word.
    pub confirm: Option<String>,
    /// May be run again after a crash without asking.
    pub repeatable: bool,
    /// How many people it asks for, the driver among them.
    #[serde(default)]
    pub approvals: Option<u8>,
    /// It runs in batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<super::batch::Batch>,
    /// It sets a flag, or restores one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<super::flag::Flag>,
    /// Everything else, as written.
    pub other: BTreeMap<String, String>,
}

/// As a value of `until`: the watch lives until the run ends.
pub const UNTIL_END: &str = "end";

impl Attributes {
    /// It may be run again without asking: a check changes nothing, or its author says so.
    pub fn may_repeat(&self) -> bool {
        self.repeatable || self.has_class("check")
    }

    /// The target that it is for.
    pub fn target(&self) -> &str {
        self.on.as_deref().unwrap_or("main")
    }

    pub fn has_class(&self, class: &str) -> bool {
        self.classes.iter().any(|candidate| candidate == class)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transaction {
    One,
    Each,
    None,
}

/// One blank of the guide, whatever its spelling.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    pub name: String,
    /// The spellings as they stand in the guide (`<commit>`, `$COMMIT`).
    pub spellings: Vec<String>,
    pub lines: Vec<usize>,
    pub secret: bool,
    /// What is taken where nobody gives a value: from `${NAME:-default}` in the guide, or from
    /// `gonogo.toml`.
    #[serde(default)]
    pub default: Option<String>,
    /// The default is the shell's own: a command without a value runs all the same.
    #[serde(default)]
    pub fills_itself: bool,
    /// What a value has to look like, whatever it is.
    #[serde(default)]
    pub rule: VariableRule,
}

/// What `gonogo.toml` says about a blank, under `[variables.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableRule {
    /// Taken where nobody gives a value.
    pub default: Option<String>,
    /// A regular expression that the whole value must match.
    pub pattern: Option<String>,
    pub description: Option<String>,
    /// Settles whether it is kept out of sight, where its name misleads.
    pub secret: Option<bool>,
    /// The only values there are; empty: any.
    pub choices: Vec<String>,
}

/// Front matter under the key `gonogo:`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// A rehearsal may tick human boxes and criteria by itself, outside protected environments.
    pub rehearsal_assumes: bool,
    pub layout: Option<String>,
    /// Length of the maintenance window in seconds, counted from the start of the run.
    pub window_s: Option<u64>,
    /// The guide is tried in shorter time: windows, waits and rounds last this fraction (600: 1/600).
    #[serde(default)]
    pub scale: Option<u32>,
}
