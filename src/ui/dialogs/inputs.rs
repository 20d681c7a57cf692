//! Every blank of the guide at one place: its value or that it is open, where the value comes from,
//! what it must look like, and the lines where it stands. A secret takes a source and never a value.
//!
//! ```text
//! ╔ inputs: 2 of 7 open ════════════════════════════════════ staging ╗
//! ║ ▸ ○ COMMIT   open, 2 steps wait for it                           ║
//! ║   ✓ TOKEN    •••••• secret, from the variable DEPLOY_TOKEN       ║
//! ║ ──────────────────────────────────────────────────────────────── ║
//! ║ COMMIT  written <commit>                                         ║
//! ║ must match [0-9a-f]{7,40}                                        ║
//! ║ line 406  Rollback › Go back: git checkout <commit>              ║
//! ╚ Esc close  Enter give a value  a take the remembered value ══════╝
//! ```

mod draw;
mod entry;
mod files;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use tui_input::Input as Text;

use self::entry::Entry;
use super::{Dialog, Reply};
use crate::run::{ActionId, Command, Input, RunState, check_input, is_open, open_inputs};
use crate::runbook::{Variable, values};
use crate::ui::format::plural;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::view::Look;

/// What the keys that are not bound go into.
enum Mode {
    List,
    Filter,
    Entry(Entry),
}

pub struct Inputs {
    /// The blank under the cursor, by name: the list may change beneath it.
    at: String,
    filter: Text,
    mode: Mode,
}

impl Inputs {
    /// With the cursor on the first open blank.
    pub fn new(look: &Look<'_>) -> Self {
        let run = look.run();
        let first = open_inputs(run)
            .next()
            .or_else(|| run.runbook.asked_or_carried().next());
        Self {
            at: first.map(|known| known.name.clone()).unwrap_or_default(),
            filter: Text::default(),
            mode: Mode::List,
        }
    }

    /// With the cursor on what this action waits for.
    #[must_use]
    pub fn at_action(mut self, run: &RunState, action: ActionId) -> Self {
        let block = run.runbook.block(action.block);
        let part = action.part.checked_sub(1);
        let needs = block.map(
            |block| match part.and_then(|index| block.parts.get(index)) {
                Some(part) => &part.needs,
                None => &block.needs,
            },
        );
        let waits =
            open_inputs(run).find(|known| needs.is_some_and(|needs| needs.contains(&known.name)));
        if let Some(variable) = waits {
            self.at.clone_from(&variable.name);
        }
        self
    }

