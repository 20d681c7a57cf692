//! Which programs a simple command starts: itself (`rm x`), behind others (`sudo -u app rm x`), or
//! somewhere else (`docker exec db rm x`, `xargs rm`, `find -exec rm {} ;`).

use super::{Simple, Word};

/// One program with its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The last part of its path; empty where it is filled in when it runs.
    pub program: &'a str,
    pub word: &'a Word,
    pub arguments: &'a [Word],
    /// It runs in another place than the command: in a container, on another host.
    pub elsewhere: bool,
}

impl Call<'_> {
    /// The words that are no options, as far as that can be told without knowing its options.
    pub fn operands(&self) -> impl Iterator<Item = &str> {
        let words = self.arguments.iter().map(|word| word.text.as_str());
        words.filter(|text| !text.starts_with('-') || *text == "-")
    }

    /// Whether one of these options is given: `--force`, `--force=…`, or `-f`, also in `-rf`.
    pub fn has_option(&self, options: &[&str]) -> bool {
        self.arguments
            .iter()
            .any(|word| options.iter().any(|option| is_option(&word.text, option)))
    }
}

fn is_option(text: &str, option: &str) -> bool {
    let rest = text.strip_prefix(option);
    if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('=')) {
        return true;
    }
    let letter = option.strip_prefix('-').filter(|rest| rest.len() == 1);
    let cluster = text
        .strip_prefix('-')
        .filter(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    match (letter, cluster) {
        (Some(letter), Some(cluster)) => cluster.contains(letter),
        _ => false,
    }
}

/// A program that starts another.
struct Wrapper {
    programs: &'static [&'static str],
    /// It starts another only behind one of these words.
    verbs: &'static [&'static str],
    /// Options that take a value in the next word.
    values: &'static [&'static str],
    /// Words of its own between its options and the other program.
    own: usize,
    /// It starts it in another place.
    elsewhere: bool,
}

const fn prefix(
    programs: &'static [&'static str],
    values: &'static [&'static str],
    own: usize,
) -> Wrapper {
    Wrapper {
        programs,
        verbs: &[],
        values,
        own,
        elsewhere: false,
    }
}

const WRAPPERS: [Wrapper; 17] = [
    prefix(
        &["sudo", "doas"],
        &[
            "-u", "-g", "-C", "-p", "-h", "-D", "-R", "-T", "-r", "-t", "--user", "--group",
        ],
        0,
    ),
    prefix(&["env"], &["-u", "-C", "-S", "--unset", "--chdir"], 0),
    prefix(&["sshpass"], &["-p", "-f", "-d", "-P"], 0),
    prefix(&["nice"], &["-n", "--adjustment"], 0),
    prefix(&["ionice", "chrt", "taskset"], &["-c", "-n", "-p"], 0),
    prefix(&["timeout"], &["-k", "-s", "--signal", "--kill-after"], 1),
    prefix(&["exec"], &["-a"], 0),
    prefix(
        &[
            "time",
            "nohup",
            "command",
            "builtin",
            "setsid",
            "unbuffer",
            "caffeinate",
            "chronic",
            "npx",
            "bunx",
        ],
        &[],
        0,
    ),
    prefix(&["stdbuf"], &["-i", "-o", "-e"], 0),
    prefix(
        &["flock", "chroot"],
        &["-w", "-E", "--timeout", "--userspec"],
        1,
    ),
    prefix(
        &["strace", "ltrace", "perf"],
        &["-e", "-o", "-p", "-s", "-u"],
        0,
    ),
    prefix(
        &["xargs", "parallel"],
        &[
            "-I",
            "-n",
            "-P",
            "-L",
            "-d",
            "-a",
            "-E",
            "-s",
            "-j",
            "--max-args",
            "--max-procs",
            "--arg-file",
        ],
        0,
    ),
    prefix(&["watch"], &["-n", "--interval"], 0),
    Wrapper {
        programs: &[
            "bundle",
            "poetry",
            "pipenv",
            "uv",
            "pnpm",
            "doppler",
            "infisical",
            "dotenv",
            "aws-vault",
            "op",
            "rails",
            "hatch",
            "pdm",
            "mise",
        ],
        verbs: &["exec", "run", "x"],
        values: &[],
        own: 0,
        elsewhere: false,
    },
    Wrapper {
        programs: &[
            "docker",
            "podman",
            "nerdctl",
            "docker-compose",
            "lxc",
            "lxc-attach",
        ],
        verbs: &["exec", "run"],
        values: &[
            "-e",
            "-v",
            "-p",
            "-w",
            "-u",
            "-h",
            "-l",
            "-m",
            "--name",
            "--network",
            "--net",
            "--env",
            "--env-file",
            "--user",
            "--workdir",
            "--entrypoint",
            "--volume",
            "--mount",
            "--publish",
            "--label",
            "--platform",
            "--pull",
            "--index",
        ],
        own: 1,
        elsewhere: true,
    },
    Wrapper {
        programs: &["kubectl", "oc", "k3s", "microk8s"],
        verbs: &["exec", "run", "debug"],
        values: &[
            "-n",
            "-c",
            "--namespace",
            "--container",
            "--context",
            "--image",
            "--kubeconfig",
            "-l",
        ],
        own: 1,
        elsewhere: true,
    },
    Wrapper {
        programs: &["ssh", "mosh", "autossh"],
        verbs: &[],
        values: &[
            "-i", "-p", "-o", "-l", "-F", "-J", "-b", "-c", "-E", "-m", "-L", "-R", "-D", "-W",
            "-w", "-S", "-B", "-I", "-O", "-Q", "-e", "-M",
        ],
        own: 1,
        elsewhere: true,
    },
];

