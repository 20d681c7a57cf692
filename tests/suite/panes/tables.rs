//! Panes that list things: the same keys in all of them, and none that reaches the run.

use chrono::TimeDelta;
use gonogo::api::Message;
use gonogo::monitor::{ActivitySample, Progress, Sample, Session, SessionDetail};
use gonogo::run::Command;
use gonogo::ui::app::{Answer, Ask};
use insta::assert_snapshot;

use super::desk::{Desk, readings, start};

fn at(pane: &'static str) -> Desk {
    let mut desk = Desk::new().lively();
    desk.press(" ").press(" 4711<Enter>").press(" ").press("gG");
    desk.sent.clear();
    desk.app.view.focus_on(pane);
    desk
}

/// What the pane shows below its title at 120x40, zoomed.
fn zoomed(desk: &mut Desk) -> String {
    let was = std::mem::replace(&mut desk.app.view.zoomed, true);
    let screen = desk.screen(120, 40);
    desk.app.view.zoomed = was;
    screen
}

fn sessions(desk: &mut Desk, change: impl FnOnce(&mut ActivitySample)) {
    let mut samples = readings(start());
    let Some(Sample::Activity(sample)) = samples.first_mut() else {
        panic!("the first reading is of the sessions");
    };
    change(sample);
    desk.hears(Message::Sample(Box::new(samples.remove(0))));
}

/// The pids in the order in which they stand on the screen.
fn pids(screen: &str) -> Vec<&str> {
    screen
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| !word.starts_with('▪')))
        .filter(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}

#[test]
fn a_filter_works_while_it_is_typed_and_its_letters_reach_nothing_else() {
    let mut desk = at("sessions");
    desk.press("/RBgGxAsTy");
    assert!(desk.sent.is_empty() && !desk.app.is_dialog_open());
    assert!(zoomed(&mut desk).contains("/ RBgGxAsTy█  0 left"));
    desk.press("<Esc>/gate");
    assert_eq!(pids(&zoomed(&mut desk)), ["4790"]);
    desk.press("<Enter>");
    let screen = zoomed(&mut desk);
    assert!(screen.contains("/gate · 1 of 3"), "{screen}");
    desk.press("<Esc>");
    assert_eq!(pids(&zoomed(&mut desk)), ["4711", "4790", "4801"]);
}

#[test]
fn a_filter_takes_pasted_text_a_column_and_a_least_time() {
    let mut desk = at("sessions");
    desk.press("/").paste("state:idle\n");
    assert_eq!(pids(&zoomed(&mut desk)), ["4801"]);
    desk.press("<Esc>/>10s !gonogo<Enter>");
    assert_eq!(pids(&zoomed(&mut desk)), ["4790"]);
}

#[test]
fn rows_are_sorted_by_the_columns_one_after_the_other() {
    let mut desk = at("sessions");
    desk.press("s");
    let screen = zoomed(&mut desk);
    assert!(screen.contains("pid▼"), "{screen}");
    assert_eq!(pids(&screen), ["4801", "4790", "4711"]);
    desk.press("S");
    assert_eq!(pids(&zoomed(&mut desk)), ["4711", "4790", "4801"]);
    desk.press("s");
    let screen = zoomed(&mut desk);
    assert!(screen.contains("application▲"), "{screen}");
    assert_eq!(pids(&screen), ["4801", "4790", "4711"]);
}

#[test]
fn the_cursor_and_the_marks_stay_with_their_rows() {
    let mut desk = at("sessions");
    desk.press("<Down><Down>");
    sessions(&mut desk, |sample| {
        sample.sessions.rotate_right(1);
        sample.sessions.remove(1);
    });
    desk.press("y");
    let copied = |desk: &Desk| match desk.asked.last() {
        Some(Ask::Copy(text)) => text.clone(),
        other => panic!("nothing was copied: {other:?}"),
    };
    assert_eq!(copied(&desk), "4801: UPDATE ai_queries SET seen = now()");
    sessions(&mut desk, |_| {});
    desk.press("<Home>  y");
    assert_eq!(copied(&desk).lines().count(), 2);
    assert!(desk.sent.is_empty(), "Space marks a row, and ticks no box");
}

#[test]
fn only_marked_sessions_that_are_seen_are_ended() {
    let mut desk = at("sessions");
    desk.press("<Down> <Home>/engine<Enter> X");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("1 marked row is out of sight"), "{screen}");
    desk.press("y<Esc>X");
    assert!(desk.screen(120, 40).contains("end 2 sessions of `main`?"));
    desk.press("<Esc>");
    // One of them has ended by itself.
    sessions(&mut desk, |sample| drop(sample.sessions.remove(1)));
    desk.press("X");
    assert!(desk.screen(120, 40).contains("end 1 session of `main`?"));
    desk.press("y");
    assert_eq!(desk.sent.len(), 1, "{:?}", desk.sent);
    assert!(!zoomed(&mut desk).contains("marked"));
}

