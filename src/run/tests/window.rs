//! The turn-back time passes with an alarm and a decision on record, and locks nothing.

use super::*;

fn tells(run: &Run) -> Vec<(String, bool)> {
    let open = run.state.open_alarms_of(WINDOW);
    let seen = |key: &str| run.state.open_alarm(key).unwrap().seen.is_some();
    open.map(|key| (key.to_owned(), seen(key))).collect()
}

fn goes_on(run: &mut Run, minutes: i64) {
    run.now += TimeDelta::minutes(minutes);
    run.rests();
}

/// Its window ends in an hour, and its rollback takes two minutes.
fn in_a_window() -> Run {
    let mut run = ready().checklist_done();
    run.state.window_ends = Some(run.now + TimeDelta::minutes(60));
    run
}

#[test]
fn passing_the_turn_back_time_is_an_alarm_and_a_decision_and_never_a_lock() {
    let mut run = in_a_window();
    goes_on(&mut run, 57);
    assert_eq!(tells(&run), []);
    goes_on(&mut run, 1);
    let turn_back = || "window/turn-back".to_owned();
    assert_eq!(tells(&run), [(turn_back(), false)]);
    let text = &run.state.open_alarm(&turn_back()).unwrap().text;
    assert!(
        text.contains("The function") && text.contains("2m"),
        "{text}"
    );
    run.does(Command::SeeAlarm {
        key: turn_back(),
        note: "agreed with the owner until 04:00".to_owned(),
    });
    assert_eq!(tells(&run), [(turn_back(), true)]);
    goes_on(&mut run, 2);
    assert_eq!(
        tells(&run),
        [("window/over".to_owned(), false), (turn_back(), true)]
    );
    run.runs("backup", exit(0));
    run.does(run.rollback(0));
    assert_eq!(run.state.mode, Mode::RollingBack);
    assert_eq!(tells(&run), []);
}

#[test]
fn a_rollback_of_unknown_length_has_no_turn_back_time() {
    let guide = GUIDE.replace("<!-- gonogo: estimate=2m -->", "");
    let mut run = Run::of(&guide).identified().checklist_done();
    run.state.window_ends = Some(run.now + TimeDelta::minutes(60));
    goes_on(&mut run, 59);
    assert_eq!(tells(&run), []);
    goes_on(&mut run, 1);
    assert_eq!(tells(&run), [("window/over".to_owned(), false)]);
}
