//! Secrets in every form in which commands print them stand nowhere: not in the journal, the spools,
//! the screen, the report or a log, and in no argument list.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::fresh_database;
use crate::support::home::{Home, until_within};
use crate::support::terminal::Terminal;

/// Secrets of one run; `GONOGO_CANARIES` asks for more.
fn count() -> usize {
    std::env::var("GONOGO_CANARIES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(12)
}

/// The twelve ways in which a step prints its secret `$1`.
const FORMS: &str = r#"
print_forms() {
  printf 'plain %s\n' "$1"
  printf 'split %s' "${1:0:7}"; sleep 0.01; printf '%s\n' "${1:7}"
  printf %s "$1" | base64 -w 0; echo
  printf 'wrapped: the secret is %s, and more text follows it' "$1" | base64 -w 20
  printf 'u%s' "$1" | base64 -w 0 | tr '+/' '-_'; echo
  printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; echo
  printf %s "$1" | od -An -v -tx1 | tr -d '\n' | tr ' ' '%'; echo
  printf '{"token": "%s"}\n' "$1"
  printf 'postgres://app:%s@db1/app\n' "$1"
  printf 'PGPASSWORD=%s psql\n' "$1"
  printf 'Authorization: Bearer %s\n' "$1"
  printf '\033[1m%s\033[0m%s\n' "${1:0:9}" "${1:9}"
}
"#;

fn canary(number: usize) -> String {
    // Letters that every encoding changes, and nothing that stands anywhere else.
    format!("kanarie+{:07}/Vogel~{number:04}", number * 7919 % 9_999_991)
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// What must not be found of a secret: itself, encoded, and the middle of it, which survives whatever
/// stands around it.
fn traces(secret: &str) -> Vec<String> {
    let middle = &secret[8..secret.len() - 2];
    let percent: String = middle.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let output = Command::new("sh")
        .args(["-c", "printf %s \"$1\" | base64 -w 0", "sh", secret])
        .output()
        .unwrap();
    let base64 = String::from_utf8(output.stdout).unwrap();
    vec![
        middle.to_owned(),
        hex(middle),
        percent,
        base64[4..base64.len() - 6].to_owned(),
    ]
}

fn every_file(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            every_file(&path, look);
        } else if path.is_file() {
            look(&path, &std::fs::read(&path).unwrap());
        }
    }
}

#[tokio::test]
async fn no_form_of_a_secret_stands_anywhere() {
    let secrets: Vec<String> = (0..count()).map(canary).collect();
    let database = fresh_database().await;
    let home = Home::new();
    let names: Vec<String> = (0..secrets.len())
        .map(|number| format!("CANARY_{number}"))
        .collect();
    let prints: String = names
        .iter()
        .map(|name| format!("print_forms \"${name}\"\n"))
        .collect();
    home.write(
        "guide.md",
        &format!(
            "# Print\n\n## Phase 1: Print\n\n### All of it\n\n```bash {{#print .run}}\n{FORMS}{prints}if ps -eo args | grep -q '[k]anarie'; then echo IN-AN-ARGUMENT-LIST; fi\ntouch printed\nwhile [ ! -e go ]; do sleep 0.02; done\n```\n\n```sql {{#told .run}}\nDO $$ BEGIN RAISE NOTICE 'told %', current_setting('application_name'); END $$;\nSELECT :'CANARY_0' AS shown;\n```\n"
        ),
    );
    let sources: String = names
        .iter()
        .map(|name| format!("{name} = {{ env = \"{name}\" }}\n"))
        .collect();
    home.environment(
        &database.conninfo(),
        &format!("[environments.test.secrets]\n{sources}"),
    );
    let environment: Vec<(&str, &str)> = names
        .iter()
        .map(String::as_str)
        .zip(secrets.iter().map(String::as_str))
        .chain([("PGPASSFILE", "pass.conf")])
        .collect();
    let mut terminal =
        Terminal::start_with(home.path(), &["run", "guide.md"], 120, 40, &environment);
    terminal.wait_for("would run: `print`");
    let run = home.runs()[0].clone();
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    let printed = home.path().join("printed");
    // A hundred secrets are some thousand processes.
    let patience = Duration::from_secs(30 + secrets.len() as u64 / 4);
    until_within(patience, "everything to be printed", || {
        printed.exists().then_some(())
    });
    let screen = terminal.wait_for("redacted");
    home.write("go", "");
    terminal.wait_for("would run: `told`");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    terminal.wait_for("told gonogo:");
    let told = terminal.wait_until("the end of the step", |screen| !screen.contains("running"));
    let report = home.gonogo(&["report", &run]).exits(0).out;
    let json = home.gonogo(&["report", &run, "--format", "json"]);
    let json = json.exits(0).out;

    let traces: Vec<String> = secrets.iter().flat_map(|secret| traces(secret)).collect();
    let mut files = 0;
    let look = |place: &str, text: &str| {
        let joined: String = text.split(['\n', '\r']).collect();
        for trace in &traces {
            assert!(
                !text.contains(trace.as_str()) && !joined.contains(trace.as_str()),
                "`{trace}` stands in {place}"
            );
        }
    };
    for (place, text) in [
        ("screen", &screen),
        ("screen", &told),
        ("report", &report),
        ("report --json", &json),
    ] {
        look(place, text);
    }
    every_file(&home.path().join("state"), &mut |path, bytes| {
        files += 1;
        look(&path.display().to_string(), &String::from_utf8_lossy(bytes));
    });
    assert!(files > 5, "the journal and the spools were looked at");
    assert!(report.contains("‹redacted›"), "{report}");
    assert!(
        !report.contains("told ‹redacted›"),
        "only secrets are masked"
    );
}

