//! An action that stopped in its middle: what may go on, from where, and with which word of a person.

use super::*;

const THREE: &str = "# Three\n\n## Phase 1: Go\n\n```bash {#three .run}\nmkdir work && cd work\n./two.sh\n./three.sh\n```\n\n```sql {#moved .run}\nSELECT 1;\nBEGIN;\nDELETE FROM t;\nCOMMIT;\n```\n";

fn at(run: &Run) -> Timestamp {
    run.now
}

fn done(run: &Run, status: i32, shell: Option<ShellState>) -> CommandDone {
    CommandDone {
        at: at(run),
        elapsed_ms: 1,
        status,
        parts: Vec::new(),
        end: CommandText::default().judge(status, &[]),
        shell: shell.map(Box::new),
    }
}

/// The shim says that these commands were begun, and how they ended; the last may be under way.
fn progresses(run: &mut Run, id: &str, ends: &[(usize, Option<i32>)]) {
    let action = run.action(id);
    let attempt = run.state.actions[&action].last().unwrap().number;
    let mut marks = Vec::new();
    for (index, status) in ends {
        marks.push(CommandMark::Began(CommandRun {
            index: *index,
            began: at(run),
            lines_before: 0,
            done: None,
            waits: Vec::new(),
            batch: None,
        }));
        let moved = ShellState {
            directory: Some("/srv/work".to_owned()),
            ..ShellState::default()
        };
        let shell = (*index == 0).then_some(moved);
        marks.extend(status.map(|status| CommandMark::Ended(*index, done(run, status, shell))));
    }
    run.tries(
        ENGINE,
        Observation::Progress {
            action,
            attempt,
            marks,
        },
    )
    .unwrap();
}

fn from(run: &Run, id: &str, from: usize, reason: Option<&str>) -> Command {
    let action = run.action(id);
    Command::Start {
        action,
        from: Some(from),
        hash: preview_from(&run.state, action, Some(from)).unwrap().hash,
        typed: preview(&run.state, action).unwrap().confirm,
        reason: reason.map(str::to_owned),
        included: None,
    }
}

/// The first command is done, the second has failed, the third was not begun.
fn stopped() -> Run {
    let mut run = Run::of(THREE).identified();
    run.starts("three");
    progresses(&mut run, "three", &[(0, Some(0)), (1, Some(1))]);
    run.ends("three", exit(1));
    run
}

#[test]
fn it_is_known_which_command_failed_and_what_may_follow() {
    let run = stopped();
    let resume = run.state.resume(run.action("three")).unwrap();
    assert_eq!((resume.at.line, resume.at.text.as_str()), (7, "./two.sh"));
    assert_eq!(
        (resume.again, resume.next, resume.done, resume.is_done),
        (1, Some(2), 1, false)
    );
}

#[test]
fn what_ran_is_not_run_again_unasked() {
    let mut run = stopped();
    let whole = run.start("three");
    let refusal = run.refuses(whole.clone());
    assert!(
        refusal.message.contains("1 command before it ran"),
        "{refusal}"
    );
    let Command::Start { action, hash, .. } = whole else {
        unreachable!()
    };
    // All of it again is what a person may want; they say why.
    run.does(Command::Start {
        action,
        from: None,
        hash,
        typed: None,
        reason: Some("cleaned up by hand".to_owned()),
        included: None,
    });
}

#[test]
fn again_from_the_one_that_failed_goes_on_where_the_shell_stood() {
    let mut run = stopped();
    let again = from(&run, "three", 1, None);
    let shown = preview_from(&run.state, run.action("three"), Some(1)).unwrap();
    assert_eq!(shown.command, "./two.sh\n./three.sh");
    assert_eq!(shown.directory, "/srv/work");
    run.does(again);
    let attempt = run.state.actions[&run.action("three")].last().unwrap();
    assert_eq!((attempt.from, attempt.planned.len()), (Some(1), 2));
    progresses(&mut run, "three", &[(1, Some(0)), (2, Some(0))]);
    run.ends("three", exit(0));
    assert_eq!(run.outcome("three"), Some(Outcome::Passed));
    // What comes later finds the shell where all of it has left it.
    let start = shell_start(&run.state, run.action("moved"), None);
    assert_eq!(start.directory.map(|(at, _)| at), Some("/srv/work"));
}

#[test]
fn on_from_the_next_takes_a_reason() {
    let mut run = stopped();
    let next = from(&run, "three", 2, None);
    let refusal = run.refuses(next);
    assert!(refusal.message.contains("line 7"), "{refusal}");
    let next = from(&run, "three", 2, Some("it was done by hand"));
    run.does(next);
    let attempt = run.state.actions[&run.action("three")].last().unwrap();
    assert_eq!(attempt.asked.as_deref(), Some("it was done by hand"));
    let elsewhere = from(&stopped(), "three", 0, None);
    run.refuses(elsewhere);
}

