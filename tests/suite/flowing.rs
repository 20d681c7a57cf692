//! A guide whose steps build on each other, walked by the built program: a directory, a variable, a
//! captured value, and a secret that must stay nowhere.

use crate::support::home::Home;
use crate::support::{execute, fresh_database};

const GUIDE: &str = r#"# Ship a release

## Phase 1: Prepare

### Make a place

```bash {#place .run}
mkdir -p work/out && cd work/out
BACKUP="backup_$(echo 42).txt"
export MODE="two words"
NOTES=$'first\nsecond'
SESSION_TOKEN=canary-90210
echo "made" > "$BACKUP"
```

### Count

```sql {#count .run capture="batch=value; label=rows[0].n > 2 ? 'many' : 'few'"}
SELECT count(*) AS n FROM items;
```

## Phase 2: Use

### Read it

```bash {#read .run expect="stdout.contains('made') && stdout.contains('mode two words') && stdout.contains('2 lines')"}
cat "$BACKUP"
bash -c 'echo "mode $MODE, plain ${BACKUP-none}"'
echo "$(printf '%s\n' "$NOTES" | wc -l | tr -d ' ') lines"
```

### Change that many

```sql {#change .run expect="tag == 'INSERT 0 3'"}
INSERT INTO items SELECT generate_series(1, :batch) WHERE :'label' = 'many';
```

### Say it

```bash {#say .run expect="stdout == 'changed 3 many\n'" cwd=.}
echo "changed $batch <label>"
```

## Rollback

### Option 1: Clean up (recommended)

```bash {#clean .run expect="stdout.contains('gone')"}
rm "work/out/$BACKUP" && echo gone
```
"#;

async fn home(guide: &str) -> (Home, crate::support::Database) {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    execute(&mut connection, "CREATE TABLE items (n int)").await;
    execute(&mut connection, "INSERT INTO items VALUES (1), (2), (3)").await;
    let home = Home::new();
    home.write("guide.md", guide);
    home.environment(&database.conninfo(), "");
    (home, database)
}

/// Everything that the state folder holds, file by file.
fn kept(home: &Home) -> Vec<(std::path::PathBuf, String)> {
    let mut folders = vec![home.path().join("state")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                // A pipe that is prepared ahead holds nothing, and reading it would wait for ever.
                let bytes = std::fs::read(&path).unwrap_or_default();
                files.push((path, String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
    }
    files
}

#[tokio::test]
async fn directory_variables_and_captured_values_flow_and_the_rollback_has_them() {
    let (home, _database) = home(GUIDE).await;
    let done = home
        .gonogo(&["rehearse", "guide.md", "--rollback", "--json"])
        .exits(4);
    assert!(done.err.contains("captured  batch = 3"), "{}", done.err);
    let run = &home.runs()[0];
    let report = home.gonogo(&["report", run]).exits(0).out;
    assert!(report.contains("work/out"), "{report}");
    assert!(report.contains("batch is 3"), "{report}");
    assert!(!home.path().join("work/out/backup_42.txt").exists());
}

#[tokio::test]
async fn a_secret_of_one_step_is_kept_nowhere_but_in_the_guide() {
    // The guide itself holds it in the open here, so it is read from a file instead.
    let guide = GUIDE.replace("SESSION_TOKEN=canary-90210", "SESSION_TOKEN=$(cat token)");
    let guide = guide.replace("mkdir -p", "cp token work-token; mkdir -p");
    let guide = guide.replace("&& cd work/out\n", "&& cd work/out && cp ../../token .\n");
    let (home, _database) = home(&guide).await;
    home.write("token", "canary-90210");
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
    let files = kept(&home);
    assert!(files.iter().any(|(path, _)| path.ends_with("script.sh")));
    for (path, text) in files {
        assert!(!text.contains("canary-90210"), "{}", path.display());
    }
    let run = &home.runs()[0];
    let report = home.gonogo(&["report", run]).exits(0).out;
    assert!(!report.contains("canary-90210"));
}

#[tokio::test]
async fn what_an_earlier_step_did_not_set_stops_the_walk_before_it_is_used() {
    let guide = GUIDE.replace(
        "BACKUP=\"backup_$(echo 42).txt\"\n",
        "case x in y) BACKUP=1;; esac\n",
    );
    let guide = guide.replace("> \"$BACKUP\"", "> made.txt");
    let (walked, _database) = home(&guide).await;
    let done = walked.gonogo(&["rehearse", "guide.md"]).exits(3);
    assert!(
        done.err.contains("`BACKUP` is missing") && done.err.contains("Make a place"),
        "{}",
        done.err
    );
    // The way out: the value is given.
    let (home, _database) = home(&guide).await;
    home.write("work/out/given.txt", "made");
    home.gonogo(&["rehearse", "guide.md", "--var", "BACKUP=given.txt"])
        .exits(0);
}

#[tokio::test]
async fn a_directory_that_went_away_stops_the_step_before_it_runs() {
    let guide = GUIDE.replace(
        "```sql {#count .run",
        "```bash {.run cwd=.}\nrm -r work\n```\n\n```sql {#count .run",
    );
    let (home, _database) = home(&guide).await;
    let done = home.gonogo(&["rehearse", "guide.md"]).exits(3);
    assert!(
        done.err
            .contains("work/out`, where `Make a place` left the shell, does not exist"),
        "{}",
        done.err
    );
}

#[tokio::test]
async fn a_plan_says_what_comes_from_which_step() {
    let (home, _database) = home(GUIDE).await;
    let plan = home.gonogo(&["plan", "guide.md"]).exits(0).out;
    for line in [
        "with BACKUP from `Make a place`",
        "with BATCH from `Count`",
        "starts where `Make a place` leaves the shell",
    ] {
        assert!(plan.contains(line), "no `{line}` in\n{plan}");
    }
    let document = home.gonogo(&["plan", "guide.md", "--json"]).exits(0).json();
    let read = &document["phases"][1]["steps"][0]["actions"][0];
    assert_eq!(read["awaits"][0]["from"], "Make a place");
    let check = home
        .gonogo(&["check", "guide.md", "--json"])
        .exits(0)
        .json();
    assert_eq!(check["variables"], serde_json::json!([]), "nobody is asked");
}

#[tokio::test]
async fn a_capture_is_checked_before_the_run() {
    let wrong = GUIDE.replace("batch=value", "batch=valeu");
    let (home, _database) = home(&wrong).await;
    let done = home.gonogo(&["check", "guide.md"]).exits(5);
    assert!(
        (done.out + &done.err).contains("`valeu`"),
        "the unknown name is named"
    );
    home.write("guide.md", &GUIDE.replace("batch=value", "API_TOKEN=value"));
    let done = home.gonogo(&["check", "guide.md"]).exits(5);
    assert!((done.out + &done.err).contains("secret"));
}