/// `.pgpass` is read by libpq alone; a step that prints it shows nothing.
#[tokio::test]
async fn the_password_file_may_be_printed() {
    use std::os::unix::fs::PermissionsExt;
    let database = fresh_database().await;
    let home = Home::new();
    let file = home.write("pass.conf", "*:*:*:postgres:kanarie-of-libpq-77\n");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    home.write(
        "guide.md",
        "---\ngonogo:\n  rehearsal: assume\n---\n# Print\n\n## Phase 1: Print\n\n```bash {#print .run}\ncat pass.conf\n```\n",
    );
    home.environment(&database.conninfo(), "");
    let mut command = home.command(&["rehearse", "guide.md"]);
    command.env("PGPASSFILE", &file);
    Home::finish(command).exits(0);
    let run = home.runs()[0].clone();
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(report.contains("postgres:‹redacted›"), "{report}");
    every_file(&home.path().join("state"), &mut |path, bytes| {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("kanarie-of-libpq"), "{}", path.display());
    });
}

/// Secrets in the open in every part of a guide; what runs writes down what it was given.
const IN_THE_OPEN: &str = r#"# Ship with `PGPASSWORD=kanarie-01 psql`

Call `psql "postgresql://deploy:kanarie-02@db/shop"` first. The password is in the vault.

## Phase 1: Move with PGPASSWORD=kanarie-04 psql

### 1.1 Look at the rows

Send `Authorization: Bearer kanarie-05` along, as in `curl -u admin:kanarie-06 https://gateway.internal`.

```bash {.run}
PGPASSWORD='kanarie-07' sh -c 'printf %s "$PGPASSWORD" > got'
: "postgresql://deploy:kanarie-08@db/shop?with=a&long=tail&that=has&to=be&wrapped=on&every=screen"
curl --version >/dev/null 2>&1 -H "Authorization: Bearer kanarie-09" || true
while [ ! -e go ]; do sleep 0.02; done
```

```text {.manual}
log in at the console with PGPASSWORD=kanarie-10
```

- [ ] `PGPASSWORD=kanarie-11 psql` answered
- [ ] `mysql -p'kanarie-03' shop` answers

**Success criteria:**

- `psql postgresql://deploy:kanarie-12@db/shop` answers

## Rollback

### Put the rows back with PGPASSWORD=kanarie-13 psql

Type `mysql -p'kanarie-14' shop` by hand, or:

```bash
PGPASSWORD=kanarie-15 true
```

## Troubleshooting

Ask with `postgresql://deploy:kanarie-16@db/shop`.
"#;

#[track_caller]
fn assert_no_canary(place: &str, text: &str) {
    let joined: String = text.split_whitespace().collect();
    assert!(
        !text.contains("kanarie") && !joined.contains("kanarie"),
        "a secret stands in {place}:\n{text}"
    );
}

