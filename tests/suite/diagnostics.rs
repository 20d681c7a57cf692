//! Every diagnostic as a person and as a script gets it: one golden file for each code, and none
//! without one. `gonogo check` is run as it is shipped.

use std::collections::BTreeSet;
use std::path::Path;

use gonogo::runbook::config::parse_config;
use gonogo::runbook::diagnostic::{Diagnostic, render};
use regex::Regex;
use serde_json::Value;

use crate::support::home::Home;

/// Around code that stands in a step.
const HEAD: &str = "# Guide\n\n## Step 1: Go\n\n";

/// A code and a guide that gives it, below [`HEAD`].
const GUIDES: [(&str, &str); 40] = [
    (
        "backup-verified-by-ls",
        "```bash\npg_dump -Fc -f app.dump app\nls -lh app.dump\n```\n",
    ),
    (
        "bad-attribute",
        "```sql {.check timeout=soon}\nSELECT 1;\n```\n",
    ),
    (
        "bad-batch",
        "```sql {.batch table=orders key=id}\nUPDATE orders SET done = true;\n```\n",
    ),
    (
        "bad-condition",
        "```sql {#look .check expect=\"exit == 0 && latency < 200\"}\nSELECT 1;\n```\n",
    ),
    (
        "bad-flag",
        "```sql {.flag read=\"SELECT v FROM flags\" value=on}\nUPDATE flags SET v = 'on';\n```\n",
    ),
    (
        "beside-the-rollback",
        "```bash\n./go.sh\n```\n\n## Rollback\n\n### Step 1: Back\n\n```bash\n./back.sh\n```\n\n### Known issues\n\n```bash\n./unstick.sh\n```\n",
    ),
    (
        "beside-the-walk",
        "```bash\n./go.sh\n```\n\n## The cache\n\n```bash\n./warm.sh\n```\n",
    ),
    ("blank", "```bash\ngit checkout <previous_commit>\n```\n"),
    ("blank-in-code", "```bash\nbash -c \"ls '<dir>'\"\n```\n"),
    (
        "constraint-without-not-valid",
        "```bash\npsql app <<SQL\nSET lock_timeout = '5s';\nALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);\nSQL\n```\n",
    ),
    (
        "ddl-without-lock-timeout",
        "```bash\npsql app -c \"ALTER TABLE t ADD COLUMN a int\"\n```\n",
    ),
    (
        "destructive-forward",
        "```bash\nrm -rf /srv/app/cache\n```\n",
    ),
    (
        "duplicate-id",
        "```bash {#one}\nls\n```\n\n```bash {#one}\nls\n```\n",
    ),
    (
        "glob-in-restore",
        "```bash\npg_restore -d app backup_*.dump\n```\n",
    ),
    (
        "grep-exits-1",
        "```bash\ngrep -i error /var/log/app.log\n```\n",
    ),
    (
        "incomplete",
        "```sql\nDROP INDEX CONCURRENTLY a;\n-- ... drop all others ...\n```\n",
    ),
    (
        "index-without-concurrently",
        "```sql\nSET lock_timeout = '5s';\nCREATE INDEX i ON t (a);\n```\n",
    ),
    ("invisible-character", "```bash\nls \u{202e}gnp\n```\n"),
    ("never-ending", "```bash\ntail -f /var/log/app.log\n```\n"),
    (
        "not-in-transaction",
        "```sql\nBEGIN;\nCREATE INDEX CONCURRENTLY i ON t (a);\nCOMMIT;\n```\n",
    ),
    ("opens-editor", "```bash\ngit revert HEAD\n```\n"),
    (
        "phase-count",
        "This takes 4 phases.\n\n```bash\nls\n```\n\n## Step 2: Stop\n\n```bash\nls\n```\n",
    ),
    (
        "pipe-hides-exit-code",
        "```bash\npg_dump app | gzip > app.sql.gz\n```\n",
    ),
    (
        "psql-without-on-error-stop",
        "```bash\npsql app -f migrate.sql\n```\n",
    ),
    (
        "secret-capture",
        "```bash {#token .run capture=\"API_TOKEN=stdout\"}\ncat token\n```\n",
    ),
    (
        "stale-parts",
        "```bash {.split parts=1,9}\n# Option A\n./one\n\n# Option B\n./two\n```\n",
    ),
    ("reserved-name", "```bash\nls <path>\n```\n"),
    (
        "secret-in-the-open",
        "```bash\nPGPASSWORD=hunter2 psql app -c 'SELECT 1'\n```\n",
    ),
    (
        "shell-inside-sql",
        "```sql\nTRUNCATE t;\ncurl http://localhost/reload\n```\n",
    ),
    (
        "shell-syntax",
        "```bash\n./stop.sh\nif test -f done; then\n  ./start.sh\n```\n",
    ),
    (
        "unbalanced-fence",
        "```bash\nls\n\n```sql\nSELECT 1;\n```\n",
    ),
    (
        "unknown-attribute",
        "```sql {#look .check expct=\"value == 1\"}\nSELECT 1;\n```\n",
    ),
    ("unknown-class", "```sql {#look .chek}\nSELECT 1;\n```\n"),
    (
        "unknown-undo",
        "```bash {undo=resotre}\nls\n```\n\n## Step 2: Restore {#restore}\n\n```bash\nls\n```\n",
    ),
    ("unreadable-sql", "```sql\nSELECT 'a;\n```\n"),
    ("unterminated-fence", "```bash\nls\n"),
    ("bad-setting", ""),
    ("unknown-setting", ""),
    ("no-phases", ""),
    ("rival-phases", ""),
];

