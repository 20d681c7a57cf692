//! A cockpit with an engine behind it and no terminal, no socket and no clock: keys go in, commands
//! meet `decide`, events come back as messages, and the screen is text.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{FixedOffset, TimeDelta, TimeZone, Utc};
use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use gonogo::api::{CommandAnswer, Message, Snapshot};
use gonogo::monitor::{
    ActivitySample, ProbeSample, Reading, Sample, Session, SessionCounts, StatementDelta,
    StatementsSample,
};
use gonogo::run::{
    ActionId, Command, Configuration, ENGINE, Event, Evidence, Facts, Observation, OutputLine,
    OutputStream, OutputTail, Record, RunState, TargetIdentity, Timestamp, advance, apply, decide,
    observe, open,
};
use gonogo::runbook::config::{Environment, Target};
use gonogo::runbook::parse;
use gonogo::supervisor::{Person, StoreHealth};
use gonogo::ui::app::{Answer, App, Ask};
use gonogo::ui::model::Model;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

pub const ANNA: &str = "anna@ops1";

pub struct Desk {
    pub app: App,
    pub state: RunState,
    pub now: Timestamp,
    /// Every command that was sent, refused ones too.
    pub sent: Vec<Command>,
    /// Everything else that was asked.
    pub asked: Vec<Ask>,
}

pub fn start() -> Timestamp {
    Utc.with_ymd_and_hms(2026, 3, 14, 2, 0, 0).unwrap()
}

/// The guide of these tests.
pub fn guide() -> &'static str {
    include_str!("guide.md")
}

impl Desk {
    pub fn new() -> Self {
        Self::of(guide(), "staging", false)
    }

    pub fn of(guide: &str, environment: &str, protected: bool) -> Self {
        let now = start();
        let target = Target {
            postgres: "host=db1 dbname=app".to_owned(),
            ..Target::default()
        };
        let environment = Environment {
            name: environment.to_owned(),
            protected,
            targets: BTreeMap::from([("main".to_owned(), target)]),
            ..Environment::default()
        };
        let record = Record {
            seq: 1,
            at: now,
            by: ANNA.to_owned(),
            event: Event::RunOpened {
                run: "r1".to_owned(),
                runbook: Arc::new(parse("guide.md", guide.as_bytes())),
                environment: Box::new(environment),
                directory: "/srv/app".to_owned(),
                inputs: BTreeMap::new(),
                window_ends: Some(now + TimeDelta::minutes(60)),
                driver: ANNA.to_owned(),
                unattended: false,
                provenance: Default::default(),
            },
        };
        let state = open(&record).unwrap();
        let snapshot = Snapshot {
            at: now,
            state: state.clone(),
            samples: Vec::new(),
            outputs: Vec::new(),
            you: ANNA.to_owned(),
            people: vec![person(ANNA, true)],
            store: StoreHealth::default(),
        };
        let offset = FixedOffset::east_opt(7_200).unwrap();
        let model = Model::new(offset, now, snapshot);
        let mut desk = Self {
            app: App::new(model, Vec::new(), Vec::new()).unwrap(),
            state,
            now,
            sent: Vec::new(),
            asked: Vec::new(),
        };
        desk.app.resize(Size::new(120, 40));
        desk.happens(
            ENGINE,
            vec![Event::SupervisorStarted {
                pid: 1,
                epoch: 1,
                clock: None,
            }],
        );
        desk.rests();
        desk
    }

    pub fn identified(mut self) -> Self {
        self.sees(Observation::Identified {
            target: "main".to_owned(),
            identity: TargetIdentity {
                host: "db1".to_owned(),
                port: 5432,
                database: "app".to_owned(),
                user: "deploy".to_owned(),
                server_version: "15.18".to_owned(),
                system_identifier: Some("7300000000000000001".to_owned()),
                ..TargetIdentity::default()
            },
            alive_until: None,
        });
        self
    }

    /// With a living system around it.
    pub fn lively(self) -> Self {
        let mut desk = self.identified();
        for sample in readings(desk.now) {
            desk.hears(Message::Sample(Box::new(sample)));
        }
        desk
    }

    /// With a configuration that nobody has agreed to yet.
    pub fn asking_for_consent(mut self, text: &str) -> Self {
        let (config, _) = gonogo::runbook::config::parse_config("gonogo.toml", text);
        let configuration = Box::new(Configuration {
            path: "/srv/shop/gonogo.toml".to_owned(),
            digest: "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8".to_owned(),
            reach: config.reach(),
        });
        self.happens(ENGINE, vec![Event::ConsentAsked { configuration }]);
        self
    }

