//! Nothing starts before the user has agreed to what the configuration reaches for.

use super::*;
use crate::runbook::config::{Reach, ReachKind};

fn configuration() -> Configuration {
    Configuration {
        path: "/srv/gonogo.toml".to_owned(),
        digest: "d1".to_owned(),
        reach: vec![Reach {
            kind: ReachKind::Runs,
            key: "environments.staging.secrets.TOKEN".to_owned(),
            text: "pass show token".to_owned(),
        }],
    }
}

fn ask(run: &mut Run) {
    let configuration = Box::new(configuration());
    run.happens(ENGINE, vec![Event::ConsentAsked { configuration }]);
}

/// A run of whose configuration nobody has said anything yet.
fn asked() -> Run {
    let mut run = ready().checklist_done();
    ask(&mut run);
    run
}

fn agree(digest: &str) -> Command {
    Command::Consent {
        digest: digest.to_owned(),
    }
}

#[test]
fn nothing_starts_before_it_and_everything_after_it() {
    let mut run = asked();
    let refusal = run.refuses(run.start("backup"));
    assert!(refusal.message.contains("/srv/gonogo.toml"), "{refusal:?}");
    assert!(refusal.help.contains("gonogo trust"), "{refusal:?}");
    run.refuses(run.rollback(0));
    run.does(agree("d1"));
    assert!(run.effects.contains(&Effect::BeginToWatch));
    assert!(
        run.state.notes[0]
            .text
            .contains("trusts `/srv/gonogo.toml`")
    );
    run.starts("backup");
}

#[test]
fn what_is_agreed_to_is_what_was_shown() {
    let mut run = asked();
    let refusal = run.refuses(agree("d2"));
    assert!(refusal.message.contains("not the one that you saw"));
    assert!(run.state.untrusted.is_some());
    // Who only looks on agrees to nothing.
    assert!(run.tries("bert@ops", agree("d1")).is_err());
}

#[test]
fn another_login_agrees_to_nothing_for_this_one() {
    let mut run = asked();
    let joined = PairingFact::GuestJoined {
        name: "bert@ops".to_owned(),
        uid: 1_001,
    };
    let driver = "bert@ops".to_owned();
    run.happens(
        ENGINE,
        vec![
            Event::Pairing { fact: joined },
            Event::DriverChanged { driver },
        ],
    );
    let refusal = run.tries("bert@ops", agree("d1")).expect_err("refused");
    assert!(refusal.message.contains("another login"), "{refusal:?}");
}

#[test]
fn a_rollback_that_is_revived_without_it_waits() {
    let mut run = ready().checklist_done();
    run.does(run.rollback(0));
    let started = run.state.running().len();
    let action = run.state.running()[0];
    ask(&mut run);
    run.does(Observation::Finished {
        action: action.0,
        attempt: action.1,
        evidence: Some(Box::new(exit(0))),
        reason: None,
    });
    assert_eq!(started, 1);
    assert!(run.state.running().is_empty(), "the next one waits");
    run.does(agree("d1"));
    assert_eq!(run.state.running().len(), 1, "it goes on");
}

#[test]
fn a_guide_is_new_until_something_of_it_is_armed_or_run() {
    let mut run = ready().checklist_done();
    run.state.provenance.guide_is_new = true;
    run.starts("backup");
    assert!(!run.state.provenance.guide_is_new);
}

#[test]
fn a_second_persons_word_starts_nothing_before_it() {
    let mut run = Run::of(&pairing::two_person_guide())
        .identified()
        .checklist_done()
        .backup_done();
    run.starts("migrate");
    ask(&mut run);
    let waiting = run.state.pairing.waiting.as_ref().unwrap();
    let approve = Command::Pairing {
        act: PairingAct::Approve {
            hash: waiting.request.hash.clone(),
            included: None,
            assumed: false,
        },
    };
    assert!(run.tries("bert@ops", approve.clone()).is_err());
    run.does(agree("d1"));
    run.tries("bert@ops", approve).unwrap();
    assert_eq!(run.state.running().len(), 1);
}
