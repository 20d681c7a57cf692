//! What a shell step leaves for later ones, with a real bash: where it stood, what it set; and that
//! keeping this changes nothing about how a script runs.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use gonogo::executor::{Adopted, ShellHanded};
use gonogo::run::{ActionId, ShellState, ShellValue, Withheld, decode};
use gonogo::runbook::Actor;

use crate::executor::{BINARY, Bench, Done, wait_for_output};
use crate::executor_adoption::shim_by;

async fn run(script: &str) -> Done {
    let bench = Bench::new();
    bench.run(bench.shell(script)).await
}

/// What the script left; an empty state where it left nothing.
async fn leaves(script: &str) -> ShellState {
    let done = run(script).await;
    *done.record.shell.expect("the shell said what it holds")
}

fn text<'a>(state: &'a ShellState, name: &str) -> &'a str {
    let value = state.set.get(name);
    &value
        .unwrap_or_else(|| panic!("no {name} in {state:?}"))
        .texts[0]
}

#[tokio::test]
async fn directory_and_variables_are_kept() {
    let state = leaves(
        "cd /usr\nBACKUP=b_$(echo 1).dump\nexport MODE='two words'\nHOSTS=(a 'b c')\nreadonly FIXED=1",
    )
    .await;
    assert_eq!(state.directory.as_deref(), Some("/usr"));
    assert_eq!(text(&state, "BACKUP"), "b_1.dump");
    assert!(!state.set["BACKUP"].exported && state.set["MODE"].exported);
    assert_eq!(state.set["HOSTS"].texts, ["a", "b c"]);
    assert!(state.set["HOSTS"].array);
    assert_eq!(
        state.set.keys().collect::<Vec<_>>(),
        ["BACKUP", "FIXED", "HOSTS", "MODE"],
        "nothing of the shell's own, nothing that it was given"
    );
}

#[tokio::test]
async fn thousands_of_variables_are_bounded_and_told_in_seconds() {
    let began = std::time::Instant::now();
    let state = leaves("for i in $(seq 5000); do export \"MANY_$i=value_$i\"; done").await;
    assert_eq!(state.set.len(), 500);
    assert_eq!(
        state.withheld.len(),
        500,
        "what is left out is named up to a bound"
    );
    assert!(state.withheld.values().all(|why| *why == Withheld::Large));
    let took = began.elapsed();
    assert!(took.as_secs() < 10, "{took:?}");
}

#[tokio::test]
async fn a_script_that_changes_nothing_leaves_nothing() {
    let done = run("ls / >/dev/null; (cd /usr; INSIDE=1); FOO=1 true").await;
    assert_eq!(done.record.shell.as_deref(), Some(&ShellState::default()));
    assert_eq!(done.evidence(Actor::Shell).shell, None);
}

/// As under a service manager, or `env -i`.
#[tokio::test]
async fn an_environment_without_anything_leaves_nothing_either() {
    let bench = Bench::new();
    let directory = bench.directory();
    let spec = serde_json::to_vec(&bench.shell("/bin/true; MINE=1")).unwrap();
    let shim = shim_by(
        Command::new(BINARY).arg("shim").arg(directory).env_clear(),
        &spec,
    );
    assert!(shim.status.success(), "{shim:?}");
    let adopted = bench.executor.adopt(ActionId::block(1), 1).await.unwrap();
    let Adopted::Finished(record) = adopted else {
        panic!("{adopted:?}");
    };
    let state = record.shell.unwrap();
    assert_eq!(state.set.keys().collect::<Vec<_>>(), ["MINE"]);
    assert_eq!(state.unset, BTreeSet::new());
}

#[tokio::test]
async fn values_survive_whatever_they_hold() {
    let state = leaves(
        r#"LINES_='one
two  "quoted" $not'; BYTES=$'\xff\x01\x7f'; EMPTY="#,
    )
    .await;
    assert_eq!(text(&state, "LINES_"), "one\ntwo  \"quoted\" $not");
    assert_eq!(decode(text(&state, "BYTES")), b"\xff\x01\x7f");
    assert_eq!(text(&state, "EMPTY"), "");
}