    fn happens(&mut self, by: &str, events: Vec<Event>) {
        for event in events {
            let record = Record {
                seq: self.state.seq + 1,
                at: self.now,
                by: by.to_owned(),
                event,
            };
            apply(&mut self.state, &record);
            self.app.on_message(Message::Event(Box::new(record)));
        }
    }

    fn rests(&mut self) {
        loop {
            let events = advance(&self.state, &Facts::default(), self.now);
            if events.is_empty() {
                return;
            }
            self.happens(ENGINE, events);
        }
    }

    pub fn hears(&mut self, message: Message) {
        self.app.on_message(message);
    }

    /// What the engine itself or another person does.
    pub fn does_by(&mut self, by: &str, command: Command) {
        let events = decide(&self.state, &Facts::default(), by, &command, self.now)
            .unwrap_or_else(|refusal| panic!("{command:?} is refused: {refusal}"));
        self.happens(by, events);
        self.rests();
    }

    pub fn does(&mut self, command: Command) {
        self.does_by(ENGINE, command);
    }

    pub fn sees(&mut self, observation: Observation) {
        let events = observe(&self.state, &Facts::default(), &observation, self.now)
            .unwrap_or_else(|refusal| panic!("{observation:?} is refused: {refusal}"));
        self.happens(ENGINE, events);
        self.rests();
    }

    pub fn later(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.app.tick(self.now);
        self.hears(Message::Heartbeat { at: self.now });
    }

    pub fn action(&self, id: &str) -> ActionId {
        ActionId::block(self.state.runbook.block_by_id(id).unwrap().n)
    }

    /// A running action ends with this exit code.
    pub fn ends(&mut self, id: &str, exit: i32) {
        let action = self.action(id);
        let attempt = self.state.action(action).unwrap().last().unwrap().number;
        self.sees(Observation::Finished {
            action,
            attempt,
            evidence: Some(Box::new(Evidence {
                exit: Some(exit),
                lines: 3,
                ..Evidence::default()
            })),
            reason: None,
        });
    }

    pub fn prints(&mut self, id: &str, from: u64, to: u64) {
        let action = self.action(id);
        let first = to.saturating_sub(200).max(from);
        let tail = (first..to).map(|number| OutputLine {
            number,
            stream: OutputStream::Out,
            at_ms: number,
            text: format!("line {number} of what it prints"),
        });
        self.hears(Message::Output(OutputTail {
            action,
            attempt: 1,
            lines: to,
            bytes: to * 30,
            tail: tail.collect(),
        }));
    }

    /// Presses keys one by one: `"Rx"`, or names in angle brackets: `"<Enter>x"`.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for key in parsed(keys) {
            self.send(&TerminalEvent::Key(key), false);
        }
        self
    }

    /// Presses keys as a paste into a terminal without bracketed paste would.
    pub fn burst(&mut self, keys: &str) -> &mut Self {
        for key in parsed(keys) {
            self.send(&TerminalEvent::Key(key), true);
        }
        self
    }

    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.send(&TerminalEvent::Paste(text.to_owned()), false);
        self
    }

    fn send(&mut self, event: &TerminalEvent, burst: bool) {
        let asks = self.app.on_terminal(event, burst);
        self.carry_out(asks);
        let wanted = self.app.wanted();
        self.carry_out(wanted);
    }

    fn carry_out(&mut self, asks: Vec<Ask>) {
        for ask in asks {
            let Ask::Commands(commands) = ask else {
                self.asked.push(ask);
                continue;
            };
            for command in commands {
                self.sent.push(command.clone());
                let me = self.app.model.me.clone();
                let decided = decide(&self.state, &Facts::default(), &me, &command, self.now);
                let answer = match decided {
                    Ok(events) => {
                        self.happens(&me, events);
                        self.rests();
                        CommandAnswer::Accepted {
                            seq: self.state.seq,
                        }
                    }
                    Err(refusal) => CommandAnswer::Refused(refusal),
                };
                self.app.on_answer(Answer::Command(Ok(answer)));
            }
        }
    }

    pub fn buffer(&mut self, width: u16, height: u16) -> Buffer {
        self.app.resize(Size::new(width, height));
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        self.app.draw(area, &mut buffer);
        buffer
    }

    /// The screen as text, blanks at the ends of lines dropped.
    pub fn screen(&mut self, width: u16, height: u16) -> String {
        let buffer = self.buffer(width, height);
        let mut text = String::new();
        for y in 0..height {
            let mut line = String::new();
            let mut x = 0;
            while x < width {
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol).max(1)).unwrap();
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

pub fn person(name: &str, driver: bool) -> Person {
    Person {
        name: name.to_owned(),
        driver,
        since: start(),
        ..Person::default()
    }
}

fn parsed(keys: &str) -> Vec<KeyEvent> {
    let mut events = Vec::new();
    let mut rest = keys;
    while let Some(first) = rest.chars().next() {
        let code = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            Some((name, after)) => {
                rest = after;
                match name {
                    "Enter" => KeyCode::Enter,
                    "Esc" => KeyCode::Esc,
                    "Tab" => KeyCode::Tab,
                    "BackTab" => KeyCode::BackTab,
                    "Up" => KeyCode::Up,
                    "Down" => KeyCode::Down,
                    "Left" => KeyCode::Left,
                    "Right" => KeyCode::Right,
                    "PgUp" => KeyCode::PageUp,
                    "PgDn" => KeyCode::PageDown,
                    "Home" => KeyCode::Home,
                    "End" => KeyCode::End,
                    other => panic!("no key is called {other}"),
                }
            }
            None => {
                rest = &rest[first.len_utf8()..];
                KeyCode::Char(first)
            }
        };
        events.push(KeyEvent::new(code, KeyModifiers::NONE));
    }
    events
}

