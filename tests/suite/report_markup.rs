//! The report as a renderer of Markdown sees it: whatever a field holds, it adds no node to the tree. A
//! fourth of the attacks on each field belong to each run of the tests; `GONOGO_FAULTS=1` asks for all.

use std::collections::BTreeMap;

use gonogo::journal::SqliteJournal;
use gonogo::report;
use gonogo::run::{
    Acknowledged, ActionId, Alert, ApprovalRequest, ArmedBefore, ByPerson, Hold, HoldEnd,
    IdentitySeen, KeyboardUse, Logged, PairingFact, RollbackState, RunState, Seen, Subject,
    TargetIdentity, Timestamp, fold,
};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::{Value, json};

use crate::support::home::Home;

/// Texts that try to be more than text, at the beginning of a block, in a line and in a cell.
const HOSTILE: [&str; 40] = [
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    "<!-- x -->",
    "<?php x ?>",
    "<https://evil.test/a>",
    "[a](https://evil.test)",
    "![a](https://evil.test/x.png)",
    "[a][b] [b]: https://evil.test",
    "[a]: https://evil.test",
    "[^1] [^1]: note",
    "[[wiki]]",
    "https://evil.test/?a=b",
    "(http://evil.test).",
    "www.evil.test",
    "HTTPS://EVIL.test",
    "anna@evil.test, mailto:anna@evil.test",
    "ftp://a`b@c.test",
    "*a* **b** _c_ __d__ ***e***",
    "~~a~~ ~b~ ^c^ ==d== ||e||",
    "`a` ``b`` ``c` `d",
    "`<b>` ` [a](b) `",
    "a | b | c",
    "a \\| b \\\\| `c|d` `e\\|f`",
    "\\",
    "a\\",
    "\\`<b>\\`",
    "&lt;b&gt; &#60;b&#62; &amp;",
    "# a",
    "a #",
    "## a ##",
    "- a",
    "+ a",
    "1. a",
    "12) a",
    "> a",
    "    a",
    "a\n\n# b\n\n<b>\n\n- c\n| d |\n|---|\n",
    "```\n</code>\n~~~\n<b>",
    "---\n===\n***",
    "$a$ $$b$$ :smile: {#id .x} {% raw %} [x] [ ]",
];

fn all() -> Options {
    Options::all() - Options::ENABLE_SMART_PUNCTUATION
}

/// The nodes of a document without their text. Code in a line is text: it runs nowhere.
fn tree(document: &str) -> Vec<String> {
    let mut nodes = Vec::new();
    for event in Parser::new_ext(document, all()) {
        match event {
            Event::Text(_) | Event::Code(_) => {}
            Event::Start(Tag::Heading { level, .. }) => nodes.push(format!("{level}")),
            Event::Start(Tag::CodeBlock(_)) => nodes.push("code".to_owned()),
            other => nodes.push(format!("{other:?}")),
        }
    }
    nodes
}

/// What a renderer that links bare addresses would link.
fn bare_addresses(document: &str) -> Vec<String> {
    let address = regex::Regex::new(
        r"(?i)(https?|ftp)://|www\.|mailto:|xmpp:|[a-z0-9._+-]+@[a-z0-9_-]+\.[a-z0-9]",
    )
    .unwrap();
    let (mut found, mut text, mut fenced) = (Vec::new(), String::new(), false);
    for event in Parser::new_ext(document, all()) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => fenced = true,
            Event::End(TagEnd::CodeBlock) => fenced = false,
            Event::Text(more) if !fenced => text.push_str(&more),
            _ => text.push('\n'),
        }
    }
    found.extend(address.find_iter(&text).map(|one| one.as_str().to_owned()));
    found
}

fn state(home: &Home, run: &str) -> RunState {
    let journal = home.run_directory(run).join("journal.sqlite");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folded = SqliteJournal::open_read_only_folding(
        &journal,
        None,
        |state: &mut Option<RunState>, record| fold(state, &record),
    );
    let (_, state) = runtime.block_on(folded).unwrap();
    state.unwrap()
}