#[tokio::test]
async fn the_next_shell_begins_with_them() {
    let bench = Bench::new();
    let mut spec = bench.shell(
        "printf '%s|' \"$A\" \"${L[1]}\" ${#L[@]}; printf '%s' \"$B\" | od -An -tx1; env | grep -c '^[AL]='; env | grep ^X=; echo gone=${GONE-yes} ${BASH_ENV-none}",
    );
    spec.env.insert("GONE".to_owned(), "1".to_owned());
    let array = ShellValue {
        texts: vec!["x".to_owned(), "it's y".to_owned()],
        array: true,
        exported: false,
    };
    let exported = ShellValue {
        exported: true,
        ..ShellValue::text("1\n2")
    };
    spec.shell = ShellHanded {
        set: BTreeMap::from([
            ("A".to_owned(), ShellValue::text("a 'b' $HOME\n`c`")),
            ("B".to_owned(), ShellValue::text("\0ff7f")),
            ("L".to_owned(), array),
            ("X".to_owned(), exported),
        ]),
        unset: BTreeSet::from(["GONE".to_owned()]),
        ..ShellHanded::default()
    };
    let done = bench.run(spec).await;
    assert_eq!(
        done.out(),
        [
            "a 'b' $HOME",
            "`c`|it's y|2| ff 7f",
            "0",
            "X=1",
            "gone=yes none"
        ]
    );
    assert_eq!(
        done.record.shell.as_deref(),
        Some(&ShellState::default()),
        "what it was handed and kept is no change of its own"
    );
}

#[tokio::test]
async fn what_is_taken_away_is_said() {
    let bench = Bench::new();
    let mut spec = bench.shell("unset A PROXY; B=changed");
    spec.env.insert("PROXY".to_owned(), "1".to_owned());
    spec.env.insert("B".to_owned(), "1".to_owned());
    spec.shell.set.insert("A".to_owned(), ShellValue::text("1"));
    let state = bench.run(spec).await.record.shell.unwrap();
    assert_eq!(
        state.unset,
        BTreeSet::from(["A".to_owned(), "PROXY".to_owned()])
    );
    assert_eq!(text(&state, "B"), "changed");
}

#[tokio::test]
async fn however_it_ends_what_it_had_before_is_kept_and_its_exit_code_too() {
    for (command, exit) in [
        ("exit 3", 3),
        ("false", 1),
        ("set -u; echo $UNBOUND", 1),
        ("set -e; f() { exit 4; }; f", 4),
        ("nonsense_command", 127),
        ("trap 'exit 9' EXIT; false", 9),
        ("set -o pipefail; false | true", 1),
        ("exec false", 1),
    ] {
        let bench = Bench::new();
        let done = bench.run(bench.commands(&["V=1", command, "V=2"])).await;
        assert_eq!(done.record.exit, Some(exit), "{command}");
        let state = done.record.shell.unwrap_or_else(|| panic!("{command}"));
        assert_eq!(text(&state, "V"), "1", "{command}");
    }
}

#[tokio::test]
async fn a_trap_of_the_script_still_works() {
    let bench = Bench::new();
    let done = bench
        .run(bench.commands(&[
            "trap 'echo cleaned $? $V' EXIT",
            "trap 'echo err' ERR",
            "V=1",
            "(trap 'echo inner' EXIT)",
            "V=2",
            "false",
        ]))
        .await;
    assert_eq!(done.out(), ["inner", "err", "cleaned 1 2"]);
    assert_eq!(done.record.exit, Some(1));
    assert_eq!(text(done.record.shell.as_ref().unwrap(), "V"), "2");
}

