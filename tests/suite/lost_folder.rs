//! The folder of a run is deleted, or replaced, while the run goes on; or another supervisor has taken
//! its journal. It is noticed, said, and nothing that is known is lost.

use gonogo::api::CommandAnswer;
use gonogo::journal::SqliteJournal;
use gonogo::run::Command;
use rustix::process::test_kill_process;

use crate::faults::opened;
use crate::socket::Joined;
use crate::support::home::until;
use crate::support::terminal::Terminal;

#[test]
fn a_folder_that_was_deleted_is_written_again_and_the_run_goes_on() {
    let mut broken = opened();
    let directory = broken.home.run_directory(&broken.run);
    let before = broken.home.status(&broken.run)["journal"]["events"]
        .as_u64()
        .unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    until("the folder to be there again", || {
        directory.join("journal.sqlite").exists().then_some(())
    });
    until("the note of it", || {
        let report = broken.home.gonogo(&["report", &broken.run]).out;
        report
            .contains("was deleted while it went on")
            .then_some(())
    });
    let status = broken.home.status(&broken.run);
    assert_eq!(status["journal"]["intact"], true);
    assert!(status["journal"]["events"].as_u64().unwrap() > before);
    broken.executes();
    broken.home.write("go", "");
    until("the step to pass", || {
        (broken.home.outcome(&broken.run, "the-work-itself") == "passed").then_some(())
    });
    // Whoever comes later finds the door.
    until("the socket", || broken.socket().exists().then_some(()));
    let second = Terminal::start(
        broken.home.path(),
        &["attach", &broken.run, "--observe"],
        120,
        40,
    );
    second.wait_for("The work itself");
    assert_eq!(broken.home.runs(), [broken.run.clone()]);
}

#[test]
fn a_folder_in_place_of_the_runs_stops_what_is_new_and_not_the_rollback() {
    let mut broken = opened();
    let directory = broken.home.run_directory(&broken.run);
    std::fs::rename(&directory, broken.home.path().join("away")).unwrap();
    std::fs::create_dir(&directory).unwrap();
    broken.terminal.wait_for("RUN FOLDER LOST");
    broken.terminal.keys("<enter>");
    broken.terminal.wait_for("EXECUTE");
    broken.terminal.keys("x");
    broken.terminal.wait_for("another folder is in place");
    assert!(!broken.home.path().join("begun").exists());
    broken.terminal.keys("<esc>");
    broken.terminal.keys("R");
    broken.terminal.wait_for("BEGIN the rollback");
    broken.terminal.keys("B");
    let undone = broken.home.path().join("undone");
    until("the rollback", || undone.exists().then_some(()));
    let rescued = format!("{}-rescued-1", broken.run);
    until("its end in the journal that goes on", || {
        let status = broken.home.gonogo(&["status", &rescued, "--json"]);
        (status.code == 0 && status.json()["state"] == "rolled_back").then_some(())
    });
    let report = broken.home.gonogo(&["report", &rescued]).exits(0).out;
    assert!(report.contains("its journal goes on in"), "{report}");
}

#[tokio::test]
async fn a_supervisor_whose_journal_is_anothers_leaves_without_a_flood_of_words() {
    let broken = opened();
    let directory = broken.home.run_directory(&broken.run);
    let supervisor = broken.supervisor();
    let driver = broken.home.status(&broken.run)["driver"]
        .as_str()
        .unwrap()
        .to_owned();
    let joined = Joined::join(broken.socket(), &driver).await;
    // As a second supervisor opens it.
    let other = SqliteJournal::open(directory.join("journal.sqlite"))
        .await
        .unwrap();
    let note = Command::Note {
        text: "who writes?".to_owned(),
        step: None,
    };
    let answer = joined.seat.command(note).await;
    assert!(
        !matches!(answer, Ok(CommandAnswer::Accepted { .. })),
        "{answer:?}"
    );
    until("the first supervisor to leave", || {
        test_kill_process(supervisor).is_err().then_some(())
    });
    let log = std::fs::read_to_string(directory.join("supervisor.log")).unwrap();
    let said = log
        .lines()
        .filter(|line| line.contains("another supervisor"))
        .count();
    assert!((1..=3).contains(&said), "{log}");
    drop(other);
}