const CONFIGURATIONS: [(&str, &str); 7] = [
    ("bad-toml", "[environments.test\n"),
    (
        "bad-value",
        "[environments.test.probes.api]\nurl = \"localhost:80\"\n",
    ),
    (
        "missing-key",
        "[environments.test.targets.main]\nprotected = true\n",
    ),
    (
        "password-in-target",
        "[environments.test.targets]\nmain = \"postgres://app:hunter2@db/app\"\n",
    ),
    (
        "secret-in-the-open",
        "[environments.test.secrets]\nTOKEN = \"hunter2\"\n",
    ),
    (
        "unknown-environment",
        "default_environment = \"tset\"\n\n[environments.test]\n",
    ),
    ("unknown-key", "[environments.test]\ntargest = {}\n"),
];

/// The guide for a code: most stand in a step, some are about the whole file.
fn guide(code: &str, body: &str) -> Vec<u8> {
    match code {
        "bad-setting" => b"---\ngonogo:\n  window: soon\n---\n# A\n".to_vec(),
        "unknown-setting" => b"---\ngonogo:\n  rehersal: assume\n---\n# A\n".to_vec(),
        "no-phases" => b"# A guide\n\nOnly words.\n".to_vec(),
        "rival-phases" => include_bytes!("../guides/rivals.md").to_vec(),
        _ => format!("{HEAD}{body}").into_bytes(),
    }
}

#[test]
fn every_diagnostic_says_where_why_and_what_to_do() {
    let home = Home::new();
    let path = home.path().join("guide.md");
    for (code, body) in GUIDES {
        std::fs::write(&path, guide(code, body)).unwrap();
        golden(code, &home);
    }
    // What is wrong with bytes is told of them, not of text.
    let mut bytes = HEAD.as_bytes().to_vec();
    bytes.extend(b"```bash\necho 'gr\xfc\xdfe'\n```\n");
    std::fs::write(&path, &bytes).unwrap();
    golden("not-utf8", &home);
    let long = "echo line\n".repeat(30_000);
    std::fs::write(&path, format!("{HEAD}```bash\n{long}```\n")).unwrap();
    golden("block-too-large", &home);
    // More different scripts than bash is asked about; only the last is told.
    let many: String = (0..3_001)
        .map(|number| format!("```bash\nfor i in {number}; do echo $i; done\n```\n\n"))
        .collect();
    std::fs::write(&path, format!("{HEAD}{many}")).unwrap();
    golden("shell-unchecked", &home);
    std::fs::write(&path, format!("{HEAD}```bash\n(ls)\n```\n")).unwrap();
    golden_in("no-bash", &home, "/nowhere");
}

