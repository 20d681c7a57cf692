//! The house: arrows point down only, in no circle, and what is in it stays small. Reads every `crate::…`
//! path of the sources.

mod circles;
mod size;

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

/// A file of the program.
struct Source {
    /// Below `src`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// A file of tests: it may reach for anything.
    fn is_test(&self) -> bool {
        self.path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs")
    }

    /// `lib.rs` and `main.rs`, which stand above the house.
    fn is_root(&self) -> bool {
        self.path.components().count() == 1 && {
            let stem = self.path.file_stem().unwrap_or_default();
            stem == "lib" || stem == "main"
        }
    }

    /// The room of the house it is in.
    fn room(&self) -> &str {
        let first = self.path.iter().next().and_then(|name| name.to_str());
        first.unwrap_or_default().trim_end_matches(".rs")
    }

    /// Without its tests.
    fn code(&self) -> &str {
        self.text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or(&self.text)
    }
}

/// All files of the program.
fn sources() -> Vec<Source> {
    fn below(folder: &Path, root: &Path, found: &mut Vec<Source>) {
        for entry in std::fs::read_dir(folder).expect("the sources can be listed") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                below(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source can be read");
                let path = path.strip_prefix(root).expect("below the root").to_owned();
                found.push(Source { path, text });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    below(&root, &root, &mut found);
    assert!(found.len() > 50, "the sources were found");
    found
}

#[test]
fn arrows_point_down_only() {
    let mut climbing = Vec::new();
    for source in sources() {
        if source.is_root() || source.is_test() {
            continue;
        }
        let module = source.room();
        let here = floor(module).unwrap_or_else(|| panic!("`{module}` has no floor in the house"));
        for (number, line) in source.code().lines().enumerate() {
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
                        source.path.display(),
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
}

/// Words that stand for the world outside.
const IMPURE: [&str; 9] = [
    "tokio",
    "std::fs",
    "std::net",
    "std::process",
    "Utc::now",
    "Instant::now",
    "SystemTime",
    "reqwest",
    "sqlx",
];

#[test]
fn the_pure_floors_touch_neither_clock_nor_disk_nor_network() {
    let mut impure = Vec::new();
    for source in sources() {
        let is_pure = ["text", "libpq", "runbook", "run"].contains(&source.room());
        if !is_pure || source.is_test() {
            continue;
        }
        for line in source.code().lines() {
            let code = line.split("//").next().unwrap_or_default();
            impure.extend(
                IMPURE
                    .iter()
                    .filter(|word| code.contains(*word))
                    .map(|word| format!("{}: {word}", source.path.display())),
            );
        }
    }
    assert!(
        impure.is_empty(),
        "the pure floors hold:\n{}",
        impure.join("\n")
    );
}

/// The picture in `lib.rs` shows the floors that the test holds: the same rooms, from the roof down.
#[test]
fn the_picture_in_the_root_shows_these_floors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let text = std::fs::read_to_string(root).expect("the root can be read");
    let picture = text.split("```text").nth(1).unwrap_or_default();
    let picture = picture.split("```").next().unwrap_or_default();
    let mut drawn: Vec<(usize, String)> = Vec::new();
    for line in picture.lines() {
        let line = line.trim_start_matches("//!");
        let mut columns = line
            .split("  ")
            .map(str::trim)
            .filter(|column| !column.is_empty());
        let (Some(rooms), Some(level)) = (columns.next(), columns.next()) else {
            continue;
        };
        let level = level
            .trim_start_matches('L')
            .parse()
            .expect("`L` and a number");
        let rooms = rooms.split([',', ' ']).filter(|room| !room.is_empty());
        drawn.extend(rooms.map(|room| (level, room.to_owned())));
    }
    for (level, room) in &drawn {
        let here = floor(room).unwrap_or_else(|| panic!("`{room}` is drawn and has no floor"));
        for (other_level, other) in &drawn {
            let there = floor(other).unwrap_or_default();
            assert!(
                level <= other_level || here >= there,
                "`{room}` is drawn above `{other}`, and stands below it"
            );
        }
    }
    for room in FLOORS.iter().flat_map(|rooms| rooms.iter()) {
        assert!(
            drawn.iter().any(|(_, drawn)| drawn == room),
            "`{room}` is not drawn"
        );
    }
}
