//! What keys do, and above all what they never do.

use std::time::Instant;

use gonogo::api::Message;
use gonogo::run::{Command, Input, Mode, PairingAct};
use gonogo::ui::keymap::{self, Context};
use proptest::prelude::*;

use super::desk::{Desk, guide, readings, start};

/// Runs, stops or ends something, or decides for all.
fn is_grave(command: &Command) -> bool {
    matches!(
        command,
        Command::Start { .. }
            | Command::Cancel { .. }
            | Command::Gate { .. }
            | Command::Rollback { .. }
            | Command::Abandon { .. }
            | Command::Arm { .. }
            | Command::Consent { .. }
            | Command::TakeControl {}
    )
}

fn at_the_backup() -> Desk {
    let mut desk = Desk::new().lively();
    desk.press(" ").press(" 4711<Enter>").press(" ").press("gG");
    desk.sent.clear();
    desk
}

#[test]
fn a_walk_from_the_first_box_to_the_last_gate() {
    let mut desk = at_the_backup();
    desk.press("<Enter>x");
    desk.ends("backup", 0);
    desk.press("<Enter>x");
    desk.ends("readback", 0);
    desk.press(" ").press("g").press(" ").press("G");
    assert_eq!(desk.state.current_phase, "phase-2");
    // It begins what its guide calls a point of no return: a name is typed.
    desk.press("<Enter>");
    assert!(
        desk.screen(80, 24).contains("destroys"),
        "{}",
        desk.screen(80, 24)
    );
    let screen = desk.screen(120, 40);
    assert!(screen.contains("ceases to be possible"), "{screen}");
    desk.press("x");
    assert!(desk.state.busy().is_empty());
    desk.press("staging").press("x");
    desk.ends("move", 0);
    desk.press("s").press("no table to count<Enter>");
    desk.press("g").press(" ").press("G");
    let screen = desk.screen(80, 24);
    assert_eq!(desk.state.mode, Mode::Done, "{screen}");
}

#[test]
fn what_runs_is_what_was_shown() {
    let guide = "# G\n\n## Phase 1: A\n\n### One\n\n```bash {.run}\necho <word>\n```\n\n## Phase 2: B\n\n### Two\n\n- [ ] x\n";
    let mut desk = Desk::of(guide, "staging", false);
    let name = desk.state.runbook.variables[0].name.clone();
    let set = |value: &str| Command::SetInput {
        name: name.clone(),
        input: Input::Value(value.to_owned()),
    };
    desk.does(set("shown"));
    desk.press("<Enter>");
    desk.does(set("changed"));
    desk.press("x");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
    let screen = desk.screen(80, 24);
    assert!(
        screen.contains("IT HAS CHANGED") && screen.contains("changed"),
        "{screen}"
    );
    desk.press("x");
    assert!(matches!(desk.sent.as_slice(), [Command::Start { .. }]));
}

#[test]
fn the_rollback_can_be_started_from_everywhere() {
    let mut desk = at_the_backup();
    desk.press("<Enter>x").press("RB");
    assert_eq!(desk.state.mode, Mode::RollingBack);
    let mut desk = at_the_backup();
    desk.press("gh").press("RB");
    assert_eq!(desk.state.mode, Mode::RollingBack);
    let mut desk = at_the_backup();
    desk.press("g").press("nR").press("B");
    assert_eq!(desk.state.mode, Mode::RollingBack);
    for dialog in ["<Enter>", "c", "?", "L", "q"] {
        let mut desk = at_the_backup();
        if dialog == "c" {
            desk.press("<Enter>x");
        }
        desk.press(dialog).press("R").press("B");
        assert_eq!(desk.state.mode, Mode::RollingBack, "from `{dialog}`");
    }
}

#[test]
fn a_rollback_that_loses_data_takes_a_typed_name() {
    let mut desk = at_the_backup();
    desk.press("R<Tab>B");
    assert_eq!(desk.state.mode, Mode::Running);
    desk.press("stagingg").press("<Esc>B");
    assert_eq!(desk.state.mode, Mode::Running, "the word was not right");
    desk.press("<Esc>").press("tstaging");
    assert_eq!(
        desk.state.mode,
        Mode::Running,
        "a typed word begins nothing"
    );
    desk.press("<Enter>");
    assert_eq!(desk.state.mode, Mode::Running, "nor does Enter");
    desk.press("R<Tab>tstagingB");
    assert_eq!(desk.state.mode, Mode::RollingBack);
}

