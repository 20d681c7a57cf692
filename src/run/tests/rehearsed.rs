//! What a run says to the next run of its guide, and what a promotion puts before the first gate.

use super::*;

/// The whole walk, each gate passed without a reason.
fn done() -> Run {
    let mut run = ready().checklist_done().backup_done();
    run.runs("migrate", exit(0));
    run.runs("check", value(0));
    run.goes();
    assert_eq!(run.state.mode, Mode::Done);
    run
}

/// A run of the same guide in production.
fn promoted(from: &Run, guide_changed: Option<&str>) -> Run {
    let promotion = Promotion {
        from: Rehearsed::of(&from.state),
        guide_changed: guide_changed.map(str::to_owned),
        differences: Vec::new(),
    };
    let mut run = Run::with(GUIDE, true);
    let known = promotion.put_before(Arc::make_mut(&mut run.state.runbook));
    run.state.provenance.promoted = Some(Box::new(promotion));
    run.happens(ENGINE, known.into_iter().collect());
    run
}

fn first_verdict(run: &Run) -> Option<Verdict> {
    let phase = run.state.phase().unwrap();
    run.state
        .gate_verdict(phase, run.state.gate_items(phase)[0])
}

#[test]
fn only_the_whole_walk_is_a_pass() {
    let half = ready().checklist_done();
    let said = Rehearsed::of(&half.state);
    assert_eq!(said.verdict, Verdict::Inconclusive);
    assert_eq!(said.words, "not over: in `Phase 1: Backup`");
    let said = Rehearsed::of(&done().state);
    assert_eq!((said.verdict, said.words.as_str()), (Verdict::Pass, "done"));
}

#[test]
fn a_gate_that_was_passed_with_a_reason_is_told() {
    let mut run = ready().checklist_done();
    run.gate(GateDecision::Go, Some("no time")).unwrap();
    run.runs("migrate", exit(0));
    run.runs("check", value(0));
    run.goes();
    let said = Rehearsed::of(&run.state);
    assert_eq!(said.verdict, Verdict::Warn);
    assert_eq!(said.words, "done; 1 gate was passed with a reason");
}

#[test]
fn a_run_that_was_abandoned_or_rolled_back_midway_is_a_fail() {
    let mut run = ready().checklist_done().backup_done();
    run.runs("migrate", exit(1));
    let mut abandoned = Rehearsed::of(&run.state);
    run.does(Command::Abandon {
        reason: "broken".to_owned(),
    });
    assert_eq!(abandoned.verdict, Verdict::Inconclusive);
    abandoned = Rehearsed::of(&run.state);
    assert_eq!(abandoned.verdict, Verdict::Fail);
}

#[test]
fn steps_are_told_with_what_they_took() {
    let mut run = ready().checklist_done();
    run.starts("backup");
    run.now += TimeDelta::seconds(32);
    run.ends("backup", exit(0));
    let step = run.state.step_of(run.action("backup")).unwrap().id.clone();
    assert_eq!(Rehearsed::of(&run.state).steps[&step], 32);
}

#[test]
fn how_the_promoted_run_ended_is_the_first_criterion() {
    let run = promoted(&done(), None);
    let phase = run.state.phase().unwrap();
    assert_eq!(
        run.state.gate_items(phase)[0].text,
        "The run in staging went well"
    );
    assert_eq!(first_verdict(&run), Some(Verdict::Pass));
    let half = ready().checklist_done();
    assert_eq!(
        first_verdict(&promoted(&half, None)),
        Some(Verdict::Inconclusive)
    );
}

#[test]
fn of_another_text_the_promoted_run_proves_nothing() {
    let run = promoted(&done(), Some("one typo"));
    assert_eq!(first_verdict(&run), Some(Verdict::Inconclusive));
}

#[test]
fn nobody_overrules_the_promoted_run_without_a_reason() {
    let mut run = promoted(&ready(), None).identified();
    let judge = |note: Option<&str>| Command::Judge {
        phase: run.state.current_phase.clone(),
        line: run.state.gate_items(run.state.phase().unwrap())[0].line,
        holds: true,
        note: note.map(str::to_owned),
    };
    let (without, with) = (judge(None), judge(Some("it was the network")));
    let refusal = run.refuses(without);
    assert_eq!(refusal.message, "the run that was promoted answers this");
    run.does(with);
    assert_eq!(first_verdict(&run), Some(Verdict::Pass));
}

#[test]
fn the_sections_of_another_environment_are_named() {
    let guide = "# G\n\n## Phase 1: Migrate\n\n### Staging Environment\n\n```bash\nmigrate\n```\n\n\
                 ### Production (after staging)\n\n```bash\nmigrate\n```\n\n### Load the staging tables\n\n\
                 ```bash\nload\n```\n";
    let book = parse("guide.md", guide.as_bytes());
    let titles = |environment: &str, protected| -> Vec<String> {
        steps_of_others(&book, environment, protected)
            .into_iter()
            .map(|(_, title)| title)
            .collect()
    };
    assert_eq!(titles("eu", true), ["Staging Environment"]);
    assert_eq!(titles("staging", false), ["Production (after staging)"]);
    assert!(titles("eu", false).is_empty());
}

#[test]
fn a_guide_that_changed_since_is_not_taken_for_rehearsed() {
    let known = Rehearsed::of(&done().state);
    assert_eq!(Rehearsal::Same(known.clone()).warning(), None);
    assert_eq!(
        Rehearsal::Changed(known).warning(),
        Some("guide changed since its rehearsal")
    );
    assert_eq!(Rehearsal::Never.warning(), Some("never rehearsed"));
}