/// A run in which everything happened that a report tells of.
fn eventful() -> Value {
    let home = Home::new();
    home.write(
        "guide.md",
        "# A guide\n\n## Phase 1: Do it\n\n### First\n\n- [ ] A box\n- [ ] Another\n\n```bash {#a .run expect=\"exit == 0\"}\necho <NAME>\necho one; echo two\n```\n\n```bash {#b .run optional}\necho 2\n```\n\n**Success criteria:**\n- It is so <!-- gonogo: expect=\"a.exit == 0\" -->\n- It feels right\n\n## Rollback\n\n### Option 1: Back (recommended)\n\n```bash {#back .run}\necho back\n```\n",
    );
    home.gonogo(&["rehearse", "guide.md", "--rollback", "--var", "NAME=value"]);
    let run = home.runs()[0].clone();
    let mut kept = state(&home, &run);
    let at = kept.opened_at;
    see_red_flags(&mut kept, at);
    hold_and_type(&mut kept, at);
    go_back(&mut kept, at);
    change_identity(&mut kept, at);
    let armed = ArmedBefore {
        code: "code".to_owned(),
        at,
        by: "person".to_owned(),
    };
    kept.armed_before.insert(ActionId::block(1), armed);
    kept.pairing.log = pairing_facts()
        .into_iter()
        .map(|fact| Logged {
            at,
            by: "person".to_owned(),
            fact,
        })
        .collect();
    let mut state = serde_json::to_value(&kept).unwrap();
    let at = state["opened_at"].clone();
    let skip = json!({"at": at, "by": "person", "reason": "reason"});
    state["notes"] = json!([{"at": at, "by": "person", "text": "note", "step": null}]);
    state["protected"] = json!(true);
    state["guide_on_disk"] = json!({"at": at, "state": {"unreadable": "why"}});
    let step = state["runbook"]["phases"][0]["steps"][0]["id"].clone();
    state["steps"][step.as_str().unwrap()] = json!({
        "skipped": skip,
        "left_out": {"1": skip},
        "ticks": {"0": {"at": at, "by": "person", "value": "value", "note": "note", "judgement": null}},
    });
    for (_, phase) in state["phases"].as_object_mut().unwrap() {
        phase["gate"] = json!({"decision": "go", "at": at, "by": "person", "reason": "reason"});
    }
    state
}

fn see_red_flags(state: &mut RunState, at: Timestamp) {
    let first = *state.actions.keys().next().unwrap();
    let known = Acknowledged {
        at,
        by: "person".to_owned(),
        note: "note".to_owned(),
        lasts: true,
        more: 2,
        latest: "latest".to_owned(),
    };
    state.alerts = [None, Some(known)]
        .into_iter()
        .map(|acknowledged| Alert {
            id: 1,
            phase: state.current_phase.clone(),
            action: first,
            attempt: 1,
            pattern: "pattern".to_owned(),
            line: 3,
            text: "text".to_owned(),
            count: 2,
            first_at: at,
            last_at: at,
            acknowledged,
        })
        .collect();
}

/// A transaction that was held, keys that went to a step, and a command that a person corrected.
fn hold_and_type(state: &mut RunState, at: Timestamp) {
    let with_attempts = |own: &&mut gonogo::run::ActionState| !own.attempts.is_empty();
    let attempt = state.actions.values_mut().find(with_attempts).unwrap();
    let attempt = &mut attempt.attempts[0];
    attempt.reason = Some("reason".to_owned());
    attempt.holds = vec![Hold {
        number: 1,
        line: 12,
        since: at,
        judgements: Vec::new(),
        ended: Some(HoldEnd {
            at,
            by: "person".to_owned(),
            commit: false,
            reason: Some("reason".to_owned()),
        }),
    }];
    attempt.keyboard = vec![KeyboardUse {
        by: "person".to_owned(),
        since: at,
        until: Some(at),
    }];
    let written = ByPerson {
        at,
        by: "person".to_owned(),
        original: Some("echo 2 and more".to_owned()),
    };
    state.written.insert(ActionId::block(2), written);
}

