//! What the operator sees: states × sizes, as text.

use chrono::TimeDelta;
use gonogo::api::Message;
use gonogo::monitor::{Reading, Sample};
use gonogo::run::{ActionId, Command, Input, Observation, Outcome};
use gonogo::supervisor::StoreHealth;
use gonogo::ui::theme::Theme;
use insta::assert_snapshot;
use ratatui::style::Modifier;

use super::desk::{ANNA, Desk, person, readings, start};

/// The sizes of a plain terminal, of the default layout, and of a large screen.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn shows(name: &str, desk: &mut Desk) {
    for (width, height) in SIZES {
        assert_snapshot!(
            format!("{name}@{width}x{height}"),
            desk.screen(width, height)
        );
    }
}

fn shows_at(name: &str, desk: &mut Desk, width: u16, height: u16) {
    assert_snapshot!(
        format!("{name}@{width}x{height}"),
        desk.screen(width, height)
    );
}

/// Walked through the checklist's gate.
fn in_backup() -> Desk {
    let mut desk = Desk::new().lively();
    desk.press(" ").press(" 4711<Enter>").press(" ").press("gG");
    desk
}

/// The first command runs and prints.
fn running() -> Desk {
    let mut desk = in_backup();
    desk.press("<Enter>x");
    desk.prints("backup", 0, 40);
    desk.later(42);
    for sample in readings(desk.now) {
        desk.hears(Message::Sample(Box::new(sample)));
    }
    desk
}

/// Both commands of the backup have passed.
fn backed_up() -> Desk {
    let mut desk = running();
    desk.ends("backup", 0);
    desk.press("<Enter>x");
    desk.later(5);
    desk.ends("readback", 0);
    desk
}

/// In the phase after which there is no rollback, in production.
fn in_production() -> Desk {
    let mut desk = Desk::of(super::desk::guide(), "production", true).lively();
    desk.press(" ").press(" 4711<Enter>").press(" ").press("gG");
    desk
}

#[test]
fn a_run_that_was_just_opened() {
    shows("opened", &mut Desk::new());
}

#[test]
fn a_command_to_be_run() {
    shows("to_run", &mut in_backup());
}

#[test]
fn what_would_run() {
    shows("preview", in_backup().press("<Enter>"));
}

#[test]
fn a_running_command() {
    shows("running", &mut running());
}

#[test]
fn a_failed_command() {
    let mut desk = running();
    desk.ends("backup", 1);
    shows("failed", &mut desk);
}

#[test]
fn an_unknown_outcome_is_never_shown_as_failed() {
    let mut desk = running();
    let action = desk.action("backup");
    desk.sees(Observation::Finished {
        action,
        attempt: 1,
        evidence: None,
        reason: None,
    });
    shows("unknown", &mut desk);
    desk.press("<Enter>");
    shows_at("unknown_resolve", &mut desk, 80, 24);
}

#[test]
fn a_gate_with_an_open_point() {
    let mut desk = backed_up();
    desk.press(" g");
    shows("gate", &mut desk);
    desk.press(" ");
    shows_at("gate_clear", &mut desk, 80, 24);
    desk.press("n");
    shows_at("no_go", &mut desk, 80, 24);
}

#[test]
fn the_rollback() {
    let mut desk = running();
    desk.press("R");
    shows("rollback", &mut desk);
    desk.press("<Tab>");
    shows_at("rollback_with_loss", &mut desk, 120, 40);
    desk.press("Bstag");
    shows_at("rollback_typing", &mut desk, 80, 24);
}

#[test]
fn going_back() {
    let mut desk = running();
    desk.press("RB");
    desk.ends("backup", 130);
    desk.later(3);
    shows("going_back", &mut desk);
    desk.ends("back", 1);
    shows("stuck", &mut desk);
    desk.press("<Enter>x");
    desk.later(2);
    desk.ends("back", 0);
    shows("rolled_back", &mut desk);
}

