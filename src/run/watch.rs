//! Watches: actions that run beside the steps without a verdict of their own. Here stands how long each
//! lives, what it looks for, which are offered, and which of their alerts are open.

use super::{Acknowledged, ActionId, Alert, Event, Outcome, Record, RunState};
use crate::runbook::{AlertPattern, Block, Choice, Phase, Step, UNTIL_END, red_flag_patterns};

impl RunState {
    /// Actions that run now and are waited for: all but the watches.
    pub fn busy(&self) -> Vec<(ActionId, u32)> {
        let mut running = self.running();
        running.retain(|(action, _)| !self.is_watch(*action));
        running
    }

    /// Watches that run now, with their attempt.
    pub fn watching(&self) -> Vec<(ActionId, u32)> {
        let mut running = self.running();
        running.retain(|(action, _)| self.is_watch(*action));
        running
    }

    /// Whether any step of the guide holds a watch.
    pub fn has_watches(&self) -> bool {
        !self.runbook.steps_with_watches().is_empty()
    }

    /// A watch that runs a check again and again; it is done once its first round is in.
    pub fn is_repeated(&self, action: ActionId) -> bool {
        self.runbook
            .block(action.block)
            .is_some_and(Block::is_repeated)
    }

    /// A repeated check of which no round has ended yet.
    pub fn awaits_round(&self, action: ActionId) -> bool {
        let mut attempts = self
            .action(action)
            .into_iter()
            .flat_map(|state| &state.attempts);
        self.is_repeated(action)
            && !self.waits_for_nobody(action)
            && !attempts.any(|attempt| attempt.round > 0)
    }

    /// What becomes of an action that does not end by itself, in words; `None` of one that does.
    pub fn goes_on_words(&self, action: ActionId) -> Option<String> {
        if self.is_watch(action) {
            return Some(self.watch_words(action));
        }
        let block = self.runbook.block(action.block)?;
        let goes_on = match action.part.checked_sub(1) {
            None => block.long_running,
            Some(index) => block.parts.get(index)?.long_running,
        };
        goes_on.then(|| {
            "what it starts in the background keeps running, even after the run".to_owned()
        })
    }

    /// What a watch is, and how long it lives, in words.
    fn watch_words(&self, action: ActionId) -> String {
        let every = self
            .runbook
            .block(action.block)
            .filter(|block| block.is_repeated())
            .and_then(|block| block.attributes.every_s);
        let what = match every {
            Some(seconds) => format!(
                "a watch: it is repeated every {} beside the others",
                crate::text::duration::format_s(seconds)
            ),
            None => "a watch: it runs beside the others".to_owned(),
        };
        let own = self
            .step_of(action)
            .and_then(|step| self.runbook.phase_of(&step.id))
            .and_then(|phase| self.phase_index(&phase.id));
        match self.watch_ends_with(action) {
            None => format!("{what} and ends with the run"),
            ends if ends == own => format!("{what} and ends with its phase"),
            Some(index) => {
                let phase = self.runbook.nth_phase(index);
                let title = phase.map_or("", |phase| phase.title.as_str());
                format!("{what} and ends with `{title}`")
            }
        }
    }

    /// The position in the walk of the phase with whose gate a watch ends; `None`: with the run. A watch
    /// that later blocks need (a tunnel) lives until the last of them is behind its gate.
    pub fn watch_ends_with(&self, action: ActionId) -> Option<usize> {
        let block = self.runbook.block(action.block)?;
        let phase_of = |step: &Step| {
            let phase = self.runbook.phase_of(&step.id)?;
            self.phase_index(&phase.id)
        };
        let measures = || self.phase_index(&self.runbook.measured_by(action.block)?.id);
        let mut ends = phase_of(self.step_of(action)?).or_else(measures)?;
        match block.attributes.until.as_deref() {
            Some(UNTIL_END) => return None,
            Some(until) => ends = ends.max(self.phase_index(until).unwrap_or(0)),
            None => {}
        }
        for other in &self.runbook.blocks {
            if other.attributes.needs.contains(&block.id)
                && let Some(step) = self.step_of(ActionId::block(other.n))
            {
                // What the rollback needs lives as long as there is a rollback.
                ends = ends.max(phase_of(step)?);
            }
        }
        Some(ends)
    }

    /// Whether a watch ends when this phase passes its gate.
    pub fn ends_with(&self, watch: ActionId, phase: &str) -> bool {
        let last = self.watch_ends_with(watch);
        last.is_some() && last <= self.phase_index(phase)
    }

