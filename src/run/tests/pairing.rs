//! Several people at one run: who may do what, when the controls change hands, and what a second
//! person's word is bound to.

use super::*;
use crate::run::decide::control;

const BERT: &str = "bert@ops";
const CARL: &str = "carl@ops";

/// The guide, with a migration that asks for two people and a gate that does.
pub(super) fn two_person_guide() -> String {
    GUIDE.replace("{#migrate .run}", "{#migrate .run .two-person}")
}

fn act(act: PairingAct) -> Command {
    Command::Pairing { act }
}

fn demand(reason: &str) -> Command {
    act(PairingAct::Demand {
        reason: reason.to_owned(),
        to_go_back: false,
    })
}

/// What people do to each other, for the properties.
pub(super) fn nth_act(run: &Run, kind: u8, choice: u8) -> Asked {
    let waiting = run.state.pairing.waiting.as_ref();
    match (kind, choice) {
        (20, 0..=3) => act(PairingAct::Offer {
            to: (choice < 2).then(|| BERT.to_owned()),
        }),
        (20, _) => Command::TakeControl {},
        (21, 0..=3) => {
            return Observation::DriverLeft {
                since: run.now - TimeDelta::minutes(i64::from(choice)),
            }
            .into();
        }
        (21, 4) => return Observation::DriverReturned.into(),
        (21, 5) => {
            return Observation::WatcherLeft {
                name: BERT.to_owned(),
            }
            .into();
        }
        (21, _) => demand("nobody answers"),
        (22, 0..=2) => act(PairingAct::RaiseHand { about: None }),
        (22, 3..=4) => act(PairingAct::LowerHand { whom: None }),
        (22, 5) => act(PairingAct::Withdraw {}),
        (22, _) => act(PairingAct::Decline {}),
        (_, 0) => act(PairingAct::Object {
            reason: "not now".to_owned(),
        }),
        _ => act(PairingAct::Approve {
            hash: waiting.map_or(String::new(), |waiting| waiting.request.hash.clone()),
            included: None,
            assumed: false,
        }),
    }
    .into()
}

/// Who would ask for this: the driver, the one who watches, or the engine.
pub(super) fn asks(run: &Run, asked: &Asked) -> String {
    let other = if run.state.driver == ANNA { BERT } else { ANNA };
    match asked {
        Asked::Observation(_) => ENGINE,
        Asked::Command(Command::TakeControl {}) => other,
        Asked::Command(Command::Pairing { act }) => match act {
            PairingAct::Offer { .. } | PairingAct::Withdraw {} => &run.state.driver,
            _ => other,
        },
        Asked::Command(_) => &run.state.driver,
    }
    .to_owned()
}

