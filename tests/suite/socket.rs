//! The supervisor's socket as a client meets it: who may act, what a cancellation reaches, and how
//! a client that reads nothing is no burden to the others.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use gonogo::api::{Client, CommandAnswer, Message, MessageStream, Seat};
use gonogo::run::{ActionId, Command, Outcome, RunState, apply, preview};

use crate::support::home::{Home, until};
use crate::support::{Database, eventually, fresh_database};

/// A box keeps the rehearsal waiting for a person; then the run is ours to drive.
const GUIDE: &str = r#"# Wait for me

## Phase 1: Work

### Somebody is there

- [ ] A person is here

### The work itself

```bash {#stubborn .run}
trap '' INT TERM
psql -X -c 'SELECT pg_sleep(600)'
```

```sql {#quick .check}
SELECT 1;
```

```sql {#file .check}
\i part.sql
```
"#;

pub struct Joined {
    pub seat: Seat,
    stream: MessageStream,
    pub me: String,
    pub state: RunState,
    /// How often the whole state came again.
    told_again: usize,
}

impl Joined {
    pub async fn join(socket: PathBuf, name: &str) -> Self {
        Self::join_as(socket, name, false).await
    }

    pub async fn join_as(socket: PathBuf, name: &str, observe: bool) -> Self {
        let client = Client::new(&socket).unwrap();
        let (seat, mut stream) = client.join(name, observe).await.unwrap();
        match stream.next().await.unwrap() {
            Message::Snapshot(snapshot) => Self {
                seat,
                stream,
                me: snapshot.you,
                state: snapshot.state,
                told_again: 0,
            },
            other => panic!("the first message is the whole state, not {other:?}"),
        }
    }

    pub async fn asks(&self, command: Command) -> CommandAnswer {
        self.seat.command(command).await.unwrap()
    }

    /// Folds events until the state is as wanted.
    pub async fn sees(&mut self, what: &str, holds: impl Fn(&RunState) -> bool) {
        let seen = async {
            while !holds(&self.state) {
                match self.stream.next().await.expect("the supervisor is there") {
                    Message::Event(record) => {
                        assert_eq!(record.seq, self.state.seq + 1, "no event is left out");
                        apply(&mut self.state, &record);
                    }
                    Message::Snapshot(snapshot) => {
                        self.state = snapshot.state;
                        self.told_again += 1;
                    }
                    _ => continue,
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), seen)
            .await
            .unwrap_or_else(|_| panic!("waited in vain for {what}"));
    }

    pub fn start(&self, id: &str) -> Command {
        let action = self.action(id);
        Command::Start {
            from: None,
            action,
            hash: preview(&self.state, action).unwrap().hash,
            typed: None,
            reason: None,
            included: None,
        }
    }

    pub fn action(&self, id: &str) -> ActionId {
        ActionId::block(self.state.runbook.block_by_id(id).unwrap().n)
    }

    pub fn outcome(state: &RunState, action: ActionId) -> Option<Outcome> {
        state.action(action)?.last()?.outcome
    }
}

/// A run that waits for its driver, and the driver's name.
async fn waiting(database: &Database) -> (Home, String, PathBuf, String) {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&database.conninfo(), "");
    home.gonogo(&["rehearse", "guide.md"]).exits(3);
    let run = home.runs()[0].clone();
    let socket = home.run_directory(&run).join("socket");
    until("the socket", || socket.exists().then_some(()));
    let driver = home.status(&run)["driver"].as_str().unwrap().to_owned();
    (home, run, socket, driver)
}

#[tokio::test]
async fn only_the_driver_acts_and_a_second_of_that_name_watches() {
    let database = fresh_database().await;
    let (home, run, socket, driver) = waiting(&database).await;
    let first = Joined::join(socket.clone(), &driver).await;
    let second = Joined::join(socket, &driver).await;
    assert_eq!(first.me, driver);
    assert_ne!(second.me, driver, "a name is given once");
    until("the observer in the status", || {
        let status = home.status(&run);
        (status["observers"] == serde_json::json!([second.me])).then_some(())
    });
    match second.asks(second.start("quick")).await {
        CommandAnswer::Refused(refusal) => assert!(refusal.message.contains("drives this run")),
        CommandAnswer::Accepted { .. } => panic!("who watches does not act"),
    }
    let taken = second.asks(Command::TakeControl {}).await;
    assert!(matches!(taken, CommandAnswer::Accepted { .. }));
    let refused = first.asks(first.start("quick")).await;
    assert!(
        matches!(refused, CommandAnswer::Refused(_)),
        "the first watches now"
    );
}

