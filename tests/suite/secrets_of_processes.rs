//! What the system shows of the processes of a run: no secret in any argument list, none in the
//! environment of a process that is not the step's own, and no core of those whose memory holds one.

use std::path::PathBuf;

use crate::support::fresh_database;
use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

const CANARY: &str = "Kanarienvogel+/7731";

struct Process {
    pid: u32,
    parent: u32,
    arguments: Vec<u8>,
    environment: Vec<u8>,
}

/// Every process that can be looked at.
fn processes() -> Vec<Process> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        found.push(Process {
            pid,
            parent: parent.unwrap_or(0),
            arguments: read("cmdline"),
            environment: read("environ"),
        });
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn core_limit(pid: u32) -> String {
    let limits = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/limits"))).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    line.unwrap().split_whitespace().nth(4).unwrap().to_owned()
}

#[tokio::test]
async fn a_secret_is_in_the_memory_of_its_step_and_in_no_list() {
    let database = fresh_database().await;
    let home = Home::new();
    home.write("token", CANARY);
    home.write(
        "guide.md",
        "# Use it\n\n## Phase 1: Use\n\n```bash {#shell .run}\n: \"$TOKEN\"\nwhile [ ! -e go ]; do sleep 0.02; done\n```\n\n```sql {#told .run}\nSELECT length(:'TOKEN'), pg_sleep(60);\n```\n",
    );
    home.environment(
        &database.conninfo(),
        "[environments.test.secrets]\nTOKEN = { file = \"token\" }",
    );
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    let run = {
        terminal.wait_for("would run: `shell`");
        home.runs()[0].clone()
    };
    let supervisor = home.supervisor(&run).unwrap();
    for id in ["shell", "told"] {
        terminal.wait_for(&format!("would run: `{id}`"));
        terminal.keys("<enter>");
        terminal.wait_for("EXECUTE");
        terminal.keys("x");
        let shim = until("the step to run", || {
            let all = processes();
            let shim = all.iter().find(|process| {
                holds(&process.arguments, "shim") && holds(&process.arguments, &run)
            })?;
            let child = all.iter().find(|process| process.parent == shim.pid)?;
            let begun = match id {
                "shell" => holds(&child.environment, CANARY),
                _ => holds(&child.arguments, "psql"),
            };
            begun.then_some(shim.pid)
        });
        let all = processes();
        let is_steps = |mut pid: u32| {
            while pid > 1 && pid != shim {
                let up = all.iter().find(|process| process.pid == pid);
                pid = up.map_or(0, |process| process.parent);
            }
            pid == shim
        };
        for process in &all {
            let what = String::from_utf8_lossy(&process.arguments).replace('\0', " ");
            assert!(
                !holds(&process.arguments, CANARY),
                "{id}: arguments of `{what}`"
            );
            let own = process.pid != shim && is_steps(process.pid);
            assert!(
                own || !holds(&process.environment, CANARY),
                "{id}: environment of `{what}`"
            );
        }
        for pid in [supervisor, terminal.pid(), shim] {
            assert_eq!(core_limit(pid), "0");
        }
        home.write("go", "");
        terminal.wait_until("the step to go on", |screen| {
            id == "told" || !screen.contains("running")
        });
    }
}
