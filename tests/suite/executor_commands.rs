//! Commands one by one in one shell, or one psql: what lives on from one to the next, what stops the
//! rest, and that each of them is known by its beginning, its end and its output.

use gonogo::executor::spool::SpoolReader;
use gonogo::executor::{ActionKind, Adopted};
use gonogo::run::{ActionId, CommandEnd, CommandRun, CommandText, StageText};
use rustix::process::{Pid, Signal, kill_process};

use crate::executor::{Bench, Done, wait_for_output};
use crate::support::{Database, eventually, fresh_database};

async fn shell(texts: &[&str]) -> Done {
    let bench = Bench::new();
    bench.run(bench.commands(texts)).await
}

/// The statuses of the commands that ended, in order.
fn statuses(done: &Done) -> Vec<i32> {
    let ended = done.record.commands.iter();
    ended
        .filter_map(|run| run.done.as_ref())
        .map(|done| done.status)
        .collect()
}

/// Index and output of each command.
fn outputs(done: &Done) -> Vec<(usize, Vec<&str>)> {
    let runs = &done.record.commands;
    let from = |run: &CommandRun| usize::try_from(run.lines_before).unwrap();
    runs.iter()
        .enumerate()
        .map(|(at, run)| {
            let end = runs.get(at + 1).map_or(done.lines.len(), from);
            let lines = done.lines[from(run)..end].iter();
            (run.index, lines.map(|line| line.text.as_str()).collect())
        })
        .collect()
}

#[tokio::test]
async fn everything_lives_on_as_in_a_terminal() {
    let done = shell(&[
        "mkdir -p a && cd a",
        "X=1; Y=(one 'two three')",
        "greet() { echo \"hello $1\"; }",
        "alias k='echo aliased'",
        "umask 027",
        "sleep 60 &",
        "cd /usr",
        "cd - >/dev/null",
        "basename \"$PWD\"",
        "echo $X \"${Y[1]}\"",
        "greet you",
        "k it",
        "umask",
        "jobs | wc -l",
        "kill %1",
        "for i in 1 2\ndo\n  echo $i\ndone",
        "cat <<'END OF IT'\n$not filled\nEND OF IT",
        "exec 3>&1 >kept.txt",
        "echo to the file",
        "exec >&3",
        "cat kept.txt",
        "wait; echo end",
    ])
    .await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    assert_eq!(
        done.out(),
        [
            "a",
            "1 two three",
            "hello you",
            "aliased it",
            "0027",
            "1",
            "1",
            "2",
            "$not filled",
            "to the file",
            "end"
        ]
    );
    assert_eq!(statuses(&done), vec![0; 22]);
}

#[tokio::test]
async fn status_and_last_argument_are_those_of_the_command_before() {
    let done = shell(&[
        "seq 1 100000 | head -1",
        "echo status $? last $_",
        "mkdir -p /tmp/.gonogo-none 2>/dev/null; true one two",
        "echo $_",
        "set -o pipefail",
        "seq 1 100000 | head -1",
        "echo $?",
    ])
    .await;
    assert_eq!(done.out(), ["1", "status 0 last bash", "two", "1", "141"]);
    let first = done.record.commands[0].done.as_ref().unwrap();
    assert_eq!(
        (first.parts.as_slice(), &first.end),
        (&[141, 0][..], &CommandEnd::Good)
    );
}

#[tokio::test]
async fn nothing_of_ours_is_in_sight_of_a_command() {
    let done = shell(&[
        "declare -F; alias; trap",
        "set | grep -i gonogo | grep -v -e ^GONOGO_ -e ^PGAPPNAME= -e ^_= -e ^CARGO_ || :",
        "env | grep -i __gonogo || :",
        "ls -l /proc/self/fd | grep -c -e fifo -e actions || :",
        "echo \"$0 $# ${#FUNCNAME[@]}\"",
    ])
    .await;
    assert_eq!(done.out(), ["0", "bash 0 0"], "{:?}", done.lines);
}

#[tokio::test]
async fn the_first_that_fails_stops_the_rest() {
    let done = shell(&["echo one", "echo two; false", "echo three"]).await;
    assert_eq!(
        outputs(&done),
        [(0, vec!["one"]), (1, vec!["two"])],
        "{:?}",
        done.lines
    );
    assert_eq!((done.record.exit, statuses(&done)), (Some(1), vec![0, 1]));
}

#[tokio::test]
async fn a_part_of_a_pipe_that_failed_is_named() {
    let bench = Bench::new();
    let mut spec = bench.commands(&["false | tee copy.txt", "echo never"]);
    if let ActionKind::Shell { commands } = &mut spec.kind {
        commands[0].stages = ["false", "tee copy.txt"]
            .map(|text| StageText {
                text: text.to_owned(),
                ..StageText::default()
            })
            .into();
    }
    let done = bench.run(spec).await;
    let end = &done.record.commands[0].done.as_ref().unwrap().end;
    let CommandEnd::Failed { why, .. } = end else {
        panic!("{end:?}")
    };
    assert_eq!(why, "part 1 of 2 of the pipe, `false`, ended with 1");
    assert_eq!(done.record.exit, Some(1));
}

