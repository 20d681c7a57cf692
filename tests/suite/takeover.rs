//! A supervisor that is there and does not answer: nobody waits for it without a word, and a rollback
//! gets past it.

use std::time::{Duration, Instant};

use chrono::Utc;
use gonogo::executor::launched;
use gonogo::journal::RunLock;
use rustix::process::{Signal, kill_process, test_kill_process};

use crate::faults::opened;
use crate::support::home::until;
use crate::support::terminal::Terminal;

/// Longer than a prompt may take to say that nobody answers.
const LIMIT: Duration = Duration::from_secs(12);

#[test]
fn a_stopped_supervisor_is_named_with_its_state_and_the_way_out() {
    let broken = opened();
    let supervisor = broken.supervisor();
    kill_process(supervisor, Signal::STOP).unwrap();
    let pid = supervisor.as_raw_nonzero();
    let run = broken.run.as_str();
    for arguments in [
        vec!["resume", run],
        vec!["rollback", run, "--confirm", "yes"],
        vec!["abandon", run, "--reason", "x"],
        vec!["park", run],
    ] {
        let began = Instant::now();
        let said = broken.home.gonogo(&arguments).exits(1).err;
        assert!(
            began.elapsed() < LIMIT,
            "{arguments:?}: {:?}",
            began.elapsed()
        );
        for part in [
            &format!("process {pid}"),
            "a signal has stopped it",
            &format!("`kill -CONT {pid}`"),
            &format!("`gonogo rollback {run} --force-takeover`"),
        ] {
            assert!(said.contains(part), "{arguments:?}: {said}");
        }
    }
    let attach = Terminal::start(broken.home.path(), &["attach", run], 120, 40);
    attach.wait_for("a signal has stopped it");
    let status = broken.home.status(run);
    assert_eq!(status["supervisor"]["alive"], false);
    assert_eq!(status["supervisor"]["pid"], pid.get());
    let listed = broken.home.gonogo(&["runs"]).exits(0).out;
    assert!(listed.contains("it is stopped or hangs"), "{listed}");
    kill_process(supervisor, Signal::CONT).unwrap();
}

#[test]
fn a_rollback_gets_past_a_stopped_supervisor_and_adopts_what_it_started() {
    let mut broken = opened();
    broken.executes();
    let (supervisor, shim) = (broken.supervisor(), broken.shim(1));
    kill_process(supervisor, Signal::STOP).unwrap();
    let run = broken.run.clone();
    let arguments = ["rollback", &run, "--force-takeover", "--confirm", "yes"];
    let done = broken.home.gonogo(&arguments).exits(4);
    assert!(done.err.contains("what it started goes on"), "{}", done.err);
    assert!(broken.home.path().join("undone").exists());
    until("the old supervisor to be gone", || {
        test_kill_process(supervisor).is_err().then_some(())
    });
    until("the step to end", || {
        test_kill_process(shim).is_err().then_some(())
    });
    let status = broken.home.status(&run);
    assert_eq!(status["steps"][0]["attempts"], 1);
}

#[test]
fn who_answers_is_not_taken_over() {
    let broken = opened();
    let supervisor = broken.supervisor();
    let arguments = [
        "rollback",
        &broken.run,
        "--force-takeover",
        "--confirm",
        "yes",
    ];
    let done = broken.home.gonogo(&arguments).exits(4);
    assert!(done.err.contains("no takeover is needed"), "{}", done.err);
    assert!(test_kill_process(supervisor).is_ok());
}

#[test]
fn a_run_whose_last_supervisor_is_still_dying_is_resumed_once_that_is_gone() {
    let broken = opened();
    let directory = broken.home.run_directory(&broken.run);
    kill_process(broken.supervisor(), Signal::KILL).unwrap();
    // The system has closed its socket and not yet let its lock go.
    let held = until("the lock", || {
        let own = launched(std::process::id());
        RunLock::acquire(&directory, Utc::now(), own).ok()
    });
    let mut resume = broken
        .home
        .command(&["resume", &broken.run])
        .spawn()
        .unwrap();
    let log = directory.join("supervisor.log");
    until("the first attempt to find it held", || {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        said.contains("has this run already").then_some(())
    });
    assert!(resume.try_wait().unwrap().is_none(), "it waits");
    drop(held);
    assert!(resume.wait().unwrap().success());
    assert_eq!(broken.home.status(&broken.run)["supervisor"]["alive"], true);
}
