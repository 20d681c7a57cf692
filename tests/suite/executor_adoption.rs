//! Actions that outlive who launched them, and what can be said of those that did not.

use std::path::Path;
use std::process::{Command, Stdio};

use gonogo::executor::spool::SpoolReader;
use gonogo::executor::{Adopted, LaunchError};
use gonogo::run::ActionId;

use crate::executor::{BINARY, Bench, Done, wait_for_output};

#[tokio::test]
async fn an_action_outlives_the_process_that_launched_it() {
    let bench = Bench::new();
    let directory = bench.directory();
    let spec =
        bench.shell("echo before; while [ ! -e go ]; do sleep 0.01; done; echo after; exit 5");
    let text = bench.path().join("spec.json");
    std::fs::write(&text, serde_json::to_vec(&spec).unwrap()).unwrap();
    // The launcher kills itself the hard way, and all of its group, once the shim is on its own.
    let launcher = format!(
        "'{BINARY}' shim '{}' < '{}' & while [ ! -e '{}/script.sh' ]; do sleep 0.01; done; kill -9 0",
        directory.display(),
        text.display(),
        directory.display()
    );
    let mut parent = Command::new("setsid")
        .args(["bash", "-c", &launcher])
        .spawn()
        .unwrap();
    assert!(!parent.wait().unwrap().success());

    let adopted = bench.executor.adopt(ActionId::block(1), 1).await.unwrap();
    let Adopted::Running(running) = adopted else {
        panic!("{adopted:?}");
    };
    std::fs::write(bench.path().join("go"), "").unwrap();
    let done = Done::of(&running).await;
    assert_eq!(done.record.exit, Some(5));
    assert_eq!(done.out(), ["before", "after"]);
    match bench.executor.adopt(ActionId::block(1), 1).await.unwrap() {
        Adopted::Finished(record) => assert_eq!(record, done.record),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_adopted_action_can_be_cancelled() {
    let bench = Bench::new();
    let spec = bench.shell("echo ready; sleep 1000");
    let launched = bench.executor.launch(spec).await.unwrap();
    wait_for_output(&launched, "ready").await;
    let Adopted::Running(running) = bench.executor.adopt(ActionId::block(1), 1).await.unwrap()
    else {
        panic!("it runs");
    };
    assert_eq!(running.launched(), launched.launched());
    running.cancel(false).unwrap();
    assert!(Done::of(&running).await.record.cancelled);
}

#[tokio::test]
async fn a_shim_that_was_killed_leaves_an_unknown_end() {
    let bench = Bench::new();
    let running = bench
        .executor
        .launch(bench.shell("echo ready; exec sleep 1000"))
        .await
        .unwrap();
    wait_for_output(&running, "ready").await;
    let pid = running.launched().pid.to_string();
    Command::new("kill").args(["-9", &pid]).status().unwrap();
    assert_eq!(running.wait().await.unwrap(), None);
    match bench.executor.adopt(ActionId::block(1), 1).await.unwrap() {
        Adopted::Lost {
            never_ran: false,
            reason,
        } => assert!(reason.contains(&pid), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_shell_whose_shim_was_killed_does_not_wait_for_it() {
    let bench = Bench::new();
    // Deaf to the terminal's end: it goes on to its own, where it says what it leaves.
    let script = "trap '' HUP; echo $$ > shell; export KEPT=1; echo ready; while [ ! -e go ]; do sleep 0.01; done";
    let running = bench.executor.launch(bench.shell(script)).await.unwrap();
    wait_for_output(&running, "ready").await;
    let pid = running.launched().pid.to_string();
    Command::new("kill").args(["-9", &pid]).status().unwrap();
    let shell = std::fs::read_to_string(bench.path().join("shell")).unwrap();
    let shell = Path::new("/proc").join(shell.trim());
    assert!(shell.exists(), "the shell goes on");
    std::fs::write(bench.path().join("go"), "").unwrap();
    crate::support::eventually("the shell to end", async || (!shell.exists()).then_some(())).await;
}

#[tokio::test]
async fn an_attempt_is_launched_once() {
    let bench = Bench::new();
    bench.run(bench.shell("echo x >> count")).await;
    let again = bench.executor.launch(bench.shell("echo x >> count")).await;
    assert!(matches!(again, Err(LaunchError::Exists { .. })));
    assert_eq!(
        std::fs::read_to_string(bench.path().join("count")).unwrap(),
        "x\n"
    );
}

#[tokio::test]
async fn an_action_that_never_came_up_never_will() {
    let bench = Bench::new();
    match bench.executor.adopt(ActionId::block(1), 1).await.unwrap() {
        Adopted::Lost {
            never_ran: true, ..
        } => {}
        other => panic!("{other:?}"),
    }
    // Its directory is there, its process is not: given up, for good.
    let directory = bench.directory();
    match bench.executor.adopt(ActionId::block(1), 1).await.unwrap() {
        Adopted::Lost {
            never_ran: true, ..
        } => {}
        other => panic!("{other:?}"),
    }
    let spec = serde_json::to_vec(&bench.shell("touch ran")).unwrap();
    let late = shim(&directory, &spec);
    assert!(!late.status.success());
    assert!(!bench.path().join("ran").exists());
}

#[tokio::test]
async fn half_a_specification_runs_nothing() {
    let bench = Bench::new();
    let directory = bench.directory();
    let spec = serde_json::to_vec(&bench.shell("touch ran")).unwrap();
    shim(&directory, &spec[..spec.len() / 2]);
    match bench.executor.adopt(ActionId::block(1), 1).await.unwrap() {
        Adopted::Finished(record) => {
            assert_eq!(record.exit, None);
            assert!(record.error.unwrap().contains("nothing was run"));
        }
        other => panic!("{other:?}"),
    }
    assert!(!bench.path().join("ran").exists());
}

fn shim(directory: &Path, spec: &[u8]) -> std::process::Output {
    shim_by(Command::new(BINARY).arg("shim").arg(directory), spec)
}

pub fn shim_by(command: &mut Command, spec: &[u8]) -> std::process::Output {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(spec).unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn a_disk_that_is_full_costs_output_and_nothing_else() {
    let bench = Bench::new();
    let directory = bench.directory();
    let spec =
        serde_json::to_vec(&bench.shell("seq 1 100000; ulimit -f unlimited; touch ran")).unwrap();
    // No file may grow beyond 64 KiB: the next write fails as on a full disk.
    let script = format!(
        "ulimit -S -f 64; exec '{BINARY}' shim '{}'",
        directory.display()
    );
    shim_by(Command::new("bash").args(["-c", &script]), &spec);
    let Adopted::Finished(record) = bench.executor.adopt(ActionId::block(1), 1).await.unwrap()
    else {
        panic!("it has ended");
    };
    assert_eq!(record.exit, Some(0));
    assert!(bench.path().join("ran").exists());
    assert!(record.error.unwrap().contains("is lost"));
    let mut reader = SpoolReader::new(directory.join("spool"));
    while reader.poll().unwrap() {}
    assert_eq!(
        (reader.lines(), reader.bytes()),
        (record.lines, record.bytes)
    );
}
