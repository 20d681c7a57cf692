//! What a person meets who walks a guide that nobody annotated: parts that may be left out, databases
//! that are dropped, files named by a pattern, errors of the server, a rollback that is not ready.

use chrono::TimeDelta;
use gonogo::run::{
    ActionId, Command, Evidence, Observation, Outcome, OutputLine, OutputStream, OutputTail,
    StepStatus, TimedWait,
};
use gonogo::runbook::Role;
use gonogo::ui::app::Ask;

use super::desk::Desk;

const GUIDE: &str = "# Move the shop

## Deployment

### Phase 1: Back up

```bash
# 1. Write the dump
pg_dump -Fc -d app -f shop_1.dump

# 2. Try the dump (optional)
createdb shop_try
pg_restore -d shop_try shop_*.dump
dropdb shop_try
```

**Success Criteria**: ✅ The dump can be read

### Phase 2: Count

```sql
SELECT totl FROM orders;
```

## Rollback

### Option 1: Take the column away (recommended)

```sql
ALTER TABLE orders DROP COLUMN total;
```

### Option 2: Restore

```bash
systemctl stop shop
pg_restore --clean -d app shop_*.dump
git checkout <previous_commit>
```
";

/// The action of the first part that holds this text.
fn part(desk: &Desk, text: &str) -> ActionId {
    let mut blocks = desk.state.runbook.blocks.iter();
    blocks
        .find_map(|block| {
            let index = block
                .parts
                .iter()
                .position(|part| part.code.contains(text))?;
            Some(ActionId {
                block: block.n,
                part: index + 1,
            })
        })
        .unwrap_or_else(|| panic!("no part holds {text}"))
}

fn ends(desk: &mut Desk, action: ActionId, exit: i32, stderr: &str) {
    let attempt = desk.state.action(action).unwrap().last().unwrap().number;
    desk.sees(Observation::Finished {
        action,
        attempt,
        evidence: Some(Box::new(Evidence {
            exit: Some(exit),
            stderr: stderr.to_owned(),
            lines: 1,
            ..Evidence::default()
        })),
        reason: None,
    });
}

/// The dump is written, and the optional trial is next.
fn at_the_trial() -> Desk {
    let mut desk = Desk::of(GUIDE, "staging", false).identified();
    desk.press("<Esc><Enter>ax");
    let dump = part(&desk, "pg_dump");
    ends(&mut desk, dump, 0, "");
    desk
}

#[test]
fn an_optional_part_is_left_out_by_itself_and_what_ran_before_it_still_counts() {
    let mut desk = at_the_trial();
    let trial = part(&desk, "createdb");
    desk.does(Command::SetInput {
        name: "SHOP_DUMP".to_owned(),
        input: gonogo::run::Input::Value("shop_1.dump".to_owned()),
    });
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("next optional: Enter shows what would run, s skips it"),
        "{screen}"
    );
    desk.press("s");
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("skip `Try the dump (optional)`"),
        "{screen}"
    );
    desk.press("no room for it<Enter>");
    let step = desk.state.step_of(trial).unwrap().clone();
    assert_eq!(desk.state.step_status(&step), StepStatus::Passed);
    assert!(
        desk.state
            .action(trial)
            .is_none_or(|own| own.attempts.is_empty())
    );
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("left out by anna at 02:00: no room for it"),
        "{screen}"
    );
    // Whoever left it out takes that back.
    desk.press("u");
    assert_eq!(desk.state.step_status(&step), StepStatus::Pending);
}

#[test]
fn a_part_that_the_guide_does_not_call_optional_is_not_left_out() {
    let mut desk = Desk::of(GUIDE, "staging", false).identified();
    desk.press("<Esc>s");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("skip `Phase 1: Back up`"), "{screen}");
}

#[test]
fn dropping_a_database_is_confirmed_by_its_name() {
    let mut desk = at_the_trial();
    desk.does(Command::SetInput {
        name: "SHOP_DUMP".to_owned(),
        input: gonogo::run::Input::Value("shop_1.dump".to_owned()),
    });
    desk.press("<Enter>ax");
    let trial = part(&desk, "createdb");
    assert!(!desk.state.action(trial).unwrap().is_running());
    let screen = desk.screen(120, 40);
    assert!(screen.contains("type `shop_try`"), "{screen}");
    desk.press("shop_try").press("x");
    assert!(desk.state.action(trial).unwrap().is_running());
}

