//! What a step would meet, shown before it runs; what must not be overlooked asks for a reason.

use gonogo::monitor::{BeforeStep, LockForecast};
use gonogo::run::{Command, Guard, GuardLevel};
use gonogo::ui::app::{Answer, Ask};
use insta::assert_snapshot;

use super::desk::Desk;

const GUIDE: &str = "# Change\n\n## Deployment steps\n\n### Phase 1: Change\n\n#### 1.1 Add the column\n\n\
    ```sql {#add .run}\nALTER TABLE audits ADD COLUMN moved boolean;\n```\n\n\
    #### 1.2 Look\n\n```sql {#look .run}\nSELECT count(*) FROM audits;\n```\n";

fn at_the_change() -> Desk {
    let mut desk = Desk::of(GUIDE, "staging", false).identified();
    desk.press("<Enter>");
    desk
}

fn held() -> BeforeStep {
    let guard = |level, text: &str| Guard {
        level,
        text: text.to_owned(),
    };
    BeforeStep {
        locks: vec![LockForecast {
            table: "audits".to_owned(),
            mode: "AccessExclusiveLock".to_owned(),
            is_there: true,
            held_by: vec!["8240 nightly-report (idle in transaction, 4m 2s)".to_owned()],
            waited_for_by: vec!["8241 api (active, 3s)".to_owned()],
        }],
        guards: vec![
            guard(
                GuardLevel::Stop,
                "it would wait for 8240 nightly-report (idle in transaction, 4m 2s) on `audits`; \
                 while it waits, everybody who uses the table waits behind it",
            ),
            guard(
                GuardLevel::Warn,
                "the replica `standby1` is 1m 30s behind: a large change takes it further",
            ),
        ],
    }
}

fn learns(desk: &mut Desk, before: Result<BeforeStep, String>) {
    let Some(Ask::Before { action }) = desk.asked.last().cloned() else {
        panic!("it is asked for: {:?}", desk.asked);
    };
    desk.app.on_answer(Answer::Before { action, before });
}

#[test]
fn a_step_that_others_would_queue_behind_runs_only_with_a_reason() {
    let mut desk = at_the_change();
    assert!(
        desk.screen(120, 40)
            .contains("looking at who holds what it will lock")
    );
    learns(&mut desk, Ok(held()));
    assert_snapshot!("before_a_step@120x40", desk.screen(120, 40));
    assert_snapshot!("before_a_step@80x24", desk.screen(80, 24));
    desk.press("x");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
    assert!(
        desk.screen(120, 40)
            .contains("running it anyway needs a reason")
    );
    desk.press("r")
        .press("the report is ours<Enter>")
        .press("x");
    assert!(
        matches!(
            desk.sent.as_slice(),
            [Command::Start { reason: Some(reason), .. }] if reason == "the report is ours"
        ),
        "{:?}",
        desk.sent
    );
}

#[test]
fn it_is_looked_at_again_and_a_free_table_asks_for_nothing() {
    let mut desk = at_the_change();
    learns(&mut desk, Ok(held()));
    let asked = desk.asked.len();
    desk.later(2);
    desk.press("<Down>");
    assert_eq!(desk.asked.len(), asked, "not with every key");
    desk.later(4);
    desk.press("<Down>");
    let mut free = held();
    free.guards.clear();
    free.locks[0].held_by.clear();
    free.locks[0].waited_for_by.clear();
    learns(&mut desk, Ok(free));
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("locks audits (AccessExclusiveLock): nobody is in its way"),
        "{screen}"
    );
    desk.press("x");
    assert!(matches!(
        desk.sent.as_slice(),
        [Command::Start { reason: None, .. }]
    ));
}

#[test]
fn a_database_that_does_not_answer_holds_nothing_up() {
    let mut desk = at_the_change();
    learns(
        &mut desk,
        Err("db1:5432 does not answer within 5 s".to_owned()),
    );
    assert!(
        desk.screen(120, 40)
            .contains("who holds what it will lock is not known")
    );
    desk.press("x");
    assert!(matches!(desk.sent.as_slice(), [Command::Start { .. }]));
}
