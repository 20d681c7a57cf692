//! A blank is a word of the text, never a variable by which a shell, a loader, libpq or psql is steered;
//! and nothing of the operator's own environment is taken for it.

use crate::support::fresh_database;
use crate::support::home::Home;

const GUIDE: &str = r#"# Words

## Phase 1: Say them

```bash {#say .run}
printf '%s\n' <path> <home> "<user>" <pgservice> > said.txt
printf '%s\n' "$PATH" "$HOME" "$USER" > own.txt
printenv PGSERVICE >> own.txt || echo none >> own.txt
```
"#;

const VALUES: [(&str, &str); 4] = [
    ("PATH", "/a b;touch pwned"),
    ("HOME", "$(touch pwned)"),
    ("USER", "`touch pwned`"),
    ("PGSERVICE", "it's"),
];

#[test]
fn a_blank_named_like_a_variable_of_the_shell_stays_a_word() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    let given = VALUES.map(|(name, value)| format!("--var={name}={value}"));
    let mut arguments = vec!["rehearse", "guide.md"];
    arguments.extend(given.iter().map(String::as_str));
    home.gonogo(&arguments).exits(0);
    let said = std::fs::read_to_string(home.path().join("said.txt")).unwrap();
    let values = VALUES.map(|(_, value)| value);
    assert_eq!(said.lines().collect::<Vec<_>>(), values);
    let own = std::fs::read_to_string(home.path().join("own.txt")).unwrap();
    let expected = [
        std::env::var("PATH").unwrap(),
        std::env::var("HOME").unwrap(),
        "anna".to_owned(),
        "none".to_owned(),
    ];
    assert_eq!(own.lines().collect::<Vec<_>>(), expected);
    assert!(!home.path().join("pwned").exists());
}

#[test]
fn nothing_of_the_operators_own_is_taken_for_it_and_the_guide_is_told() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    let waits = home.gonogo(&["rehearse", "guide.md"]).exits(3);
    for name in ["PATH", "HOME", "USER"] {
        assert!(waits.err.contains(&format!("`{name}`")), "{}", waits.err);
    }
    let checked = home
        .gonogo(&["check", "guide.md", "--json"])
        .exits(0)
        .json();
    let told = checked["diagnostics"].as_array().unwrap().iter();
    let told = told.filter(|one| one["code"] == "reserved-name").count();
    assert_eq!(told, 4, "{checked:#}");
}

#[tokio::test]
async fn a_blank_steers_no_psql() {
    let database = fresh_database().await;
    let home = Home::new();
    home.environment(&database.conninfo(), "");
    home.write(
        "guide.md",
        "# Steer\n\n## Phase 1: Work\n\n```sql {#work .run}\nSELECT '<on error stop>', '<user>', :'USER';\nSELECT 1/0;\n\
         CREATE TABLE never (id int);\n```\n",
    );
    home.gonogo(&[
        "rehearse",
        "guide.md",
        "--var=ON_ERROR_STOP=0",
        "--var=USER=bob",
    ])
    .exits(1);
    let mut connection = database.connect().await;
    let there: bool = sqlx::query_scalar("SELECT to_regclass('never') IS NOT NULL")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(!there);
}
