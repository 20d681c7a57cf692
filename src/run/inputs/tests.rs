use std::sync::Arc;

use chrono::{TimeZone, Utc};

use super::*;
use crate::run::{Command, Facts, Observation, decide, observe, open, preview};
use crate::runbook::config::{Environment, SecretSource};
use crate::runbook::{VariableRule, parse};

const GUIDE: &str = "# G

## Step 1: Look

```bash
git checkout <commit>
```

## Step 2: Log in

```bash
login <token> ${PLACE:-eu}
```

## Step 3: Clean

```bash
rm -r /srv/<old>
```
";
const ANNA: &str = "anna@ops";

struct Run {
    state: RunState,
    seq: u64,
}

impl Run {
    fn new(remembered: &[(&str, &str)]) -> Self {
        let at = Utc.with_ymd_and_hms(2026, 1, 2, 2, 0, 0).unwrap();
        let mut runbook = parse("g.md", GUIDE.as_bytes());
        for variable in &mut runbook.variables {
            if variable.name == "COMMIT" {
                variable.rule = VariableRule {
                    pattern: Some("[0-9a-f]{7}".to_owned()),
                    ..VariableRule::default()
                };
            }
        }
        let remembered = remembered
            .iter()
            .map(|(name, value)| {
                let remembered = Remembered {
                    input: Input::Value((*value).to_owned()),
                    at,
                    by: "ben@ops".to_owned(),
                };
                ((*name).to_owned(), remembered)
            })
            .collect();
        let record = Record {
            seq: 1,
            at,
            by: ANNA.to_owned(),
            event: Event::RunOpened {
                run: "r".to_owned(),
                runbook: Arc::new(runbook),
                environment: Box::new(Environment::default()),
                directory: "/srv".to_owned(),
                inputs: BTreeMap::new(),
                window_ends: None,
                driver: ANNA.to_owned(),
                unattended: false,
                provenance: Provenance {
                    remembered,
                    ..Provenance::default()
                },
            },
        };
        Self {
            state: open(&record).unwrap(),
            seq: 1,
        }
    }

    fn happens(&mut self, by: &str, event: Event) {
        self.seq += 1;
        let record = Record {
            seq: self.seq,
            at: self.state.last_event_at,
            by: by.to_owned(),
            event,
        };
        crate::run::apply(&mut self.state, &record);
    }

    fn does(&mut self, command: Command) -> Result<(), Refusal> {
        let now = self.state.last_event_at;
        for event in decide(&self.state, &Facts::default(), ANNA, &command, now)? {
            self.happens(ANNA, event);
        }
        Ok(())
    }

    fn gives(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        self.does(Command::SetInput {
            name: name.to_owned(),
            input: Input::Value(value.to_owned()),
        })
    }

    fn open(&self) -> Vec<&str> {
        open_inputs(&self.state)
            .map(|known| known.name.as_str())
            .collect()
    }
}

#[test]
fn a_value_that_breaks_its_rule_is_refused_with_the_rule() {
    let mut run = Run::new(&[]);
    let refusal = run.gives("COMMIT", "nonsense").unwrap_err();
    assert!(refusal.message.contains("[0-9a-f]{7}"), "{refusal}");
    for hostile in ["a\nb", "a\u{1b}[2J", "a\u{202e}b", &"x".repeat(10_240), ""] {
        assert!(run.gives("OLD", hostile).is_err(), "{hostile:?}");
    }
    assert!(run.gives("NO_SUCH", "x").is_err());
    assert_eq!(run.open(), ["COMMIT", "TOKEN", "OLD"]);
    run.gives("COMMIT", "0a1b2c3").unwrap();
    assert_eq!(run.open(), ["TOKEN", "OLD"]);
}

#[test]
fn an_open_blank_holds_only_the_steps_that_need_it() {
    let mut run = Run::new(&[]);
    run.gives("COMMIT", "0a1b2c3").unwrap();
    assert!(preview(&run.state, ActionId::block(1)).is_ok());
    assert!(preview(&run.state, ActionId::block(2)).is_err());
    let waiting: Vec<_> = steps_needing(&run.state, "TOKEN")
        .iter()
        .map(|step| step.title.clone())
        .collect();
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].contains("Log in"), "{waiting:?}");
}

#[test]
fn a_secret_takes_a_source_and_never_a_value() {
    let mut run = Run::new(&[]);
    let refusal = run.gives("TOKEN", "hunter2").unwrap_err();
    assert!(!refusal.message.contains("hunter2") && !refusal.help.contains("hunter2"));
    run.does(Command::SetInput {
        name: "TOKEN".to_owned(),
        input: Input::Secret(SecretSource::Env("DEPLOY_TOKEN".to_owned())),
    })
    .unwrap();
    let shown = preview(&run.state, ActionId::block(2)).unwrap();
    assert!(shown.command.contains("\"${TOKEN}\""), "{}", shown.command);
}

