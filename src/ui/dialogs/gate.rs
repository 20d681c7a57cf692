//! Go or no-go at the end of a phase: every criterion with its verdict, the open ones to be judged,
//! and what still stands against going on.
//!
//! ```text
//! ╔ gate of 1 Backup: go or no-go? ═══════════════════════ staging ╗
//! ║ ▸ ✓ met       the dump is larger than 1 GB — value is 1400     ║
//! ║   · open      nobody deploys meanwhile                         ║
//! ║ 1 point against it:                                     ║
//! ║   not judged: nobody deploys meanwhile                         ║
//! ╚ Space judge  G GO  h hold  n no-go  Esc close ═════════════════╝
//! ```

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{Dialog, Field, Form, Reply, draw_scrolled, moved, size_of};
use crate::run::{
    ActionId, Command, GateDecision, Mode, OpenKind, Proof, RunState, Verdict, action_title,
};
use crate::runbook::{Expectation, Phase};
use crate::ui::alerts::acknowledgement;
use crate::ui::format::{plural, wrap};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::panes::gate_item_lines;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct GateDialog {
    phase: String,
    cursor: usize,
    reason: Option<String>,
}

impl GateDialog {
    /// The gate of the phase at hand, or what must be true after the rollback; `None` in a guide without
    /// phases.
    pub fn new(look: &Look<'_>) -> Option<Self> {
        let run = look.run();
        let phase = at_hand(run)?;
        let items = run.gate_items(&phase);
        let is_open = |item: &&Expectation| run.gate_verdict(&phase, item).is_none();
        let cursor = items
            .iter()
            .position(|item| is_open(item) && item.cel.is_none())
            .or_else(|| items.iter().position(is_open))
            .unwrap_or(0);
        Some(Self {
            phase: phase.id.clone(),
            cursor,
            reason: None,
        })
    }

    fn phase<'a>(&self, look: &Look<'a>) -> Option<Cow<'a, Phase>> {
        let run = look.run();
        let phase = run.runbook.phase(&self.phase).map(Cow::Borrowed);
        phase.or_else(|| {
            let gate = run.rollback_gate().filter(|gate| gate.id == self.phase);
            gate.map(Cow::Owned)
        })
    }

    fn item(&self, look: &Look<'_>) -> Option<Expectation> {
        let phase = self.phase(look)?;
        let items = look.run().gate_items(&phase);
        items.get(self.cursor).map(|item| (*item).clone())
    }

    /// What must be true after a rollback is judged; nothing is decided by it.
    fn is_of_rollback(&self, look: &Look<'_>) -> bool {
        look.run().runbook.phase(&self.phase).is_none()
    }

    fn decide(&self, decision: GateDecision) -> Command {
        Command::Gate {
            phase: self.phase.clone(),
            decision,
            reason: self.reason.clone(),
        }
    }

    /// The opposite of the verdict so far; first that all is well.
    fn judge(&self, look: &Look<'_>) -> Reply {
        let (Some(phase), Some(item)) = (self.phase(look), self.item(look)) else {
            return Reply::say("the guide names no criteria here", "decide with G, h or n");
        };
        if let Some(measure) = item.measure.as_ref().filter(|_| item.cel.is_none()) {
            let (phase, line) = (self.phase.clone(), item.line);
            let title = format!(
                "{}: what is it? wanted: {}",
                plain(&measure.name),
                plain(&measure.wanted)
            );
            return Reply::Open(Box::new(Form::new(
                &title,
                vec![Field::required("value")],
                move |texts| {
                    Reply::Done(vec![Command::Answer {
                        phase: phase.clone(),
                        line,
                        value: texts.concat(),
                    }])
                },
            )));
        }
        let good = look.run().gate_verdict(&phase, &item) != Some(Verdict::Pass);
        let holds = good != item.red_flag;
        let (phase, line) = (self.phase.clone(), item.line);
        let command = move |note: Option<String>| Command::Judge {
            phase: phase.clone(),
            line,
            holds,
            note,
        };
        let is_told = look.run().is_of_promotion(&item);
        if item.cel.is_none() && !is_told {
            return Reply::Send(vec![command(None)]);
        }
        let word = if good { "met" } else { "not met" };
        let by = match is_told {
            true => "the run that was promoted answers this",
            false => "this is measured",
        };
        Reply::Open(Box::new(Form::new(
            &format!("{by}: say why it counts as {word}"),
            vec![Field::required("reason")],
            move |texts| Reply::Done(vec![command(Some(texts.concat()))]),
        )))
    }

    /// What the gate comes to, in one line.
    fn summary(&self, look: &Look<'_>) -> Option<Line<'static>> {
        let phase = self.phase(look).filter(|_| !self.is_of_rollback(look))?;
        let objections = look.run().gate_objections(&phase);
        Some(verdict_line(&objections, look))
    }

    fn lines(&self, look: &Look<'_>, width: usize) -> (Vec<Line<'static>>, usize) {
        let theme = look.theme;
        let run = look.run();
        let Some(phase) = self.phase(look) else {
            return (Vec::new(), 0);
        };
        let mut lines = Vec::new();
        if phase.point_of_no_return {
            lines.push(Line::styled(
                "‖ POINT OF NO RETURN: after this phase there is no rollback",
                theme.style(Role::Alarm),
            ));
        }
        let mut at = 0;
        let items = run.gate_items(&phase);
        for (index, item) in items.iter().enumerate() {
            let chosen = index == self.cursor;
            if chosen {
                at = lines.len();
            }
            let own = gate_item_lines(&phase, item, look, width.saturating_sub(2));
            for (row, line) in own.into_iter().enumerate() {
                let mark = if chosen && row == 0 { "▸ " } else { "  " };
                let mut spans = vec![Span::styled(mark, theme.style(Role::Key))];
                spans.extend(line.spans);
                let line = Line::from(spans);
                lines.push(if chosen {
                    line.patch_style(theme.style(Role::Selection))
                } else {
                    line
                });
            }
        }
        let measured = run.measured_items(&phase);
        lines.extend(
            measured
                .iter()
                .flat_map(|item| gate_item_lines(&phase, item, look, width.saturating_sub(2)))
                .map(indented),
        );
        if items.is_empty() && measured.is_empty() {
            lines.push(Line::styled(
                "the guide names no criteria for this phase",
                theme.style(Role::Muted),
            ));
        }
        lines.push(Line::default());
        if self.is_of_rollback(look) {
            if let Some(proof) = run.rollback_proof() {
                let role = match proof {
                    Proof::Verified(_) => Role::Passed,
                    Proof::Failed(_) => Role::Failed,
                    Proof::NoCondition | Proof::Open(_) => Role::Warning,
                };
                let text = format!("rolled back, {}", plain(&proof.words()));
                lines.extend(wrap(Line::styled(text, theme.style(role)), width, 2));
            }
            return (lines, at);
        }
        let objections = run.gate_objections(&phase);
        lines.extend(objection_lines(&objections, look, width));
        let ends = |(action, _): &(ActionId, u32)| run.ends_with(*action, &phase.id);
        for (watch, _) in run.watching().into_iter().filter(ends) {
            let step = run.step_of(watch);
            let title = step.map(|step| action_title(&run.runbook, step, watch));
            let text = format!("GO ends the watch `{}`", title.unwrap_or_default());
            lines.extend(wrap(Line::styled(text, theme.style(Role::Muted)), width, 2));
        }
        match &self.reason {
            Some(reason) => lines.extend(wrap(
                Line::styled(format!("✓ reason: {reason}"), theme.style(Role::Passed)),
                width,
                2,
            )),
            None if !objections.is_empty() => {
                let mut advice = "override: r gives a reason, then G".to_owned();
                if run.open_alerts().next().is_some() {
                    advice.push_str("; ! acknowledges a red flag");
                }
                lines.push(Line::styled(advice, theme.style(Role::Muted)));
            }
            None => {}
        }
        (lines, at)
    }
}

