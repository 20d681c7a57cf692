//! Guides as people write them: what is understood of them, and what is refused. The small guides of
//! our own in `tests/guides` hold the cases that real guides have taught.

use gonogo::runbook::diagnostic::Severity;
use gonogo::runbook::{Block, Part, Role, Runbook, check_document, parse};
use serde_json::Value;

const MIGRATION: &str = include_str!("../guides/migration.md");
const SCHEMA: &str = include_str!("../guides/schema.md");
const COUNTERS: &str = include_str!("../guides/counters.md");
const RIVALS: &str = include_str!("../guides/rivals.md");
const RELEASE: &str = include_str!("../guides/release.md");
const DOCUMENTATION: &str = include_str!("../../docs/dialect.md");
pub const GUIDES: [&str; 5] = [MIGRATION, SCHEMA, COUNTERS, RIVALS, RELEASE];

pub fn open(text: &str) -> Runbook {
    parse("guide.md", text.as_bytes())
}

/// The block whose code holds some words.
fn block<'a>(runbook: &'a Runbook, words: &str) -> &'a Block {
    runbook
        .blocks
        .iter()
        .find(|block| block.code.contains(words))
        .unwrap_or_else(|| panic!("no block holds {words}"))
}

fn part<'a>(block: &'a Block, words: &str) -> &'a Part {
    block
        .parts
        .iter()
        .find(|part| part.code.contains(words))
        .unwrap_or_else(|| panic!("no part holds {words}: {:#?}", block.parts))
}

pub fn codes(runbook: &Runbook) -> Vec<&str> {
    runbook
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code.as_str())
        .collect()
}

fn titles(runbook: &Runbook) -> Vec<&str> {
    runbook
        .phases
        .iter()
        .map(|phase| phase.title.as_str())
        .collect()
}

#[test]
fn options_in_comments_are_a_choice_and_not_run_as_a_whole() {
    let runbook = open(MIGRATION);
    let stop = block(&runbook, "Option A");
    assert_eq!(stop.role, Role::Split);
    let (worker, all) = (part(stop, "only the worker"), part(stop, "Option B"));
    let group = |part: &Part| part.choice.as_ref().map(|choice| choice.group.clone());
    assert!(group(worker).is_some());
    assert_eq!(group(worker), group(all));
    assert_eq!(worker.role, Role::Fill);
    assert_eq!(
        part(stop, "pgrep").choice,
        None,
        "what follows the options is for both"
    );
    assert!(runbook.phases[1].optional);
}

#[test]
fn alternatives_of_a_command_are_listed_beside_the_primary() {
    let runbook = open(MIGRATION);
    let deploy = block(&runbook, "npm run build");
    assert_eq!(deploy.role, Role::Split);
    for (primary, other) in [
        ("npm run build", "npx tsc"),
        ("pm2 restart gateway", "node server.js"),
        ("pm2 status", "pgrep -fa node"),
    ] {
        let first = part(deploy, primary)
            .choice
            .clone()
            .expect("the primary is one of two");
        let second = deploy
            .parts
            .iter()
            .find(|part| part.code.trim_end_matches(" &") == other)
            .and_then(|part| part.choice.clone())
            .unwrap_or_else(|| panic!("{other} is one of two"));
        assert_eq!(first.group, second.group);
        assert!(first.recommended && !second.recommended);
    }
}

#[test]
fn an_optional_part_can_be_skipped_and_what_it_drops_is_named() {
    let runbook = open(MIGRATION);
    let backup = block(&runbook, "createdb orders_try");
    assert_eq!(backup.role, Role::Split);
    let trial = part(backup, "createdb");
    assert!(trial.optional);
    assert_eq!(trial.destructive, ["dropdb"]);
    assert!(!part(backup, "pg_dump").optional);
}

#[test]
fn two_followed_logs_are_two_watches() {
    let runbook = open(MIGRATION);
    let logs = block(&runbook, "tail -f");
    assert_eq!(logs.parts.len(), 2);
    assert!(logs.parts.iter().all(|part| part.long_running));
}

