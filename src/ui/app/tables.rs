//! What the keys of a pane that lists things do, the same in all of them.

use std::collections::BTreeSet;

use tui_input::Input;

use super::moves::stepped;
use super::{App, Ask};
use crate::ui::alarms::blocker;
use crate::ui::dialogs::{AlarmList, Detail, SignalDialog};
use crate::ui::filter::Filter;
use crate::ui::format::plural;
use crate::ui::intent::Intent;
use crate::ui::listing::{Listing, Sort};
use crate::ui::panes;
use crate::ui::table::{Arranged, Table, Value, furthest, next_sort};
use crate::ui::theme::Role;

/// The rows of the focused pane as they are shown, and where the cursor is.
struct Shown<'a> {
    table: Box<dyn Table + 'a>,
    arranged: Arranged,
    cursor: usize,
}

impl Shown<'_> {
    fn key_at(&self, at: usize) -> Option<u64> {
        Some(self.table.key(self.arranged.row(at)?))
    }
}

impl App {
    fn table_width(&self) -> u16 {
        self.pane_area(self.view.focus()).unwrap_or_default().width
    }

    fn shown_table(&self) -> Option<Shown<'_>> {
        let name = self.view.focus();
        let table = panes::pane(name)?.table(&self.look(), self.table_width())?;
        let listing = self.view.listing(name);
        let arranged = Arranged::of(table.as_ref(), listing);
        let cursor = arranged.cursor(table.as_ref(), listing);
        Some(Shown {
            table,
            arranged,
            cursor,
        })
    }

    fn listing(&mut self) -> &mut Listing {
        let name = self.view.focus();
        self.view.listing_mut(name)
    }

    /// Moves the cursor of a list, which goes with its row from then on.
    pub(in crate::ui) fn go_row(&mut self, intent: Intent, page: u64, height: u16) {
        let Some(shown) = self.shown_table() else {
            return;
        };
        let last = shown.arranged.len().saturating_sub(1);
        let at = stepped(shown.cursor as u64, intent, page, last as u64);
        let at = usize::try_from(at).unwrap_or(0);
        let key = shown.key_at(at);
        drop(shown);
        let height = usize::from(height.saturating_sub(2)).max(1);
        let listing = self.listing();
        (listing.cursor, listing.at) = (key, at);
        listing.top = listing.top.clamp((at + 1).saturating_sub(height), at);
    }

    /// What the keys of a list do; false: it is none of them.
    pub(in crate::ui) fn on_table(&mut self, intent: Intent) -> bool {
        match intent {
            Intent::Detail => self.open_row(),
            Intent::Filter => {
                let text = self.listing().filter.text().to_owned();
                self.listing().typed = Some(Input::new(text));
            }
            Intent::Submit => self.listing().typed = None,
            Intent::Close => {
                let listing = self.listing();
                listing.typed = None;
                listing.filter = Filter::default();
            }
            Intent::Sort => self.sort_next(),
            Intent::SortBackwards => {
                if let Some(sort) = &mut self.listing().sort {
                    sort.descending = !sort.descending;
                }
            }
            Intent::Mark => self.mark(),
            Intent::Group => {
                let groups = panes::pane(self.view.focus()).map_or(0, |pane| pane.groups().len());
                let listing = self.listing();
                let next = listing.group.map_or(0, |group| group + 1);
                listing.group = Some(next).filter(|next| usize::from(*next) < groups);
                // Columns and rows are others.
                (listing.sort, listing.aside) = (None, 0);
            }
            Intent::Pause => self.pause(),
            Intent::CancelSession | Intent::EndSession => self.ask_signal(intent),
            Intent::EndBlocker => {
                let found = blocker(&self.model);
                match found.and_then(|(target, pid)| SignalDialog::of(&self.look(), &target, pid)) {
                    Some(dialog) => self.open(dialog),
                    None => self.say("no other session blocks anybody", "", Role::Muted),
                }
            }
            Intent::ListAlarms => self.open(AlarmList::default()),
            Intent::ScrollRight => {
                let most = self
                    .shown_table()
                    .map_or(0, |shown| furthest(shown.table.columns()));
                let listing = self.listing();
                listing.aside = (listing.aside + 1).min(most);
            }
            Intent::ScrollLeft => {
                let listing = self.listing();
                listing.aside = listing.aside.saturating_sub(1);
            }
            Intent::ShowAll => {
                let listing = self.listing();
                // Marks that were out of sight are seen before they are dropped.
                let is_narrowed = listing.part.is_some() || !listing.filter.is_empty();
                let marked = std::mem::take(&mut listing.marked);
                *listing = Listing {
                    cursor: listing.cursor,
                    at: listing.at,
                    marked: marked.into_iter().filter(|_| is_narrowed).collect(),
                    ..Listing::default()
                };
            }
            Intent::ShowPart(part) => {
                let parts = panes::pane(self.view.focus()).map_or(0, |pane| pane.parts().len());
                self.listing().part = Some(part).filter(|part| usize::from(*part) < parts);
            }
            _ => return false,
        }
        true
    }

    fn open_row(&mut self) {
        let Some(shown) = self.shown_table() else {
            return self.say("there is no row to show", "", Role::Muted);
        };
        let row = shown.arranged.row(shown.cursor);
        let opened = row.map(|row| (shown.table.key(row), shown.table.opens(row)));
        drop(shown);
        match opened {
            Some((_, Some(filter))) => {
                let listing = self.listing();
                (listing.group, listing.sort) = (None, None);
                listing.filter = Filter::new(&filter);
            }
            Some((key, None)) => {
                let dialog = Detail::new(self.view.focus(), key);
                self.open(dialog);
            }
            None => self.say("there is no row to show", "", Role::Muted),
        }
    }

    /// By the next column that is shown: numbers the largest first, texts from the first letter.
    fn sort_next(&mut self) {
        let width = self.table_width();
        let Some(shown) = self.shown_table() else {
            return;
        };
        let listing = self.view.listing(self.view.focus());
        let next = next_sort(shown.table.columns(), width, listing);
        let is_number = |column: usize| {
            (0..shown.table.len()).any(|row| {
                matches!(
                    shown.table.value(row, column),
                    Value::Number(_) | Value::Measure(_)
                )
            })
        };
        let sort = next.map(|column| Sort {
            column,
            descending: is_number(column),
        });
        drop(shown);
        self.listing().sort = sort;
    }

    fn mark(&mut self) {
        let Some(key) = self
            .shown_table()
            .and_then(|shown| shown.key_at(shown.cursor))
        else {
            return;
        };
        let marked = &mut self.listing().marked;
        if !marked.remove(&key) {
            marked.insert(key);
        }
        self.go(Intent::Down);
    }

    /// Stops the marked sessions, else the one with the cursor, after a look at them.
    fn ask_signal(&mut self, intent: Intent) {
        if self.listing().paused.is_some() {
            self.say(
                "the pane is paused: this list is old",
                "p resumes; then choose again",
                Role::Warning,
            );
            return;
        }
        if self.listing().group.is_some() {
            let text = "these are groups of sessions: nothing was sent";
            return self.say(text, "Enter shows the sessions of one", Role::Warning);
        }
        let Some(shown) = self.shown_table() else {
            return self.say("there is no session to stop here", "", Role::Muted);
        };
        let under = shown.key_at(shown.cursor);
        let all: BTreeSet<u64> = (0..shown.table.len())
            .map(|row| shown.table.key(row))
            .collect();
        let in_sight: BTreeSet<u64> = (0..shown.arranged.len())
            .filter_map(|at| shown.key_at(at))
            .collect();
        drop(shown);
        let marked = &mut self.listing().marked;
        marked.retain(|key| all.contains(key));
        let keys: Vec<u64> = marked.iter().copied().collect();
        let hidden = keys.iter().filter(|key| !in_sight.contains(key)).count();
        if hidden > 0 {
            let rows = plural(hidden, "marked row is", "marked rows are");
            return self.say(
                format!("{rows} out of sight: nothing was sent"),
                "Esc shows all",
                Role::Warning,
            );
        }
        let keys = match keys.is_empty() {
            true => Vec::from_iter(under),
            false => keys,
        };
        match SignalDialog::new(&self.look(), intent, &keys) {
            Some(dialog) => self.open(dialog),
            None => self.say("there is no session to stop here", "", Role::Muted),
        }
    }

    fn pause(&mut self) {
        if self.listing().paused.take().is_some() {
            return;
        }
        let frozen = panes::pane(self.view.focus()).and_then(|pane| pane.freezes(&self.look()));
        let now = self.model.now;
        match frozen {
            Some(frozen) => self.listing().paused = Some((now, frozen)),
            None => self.say("there is nothing to pause yet", "", Role::Muted),
        }
    }

    /// The marked rows as text, else the one with the cursor.
    pub(in crate::ui) fn copied_rows(&self) -> Option<String> {
        let shown = self.shown_table()?;
        let marked = &self.view.listing(self.view.focus()).marked;
        let rows: Vec<String> = (0..shown.table.len())
            .filter(|row| marked.contains(&shown.table.key(*row)))
            .map(|row| shown.table.copies(row))
            .collect();
        if rows.is_empty() {
            let row = shown.arranged.row(shown.cursor)?;
            return Some(shown.table.copies(row));
        }
        Some(rows.join("\n"))
    }

    pub(super) fn copy(&mut self) -> Vec<Ask> {
        let focus = self.view.focus();
        let width = self.table_width();
        let text = self
            .copied_rows()
            .or_else(|| panes::pane(focus).and_then(|pane| pane.copies(&self.look(), width)));
        match text {
            Some(text) => self.copied(&text),
            None => {
                self.say("there is nothing to copy here", "", Role::Muted);
                Vec::new()
            }
        }
    }

    pub(super) fn copied(&mut self, text: &str) -> Vec<Ask> {
        let lines = text.lines().count();
        self.say(
            format!("copied {}", plural(lines, "line", "lines")),
            "if the terminal allows it (OSC 52)",
            Role::Text,
        );
        vec![Ask::Copy(text.to_owned())]
    }

    /// The field of a filter that is typed, and its rows at each letter.
    pub(in crate::ui) fn type_filter(&mut self, take: impl FnOnce(&mut Input)) -> bool {
        let listing = self.listing();
        let Some(input) = &mut listing.typed else {
            return false;
        };
        take(input);
        listing.filter = Filter::new(input.value());
        true
    }
}
