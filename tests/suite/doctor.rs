//! What `gonogo doctor` finds on a real server, and that each finding says how to fix it.

use crate::support::home::Home;
use crate::support::{execute, fresh_database};

/// `(level, what, fix)` of every finding about the target.
fn about_target(report: &serde_json::Value) -> Vec<(String, String, String)> {
    let text = |finding: &serde_json::Value, key: &str| {
        finding[key].as_str().unwrap_or_default().to_owned()
    };
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            (
                text(finding, "level"),
                text(finding, "what"),
                text(finding, "fix"),
            )
        })
        .filter(|(_, what, _)| what.starts_with("target main"))
        .collect()
}

#[tokio::test]
async fn a_role_without_rights_is_told_which_to_ask_for() {
    let database = fresh_database().await;
    let role = format!("plain_{}", std::process::id());
    let mut connection = database.connect().await;
    execute(&mut connection, &format!("CREATE ROLE {role} LOGIN")).await;
    let home = Home::new();
    home.environment(
        &format!(
            "{} user={role}",
            database.conninfo().replace("user=postgres", "")
        ),
        "",
    );
    let report = home.gonogo(&["doctor", "--json"]).exits(0).json();
    let found = about_target(&report);
    for (what, fix) in [
        (
            "sees only its own sessions",
            format!("GRANT pg_monitor TO \"{role}\""),
        ),
        (
            "cancel only its own",
            format!("GRANT pg_signal_backend TO \"{role}\""),
        ),
        ("pg_stat_statements", "pg_stat_statements".to_owned()),
    ] {
        let one = found.iter().find(|(_, said, _)| said.contains(what));
        let (level, _, said) = one.unwrap_or_else(|| panic!("{what}: {found:?}"));
        assert_eq!(level, "warning", "{what}: {found:?}");
        assert!(said.contains(&fix), "{said}");
    }
    assert!(
        found
            .iter()
            .any(|(_, what, _)| what.contains("clock agrees")),
        "{found:?}"
    );
    execute(&mut connection, &format!("DROP ROLE {role}")).await;
}

#[tokio::test]
async fn every_secret_is_really_read() {
    let database = fresh_database().await;
    let home = Home::new();
    home.write("other", "canary-7788\n");
    home.environment(
        &database.conninfo(),
        "[environments.test.secrets]\nTOKEN = { command = \"echo told >&2; exit 3\" }\nKEY = { file = \"none\" }\nOTHER = { command = \"cat other\" }",
    );
    let done = home.gonogo(&["doctor"]).exits(1);
    for part in ["`TOKEN`", "`KEY`", "secret OTHER has a value"] {
        assert!(done.out.contains(part), "{part}: {}", done.out);
    }
    assert!(!done.out.contains("canary-7788"), "{}", done.out);
}

#[test]
fn an_environment_that_does_not_exist_is_not_found_healthy() {
    let home = Home::new();
    home.write("gonogo.toml", "[environments.staging]\n");
    let done = home.gonogo(&["doctor", "--env", "production"]).exits(2);
    assert!(done.err.contains("there are: staging"), "{}", done.err);
}

/// As in a pipeline or under a service manager.
#[test]
fn without_any_terminal_none_is_missed() {
    let home = Home::new();
    let mut command = home.command(&["doctor"]);
    command.env_remove("TERM");
    let done = Home::finish(command).exits(0);
    assert!(done.out.contains("not for the cockpit"), "{}", done.out);
}
