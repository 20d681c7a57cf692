//! The deployment that the demo's guide describes: forward and back, under traffic, and each rollback
//! proves that everything is as it was.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use gonogo::run::check_condition;
use gonogo::runbook::{Role, parse};
use rustix::process::Signal;

use crate::support::demo::{DATABASE, Demo, errors_of, signal, succeeded};

#[tokio::test(flavor = "multi_thread")]
async fn migrated_verified_and_rolled_back_under_traffic_everything_is_as_before() {
    let demo = Demo::start().await;
    succeeded(demo.sql_file("baseline_single_query_table"));
    let migrated = succeeded(demo.sql_file("007_single_query_table"));
    assert!(errors_of(&migrated).contains("migration completed successfully"));
    assert_eq!(
        demo.differences(),
        "2",
        "responses and report ids have changed"
    );

    let again = demo.sql_file("007_single_query_table");
    assert_eq!(again.status.code(), Some(3));
    assert!(errors_of(&again).contains("migration 007 has already been applied"));

    succeeded(demo.services(&["restart", "all", "--version", "new"]));
    succeeded(
        demo.psql()
            .args(["-c", "SELECT * FROM catch_up_single_query_table()"])
            .output()
            .unwrap(),
    );
    demo.onboard("Trial Works").await;
    let verified = succeeded(demo.sql_file("verify_single_query_table"));
    let text = String::from_utf8(verified.stdout).unwrap();
    assert_eq!(text.lines().last().unwrap(), "overall|0", "{text}");

    // What only the new version has written must not be lost on the rollback.
    let new_only = "SELECT count(*) FROM audit_queries t JOIN ai_visibility_audits a ON a.id = t.audit_id
                     WHERE NOT EXISTS (SELECT FROM ai_queries q WHERE q.report_id = a.report_id AND q.position = t.position)";
    assert!(demo.value(new_only) >= 48);

    succeeded(demo.services(&["restart", "all", "--version", "old"]));
    let rolled_back = succeeded(demo.sql_file("rollback_single_query_table"));
    assert!(errors_of(&rolled_back).contains("rollback completed successfully"));
    assert_eq!(demo.differences(), "0");
    assert_eq!(demo.value(new_only), 0);
    assert_eq!(
        demo.value("SELECT count(*) FROM ai_responses WHERE query_id IS NULL"),
        0
    );
    assert_eq!(
        demo.value("SELECT count(*) FROM audit_queries WHERE migrated_from IS NOT NULL"),
        0
    );

    let again = succeeded(demo.sql_file("rollback_single_query_table"));
    assert!(errors_of(&again).contains("nothing has been migrated"));
    succeeded(demo.sql_file("007_single_query_table"));
}

/// A migration under way, its slow part half done.
fn migration_at_step_7(demo: &Demo) -> Child {
    let mut migration = demo
        .psql()
        .args(["-f", "migrations/007_single_query_table.sql"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut notices = BufReader::new(migration.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Step 7 of 14") {
        line.clear();
        assert_ne!(
            notices.read_line(&mut line).unwrap(),
            0,
            "the migration ended too early"
        );
    }
    // Nobody else reads them: psql must not wait for room in the pipe.
    std::thread::spawn(move || notices.lines().count());
    migration
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_cancelled_in_the_middle_leaves_nothing() {
    let demo = Demo::start().await;
    succeeded(demo.sql_file("baseline_single_query_table"));
    let mut migration = migration_at_step_7(&demo);
    signal(&migration, Signal::INT);
    assert!(!migration.wait().unwrap().success());

    succeeded(demo.services(&["restart", "all", "--version", "old"]));
    let rolled_back = succeeded(demo.sql_file("rollback_single_query_table"));
    assert!(errors_of(&rolled_back).contains("nothing has been migrated"));
    assert_eq!(demo.differences(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_waits_for_a_migration_whose_client_is_gone() {
    let demo = Demo::start().await;
    succeeded(demo.sql_file("baseline_single_query_table"));
    let mut migration = migration_at_step_7(&demo);
    signal(&migration, Signal::KILL);
    migration.wait().unwrap();

    let rolled_back = succeeded(demo.sql_file("rollback_single_query_table"));
    assert!(errors_of(&rolled_back).contains("a migration is still running"));
    assert_eq!(
        demo.value("SELECT count(*) FROM schema_migrations WHERE version = '007'"),
        0
    );
    assert_eq!(demo.differences(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dump_leads_back_too_and_says_what_it_loses() {
    let demo = Demo::start().await;
    let programs = demo.workspace.cluster().bin_directory().to_owned();
    let dump = "backups/before_single_query_table.dump";
    succeeded(demo.sql_file("baseline_single_query_table"));
    succeeded(
        demo.command(programs.join("pg_dump"))
            .args(["--format=custom", "--file", dump])
            .output()
            .unwrap(),
    );
    succeeded(demo.sql_file("007_single_query_table"));
    succeeded(demo.services(&["restart", "all", "--version", "new"]));
    demo.onboard("Trial Works").await;

    succeeded(demo.services(&["stop", "all"]));
    let written = "SELECT count(*) FROM audit_queries, deployment_baselines b
                    WHERE b.table_name = 'audit_queries' AND migrated_from IS NULL AND id > b.last_id";
    assert!(demo.value(written) >= 48);
    succeeded(
        demo.command(programs.join("pg_restore"))
            .args([
                "--clean",
                "--if-exists",
                "--single-transaction",
                "--schema=public",
                "--dbname",
                DATABASE,
                dump,
            ])
            .output()
            .unwrap(),
    );
    succeeded(demo.services(&["start", "all", "--version", "old"]));
    assert_eq!(demo.differences(), "0");
    assert_eq!(
        demo.value("SELECT count(*) FROM companies WHERE name = 'Trial Works'"),
        0
    );
}

#[test]
fn the_guide_says_all_that_a_machine_can_judge() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/runbooks/single-table-migration.md"
    );
    let guide = parse(path, &std::fs::read(path).unwrap());
    assert_eq!(guide.diagnostics, Vec::new());
    assert_eq!(guide.phases.len(), 7);
    assert_eq!(guide.preparation.len(), 1);
    assert_eq!(guide.cleanup.len(), 3);
    let options: Vec<bool> = guide
        .rollback
        .iter()
        .map(|option| option.recommended)
        .collect();
    assert_eq!(options, [true, false, false]);
    assert!(guide.settings.rehearsal_assumes);

    for step in guide.steps() {
        for number in &step.blocks {
            let block = guide.block(*number).unwrap();
            assert_eq!(block.refused, None, "line {}", block.line);
            if block.role == Role::Run {
                assert!(block.annotated, "line {}", block.line);
            }
        }
    }
    let of_blocks = guide
        .blocks
        .iter()
        .filter_map(|block| block.attributes.expect.as_ref());
    let of_ticks = guide
        .steps()
        .flat_map(|step| &step.ticks)
        .filter_map(|tick| tick.cel.as_ref());
    let of_gates = guide
        .walk()
        .flat_map(|phase| &phase.criteria)
        .filter_map(|item| item.cel.as_ref());
    let probes = ["gateway".to_owned(), "engine".to_owned()];
    let conditions: Vec<&String> = of_blocks.chain(of_ticks).chain(of_gates).collect();
    assert!(conditions.len() > 80, "{}", conditions.len());
    for condition in conditions {
        assert_eq!(
            check_condition(condition, &guide, Some(&probes)),
            Ok(()),
            "{condition}"
        );
    }
}
