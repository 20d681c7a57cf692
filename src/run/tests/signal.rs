//! Stopping sessions that are no action's: asked by the driver, put on record before the server is asked,
//! and answered on record.

use super::*;

pub(super) fn victim() -> Victim {
    Victim {
        pid: 8240,
        backend_start_us: 1,
        who: "8240 nightly-report (idle in transaction, 4m 00s)".to_owned(),
        ours: false,
    }
}

fn ends(target: &str) -> Command {
    Command::SignalSession {
        target: target.to_owned(),
        signal: SessionSignal::Terminate,
        victim: victim(),
    }
}

#[test]
fn what_is_asked_and_what_the_server_answers_are_on_record() {
    let mut run = ready();
    run.does(ends("main"));
    let effect = Effect::SignalSession {
        target: "main".to_owned(),
        signal: SessionSignal::Terminate,
        victim: victim(),
    };
    assert!(run.effects.contains(&effect));
    for (answer, words) in [
        (
            Ok(Signalled::Sent),
            "8240: the server has sent the signal to end it",
        ),
        (
            Ok(Signalled::Recycled),
            "8240: is another session by now, and was left alone",
        ),
        (
            Err("must be a superuser".to_owned()),
            "8240: could not end it: must be a superuser",
        ),
    ] {
        run.does(Observation::SessionAnswered {
            target: "main".to_owned(),
            signal: SessionSignal::Terminate,
            victim: victim(),
            answer,
        });
        let said = run.state.notes.last().map(|note| note.text.as_str());
        assert_eq!(said, Some(format!("`main`: {words}").as_str()));
    }
    assert_eq!(
        run.state.notes[0].text,
        "asks `main` to end the session 8240 nightly-report (idle in transaction, 4m 00s)"
    );
}

#[test]
fn no_session_is_stopped_where_nobody_knows_what_that_would_hit() {
    let mut run = ready();
    run.refuses(ends("elsewhere"));
    let moved = |system: &str| TargetIdentity {
        system_identifier: Some(system.to_owned()),
        ..TargetIdentity::default()
    };
    run.does(identity::says(moved("77")));
    run.does(identity::says(moved("78")));
    run.refuses(ends("main"));
    let mut run = ready();
    run.does(Command::Abandon {
        reason: "r".to_owned(),
    });
    run.refuses(ends("main"));
}

#[test]
fn a_session_of_the_run_is_not_stopped_beside_its_step() {
    let mut run = ready();
    let refusal = run.refuses(Command::SignalSession {
        target: "main".to_owned(),
        signal: SessionSignal::Terminate,
        victim: Victim {
            ours: true,
            ..victim()
        },
    });
    assert!(refusal.help.contains("cancel the step"), "{refusal}");
}