#[test]
fn a_source_that_holds_the_secret_itself_is_refused() {
    let mut run = Run::new(&[]);
    for command in ["printf postgresql://u:hunter2@h/d", "echo hunter2"] {
        let refusal = run
            .does(Command::SetInput {
                name: "TOKEN".to_owned(),
                input: Input::Secret(SecretSource::Command(command.to_owned())),
            })
            .unwrap_err();
        assert_eq!(
            refusal.message,
            "that is not a source for `TOKEN`: it holds the secret itself, and would be kept with the run"
        );
        assert!(refusal.help.contains("into a file"), "{}", refusal.help);
    }
    assert!(run.state.inputs.is_empty());
}

#[test]
fn what_a_shell_fills_in_by_itself_waits_for_nobody_and_takes_a_value() {
    let mut run = Run::new(&[]);
    assert!(!run.open().contains(&"PLACE"));
    run.does(Command::SetInput {
        name: "TOKEN".to_owned(),
        input: Input::Secret(SecretSource::Env("T".to_owned())),
    })
    .unwrap();
    assert!(
        preview(&run.state, ActionId::block(2))
            .unwrap()
            .values
            .is_empty()
    );
    run.gives("PLACE", "us").unwrap();
    let shown = preview(&run.state, ActionId::block(2)).unwrap();
    assert_eq!(shown.values.get("PLACE").map(String::as_str), Some("us"));
}

#[test]
fn changes_are_taken_back_one_after_the_other() {
    let mut run = Run::new(&[]);
    run.gives("OLD", "v1").unwrap();
    run.gives("OLD", "v2").unwrap();
    run.does(Command::ClearInput {
        name: "OLD".to_owned(),
    })
    .unwrap();
    let now = |run: &Run| run.state.inputs.get("OLD").cloned();
    assert_eq!(now(&run), None);
    run.does(Command::UndoInput {}).unwrap();
    assert_eq!(now(&run), Some(Input::Value("v2".to_owned())));
    run.does(Command::UndoInput {}).unwrap();
    assert_eq!(now(&run), Some(Input::Value("v1".to_owned())));
    run.does(Command::UndoInput {}).unwrap();
    assert_eq!(now(&run), None);
    assert!(run.does(Command::UndoInput {}).is_err());
}

#[test]
fn what_is_remembered_is_only_offered_until_somebody_confirms_it() {
    let mut run = Run::new(&[("COMMIT", "0a1b2c3"), ("OLD", "v1")]);
    assert_eq!(run.open(), ["COMMIT", "TOKEN", "OLD"]);
    assert!(preview(&run.state, ActionId::block(1)).is_err());
    run.gives("COMMIT", "0a1b2c3").unwrap();
    assert_eq!(run.state.provenance.origins["COMMIT"], Origin::Remembered);
    run.gives("OLD", "v2").unwrap();
    assert_eq!(run.state.provenance.origins["OLD"], Origin::Typed);
    assert!(run.state.provenance.remembered.is_empty());
}

#[test]
fn an_arming_of_an_earlier_run_counts_for_the_same_code_and_never_for_what_destroys() {
    let mut run = Run::new(&[]);
    run.gives("COMMIT", "0a1b2c3").unwrap();
    run.gives("OLD", "v1").unwrap();
    for block in [1, 3] {
        let action = ActionId::block(block);
        let armed = ArmedBefore {
            code: code_hash(&run.state, action).unwrap(),
            at: run.state.opened_at,
            by: "ben@ops".to_owned(),
        };
        assert!(!is_armed(&run.state, &preview(&run.state, action).unwrap()));
        run.happens(
            crate::run::ENGINE,
            Event::ArmingRemembered { action, armed },
        );
    }
    let harmless = preview(&run.state, ActionId::block(1)).unwrap();
    let destroys = preview(&run.state, ActionId::block(3)).unwrap();
    assert!(!destroys.destructive.is_empty());
    assert!(is_armed(&run.state, &harmless) && !is_armed(&run.state, &destroys));
    // Another value changes the preview and not what was read in the guide.
    run.gives("COMMIT", "1111111").unwrap();
    assert!(is_armed(
        &run.state,
        &preview(&run.state, ActionId::block(1)).unwrap()
    ));
    // Other code is another block.
    let armed = ArmedBefore {
        code: "0".repeat(64),
        at: run.state.opened_at,
        by: ANNA.to_owned(),
    };
    run.happens(
        crate::run::ENGINE,
        Event::ArmingRemembered {
            action: ActionId::block(1),
            armed,
        },
    );
    assert!(!is_armed(
        &run.state,
        &preview(&run.state, ActionId::block(1)).unwrap()
    ));
}

#[test]
fn only_a_change_of_the_guide_on_disk_is_an_event() {
    let mut run = Run::new(&[]);
    let seen = |state| Observation::GuideSeen { state };
    let now = run.state.last_event_at;
    let events = |run: &Run, seen| observe(&run.state, &Facts::default(), &seen, now).unwrap();
    assert_eq!(events(&run, seen(GuideOnDisk::Same)), []);
    let changed = GuideOnDisk::Changed("ab".to_owned());
    let first = events(&run, seen(changed.clone()));
    assert_eq!(first.len(), 1);
    run.happens(crate::run::ENGINE, first[0].clone());
    assert_eq!(events(&run, seen(changed)), []);
    assert_eq!(events(&run, seen(GuideOnDisk::Same)).len(), 1);
}
