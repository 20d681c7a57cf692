//! Alarms have a begin, an end, and somebody who has seen them.

use super::*;

fn told(text: Option<&str>) -> Observation {
    Observation::Alarm {
        key: "database/main/lost".to_owned(),
        text: text.map(str::to_owned),
    }
}

fn sees() -> Command {
    Command::SeeAlarm {
        key: "database/main/lost".to_owned(),
        note: "the network team is at it".to_owned(),
    }
}

#[test]
fn an_alarm_begins_once_and_ends_once() {
    let mut run = ready();
    run.refuses(sees());
    run.does(told(Some("`main` has not answered for 5s")));
    run.does(told(Some("`main` has not answered for 6s")));
    assert_eq!(run.state.alarms.len(), 1);
    run.does(sees());
    run.refuses(sees());
    run.does(told(None));
    run.does(told(None));
    run.refuses(sees());
    let alarm = &run.state.alarms[0];
    assert_eq!(alarm.text, "`main` has not answered for 5s");
    assert!(alarm.ended_at.is_some());
    let seen = alarm.seen.as_ref().map(|seen| seen.note.as_str());
    assert_eq!(seen, Some("the network team is at it"));
    run.does(told(Some("again")));
    assert_eq!(run.state.alarms.len(), 2);
    assert!(run.state.alarms[1].seen.is_none());
}
