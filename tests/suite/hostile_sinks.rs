//! The same attacks through every field that comes from outside, into every place where it is shown:
//! the terminal under the cockpit byte by byte, and the documents that the program prints.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::process::Command as Process;

use gonogo::api::CommandAnswer;
use gonogo::run::Command;
use gonogo::text::scrub::is_deceptive;

use crate::hostile_output::CORPUS;
use crate::socket::Joined;
use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{Database, cluster, connect, execute, fresh_database};

/// The attacks, each behind the name of its field and its number, so that a leak tells where it is.
pub fn attack(field: &str, numbers: impl IntoIterator<Item = usize>) -> String {
    numbers
        .into_iter()
        .map(|number| format!("{field}.{number} {} ", CORPUS[number].1))
        .collect()
}

fn all(field: &str) -> String {
    attack(field, 0..CORPUS.len())
}

/// The last `field.number` before a place of a text.
fn culprit(before: &str) -> String {
    let tail: String = before
        .chars()
        .rev()
        .take(120)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    format!("after {tail:?}")
}

/// A document that nobody but its reader acts on: text, tabs and line ends.
pub fn assert_document(bytes: &[u8], place: &str) {
    let text = std::str::from_utf8(bytes)
        .unwrap_or_else(|error| panic!("{place}: bytes that are no text: {error}"));
    for (at, character) in text.char_indices() {
        let fine =
            matches!(character, '\n' | '\t') || !character.is_control() && !is_deceptive(character);
        assert!(fine, "{place}: {character:?} {}", culprit(&text[..at]));
    }
}

/// What the cockpit itself says to a terminal, and nothing else: colours, the place of the cursor, and
/// taking and giving back the screen, once each.
pub fn assert_screen(bytes: &[u8], place: &str) {
    let text = std::str::from_utf8(bytes)
        .unwrap_or_else(|error| panic!("{place}: bytes that are no text: {error}"));
    let mut once = std::collections::BTreeMap::<String, usize>::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let why = || culprit(&text[..at]);
        if character != '\u{1b}' {
            let fine = matches!(character, '\r' | '\n')
                || !character.is_control() && !is_deceptive(character);
            assert!(fine, "{place}: {character:?} {}", why());
            continue;
        }
        assert_eq!(
            characters.next().map(|(_, next)| next),
            Some('['),
            "{place}: an escape {}",
            why()
        );
        let mut parameters = String::new();
        let end = loop {
            match characters.next() {
                Some((_, next @ ('0'..='9' | ';' | ':' | '?'))) => parameters.push(next),
                Some((_, end)) => break end,
                None => return,
            }
        };
        let numbers = parameters
            .split(';')
            .all(|part| part.parse::<u16>().is_ok());
        let sequence = format!("{parameters}{end}");
        let ours = match (end, parameters.as_str()) {
            ('m', _) => !parameters.contains('?') && !is_concealed(&parameters),
            ('H', _) => numbers && parameters.matches(';').count() == 1,
            ('h' | 'l', "?25") => true,
            ('h' | 'l', "?1049" | "?2004") | ('J', "2") => {
                let times = once.entry(sequence.clone()).or_default();
                *times += 1;
                *times == 1
            }
            _ => false,
        };
        assert!(ours, "{place}: `CSI {sequence}` {}", why());
    }
}

fn is_concealed(parameters: &str) -> bool {
    let mut parts = parameters.split(';');
    while let Some(part) = parts.next() {
        match part {
            "38" | "48" | "58" => match parts.next() {
                Some("5") => drop(parts.next()),
                Some("2") => drop(parts.by_ref().take(3).count()),
                _ => {}
            },
            "8" => return true,
            _ => {}
        }
    }
    false
}

#[test]
fn the_checker_of_screens_tells_ours_from_theirs() {
    assert_screen(
        "\u{1b}[?1049h\u{1b}[?25l\u{1b}[12;3H\u{1b}[38;5;8mx\u{1b}[0m ü\r\n".as_bytes(),
        "ours",
    );
    for (what, bytes) in CORPUS {
        let twice = format!("\u{1b}[?1049h\u{1b}[?2004h\u{1b}[2J{bytes}{bytes}");
        let harmless = *what == "hidden cursor";
        let caught = std::panic::catch_unwind(|| assert_screen(twice.as_bytes(), what)).is_err();
        assert_eq!(caught, !harmless, "{what}");
    }
}

