//! What a step is judged by: what its commands printed, and what the guide says must be true.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::home::Home;
use crate::support::{execute, fresh_database};

/// Answers each request with the status that the first part of its path names; ends with the test.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 1024];
            let read = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let status = head.split('/').nth(1).unwrap_or("500").to_owned();
            let body = if head.starts_with("HEAD") {
                ""
            } else {
                "{\"ok\": true}"
            };
            let answer = format!(
                "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            // Who asked may be gone.
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    port
}

async fn home(guide: &str) -> (Home, crate::support::Database) {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    execute(&mut connection, "CREATE TABLE writes (n int)").await;
    execute(&mut connection, "INSERT INTO writes VALUES (1), (2), (3)").await;
    let home = Home::new();
    home.write("guide.md", guide);
    home.environment(&database.conninfo(), "");
    (home, database)
}

#[tokio::test]
async fn a_table_that_psql_prints_in_a_shell_is_rows_and_a_line_is_a_value() {
    let (home, _database) = home(
        r#"# Look

## Step 1: Table

```bash {#table .run expect="rows[0].recent == 3 && value == 3"}
psql -c 'SELECT count(*) AS recent FROM writes'
```

## Step 2: Line

```bash {#line .run expect="value == 3"}
psql -Atc 'SELECT count(*) FROM writes'
```

## Step 3: Command

```bash {#tag .run expect="tag == 'DELETE 3'"}
psql -c 'DELETE FROM writes'
```
"#,
    )
    .await;
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
}

#[tokio::test]
async fn an_answer_that_curl_prints_has_a_status_headers_and_json() {
    let port = server();
    let (home, _database) = home(&format!(
        r#"# Ask

## Step 1: Headers

```bash {{#headers .run expect="status == 404"}}
curl -sI http://127.0.0.1:{port}/404/x
```

## Step 2: Body

```bash {{#body .run expect="status == 200 && json.ok && headers['content-length'] == '12'"}}
curl -si http://127.0.0.1:{port}/200/x
```

## Step 3: Not seen

```bash {{#hidden .run expect="status == 401"}}
curl -s http://127.0.0.1:{port}/401/x
```
"#
    ))
    .await;
    home.gonogo(&["rehearse", "guide.md"]).exits(1);
    let run = home.runs()[0].clone();
    assert_eq!(home.outcome(&run, "step-1-1"), "passed");
    assert_eq!(home.outcome(&run, "step-2-1"), "passed");
    assert_eq!(
        home.outcome(&run, "step-3-1"),
        "failed",
        "no status was seen, so none is proved"
    );
}

#[tokio::test]
async fn conditions_read_from_the_words_fail_what_breaches_them() {
    let port = server();
    let guide = |debug: u16| {
        format!(
            r#"# Watch

## Step 1: Requests

```bash {{.run}}
# All should return 404 in production
curl -sI http://127.0.0.1:{port}/{debug}/debug/one
```

**Expected Results:**
- Debug endpoints: HTTP 404

## Step 2: Rows

```bash {{.run}}
psql -c "SELECT count(*) AS recent FROM writes WHERE n > 9"
```

**Expected**: `recent = 0` (no new writes)
"#
        )
    };
    let (home, _database) = home(&guide(404)).await;
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
    home.write("guide.md", &guide(200));
    home.gonogo(&["rehearse", "guide.md"]).exits(1);
    let run = home
        .runs()
        .into_iter()
        .find(|run| home.outcome(run, "step-1-1") == "failed");
    let status = home.status(&run.expect("one of the runs has failed at the requests"));
    assert!(status.to_string().contains("status is 200"), "{status}");
}

#[tokio::test]
async fn an_index_that_is_invalid_is_no_success() {
    let (home, database) = home(
        r#"# Index

## Step 1: Build

```sql {#build .run}
CREATE INDEX CONCURRENTLY IF NOT EXISTS writes_n ON writes (n);
```
"#,
    )
    .await;
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
    let mut connection = database.connect().await;
    execute(
        &mut connection,
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'writes_n'::regclass",
    )
    .await;
    home.gonogo(&["rehearse", "guide.md"]).exits(1);
    let mut runs = home.runs().into_iter();
    let run = runs.find(|run| home.outcome(run, "step-1-1") == "failed");
    let run = run.expect("the second run has failed");
    let said = home.status(&run).to_string();
    assert!(
        said.contains("INVALID") && said.contains("DROP INDEX CONCURRENTLY"),
        "{said}"
    );
}

#[tokio::test]
async fn examples_sentences_and_tables_beside_a_block_judge_it() {
    let (home, _database) = home(
        r#"# Look

## Step 1: Example

```bash {.run}
echo '{"status": "down", "uptime": 3}'
# → {"status": "ok", "uptime": 12}
```

## Step 2: Sentence

```bash {.run}
printf '3 imported, 0 failed\n'
```

Expected: `N imported, 0 failed`

## Step 3: Table

```bash {.run}
psql -c 'SELECT count(*) AS recent FROM writes'
```

| Check | Expected |
|---|---|
| `recent` | 3 |
"#,
    )
    .await;
    let document = home.gonogo(&["check", "guide.md", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&document.out).unwrap();
    let asked = |phase: usize| &document["phases"][phase]["steps"][0]["expect"][0]["cel"];
    assert_eq!(
        asked(0),
        "stdout.matches(\"\\\"status\\\"\\\\s*:\\\\s*\\\"ok\\\"\")"
    );
    assert_eq!(asked(2), "rows[0].recent == 3");
    home.gonogo(&["rehearse", "guide.md"]).exits(1);
    let run = home.runs()[0].clone();
    assert_eq!(home.outcome(&run, "step-1-1"), "failed");
}
