//! Files that a command includes. What is in them runs too, so it is shown with the command, and a
//! confirmation is bound to it.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::runbook::Actor;

/// A file as it would be included now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Included {
    /// As the command names it.
    pub path: String,
    /// Scrubbed, and bounded for the screen.
    pub text: String,
    /// Lines of the whole file.
    pub lines: usize,
    /// SHA-256 of the whole file in hexadecimal; empty where it cannot be read.
    pub digest: String,
    /// Why it cannot be read.
    pub error: Option<String>,
}

/// The files that a command includes by name: `\i` and its kin in SQL, and in a shell where psql reads
/// its input there; `psql -f` in a shell. Names that a variable fills in are not known before the
/// command runs.
pub fn included_files(actor: Actor, command: &str) -> Vec<String> {
    static SQL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?m)^\s*\\(?:i|ir|include|include_relative)\s+(\S+)").ok());
    static SHELL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?m)\bpsql\b[^|;&\n]*?\s(?:-f\s*|--file[= ])(\S+)").ok());
    let patterns = match actor {
        Actor::Sql => vec![&*SQL],
        Actor::Shell if command.contains("psql") => vec![&*SQL, &*SHELL],
        Actor::Shell | Actor::Http | Actor::Nobody => return Vec::new(),
    };
    let joined = command.replace("\\\n", " ");
    let text = if actor == Actor::Shell {
        &joined
    } else {
        command
    };
    let mut found: Vec<(usize, String)> = patterns
        .into_iter()
        .flatten()
        .flat_map(|pattern| pattern.captures_iter(text))
        .filter_map(|captures| captures.get(1))
        .map(|name| (name.start(), name.as_str().to_owned()))
        .collect();
    found.sort();
    let mut names: Vec<String> = Vec::new();
    for (_, name) in found {
        let name = name.trim_matches(['\'', '"']).to_owned();
        if name != "-" && !name.contains(['$', '*', '`']) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// One hash over all of them, for the confirmation.
pub fn digest_of(included: &[Included]) -> String {
    let mut hasher = Sha256::new();
    for file in included {
        for part in [&file.path, &file.digest] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
    }
    super::hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_includes_by_backslash() {
        let command =
            "SELECT 1;\n\\i migrations/007.sql\n  \\ir 'more.sql'\n-- \\i not.sql\n\\info";
        assert_eq!(
            included_files(Actor::Sql, command),
            ["migrations/007.sql", "more.sql"]
        );
    }

    #[test]
    fn a_psql_session_in_a_shell_includes_by_backslash_and_a_shell_alone_does_not() {
        let session = "psql -X \"$URL\" <<'END'\n\\i columns.sql\nSELECT 1;\n\\i usage.sql\nEND";
        assert_eq!(
            included_files(Actor::Shell, session),
            ["columns.sql", "usage.sql"]
        );
        assert!(included_files(Actor::Shell, "cat <<'END'\n\\i columns.sql\nEND").is_empty());
    }

    #[test]
    fn a_shell_includes_by_psql_and_by_nothing_that_writes() {
        let command = "psql -X -h db \\\n  -f a.sql | tee log\npsql --file=b.sql -d x\npg_dump -f out.dump\npsql -f \"$FILE\"";
        assert_eq!(included_files(Actor::Shell, command), ["a.sql", "b.sql"]);
    }
}