/// Argument lists of this program's processes that stand in this run's state.
fn own_arguments(home: &Home) -> String {
    let state = home.path().display().to_string();
    let mut lists = String::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let (arguments, environment) = (read("cmdline"), read("environ"));
        let own = std::fs::read_link(entry.path().join("exe"))
            .is_ok_and(|program| program.ends_with(Path::new("gonogo")));
        if own && String::from_utf8_lossy(&environment).contains(&state) {
            lists += &String::from_utf8_lossy(&arguments).replace('\0', " ");
            lists.push('\n');
        }
    }
    lists
}

#[tokio::test]
async fn a_secret_in_the_open_in_a_guide_runs_and_is_not_shown() {
    let database = fresh_database().await;
    let home = Home::new();
    home.write("guide.md", IN_THE_OPEN);
    home.environment(&database.conninfo(), "");
    for (arguments, sees) in [
        (vec!["check", "guide.md"], "deploy:‹redacted›@db"),
        (
            vec!["check", "guide.md", "--json"],
            "`PGPASSWORD=‹redacted› psql` answered",
        ),
        (vec!["plan", "guide.md"], "PGPASSWORD='‹redacted›' sh -c"),
        (
            vec!["plan", "guide.md", "--json"],
            "PGPASSWORD='‹redacted›' sh -c",
        ),
        (vec!["annotate", "guide.md", "--all", "--json"], "guide.md"),
    ] {
        let done = home.gonogo(&arguments).exits(0);
        let said = done.err + &done.out;
        assert_no_canary(&arguments.join(" "), &said);
        assert!(said.contains(sees), "{arguments:?}: {said}");
    }
    let checked = home.gonogo(&["check", "guide.md"]);
    assert!(
        checked.err.contains("secret-in-the-open") && checked.err.contains("^^^"),
        "{}",
        checked.err
    );
    let mut annotate = Terminal::start(
        home.path(),
        &["annotate", "guide.md", "--all", "--dry-run"],
        120,
        40,
    );
    assert_no_canary("annotate", &annotate.wait_for("‹redacted›"));
    annotate.keys("<ctrl-c>");

    for (columns, rows) in [(120, 40), (80, 24)] {
        let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], columns, rows);
        let first = terminal.wait_for("‹redacted›");
        assert_no_canary("the first screen", &first);
        terminal.keys("R");
        let back = terminal.wait_for("Put the rows back");
        assert_no_canary("the rollback", &back);
        terminal.keys("<esc>");
        terminal.wait_for("would run: ");
        let document = terminal.wait_for("PGPASSWORD='‹redacted›'");
        assert_no_canary("the document of a step", &document);
        terminal.keys("<enter>");
        let preview = terminal.wait_for("EXECUTE");
        assert_no_canary("what would run", &preview);
        assert!(preview.contains("PGPASSWORD='‹redacted›'"), "{preview}");
        terminal.keys("x");
        let got = home.path().join("got");
        until_within(Duration::from_secs(30), "the command to run", || {
            got.metadata()
                .is_ok_and(|file| file.len() > 0)
                .then_some(())
        });
        assert_eq!(std::fs::read_to_string(&got).unwrap(), "kanarie-07");
        let lists = own_arguments(&home);
        assert!(lists.contains("shim"), "{lists}");
        assert_no_canary("argument lists", &lists);
        let running = terminal.wait_for("running");
        assert_no_canary("the screen of a running step", &running);
        home.write("go", "");
        let ended = terminal.wait_gone("running");
        assert_no_canary("the screen of a step that has run", &ended);
        std::fs::remove_file(home.path().join("go")).unwrap();
        std::fs::remove_file(&got).unwrap();

        let run = home.runs()[0].clone();
        for arguments in [
            vec!["report", &run],
            vec!["report", &run, "--format", "json"],
            vec!["status", &run],
            vec!["status", &run, "--json"],
            vec!["runs"],
            vec!["runs", "--json"],
        ] {
            let done = home.gonogo(&arguments).exits(0);
            assert_no_canary(&arguments.join(" "), &(done.err + &done.out));
        }
        // The guide itself, the journal and what was run hold it, for their owner alone.
        every_file(&home.run_directory(&run), &mut |path, bytes| {
            use std::os::unix::fs::PermissionsExt;
            let name = path.file_name().unwrap().to_string_lossy();
            if name == "guide.md" || name.starts_with("journal") || name == "script.sh" {
                let mode = path.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o077, 0, "{}", path.display());
            } else {
                assert_no_canary(&name, &String::from_utf8_lossy(bytes));
            }
        });
        home.gonogo(&["abandon", &run, "--reason", "seen"]).exits(0);
    }
}
