//! What is asked again and again in a window: of a person, of a repeated check, of a probe. What was asked in
//! too few of its rounds, or did not hold for a while, passes no gate without a word.

use chrono::TimeDelta;

use super::{SoakState, seconds};
use crate::run::{ActionId, RoundSeen, RunState, Timestamp};
use crate::runbook::{Expectation, Phase, Soak};

/// A check that is repeated as seldom as this, in seconds, has each of its rounds recorded.
pub const EACH_ROUND_S: u64 = 60;

impl RunState {
    /// Questions that were to be asked again and again, and were answered in too few of their rounds.
    pub(super) fn seldom_answered(&self, phase: &Phase) -> Vec<String> {
        let seldom = |(item, own, every_s): (&Expectation, &SoakState, u64)| {
            own.ended.as_ref()?;
            let known = self.phases.get(&phase.id)?.criteria.get(&item.line);
            let (answered, rounds) = own.rounds(item.line, every_s);
            let is_seldom = answered * 10 < rounds * 9;
            (is_seldom && known.is_some_and(|known| known.note.is_none())).then(|| {
                format!(
                    "inconclusive: {}: answered in {answered} of {rounds} rounds",
                    item.text
                )
            })
        };
        let questions = self.questions(phase);
        questions.filter_map(seldom).collect()
    }

    /// The checks of a phase that repeat in a window of it: the action, its window, how often in seconds.
    pub fn soak_checks<'a>(
        &'a self,
        phase: &'a Phase,
    ) -> impl Iterator<Item = (ActionId, &'a Soak, u64)> {
        let steps = phase.steps.iter();
        let actions = steps.flat_map(|step| self.actions_of(step));
        let own = actions.filter_map(|action| {
            let block = self.runbook.block(action.block)?;
            Some((action, block, block.line))
        });
        // Those that people had measured stand on no line of the guide.
        let bound = phase.criteria.iter().filter_map(|item| {
            let number = item.block?;
            self.runbook.measured_by(number)?;
            let block = self.runbook.block(number)?;
            Some((ActionId::block(number), block, item.line))
        });
        own.chain(bound).filter_map(|(action, block, line)| {
            let every_s = block.attributes.every_s.filter(|_| block.is_repeated())?;
            Some((action, self.soak_over(phase, line)?, every_s))
        })
    }

    /// The rounds of a repeated check in a window that has begun, and how many there could be by now.
    pub fn soak_rounds(
        &self,
        action: ActionId,
        soak: &Soak,
        every_s: u64,
        now: Timestamp,
    ) -> (Vec<&RoundSeen>, usize) {
        let Some(own) = self.soaks.get(&soak.line) else {
            return (Vec::new(), 0);
        };
        let until = own.ended.as_ref().map_or(now, |end| end.at);
        let attempts = self.action(action).into_iter();
        let rounds = attempts.flat_map(|known| &known.attempts);
        let rounds = rounds.flat_map(|attempt| &attempt.rounds);
        // What was told after a time without a supervisor was seen within it.
        let seen = rounds.filter(|round| round.at >= own.began_at).collect();
        let whole = until.min(own.ends_at) - own.began_at;
        let most = whole.num_seconds() / seconds(every_s);
        (seen, usize::try_from(most).unwrap_or(0).max(1))
    }

    /// Repeated checks that were asked in too few of the rounds of their window.
    pub(super) fn seldom_asked(&self, phase: &Phase) -> Vec<String> {
        let seldom = |(action, soak, every_s): (ActionId, &Soak, u64)| {
            let own = self.soaks.get(&soak.line)?;
            let end = own.ended.as_ref().filter(|end| end.reason.is_none())?;
            // Of a quicker one only what is new is recorded.
            let (seen, most) = self.soak_rounds(action, soak, every_s, end.at);
            let is_seldom = every_s >= EACH_ROUND_S && seen.len() * 10 < most * 9;
            is_seldom.then(|| {
                format!(
                    "inconclusive: `{}`: asked in {} of {most} rounds",
                    self.title_of(action),
                    seen.len()
                )
            })
        };
        self.soak_checks(phase).filter_map(seldom).collect()
    }

    /// Measured criteria that did not hold for all of their window: what is good at its end alone says little.
    pub(super) fn breach_objections(&self, phase: &Phase) -> Vec<String> {
        let items = self.gate_items(phase).into_iter();
        let broken = |item: &Expectation| {
            let own = self.soaks.get(&self.soak_over(phase, item.line)?.line)?;
            let known = self.phases.get(&phase.id)?.criteria.get(&item.line)?;
            let breaches = own
                .breaches
                .get(&item.line)
                .filter(|known| !known.is_empty())?;
            let end = own.ended.as_ref()?;
            let lasted = breaches.iter().fold(TimeDelta::zero(), |sum, one| {
                sum + (one.to.unwrap_or(end.at).min(end.at) - one.from)
            });
            let lasted = crate::text::duration::format_s(lasted.num_seconds().unsigned_abs());
            let word = match breaches.iter().any(|one| one.measured) {
                true => "did not hold",
                false => "inconclusive, not measured",
            };
            known
                .note
                .is_none()
                .then(|| format!("{word} for {lasted} of its window: {}", item.text))
        };
        items.filter_map(broken).collect()
    }

    /// What is asked again and again in the windows of a phase that have begun, and how often in seconds.
    pub(super) fn questions<'a>(
        &'a self,
        phase: &'a Phase,
    ) -> impl Iterator<Item = (&'a Expectation, &'a SoakState, u64)> {
        let items = self.gate_items(phase).into_iter();
        items.filter_map(move |item| {
            let asked = item.measure.as_ref().filter(|_| item.cel.is_none());
            let every_s = asked?.every_s?;
            let own = self.soaks.get(&self.soak_over(phase, item.line)?.line)?;
            Some((item, own, every_s))
        })
    }

    /// Questions of the phase at hand that are due.
    pub fn questions_due(&self, now: Timestamp) -> Vec<&Expectation> {
        let phase = self
            .phase()
            .filter(|phase| !self.is_phase_passed(&phase.id));
        let questions = phase.into_iter().flat_map(|phase| self.questions(phase));
        let due = questions.filter(|(item, own, every_s)| {
            own.ended.is_none() && own.next_round(item.line, *every_s) <= now
        });
        due.map(|(item, ..)| item).collect()
    }
}