/// What a program printed, byte for byte.
pub fn printed(mut command: Process) -> (i32, Vec<u8>, Vec<u8>) {
    let output = command.output().unwrap();
    (
        output.status.code().unwrap_or(-1),
        output.stdout,
        output.stderr,
    )
}

/// Runs the program and holds what it prints against the rules of a document.
#[track_caller]
pub fn assert_prints(home: &Home, arguments: &[&str], code: i32) -> String {
    let (exit, out, err) = printed(home.command(arguments));
    let place = arguments[..arguments.len().min(2)].join(" ");
    assert_document(&out, &format!("{place} (standard output)"));
    assert_document(&err, &format!("{place} (standard error)"));
    let text = String::from_utf8(out).unwrap();
    let said = String::from_utf8(err).unwrap();
    assert_eq!(exit, code, "{arguments:?}\n{text}\n{said}");
    format!("{text}{said}")
}

/// A guide that attacks from everywhere but its commands, which would not be run.
fn walked(attack: &dyn Fn(&str) -> String) -> String {
    let a = |field: &str| attack(field);
    format!(
        "---\ngonogo:\n  rehearsal: assume\n---\n# {title}\n\n{intro}\n\n## Phase 1: {phase}\n\n{prose} **{bold}** `{span}` [{link}](http://127.0.0.1/{address})\n\n<!-- {comment} -->\n\n> {quote}\n\n| {head} | b |\n|---|---|\n| {cell} | c |\n\n### {step}\n\n- [ ] {box_}\n\n```bash {{#look .run}}\ncat hostile; cat hostile >&2\n```\n\n### {second}\n\n```sql {{#load .run}}\n\\i included.sql\n```\n\n### Fetch\n\n```http {{#fetch .run}}\nGET PROBE/\n```\n\n### Prompt\n\n```bash {{#prompt .run}}\nif [ -t 0 ] && [ -e interactive ]; then cat prompt; read -r answer; fi\n```\n\n**Success criteria:**\n\n- ✅ {criterion}\n- 🚩 {flag}\n\n## Rollback\n\n### {option}\n\n```bash {{#back .undo}}\necho back\n```\n",
        title = a("title"),
        intro = a("intro"),
        phase = a("phase"),
        prose = a("prose"),
        bold = a("bold"),
        span = a("span"),
        link = a("link"),
        address = a("address").replace([' ', ')', '('], ""),
        comment = a("comment").replace("--", ""),
        quote = a("quote"),
        head = a("head").replace('|', "/"),
        cell = a("cell").replace('|', "/"),
        step = a("step"),
        box_ = a("box"),
        second = a("second"),
        criterion = a("criterion"),
        flag = a("flag"),
        option = a("option"),
    )
}

/// A service whose every answer is an attack.
fn service(attack: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            if stream.read(&mut request).is_err() {
                continue;
            }
            let json = serde_json::json!({ "status": "ok", "version": attack });
            let body = format!("{json}\n{attack}\n");
            // A header may hold what is no text at all.
            let mut answer = b"HTTP/1.1 200 ".to_vec();
            answer.extend(b"fine\r\nx-hostile: \x9b2J\xe2\x80\xae\x9d0;owned\r\n");
            answer.extend(format!("content-length: {}\r\n\r\n{body}", body.len()).bytes());
            stream.write_all(&answer).ok();
        }
    });
    url
}

/// The world of one test: a guide, files, a service, a database, all of them hostile.
struct World {
    home: Home,
    database: Database,
}

const GUIDE: &str = "guide.md";

