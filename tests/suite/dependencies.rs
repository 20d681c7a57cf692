//! Dependencies are what `deny.toml` allows: their licences, their versions, where they come from. Read from
//! `Cargo.lock` and from the sources that cargo has unpacked to build this very test; no network is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A package of `Cargo.lock` that is not the program itself.
struct Package {
    name: String,
    version: String,
    source: String,
    /// `None` for one that is not built on this platform.
    licence: Option<String>,
}

/// Where cargo unpacks the sources of each registry.
fn unpacked() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registries = std::fs::read_dir(home.unwrap().join("registry/src")).unwrap();
    registries.map(|entry| entry.unwrap().path()).collect()
}

fn packages() -> Vec<Package> {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
    let lock: toml::Table = std::fs::read_to_string(lock).unwrap().parse().unwrap();
    let registries = unpacked();
    let text = |table: &toml::Table, key: &str| {
        let value = table.get(key).and_then(toml::Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let packages: Vec<Package> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(toml::Value::as_table)
        .map(|package| {
            let (name, version) = (text(package, "name"), text(package, "version"));
            let manifest = registries.iter().find_map(|registry| {
                let path = registry.join(format!("{name}-{version}/Cargo.toml"));
                std::fs::read_to_string(path).ok()
            });
            let licence = manifest.map(|manifest| {
                let manifest: toml::Table = manifest.parse().unwrap();
                text(manifest["package"].as_table().unwrap(), "license")
            });
            Package {
                source: text(package, "source"),
                licence,
                name,
                version,
            }
        })
        .filter(|package| package.name != "gonogo")
        .collect();
    let built = packages.iter().filter(|package| package.licence.is_some());
    assert!(
        built.count() > 100,
        "the sources of what was built are found"
    );
    packages
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
        let Some(licence) = package.licence else {
            continue;
        };
        assert!(
            is_allowed(&licence, &allowed),
            "{}: {licence}",
            package.name
        );
    }
}

#[test]
fn nothing_is_there_in_two_versions_but_what_is_named() {
    let known = words(&rules(), "bans", "skip");
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        if package.licence.is_none() {
            continue;
        }
        versions
            .entry(package.name)
            .or_default()
            .insert(package.version);
    }
    let twice: Vec<String> = versions
        .into_iter()
        .filter(|(name, versions)| versions.len() > 1 && !known.contains(name))
        .map(|(name, _)| name)
        .collect();
    assert!(twice.is_empty(), "in two versions: {twice:?}");
}

#[test]
fn everything_comes_from_the_registry() {
    for package in packages() {
        let source = &package.source;
        assert!(
            source.starts_with("registry+"),
            "{}: {source}",
            package.name
        );
    }
}

#[test]
fn a_choice_of_licences_takes_one_that_is_allowed_whole() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned()];
    assert!(is_allowed("GPL-3.0 OR (MIT AND ISC)", &allowed));
    assert!(!is_allowed("MIT AND GPL-3.0", &allowed));
}
