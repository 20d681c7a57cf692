//! Transactions held before their `COMMIT`, and the keyboard of a step.

use super::*;

/// The migration deletes, looks, and is held before its `COMMIT`.
fn held_guide() -> String {
    GUIDE.replace(
        "```sql {#migrate .run}\nSELECT migrate();",
        "```sql {#migrate .run expect=\"value == 0\"}\nBEGIN;\nDELETE FROM old;\nSELECT count(*) FROM old;\nCOMMIT;",
    )
}

fn held_run(protected: bool, seen: i64) -> Run {
    let mut run = Run::with(&held_guide(), protected)
        .identified()
        .checklist_done()
        .backup_done();
    let action = run.action("migrate");
    let shown = preview(&run.state, action).unwrap();
    assert_eq!(shown.holds.len(), 1);
    run.does(Command::Start {
        from: None,
        action,
        hash: shown.hash,
        typed: shown.confirm,
        reason: None,
        included: None,
    });
    run.does(Observation::Held {
        action,
        attempt: 1,
        number: 1,
        line: shown.holds[0].line,
        since: run.now,
        evidence: Some(Box::new(value(seen))),
    });
    run
}

impl Run {
    fn end_transaction(&self, commit: bool, typed: Option<&str>) -> Command {
        Command::EndTransaction {
            action: self.action("migrate"),
            attempt: 1,
            commit,
            typed: typed.map(str::to_owned),
            reason: None,
        }
    }
}

fn uncommitted() -> Evidence {
    Evidence {
        uncommitted: true,
        ..exit(0)
    }
}

#[test]
fn a_held_transaction_is_told_once_and_committed_with_a_word() {
    let mut run = held_run(false, 0);
    let action = run.action("migrate");
    let known = run.state.clone();
    // A supervisor that adopts it says it again.
    run.does(Observation::Held {
        action,
        attempt: 1,
        number: 1,
        line: 1,
        since: run.now,
        evidence: None,
    });
    assert_eq!(run.state, known);
    assert_eq!(run.state.commit_word(action).as_deref(), Some("staging"));
    let refusal = run.refuses(run.end_transaction(true, None));
    assert!(refusal.message.contains("typing `staging`"), "{refusal}");
    run.effects.clear();
    run.does(run.end_transaction(true, Some("staging")));
    let released = Effect::Release {
        action,
        attempt: 1,
        number: 1,
        commit: true,
    };
    assert_eq!(run.effects, [released]);
    assert!(run.state.held().is_none());
    run.refuses(run.end_transaction(false, None));
    run.ends("migrate", value(0));
    assert_eq!(run.outcome("migrate"), Some(Outcome::Passed));
}

#[test]
fn a_rollback_takes_no_word_and_names_who_did_it() {
    let mut run = held_run(true, 0);
    run.does(run.end_transaction(false, None));
    run.ends("migrate", uncommitted());
    assert_eq!(run.outcome("migrate"), Some(Outcome::Cancelled));
    let attempt = run.state.actions[&run.action("migrate")].last().unwrap();
    assert_eq!(attempt.reason.as_deref(), Some("rolled back by anna@ops"));
}

#[test]
fn what_ends_while_held_is_failed_and_never_a_riddle() {
    let mut run = held_run(false, 0);
    run.ends(
        "migrate",
        Evidence {
            exit: Some(2),
            stderr: "server closed the connection unexpectedly".to_owned(),
            ..uncommitted()
        },
    );
    assert_eq!(run.outcome("migrate"), Some(Outcome::Failed));
    let attempt = run.state.actions[&run.action("migrate")].last().unwrap();
    assert!(attempt.reason.as_ref().unwrap().contains("never sent"));
}

#[test]
fn a_held_transaction_that_is_being_cancelled_is_not_committed_any_more() {
    let mut run = held_run(false, 0);
    run.does(Command::Cancel {
        action: run.action("migrate"),
    });
    let refusal = run.refuses(run.end_transaction(true, Some("staging")));
    assert!(refusal.message.contains("cancelled"), "{refusal}");
    run.ends("migrate", uncommitted());
    assert_eq!(run.outcome("migrate"), Some(Outcome::Cancelled));
}

#[test]
fn without_a_person_the_expectations_decide() {
    let next = |run: &Run, assume| {
        let policy = Policy {
            assume,
            roll_back: false,
        };
        match autopilot(&run.state, policy) {
            Next::Do(Command::EndTransaction { commit, .. }) => Some(commit),
            Next::Person(_) => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(next(&held_run(false, 0), false), Some(true));
    assert_eq!(next(&held_run(false, 3), false), Some(false));
    assert_eq!(next(&held_run(true, 0), true), None, "a typed word");
    let mut silent = held_run(false, 0);
    let action = silent.action("migrate");
    if let Some(hold) = silent
        .state
        .actions
        .get_mut(&action)
        .and_then(|state| state.attempts[0].holds.first_mut())
    {
        hold.judgements.clear();
    }
    assert_eq!(next(&silent, false), None);
    assert_eq!(next(&silent, true), Some(true));
}

#[test]
fn the_keyboard_is_the_drivers_and_only_of_a_running_shell_step() {
    let mut run = ready().checklist_done();
    let action = run.action("backup");
    let give = Command::GiveKeyboard { action };
    run.refuses(give.clone());
    run.starts("backup");
    assert!(run.tries("bert@ops", give.clone()).is_err());
    run.does(give.clone());
    assert_eq!(run.state.keyboard(), Some((action, 1, ANNA)));
    // A terminal of the same person that has joined again asks once more: nothing changes.
    let before = run.state.clone();
    run.tries(ANNA, give.clone()).unwrap();
    assert_eq!(run.state, before);
    run.does(Command::ReturnKeyboard { action });
    run.does(give);
    // Who only watches from now on types to nothing.
    let offer = |to: &str| Command::Pairing {
        act: PairingAct::Offer {
            to: Some(to.to_owned()),
        },
    };
    run.does(offer("bert@ops"));
    run.tries("bert@ops", Command::TakeControl {}).unwrap();
    assert_eq!(run.state.keyboard(), None);
    run.tries("bert@ops", offer(ANNA)).unwrap();
    run.tries(ANNA, Command::TakeControl {}).unwrap();
    run.ends("backup", exit(0));
    let attempt = run.state.actions[&action].last().unwrap();
    assert!(attempt.keyboard.iter().all(|used| used.until.is_some()));
}
