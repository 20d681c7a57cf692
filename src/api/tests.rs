//! What passes over the socket arrives as it was sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::run::{Event, Record, TickState, open};
use crate::runbook::parse;

#[test]
fn a_snapshot_survives_the_wire() {
    let now = chrono::Utc::now();
    let record = Record {
        seq: 1,
        at: now,
        by: "anna".to_owned(),
        event: Event::RunOpened {
            run: "r".to_owned(),
            runbook: Arc::new(parse(
                "g.md",
                b"# G\n\n## Phase 1: A\n\n- [ ] box\n\n```sql {#a .run}\nSELECT 1;\n```\n",
            )),
            environment: Box::default(),
            directory: "/".to_owned(),
            inputs: BTreeMap::new(),
            window_ends: None,
            driver: "anna".to_owned(),
            unattended: false,
            provenance: Default::default(),
        },
    };
    let mut state = open(&record).unwrap();
    // Maps by number are what internally tagged enums cannot read back.
    let tick = TickState {
        at: now,
        by: "anna".to_owned(),
        value: None,
        note: None,
        judgement: None,
    };
    state
        .steps
        .entry("s".to_owned())
        .or_default()
        .ticks
        .insert(3, tick);
    let message = Message::Snapshot(Box::new(Snapshot {
        at: now,
        you: "anna".to_owned(),
        state,
        samples: Vec::new(),
        outputs: Vec::new(),
        people: Vec::new(),
        store: StoreHealth::default(),
    }));
    let line = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<Message>(&line).unwrap(), message);
    let message = Message::Event(Box::new(record));
    let line = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<Message>(&line).unwrap(), message);
}
