//! The attacks of the corpus as names and words of people: of databases and roles, of folders and
//! files, in statements of others, in every reason that a command takes; on the screen of a held
//! transaction, in the panes of sessions and statements, and in what is printed.

use std::process::{Command as Process, Stdio};

use gonogo::api::CommandAnswer;
use gonogo::run::{Command, GateDecision, Input, PairingAct, RunState, rollback_plans};
use gonogo::text::scrub::is_clean;

use crate::hostile_output::CORPUS;
use crate::hostile_sinks::{
    AT_A_TIME, Child, assert_document, assert_prints, assert_screen, attack, printed,
};
use crate::socket::Joined;
use crate::support::home::Home;
use crate::support::terminal::Terminal;
use crate::support::{Database, cluster, connect, execute, fresh_database};

/// The server cuts names at 63 bytes.
const LONGEST_NAME: usize = 60;

/// All attacks as names of at most so many bytes, each attack behind its field and number.
fn names(field: &str, longest: usize) -> Vec<String> {
    let mut names = vec![String::new()];
    for (number, (_, bytes)) in CORPUS.iter().enumerate() {
        let attack = format!("{field}.{number} {bytes}").replace(['"', '/', '\n'], "");
        let last = names.last_mut().unwrap();
        match last.is_empty() || last.len() + attack.len() <= longest {
            true => last.push_str(&attack),
            false => names.push(attack),
        }
    }
    for name in &names {
        assert!(name.len() <= longest, "{name:?}");
    }
    names
}

fn groups(field: &str) -> Vec<String> {
    (0..CORPUS.len())
        .step_by(AT_A_TIME)
        .map(|first| attack(field, first..CORPUS.len().min(first + AT_A_TIME)))
        .collect()
}

/// Every text of a run's state was scrubbed where it entered; what is used as it is, the paths of
/// folders and files, is excepted.
fn assert_state(state: &RunState) {
    fn look(value: &serde_json::Value, path: &str) {
        match value {
            serde_json::Value::String(text) => {
                let text = text.replace('\r', "");
                assert!(is_clean(&text), "{path}: {text:?}");
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| look(item, path)),
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    assert!(is_clean(name), "{path}: {name:?}");
                    look(value, &format!("{path}.{name}"));
                }
            }
            _ => {}
        }
    }
    look(&serde_json::to_value(state).unwrap(), "state");
}

/// Each attack of a field has been on a screen, or what is left of it.
fn assert_seen(seen: &str, field: &str) {
    for number in 0..CORPUS.len() {
        let mark = format!("{field}.{number} ");
        assert!(seen.contains(&mark), "`{mark}` was on the screen");
    }
}

/// `psql` of somebody else.
fn psql(role: &str, database: &Database, sql: &str) -> Child {
    let mut psql = Process::new("psql");
    psql.args(["-X", "-q", "-h"])
        .arg(cluster().socket_directory())
        .args(["-p", &cluster().port().to_string()])
        .args(["-U", role, "-d", &database.name])
        .args(["-c", "SET application_name = ''", "-c", sql])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Child(psql.spawn().unwrap())
}