/// Compares what is said of one code in prose and as JSON with its golden file.
#[track_caller]
fn golden(code: &str, home: &Home) {
    golden_in(code, home, &std::env::var("PATH").unwrap());
}

#[track_caller]
fn golden_in(code: &str, home: &Home, path: &str) {
    let check = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("PATH", path);
        Home::finish(command)
    };
    let prose = check(&["check", "guide.md"]);
    let json = check(&["check", "guide.md", "--json"]);
    let document = json.json();
    let found: Vec<&Value> = document["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|diagnostic| diagnostic["code"] == code)
        .collect();
    assert!(!found.is_empty(), "`{code}` is not found: {}", prose.err);
    let errors = document["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .any(|diagnostic| diagnostic["severity"] == "error");
    assert_eq!(prose.code, if errors { 5 } else { 0 }, "{code}");
    assert_eq!(prose.code, json.code, "{code}");
    let told: Vec<&str> = prose
        .err
        .split("\n\n")
        .filter(|part| part.contains(&format!("[{code}]")))
        .map(str::trim)
        .collect();
    assert_eq!(told.len(), found.len(), "{code}: {}", prose.err);
    let text = told.join("\n\n");
    assert!(
        text.contains("= help: ") && text.contains("--> guide.md:"),
        "{text}"
    );
    let json = serde_json::to_string_pretty(&found).unwrap();
    insta::assert_snapshot!(format!("diagnostic__{code}"), format!("{text}\n\n{json}"));
}

#[test]
fn every_diagnostic_of_a_configuration_says_where_why_and_what_to_do() {
    for (code, text) in CONFIGURATIONS {
        let (_, diagnostics) = parse_config("gonogo.toml", text);
        let found: Vec<Diagnostic> = diagnostics
            .into_iter()
            .filter(|diagnostic| diagnostic.code == code)
            .collect();
        assert!(!found.is_empty(), "`{code}` is not found");
        let told = render(&found, "gonogo.toml", text);
        insta::assert_snapshot!(format!("configuration__{code}"), told.trim());
    }
}

#[test]
fn no_code_is_without_a_golden_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![
        root.join("src/runbook/source.rs"),
        root.join("src/runbook/settings.rs"),
        root.join("src/runbook/config/reader.rs"),
        root.join("src/cli/check.rs"),
        root.join("src/cli/open.rs"),
    ];
    let lints = std::fs::read_dir(root.join("src/runbook/lint")).unwrap();
    files.extend(lints.map(|entry| entry.unwrap().path()));
    let place = Regex::new(
        r#"(?:Severity::(?:Error|Warning|Info)\s*\}?,|severity,|report\(|note\(|code:)\s*"([a-z][a-z0-9-]*)""#,
    )
    .unwrap();
    let mut codes = BTreeSet::new();
    for file in files {
        let source = std::fs::read_to_string(file).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap();
        codes.extend(place.captures_iter(source).map(|found| found[1].to_owned()));
    }
    assert!(codes.len() > 35, "{codes:?}");
    let named = |code: &str| {
        ["diagnostic", "configuration"].iter().any(|kind| {
            root.join(format!(
                "tests/suite/snapshots/suite__diagnostics__{kind}__{code}.snap"
            ))
            .is_file()
        })
    };
    let missing: Vec<&String> = codes.iter().filter(|code| !named(code)).collect();
    assert!(missing.is_empty(), "without a golden file: {missing:?}");
}