#[test]
fn a_confirmation_cannot_be_pasted() {
    let mut desk = at_the_backup();
    desk.press("R<Tab>t").paste("staging").press("B");
    assert_eq!(desk.state.mode, Mode::Running);
}

#[test]
fn a_box_that_is_out_of_sight_is_looked_at_before_it_is_ticked() {
    let prose = "One line of prose among many.\n\n".repeat(40);
    let guide = format!(
        "# G\n\n## Phase 1: A\n\n### One\n\n{prose}- [ ] read to the end\n\n## Phase 2: B\n\n### Two\n\n- [ ] x\n"
    );
    let mut desk = Desk::of(&guide, "staging", false);
    assert!(desk.screen(80, 24).contains("One line of prose"));
    desk.press(" ");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
    let screen = desk.screen(80, 24);
    assert!(screen.contains("[ ] read to the end"), "{screen}");
    desk.press(" ");
    assert!(matches!(desk.sent.as_slice(), [Command::Tick { .. }]));
}

#[test]
fn pasted_text_reaches_fields_and_nothing_else() {
    let mut desk = at_the_backup();
    desk.paste("<Enter>xRBgGsyq");
    assert!(desk.sent.is_empty());
    assert!(!desk.app.is_dialog_open());
    desk.press("<Enter>").paste("x");
    assert!(desk.sent.is_empty());
    desk.press("<Esc>m")
        .paste("seen\nin the log")
        .press("<Enter>");
    assert_eq!(desk.state.notes[0].text, "seenin the log");
}

#[test]
fn a_burst_moves_but_never_acts() {
    let mut desk = at_the_backup();
    desk.burst("<Enter>x");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
    desk.burst("<Esc>RB<Esc>gG<Esc> ");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
}

#[test]
fn a_running_command_is_cancelled_by_another_key_than_the_one_that_asks() {
    let mut desk = at_the_backup();
    desk.press("<Enter>x").press("cc<Enter>");
    assert_eq!(desk.sent.len(), 1, "{:?}", desk.sent);
    desk.press("cy");
    assert!(matches!(desk.sent.last(), Some(Command::Cancel { .. })));
}

#[test]
fn the_last_tick_is_taken_back() {
    let mut desk = Desk::new();
    desk.press(" ").press("u");
    assert!(matches!(
        desk.sent.last(),
        Some(Command::Untick { index: 0, .. })
    ));
}

#[test]
fn a_search_asks_for_the_text_and_typing_it_acts_on_nothing() {
    let mut desk = at_the_backup();
    desk.press("<Enter>x");
    desk.prints("backup", 0, 1_000);
    desk.sent.clear();
    desk.press("/RBxgGcy<Enter>");
    assert!(desk.sent.is_empty());
    let last = desk.asked.last();
    assert!(
        matches!(last, Some(gonogo::ui::app::Ask::Find { pattern, .. }) if pattern == "RBxgGcy"),
        "{last:?}"
    );
}

#[test]
fn who_watches_does_nothing_until_they_take_control() {
    let mut desk = at_the_backup();
    desk.app.model.me = "bob@ops2".to_owned();
    desk.press("<Enter>x<Esc> sc<Esc>gG<Esc>R<Tab><Tab>B<Esc>u");
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
    desk.press("TC");
    assert_eq!(desk.state.driver, "anna@ops1", "she drives and is here");
    desk.press("<Esc>");
    let offer = PairingAct::Offer {
        to: Some("bob@ops2".to_owned()),
    };
    desk.does_by("anna@ops1", Command::Pairing { act: offer });
    desk.press("TC");
    assert_eq!(desk.state.driver, "bob@ops2");
    desk.press("<Enter>x");
    assert!(matches!(desk.sent.last(), Some(Command::Start { .. })));
}

#[test]
fn a_refusal_is_shown_with_its_help() {
    let mut desk = Desk::new();
    desk.press(".").press("GgG");
    let screen = desk.screen(120, 40);
    assert!(screen.contains("settle it, or press r"), "{screen}");
}