/// One command of every kind that there is. A new kind does not compile until it stands here.
fn every_command(run: &Run) -> Vec<Command> {
    let action = run.action("backup");
    let step = || run.state.runbook.preparation[0].steps[0].id.clone();
    let phase = || run.state.current_phase.clone();
    let text = || "x".to_owned();
    let commands = vec![
        Command::Tick {
            step: step(),
            index: 0,
            value: None,
            note: None,
        },
        Command::Untick {
            step: step(),
            index: 0,
        },
        Command::SetInput {
            name: text(),
            input: Input::Value(text()),
        },
        Command::Choose {
            group: text(),
            name: text(),
        },
        Command::Expect {
            action,
            line: 1,
            cel: None,
        },
        Command::Arm {
            action,
            hash: text(),
        },
        run.start("backup"),
        Command::Cancel { action },
        Command::Skip {
            step: step(),
            reason: text(),
            action: None,
        },
        Command::Unskip {
            step: step(),
            action: None,
        },
        Command::Judge {
            phase: phase(),
            line: 1,
            holds: true,
            note: None,
        },
        Command::Answer {
            phase: phase(),
            line: 1,
            value: text(),
        },
        Command::Gate {
            phase: phase(),
            decision: GateDecision::Go,
            reason: Some(text()),
        },
        run.rollback(0),
        Command::Resolve {
            action,
            outcome: Outcome::Passed,
            reason: text(),
        },
        Command::Note {
            text: text(),
            step: None,
        },
        Command::TakeControl {},
        Command::Resume {},
        Command::Abandon { reason: text() },
        Command::TakeTarget {
            target: text(),
            typed: text(),
            reason: text(),
        },
        Command::Acknowledge {
            alert: 1,
            note: text(),
        },
        Command::ClearInput { name: text() },
        Command::UndoInput {},
        Command::EndTransaction {
            action,
            attempt: 1,
            commit: true,
            typed: None,
            reason: None,
        },
        Command::GiveKeyboard { action },
        Command::ReturnKeyboard { action },
        Command::Consent {
            digest: "x".to_owned(),
        },
        Command::AcceptTarget {
            target: text(),
            seen: text(),
            typed: None,
            reason: text(),
        },
        Command::Write {
            code: text(),
            actor: crate::runbook::Actor::Shell,
            on: None,
        },
        Command::Correct {
            action: ActionId::block(1),
            code: text(),
        },
        Command::ToggleCommand {
            action,
            index: 0,
            on: false,
        },
        Command::Bind {
            phase: text(),
            line: 1,
            code: Some(text()),
            actor: crate::runbook::Actor::Sql,
            on: Some(text()),
            cel: text(),
            every_s: 60,
        },
        Command::SignalSession {
            target: text(),
            signal: SessionSignal::Cancel,
            victim: super::signal::victim(),
        },
        Command::ToggleLockTimeout { action, on: false },
        Command::SeeAlarm {
            key: text(),
            note: text(),
        },
    ];
    let kinds: std::collections::BTreeSet<usize> = commands.iter().map(kind).collect();
    assert_eq!(kinds.len(), KINDS, "one of every kind");
    commands
}

/// One command of every kind, each where it can be given: who asks it of which run, by which facts.
pub(crate) fn every_command_somewhere() -> Vec<(RunState, Facts, String, Command)> {
    let run = ready();
    let at = |run: &Run, by: &str, commands: Vec<Command>| -> Vec<_> {
        let of = |command| (run.state.clone(), run.facts.clone(), by.to_owned(), command);
        commands.into_iter().map(of).collect()
    };
    let mut asked = at(&run, ANNA, every_command(&run));
    let acts = every_act().into_iter().map(|(one, _)| act(one));
    asked.extend(at(&run, BERT, acts.clone().collect()));
    asked.extend(at(&run, ANNA, acts.collect()));
    let mut run = at_the_migration();
    let mut goes_back = run.rollback(0);
    let back = run.action("back");
    // Nobody can say what it includes: its disk hangs.
    run.facts.files.insert(
        back,
        FilesNow {
            digest: None,
            hangs: Some(Hang {
                path: "/srv".to_owned(),
                for_ms: 1,
            }),
        },
    );
    if let Command::Rollback { included, .. } = &mut goes_back {
        *included = Some(BTreeMap::from([(back, "a".repeat(64))]));
    }
    let written = Command::Write {
        code: "ls".to_owned(),
        actor: crate::runbook::Actor::Shell,
        on: Some("main".to_owned()),
    };
    let given = Command::SetInput {
        name: "DUMP".to_owned(),
        input: Input::Value("dump".to_owned()),
    };
    let commands = vec![run.start("migrate"), goes_back, written, given];
    asked.extend(at(&run, ANNA, commands));
    run.starts("migrate");
    asked.extend(at(&run, BERT, vec![approve(&run)]));
    asked
}

/// The command with this text in each of its fields that takes it, one at a time.
pub(crate) fn marked(command: &Command, text: &str) -> Vec<Command> {
    let whole = serde_json::to_value(command).unwrap();
    let mut places = Vec::new();
    places_of(&whole, String::new(), &mut places);
    places
        .iter()
        .filter_map(|place| {
            let mut changed = whole.clone();
            *changed.pointer_mut(place)? = text.into();
            serde_json::from_value(changed).ok()
        })
        .collect()
}

/// Where a text stands in it, or could.
fn places_of(value: &serde_json::Value, at: String, places: &mut Vec<String>) {
    match value {
        serde_json::Value::String(_) | serde_json::Value::Null => places.push(at),
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                places_of(field, format!("{at}/{name}"), places);
            }
        }
        _ => {}
    }
}

