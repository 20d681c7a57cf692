//! State that flows from step to step: what a shell step starts with, what is missing, and values
//! that are captured.

use std::collections::BTreeMap;

use super::*;

const FLOWING: &str = r#"# Release

## Deployment steps

### Phase 1: Build

#### Make

```bash {#make .run}
cd build && TAG=v$(date +%s)
```

#### Count

```sql {#count .run capture="BATCH=value"}
SELECT 500;
```

### Phase 2: Use

#### Ship

```bash {#ship .run}
./ship "$TAG"
```

#### Move

```sql {#move .run}
SELECT move(:BATCH);
```

#### Elsewhere

```bash {#elsewhere .run cwd=other}
ls
```

#### Ask

```http {#ask .run}
GET http://localhost/${TAG}/${BATCH}
```

## Rollback

### Option 1: Back (recommended)

```bash {#find .run}
LAST=$(ls | tail -1)
```

```bash {#back .run}
./back "$LAST" "$TAG"
```
"#;

fn left(directory: Option<&str>, set: &[(&str, &str)]) -> Evidence {
    let set = set
        .iter()
        .map(|(name, value)| ((*name).to_owned(), ShellValue::text(value)));
    Evidence {
        exit: Some(0),
        shell: Some(ShellState {
            directory: directory.map(str::to_owned),
            set: set.collect(),
            ..ShellState::default()
        }),
        ..Evidence::default()
    }
}

fn flowing() -> Run {
    Run::of(FLOWING).identified()
}

