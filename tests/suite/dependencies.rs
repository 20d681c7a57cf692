//! Dependencies are what `deny.toml` allows: their licences, their versions, where they come from.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Everything that the program and its tests are built from on this platform, as cargo knows it without a
/// network.
fn packages() -> Vec<Value> {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let host = rustc
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .args(["--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn rules() -> toml::Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

fn words(table: &toml::Table, section: &str, key: &str) -> Vec<String> {
    let list = table[section][key].as_array().unwrap();
    let words = list.iter().map(|word| word.as_str().unwrap().to_owned());
    words.collect()
}

/// Whether one of the licences to choose from is allowed, all of its parts.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let choices = expression.replace(['(', ')'], "").replace('/', " OR ");
    choices.split(" OR ").any(|choice| {
        choice
            .split(" AND ")
            .all(|part| allowed.iter().any(|allowed| allowed == part.trim()))
    })
}

#[test]
fn every_licence_is_an_allowed_one() {
    let allowed = words(&rules(), "licenses", "allow");
    for package in packages() {
        if package["source"].is_null() {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(
            is_allowed(licence, &allowed),
            "{}: {licence}",
            package["name"]
        );
    }
}

#[test]
fn nothing_is_there_in_two_versions_but_what_is_named() {
    let known = words(&rules(), "bans", "skip");
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap().to_owned();
        *versions.entry(name).or_default() += 1;
    }
    let twice: Vec<String> = versions
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(twice, known);
}

#[test]
fn everything_comes_from_the_registry() {
    for package in packages() {
        let source = package["source"].as_str().unwrap_or("registry+");
        assert!(
            source.starts_with("registry+"),
            "{}: {source}",
            package["name"]
        );
    }
}

#[test]
fn a_choice_of_licences_takes_one_that_is_allowed_whole() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned()];
    assert!(is_allowed("GPL-3.0 OR (MIT AND ISC)", &allowed));
    assert!(!is_allowed("MIT AND GPL-3.0", &allowed));
}
