//! Actions as real processes: how they end, what of them is kept, and who finds them again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use gonogo::executor::spool::SpoolReader;
use gonogo::executor::{ActionKind, Executor, ExitRecord, Running, ShimSpec, evidence};
use gonogo::run::{ActionId, CommandText, Evidence, OutputLine, OutputStream};
use gonogo::runbook::Actor;

use crate::support::eventually;

pub const BINARY: &str = env!("CARGO_BIN_EXE_gonogo");

/// A place for actions, and the executor of it.
pub struct Bench {
    root: tempfile::TempDir,
    pub executor: Executor,
}

impl Bench {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self {
            executor: Executor::new(BINARY, root.path()),
            root,
        }
    }

    pub fn path(&self) -> &Path {
        self.root.path()
    }

    pub fn spec(&self, kind: ActionKind) -> ShimSpec {
        ShimSpec::new("r1", "step-1", ActionId::block(1), 1, kind, self.path())
    }

    pub fn shell(&self, script: &str) -> ShimSpec {
        self.commands(&[script])
    }

    /// Commands, each in a line of its own.
    pub fn commands(&self, texts: &[&str]) -> ShimSpec {
        let mut line = 1;
        let commands = texts.iter().enumerate().map(|(index, text)| {
            let command = CommandText::new(index, line, *text);
            line += text.lines().count();
            command
        });
        self.spec(ActionKind::Shell {
            commands: commands.collect(),
        })
    }

    pub async fn run(&self, spec: ShimSpec) -> Done {
        let running = self.executor.launch(spec).await.unwrap();
        Done::of(&running).await
    }

    /// The directory in which a shim that is not started by the executor finds its work.
    pub fn directory(&self) -> PathBuf {
        let directory = self.executor.directory(ActionId::block(1), 1);
        std::fs::create_dir_all(&directory).unwrap();
        directory
    }
}

/// An action that has ended.
pub struct Done {
    pub record: ExitRecord,
    pub directory: PathBuf,
    pub lines: Vec<OutputLine>,
}

impl Done {
    pub async fn of(running: &Running) -> Self {
        let record = running.wait().await.unwrap().expect("an exit record");
        let mut reader = SpoolReader::new(running.spool());
        while reader.poll().unwrap() {}
        assert_eq!(
            (reader.lines(), reader.bytes()),
            (record.lines, record.bytes)
        );
        Self {
            lines: reader.page(0, 10_000).unwrap(),
            record,
            directory: running.directory().to_owned(),
        }
    }

    fn stream(&self, stream: OutputStream) -> Vec<&str> {
        self.lines
            .iter()
            .filter(|line| line.stream == stream)
            .map(|line| line.text.as_str())
            .collect()
    }

    pub fn out(&self) -> Vec<&str> {
        self.stream(OutputStream::Out)
    }

    pub fn err(&self) -> Vec<&str> {
        self.stream(OutputStream::Err)
    }

    pub fn notes(&self) -> String {
        self.stream(OutputStream::Note).join("\n")
    }

    pub fn evidence(&self, actor: Actor) -> Evidence {
        evidence::collect(&self.directory, &self.record, actor).unwrap()
    }
}

/// Waits until the action has printed this.
pub async fn wait_for_output(running: &Running, text: &str) {
    eventually(text, async || {
        std::fs::read_to_string(running.spool())
            .ok()
            .filter(|spool| spool.contains(text))
    })
    .await;
}

#[tokio::test]
async fn exit_code_and_both_streams_are_kept() {
    let bench = Bench::new();
    let done = bench
        .run(bench.shell("echo one; echo two >&2; printf three; exit 7"))
        .await;
    assert_eq!(done.out(), ["one", "three"]);
    assert_eq!(done.err(), ["two"]);
    assert_eq!((done.record.exit, done.record.signal), (Some(7), None));
    assert!(!done.record.succeeded());
    let evidence = done.evidence(Actor::Shell);
    assert_eq!(evidence.exit, Some(7));
    assert_eq!(evidence.stdout, "one\nthree\n");
    assert_eq!(evidence.stderr, "two\n");
}

#[tokio::test]
async fn a_signal_is_told_from_an_exit_code() {
    let bench = Bench::new();
    let done = bench.run(bench.shell("kill -9 $$")).await;
    assert_eq!((done.record.exit, done.record.signal), (None, Some(9)));
    assert_eq!(done.evidence(Actor::Shell).exit, Some(137));
}

#[tokio::test]
async fn a_script_with_a_syntax_error_runs_nothing_of_itself() {
    let bench = Bench::new();
    let done = bench
        .run(bench.shell("touch ran\nif true; then\n  echo yes\n"))
        .await;
    assert!(!bench.path().join("ran").exists());
    assert!(done.record.error.unwrap().contains("syntax error"));
    assert!(!done.record.ended.to_rfc3339().is_empty());
    assert!(
        done.lines
            .iter()
            .any(|line| line.text.starts_with("line 4: syntax error"))
    );
}

#[tokio::test]
async fn it_starts_where_it_is_told_with_its_variables_and_no_input() {
    let bench = Bench::new();
    let mut spec =
        bench.shell("pwd; echo $REGION $PGAPPNAME; cat; test -t 1 && test -t 2 && echo terminals");
    spec.env = BTreeMap::from([("REGION".to_owned(), "eu".to_owned())]);
    let done = bench.run(spec).await;
    let here = bench.path().canonicalize().unwrap();
    assert_eq!(
        done.out(),
        [here.to_str().unwrap(), "eu gonogo:r1:step-1", "terminals"]
    );

    let mut spec = bench.shell("touch ran");
    spec.attempt = 2;
    spec.directory = bench.path().join("missing");
    let done = bench.run(spec).await;
    assert!(done.record.error.unwrap().contains("does not exist"));
    assert_eq!(done.record.exit, None);
}

