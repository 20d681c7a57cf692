//! Two at one run, end to end: the real binary in real terminals, with names of their own, on one run.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use gonogo::api::CommandAnswer;
use gonogo::journal::{Journal, SqliteJournal};
use gonogo::run::{Command, PairingAct, Refusal};

use serde_json::json;

use crate::socket::Joined;
use crate::support::home::{Home, until};
use crate::support::raw::{self, NOBODY, as_user};
use crate::support::terminal::Terminal;

const GUIDE: &str = "# Mine\n\n## Phase 1: Look\n\n- [ ] I am awake\n- [ ] So are you\n\n\
    ## Phase 2: Do\n\n```bash {#echo .run .two-person}\necho done-by-$((1 + 1))\n```\n\n\
    ## Rollback\n\n### Option 1: Undo\n\n```bash {#undo .run .two-person}\necho taken-back\n```\n";

/// `demand_after` of the environment, as short as the test wants it.
fn home(demand_after: &str) -> Home {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    let config = format!("[environments.test]\ndemand_after = \"{demand_after}\"\n");
    home.write("gonogo.toml", &config);
    home
}

fn attach(home: &Home, who: &str, more: &[&str]) -> Terminal {
    let run = until("the run", || home.runs().first().cloned());
    let mut arguments = vec!["attach", &run];
    arguments.extend(more);
    Terminal::start_with(home.path(), &arguments, 120, 40, &[("USER", who)])
}

fn opened(home: &Home) -> Terminal {
    let anna = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    anna.wait_for("to check (Space)");
    anna
}

