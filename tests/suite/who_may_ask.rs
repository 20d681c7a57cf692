//! Who may ask what of a supervisor: each route, asked by each kind of caller, under a name that is
//! theirs, that is another's, and under none.

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use gonogo::api::ROUTES;
use gonogo::run::{Command, RunState};
use serde_json::{Value, json};

use crate::socket::Joined;
use crate::support::home::{Home, until};
use crate::support::raw::{self, Guest, NOBODY, STRANGER, as_user, ask};
use crate::support::terminal::Terminal;

const GUIDE: &str = "# Mine\n\n## Phase 1: Talk\n\n- [ ] I am awake\n\n```bash {#talk .run}\n\
    read -p 'who? ' name; echo \"hello $name\"\n```\n\n## Rollback\n\n### Option 1: Undo\n\n\
    ```bash {#undo .run}\necho taken-back\n```\n";

/// What is answered: `y` as it should be, `n` you have not joined, `w` you watch.
///
/// Own login, not joined: without a pass, with another's. Driver, observer, guest who is let in: with
/// their own pass, with another's, without one. Another's pass is that of another login, for which it
/// is worth nothing.
const TABLE: [(&str, &str, [&str; 4]); 14] = [
    //                  owner  driver observer guest
    ("GET", "/stream", ["yn", "yny", "yny", "yny"]),
    ("POST", "/command", ["nn", "ynn", "ynn", "ynn"]),
    ("POST", "/input", ["nn", "ynn", "wnn", "wnn"]),
    ("POST", "/view", ["nn", "ynn", "ynn", "ynn"]),
    ("GET", "/people", ["yn", "yny", "yny", "ynn"]),
    ("GET", "/world", ["yn", "yny", "yny", "ynn"]),
    ("GET", "/output", ["nn", "ynn", "ynn", "ynn"]),
    ("GET", "/included", ["nn", "ynn", "ynn", "ynn"]),
    ("GET", "/loss", ["nn", "ynn", "ynn", "ynn"]),
    ("GET", "/session", ["nn", "ynn", "ynn", "ynn"]),
    ("GET", "/before", ["nn", "ynn", "ynn", "ynn"]),
    ("GET", "/fate", ["nn", "ynn", "ynn", "ynn"]),
    ("GET", "/past", ["nn", "ynn", "ynn", "ynn"]),
    ("GET", "/guide", ["nn", "ynn", "ynn", "ynn"]),
];

#[test]
fn the_table_has_an_entry_for_each_route() {
    let routes: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|route| (route.method.to_string(), route.path.to_owned()))
        .collect();
    let table: BTreeSet<(String, String)> = TABLE
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(table, routes, "say here who may use a new route");
}

/// A run with a step that asks for a word, which the driver's connection is lent to.
struct Scene {
    home: Home,
    /// Where its own login comes in, and where others do.
    private: PathBuf,
    door: PathBuf,
    /// `ActionId` and attempt of the step.
    action: String,
    driver: Guest,
    observer: Guest,
}

fn cockpit(home: &Home) -> Terminal {
    home.write("guide.md", GUIDE);
    let arguments = [
        "run",
        "guide.md",
        "--allow",
        "nobody",
        "--allow",
        "@nogroup-here",
    ];
    let terminal = Terminal::start(home.path(), &arguments, 120, 40);
    terminal.wait_for("to check (Space)");
    terminal
}

fn door(run: &str) -> PathBuf {
    gonogo::supervisor::place::guest_socket_path(rustix::process::getuid().as_raw(), run)
}