#[tokio::test]
async fn messages_name_the_line_of_the_guide_and_traces_are_the_scripts_own() {
    let bench = Bench::new();
    let done = bench
        .run(bench.commands(&[
            "echo one\n",
            "nonsense_command || :",
            "set -x",
            "trap 'echo bye' EXIT",
            "V=1",
        ]))
        .await;
    let err = done.err().join("\n");
    assert!(err.contains("bash: line 2: nonsense_command"), "{err}");
    let traces: Vec<&str> = done
        .err()
        .into_iter()
        .filter(|line| line.starts_with('+'))
        .collect();
    assert_eq!(traces, ["+ trap 'echo bye' EXIT", "+ V=1", "+ echo bye"]);
}

#[tokio::test]
async fn a_shell_that_is_replaced_leaves_nothing_known() {
    let done = run("cd /usr; V=1; exec echo replaced").await;
    assert_eq!((done.out(), done.record.exit), (vec!["replaced"], Some(0)));
    assert_eq!(done.record.shell.as_deref(), Some(&ShellState::default()));
}

#[tokio::test]
async fn programs_started_by_the_script_are_not_spied_on() {
    let done = run("bash -c 'INNER=1; trap'; echo \"$(trap)\" | wc -c >/dev/null; bash -c 'echo ${BASH_ENV-none}'").await;
    assert_eq!(done.out(), ["none"]);
    assert!(done.record.shell.unwrap().set.is_empty());
}

#[tokio::test]
async fn a_cancelled_script_leaves_what_it_had() {
    let bench = Bench::new();
    let running = bench
        .executor
        .launch(bench.commands(&["cd /usr", "V=1", "echo ready; sleep 60"]))
        .await
        .unwrap();
    wait_for_output(&running, "ready").await;
    running.cancel(false).unwrap();
    let done = Done::of(&running).await;
    assert!(done.record.cancelled);
    let state = done.record.shell.unwrap();
    assert_eq!(state.directory.as_deref(), Some("/usr"));
    assert_eq!(text(&state, "V"), "1");
}

#[tokio::test]
async fn what_is_too_large_is_dropped_and_said() {
    let done =
        run("BIG=$(head -c 300000 /dev/zero | tr '\\0' x); SMALL=1; declare -A MAP=([k]=v)").await;
    let state = done.record.shell.as_ref().unwrap();
    assert_eq!(state.withheld["BIG"], Withheld::Large);
    assert_eq!(state.withheld["MAP"], Withheld::Map);
    assert_eq!(text(state, "SMALL"), "1");
    assert!(done.notes().contains("BIG"), "{}", done.notes());
}

#[tokio::test]
async fn secrets_touch_no_file() {
    const CANARY: &str = "canary-7f3a";
    let bench = Bench::new();
    let mut spec = bench.shell(
        "COPY=\"x$GIVEN\"; ENCODED=$(printf %s \"$GIVEN\" | base64); API_TOKEN=own-5512; cd /usr; PLAIN=1",
    );
    spec.secrets.insert("GIVEN".to_owned(), CANARY.to_owned());
    let done = bench.run(spec).await;
    let state = done.record.shell.as_ref().unwrap();
    assert_eq!(state.set.keys().collect::<Vec<_>>(), ["PLAIN"]);
    for name in ["COPY", "ENCODED", "API_TOKEN"] {
        assert_eq!(state.withheld[name], Withheld::Secret, "{name}");
    }
    assert!(done.notes().contains("API_TOKEN"), "{}", done.notes());
    for file in std::fs::read_dir(&done.directory).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(CANARY), "{}", path.display());
        let own = path.file_name().is_some_and(|name| name == "script.sh");
        assert!(own || !text.contains("own-5512"), "{}", path.display());
    }
}

#[tokio::test]
async fn a_directory_that_is_gone_is_refused() {
    let bench = Bench::new();
    let mut spec = bench.shell("echo never");
    spec.directory = bench.path().join("gone");
    spec.shell.directory_from = Some("`Build`".to_owned());
    let done = bench.run(spec).await;
    let error = done.record.error.unwrap();
    assert!(
        error.contains("gone") && error.contains("`Build` left the shell there"),
        "{error}"
    );
    assert!(done.lines.iter().all(|line| line.text != "never"));
}
