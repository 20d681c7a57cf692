//! Watches: beside the steps, ended with their phase, and heard when they see a red flag.

use super::*;

const GUIDE: &str = r#"# Move a table

## Deployment steps

### Phase 1: Deploy

```bash {#log .watch alert="FATAL|PANIC"}
tail -f app.log
```

```bash {#tunnel .watch}
ssh -N bastion
```

```bash {#deploy .run}
./deploy.sh
```

**Red flags**:
- ❌ `ERROR` in the log <!-- gonogo: expect="false" -->
- ❌ "deadlock detected" <!-- gonogo: expect="false" -->

### Phase 2: Look

```sql {#lag .check every=10s expect="value == 0"}
SELECT lag();
```

```bash {#more .watch until=end}
tail -f more.log
```

```bash {#through .run needs=tunnel}
curl tunnel
```

### Phase 3: Clean

```bash {#clean .run}
./clean.sh
```

## Rollback

### Option 1: Back (recommended)

```bash {#trail .watch}
tail -f back.log
```

```bash {#back .run}
./back.sh
```
"#;

pub(super) fn ready() -> Run {
    Run::of(GUIDE).identified()
}

/// The same, where the deployment asks for two people.
pub(super) fn ready_for_two() -> Run {
    Run::of(&GUIDE.replace("{#deploy .run}", "{#deploy .run .two-person}")).identified()
}

fn sees(run: &mut Run, id: &str, pattern: &str, line: u64, count: u64) {
    let action = run.action(id);
    run.does(Observation::Alerted {
        action,
        attempt: 1,
        pattern: pattern.to_owned(),
        line,
        text: format!("{pattern}: no"),
        count,
    });
}

fn objections(run: &Run) -> Vec<String> {
    run.state.gate_objections(run.state.phase().unwrap())
}

fn deployed() -> Run {
    let mut run = ready();
    run.starts("log");
    run.starts("tunnel");
    run.runs("deploy", exit(0));
    run
}

fn is_asked_to_end(run: &Run, id: &str) -> bool {
    run.state.actions[&run.action(id)]
        .last()
        .unwrap()
        .cancel_requested_at
        .is_some()
}

#[test]
fn watches_run_beside_a_command_and_hold_no_gate_up() {
    let mut run = ready();
    run.starts("log");
    run.starts("tunnel");
    run.starts("deploy");
    assert_eq!(run.state.running().len(), 3);
    assert_eq!(run.state.busy(), [(run.action("deploy"), 1)]);
    run.ends("deploy", exit(0));
    assert_eq!(objections(&run), Vec::<String>::new());
    run.goes();
}

#[test]
fn a_watch_ends_with_its_phase_and_is_watched_whatever_its_exit() {
    let mut run = deployed();
    run.goes();
    assert!(is_asked_to_end(&run, "log"));
    run.ends("log", exit(130));
    assert_eq!(run.outcome("log"), Some(Outcome::Watched));
    let attempt = run.state.actions[&run.action("log")].last().unwrap();
    assert!(attempt.was_stopped() && attempt.reason.is_none());
}

#[test]
fn a_tunnel_lives_until_the_last_step_that_needs_it_is_behind_its_gate() {
    let mut run = deployed();
    run.goes();
    assert!(!is_asked_to_end(&run, "tunnel"));
    run.starts("through");
    run.ends("through", exit(0));
    run.gate(GateDecision::Go, Some("the lag was not looked at"))
        .unwrap();
    assert!(is_asked_to_end(&run, "tunnel"));
}

#[test]
fn a_step_needs_its_tunnel_running() {
    let mut run = deployed();
    run.goes();
    run.ends("tunnel", exit(255));
    let refusal = run.refuses(run.start("through"));
    assert!(refusal.message.contains("is not running"), "{refusal}");
    run.starts("tunnel");
    run.starts("through");
}

#[test]
fn a_kept_watch_ends_with_the_run() {
    let mut run = deployed();
    run.goes();
    run.starts("more");
    run.gate(GateDecision::Go, Some("r")).unwrap();
    assert!(!is_asked_to_end(&run, "more"));
    run.runs("clean", exit(0));
    run.goes();
    assert_eq!(run.state.mode, Mode::Done);
    assert!(is_asked_to_end(&run, "more"));
    run.ends("more", exit(0));
    let refusal = run.refuses(run.start("more"));
    assert!(refusal.message.contains("every gate"), "{refusal}");
}

#[test]
fn a_watch_that_ends_by_itself_says_so_and_can_be_started_again() {
    let mut run = deployed();
    run.ends("log", exit(1));
    let attempt = run.state.actions[&run.action("log")].last().unwrap();
    assert_eq!(attempt.outcome, Some(Outcome::Watched));
    assert!(!attempt.was_stopped());
    assert_eq!(
        attempt.reason.as_deref(),
        Some("it ended by itself: exit code 1")
    );
    assert_eq!(objections(&run), ["step `Phase 1: Deploy` failed"]);
    run.starts("log");
    assert_eq!(objections(&run), Vec::<String>::new());
}