const KINDS: usize = 35;

/// Exhaustive on purpose: whoever adds a command decides here whether one who watches may give it.
fn kind(command: &Command) -> usize {
    match command {
        Command::Tick { .. } => 0,
        Command::Untick { .. } => 1,
        Command::SetInput { .. } => 2,
        Command::Choose { .. } => 3,
        Command::Expect { .. } => 29,
        Command::Arm { .. } => 4,
        Command::Start { .. } => 5,
        Command::Cancel { .. } => 6,
        Command::Skip { .. } => 7,
        Command::Unskip { .. } => 8,
        Command::Judge { .. } => 9,
        Command::Gate { .. } => 10,
        Command::Rollback { .. } => 11,
        Command::Resolve { .. } => 12,
        Command::Note { .. } => 13,
        Command::TakeControl {} => 14,
        Command::Resume {} => 15,
        Command::Abandon { .. } => 16,
        Command::TakeTarget { .. } => 17,
        Command::Acknowledge { .. } => 18,
        Command::ClearInput { .. } => 19,
        Command::UndoInput {} => 20,
        Command::EndTransaction { .. } => 21,
        Command::GiveKeyboard { .. } => 22,
        Command::ReturnKeyboard { .. } => 23,
        Command::Consent { .. } => 24,
        Command::AcceptTarget { .. } => 25,
        Command::Write { .. } => 26,
        Command::Correct { .. } => 27,
        Command::ToggleCommand { .. } => 28,
        Command::ToggleLockTimeout { .. } => 33,
        Command::SignalSession { .. } => 30,
        Command::SeeAlarm { .. } => 31,
        Command::Answer { .. } => 32,
        Command::Bind { .. } => 34,
        // Those between people have their own table below.
        Command::Pairing { .. } => KINDS,
    }
}

fn every_act() -> Vec<(PairingAct, bool)> {
    let text = || "x".to_owned();
    let acts = vec![
        (PairingAct::Offer { to: None }, false),
        (PairingAct::Withdraw {}, false),
        (PairingAct::Allow { whom: text() }, false),
        (PairingAct::Disallow { whom: text() }, false),
        // Heard, though here nothing is offered, due or waiting.
        (PairingAct::Decline {}, true),
        (
            PairingAct::Demand {
                reason: text(),
                to_go_back: false,
            },
            true,
        ),
        (PairingAct::RaiseHand { about: None }, true),
        (PairingAct::LowerHand { whom: None }, true),
        (
            PairingAct::Approve {
                hash: text(),
                included: None,
                assumed: false,
            },
            true,
        ),
        (PairingAct::Object { reason: text() }, true),
    ];
    for (act, _) in &acts {
        // Exhaustive on purpose, as above.
        match act {
            PairingAct::Offer { .. }
            | PairingAct::Withdraw {}
            | PairingAct::Decline {}
            | PairingAct::Demand { .. }
            | PairingAct::RaiseHand { .. }
            | PairingAct::LowerHand { .. }
            | PairingAct::Allow { .. }
            | PairingAct::Disallow { .. }
            | PairingAct::Approve { .. }
            | PairingAct::Object { .. } => {}
        }
    }
    assert_eq!(acts.len(), 10, "one of every act");
    acts
}

#[test]
fn who_watches_is_refused_everything_but_words() {
    let mut run = ready();
    for command in every_command(&run) {
        let before = run.state.clone();
        let heard = matches!(command, Command::Note { .. } | Command::TakeControl {});
        let result = run.tries(BERT, command.clone());
        match (heard, result) {
            (false, Err(refusal)) => {
                assert!(
                    refusal.message.contains("you are watching"),
                    "{command:?}: {refusal}"
                );
                assert_eq!(run.state, before);
            }
            (false, Ok(())) => panic!("{command:?} of one who watches is carried out"),
            (true, _) => assert_eq!(run.state.driver, ANNA, "{command:?}"),
        }
    }
    for (act, heard) in every_act() {
        let command = Command::Pairing { act };
        let before = run.state.actions.clone();
        let refused_as_watcher = run
            .tries(BERT, command.clone())
            .is_err_and(|refusal| refusal.message.contains("you are watching"));
        assert_eq!(refused_as_watcher, !heard, "{command:?}");
        assert_eq!(run.state.actions, before);
        assert_eq!(run.state.driver, ANNA);
    }
}