    /// Requests that end the running watches that this condition picks.
    pub(super) fn end_watches(&self, mut ends: impl FnMut(ActionId) -> bool) -> Vec<Event> {
        self.watching()
            .into_iter()
            .filter(|(action, _)| ends(*action))
            .filter(|(action, _)| {
                self.action(*action)
                    .and_then(|state| state.last())
                    .is_some_and(|attempt| attempt.cancel_requested_at.is_none())
            })
            .map(|(action, attempt)| Event::CancelRequested { action, attempt })
            .collect()
    }

    /// What must not turn up in what an action prints: its own `alert`, and for a watch what the red
    /// flags of its phase quote. No alert is raised twice for one line by the same pattern.
    pub fn alert_patterns(&self, action: ActionId) -> Vec<AlertPattern> {
        let mut patterns = Vec::new();
        let Some(block) = self.runbook.block(action.block) else {
            return patterns;
        };
        patterns.extend(block.attributes.alert.as_deref().map(AlertPattern::written));
        if self.is_watch(action) {
            let phase = self
                .step_of(action)
                .and_then(|step| self.runbook.phase_of(&step.id));
            patterns.extend(phase.into_iter().flat_map(red_flag_patterns));
        }
        patterns
    }

    /// The watches of the phase at hand in the order of the guide, then all others that have run.
    pub fn watches(&self) -> Vec<ActionId> {
        let here = self.phase().map(|phase| phase.id.as_str());
        let mut watches = Vec::new();
        let mut earlier = Vec::new();
        for (step, phase) in self.runbook.steps_with_watches() {
            let at_hand = phase.is_some_and(|phase| Some(phase.id.as_str()) == here);
            for action in self.actions_of(step) {
                let has_run = self
                    .action(action)
                    .is_some_and(|state| !state.attempts.is_empty());
                if self.is_watch(action) && at_hand {
                    watches.push(action);
                } else if self.is_watch(action) && has_run {
                    earlier.push(action);
                }
            }
        }
        // Of other phases, first those that still run.
        earlier.sort_by_key(|action| !self.action(*action).is_some_and(|own| own.is_running()));
        watches.extend(earlier);
        watches
    }

    /// The watch to start next: one of the phase at hand that has never run, where all before it is
    /// settled and nothing after it has begun. Whoever goes on without it is not asked again.
    pub fn offered_watch(&self) -> Option<ActionId> {
        let phase = self.phase()?;
        if self.is_phase_passed(&phase.id) {
            return None;
        }
        let mut offered = None;
        for step in &phase.steps {
            let own = self.steps.get(&step.id);
            if own.is_some_and(|own| own.skipped.is_some()) || self.is_passed_over(step) {
                continue;
            }
            if own.is_some_and(|own| !own.ticks.is_empty()) {
                offered = None;
            }
            for action in self.actions_of(step) {
                let begun = self
                    .action(action)
                    .is_some_and(|state| !state.attempts.is_empty());
                if begun {
                    offered = None;
                } else if self.is_watch(action)
                    && offered.is_none()
                    && self.is_open_before(step, self.line_of(action))
                {
                    return None;
                } else if self.is_watch(action) && offered.is_none() {
                    // One that lacks a value can wait until somebody wants it.
                    offered = super::preview(self, action).is_ok().then_some(action);
                } else if !self.is_watch(action)
                    && offered.is_none()
                    && !self.is_left_out(step, action)
                    && !self.waits_for_nobody(action)
                {
                    return None;
                }
            }
            if offered.is_none() && !self.is_step_settled(step) {
                return None;
            }
        }
        offered
    }

    /// Whether a choice or a box stands open before this line of a step.
    fn is_open_before(&self, step: &Step, line: usize) -> bool {
        let groups: Vec<String> = self
            .open_choices(step)
            .into_iter()
            .map(|(group, _)| group)
            .collect();
        let of_open = |choice: &Option<Choice>| {
            choice
                .as_ref()
                .is_some_and(|choice| groups.contains(&choice.group))
        };
        let mut blocks = step
            .blocks
            .iter()
            .filter_map(|number| self.runbook.block(*number));
        let choice = blocks.any(|block| {
            let mut parts = block.parts.iter();
            (block.line < line && of_open(&block.choice))
                || parts.any(|part| part.line < line && of_open(&part.choice))
        });
        choice || self.open_ticks(step).any(|(_, tick)| tick.line < line)
    }

    /// An optional part that somebody decided to leave out.
    pub fn is_left_out(&self, step: &Step, action: ActionId) -> bool {
        self.steps
            .get(&step.id)
            .is_some_and(|own| own.left_out.contains_key(&action))
    }

    /// An annotated block that may be left out without a word.
    fn waits_for_nobody(&self, action: ActionId) -> bool {
        self.runbook
            .block(action.block)
            .is_some_and(|block| block.attributes.has_class("optional"))
    }

