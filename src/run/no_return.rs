//! The point of no return: what ceases to be possible once an action has run. It is asked of a run in which it
//! has, so that what is said before is what will be said after it.

use super::{ActionId, Attempt, Outcome, RunState, Timestamp, rollback_plans};

impl RunState {
    /// Whether an action begins a phase that its guide calls a point of no return.
    pub(super) fn begins_no_return(&self, action: ActionId) -> bool {
        let Some(step) = self.step_of(action) else {
            return false;
        };
        let phase = self.runbook.phase_of(&step.id);
        phase.is_some_and(|phase| {
            phase.point_of_no_return
                && self.beyond().is_none_or(|beyond| beyond.id != phase.id)
                && self.may_have_changed(action)
        })
    }

    /// Which rollbacks would not do what they are for once this action has run, and why; empty where it takes
    /// nothing away.
    pub fn ceases_with(&self, action: ActionId, now: Timestamp) -> Vec<String> {
        let is_grave = self.destroys(action) || self.begins_no_return(action);
        if !is_grave || self.runbook.rollback.is_empty() {
            return Vec::new();
        }
        let mut after = self.clone();
        let own = after.actions.entry(action).or_default();
        let number = u32::try_from(own.attempts.len()).unwrap_or(u32::MAX);
        own.attempts.push(Attempt {
            number: number.saturating_add(1),
            by: String::new(),
            started_at: now,
            ended_at: Some(now),
            outcome: Some(Outcome::Passed),
            ..Attempt::default()
        });
        let before = rollback_plans(self);
        let mut ceases = Vec::new();
        for plan in rollback_plans(&after) {
            let known = before.iter().find(|known| known.option == plan.option);
            let known = known
                .map(|known| known.reasons.as_slice())
                .unwrap_or_default();
            let new = plan.reasons.iter().filter(|why| !known.contains(why));
            ceases.extend(new.map(|why| format!("`{}` would be in doubt: {why}", plan.title)));
        }
        ceases
    }
}
