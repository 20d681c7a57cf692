//! What the configuration of the run would run, connect to and read, before anything of that is done.
//! `Y` agrees, for this content of the file; Enter closes, and nothing starts.
//!
//! ```text
//! ╔ do you trust this configuration? ════════════════════ staging ╗
//! ║ /srv/shop/gonogo.toml                                         ║
//! ║ You have not agreed to it before: until you do, nothing …     ║
//! ║ runs                                                          ║
//! ║   pass show shop/staging/admin                                ║
//! ║     environments.staging.secrets.ADMIN_TOKEN                  ║
//! ║ connects to                                                   ║
//! ║   host=db.staging.internal dbname=shop user=deploy            ║
//! ║     environments.staging.targets.main                         ║
//! ╚ Y TRUST it  Esc close, start nothing ═════════════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::{Dialog, Reply, Scroll, size_of};
use crate::run::{Command, Configuration};
use crate::text::scrub::scrub_line;
use crate::ui::format::wrap;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct TrustDialog {
    /// As it stands here: what is agreed to is this.
    configuration: Configuration,
    scroll: Scroll,
}

impl TrustDialog {
    /// On what has to be agreed to, else on what was; `None` for a run without a configuration.
    pub fn new(look: &Look<'_>) -> Option<Self> {
        let run = look.run();
        let asked = run.untrusted.as_deref();
        let configuration = asked.or(run.provenance.configuration.as_ref())?.clone();
        Some(Self {
            configuration,
            scroll: Scroll::default(),
        })
    }

    fn is_asked(&self, look: &Look<'_>) -> bool {
        let asked = look.run().untrusted.as_ref();
        asked.is_some_and(|asked| asked.digest == self.configuration.digest)
    }

    fn lines(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let mut lines = Vec::new();
        let mut say = |indent: usize, text: &str, role: Role| {
            let text = format!("{}{}", " ".repeat(indent), scrub_line(text, false));
            lines.extend(wrap(
                Line::styled(text, theme.style(role)),
                columns,
                indent + 2,
            ));
        };
        let Configuration {
            path,
            digest,
            reach,
        } = &self.configuration;
        say(0, path, Role::Heading);
        say(0, &format!("SHA-256 {digest}"), Role::Muted);
        match self.is_asked(look) {
            true => say(
                0,
                "You have not agreed to this yet. Until you do, nothing of this run starts and nothing below is done.",
                Role::Warning,
            ),
            false => say(
                0,
                "You agreed to this, or it needs no consent.",
                Role::Passed,
            ),
        }
        let mut kind = None;
        for one in reach {
            if kind != Some(one.kind) {
                say(0, "", Role::Text);
                say(0, one.kind.words(), Role::Heading);
                kind = Some(one.kind);
            }
            for line in one.text.lines() {
                say(2, line, Role::Code);
            }
            say(4, &one.key, Role::Muted);
        }
        lines
    }
}

impl Dialog for TrustDialog {
    fn context(&self) -> Context {
        Context::Trust
    }

    fn title(&self, look: &Look<'_>) -> String {
        match self.is_asked(look) {
            true => "do you trust this configuration?".to_owned(),
            false => "the configuration of this run".to_owned(),
        }
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        size_of(&self.lines(look, room.width.into()), 0)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        self.scroll.draw(&lines, look, area, buffer);
    }

    fn role(&self) -> Role {
        Role::Warning
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        intent != Intent::Trust || (self.is_asked(look) && look.model.drives())
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Trust if !self.is_asked(look) => {
                Reply::say("there is nothing to agree to", "Esc closes this")
            }
            Intent::Trust => Reply::Done(vec![Command::Consent {
                digest: self.configuration.digest.clone(),
            }]),
            Intent::Close => Reply::Close,
            other => {
                let rows = look.scrolls(|width| self.lines(look, width));
                self.scroll.on(other, rows)
            }
        }
    }
}
