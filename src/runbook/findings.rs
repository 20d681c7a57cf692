//! Everything that can be wrong with a guide or its configuration, in one table: code, how grave it is at
//! worst, and what it means. `docs/findings.md` is made of it, and `gonogo check --explain CODE` prints it.
//! Findings of one kind about one thing are one, with its places; an error beside the walk is a warning.

use std::collections::HashMap;

use super::diagnostic::{Diagnostic, Severity, Spot};
use super::model::{Place, Runbook};

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// The gravest it is reported with.
    pub severity: Severity,
    /// What it means, and why it matters.
    pub meaning: &'static str,
}

const fn error(code: &'static str, meaning: &'static str) -> Finding {
    Finding {
        code,
        severity: Severity::Error,
        meaning,
    }
}

const fn warning(code: &'static str, meaning: &'static str) -> Finding {
    Finding {
        severity: Severity::Warning,
        ..error(code, meaning)
    }
}

const fn info(code: &'static str, meaning: &'static str) -> Finding {
    Finding {
        severity: Severity::Info,
        ..error(code, meaning)
    }
}

/// All of them, by code.
#[rustfmt::skip]
pub const FINDINGS: &[Finding] = &[
    warning("ambiguous-annotation", "An entry under `[[annotations]]` of `gonogo.toml` fits more than one block or heading, and is ignored: name the heading, the text of the block or its line more exactly."),
    warning("backup-verified-by-ls", "A backup is only listed. A file of the right name and size may still not be restorable: read it through, or restore it into a scratch database."),
    error("bad-attribute", "The value of an attribute cannot be read: a duration, a number of people, a pattern, a name. Its effect would be lost silently."),
    error("bad-batch", "A block of class `.batch` cannot run in batches: it is no single INSERT, UPDATE, DELETE or MERGE, its range is not named, or its throttle is no query that only looks."),
    error("bad-condition", "A condition cannot be read, or names something that does not exist. A condition that cannot be evaluated is never true."),
    error("bad-default", "The default of a blank in `gonogo.toml` breaks its own rule."),
    error("bad-flag", "A block of class `.flag` cannot set its flag: it is not said how the flag is read or what it is set to, or its code does not name the value."),
    error("bad-pattern", "A pattern in `gonogo.toml` is not a regular expression."),
    warning("bad-setting", "A setting in the front matter has an invalid value; it is ignored."),
    error("bad-toml", "`gonogo.toml` cannot be read as TOML."),
    error("bad-value", "A value in `gonogo.toml` has the wrong type or is out of range."),
    warning("beside-the-rollback", "A command is in a rollback section, but no rollback runs it: its part of the section is reference, like troubleshooting. Give the part a title of its own as an option or a step, if it is one."),
    info("beside-the-walk", "A command is in a section that is neither a phase nor a rollback. It can be read, copied and run beside the walk; `<!-- gonogo: phase -->` under its heading puts it into the walk."),
    info("blank", "A command has a blank that must be filled in before it can run."),
    info("blank-in-code", "A value you enter would end up in code within a command (`bash -c`, `eval`, `trap`, a here-document to a shell), in a sum, or in a variable that becomes code later. It is quoted for both who read it where that can be proved; elsewhere only plain values are taken."),
    warning("block-too-large", "A block is longer than anybody can review before arming it. It is content, and nothing of it runs."),
    warning("constraint-without-not-valid", "A constraint is checked against the whole table while it is locked. `NOT VALID` first and `VALIDATE` later let others go on."),
    warning("ddl-without-lock-timeout", "The statement waits for a lock that every later query on the table queues behind: a short change becomes an outage."),
    warning("destructive-forward", "A forward step destroys something. It always needs confirmation; say what to type, and which rollback brings it back."),
    error("duplicate-id", "Two blocks or headings have the same id; a reference to it is ambiguous."),
    warning("glob-in-restore", "A pattern may match two dumps, or one of an earlier run. The run asks which file is meant."),
    info("grep-exits-1", "`grep` exits with 1 where it finds nothing, which here is good news."),
    warning("incomplete", "Something is left out of a command (`...`), and no value can fill it in."),
    warning("index-without-concurrently", "Building the index blocks every write to its table until it is done."),
    error("invisible-character", "An invisible character makes code look different from what runs."),
    error("missing-key", "A section of `gonogo.toml` lacks a required key."),
    info("never-ending", "The command does not end by itself: it is a watch beside its step."),
    info("no-bash", "There is no `bash` to check the syntax of shell blocks."),
    warning("no-phases", "No section holds anything to do, so there is nothing to walk."),
    error("not-in-transaction", "The server refuses this statement inside a transaction."),
    error("not-utf8", "The file holds bytes that are not UTF-8. Where it could not be read as anything else, it is shown with replacements and must be fixed."),
    warning("opens-editor", "The command opens an editor and waits until somebody closes it."),
    error("password-in-target", "A connection in `gonogo.toml` holds a password; name its source instead."),
    info("phase-count", "The text and the headings disagree on the number of phases."),
    warning("pipe-hides-exit-code", "The exit code of a pipe is that of its last command: a failure before it looks like success."),
    warning("psql-without-on-error-stop", "`psql` continues after an error in a script and exits 0."),
    info("reserved-name", "A blank has the name of a variable that controls what a step starts (`PATH`, `HOME`, `PGHOST`). Its value is written into the command as one quoted word, and never becomes that variable."),
    warning("rival-phases", "Two sequences of headings could be the phases. The one taken is named; the other is kept beside the walk."),
    error("secret-capture", "A captured value is kept in the journal, and this one looks like a secret."),
    error("secret-in-the-open", "A secret is written where everybody can read it. In a guide it is masked and reported; in `gonogo.toml` it is refused."),
    error("shell-inside-sql", "A shell command is inside SQL: psql would reject it in the middle of the block."),
    error("shell-syntax", "`bash` does not accept the block: it would stop there after running what comes before it."),
    info("shell-unchecked", "The guide has more shell blocks than are checked at a time."),
    warning("stale-annotation", "An entry under `[[annotations]]` of `gonogo.toml` no longer fits anything in the guide."),
    warning("stale-parts", "The parts that a person accepted are not those found in the block now."),
    error("unbalanced-fence", "A fence opens inside another: where code begins and ends is unclear from there on, and nothing is armed."),
    error("unknown-attribute", "An attribute is misspelt or unknown. A slip would silently switch off a check or a rollback."),
    error("unknown-class", "A class is misspelt or unknown."),
    error("unknown-environment", "`gonogo.toml` names an environment that does not exist."),
    error("unknown-key", "`gonogo.toml` has an unknown key."),
    warning("unknown-setting", "The front matter has an unknown setting."),
    error("unknown-undo", "`undo=` or `undoes=` names nothing in this guide."),
    error("unreadable-sql", "A block of SQL ends inside a literal or a comment: where its statements begin and end is unclear."),
    error("unterminated-fence", "A fence is never closed: everything after it reads as code, and nothing of it is armed."),
];

