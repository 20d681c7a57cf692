//! A target that turns out to be another database halts the run until a person has looked at both.

use super::*;

const FIRST: u32 = 10;

fn database(system: &str) -> TargetIdentity {
    TargetIdentity {
        host: "db1".to_owned(),
        port: 5432,
        database: "app".to_owned(),
        system_identifier: Some(system.to_owned()),
        timeline: Some(1),
        started: chrono::DateTime::from_timestamp(1_700_000_000 + i64::from(FIRST), 0),
        ..TargetIdentity::default()
    }
}

pub(super) fn says(identity: TargetIdentity) -> Observation {
    Observation::Identified {
        target: "main".to_owned(),
        identity,
        alive_until: chrono::DateTime::from_timestamp(1_700_000_100, 0),
    }
}

fn accepts(run: &Run, typed: Option<&str>, reason: &str) -> Command {
    let moved = run.state.moved.get("main");
    Command::AcceptTarget {
        target: "main".to_owned(),
        seen: moved.map_or(String::new(), |moved| moved.to.mark()),
        typed: typed.map(str::to_owned),
        reason: reason.to_owned(),
    }
}

fn proved(protected: bool) -> Run {
    let mut run = Run::with(GUIDE, protected);
    run.does(says(database("77")));
    run.checklist_done()
}

#[test]
fn another_database_halts_the_run_and_voids_what_was_confirmed() {
    let mut run = proved(false);
    let seen = run.start("backup");
    run.does(says(database("78")));
    assert_eq!(run.state.mode, Mode::Held);
    for command in [seen.clone(), Command::Resume {}] {
        let refusal = run.refuses(command);
        assert!(
            refusal.message.contains("system identifier 77 → 78"),
            "{refusal}"
        );
    }
    run.gate(GateDecision::Go, Some("r"))
        .expect_err("no gate is passed meanwhile");
    run.refuses(accepts(&run, None, " "));
    run.does(accepts(&run, None, "anna moved it, ticket 7"));
    assert_eq!(run.state.mode, Mode::Running);
    assert_eq!(run.state.identities["main"], database("78"));
    // What was confirmed for the first is no confirmation for the second.
    run.refuses(seen);
    run.starts("backup");
}

#[test]
fn what_is_accepted_is_what_was_looked_at() {
    let mut run = proved(true);
    run.does(says(database("78")));
    let looked_at = accepts(&run, Some("staging"), "it was restored");
    run.does(says(database("79")));
    let refusal = run.refuses(looked_at);
    assert!(refusal.message.contains("changed again"), "{refusal}");
    run.refuses(accepts(&run, None, "it was restored"));
    run.refuses(accepts(&run, Some("stagin"), "it was restored"));
    run.does(accepts(&run, Some("staging"), "it was restored"));
    assert!(run.state.moved.is_empty());
}

#[test]
fn what_came_back_is_looked_at_all_the_same() {
    let mut run = proved(false);
    run.does(says(database("78")));
    run.does(says(database("77")));
    assert_eq!(run.state.mode, Mode::Held);
    let refusal = run.refuses(run.start("backup"));
    assert!(refusal.message.contains("changed back"), "{refusal}");
    run.does(accepts(&run, None, "the proxy flapped"));
    assert_eq!(run.state.identities_seen.len(), 4);
}

#[test]
fn a_restart_is_written_down_and_halts_nothing() {
    let mut run = proved(false);
    let restarted = TargetIdentity {
        started: chrono::DateTime::from_timestamp(1_700_000_101, 0),
        ..database("77")
    };
    run.does(says(restarted.clone()));
    assert_eq!(run.state.mode, Mode::Running);
    assert_eq!(run.state.identities["main"], restarted);
    run.starts("backup");
}

#[test]
fn a_promoted_standby_is_another() {
    let standby = TargetIdentity {
        in_recovery: true,
        ..database("77")
    };
    let mut run = Run::of(GUIDE);
    run.does(says(standby.clone()));
    run.does(says(TargetIdentity {
        in_recovery: false,
        timeline: Some(2),
        ..standby
    }));
    let said = run.state.moved_words();
    assert!(
        said[0].contains("role standby → primary; timeline 1 → 2"),
        "{said:?}"
    );
}

#[test]
fn a_rollback_is_not_blocked_and_asks_for_the_word() {
    let mut run = proved(false);
    run.runs("backup", exit(0));
    let unseen = run.rollback(0);
    run.does(says(database("78")));
    // It was confirmed for what answered before.
    run.refuses(unseen);
    let plan = rollback_plans(&run.state).remove(0);
    assert_eq!(plan.confirm.as_deref(), Some("staging"));
    assert!(plan.warnings[0].contains("77 → 78"), "{:?}", plan.warnings);
    run.does(run.rollback(0));
    assert_eq!(run.state.mode, Mode::RollingBack);
    assert!(run.state.moved.is_empty());
    let accepted = run.state.identities_seen.last().unwrap();
    assert!(matches!(&accepted.how, Seen::Accepted { by, .. } if by == ANNA));
}

#[test]
fn a_rollback_whose_database_changes_in_its_middle_stops_for_the_word() {
    let mut run = proved(false);
    run.runs("backup", exit(0));
    run.does(run.rollback(0));
    let (action, attempt) = run.state.running()[0];
    run.does(says(database("78")));
    assert_eq!(run.state.mode, Mode::RollingBack);
    run.does(Observation::Finished {
        action,
        attempt,
        evidence: Some(Box::new(exit(0))),
        reason: None,
    });
    assert_eq!(run.state.mode, Mode::Stuck);
    let (_, action) = run.state.stuck_at().expect("a command is left");
    let shown = preview(&run.state, action).unwrap();
    assert_eq!(shown.confirm.as_deref(), Some("staging"));
    let again = |typed: Option<&str>| Command::Start {
        action,
        from: None,
        hash: shown.hash.clone(),
        typed: typed.map(str::to_owned),
        reason: None,
        included: None,
    };
    run.refuses(again(None));
    run.does(again(Some("staging")));
    assert!(run.state.moved.is_empty());
    assert_eq!(run.state.mode, Mode::RollingBack);
}

#[test]
fn an_unattended_walk_leaves_it_to_a_person() {
    let mut run = proved(false);
    run.does(says(database("78")));
    let policy = Policy {
        assume: true,
        roll_back: true,
    };
    assert!(matches!(autopilot(&run.state, policy), Next::Person(why) if why.contains("77 → 78")));
}

#[test]
fn a_second_persons_word_is_void() {
    let mut run = proved(false);
    let request = ApprovalRequest {
        subject: Subject::Gate {
            phase: run.state.current_phase.clone(),
        },
        hash: String::new(),
        included: None,
        typed: None,
        reason: None,
        needed: 1,
    };
    run.happens(
        ANNA,
        vec![Event::Pairing {
            fact: PairingFact::ApprovalAsked {
                what: "GO".to_owned(),
                request: Box::new(request),
            },
        }],
    );
    run.does(says(database("78")));
    assert!(run.state.pairing.waiting.is_none());
}