#[test]
fn a_watch_whose_shim_is_dead_is_ended_and_never_unknown() {
    let mut run = deployed();
    let action = run.action("log");
    run.does(Observation::Finished {
        action,
        attempt: 1,
        evidence: None,
        reason: None,
    });
    assert_eq!(run.outcome("log"), Some(Outcome::Watched));
    run.starts("log");
}

#[test]
fn watches_go_on_during_a_rollback_and_end_with_it() {
    let mut run = deployed();
    run.does(run.rollback(0));
    assert!(!is_asked_to_end(&run, "log"));
    assert!(run.state.actions[&run.action("trail")].is_running());
    assert!(
        run.state.actions[&run.action("back")].is_running(),
        "a watch holds the rollback up as little as anything"
    );
    run.ends("back", exit(0));
    assert_eq!(run.state.mode, Mode::RolledBack);
    for id in ["log", "tunnel", "trail"] {
        assert!(is_asked_to_end(&run, id), "{id}");
    }
}

#[test]
fn giving_up_ends_the_watches() {
    let mut run = deployed();
    run.does(Command::Abandon {
        reason: "enough".to_owned(),
    });
    assert!(is_asked_to_end(&run, "log"));
}

#[test]
fn a_no_go_keeps_the_watches() {
    let mut run = deployed();
    run.gate(GateDecision::NoGo, None).unwrap();
    assert!(!is_asked_to_end(&run, "log"));
    // Of a rehearsal nobody looks at them.
    run.state.unattended = true;
    run.gate(GateDecision::NoGo, None).unwrap();
    assert!(is_asked_to_end(&run, "log"));
}

#[test]
fn what_a_watch_looks_for() {
    let run = ready();
    let patterns = |id: &str| -> Vec<String> {
        let patterns = run.state.alert_patterns(run.action(id)).into_iter();
        patterns.map(|pattern| pattern.shown).collect()
    };
    // A red flag that is measured is not looked for in the log.
    assert_eq!(patterns("log"), ["FATAL|PANIC"]);
    let plain = GUIDE.replace(" <!-- gonogo: expect=\"false\" -->", "");
    let run = Run::of(&plain);
    let patterns = |id: &str| -> Vec<String> {
        let patterns = run.state.alert_patterns(run.action(id)).into_iter();
        patterns.map(|pattern| pattern.shown).collect()
    };
    assert_eq!(
        patterns("log"),
        ["FATAL|PANIC", "ERROR", "deadlock detected"]
    );
    assert_eq!(patterns("tunnel"), ["ERROR", "deadlock detected"]);
    assert_eq!(patterns("deploy"), Vec::<String>::new());
}

#[test]
fn an_alert_stands_against_the_gate_until_a_person_says_what_it_means() {
    let mut run = deployed();
    sees(&mut run, "log", "FATAL|PANIC", 7, 1);
    let open = objections(&run);
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(
        open[0].starts_with("red flag: `FATAL|PANIC` in `log`"),
        "{open:?}"
    );
    let refusal = run.gate(GateDecision::Go, None).unwrap_err();
    assert!(refusal.message.contains("red flag"), "{refusal}");
    let alert = run.state.alerts[0].id;
    let refusal = run.refuses(Command::Acknowledge {
        alert,
        note: " ".to_owned(),
    });
    assert!(refusal.message.contains("note"), "{refusal}");
    run.does(Command::Acknowledge {
        alert,
        note: "an old line".to_owned(),
    });
    run.goes();
}

#[test]
fn alerts_of_one_pattern_are_one_and_what_was_said_of_them_lasts_for_the_phase() {
    let mut run = deployed();
    sees(&mut run, "log", "ERROR", 7, 1);
    sees(&mut run, "log", "ERROR", 90, 41);
    assert_eq!(run.state.alerts.len(), 1);
    assert_eq!(
        (run.state.alerts[0].count, run.state.alerts[0].line),
        (42, 90)
    );
    // A supervisor that was revived reads the same lines again.
    sees(&mut run, "log", "ERROR", 90, 41);
    assert_eq!(run.state.alerts[0].count, 42);
    run.does(Command::Acknowledge {
        alert: run.state.alerts[0].id,
        note: "known".to_owned(),
    });
    sees(&mut run, "log", "ERROR", 91, 1);
    sees(&mut run, "log", "ERROR", 95, 3);
    assert_eq!(
        run.state.open_alerts().count(),
        0,
        "{:#?}",
        run.state.alerts
    );
    let known = &run.state.alerts[0];
    assert_eq!(
        (run.state.alerts.len(), known.count, known.line),
        (1, 42, 95)
    );
    let more = run.state.more_words(known).unwrap();
    assert!(more.starts_with("4 more since, the last: "), "{more}");
    // Another pattern, the same in another watch, and the same in the next phase are news.
    sees(&mut run, "log", "FATAL|PANIC", 96, 1);
    sees(&mut run, "tunnel", "ERROR", 1, 1);
    assert_eq!(run.state.open_alerts().count(), 2);
    let open: Vec<u64> = run.state.open_alerts().map(|alert| alert.id).collect();
    for alert in open {
        run.does(Command::Acknowledge {
            alert,
            note: "known too".to_owned(),
        });
    }
    run.goes();
    sees(&mut run, "tunnel", "ERROR", 2, 1);
    assert_eq!(run.state.open_alerts().count(), 1, "the phase is over");
}