impl Simple {
    /// The programs that it starts, the outermost first.
    pub fn calls(&self) -> Vec<Call<'_>> {
        let mut calls = Vec::new();
        gather(&self.words, false, &mut calls, 0);
        calls
    }

    /// The program that it is about: past `sudo`, `env`, `time` and their kin, in its own place.
    pub fn program(&self) -> &str {
        self.main_call().map_or("", |call| call.program)
    }

    /// The call of [`Simple::program`].
    pub fn main_call(&self) -> Option<Call<'_>> {
        let is_prefix = |call: &Call<'_>| {
            WRAPPERS.iter().any(|one| {
                one.verbs.is_empty() && !one.elsewhere && one.programs.contains(&call.program)
            })
        };
        let calls = self.calls();
        let own = calls.iter().find(|call| !is_prefix(call));
        own.or(calls.last()).copied()
    }
}

fn gather<'a>(words: &'a [Word], elsewhere: bool, calls: &mut Vec<Call<'a>>, depth: usize) {
    let mut words = words;
    // `env A=1 program`, `sudo A=1 program`.
    if depth > 0 {
        while let [first, rest @ ..] = words {
            let named = first
                .text
                .split_once('=')
                .is_some_and(|(name, _)| is_name(name));
            if !named {
                break;
            }
            words = rest;
        }
    }
    let Some((word, arguments)) = words.split_first() else {
        return;
    };
    let call = Call {
        program: word.base_name(),
        word,
        arguments,
        elsewhere,
    };
    calls.push(call);
    if depth >= 8 {
        return;
    }
    if call.program == "find" {
        let starts = ["-exec", "-execdir", "-ok", "-okdir"];
        let mut rest = arguments;
        while let Some(at) = rest
            .iter()
            .position(|word| starts.contains(&word.text.as_str()))
        {
            rest = &rest[at + 1..];
            let end = rest
                .iter()
                .position(|word| matches!(word.text.as_str(), ";" | "+"));
            let (inner, after) = rest.split_at(end.unwrap_or(rest.len()));
            gather(inner, elsewhere, calls, depth + 1);
            rest = after;
        }
        return;
    }
    let Some(wrapper) = WRAPPERS
        .iter()
        .find(|one| one.programs.contains(&call.program))
    else {
        return;
    };
    let mut rest = arguments;
    if !wrapper.verbs.is_empty() {
        let is_verb = |word: &Word| wrapper.verbs.contains(&word.text.as_str());
        let Some(at) = rest.iter().position(is_verb) else {
            return;
        };
        rest = &rest[at + 1..];
    }
    // What stands behind `--` is the other program, whatever stands before it.
    let own = match rest.iter().position(|word| word.text == "--") {
        Some(at) if !wrapper.verbs.is_empty() && at > 0 => &rest[at + 1..],
        _ => past_options(rest, wrapper.values)
            .get(wrapper.own..)
            .unwrap_or_default(),
    };
    let own = match own {
        [first, after @ ..] if first.text == "--" => after,
        all => all,
    };
    gather(own, elsewhere || wrapper.elsewhere, calls, depth + 1);
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The words behind a program's own options.
pub fn past_options<'a>(words: &'a [Word], values: &[&str]) -> &'a [Word] {
    let mut rest = words;
    while let [first, after @ ..] = rest {
        let text = first.text.as_str();
        if text == "--" {
            return after;
        }
        if !text.starts_with('-') || text == "-" {
            break;
        }
        rest = match values.contains(&text) {
            true => after.get(1..).unwrap_or_default(),
            false => after,
        };
    }
    rest
}