#[test]
fn a_long_query_is_shown_and_copied_whole() {
    let mut desk = at("sessions");
    desk.press("<Enter>");
    let Some(Ask::Session(session)) = desk.asked.last().cloned() else {
        panic!("the session is asked for: {:?}", desk.asked);
    };
    let query = format!(
        "ALTER TABLE audits {} LAST",
        "ADD COLUMN a int, ".repeat(40)
    );
    desk.app.on_answer(Answer::Session {
        session,
        detail: Ok(SessionDetail {
            query: query.clone(),
            ..SessionDetail::default()
        }),
    });
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("the whole query") && screen.contains("LAST"),
        "{screen}"
    );
    desk.press("y");
    assert_eq!(desk.asked.last(), Some(&Ask::Copy(query)));
}

#[test]
fn a_long_detail_scrolls_to_its_end_and_no_further() {
    let mut desk = at("sessions");
    desk.press("<Enter>");
    let Some(Ask::Session(session)) = desk.asked.last().cloned() else {
        panic!("the session is asked for: {:?}", desk.asked);
    };
    desk.app.on_answer(Answer::Session {
        session,
        detail: Ok(SessionDetail {
            query: "SELECT id FROM audits WHERE note = 'x' OR ".repeat(60),
            ..SessionDetail::default()
        }),
    });
    desk.screen(80, 24);
    desk.press(&"<PgDn>".repeat(20));
    let end = desk.screen(80, 24);
    assert!(end.contains("above, 0 below"), "{end}");
    desk.press("<Up>");
    let screen = desk.screen(80, 24);
    assert!(screen.contains("above, 1 below"), "{screen}");
}

#[test]
fn sessions_are_counted_by_application_user_or_state_and_a_group_opens() {
    let mut desk = at("sessions");
    desk.press("G");
    assert_snapshot!("sessions_by_application@120x40", zoomed(&mut desk));
    desk.app.view.zoomed = true;
    assert_snapshot!("sessions_by_application@80x24", desk.screen(80, 24));
    desk.press("GG");
    let screen = zoomed(&mut desk);
    assert!(screen.contains("by state"), "{screen}");
    desk.press("X");
    assert!(zoomed(&mut desk).contains("these are groups of sessions"));
    desk.press("<Esc>GGG/idle<Enter><Enter>");
    let screen = zoomed(&mut desk);
    assert!(
        screen.contains(r"/state:^idle\sin\stransaction$"),
        "{screen}"
    );
    assert!(
        screen.contains("4801") && !screen.contains("4790"),
        "{screen}"
    );
    desk.press("<Esc>");
    assert!(zoomed(&mut desk).contains("4790"));
}

#[test]
fn a_paused_pane_shows_what_it_was_paused_at_and_how_old_that_is() {
    let mut desk = at("sessions");
    desk.press("p");
    desk.later(12);
    sessions(&mut desk, |sample| sample.sessions.clear());
    let screen = zoomed(&mut desk);
    assert_eq!(pids(&screen).len(), 3, "{screen}");
    assert!(screen.contains("PAUSED, 12s old"), "{screen}");
    desk.press("p");
    assert!(pids(&zoomed(&mut desk)).is_empty());
}

#[test]
fn parts_of_the_sessions_have_keys() {
    let mut desk = at("sessions");
    for (key, wanted) in [
        ("1", vec!["4711", "4790"]),
        ("2", vec!["4790"]),
        ("3", vec!["4711"]),
        ("4", vec!["4711", "4790", "4801"]),
    ] {
        desk.press(key);
        assert_eq!(pids(&zoomed(&mut desk)), wanted, "part {key}");
    }
}

#[test]
fn a_row_in_full_says_whom_it_holds_up() {
    let mut desk = at("sessions");
    sessions(&mut desk, |sample| {
        sample.sessions[0].transaction_ms = Some(62_000);
        sample.sessions[0].backend_start_us = start().timestamp_micros();
    });
    desk.press("<Enter>");
    assert_snapshot!("session_in_full@120x40", desk.screen(120, 40));
    sessions(&mut desk, |sample| drop(sample.sessions.remove(0)));
    let screen = desk.screen(120, 40);
    assert!(screen.contains("no longer in the list"), "{screen}");
    desk.press("<Esc>");
    desk.app.view.focus_on("statements");
    desk.press("<Enter>");
    assert_snapshot!("statement_in_full@80x24", desk.screen(80, 24));
}

#[test]
fn the_walk_has_a_key_that_works_in_every_pane_and_is_named_there() {
    let mut desk = at("step");
    assert!(desk.screen(120, 40).contains("Enter shows what would run"));
    for pane in ["sessions", "statements", "phases"] {
        desk.app.view.focus_on(pane);
        let screen = desk.screen(120, 40);
        assert!(screen.contains("next o shows what would run"), "{screen}");
    }
    desk.press("ox");
    assert!(matches!(desk.sent.as_slice(), [Command::Start { .. }]));
}

#[test]
fn a_sentence_names_a_key_that_does_what_it_says_from_here() {
    let mut desk = at("sessions");
    desk.press("ox");
    desk.ends("backup", 1);
    let screen = desk.screen(200, 60);
    assert!(screen.contains("o to retry, . s skips"), "{screen}");
    desk.press(".s");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("reason"), "{screen}");
}