fn session(pid: i32, application: &str, state: &str, ms: i64, query: &str) -> Session {
    Session {
        pid,
        user: "app".to_owned(),
        database: "app".to_owned(),
        application: application.to_owned(),
        state: state.to_owned(),
        query_ms: Some(ms),
        query: query.to_owned(),
        ..Session::default()
    }
}

/// One reading of everything.
pub fn readings(at: Timestamp) -> Vec<Sample> {
    let mut ours = session(
        4711,
        "gonogo:r1:move",
        "active",
        62_000,
        "ALTER TABLE audits ADD COLUMN moved boolean",
    );
    ours.ours = true;
    let mut waiting = session(
        4790,
        "gateway",
        "active",
        58_000,
        "SELECT * FROM audits WHERE id = $1",
    );
    waiting.wait = Some("Lock: relation".to_owned());
    waiting.blocked_by = vec![4711];
    let sleeper = session(
        4801,
        "engine",
        "idle in transaction",
        8_400,
        "UPDATE ai_queries SET seen = now()",
    );
    let mut samples = vec![
        Sample::Activity(ActivitySample {
            at,
            target: "main".to_owned(),
            state: Reading::Good,
            identity: None,
            sessions: vec![ours, waiting, sleeper],
            counts: SessionCounts {
                total: 34,
                active: 2,
                idle: 31,
                idle_in_transaction: 1,
                waiting: 1,
                max_connections: 100,
                hidden: 0,
            },
            cost_us: 900,
            interval_ms: 1_000,
        }),
        Sample::Statements(StatementsSample {
            at,
            target: "main".to_owned(),
            state: Reading::Good,
            since: start(),
            statements: vec![
                statement(
                    "INSERT INTO ai_queries (report_id, text) VALUES ($1, $2)",
                    11_800,
                    0.41,
                    0.61,
                ),
                statement("SELECT * FROM audits WHERE id = $1", 950, 1.9, 0.23),
                statement(
                    "UPDATE dashboard_data SET total = total + $1",
                    12,
                    104.0,
                    0.16,
                ),
            ],
            known: 214,
            total_calls: 12_762,
            total_ms: 7_900.0,
            reset: false,
            cost_us: 1_200,
        }),
    ];
    for second in 0..40 {
        let at = at - TimeDelta::seconds(39 - second);
        samples.push(probe("gateway", at, true, 12.0 + (second % 7) as f64 * 4.0));
        samples.push(probe("engine", at, second < 34, 30.0));
    }
    samples
}

fn statement(query: &str, calls: i64, mean_ms: f64, share: f64) -> StatementDelta {
    StatementDelta {
        query_id: calls,
        query: query.to_owned(),
        calls,
        mean_ms,
        total_ms: mean_ms * calls as f64,
        share,
        rows: calls,
        calls_per_s: calls as f64 / 120.0,
        ..StatementDelta::default()
    }
}

fn probe(name: &str, at: Timestamp, healthy: bool, latency_ms: f64) -> Sample {
    Sample::Probe(ProbeSample {
        at,
        name: name.to_owned(),
        url: format!("http://127.0.0.1:8080/{name}"),
        healthy,
        status: healthy.then_some(200),
        latency_ms,
        error: (!healthy).then(|| "connection refused".to_owned()),
        version: healthy.then(|| "1.4.2".to_owned()),
        since: start() - TimeDelta::seconds(if healthy { 724 } else { 5 }),
    })
}