#[tokio::test]
async fn a_cancellation_reaches_the_server_even_where_the_step_ignores_it() {
    let database = fresh_database().await;
    let (_home, _run, socket, driver) = waiting(&database).await;
    let mut joined = Joined::join(socket, &driver).await;
    let action = joined.action("stubborn");
    let started = joined.asks(joined.start("stubborn")).await;
    assert!(
        matches!(started, CommandAnswer::Accepted { .. }),
        "{started:?}"
    );
    let mut connection = database.connect().await;
    let mut sleeping = async |what: &str, wanted: i64| {
        eventually(what, async || {
            let count: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%' \
                 AND datname = current_database()",
            )
            .fetch_one(&mut connection)
            .await
            .unwrap();
            (count == wanted).then_some(())
        })
        .await;
    };
    sleeping("the statement to run", 1).await;
    let cancelled = joined.asks(Command::Cancel { action }).await;
    assert!(matches!(cancelled, CommandAnswer::Accepted { .. }));
    joined
        .sees("the end of the step", |state| {
            Joined::outcome(state, action).is_some()
        })
        .await;
    assert_eq!(
        Joined::outcome(&joined.state, action),
        Some(Outcome::Cancelled)
    );
    sleeping("the statement to be gone", 0).await;
}

#[tokio::test]
async fn who_reads_nothing_holds_up_nobody_and_is_told_the_state_again() {
    /// More than are kept for a reader that is behind, and than fit into the buffers of a socket.
    const NOTES: usize = 1_500;
    let database = fresh_database().await;
    let (_home, _run, socket, driver) = waiting(&database).await;
    let mut joined = Joined::join(socket.clone(), &driver).await;
    let mut deaf = Joined::join(socket, "deaf").await;
    let every_note = |state: &RunState| state.notes.len() == NOTES;
    for number in 0..NOTES {
        let text = format!("{number} {}", "x".repeat(2_000));
        let answer = joined.asks(Command::Note { text, step: None }).await;
        assert!(matches!(answer, CommandAnswer::Accepted { .. }));
        // Who keeps up hears each of them.
        let seen = |state: &RunState| state.notes.len() > number;
        joined.sees("the note", seen).await;
    }
    assert_eq!(joined.told_again, 0);
    deaf.sees("every note", every_note).await;
    assert!(deaf.told_again > 0, "it heard every event");
    assert_eq!(deaf.state.notes, joined.state.notes);
}

#[tokio::test]
async fn a_confirmation_is_bound_to_the_files_that_a_command_includes() {
    let database = fresh_database().await;
    let (home, _run, socket, driver) = waiting(&database).await;
    home.write("part.sql", "SELECT 'seen';\n");
    let mut joined = Joined::join(socket, &driver).await;
    let action = joined.action("file");
    let seen = joined.seat.included(action).await.unwrap();
    assert_eq!(seen[0].text, "SELECT 'seen';");
    let start = |joined: &Joined, files: &[gonogo::run::Included]| {
        let Command::Start { action, hash, .. } = joined.start("file") else {
            unreachable!()
        };
        Command::Start {
            from: None,
            action,
            hash,
            typed: None,
            reason: None,
            included: Some(gonogo::run::digest_of(files)),
        }
    };
    home.write("part.sql", "DROP TABLE everything;\n");
    match joined.asks(start(&joined, &seen)).await {
        CommandAnswer::Refused(refusal) => assert!(refusal.message.contains("has changed")),
        CommandAnswer::Accepted { .. } => panic!("what runs is what was seen"),
    }
    home.write("part.sql", "SELECT 'seen';\n");
    let taken = joined.asks(start(&joined, &seen)).await;
    assert!(matches!(taken, CommandAnswer::Accepted { .. }), "{taken:?}");
    joined
        .sees("its end", |state| Joined::outcome(state, action).is_some())
        .await;
    assert_eq!(
        Joined::outcome(&joined.state, action),
        Some(Outcome::Passed)
    );
}

#[test]
fn a_connection_on_which_no_request_is_said_whole_is_closed_in_time() {
    let broken = crate::faults::opened();
    let socket = broken.socket();
    let began = std::time::Instant::now();
    let open = [
        "",
        "GET /peo",
        "GET /people HTTP/1.1\r\nHost: run\r\nA: b\r\n",
    ]
    .map(|said| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        stream
    });
    for mut stream in open {
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(60)))
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    }
    let lasted = began.elapsed().as_secs();
    assert!((8..30).contains(&lasted), "{lasted} s");
}
