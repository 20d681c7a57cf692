use super::*;
use crate::runbook::model::{Actor, Role};

fn block(actor: Actor, code: &str) -> Block {
    Block {
        n: 1,
        role: Role::Run,
        actor,
        code: code.to_owned(),
        code_line: 1,
        ..Block::default()
    }
}

fn shell(code: &str) -> Block {
    block(Actor::Shell, code)
}

fn sql(code: &str) -> Block {
    block(Actor::Sql, code)
}

/// The conditions that the comments of a block give.
fn of_comments(block: &Block) -> Vec<Option<String>> {
    in_comments(block)
        .into_iter()
        .map(|item| item.cel)
        .collect()
}

fn behind(block: &Block, text: &str) -> Option<String> {
    let known = in_comments(block);
    Answers::of(block)
        .bind(text, Form::Label, &known, false)
        .pop()
        .map(|bound| bound.cel)
}

fn criterion(block: &Block, text: &str, red_flag: bool) -> Option<String> {
    let mut items = vec![Expectation {
        text: text.to_owned(),
        red_flag,
        ..Expectation::default()
    }];
    bind_criteria(&mut items, [block].into_iter(), &in_comments(block), 0);
    items.remove(0).cel
}

#[test]
fn what_cannot_fail_or_cannot_hold_is_no_condition() {
    for (code, none) in [
        ("# Look (→ → expect 0)\nls\n", "no letter is cut in two"),
        ("./a.sh # Should return `[]`\n", ""),
        ("./a.sh # Should print `<token>`\n", "a blank says nothing"),
    ] {
        for cel in of_comments(&shell(code)).into_iter().flatten() {
            assert!(!cel.contains("matches(\"\")"), "{code}: {cel} {none}");
        }
    }
    for comment in [
        "-- Should take 5 seconds",
        "-- Should be 16.4.1",
        "-- Should return `<token>`",
    ] {
        let found = of_comments(&sql(&format!("SELECT a FROM t;\n{comment}\n")));
        assert!(
            found.iter().flatten().next().is_none(),
            "{comment}: {found:?}"
        );
    }
}

#[test]
fn each_of_several_commands_has_to_print_it() {
    let both = shell("# Both should print `ok`\n./a.sh\n./b.sh\n");
    let found = of_comments(&both);
    let cel = found[0].as_deref().unwrap_or_default();
    assert!(
        cel.starts_with("(commands[0]") && cel.contains(") && (commands[1]"),
        "{cel}"
    );
}

#[test]
fn of_so_many_commands_no_sentence_speaks_for_certain() {
    let calls = "# Should return 200\ncurl -I http://a/\n".repeat(1_000);
    assert!(of_comments(&shell(&calls)).iter().all(Option::is_none));
}

#[test]
fn a_comment_speaks_of_the_commands_beside_it() {
    let calls = shell(
        "# All should return 404\ncurl -I http://a/debug/one\ncurl -I http://a/two\n\n# Should return 401 (not 200)\ncurl -i http://a/config\n",
    );
    assert_eq!(
        of_comments(&calls),
        [
            Some("commands[0].status == 404 && commands[1].status == 404".to_owned()),
            Some("commands[2].status == 401".to_owned()),
        ]
    );
    let queries = sql(
        "SELECT count(*) FROM a;\n-- Should return 0\n\nSELECT count(*) FROM b;\n-- Should return 3\n",
    );
    assert_eq!(
        of_comments(&queries),
        [
            Some("commands[0].value == 0".to_owned()),
            Some("value == 3".to_owned())
        ]
    );
    assert_eq!(
        of_comments(&sql(
            "-- Verify it (should be 100%)\nSELECT a, round(b, 2) AS percent FROM t;"
        )),
        [Some(
            "size(rows) > 0 && rows.all(row, row.percent == 100)".to_owned()
        )]
    );
    assert_eq!(
        of_comments(&shell(
            "psql -Atc 'SELECT pg_is_in_recovery()' # should be f"
        )),
        [Some("value == \"f\"".to_owned())]
    );
}

