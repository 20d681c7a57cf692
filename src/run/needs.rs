//! What a rollback needs of the world: backups, functions, commits and directories that its commands name.
//! Read off the commands as they would run; whether it is all there is looked up beside the loop, and told
//! with each rollback and its age. Only what a command names for certain is a need.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Act, RollbackPlan, RunState, Timestamp};
use crate::runbook::syntax::shell::Call;
use crate::runbook::syntax::{
    AndOr, Piece, PieceKind, SqlScript, SqlToken, SqlTokenKind, Stage, Statement, Word, read_shell,
    read_sql,
};
use crate::runbook::{Actor, RollbackOption};

/// Something that must be there when a rollback begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// A backup, as an absolute path: of this run, and readable to its end.
    Dump {
        path: String,
    },
    /// A function that a command calls, in a target's database.
    Function {
        target: String,
        name: String,
    },
    /// A commit that a working tree goes to.
    Commit {
        directory: String,
        revision: String,
    },
    Directory {
        path: String,
    },
}

/// What was found of a need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub need: Need,
    pub state: FoundState,
    /// What it is, and why that matters.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundState {
    Good,
    /// The rollback would fail, or would not do what it is for.
    Bad,
    /// It cannot be looked up now.
    Unknown,
}

/// What was found for each rollback, by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    pub at: Timestamp,
    pub options: BTreeMap<String, Vec<Found>>,
    /// What has been written so far to the tables of the guide, by target, and when that was asked.
    #[serde(default)]
    pub written: BTreeMap<String, super::Writes>,
    #[serde(default)]
    pub written_at: Option<Timestamp>,
}

/// What the supervisor knows of the world that stands in no event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// The databases that do not answer, by target, and since when.
    pub lost: BTreeMap<String, Timestamp>,
    pub readiness: Option<Readiness>,
}

/// What a rollback needs, in the order of its commands, each once.
pub fn needs_of(state: &RunState, option: &RollbackOption) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut shell = Shell::default();
    let steps = option
        .steps
        .iter()
        .filter(|step| !state.is_passed_over(step));
    for act in steps.flat_map(|step| state.acts_of(step)) {
        let Act::Command(action) = act else { continue };
        let block = state.runbook.block(action.block);
        let Ok((shown, _)) = super::preview::reckon(state, action, None) else {
            continue;
        };
        let found = match shown.actor {
            Actor::Shell => {
                let own = block.is_some_and(|block| block.attributes.cwd.is_some());
                if own || !shell.has_moved {
                    shell.here = Some(shown.directory);
                }
                of_shell(
                    &shown.command,
                    &shown.values,
                    &mut shell,
                    only_target(state),
                )
            }
            Actor::Sql => of_sql(&shown.command, &shown.on),
            Actor::Http | Actor::Nobody => Vec::new(),
        };
        for need in found {
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
    }
    needs
}

/// Where the shell stands in the course of a rollback.
#[derive(Default)]
struct Shell {
    /// `None`: it is not known.
    here: Option<String>,
    has_moved: bool,
    /// Its commands have put something somewhere: files and directories that they name may be their own.
    has_made: bool,
}

