//! What the gate of the phase at hand asks, with the verdicts so far.
//!
//! ```text
//! gate  1 Backup · 1 point open
//! ✓ met       the dump is larger than 1 GB — value is 1400
//! · open      nobody deploys meanwhile
//! step `1.3 Note its size` is not done
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::document::criterion;
use super::{Pane, Title, clamped, draw_lines};
use crate::run::{GateDecision, RunState};
use crate::runbook::{Expectation, Phase};
use crate::ui::format::{minute, pad, plural, wrap};
use crate::ui::markdown::plain;
use crate::ui::soaks::soak_lines;
use crate::ui::theme::{Mark, Role, verdict_mark};
use crate::ui::view::Look;

pub struct GatePane;

impl Pane for GatePane {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let run = look.run();
        let Some(phase) = run.phase() else {
            return Title::default();
        };
        let objections = run.gate_objections(phase).len();
        let alert = match (objections, run.is_phase_passed(&phase.id)) {
            (_, true) => ("✓ passed".to_owned(), Role::Passed),
            (0, false) => ("✓ clear".to_owned(), Role::Passed),
            (open, false) => (
                format!("{} open", plural(open, "point", "points")),
                Role::Warning,
            ),
        };
        Title {
            words: plain(&phase.title),
            alert: Some(alert),
        }
    }

    fn rows(&self, look: &Look<'_>, size: Size) -> u64 {
        lines(look, size.width).len() as u64
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = lines(look, area.width);
        if lines.is_empty() {
            super::empty("the guide holds no phases", look, area, buffer);
            return;
        }
        let top = look.view.position(self.name()).top.unwrap_or(0);
        draw_lines(
            &lines,
            clamped(top, lines.len() as u64, area.height),
            area,
            buffer,
        );
    }
}

/// One criterion with its verdict; `None` for a width leaves it on one line.
pub fn item_lines(
    phase: &Phase,
    item: &Expectation,
    look: &Look<'_>,
    width: usize,
) -> Vec<Line<'static>> {
    let run = look.run();
    let answer = run.gate_answer(phase, item);
    let Mark { glyph, word, role } = verdict_mark(answer.as_ref().map(|answer| answer.verdict));
    let word = match (word, item.red_flag) {
        ("met", true) => "not so",
        ("NOT met", true) => "RED FLAG",
        // Nobody is asked: the engine says it as soon as it can be measured.
        ("open", _) if item.cel.is_some() => "not yet",
        (word, _) => word,
    };
    let style = look.theme.style(role);
    let mut spans = vec![Span::styled(format!("{glyph} {} ", pad(word, 8)), style)];
    if item.red_flag {
        spans.push(Span::styled(
            "must not be: ",
            look.theme.style(Role::Destructive),
        ));
    }
    spans.extend(criterion(&item.text, look.theme.style(Role::Text), look));
    let seen = seen(run, phase, item).or_else(|| {
        let answer = answer.as_ref()?;
        let line = answer
            .line
            .map_or_else(String::new, |line| format!(", line {line}"));
        Some(format!(
            "{}{line}, {}",
            answer.found,
            answer.at.format("%H:%M:%S")
        ))
    });
    let nearest = || {
        let nearest = run
            .nearest_evidence(phase, item)
            .filter(|_| item.cel.is_none())?;
        Some(format!("closest evidence: {nearest}"))
    };
    if let Some(seen) = seen.or_else(nearest) {
        spans.push(Span::styled(
            format!(" — {seen}"),
            look.theme.style(Role::Muted),
        ));
    }
    wrap(Line::from(spans), width, 11)
}

fn seen(run: &RunState, phase: &Phase, item: &Expectation) -> Option<String> {
    let known = run.phases.get(&phase.id)?.criteria.get(&item.line)?;
    let who = known.by.split('@').next().unwrap_or_default();
    Some(match (&known.note, &item.cel) {
        (Some(note), _) => format!("{who} {}: {note}", minute(known.at)),
        // With its block and time, as that of every measurement.
        (None, Some(_)) => return None,
        (None, None) if item.measure.is_some() => {
            let told = &known.judgement.explanation;
            format!("{told}; {who} {}", minute(known.at))
        }
        (None, None) => format!("{who} {}", minute(known.at)),
    })
}

fn lines(look: &Look<'_>, width: u16) -> Vec<Line<'static>> {
    let run = look.run();
    let Some(phase) = run.phase() else {
        return Vec::new();
    };
    let width = usize::from(width);
    let mut lines: Vec<Line<'static>> = run
        .gate_items(phase)
        .into_iter()
        .chain(run.measured_items(phase))
        .flat_map(|item| item_lines(phase, item, look, width))
        .collect();
    if lines.is_empty() {
        lines.push(Line::styled(
            "the guide names no criteria for this phase",
            look.theme.style(Role::Muted),
        ));
    }
    lines.extend(soak_lines(phase, look, width));
    for flag in run.flag_places() {
        let text = format!("⚐ {} {}", pad("flag", 8), flag.words());
        let line = Line::styled(text, look.theme.style(Role::Muted));
        lines.extend(wrap(line, width, 11));
    }
    for alert in run.alerts.iter().filter(|alert| alert.phase == phase.id) {
        let words = run.alert_words(alert);
        let (text, role) = match &alert.acknowledged {
            None => (format!("⚑ {} {words}", pad("RED FLAG", 8)), Role::Failed),
            Some(known) => {
                let who = known.by.split('@').next().unwrap_or_default();
                let at = minute(known.at);
                let seen = pad("seen", 8);
                let more = run.more_words(alert);
                let more = more.map_or_else(String::new, |more| format!("; {more}"));
                (
                    format!("⚑ {seen} {words} — {who} {at}: {}{more}", known.note),
                    Role::Muted,
                )
            }
        };
        let line = Line::styled(text, look.theme.style(role));
        lines.extend(wrap(line, width, 11));
    }
    for step in phase.steps.iter().filter(|step| !run.is_step_settled(step)) {
        let mark = crate::ui::theme::status_mark(run.step_status(step));
        let text = format!(
            "{} {} step {}",
            mark.glyph,
            pad(mark.word, 8),
            plain(&step.title)
        );
        lines.extend(wrap(
            Line::styled(text, look.theme.style(mark.role)),
            width,
            11,
        ));
    }
    let gate = run
        .phases
        .get(&phase.id)
        .and_then(|state| state.gate.as_ref());
    if let Some(gate) = gate {
        let word = match gate.decision {
            GateDecision::Go => "GO",
            GateDecision::Hold => "hold",
            GateDecision::NoGo => "NO-GO",
        };
        let reason = gate
            .reason
            .as_ref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let text = format!("{word} by {} at {}{reason}", gate.by, minute(gate.at));
        lines.extend(wrap(
            Line::styled(text, look.theme.style(Role::Heading)),
            width,
            2,
        ));
    }
    lines
}
