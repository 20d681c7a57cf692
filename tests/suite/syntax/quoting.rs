//! Values that try to get out of their quoting, in every place where a value can stand: each is
//! refused, or arrives as it was given. A real bash and a real psql decide.

use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use gonogo::runbook::{Actor, Filling, Fillings, fill};

use crate::support::{Database, fresh_database};

/// Places of a shell that print the value, and nothing else.
const EXACT: [&str; 31] = [
    "printf '%s' <v>",
    "printf '%s' \"<v>\"",
    "printf '%s' '<v>'",
    "printf '%s' $'<v>'",
    "X=<v>; printf '%s' \"$X\"",
    "X=\"<v>\"; printf '%s' \"$X\"",
    "export X=<v>; printf '%s' \"$X\"",
    "declare X=<v>; printf '%s' \"$X\"",
    "env X=<v> bash -c 'printf %s \"$X\"'",
    "printf '%s' \"$(printf '%s' <v>; printf x)\" | head -c -1",
    "a=(<v> b); printf '%s' \"${a[0]}\"",
    "for i in <v>; do printf '%s' \"$i\"; done",
    "f() { printf '%s' \"<v>\"; }; f",
    "bash -c 'printf %s <v>'",
    "bash -c \"printf %s <v>\"",
    "bash -c \"printf %s '<v>'\"",
    "bash -c 'printf %s \"<v>\"'",
    "eval 'printf %s <v>'",
    "eval printf %s <v>",
    "bash <<'E'\nprintf %s <v>\nE",
    "bash <<E\nprintf %s '<v>'\nE",
    "trap 'printf %s <v>' EXIT",
    "set -- <v>; printf '%s' \"$1\"",
    "f() { printf '%s' \"$1\"; }; f <v>",
    "IFS= read -r -d '' X < <(printf '%s\\0' <v>); printf '%s' \"$X\"",
    "printf '%s' <v> | cat",
    "cat <<< \"$(printf '%s' <v>)x\" | head -c -2",
    "echo \"printf %s '<v>'\" | bash",
    "ls <v> >/dev/null 2>&1; printf '%s' <v>",
    "printf '%s' <v> > f; cat f",
    "env -i bash -c 'printf %s \"$1\"' x <v>",
];