/// Which database a `psql` in a shell means is certain only where there is one.
fn only_target(state: &RunState) -> Option<&str> {
    let mut names = state.targets.keys();
    match (names.next(), names.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

fn of_shell(
    code: &str,
    values: &BTreeMap<String, String>,
    shell: &mut Shell,
    target: Option<&str>,
) -> Vec<Need> {
    let script = read_shell(code);
    if script.unreadable().is_some() {
        (shell.here, shell.has_moved) = (None, true);
        return Vec::new();
    }
    let commands = script.simple_commands();
    let calls: Vec<Call<'_>> = commands.iter().flat_map(|one| one.calls()).collect();
    let restores = calls
        .iter()
        .any(|call| matches!(call.program, "psql" | "pg_restore"));
    // `(cd x && …)` comes back by itself.
    let is_plain = script
        .commands()
        .iter()
        .flat_map(|command| &command.lists)
        .flat_map(AndOr::pipelines)
        .flat_map(|pipeline| &pipeline.stages)
        .all(|stage| matches!(stage, Stage::Simple(_)));
    let mut needs = Vec::new();
    for call in calls.iter().filter(|call| !call.elsewhere) {
        let file = || named_file(call, values, shell.here.as_deref());
        match call.program {
            "cd" | "pushd" => {
                let to = call
                    .arguments
                    .iter()
                    .find(|word| !word.text.starts_with('-'))
                    .and_then(|word| known(word, values))
                    .filter(|_| is_plain);
                shell.here = to.and_then(|to| Some(joined(shell.here.as_deref()?, &to)));
                shell.has_moved = true;
                if !shell.has_made {
                    let path = shell.here.clone();
                    needs.extend(path.map(|path| Need::Directory { path }));
                }
            }
            "pg_restore" if !looks_only(call) && !shell.has_made => {
                needs.extend(file().map(|path| Need::Dump { path }));
            }
            "zcat" | "gunzip" | "gzip" | "zstdcat" | "xzcat" | "bzcat"
                if restores && !shell.has_made =>
            {
                needs.extend(file().map(|path| Need::Dump { path }));
            }
            "git" if call.operands().next() == Some("clone") => shell.has_made = true,
            "git" if !shell.has_made => {
                needs.extend(commit(call, values, shell.here.as_deref()));
            }
            "psql" => {
                let words = call.arguments;
                let given = words.iter().zip(words.iter().skip(1));
                for (option, query) in given {
                    let is_query = matches!(option.text.as_str(), "-c" | "--command");
                    if is_query && query.is_plain() {
                        needs.extend(target.into_iter().flat_map(|on| of_sql(&query.text, on)));
                    }
                }
            }
            "mkdir" | "tar" | "unzip" | "cp" | "mv" | "rsync" | "scp" | "curl" | "wget" | "aws"
            | "gsutil" | "az" | "pg_dump" => shell.has_made = true,
            _ => {}
        }
    }
    needs
}

/// A word as the shell will have it, where that is certain: its text, or one whole variable of which the
/// value is known.
fn known(word: &Word, values: &BTreeMap<String, String>) -> Option<String> {
    if word.is_plain() {
        return Some(word.text.clone());
    }
    match &word.pieces[..] {
        [
            Piece {
                kind: PieceKind::Parameter { name, operand },
                ..
            },
        ] if operand.is_empty() => values.get(name).cloned(),
        _ => None,
    }
}

/// It lists what is in a dump, or reads it through, and puts nothing back.
fn looks_only(call: &Call<'_>) -> bool {
    let lists = call.has_option(&["-l", "--list"]);
    lists || call.arguments.iter().any(|word| word.text == "/dev/null")
}

/// The only word that is no option and no option's value.
fn named_file(
    call: &Call<'_>,
    values: &BTreeMap<String, String>,
    here: Option<&str>,
) -> Option<String> {
    // Options of `pg_restore` whose value is the next word.
    const VALUES: [&str; 15] = [
        "-d", "-f", "-F", "-h", "-I", "-j", "-L", "-n", "-N", "-P", "-p", "-S", "-t", "-T", "-U",
    ];
    let mut files: Vec<&Word> = Vec::new();
    let mut is_value = false;
    let restores = call.program == "pg_restore";
    for word in call.arguments {
        let is_option = word.text.starts_with('-') && word.text.len() > 1;
        if std::mem::take(&mut is_value) {
            continue;
        }
        if is_option {
            let long = word.text.starts_with("--") && !word.text.contains('=');
            let takes = VALUES.contains(&word.text.as_str());
            is_value = restores && (takes || (long && takes_value(&word.text)));
        } else {
            files.push(word);
        }
    }
    match files[..] {
        [only] => Some(joined(here?, &known(only, values)?)),
        _ => None,
    }
}

fn takes_value(option: &str) -> bool {
    matches!(
        option,
        "--dbname"
            | "--file"
            | "--format"
            | "--host"
            | "--jobs"
            | "--port"
            | "--role"
            | "--schema"
            | "--table"
            | "--use-list"
            | "--username"
            | "--section"
            | "--superuser"
    )
}

/// The commit that `git checkout`, `revert`, `reset` or `switch` goes to.
fn commit(call: &Call<'_>, values: &BTreeMap<String, String>, here: Option<&str>) -> Option<Need> {
    let mut words = call.arguments.iter();
    let verb = words.find(|word| !word.text.starts_with('-'))?;
    let goes_to = matches!(
        verb.text.as_str(),
        "checkout" | "revert" | "reset" | "switch"
    );
    let rest = words.as_slice();
    let other = rest.iter().any(|word| {
        matches!(
            word.text.as_str(),
            "-b" | "-B" | "-c" | "-C" | "--" | "--abort" | "--continue"
        )
    });
    // `git -C elsewhere checkout …` is in another working tree.
    let elsewhere = call
        .arguments
        .first()
        .is_some_and(|word| word.text.starts_with('-'));
    let revision = rest.iter().find(|word| !word.text.starts_with('-'))?;
    let revision = known(revision, values)?;
    let named = goes_to && !other && !elsewhere;
    named.then_some(Need::Commit {
        directory: here?.to_owned(),
        revision,
    })
}

/// Functions that statements do nothing but call: `SELECT take_it_back();`, `CALL take_it_back(1);`.
fn of_sql(code: &str, target: &str) -> Vec<Need> {
    let script = read_sql(code);
    script
        .statements()
        .filter_map(|statement| called(&script, statement))
        .map(|name| Need::Function {
            target: target.to_owned(),
            name,
        })
        .collect()
}

fn called(script: &SqlScript, statement: &Statement) -> Option<String> {
    let source = script.source();
    let mut tokens = statement.tokens.iter().peekable();
    let first = tokens.next()?;
    if !first.is_word(source, "select") && !first.is_word(source, "call") {
        return None;
    }
    let is_star = |token: &&SqlToken| token.span.of(source) == "*";
    if tokens.next_if(is_star).is_some() && !tokens.next()?.is_word(source, "from") {
        return None;
    }
    let mut name = String::new();
    let mut depth = 0_usize;
    let mut closed = false;
    for token in tokens {
        match token.kind {
            SqlTokenKind::End => break,
            // Something else than the call comes after it.
            _ if closed => return None,
            SqlTokenKind::Open => depth += 1,
            SqlTokenKind::Close => {
                depth = depth.checked_sub(1)?;
                closed = depth == 0;
            }
            _ if depth > 0 => {}
            SqlTokenKind::Word | SqlTokenKind::Identifier
                if name.is_empty() || name.ends_with('.') =>
            {
                name.push_str(token.span.of(source));
            }
            SqlTokenKind::Operator if token.span.of(source) == "." => name.push('.'),
            _ => return None,
        }
    }
    (closed && !name.is_empty()).then_some(name)
}

fn joined(directory: &str, path: &str) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{}/{path}", directory.trim_end_matches('/')),
    }
}

