//! Files that a command includes or calls. What is in them runs too, so it is shown with the command,
//! and a confirmation is bound to it.

mod calls;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::runbook::Actor;
use crate::runbook::syntax::shell::Tongue;
use crate::runbook::syntax::{SqlScript, read_shell, read_sql};

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
    /// The command runs it; else psql reads it.
    #[serde(default)]
    pub called: bool,
}

/// A file that a command names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// As the command names it; with the directory before it where the command goes there first.
    pub path: String,
    /// It is run itself; else psql reads it.
    pub called: bool,
}

/// The files that a command includes or calls by name: `\i` and its kin in SQL, and in a shell where
/// psql reads its input there; in a shell `psql -f`, scripts by their path and what an interpreter is
/// given. Names that a variable fills in are not known before the command runs.
pub fn named_files(actor: Actor, command: &str) -> Vec<Named> {
    let mut found = match actor {
        Actor::Shell => calls::files(command),
        Actor::Sql => Vec::new(),
        Actor::Http | Actor::Nobody => return Vec::new(),
    };
    match actor {
        Actor::Sql => found.extend(included_by(&read_sql(command), 0)),
        _ => {
            for inner in read_shell(command).inner() {
                if inner.tongue == Tongue::Sql {
                    let from = inner.holder.span().start;
                    found.extend(included_by(&SqlScript::read(&inner.text), from));
                }
            }
        }
    }
    found.sort_by_key(|(at, _)| *at);
    let mut named: Vec<Named> = Vec::new();
    for (_, file) in found {
        if !named.iter().any(|known| known.path == file.path) {
            named.push(file);
        }
    }
    named
}

/// The files of `\\i` and its kin.
fn included_by(script: &SqlScript, from: usize) -> Vec<(usize, Named)> {
    let includes = ["i", "ir", "include", "include_relative"];
    let metas = script
        .metas()
        .filter(|meta| includes.contains(&meta.name.as_str()));
    metas
        .filter_map(|meta| {
            let path = meta.arguments.first()?;
            let known = path.is_literal && path.text != "-" && !path.text.contains(['$', '*', '`']);
            let named = Named {
                path: path.text.clone(),
                called: false,
            };
            known.then_some((from + meta.span.start, named))
        })
        .collect()
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

    fn included(actor: Actor, command: &str) -> Vec<String> {
        let named = named_files(actor, command).into_iter();
        named
            .filter(|file| !file.called)
            .map(|file| file.path)
            .collect()
    }

    fn called(command: &str) -> Vec<String> {
        let named = named_files(Actor::Shell, command).into_iter();
        named
            .filter(|file| file.called)
            .map(|file| file.path)
            .collect()
    }

    #[test]
    fn sql_includes_by_backslash() {
        let command =
            "SELECT 1;\n\\i migrations/007.sql\n  \\ir 'more.sql'\n-- \\i not.sql\n\\info";
        assert_eq!(
            included(Actor::Sql, command),
            ["migrations/007.sql", "more.sql"]
        );
    }

    #[test]
    fn a_psql_session_in_a_shell_includes_by_backslash_and_a_shell_alone_does_not() {
        let session = "psql -X \"$URL\" <<'END'\n\\i columns.sql\nSELECT 1;\n\\i usage.sql\nEND";
        assert_eq!(
            included(Actor::Shell, session),
            ["columns.sql", "usage.sql"]
        );
        assert!(included(Actor::Shell, "cat <<'END'\n\\i columns.sql\nEND").is_empty());
    }

    #[test]
    fn a_shell_includes_by_psql_and_by_nothing_that_writes() {
        let command = "psql -X -h db \\\n  -f a.sql | tee log\npsql --file=b.sql -d x\npg_dump -f out.dump\npsql -f \"$FILE\"";
        assert_eq!(included(Actor::Shell, command), ["a.sql", "b.sql"]);
        let command = "sudo -u postgres psql -qXf c.sql\npsql app < d.sql\ncat e.sql | psql app\npsql -fg.sql";
        assert_eq!(
            included(Actor::Shell, command),
            ["c.sql", "d.sql", "e.sql", "g.sql"]
        );
    }

    #[test]
    fn scripts_are_called_by_a_plain_path() {
        for (command, files) in [
            ("./scripts/migrate.sh --all", vec!["./scripts/migrate.sh"]),
            ("bash deploy.sh", vec!["deploy.sh"]),
            (
                "sudo -u app bash -euo pipefail deploy.sh x",
                vec!["deploy.sh"],
            ),
            (
                "A=1 timeout -k 5 60 sh -x a.sh && . ./env",
                vec!["a.sh", "./env"],
            ),
            (
                "venv/bin/python -W ignore migrate.py up",
                vec!["venv/bin/python", "migrate.py"],
            ),
            ("source lib.sh; perl -w fix.pl", vec!["lib.sh", "fix.pl"]),
            ("ssh host 'bash -s' < deploy.sh", vec!["deploy.sh"]),
            (
                "if [ -f x ]; then ./a.sh; else ./b.sh; fi",
                vec!["./a.sh", "./b.sh"],
            ),
            ("./a.sh\n./a.sh", vec!["./a.sh"]),
        ] {
            assert_eq!(called(command), files, "{command}");
        }
    }

    #[test]
    fn where_the_command_goes_first_is_part_of_the_path() {
        assert_eq!(called("cd app && ./deploy.sh"), ["app/deploy.sh"]);
        assert_eq!(
            called("(cd app; ./a.sh)\n./b.sh\ncd /srv\nbash c.sh"),
            ["app/a.sh", "./b.sh", "/srv/c.sh"]
        );
        assert!(called("cd \"$DIR\" && ./deploy.sh").is_empty());
        assert_eq!(
            included(Actor::Shell, "cd sql\npsql -f a.sql"),
            ["sql/a.sql"]
        );
    }

    #[test]
    fn what_is_no_path_in_plain_text_is_not_guessed() {
        for command in [
            "$SCRIPT",
            "./$NAME.sh",
            "bash -c './x.sh'",
            "python -m app.migrate",
            "python3 -c 'print(1)'",
            "perl -ne 'print' file",
            "echo ./deploy.sh",
            "ssh host ./deploy.sh",
            "docker exec db psql -f /tmp/x.sql",
            "cat <<END > x.sh\n./y.sh\nEND",
            "# ./x.sh",
            "bash",
            "ls | bash",
        ] {
            assert!(named_files(Actor::Shell, command).is_empty(), "{command}");
        }
    }
}