#[test]
fn a_pattern_of_dumps_is_a_blank_until_somebody_names_the_file() {
    let mut desk = at_the_trial();
    let trial = part(&desk, "createdb");
    let runbook = desk.state.runbook.clone();
    let known = runbook.block(trial.block).unwrap();
    assert_eq!(known.parts[trial.part - 1].role, Role::Fill);
    assert_eq!(known.parts[trial.part - 1].needs, ["SHOP_DUMP"]);
    desk.press("<Enter>");
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("a file pattern: say which file is meant"),
        "{screen}"
    );
}

#[test]
fn a_rollback_shows_what_it_destroys_and_its_text_where_a_blank_is_open() {
    let mut desk = Desk::of(GUIDE, "staging", false).identified();
    desk.press("<Esc>R");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("⚠ destroys: DROP COLUMN"), "{screen}");
    assert!(!screen.contains("(recommended) (recommended)"), "{screen}");
    desk.press("<Tab>");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("not ready"), "{screen}");
    assert!(
        screen.contains("git checkout <previous_commit>"),
        "{screen}"
    );
    desk.press("B");
    assert!(desk.state.rollback.is_none(), "{}", desk.screen(120, 40));
}

#[test]
fn a_failed_step_says_what_the_server_said() {
    let mut desk = at_the_trial();
    desk.press("s")
        .press("later<Enter>")
        .press("g")
        .press(" ")
        .press("G");
    desk.press("<Enter>ax");
    let block = desk
        .state
        .runbook
        .blocks
        .iter()
        .find(|block| block.code.contains("totl"));
    let count = ActionId::block(block.unwrap().n);
    ends(
        &mut desk,
        count,
        3,
        "psql:<stdin>:1: ERROR:  column \"totl\" does not exist\nLINE 1: SELECT totl\n",
    );
    let attempt = desk.state.action(count).unwrap().last().unwrap();
    assert_eq!(attempt.outcome, Some(Outcome::Failed));
    assert_eq!(
        attempt.reason.as_deref(),
        Some("exit code 3: ERROR:  column \"totl\" does not exist")
    );
}

#[test]
fn a_line_of_output_that_is_cut_says_so_and_errors_of_a_shell_stand_first() {
    let mut desk = at_the_trial();
    let action = part(&desk, "pg_dump");
    let line = |number: u64, text: String| OutputLine {
        number,
        stream: OutputStream::Err,
        at_ms: number,
        text,
    };
    let path = "/home/anna/.local/state/gonogo/runs/r1/actions/1-1/script.sh";
    desk.hears(gonogo::api::Message::Output(OutputTail {
        action,
        attempt: 1,
        lines: 2,
        bytes: 400,
        tail: vec![
            line(
                0,
                format!("{path}: line 2: cd: /srv/gone: No such file or directory"),
            ),
            line(1, "word ".repeat(60)),
        ],
    }));
    desk.now += TimeDelta::seconds(1);
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains(" line 2: cd: /srv/gone: No such file"),
        "{screen}"
    );
    assert!(
        screen.contains("word wo…")
            || screen.contains("word w…")
            || screen.contains("word…")
            || screen.contains("word …")
            || screen.contains("wor…"),
        "{screen}"
    );
}

#[test]
fn a_rollback_that_is_done_by_hand_is_shown_as_the_guide_tells_it_and_walked() {
    let guide = "# G\n\n## Phase 1: A\n\n- [ ] x\n\n## Phase 2: B\n\n- [ ] y\n\n## Rollback\n\n### By hand\n\n1. Switch the flag off\n2. Tell the shop\n";
    let mut desk = Desk::of(guide, "staging", false);
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("2 manual items · ready, by hand"),
        "{screen}"
    );
    desk.press("R");
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("1 by hand: Switch the flag off"),
        "{screen}"
    );
    assert!(screen.contains("the guide says:"), "{screen}");
    assert!(!screen.contains("0 commands"), "{screen}");
    desk.press("B");
    let screen = desk.screen(80, 24);
    assert!(
        screen.contains("by hand: Switch the flag off; Space when done"),
        "{screen}"
    );
    desk.press(" ").press(" ");
    assert_eq!(desk.state.mode, gonogo::run::Mode::RolledBack);
}

#[test]
fn what_is_doubtful_about_the_reading_stands_before_the_first_step() {
    let guide = "# G\n\n## Process\n\n### Phase 1: A\n1. Look\n\n### Phase 2: B\n1. Move\n\n## Production\n\n### Step 1: C\n1. Warn\n\n### Step 2: D\n1. Go\n";
    let screen = Desk::of(guide, "staging", false).screen(120, 40);
    assert!(screen.contains("which are the phases?"), "{screen}");
    assert!(screen.contains("<!-- gonogo: begin -->"), "{screen}");
}