impl RollbackPlan {
    /// Takes in what the world says: what is bad is why it is in doubt.
    pub fn learn(&mut self, readiness: &Readiness, environment: &str) {
        let Some(found) = readiness.options.get(&self.option) else {
            return;
        };
        self.found.clone_from(found);
        self.looked_at = Some(readiness.at);
        let bad = found.iter().filter(|one| one.state == FoundState::Bad);
        let bad: Vec<String> = bad.map(|one| one.text.clone()).collect();
        if !bad.is_empty() {
            self.ready = false;
            self.reasons.splice(0..0, bad);
            self.confirm.get_or_insert_with(|| environment.to_owned());
        }
    }
}

/// [`super::rollback_plans`] with what the world says of each; one that is in doubt comes after one that
/// is as near and ready.
pub fn plans_in_the_world(state: &RunState, readiness: Option<&Readiness>) -> Vec<RollbackPlan> {
    let mut plans = super::rollback_plans(state);
    if let Some(readiness) = readiness {
        for plan in &mut plans {
            plan.learn(readiness, &state.environment);
            let option = state.runbook.option(&plan.option);
            plan.loss = option.and_then(|option| state.loss_of(option, readiness));
        }
        super::plan::put_in_order(state, &mut plans);
    }
    plans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(code: &str) -> Vec<Need> {
        let values = BTreeMap::from([("DUMP".to_owned(), "/b/shop.dump".to_owned())]);
        let mut shell = Shell {
            here: Some("/srv".to_owned()),
            ..Shell::default()
        };
        of_shell(code, &values, &mut shell, Some("main"))
    }

    fn dump(path: &str) -> Need {
        Need::Dump {
            path: path.to_owned(),
        }
    }

    #[test]
    fn what_commands_need() {
        assert_eq!(
            shell("cd app && sudo -u app pg_restore -d shop --clean -j 4 backup.dump"),
            [
                Need::Directory {
                    path: "/srv/app".to_owned()
                },
                dump("/srv/app/backup.dump")
            ]
        );
        assert_eq!(
            shell("pg_restore -d shop \"$DUMP\""),
            [dump("/b/shop.dump")]
        );
        assert_eq!(
            shell("gunzip -c /backups/a.sql.gz | psql shop"),
            [dump("/backups/a.sql.gz")]
        );
        assert_eq!(
            shell("git checkout 1a2b3c\ngit revert --no-edit HEAD"),
            ["1a2b3c", "HEAD"].map(|revision| Need::Commit {
                directory: "/srv".to_owned(),
                revision: revision.to_owned()
            })
        );
        let function = |name: &str| Need::Function {
            target: "main".to_owned(),
            name: name.to_owned(),
        };
        assert_eq!(
            shell("psql -h db1 -c 'SELECT take_it_back();'"),
            [function("take_it_back")]
        );
        assert_eq!(
            of_sql(
                "CALL app.back(now(), 3);\nSELECT * FROM \"Undo\"();\nDROP TABLE a;",
                "main"
            ),
            [function("app.back"), function("\"Undo\"")]
        );
    }

    #[test]
    fn what_is_not_certain_is_no_need() {
        for code in [
            "pg_restore -l backup.dump",
            "pg_restore -f /dev/null backup.dump",
            "pg_restore -d shop \"$BACKUP\"",
            "git checkout -b back",
            "git checkout -- config.toml",
            "cd \"$HOME\" && pg_restore -d shop a.dump",
            "echo pg_restore a.dump",
            "gzip -9 app.log",
            "docker exec db pg_restore -d shop a.dump",
            "scp backup:/b/a.dump . && pg_restore -d shop a.dump",
            "(cd app && npm ci)",
        ] {
            let needs = shell(code);
            assert!(needs.is_empty(), "{code}: {needs:?}");
        }
        let code = "SELECT count FROM a; SELECT count(*) FROM a; UPDATE a SET b = f(1); SELECT a(), b(); \
                    SELECT DISTINCT f(1);";
        assert!(of_sql(code, "main").is_empty());
    }
}
