//! The documentation says what is there: commands that exist, files that exist, nothing left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages at the top and docs/*.md, with their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    assert!(paths.len() > 4, "the documentation is found: {paths:?}");
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gonogo"))
        .args(arguments)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "`gonogo {arguments:?} --help`");
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands that `gonogo --help` lists, with what each one's help says.
fn subcommands() -> BTreeMap<String, String> {
    let overview = help(&[]);
    let (_, listed) = overview.split_once("Commands:\n").unwrap();
    listed
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(|name| (name.to_owned(), help(&[name])))
        .collect()
}

/// Command lines of `gonogo`: whole lines of a console fence (behind `$`), and code in a sentence.
fn command_lines(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fence: Option<String> = None;
    for line in text.lines() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            fence = match fence {
                None => Some(info.trim_matches('`').to_owned()),
                Some(_) => None,
            };
            continue;
        }
        match &fence {
            Some(language) if language == "console" => found
                .extend(line.strip_prefix("$ ").and_then(|command| {
                    command.find("gonogo ").map(|at| command[at..].to_owned())
                })),
            Some(_) => {}
            None => found.extend(
                line.split('`')
                    .skip(1)
                    .step_by(2)
                    .filter_map(|code| code.find("gonogo ").map(|at| code[at..].to_owned())),
            ),
        }
    }
    found
}

/// What is wrong with a command line, by the program's own help.
fn objection(line: &str, subcommands: &BTreeMap<String, String>) -> Option<String> {
    // What follows is the shell's: a comment, a redirection, the next command.
    let end = line.find([';', '|', '<', '>', '#']).unwrap_or(line.len());
    let mut words = line[..end].split_whitespace().skip(1);
    let name = words.next()?;
    if name.starts_with('-') {
        return (!help(&[]).contains(name)).then(|| format!("no option `{name}`"));
    }
    let Some(said) = subcommands.get(name) else {
        return Some(format!("no subcommand `{name}`"));
    };
    words
        .filter(|word| word.starts_with("--"))
        .map(|word| word.split('=').next().unwrap_or(word))
        .find(|option| {
            !said
                .split(|letter: char| !(letter.is_alphanumeric() || letter == '-'))
                .any(|known| known == *option)
        })
        .map(|option| format!("`gonogo {name}` has no option `{option}`"))
}

#[test]
fn every_command_of_the_documentation_exists() {
    let subcommands = subcommands();
    let mut checked = 0;
    for (path, text) in pages() {
        for line in command_lines(&text) {
            checked += 1;
            if let Some(objection) = objection(&line, &subcommands) {
                panic!("{}: `{line}`: {objection}", path.display());
            }
        }
    }
    assert!(checked > 40, "command lines are found: {checked}");
}

#[test]
fn a_command_that_does_not_exist_is_found_out() {
    let subcommands = subcommands();
    let wrong = [
        "gonogo walk guide.md",
        "gonogo run guide.md --fast",
        "gonogo --fast",
    ];
    for line in wrong {
        assert!(objection(line, &subcommands).is_some(), "{line}");
    }
    assert_eq!(
        command_lines("see `ssh ops gonogo attach`\n```console\n$ gonogo runs\nrun 1\n```\n"),
        ["gonogo attach", "gonogo runs"]
    );
}

#[test]
fn every_subcommand_is_described() {
    let described = std::fs::read_to_string(root().join("docs/cli.md")).unwrap();
    for (name, said) in subcommands() {
        let heading = format!("## `gonogo {name}`");
        let section = described
            .split("\n## ")
            .find(|section| section.starts_with(&heading[3..]))
            .unwrap_or_else(|| panic!("docs/cli.md has no `{heading}`"));
        // Each option is named where its subcommand is described; those of `run` also hold for others.
        for option in said
            .split_whitespace()
            .filter(|word| word.starts_with("--") && *word != "--help")
        {
            let option = option.trim_matches(|letter: char| !letter.is_alphanumeric());
            let common = ["env", "var", "window", "layout", "theme", "json"].contains(&option);
            assert!(
                common || section.contains(&format!("--{option}")),
                "docs/cli.md does not tell about `gonogo {name} --{option}`"
            );
        }
    }
    let overview = help(&[]);
    assert!(
        described.contains(overview.trim()),
        "docs/cli.md shows the overview of `gonogo --help` as it is:\n{overview}"
    );
}

#[test]
fn every_link_leads_somewhere() {
    for (path, text) in pages() {
        let folder = path.parent().unwrap();
        for part in text.split("](").skip(1) {
            let target = part.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(
                folder.join(target).exists(),
                "{}: no `{target}`",
                path.display()
            );
        }
    }
}

#[test]
fn files_named_in_the_documentation_exist() {
    for (path, text) in pages() {
        for code in text.split('`').skip(1).step_by(2) {
            let of_the_repository = ["scripts/", "src/", "assets/", "docs/", "layouts", "tests/"]
                .iter()
                .any(|folder| code.starts_with(folder));
            let file = code.split_whitespace().next().unwrap_or_default();
            if of_the_repository && !file.contains(['*', '…']) {
                assert!(
                    root().join(file).exists(),
                    "{}: no `{file}`",
                    path.display()
                );
            }
        }
    }
}

/// The picture is one: well-formed as far as its elements go, and of today's cockpit.
#[test]
fn the_picture_shows_a_cockpit() {
    let picture = std::fs::read_to_string(root().join("assets/cockpit.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"));
    assert_eq!(
        picture.matches("<text ").count(),
        picture.matches("</text>").count()
    );
    for shown in ["phases", "sessions", "health", "rollback", "NOTICE"] {
        assert!(picture.contains(shown), "the picture shows `{shown}`");
    }
}

/// Words that were given up for those of `docs/glossary.md`.
const GONE: [&str; 17] = [
    "way back",
    "ways back",
    "counts no more",
    "nobody is at work",
    "give the run up",
    "proved itself as",
    "never came up",
    "stands against GO",
    "takes back:",
    "all the same, r gives",
    "acts by hand",
    "given up in",
    "going back from",
    "who begins in it",
    "what is watched is well",
    "nobody is there to confirm",
    "it holds complete",
];

#[test]
fn words_that_were_given_up_stay_gone() {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut open = ["src", "docs", "assets"]
        .map(|folder| root().join(folder))
        .to_vec();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.push(root().join("README.md"));
    for path in files {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for word in GONE {
                let is_word = line.match_indices(word).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    let after = line[at + word.len()..].chars().next();
                    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                    !is_letter(before) && !is_letter(after)
                });
                assert!(!is_word, "{}:{}: `{word}`", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn the_glossary_is_short_and_has_each_word_once() {
    let text = std::fs::read_to_string(root().join("docs/glossary.md")).unwrap();
    let words: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .filter(|word| *word != "word")
        .collect();
    assert!((30..=40).contains(&words.len()), "{} words", words.len());
    let once: std::collections::BTreeSet<&&str> = words.iter().collect();
    assert_eq!(once.len(), words.len());
}
