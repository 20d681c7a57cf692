//! What is told to people who do not look: each thing once, and only what is news.

use super::pairing::two_person_guide;
use super::*;
use crate::runbook::config::Occasion;

/// What was told of the events since `from`, by a follower that began there.
fn told(run: &Run, from: usize) -> Vec<(Occasion, String)> {
    let mut state: Option<RunState> = None;
    for record in &run.records[..from] {
        fold(&mut state, record);
    }
    let mut state = state.unwrap();
    let mut notices = Notices::new(&state, state.last_event_at);
    let mut all = Vec::new();
    for record in &run.records[from..] {
        apply(&mut state, record);
        let news = notices.of(&state, record);
        all.extend(
            news.into_iter()
                .map(|notice| (notice.occasion, notice.text)),
        );
    }
    all
}

fn occasions(run: &Run, from: usize) -> Vec<Occasion> {
    told(run, from)
        .into_iter()
        .map(|(occasion, _)| occasion)
        .collect()
}

#[test]
fn a_gate_is_told_when_its_last_step_is_settled_and_not_again() {
    let mut run = Run::of(GUIDE).identified().checklist_done();
    let from = run.records.len();
    run.runs("backup", exit(0));
    assert_eq!(occasions(&run, from), [Occasion::Gate]);
    assert!(told(&run, from)[0].1.contains("`Phase 1: Backup`"));
    run.does(Command::Note {
        text: "coffee".to_owned(),
        step: None,
    });
    assert_eq!(occasions(&run, from), [Occasion::Gate]);
    assert_eq!(
        occasions(&run, from + 1),
        [Occasion::Gate],
        "it was not told before its end"
    );
    assert_eq!(
        occasions(&run, run.records.len() - 1),
        [],
        "what stands is no news"
    );
}

#[test]
fn a_failure_and_a_rollback_to_its_end_are_told_in_order() {
    let mut run = Run::of(GUIDE).identified().checklist_done().backup_done();
    let from = run.records.len();
    run.runs("migrate", exit(3));
    let rollback = run.rollback(0);
    run.does(rollback);
    run.ends("back", exit(0));
    run.ends("back_check", value(1));
    assert_eq!(run.state.mode, Mode::RolledBack);
    let told = told(&run, from);
    let occasions: Vec<Occasion> = told.iter().map(|(occasion, _)| *occasion).collect();
    assert_eq!(
        occasions,
        [Occasion::Failure, Occasion::Failure, Occasion::Finish],
        "{told:?}"
    );
    assert!(told[0].1.contains("failed"), "{told:?}");
    assert!(told[1].1.starts_with("rolling back by"), "{told:?}");
    assert!(told[2].1.starts_with("rolled back by"), "{told:?}");
}

#[test]
fn a_second_person_is_called_with_what_is_asked_and_by_whom() {
    let mut run = Run::of(&two_person_guide())
        .identified()
        .checklist_done()
        .backup_done();
    let from = run.records.len();
    let start = run.start("migrate");
    run.does(start);
    let told = told(&run, from);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, Occasion::SecondPerson);
    assert!(told[0].1.ends_with(&format!("asked by {ANNA}")), "{told:?}");
    let awaited = run.state.awaited(run.now).unwrap();
    assert!(!awaited.whom.is(ANNA));
    assert!(awaited.whom.is("bert@ops"));
}

#[test]
fn what_was_waited_for_is_told_once_it_is_due() {
    let guide = "# Wait\n\n## Phase 1: Deploy\n\n```bash {#deploy .run}\n./deploy.sh\n```\n\n\
        ## Phase 2: Clean up (after 7 days)\n\n- [ ] Drop it\n";
    let mut run = Run::of(guide).identified();
    run.runs("deploy", exit(0));
    run.goes();
    let mut notices = Notices::new(&run.state, run.now);
    let until = run.state.pause(run.now).unwrap().until;
    assert_eq!(notices.due(&run.state, until - TimeDelta::seconds(1)), []);
    let due = notices.due(&run.state, until);
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!(due[0].occasion, Occasion::Due);
    assert_eq!(due[0].text, "`Phase 2: Clean up (after 7 days)` is due");
    assert_eq!(notices.due(&run.state, until + TimeDelta::days(1)), []);
}

#[test]
fn a_run_that_goes_on_by_itself_or_is_over_waits_for_nobody() {
    let mut run = Run::of(GUIDE).identified().checklist_done().backup_done();
    run.starts("migrate");
    assert_eq!(run.state.awaited(run.now), None);
    run.ends("migrate", exit(0));
    assert!(
        run.state
            .awaited(run.now)
            .is_some_and(|awaited| awaited.whom.is(ANNA))
    );
    run.does(Command::Abandon {
        reason: "no need".to_owned(),
    });
    assert_eq!(run.state.awaited(run.now), None);
}