#[test]
fn a_shell_command_inside_sql_is_refused_as_a_whole() {
    let runbook = open(MIGRATION);
    let totals = block(&runbook, "TRUNCATE");
    assert!(
        totals
            .refused
            .as_ref()
            .is_some_and(|why| why.contains("curl"))
    );
    let diagnostic = runbook
        .diagnostics
        .iter()
        .find(|diagnostic| diagnostic.code == "shell-inside-sql")
        .expect("it is reported");
    assert_eq!(
        diagnostic.severity,
        Severity::Warning,
        "it stands beside the walk"
    );
    assert!(
        MIGRATION
            .lines()
            .nth(diagnostic.line - 1)
            .is_some_and(|line| line.starts_with("curl"))
    );
}

#[test]
fn waits_of_days_are_gates() {
    let runbook = open(MIGRATION);
    let days: Vec<u64> = runbook
        .waits
        .iter()
        .map(|wait| wait.duration_s / 86_400)
        .collect();
    assert_eq!(days, [7, 30]);
    assert_eq!(runbook.cleanup[0].wait_s, Some(7 * 86_400));
}

#[test]
fn expected_output_belongs_to_the_block_before_it() {
    let runbook = open(MIGRATION);
    let step = &runbook.phases[2].steps[0];
    let expected = &step.expect[0];
    assert_eq!(expected.block, Some(block(&runbook, "12_one_table").n));
    assert_eq!(
        expected.output.as_deref(),
        Some(
            &[
                "NOTICE: found X orders".to_owned(),
                "...".to_owned(),
                "NOTICE: done, Y rows moved".to_owned()
            ][..]
        )
    );
    let flags: Vec<bool> = runbook.phases[2]
        .criteria
        .iter()
        .map(|criterion| criterion.red_flag)
        .collect();
    assert_eq!(flags, [false, true]);
}

#[test]
fn acts_told_in_comments_are_ticked_before_the_query() {
    let runbook = open(MIGRATION);
    let order = block(&runbook, "Fill the basket");
    let roles: Vec<Role> = order.parts.iter().map(|part| part.role).collect();
    assert_eq!(
        roles,
        [
            Role::Manual,
            Role::Manual,
            Role::Manual,
            Role::Manual,
            Role::Run
        ]
    );
    let document = check_document(&runbook);
    let manual = &document["phases"][4]["steps"][0]["manual"];
    assert!(
        manual
            .as_array()
            .is_some_and(|acts| acts.contains(&Value::from("Fill the basket")))
    );
}

#[test]
fn a_pattern_that_may_match_two_dumps_and_a_blank_stop_a_restore() {
    let runbook = open(MIGRATION);
    let restore = block(&runbook, "--clean");
    assert_eq!(restore.role, Role::Fill);
    assert_eq!(restore.needs, ["ORDERS_DUMP", "PREVIOUS_COMMIT"]);
    assert!(codes(&runbook).contains(&"glob-in-restore"));
    assert!(codes(&runbook).contains(&"backup-verified-by-ls"));
    assert!(codes(&runbook).contains(&"pipe-hides-exit-code"));
    assert!(codes(&runbook).contains(&"psql-without-on-error-stop"));
}

#[test]
fn headings_decide_and_prose_and_drawings_do_not() {
    let text: String = SCHEMA.to_owned();
    let runbook = open(&text);
    assert_eq!(runbook.phases.len(), 4, "{:?}", titles(&runbook));
    assert!(codes(&runbook).contains(&"phase-count"));
    assert_eq!(
        runbook.phases[0].estimate.map(|estimate| estimate.max_s),
        Some(14_400)
    );
    assert_eq!(block(&runbook, "export const").role, Role::Content);
    assert_eq!(runbook.rollback.len(), 2);
    let emergency: Vec<&str> = runbook.rollback[1].steps[0]
        .ticks
        .iter()
        .map(|tick| tick.text.as_str())
        .collect();
    assert_eq!(
        emergency,
        ["**Stop** the new writes", "**Go back** to the old tables"]
    );
}

