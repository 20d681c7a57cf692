//! Which files a shell command reads as commands or calls by their path.

use super::Named;
use super::words::{Simple, Word, simple_commands};

const SHELLS: [&str; 6] = ["bash", "sh", "dash", "zsh", "ksh", "ash"];

/// The files of a shell command, where it names them in plain text; each with its place in the text.
pub(super) fn files(code: &str) -> Vec<(usize, Named)> {
    let commands = simple_commands(code);
    let mut found = Vec::new();
    // Where the command stands: `None` once nobody knows. A subshell leaves it where it was.
    let mut place: Vec<Option<String>> = vec![Some(String::new())];
    let mut add = |place: &Option<String>, word: &Word, called: bool| {
        let path = word.text.as_str();
        let is_file = word.literal && !matches!(path, "" | "-") && !path.starts_with("/dev/");
        let Some(path) = joined(place.as_deref(), path).filter(|_| is_file) else {
            return;
        };
        found.push((word.at, Named { path, called }));
    };
    for (index, simple) in commands.iter().enumerate() {
        place.truncate(simple.depth + 1);
        while place.len() < simple.depth + 1 {
            let here = place.last().cloned().flatten();
            place.push(here);
        }
        let Some(here) = place.last_mut() else {
            continue;
        };
        let words = past_prefixes(&simple.words);
        let Some(first) = words.first() else { continue };
        let program = name_of(first);
        if matches!(program, "cd" | "pushd" | "popd") {
            *here = match &words[1..] {
                [to] if to.literal && program != "popd" && to.text != "-" => {
                    joined(here.as_deref(), &to.text)
                }
                _ => None,
            };
            continue;
        }
        if first.text.contains('/') {
            add(here, first, true);
        }
        match program {
            "psql" => psql_files(&words[1..])
                .iter()
                .for_each(|word| add(here, word, false)),
            "." | "source" => words
                .get(1)
                .into_iter()
                .for_each(|word| add(here, word, true)),
            _ => script_of(program, &words[1..])
                .into_iter()
                .for_each(|word| add(here, word, true)),
        }
        // `psql < file`, `ssh host bash < file`, `cat file | psql`.
        if reads_commands(simple) {
            let called = !words.iter().any(|word| names(word, "psql"));
            if let Some(input) = &simple.input {
                add(here, input, called);
            }
            let before = index.checked_sub(1).and_then(|index| commands.get(index));
            if let Some(before) = before.filter(|before| before.pipes)
                && before.words.first().is_some_and(|word| word.text == "cat")
            {
                for word in before.words.iter().skip(1) {
                    if !word.text.starts_with('-') {
                        add(here, word, called);
                    }
                }
            }
        }
    }
    found
}

/// The last part of a program's path.
fn name_of(word: &Word) -> &str {
    if !word.literal {
        return "";
    }
    word.text.rsplit('/').next().unwrap_or_default()
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

/// A command without assignments and programs that only start another.
fn past_prefixes(words: &[Word]) -> &[Word] {
    let mut rest = words;
    while let [first, more @ ..] = rest {
        let is_assignment = first.text.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if is_assignment {
            rest = more;
            continue;
        }
        // Options of it that take a value, and how many words of its own follow them.
        let (with_value, own): (&[&str], usize) = match first.text.as_str() {
            "sudo" => (
                &["-u", "-g", "-C", "-p", "-h", "-D", "--user", "--group"],
                0,
            ),
            "env" => (&["-u", "-C", "--unset", "--chdir"], 0),
            "nice" => (&["-n"], 0),
            "ionice" => (&["-c", "-n"], 0),
            "timeout" => (&["-k", "-s", "--signal", "--kill-after"], 1),
            "exec" => (&["-a"], 0),
            "time" | "nohup" | "command" | "builtin" | "setsid" | "stdbuf" => (&[], 0),
            _ => return rest,
        };
        rest = more;
        while let [option, more @ ..] = rest {
            if !option.text.starts_with('-') {
                break;
            }
            rest = more;
            if with_value.contains(&option.text.as_str()) {
                rest = rest.get(1..).unwrap_or_default();
            }
        }
        rest = rest.get(own..).unwrap_or_default();
    }
    rest
}

/// `-f file`, in each of psql's spellings.
fn psql_files(words: &[Word]) -> Vec<Word> {
    let mut files = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let flags = word.text.strip_prefix('-').unwrap_or_default();
        let together = flags
            .strip_prefix("-file=")
            .or(flags.strip_prefix('f').filter(|path| !path.is_empty()));
        if let Some(path) = together {
            files.push(Word {
                text: path.to_owned(),
                ..word.clone()
            });
        } else if word.text == "--file" {
            files.extend(words.next().cloned());
        } else if let Some(quiet) = flags.strip_suffix('f')
            && quiet
                .chars()
                .all(|flag| "1AaEeHlnqsStxXbwWz0".contains(flag))
        {
            files.extend(words.next().cloned());
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
