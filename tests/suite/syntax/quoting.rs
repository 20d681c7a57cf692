//! Values that try to get out of their quoting, in every place where a value can stand: each is
//! refused, or arrives as it was given. A real bash and a real psql decide.

use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use gonogo::runbook::{Actor, Filling, Fillings, fill};

use super::shell::Disagreements;
use crate::support::{Database, fresh_database};

mod places;

use places::{EXACT, OTHERS, SQL, SQL_TRAVELS, SQL_VALUES, THROUGH_PSQL, TRAVELS, VALUES};

/// What became of the cells of a matrix.
#[derive(Default)]
struct Matrix {
    cells: usize,
    refused: usize,
}

impl Matrix {
    fn fill(&mut self, code: &str, actor: Actor, value: &str) -> Option<String> {
        self.cells += 1;
        let spellings = ["<v>", "$V", ":V", ":'V'", ":\"V\""]
            .map(str::to_owned)
            .to_vec();
        let fillings = Fillings::from([("V", (Filling::Value(value), spellings))]);
        let filled = fill(code, actor, 1, &fillings);
        self.refused += usize::from(filled.is_err());
        if let Err(unfit) = &filled {
            assert!(!unfit.why.is_empty() && !unfit.help.is_empty());
        }
        filled.ok()
    }
}

/// A folder with `pwned` in it, which leaves its mark there.
struct Trap {
    folder: tempfile::TempDir,
}

impl Trap {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let pwned = folder.path().join("pwned");
        let mark = folder.path().join("mark");
        std::fs::write(&pwned, format!("#!/bin/sh\necho x >> {}\n", mark.display())).unwrap();
        std::fs::set_permissions(&pwned, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn has_sprung(&self) -> bool {
        self.folder.path().join("mark").exists()
    }

    fn arm(&self, command: &mut Command) {
        let path = std::env::var("PATH").unwrap_or_default();
        let own = self.folder.path().display();
        command
            .env("PATH", format!("{own}:{path}"))
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.folder.path())
            .stderr(Stdio::null());
    }