    /// The blanks that the filter leaves, in the order of the guide.
    fn shown<'a>(&self, run: &'a RunState) -> Vec<&'a Variable> {
        let wanted = self.filter.value().to_lowercase();
        let matches = |variable: &&Variable| {
            let value = match run.inputs.get(&variable.name) {
                Some(Input::Value(value)) if !variable.secret => value.to_lowercase(),
                _ => String::new(),
            };
            variable.name.to_lowercase().contains(&wanted)
                || value.contains(&wanted)
                || variable
                    .spellings
                    .iter()
                    .any(|spelling| spelling.to_lowercase().contains(&wanted))
        };
        run.runbook.asked_or_carried().filter(matches).collect()
    }

    fn cursor(&self, shown: &[&Variable]) -> usize {
        let at = shown.iter().position(|known| known.name == self.at);
        at.unwrap_or(0)
    }

    fn selected<'a>(&self, run: &'a RunState) -> Option<&'a Variable> {
        let shown = self.shown(run);
        shown.get(self.cursor(&shown)).copied()
    }

    fn go(&mut self, intent: Intent, run: &RunState) {
        let shown = self.shown(run);
        let last = shown.len().saturating_sub(1);
        let at = self.cursor(&shown);
        let next = match intent {
            Intent::Up => at.saturating_sub(1),
            Intent::Down => (at + 1).min(last),
            Intent::PageUp => at.saturating_sub(8),
            Intent::PageDown => (at + 8).min(last),
            Intent::First => 0,
            Intent::Last => last,
            _ => return,
        };
        if let Some(variable) = shown.get(next) {
            self.at.clone_from(&variable.name);
        }
    }

    /// The commands that confirm what earlier runs left, for one blank or for all of them.
    fn remembered(&self, run: &RunState, only: Option<&str>) -> Vec<Command> {
        run.provenance
            .remembered
            .iter()
            .filter(|(name, _)| only.is_none_or(|only| only == name.as_str()))
            .map(|(name, remembered)| Command::SetInput {
                name: name.clone(),
                input: remembered.input.clone(),
            })
            .collect()
    }

    /// The default that may be taken by key: of a secret none is written anywhere.
    fn default_of(variable: &Variable) -> Option<&String> {
        variable.default.as_ref().filter(|_| !variable.secret)
    }

    fn act(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        let run = look.run();
        let Some(variable) = self.selected(run) else {
            return Reply::say("no blank matches the filter", "Esc clears it");
        };
        let name = variable.name.clone();
        match intent {
            Intent::Open if !look.model.drives() => {
                Reply::say("you are watching", "T takes control")
            }
            Intent::Open => {
                self.at.clone_from(&name);
                self.mode =
                    Mode::Entry(Entry::new(variable, run.inputs.get(&name), &run.directory));
                Reply::Stay
            }
            Intent::TakeRemembered => match self.remembered(run, Some(&name)) {
                commands if commands.is_empty() => Reply::say(
                    format!("nothing to confirm for `{name}`"),
                    "Enter gives a value",
                ),
                commands => {
                    self.next_open(run, &name);
                    Reply::Send(commands)
                }
            },
            Intent::TakeAllRemembered => match self.remembered(run, None) {
                commands if commands.is_empty() => {
                    Reply::say("nothing to confirm", "Enter gives a value")
                }
                commands => Reply::Send(commands),
            },
            Intent::TakeDefault => match Self::default_of(variable) {
                Some(default) => Reply::Send(vec![Command::SetInput {
                    name,
                    input: Input::Value(default.clone()),
                }]),
                None => Reply::say(format!("`{name}` has no default"), "Enter gives a value"),
            },
            Intent::ClearInput => Reply::Send(vec![Command::ClearInput { name }]),
            _ => Reply::Stay,
        }
    }

    /// After a value the cursor goes to the next blank that waits for one.
    fn next_open(&mut self, run: &RunState, done: &str) {
        let variables = &run.runbook.variables;
        let at = variables
            .iter()
            .position(|known| known.name == done)
            .unwrap_or(0);
        let after = variables
            .iter()
            .skip(at + 1)
            .chain(variables.iter().take(at));
        let next = after.into_iter().find(|known| is_open(run, known));
        self.at = next.map_or_else(|| done.to_owned(), |known| known.name.clone());
    }

    fn submit(&mut self, look: &Look<'_>) -> Reply {
        let run = look.run();
        let Mode::Entry(entry) = &self.mode else {
            return Reply::Stay;
        };
        let input = entry.input();
        if let Err(refusal) = check_input(run, &entry.name, &input) {
            return Reply::say(refusal.message, refusal.help);
        }
        let name = entry.name.clone();
        self.mode = Mode::List;
        self.at.clone_from(&name);
        // Where a secret comes from is looked at by the supervisor: its answer belongs to this one.
        if matches!(input, Input::Value(_)) {
            self.next_open(run, &name);
        }
        if run.inputs.get(&name) == Some(&input) {
            return Reply::Stay;
        }
        Reply::Send(vec![Command::SetInput { name, input }])
    }
}

impl Dialog for Inputs {
    fn context(&self) -> Context {
        match self.mode {
            Mode::List => Context::Inputs,
            Mode::Filter => Context::Find,
            Mode::Entry(_) => Context::Form,
        }
    }

