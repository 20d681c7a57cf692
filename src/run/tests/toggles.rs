//! Which commands of a block run: those that are on when its start is confirmed.

use super::*;
use crate::runbook::Nature;

const GUIDE: &str = "# Build\n\n## Phase 1: Go\n\n```bash {#build .run}\n# Build\nnpm ci\n\n# Optional: clear the cache\nrm -rf cache\n\nscp app.tgz ${HOST}:/srv/\ndf -h\n```\n";

fn toggle(run: &Run, index: usize, on: bool) -> Command {
    Command::ToggleCommand {
        action: run.action("build"),
        index,
        on,
    }
}

fn on(run: &Run) -> Vec<bool> {
    let listed = listed_of(&run.state, run.action("build")).unwrap();
    listed.iter().map(|command| command.on).collect()
}

fn give_host(run: &mut Run) {
    run.does(Command::SetInput {
        name: "HOST".to_owned(),
        input: Input::Value("web1".to_owned()),
    });
}

#[test]
fn what_the_guide_calls_optional_is_off_until_somebody_switches_it_on() {
    let mut run = Run::of(GUIDE);
    give_host(&mut run);
    assert_eq!(on(&run), [true, false, true, true]);
    let action = run.action("build");
    let shown = preview(&run.state, action).unwrap();
    assert!(!shown.command.contains("rm -rf"), "{}", shown.command);
    assert!(shown.destructive.is_empty(), "{:?}", shown.destructive);
    run.does(toggle(&run, 1, true));
    let now = preview(&run.state, action).unwrap();
    assert!(now.command.contains("rm -rf cache"));
    assert_eq!(now.destructive, ["rm -r"]);
    assert_ne!(
        now.hash, shown.hash,
        "a confirmation is bound to what is on"
    );
    run.does(toggle(&run, 3, false));
    run.starts("build");
    let attempt = run.state.actions[&action].last().unwrap();
    let planned: Vec<usize> = attempt.planned.iter().map(|one| one.index).collect();
    assert_eq!(planned, [0, 1, 2]);
    // What runs is not changed under way.
    run.refuses(toggle(&run, 3, true));
}

#[test]
fn a_command_that_is_off_needs_no_value() {
    let mut run = Run::of(GUIDE);
    let action = run.action("build");
    let refusal = preview(&run.state, action).unwrap_err();
    assert!(refusal.message.contains("no value for `HOST`"), "{refusal}");
    run.does(toggle(&run, 2, false));
    let shown = preview(&run.state, action).unwrap();
    assert_eq!(shown.commands.len(), 2);
    assert_eq!(shown.listed[2].needs, ["HOST"]);
    assert!(shown.listed[2].natures.contains(&Nature::NeedsValue));
}

#[test]
fn with_nothing_on_nothing_starts() {
    let mut run = Run::of(GUIDE);
    for index in [0, 2, 3] {
        run.does(toggle(&run, index, false));
    }
    let refusal = run.refuses(run.start("build"));
    assert!(
        refusal.message.contains("all of its commands are off"),
        "{refusal}"
    );
    run.refuses(toggle(&run, 9, true));
}

#[test]
fn said_once_that_this_machine_is_the_one_the_blocks_there_are_as_any_other() {
    let mut run = Run::of(
        "# Move\n\n## 1. Connect\n\n```bash\nssh root@db2\n```\n\n## 2. Stop\n\n```bash {#stop}\n./stop\n```\n\n## 3. Start\n\n```bash {#start}\n./start\n# Optional\n./warm\n```\n",
    );
    let on = |run: &Run, id: &str| -> Vec<bool> {
        let listed = listed_of(&run.state, run.action(id)).unwrap();
        listed.iter().map(|command| command.on).collect()
    };
    let answer = |name: &str| Command::Choose {
        group: "machine-5".to_owned(),
        name: name.to_owned(),
    };
    assert_eq!(
        (on(&run, "stop"), on(&run, "start")),
        (vec![false], vec![false; 2])
    );
    run.refuses(answer("db3"));
    run.does(answer("this machine"));
    assert_eq!(
        (on(&run, "stop"), on(&run, "start")),
        (vec![true], vec![true, false])
    );
    let shown = preview(&run.state, run.action("stop")).unwrap();
    assert!(shown.target.starts_with("shell in"), "{}", shown.target);
    run.does(answer("root@db2"));
    assert_eq!(on(&run, "stop"), [false]);
}

#[test]
fn who_has_armed_a_block_has_read_all_of_it() {
    let mut run =
        Run::of("# Build\n\n## Phase 1: Go\n\n```bash\nnpm ci\nnpm run build\ndf -h\n```\n");
    let action = ActionId::block(1);
    let shown = preview(&run.state, action).unwrap();
    assert!(shown.needs_arming && !is_armed(&run.state, &shown));
    run.does(Command::Arm {
        action,
        hash: shown.hash.clone(),
    });
    run.does(Command::ToggleCommand {
        action,
        index: 1,
        on: false,
    });
    let now = preview(&run.state, action).unwrap();
    assert_eq!(now.command, "npm ci\ndf -h");
    assert!(is_armed(&run.state, &now));
    assert_ne!(now.hash, shown.hash);
    let rest = preview_from(&run.state, action, Some(2)).unwrap();
    assert_eq!(rest.command, "df -h");
    assert!(is_armed(&run.state, &rest));
}

#[test]
fn of_a_batch_that_is_off_nothing_is_left_to_run() {
    let mut run = Run::of(
        "# Fill\n\n## Phase 1: Go\n\n```sql {#build .batch}\nDELETE FROM t WHERE old;\n```\n",
    )
    .identified();
    run.does(toggle(&run, 0, false));
    let refusal = run.refuses(run.start("build"));
    assert_eq!(refusal.message, "all of its commands are off");
}