#[test]
fn what_only_the_world_shows_cannot_be_sent() {
    let finished = r#"{"kind":"finished","action":"1","attempt":1,"evidence":null,"reason":null}"#;
    assert!(serde_json::from_str::<Command>(finished).is_err());
    let left = r#"{"kind":"pairing","act":{"act":"driver_returned"}}"#;
    assert!(serde_json::from_str::<Command>(left).is_err());
}

#[test]
fn the_controls_go_to_whom_they_are_offered() {
    let mut run = ready();
    run.does(act(PairingAct::Offer {
        to: Some(BERT.to_owned()),
    }));
    assert!(run.tries(CARL, Command::TakeControl {}).is_err());
    assert!(run.tries(CARL, act(PairingAct::Decline {})).is_err());
    run.tries(BERT, Command::TakeControl {}).unwrap();
    assert_eq!(run.state.driver, BERT);
    assert_eq!(run.state.pairing.offer, None, "an offer is taken once");
    assert!(run.tries(ANNA, Command::TakeControl {}).is_err());
    assert!(run.tries(ANNA, run.start("backup")).is_err());
}

#[test]
fn an_offer_can_be_withdrawn_and_declined() {
    let mut run = ready();
    let offer = act(PairingAct::Offer {
        to: Some(BERT.to_owned()),
    });
    run.does(offer.clone());
    run.does(act(PairingAct::Withdraw {}));
    assert!(run.tries(BERT, Command::TakeControl {}).is_err());
    run.does(offer);
    run.tries(BERT, act(PairingAct::Decline {})).unwrap();
    assert!(run.tries(BERT, Command::TakeControl {}).is_err());
}

#[test]
fn an_offer_to_anybody_has_one_winner() {
    let mut run = ready();
    run.does(act(PairingAct::Offer { to: None }));
    run.tries(CARL, Command::TakeControl {}).unwrap();
    let refusal = run.tries(BERT, Command::TakeControl {}).unwrap_err();
    assert!(refusal.message.contains("carl@ops"), "{refusal}");
}

#[test]
fn the_controls_of_a_driver_who_is_gone_are_demanded_after_a_time_and_with_a_reason() {
    let mut run = ready();
    assert!(
        run.tries(BERT, demand("I want them")).is_err(),
        "the driver is here"
    );
    run.tries(ENGINE, Observation::DriverLeft { since: run.now })
        .unwrap();
    run.now += TimeDelta::seconds(119);
    let refusal = run.tries(BERT, demand("no answer")).unwrap_err();
    assert!(refusal.help.contains("in 1 s"), "{refusal:?}");
    run.now += TimeDelta::seconds(1);
    assert!(run.tries(BERT, demand(" ")).is_err(), "with a reason");
    assert!(
        run.tries(BERT, Command::TakeControl {}).is_err(),
        "to demand is an act of its own"
    );
    run.tries(BERT, demand("no answer")).unwrap();
    assert_eq!(run.state.driver, BERT);
    let last = &run.state.pairing.log.last().unwrap().fact;
    assert!(
        matches!(last, PairingFact::ControlDemanded { gone_s: Some(120), reason, .. } if reason == "no answer"),
        "{last:?}"
    );
}

#[test]
fn a_driver_who_comes_back_in_time_keeps_the_controls() {
    let mut run = ready();
    run.tries(ENGINE, Observation::DriverLeft { since: run.now })
        .unwrap();
    run.now += TimeDelta::minutes(5);
    run.tries(ENGINE, Observation::DriverReturned).unwrap();
    assert!(run.tries(BERT, demand("no answer")).is_err());
}

#[test]
fn the_same_person_at_another_terminal_has_the_controls_at_once() {
    let mut run = ready();
    run.tries("anna@ops (2)", Command::TakeControl {}).unwrap();
    assert_eq!(run.state.driver, "anna@ops (2)");
    assert!(
        run.tries("anna@elsewhere", Command::TakeControl {})
            .is_err()
    );
}

