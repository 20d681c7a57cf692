//! Which file imports which, and the circles among them. What a parent folder and its own files know of each
//! other is theirs; only paths that begin with `crate::`, `super::` or `self::` count.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, sources};

/// A module by its path, `["ui", "dialogs"]`.
type Module = Vec<String>;

/// Circles that are still there, by one of their files. It gets shorter, never longer.
const LEFT: [&str; 9] = [
    "api/server",
    "cli/open",
    "executor/prepared",
    "run/condition/check",
    "runbook/hazards",
    "runbook/hazards/statements",
    "runbook/syntax/shell/lexer",
    "supervisor/actions",
    "supervisor/core",
];

fn module_of(source: &Source) -> Module {
    let mut parts: Module = source
        .path
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// The paths of a `use` tree, each from its root: `a::{b, c::{d}}` is `a::b` and `a::c::d`.
fn paths_of(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((root, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        return vec![path.trim().to_owned()];
    };
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    let mut depth = 0_usize;
    let parts = inner.split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    parts
        .filter(|part| !part.trim().is_empty())
        .flat_map(paths_of)
        .map(|path| format!("{}{path}", root.trim()))
        .collect()
}

/// All paths in code: those of its `use`s, but for what it hands on, and those written where they are used.
fn written_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut body = String::new();
    let mut statement = String::new();
    let mut hands_on = false;
    for line in code.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let begins = line.starts_with("use ") || line.starts_with("pub") && line.contains(" use ");
        if statement.is_empty() && !begins {
            body.push_str(line);
            body.push('\n');
            continue;
        }
        if statement.is_empty() {
            hands_on = line.starts_with("pub");
        }
        statement.push_str(line);
        if line.ends_with(';') {
            let tree = statement.split_once("use ").map_or("", |(_, tree)| tree);
            if !hands_on {
                paths.extend(paths_of(tree.trim_end_matches(';')));
            }
            statement.clear();
        }
    }
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in body.match_indices(root) {
            let is_begin = !body[..at].ends_with(|before: char| {
                before == ':' || before == '_' || before.is_alphanumeric()
            });
            if is_begin {
                let end =
                    |letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':');
                paths.extend(body[at..].split(end).next().map(str::to_owned));
            }
        }
    }
    paths
}

/// The file that a path leads to, seen from a module.
fn target(path: &str, from: &Module, files: &BTreeSet<Module>) -> Option<Module> {
    let mut rest: Vec<&str> = path.split("::").map(str::trim).collect();
    let mut base = match *rest.first()? {
        "crate" => Vec::new(),
        "self" | "super" => from.clone(),
        _ => return None,
    };
    if matches!(rest[0], "crate" | "self") {
        rest.remove(0);
    }
    while rest.first() == Some(&"super") {
        base.pop();
        rest.remove(0);
    }
    base.extend(rest.into_iter().map(str::to_owned));
    while !base.is_empty() && !files.contains(&base) {
        base.pop();
    }
    (!base.is_empty() && base != *from).then_some(base)
}

/// Files from which each can be reached, and which can reach it: found by looking from each one.
fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reach = |from: &Module| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&Module> = arrows.get(from).into_iter().flatten().collect();
        while let Some(next) = open.pop() {
            if seen.insert(next.clone()) {
                open.extend(arrows.get(next).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> =
        arrows.keys().map(|from| (from, reach(from))).collect();
    let mut found: Vec<BTreeSet<Module>> = Vec::new();
    for (module, there) in &reached {
        let circle: BTreeSet<Module> = there
            .iter()
            .filter(|other| {
                reached
                    .get(other)
                    .is_some_and(|back| back.contains(*module))
            })
            .cloned()
            .collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources: Vec<Source> = sources()
        .into_iter()
        .filter(|source| !source.is_test() && !source.is_root())
        .collect();
    let files: BTreeSet<Module> = sources.iter().map(module_of).collect();
    let arrows: BTreeMap<Module, BTreeSet<Module>> = sources
        .iter()
        .map(|source| {
            let from = module_of(source);
            let to = written_paths(source.code())
                .iter()
                .filter_map(|path| target(path, &from, &files))
                .collect();
            (from, to)
        })
        .collect();
    let mut gone: BTreeSet<&str> = LEFT.into();
    let mut new = Vec::new();
    for circle in circles(&arrows) {
        let names: Vec<String> = circle.iter().map(|module| module.join("/")).collect();
        let known = names.iter().find(|name| LEFT.contains(&name.as_str()));
        match known {
            Some(known) => {
                gone.remove(known.as_str());
            }
            None => new.push(names.join(", ")),
        }
    }
    assert!(
        new.is_empty(),
        "files that import each other:\n{}",
        new.join("\n")
    );
    assert!(
        gone.is_empty(),
        "these circles are gone, take them from the list: {gone:?}"
    );
}

#[test]
fn a_use_tree_is_read_to_its_leaves() {
    assert_eq!(
        paths_of("super::{a, b::{self, c as d}}"),
        ["super::a", "super::b::self", "super::b::c"]
    );
    let code = "use super::x;\npub use super::handed_on;\nfn f() { crate::run::g() }\n";
    assert_eq!(written_paths(code), ["super::x", "crate::run::g"]);
}
