//! One run acts on a target at a time, and taking it over is a deliberate act.

use super::*;

pub(super) fn other_run() -> LockHolder {
    LockHolder {
        run: "r2".to_owned(),
        by: Some("bert@ops".to_owned()),
        pid: 7,
        ..LockHolder::default()
    }
}

pub(super) fn lock_seen(holder: Option<LockHolder>) -> Observation {
    Observation::LockSeen {
        target: "main".to_owned(),
        holder,
    }
}

#[test]
fn one_run_acts_on_a_target_at_a_time() {
    let mut run = ready().checklist_done();
    run.does(lock_seen(Some(other_run())));
    let refusal = run.refuses(run.start("backup"));
    assert!(
        refusal
            .message
            .contains("`main` is held by run `r2` (bert@ops)"),
        "{refusal}"
    );
    // It went away by itself: ours now.
    run.does(lock_seen(None));
    run.starts("backup");
}

#[test]
fn a_target_is_taken_over_by_name_and_with_a_reason() {
    let mut run = ready().checklist_done();
    run.does(lock_seen(Some(other_run())));
    let take = |typed: &str, reason: &str| Command::TakeTarget {
        target: "main".to_owned(),
        typed: typed.to_owned(),
        reason: reason.to_owned(),
    };
    run.refuses(take("r1", "bert sleeps"));
    run.refuses(take("r2", " "));
    run.does(take("r2", "bert sleeps"));
    let effect = Effect::TakeTarget {
        target: "main".to_owned(),
        from: other_run(),
    };
    assert!(run.effects.contains(&effect));
    assert!(run.state.notes[0].text.contains("bert sleeps"));
}

#[test]
fn a_run_whose_target_is_taken_is_held_and_may_still_go_back() {
    let mut run = ready().checklist_done();
    run.does(lock_seen(None));
    run.does(lock_seen(Some(other_run())));
    assert_eq!(run.state.mode, Mode::Held);
    run.does(run.rollback(0));
    assert_eq!(run.state.mode, Mode::RollingBack);
}