#[test]
fn a_sentence_behind_a_block_speaks_of_what_can_answer_it() {
    for (block, text, condition) in [
        (sql("SELECT pg_is_in_recovery();"), "`f`", "value == \"f\""),
        (sql("SELECT * FROM t WHERE x"), "no rows", "size(rows) == 0"),
        (sql("SELECT * FROM t"), "returns 1 row", "size(rows) == 1"),
        (
            sql("SELECT count(*) FROM t"),
            "~48",
            "value >= 43 && value <= 53",
        ),
        (sql("SELECT count(*) FROM t"), "0 rows", "value == 0"),
        (
            sql("UPDATE t SET a = 1"),
            "UPDATE 12",
            "tag == \"UPDATE 12\"",
        ),
        (
            sql("SELECT 'a' AS t, 99.5 AS percent UNION ALL SELECT 'b', 100"),
            "100.00% for all tables",
            "size(rows) > 0 && rows.all(row, row.percent == 100)",
        ),
        (
            shell("cd /srv\npsql -c \"SELECT count(*) AS recent, max(a) FROM t\""),
            "`recent = 0` (no new writes)",
            "rows[0].recent == 0",
        ),
        (
            shell(
                "psql -c \"SELECT name, count(q) AS query_count, max(d) AS last_query FROM t GROUP BY name\"",
            ),
            "New audit should have ~48 queries created in `t`",
            "size(rows) > 0 && rows.all(row, row.query_count >= 43 && row.query_count <= 53)",
        ),
        (
            shell("curl -fsS http://h/paused"),
            "`true`",
            "stdout.matches(\"\\\\btrue\\\\b\")",
        ),
        (shell("curl -si http://h/x"), "HTTP 200", "status == 200"),
        (
            shell("curl -s -o /dev/null -w '%{http_code}' http://h/x"),
            "200",
            "value == 200",
        ),
        (shell("curl -sI http://h/x"), "< 1 second", "elapsed < 1s"),
        (
            shell("redis-cli ping"),
            "PONG",
            "stdout.matches(\"\\\\bPONG\\\\b\") || stderr.matches(\"\\\\bPONG\\\\b\")",
        ),
        (
            block(Actor::Http, "GET http://h/x"),
            "Should return 404",
            "status == 404",
        ),
    ] {
        assert_eq!(
            behind(&block, text).as_deref(),
            Some(condition),
            "{text}: {}",
            block.code
        );
    }
}

#[test]
fn rows_that_are_named_by_literals_can_be_compared() {
    let counts = sql(
        "SELECT 'old_t' AS t, count(*) AS n FROM old_t UNION ALL SELECT 'new_t (all)', count(*) FROM new_t",
    );
    assert_eq!(
        behind(&counts, "old_t = new_t (all)").as_deref(),
        Some(
            "size(rows) > 1 && rows.all(row, !(row.t in [\"old_t\", \"new_t (all)\"]) || row.n == rows[0].n)"
        )
    );
}

#[test]
fn where_no_command_can_answer_a_person_judges() {
    for (block, text) in [
        (shell("./deploy.sh"), "Should return 404"),
        (shell("./deploy.sh"), "0"),
        (
            shell("curl -i http://a/x\ncurl -i http://b/y"),
            "Old service: HTTP 404",
        ),
        (sql("SELECT a, b FROM t"), "should return 3"),
        (sql("SELECT a FROM t"), "`missing = 0`"),
        (shell("psql -c 'SELECT 1' > out.txt"), "1"),
        (sql("SELECT count(*) FROM t"), "HTTP 200"),
    ] {
        assert_eq!(behind(&block, text), None, "{text}: {}", block.code);
    }
}

#[test]
fn a_criterion_is_bound_where_its_words_name_what_is_seen() {
    let calls = shell(
        "# All should return 404\ncurl -I http://a/debug/one\ncurl -I http://a/two\n\n# Should return 401\ncurl -i http://a/config\n",
    );
    assert_eq!(
        criterion(&calls, "Debug endpoints return 404 in production", false).as_deref(),
        Some("commands[0].status == 404 && commands[1].status == 404")
    );
    assert_eq!(
        criterion(&calls, "Debug endpoints returning HTTP 200 with data", true).as_deref(),
        Some("commands[0].status == 200 || commands[1].status == 200")
    );
    let migration = shell("psql -f migrate.sql 2>&1 | tee out.log");
    assert_eq!(
        criterion(&migration, "No ERROR messages in output", false).as_deref(),
        Some("!stdout.matches(\"\\\\bERROR\\\\b\") && !stderr.matches(\"\\\\bERROR\\\\b\")")
    );
    let filled = sql(
        "SELECT 'a' AS t, round(count(organization_id) * 100.0 / count(*), 2) AS percent FROM a UNION ALL SELECT 'b', 1 FROM b",
    );
    assert_eq!(
        criterion(&filled, "< 100% organization_id population", true).as_deref(),
        Some("rows.exists(row, row.percent < 100)")
    );
    for text in [
        "No customer complaints",
        "0 critical issues",
        "Error rate >1%",
    ] {
        assert_eq!(criterion(&calls, text, false), None, "{text}");
    }
}

#[test]
fn what_comments_say_is_found_in_every_language_of_the_words() {
    for (comment, text) in [
        ("# All should return 404", Some("All should return 404")),
        ("# Expected: active", Some("active")),
        (
            "# Das Ergebnis muss 0 sein",
            Some("Das Ergebnis muss 0 sein"),
        ),
        ("# Verify it (expected: 3)", Some("3")),
        ("# Restart the service", None),
        ("# Deploy (recommended)", None),
    ] {
        let found = in_comments(&shell(&format!("{comment}\ncurl -I x")));
        assert_eq!(
            found.first().map(|item| item.text.as_str()),
            text,
            "{comment}"
        );
    }
}

#[test]
fn sentences_and_clauses_are_told_apart_outside_of_code() {
    assert_eq!(
        sentences("Both must exit 0. It takes 1.5 s with `a. b`. Done"),
        ["Both must exit 0.", "It takes 1.5 s with `a. b`.", "Done"]
    );
    assert_eq!(
        clauses("all tests green, `a, b` shown (x, y), 1,200 rows"),
        ["all tests green", "`a, b` shown (x, y)", "1,200 rows"]
    );
}