#[test]
fn a_protected_environment_is_named_on_every_screen() {
    let mut desk = in_production();
    shows("production", &mut desk);
    for keys in ["<Enter>", "R", "g", "?", ":", "q", "s", "i", "L", "m", "A"] {
        desk.press(keys);
        let screen = desk.screen(80, 24);
        assert!(
            screen
                .lines()
                .next()
                .unwrap()
                .contains("PRODUCTION · PROTECTED"),
            "{keys}"
        );
        assert!(
            screen.matches("PRODUCTION").count() > 1,
            "the dialog names it too: {keys}\n{screen}"
        );
        desk.press("<Esc>");
    }
    assert!(desk.screen(20, 5).contains("PRODUCTION"));
}

#[test]
fn a_protected_environment_is_told_apart_without_colour() {
    let mut desk = in_production();
    let buffer = desk.buffer(80, 24);
    assert!(buffer[(30, 0)].style().bg.is_some());
    let themes = Theme::embedded().unwrap();
    for theme in themes.into_iter().map(Theme::without_colour) {
        let style = theme.style(gonogo::ui::theme::Role::Protected);
        assert!(style.add_modifier.contains(Modifier::REVERSED));
    }
}

#[test]
fn the_rollback_of_a_protected_environment_takes_its_name() {
    let mut desk = in_production();
    desk.press("R");
    shows_at("production_rollback", &mut desk, 80, 24);
}

#[test]
fn somebody_who_watches() {
    let mut desk = running();
    desk.app.model.me = "bob@ops2".to_owned();
    desk.hears(Message::People {
        people: vec![
            person(ANNA, true),
            person("bob@ops2", false),
            person("carl@ops3", false),
        ],
    });
    shows("watching", &mut desk);
    desk.press("T");
    shows_at("take_control", &mut desk, 80, 24);
}

#[test]
fn a_held_run() {
    let mut desk = backed_up();
    desk.press("gh");
    shows("held", &mut desk);
}

#[test]
fn trouble_is_on_every_screen() {
    let mut desk = running();
    desk.hears(Message::Health(StoreHealth {
        events: 12,
        head: String::new(),
        failure: Some("no space left on device".to_owned()),
        ..StoreHealth::default()
    }));
    // Nothing is heard any more.
    desk.now += TimeDelta::seconds(8);
    desk.app.tick(desk.now);
    shows("trouble", &mut desk);
    desk.app.model.lose_link("connection refused".to_owned());
    shows_at("lost", &mut desk, 80, 24);
}

#[test]
fn a_database_that_cannot_be_read() {
    let mut desk = running();
    let since = desk.now - TimeDelta::seconds(30);
    for sample in readings(desk.now) {
        let sample = match sample {
            Sample::Activity(mut sample) => {
                sample.state = Reading::Lost {
                    since,
                    message: "the server does not accept connections".to_owned(),
                    help: "see its log; gonogo tries again every second".to_owned(),
                };
                Sample::Activity(sample)
            }
            Sample::Statements(mut sample) => {
                sample.state = Reading::Partial {
                    message: "`pg_stat_statements` is not loaded".to_owned(),
                    help: "add it to shared_preload_libraries and restart".to_owned(),
                };
                sample.statements.clear();
                Sample::Statements(sample)
            }
            other => other,
        };
        desk.hears(Message::Sample(Box::new(sample)));
    }
    desk.app.use_layout("database").unwrap();
    shows("database_lost", &mut desk);
}

