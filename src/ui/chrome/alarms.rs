//! The alarm rows: what is wrong, since when, and the key that helps; the worst first.

use super::ROOMY;
use crate::ui::format::{duration, fit, seconds_between, wrap_within};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::model::Link;
use crate::ui::theme::Role;
use crate::ui::view::Look;
use crate::ui::{held, keymap};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;
use ratatui::widgets::Widget;

/// Rows that long alarms take beyond one each.
const ALARM_ROWS_MORE: usize = 2;

/// What must not be overlooked, the gravest first. Nearly all end with what to do.
pub(super) fn alarms(look: &Look<'_>) -> Vec<Alarm> {
    let model = look.model;
    let mut alarms = Vec::new();
    if let Some(silent) = model.silent_s() {
        let silent = duration(silent);
        alarms.push(Alarm::whole(match &model.link {
            Link::Up => {
                format!("SUPERVISOR SILENT for {silent}: what you see is that old")
            }
            Link::Lost { why, .. } => format!(
                "CONNECTION LOST for {silent}, what you see is old: `gonogo resume {}` revives it, \
                 where its supervisor is gone; trying again ({why})",
                look.run().run
            ),
        }));
    }
    if let Some(typing) = &look.view.typing {
        let title = look
            .run()
            .step_of(typing.action)
            .map_or("", |step| step.title.as_str());
        let key = keymap::key_of(Context::Keyboard, Intent::TakeKeyboardBack);
        alarms.push(Alarm::whole(if typing.is_over(model) {
            format!("THE STEP HAS ENDED: your keys do nothing; {key} takes them back")
        } else {
            format!(
                "YOUR KEYS GO TO THE STEP `{}`: {key} takes them back",
                plain(title)
            )
        }));
    }
    if let Some(held) = held::held(model) {
        let key = |intent| keymap::key_of(Context::Main, intent);
        let alarm = held.alarm(&key(Intent::AskHeld), &key(Intent::RollBackHeld));
        alarms.extend(alarm.map(Alarm::whole));
    }
    if let Some(failure) = &model.store.failure {
        let what = match model.store.displaced {
            true => "RUN FOLDER LOST",
            false => "JOURNAL NOT WRITTEN",
        };
        alarms.push(Alarm::whole(format!(
            "{what}: nothing new starts, the rollback still can; {failure}"
        )));
    }
    for secret in &model.store.secrets {
        let name = plain(&secret.name);
        let seconds = seconds_between(secret.since, model.now);
        match &secret.failure {
            Some(why) => alarms.push(Alarm {
                is_cut: true,
                text: format!("NO SECRET `{name}`: {}", plain(why)),
            }),
            None if seconds > 0 => alarms.push(Alarm::whole(format!(
                "waiting for secret `{name}`, {}",
                duration(seconds)
            ))),
            None => {}
        }
    }
    alarms.extend(crate::ui::alerts::row(look).map(|text| Alarm { text, is_cut: true }));
    alarms.extend(crate::ui::alarms::row(look).map(|text| Alarm { text, is_cut: true }));
    alarms
}

/// A row over the panes.
pub(super) struct Alarm {
    pub(super) text: String,
    /// Its end may be missing.
    pub(super) is_cut: bool,
}

impl Alarm {
    fn whole(text: String) -> Self {
        Self {
            text,
            is_cut: false,
        }
    }
}

/// The alarms as rows of a screen. What does not fit on its row goes on below it, for it ends with
/// what to do; on a low screen it is cut.
pub fn alarm_lines(look: &Look<'_>, screen: Size) -> Vec<Line<'static>> {
    let mut spare = match screen.height {
        ROOMY.. => ALARM_ROWS_MORE,
        _ => 0,
    };
    let style = look.theme.style(Role::Alarm);
    let mut lines = Vec::new();
    for alarm in alarms(look) {
        let text = format!(" {}", alarm.text);
        let columns = usize::from(screen.width);
        let rows = match spare {
            1.. if !alarm.is_cut => wrap_within(Line::styled(text, style), columns, 1, 1 + spare),
            _ => vec![Line::styled(fit(&text, columns), style)],
        };
        spare -= rows.len() - 1;
        lines.extend(rows);
    }
    lines
}

pub fn draw_alarms(alarms: &[Line<'static>], look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
    for (alarm, row) in alarms.iter().zip(area.rows()) {
        buffer.set_style(row, look.theme.style(Role::Alarm));
        alarm.render(row, buffer);
    }
}
