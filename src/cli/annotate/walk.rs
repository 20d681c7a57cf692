//! Where the walk stands and what a key does there. Nothing here draws, reads a file or runs anything.

use std::collections::BTreeMap;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::draft::{Draft, objection_to_id};
use super::job::{Edits, Job};
use super::targets::{self, Target};
use crate::runbook::Block;
use crate::runbook::annotate::{Answer, Proposal, Settle};

/// What the caller has to do after a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Stay,
    Write,
    /// Keep the answers in `gonogo.toml`, because the guide cannot be written.
    KeepBeside,
    /// Print the answers and leave.
    Print,
    Abort,
    /// The files that were written.
    Written(Vec<String>),
}

/// What is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Expect,
    Id,
}

pub(super) enum Mode {
    Look,
    /// A letter names the role.
    Change,
    Type(Field, Input),
    Undo {
        input: Input,
        selected: usize,
    },
    /// What would be written, and whether it is meant.
    Confirm {
        edits: Box<Edits>,
    },
    /// A file could not be written, and why.
    Rescue(String),
}

pub(super) struct Walk<'a> {
    pub job: &'a Job,
    pub proposals: &'a [Proposal],
    /// The proposal at hand, by index.
    pub at: usize,
    pub draft: Draft,
    pub mode: Mode,
    pub message: String,
    /// First line shown of the code, or of the difference.
    pub scroll: usize,
    answers: BTreeMap<usize, Answer>,
    /// Proposals that were left behind, by index, in order.
    trail: Vec<usize>,
}

/// The roles and their keys.
pub(super) const ROLES: [(char, Settle, &str); 9] = [
    ('r', Settle::Run, "run: commands to run"),
    ('k', Settle::Check, "check: read-only, may be repeated"),
    ('w', Settle::Watch, "watch: runs beside the step"),
    ('o', Settle::Output, "output: expected output"),
    ('c', Settle::Content, "content: a file, settings, code"),
    ('m', Settle::Manual, "manual: a person does it"),
    ('f', Settle::Foreign, "foreign: for another system"),
    ('p', Settle::Parts, "parts: one fence, its parts settled"),
    ('s', Settle::Fences, "split: a fence for each part"),
];

impl<'a> Walk<'a> {
    /// `proposals` are not empty.
    pub fn new(job: &'a Job, proposals: &'a [Proposal]) -> Self {
        let mut walk = Self {
            job,
            proposals,
            at: 0,
            draft: Draft::default(),
            mode: Mode::Look,
            message: String::new(),
            scroll: 0,
            answers: BTreeMap::new(),
            trail: Vec::new(),
        };
        walk.look_at(0);
        if let Some(why) = &job.obstacle {
            walk.message =
                format!("the guide is left as it is ({why}); answers go to `gonogo.toml`");
        }
        walk
    }

