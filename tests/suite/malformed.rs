//! Requests that are none: wrong types, sizes, encodings and names, by somebody who drives and so could
//! do anything. None of them changes the run, and none is more than refused. `GONOGO_FAULTS=10000` asks
//! for the long form, `GONOGO_SEED` for the requests of an earlier one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gonogo::run::{ActionId, RunState};
use serde_json::{Value, json};

use crate::support::home::{Home, until};
use crate::support::raw::{self, Guest};
use crate::support::terminal::Terminal;

const GUIDE: &str = "# Mine\n\n## Phase 1: Look\n\n- [ ] I am awake\n\n```bash {#look .check}\n\
    echo $1 <name>\n```\n\n## Rollback\n\n### Option 1: Undo\n\n```bash {#undo .run}\necho back\n```\n";

fn requests() -> usize {
    let asked = std::env::var("GONOGO_FAULTS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(1_000)
}

struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let given = std::env::var("GONOGO_SEED").ok();
        let given = given.and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| chrono::Utc::now().timestamp_micros().unsigned_abs());
        eprintln!("malformed: GONOGO_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most) + 1;
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}

/// What is sent, and whether the sender stops in the middle of it.
struct Sent {
    what: &'static str,
    bytes: Vec<u8>,
    stops: bool,
}

struct Attacker {
    dice: Dice,
    pass: String,
    state: RunState,
}

/// A value that no field of a request takes.
fn nonsense() -> Value {
    json!([[{ "x": [null] }]])
}

impl Attacker {
    /// A request that is in order.
    fn good(&mut self) -> (&'static str, Value) {
        let action = ActionId::block(self.state.runbook.block_by_id("look").unwrap().n).to_string();
        let step = &self.state.runbook.phases[0].steps[0].id;
        let plan = gonogo::run::rollback_plans(&self.state).remove(0);
        let commands = [
            json!({ "kind": "tick", "step": step, "index": 0, "value": null, "note": "n" }),
            json!({ "kind": "note", "text": "t", "step": step }),
            json!({ "kind": "skip", "step": step, "reason": "r", "action": action }),
            json!({ "kind": "arm", "action": action, "hash": "h" }),
            json!({ "kind": "rollback", "option": plan.option, "hash": plan.hash, "typed": null,
                "reason": null, "included": {} }),
            json!({ "kind": "abandon", "reason": "r" }),
            json!({ "kind": "pairing", "act": { "act": "allow", "whom": "daemon" } }),
            json!({ "kind": "pairing", "act": { "act": "offer", "to": "bert" } }),
        ];
        match self.dice.below(6) {
            0 => {
                let body =
                    json!({ "id": raw::id(), "action": action, "attempt": 1, "typed": [104] });
                ("/input", body)
            }
            1 => {
                let view = json!({ "step": step, "item": 0, "pane": "step", "zoomed": false });
                ("/view", json!({ "view": view }))
            }
            _ => ("/command", raw::command(self.dice.of(&commands))),
        }
    }

    /// The places of a request at which something stands, the request itself among them.
    fn places(value: &Value, path: &str, found: &mut Vec<String>) {
        found.push(path.to_owned());
        if let Value::Object(fields) = value {
            for (name, field) in fields {
                Self::places(field, &format!("{path}/{name}"), found);
            }
        }
    }

    fn post(&self, path: &str, body: &[u8]) -> Vec<u8> {
        raw::request("POST", path, Some(&self.pass), Some(body))
    }

    fn next(&mut self) -> Sent {
        let whole = |what, bytes| Sent {
            what,
            bytes,
            stops: false,
        };
        match self.dice.below(12) {
            0 => whole("a wrong type", self.wrong_type()),
            1 => whole("a field too many or too few", self.wrong_fields()),
            2 => whole("text that is no JSON", self.no_json()),
            3 => whole("an id that is none", self.wrong_id()),
            4 => whole("a number that is none", self.wrong_number()),
            5 => whole("too long", self.too_long()),
            6 => whole("a pass that is none", self.wrong_pass()),
            7 => whole("a query that is none", self.wrong_query()),
            8 => whole("not for a client to say", self.of_the_world()),
            9 => whole("names of nothing", self.wrong_names()),
            10 => whole("a head that is none", self.wrong_head()),
            _ => Sent {
                what: "no HTTP",
                bytes: self.no_http(),
                stops: true,
            },
        }
    }

