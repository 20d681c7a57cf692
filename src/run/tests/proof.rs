//! After a rollback "verified" is said only where conditions of its own were judged and passed.

use super::*;

fn rolled_back(section: &str, evidence: Evidence) -> Run {
    let guide = format!(
        "# Release\n\n## Step 1: Deploy\n\n```bash {{#deploy .run}}\n./deploy.sh\n```\n\n## Rollback\n\n{section}"
    );
    let mut run = Run::of(&guide).identified();
    run.runs("deploy", exit(0));
    run.does(run.rollback(0));
    run.ends("back", evidence);
    run
}

const BACK: &str = "```bash {#back .run}\n./deploy.sh --old\n```\n\n";

#[test]
fn without_a_condition_it_is_rolled_back_and_not_verified() {
    let run = rolled_back(BACK, exit(0));
    assert_eq!(run.state.mode, Mode::RolledBack);
    assert_eq!(run.state.rollback_proof(), Some(Proof::NoCondition));
}

#[test]
fn a_condition_of_its_own_command_that_passed_verifies_it() {
    let section = BACK.replace(
        ".run}",
        ".run expect=\"exit == 0 && stdout.contains('old')\"}",
    );
    let mut evidence = exit(0);
    evidence.stdout = "old".to_owned();
    let run = rolled_back(&section, evidence);
    assert_eq!(run.state.rollback_proof(), Some(Proof::Verified(1)));
}

#[test]
fn what_is_expected_in_prose_is_judged_by_a_person_once_it_is_over() {
    let section = format!(
        "{BACK}**Expected after rollback**:\n\n- The old version answers\n- No complaints\n"
    );
    let mut run = rolled_back(&section, exit(0));
    let Some(Proof::Open(open)) = run.state.rollback_proof() else {
        panic!("{:?}", run.state.rollback_proof());
    };
    assert_eq!(open, ["The old version answers", "No complaints"]);
    let gate = run.state.rollback_gate().unwrap();
    let lines: Vec<usize> = run
        .state
        .gate_items(&gate)
        .iter()
        .map(|item| item.line)
        .collect();
    let judges = |run: &mut Run, line: usize, holds: bool| {
        run.does(Command::Judge {
            phase: gate.id.clone(),
            line,
            holds,
            note: None,
        });
    };
    judges(&mut run, lines[0], true);
    assert!(matches!(run.state.rollback_proof(), Some(Proof::Open(_))));
    judges(&mut run, lines[1], false);
    assert_eq!(
        run.state.rollback_proof(),
        Some(Proof::Failed(vec!["No complaints".to_owned()]))
    );
    judges(&mut run, lines[1], true);
    assert_eq!(run.state.rollback_proof(), Some(Proof::Verified(2)));
}

#[test]
fn what_the_walk_asked_before_it_proves_nothing_of_the_rollback() {
    let mut run = rolled_back(BACK, exit(0));
    let refusal = run.refuses(Command::Judge {
        phase: run.state.runbook.phases[0].id.clone(),
        line: 1,
        holds: true,
        note: None,
    });
    assert!(refusal.message.contains("over"), "{refusal}");
}

#[test]
fn a_rollback_that_is_begun_again_is_judged_anew() {
    let section = format!("{BACK}**Expected after rollback**:\n\n- It answers\n");
    let mut run = rolled_back(&section, exit(0));
    let gate = run.state.rollback_gate().unwrap();
    let line = run.state.gate_items(&gate)[0].line;
    run.does(Command::Judge {
        phase: gate.id,
        line,
        holds: true,
        note: None,
    });
    assert_eq!(run.state.rollback_proof(), Some(Proof::Verified(1)));
    run.does(run.rollback(0));
    run.ends("back", exit(0));
    assert!(matches!(run.state.rollback_proof(), Some(Proof::Open(_))));
}