/// To begin the rollback whoever drives.
fn back() -> Command {
    act(PairingAct::Demand {
        reason: "`gonogo rollback`".to_owned(),
        to_go_back: true,
    })
}

#[test]
fn the_rollback_at_a_prompt_waits_for_no_driver() {
    let mut run = ready();
    run.tries(BERT, back()).unwrap();
    assert_eq!(run.state.driver, ANNA, "it has not begun");
    run.tries(BERT, run.rollback(0)).unwrap();
    assert_eq!(run.state.mode, Mode::RollingBack);
    assert_eq!(run.state.driver, BERT);
    assert_eq!(run.state.pairing.goes_back, None);
}

#[test]
fn a_demand_to_go_back_of_a_driver_who_is_here_is_good_for_nothing_else() {
    let mut run = ready();
    run.tries(BERT, back()).unwrap();
    for command in every_command(&run) {
        if control::is_for_watchers(&command) || matches!(command, Command::Rollback { .. }) {
            continue;
        }
        let before = run.state.clone();
        let refusal = run.tries(BERT, command.clone()).expect_err("a watcher's");
        assert!(refusal.message.contains("you are watching"), "{command:?}");
        assert_eq!(run.state, before);
    }
    assert!(run.tries(BERT, Command::TakeControl {}).is_err());
    assert!(
        run.tries(CARL, run.rollback(0)).is_err(),
        "it is bert's alone"
    );
    // And it is over when the controls change hands.
    run.does(act(PairingAct::Offer { to: None }));
    run.tries(CARL, Command::TakeControl {}).unwrap();
    assert!(run.tries(BERT, run.rollback(0)).is_err());
}

#[test]
fn a_rollback_under_way_is_taken_over_at_once_to_go_on_with_it() {
    let mut run = ready();
    run.does(run.rollback(0));
    run.tries(BERT, back()).unwrap();
    assert_eq!(run.state.driver, BERT);
}

#[test]
fn a_guest_of_the_drivers_name_is_not_the_driver() {
    let mut run = ready();
    let guest = crate::run::guest_name(ANNA, 1_001);
    for name in [guest.clone(), format!("{guest} (2)")] {
        for command in [Command::TakeControl {}, back(), demand("mine")] {
            assert!(run.tries(&name, command.clone()).is_err(), "{command:?}");
        }
        assert!(run.tries(&name, run.rollback(0)).is_err());
    }
    assert_eq!(run.state.driver, ANNA);
    // Nor does the owner's login take what is the guest's.
    run.does(act(PairingAct::Offer { to: None }));
    run.tries(&guest, Command::TakeControl {}).unwrap();
    assert!(run.tries(ANNA, Command::TakeControl {}).is_err());
    run.tries(&format!("{guest} (2)"), Command::TakeControl {})
        .unwrap();
}

#[test]
fn one_name_at_two_logins_is_no_second_opinion() {
    let mut run = at_the_migration();
    run.starts("migrate");
    let guest = crate::run::guest_name(ANNA, 1_001);
    let refusal = run.tries(&guest, approve(&run)).unwrap_err();
    assert!(refusal.message.contains("cannot approve it"), "{refusal}");
    run.tries(&crate::run::guest_name(BERT, 1_002), approve(&run))
        .unwrap();
    assert_eq!(run.state.running().len(), 1);
}

fn note(text: &str) -> Command {
    Command::Note {
        text: text.to_owned(),
        step: None,
    }
}