/// The kind with this code.
pub fn finding(code: &str) -> Option<&'static Finding> {
    FINDINGS.iter().find(|known| known.code == code)
}

/// `docs/findings.md`.
pub fn findings_page() -> String {
    let mut page = "# Findings\n\nEverything that `gonogo check` can say about a guide or its `gonogo.toml`. \
        Errors block a run; in a section beside the walk they are warnings. \
        `gonogo check --explain CODE` prints one of them.\n\n| code | at worst | meaning |\n|---|---|---|\n"
        .to_owned();
    for finding in FINDINGS {
        let severity = severity_word(finding.severity);
        let meaning = finding.meaning.replace('|', "\\|");
        page.push_str(&format!(
            "| `{}` | {severity} | {meaning} |\n",
            finding.code
        ));
    }
    page
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// Where code begins and ends is a question of the whole guide.
const OF_THE_WHOLE: [&str; 3] = ["unterminated-fence", "unbalanced-fence", "duplicate-id"];

/// Makes errors beside the walk warnings, and one finding of those of one kind about one thing. `text`
/// is the guide as its lines are counted.
pub fn settle(runbook: &mut Runbook, text: &str) {
    if runbook.diagnostics.is_empty() {
        return;
    }
    let mut beside: Vec<(usize, usize)> = runbook
        .blocks
        .iter()
        .zip(runbook.places())
        .filter(|(_, place)| matches!(place, Place::Beside(_)))
        .map(|(block, _)| (block.line, block.code_line + block.code.lines().count()))
        .collect();
    beside.sort_unstable();
    let is_beside = |line: usize| {
        let next = beside.partition_point(|(first, _)| *first <= line);
        next.checked_sub(1)
            .is_some_and(|index| line <= beside[index].1)
    };
    let lines: Vec<&str> = text.split('\n').collect();
    let mut kept: Vec<Diagnostic> = Vec::new();
    let mut known: HashMap<(String, String, String), usize> = HashMap::new();
    for mut diagnostic in std::mem::take(&mut runbook.diagnostics) {
        debug_assert!(
            finding(&diagnostic.code).is_some_and(|known| known.severity <= diagnostic.severity),
            "`{}` is not in the table of findings, or graver than there",
            diagnostic.code
        );
        let spared = OF_THE_WHOLE.contains(&diagnostic.code.as_str());
        if diagnostic.severity == Severity::Error && !spared && is_beside(diagnostic.line) {
            diagnostic.severity = Severity::Warning;
        }
        let line = lines.get(diagnostic.line.saturating_sub(1)).copied();
        let about: String = line
            .unwrap_or_default()
            .chars()
            .skip(diagnostic.column.saturating_sub(1))
            .take(diagnostic.width)
            .collect();
        let key = (
            format!("{:?} {}", diagnostic.severity, diagnostic.code),
            diagnostic.message.clone(),
            about,
        );
        match known.get(&key).and_then(|index| kept.get_mut(*index)) {
            Some(first) => {
                first.also.push(Spot {
                    line: diagnostic.line,
                    column: diagnostic.column,
                });
                first.also.append(&mut diagnostic.also);
            }
            None => {
                known.insert(key, kept.len());
                kept.push(diagnostic);
            }
        }
    }
    runbook.diagnostics = kept;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::parse;

    #[test]
    fn the_table_is_sorted_and_its_page_is_in_the_documentation() {
        assert!(FINDINGS.is_sorted_by_key(|finding| finding.code));
        assert_eq!(
            include_str!("../../docs/findings.md"),
            findings_page(),
            "write it anew: `gonogo check --explain all > docs/findings.md`"
        );
    }

    #[test]
    fn the_same_secret_in_many_places_is_one_finding() {
        let call = "```bash\nPGPASSWORD=hunter22 psql -c 'SELECT 1'\n```\n\n";
        let other = call.replace("hunter22", "hunter33");
        let book = parse(
            "guide.md",
            format!("# A\n\n## Step 1: Go\n\n{call}{call}{other}{call}").as_bytes(),
        );
        let secrets: Vec<_> = book
            .diagnostics
            .iter()
            .filter(|found| found.code == "secret-in-the-open")
            .map(|found| {
                let also: Vec<usize> = found.also.iter().map(|spot| spot.line).collect();
                (found.line, also)
            })
            .collect();
        assert_eq!(secrets, [(6, vec![10, 18]), (14, vec![])]);
    }

    #[test]
    fn an_error_beside_the_walk_is_a_warning() {
        let guide = |heading: &str| {
            format!(
                "# A\n\n## Step 1: Go\n\n```bash\nls\n```\n\n{heading}\n\n```sql\nBEGIN;\nVACUUM;\nCOMMIT;\n```\n"
            )
        };
        let severity = |text: String| {
            let book = parse("guide.md", text.as_bytes());
            let mut found = book.diagnostics.into_iter();
            found
                .find(|found| found.code == "not-in-transaction")
                .map(|found| found.severity)
        };
        assert_eq!(severity(guide("## Step 2: Vacuum")), Some(Severity::Error));
        assert_eq!(severity(guide("## Rollback")), Some(Severity::Error));
        assert_eq!(
            severity(guide("## Troubleshooting")),
            Some(Severity::Warning)
        );
    }
}
