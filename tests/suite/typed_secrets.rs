//! What is typed is a secret where the terminal hides it and edits the line itself. A program that has
//! taken over line editing shows what it likes: what it shows is none, and of the rest it is said that
//! nobody can tell.

use crate::executor::Bench;
use crate::support::{eventually, fresh_database};

const MASK: &str = "‹redacted›";
const UNSURE: &str = "nobody can tell whether it is a secret";

/// The spool of a script whose questions were answered.
async fn answered(script: &str, answers: &[(&str, &str)]) -> String {
    let bench = Bench::new();
    let mut spec = bench.shell(script);
    spec.keyboard = true;
    let running = bench.executor.launch(spec).await.unwrap();
    for (prompt, keys) in answers {
        eventually(prompt, async || {
            let asks = running.waiting().unwrap().asks?;
            asks.prompt.contains(prompt).then_some(())
        })
        .await;
        running.type_bytes(keys.as_bytes().to_vec()).unwrap();
    }
    running.wait().await.unwrap().expect("it has ended");
    std::fs::read_to_string(running.spool()).unwrap()
}

#[track_caller]
fn assert_open(spool: &str, printed: &str) {
    assert!(spool.contains(printed), "{spool}");
    assert!(!spool.contains(MASK), "{spool}");
    assert!(!spool.contains(UNSURE), "{spool}");
}

#[tokio::test]
async fn a_line_that_bash_edits_and_shows_is_masked_nowhere() {
    let script =
        "read -e -p 'how many? ' n\necho \"$n of 555\"\nread -e -p 'sure? ' m\necho \"said $m\"";
    let spool = answered(script, &[("how many?", "5\r"), ("sure?", "yes\r")]).await;
    assert_open(&spool, "5 of 555");
    assert_open(&spool, "said yes");
}

#[tokio::test]
async fn a_line_that_the_terminal_hides_is_masked() {
    let script = "read -s -p 'Password: ' x\necho\necho \"it was $x\"";
    let spool = answered(script, &[("Password:", "canary-1\r")]).await;
    assert!(spool.contains(&format!("it was {MASK}")), "{spool}");
    assert!(!spool.contains("canary-1"), "{spool}");
    assert!(!spool.contains(UNSURE), "{spool}");
}

/// As ssh and psql ask: on the terminal itself, echo off, the line still edited by it.
#[tokio::test]
async fn a_secret_after_an_edited_line_is_masked_and_the_line_is_not() {
    let script = "read -e -p 'name: ' n\n\
        printf 'pass phrase: ' >/dev/tty; stty -echo </dev/tty; IFS= read -r x </dev/tty; stty echo </dev/tty\n\
        echo \"$n has $x\"";
    let answers = [("name:", "bertram\r"), ("pass phrase:", "canary-2\r")];
    let spool = answered(script, &answers).await;
    assert!(spool.contains(&format!("bertram has {MASK}")), "{spool}");
    assert!(!spool.contains("canary-2"), "{spool}");
}

#[tokio::test]
async fn of_a_line_whose_program_shows_asterisks_it_is_said_that_nobody_can_tell() {
    let script = "printf 'Password: ' >&2\n\
        while IFS= read -rsn1 c && [[ $c ]]; do x+=$c; printf '*' >&2; done\n\
        echo; echo \"${#x} letters\"; sleep 0.3";
    let spool = answered(script, &[("Password:", "canary-3\r")]).await;
    assert!(spool.contains("8 letters"), "{spool}");
    assert_eq!(spool.matches(UNSURE).count(), 1, "{spool}");
}

#[tokio::test]
async fn what_is_typed_to_psql_is_masked_nowhere() {
    let database = fresh_database().await;
    let script = format!("PSQL_PAGER= psql -X '{}'", database.url());
    let answers = [
        ("=#", "select 5 as n, 55 as more;\r"),
        ("=#", "\\echo last 5\r"),
        ("=#", "\\q\r"),
    ];
    let spool = answered(&script, &answers).await;
    assert_open(&spool, "last 5");
    assert_open(&spool, "5 |   55");
}