impl Scene {
    fn new() -> Self {
        let home = Home::new();
        let mut opened = cockpit(&home);
        opened.kill();
        let run = home.runs()[0].clone();
        let private = home.run_directory(&run).join("socket");
        let driver = home.status(&run)["driver"].as_str().unwrap().to_owned();
        // The cockpit's place is free once the supervisor has seen it go.
        let driver = until("the driver's name", || {
            let joined = Guest::join(&private, &driver, false);
            (joined.me() == driver).then_some(joined)
        });
        let observer = Guest::join(&private, driver.me(), true);
        let block = driver.snapshot.state.runbook.block_by_id("talk").unwrap();
        let action = gonogo::run::ActionId::block(block.n);
        let preview = gonogo::run::preview(&driver.snapshot.state, action).unwrap();
        let scene = Self {
            door: door(&run),
            private,
            action: action.to_string(),
            home,
            driver,
            observer,
        };
        let start = Command::Start {
            from: None,
            action,
            hash: preview.hash,
            typed: None,
            reason: None,
            included: None,
        };
        scene.drives(&start);
        scene.drives(&Command::GiveKeyboard { action });
        until("the step to run", || {
            let state = scene.state();
            let attempt = state.action(action)?.last()?;
            attempt.launched.is_some().then_some(())
        });
        scene
    }

    fn drives(&self, command: &Command) {
        let body = raw::command(&serde_json::to_value(command).unwrap());
        let pass = Some(&*self.driver.pass);
        // It may still be on its way to its terminal.
        until("the command to be taken", || {
            let mut body = body.clone();
            body["id"] = raw::id().into();
            let (_, answer) = ask(&self.private, "POST", "/command", pass, Some(&body));
            answer.contains("accepted").then_some(())
        });
    }

    fn state(&self) -> RunState {
        Guest::join(&self.private, "looks", true).snapshot.state
    }

    /// What is asked on a route, as it should be asked.
    fn request(&self, path: &str) -> (String, Option<Value>) {
        let action = &self.action;
        match path {
            "/stream" => ("/stream?name=anna&observe=true".to_owned(), None),
            "/command" => {
                let note = json!({ "kind": "note", "text": "seen", "step": null });
                (path.to_owned(), Some(raw::command(&note)))
            }
            "/input" => {
                let typed = json!({ "columns": 80, "rows": 24 });
                let body = json!({
                    "id": raw::id(), "action": action, "attempt": 1, "typed": typed,
                });
                (path.to_owned(), Some(body))
            }
            "/view" => {
                let view = json!({ "step": null, "item": null, "pane": "step", "zoomed": false });
                (path.to_owned(), Some(json!({ "view": view })))
            }
            "/output" => {
                let query = format!("action={action}&attempt=1&from=0&count=10");
                (format!("{path}?{query}"), None)
            }
            "/included" | "/fate" | "/before" => (format!("{path}?action={action}"), None),
            "/past" => (format!("{path}?at=2000-01-01T00:00:00Z"), None),
            // There is none, and that is what is answered.
            "/loss" => (format!("{path}?block=0"), None),
            "/session" => {
                let session = "target=main&pid=1&backend_start_us=1";
                (format!("{path}?{session}"), None)
            }
            _ => (path.to_owned(), None),
        }
    }

    /// What a caller with this pass is answered, in the letters of the table.
    fn answer(
        &self,
        socket: &std::path::Path,
        method: &str,
        path: &str,
        pass: Option<&str>,
    ) -> char {
        let (address, body) = self.request(path);
        if path == "/stream" {
            // It does not end by itself.
            return stream(socket, &address, pass);
        }
        let (status, text) = ask(socket, method, &address, pass, body.as_ref());
        match status {
            Some(200 | 204) => 'y',
            Some(503) if matches!(path, "/loss" | "/session" | "/before" | "/past") => 'y',
            Some(401) => 'n',
            Some(403) if text.contains("you are watching") => 'w',
            None => '-',
            other => panic!("{method} {path}: {other:?} {text}"),
        }
    }
}

/// The first line of an answer that goes on.
fn stream(socket: &std::path::Path, address: &str, pass: Option<&str>) -> char {
    use std::io::{Read, Write};
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return '-';
    };
    stream
        .write_all(&raw::request("GET", address, pass, None))
        .ok();
    let mut line = [0; 12];
    match stream.read_exact(&mut line) {
        Ok(()) if line.ends_with(b"200") => 'y',
        Ok(()) if line.ends_with(b"401") => 'n',
        Ok(()) => panic!("{address}: {}", String::from_utf8_lossy(&line)),
        Err(_) => '-',
    }
}