/// What speaks against GO, or that nothing does.
fn objection_lines(objections: &[String], look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
    let theme = look.theme;
    let mut lines = vec![verdict_line(objections, look)];
    for objection in objections {
        let role = match objection.starts_with("red flag") {
            true => Role::Failed,
            false => Role::Warning,
        };
        let line = Line::styled(format!("  {}", plain(objection)), theme.style(role));
        lines.extend(wrap(line, width, 4));
    }
    lines
}

/// Whether anything speaks against GO.
fn verdict_line(objections: &[String], look: &Look<'_>) -> Line<'static> {
    match objections.len() {
        0 => Line::styled("ready for GO", look.theme.style(Role::Passed)),
        many => Line::styled(
            format!("{} against GO:", plural(many, "point", "points")),
            look.theme.style(Role::Warning),
        ),
    }
}

/// In line with those that can be chosen.
fn indented(line: Line<'static>) -> Line<'static> {
    let spans = std::iter::once(Span::raw("  ")).chain(line.spans);
    Line::from(spans.collect::<Vec<_>>())
}

impl Dialog for GateDialog {
    fn context(&self) -> Context {
        Context::Gate
    }

    fn title(&self, look: &Look<'_>) -> String {
        let phase = self.phase(look);
        let title = phase.as_ref().map_or("", |phase| phase.title.as_str());
        match self.is_of_rollback(look) {
            true => format!("after {}: what must be true", plain(title)),
            false => format!("gate of {}: go or no-go?", plain(title)),
        }
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let (lines, _) = self.lines(look, room.width.into());
        size_of(&lines, 0)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let (lines, at) = self.lines(look, area.width.into());
        let mut room = area;
        // What it comes to is on the screen, however long the list above it is.
        if lines.len() > usize::from(area.height)
            && area.height > 1
            && let Some(summary) = self.summary(look)
        {
            room.height -= 1;
            let below = Rect {
                y: room.bottom(),
                height: 1,
                ..area
            };
            summary.render(below, buffer);
        }
        let top = (at + 3).saturating_sub(room.height.into());
        draw_scrolled(&lines, top, look, room, buffer);
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        match intent {
            Intent::Judge => self.item(look).is_some(),
            Intent::BindSource => self.item(look).is_some() && !self.is_of_rollback(look),
            Intent::Go
            | Intent::Hold
            | Intent::NoGo
            | Intent::WriteReason
            | Intent::AskRollBack => !self.is_of_rollback(look),
            _ => true,
        }
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        let run = look.run();
        if !self.offers(intent, look) {
            return Reply::Stay;
        }
        match intent {
            Intent::Close => Reply::Close,
            Intent::Judge => self.judge(look),
            Intent::BindSource => match self.item(look) {
                Some(item) => super::source::asked(&self.phase, &item, look),
                None => Reply::say("the guide names no criteria here", "decide with G, h or n"),
            },
            Intent::Go => {
                let objections = self
                    .phase(look)
                    .map(|phase| run.gate_objections(&phase))
                    .unwrap_or_default();
                if let (Some(first), None) = (objections.first(), &self.reason) {
                    return Reply::say(plain(first), "settle it, or press r and give a reason");
                }
                Reply::Do(vec![self.decide(GateDecision::Go)])
            }
            Intent::Hold => Reply::Do(vec![self.decide(GateDecision::Hold)]),
            Intent::NoGo => Reply::Become(Box::new(NoGo {
                decision: self.decide(GateDecision::NoGo),
            })),
            Intent::AskRollBack => Reply::Then(Vec::new(), Intent::AskRollBack),
            Intent::AskAcknowledge => match acknowledgement(look) {
                Some(form) => Reply::Open(Box::new(form)),
                None => Reply::say("no red flag is open", "nothing to acknowledge"),
            },
            Intent::WriteReason => Reply::Open(Box::new(Form::new(
                "why",
                vec![Field::required("reason")],
                |texts| Reply::Tell(texts.concat()),
            ))),
            other => {
                let items = self
                    .phase(look)
                    .map_or(0, |phase| run.gate_items(&phase).len());
                if let Some(cursor) = moved(self.cursor, other, items) {
                    self.cursor = cursor;
                }
                Reply::Stay
            }
        }
    }

    fn told(&mut self, text: String) {
        self.reason = Some(text);
    }
}

/// The gate that is decided now: of the phase at hand, or after a rollback what must be true then.
fn at_hand(run: &RunState) -> Option<Cow<'_, Phase>> {
    match run.mode {
        Mode::RollingBack | Mode::Stuck | Mode::RolledBack => run.rollback_gate().map(Cow::Owned),
        _ if run.is_walked() => {
            let open = run.open_points();
            let first = open.iter().find(|point| point.kind == OpenKind::Criterion);
            let phase = first.and_then(|point| run.runbook.phase(&point.phase));
            phase.or(run.phase()).map(Cow::Borrowed)
        }
        _ => run.phase().map(Cow::Borrowed),
    }
}

/// After a no-go: try again, hold, go back, or give up. The decision itself is recorded with what is
/// chosen, so that closing decides nothing.
pub struct NoGo {
    decision: Command,
}

impl NoGo {
    fn lines(look: &Look<'_>) -> Vec<Line<'static>> {
        let theme = look.theme;
        [
            ("t", "stay in the phase and try again"),
            ("h", "hold the run: nothing starts until it is resumed"),
            ("R", "look at the rollback"),
            ("A", "abandon the run where it is"),
        ]
        .into_iter()
        .map(|(key, words)| {
            Line::from(vec![
                Span::styled(format!("{key}  "), theme.style(Role::Key)),
                Span::raw(words),
            ])
        })
        .collect()
    }
}

impl Dialog for NoGo {
    fn context(&self) -> Context {
        Context::NoGo
    }

    fn title(&self, _look: &Look<'_>) -> String {
        "no-go: what now?".to_owned()
    }

    fn role(&self) -> Role {
        Role::Warning
    }

    fn wants(&self, look: &Look<'_>, _room: Size) -> Size {
        let mut size = size_of(&Self::lines(look), 0);
        size.width = size.width.max(76);
        size
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        draw_scrolled(&Self::lines(look), 0, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, _look: &Look<'_>) -> Reply {
        let decision = || vec![self.decision.clone()];
        match intent {
            Intent::Close => Reply::Close,
            // A no-go holds the run; trying again lets it go on in the same phase.
            Intent::TryAgain => Reply::Do(vec![self.decision.clone(), Command::Resume {}]),
            Intent::Hold => Reply::Do(decision()),
            Intent::AskRollBack => Reply::Then(decision(), Intent::AskRollBack),
            Intent::AskAbandon => Reply::Then(decision(), Intent::AskAbandon),
            _ => Reply::Stay,
        }
    }
}