#[test]
fn an_acknowledgement_of_an_earlier_version_lasts_for_no_more_than_its_lines() {
    let old = r#"{"kind":"alert_acknowledged","alert":7,"note":"known"}"#;
    let event: Event = serde_json::from_str(old).unwrap();
    let Event::AlertAcknowledged { lasts, .. } = event else {
        panic!("{event:?}");
    };
    assert!(!lasts);
}

#[test]
fn an_alert_of_a_watch_that_outlives_its_phase_stands_against_the_phase_at_hand() {
    let mut run = deployed();
    run.goes();
    sees(&mut run, "tunnel", "ERROR", 1, 1);
    assert_eq!(run.state.alerts[0].phase, run.state.current_phase);
}

#[test]
fn who_watches_cannot_acknowledge() {
    let mut run = deployed();
    sees(&mut run, "log", "ERROR", 7, 1);
    let command = Command::Acknowledge {
        alert: run.state.alerts[0].id,
        note: "fine".to_owned(),
    };
    assert!(run.tries("bert@ops", command).is_err());
}

fn samples(run: &mut Run, round: u64, found: i64) {
    let action = run.action("lag");
    run.does(Observation::Sampled {
        action,
        attempt: 1,
        round,
        evidence: Box::new(value(found)),
    });
}

#[test]
fn a_repeated_check_is_done_after_its_first_round_and_recorded_where_it_changes() {
    let mut run = deployed();
    run.goes();
    run.starts("lag");
    assert!(
        objections(&run)
            .iter()
            .any(|text| text.contains("not done"))
    );
    samples(&mut run, 1, 0);
    let records = run.records.len();
    samples(&mut run, 2, 0);
    assert_eq!(run.records.len(), records, "it says the same");
    run.runs("through", exit(0));
    assert_eq!(objections(&run), Vec::<String>::new());
    run.goes();
}

#[test]
fn failing_rounds_raise_one_alert_and_are_counted() {
    let mut run = deployed();
    run.goes();
    run.starts("lag");
    for round in 1..=4 {
        samples(&mut run, round, 3);
        run.now += TimeDelta::seconds(4);
    }
    assert_eq!(run.state.alerts.len(), 1);
    let alert = &run.state.alerts[0];
    assert_eq!((alert.count, alert.pattern.as_str()), (4, "value == 0"));
    assert!(alert.text.contains("value is 3"), "{}", alert.text);
    let alert = alert.id;
    run.does(Command::Acknowledge {
        alert,
        note: "the replica is rebuilt".to_owned(),
    });
    run.now += TimeDelta::seconds(60);
    samples(&mut run, 5, 4);
    assert_eq!(run.state.open_alerts().count(), 0, "the same failure");
    samples(&mut run, 6, 0);
    samples(&mut run, 7, 3);
    assert_eq!(run.state.open_alerts().count(), 1, "another one");
}

#[test]
fn a_step_of_watches_alone_waits_for_the_first_round_and_no_longer() {
    let guide = "# G\n\n## Phase 1: A\n\n```sql {#lag .check every=10s expect=\"value == 0\"}\nSELECT 0;\n```\n\n## Phase 2: B\n\n- [ ] b\n";
    let mut run = Run::of(guide).identified();
    assert_eq!(objections(&run).len(), 1);
    run.starts("lag");
    assert_eq!(objections(&run).len(), 1);
    samples(&mut run, 1, 0);
    assert_eq!(objections(&run), Vec::<String>::new());
}

#[test]
fn a_watch_is_offered_in_its_place_until_something_after_it_is_begun() {
    let mut run = ready();
    assert_eq!(run.state.offered_watch(), Some(run.action("log")));
    run.starts("log");
    assert_eq!(run.state.offered_watch(), Some(run.action("tunnel")));
    run.starts("deploy");
    assert_eq!(run.state.offered_watch(), None);
}

#[test]
fn a_rehearsal_begins_the_watches_and_says_no_go_on_a_red_flag() {
    let mut run = ready();
    let policy = Policy {
        assume: true,
        roll_back: true,
    };
    let mut order = Vec::new();
    for _ in 0..3 {
        let Next::Do(command @ Command::Start { action, .. }) = autopilot(&run.state, policy)
        else {
            panic!("{:?}", autopilot(&run.state, policy));
        };
        order.push(action);
        run.does(command);
    }
    assert_eq!(order, ["log", "tunnel", "deploy"].map(|id| run.action(id)));
    sees(&mut run, "log", "ERROR", 1, 1);
    run.ends("deploy", exit(0));
    let Next::Do(Command::Gate {
        decision, reason, ..
    }) = autopilot(&run.state, policy)
    else {
        panic!("a gate is decided");
    };
    assert_eq!(decision, GateDecision::NoGo);
    assert!(reason.unwrap().contains("ERROR"));
}