#[test]
fn each_route_answers_each_caller_as_the_table_says() {
    let scene = Scene::new();
    let is_root = raw::can_be_another();
    if is_root {
        until("the door", || scene.door.exists().then_some(()));
    }
    let guest = is_root.then(|| as_user(NOBODY, || Guest::join(&scene.door, "x", false)));
    // Without a second login there is no other's pass; one that was never given is worth as much.
    let theirs = guest
        .as_ref()
        .map_or("0123456789abcdef", |guest| &guest.pass);
    let (private, driver) = (&scene.private, &scene.driver.pass);
    let mut wrong = Vec::new();
    for (method, path, [owner, drives, observes, guests]) in TABLE {
        let mut expect = |who: &str, expected: &str, answers: Vec<char>| {
            let answers: String = answers.into_iter().collect();
            if answers != expected {
                wrong.push(format!("{method} {path}: {who} {answers}, not {expected}"));
            }
        };
        let asks = |pass| scene.answer(private, method, path, pass);
        expect("owner", owner, vec![asks(None), asks(Some(theirs))]);
        for (who, expected, own) in [
            ("driver", drives, driver),
            ("observer", observes, &scene.observer.pass),
        ] {
            let answers = vec![asks(Some(own)), asks(Some(theirs)), asks(None)];
            expect(who, expected, answers);
        }
        let Some(guest) = &guest else { continue };
        let answers = as_user(NOBODY, || {
            let asks = |pass| scene.answer(&scene.door, method, path, pass);
            vec![asks(Some(&guest.pass)), asks(Some(driver)), asks(None)]
        });
        expect("guest", guests, answers);
        let answers = as_user(STRANGER, || {
            let asks = |pass| scene.answer(&scene.door, method, path, pass);
            vec![asks(Some(&guest.pass)), asks(Some(driver)), asks(None)]
        });
        expect("unknown uid", "---", answers);
    }
    // Notes tell who was taken for whom: each of the three wrote their own.
    let state = scene.state();
    let mut authors: Vec<&str> = state.notes.iter().map(|note| &*note.by).collect();
    authors.sort_unstable();
    authors.dedup();
    let mut expected = vec![scene.driver.me(), scene.observer.me()];
    expected.extend(guest.as_ref().map(Guest::me));
    expected.sort_unstable();
    assert_eq!(authors, expected);
    if let Some(guest) = guest {
        let allowed = Command::Pairing {
            act: gonogo::run::PairingAct::Disallow {
                whom: "nobody".to_owned(),
            },
        };
        let pass = guest.pass.clone();
        scene.drives(&allowed);
        guest.hears_the_end();
        for (method, path, _) in TABLE {
            let answers: String = as_user(NOBODY, || {
                let asks = |pass| scene.answer(&scene.door, method, path, pass);
                [asks(Some(&pass)), asks(Some(driver)), asks(None)]
                    .iter()
                    .collect()
            });
            if answers != "---" {
                wrong.push(format!("{method} {path}: shut out {answers}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_table_does_not_name_is_refused_to_the_driver_too() {
    let scene = Scene::new();
    let pass = Some(&*scene.driver.pass);
    let unnamed = [
        ("GET", "/"),
        ("GET", "/command"),
        ("PUT", "/command"),
        ("DELETE", "/view"),
        ("HEAD", "/people"),
        ("OPTIONS", "/command"),
        ("GET", "/people/"),
        ("GET", "//people"),
        ("POST", "/state"),
    ];
    for (method, path) in unnamed {
        let (status, text) = ask(&scene.private, method, path, pass, None);
        assert_eq!(status, Some(404), "{method} {path}: {text}");
    }
}

#[test]
fn no_request_carries_a_name() {
    let scene = Scene::new();
    let driver = scene.driver.me().to_owned();
    let before = scene.state();
    for (who, pass) in [
        ("observer", &scene.observer.pass),
        ("driver", &scene.driver.pass),
    ] {
        for path in ["/command", "/input", "/view"] {
            let (address, body) = scene.request(path);
            let mut body = body.unwrap();
            body["by"] = driver.clone().into();
            let (status, text) = ask(&scene.private, "POST", &address, Some(pass), Some(&body));
            let expected = if (who, path) == ("observer", "/input") {
                403
            } else {
                400
            };
            assert_eq!(status, Some(expected), "{who} {path}: {text}");
        }
    }
    let mut body = raw::command(&json!({ "kind": "resume" }));
    body["command"]["by"] = driver.into();
    let pass = Some(&*scene.observer.pass);
    let (status, _) = ask(&scene.private, "POST", "/command", pass, Some(&body));
    assert_eq!(status, Some(400));
    assert_eq!(scene.state().seq, before.seq);
}

#[test]
fn an_observers_connection_does_nothing_of_the_drivers() {
    let scene = Scene::new();
    let pass = Some(&*scene.observer.pass);
    let step = scene.driver.snapshot.state.runbook.phases[0].steps[0]
        .id
        .clone();
    let before = scene.state();
    for command in [
        json!({ "kind": "tick", "step": step, "index": 0, "value": null, "note": null }),
        json!({ "kind": "cancel", "action": scene.action }),
        json!({ "kind": "give_keyboard", "action": scene.action }),
        json!({ "kind": "return_keyboard", "action": scene.action }),
        json!({ "kind": "abandon", "reason": "x" }),
        json!({ "kind": "pairing", "act": { "act": "allow", "whom": "daemon" } }),
    ] {
        let body = raw::command(&command);
        let (_, text) = ask(&scene.private, "POST", "/command", pass, Some(&body));
        assert!(text.contains("you are watching"), "{command}: {text}");
    }
    assert_eq!(scene.state().seq, before.seq);
    // A demand to go back opens no gate while the driver is here, and begins the rollback.
    let act = json!({ "act": "demand", "reason": "all red", "to_go_back": true });
    let body = raw::command(&json!({ "kind": "pairing", "act": act }));
    let (_, text) = ask(&scene.private, "POST", "/command", pass, Some(&body));
    assert!(text.contains("accepted"), "{text}");
    let phase = &before.current_phase;
    let gate = json!({ "kind": "gate", "phase": phase, "decision": "go", "reason": "x" });
    let (_, text) = ask(
        &scene.private,
        "POST",
        "/command",
        pass,
        Some(&raw::command(&gate)),
    );
    assert!(text.contains("you are watching"), "{text}");
    let state = scene.state();
    assert_eq!(state.driver, scene.driver.me());
    let plan = gonogo::run::rollback_plans(&state).remove(0);
    let back = json!({
        "kind": "rollback", "option": plan.option, "hash": plan.hash, "typed": null, "reason": null,
    });
    let (_, text) = ask(
        &scene.private,
        "POST",
        "/command",
        pass,
        Some(&raw::command(&back)),
    );
    assert!(text.contains("accepted"), "{text}");
    assert_eq!(scene.state().driver, scene.observer.me());
}

#[test]
fn keys_come_from_the_connection_only_that_lent_them() {
    let scene = Scene::new();
    let type_to = |pass: &str, keys: &str| {
        let body = json!({
            "id": raw::id(), "action": scene.action, "attempt": 1, "typed": keys.as_bytes(),
        });
        ask(&scene.private, "POST", "/input", Some(pass), Some(&body)).1
    };
    let name = scene.driver.me().to_owned();
    let drives = |pass: &str, command: Value| {
        let body = raw::command(&command);
        ask(&scene.private, "POST", "/command", Some(pass), Some(&body)).1
    };
    // Its name is taken by another connection as soon as it is gone, and with it what it drives.
    let Scene { driver, .. } = &scene;
    driver
        .lines
        .get_ref()
        .shutdown(std::net::Shutdown::Both)
        .unwrap();
    let again = until("the name to be free", || {
        let again = Guest::join(&scene.private, &name, false);
        (again.me() == name).then_some(again)
    });
    let refused = type_to(&driver.pass, "ghost\r");
    assert!(refused.contains("have not joined"), "{refused}");
    let refused = type_to(&again.pass, "intruder\r");
    // By then the keyboard may have been taken back from who was gone.
    assert!(refused.contains("refused"), "{refused}");
    let lent = drives(
        &again.pass,
        json!({ "kind": "give_keyboard", "action": scene.action }),
    );
    assert!(lent.contains("accepted"), "{lent}");
    // It may still be on its way to its terminal.
    until("the step to take keys", || {
        let taken = type_to(&again.pass, "anna\r");
        taken.contains("accepted").then_some(())
    });
    let run = scene.home.runs()[0].clone();
    let mut spool = String::new();
    until("the greeting", || {
        let actions = scene.home.run_directory(&run).join("actions");
        let attempt = std::fs::read_dir(actions).unwrap().next()?.unwrap().path();
        spool = std::fs::read_to_string(attempt.join("spool")).unwrap_or_default();
        spool.contains("hello anna").then_some(())
    });
    assert!(
        !spool.contains("intruder") && !spool.contains("ghost"),
        "{spool}"
    );
}

#[tokio::test]
async fn a_request_that_comes_twice_is_done_once() {
    let scene = Scene::new();
    let pass = Some(&*scene.driver.pass);
    let before = scene.state().notes.len();
    let note = raw::command(&json!({ "kind": "note", "text": "once", "step": null }));
    let answers: Vec<String> = (0..3)
        .map(|_| {
            let (_, text) = ask(&scene.private, "POST", "/command", pass, Some(&note));
            text.rsplit("\r\n").next().unwrap().to_owned()
        })
        .collect();
    assert!(answers[0].contains("accepted"), "{answers:?}");
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    let mut other = note.clone();
    other["command"]["text"] = "twice".into();
    let (_, text) = ask(&scene.private, "POST", "/command", pass, Some(&other));
    assert!(text.contains("same id"), "{text}");
    assert_eq!(scene.state().notes.len(), before + 1);
    // Of another connection it is another request.
    let joined = Joined::join(scene.private.clone(), "bert@b").await;
    joined
        .asks(Command::Note {
            text: "once".to_owned(),
            step: None,
        })
        .await;
    assert_eq!(scene.state().notes.len(), before + 2);
}

#[test]
fn whoever_asks_for_nothing_keeps_no_connection() {
    use std::io::{Read, Write};
    let scene = Scene::new();
    // One says nothing, one not to its end, one asked once; and one sends a body that does not end.
    let begun = [
        "",
        "GET /people HTTP/1.1\r\nHo",
        "GET /people HTTP/1.1\r\nHost: run\r\n\r\n",
    ];
    let unfinished = format!(
        "POST /command HTTP/1.1\r\nHost: run\r\ngonogo-pass: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{",
        scene.driver.pass
    );
    let open: Vec<UnixStream> = begun
        .into_iter()
        .chain([unfinished.as_str()])
        .map(|text| {
            let mut stream = UnixStream::connect(&scene.private).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            stream
        })
        .collect();
    for mut stream in open {
        let patience = std::time::Duration::from_secs(30);
        stream.set_read_timeout(Some(patience)).unwrap();
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        assert!(ended.is_ok(), "it is still open: {ended:?}");
    }
    // Who hears what happens stays.
    drop(scene.state());
    let pass = Some(&*scene.driver.pass);
    assert_eq!(
        ask(&scene.private, "GET", "/guide", pass, None).0,
        Some(200)
    );
}