#[test]
fn who_watches_says_so_much_and_so_often_and_the_driver_what_they_like() {
    let mut run = ready();
    let refusal = run.tries(BERT, note(&"x".repeat(2_001))).unwrap_err();
    assert!(refusal.message.contains("2000 characters"), "{refusal}");
    let guest = crate::run::guest_name(BERT, 1_001);
    // Hands, notes and demands of all who share a login count together.
    for number in 0..10 {
        run.tries(BERT, note("x")).unwrap();
        run.tries(CARL, act(PairingAct::RaiseHand { about: None }))
            .unwrap();
        run.tries(CARL, act(PairingAct::LowerHand { whom: None }))
            .unwrap();
        run.tries(&guest, note(&number.to_string())).unwrap();
    }
    for (who, command) in [
        (BERT, note("x")),
        (CARL, act(PairingAct::RaiseHand { about: None })),
        (CARL, back()),
    ] {
        let refusal = run.tries(who, command).unwrap_err();
        assert!(refusal.message.contains("written too much"), "{refusal}");
    }
    run.tries(&guest, note("another login")).unwrap();
    for _ in 0..100 {
        run.does(note("the driver"));
    }
    run.now += TimeDelta::seconds(61);
    run.tries(BERT, note("later")).unwrap();
    let mut said = 0;
    for _ in 0..1_200 {
        run.now += TimeDelta::seconds(3);
        said += usize::from(run.tries(&guest, note("all day")).is_ok());
    }
    assert!((190..=210).contains(&said), "{said} in an hour");
}

#[test]
fn another_login_takes_only_what_is_offered() {
    let mut run = ready();
    run.tries(
        ENGINE,
        Observation::GuestJoined {
            name: BERT.to_owned(),
            uid: 1_001,
        },
    )
    .unwrap();
    run.tries(ENGINE, Observation::DriverLeft { since: run.now })
        .unwrap();
    run.now += TimeDelta::hours(1);
    assert!(run.tries(BERT, demand("no answer")).is_err());
    assert!(run.tries(BERT, back()).is_err());
    run.does(act(PairingAct::Offer { to: None }));
    run.tries(BERT, Command::TakeControl {}).unwrap();
    assert_eq!(run.state.driver, BERT);
}

#[test]
fn hands_go_up_and_down_and_the_driver_lowers_them_all() {
    let mut run = ready();
    let raise = act(PairingAct::RaiseHand {
        about: Some("the lag".to_owned()),
    });
    run.tries(BERT, raise.clone()).unwrap();
    assert!(run.tries(BERT, raise.clone()).is_err());
    let lower = |whom: &str| {
        act(PairingAct::LowerHand {
            whom: Some(whom.to_owned()),
        })
    };
    assert!(run.tries(CARL, lower(BERT)).is_err());
    run.tries(ANNA, lower(BERT)).unwrap();
    assert!(run.state.pairing.hands.is_empty());
    run.tries(BERT, raise.clone()).unwrap();
    let left = Observation::WatcherLeft {
        name: BERT.to_owned(),
    };
    run.tries(ENGINE, left.clone()).unwrap();
    assert!(
        run.state.pairing.hands.is_empty(),
        "who is gone asks nothing"
    );
    let logged = run.state.pairing.log.len();
    run.tries(ENGINE, left).unwrap();
    assert_eq!(run.state.pairing.log.len(), logged, "said once");
    run.tries(BERT, raise).unwrap();
    run.does(act(PairingAct::Offer { to: None }));
    run.tries(BERT, Command::TakeControl {}).unwrap();
    assert!(
        run.state.pairing.hands.is_empty(),
        "who drives needs no hand"
    );
}

/// At the migration, which asks for two people.
fn at_the_migration() -> Run {
    Run::of(&two_person_guide())
        .identified()
        .checklist_done()
        .backup_done()
}

fn approve(run: &Run) -> Command {
    let waiting = run.state.pairing.waiting.as_ref();
    act(PairingAct::Approve {
        hash: waiting.map_or(String::new(), |waiting| waiting.request.hash.clone()),
        included: None,
        assumed: false,
    })
}

#[test]
fn what_asks_for_two_people_starts_with_the_second_ones_word() {
    let mut run = at_the_migration();
    run.starts("migrate");
    assert!(run.state.running().is_empty(), "it waits");
    let again = run.refuses(run.start("migrate"));
    assert!(again.message.contains("second person"), "{again}");
    assert!(run.tries(ANNA, approve(&run)).is_err(), "not one's own");
    assert!(
        run.tries("anna@ops (2)", approve(&run)).is_err(),
        "nor at another terminal"
    );
    run.tries(BERT, approve(&run)).unwrap();
    let attempt = run.state.actions[&run.action("migrate")].last().unwrap();
    assert_eq!(attempt.by, ANNA, "who asked did it");
    assert_eq!(attempt.outcome, None);
    assert_eq!(run.state.pairing.waiting, None);
    let launches = run
        .effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Launch { .. }));
    assert_eq!(launches.count(), 2, "the backup and the migration");
}