#[tokio::test]
async fn a_million_lines_lose_none_and_any_page_of_them_is_found() {
    let bench = Bench::new();
    let running = bench
        .executor
        .launch(bench.shell("seq 1 1000000; echo done >&2"))
        .await
        .unwrap();
    let mut reader = SpoolReader::new(running.spool());
    let record = loop {
        // Follows while it grows, as a supervisor does.
        reader.poll().unwrap();
        tokio::select! {
            record = running.wait() => break record.unwrap().unwrap(),
            () = tokio::task::yield_now() => {}
        }
    };
    while reader.poll().unwrap() {}
    assert_eq!(record.exit, Some(0));
    assert_eq!((reader.lines(), record.lines), (1_000_001, 1_000_001));
    assert_eq!(
        reader.bytes(),
        std::fs::metadata(running.spool()).unwrap().len()
    );
    let tail = reader.tail();
    assert_eq!(tail.len(), 200);
    assert_eq!(tail.last().unwrap().number, 1_000_000);

    // Standard error may stand anywhere among the numbers; without it they are all there, in order.
    let mut expected = 1_u64;
    for from in (0..1_000_001).step_by(50_000) {
        for (offset, line) in reader.page(from, 50_000).unwrap().iter().enumerate() {
            assert_eq!(line.number, from + offset as u64);
            if line.stream == OutputStream::Out {
                assert_eq!(line.text, expected.to_string());
                expected += 1;
            }
        }
    }
    assert_eq!(expected, 1_000_001);
    assert!(reader.page(2_000_000, 10).unwrap().is_empty());
}

#[tokio::test]
async fn an_unfinished_line_is_shown_before_it_ends() {
    let bench = Bench::new();
    let spec = bench.shell("printf 'Continue? '; while [ ! -e go ]; do sleep 0.01; done; echo yes");
    let running = bench.executor.launch(spec).await.unwrap();
    let mut reader = SpoolReader::new(running.spool());
    eventually("the prompt", async || {
        reader.poll().unwrap();
        reader
            .tail()
            .last()
            .filter(|line| line.text == "Continue? ")
            .cloned()
    })
    .await;
    assert_eq!(reader.lines(), 0);
    std::fs::write(bench.path().join("go"), "").unwrap();
    let done = Done::of(&running).await;
    assert_eq!(done.out(), ["Continue? yes"]);
    while reader.poll().unwrap() {}
    assert_eq!(reader.tail().len(), 1);
}

#[tokio::test]
async fn progress_that_overwrites_its_line_is_one_line() {
    let bench = Bench::new();
    let script = r"for i in 1 50 100; do printf '\r%3d%%' $i; done; echo; printf 'a\r\nb\r\n'";
    let done = bench.run(bench.shell(script)).await;
    assert_eq!(done.out(), ["100%", "a", "b"]);
}

#[tokio::test]
async fn a_line_without_an_end_is_cut() {
    let bench = Bench::new();
    let done = bench
        .run(bench.shell("head -c 100000 /dev/zero | tr '\\0' x"))
        .await;
    assert!(done.out().iter().all(|line| line.len() <= 16 * 1024));
    assert_eq!(done.out().concat().len(), 100_000);
}

#[tokio::test]
async fn nobody_else_may_read_what_an_action_leaves() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let done = bench.run(bench.shell("umask; echo hello")).await;
    // The action's own files are made as anybody's here are.
    let umask = Command::new("sh").args(["-c", "umask"]).output().unwrap();
    assert_eq!(done.out()[0], String::from_utf8_lossy(&umask.stdout).trim());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&done.directory), 0o700);
    for entry in std::fs::read_dir(&done.directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn secrets_reach_the_action_and_nothing_else() {
    let secret = "s3cr3t/Pa$$wörd'x";
    let bench = Bench::new();
    let script = r#"
        echo "plain $TOKEN end"
        printf %s "$TOKEN" | base64 -w0; echo
        printf 'x%s' "$TOKEN" | base64 -w0; echo
        printf 'xx%sy' "$TOKEN" | base64 -w0; echo
        printf %s "$TOKEN" | od -An -tx1 | tr -d ' \n'; echo
        first=${TOKEN:0:5}; rest=${TOKEN:5}
        printf 'split %s' "$first"; sleep 0.2; printf '%s\n' "$rest"
        printf 'colour %s\033[31m%s\033[0m\n' "$first" "$rest" >&2
        head -c 16380 /dev/zero | tr '\0' .; echo "$TOKEN"
        echo "postgres://app:hunter2@db/x PGPASSWORD=swordfish psql"
        curl_header="Authorization: Bearer abcdef.ghijkl"; echo "$curl_header"
        cat /proc/$PPID/cmdline | tr '\0' ' '; echo
    "#;
    let mut spec = bench.shell(script);
    spec.secrets = BTreeMap::from([("TOKEN".to_owned(), secret.to_owned())]);
    let done = bench.run(spec).await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    let out = done.out();
    assert_eq!(out[0], "plain ‹redacted› end");
    assert!(out.contains(&"split ‹redacted›"), "{out:?}");
    assert_eq!(done.err(), ["colour ‹redacted›\u{1b}[0m"]);

    let forms = [
        secret,
        "s3cr3",
        "Pa$$w",
        "czNjcjN0",
        "MzY3IzdC",
        "zM2NyM3Qv",
        "7333637233",
        "hunter2",
        "swordfish",
        "ghijkl",
    ];
    for entry in std::fs::read_dir(&done.directory).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("script.sh") {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        for form in forms {
            assert!(
                !text.contains(form),
                "{form} in {}:\n{text}",
                path.display()
            );
        }
    }
}