#[test]
fn the_keys_of_the_focused_pane_come_first() {
    let mut desk = at("sessions");
    let screen = desk.screen(120, 40);
    let footer = screen.lines().last().unwrap_or_default();
    assert!(
        footer.starts_with(" ? help  Enter detail  / filter  s sort"),
        "{footer}"
    );
    desk.press("?");
    let screen = desk.screen(120, 40);
    let first = screen.lines().find(|line| line.contains("║ in "));
    assert!(
        first.is_some_and(|line| line.contains("in the sessions")),
        "{screen}"
    );
}

#[test]
fn a_narrow_pane_is_scrolled_to_the_other_columns() {
    let mut desk = at("sessions");
    desk.app.view.zoomed = true;
    assert!(!desk.screen(80, 24).contains("database"));
    desk.press(">>>>>");
    let screen = desk.screen(80, 24);
    assert!(
        screen.contains("database") && screen.contains("user"),
        "{screen}"
    );
    assert!(!screen.contains("application"), "{screen}");
    desk.press("<Esc>");
    assert!(desk.screen(80, 24).contains("application"));
}

#[test]
fn who_watches_looks_and_filters_on_their_own() {
    let mut desk = at("sessions");
    desk.app.model.me = "bob@ops2".to_owned();
    desk.press("/idle<Enter><Enter>");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("its last query"), "{screen}");
}

#[test]
fn sessions_at_their_sizes() {
    let mut desk = at("sessions");
    let one = |pid: i32, wait: &str, ms: i64| Session {
        pid,
        user: "app".to_owned(),
        database: "shop".to_owned(),
        application: "worker".to_owned(),
        client: "10.0.0.7".to_owned(),
        state: "active".to_owned(),
        wait: (!wait.is_empty()).then(|| wait.to_owned()),
        transaction_ms: Some(ms),
        query_ms: Some(ms),
        query: "UPDATE stock SET amount = amount - $1 WHERE item = $2".to_owned(),
        ..Session::default()
    };
    sessions(&mut desk, |sample| {
        sample.sessions.push(one(5001, "IO: DataFileRead", 400));
        sample.sessions.push(one(5002, "", 90_000));
    });
    desk.press("/active<Enter>s <Down>");
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let screen = desk.screen(width, height);
        assert_snapshot!(format!("sessions@{width}x{height}"), screen);
    }
}

#[test]
fn statements_that_are_new_in_the_phase_or_slower_than_before_are_marked_and_have_a_history() {
    let mut desk = at("statements");
    for poll in 1..=6_i64 {
        let mut samples = readings(desk.now);
        let Sample::Statements(mut sample) = samples.remove(1) else {
            panic!("the second reading is of the statements");
        };
        sample.statements[0].is_new = true;
        let slow = &mut sample.statements[1];
        slow.calls = poll * 10;
        slow.total_ms = (poll * poll * 10) as f64;
        slow.mean_ms = poll as f64;
        slow.mean_before_ms = Some(1.0);
        slow.calls_per_s = poll as f64;
        desk.hears(Message::Sample(Box::new(Sample::Statements(sample))));
    }
    let screen = zoomed(&mut desk);
    assert!(screen.contains("1 new · 1 slower"), "{screen}");
    assert!(screen.contains("[new] INSERT"), "{screen}");
    assert!(screen.contains("[6.0× slower] SELECT"), "{screen}");
    desk.press("2");
    assert!(!zoomed(&mut desk).contains("INSERT"));
    desk.press("<Enter>");
    assert_snapshot!("statement_history@120x40", desk.screen(120, 40));
}

#[test]
fn a_long_command_tells_how_far_it_is_beside_its_step_and_in_its_session() {
    let mut desk = at("sessions");
    desk.press("ox");
    let step = desk
        .state
        .step_of(desk.action("backup"))
        .unwrap()
        .id
        .clone();
    let name = gonogo::executor::application_name("r1", &step);
    for second in 0..=10_i64 {
        let at = desk.now + TimeDelta::seconds(second);
        sessions(&mut desk, |sample| {
            sample.at = at;
            sample.sessions[0].application.clone_from(&name);
            sample.sessions[0].progress = Some(Progress {
                command: "CREATE INDEX".to_owned(),
                phase: "building index: scanning table".to_owned(),
                done: 1_000 + second * 100,
                total: 4_000,
                unit: "blocks".to_owned(),
            });
        });
    }
    let words = "50% building index: scanning table, 100 blocks/s, 20s left of this phase";
    let screen = desk.screen(200, 60);
    assert!(
        screen.contains(&format!("has been running for 0s: {words}")),
        "{screen}"
    );
    assert!(zoomed(&mut desk).contains("[50% building index: scanning table]"));
    desk.press("<Enter>");
    let screen = desk.screen(200, 60);
    assert!(
        screen.contains("██████████░░░░░░░░░░ CREATE INDEX: 50%"),
        "{screen}"
    );
}