    pub fn proposal(&self) -> Option<&'a Proposal> {
        self.proposals.get(self.at)
    }

    pub fn block(&self) -> Option<&'a Block> {
        let job = self.job;
        self.proposal()
            .and_then(|proposal| job.runbook.block(proposal.block))
    }

    pub fn answers(&self) -> Vec<Answer> {
        self.answers.values().cloned().collect()
    }

    pub fn settled(&self) -> usize {
        self.answers.len()
    }

    pub fn edits(&self) -> Result<Edits, String> {
        let fenced = |block: usize| {
            self.proposals
                .iter()
                .any(|proposal| proposal.block == block && proposal.fenced)
        };
        self.job.edits(&self.answers(), &fenced)
    }

    pub fn rescue(&mut self, file: &str, why: &str) {
        self.mode = Mode::Rescue(format!("`{file}` was not written: {why}"));
        self.scroll = 0;
    }

    /// What an `undo` of this block can name.
    pub fn targets(&self) -> Vec<Target> {
        let block = self.proposal().map_or(0, |proposal| proposal.block);
        targets::targets(&self.job.with_ids(&self.ids()), block)
    }

    /// Names given in this walk, the draft's included.
    fn ids(&self) -> Vec<(usize, String)> {
        let kept = self
            .answers
            .values()
            .filter_map(|answer| Some((answer.block, answer.id.clone()?)));
        let own = self.proposal().and_then(|proposal| {
            let id = self.draft.id.clone()?;
            Some((proposal.block, id))
        });
        kept.chain(own).collect()
    }

    fn look_at(&mut self, index: usize) {
        self.at = index;
        self.scroll = 0;
        self.mode = Mode::Look;
        self.message.clear();
        self.draft = match self.answers.get(&index) {
            Some(answer) => Draft::from_answer(answer),
            None => {
                let settle = self.proposal().and_then(|proposal| proposal.accept);
                Draft {
                    expect: self.proposed(settle),
                    ..Draft::of(settle)
                }
            }
        };
    }

    pub fn event(&mut self, event: &Event) -> Step {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(*key),
            Event::Paste(text) => {
                if let Mode::Type(_, input) | Mode::Undo { input, .. } = &mut self.mode {
                    for letter in text.chars().filter(|letter| !letter.is_control()) {
                        input.handle(tui_input::InputRequest::InsertChar(letter));
                    }
                }
                Step::Stay
            }
            _ => Step::Stay,
        }
    }

    fn key(&mut self, key: KeyEvent) -> Step {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Step::Abort;
        }
        self.message.clear();
        match &mut self.mode {
            Mode::Look => self.look(key.code),
            Mode::Change => self.change(key.code),
            Mode::Type(..) => self.type_text(key),
            Mode::Undo { .. } => self.choose_undo(key),
            Mode::Confirm { .. } => self.confirm(key.code),
            Mode::Rescue(_) => match key.code {
                KeyCode::Char('s') => Step::KeepBeside,
                KeyCode::Char('p') => Step::Print,
                KeyCode::Esc | KeyCode::Char('b') => {
                    self.look_at(self.at);
                    Step::Stay
                }
                _ => Step::Stay,
            },
        }
    }

    fn look(&mut self, code: KeyCode) -> Step {
        match code {
            KeyCode::Enter | KeyCode::Char('a') => self.take(),
            KeyCode::Char('c') => self.mode = Mode::Change,
            KeyCode::Char('s') => self.settle_as(Settle::Fences),
            KeyCode::Char('e') => {
                let text = self
                    .draft
                    .expect
                    .clone()
                    .or_else(|| self.proposal()?.condition());
                self.mode = Mode::Type(Field::Expect, Input::new(text.unwrap_or_default()));
            }
            KeyCode::Char('i') => match self.block() {
                Some(block) if !block.id.starts_with("block-") => {
                    self.message = format!("it is named already: `{}`", block.id);
                }
                _ => {
                    let text = self.draft.id.clone().unwrap_or_default();
                    self.mode = Mode::Type(Field::Id, Input::new(text));
                }
            },
            KeyCode::Char('u') => {
                let text = self.draft.undo.clone().unwrap_or_default();
                self.mode = Mode::Undo {
                    input: Input::new(text),
                    selected: 0,
                };
            }
            KeyCode::Char('n') => {
                self.answers.remove(&self.at);
                self.go_on();
            }
            KeyCode::Char('b') | KeyCode::Left | KeyCode::Backspace => self.back(),
            KeyCode::Char('q' | 'w') => self.review(),
            KeyCode::Down | KeyCode::Char('j') => self.scroll += 1,
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::PageDown => self.scroll += 10,
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(10),
            _ => {}
        }
        Step::Stay
    }

    /// Takes the draft as the answer and goes on.
    fn take(&mut self) {
        let Some(proposal) = self.proposal() else {
            return;
        };
        let taken = match (&self.draft.settle, &proposal.not_accepted) {
            (None, Some(why)) => Err(format!("{why}; `c` says what it is, `n` leaves it")),
            _ => self.draft.answer(proposal.block),
        };
        let taken = taken.and_then(|answer| {
            self.job
                .try_answer(&answer, proposal.fenced)
                .map(|()| answer)
        });
        match taken {
            Ok(answer) => {
                self.answers.insert(self.at, answer);
                self.go_on();
            }
            Err(why) => self.message = why,
        }
    }

    fn go_on(&mut self) {
        self.trail.push(self.at);
        if self.at + 1 < self.proposals.len() {
            self.look_at(self.at + 1);
        } else {
            self.review();
        }
    }

    /// The one before, with its answer undone and at hand.
    fn back(&mut self) {
        let Some(before) = self.trail.pop() else {
            self.message = "this is the first one".to_owned();
            return;
        };
        self.look_at(before);
        if self.answers.remove(&before).is_some() {
            self.message = "its answer is undone; Enter gives it again".to_owned();
        }
    }

    fn review(&mut self) {
        if self.answers.is_empty() {
            self.trail.retain(|index| *index != self.at);
            self.message = "nothing is settled yet; Ctrl-C leaves without writing".to_owned();
            return;
        }
        match self.edits() {
            Ok(edits) => {
                self.scroll = 0;
                self.mode = Mode::Confirm {
                    edits: Box::new(edits),
                };
            }
            Err(why) => self.message = why,
        }
    }

    fn confirm(&mut self, code: KeyCode) -> Step {
        match code {
            KeyCode::Char('y') => return Step::Write,
            KeyCode::Char('x') => return Step::Abort,
            KeyCode::Down | KeyCode::Char('j') => self.scroll += 1,
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::PageDown => self.scroll += 10,
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(10),
            KeyCode::Esc | KeyCode::Char('b') => {
                // After the last one its answer is undone, as anywhere else.
                if self.trail.last() == Some(&self.at) {
                    self.back();
                } else {
                    self.look_at(self.at);
                }
            }
            _ => {}
        }
        Step::Stay
    }

    fn change(&mut self, code: KeyCode) -> Step {
        match code {
            KeyCode::Esc => self.mode = Mode::Look,
            KeyCode::Char(letter) => {
                if let Some((_, settle, _)) = ROLES.iter().find(|(key, ..)| *key == letter) {
                    self.settle_as(*settle);
                }
            }
            _ => {}
        }
        Step::Stay
    }

    /// What the guide's words ask of what the block gives, where it is settled as a command.
    fn proposed(&self, settle: Option<Settle>) -> Option<String> {
        let runs = matches!(settle, Some(Settle::Run | Settle::Check));
        self.proposal().filter(|_| runs)?.condition()
    }

    fn settle_as(&mut self, settle: Settle) {
        self.mode = Mode::Look;
        let (Some(proposal), Some(block)) = (self.proposal(), self.block()) else {
            return;
        };
        match proposal.allows(settle, block) {
            Err(why) => self.message = why,
            Ok(()) if settle == Settle::Fences && self.job.beside => {
                self.message =
                    "only the guide can have several fences; `c` `p` settles its parts".to_owned();
            }
            Ok(()) => {
                let before = self.proposed(self.draft.settle);
                if self.draft.expect == before {
                    self.draft.expect = self.proposed(Some(settle));
                }
                self.draft.settle = Some(settle);
                self.message = "Enter takes it".to_owned();
            }
        }
    }

    fn type_text(&mut self, key: KeyEvent) -> Step {
        let Mode::Type(field, input) = &mut self.mode else {
            return Step::Stay;
        };
        match key.code {
            KeyCode::Esc => self.mode = Mode::Look,
            KeyCode::Enter => {
                let (field, text) = (*field, input.value().trim().to_owned());
                self.keep_text(field, text);
            }
            _ => {
                input.handle_event(&Event::Key(key));
            }
        }
        Step::Stay
    }

    /// An empty text takes the value off.
    fn keep_text(&mut self, field: Field, text: String) {
        let given = (!text.is_empty()).then(|| text.clone());
        match field {
            Field::Expect => {
                if let Some(text) = &given
                    && let Err(why) = self.job.check_condition(text, &self.ids())
                {
                    self.message = why;
                    return;
                }
                self.draft.expect = given;
            }
            Field::Id => {
                let ids = self.ids();
                let runbook = self.job.with_ids(&ids);
                let own = self.proposal().map_or(0, |proposal| proposal.block);
                let taken: Vec<&str> = runbook
                    .blocks
                    .iter()
                    .filter(|block| block.n != own)
                    .map(|block| block.id.as_str())
                    .chain(runbook.steps().map(|step| step.id.as_str()))
                    .chain(runbook.walk().map(|phase| phase.id.as_str()))
                    .chain(runbook.rollback.iter().map(|option| option.id.as_str()))
                    .collect();
                if let Some(text) = &given
                    && let Some(why) = objection_to_id(text, &taken)
                {
                    self.message = why;
                    return;
                }
                self.draft.id = given;
            }
        }
        self.mode = Mode::Look;
        self.message = "Enter takes it".to_owned();
    }

    fn choose_undo(&mut self, key: KeyEvent) -> Step {
        let all = self.targets();
        let Mode::Undo { input, selected } = &mut self.mode else {
            return Step::Stay;
        };
        let typed = input.value().trim().to_owned();
        let matching = targets::matching(&all, &typed);
        match key.code {
            KeyCode::Esc => self.mode = Mode::Look,
            KeyCode::Down => *selected = (*selected + 1).min(matching.len().saturating_sub(1)),
            KeyCode::Up => *selected = selected.saturating_sub(1),
            KeyCode::Enter => {
                let exact = all.iter().find(|target| target.id == typed);
                match exact.or_else(|| matching.get(*selected).copied()) {
                    Some(target) => {
                        self.draft.undo = Some(target.id.clone());
                        self.mode = Mode::Look;
                        self.message = "Enter takes it".to_owned();
                    }
                    None => self.message = targets::unknown(&all, &typed),
                }
            }
            KeyCode::Delete if typed.is_empty() => {
                self.draft.undo = None;
                self.mode = Mode::Look;
            }
            _ => {
                *selected = 0;
                input.handle_event(&Event::Key(key));
            }
        }
        Step::Stay
    }
}
