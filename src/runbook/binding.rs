//! A criterion of the guide that is measured in this run: by a command of its own that repeats, or by what a
//! condition names. What the guide's words want is proposed as the condition.

use super::model::{Expectation, Measure, Runbook};
use super::{BlockNumber, Phase};

/// Without a frequency in the guide.
const EVERY_S: u64 = 900;
/// As often as a server is asked at most, in seconds.
pub const SHORTEST_INTERVAL_S: u64 = 5;

impl Runbook {
    /// From now on this condition says whether a criterion is met; `block` is the command that measures it.
    pub(crate) fn bind(&mut self, phase: &str, line: usize, cel: &str, block: Option<BlockNumber>) {
        let parts = [&mut self.preparation, &mut self.phases, &mut self.cleanup];
        let mut phases = parts.into_iter().flatten();
        let phase = phases.find(|own| own.id == phase);
        let mut items = phase.into_iter().flat_map(|own| &mut own.criteria);
        let Some(item) = items.find(|item| item.line == line) else {
            return;
        };
        let before = item.block.filter(|_| item.bound);
        item.bound = true;
        item.cel = Some(cel.to_owned());
        item.block = block;
        item.part = 0;
        item.proposed = block.is_some();
        let told = Expectation {
            proposed: false,
            bound: false,
            measure: None,
            red_flag: false,
            ..item.clone()
        };
        let steps = self
            .references
            .iter_mut()
            .filter_map(|own| own.step.as_mut());
        for step in steps {
            let is_of = |block: Option<BlockNumber>| {
                block.is_some_and(|number| step.blocks.contains(&number))
            };
            if is_of(block) {
                // Each round of the command is judged by it, too.
                step.expect = vec![told.clone()];
            } else if is_of(before) {
                step.expect.clear();
            }
        }
    }

    /// The phase of which a command beside the walk measures a criterion.
    pub fn measured_by(&self, block: BlockNumber) -> Option<&Phase> {
        let beside = || {
            let mut steps = self.beside();
            steps.any(|step| step.blocks.contains(&block))
        };
        let mut phases = self.walk();
        let phase = phases.find(|phase| {
            let mut items = phase.criteria.iter();
            items.any(|item| item.bound && item.block == Some(block))
        });
        phase.filter(|_| beside())
    }
}

impl Expectation {
    /// How often it is measured where nobody says it, in seconds. What the guide says has been shortened by
    /// its scale already.
    pub fn usual_every_s(&self, scale: Option<u32>) -> u64 {
        let own = self.measure.as_ref().and_then(|own| own.every_s);
        let usual = EVERY_S / u64::from(scale.unwrap_or(1)).max(1);
        own.unwrap_or(usual).max(SHORTEST_INTERVAL_S)
    }
}

impl Measure {
    /// What the guide wants, as a condition over what a command gives; `None` where its words do not say it.
    pub fn proposed(&self) -> Option<String> {
        let bounds = self.bounds()?;
        let parts = bounds
            .iter()
            .map(|(sign, limit)| format!("value {sign} {limit}"));
        Some(parts.collect::<Vec<_>>().join(" && "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proposed_interval_fits_a_guide_in_shorter_time_and_is_never_refused() {
        let of = |every_s| Expectation {
            measure: Some(Measure {
                every_s,
                ..Measure::default()
            }),
            ..Expectation::default()
        };
        for (every_s, scale, proposed) in [
            (None, None, 900),
            (None, Some(60), 15),
            (None, Some(600), SHORTEST_INTERVAL_S),
            (Some(3_600), None, 3_600),
            (Some(2), Some(1_800), SHORTEST_INTERVAL_S),
        ] {
            assert_eq!(of(every_s).usual_every_s(scale), proposed);
        }
    }
}