const HELD: &str = "# Hold\n\n## Phase 1: Drop\n\n```sql {#drop .run expect=\"value == 'fine'\"}\nBEGIN;\nALTER TABLE items DROP COLUMN n;\nSELECT shout() AS value;\nCOMMIT;\n```\n\n## Rollback\n\n### Option 1: Nothing\n\n```sql {#back .run}\nSELECT 1;\n```\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_transaction_and_whom_it_blocks() {
    let database = fresh_database().await;
    let mut admin = database.connect().await;
    let said = groups("said").concat().replace('\'', "");
    execute(
        &mut admin,
        &format!(
            "CREATE EXTENSION pg_stat_statements; CREATE TABLE items (id int, n int);
             CREATE FUNCTION shout() RETURNS text LANGUAGE plpgsql AS $f$
             BEGIN RAISE NOTICE '%', '{said}'; RETURN '{said}'; END $f$"
        ),
    )
    .await;
    for table in names("statement", LONGEST_NAME) {
        execute(&mut admin, &format!("CREATE TABLE \"{table}\" ()")).await;
    }
    let roles = names("role", LONGEST_NAME);
    for role in &roles {
        execute(
            &mut admin,
            &format!("CREATE ROLE \"{role}\" SUPERUSER LOGIN"),
        )
        .await;
    }
    let home = Home::new();
    home.write("guide.md", HELD);
    home.environment(&database.conninfo(), "");
    let mut cockpit = Terminal::start_with(
        home.path(),
        &["run", "guide.md", "--layout", "database"],
        240,
        60,
        &[],
    );
    cockpit.wait_for("would run: `drop`");
    cockpit.keys("<enter>");
    cockpit.wait_for("stops before the COMMIT");
    cockpit.keys("x");
    cockpit.wait_for("HELD before COMMIT");
    let run = home.runs()[0].clone();
    let mut seen = String::new();
    // As many at a time as the dialog names.
    let queries = names("query", 400);
    assert!(queries.len() <= roles.len());
    for (number, roles) in roles.chunks(6).enumerate() {
        let blocked: Vec<Child> = roles
            .iter()
            .enumerate()
            .map(|(place, role)| {
                let query = queries
                    .get(number * 6 + place)
                    .map_or("", String::as_str)
                    .replace("*/", "");
                psql(
                    role,
                    &database,
                    &format!("/* {query} */ UPDATE items SET id = 2"),
                )
            })
            .collect();
        let many = match blocked.len() {
            1 => "BLOCKS 1 session".to_owned(),
            many => format!("BLOCKS {many} sessions"),
        };
        cockpit.wait_for(&many);
        cockpit.keys("H");
        seen += &cockpit.wait_for("C COMMIT");
        for _ in 0..4 {
            cockpit.keys("<down><down><down><down>");
            seen += &cockpit.wait_until("a frame", |_| true);
        }
        cockpit.keys("<esc>");
        seen += &cockpit.wait_gone("C COMMIT");
        drop(blocked);
        execute(
            &mut admin,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE wait_event_type = 'Lock' AND datname = current_database()",
        )
        .await;
        cockpit.wait_gone("BLOCKS");
    }
    assert_seen(&seen, "role");
    assert_seen(&seen, "query");
    assert!(seen.contains("said.0 "), "{seen}");

    // What ran often stands in the pane of statements, with the names in it.
    // The pane shows those that took longest: one half of them after the other.
    for (names, seconds) in names("statement", LONGEST_NAME)
        .chunks(9)
        .zip([0.05, 0.3, 0.9])
    {
        for text in names {
            let sql = format!("SELECT count(*), pg_sleep({seconds}) FROM \"{text}\"");
            execute(&mut admin, &sql).await;
        }
        cockpit.wait_until("the statements", |screen| {
            names.iter().all(|name| {
                let first = name.split(' ').next().unwrap();
                screen.contains(&format!("\"{first} "))
            })
        });
    }
    cockpit.keys("b");
    cockpit.wait_for("was cancelled");
    let driver = home.status(&run)["driver"].as_str().unwrap().to_owned();
    let joined = Joined::join(home.run_directory(&run).join("socket"), &driver).await;
    assert_state(&joined.state);
    drop(joined);
    cockpit.keys("ql");
    cockpit.wait_exit();
    assert_screen(&cockpit.bytes(), "a held transaction");
    assert_prints(&home, &["report", &run], 0);
    assert_prints(&home, &["report", &run, "--format", "json"], 0);
    assert_prints(&home, &["status", &run], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_the_database_and_role_that_a_run_acts_on() {
    let mut admin = connect(cluster(), "postgres").await;
    let own = std::process::id();
    let databases = names(&format!("d{own}"), LONGEST_NAME);
    let roles = names(&format!("u{own}"), LONGEST_NAME);
    for (database, role) in databases.iter().zip(&roles) {
        execute(&mut admin, &format!("CREATE DATABASE \"{database}\"")).await;
        execute(
            &mut admin,
            &format!("CREATE ROLE \"{role}\" LOGIN; GRANT pg_monitor TO \"{role}\""),
        )
        .await;
        let home = Home::new();
        home.write(
            "guide.md",
            "# G\n\n## Phase 1\n\n```sql {#who .check}\nSELECT current_user, current_database();\n```\n",
        );
        // A configuration with such names is refused; the environment is not ours to refuse.
        let socket = cluster().socket_directory().display().to_string();
        let conninfo = format!("host={socket} port={}", cluster().port());
        home.environment(&conninfo, "");
        let address = [("PGUSER", role.as_str()), ("PGDATABASE", database.as_str())];
        let mut doctor = home.command(&["doctor", "--env", "test"]);
        doctor.envs(address);
        let (_, out, err) = printed(doctor);
        assert_document(&out, "doctor");
        assert_document(&err, "doctor");
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains(&format!("d{own}.")), "{out}");
        let mut cockpit =
            Terminal::start_with(home.path(), &["run", "guide.md"], 240, 60, &address);
        cockpit.wait_for("would run: `who`");
        cockpit.wait_for("primary");
        cockpit.keys("<enter>");
        cockpit.wait_for("EXECUTE");
        cockpit.keys("x");
        cockpit.wait_for("passed");
        let run = home.runs()[0].clone();
        let me = home.status(&run)["driver"].as_str().unwrap().to_owned();
        let joined = Joined::join(home.run_directory(&run).join("socket"), &me).await;
        assert!(
            serde_json::to_string(&joined.state)
                .unwrap()
                .contains(&format!("d{own}.")),
            "the database's name is part of the run"
        );
        assert_state(&joined.state);
        drop(joined);
        cockpit.kill();
        assert_screen(&cockpit.bytes(), "a run on a hostile database");
        for arguments in [&["report", &run][..], &["status", &run], &["runs"]] {
            assert_prints(&home, arguments, 0);
        }
        drop(cockpit);
    }
}