    fn wrong_type(&mut self) -> Vec<u8> {
        let (path, mut body) = self.good();
        let mut places = Vec::new();
        Self::places(&body, "", &mut places);
        let place = self.dice.of(&places).clone();
        *body.pointer_mut(&place).unwrap() = nonsense();
        self.post(path, body.to_string().as_bytes())
    }

    fn wrong_fields(&mut self) -> Vec<u8> {
        let (path, mut body) = self.good();
        let fields = body.as_object_mut().unwrap();
        if self.dice.below(2) == 0 {
            let needed: Vec<String> = fields.keys().cloned().collect();
            fields.remove(self.dice.of(&needed));
        } else {
            let names = ["by", "name", "as", "driver", "\u{0}", "ID", "__proto__"];
            let name = (*self.dice.of(&names)).to_owned();
            let inner = fields.get_mut("command").and_then(Value::as_object_mut);
            match inner.filter(|_| name.len().is_multiple_of(2)) {
                Some(command) => command.insert(name, json!("gonogo")),
                None => fields.insert(name, json!("gonogo")),
            };
        }
        self.post(path, body.to_string().as_bytes())
    }

    fn no_json(&mut self) -> Vec<u8> {
        let (path, body) = self.good();
        let mut text = body.to_string().into_bytes();
        match self.dice.below(5) {
            0 => text.truncate(self.dice.below(text.len())),
            // In the first string, which is a name.
            1 => text.insert(2, *self.dice.of(&[0xff, 0xc0, 0x80, 0xed, 0x00, 0x1f])),
            2 => text = vec![*self.dice.of(b"[{"); 60_000 / 16],
            3 => text.extend(self.dice.bytes(8).into_iter().map(|byte| byte | 0x80)),
            _ => {
                text = self
                    .dice
                    .bytes(2_000)
                    .into_iter()
                    .map(|byte| byte | 0x80)
                    .collect()
            }
        }
        self.post(path, &text)
    }

    fn wrong_id(&mut self) -> Vec<u8> {
        let mut body = json!({ "command": { "kind": "note", "text": "t", "step": null } });
        let ids = [
            json!(""),
            json!("x".repeat(65)),
            json!("a b"),
            json!("a\n"),
            json!("ä"),
            json!("../x"),
            json!(7),
            json!(null),
            json!(["a"]),
            json!({ "id": "a" }),
        ];
        body["id"] = self.dice.of(&ids).clone();
        self.post("/command", body.to_string().as_bytes())
    }