#[test]
fn leaving_takes_two_keys_and_says_that_the_run_goes_on() {
    let mut desk = at_the_backup();
    desk.press("qq");
    assert!(desk.app.is_dialog_open() && desk.asked.is_empty());
    assert!(desk.screen(80, 24).contains("the run goes on"));
    desk.press("l");
    assert_eq!(desk.asked, [gonogo::ui::app::Ask::Leave]);
}

#[test]
fn a_whole_screen_of_a_large_system_is_drawn_from_its_visible_rows() {
    let mut desk = at_the_backup();
    let mut samples = readings(start());
    if let Some(gonogo::monitor::Sample::Activity(sample)) = samples.first_mut() {
        let one = sample.sessions[1].clone();
        sample.sessions = (0..20_000)
            .map(|pid| {
                let mut session = one.clone();
                session.pid = pid;
                session.blocked_by = vec![pid - 1];
                session
            })
            .collect();
    }
    for sample in samples {
        desk.hears(Message::Sample(Box::new(sample)));
    }
    desk.buffer(200, 50);
    let begun = Instant::now();
    for _ in 0..10 {
        desk.buffer(200, 50);
    }
    // Generous: it is the growth with 20,000 sessions that would take seconds.
    assert!(begun.elapsed().as_millis() < 1_000, "{:?}", begun.elapsed());
}

/// The keys as `docs/keys.md` lists them.
fn listed() -> String {
    let mut text = String::new();
    for context in Context::ALL {
        let mut bindings = keymap::of(context).peekable();
        if bindings.peek().is_none() {
            continue;
        }
        text += &format!("\n## {}\n\n| key | does |\n|---|---|\n", context.title());
        for binding in bindings {
            let keys: Vec<String> = binding
                .keys
                .iter()
                .map(|key| format!("`{}`", key.label()))
                .collect();
            text += &format!("| {} | {} |\n", keys.join(" "), binding.label);
        }
    }
    text
}

/// `UPDATE_DOCS=1` writes the list anew.
#[test]
fn the_documentation_lists_every_key() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, after) = text
        .split_once("<!-- keys -->\n")
        .expect("the mark stands there");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, format!("{before}<!-- keys -->\n{}", listed())).unwrap();
        return;
    }
    assert_eq!(after, listed(), "run this test with UPDATE_DOCS=1");
}

fn any_key() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("<Enter>"),
        Just("<Esc>"),
        Just("<Tab>"),
        Just("<Up>"),
        Just("<Down>"),
        Just("<PgUp>"),
        Just("<PgDn>"),
        Just("<Home>"),
        Just("<End>"),
        prop::sample::select(vec![
            " ", "a", "A", "B", "c", "d", "g", "G", "h", "i", "j", "k", "l", "L", "m", "n", "N",
            "r", "R", "s", "t", "T", "u", "x", "y", "z", "?", ":", "/", ".", "q",
        ]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn enter_never_runs_stops_or_ends_anything(keys in prop::collection::vec(any_key(), 1..60)) {
        let mut desk = Desk::new().lively();
        for key in keys {
            let before = desk.sent.len();
            desk.press(key);
            if key == "<Enter>" {
                let grave: Vec<_> = desk.sent[before..].iter().filter(|sent| is_grave(sent)).collect();
                prop_assert!(grave.is_empty(), "{grave:?}");
            }
        }
    }

    #[test]
    fn no_key_pressed_twice_runs_anything_it_asked_for(key in any_key(), before in prop::collection::vec(any_key(), 0..6)) {
        let mut desk = at_the_backup();
        for key in before {
            desk.press(key);
        }
        // Back to the panes.
        desk.press("<Esc><Esc><Esc><Esc>");
        desk.sent.clear();
        desk.press(key).press(key);
        let grave = desk.sent.iter().any(|sent| {
            matches!(sent, Command::Start { .. } | Command::Rollback { .. } | Command::Cancel { .. } | Command::Abandon { .. })
        });
        prop_assert!(!grave, "{:?}", desk.sent);
    }

    #[test]
    fn every_size_is_drawn(width in 1u16..200, height in 1u16..60, keys in prop::collection::vec(any_key(), 0..12)) {
        let mut desk = Desk::of(guide(), "production", true).lively();
        desk.screen(width, height);
        for key in keys {
            desk.press(key);
            desk.screen(width, height);
        }
    }
}
