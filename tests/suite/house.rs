//! The house: arrows point down only. Reads every `use crate::` and `crate::…` path of the sources and
//! fails on one that climbs.

use std::path::{Path, PathBuf};

/// Floors from the ground up. Modules of one floor may not import each other, except where one is
/// named before the other with `<`.
const FLOORS: [&[&str]; 9] = [
    &["text", "tls", "owned"],
    &["libpq"],
    &["runbook"],
    &["run"],
    &["journal", "executor", "monitor", "report"],
    &["supervisor"],
    &["api"],
    &["ui", "demo"],
    &["cli"],
];

/// Arrows that the picture in `lib.rs` does not show and that are meant: none.
const ALLOWED: [(&str, &str); 0] = [];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the sources can be listed") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Code without its tests, which may reach for anything.
fn without_tests(source: &str) -> &str {
    source
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(source)
}

#[test]
fn arrows_point_down_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut climbing = Vec::new();
    for file in &files {
        let relative = file.strip_prefix(&root).expect("below the root");
        let Some(module) = relative.iter().next().and_then(|name| name.to_str()) else {
            continue;
        };
        let module = module.trim_end_matches(".rs");
        let is_test = file.file_name().is_some_and(|name| name == "tests.rs");
        if matches!(module, "lib" | "main") || is_test {
            continue;
        }
        let here = floor(module).unwrap_or_else(|| panic!("`{module}` has no floor in the house"));
        let source = std::fs::read_to_string(file).expect("a source can be read");
        for (number, line) in without_tests(&source).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for rest in code.split("crate::").skip(1) {
                let target: String = rest
                    .chars()
                    .take_while(|character| character.is_alphanumeric() || *character == '_')
                    .collect();
                let Some(there) = floor(&target) else {
                    continue;
                };
                let fine = target == module
                    || there < here
                    || ALLOWED.contains(&(module, target.as_str()));
                if !fine {
                    climbing.push(format!(
                        "{}:{}: {module} -> {target}",
                        relative.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(
        climbing.is_empty(),
        "arrows that climb:\n{}",
        climbing.join("\n")
    );
    assert!(files.len() > 50, "the sources were found");
}

#[test]
fn the_pure_floors_touch_neither_clock_nor_disk_nor_network() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut impure = Vec::new();
    for floor in ["text", "libpq", "runbook", "run"] {
        let mut files = Vec::new();
        sources(&root.join(floor), &mut files);
        files.retain(|file| file.file_name().is_none_or(|name| name != "tests.rs"));
        for file in files {
            let source = std::fs::read_to_string(&file).expect("a source can be read");
            for word in [
                "tokio",
                "std::fs",
                "std::net",
                "std::process",
                "Utc::now",
                "Instant::now",
                "SystemTime",
                "reqwest",
                "sqlx",
            ] {
                let code = without_tests(&source);
                if code
                    .lines()
                    .any(|line| line.split("//").next().unwrap_or_default().contains(word))
                {
                    impure.push(format!("{}: {word}", file.display()));
                }
            }
        }
    }
    assert!(
        impure.is_empty(),
        "the pure floors hold:\n{}",
        impure.join("\n")
    );
}
