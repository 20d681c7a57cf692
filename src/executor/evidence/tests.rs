use super::*;

fn collected(spool: &str, actor: Actor) -> Evidence {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(SPOOL_FILE), spool).unwrap();
    let record = ExitRecord {
        exit: Some(0),
        elapsed_ms: 12,
        ..ExitRecord::default()
    };
    collect(directory.path(), &record, actor).unwrap()
}

#[test]
fn streams_are_told_apart_and_colours_and_notes_are_left_out() {
    let evidence = collected(
        "o1\tone\ne2\t\u{1b}[31mred\u{1b}[0m\nn3\tnote\np4\tha\no5\thalf\no6\tcut of",
        Actor::Shell,
    );
    assert_eq!(evidence.stdout, "one\nhalf\n");
    assert_eq!(evidence.stderr, "red\n");
    assert_eq!((evidence.exit, evidence.elapsed_ms), (Some(0), 12));
}

#[test]
fn the_end_of_long_output_is_kept() {
    let spool: String = (0..10_000)
        .map(|number| format!("o1\tline {number}\n"))
        .collect();
    let evidence = collected(&spool, Actor::Shell);
    assert!(evidence.stdout.len() <= 64 * 1024);
    assert!(evidence.stdout.starts_with("line "));
    assert!(evidence.stdout.ends_with("line 9998\nline 9999\n"));
}

#[test]
fn of_a_cancelled_flood_only_the_end_is_read() {
    let flood: String = (0..200_000)
        .map(|number| format!("o1\tline {number}\n"))
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let spool = format!("e1\tearly\n{flood}");
    std::fs::write(directory.path().join(SPOOL_FILE), spool).unwrap();
    let ended = |exit| ExitRecord {
        exit: Some(exit),
        cancelled: true,
        ..ExitRecord::default()
    };
    let evidence = collect(directory.path(), &ended(130), Actor::Shell).unwrap();
    assert_eq!(evidence.stderr, "");
    assert!(evidence.stdout.starts_with("line "));
    assert!(evidence.stdout.ends_with("line 199998\nline 199999\n"));
    // It was done before the cancellation reached it, and is judged.
    let evidence = collect(directory.path(), &ended(0), Actor::Shell).unwrap();
    assert_eq!(evidence.stderr, "early\n");
}

#[test]
fn an_action_that_printed_nothing_has_evidence_too() {
    let directory = tempfile::tempdir().unwrap();
    let evidence = collect(directory.path(), &ExitRecord::default(), Actor::Shell).unwrap();
    assert_eq!(evidence, Evidence::default());
}

#[test]
fn the_last_tag_counts_and_other_words_are_none() {
    for (lines, tag) in [
        (
            "CREATE TABLE\nUPDATE 5\n(1 row)\nDone UPDATE",
            Some("UPDATE 5"),
        ),
        ("INSERT 0 12", Some("INSERT 0 12")),
        (
            "CREATE INDEX\nREFRESH MATERIALIZED VIEW",
            Some("REFRESH MATERIALIZED VIEW"),
        ),
        ("DO", Some("DO")),
        ("SELECT 3", Some("SELECT 3")),
        ("OK\nUPDATE\nUPDATE five\nDONE 3", None),
    ] {
        let spool: String = lines.lines().map(|line| format!("o1\t{line}\n")).collect();
        for actor in [Actor::Sql, Actor::Shell] {
            assert_eq!(collected(&spool, actor).tag.as_deref(), tag, "{lines}");
        }
    }
}

#[test]
fn notices_lose_what_psql_put_before_them() {
    let evidence = collected(
        "e1\tpsql:<stdin>:3: NOTICE:  Step 1: done\ne2\tNOTICE:  bare\n\
         e3\tpsql:/a b/c.sql:12: NOTICE:  \u{1b}[1mbold\u{1b}[0m\ne4\tpsql:<stdin>:4: ERROR:  no\no5\tNOTICE:  out\n",
        Actor::Sql,
    );
    assert_eq!(evidence.notices, ["Step 1: done", "bare", "bold"]);
}

#[test]
fn an_http_answer_comes_from_the_record() {
    let directory = tempfile::tempdir().unwrap();
    let record = ExitRecord {
        http: Some(crate::executor::HttpAnswer {
            status: 204,
            latency_ms: 7,
            ..Default::default()
        }),
        ..ExitRecord::default()
    };
    let evidence = collect(directory.path(), &record, Actor::Http).unwrap();
    assert_eq!((evidence.status, evidence.latency_ms), (Some(204), Some(7)));
}

#[test]
fn what_a_psql_or_a_curl_of_a_shell_step_prints_is_evidence() {
    let table = "o1\t recent | last \no1\t--------+------\no1\t    312 | \no1\t(1 row)\n";
    let evidence = collected(table, Actor::Shell);
    assert_eq!(evidence.rows[0]["recent"], 312);
    assert_eq!(collected("o1\t312\n", Actor::Shell).value, Some(312.into()));
    let answer = "o1\tHTTP/1.1 404 Not Found\no1\tServer: x\no1\t\no1\t{\"error\": 1}\n";
    let evidence = collected(answer, Actor::Shell);
    assert_eq!(evidence.status, Some(404));
    assert_eq!(evidence.json, Some(serde_json::json!({"error": 1})));
    let traced = "e1\t> GET / HTTP/1.1\ne1\t< HTTP/1.1 401 Unauthorized\no1\tno\n";
    assert_eq!(collected(traced, Actor::Shell).status, Some(401));
}