impl Run {
    fn shown(&self, id: &str) -> Preview {
        preview(&self.state, self.action(id)).unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    fn missing(&self, id: &str) -> Refusal {
        preview(&self.state, self.action(id)).expect_err("something is missing")
    }

    fn built(mut self) -> Self {
        self.runs("make", left(Some("/srv/build"), &[("TAG", "v1")]));
        self.runs("count", value(500));
        self.goes();
        self
    }
}

#[test]
fn a_step_starts_where_the_one_before_left_the_shell() {
    let run = flowing().built();
    let shown = run.shown("ship");
    assert_eq!(shown.directory, "/srv/build");
    assert_eq!(shown.directory_from.as_deref(), Some("Make"));
    let tag = &shown.carried[0];
    assert_eq!(
        (tag.name.as_str(), tag.value.as_str(), tag.from.as_str()),
        ("TAG", "v1", "Make")
    );
    assert_eq!(run.shown("elsewhere").directory, "/srv/other");
}

#[test]
fn a_request_gets_them_in_its_text() {
    let run = flowing().built();
    assert_eq!(run.shown("ask").command, "GET http://localhost/v1/500");
}

#[test]
fn a_confirmation_is_bound_to_what_is_handed_on() {
    let mut run = flowing().built();
    let start = run.start("ship");
    let Command::Start { action, .. } = run.start("make") else {
        unreachable!()
    };
    run.does(Command::Start {
        from: None,
        action,
        hash: run.shown("make").hash,
        typed: None,
        reason: Some("once more".to_owned()),
        included: None,
    });
    run.ends("make", left(Some("/srv/build"), &[("TAG", "v2")]));
    let refusal = run.refuses(start);
    assert!(
        refusal.message.contains("no longer what you saw"),
        "{refusal}"
    );
    assert_eq!(run.shown("ship").carried[0].value, "v2");
}

#[test]
fn a_step_that_is_run_again_starts_from_before_its_first_attempt() {
    let mut run = flowing();
    let mut failed = left(Some("/srv/build"), &[("TAG", "half")]);
    failed.exit = Some(1);
    run.runs("make", failed);
    assert_eq!(run.shown("make").directory, "/srv");
    assert!(run.shown("make").carried.is_empty());
    // The steps after it see what a terminal would have kept.
    assert_eq!(
        shell_start(&run.state, run.action("ship"), None).directory,
        Some(("/srv/build", run.action("make")))
    );
    run.runs("make", left(None, &[("TAG", "v1")]));
    let start = shell_start(&run.state, run.action("ship"), None);
    assert_eq!(start.directory, None, "the attempt that passed counts");
}

#[test]
fn what_is_missing_is_said_with_the_step_that_sets_it_and_the_way_out() {
    let mut run = flowing();
    assert!(run.state.runbook.variables.is_empty(), "nobody is asked");
    let refusal = run.missing("ship");
    assert!(
        refusal
            .message
            .contains("`TAG` is missing: it is set by `Make`, which has not run"),
        "{refusal}"
    );
    assert!(refusal.help.contains("--var TAG="), "{refusal}");
    let step = run.state.step_of(run.action("make")).unwrap().id.clone();
    run.does(Command::Skip {
        step,
        reason: "built by hand".to_owned(),
        action: None,
    });
    assert!(run.missing("ship").message.contains("was skipped"));
    run.does(Command::SetInput {
        name: "TAG".to_owned(),
        input: Input::Value("v9".to_owned()),
    });
    assert_eq!(run.shown("ship").values["TAG"], "v9");
}

#[test]
fn a_step_that_did_not_leave_it_is_named() {
    let mut run = flowing();
    run.runs("make", left(None, &[]));
    let refusal = run.missing("ship");
    assert!(
        refusal.message.contains("has passed and did not leave it"),
        "{refusal}"
    );
    let mut run = flowing();
    let mut evidence = left(None, &[]);
    let shell = evidence.shell.as_mut().unwrap();
    shell.withheld.insert("TAG".to_owned(), Withheld::Secret);
    run.runs("make", evidence);
    let refusal = run.missing("ship");
    assert!(refusal.message.contains("it is a secret"), "{refusal}");
    assert!(refusal.help.contains("`secrets`"), "{refusal}");
}

#[test]
fn what_a_person_gives_later_is_the_later_word() {
    let mut run = flowing().built();
    run.now += TimeDelta::seconds(1);
    run.does(Command::SetInput {
        name: "TAG".to_owned(),
        input: Input::Value("mine".to_owned()),
    });
    let shown = run.shown("ship");
    assert!(shown.carried.is_empty());
    assert_eq!(shown.values["TAG"], "mine");
    assert_eq!(shown.directory, "/srv/build", "the directory stays");
}

#[test]
fn a_captured_value_fills_later_blanks() {
    let mut run = flowing();
    let refusal = run.missing("move");
    assert!(
        refusal
            .message
            .contains("`BATCH` is missing: it is captured by `Count`"),
        "{refusal}"
    );
    let ahead = preview_ahead(&run.state, run.action("move")).unwrap();
    assert_eq!(
        (ahead.awaits[0].name.as_str(), ahead.awaits[0].from.as_str()),
        ("BATCH", "Count")
    );
    run = run.built();
    let shown = run.shown("move");
    assert_eq!(shown.values["BATCH"], "500");
    assert_eq!(shown.carried[0].from, "Count");
    let record = run
        .records
        .iter()
        .find(|record| matches!(record.event, Event::Captured { .. }))
        .unwrap();
    assert_eq!(record.by, ENGINE);
    run.does(Command::SetInput {
        name: "BATCH".to_owned(),
        input: Input::Value("7".to_owned()),
    });
    assert_eq!(run.shown("move").values["BATCH"], "7");
}

#[test]
fn a_capture_that_gives_no_single_value_fails_its_step() {
    let row = |n: i64| BTreeMap::from([("n".to_owned(), serde_json::json!(n))]);
    let many = Evidence {
        rows: vec![row(1), row(2)],
        ..exit(0)
    };
    for (evidence, why) in [
        (exit(0), "no rows"),
        (many, "2 rows, not one"),
        (
            Evidence {
                value: Some(serde_json::json!("")),
                ..exit(0)
            },
            "empty text",
        ),
        (
            Evidence {
                value: Some(serde_json::json!("a\nb")),
                ..exit(0)
            },
            "2 lines",
        ),
        (
            Evidence {
                value: Some(serde_json::json!(crate::text::redact::MASK)),
                ..exit(0)
            },
            "secret",
        ),
    ] {
        let mut run = flowing();
        run.runs("count", evidence);
        assert_eq!(run.outcome("count"), Some(Outcome::Failed), "{why}");
        let attempt = run.state.actions[&run.action("count")].last().unwrap();
        let reason = attempt.reason.as_ref().unwrap();
        assert!(
            reason.contains("capture BATCH=value") && reason.contains(why),
            "{reason}"
        );
        assert!(run.state.captured.is_empty());
    }
}

#[test]
fn a_rollback_starts_in_the_runs_directory_with_the_variables() {
    let mut run = flowing().built();
    let plan = &rollback_plans(&run.state)[0];
    assert!(
        plan.ready,
        "what its own first step sets is there by then: {:?}",
        plan.reasons
    );
    run.does(run.rollback(0));
    run.ends("find", left(Some("/srv/deep"), &[("LAST", "l1")]));
    let start = shell_start(&run.state, run.action("back"), None);
    assert_eq!(start.directory, Some(("/srv/deep", run.action("find"))));
    assert_eq!(start.set["TAG"].0, &ShellValue::text("v1"));
    assert_eq!(start.set["LAST"].0, &ShellValue::text("l1"));
    assert_eq!(run.records.iter().filter(|record| matches!(&record.event, Event::ActionStarted { target, .. } if target == "shell in /srv")).count(), 2);
}

#[test]
fn a_rollback_that_needs_what_nobody_set_says_so_before_it_begins() {
    let run = flowing();
    let plan = &rollback_plans(&run.state)[0];
    assert!(!plan.ready);
    assert!(plan.reasons[0].contains("`TAG`"), "{:?}", plan.reasons);
}

#[test]
fn an_event_of_before_has_no_shell() {
    let mut text = serde_json::to_value(exit(0)).unwrap();
    text.as_object_mut().unwrap().remove("shell");
    let read: Evidence = serde_json::from_value(text).unwrap();
    assert_eq!(read, exit(0));
}

/// What commands left that ended with these statuses, the last of them with an answer of HTTP or not.
fn ended(statuses: &[i32], answers: &[Option<u16>]) -> Evidence {
    let at = Utc.with_ymd_and_hms(2026, 1, 2, 2, 0, 0).unwrap();
    let run = |(index, status): (usize, &i32)| CommandRun {
        index,
        began: at,
        lines_before: 0,
        done: Some(CommandDone {
            at,
            elapsed_ms: 1,
            status: *status,
            parts: Vec::new(),
            end: match status {
                0 => CommandEnd::Good,
                code => CommandEnd::Failed {
                    code: *code,
                    why: format!("exit code {code}"),
                },
            },
            shell: None,
        }),
        waits: Vec::new(),
        batch: None,
    };
    let each = |(index, status): (usize, &Option<u16>)| CommandEvidence {
        index,
        seen: Box::new(Evidence {
            status: *status,
            ..Evidence::default()
        }),
    };
    Evidence {
        exit: statuses.last().copied(),
        status: answers.iter().rev().find_map(|status| *status),
        commands: statuses.iter().enumerate().map(run).collect(),
        each: match answers.len() {
            1 => Vec::new(),
            _ => answers.iter().enumerate().map(each).collect(),
        },
        ..Evidence::default()
    }
}

#[test]
fn the_status_of_an_answer_excuses_the_curl_that_got_it_and_nothing_else() {
    let outcome = |code: &str, condition: &str, evidence: Evidence| {
        let mut run = Run::of(&format!(
            "# Ask\n\n## Phase 1: Ask\n\n```bash {{#ask .run expect=\"{condition}\"}}\n{code}\n```\n"
        ));
        run.runs("ask", evidence);
        run.outcome("ask")
    };
    let (passed, failed) = (Some(Outcome::Passed), Some(Outcome::Failed));
    let deploy = "curl -i http://h/x\n./deploy.sh";
    let (ok, none) = (Some(200), None);
    assert_eq!(
        outcome(deploy, "status == 200", ended(&[0, 1], &[ok, none])),
        failed
    );
    assert_eq!(
        outcome(deploy, "status == 200", ended(&[0, 0], &[ok, none])),
        passed
    );
    let one = "curl -fi http://h/x";
    let gone = Some(404);
    assert_eq!(outcome(one, "status == 404", ended(&[22], &[gone])), passed);
    assert_eq!(
        outcome(one, "status == 200", ended(&[18], &[ok])),
        failed,
        "its answer was cut off"
    );
    let last = format!("date\n{one}");
    assert_eq!(
        outcome(&last, "status == 404", ended(&[0, 22], &[none, gone])),
        passed
    );
    let first = format!("{one}\n./deploy.sh");
    assert_eq!(
        outcome(&first, "status == 404", ended(&[22], &[gone])),
        failed,
        "the other was never run"
    );
    let piped = format!("{one} | ./deploy.sh");
    assert_eq!(
        outcome(&piped, "status == 404", ended(&[22], &[gone])),
        failed
    );
    // An answer before it is not its own.
    let two = format!("curl -i http://h/a\n{one}");
    assert_eq!(
        outcome(&two, "status == 200", ended(&[0, 22], &[ok, none])),
        failed
    );
}
