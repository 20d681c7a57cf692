//! The alarm row: on every screen, the worst first, with the key that helps.

use chrono::TimeDelta;
use gonogo::api::Message;
use gonogo::monitor::{ActivitySample, HeldLock, Reading, Sample, Session, SessionDetail};
use gonogo::run::{Command, Observation, SessionSignal};
use gonogo::ui::app::{Answer, Ask};
use insta::assert_snapshot;

use super::desk::{Desk, readings};

/// A step of the run waits for a report that is idle in its transaction.
fn blocked() -> Desk {
    let mut desk = Desk::new().lively();
    desk.press(" ").press(" 4711<Enter>").press(" ").press("gG");
    desk.press("ox");
    desk.sent.clear();
    reads(&mut desk);
    desk
}

fn reads(desk: &mut Desk) {
    let mut samples = readings(desk.now);
    let Some(Sample::Activity(sample)) = samples.first_mut() else {
        panic!("the first reading is of the sessions");
    };
    sample.sessions[0].blocked_by = vec![8240];
    sample.sessions[0].query_ms = Some(16_000);
    sample.sessions.push(Session {
        pid: 8240,
        user: "reports".to_owned(),
        database: "app".to_owned(),
        application: "nightly-report".to_owned(),
        state: "idle in transaction".to_owned(),
        transaction_ms: Some(242_000),
        query: "SELECT * FROM audits".to_owned(),
        backend_start_us: 7,
        ..Session::default()
    });
    for sample in samples {
        desk.hears(Message::Sample(Box::new(sample)));
    }
}

#[test]
fn what_holds_the_step_up_is_told_on_every_screen_with_the_key_that_ends_it() {
    let mut desk = blocked();
    for layout in ["default", "database", "review", "narrow"] {
        desk.app.use_layout(layout).unwrap();
        for (width, height) in [(60, 18), (80, 24), (120, 40)] {
            let screen = desk.screen(width, height);
            assert!(
                screen.contains("ALARM 1 of 2 (a lists, X ends 8240): ALTER TABLE"),
                "{screen}"
            );
        }
    }
    assert_snapshot!("alarm_row@80x24", desk.screen(80, 24));
    desk.press("X");
    assert_snapshot!("end_the_blocker@80x24", desk.screen(80, 24));
    desk.press("<Enter>");
    assert!(desk.sent.is_empty(), "Enter ends nothing: {:?}", desk.sent);
    desk.press("Xy");
    assert!(
        matches!(
            desk.sent.as_slice(),
            [Command::SignalSession { signal: SessionSignal::Terminate, victim, .. }]
                if victim.pid == 8240 && victim.backend_start_us == 7
        ),
        "{:?}",
        desk.sent
    );
}

#[test]
fn a_session_that_went_on_since_it_was_looked_at_is_looked_at_again() {
    let mut desk = blocked();
    desk.press("X");
    let mut samples = readings(desk.now);
    if let Some(Sample::Activity(sample)) = samples.first_mut() {
        sample.sessions[0].blocked_by = vec![8240];
        sample.sessions.push(Session {
            pid: 8240,
            application: "nightly-report".to_owned(),
            state: "active".to_owned(),
            query: "UPDATE audits SET seen = true".to_owned(),
            backend_start_us: 7,
            ..Session::default()
        });
    }
    desk.hears(Message::Sample(Box::new(samples.remove(0))));
    desk.press("y");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
    assert!(
        desk.screen(120, 40)
            .contains("it is doing something else now")
    );
    desk.press("y");
    assert_eq!(desk.sent.len(), 1);
}

#[test]
fn who_watches_ends_no_session() {
    let mut desk = blocked();
    desk.app.model.me = "bob@ops2".to_owned();
    desk.press("Xy").press("a").press("Xy<Esc>");
    desk.app.view.focus_on("sessions");
    desk.press("XyCy<Enter>Xy");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
}

#[test]
fn alarms_are_listed_and_seen_and_those_that_are_over_stay_listed() {
    let mut desk = blocked();
    let key = "database/main/blocked/8240/7";
    desk.sees(Observation::Alarm {
        key: key.to_owned(),
        text: Some("ALTER TABLE audits waits 3s for 8240".to_owned()),
    });
    desk.press("a");
    assert_snapshot!("alarm_list@120x40", desk.screen(120, 40));
    desk.press("!").press("the report ends in a minute<Enter>");
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("seen by anna@ops1: the report ends in a minute"),
        "{screen}"
    );
    desk.press("<Esc>");
    // What was seen gives its place to what nobody has seen.
    let screen = desk.screen(80, 24);
    assert!(screen.contains("`engine` is down"), "{screen}");
    assert!(!screen.contains("X ends 8240"), "{screen}");
    desk.later(12);
    desk.sees(Observation::Alarm {
        key: key.to_owned(),
        text: None,
    });
    desk.press("a");
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("02:00 for 12s  ALTER TABLE audits"),
        "{screen}"
    );
}