/// One that got stuck, one under way, and one that reached its end.
fn go_back(state: &mut RunState, at: Timestamp) {
    let rollback = |succeeded, stuck_reason| RollbackState {
        option: state.runbook.rollback[0].id.clone(),
        by: "person".to_owned(),
        reason: Some("reason".to_owned()),
        started_at: at,
        ended_at: Some(at),
        succeeded,
        stuck_reason,
        from_phase: state.current_phase.clone(),
        included: None,
        attempts_before: BTreeMap::new(),
    };
    let stuck = rollback(Some(false), Some("why".to_owned()));
    state.past_rollbacks = vec![stuck, rollback(None, None)];
    state.rollback = Some(rollback(Some(true), None));
}

/// A target that proved to be another, and was accepted.
fn change_identity(state: &mut RunState, at: Timestamp) {
    let identity = TargetIdentity {
        host: "host".to_owned(),
        port: 5432,
        database: "shop".to_owned(),
        user: "deploy".to_owned(),
        server_version: "15.18".to_owned(),
        system_identifier: Some("7301".to_owned()),
        ..TargetIdentity::default()
    };
    let target = || "main".to_owned();
    state.targets.insert(target(), "host=db".to_owned());
    state.identities.insert(target(), identity.clone());
    let changed = Seen::Changed {
        what: vec!["system".to_owned(), "role".to_owned()],
    };
    let accepted = Seen::Accepted {
        by: "person".to_owned(),
        reason: "reason".to_owned(),
    };
    state.identities_seen = [Seen::Proved, changed, accepted]
        .into_iter()
        .map(|how| IdentitySeen {
            target: target(),
            identity: identity.clone(),
            at,
            how,
        })
        .collect();
}

/// Everything between people that has a text of its own.
fn pairing_facts() -> Vec<PairingFact> {
    let word = |word: &str| word.to_owned();
    let (from, whom, reason, what) = (
        || word("from"),
        || word("whom"),
        || word("reason"),
        || word("what"),
    );
    let request = Box::new(ApprovalRequest {
        subject: Subject::Gate {
            phase: word("phase"),
        },
        hash: word("hash"),
        included: None,
        typed: None,
        reason: None,
        needed: 1,
    });
    vec![
        PairingFact::ControlOffered { to: Some(whom()) },
        PairingFact::ControlAccepted { from: from() },
        PairingFact::ControlReturned { from: from() },
        PairingFact::ControlDemanded {
            from: from(),
            reason: reason(),
            gone_s: Some(3),
            to_go_back: true,
        },
        PairingFact::RollbackDemanded {
            from: from(),
            reason: reason(),
        },
        PairingFact::HandRaised {
            about: Some(what()),
        },
        PairingFact::HandLowered {
            whom: whom(),
            left: true,
        },
        PairingFact::GuestAllowed { whom: whom() },
        PairingFact::GuestDisallowed { whom: whom() },
        PairingFact::GuestJoined {
            name: whom(),
            uid: 1001,
        },
        PairingFact::ApprovalAsked {
            what: what(),
            request,
        },
        PairingFact::Approved {
            what: what(),
            assumed: false,
        },
        PairingFact::ApprovalRefused {
            what: what(),
            reason: reason(),
        },
        PairingFact::ApprovalVoided {
            what: what(),
            reason: reason(),
        },
    ]
}