    /// The guide says that it may be left out: the block, or the part of it that the action is.
    pub fn is_optional(&self, action: ActionId) -> bool {
        let part = |index: usize| self.runbook.block(action.block)?.parts.get(index);
        self.waits_for_nobody(action)
            || action
                .part
                .checked_sub(1)
                .and_then(part)
                .is_some_and(|part| part.optional)
    }

    /// Alerts that nobody has acknowledged, oldest first.
    pub fn open_alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts
            .iter()
            .filter(|alert| alert.acknowledged.is_none())
    }

    /// Whether an alert is about lines that matched: these may go on and on, and what somebody said of
    /// them holds for the next ones. A check that fails again after it was fine is another matter.
    pub fn is_of_lines(&self, alert: &Alert) -> bool {
        let mut patterns = self.alert_patterns(alert.action).into_iter();
        !self.is_repeated(alert.action) || patterns.any(|pattern| pattern.shown == alert.pattern)
    }

    /// The open alerts of a phase as objections to its gate.
    pub(super) fn alert_objections(&self, phase: &Phase) -> Vec<String> {
        self.open_alerts()
            .filter(|alert| alert.phase == phase.id)
            .map(|alert| format!("red flag: {}", self.alert_words(alert)))
            .collect()
    }

    /// `ERROR` 3 times in `tail -f app.log`: the last line of them.
    pub fn alert_words(&self, alert: &Alert) -> String {
        let title = self.title_of(alert.action);
        let times = match alert.count {
            1 => String::new(),
            count => format!(" {count} times"),
        };
        format!("`{}`{times} in `{title}`: {}", alert.pattern, alert.text)
    }

    /// What came after an alert was acknowledged: `12 more since, the last: …`.
    pub fn more_words(&self, alert: &Alert) -> Option<String> {
        let known = alert.acknowledged.as_ref().filter(|known| known.more > 0)?;
        Some(format!(
            "{} more since, the last: {}",
            known.more, known.latest
        ))
    }

    /// Whether a block that others need is there: a step has passed, a watch is running.
    pub(super) fn is_there(&self, block: &Block) -> bool {
        let mut states = self
            .actions
            .iter()
            .filter(|(action, _)| action.block == block.n);
        if block.is_watch() {
            return states.any(|(_, state)| state.is_running());
        }
        self.action(ActionId::block(block.n))
            .and_then(|state| state.last())
            .is_some_and(|attempt| attempt.outcome == Some(Outcome::Passed))
    }
}

pub(super) fn acknowledge(state: &mut RunState, record: &Record) {
    let Event::AlertAcknowledged { alert, note, lasts } = &record.event else {
        return;
    };
    if let Some(alert) = state.alerts.iter_mut().find(|known| known.id == *alert) {
        alert.acknowledged = Some(Acknowledged {
            at: record.at,
            by: record.by.clone(),
            note: note.clone(),
            lasts: *lasts,
            more: 0,
            latest: String::new(),
        });
    }
}

/// More of what is open already is counted there, and more of what was acknowledged for as long as the
/// phase lasts is counted as such; else a new alert is open.
pub(super) fn raise(state: &mut RunState, record: &Record) {
    let Event::AlertRaised {
        action,
        attempt,
        phase,
        pattern,
        line,
        text,
        count,
    } = &record.event
    else {
        return;
    };
    let mut alerts = state.alerts.iter_mut().rev().filter(|alert| {
        alert.action == *action && (&alert.pattern, &alert.phase) == (pattern, phase)
    });
    let lasts = |alert: &Alert| alert.acknowledged.as_ref().is_none_or(|known| known.lasts);
    let known = alerts.find(|alert| lasts(alert));
    let acknowledged = match known {
        Some(alert) if alert.attempt == *attempt => {
            alert.line = *line;
            alert.last_at = record.at;
            match &mut alert.acknowledged {
                Some(known) => {
                    known.more = known.more.saturating_add(*count);
                    known.latest.clone_from(text);
                }
                None => {
                    alert.text.clone_from(text);
                    alert.count = alert.count.saturating_add(*count);
                }
            }
            return;
        }
        // The same watch, started again.
        Some(alert) if alert.acknowledged.is_some() => {
            alert.acknowledged.clone().map(|known| Acknowledged {
                more: 0,
                latest: String::new(),
                ..known
            })
        }
        _ => None,
    };
    state.alerts.push(Alert {
        id: record.seq,
        phase: phase.clone(),
        action: *action,
        attempt: *attempt,
        pattern: pattern.clone(),
        line: *line,
        text: text.clone(),
        count: *count,
        first_at: record.at,
        last_at: record.at,
        acknowledged,
    });
}
