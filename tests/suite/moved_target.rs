//! An address that leads to another database halts the run: with the preview open, between the word and
//! the start, and while nobody does anything. A short form belongs to every run of the suite; the long
//! one is asked for by `GONOGO_MOVES=100`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gonogo::api::CommandAnswer;
use gonogo::demo::cluster::{Cluster, Options};
use gonogo::run::{Command, Mode, Outcome};
use sqlx::Row;

use crate::socket::Joined;
use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{connect, eventually, execute};

/// A box keeps the rehearsal waiting for a person; then the run is ours to drive.
const GUIDE: &str = r#"# Move nothing

## Phase 1: Work

### Somebody is there

- [ ] A person is here

### The work

```sql {#row .check}
INSERT INTO rows VALUES ('sql');
```

```bash {#line .check}
psql -X -c "INSERT INTO rows VALUES ('shell')"
```

## Rollback

### Option 1: Take it back (recommended)
<!-- gonogo: loses="nothing" -->

```sql {#back .run}
DELETE FROM rows;
```
"#;

/// Two servers, copies of one cluster, and one address that leads to either.
struct Street {
    home: Home,
    servers: [Cluster; 2],
    address: PathBuf,
}

impl Street {
    async fn new(environment: &str) -> Self {
        let servers = [
            Cluster::start(Options::default()).await.unwrap(),
            Cluster::start(Options::default()).await.unwrap(),
        ];
        for server in &servers {
            let mut admin = connect(server, "postgres").await;
            execute(&mut admin, "CREATE TABLE rows (by text)").await;
        }
        let home = Home::new();
        let street = Self {
            address: home.path().join("pg"),
            home,
            servers,
        };
        street.leads_to(0);
        let target = format!(
            "host={} user=postgres dbname=postgres",
            street.address.display()
        );
        street.home.write("guide.md", GUIDE);
        street.home.write(
            "gonogo.toml",
            &format!("[environments.test]\n{environment}\ntargets.main = {target:?}\n"),
        );
        street
    }

    fn leads_to(&self, server: usize) {
        lead(&self.address, self.servers[server].socket_directory());
    }

    async fn rows(&self, server: usize) -> i64 {
        let mut connection = connect(&self.servers[server], "postgres").await;
        let row = sqlx::query("SELECT count(*) FROM rows")
            .fetch_one(&mut connection)
            .await;
        row.unwrap().get(0)
    }

    /// A run that waits for its driver, joined in the driver's name.
    async fn run(&self) -> (String, Joined) {
        self.home.gonogo(&["rehearse", "guide.md"]).exits(3);
        let run = self.home.runs()[0].clone();
        let socket = self.home.run_directory(&run).join("socket");
        until("the socket", || socket.exists().then_some(()));
        let driver = self.home.status(&run)["driver"]
            .as_str()
            .unwrap()
            .to_owned();
        let mut joined = Joined::join(socket, &driver).await;
        joined
            .sees("the proof", |state| state.identities.contains_key("main"))
            .await;
        (run, joined)
    }
}

/// Moves the address in one step.
fn lead(address: &Path, to: &Path) {
    let next = address.with_extension("next");
    std::os::unix::fs::symlink(to, &next).unwrap();
    std::fs::rename(next, address).unwrap();
}

fn accept(joined: &Joined) -> Command {
    Command::AcceptTarget {
        target: "main".to_owned(),
        seen: joined.state.moved["main"].to.mark(),
        typed: None,
        reason: "the test moved it".to_owned(),
    }
}

/// Counts what became of each move.
#[derive(Debug, Default)]
struct Tally {
    refused: u32,
    stopped_by_its_own_session: u32,
    done_before_the_move: u32,
}