async fn world(group: &dyn Fn(&str) -> String) -> World {
    let database = fresh_database().await;
    let home = Home::new();
    let url = service(group("body"));
    home.write(GUIDE, &walked(group).replace("PROBE", &url));
    let mut output = format!("{}\n", group("output")).into_bytes();
    output.extend(b"raw \x9b2J\x9d0;owned\x9c \xff\xfe\x90q\x9c\n");
    std::fs::write(home.path().join("hostile"), output).unwrap();
    home.write("prompt", &format!("{} password: ", group("prompt")));
    let quoted = group("sql").replace('\'', "''");
    home.write(
        "included.sql",
        &format!(
            "-- {quoted}\nSELECT '{quoted}' AS \"{}\";\nDO $g$ BEGIN RAISE NOTICE '%', '{quoted}'; RAISE WARNING '%', '{quoted}'; END $g$;\n",
            group("column").replace('"', "").chars().take(50).collect::<String>()
        ),
    );
    home.environment(
        &database.conninfo(),
        &format!("[environments.test.probes]\napi = \"{url}\"\n"),
    );
    World { home, database }
}

/// Sessions of somebody else, whose names and statements are attacks.
async fn hostile_sessions(database: &Database, group: &dyn Fn(&str) -> String) -> Vec<Process> {
    let name = group("role").replace('"', "");
    let name: String = name.chars().take(30).collect();
    let mut admin = connect(cluster(), "postgres").await;
    let role = format!("\"{}{}\"", database.name, name);
    execute(&mut admin, &format!("CREATE ROLE {role} SUPERUSER LOGIN")).await;
    let mut sessions = Vec::new();
    let statement = group("query");
    for (number, sql) in [
        format!("SELECT pg_sleep(300) /* {} */", statement.replace("*/", "")),
        format!(
            "BEGIN; CREATE TABLE held (x int); SELECT '{}', pg_sleep(300)",
            statement.replace('\'', "")
        ),
    ]
    .iter()
    .enumerate()
    {
        let mut psql = Process::new("psql");
        psql.args(["-X", "-q", "-d"])
            .arg(database.conninfo())
            .args(["-c", &format!("SET ROLE {role}"), "-c"])
            .arg(format!(
                "SET application_name = '{}{number}'",
                group("app").replace('\'', "")
            ))
            .args(["-c", sql])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        sessions.push(psql);
    }
    sessions
}