#[test]
fn steps_that_are_only_numbered_items_are_walked_and_their_rollback_is_not() {
    let guide = "# Rollout\n\nTell support.\n\n## Prerequisites\n\n- [ ] VPN is up\n\n## If it goes wrong\n\n\
                 ```sql\nALTER TABLE orders DROP COLUMN channel;\n```\n";
    let steps = "1. Add the column:\n\n   ```sql\n   ALTER TABLE orders ADD COLUMN channel text;\n   ```\n\n\
                 2. Restart:\n\n   ```bash\n   systemctl restart orders\n   ```\n\n";
    let runbook = open(&guide.replace("Tell support.\n\n", steps));
    assert_eq!(titles(&runbook), ["Rollout"]);
    assert_eq!(runbook.phases[0].steps[0].blocks, [1, 2]);
    let all: Vec<&str> = runbook.walk().map(|phase| phase.title.as_str()).collect();
    assert_eq!(all, ["Prerequisites", "Rollout"]);
    assert_eq!(runbook.rollback.len(), 1);
    assert_eq!(runbook.rollback[0].title, "If it goes wrong");
}

#[test]
fn an_omission_keeps_a_block_from_being_done() {
    let runbook = open(SCHEMA);
    let archive = block(&runbook, "drop all other");
    assert!(archive.refused.is_some());
    assert!(codes(&runbook).contains(&"incomplete"));
}

#[test]
fn a_route_and_an_ellipsis_are_two_blanks() {
    let runbook = open(SCHEMA);
    let score = block(&runbook, ":shopId");
    assert_eq!(score.role, Role::Fill);
    assert_eq!(score.needs, ["SHOP_ID", "CUSTOMER_ID"]);
}

#[test]
fn a_psql_opener_and_the_lines_after_it_are_one_session() {
    let runbook = open(COUNTERS);
    let session = block(&runbook, "don't stop here");
    assert_eq!(session.role, Role::Split);
    assert_eq!(session.parts.len(), 1);
    let code = &session.parts[0].code;
    assert!(
        code.starts_with("psql -X -v ON_ERROR_STOP=1 \"$SHOP_DATABASE_URL\" <<"),
        "{code}"
    );
    assert!(code.contains("\\i add_counters.sql"));
    assert_eq!(session.needs, ["SHOP_DATABASE_URL"]);
    let judged: Vec<Option<&str>> = runbook.phases[0].steps[1]
        .expect
        .iter()
        .map(|expectation| expectation.cel.as_deref())
        .collect();
    assert!(judged[0].is_none(), "a person judges what is `very low`");
}

#[test]
fn an_optional_commit_keeps_its_quotes_and_its_push_stands_alone() {
    let runbook = open(COUNTERS);
    assert!(runbook.phases[1].steps[0].optional);
    let commit = block(&runbook, "git commit");
    assert!(
        part(commit, "git commit")
            .code
            .contains("- faster limits\n- fewer queries\"")
    );
    assert_eq!(
        commit.parts.last().map(|part| part.code.trim()),
        Some("git push origin main")
    );
}

#[test]
fn cron_lines_are_content() {
    assert_eq!(block(&open(COUNTERS), "tidy()").role, Role::Content);
}

#[test]
fn a_transaction_with_a_look_is_held_before_its_commit() {
    let runbook = open(COUNTERS);
    let back = block(&runbook, "DROP COLUMN");
    assert_eq!(back.role, Role::Run);
    let line = back.hold_line.expect("it is held");
    assert_eq!(COUNTERS.lines().nth(line - 1), Some("COMMIT;"));
    assert_eq!(
        block(
            &open("# A\n```sql\nBEGIN;\nDELETE FROM t;\nCOMMIT;\n```\n"),
            "DELETE"
        )
        .hold_line,
        None
    );
}

#[test]
fn success_criteria_of_the_whole_are_asked_at_the_last_gate() {
    let runbook = open(COUNTERS);
    let last = runbook.phases.last().expect("there are phases");
    assert_eq!(last.criteria.len(), 2);
}

#[test]
fn rival_sequences_are_reported_and_an_annotation_chooses() {
    let runbook = open(RIVALS);
    assert!(codes(&runbook).contains(&"rival-phases"));
    assert!(
        runbook
            .phases
            .iter()
            .all(|phase| !phase.steps[0].ticks.is_empty())
    );
    let chosen = RIVALS.replace(
        "## Production deployment steps\n",
        "## Production deployment steps\n<!-- gonogo: phases -->\n",
    );
    let runbook = open(&chosen);
    assert_eq!(titles(&runbook), ["Step 1: Before", "Step 2: Do it"]);
    assert!(!codes(&runbook).contains(&"rival-phases"));
}

