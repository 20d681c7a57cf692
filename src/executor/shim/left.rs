//! What a shell left, reduced to what it changed and to what may be kept: no secrets, nothing of the
//! shell's own, nothing that every step gets anew, and not more than a journal should hold.

use std::collections::BTreeMap;
use std::path::Path;

use super::report::Dump;
use crate::executor::ShimSpec;
use crate::run::{ShellState, ShellValue, Withheld, encode};
use crate::runbook::is_secret_name;
use crate::text::redact::Redactor;

/// Bytes of all variables that one step hands on.
const LARGEST: usize = 256 * 1024;
/// Fewer bytes of a secret say nothing about it.
const SHORTEST_PIECE: usize = 4;
/// Their number.
const MOST: usize = 500;

/// What an action left, by what its shell held at first and what it holds now.
pub(super) fn left_of(
    spec: &ShimSpec,
    first: &Dump,
    now: &Dump,
    redactor: &Redactor,
) -> ShellState {
    let known = spec.secrets.values().chain(&spec.redact);
    let secrets = Secrets {
        redactor,
        values: known.map(String::as_str).collect(),
    };
    left(first, now, &secrets)
}

/// The difference that the step made.
fn left(first: &Dump, dump: &Dump, secrets: &Secrets<'_>) -> ShellState {
    let mut state = ShellState {
        directory: moved(&first.directory, &dump.directory, secrets),
        ..ShellState::default()
    };
    let mut room = LARGEST;
    for (name, now) in &dump.variables {
        let exported = dump.exported.contains(name);
        let was = first.variables.get(name);
        let same = was == Some(now) && exported == first.exported.contains(name) && !now.cut;
        if same || is_internal(name) {
            continue;
        }
        let size: usize = now.texts.iter().map(Vec::len).sum();
        // What is too much is not searched for secrets: it is not kept anyway.
        let is_too_much = now.cut || size > room || state.set.len() >= MOST;
        let withheld = if is_given(name) {
            Some(Withheld::Given)
        } else if is_secret_name(name) {
            Some(Withheld::Secret)
        } else if is_too_much {
            Some(Withheld::Large)
        } else if now.texts.iter().any(|text| secrets.are_in(text)) {
            Some(Withheld::Secret)
        } else if now.is_map {
            Some(Withheld::Map)
        } else {
            None
        };
        match withheld {
            Some(why) => {
                if state.withheld.len() < MOST {
                    state.withheld.insert(name.clone(), why);
                }
            }
            None => {
                room -= size;
                let value = ShellValue {
                    array: now.texts.len() != 1,
                    texts: now.texts.iter().map(|text| encode(text)).collect(),
                    exported,
                };
                state.set.insert(name.clone(), value);
            }
        }
    }
    state.unset = first
        .variables
        .keys()
        .filter(|name| {
            is_name(name)
                && !is_internal(name)
                && !is_given(name)
                && !dump.variables.contains_key(*name)
        })
        .take(MOST)
        .cloned()
        .collect();
    let mut defined = |was: &BTreeMap<String, String>, now: &BTreeMap<String, String>| {
        let mut kept = BTreeMap::new();
        for (name, text) in now {
            let is_new = was.get(name) != Some(text);
            if is_new && text.len() <= room && !secrets.are_in(text.as_bytes()) {
                room -= text.len();
                kept.insert(name.clone(), text.clone());
            }
        }
        kept
    };
    state.functions = defined(&first.functions, &dump.functions);
    state.aliases = defined(&first.aliases, &dump.aliases);
    state.umask = (first.umask != dump.umask).then(|| dump.umask.clone());
    let goes_elsewhere = first.previous != dump.previous && !secrets.are_in(&dump.previous);
    state.previous = goes_elsewhere.then(|| encode(&dump.previous));
    state
}

/// Where the shell went; `None` where it stayed, or where the path itself is a secret.
fn moved(from: &Path, to: &Path, secrets: &Secrets<'_>) -> Option<String> {
    let same = from == to
        || matches!((from.canonicalize(), to.canonicalize()), (Ok(from), Ok(to)) if from == to);
    let text = to.to_str()?;
    let keeps = !same && to.is_absolute() && !secrets.are_in(text.as_bytes());
    keeps.then(|| text.to_owned())
}

/// What tells a secret from all else.
struct Secrets<'a> {
    redactor: &'a Redactor,
    values: Vec<&'a str>,
}

impl Secrets<'_> {
    /// Whether a text holds a secret in any form, or so much of one that the rest could be guessed.
    fn are_in(&self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text);
        self.redactor.redact(&text) != text
            || self.values.iter().any(|secret| shares(&text, secret))
    }
}