/// Ends with its test.
pub struct Child(pub std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_document_holds_a_foreign_control_byte() {
    let group = |field: &str| all(field);
    let World { home, .. } = world(&group).await;
    let hostile_name = "we\u{1b}]0;owned\u{7}ird\u{202e}\u{9b}2J.md";
    home.write(
        hostile_name,
        &std::fs::read_to_string(home.path().join(GUIDE)).unwrap(),
    );
    for guide in [GUIDE, hostile_name] {
        assert_prints(&home, &["check", guide], 0);
        assert_prints(&home, &["check", guide, "--json"], 0);
        assert_prints(&home, &["plan", guide], 0);
        assert_prints(&home, &["plan", guide, "--json"], 0);
        assert_prints(&home, &["doctor", "--env", "test"], 0);
    }
    // Commands that hold an attack are told and refused.
    let everywhere = format!(
        "# {t}\n\n## Phase 1\n\n```bash {{#a .run title=\"{t}\"}}\necho \"{c}\"\n```\n\n```{i}\nls\n```\n\n    ls {c}\n\n~~~sql {{.run expect=\"{e}\"}}\nSELECT '{c}';\n~~~\n",
        t = group("t"),
        c = group("code"),
        i = group("info").replace('`', ""),
        e = group("expect").replace('"', "'"),
    );
    home.write("refused.md", &everywhere);
    let said = assert_prints(&home, &["check", "refused.md"], 5);
    assert!(said.contains("invisible-character"), "{said}");
    for sink in ["plan", "rehearse"] {
        let (_, out, err) = printed(home.command(&[sink, "refused.md"]));
        assert_document(&out, sink);
        assert_document(&err, sink);
    }
    assert_prints(&home, &["check", "refused.md", "--json"], 5);

    let run = {
        let mut command = home.command(&["rehearse", hostile_name]);
        command.env("USER", group("user").replace('\0', ""));
        let (code, out, err) = printed(command);
        assert_document(&out, "rehearse (standard output)");
        assert_document(&err, "rehearse (standard error)");
        assert_eq!(code, 0, "{}", String::from_utf8_lossy(&err));
        home.runs()[0].clone()
    };
    {
        let socket = home.run_directory(&run).join("socket");
        let joined = Joined::join(socket, &group("name")).await;
        let note = Command::Note {
            text: format!("{}\nand {}", group("note"), group("more")),
            step: None,
        };
        joined.asks(note).await;
    }
    for arguments in [
        &["runs"][..],
        &["runs", "--json"],
        &["status", &run],
        &["status", &run, "--json"],
    ] {
        assert_prints(&home, arguments, 0);
    }
    let report = assert_prints(&home, &["report", &run], 0);
    // Nothing but the attack is missing.
    for field in [
        "title", "phase", "step", "box", "output", "sql", "note", "body",
    ] {
        let marked =
            (0..CORPUS.len()).filter(|number| report.contains(&format!("{field}.{number} ")));
        assert!(
            marked.count() > 0,
            "`{field}` stands in the report:\n{report}"
        );
    }
    assert_prints(&home, &["report", &run, "--format", "json"], 0);
    assert_document(
        &std::fs::read(home.run_directory(&run).join("supervisor.log")).unwrap(),
        "supervisor.log",
    );
}

#[test]
fn no_error_holds_a_foreign_control_byte() {
    let home = Home::new();
    home.write(
        GUIDE,
        "# G\n\n## Phase 1\n\n```bash {#a .run}\necho <NAME>\n```\n",
    );
    for number in 0..CORPUS.len() {
        let evil = attack("argument", [number]).replace('\0', "");
        let pair = format!("{evil}={evil}");
        for arguments in [
            &[evil.as_str()][..],
            &["check", &evil],
            &["plan", GUIDE, "--env", &evil],
            &["plan", GUIDE, "--var", &pair],
            &["plan", GUIDE, "--var", &evil],
            &["plan", GUIDE, &evil],
            &["status", &evil],
            &["report", &evil],
            &["attach", &evil],
            &["rehearse", GUIDE, "--window", &evil],
        ] {
            let (code, out, err) = printed(home.command(arguments));
            assert_document(&out, &format!("{arguments:?}"));
            assert_document(&err, &format!("{arguments:?}"));
            assert_ne!(code, 101, "{arguments:?}");
        }
        // Each text and name of the configuration, as it is and as an escape of TOML.
        let escaped: String = evil
            .chars()
            .map(|character| format!("\\U{:08x}", u32::from(character)))
            .collect();
        for text in [evil.replace('\\', "\\\\").replace('"', "\\\""), escaped] {
            for line in [
                format!("[environments.\"{text}\"]\n"),
                format!("[environments.test.values]\nNAME = \"{text}\"\n"),
                format!("[environments.test.values]\n\"{text}\" = \"x\"\n"),
                format!("[environments.test.targets]\n\"{text}\" = \"host=x\"\n"),
                format!("[environments.test]\ndirectory = \"{text}\"\n"),
                format!("[environments.test]\n\"{text}\" = 1\n"),
                format!(
                    "[variables.NAME]\ndescription = \"{text}\"\nchoices = [\"{text}\"]\n[environments.test]\n"
                ),
                format!("default_environment = \"{text}\"\n"),
                format!("# {text}\n[environments.test]\nunknown = 1\n"),
            ] {
                home.plant("gonogo.toml", &line);
                let (code, out, err) = printed(home.command(&["plan", GUIDE]));
                assert_document(&out, &line);
                assert_document(&err, &line);
                assert_eq!(code, 2, "{line:?}: {}", String::from_utf8_lossy(&err));
            }
        }
        std::fs::remove_file(home.path().join("gonogo.toml")).unwrap();
    }
}

/// How many attacks a field carries at a time, so that all of them fit on a line of a wide screen.
pub const AT_A_TIME: usize = 11;

/// Fields that the walk has on the screen.
const FIELDS: [&str; 11] = [
    "title", "phase", "step", "box", "output", "prompt", "changed", "note", "hand", "query", "body",
];

async fn the_terminal_gets_nothing_of(first: usize) {
    let numbers = first..CORPUS.len().min(first + AT_A_TIME);
    let group = move |field: &str| attack(field, numbers.clone());
    let World { home, database } = world(&group).await;
    let _sessions: Vec<Child> = hostile_sessions(&database, &group)
        .await
        .iter_mut()
        .map(|psql| Child(psql.spawn().unwrap()))
        .collect();
    home.write("interactive", "");
    let name = group("user");
    let user = [("USER", name.as_str())];
    let mut cockpit = Terminal::start_with(home.path(), &["run", GUIDE], 240, 60, &user);
    cockpit.wait_for("rollback");
    let run = home.runs()[0].clone();
    let other = group("watcher");
    let mut watcher = Terminal::start_with(
        home.path(),
        &["attach", &run, "--observe"],
        200,
        50,
        &[("USER", other.as_str())],
    );
    watcher.wait_for("you watch");
    let me = home.status(&run)["driver"].as_str().unwrap().to_owned();
    let socket = home.run_directory(&run).join("socket");
    let mut driver = Joined::join(socket.clone(), &me).await;
    let observer = Joined::join(socket, &group("name")).await;
    let about = Some(group("hand"));
    for command in [
        Command::Note {
            text: group("note"),
            step: None,
        },
        Command::Pairing {
            act: gonogo::run::PairingAct::RaiseHand { about },
        },
    ] {
        observer.asks(command).await;
    }
    // Every view of the run as it stands: who is here, inputs, the rollback, the timeline, help.
    let mut seen = String::new();
    let mut look = |cockpit: &mut Terminal, keys: &[&str]| {
        for key in keys {
            cockpit.keys(key);
            seen += &cockpit.wait_until("a frame", |_| true);
        }
        FIELDS
            .into_iter()
            .find(|field| !seen.contains(&format!("{field}.{first}")))
    };
    let dialogs = [
        "p", "<esc>", "i", "<esc>", "R", "<esc>", "g", "<esc>", "w", "?", "<esc>",
    ];
    look(&mut cockpit, &dialogs);
    home.write(
        GUIDE,
        &format!(
            "{}\n{}\n",
            group("changed"),
            std::fs::read_to_string(home.path().join(GUIDE)).unwrap()
        ),
    );
    until("the changed guide", || {
        cockpit.shows("CHANGED").then_some(())
    });
    look(&mut cockpit, &["D"]);
    cockpit.wait_for("as it is now");
    look(&mut cockpit, &["<up>", "<esc>"]);
    // What would run, for each step; then a second terminal of the driver runs them.
    for _ in 0..4 {
        look(
            &mut cockpit,
            &["<enter>", "<esc>", "<down>", "<enter>", "<esc>"],
        );
    }
    let taken = driver.asks(Command::TakeControl {}).await;
    assert!(matches!(taken, CommandAnswer::Accepted { .. }), "{taken:?}");
    let step = driver
        .state
        .step_of(driver.action("look"))
        .unwrap()
        .id
        .clone();
    let tick = Command::Tick {
        step,
        index: 0,
        value: None,
        note: Some(group("tick")),
    };
    let ticked = driver.asks(tick).await;
    assert!(
        matches!(ticked, CommandAnswer::Accepted { .. }),
        "{ticked:?}"
    );
    for id in ["look", "load", "fetch", "prompt"] {
        let action = driver.action(id);
        let start = if id == "load" {
            let included = driver.seat.included(action).await.unwrap();
            assert!(included[0].text.contains("sql."), "{included:?}");
            let shown = Some(gonogo::run::digest_of(&included));
            match driver.start(id) {
                Command::Start { action, hash, .. } => Command::Start {
                    from: None,
                    action,
                    hash,
                    typed: None,
                    reason: None,
                    included: shown,
                },
                other => other,
            }
        } else {
            driver.start(id)
        };
        let answer = driver.asks(start).await;
        assert!(
            matches!(answer, CommandAnswer::Accepted { .. }),
            "{id} as {:?}: {answer:?}",
            driver.me
        );
        if id == "prompt" {
            cockpit.wait_for("password:");
        } else {
            driver
                .sees(id, |state| Joined::outcome(state, action).is_some())
                .await;
        }
        look(&mut cockpit, &["."]);
    }
    // Every layout, every pane zoomed, every tab.
    let walk = [
        "l", "z", "<tab>", "<right>", "<right>", "<tab>", "<tab>", "z",
    ];
    for _ in 0..4 {
        look(&mut cockpit, &walk);
        look(&mut watcher, &["l", "<tab>"]);
    }
    // On a busy machine a frame may come after the next key.
    until("every field on the screen", || {
        look(&mut cockpit, &walk).is_none().then_some(())
    });
    look(&mut cockpit, &["q", "l"]);
    cockpit.wait_exit();
    look(&mut watcher, &["q"]);
    watcher.kill();
    assert_screen(&cockpit.bytes(), "cockpit");
    assert_screen(&watcher.bytes(), "watcher");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_gets_nothing_of_the_first_attacks() {
    the_terminal_gets_nothing_of(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_gets_nothing_of_the_second_attacks() {
    the_terminal_gets_nothing_of(AT_A_TIME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_gets_nothing_of_the_third_attacks() {
    the_terminal_gets_nothing_of(2 * AT_A_TIME).await;
}

#[test]
fn the_screen_of_annotate_gets_nothing() {
    for first in (0..CORPUS.len()).step_by(AT_A_TIME) {
        let numbers = first..CORPUS.len().min(first + AT_A_TIME);
        let group = |field: &str| attack(field, numbers.clone());
        let home = Home::new();
        home.write(
            GUIDE,
            &format!(
                "# {}\n\n## Phase 1: {}\n\n{}\n\n```\nls {}\n```\n\n```bash\npsql -c 'select 1' # {}\n```\n",
                group("title"),
                group("phase"),
                group("prose"),
                group("code"),
                group("code"),
            ),
        );
        let mut terminal = Terminal::start(home.path(), &["annotate", GUIDE], 240, 60);
        terminal.wait_for("phase.");
        for key in ["<down>", "<enter>", "<esc>", "?", "<esc>"] {
            terminal.keys(key);
            terminal.wait_until("a frame", |_| true);
        }
        terminal.kill();
        assert_screen(&terminal.bytes(), "annotate");
    }
}

/// Somebody who is not gonogo holds the lock, and says so in words that attack.
#[tokio::test]
async fn the_record_of_a_hostile_lock_is_only_words() {
    let numbers = 0..CORPUS.len();
    let group = |field: &str| attack(field, numbers.clone().step_by(3));
    let World { home, database } = world(&group).await;
    let mut holder = database.connect().await;
    let record = serde_json::json!({
        "run": group("run"), "by": group("by"), "since": "2026-01-01T00:00:00Z",
        "why": group("why").chars().take(200).collect::<String>(),
    });
    let record = record.to_string().replace('/', "\\u002f");
    let app = group("app").replace('\'', "");
    execute(
        &mut holder,
        &format!("SET application_name = 'gonogo:{app}'"),
    )
    .await;
    execute(
        &mut holder,
        &format!(
            "SELECT /* gonogo lock {record} */ pg_advisory_lock({})",
            0x676f_6e6f_676f_i64
        ),
    )
    .await;
    let mut terminal = Terminal::start(home.path(), &["run", GUIDE], 240, 60);
    terminal.wait_for("HELD BY ANOTHER RUN");
    for key in ["K", "<esc>", "T", "<esc>"] {
        terminal.keys(key);
        terminal.wait_until("a frame", |_| true);
    }
    let run = home.runs()[0].clone();
    terminal.kill();
    assert_screen(&terminal.bytes(), "cockpit");
    assert_prints(&home, &["report", &run], 0);
    assert_prints(&home, &["status", &run, "--json"], 0);
    let mut command = home.command(&["rehearse", GUIDE]);
    command.env("USER", std::ffi::OsStr::from_bytes(b"\x9b2J\xff"));
    let (_, out, err) = printed(command);
    assert_document(&out, "rehearse");
    assert_document(&err, "rehearse");
}
