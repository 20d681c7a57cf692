//! No inodes, no room, few descriptors, no file larger than this: what did not start is said not to have
//! started, with the error; and the rollback reaches its end, or says why not.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use gonogo::executor::{End, Executor, ShimSpec};
use serde_json::Value;

use crate::executor::{BINARY, Bench};
use crate::support::home::Home;

/// This program under these limits of the shell.
fn limited(folder: &Path, limits: &str) -> PathBuf {
    let path = folder.join("limited");
    std::fs::write(
        &path,
        format!("#!/bin/bash\n{limits}\nexec '{BINARY}' \"$@\"\n"),
    )
    .unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

async fn end(limits: &str) -> (End, bool) {
    let bench = Bench::new();
    let binary = limited(bench.path(), limits);
    let executor = Executor::new(binary, bench.path());
    let spec: ShimSpec = bench.shell("touch ran");
    let end = match executor.launch(spec).await {
        Ok(running) => running.wait_telling(|_| {}).await.unwrap(),
        // It was gone before it was told what to do.
        Err(error) => End::NeverRan(error.to_string()),
    };
    (end, bench.path().join("ran").exists())
}

#[tokio::test]
async fn a_shim_that_cannot_come_up_has_run_nothing_and_says_why() {
    for limits in [
        "ulimit -n 4",
        "ulimit -n 7",
        "ulimit -f 0",
        "ulimit -v 20000",
    ] {
        let (end, ran) = end(limits).await;
        match end {
            End::NeverRan(why) => assert!(!why.is_empty(), "{limits}"),
            End::Recorded(record) => {
                let why = record.error.clone().unwrap_or_default();
                assert!(why.contains("nothing was run"), "{limits}: {record:?}");
            }
            End::Lost => panic!("{limits}: what never ran is not unknown"),
        }
        assert!(!ran, "{limits}");
    }
}

/// At every number of descriptors: it runs and is known, or it did not run and that is known.
#[tokio::test]
async fn few_descriptors_leave_nothing_unknown() {
    for count in 3..40 {
        let (end, ran) = end(&format!("ulimit -n {count}")).await;
        match end {
            End::NeverRan(_) => assert!(!ran, "{count}"),
            End::Recorded(record) if record.exit == Some(0) => assert!(ran, "{count}"),
            End::Recorded(record) => assert!(record.error.is_some(), "{count}: {record:?}"),
            End::Lost => panic!("{count}: unknown"),
        }
    }
}

const GUIDE: &str = r#"# Fill it

## Phase 1: Work

### Fill the disk

```bash {#fill .run}
bash ../hog
```

### After that

```bash {#after .run}
touch ../after
```

## Rollback

### Option A: Undo it (recommended)

```bash {#one .undo}
echo one >> ../undone
```

```bash {#two .undo}
echo two >> ../undone
```

```bash {#three .undo}
echo three >> ../undone
```
"#;

/// A run whose state lies on a small file system of its own, which a step fills up to what is left.
fn filled(mount: &str, hog: &str) -> (Value, Vec<String>, bool, String) {
    let home = Home::new();
    home.write("guide/guide.md", GUIDE);
    home.write(
        "guide/gonogo.toml",
        "[environments.test]\npark_after = \"30m\"\n",
    );
    home.write("hog", hog);
    std::fs::create_dir(home.path().join("state")).unwrap();
    let script = format!(
        "mount -t tmpfs -o {mount} tmpfs state || exit 99\n\
         cd guide\n\
         export XDG_STATE_HOME=$PWD/../state\n\
         '{BINARY}' rehearse guide.md >../walk 2>&1\n\
         run=$(ls ../state/gonogo/runs)\n\
         '{BINARY}' rollback $run --confirm yes >../back 2>&1; echo $? >../code\n\
         rm -rf ../state/filler*\n\
         for i in $(seq 100); do\n\
           '{BINARY}' status $run --json >../status\n\
           grep -qE '\"state\": \"(rolled_back|stuck|held|waiting)\"' ../status && break\n\
           sleep 0.1\n\
         done\n\
         '{BINARY}' park $run >/dev/null 2>&1 || true\n"
    );
    let user = rustix::process::getuid().is_root();
    let unshare = if user { "-m" } else { "-rm" };
    let done = Command::new("unshare")
        .args([unshare, "bash", "-c", &script])
        .current_dir(home.path())
        .env("USER", "anna")
        .output()
        .unwrap();
    assert_ne!(
        done.status.code(),
        Some(99),
        "a file system of its own: {done:?}"
    );
    let read = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap_or_default();
    let undone = read("undone").lines().map(str::to_owned).collect();
    let status = serde_json::from_str(&read("status")).unwrap_or_else(|error| {
        panic!(
            "{error}: {}\n{}\n{}",
            read("status"),
            read("walk"),
            read("back")
        )
    });
    let after = home.path().join("after").exists();
    (status, undone, after, read("back"))
}

fn outcomes(status: &Value) -> Vec<String> {
    let steps = status["steps"].as_array().unwrap().iter();
    steps
        .map(|step| step["outcome"].as_str().unwrap().to_owned())
        .collect()
}

/// The rollback has run whole, or it says at which command it is stuck and with which error; nothing
/// that never ran is called unknown.
#[track_caller]
fn assert_known(what: &str, seen: (Value, Vec<String>, bool, String), rolled_back: &mut usize) {
    let (status, undone, after, said) = seen;
    let outcomes = outcomes(&status);
    assert!(
        !outcomes.contains(&"unknown".to_owned()),
        "{what}: {outcomes:?}\n{said}"
    );
    assert!(!after || outcomes[1] != "pending", "{what}: {outcomes:?}");
    match status["state"].as_str().unwrap() {
        "rolled_back" => {
            assert_eq!(undone, ["one", "two", "three"], "{what}");
            *rolled_back += 1;
        }
        _ => assert!(
            said.contains("did not start") || said.contains("No space") || said.contains("room"),
            "{what}: {status:#}\n{said}"
        ),
    }
}

/// How many points of a sweep: a few, or each of them in the long form.
fn points(short: &[usize], all: usize) -> Vec<usize> {
    match std::env::var("GONOGO_FAULTS") {
        Ok(_) => (0..all).collect(),
        Err(_) => short.to_vec(),
    }
}

#[test]
fn a_disk_without_inodes_leaves_nothing_unknown_and_takes_the_rollback_to_its_end() {
    let (points, mut rolled_back) = (points(&[0, 3], 40), 0);
    for left in &points {
        let hog = format!(
            "mkdir ../state/filler; n=0; while : 2>/dev/null >../state/filler/$n; do n=$((n+1)); done 2>/dev/null\n\
             for i in $(seq 1 {left}); do rm ../state/filler/$((n-i)); done; true"
        );
        let seen = filled("size=32m,nr_inodes=400", &hog);
        assert_eq!(
            seen.0["state"], "rolled_back",
            "{left} inodes left: {}",
            seen.3
        );
        assert_known(&format!("{left} inodes left"), seen, &mut rolled_back);
    }
    println!("inodes: {rolled_back} of {} rolled back", points.len());
}

#[test]
fn a_disk_without_room_leaves_nothing_unknown_and_takes_the_rollback_to_its_end() {
    let (points, mut rolled_back) = (points(&[0, 12], 64), 0);
    for left in &points {
        let hog = format!(
            "cat /dev/zero > ../state/filler 2>/dev/null; \
             s=$(stat -c %s ../state/filler); truncate -s $((s - {left} * 4096)) ../state/filler; true"
        );
        let seen = filled("size=8m", &hog);
        assert_known(&format!("{left} pages left"), seen, &mut rolled_back);
    }
    println!("room: {rolled_back} of {} rolled back", points.len());
}