#[test]
fn a_word_on_what_has_changed_is_void() {
    let guide = two_person_guide().replace("SELECT migrate();", "SELECT migrate(:batch);");
    let mut run = Run::of(&guide).identified().checklist_done().backup_done();
    let set = |value: &str| Command::SetInput {
        name: "BATCH".to_owned(),
        input: Input::Value(value.to_owned()),
    };
    run.does(set("10"));
    run.starts("migrate");
    let word = approve(&run);
    run.does(set("20"));
    assert_eq!(run.state.pairing.waiting, None, "the request is void");
    assert!(run.tries(BERT, word.clone()).is_err());
    run.starts("migrate");
    assert!(
        run.tries(BERT, word).is_err(),
        "nor does an old word fit a new request"
    );
    run.tries(BERT, approve(&run)).unwrap();
    assert_eq!(run.state.running().len(), 1);
}

#[test]
fn the_second_person_may_say_no_and_the_driver_take_it_back() {
    let mut run = at_the_migration();
    for who in [BERT, ANNA] {
        run.starts("migrate");
        let no = act(PairingAct::Object {
            reason: "the dump is old".to_owned(),
        });
        run.tries(who, no).unwrap();
        assert_eq!(run.state.pairing.waiting, None);
    }
    assert!(run.state.running().is_empty());
}

#[test]
fn the_rollback_asks_for_nobody_and_voids_what_waits() {
    let guide = two_person_guide()
        .replace("{#back .run}", "{#back .run .two-person}")
        .replace(
            "### Option 1: The function (recommended)\n<!-- gonogo: estimate=2m -->",
            "### Option 1: The function (recommended)\n<!-- gonogo: estimate=2m approvals=2 -->",
        );
    let mut run = Run::of(&guide).identified().checklist_done().backup_done();
    run.starts("migrate");
    run.does(run.rollback(0));
    assert_eq!(run.state.mode, Mode::RollingBack);
    assert_eq!(run.state.running().len(), 1, "its first step runs at once");
    assert_eq!(run.state.pairing.waiting, None);
}

#[test]
fn a_request_falls_with_a_change_of_drivers() {
    let mut run = at_the_migration();
    run.starts("migrate");
    run.does(act(PairingAct::Offer { to: None }));
    run.tries(BERT, Command::TakeControl {}).unwrap();
    assert_eq!(run.state.pairing.waiting, None);
}

#[test]
fn a_gate_asks_for_two_people_and_its_go_is_bound_to_its_criteria() {
    let guide = GUIDE.replace(
        "<!-- gonogo: estimate=5-10m -->",
        "<!-- gonogo: estimate=5-10m approvals=2 -->",
    );
    let mut run = Run::of(&guide).identified().checklist_done();
    run.runs("backup", exit(0));
    let phase = run.state.runbook.phases[0].clone();
    let judge = |holds| Command::Judge {
        phase: phase.id.clone(),
        line: phase.criteria[1].line,
        holds,
        note: None,
    };
    run.does(judge(true));
    run.goes();
    assert!(!run.state.is_phase_passed(&phase.id), "it waits");
    run.does(judge(false));
    assert_eq!(run.state.pairing.waiting, None, "a criterion fell: void");
    run.does(judge(true));
    run.goes();
    run.tries(BERT, approve(&run)).unwrap();
    let gate = run.state.phases[&phase.id].gate.clone().unwrap();
    assert_eq!((gate.decision, gate.by.as_str()), (GateDecision::Go, ANNA));
    assert_ne!(run.state.current_phase, phase.id, "the run goes on");
}

#[test]
fn an_environment_asks_for_two_people_whatever_the_guide_says() {
    use crate::runbook::config::TwoPerson;
    let guide = GUIDE.replace("SELECT migrate();", "DROP TABLE leftovers;");
    let mut run = Run::of(&guide).identified().checklist_done().backup_done();
    run.state.config.two_person = vec![TwoPerson::Destructive];
    run.starts("migrate");
    assert!(run.state.running().is_empty());
    run.tries(BERT, approve(&run)).unwrap();
    assert_eq!(run.state.running().len(), 1);
}