#[tokio::test]
async fn every_move_of_an_address_halts_the_run_and_nothing_reaches_the_other() {
    let rounds: usize = std::env::var("GONOGO_MOVES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(8);
    let street = Street::new("").await;
    let (_, mut joined) = street.run().await;
    let mut tally = Tally::default();
    for round in 0..rounds {
        let there = (round + 1) % 2;
        let before = street.rows(there).await;
        // Shell steps are proved by a session beside their own: only the move before them is certain.
        let at_once = round % 4 == 3;
        let id = if round % 4 == 1 { "line" } else { "row" };
        let start = joined.start(id);
        let moving = if at_once {
            let (address, to) = (
                street.address.clone(),
                street.servers[there].socket_directory().to_owned(),
            );
            let pause = Duration::from_millis(u64::try_from(round).unwrap() * 7 % 90);
            Some(std::thread::spawn(move || {
                std::thread::sleep(pause);
                lead(&address, &to);
            }))
        } else {
            street.leads_to(there);
            None
        };
        let answer = joined.asks(start).await;
        if let Some(moving) = moving {
            moving.join().unwrap();
        }
        match answer {
            CommandAnswer::Refused(refusal) => {
                assert!(
                    refusal.message.contains("is not the confirmed database"),
                    "{refusal}"
                );
                tally.refused += 1;
            }
            CommandAnswer::Accepted { .. } => {
                let action = joined.action(id);
                joined
                    .sees("the end of the step", |state| {
                        Joined::outcome(state, action).is_some()
                    })
                    .await;
                match Joined::outcome(&joined.state, action) {
                    Some(Outcome::Passed) => tally.done_before_the_move += 1,
                    _ => tally.stopped_by_its_own_session += 1,
                }
            }
        }
        // Nobody does anything: it halts by itself all the same.
        joined
            .sees("the halt", |state| {
                state.mode == Mode::Held && !state.moved.is_empty()
            })
            .await;
        assert_eq!(
            street.rows(there).await,
            before,
            "round {round}: the other was touched"
        );
        match joined.asks(accept(&joined)).await {
            CommandAnswer::Accepted { seq } => {
                joined.sees("the word", move |state| state.seq >= seq).await;
            }
            CommandAnswer::Refused(refusal) => panic!("round {round}: {refusal}"),
        }
        assert_eq!(joined.state.mode, Mode::Running, "round {round}");
    }
    let changed = joined
        .state
        .identities_seen
        .iter()
        .filter(|seen| matches!(seen.how, gonogo::run::Seen::Changed { .. }))
        .count();
    eprintln!("{rounds} moves: {changed} halts, {tally:?}");
    assert!(changed >= rounds);
}

#[tokio::test]
async fn a_move_under_an_open_preview_stops_the_command_and_shows_both() {
    let street = Street::new("").await;
    let mut terminal = Terminal::start(street.home.path(), &["run", "guide.md"], 140, 45);
    terminal.wait_for("primary");
    terminal.keys("<space>");
    terminal.wait_for("would run: `row`");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    street.leads_to(1);
    terminal.keys("x");
    terminal.wait_for("is not the confirmed database");
    terminal.keys("<esc>");
    terminal.wait_for("ANOTHER DATABASE");
    assert_eq!(street.rows(1).await, 0);
    terminal.keys("K");
    terminal.wait_for("answers now:");
    terminal.keys("restored on purpose<enter>");
    terminal.wait_gone("ANOTHER DATABASE");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    eventually("the row", async || {
        (street.rows(1).await == 1).then_some(())
    })
    .await;
    assert_eq!(street.rows(0).await, 0);
    let run = street.home.runs()[0].clone();
    let report = street.home.gonogo(&["report", &run]).exits(0).out;
    for part in ["proved", "**changed**", "restored on purpose"] {
        assert!(report.contains(part), "{part} in {report}");
    }
}

#[tokio::test]
async fn a_promoted_standby_halts_and_is_accepted_by_a_word() {
    let street = Street::new("protected = true").await;
    std::fs::write(
        street.servers[0]
            .socket_directory()
            .join("data/standby.signal"),
        "",
    )
    .unwrap();
    street.servers[0].restart().await.unwrap();
    let (run, mut joined) = street.run().await;
    assert!(joined.state.identities["main"].in_recovery);
    let mut admin = connect(&street.servers[0], "postgres").await;
    execute(&mut admin, "SELECT pg_promote()").await;
    joined
        .sees("the halt", |state| !state.moved.is_empty())
        .await;
    let said = joined.state.moved_words();
    assert!(said[0].contains("role standby → primary"), "{said:?}");
    joined
        .sees("the timeline", |state| {
            state
                .moved
                .get("main")
                .is_some_and(|moved| moved.to.timeline == Some(2))
        })
        .await;

    let status = street.home.status(&run);
    assert_eq!(status["targets"][0]["changed"]["to"]["in_recovery"], false);
    let refused = street
        .home
        .gonogo(&["accept", &run, "--reason", "failover"])
        .exits(2);
    assert!(refused.err.contains("--confirm test"), "{}", refused.err);
    street
        .home
        .gonogo(&["accept", &run, "--reason", "failover", "--confirm", "prod"])
        .exits(1);
    let told = street
        .home
        .gonogo(&["accept", &run, "--reason", "failover", "--confirm", "test"])
        .exits(0);
    assert!(
        told.err.contains("standby") && told.err.contains("primary"),
        "{}",
        told.err
    );
    joined
        .sees("the word", |state| state.moved.is_empty())
        .await;
}

#[tokio::test]
async fn a_rollback_on_another_database_shows_it_and_asks_for_the_word() {
    let street = Street::new("").await;
    let (run, joined) = street.run().await;
    let mut other = connect(&street.servers[1], "postgres").await;
    execute(&mut other, "INSERT INTO rows VALUES ('theirs')").await;
    drop(joined);
    street.leads_to(1);
    until("the halt", || {
        (!street.home.status(&run)["targets"][0]["changed"].is_null()).then_some(())
    });
    let refused = street.home.gonogo(&["rollback", &run]).exits(2);
    assert!(refused.err.contains("it would run on:"), "{}", refused.err);
    assert_eq!(street.rows(1).await, 1);
    let done = street
        .home
        .gonogo(&["rollback", &run, "--confirm", "test"])
        .exits(4);
    assert!(
        done.err.contains("is not the confirmed database"),
        "{}",
        done.err
    );
    assert_eq!(street.rows(1).await, 0);
}
