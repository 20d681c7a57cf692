//! What has changed in the guide's file since the run was opened. The run goes on with what was
//! frozen then; this only shows the difference.
//!
//! ```text
//! ╔ the guide has changed on disk ═══════════════════════ staging ╗
//! ║ seen 02:14 UTC; this run goes on with the text it began with  ║
//! ║ @@ -12,3 +12,3 @@                                             ║
//! ║ -pg_dump app                                                  ║
//! ║ +pg_dump -Fc app                                              ║
//! ╚ Esc close ════════════════════════════════════════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::page::Page;
use super::{Dialog, Reply, Scroll, size_of};
use crate::run::GuideOnDisk;
use crate::ui::format::minute_or_date;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::theme::Role;
use crate::ui::view::Look;

#[derive(Default)]
pub struct GuideChanged {
    asked: bool,
    difference: Option<Result<Vec<String>, String>>,
    scroll: Scroll,
}

impl GuideChanged {
    fn lines(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let mut page = Page::new(theme, columns);
        if let Some(seen) = &look.run().guide_on_disk {
            let when = minute_or_date(seen.at, look.model.now);
            let frozen = "this run goes on with the text it was opened from";
            page.say(
                match &seen.state {
                    GuideOnDisk::Same => {
                        format!("since {when} UTC it is again the text of this run")
                    }
                    GuideOnDisk::Changed(_) => format!("seen {when} UTC; {frozen}"),
                    GuideOnDisk::Missing => format!("gone since {when} UTC; {frozen}"),
                    GuideOnDisk::Unreadable(why) => {
                        format!("cannot be read since {when} UTC ({why}); {frozen}")
                    }
                },
                Role::Warning,
            );
        }
        page.gap();
        match &self.difference {
            None => page.say("reading it …", Role::Muted),
            Some(Err(why)) => page.say(why.clone(), Role::Warning),
            Some(Ok(difference)) if difference.is_empty() => {
                page.say("no differences", Role::Muted);
            }
            Some(Ok(difference)) => {
                for line in difference {
                    let role = match line.as_bytes().first() {
                        Some(b'+') => Role::Passed,
                        Some(b'-') => Role::Failed,
                        Some(b'@') => Role::Heading,
                        _ => Role::Text,
                    };
                    page.say(line.clone(), role);
                }
            }
        }
        page.lines
    }
}

impl Dialog for GuideChanged {
    fn context(&self) -> Context {
        Context::Read
    }

    fn title(&self, _look: &Look<'_>) -> String {
        "the guide on disk".to_owned()
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        size_of(&self.lines(look, room.width.into()), 0)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        self.scroll.draw(&lines, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            other => {
                let rows = look.scrolls(|width| self.lines(look, width));
                self.scroll.on(other, rows)
            }
        }
    }

    fn wants_difference(&mut self) -> bool {
        !std::mem::replace(&mut self.asked, true)
    }

    fn learn_difference(&mut self, difference: Result<Vec<String>, String>) {
        self.difference = Some(difference);
    }
}
