//! What follows an answer of psql, without one.

use super::*;
use crate::run::hex;
use crate::runbook::Batch;

fn bench(secrets: &[&str]) -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let secrets = secrets.iter().map(|one| (*one).to_owned()).collect();
    let spool = Spool::create(folder.path(), secrets).unwrap();
    (folder, spool)
}

fn written(folder: &tempfile::TempDir, mut spool: Spool) -> String {
    spool.sync();
    let path = folder.path().join(crate::executor::launcher::SPOOL_FILE);
    std::fs::read_to_string(path).unwrap()
}

fn batch(max_errors: u64) -> Batch {
    Batch {
        keys: Some(("items".to_owned(), "id".to_owned())),
        size: 10,
        pause_ms: 0,
        max_errors,
        throttle: None,
    }
}

fn run(batch: Batch, behind: Option<BatchMark>) -> BatchRun {
    let command = CommandText::new(0, 1, "UPDATE items SET n = 1");
    BatchRun::new(Batches { batch, behind }, "word", &command)
}

fn good(said: &str) -> String {
    format!("{GOOD},{}.", hex(said.as_bytes()))
}

fn behind() -> BatchMark {
    BatchMark {
        number: 7,
        transaction: "900".to_owned(),
        after: Some("60".to_owned()),
        upto: Some("70".to_owned()),
        rows: 10,
        before: 60,
        passed: 70,
        passed_before: 60,
        ..BatchMark::default()
    }
}

const DONE: &str = r#"{"transaction":"901","rows":10,"passed":10,"upto":"10"}"#;

#[test]
fn what_became_of_the_last_batch_decides_where_it_goes_on() {
    for (status, after, number) in [("committed", "'70'", 7), ("aborted", "'60'", 6)] {
        let (_folder, mut spool) = bench(&[]);
        let mut run = run(batch(0), Some(behind()));
        let answer = good(&format!(r#"{{"status":"{status}"}}"#));
        let Next::Send(text) = run.answered(&answer, &mut spool, false) else {
            panic!("{status}: nothing is sent");
        };
        assert!(
            text.contains(&format!("\\set gonogo_after {after}\n")),
            "{text}"
        );
        assert_eq!(run.number, number);
    }
}

#[test]
fn nothing_is_sent_where_the_last_batch_is_forgotten_or_rows_have_no_key() {
    let answers = [
        (Some(behind()), r#"{"status":"forgotten"}"#, "(forgotten)"),
        (None, r#"{"without_key":true}"#, "rows without a key"),
    ];
    for (behind, said, told) in answers {
        let (folder, mut spool) = bench(&[]);
        let mut run = run(batch(0), behind);
        assert!(matches!(
            run.answered(&good(said), &mut spool, false),
            Next::Failed
        ));
        assert!(written(&folder, spool).contains(told), "{told}");
    }
}

#[test]
fn a_last_batch_under_way_is_told_once_and_asked_for_again() {
    let (folder, mut spool) = bench(&[]);
    let mut run = run(batch(0), Some(behind()));
    for _ in 0..2 {
        let next = run.answered(&good(r#"{"status":"in progress"}"#), &mut spool, false);
        assert!(matches!(next, Next::Wait(None)));
        let Next::Send(text) = run.go_on(&mut spool) else {
            panic!("it is not asked for");
        };
        assert_eq!(text, run.opening());
    }
    let told = written(&folder, spool);
    assert_eq!(told.matches("still under way").count(), 1, "{told}");
}

#[test]
fn what_cannot_be_read_of_a_batch_is_an_error_and_no_end() {
    let until_none = Batch {
        keys: None,
        ..batch(0)
    };
    for (batch, answer) in [(batch(0), "00000,7b."), (until_none, "00000,.")] {
        let (_folder, mut spool) = bench(&[]);
        let mut run = run(batch, None);
        run.answered(&good("{}"), &mut spool, false);
        assert!(matches!(
            run.answered(answer, &mut spool, false),
            Next::Failed
        ));
    }
    let (_folder, mut spool) = bench(&[]);
    let mut run = run(batch(0), None);
    run.answered(&good("{}"), &mut spool, false);
    let next = run.answered("00000,.", &mut spool, false);
    assert!(matches!(next, Next::Send(text) if text.starts_with("COMMIT;")));
}

#[test]
fn a_batch_with_a_secret_in_its_mark_is_not_committed() {
    let (folder, mut spool) = bench(&["901"]);
    let mut run = run(batch(3), None);
    run.answered(&good("{}"), &mut spool, false);
    assert!(matches!(
        run.answered(&good(DONE), &mut spool, false),
        Next::Failed
    ));
    let told = written(&folder, spool);
    assert!(told.contains("nothing of it is committed"), "{told}");
    assert!(!told.contains("\"number\":1"), "{told}");
}

#[test]
fn errors_are_in_the_last_mark_and_none_is_tried_again_while_it_ends() {
    let (folder, mut spool) = bench(&[]);
    let mut run = run(batch(3), None);
    run.answered(&good("{}"), &mut spool, false);
    let rolled_back = run.answered("40001,.", &mut spool, false);
    assert!(matches!(rolled_back, Next::Wait(Some(text)) if text == ROLL_BACK));
    run.go_on(&mut spool);
    run.answered(&good(DONE), &mut spool, false);
    assert!(matches!(
        run.answered("40001,.", &mut spool, true),
        Next::Failed
    ));
    let mark = run.written.clone().unwrap();
    assert_eq!((mark.number, mark.errors), (1, 2));
    assert!(
        mark.words()
            .contains("errors: 2, the last SQLSTATE 40001 in batch 1")
    );
    let told = written(&folder, spool);
    assert!(told.contains("\"number\":0"), "{told}");
    assert_eq!(told.matches("\"number\":1,").count(), 2, "{told}");
}

#[test]
fn an_error_of_the_throttle_rolls_nothing_back() {
    let (folder, mut spool) = bench(&[]);
    let throttled = Batch {
        throttle: Some("SELECT n FROM nowhere".to_owned()),
        ..batch(1)
    };
    let mut run = run(throttled, None);
    run.answered(&good("{}"), &mut spool, false);
    let next = run.answered("42P01,.", &mut spool, false);
    assert!(matches!(next, Next::Wait(None)));
    let told = written(&folder, spool);
    assert!(
        told.contains("error 1 of 1: SQLSTATE 42P01 of the throttle: asked again"),
        "{told}"
    );
}