/// Places that reckon, name, match, or hand the value to something else.
const OTHERS: [&str; 87] = [
    "echo a<v>b",
    "echo <v>",
    "echo \"a $HOME <v>\"",
    "echo `echo <v>`",
    "echo \"`echo \\`echo <v>\\``\"",
    "echo \"`echo \\\"<v>\\\"`\"",
    "echo $(echo \"<v>\")",
    "echo $((<v> + 1))",
    "echo $[<v>]",
    "((<v>))",
    "let x=<v>",
    "let 'x=<v>'",
    "[[ <v> -eq 1 ]]",
    "[[ 1 -lt \"<v>\" ]]",
    "[[ <v> == a ]]",
    "[[ a =~ <v> ]]",
    "[[ -v <v> ]]",
    "[ <v> = a ]",
    "test -v <v>",
    "printf -v <v> a",
    "declare <v>=1",
    "declare -i X=<v>",
    "unset <v>",
    "read <v> </dev/null",
    "cat <<E\n<v>\nE",
    "cat <<E\na <v> b\nE",
    "cat <<'E'\n<v>\nE",
    "cat <<-E\n\t<v>\n\tE",
    "bash <<E\necho <v> $HOME\nE",
    "bash -c \"echo $HOME <v>\"",
    "alias x='echo <v>'; x",
    "echo ${X:-<v>}",
    "echo \"${X:-<v>}\"",
    "echo ${X//a/<v>}",
    "X=(1); echo ${X[<v>]}",
    "X[<v>]=1",
    "declare -A m=([<v>]=1)",
    "case <v> in a) ;; *) ;; esac",
    "case a in <v>) ;; *) ;; esac",
    "cat <<< <v>",
    "cat < <(echo <v>)",
    "echo x # <v>",
    "PS4=<v>; set -x; :",
    "awk 'BEGIN { print \"<v>\" }'",
    "sed -n 's/a/<v>/p' /dev/null",
    "find . -maxdepth 0 -exec echo <v> \\;",
    "<v>",
    "for ((i = <v>; i < 1; i++)); do :; done",
    "echo $(( $(echo <v>) + 1 ))",
    "((X[$(echo <v>)]))",
    "[[ $(echo <v>) -eq 1 ]]",
    "bash -c \"$(echo <v>)\"",
    "eval \"$(printf '%s' <v>)\"",
    "X=<v>; eval \"$X\"",
    "X=<v>; Y=$X; bash -c \"$Y\"",
    "X=<v>; echo $((X + 1))",
    "X=\"<v>\"; [[ X -eq 1 ]]",
    "export X=<v>; bash -c 'eval \"$X\"'",
    "for i in a <v>; do eval \"$i\"; done",
    "f() { eval \"$1\"; }; f <v>",
    "set -- <v>; eval \"$1\"",
    "echo <v> | bash",
    "echo <v> | cat | tee f | sh",
    "{ echo '; :'; echo <v>; } | bash",
    "bash <(echo <v>)",
    "source <(echo <v>)",
    ". /dev/stdin <<< <v>",
    "bash < <(echo <v>)",
    "bash <<< <v>",
    "echo <v> | while read -r x; do eval \"$x\"; done",
    "read -r x <<< <v>; bash -c \"$x\"",
    "echo <v> | xargs -I{} sh -c 'echo {}'",
    "bash -c 'eval \"$1\"' x <v>",
    "declare X=<v>; let \"Y=X\"",
    "a[<v>]=1",
    "env -S 'echo <v>'",
    "X=<v> bash -c 'eval $X'",
    "mapfile -t x <<< <v>; eval \"${x[0]}\"",
    "printf -v x '%s' <v>; eval \"$x\"",
    "time ! { echo <v>; }",
    "coproc cat <<< <v>; wait",
    "echo -e \"echo '<v>'\" | bash",
    "printf \"echo '<v>'\\n\" | bash",
    "X=<v>; echo ${!X}",
    "X=<v>; echo \"${X@P}\"",
    "declare -i X; X=<v>",
    "X=<v>; let \"Y=X\"",
];

/// Code around which no server is needed but psql's.
const THROUGH_PSQL: [&str; 13] = [
    "psql -qAtXc \"SELECT '<v>'\"",
    "psql -qAtX -c 'SELECT '\\''<v>'\\'",
    "psql -qAtX <<E\nSELECT '<v>';\nE",
    "psql -qAtX <<'E'\nSELECT '<v>';\nE",
    "echo \"SELECT '<v>'\" | psql -qAtX",
    "psql -qAtX -v x=<v> <<'E'\nSELECT :'x';\nE",
    "psql -qAtXc \"SELECT <v>\"",
    "psql -qAtX -v x=<v> <<'E'\nSELECT :x;\nE",
    "psql -qAtX --set=x=<v> <<'E'\nSELECT 1 AS a \\\\g :x\nE",
    "X=<v>; psql -qAtX -v x=\"$X\" <<'E'\nSELECT :x;\nE",
    "X=<v>; psql -qAtXc \"SELECT '$X'\"",
    "psql -qAtX < <(echo \"SELECT <v>\")",
    "{ echo 'BEGIN;'; echo \"SELECT '<v>';\"; } | psql -qAtX",
];

