//! `gonogo.toml`: what it may say, how mistakes are shown, and that parser, schema and documentation
//! name the same keys.

use std::collections::BTreeSet;

use gonogo::runbook::config::{Config, KEYS, SecretSource, parse_config};
use gonogo::runbook::diagnostic::{Diagnostic, Severity, render};
use serde_json::Value;

const DOCUMENTATION: &str = include_str!("../../docs/configuration.md");
const SCHEMA: &str = include_str!("../../assets/gonogo.schema.json");

fn good(text: &str) -> Config {
    let (config, diagnostics) = parse_config("gonogo.toml", text);
    assert_eq!(diagnostics, [], "{text}");
    config
}

fn wrong(text: &str) -> Vec<Diagnostic> {
    let (_, diagnostics) = parse_config("gonogo.toml", text);
    assert!(!diagnostics.is_empty(), "nothing was reported: {text}");
    diagnostics
}

/// The first mistake as code, place and help.
fn first(text: &str) -> (String, usize, usize, String) {
    let diagnostic = wrong(text).remove(0);
    assert_eq!(diagnostic.severity, Severity::Error);
    (
        diagnostic.code,
        diagnostic.line,
        diagnostic.column,
        diagnostic.help,
    )
}

fn example() -> String {
    let start = DOCUMENTATION
        .find("```toml\n")
        .expect("the documentation has an example")
        + 8;
    let end = DOCUMENTATION[start..]
        .find("```")
        .expect("the example ends");
    DOCUMENTATION[start..start + end].to_owned()
}

#[test]
fn the_documented_example_means_what_it_says() {
    let config = good(&example());
    assert_eq!(config.default_environment.as_deref(), Some("staging"));
    let staging = &config.environments["staging"];
    assert!(!staging.protected);
    assert_eq!(staging.name, "staging");
    assert_eq!(staging.window_s, Some(3_600));
    assert_eq!(
        staging.targets["main"].postgres,
        "host=db.staging.internal dbname=shop user=deploy"
    );
    assert_eq!(
        staging.targets["replica"].password,
        Some(SecretSource::Env("REPLICA_PASSWORD".to_owned()))
    );
    assert_eq!(staging.probes["api"].every_ms, 1_000);
    assert_eq!(staging.probes["api"].timeout_ms, 2_000);
    assert_eq!(staging.probes["web"].every_ms, 5_000);
    assert_eq!(staging.values["RELEASE"], "2.14.0");
    assert_eq!(
        staging.secrets["ADMIN_TOKEN"],
        SecretSource::Command("pass show shop/staging/admin".to_owned())
    );
    let production = &config.environments["production"];
    assert!(production.protected);
    assert!(production.values.is_empty(), "environments share nothing");
}

#[test]
fn an_empty_file_is_a_configuration() {
    assert_eq!(good(""), Config::default());
}

#[test]
fn unknown_keys_get_the_closest_name_and_their_place() {
    assert_eq!(
        first("[environments.staging]\nprotcted = true\n"),
        (
            "unknown-key".to_owned(),
            2,
            1,
            "did you mean `protected`?".to_owned()
        )
    );
    assert_eq!(
        first("[environments.a]\nprobes.api = { ulr = \"http://x\", url = \"http://x\" }\n").3,
        "did you mean `url`?"
    );
    assert_eq!(
        first("[staging]\nprotected = true\n").3,
        "environments belong under `[environments.staging]`"
    );
    assert_eq!(
        first("default_environment = \"stagin\"\n[environments.staging]\n").3,
        "did you mean `staging`?"
    );
}

#[test]
fn a_password_in_a_connection_string_is_an_error() {
    for postgres in [
        "postgres://app:hunter2@db/app",
        "host=db password=hunter2",
        "postgresql://db/app?password=hunter2",
    ] {
        let text = format!("[environments.a]\ntargets.main = \"{postgres}\"\n");
        let diagnostics = wrong(&text);
        assert_eq!(diagnostics[0].code, "password-in-target", "{postgres}");
        let text = format!("[environments.a]\ntargets.main = {{ postgres = \"{postgres}\" }}\n");
        assert_eq!(wrong(&text)[0].code, "password-in-target", "{postgres}");
    }
    good("[environments.a]\ntargets.main = \"postgres://app@db:5432/app\"\n");
}

#[test]
fn values_of_the_wrong_kind_are_told_what_to_write() {
    for (line, code, help) in [
        ("window = 60", "bad-value", "\"60m\""),
        ("window = \"60 parsecs\"", "bad-value", "\"60m\""),
        ("protected = \"yes\"", "bad-value", "protected = true"),
        ("probes.api = \"localhost:8080\"", "bad-value", "http://"),
        (
            "probes.api = { url = \"http://x\", every = \"0s\" }",
            "bad-value",
            "1s",
        ),
        (
            "probes.api = { url = \"http://x\", status = 42 }",
            "bad-value",
            "status = 200",
        ),
        ("secrets.token = \"hunter2\"", "secret-in-the-open", "env"),
        (
            "secrets.token = { command = \"printf postgresql://u:hunter2@h/d\" }",
            "secret-in-the-open",
            "into a file",
        ),
        ("secrets.token = {}", "bad-value", "env"),
        (
            "secrets.token = { env = \"A\", file = \"b\" }",
            "bad-value",
            "env",
        ),
        ("targets.main = {}", "missing-key", "postgres"),
        ("targets = \"x\"", "bad-value", "targets.NAME"),
        ("values.A = []", "bad-value", "values.NAME"),
    ] {
        let (found, number, _, advice) = first(&format!("[environments.a]\n{line}\n"));
        assert_eq!((found.as_str(), number), (code, 2), "{line}");
        assert!(advice.contains(help), "{line}: {advice}");
    }
}

