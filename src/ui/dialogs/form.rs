//! A few fields of text: a reason, a note, a value. Enter keeps them; nothing runs or ends by it.
//!
//! ```text
//! ╔ skip `1.3 Note its size` ═════════════════════════════ staging ╗
//! ║ reason  the disk is gone█                                      ║
//! ╚ Enter keep  Esc close, save nothing ═══════════════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::{Dialog, Reply, draw_scrolled};
use crate::run::ActionId;
use crate::ui::format::{pad, width, wrap};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Field {
    label: String,
    input: Input,
    required: bool,
}

impl Field {
    pub fn required(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            input: Input::default(),
            required: true,
        }
    }

    pub fn optional(label: &str) -> Self {
        Self {
            required: false,
            ..Self::required(label)
        }
    }

    /// With a text that is there to be changed.
    #[must_use]
    pub fn holding(mut self, text: &str) -> Self {
        self.input = Input::new(text.to_owned());
        self
    }
}

type Then = Box<dyn Fn(&[String]) -> Reply + Send>;

pub struct Form {
    title: String,
    about: Vec<String>,
    fields: Vec<Field>,
    at: usize,
    then: Then,
    /// The text of the command that its fields write, if they write one.
    writes: Option<fn(&[String]) -> String>,
    /// What was sent and is not on record yet, and how many blocks there were before.
    sent: Option<(String, usize)>,
}

impl Form {
    /// `then` gets one text a field, trimmed, empty where nothing was written.
    pub fn new(
        title: &str,
        fields: Vec<Field>,
        then: impl Fn(&[String]) -> Reply + Send + 'static,
    ) -> Self {
        Self {
            title: title.to_owned(),
            about: Vec::new(),
            fields,
            at: 0,
            then: Box::new(then),
            writes: None,
            sent: None,
        }
    }

    /// Once the command that its fields write is on record, it is shown in the place of the form.
    #[must_use]
    pub fn writes(mut self, code: fn(&[String]) -> String) -> Self {
        self.writes = Some(code);
        self
    }

    /// With what to know before one writes, above the fields.
    #[must_use]
    pub fn about(mut self, paragraphs: Vec<String>) -> Self {
        self.about = paragraphs;
        self
    }

    fn lines(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let label = self
            .fields
            .iter()
            .map(|field| width(&field.label))
            .max()
            .unwrap_or(0)
            .min(columns / 2);
        let mut lines = Vec::new();
        for paragraph in &self.about {
            let line = Line::styled(paragraph.clone(), theme.style(Role::Text));
            lines.extend(wrap(line, columns, 0));
        }
        for (index, field) in self.fields.iter().enumerate() {
            let (before, after) = split_at_cursor(&field.input);
            let role = if index == self.at {
                Role::Key
            } else {
                Role::Muted
            };
            let mut spans = vec![
                Span::styled(pad(&field.label, label), theme.style(role)),
                Span::raw("  "),
                Span::raw(before),
            ];
            if index == self.at {
                spans.push(Span::styled("█", theme.style(Role::Key)));
            }
            spans.push(Span::raw(after));
            lines.extend(wrap(Line::from(spans), columns, label + 2));
        }
        lines
    }
}

fn split_at_cursor(input: &Input) -> (String, String) {
    let letters = input.value().chars();
    let before = letters.clone().take(input.cursor()).collect();
    (before, letters.skip(input.cursor()).collect())
}

impl Dialog for Form {
    fn context(&self) -> Context {
        Context::Form
    }

    fn title(&self, _look: &Look<'_>) -> String {
        self.title.clone()
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let columns = room.width.min(80);
        let rows = self.lines(look, columns.into()).len();
        Size::new(columns, u16::try_from(rows).unwrap_or(u16::MAX))
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        draw_scrolled(&self.lines(look, area.width.into()), 0, look, area, buffer);
    }

    fn offers(&self, intent: Intent, _look: &Look<'_>) -> bool {
        intent != Intent::NextField || self.fields.len() > 1
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::NextField => {
                self.at = (self.at + 1) % self.fields.len().max(1);
                Reply::Stay
            }
            Intent::PreviousField => {
                let fields = self.fields.len().max(1);
                self.at = (self.at + fields - 1) % fields;
                Reply::Stay
            }
            Intent::Submit => {
                let texts: Vec<String> = self
                    .fields
                    .iter()
                    .map(|field| field.input.value().trim().to_owned())
                    .collect();
                let empty = self
                    .fields
                    .iter()
                    .zip(&texts)
                    .position(|(field, text)| field.required && text.is_empty());
                if let Some(index) = empty {
                    self.at = index;
                    let text = format!("`{}` is still empty", self.fields[index].label);
                    return Reply::say(text, "write it, or Esc");
                }
                let before = look.run().runbook.blocks.len();
                self.sent = self.writes.map(|code| (code(&texts), before));
                (self.then)(&texts)
            }
            _ => Reply::Stay,
        }
    }

    fn field(&mut self) -> Option<&mut Input> {
        self.fields.get_mut(self.at).map(|field| &mut field.input)
    }

    fn takes_paste(&self) -> bool {
        true
    }

    fn becomes(&self, look: &Look<'_>) -> Option<ActionId> {
        let (code, before) = self.sent.as_ref()?;
        let action = ActionId::block(before + 1);
        let (now, _) = look.run().code_of(action)?;
        (now.trim_end() == code).then_some(action)
    }
}
