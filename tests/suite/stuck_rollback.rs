//! `gonogo rollback` on a rollback that was begun before: it says what is done, goes on where it
//! stopped, runs nothing a second time unasked, and starts nothing that nobody has agreed to.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

/// Every command of the rollback leaves a line; the second fails until it is fixed.
const GUIDE: &str = "# Switch\n\n## Phase 1: Switch\n\n```bash {#switch .run}\ntouch flag\n```\n\n\
    ## Rollback\n\n### Option 1: Undo it (recommended)\n\n\
    #### Stop\n\n```bash {#stop .run}\necho ran >> stop.log\n```\n\n\
    #### Restore\n\n```bash {#restore .run}\necho tried >> restore.log; test -e fixed\n```\n\n\
    #### Start\n\n```bash {#start .run}\necho ran >> start.log\n```\n\n\
    ### Option 2: Something else\n\n```bash {#other .run}\necho ran >> other.log\n```\n";

fn done(home: &Home) -> String {
    home.write("guide.md", GUIDE);
    home.gonogo(&["rehearse", "guide.md", "--assume"]).exits(0);
    home.runs()[0].clone()
}

/// A run whose rollback has stopped at its second command, without a supervisor.
fn stuck(home: &Home) -> String {
    let run = done(home);
    let failed = home
        .gonogo(&["rollback", &run, "--confirm", "yes"])
        .exits(1);
    assert!(failed.err.contains("stuck"), "{}", failed.err);
    without_supervisor(home, &run);
    run
}

fn without_supervisor(home: &Home, run: &str) {
    let living = home.supervisor(run).and_then(|pid| i32::try_from(pid).ok());
    if let Some(pid) = living.and_then(Pid::from_raw) {
        kill_process(pid, Signal::KILL).unwrap();
    }
    until("the supervisor's end", || {
        (home.status(run)["supervisor"]["alive"] == false).then_some(())
    });
}

/// How often a command of the rollback has run.
fn times(home: &Home, name: &str) -> usize {
    let log = home.path().join(format!("{name}.log"));
    std::fs::read_to_string(log).map_or(0, |log| log.lines().count())
}

fn is_alone(home: &Home, run: &str) -> bool {
    home.status(run)["supervisor"]["alive"] == false
}

#[test]
fn what_is_done_and_what_failed_is_said_and_nothing_begins_unasked() {
    let home = Home::new();
    let run = stuck(&home);
    for arguments in [
        vec!["rollback", run.as_str()],
        vec!["rollback", &run, "--confirm", "yes"],
    ] {
        let said = home.gonogo(&arguments).exits(2).err;
        for words in ["done      stop", "FAILED    restore", "to come   start"] {
            assert!(said.contains(words), "{words}\n{said}");
        }
        assert!(said.contains("--retry"), "{said}");
        assert!(said.contains("nothing was changed"), "{said}");
    }
    assert!(is_alone(&home, &run), "no supervisor was started");
    assert_eq!(home.status(&run)["state"], "stuck");
    assert_eq!((times(&home, "stop"), times(&home, "restore")), (1, 1));
}

#[test]
fn a_retry_goes_on_where_it_stopped() {
    let home = Home::new();
    let run = stuck(&home);
    home.gonogo(&["rollback", &run, "--retry"]).exits(1);
    assert_eq!(times(&home, "restore"), 2, "it failed again");
    home.write("fixed", "");
    home.gonogo(&["rollback", &run, "--retry"]).exits(4);
    let ran = ["stop", "restore", "start"].map(|name| times(&home, name));
    assert_eq!(ran, [1, 3, 1]);
}

#[test]
fn a_skip_with_a_reason_goes_on_after_it() {
    let home = Home::new();
    let run = stuck(&home);
    home.gonogo(&["rollback", &run, "--skip", "restored by hand"])
        .exits(4);
    let ran = ["stop", "restore", "start"].map(|name| times(&home, name));
    assert_eq!(ran, [1, 1, 1]);
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(report.contains("restored by hand"), "{report}");
}

