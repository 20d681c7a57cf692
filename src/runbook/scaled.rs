//! A guide that is tried in shorter time: with `scale: 1/600` in its front matter a day lasts 144 seconds.
//! Whatever the guide has to wait for is shortened, here and nowhere else; what takes its own time (a command
//! and its `timeout`, the maintenance window) is not.

use super::model::{Expectation, Phase, Runbook, Step};

/// Shortens all windows, waits, rounds and clocks of a guide.
pub(super) fn settle(runbook: &mut Runbook) {
    let Some(scale) = runbook.settings.scale.map(u64::from) else {
        return;
    };
    // Nothing that lasts becomes nothing: an instant is no window, and asks nobody.
    let shorten = |seconds: &mut u64| {
        if *seconds > 0 {
            *seconds = seconds.div_ceil(scale);
        }
    };
    let of_step = |step: &mut Step| {
        for wait in &mut step.waits {
            shorten(&mut wait.duration_s);
        }
    };
    for soak in &mut runbook.soaks {
        shorten(&mut soak.duration_s);
    }
    for wait in &mut runbook.waits {
        shorten(&mut wait.duration_s);
    }
    let Runbook {
        preparation,
        phases,
        cleanup,
        ..
    } = runbook;
    for phase in preparation.iter_mut().chain(phases).chain(cleanup) {
        let Phase {
            wait_s,
            steps,
            criteria,
            ..
        } = phase;
        wait_s.iter_mut().for_each(shorten);
        intervals(criteria).for_each(shorten);
        steps.iter_mut().for_each(of_step);
    }
    for option in &mut runbook.rollback {
        intervals(&mut option.criteria).for_each(shorten);
        option.steps.iter_mut().for_each(of_step);
    }
    for block in &mut runbook.blocks {
        block.attributes.every_s.iter_mut().for_each(shorten);
    }
    for severity in &mut runbook.severities {
        severity.within_s.iter_mut().for_each(shorten);
    }
}

/// How often metrics are looked at.
fn intervals(items: &mut [Expectation]) -> impl Iterator<Item = &mut u64> {
    items
        .iter_mut()
        .filter_map(|item| item.measure.as_mut()?.every_s.as_mut())
}

#[cfg(test)]
mod tests {
    use crate::runbook::{Expectation, Step, parse};

    const GUIDE: &str = "# Deploy\n\n## Phase 1: Deploy\n\n```bash {.run timeout=10m}\n./go\n```\n\n## Phase 2: Watch\n\n### Data (first hour)\n\n```sql {#data .check expect=\"value == 0\"}\nSELECT 0;\n```\n\n### Load (first 24 hours)\n\n- [ ] It is quiet\n\n## Cleanup\n\n**WAIT 7 DAYS** before this.\n\n```bash {.run}\n./tidy\n```\n\n## Escalation\n\n- P0: roll back immediately\n- P1: fix it within 4 hours\n";

    #[test]
    fn windows_waits_rounds_and_clocks_are_shorter_and_commands_are_not() {
        let guide = format!("---\ngonogo:\n  scale: 1/600\n---\n\n{GUIDE}");
        let book = parse("guide.md", guide.as_bytes());
        let soaks: Vec<u64> = book.soaks.iter().map(|soak| soak.duration_s).collect();
        assert_eq!(soaks, [6, 144]);
        assert_eq!(book.cleanup[0].wait_s, Some(1_008));
        assert_eq!(book.blocks[0].attributes.timeout_s, Some(600));
        assert_eq!(book.blocks[1].attributes.every_s, Some(1));
        let clocks: Vec<Option<u64>> = book.severities.iter().map(|one| one.within_s).collect();
        assert_eq!(clocks, [Some(0), Some(24)]);
    }

    #[test]
    fn waits_of_steps_and_intervals_of_metrics_are_shorter_on_both_ways() {
        let guide = "---\ngonogo:\n  scale: 1/600\n---\n\n# Deploy\n\n## Phase 1: Deploy\n\n### Warm up\n\nWait 20 minutes.\n\n```bash {.run}\n./go\n```\n\n## Phase 2: Watch (24 hours)\n\n| Metric | Target | Check frequency |\n|---|---|---|\n| Errors | <0.1% | Every hour |\n\n```sql {#data .check expect=\"value == 0\"}\nSELECT 0;\n```\n\n## Rollback\n\n### Drain\n\nWait 10 minutes.\n\n```bash {.run}\n./drain\n```\n\n| Metric | Target | Check frequency |\n|---|---|---|\n| Load | <80% | Every 2 hours |\n";
        let book = parse("guide.md", guide.as_bytes());
        let of_guide: Vec<u64> = book.waits.iter().map(|wait| wait.duration_s).collect();
        let of = |steps: &[Step]| -> Vec<u64> {
            let waits = steps.iter().flat_map(|step| &step.waits);
            waits.map(|wait| wait.duration_s).collect()
        };
        let walked: Vec<u64> = book
            .phases
            .iter()
            .flat_map(|phase| of(&phase.steps))
            .collect();
        assert_eq!((walked, of(&book.rollback[0].steps)), (vec![2], vec![1]));
        assert_eq!(of_guide, [2, 1]);
        let every = |items: &[Expectation]| -> Vec<u64> {
            let measures = items.iter().filter_map(|item| item.measure.as_ref());
            measures.filter_map(|measure| measure.every_s).collect()
        };
        assert_eq!(every(&book.phases[1].criteria), [6]);
        assert_eq!(every(&book.rollback[0].criteria), [12]);
    }

    #[test]
    fn a_scale_that_is_none_is_said_and_changes_nothing() {
        for scale in ["600", "2/600", "1/0", "1/x"] {
            let guide = format!("---\ngonogo:\n  scale: {scale}\n---\n\n{GUIDE}");
            let book = parse("guide.md", guide.as_bytes());
            assert_eq!(book.soaks[1].duration_s, 86_400);
            assert!(book.diagnostics.iter().any(|one| one.code == "bad-setting"));
        }
    }
}
