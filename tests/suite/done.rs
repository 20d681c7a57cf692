//! Done means done, as a person and a script see it: with real processes.

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

const GUIDE: &str = r#"# Retire the old queue

## Phase 1: Switch over

- [ ] The new queue takes the orders

## Post-deployment cleanup

**WAIT 7 DAYS** before the cleanup.

```bash {#drop .run}
touch dropped
```
"#;

#[test]
fn a_deployment_whose_cleanup_is_due_in_a_week_is_not_done() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.write("gonogo.toml", "[environments.test]\n");
    let mut cockpit = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    cockpit.wait_for("1 item to check");
    let run = home.runs()[0].clone();
    cockpit.keys(" ");
    cockpit.wait_for("all criteria are met");
    cockpit.keys("g");
    cockpit.wait_for("ready for GO");
    cockpit.keys("G");
    cockpit.wait_for("deployed; `Post-deployment cleanup` waits until");
    let screen = cockpit.wait_for("WAITING");
    assert!(!screen.contains("DONE"), "{screen}");
    let supervisor = home.supervisor(&run).unwrap();
    cockpit.keys("q");
    cockpit.wait_for("the run goes on");
    cockpit.keys("l");
    assert_eq!(cockpit.wait_exit(), 3, "it waits");

    // Nobody is needed for a week: no process, no connection, no lock.
    until("the run to be parked", || {
        (!std::path::Path::new(&format!("/proc/{supervisor}")).exists()).then_some(())
    });
    let status = home.status(&run);
    assert_eq!(status["state"], "waiting", "{status}");
    assert_eq!(status["waits"]["for"], "Post-deployment cleanup");
    assert_eq!(status["open"][0]["kind"], "phase", "{status}");
    let due = home.gonogo(&["runs", "--due"]).exits(0).out;
    assert!(due.contains(&run) && due.contains("  due 20"), "{due}");
    assert!(due.contains("waits until 20"), "{due}");
    assert!(!home.path().join("dropped").exists());

    home.gonogo(&["abandon", &run, "--reason", "the next release drops it"])
        .exits(0);
    assert_eq!(home.status(&run)["state"], "failed");
    let due = home.gonogo(&["runs", "--due"]).exits(0).err;
    assert!(due.contains("no run is waiting for a time"), "{due}");
}