const REASONS: &str = "# Reasons\n\n## Phase 1\n\n### Box\n\n- [ ] There\n- [ ] Value: `N = ____`\n\n### One\n\n```bash {#one .run}\necho <NAME>\n```\n\n### Two\n\n```bash {#two .run}\nfalse\n```\n\n### Three (optional)\n\n```bash {#three .run}\ntrue\n```\n\n**Success criteria:**\n\n- ✅ All is well\n\n## Rollback\n\n### Option 1: Nothing\n\n```bash {#back .run}\nfalse\n```\n";

/// Every word that a person may say of their own, with all attacks in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reason_and_note_of_a_person() {
    let home = Home::new();
    home.write("guide.md", REASONS);
    home.write("gonogo.toml", "[environments.test]\n");
    let mut cockpit = Terminal::start_with(
        home.path(),
        &["run", "guide.md", "--layout", "review"],
        240,
        60,
        &[],
    );
    cockpit.wait_for("rollback");
    let run = home.runs()[0].clone();
    let me = home.status(&run)["driver"].as_str().unwrap().to_owned();
    let socket = home.run_directory(&run).join("socket");
    let mut driver = Joined::join(socket.clone(), &me).await;
    let taken = driver.asks(Command::TakeControl {}).await;
    assert!(matches!(taken, CommandAnswer::Accepted { .. }), "{taken:?}");
    let observer = Joined::join(socket, "bert").await;
    let phase = driver.state.runbook.phases[0].id.clone();
    let step = |number: usize| driver.state.runbook.phases[0].steps[number].id.clone();
    let (box_, three) = (step(0), step(3));
    let everything = |field: &str| groups(field).concat();
    let mut seen = String::new();
    let some = |field: &str| Some(everything(field));
    let line = driver.state.gate_items(&driver.state.runbook.phases[0])[0].line;
    let act = |act: PairingAct| Command::Pairing { act };

    // What a person of another login may say.
    for command in [
        Command::Note {
            text: everything("note"),
            step: None,
        },
        act(PairingAct::RaiseHand {
            about: some("hand"),
        }),
    ] {
        let answer = observer.asks(command).await;
        assert!(
            matches!(answer, CommandAnswer::Accepted { .. }),
            "{answer:?}"
        );
    }
    // A value that would deceive is refused, and so are names that nothing can have.
    for command in [
        Command::Note {
            text: "seen".to_owned(),
            step: some("step"),
        },
        Command::SetInput {
            name: "NAME".to_owned(),
            input: Input::Value(everything("value")),
        },
        act(PairingAct::Allow {
            whom: everything("guest"),
        }),
    ] {
        let answer = driver.asks(command).await;
        assert!(matches!(answer, CommandAnswer::Refused(_)), "{answer:?}");
    }
    let value = Command::SetInput {
        name: "NAME".to_owned(),
        input: Input::Value("x".to_owned()),
    };
    let mut said = vec![
        value,
        Command::Tick {
            step: box_.clone(),
            index: 0,
            value: None,
            note: some("tick"),
        },
        Command::Skip {
            step: three.clone(),
            reason: everything("skip"),
            action: None,
        },
        Command::Judge {
            phase: phase.clone(),
            line,
            holds: true,
            note: some("judge"),
        },
        act(PairingAct::Offer { to: some("offer") }),
        Command::Gate {
            phase: phase.clone(),
            decision: GateDecision::Hold,
            reason: some("gate"),
        },
    ];
    for command in said.drain(..) {
        let what = format!("{command:?}");
        let answer = driver.asks(command).await;
        assert!(
            matches!(answer, CommandAnswer::Accepted { .. }),
            "{what}: {answer:?}"
        );
    }
    let mut look = |cockpit: &mut Terminal| {
        for keys in ["l", "l", "l", "l", "p", "<esc>", "g", "<esc>", "T", "<esc>"] {
            cockpit.keys(keys);
            seen += &cockpit.wait_until("a frame", |_| true);
        }
    };
    look(&mut cockpit);
    driver
        .sees("the gate", |state| {
            state.phases.values().any(|own| own.gate.is_some())
        })
        .await;
    // The rollback, stuck, resolved by skipping, and the end.
    let plan = rollback_plans(&driver.state).remove(0);
    let answer = driver
        .asks(Command::Rollback {
            option: plan.option,
            hash: plan.hash,
            typed: None,
            included: None,
            reason: some("rollback"),
        })
        .await;
    assert!(
        matches!(answer, CommandAnswer::Accepted { .. }),
        "{answer:?}"
    );
    driver
        .sees("a stuck rollback", |state| {
            state
                .rollback
                .as_ref()
                .is_some_and(|own| own.stuck_reason.is_some())
        })
        .await;
    let answer = driver
        .asks(Command::Abandon {
            reason: everything("abandon"),
        })
        .await;
    assert!(
        matches!(answer, CommandAnswer::Accepted { .. }),
        "{answer:?}"
    );
    driver.sees("the end", |state| state.mode.is_over()).await;
    look(&mut cockpit);
    assert_state(&driver.state);
    drop((driver, observer));
    cockpit.kill();
    assert_screen(&cockpit.bytes(), "reasons");
    let report = assert_prints(&home, &["report", &run], 0);
    for field in [
        "note", "hand", "tick", "skip", "judge", "offer", "gate", "rollback", "abandon",
    ] {
        assert!(
            report.contains(&format!("{field}.32 ")),
            "`{field}` in\n{report}"
        );
        assert!(
            seen.contains(&format!("{field}.0 ")),
            "`{field}` was on the screen"
        );
    }
    assert_prints(&home, &["report", &run, "--format", "json"], 0);
    assert_prints(&home, &["status", &run, "--json"], 0);
    assert_prints(&home, &["runs"], 0);
}

