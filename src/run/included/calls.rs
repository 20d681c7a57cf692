//! Which files a shell command reads as commands or calls by their path.

use super::Named;
use crate::runbook::syntax::shell::SHELLS;
use crate::runbook::syntax::{
    AndOr, CompoundKind, RedirectionKind, Simple, Stage, Word, read_shell,
};

/// The files of a shell command, where it names them in plain text; each with its place in the text.
pub(super) fn files(code: &str) -> Vec<(usize, Named)> {
    let mut walk = Walk {
        place: Some(String::new()),
        found: Vec::new(),
    };
    for command in read_shell(code).commands() {
        walk.lists(&command.lists);
    }
    walk.found
}

struct Walk {
    /// Where the command stands by then: `None` once nobody knows.
    place: Option<String>,
    found: Vec<(usize, Named)>,
}

impl Walk {
    fn lists(&mut self, lists: &[AndOr]) {
        for pipeline in lists.iter().flat_map(AndOr::pipelines) {
            let mut before = None;
            for stage in &pipeline.stages {
                match stage {
                    Stage::Simple(simple) => {
                        self.simple(simple, before);
                        before = Some(simple);
                    }
                    Stage::Compound(compound) => {
                        let outside = self.place.clone();
                        compound.bodies.iter().for_each(|body| self.lists(body));
                        // A subshell leaves it where it was.
                        if compound.kind == CompoundKind::Subshell {
                            self.place = outside;
                        }
                        before = None;
                    }
                    Stage::Function(function) => {
                        let outside = self.place.clone();
                        let bodies = function.body.bodies.iter();
                        bodies.for_each(|body| self.lists(body));
                        self.place = outside;
                    }
                }
            }
        }
    }

    fn add(&mut self, word: &Word, called: bool) {
        self.add_path(word, &word.text, called);
    }

    fn add_path(&mut self, word: &Word, path: &str, called: bool) {
        let is_file = word.is_plain() && !matches!(path, "" | "-") && !path.starts_with("/dev/");
        let path = joined(self.place.as_deref(), path).filter(|_| is_file);
        if let Some(path) = path {
            self.found.push((word.span.start, Named { path, called }));
        }
    }

    fn simple(&mut self, simple: &Simple, before: Option<&Simple>) {
        let Some(call) = simple.main_call() else {
            return;
        };
        let words = call.arguments;
        match call.program {
            "cd" | "pushd" | "popd" => {
                self.place = match words {
                    [to] if to.is_plain() && call.program != "popd" && to.text != "-" => {
                        joined(self.place.as_deref(), &to.text)
                    }
                    _ => None,
                };
                return;
            }
            "psql" => {
                for (word, path) in psql_files(words) {
                    self.add_path(word, path, false);
                }
            }
            "." | "source" => words.first().iter().for_each(|word| self.add(word, true)),
            program => script_of(program, words)
                .iter()
                .for_each(|word| self.add(word, true)),
        }
        if call.word.text.contains('/') {
            self.add(call.word, true);
        }
        // `psql < file`, `ssh host bash < file`, `cat file | psql`.
        if reads_commands(simple) {
            let called = !simple.words.iter().any(|word| names(word, "psql"));
            let mut inputs = simple.redirections.iter().rev();
            let input = inputs.find(|one| {
                one.kind == RedirectionKind::Read && matches!(one.descriptor, None | Some(0))
            });
            if let Some(file) = input.and_then(|one| one.word()) {
                self.add(file, called);
            }
            if let Some(cat) = before.filter(|before| before.program() == "cat") {
                let files = cat.words.iter().skip(1);
                for word in files.filter(|word| !word.text.starts_with('-')) {
                    self.add(word, called);
                }
            }
        }
    }
}

/// A path under the directory in which the command stands by then.
fn joined(place: Option<&str>, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some(path.to_owned());
    }
    match place? {
        "" => Some(path.to_owned()),
        place => {
            let path = path.trim_start_matches("./");
            Some(format!("{}/{path}", place.trim_end_matches('/')))
        }
    }
}

/// `-f file`, in each of psql's spellings.
fn psql_files(words: &[Word]) -> Vec<(&Word, &str)> {
    let mut files = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let flags = word.text.strip_prefix('-').unwrap_or_default();
        let together = flags
            .strip_prefix("-file=")
            .or(flags.strip_prefix('f').filter(|path| !path.is_empty()));
        let apart = word.text == "--file"
            || flags.strip_suffix('f').is_some_and(|quiet| {
                quiet
                    .chars()
                    .all(|flag| "1AaEeHlnqsStxXbwWz0".contains(flag))
            });
        if let Some(path) = together {
            files.push((word, path));
        } else if apart {
            files.extend(words.next().map(|word| (word, word.text.as_str())));
        }
    }
    files
}

/// The script that an interpreter is given.
fn script_of<'a>(program: &str, words: &'a [Word]) -> Option<&'a Word> {
    // Options that carry the program itself, and those that take a value.
    let (carries, with_value): (&[&str], &[&str]) = match program {
        shell if SHELLS.contains(&shell) => (&["-c", "-s"], &["-o", "+o", "-O", "--rcfile"]),
        python if python.starts_with("python") => (&["-c", "-m"], &["-W", "-X", "-Q"]),
        "node" | "nodejs" => (
            &["-e", "-p", "--eval", "--print", "-pe"],
            &["-r", "--require", "--import", "--loader"],
        ),
        "perl" => (&["-e", "-E"], &["-I"]),
        "ruby" => (&["-e"], &["-r", "-I"]),
        "php" => (&["-r"], &["-d", "-c"]),
        "Rscript" => (&["-e"], &[]),
        "pwsh" => (&["-Command", "-c"], &[]),
        _ => return None,
    };
    let is_shell = SHELLS.contains(&program);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        if text == "--" || matches!(text, "-File" | "-f") && matches!(program, "php" | "pwsh") {
            return words.next();
        }
        if !text.starts_with(['-', '+']) {
            return Some(word);
        }
        let cluster = is_shell && !text.starts_with("--") && text.len() > 2;
        if carries.contains(&text)
            || (cluster && text.contains(['c', 's']) && !text.ends_with('o'))
            || (program == "perl" && text.ends_with(['e', 'E']))
        {
            return None;
        }
        if with_value.contains(&text) || (cluster && text.ends_with('o')) {
            words.next();
        }
    }
    None
}

/// Whether what comes in as its input are commands: it is psql or a shell, or starts one elsewhere.
fn reads_commands(simple: &Simple) -> bool {
    let mut words = simple.words.iter();
    words.any(|word| names(word, "psql") || SHELLS.iter().any(|shell| names(word, shell)))
}

fn names(word: &Word, program: &str) -> bool {
    let mut parts = word.text.split_whitespace();
    parts.any(|part| part.rsplit('/').next() == Some(program))
}