/// Every text in the state, by its path.
fn texts(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(path),
        Value::Array(all) => {
            for (index, one) in all.iter().enumerate() {
                texts(one, format!("{path}/{index}"), found);
            }
        }
        Value::Object(all) => {
            for (name, one) in all {
                let name = name.replace('~', "~0").replace('/', "~1");
                texts(one, format!("{path}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// The tags of a page, but for those of code in a line. No text is part of one.
fn tags(page: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    for piece in page.split('<').skip(1) {
        let tag = piece.split_inclusive('>').next().unwrap_or(piece);
        if !["code>", "/code>"].contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// The report in both forms.
fn with(state: &Value, path: &str, text: &str) -> Option<(String, String)> {
    let mut state = state.clone();
    *state.pointer_mut(path)? = json!(text);
    let state: RunState = serde_json::from_value(state).ok()?;
    let since = report::Since::default();
    Some((
        report::markdown(&state, since, true, 7),
        report::html(&state, since, true, 7),
    ))
}

#[test]
fn no_text_of_a_run_adds_a_node_to_its_report() {
    let state = eventful();
    let all = std::env::var_os("GONOGO_FAULTS").is_some();
    let mut paths = Vec::new();
    texts(&state, String::new(), &mut paths);
    let (mut shown, mut rendered) = (Vec::new(), 0);
    for path in &paths {
        let Some((plain, plain_page)) = with(&state, path, "plainword") else {
            continue;
        };
        if !plain.contains("plainword") {
            continue;
        }
        shown.push(path.as_str());
        let nodes = tree(&plain);
        for tag in tags(&plain_page) {
            let fetches = ["<script", "src=", "href=", "url("];
            assert!(
                fetches.iter().all(|sign| !format!("<{tag}").contains(sign)),
                "{tag}"
            );
        }
        assert_eq!(bare_addresses(&plain), Vec::<String>::new(), "{path}");
        // Each text at the beginning or in the middle of its field, by turns.
        let texts = HOSTILE.iter().enumerate();
        for (number, text) in texts.filter(|(number, _)| all || number % 4 == shown.len() % 4) {
            let text = match (number / 4 + shown.len()) % 2 {
                0 => (*text).to_owned(),
                _ => format!("a {text} b"),
            };
            let (report, page) = with(&state, path, &text).unwrap();
            assert_eq!(tags(&page), tags(&plain_page), "{path}: {text:?}\n{page}");

            assert_eq!(tree(&report), nodes, "{path}: {text:?}\n{report}");
            assert_eq!(
                bare_addresses(&report),
                Vec::<String>::new(),
                "{path}: {text:?}"
            );
            rendered += 1;
        }
    }
    println!("{} fields, {rendered} reports", shown.len());
    for field in [
        "/runbook/title",
        "/notes/0/text",
        "/notes/0/by",
        "reason",
        "explanation",
        "stdout",
        "/targets/main",
        "/command",
        "/ticks/0/text",
        "/gate/by",
        "/ticks/0/note",
        "/skipped/by",
        "/environment",
        "/armed_before/1/by",
        "/alerts/1/pattern",
        "/alerts/1/text",
        "/alerts/1/acknowledged/by",
        "/alerts/1/acknowledged/note",
        "/alerts/1/acknowledged/latest",
        "/holds/0/ended/by",
        "/holds/0/ended/reason",
        "/keyboard/0/by",
        "/written/2/by",
        "/written/2/original",
        "/past_rollbacks/0/by",
        "/past_rollbacks/0/reason",
        "/past_rollbacks/0/stuck_reason",
        "/rollback/reason",
        "/identities/main/host",
        "/identities/main/system_identifier",
        "/identities_seen/1/how/changed/what/0",
        "/identities_seen/2/how/accepted/by",
        "/identities_seen/2/how/accepted/reason",
        "/identities_seen/0/identity/database",
        "/pairing/log/0/by",
        "/pairing/log/0/fact/to",
        "/pairing/log/3/fact/reason",
        "/pairing/log/5/fact/about",
        "/pairing/log/9/fact/name",
        "/pairing/log/10/fact/what",
        "/pairing/log/13/fact/reason",
    ] {
        assert!(
            shown.iter().any(|path| path.contains(field)),
            "{field}: {shown:#?}"
        );
    }
}
