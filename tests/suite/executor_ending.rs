//! How actions are brought to their end, and what may stay behind.

use std::process::Command;

use gonogo::executor::is_alive;

use crate::executor::{Bench, Done, wait_for_output};
use crate::support::eventually;

/// Processes whose command line holds this text.
fn processes_with(text: &str) -> Vec<u32> {
    let output = Command::new("ps")
        .args(["-A", "-o", "pid=,stat=,args="])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.contains(text))
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let pid = fields.next()?.parse().ok()?;
            (!fields.next()?.starts_with('Z')).then_some(pid)
        })
        .collect()
}

/// A number of seconds to sleep that no other process sleeps.
fn unique_seconds() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!(
        "9{:07}{:02}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Stubborn processes: in the group, out of the session, double-forked, and one stopped.
fn hung_tree(seconds: &str) -> String {
    format!(
        r#"trap '' INT TERM HUP
        setsid bash -c "trap '' INT TERM HUP; sleep {seconds}; sleep {seconds}" &
        (setsid bash -c "trap '' INT TERM; (sleep {seconds} &) ; sleep {seconds}" &)
        sleep {seconds} &
        sleep {seconds} & kill -STOP $!
        echo ready
        while true; do sleep {seconds}; done"#
    )
}

#[tokio::test]
async fn cancelling_ends_everything_that_was_started() {
    for urgent in [false, true] {
        let bench = Bench::new();
        let seconds = unique_seconds();
        let mut spec = bench.shell(&hung_tree(&seconds));
        spec.grace_ms = 100;
        let running = bench.executor.launch(spec).await.unwrap();
        wait_for_output(&running, "ready").await;
        eventually("the whole tree", async || {
            (processes_with(&seconds).len() >= 6).then_some(())
        })
        .await;

        running.cancel(urgent).unwrap();
        let done = Done::of(&running).await;

        assert!(done.record.cancelled);
        assert!(!done.record.timed_out);
        assert_eq!(done.record.signal, Some(9));
        assert_eq!(done.record.background, 0);
        assert!(
            done.notes().contains("cancelled, killed in the end"),
            "{}",
            done.notes()
        );
        assert_eq!(processes_with(&seconds), [0_u32; 0]);
    }
}

#[tokio::test]
async fn who_ends_when_asked_may_clean_up() {
    let bench = Bench::new();
    let script = "trap 'echo cleaning up; exit 3' INT; echo ready; while true; do sleep 0.05; done";
    let running = bench.executor.launch(bench.shell(script)).await.unwrap();
    wait_for_output(&running, "ready").await;
    running.cancel(false).unwrap();
    let done = Done::of(&running).await;
    assert!(done.out().contains(&"cleaning up"));
    assert_eq!(done.record.exit, Some(3));
    assert!(done.record.cancelled);
    assert_eq!(done.notes(), "cancelled");
    // Too late, and no harm.
    running.cancel(true).unwrap();
}

#[tokio::test]
async fn an_action_can_be_cancelled_at_any_moment_of_its_life() {
    let bench = Bench::new();
    for attempt in 1..=60_u32 {
        let mut spec = bench.shell("sleep 1000");
        spec.attempt = attempt;
        let running = bench.executor.launch(spec).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_micros(
            u64::from(attempt - 1) * 250,
        ))
        .await;
        running.cancel(attempt % 2 == 0).unwrap();
        let done = Done::of(&running).await;
        assert!(done.record.cancelled, "{:?}", done.record);
    }
}

#[tokio::test]
async fn a_rollback_that_waits_shortens_the_grace() {
    let bench = Bench::new();
    let mut spec = bench.shell("trap '' INT TERM; echo ready; while true; do sleep 0.05; done");
    spec.grace_ms = 600_000;
    let running = bench.executor.launch(spec).await.unwrap();
    wait_for_output(&running, "ready").await;
    running.cancel(false).unwrap();
    running.cancel(true).unwrap();
    let done = Done::of(&running).await;
    assert_eq!(done.record.signal, Some(9));
}

#[tokio::test]
async fn a_cancel_is_heard_under_a_flood() {
    let bench = Bench::new();
    let running = bench.executor.launch(bench.shell("yes")).await.unwrap();
    wait_for_output(&running, "y\n").await;
    running.cancel(true).unwrap();
    let done = Done::of(&running).await;
    assert!(done.record.cancelled);
    assert_eq!(done.record.signal, Some(2));
}

#[tokio::test]
async fn an_action_whose_time_is_up_is_ended() {
    let bench = Bench::new();
    let seconds = unique_seconds();
    let mut spec = bench.shell(&format!("setsid sleep {seconds} & sleep {seconds}"));
    spec.timeout_s = Some(1);
    let done = bench.run(spec).await;
    assert!(done.record.timed_out);
    assert!(!done.record.cancelled);
    assert_eq!(done.notes(), "not done after 1 s: ended");
    assert_eq!(processes_with(&seconds), [0_u32; 0]);
}

#[tokio::test]
async fn what_a_step_starts_in_the_background_lives_on() {
    let bench = Bench::new();
    let seconds = unique_seconds();
    // One that left properly, one that did not, and one that prints to the terminal it came from.
    let script = format!(
        "setsid nohup sleep {seconds} > /dev/null 2>&1 &
         sleep {seconds} &
         (while [ ! -e stop ]; do echo tick; sleep 0.01; echo x >> ticks; done; : {seconds}) &
         echo started"
    );
    let running = bench.executor.launch(bench.shell(&script)).await.unwrap();
    let done = Done::of(&running).await;
    assert_eq!(done.record.exit, Some(0));
    assert!(done.out().contains(&"started"));
    assert!(done.record.background >= 3, "{:?}", done.record);
    assert!(
        done.notes().contains("processes go on in the background"),
        "{}",
        done.notes()
    );
    assert_eq!(processes_with(&format!("sleep {seconds}")).len(), 2);
    let ticks = || std::fs::metadata(bench.path().join("ticks")).map_or(0, |ticks| ticks.len());
    let before = ticks();
    eventually("the one that prints goes on", async || {
        (ticks() > before + 20).then_some(())
    })
    .await;

    std::fs::write(bench.path().join("stop"), "").unwrap();
    for pid in processes_with(&format!("sleep {seconds}")) {
        Command::new("kill").arg(pid.to_string()).status().unwrap();
    }
    eventually("the shim goes with the last of them", async || {
        (!is_alive(running.launched())).then_some(())
    })
    .await;
}