/// The keys of each object of `check --json`, in their order; scripts depend on them.
#[test]
fn the_document_of_check_has_the_keys_that_are_promised() {
    let home = Home::new();
    let guide = "# A\n\n## Phase 1: Go\n\n**Estimated time**: 5-10 minutes\n\n### Do it\n\n- [ ] Told\n\n```sql {#look .check expect=\"value == 1\"}\nSELECT :'who';\n```\n\n## Monitoring (24 hours)\n\n- [ ] Quiet\n\n## Cleanup\n\n**WAIT 7 DAYS** before this.\n\n```bash\nrm -r old\n```\n\n## Rollback\n\n### Option 1: Back (recommended)\n\n```bash\nls\n```\n";
    home.write("guide.md", guide);
    let document = home.gonogo(&["check", "guide.md", "--json"]).json();
    let keys = |value: &Value| -> String {
        let keys: Vec<&str> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        keys.join(" ")
    };
    assert_eq!(
        keys(&document),
        "file title digest repaired phases phases_why rollback soaks waits triggers severities blocks variables diagnostics preparation cleanup references"
    );
    for (pointer, expected) in [
        (
            "/phases/0",
            "id title line optional estimate steps wait_s criteria",
        ),
        ("/phases/0/estimate", "min_s max_s"),
        (
            "/phases/0/steps/0",
            "id title line optional blocks manual expect choice waits",
        ),
        (
            "/phases/0/steps/0/expect/0",
            "line text cel block part proposed",
        ),
        (
            "/rollback/0",
            "id title line recommended discouraged blocks only_if steps criteria",
        ),
        (
            "/soaks/0",
            "title line duration_s criteria red_flags phase step",
        ),
        ("/waits/0", "line text duration_s holds"),
        (
            "/blocks/0",
            "n line lang role why rule destructive long_running choice needs place commands parts elsewhere",
        ),
        ("/blocks/0/place", "in phase step"),
        (
            "/blocks/0/commands/0",
            "line last_line text title does on off",
        ),
        ("/blocks/1/place", "in phase step"),
        ("/blocks/2/place", "in option"),
        (
            "/cleanup/0",
            "id title line optional estimate steps wait_s criteria",
        ),
        ("/variables/0", "name lines secret"),
        (
            "/diagnostics/0",
            "severity code line column message help also",
        ),
    ] {
        let value = document
            .pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer}: {document:#}"));
        assert_eq!(keys(value), expected, "{pointer}");
    }
    // One guide is a document, several are an array of them.
    let several = home
        .gonogo(&["check", "guide.md", "guide.md", "--json"])
        .json();
    assert_eq!(several.as_array().unwrap().len(), 2);
    assert_eq!(several[1], document);
}

#[test]
fn files_that_are_no_guides_are_told_and_do_not_hang() {
    let home = Home::new();
    let path = |name: &str| home.path().join(name);
    std::fs::create_dir(path("folder")).unwrap();
    std::fs::write(path("nul.md"), b"# A\n\0\n").unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(path("pipe"))
        .status();
    assert!(made.unwrap().success());
    for (name, word) in [
        ("missing.md", "cannot read"),
        ("folder", "is a folder"),
        ("pipe", "not a regular file"),
        ("nul.md", "holds NUL bytes"),
    ] {
        let done = home.gonogo(&["check", name]).exits(2);
        assert!(
            done.err.contains(word) && done.err.contains("next:"),
            "{name}: {}",
            done.err
        );
    }
    // These are guides, however odd.
    let wide: Vec<u8> = "\u{feff}# A\r\n\r\n## Step 1: a\r\n\r\n```bash\r\nls\r\n```\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (name, bytes, blocks) in [
        ("empty.md", Vec::new(), 0),
        ("utf16.md", wide, 1),
        (
            "bom.md",
            b"\xef\xbb\xbf# A\n\n## Step 1: a\n\n```bash\nls\n```\n".to_vec(),
            1,
        ),
        (
            "crlf.md",
            b"# A\r\n\r\n## Step 1: a\r\n\r\n```bash\r\nls\r\n```\r\n".to_vec(),
            1,
        ),
        (
            "tabs.md",
            b"# A\n\n## Step 1: a\n\n-\ta\n\n\t```bash\n\tls\n\t```\n".to_vec(),
            1,
        ),
        (
            "nested.md",
            b"# A\n\n````markdown\n```bash\nls\n```\n````\n".to_vec(),
            1,
        ),
    ] {
        std::fs::write(path(name), bytes).unwrap();
        let document = home.gonogo(&["check", name, "--json"]).exits(0).json();
        assert_eq!(
            document["blocks"].as_array().unwrap().len(),
            blocks,
            "{name}"
        );
    }
}