    /// Runs each code in a shell of its own, `V` set to its value, and gives what each printed.
    fn bash(&self, cells: &[(String, &str)], conninfo: &[(&str, String)]) -> Vec<String> {
        const RUNNER: &str = "while IFS= read -r -d '' V && IFS= read -r -d '' code; do
(export V; eval \"$code\") </dev/null 2>/dev/null
printf '\\0'
done";
        let mut input = tempfile::tempfile().unwrap();
        for (code, value) in cells {
            write!(input, "{value}\0{code}\0").unwrap();
        }
        input.seek(SeekFrom::Start(0)).unwrap();
        let mut command = Command::new("bash");
        command.args(["--norc", "--noprofile", "-c", RUNNER]);
        self.arm(&mut command);
        for (name, value) in conninfo {
            command.env(name, value);
        }
        let output = command.stdin(Stdio::from(input)).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let printed: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
        assert_eq!(printed.len(), cells.len(), "each cell has run");
        printed
    }
}

/// All cells of one matrix, run; the trap must not have sprung.
fn run_in_bash(places: &[&str], values: &[&'static str], exact: bool) -> Matrix {
    let trap = Trap::new();
    let mut matrix = Matrix::default();
    let mut cells: Vec<(String, &str)> = Vec::new();
    for place in places {
        for value in values {
            if let Some(code) = matrix.fill(place, Actor::Shell, value) {
                cells.push((code, value));
            }
        }
    }
    let printed = trap.bash(&cells, &[]);
    if trap.has_sprung() {
        let mut ran = Disagreements::default();
        for cell in &cells {
            let alone = Trap::new();
            alone.bash(std::slice::from_ref(cell), &[]);
            if alone.has_sprung() {
                ran.add(format!("{}\nvalue: {:?}", cell.0, cell.1));
            }
        }
        ran.none("these ran", cells.len());
    }
    assert!(!trap.has_sprung());
    if exact {
        let mut wrong = Disagreements::default();
        for ((code, value), printed) in cells.iter().zip(printed) {
            if printed != *value {
                wrong.add(format!("{code}\n{value:?}\n{printed:?}"));
            }
        }
        wrong.none("another value has arrived", cells.len());
    }
    matrix
}

#[test]
fn the_trap_springs_where_nothing_quotes() {
    for place in [
        "echo <v>",
        "echo \"<v>\"",
        "cat <<E\n<v>\nE",
        "eval 'echo <v>'",
    ] {
        let trap = Trap::new();
        let code = place.replace("<v>", "$(pwned)");
        trap.bash(&[(code, "")], &[]);
        assert!(trap.has_sprung(), "{place}");
    }
}

#[test]
fn no_value_runs_in_a_shell_and_each_arrives_as_it_is() {
    let exact = run_in_bash(&EXACT, &VALUES, true);
    // Only what ends where its text ends: `bash <<E` with a line `E` in the value, and their like.
    assert!(
        exact.refused * 20 < exact.cells,
        "{} of {} were refused",
        exact.refused,
        exact.cells
    );
    let others = run_in_bash(&OTHERS, &VALUES, false);
    let travels = run_in_bash(&TRAVELS, &VALUES, false);
    let cells = exact.cells + others.cells + travels.cells;
    let refused = exact.refused + others.refused + travels.refused;
    println!("a shell: {cells} cells, {refused} refused, 0 ran");
    assert!(cells > 2_000, "{cells} cells");
    assert!(
        travels.refused > 100 && others.refused > 300,
        "what cannot be quoted is refused"
    );
}

#[test]
fn a_nul_byte_is_refused_everywhere() {
    let mut matrix = Matrix::default();
    for place in EXACT
        .iter()
        .chain(&OTHERS)
        .filter(|place| !place.contains('#'))
    {
        assert_eq!(matrix.fill(place, Actor::Shell, "a\0b"), None, "{place}");
    }
    assert_eq!(matrix.fill("SELECT '<v>'", Actor::Sql, "a\0b"), None);
}

fn marked(database: &Database) -> String {
    let output = Command::new("psql")
        .args(["-XqAt", "-d", &database.conninfo()])
        .args(["-c", "SELECT count(*) FROM pwned"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn no_value_runs_in_sql_and_each_arrives_as_it_is() {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    crate::support::execute(&mut connection, "CREATE TABLE pwned (n int)").await;
    let trap = Trap::new();
    let mut matrix = Matrix::default();
    let mut script = String::new();
    let mut codes = Vec::new();
    for place in SQL.iter().chain(&SQL_TRAVELS) {
        for value in SQL_VALUES {
            let Some(code) = matrix.fill(place, Actor::Sql, value) else {
                continue;
            };
            let set = value
                .replace('\\', "\\\\")
                .replace('\'', "''")
                .replace('\n', "\\n");
            let text = format!("\\set V '{set}'\n{code}\n\\echo next\n");
            script.push_str(&text);
            codes.push(text);
        }
    }
    let psql = |script: &str| {
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(script.as_bytes()).unwrap();
        input.seek(SeekFrom::Start(0)).unwrap();
        let mut command = Command::new("psql");
        command.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-d",
            &database.conninfo(),
            "-f",
            "-",
        ]);
        trap.arm(&mut command);
        let output = command.stdin(Stdio::from(input)).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let printed = psql(&script);
    let before = "0\n";
    if trap.has_sprung() || marked(&database) != before {
        let unchanged = marked(&database);
        for code in &codes {
            let _ = std::fs::remove_file(trap.folder.path().join("mark"));
            psql(code);
            assert!(!trap.has_sprung(), "this ran:\n{code}");
            assert_eq!(marked(&database), unchanged, "this ran:\n{code}");
        }
    }
    assert!(!trap.has_sprung());
    assert_eq!(marked(&database), "0\n");
    assert_eq!(
        printed.matches("next\n").count(),
        codes.len(),
        "each cell has run"
    );
    // What stands between quotes arrives.
    let first: Vec<&str> = printed.split("next\n").take(SQL_VALUES.len()).collect();
    for (value, printed) in SQL_VALUES.iter().zip(first) {
        assert_eq!(printed, format!("{value}\n"));
    }
    println!(
        "SQL: {} cells, {} refused, 0 ran",
        matrix.cells, matrix.refused
    );
    assert!(matrix.cells > 800, "{}", matrix.cells);
    assert!(matrix.refused > 100, "{}", matrix.refused);
}

#[tokio::test]
async fn no_value_runs_in_sql_that_a_shell_hands_to_psql() {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    crate::support::execute(&mut connection, "CREATE TABLE pwned (n int)").await;
    let trap = Trap::new();
    let mut matrix = Matrix::default();
    let mut cells: Vec<(String, &str)> = Vec::new();
    for place in THROUGH_PSQL {
        for value in VALUES.iter().chain(&SQL_VALUES).step_by(2) {
            if let Some(code) = matrix.fill(place, Actor::Shell, value) {
                cells.push((code, value));
            }
        }
    }
    let cluster = crate::support::cluster();
    let conninfo = [
        ("PGHOST", cluster.socket_directory().display().to_string()),
        ("PGPORT", cluster.port().to_string()),
        ("PGUSER", "postgres".to_owned()),
        ("PGDATABASE", database.name.clone()),
    ];
    let printed = trap.bash(&cells, &conninfo);
    println!(
        "psql of a shell: {} cells, {} refused, 0 ran",
        matrix.cells, matrix.refused
    );
    assert!(!trap.has_sprung());
    assert_eq!(marked(&database), "0\n");
    for ((code, value), printed) in cells.iter().zip(printed) {
        // Where it is a literal of SQL.
        let exact = code.contains("SELECT '") || code.contains("SELECT :'x'");
        if exact && !code.contains("BEGIN") {
            assert_eq!(printed, format!("{value}\n"), "{code}");
        }
    }
}