#[test]
fn where_all_of_it_ran_it_may_run_again_as_a_whole() {
    let mut run = Run::of(THREE).identified();
    run.starts("three");
    progresses(&mut run, "three", &[(0, Some(0)), (1, Some(0))]);
    let action = run.action("three");
    let asks = CommandEnd::Asks {
        question: "is that good?".to_owned(),
        code: 0,
    };
    let last = CommandDone {
        end: asks,
        ..done(&run, 0, None)
    };
    let began = CommandRun {
        index: 2,
        began: at(&run),
        lines_before: 0,
        done: Some(last),
        waits: Vec::new(),
        batch: None,
    };
    run.does(Observation::Progress {
        action,
        attempt: 1,
        marks: vec![CommandMark::Began(began)],
    });
    run.ends("three", exit(1));
    assert_eq!(run.state.resume(action), None, "nothing is left of it");
}

#[test]
fn batches_go_on_behind_the_last_and_are_never_unknown() {
    const FILL: &str = "# Fill\n\n## Phase 1: Go\n\n```sql {#fill .batch table=t key=id size=10}\n-- All of them.\nUPDATE t SET n = 1 WHERE id BETWEEN :'batch_low' AND :'batch_high';\n```\n";
    let mut run = Run::of(FILL).identified();
    run.starts("fill");
    progresses(&mut run, "fill", &[(0, None)]);
    let action = run.action("fill");
    let mark = BatchMark {
        number: 7,
        upto: Some("70".to_owned()),
        ..BatchMark::default()
    };
    run.does(Observation::Progress {
        action,
        attempt: 1,
        marks: vec![CommandMark::Batched(0, mark.clone())],
    });
    run.does(Observation::Finished {
        action,
        attempt: 1,
        evidence: None,
        reason: None,
    });
    assert_eq!(run.outcome("fill"), Some(Outcome::Failed));
    let behind = |run: &Run| {
        let shown = preview(&run.state, action).unwrap();
        shown.batches().unwrap().behind.clone()
    };
    assert_eq!(behind(&run), Some(mark));
    run.starts("fill");
    run.ends("fill", exit(0));
    assert_eq!(behind(&run), None, "one that passed begins anew");
}

#[test]
fn after_a_crash_the_command_in_flight_alone_is_unknown() {
    let mut run = Run::of(THREE).identified();
    run.starts("three");
    progresses(&mut run, "three", &[(0, Some(0)), (1, None)]);
    let action = run.action("three");
    run.does(Observation::Finished {
        action,
        attempt: 1,
        evidence: None,
        reason: None,
    });
    assert_eq!(run.outcome("three"), Some(Outcome::Unknown));
    assert_eq!(run.state.resume(action), None, "first somebody finds out");
    run.does(Command::Resolve {
        action,
        outcome: Outcome::Passed,
        reason: "the file is there".to_owned(),
    });
    assert_eq!(
        run.outcome("three"),
        Some(Outcome::Cancelled),
        "the third was never begun"
    );
    let resume = run.state.resume(action).unwrap();
    assert_eq!((resume.next, resume.is_done), (Some(2), true));
    let next = from(&run, "three", 2, None);
    run.does(next);
}

#[test]
fn a_transaction_begins_again_as_a_whole() {
    let mut run = Run::of(THREE).identified();
    run.runs("three", exit(0));
    run.starts("moved");
    progresses(
        &mut run,
        "moved",
        &[(0, Some(0)), (1, Some(0)), (2, Some(3))],
    );
    run.ends("moved", exit(3));
    let resume = run.state.resume(run.action("moved")).unwrap();
    assert_eq!((resume.at.line, resume.again, resume.next), (14, 1, None));
}

#[test]
fn what_is_told_twice_is_recorded_once() {
    let mut run = Run::of(THREE).identified();
    run.starts("three");
    for _ in 0..2 {
        progresses(&mut run, "three", &[(0, Some(0)), (1, None)]);
    }
    let told = run.records.iter().filter(|record| {
        matches!(
            record.event,
            Event::CommandBegan { .. } | Event::CommandEnded { .. }
        )
    });
    assert_eq!(told.count(), 3);
}

#[test]
fn only_a_condition_that_refers_to_the_exit_code_sets_it_aside() {
    for (condition, outcome) in [
        ("stdout.contains('exited')", Outcome::Failed),
        ("exit == 1", Outcome::Passed),
    ] {
        let guide = THREE.replace(
            "#three .run",
            &format!("#three .run expect=\"{condition}\""),
        );
        let mut run = Run::of(&guide).identified();
        run.runs(
            "three",
            Evidence {
                stdout: "exited\n".to_owned(),
                ..exit(1)
            },
        );
        assert_eq!(run.outcome("three"), Some(outcome), "{condition}");
    }
}