/// The names of folders and files are used as they are, and shown without what they would do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_and_files() {
    let database = fresh_database().await;
    for (number, name) in names("f", 200).iter().enumerate() {
        let home = Home::new();
        let folder = home.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let guide = format!("guide {name}.md");
        let attack = name.as_str();
        std::fs::write(
            folder.join(&guide),
            "# G\n\n## Phase 1\n\n### Shell\n\n```bash {#shell .run}\npwd; ls\n```\n\n### SQL\n\n```sql {#sql .run}\n\\i part.sql\n```\n",
        )
        .unwrap();
        std::fs::write(
            folder.join("part.sql"),
            format!("\\i 'missing {attack}'\nSELECT 1;\n"),
        )
        .unwrap();
        std::fs::write(
            folder.join("gonogo.toml"),
            format!(
                "[environments.test]\n[environments.test.targets]\nmain = {:?}\n",
                database.conninfo()
            ),
        )
        .unwrap();
        home.trust(&folder).exits(0);
        // A folder that somebody put among the runs.
        let runs = home.path().join("state/gonogo/runs");
        std::fs::create_dir_all(runs.join(name)).unwrap();
        std::fs::write(runs.join(name).join("journal.sqlite"), "no journal").unwrap();
        let environment = [
            ("HOME", folder.to_str().unwrap()),
            ("SHELL", attack),
            ("PGAPPNAME", attack),
            ("XDG_CONFIG_HOME", folder.to_str().unwrap()),
        ];
        let prints = |arguments: &[&str], codes: &[i32]| {
            let mut command = home.command(arguments);
            command.current_dir(&folder).envs(environment);
            let (code, out, err) = printed(command);
            assert_document(&out, &format!("{arguments:?}"));
            assert_document(&err, &format!("{arguments:?}"));
            let said = String::from_utf8_lossy(&out).into_owned() + &String::from_utf8_lossy(&err);
            assert!(codes.contains(&code), "{arguments:?}: {code}\n{said}");
            said
        };
        prints(&["check", &guide], &[0]);
        prints(&["plan", &guide], &[0]);
        prints(&["doctor"], &[0, 1]);
        prints(&["doctor", "--json"], &[0, 1]);
        let mut cockpit = Terminal::start_in(
            home.path(),
            &folder,
            &["run", &guide],
            240,
            60,
            &environment,
        );
        cockpit.wait_for("would run: `shell`");
        cockpit.keys("<enter>");
        cockpit.wait_for("EXECUTE");
        cockpit.keys("x");
        cockpit.wait_for("would run: `sql`");
        cockpit.keys("<enter>");
        cockpit.wait_for("EXECUTE");
        cockpit.keys("x");
        cockpit.wait_for("`sql` failed");
        for keys in ["i", "<esc>", "R", "<esc>", "l", "l", "D", "<esc>"] {
            cockpit.keys(keys);
            cockpit.wait_until("a frame", |_| true);
        }
        let text = prints(&["runs"], &[0]);
        let run = text
            .split_whitespace()
            .find(|word| runs.join(word).join("guide.md").exists())
            .unwrap_or_else(|| panic!("no run in {text}"))
            .to_owned();
        cockpit.kill();
        assert_screen(
            &cockpit.bytes(),
            &format!("a run in hostile folder {number}"),
        );
        prints(&["runs", "--json"], &[0]);
        prints(&["status", &run], &[0]);
        prints(&["status", &run, "--json"], &[0]);
        let report = prints(&["report", &run], &[0]);
        assert!(report.contains("missing f."), "{report}");
        prints(&["report", name], &[1, 2]);
        prints(&["status", name], &[1, 2]);
        prints(&["resume", name], &[1, 2]);
    }
}