#[tokio::test]
async fn words_that_leave_a_shell_mean_what_they_mean() {
    // Each with the exit code, and the commands that were begun.
    for (texts, exit, begun) in [
        (&["exit 0", "echo never"][..], 0, 1),
        (&["exit 7", "echo never"], 7, 1),
        (&["exec true", "echo never"], 0, 1),
        (&["set -e", "! true", "false", "echo never"], 1, 2),
        (&["return 3", "echo never"], 2, 1),
        (&["break", "echo on"], 0, 2),
        (&["trap 'echo bye; exit 4' EXIT", "true"], 4, 2),
        (&["(exit 0)", "true"], 0, 2),
    ] {
        let done = shell(texts).await;
        assert_eq!(
            (done.record.exit, done.record.commands.len()),
            (Some(exit), begun),
            "{texts:?}: {:?}",
            done.lines
        );
        assert!(!done.out().contains(&"never"), "{texts:?}");
    }
    let done = shell(&["exit 0", "echo never"]).await;
    assert!(
        done.notes().contains("1 command behind it did not run"),
        "{}",
        done.notes()
    );
}

#[tokio::test]
async fn a_cancelled_command_is_the_last() {
    let bench = Bench::new();
    let running = bench
        .executor
        .launch(bench.commands(&["echo ready; trap : INT; sleep 60; true", "echo never"]))
        .await
        .unwrap();
    wait_for_output(&running, "ready").await;
    running.cancel(false).unwrap();
    let done = Done::of(&running).await;
    assert!(done.record.cancelled);
    assert_ne!(done.record.code(), Some(0), "{:?}", done.record);
    assert_eq!(done.out(), ["ready"]);
    assert_eq!(done.record.commands.len(), 1);
}

#[tokio::test]
async fn after_a_crash_only_the_command_in_flight_is_unknown() {
    let bench = Bench::new();
    let running = bench
        .executor
        .launch(bench.commands(&["echo one", "echo two; sleep 600", "echo three"]))
        .await
        .unwrap();
    wait_for_output(&running, "two").await;
    let pid = i32::try_from(running.launched().pid).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    let adopted = eventually("the loss", async || {
        match bench.executor.adopt(ActionId::block(1), 1).await.unwrap() {
            Adopted::Running(_) => None,
            other => Some(other),
        }
    })
    .await;
    assert!(
        matches!(
            adopted,
            Adopted::Lost {
                never_ran: false,
                ..
            }
        ),
        "{adopted:?}"
    );
    let mut reader = SpoolReader::new(running.spool());
    while reader.poll().unwrap() {}
    let mut runs = Vec::new();
    for mark in reader.take_marks() {
        mark.add_to(&mut runs);
    }
    let known: Vec<(usize, bool)> = runs
        .iter()
        .map(|run| (run.index, run.done.is_some()))
        .collect();
    assert_eq!(known, [(0, true), (1, false)]);
}

fn statements(database: &Database, texts: &[(usize, &str)]) -> ActionKind {
    let commands = texts
        .iter()
        .enumerate()
        .map(|(index, (line, text))| CommandText::new(index, *line, *text));
    ActionKind::Sql {
        commands: commands.collect(),
        connection: database.conninfo(),
        variables: std::collections::BTreeMap::new(),
        secret_variables: Vec::new(),
        single_transaction: false,
        settings: std::collections::BTreeMap::new(),
    }
}

#[tokio::test]
async fn statements_run_one_by_one_in_one_session() {
    let database = fresh_database().await;
    let bench = Bench::new();
    std::fs::write(bench.path().join("more.sql"), "SELECT 'from a file';\n").unwrap();
    let kind = statements(
        &database,
        &[
            (7, "CREATE TEMP TABLE t (v text);"),
            (8, "COPY t FROM STDIN;\nit's; one\n\\."),
            (11, "SELECT v AS seen FROM t \\gset"),
            (12, "\\echo :seen"),
            (13, "\\i more.sql"),
            (14, "\\if true\nSELECT 'inside';\n\\endif"),
            (17, "SELECT 'open'"),
        ],
    );
    let done = bench.run(bench.spec(kind)).await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    assert_eq!(statuses(&done), vec![0; 7]);
    let outputs = outputs(&done);
    assert_eq!(outputs[0].1, ["CREATE TABLE"]);
    assert_eq!(outputs[1].1, ["COPY 1"]);
    assert_eq!(outputs[3].1, ["it's; one"]);
    for (index, text) in [(4, "from a file"), (5, "inside"), (6, "open")] {
        assert!(outputs[index].1.concat().contains(text), "{outputs:?}");
    }
}

#[tokio::test]
async fn a_statement_that_fails_is_known_and_its_line_is_the_guides() {
    let database = fresh_database().await;
    let bench = Bench::new();
    let kind = statements(
        &database,
        &[
            (41, "SELECT 1;"),
            (41, "\\set x 1"),
            (41, "SELECT 2;"),
            (42, "SELECT 1/0;"),
            (43, "SELECT 'never';"),
        ],
    );
    let done = bench.run(bench.spec(kind)).await;
    assert_eq!(
        (done.record.exit, statuses(&done)),
        (Some(3), vec![0, 0, 0, 3])
    );
    let err = done.err().join("\n");
    assert!(
        err.contains("psql:<stdin>:42: ERROR:  division by zero"),
        "{err}"
    );
}

#[tokio::test]
async fn a_pager_that_nobody_can_leave_ends_by_itself() {
    let done = shell(&["seq 1 300 | less", "echo after"]).await;
    let out = done.out();
    assert_eq!(out.len(), 301, "{:?}", out.last());
    // A pager leaves the colours of the terminal as they were.
    assert!(out[299].starts_with("300"), "{:?}", out[299]);
    assert_eq!(out[300], "after");
}