#[test]
fn a_second_login_is_more_than_a_second_name() {
    let mut run = at_the_migration();
    run.state.config.second_login = true;
    run.tries(
        ENGINE,
        Observation::GuestJoined {
            name: CARL.to_owned(),
            uid: 1_002,
        },
    )
    .unwrap();
    run.starts("migrate");
    let refusal = run.tries(BERT, approve(&run)).unwrap_err();
    assert!(refusal.message.contains("second login"), "{refusal}");
    run.tries(CARL, approve(&run)).unwrap();
    assert_eq!(run.state.running().len(), 1);
}

#[test]
fn three_people_are_three() {
    let guide = GUIDE.replace("{#migrate .run}", "{#migrate .run approvals=3}");
    let mut run = Run::of(&guide).identified().checklist_done().backup_done();
    run.starts("migrate");
    run.tries(BERT, approve(&run)).unwrap();
    assert!(run.state.running().is_empty());
    assert!(run.tries(BERT, approve(&run)).is_err(), "each once");
    run.tries(CARL, approve(&run)).unwrap();
    assert_eq!(run.state.running().len(), 1);
}

#[test]
fn a_rehearsal_assumes_a_second_person_only_where_it_may() {
    let mut run = at_the_migration();
    run.starts("migrate");
    let hash = run
        .state
        .pairing
        .waiting
        .as_ref()
        .unwrap()
        .request
        .hash
        .clone();
    let assumed = act(PairingAct::Approve {
        hash,
        included: None,
        assumed: true,
    });
    assert!(run.tries(ANNA, assumed.clone()).is_err(), "a person drives");
    run.state.unattended = true;
    let policy = Policy {
        assume: false,
        roll_back: false,
    };
    assert!(
        matches!(autopilot(&run.state, policy), Next::Person(why) if why.contains("second person"))
    );
    run.state.protected = true;
    assert!(run.tries(ANNA, assumed.clone()).is_err(), "protected");
    run.state.protected = false;
    run.tries(ANNA, assumed).unwrap();
    assert_eq!(run.state.running().len(), 1);
}

#[test]
fn a_summary_says_what_must_be_known() {
    let mut run = ready().checklist_done();
    run.starts("backup");
    run.does(Command::Note {
        text: "the replica lags".to_owned(),
        step: None,
    });
    run.now += TimeDelta::seconds(65);
    let lines = summary(&run.state, &rollback_plans(&run.state), run.now);
    let text = |label: &str| {
        let line = lines.iter().find(|line| line.label == label);
        line.unwrap_or_else(|| panic!("no {label} in {lines:?}"))
            .text
            .clone()
    };
    assert!(text("phase").contains("Backup"));
    assert!(text("step").contains("running"), "{}", text("step"));
    assert_eq!(text("running"), "`backup` for 1 min 5 s");
    assert!(text("rollback").contains("ready"));
    assert!(text("window").contains("start the rollback by 02:58"));
    assert!(text("note").contains("the replica lags"));
}

/// A journal of the version before has none of this.
#[test]
fn a_state_without_people_still_reads() {
    let run = ready();
    let mut old = serde_json::to_value(&run.state).unwrap();
    old.as_object_mut().unwrap().remove("pairing");
    let config = old["config"].as_object_mut().unwrap();
    for key in ["demand_after_s", "two_person", "second_login"] {
        config.remove(key).unwrap();
    }
    let read: RunState = serde_json::from_value(old).unwrap();
    assert_eq!(read.pairing, Pairing::default());
}

#[test]
fn a_word_that_nobody_asked_for_is_not_kept() {
    let mut run = at_the_migration();
    let mut start = run.start("migrate");
    if let Command::Start { typed, .. } = &mut start {
        *typed = Some("hunter2".to_owned());
    }
    run.does(start);
    let waiting = run.state.pairing.waiting.as_ref().unwrap();
    assert_eq!(waiting.request.typed, None);
}