/// What stands on the rows of a screen, as one text without breaks.
fn unbroken(screen: &str) -> String {
    screen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The readings of a server that has not answered for half a minute.
fn lost(desk: &mut Desk) {
    let since = desk.now - TimeDelta::seconds(30);
    for sample in readings(desk.now) {
        if let Sample::Activity(mut sample) = sample {
            sample.state = Reading::Lost {
                since,
                message: "the server does not accept connections".to_owned(),
                help: "see its log".to_owned(),
            };
            desk.hears(Message::Sample(Box::new(Sample::Activity(sample))));
        }
    }
}

#[test]
fn the_next_act_is_told_in_full_on_a_plain_terminal() {
    let mut desk = running();
    desk.press("RB");
    desk.ends("backup", 130);
    desk.later(3);
    let action = desk.action("back");
    desk.sees(Observation::Finished {
        action,
        attempt: 1,
        evidence: None,
        reason: Some(
            "a reason that is much longer than one row of a plain terminal is wide".into(),
        ),
    });
    let screen = unbroken(&desk.screen(80, 24));
    assert!(
        screen.contains("Enter retries, s skips, R other rollbacks"),
        "{screen}"
    );
    desk.app.model.lose_link("connection refused".to_owned());
    let screen = unbroken(&desk.screen(80, 24));
    assert!(screen.contains("`gonogo resume r1`"), "{screen}");
    // The dialog that asks whether to leave does not say that the run goes on.
    desk.press("q");
    let screen = unbroken(&desk.screen(80, 24)).replace(" ║ ║ ", " ");
    assert!(screen.contains("nothing new starts"), "{screen}");
}

const HELD: &str = "# Fill\n\n## Phase 1: Fill\n\n```sql {#fill .run}\nBEGIN;\n\
    UPDATE items SET n = 0 WHERE n IS NULL;\nSELECT count(*) FROM items;\nCOMMIT;\n```\n";

#[test]
fn of_a_held_transaction_on_a_lost_server_nothing_is_claimed() {
    let mut desk = Desk::of(HELD, "staging", false).lively();
    desk.press("<Enter>x");
    let action = desk.action("fill");
    desk.sees(Observation::Held {
        action,
        attempt: 1,
        number: 1,
        line: 9,
        since: desk.now,
        evidence: None,
    });
    let screen = desk.screen(80, 24);
    assert!(screen.contains("HELD before COMMIT, open for"), "{screen}");
    lost(&mut desk);
    let screen = unbroken(&desk.screen(80, 24));
    let told = "HELD before COMMIT, the server has not answered for 30s: nobody knows whether it is \
                still open, nor whom it blocks: H decides, b rolls back";
    assert!(screen.contains(told), "{screen}");
    desk.press("H");
    let screen = desk.screen(120, 40);
    assert!(!screen.contains("blocks nobody"), "{screen}");
}

#[test]
fn the_database_is_named_while_production_goes_back() {
    let mut desk = in_production();
    desk.press("R").press("Bproduction").press("B");
    let screen = desk.screen(60, 24);
    let header = screen.lines().next().unwrap_or_default();
    assert!(header.contains("ROLLING BACK"), "{screen}");
    assert!(header.contains("db1:5432/app"), "{screen}");
}

#[test]
fn a_full_disk_is_told_with_what_still_works_however_long_its_reason() {
    let mut desk = running();
    desk.hears(Message::Health(StoreHealth {
        events: 12,
        head: String::new(),
        failure: Some("no room left for the journal ".repeat(20)),
        ..StoreHealth::default()
    }));
    let screen = unbroken(&desk.screen(80, 24));
    assert!(
        screen.contains("nothing new starts, the rollback still can"),
        "{screen}"
    );
}

#[test]
fn a_database_that_is_lost_is_told_on_every_screen() {
    let mut desk = running();
    assert!(desk.screen(80, 24).contains("primary"));
    lost(&mut desk);
    let screen = desk.screen(80, 24);
    let header = screen.lines().next().unwrap_or_default();
    assert!(header.contains("LOST for 30s"), "{screen}");
    assert!(!header.contains("primary"), "{screen}");
}

#[test]
fn a_rollback_whose_database_is_lost_stays_ready_and_says_so_where_it_is_shown() {
    let mut desk = running();
    assert!(!desk.screen(80, 24).contains("has not answered"));
    lost(&mut desk);
    for (width, height) in [(80, 24), (120, 40)] {
        let screen = desk.screen(width, height);
        let footer = screen.lines().rev().nth(2).unwrap_or_default();
        assert!(
            footer.contains("ready, but its database has not answered for 30s"),
            "{screen}"
        );
    }
    desk.press("R");
    let screen = desk.screen(80, 24);
    assert!(
        screen.contains("its database has not answered for 30s: it can still begin"),
        "{screen}"
    );
    desk.press("B");
    assert_eq!(desk.state.mode, gonogo::run::Mode::RollingBack);
}

#[test]
fn a_stuck_rollback_says_what_beginning_it_anew_would_run_a_second_time() {
    let guide = "# Touch\n\n## Phase 1: Touch\n\n- [ ] Look\n\n## Rollback\n\n\
        ### Option 1: Undo\n\n```bash {#stop .run}\nstop\n```\n\n\
        ```bash {#restore .run}\nrestore\n```\n";
    let mut desk = Desk::of(guide, "staging", false).identified();
    desk.press("RB");
    desk.ends("stop", 0);
    desk.ends("restore", 1);
    desk.press("R");
    let screen = unbroken(&desk.screen(120, 40));
    assert!(
        screen.contains("would run a second time: `stop`; Esc, then Enter continues"),
        "{screen}"
    );
}

#[test]
fn a_finished_run_offers_no_gate_and_no_skip_and_leaving_it_leaves_nothing_running() {
    let mut desk = running();
    let keys = |desk: &mut Desk| {
        let screen = desk.screen(200, 60);
        screen.lines().next_back().unwrap_or_default().to_owned()
    };
    let before = keys(&mut desk);
    assert!(
        before.contains("g gate") && before.contains("s skip"),
        "{before}"
    );
    desk.press("RB");
    desk.ends("backup", 130);
    desk.ends("back", 0);
    assert_eq!(desk.state.mode, gonogo::run::Mode::RolledBack);
    let after = keys(&mut desk);
    assert!(
        !after.contains("g gate") && !after.contains("s skip"),
        "{after}"
    );
    desk.press("q");
    let screen = desk.screen(80, 24);
    assert!(screen.contains("l leave"), "{screen}");
    assert!(!screen.contains("the run goes on"), "{screen}");
}

#[test]
fn a_run_that_is_done_offers_no_gate_and_no_skip() {
    let guide =
        "# Touch\n\n## Phase 1: Touch\n\n- [ ] Look\n\n## Phase 2: Look again\n\n- [ ] Look\n";
    let mut desk = Desk::of(guide, "staging", false).identified();
    desk.press(" gG");
    assert!(desk.screen(200, 60).contains("g gate"));
    desk.press(" ");
    let command = Command::Gate {
        phase: desk.state.current_phase.clone(),
        decision: gonogo::run::GateDecision::Go,
        reason: None,
    };
    desk.does_by(super::desk::ANNA, command);
    assert_eq!(desk.state.mode, gonogo::run::Mode::Done);
    let screen = desk.screen(200, 60);
    assert!(
        !screen.contains("g gate") && !screen.contains("s skip"),
        "{screen}"
    );
    desk.press("q");
    let screen = desk.screen(200, 60);
    assert!(!screen.contains("the run goes on"), "{screen}");
}

#[test]
fn every_layout() {
    for layout in ["default", "database", "review", "narrow"] {
        let mut desk = backed_up();
        desk.app.use_layout(layout).unwrap();
        shows(&format!("layout_{layout}"), &mut desk);
    }
}

#[test]
fn the_dialogs() {
    for (name, keys) in [
        ("help", "?"),
        ("palette", ":way"),
        ("quit", "q"),
        ("skip", "snot today"),
        ("note", "mreplica lags"),
        ("layouts", "L"),
        ("cancel", "c"),
        ("give_up", "Aenough<Enter>"),
    ] {
        let mut desk = running();
        desk.press(keys);
        shows_at(&format!("dialog_{name}"), &mut desk, 80, 24);
    }
}

#[test]
fn a_configuration_is_agreed_to_before_anything_starts() {
    let text = "[environments.staging]\ntargets.main = { postgres = \"host=db1 dbname=app\", password = { command = \"pass show shop/db\" } }\nprobes.api = \"http://api.internal/health\"\nvalues.RELEASE = \"2.14\"\n";
    let mut desk = Desk::of("# G\n\n## Phase 1: Work\n\n- [ ] Look\n", "staging", false)
        .asking_for_consent(text);
    shows_at("consent", &mut desk, 80, 24);
    desk.burst("Y");
    desk.press("<Enter>");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
    shows_at("consent_open", &mut desk, 80, 24);
    desk.press("V");
    desk.press("Y");
    assert!(matches!(desk.sent[..], [Command::Consent { .. }]));
    shows_at("consent_given", &mut desk, 80, 24);
}

#[test]
fn inputs_and_alternatives() {
    let guide = "# Stop it\n\n## Phase 1: Stop\n\n### Stop the writes\n\nTo `<host>`, as agreed.\n\n```bash {choice=stop:service .run}\nsystemctl stop app@<host>\n```\n\n```bash {choice=stop:readonly .run}\n./readonly on <host>\n```\n\n## Phase 2: Go\n\n### Go\n\n- [ ] Gone\n";
    let mut desk = Desk::of(guide, "staging", false);
    shows_at("choice", &mut desk, 80, 24);
    desk.press("<Enter>");
    shows_at("choice_dialog", &mut desk, 80, 24);
    desk.press("<Enter>");
    shows_at("blank", &mut desk, 80, 24);
    desk.press("<Enter>");
    shows_at("inputs", &mut desk, 80, 24);
    desk.press("<Enter>db1<Enter>");
    assert_eq!(
        desk.state.inputs.values().next(),
        Some(&Input::Value("db1".to_owned()))
    );
    desk.press("<Esc><Enter>");
    shows_at("filled", &mut desk, 80, 24);
}

#[test]
fn a_step_that_was_inferred_is_armed_first() {
    let guide = "# Plain\n\n## Phase 1: Look\n\n### Look around\n\nRun this:\n\n```bash\nls -l /srv\n```\n\n## Phase 2: Go\n\n### Go\n\n- [ ] Gone\n";
    let mut desk = Desk::of(guide, "staging", false);
    desk.press("<Enter>");
    shows_at("arm", &mut desk, 80, 24);
    desk.press("x");
    assert!(desk.sent.is_empty(), "it is not armed: {:?}", desk.sent);
    desk.press("a");
    shows_at("armed", &mut desk, 80, 24);
    desk.press("x");
    assert_eq!(desk.state.running(), [(ActionId::block(1), 1)]);
}

#[test]
fn a_terminal_too_small_says_so_and_what_goes_on() {
    let mut desk = running();
    let screen = desk.screen(38, 5).replace('\n', " ");
    assert!(screen.contains("terminal too small: 38x5"), "{screen}");
    assert!(screen.contains("the run goes on"), "{screen}");
    shows_at("least", &mut desk, 40, 12);
}

#[test]
fn a_guide_without_anything_in_it() {
    shows_at("empty", &mut Desk::of("", "staging", false), 80, 24);
}

#[test]
fn output_scrolled_back_asks_for_the_pages_of_the_spool() {
    let mut desk = running();
    desk.prints("backup", 0, 100_000);
    desk.screen(80, 24);
    desk.press("<Tab>");
    assert_eq!(desk.app.view.focus(), "output");
    desk.press("<Home>");
    let page = gonogo::ui::app::Ask::Page {
        action: desk.action("backup"),
        attempt: 1,
        from: 0,
    };
    assert!(desk.asked.contains(&page), "{:?}", desk.asked);
    shows_at("scrolled_back", &mut desk, 80, 24);
    desk.press("<End>");
    let screen = desk.screen(80, 24);
    assert!(screen.contains("line 99999 of what it prints"), "{screen}");
}

#[test]
fn a_new_event_is_on_the_screen_of_who_joins_late() {
    let mut desk = running();
    desk.ends("backup", 0);
    let joined = start() + TimeDelta::seconds(60);
    let snapshot = gonogo::api::Snapshot {
        at: joined,
        you: "bob@ops2".to_owned(),
        state: desk.state.clone(),
        samples: readings(joined),
        outputs: Vec::new(),
        people: vec![person(ANNA, true)],
        store: StoreHealth::default(),
    };
    desk.hears(Message::Snapshot(Box::new(snapshot)));
    let screen = desk.screen(120, 40);
    assert!(screen.contains("you are watching"), "{screen}");
    assert_eq!(
        desk.state
            .action(desk.action("backup"))
            .unwrap()
            .last()
            .unwrap()
            .outcome,
        Some(Outcome::Passed)
    );
}

/// Two tails, one of them with a red flag, and a tunnel that has ended.
fn watched() -> Desk {
    let guide = "# Watch it\n\n## Phase 1: Deploy\n\n### Watch\n\n```bash {#api-log .watch}\ntail -f api.log\n```\n\n```bash {#worker-log .watch}\ntail -f worker.log\n```\n\n```bash {#tunnel .watch}\nssh -N bastion\n```\n\n### Deploy\n\n```bash {#deploy .run}\n./deploy\n```\n\n**Red flags**:\n- ❌ `ERROR` in a log\n\n## Phase 2: Go\n\n- [ ] Gone\n";
    let mut desk = Desk::of(guide, "staging", false);
    desk.press("<Enter>x").press("<Enter>x").press("<Enter>x");
    desk.prints("api-log", 0, 1_204);
    desk.later(75);
    desk.ends("tunnel", 255);
    desk
}

#[test]
fn a_gate_says_which_watches_its_go_ends_and_offers_no_key_that_does_nothing() {
    let mut desk = watched();
    desk.press("g");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("GO ends the watch `api-log`"), "{screen}");
    assert!(
        screen.contains("GO ends the watch `worker-log`"),
        "{screen}"
    );
    assert!(!screen.contains("GO ends the watch `tunnel`"), "{screen}");
    assert!(screen.contains("Space judge"), "{screen}");
    let mut desk = Desk::of(HELD, "staging", false).lively();
    desk.press("g");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("names no criteria"), "{screen}");
    assert!(!screen.contains("Space judge"), "{screen}");
}