#[test]
fn a_part_that_waits_longer_than_its_phase_says_until_when() {
    let guide = "# G\n\n## Phase 1: A\n\n- [ ] x\n\n## Phase 2: B\n\n- [ ] y\n\n## Cleanup\n\n**WAIT 7 DAYS** before the cleanup.\n\n### After 7 days\n\n```bash\n# 1. Close the ticket (optional)\necho closed\n\n# 2. Delete the dumps (after 30 days)\nfind . -name '*.dump' -mtime +30 -delete\n```\n";
    let mut desk = Desk::of(guide, "staging", false);
    desk.press(" ").press("gG").press(" ").press("gG");
    let delete = part(&desk, "-delete");
    let phase = desk.state.runbook.walk().last().unwrap().clone();
    let done = desk.state.deployed_at.unwrap();
    assert_eq!(desk.state.due(&phase), Some(done + TimeDelta::days(7)));
    assert_eq!(
        desk.state.waits_for(delete, done + TimeDelta::days(29)),
        Some(TimedWait::Until(done + TimeDelta::days(30)))
    );
}

#[test]
fn a_block_of_troubleshooting_is_copied_opened_and_run_on_record() {
    let guide = "# G\n\n## Phase 1: A\n\n- [ ] x\n\n## Troubleshooting\n\n### Issue: the queue is stuck\n\n```bash {.run}\nls queue\n```\n";
    let mut desk = Desk::of(guide, "staging", false);
    desk.press("<Right><Right>");
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("Issue: the queue is stuck  Enter: 1 command"),
        "{screen}"
    );
    desk.press("<Down><Down>y");
    assert!(
        desk.asked
            .iter()
            .any(|ask| matches!(ask, Ask::Copy(text) if text == "ls queue")),
        "the block is copied"
    );
    desk.press("<Enter>");
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("beside the walk: what runs here is on record"),
        "{screen}"
    );
    desk.press("<Enter>x");
    let (action, _) = desk.state.running()[0];
    assert!(desk.state.is_beside(action));
    let block = desk.state.runbook.block(action.block).unwrap().id.clone();
    desk.ends(&block, 0);
    assert_eq!(
        desk.state.phase().unwrap().title,
        "Phase 1: A",
        "the walk stands where it stood"
    );
    let report = gonogo::report::markdown(&desk.state, gonogo::report::Since::default(), true, 1);
    assert!(report.contains("## Beside the walk"), "{report}");
    desk.press(".");
    assert!(desk.screen(120, 40).contains("[ ] x"));
}

#[test]
fn what_must_be_true_after_a_rollback_is_judged_where_the_gate_was() {
    let guide = "# G\n\n## Phase 1: A\n\n- [ ] x\n\n## Rollback\n\n1. Switch the flag off\n\n**Expected after rollback**:\n\n- The old page is there\n";
    let mut desk = Desk::of(guide, "staging", false);
    desk.press("RB").press(" ");
    assert_eq!(desk.state.mode, gonogo::run::Mode::RolledBack);
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("not verified: 1 condition to judge"),
        "{screen}"
    );
    desk.press("g");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("what must be true"), "{screen}");
    assert!(!screen.contains("G GO"), "{screen}");
    desk.press(" <Esc>");
    let screen = desk.screen(120, 40);
    assert!(
        screen.contains("verified: its condition passed"),
        "{screen}"
    );
}

#[test]
fn a_person_corrects_a_command_and_runs_one_of_their_own() {
    let guide = "# A\n\n## Step 1: Go\n\n```bash {#go .run}\n./deplyo.sh\n```\n";
    let mut desk = Desk::of(guide, "staging", false).identified();
    desk.press("<Esc>e").paste("# it had a slip\n");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("correct for this run"), "{screen}");
    desk.press("<Tab>");
    let screen = desk.screen(120, 40);
    for line in [
        "+# it had a slip",
        " ./deplyo.sh",
        "corrected for this run by anna",
    ] {
        assert!(screen.contains(line), "{line}: {screen}");
    }
    assert!(desk.state.actions.is_empty(), "nothing ran by it");
    desk.press("<Esc>E")
        .press("uptime")
        .press("<Enter>date<Tab>");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("what would run: uptime"), "{screen}");
    desk.press("x");
    let own = ActionId::block(2);
    assert_eq!(
        desk.state.action(own).unwrap().last().unwrap().command,
        "uptime\ndate"
    );
    // Shift-Tab goes from the shell to the targets.
    ends(&mut desk, own, 0, "");
    desk.press("<Esc>E<BackTab>").press("SELECT 1;<Tab>");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("sql on main"), "{screen}");
}