#[test]
fn a_run_that_is_well_has_no_alarm_row() {
    let mut desk = Desk::new().identified();
    assert!(!desk.screen(80, 24).contains("ALARM"));
    desk.press("a");
    assert!(desk.screen(80, 24).contains("no alarms"));
}

/// The session that was asked for last, and the answer that it has locked this table.
fn asked_for(desk: &Desk, relation: &str) -> Answer {
    let mut asked = desk.asked.iter().rev();
    let session = asked.find_map(|ask| match ask {
        Ask::Session(session) => Some(session.clone()),
        _ => None,
    });
    let lock = HeldLock {
        kind: "relation".to_owned(),
        mode: "ShareLock".to_owned(),
        granted: true,
        relation: Some(relation.to_owned()),
    };
    Answer::Session {
        session: session.expect("a session is asked for"),
        detail: Ok(SessionDetail {
            locks: vec![lock],
            ..SessionDetail::default()
        }),
    }
}

#[test]
fn the_locks_of_one_session_are_not_shown_as_those_of_another() {
    let mut desk = blocked();
    desk.press("X");
    let late = asked_for(&desk, "audits");
    desk.press("<Esc>");
    desk.app.view.focus_on("sessions");
    desk.press("/engine<Enter>X");
    assert!(desk.screen(120, 40).contains("4801 engine"));
    desk.app.on_answer(late);
    let screen = desk.screen(120, 40);
    assert!(!screen.contains("has ShareLock on audits"), "{screen}");
    let own = asked_for(&desk, "ai_queries");
    desk.app.on_answer(own);
    let screen = desk.screen(120, 40);
    assert!(screen.contains("has ShareLock on ai_queries"), "{screen}");
}

fn changed(desk: &mut Desk, change: impl FnOnce(&mut ActivitySample)) {
    let mut samples = readings(desk.now);
    if let Some(Sample::Activity(sample)) = samples.first_mut() {
        change(sample);
    }
    desk.hears(Message::Sample(Box::new(samples.remove(0))));
}

#[test]
fn no_session_is_ended_by_a_list_that_is_old() {
    let mut desk = blocked();
    desk.app.view.focus_on("sessions");
    desk.press("/engine<Enter>X");
    let since = desk.now - TimeDelta::seconds(9);
    changed(&mut desk, |sample| {
        sample.state = Reading::Lost {
            since,
            message: "the server does not answer".to_owned(),
            help: "wait".to_owned(),
        };
    });
    desk.press("y");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
    let screen = desk.screen(120, 40);
    assert!(screen.contains("the list is 9s old"), "{screen}");
    changed(&mut desk, |_| {});
    desk.press("y");
    assert_eq!(desk.sent.len(), 1);
}

#[test]
fn a_younger_statement_of_the_same_text_is_not_cancelled_unseen() {
    let mut desk = blocked();
    desk.app.view.focus_on("sessions");
    desk.press("/gateway<Enter>C");
    changed(&mut desk, |sample| sample.sessions[1].query_ms = Some(20));
    desk.press("y");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
    desk.press("y");
    assert_eq!(desk.sent.len(), 1);
}

#[test]
fn an_alarm_of_another_database_says_that_its_sessions_are_not_shown() {
    let mut desk = Desk::new().lively();
    changed(&mut desk, |sample| {
        sample.target = "replica".to_owned();
        sample.sessions.clear();
        sample.counts.total = 95;
    });
    // Only what is wrong with the second database.
    changed(&mut desk, |sample| sample.sessions.clear());
    desk.press("a");
    let list = desk.screen(120, 40);
    let at = list.lines().filter(|line| line.contains("▸")).count();
    assert!(at > 0, "{list}");
    desk.press("<Down>");
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("▸ 95 of 100 connections of `replica`"),
        "{screen}"
    );
    desk.press("<Enter>");
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("the sessions pane shows `main`, and this is about `replica`"),
        "{screen}"
    );
}

#[test]
fn the_cursor_of_the_list_stays_with_its_alarm_and_reaches_those_that_are_over() {
    let mut desk = blocked();
    for text in [Some("`main` has not answered for 5s".to_owned()), None] {
        desk.sees(Observation::Alarm {
            key: "database/main/lost".to_owned(),
            text,
        });
    }
    desk.press("a<Down>");
    assert!(desk.screen(120, 40).contains("▸ `engine` is down"));
    // The alarm above it ends.
    changed(&mut desk, |sample| sample.sessions.clear());
    assert!(desk.screen(120, 40).contains("▸ `engine` is down"));
    desk.press("<Down>");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("▸ 02:00 for 0s"), "{screen}");
    desk.press("!X");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
}