#[test]
fn annotations_need_their_keys_and_attributes_that_exist() {
    let entry = |attributes: &str| {
        format!(
            "[[annotations]]\nguide = \"a.md\"\nheading = \"A\"\nblock = \"0\"\nattributes = \"{attributes}\"\n"
        )
    };
    assert_eq!(
        good(&entry(".run #a timeout=3s")).annotations[0].guide,
        "a.md"
    );
    for (text, code, line, help) in [
        (
            "annotations = 3\n".to_owned(),
            "bad-value",
            1,
            "[[annotations]]",
        ),
        (
            "annotations = [3]\n".to_owned(),
            "bad-value",
            1,
            "[[annotations]]",
        ),
        (
            "[[annotations]]\nguide = \"a\"\n".to_owned(),
            "missing-key",
            1,
            "gonogo annotate",
        ),
        (
            entry(".run").replace("heading", "headign"),
            "unknown-key",
            3,
            "`heading`",
        ),
        (entry(".rnu"), "unknown-attribute", 5, "did you mean `run`?"),
        (
            entry("expct=1"),
            "unknown-attribute",
            5,
            "did you mean `expect`?",
        ),
        (
            entry(".run") + "occurrence = 0\n",
            "bad-value",
            6,
            "occurrence = 2",
        ),
    ] {
        let found = wrong(&text);
        let found = found.iter().find(|found| found.code == code);
        let found = found.unwrap_or_else(|| panic!("{code}: {text}"));
        assert_eq!(found.line, line, "{text}");
        assert!(found.help.contains(help), "{text}: {}", found.help);
    }
}

#[test]
fn broken_toml_is_shown_with_a_caret() {
    let text = "[environments.a\nprotected = true\n";
    let diagnostics = wrong(text);
    let shown = render(&diagnostics[..1], "gonogo.toml", text);
    assert!(shown.contains("gonogo.toml:1:"), "{shown}");
    assert!(shown.contains('^'), "{shown}");
}

#[test]
fn parser_schema_and_documentation_name_the_same_keys() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    for (table, keys) in KEYS {
        let properties = match table {
            "file" => &schema["properties"],
            name => &schema["$defs"][name]["properties"],
        };
        let in_schema: BTreeSet<&str> = properties
            .as_object()
            .expect("each table has properties")
            .keys()
            .map(String::as_str)
            .collect();
        let in_parser: BTreeSet<&str> = keys.iter().copied().collect();
        assert_eq!(in_schema, in_parser, "the schema of {table}");
        assert_eq!(documented(table), in_parser, "the documentation of {table}");
        let additional = match table {
            "file" => &schema["additionalProperties"],
            name => &schema["$defs"][name]["additionalProperties"],
        };
        assert_eq!(
            additional,
            &Value::Bool(false),
            "{table} takes no other keys"
        );
    }
}

/// The keys in the table of a section of the documentation.
fn documented(table: &str) -> BTreeSet<&'static str> {
    let title = match table {
        "file" => "## The file\n".to_owned(),
        "environment" | "annotation" => format!("## An {table}\n"),
        name => format!("## A {name}\n"),
    };
    let start = DOCUMENTATION
        .find(&title)
        .expect("each table has a section")
        + title.len();
    let section = &DOCUMENTATION[start..];
    let section = &section[..section.find("\n## ").unwrap_or(section.len())];
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect()
}

#[test]
fn every_key_is_accepted_by_the_parser() {
    for (table, keys) in KEYS {
        for key in keys {
            let text = match table {
                "file" => format!("{key} = 0"),
                "environment" => format!("[environments.a]\n{key} = 0"),
                "target" => format!("[environments.a]\ntargets.x = {{ {key} = 0 }}"),
                "variable" => format!("[variables.x]\n{key} = {{}}"),
                "probe" => format!("[environments.a]\nprobes.x = {{ {key} = 0 }}"),
                "annotation" => format!("[[annotations]]\n{key} = false"),
                "receiver" => format!("[environments.a]\nnotify.x = {{ {key} = 0 }}"),
                _ => format!("[environments.a]\nsecrets.x = {{ {key} = 0 }}"),
            };
            let unknown = wrong(&text)
                .iter()
                .any(|diagnostic| diagnostic.code == "unknown-key");
            assert!(!unknown, "{table}.{key}");
        }
    }
}