#[test]
fn watches_beside_the_step() {
    let mut desk = watched();
    shows_at("watches", &mut desk, 120, 40);
    let action = desk.action("api-log");
    desk.sees(Observation::Alerted {
        action,
        attempt: 1,
        pattern: "ERROR".to_owned(),
        line: 1_204,
        text: "02:01:14 ERROR: deadlock detected".to_owned(),
        count: 3,
    });
    shows_at("watches_red_flag", &mut desk, 120, 40);
    desk.screen(80, 24);
    desk.press("w");
    shows_at("watches", &mut desk, 80, 24);
    desk.press("g");
    shows_at("watches_gate", &mut desk, 80, 24);
    desk.press("!");
    shows_at("watches_acknowledge", &mut desk, 80, 24);
    desk.press("an old line<Enter><Esc>");
    assert_eq!(desk.state.open_alerts().count(), 0);
    assert!(!desk.screen(80, 24).contains("RED FLAG"));
}

#[test]
fn a_watch_opens_in_the_output_and_is_searched_there() {
    let mut desk = watched();
    desk.screen(120, 40);
    desk.press("w");
    assert_eq!(desk.app.view.focus(), "watches");
    desk.press("<Enter>");
    assert_eq!(desk.app.view.focus(), "output");
    assert!(desk.screen(120, 40).contains("line 1203 of what it prints"));
    desk.press(".");
    assert_eq!(desk.app.view.watch, None);
    // One that has ended is shown before it is started again.
    desk.press("w<Down><Down><Enter>");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("x EXECUTE"), "{screen}");
}