#[test]
fn an_emergency_in_the_same_fence_is_set_apart() {
    let runbook = open(RIVALS);
    let calls = block(&runbook, "move/rollback");
    assert_eq!(calls.role, Role::Split);
    let back = part(calls, "move/rollback");
    assert!(back.optional);
    assert!(!back.code.contains("move/start"));
}

#[test]
fn a_template_is_content_and_its_headings_are_no_phases() {
    let runbook = open(RELEASE);
    assert_eq!(
        titles(&runbook),
        [
            "Step 1: Open the pull request",
            "Step 2: Merge",
            "Step 3: Deploy"
        ]
    );
    assert_eq!(block(&runbook, "nothing here counts").role, Role::Content);
    assert_eq!(block(&runbook, "https://github.com").role, Role::Content);
    assert_eq!(runbook.phases[0].steps[0].ticks[0].text, "Visit the page");
    assert_eq!(block(&runbook, "vercel --prod").role, Role::Run);
}

#[test]
fn advice_against_a_rollback_is_kept_in_its_words() {
    let runbook = open(RELEASE);
    assert_eq!(runbook.rollback[0].discouraged, None);
    assert_eq!(
        runbook.rollback[0].estimate.map(|estimate| estimate.max_s),
        Some(120)
    );
    assert!(
        runbook.rollback[1]
            .discouraged
            .as_ref()
            .is_some_and(|words| words.contains("NOT recommended"))
    );
}

#[test]
fn monitoring_is_walked_after_the_phases_and_its_windows_are_soaks() {
    let runbook = open(RELEASE);
    assert_eq!(runbook.cleanup.len(), 1);
    assert_eq!(runbook.cleanup[0].steps.len(), 2);
    let windows: Vec<u64> = runbook.soaks.iter().map(|soak| soak.duration_s).collect();
    assert_eq!(windows, [86_400, 900, 3_600]);
    assert_eq!(runbook.soaks[1].red_flags, ["Errors on the dashboard"]);
}

#[test]
fn mojibake_is_repaired_and_said() {
    let damaged = "# Plan\n\n## Phase 1: Copy ‚Üí check\n\n```sql\nSELECT 1;\n```\n";
    let runbook = open(damaged);
    assert_eq!(runbook.repaired.as_deref(), Some("macroman"));
    assert_eq!(titles(&runbook), ["Phase 1: Copy → check"]);
}

#[test]
fn check_json_is_stable() {
    let document = check_document(&open(COUNTERS));
    insta::assert_snapshot!(
        "check",
        serde_json::to_string_pretty(&document).expect("it is JSON")
    );
}

#[test]
fn the_documented_examples_give_what_is_said() {
    let mut rest = DOCUMENTATION;
    let mut examples = 0;
    while let Some(start) = rest.find("````markdown\n") {
        let guide = &rest[start + 13..];
        let end = guide.find("\n````").expect("an example ends");
        let after = &guide[end..];
        let json = after.find("```json\n").expect("JSON follows an example") + 8;
        let json_end = after[json..].find("```").expect("the JSON ends") + json;
        let expected: Value =
            serde_json::from_str(&after[json..json_end]).expect("the JSON is JSON");
        let document = check_document(&open(&guide[..end + 1]));
        contains(&document, &expected, &guide[..end]);
        rest = &after[json_end..];
        examples += 1;
    }
    assert_eq!(examples, 17);
}

/// Every key of `expected` stands in `found` with the same value; lists have the same length.
fn contains(found: &Value, expected: &Value, place: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (key, value) in expected {
                let inner = found
                    .get(key)
                    .unwrap_or_else(|| panic!("{place}: no {key}"));
                contains(inner, value, &format!("{place}\n.{key}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}: {found:#?}");
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                contains(found, expected, &format!("{place}[{index}]"));
            }
        }
        _ => assert_eq!(found, expected, "{place}"),
    }
}