fn driver(home: &Home) -> String {
    home.status(&home.runs()[0])["driver"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn report(home: &Home) -> String {
    home.gonogo(&["report", &home.runs()[0]]).exits(0).out
}

/// Both boxes and the first gate.
fn walks_to_the_command(terminal: &mut Terminal) {
    terminal.keys("<space>");
    terminal.wait_for("1 item to check");
    terminal.keys("<space>");
    terminal.wait_for("gate of `");
    terminal.keys("g");
    terminal.wait_for("G GO");
    terminal.keys("G");
    terminal.wait_for("would run: `echo`");
}

#[test]
fn the_controls_are_offered_and_accepted_with_where_the_run_stands() {
    let home = home("1h");
    let mut anna = opened(&home);
    let mut bert = attach(&home, "bert", &[]);
    bert.wait_for("drives, you watch");
    anna.wait_for("you drive, 1 watch");
    // An observer's keys act on nothing.
    bert.keys("<space>");
    bert.wait_for("you are watching");
    bert.keys("T");
    bert.wait_for("drives and is here");
    bert.keys("C");
    bert.keys("<esc>");
    bert.wait_gone("take the controls?");
    assert!(driver(&home).starts_with("anna@"));
    // But their hand is seen.
    bert.keys("h");
    bert.wait_for("raise your hand");
    bert.keys("the lag");
    bert.wait_for("the lag");
    bert.keys("<enter>");
    anna.wait_for("hand: bert");
    anna.keys("T");
    let screen = anna.wait_for("who is here");
    assert!(screen.contains("hand up: the lag"), "{screen}");
    anna.keys("<down>");
    anna.keys("o");
    bert.wait_for("offers you the controls");
    bert.keys("T");
    let screen = bert.wait_for("TAKE the controls");
    for known in [
        "phase",
        "Phase 1: Look",
        "running",
        "nothing",
        "rollback",
        "ready",
    ] {
        assert!(screen.contains(known), "{known}:\n{screen}");
    }
    bert.keys("C");
    bert.wait_for("you drive");
    anna.wait_for("bert@");
    anna.keys("<space>");
    anna.wait_for("you are watching");
    bert.keys("<space>");
    bert.wait_for("1 item to check");
    bert.keys("m");
    bert.wait_for("write a note");
    bert.keys("mine now");
    bert.wait_for("mine now");
    bert.keys("<enter>");
    until("the note", || {
        report(&home).contains("mine now").then_some(())
    });
    let report = report(&home);
    assert!(report.contains("offers the controls to bert@"), "{report}");
    assert!(report.contains("drives offered by anna@"), "{report}");
}

#[test]
fn a_hand_goes_with_who_raised_it() {
    let home = home("1h");
    let anna = opened(&home);
    let mut bert = attach(&home, "bert", &[]);
    bert.wait_for("drives, you watch");
    bert.keys("h");
    bert.wait_for("raise your hand");
    bert.keys("the lag<enter>");
    anna.wait_for("hand: bert");
    bert.keys("ql");
    bert.wait_exit();
    anna.wait_gone("hand: bert");
    let report = report(&home);
    assert!(report.contains("who has left"), "{report}");
}

#[test]
fn the_controls_of_a_killed_driver_are_demanded_after_a_time() {
    let home = home("3s");
    let mut anna = opened(&home);
    let mut bert = attach(&home, "bert", &[]);
    bert.wait_for("drives, you watch");
    anna.kill();
    bert.wait_for("T demands the controls");
    bert.keys("T");
    bert.wait_for("has been gone for");
    bert.keys("C");
    bert.wait_for("needs a reason; press r");
    bert.keys("r");
    bert.wait_for("why you take the controls");
    bert.keys("her line is dead");
    bert.wait_for("her line is dead");
    bert.keys("<enter>");
    bert.wait_for("reason: her line is dead");
    bert.keys("C");
    bert.wait_for("you drive");
    let report = report(&home);
    assert!(
        report.contains("TOOK OVER the controls of anna@"),
        "{report}"
    );
    assert!(report.contains("her line is dead"), "{report}");
}

#[test]
fn who_comes_to_a_run_without_its_driver_is_told_what_to_press() {
    let home = home("0s");
    let mut anna = opened(&home);
    anna.kill();
    let run = home.runs()[0].clone();
    until("that she is missed", || {
        report(&home).contains("gone the driver").then_some(())
    });
    let carl = Terminal::start_with(home.path(), &["attach", &run], 80, 24, &[("USER", "carl")]);
    carl.wait_for("T demands the controls");
    assert!(
        driver(&home).starts_with("anna@"),
        "nothing is taken by coming"
    );
}

#[test]
fn the_same_person_has_the_controls_back_at_once() {
    let home = home("1h");
    let mut anna = opened(&home);
    anna.kill();
    let mut again = attach(&home, "anna", &[]);
    again.wait_for("you drive");
    // A line that died without a word: the old terminal still counts as her.
    let mut third = attach(&home, "anna", &[]);
    third.wait_for("you are watching");
    third.keys("T");
    third.wait_for("you drive from another terminal");
    third.keys("C");
    third.wait_for("you drive");
    again.wait_for("you are watching");
    // When that one goes, the other goes on without a key.
    third.kill();
    again.wait_for("you drive");
    again.keys("<space>");
    again.wait_for("1 item to check");
}

#[test]
fn who_came_to_observe_is_not_made_to_drive() {
    let home = home("1h");
    let mut anna = opened(&home);
    let mut watching = attach(&home, "anna", &["--observe"]);
    watching.wait_for("you are watching");
    anna.kill();
    until("that she is missed", || {
        report(&home).contains("gone the driver").then_some(())
    });
    watching.keys("<space>");
    watching.wait_for("you are watching");
}

#[test]
fn an_observer_follows_the_drivers_screen_until_they_move() {
    let home = home("1h");
    let mut anna = opened(&home);
    let mut bert = attach(&home, "bert", &[]);
    bert.wait_for("drives, you watch");
    let before = bert.wait_for("sessions");
    assert!(before.contains("health"));
    bert.keys("f");
    bert.wait_for("following");
    anna.keys("z");
    anna.wait_gone("health");
    bert.wait_gone("health");
    anna.keys("z");
    bert.wait_for("health");
    bert.keys("<tab>");
    bert.wait_for("no longer follow");
    anna.keys("z");
    anna.wait_gone("health");
    assert!(bert.shows("health"), "bert looks around on his own");
}

#[test]
fn what_asks_for_two_people_runs_with_the_second_ones_word_and_the_rollback_without() {
    let home = home("1h");
    let mut anna = opened(&home);
    let mut bert = attach(&home, "bert", &[]);
    walks_to_the_command(&mut anna);
    anna.keys("<enter>");
    anna.wait_for("EXECUTE");
    anna.keys("x");
    anna.wait_for("waiting for a second person");
    // Who asked cannot approve it too.
    anna.keys("v");
    anna.wait_for("a second person: echo");
    anna.keys("Y");
    anna.wait_for("cannot approve it");
    anna.keys("<esc>");
    bert.wait_for("asks a second person about `echo`");
    bert.keys("v");
    let screen = bert.wait_for("Y APPROVE");
    assert!(screen.contains("echo done-by-$((1 + 1))"), "{screen}");
    bert.keys("Y");
    anna.wait_for("done-by-2");
    until("the end of the command", || {
        report(&home).contains("approves `echo`").then_some(())
    });
    anna.keys("R");
    anna.wait_for("BEGIN the rollback");
    anna.keys("B");
    anna.wait_for("rolled back");
}

#[test]
fn a_rehearsal_waits_for_a_second_person_or_assumes_them() {
    let home = home("1h");
    let command = GUIDE.split_once("## Phase 2").unwrap().1;
    home.write("guide.md", &format!("# Mine\n\n## Phase 2{command}"));
    let waits = home.gonogo(&["rehearse", "guide.md"]).exits(3);
    assert!(
        waits.err.contains("a second person to approve `echo`"),
        "{}",
        waits.err
    );
    let done = home.gonogo(&["rehearse", "guide.md", "--assume", "--json"]);
    let status = done.exits(0).json();
    let run = status["run"].as_str().unwrap();
    let report = home.gonogo(&["report", run]).exits(0).out;
    assert!(
        report.contains("assumed a second person's approval of `echo`"),
        "{report}"
    );
}

#[test]
fn the_rollback_at_a_prompt_takes_the_controls_of_who_is_there_and_says_so() {
    let home = home("1h");
    let anna = opened(&home);
    let run = home.runs()[0].clone();
    let mut back = home.command(&["rollback", &run, "--confirm", "yes", "--reason", "all red"]);
    back.env("USER", "bert");
    let done = Home::finish(back).exits(4);
    assert!(done.err.contains("takes the controls"), "{}", done.err);
    anna.wait_for("ROLLED BACK");
    let report = report(&home);
    assert!(report.contains("bert@"), "{report}");
    assert!(
        report.contains("to roll back: `gonogo rollback`: all red"),
        "{report}"
    );
    // Nobody gives another's run up so.
    let first = run;
    let second = opened(&home);
    let run = home.runs().into_iter().find(|run| *run != first).unwrap();
    let mut abandon = home.command(&["abandon", &run, "--reason", "x"]);
    abandon.env("USER", "bert");
    let refused = Home::finish(abandon).exits(1);
    assert!(refused.err.contains("is here"), "{}", refused.err);
    drop(second);
}

/// A run that waits for a person, its rehearsal gone; and where it listens.
fn waiting(home: &Home, more: &[&str]) -> PathBuf {
    let mut arguments = vec!["rehearse", "guide.md"];
    arguments.extend(more);
    home.gonogo(&arguments).exits(3);
    let socket = home.run_directory(&home.runs()[0]).join("socket");
    until("the socket", || socket.exists().then_some(()));
    socket
}

/// How many races; the long count is asked for by `GONOGO_RACES=10000`, of nextest with the profile
/// `long` (the ordinary one ends a test after three minutes).
fn rounds() -> usize {
    let asked = std::env::var("GONOGO_RACES").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(100)
}

/// One of those who race, and what they asked last.
async fn answer(who: &Joined, command: Command) -> Result<Result<(), Refusal>, String> {
    let words = format!("`{}` asked {command:?}", who.me);
    let begun = std::time::Instant::now();
    match who.seat.command(command).await {
        Ok(CommandAnswer::Accepted { .. }) => Ok(Ok(())),
        Ok(CommandAnswer::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(format!("{words} and after {:?}: {error}", begun.elapsed())),
    }
}

/// An offer to anybody, two who take it at once, and three who act; who of them won.
async fn race(people: &[Joined], driver: usize, round: usize, step: &str) -> Result<usize, String> {
    let offer = PairingAct::Offer { to: None };
    if let Err(refusal) = answer(&people[driver], Command::Pairing { act: offer }).await? {
        return Err(format!("the driver may not offer the controls: {refusal}"));
    }
    let (one, other) = ((driver + 1) % 3, (driver + 2) % 3);
    // Neither is always the first to ask.
    let (one, other) = if round.is_multiple_of(2) {
        (one, other)
    } else {
        (other, one)
    };
    let (first, second) = tokio::join!(
        answer(&people[one], Command::TakeControl {}),
        answer(&people[other], Command::TakeControl {}),
    );
    let (first, second) = (first?, second?);
    if first.is_ok() == second.is_ok() {
        let (one, other) = (&people[one].me, &people[other].me);
        return Err(format!(
            "`{one}` took them: {first:?}; `{other}`: {second:?}"
        ));
    }
    let winner = if first.is_ok() { one } else { other };
    // And exactly that one acts.
    let act = || match round.is_multiple_of(2) {
        true => Command::Tick {
            step: step.to_owned(),
            index: 0,
            value: None,
            note: None,
        },
        false => Command::Untick {
            step: step.to_owned(),
            index: 0,
        },
    };
    let (first, second, before) = tokio::join!(
        answer(&people[one], act()),
        answer(&people[other], act()),
        answer(&people[driver], act()),
    );
    let acted = [(one, first?), (other, second?), (driver, before?)];
    if acted
        .iter()
        .any(|(who, did)| did.is_ok() != (*who == winner))
    {
        return Err(format!("{winner} won, and this acted: {acted:?}"));
    }
    Ok(winner)
}

/// What stands around a race that failed: the machine, the log, and the last events.
async fn circumstances(home: &Home) -> String {
    let directory = home.run_directory(&home.runs()[0]);
    let text = |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|why| why.to_string());
    let log = text(&directory.join("supervisor.log"));
    let last: Vec<&str> = log.lines().rev().take(20).collect();
    let mut told = format!(
        "load {}supervisor.log, its end first:\n{}\n",
        text(Path::new("/proc/loadavg")),
        last.join("\n")
    );
    match SqliteJournal::open_read_only(directory.join("journal.sqlite")).await {
        Ok(mut journal) => {
            let from = journal.head().seq.saturating_sub(20);
            told += &format!("damage {:?}\n", journal.damage());
            for record in journal.read(from).await.unwrap_or_default() {
                told += &format!(
                    "{} {} {}: {:?}\n",
                    record.seq, record.at, record.by, record.event
                );
            }
        }
        Err(error) => told += &format!("{error}\n"),
    }
    told
}

#[tokio::test]
async fn of_two_who_take_the_controls_exactly_one_drives() {
    let home = home("1h");
    let socket = waiting(&home, &[]);
    let mut people = Vec::new();
    for name in ["anna@a", "bert@b", "carl@c"] {
        people.push(Joined::join(socket.clone(), name).await);
    }
    // The walk that opened the run is a process that is gone: the first demand wins, and only that.
    let demand = || Command::Pairing {
        act: PairingAct::Demand {
            reason: "the rehearsal is over".to_owned(),
            to_go_back: false,
        },
    };
    let demands = tokio::join!(answer(&people[0], demand()), answer(&people[1], demand()));
    let demands = (demands.0.unwrap(), demands.1.unwrap());
    assert_ne!(demands.0.is_ok(), demands.1.is_ok(), "{demands:?}");
    let mut driver = usize::from(demands.1.is_ok());
    let step = people[0].state.runbook.phases[0].steps[0].id.clone();
    let mut wins = [0; 3];
    let begun = std::time::Instant::now();
    for round in 0..rounds() {
        driver = match race(&people, driver, round, &step).await {
            Ok(winner) => winner,
            Err(why) => panic!(
                "round {round} of {}, after {:?}: {why}\n{}",
                rounds(),
                begun.elapsed(),
                circumstances(&home).await
            ),
        };
        wins[driver] += 1;
    }
    let name = people[driver].me.clone();
    until("the last winner in the status", || {
        (home.status(&home.runs()[0])["driver"] == name).then_some(())
    });
    eprintln!("{} races in {:?}, wins {wins:?}", rounds(), begun.elapsed());
}

#[test]
fn another_login_is_let_in_by_the_driver_only_and_is_who_the_kernel_says() {
    if !raw::can_be_another() {
        eprintln!(
            "only root can be another user for the sake of a test: what a second login may do is \
             covered by the engine's and the socket's own tests here, its way in is not"
        );
        return;
    }
    let home = home("0s");
    let mut anna = opened(&home);
    let run = home.runs()[0].clone();
    let own = rustix::process::getuid().as_raw();
    let door = gonogo::supervisor::place::guest_socket_path(own, &run);
    assert!(!door.exists(), "nobody is let in");
    let private = home.run_directory(&run).join("socket");
    assert!(
        as_user(NOBODY, || UnixStream::connect(&private)).is_err(),
        "the run's own folder stays its own"
    );
    anna.keys("U");
    anna.wait_for("let another login in");
    anna.keys("nobody");
    anna.wait_for("nobody");
    anna.keys("<enter>");
    until("the door", || door.exists().then_some(()));
    // The name that they claim counts for nothing.
    let guest = as_user(NOBODY, || raw::Guest::join(&door, "anna@ops", false));
    let me = guest.me().to_owned();
    assert!(me.starts_with("nobody@"), "{me}");
    assert!(me.ends_with("(uid 65534)"), "{me}");
    anna.wait_for("1 watch");
    let ask = |command: serde_json::Value| {
        let body = raw::command(&command);
        let pass = Some(&*guest.pass);
        as_user(NOBODY, || {
            raw::ask(&door, "POST", "/command", pass, Some(&body)).1
        })
    };
    let seen = json!({ "kind": "note", "text": "seen \u{1b}]52;c;eA==\u{7}", "step": null });
    assert!(ask(seen).contains("accepted"));
    let as_driver = ask(json!({ "kind": "resume" }));
    assert!(as_driver.contains("you are watching"), "{as_driver}");
    let demand = |back: bool| {
        let act = json!({ "act": "demand", "reason": "mine", "to_go_back": back });
        json!({ "kind": "pairing", "act": act })
    };
    anna.kill();
    until("that she is missed", || {
        report(&home).contains("gone the driver").then_some(())
    });
    let answer = ask(demand(false));
    assert!(answer.contains("has not offered"), "{answer}");
    assert!(ask(demand(true)).contains("refused"));
    // What is offered to them they drive.
    let mut anna = attach(&home, "anna", &[]);
    anna.wait_for("you drive");
    anna.keys("T");
    anna.wait_for("another login (65534)");
    anna.keys("O");
    anna.wait_gone("who is here");
    let take = json!({ "kind": "take_control" });
    assert!(ask(take).contains("accepted"));
    assert_eq!(driver(&home), me);
    let report = report(&home);
    assert!(report.contains("lets in nobody"), "{report}");
    assert!(report.contains("joined nobody@"), "{report}");
    assert!(
        !report.contains('\u{1b}'),
        "no control sequence of theirs is kept"
    );
    // And whoever is shut out hears nothing more.
    let offer = json!({ "kind": "pairing", "act": { "act": "offer", "to": null } });
    assert!(ask(offer).contains("accepted"));
    anna.keys("T");
    anna.wait_for("TAKE the controls");
    anna.keys("C");
    anna.wait_for("you drive");
    anna.keys("p");
    anna.wait_for("who is here");
    anna.keys("s");
    anna.wait_for("shut a login out");
    anna.keys("<enter>");
    guest.hears_the_end();
    until("the closed door", || (!door.exists()).then_some(()));
}

#[test]
fn a_guest_who_is_called_like_the_driver_takes_nothing_unoffered() {
    if !raw::can_be_another() {
        eprintln!("only root can be another user for the sake of a test");
        return;
    }
    let home = home("0s");
    // The driver's own login says that it is `nobody`, as the guest's is in truth.
    let who = [("USER", "nobody")];
    let arguments = ["run", "guide.md", "--allow", "nobody"];
    let mut first = Terminal::start_with(home.path(), &arguments, 120, 40, &who);
    first.wait_for("to check (Space)");
    let run = home.runs()[0].clone();
    let door =
        gonogo::supervisor::place::guest_socket_path(rustix::process::getuid().as_raw(), &run);
    let before = driver(&home);
    assert!(before.starts_with("nobody@"), "{before}");
    until("the door", || door.exists().then_some(()));
    let guest = as_user(NOBODY, || raw::Guest::join(&door, &before, false));
    let take = || {
        let body = raw::command(&json!({ "kind": "take_control" }));
        let pass = Some(&*guest.pass);
        as_user(NOBODY, || {
            raw::ask(&door, "POST", "/command", pass, Some(&body)).1
        })
    };
    let answer = take();
    assert!(answer.contains("has not offered"), "{answer}");
    // Nor does it come to them by itself when the driver goes.
    first.kill();
    until("that the driver is missed", || {
        report(&home).contains("gone the driver").then_some(())
    });
    assert!(take().contains("has not offered"));
    assert_eq!(driver(&home), before);
}
