//! Time that has to pass before an action may start: `Clean up (after 7 days)` before a phase, `After 1
//! month` before a step, `Wait 10 minutes` before what comes after it. It is counted from the completion
//! of what stands before it; in the cleanup from that of the deployment.

use chrono::TimeDelta;

use super::{ActionId, RunState, Timestamp};
use crate::runbook::{Phase, Step, Wait};

/// Why an action does not start yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    Until(Timestamp),
    /// For the completion of what its wait is counted from.
    For(String),
}

impl Waiting {
    /// For a sentence: `this waits until …`.
    pub fn words(&self) -> String {
        match self {
            Self::Until(due) => format!("this waits until {}", due.format("%Y-%m-%d %H:%M UTC")),
            Self::For(what) => format!("this waits until {what} is done"),
        }
    }
}

impl RunState {
    /// What an action of the walk waits for at this moment; a reason starts it all the same.
    pub fn waits_for(&self, action: ActionId, now: Timestamp) -> Option<Waiting> {
        let step = self.step_of(action)?;
        let phase = self.runbook.phase_of(&step.id)?;
        let mut latest: Option<Timestamp> = None;
        let of_phase = phase
            .wait_s
            .map(|wait_s| (wait_s, self.before_phase(phase)));
        let of_step = step
            .waits
            .iter()
            .filter(|wait| self.stands_behind(action, step, wait))
            .map(|wait| (wait.duration_s, self.before_wait(phase, step, wait)));
        for (wait_s, since) in of_phase.into_iter().chain(of_step) {
            let since = match since {
                Ok(since) => since,
                Err(what) => return Some(Waiting::For(what)),
            };
            let wait = i64::try_from(wait_s).ok().and_then(TimeDelta::try_seconds);
            let due = wait.and_then(|wait| since.checked_add_signed(wait));
            latest = latest.max(due);
        }
        latest.filter(|due| *due > now).map(Waiting::Until)
    }

    /// When a phase that waits may begin; `None` while what stands before it is not done.
    pub fn due(&self, phase: &Phase) -> Option<Timestamp> {
        let wait = i64::try_from(phase.wait_s?).ok()?;
        let since = self.before_phase(phase).ok()?;
        since.checked_add_signed(TimeDelta::try_seconds(wait)?)
    }

    /// A wait inside a block is for the command that it describes; one in the text for all that follows.
    fn stands_behind(&self, action: ActionId, step: &Step, wait: &Wait) -> bool {
        let lines = self.lines_of(action);
        let mut blocks = step
            .blocks
            .iter()
            .filter_map(|number| self.runbook.block(*number));
        let in_code = blocks.any(|block| {
            (block.line..=block.code_line + block.code.lines().count()).contains(&wait.line)
        });
        match in_code {
            true => lines.contains(&wait.line),
            false => wait.line < lines.start,
        }
    }

    /// The lines of the guide that an action stands on, its fence included.
    fn lines_of(&self, action: ActionId) -> std::ops::Range<usize> {
        let Some(block) = self.runbook.block(action.block) else {
            return 0..0;
        };
        let part = action
            .part
            .checked_sub(1)
            .and_then(|index| block.parts.get(index));
        let (line, code) = part.map_or((block.line, &block.code), |part| (part.line, &part.code));
        line..line + code.lines().count().max(1)
    }

    /// When everything before a phase was done.
    fn before_phase(&self, phase: &Phase) -> Result<Timestamp, String> {
        if self.runbook.cleanup.iter().any(|own| own.id == phase.id) {
            return self.deployed_at.ok_or_else(|| "the deployment".to_owned());
        }
        let index = self.phase_index(&phase.id).unwrap_or(0);
        let Some(before) = index
            .checked_sub(1)
            .and_then(|index| self.runbook.walk().nth(index))
        else {
            return Ok(self.opened_at);
        };
        let gate = self
            .phases
            .get(&before.id)
            .and_then(|own| own.gate.as_ref());
        gate.filter(|_| self.is_phase_passed(&before.id))
            .map(|gate| gate.at)
            .ok_or_else(|| format!("`{}`", before.title))
    }

    /// When everything before a wait inside a phase was done.
    fn before_wait(&self, phase: &Phase, step: &Step, wait: &Wait) -> Result<Timestamp, String> {
        if self.runbook.cleanup.iter().any(|own| own.id == phase.id) {
            return self.before_phase(phase);
        }
        let mut since = self.before_phase(phase)?;
        for earlier in phase.steps.iter().take_while(|other| other.id != step.id) {
            if !self.is_step_settled(earlier) {
                return Err(format!("`{}`", earlier.title));
            }
            since = since.max(self.last_of(earlier, usize::MAX).unwrap_or(since));
        }
        let open = self.actions_of(step).into_iter().find(|action| {
            let is_before = self.lines_of(*action).end <= wait.line;
            let own = self.action(*action).and_then(|own| own.last());
            let ended = own.is_some_and(|attempt| attempt.ended_at.is_some());
            is_before && !ended && !self.is_watch(*action) && !self.is_optional(*action)
        });
        if let Some(open) = open {
            return Err(format!(
                "`{}`",
                super::action_title(&self.runbook, step, open)
            ));
        }
        Ok(since.max(self.last_of(step, wait.line).unwrap_or(since)))
    }

    /// When something in the lines of a step before this one happened last.
    fn last_of(&self, step: &Step, before: usize) -> Option<Timestamp> {
        let own = self.steps.get(&step.id);
        let ticks = own.into_iter().flat_map(|own| &own.ticks);
        let ticks = ticks
            .filter(|(index, _)| {
                step.ticks
                    .get(**index)
                    .is_some_and(|tick| tick.line < before)
            })
            .map(|(_, tick)| tick.at);
        let skipped = own.and_then(|own| own.skipped.as_ref()).map(|skip| skip.at);
        let ended = self
            .actions_of(step)
            .into_iter()
            .filter(|action| self.lines_of(*action).start < before)
            .filter_map(|action| self.action(action)?.last()?.ended_at);
        ticks.chain(skipped).chain(ended).max()
    }
}