    fn wrong_number(&mut self) -> Vec<u8> {
        let numbers = [
            "-1",
            "1.5",
            "1e999",
            "18446744073709551616",
            "-0.0",
            "0x1",
            "NaN",
            "1e9999999",
        ];
        let number = *self.dice.of(&numbers);
        let (id, step) = (raw::id(), &self.state.runbook.phases[0].steps[0].id);
        let (path, body) = match self.dice.below(2) {
            0 => (
                "/command",
                format!(
                    r#"{{"id":"{id}","command":{{"kind":"tick","step":"{step}","index":{number},"value":null,"note":null}}}}"#
                ),
            ),
            _ => (
                "/input",
                format!(r#"{{"id":"{id}","action":"1","attempt":{number},"typed":[104]}}"#),
            ),
        };
        self.post(path, body.as_bytes())
    }

    fn too_long(&mut self) -> Vec<u8> {
        let length = 300_000 + self.dice.below(100_000);
        let text = "x".repeat(length);
        match self.dice.below(4) {
            0 => {
                let note = json!({ "kind": "note", "text": text, "step": null });
                self.post("/command", raw::command(&note).to_string().as_bytes())
            }
            1 => {
                let view = json!({ "step": text, "item": 0, "pane": "step", "zoomed": false });
                self.post("/view", json!({ "view": view }).to_string().as_bytes())
            }
            2 => raw::request(
                "GET",
                &format!("/fate?action={text}"),
                Some(&self.pass),
                None,
            ),
            _ => format!("GET /people HTTP/1.1\r\nHost: run\r\nX: {text}\r\n\r\n").into_bytes(),
        }
    }

    fn wrong_pass(&mut self) -> Vec<u8> {
        let (path, body) = self.good();
        let body = body.to_string();
        let real = &self.pass;
        let shown = [
            String::new(),
            "gonogo-pass:\r\n".to_owned(),
            format!("gonogo-pass: {}\r\n", &real[1..]),
            format!("gonogo-pass: {real}x\r\n"),
            format!("gonogo-pass: {}\r\n", real.to_uppercase() + "G"),
            format!("gonogo-pass: {real}\r\ngonogo-pass: {real}\r\n"),
            format!("gonogo-pass: {}\r\n", "0".repeat(real.len())),
            "gonogo-pass: \u{e4}\u{f6}\r\n".to_owned(),
            format!("gonogo-pass: {}\r\n", "x".repeat(4_000)),
        ];
        let shown = self.dice.of(&shown);
        format!(
            "POST {path} HTTP/1.1\r\nHost: run\r\nConnection: close\r\n{shown}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    fn wrong_query(&mut self) -> Vec<u8> {
        let values = [
            "",
            "-1",
            "x",
            "1.2.3.4",
            "%00",
            "%ff%fe",
            "99999999999999999999",
            "1e3",
            "[]",
        ];
        let value = *self.dice.of(&values);
        let path = match self.dice.below(7) {
            0 => format!("/fate?action={value}"),
            1 => format!("/included?action={value}"),
            2 => format!("/loss?block={value}"),
            3 => format!("/output?action=1&attempt={value}&from=0&count=1"),
            4 => format!("/output?action=1&attempt=1&from={value}&count=1"),
            5 => format!("/stream?name=x&observe={value}"),
            _ => (*self.dice.of(&[
                "/output",
                "/fate",
                "/loss?",
                "/included?a=1",
                "/stream",
                "/stream?observe=true",
                "/fate?action=1&action=1",
            ]))
            .to_owned(),
        };
        raw::request("GET", &path, Some(&self.pass), None)
    }

    fn of_the_world(&mut self) -> Vec<u8> {
        let now = chrono::Utc::now();
        let acts = [
            json!({ "act": "driver_left", "since": now }),
            json!({ "act": "driver_returned" }),
            json!({ "act": "watcher_left", "name": "bert" }),
            json!({ "act": "guest_joined", "name": "gonogo", "uid": 0 }),
        ];
        let commands = [
            json!({ "kind": "finished", "action": "1", "attempt": 1, "evidence": null, "reason": null }),
            json!({ "kind": "guide_seen", "state": { "guide": "gone" } }),
            json!({ "kind": "transaction_seen", "action": "1", "attempt": 1, "transaction": 7 }),
            json!({ "kind": "lock_seen", "target": "main", "holder": null }),
            json!({ "kind": "alerted", "action": "1", "attempt": 1, "pattern": "x", "line": 1,
                "text": "x", "count": 1 }),
        ];
        let command = match self.dice.below(2) {
            0 => json!({ "kind": "pairing", "act": self.dice.of(&acts) }),
            _ => self.dice.of(&commands).clone(),
        };
        self.post("/command", raw::command(&command).to_string().as_bytes())
    }

    /// In order, but of nothing that there is.
    fn wrong_names(&mut self) -> Vec<u8> {
        let names = [
            "",
            "../../etc",
            "\u{202e}",
            "\u{0}",
            "phase-9",
            "look'; DROP TABLE x",
            "99.9",
        ];
        let name = *self.dice.of(&names);
        let commands = [
            json!({ "kind": "tick", "step": name, "index": 0, "value": null, "note": null }),
            json!({ "kind": "note", "text": " \u{200b}\n", "step": null }),
            json!({ "kind": "skip", "step": name, "reason": "r", "action": null }),
            json!({ "kind": "choose", "group": name, "name": name }),
            json!({ "kind": "judge", "phase": name, "line": 1, "holds": true, "note": null }),
            json!({ "kind": "gate", "phase": name, "decision": "go", "reason": "r" }),
            json!({ "kind": "rollback", "option": name, "hash": name, "typed": null, "reason": null }),
            json!({ "kind": "clear_input", "name": name }),
            json!({ "kind": "take_target", "target": name, "typed": name, "reason": "r" }),
            json!({ "kind": "arm", "action": "98", "hash": name }),
            json!({ "kind": "cancel", "action": "98" }),
            json!({ "kind": "teleport", "to": name }),
            json!({ "kind": "Note", "text": "t", "step": null }),
            json!({ "kind": name }),
            json!({ "kind": "pairing", "act": { "act": "allow", "whom": "a b" } }),
            json!({ "kind": "pairing", "act": { "act": "disallow", "whom": name } }),
            json!({ "kind": "pairing", "act": { "act": name } }),
        ];
        let command = self.dice.of(&commands);
        self.post("/command", raw::command(command).to_string().as_bytes())
    }

    fn wrong_head(&mut self) -> Vec<u8> {
        let body = raw::command(&json!({ "kind": "abandon", "reason": "r" })).to_string();
        let (pass, length) = (&self.pass, body.len());
        let json = "Content-Type: application/json\r\n";
        let heads = [
            format!(
                "POST /command HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n"
            ),
            format!("POST /command HTTP/1.1\r\nContent-Length: {length}\r\n"),
            format!("PUT /command HTTP/1.1\r\n{json}Content-Length: {length}\r\n"),
            format!("POST /COMMAND HTTP/1.1\r\n{json}Content-Length: {length}\r\n"),
            format!("POST /command/ HTTP/1.1\r\n{json}Content-Length: {length}\r\n"),
            format!("POST /com%6dand HTTP/1.1\r\n{json}Content-Length: {length}\r\n"),
            format!("POST //command HTTP/1.1\r\n{json}Content-Length: {length}\r\n"),
            format!("POST /command HTTP/1.1\r\n{json}Content-Length: -5\r\n"),
            format!(
                "POST /command HTTP/1.1\r\n{json}Content-Length: 1\r\nContent-Length: {length}\r\n"
            ),
            format!(
                "POST /command HTTP/1.1\r\n{json}Content-Length: {}\r\n",
                length - 1
            ),
            format!("POST /command HTTP/9.9\r\n{json}Content-Length: {length}\r\n"),
            format!("POST /command\r\n{json}Content-Length: {length}\r\n"),
            format!("POST /com mand HTTP/1.1\r\n{json}Content-Length: {length}\r\n"),
            format!("POST /command HTTP/1.1\r\n{json}Transfer-Encoding: chunked\r\n"),
            format!("POST /command HTTP/1.1\r\n{json}{}", "X: y\r\n".repeat(200)),
            format!("POST /command HTTP/1.1\r\n{json}X\u{0}: y\r\n"),
        ];
        let head = self.dice.of(&heads);
        let host = "Host: run\r\nConnection: close\r\n";
        format!("{head}{host}gonogo-pass: {pass}\r\n\r\n{body}").into_bytes()
    }

    fn no_http(&mut self) -> Vec<u8> {
        let (path, body) = self.good();
        let mut whole = self.post(path, body.to_string().as_bytes());
        match self.dice.below(3) {
            0 => whole.truncate(self.dice.below(whole.len())),
            1 => whole = self.dice.bytes(3_000),
            _ => whole = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        }
        whole
    }
}

#[test]
fn no_malformed_request_changes_the_run_or_ends_its_supervisor() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    let mut opened = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    opened.wait_for("to check (Space)");
    opened.kill();
    let run = home.runs()[0].clone();
    let socket: PathBuf = home.run_directory(&run).join("socket");
    let name = home.status(&run)["driver"].as_str().unwrap().to_owned();
    let driver = until("the driver's name", || {
        let joined = Guest::join(&socket, &name, false);
        (joined.me() == name).then_some(joined)
    });
    let supervisor = home.supervisor(&run);
    let mut attacker = Attacker {
        dice: Dice::new(),
        pass: driver.pass.clone(),
        state: driver.snapshot.state.clone(),
    };
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    let begun = std::time::Instant::now();
    for number in 0..requests() {
        let sent = attacker.next();
        let answer = match sent.stops {
            true => raw::exchange_and_stop(&socket, &sent.bytes),
            false => raw::exchange(&socket, &sent.bytes),
        };
        let text = String::from_utf8_lossy(&answer);
        let status = raw::status(&answer);
        let is_fine = match status {
            None => true,
            Some(200) => text.contains("\"refused\""),
            Some(status) => (400..500).contains(&status),
        };
        assert!(
            is_fine && !text.contains("\"accepted\""),
            "request {number}, {}: {}\n{text}",
            sent.what,
            String::from_utf8_lossy(&sent.bytes)
        );
        let status = status.map_or("closed".to_owned(), |status| status.to_string());
        *answers
            .entry(format!("{}: {status}", sent.what))
            .or_default() += 1;
    }
    eprintln!(
        "{} requests in {:?}: {answers:#?}",
        requests(),
        begun.elapsed()
    );
    // Whoever looks finds the same run and the same supervisor.
    let after = Guest::join(&socket, "looks", true).snapshot.state;
    assert_eq!(after, driver.snapshot.state);
    assert_eq!(home.supervisor(&run), supervisor);
    let log = home.run_directory(&run).join("supervisor.log");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(!log.contains("panicked"), "{log}");
    // And the driver drives it.
    let note = raw::command(&json!({ "kind": "note", "text": "well", "step": null }));
    let pass = Some(&*driver.pass);
    let (_, text) = raw::ask(&socket, "POST", "/command", pass, Some(&note));
    assert!(text.contains("accepted"), "{text}");
}