/// A text that is a quarter of the secret, or holds half of it.
fn shares(text: &str, secret: &str) -> bool {
    let piece = text.trim();
    if piece.len() >= SHORTEST_PIECE.max(secret.len().div_ceil(4)) && secret.contains(piece) {
        return true;
    }
    let half = secret.len().div_ceil(2).max(2 * SHORTEST_PIECE);
    let bytes = text.as_bytes();
    secret.as_bytes().windows(half).any(|window| {
        bytes
            .windows(half)
            .any(|candidate| candidate[0] == window[0] && candidate == window)
    })
}

fn is_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_word)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
}

/// What a shell keeps for itself.
fn is_internal(name: &str) -> bool {
    name.starts_with("BASH")
        || name.starts_with("__gonogo_")
        || matches!(
            name,
            "_" | "PWD"
                | "OLDPWD"
                | "SHLVL"
                | "IFS"
                | "OPTARG"
                | "OPTERR"
                | "OPTIND"
                | "PS1"
                | "PS2"
                | "PS3"
                | "PS4"
                | "PPID"
                | "UID"
                | "EUID"
                | "HOSTNAME"
                | "HOSTTYPE"
                | "MACHTYPE"
                | "OSTYPE"
                | "SHELLOPTS"
                | "REPLY"
                | "COLUMNS"
                | "LINES"
                | "HISTCMD"
                | "LINENO"
                | "TERM"
                | "COPROC"
                | "MAPFILE"
        )
}

/// What every step gets anew: its target, its run, and pagers that wait for nobody.
fn is_given(name: &str) -> bool {
    name.starts_with("GONOGO_")
        || matches!(
            name,
            "PGHOST"
                | "PGHOSTADDR"
                | "PGPORT"
                | "PGUSER"
                | "PGDATABASE"
                | "PGPASSWORD"
                | "PGPASSFILE"
                | "PGSERVICE"
                | "PGSERVICEFILE"
                | "PGSYSCONFDIR"
                | "PGTARGETSESSIONATTRS"
                | "PGAPPNAME"
                | "PAGER"
                | "GIT_PAGER"
                | "MANPAGER"
                | "SYSTEMD_PAGER"
                | "PSQL_PAGER"
        )
}

/// One line for the operator about what is not handed on; `None` where all is.
pub(super) fn remark(state: &ShellState) -> Option<String> {
    let names: Vec<String> = state
        .withheld
        .iter()
        .map(|(name, why)| format!("{name} ({why})"))
        .collect();
    (!names.is_empty()).then(|| format!("not handed on to later steps: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::report::Variable;
    use super::*;

    fn one(text: &str) -> Variable {
        Variable {
            texts: vec![text.as_bytes().to_vec()],
            ..Variable::default()
        }
    }

    fn after(variables: &[(&str, &str)]) -> ShellState {
        let dump = Dump {
            directory: "/".into(),
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), one(value)))
                .collect(),
            ..Dump::default()
        };
        let first = Dump {
            directory: "/".into(),
            ..Dump::default()
        };
        let redactor = Redactor::new(vec!["canary-4711".to_owned()]);
        let secrets = Secrets {
            redactor: &redactor,
            values: vec!["canary-4711"],
        };
        left(&first, &dump, &secrets)
    }

    #[test]
    fn secrets_are_not_kept_by_name_or_by_value() {
        let state = after(&[
            ("API_TOKEN", "x"),
            ("NOTE", "it is canary-4711"),
            ("URL", "postgres://u:pw@h/db"),
            ("FIRST", "cana"),
            ("REST", "tail: ary-4711!"),
            ("PLAIN", "y"),
        ]);
        assert_eq!(state.set.keys().collect::<Vec<_>>(), ["PLAIN"]);
        assert!(state.withheld.values().all(|why| *why == Withheld::Secret));
        assert_eq!(state.withheld.len(), 5);
    }

    #[test]
    fn a_target_is_not_changed_behind_the_screen() {
        let state = after(&[("PGDATABASE", "other"), ("PGSSLMODE", "require")]);
        assert_eq!(state.withheld["PGDATABASE"], Withheld::Given);
        assert!(state.set.contains_key("PGSSLMODE"));
    }

    #[test]
    fn what_is_handed_on_is_bounded() {
        let large = "x".repeat(60_000);
        let names: Vec<String> = (0..6).map(|index| format!("V{index}")).collect();
        let all: Vec<(&str, &str)> = names
            .iter()
            .map(|name| (name.as_str(), large.as_str()))
            .collect();
        let state = after(&all);
        assert_eq!(state.set.len(), 4);
        assert_eq!(state.withheld["V5"], Withheld::Large);
    }
}