    fn title(&self, look: &Look<'_>) -> String {
        let run = look.run();
        let all = run.runbook.variables.len();
        match open_inputs(run).count() {
            0 => format!("inputs: {} filled", plural(all, "blank", "blanks")),
            open => format!("inputs: {open} of {} open", plural(all, "blank", "blanks")),
        }
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let columns = room.width.min(100);
        let lines =
            self.rows(look, columns.into()).len() + self.details(look, columns.into()).len();
        let rows = u16::try_from(lines + 2).unwrap_or(u16::MAX);
        // It does not jump while the cursor moves over blanks that have more or less to say.
        Size::new(columns, rows.max(room.height.min(20)))
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        self.draw(look, area, buffer);
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        let run = look.run();
        let selected = self.selected(run);
        let waits = &run.provenance.remembered;
        match intent {
            Intent::TakeRemembered => selected.is_some_and(|known| waits.contains_key(&known.name)),
            Intent::TakeAllRemembered => !waits.is_empty(),
            Intent::TakeDefault => selected.is_some_and(|known| {
                Self::default_of(known).is_some() && !run.inputs.contains_key(&known.name)
            }),
            Intent::ClearInput => {
                selected.is_some_and(|known| run.inputs.contains_key(&known.name))
            }
            Intent::Undo => run.input_changes.iter().any(|change| !change.taken_back),
            Intent::NextField => match &self.mode {
                Mode::Entry(entry) => entry.has_fields(),
                _ => false,
            },
            _ => true,
        }
    }

    fn is_for_anybody(&self) -> bool {
        // Who watches may look; what changes something says that it is not theirs.
        false
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match (&mut self.mode, intent) {
            (Mode::Filter, Intent::Up | Intent::Down) => self.go(intent, look.run()),
            (Mode::Filter, Intent::Close) => {
                self.filter = Text::default();
                self.mode = Mode::List;
            }
            (Mode::Filter, _) => self.mode = Mode::List,
            (Mode::Entry(_), Intent::Close) => self.mode = Mode::List,
            (Mode::Entry(_), Intent::Submit) => return self.submit(look),
            (Mode::Entry(entry), Intent::NextField) => entry.turn(1),
            (Mode::Entry(entry), Intent::PreviousField) => entry.turn(-1),
            (Mode::Entry(_), _) => {}
            // The first Esc ends the filter, the second the dialog.
            (Mode::List, Intent::Close) if !self.filter.value().is_empty() => {
                self.filter = Text::default();
            }
            (Mode::List, Intent::Close) => return Reply::Close,
            (Mode::List, Intent::Search) => self.mode = Mode::Filter,
            (Mode::List, Intent::Undo) => return Reply::Send(vec![Command::UndoInput {}]),
            (
                Mode::List,
                Intent::Open
                | Intent::TakeRemembered
                | Intent::TakeAllRemembered
                | Intent::TakeDefault
                | Intent::ClearInput,
            ) => return self.act(intent, look),
            (Mode::List, other) => self.go(other, look.run()),
        }
        Reply::Stay
    }

    fn field(&mut self) -> Option<&mut Text> {
        match &mut self.mode {
            Mode::List => None,
            Mode::Filter => Some(&mut self.filter),
            Mode::Entry(entry) => Some(&mut entry.text),
        }
    }

    fn takes_paste(&self) -> bool {
        !matches!(self.mode, Mode::List)
    }

    /// What a paste would have to lose is not taken at all: half a value is a wrong one.
    fn refuses_paste(&self, text: &str) -> Option<String> {
        let Mode::Entry(_) = &self.mode else {
            return None;
        };
        let text = text.strip_suffix('\n').unwrap_or(text);
        let why = values::plain(text.strip_suffix('\r').unwrap_or(text)).err()?;
        Some(format!("not pasted: {why}"))
    }
}