#[test]
fn beginning_it_anew_says_what_runs_a_second_time() {
    let home = Home::new();
    let run = stuck(&home);
    let said = home.gonogo(&["rollback", &run, "--anew"]).exits(2).err;
    assert!(said.contains("RUNS A SECOND TIME"), "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!(times(&home, "stop"), 1);
    home.write("fixed", "");
    home.gonogo(&["rollback", &run, "--anew", "--confirm", "yes"])
        .exits(4);
    assert_eq!((times(&home, "stop"), times(&home, "start")), (2, 1));
    // Taken to its end, it does not begin again by the same words as the first time.
    let again = home
        .gonogo(&["rollback", &run, "--option", "option-1", "--confirm", "yes"])
        .exits(2);
    assert!(
        again.err.contains("would run a second time"),
        "{}",
        again.err
    );
    assert_eq!(times(&home, "stop"), 2);
}

#[test]
fn another_rollback_is_begun_as_ever() {
    let home = Home::new();
    let run = stuck(&home);
    home.gonogo(&["rollback", &run, "--option", "option-2", "--confirm", "yes"])
        .exits(4);
    assert_eq!((times(&home, "stop"), times(&home, "other")), (1, 1));
}

#[test]
fn at_the_prompt_the_choice_is_typed() {
    let home = Home::new();
    let run = stuck(&home);
    let mut prompt = Terminal::start(home.path(), &["rollback", &run], 120, 40);
    prompt.wait_for("which?");
    assert!(prompt.shows("done      stop") && prompt.shows("FAILED    restore"));
    prompt.keys("<enter>");
    assert_eq!(prompt.wait_exit(), 2, "no answer is no consent");
    assert!(is_alone(&home, &run));
    home.write("fixed", "");
    let mut prompt = Terminal::start(home.path(), &["rollback", &run], 120, 40);
    prompt.wait_for("which?");
    prompt.keys("retry<enter>");
    prompt.wait_for("rolled back, not verified");
    assert_eq!(prompt.wait_exit(), 4);
    assert_eq!((times(&home, "stop"), times(&home, "start")), (1, 1));
}

#[test]
fn a_rollback_that_was_left_without_a_supervisor_goes_on_only_when_that_is_confirmed() {
    let home = Home::new();
    let by_hand = "#### Restore\n\n- [ ] Restore it\n\n";
    let (before, rest) = GUIDE.split_once("#### Restore").unwrap();
    let (_, after) = rest.split_once("#### Start").unwrap();
    home.write("guide.md", &format!("{before}{by_hand}#### Start{after}"));
    home.gonogo(&["rehearse", "guide.md", "--assume"]).exits(0);
    let run = home.runs()[0].clone();
    home.gonogo(&["rollback", &run, "--confirm", "yes"])
        .exits(3);
    without_supervisor(&home, &run);
    let said = home.gonogo(&["rollback", &run]).exits(2).err;
    assert!(said.contains("done      stop"), "{said}");
    assert!(said.contains("to come   Restore it"), "{said}");
    assert!(said.contains("NO SUPERVISOR"), "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    assert!(is_alone(&home, &run), "nothing was revived");
    home.gonogo(&["rollback", &run, "--confirm", "yes"])
        .exits(3);
    assert_eq!(times(&home, "stop"), 1);
    assert_eq!(home.status(&run)["state"], "rolling_back");
}

#[test]
fn without_an_answer_no_supervisor_is_started_for_a_finished_run_either() {
    let home = Home::new();
    let run = done(&home);
    without_supervisor(&home, &run);
    let said = home.gonogo(&["rollback", &run]).exits(2).err;
    assert!(said.contains("rollback: Option 1"), "{said}");
    home.gonogo(&["rollback", &run, "--confirm", "no"]).exits(2);
    assert!(is_alone(&home, &run));
    assert_eq!(times(&home, "stop"), 0);
}