const SQL: [&str; 38] = [
    "SELECT '<v>';",
    "SELECT E'<v>';",
    "SELECT 1 AS \"<v>\";",
    "SELECT <v>;",
    "SELECT $$<v>$$;",
    "SELECT $t$<v>$t$;",
    "DO $$ BEGIN PERFORM '<v>'; END $$;",
    "\\echo <v>\n",
    "\\echo '<v>'\n",
    "\\echo \"<v>\"\n",
    "\\set x <v>\n",
    "\\set x '<v>'\n",
    "\\set x `echo <v>`\n",
    "\\set x `echo '<v>'`\n",
    "SELECT 1 -- <v>\n;",
    "SELECT 1 /* <v> */;",
    "SELECT U&'<v>';",
    "SELECT B'<v>';",
    "CREATE TEMP TABLE c (a text);\nCOPY c FROM STDIN;\n<v>\n\\.\nDROP TABLE c;",
    "\\! echo <v>\n",
    "COPY (SELECT 1) TO PROGRAM 'echo <v>';",
    "SELECT 'a<v>b' || '<v>';",
    "\\if <v>\n\\endif\n",
    "SELECT 1 \\g <v>\n",
    "SELECT 1 \\g '<v>'\n",
    "\\o '<v>'\n\\o\n",
    "\\set x '<v>'\nSELECT :x;",
    "\\set x '<v>'\n\\set y :x\nSELECT :y;",
    "\\set x '<v>'\nSELECT :'x';",
    "SELECT '<v>' \\gexec\n",
    "SELECT '<v>' AS x \\gset\nSELECT :x;",
    "SELECT format('SELECT %s', '<v>') \\gexec\n",
    "DO '<v>';",
    "SET standard_conforming_strings = off;\nSELECT '<v>';\nRESET standard_conforming_strings;",
    "SELECT 'x'\n'<v>';",
    "SELECT N'<v>';",
    "SELECT \"a<v>\".b FROM (SELECT 1 AS b) AS \"a<v>\";",
    "\\setenv PAGER '<v>'\n\\pset pager always\nSELECT 1;\n\\pset pager off",
];

const SQL_TRAVELS: [&str; 12] = [
    "SELECT :'V';",
    "SELECT 1 AS :\"V\";",
    "SELECT :V;",
    "\\set x `echo :V`\n",
    "\\echo :V :'V'\n",
    "SELECT 1 \\g :V\n",
    "\\o :V\n\\o\n",
    "\\set x :V\nSELECT :x;",
    "SELECT :'V' \\gexec\n",
    "SELECT :'V' AS x \\gset\nSELECT :x;",
    "DO :'V';",
    "\\! echo :V\n",
];

/// `pwned` leaves a mark; each value tries to have it run where one kind of quoting ends.
const VALUES: [&str; 35] = [
    "; pwned",
    "'; pwned; '",
    "\"; pwned; \"",
    "$(pwned)",
    "`pwned`",
    "\npwned\n",
    "| pwned",
    "&& pwned",
    "& pwned",
    "a[$(pwned)]",
    "a[`pwned`]",
    "\\'; pwned #",
    "E\npwned\n",
    "x\nE\npwned\nE",
    "}; pwned; {",
    ")); pwned; ((",
    "]]; pwned; [[",
    "é; pwned",
    "'\"$(pwned)\"'",
    "\\\"; pwned; \\\"",
    "$'\\x27'; pwned",
    "${X:-$(pwned)}",
    "a' b \"c\" $d `e",
    "日本 *?[a]~ !x",
    "\\",
    "'",
    "-n",
    "plain-1.2/x",
    "42",
    "",
    "$PATH\t\\n",
    "\\x27; pwned; \\x27",
    "\\047; pwned; \\047",
    "%b\\n; pwned",
    "x\\ny'; pwned; '",
];

const SQL_VALUES: [&str; 24] = [
    "'; INSERT INTO pwned VALUES (1); --",
    "\"; INSERT INTO pwned VALUES (1); --",
    "1; INSERT INTO pwned VALUES (1)",
    "$$; INSERT INTO pwned VALUES (1); --",
    "$t$; INSERT INTO pwned VALUES (1); --",
    "\\'; INSERT INTO pwned VALUES (1); --",
    "\n; INSERT INTO pwned VALUES (1);\n",
    "*/ INSERT INTO pwned VALUES (1); /*",
    "`pwned`",
    "$(pwned)",
    "\n\\! pwned\n",
    "\\\\ \\! pwned",
    "| pwned",
    "'`pwned`'",
    "\n\\.\nINSERT INTO pwned VALUES (1);\n",
    "'\n\\! pwned\n'",
    "''; INSERT INTO pwned VALUES (1); --",
    "it's \"a\" $b$ \\n",
    "日本 é",
    "\\",
    "'",
    "plain_1",
    "42",
    "; pwned",
];

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
