//! Lints of what commands do: destroy on the way forward, never end, hide an exit code, go on after an
//! error, or prove less than they seem to.

use std::collections::HashSet;

use super::{Context, Report};
use crate::runbook::blanks;
use crate::runbook::diagnostic::Severity;
use crate::runbook::model::{Actor, Block, Role, Runbook};
use crate::runbook::pattern::pattern;
use crate::runbook::shell::{self, LineKind};
use crate::runbook::{hazards, role, syntax};

pub(super) fn lint(context: &Context<'_>, report: &mut Report<'_>) {
    let forward = forward_blocks(context.runbook);
    for block in &context.runbook.blocks {
        if !is_executable(block) {
            continue;
        }
        if forward.contains(&block.n) {
            destructive(block, report);
        }
        never_ending(block, report);
        fill(block, report);
        exposed(block, report);
        if let Some(why) = role::refusal(&block.code, block.actor) {
            let line = refused_line(block);
            report.add(
                Severity::Error,
                "shell-inside-sql",
                (line, ""),
                why,
                "put the shell command into a block of its own, after this one",
            );
        }
        if block.actor == Actor::Shell {
            shell_lints(block, report);
        }
    }
}

pub(super) fn is_executable(block: &Block) -> bool {
    block.actor != Actor::Nobody && matches!(block.role, Role::Run | Role::Fill | Role::Split)
}

fn forward_blocks(runbook: &Runbook) -> HashSet<usize> {
    runbook
        .walk()
        .flat_map(|phase| &phase.steps)
        .flat_map(|step| step.blocks.iter().copied())
        .collect()
}

fn destructive(block: &Block, report: &mut Report<'_>) {
    if block.attributes.confirm.is_some() || block.destructive.is_empty() {
        return;
    }
    for danger in hazards::dangers(&block.code, block.actor) {
        let line = block.code_line + syntax::line_of(&block.code, danger.span.start);
        let phrase = &danger.phrase;
        report.add(
            Severity::Warning,
            "destructive-forward",
            (line, phrase),
            format!("`{phrase}` in a forward step: it always needs confirmation"),
            "say with `confirm=WORD` what to type, and name its rollback with `undo=ID`",
        );
    }
}

fn never_ending(block: &Block, report: &mut Report<'_>) {
    if block.actor != Actor::Shell
        || !block.long_running
        || block.attributes.has_class("watch")
        || block.attributes.timeout_s.is_some()
    {
        return;
    }
    for (index, line) in block.code.lines().enumerate() {
        if hazards::never_ends(line) {
            report.add(
                Severity::Info,
                "never-ending",
                (block.code_line + index, line.trim()),
                "this command does not end by itself: it will run as a watch beside the step",
                "mark it `.watch`, bound it (`timeout 60 …`), or read past lines only (`tail -n 100`)",
            );
        }
    }
}

fn fill(block: &Block, report: &mut Report<'_>) {
    let mut seen = HashSet::new();
    for blank in blanks::find(&block.code, block.actor, block.code_line) {
        if !blank.is_textual() || !seen.insert(blank.name.clone()) {
            continue;
        }
        let line = block.code_line + blank.line;
        if blank.name.starts_with("OMITTED_") {
            report.add(
                Severity::Warning,
                "incomplete",
                (line, &blank.text),
                "something is left out here: the block cannot run as written",
                "write out what is meant",
            );
        } else {
            report.add(
                Severity::Info,
                "blank",
                (line, &blank.text),
                format!(
                    "`{}` has to be filled in before this block can run",
                    blank.text
                ),
                // A secret is refused where it could be read by others.
                match crate::runbook::is_secret_name(&blank.name) {
                    true => format!(
                        "say where the secret comes from: `secrets.{} = {{ env = \"…\" }}` in \
                         `gonogo.toml`, or its source under inputs",
                        blank.name
                    ),
                    false => format!(
                        "give `{}` a value: `--var {}=…`, or under `values` in `gonogo.toml`",
                        blank.name, blank.name
                    ),
                },
            );
        }
    }
}

/// Blanks in `bash -c '…'`, `eval`, `trap`, `bash <<END`, sums: what is given there could become code.
fn exposed(block: &Block, report: &mut Report<'_>) {
    if block.actor != Actor::Shell {
        return;
    }
    for blank in crate::runbook::fill::exposed(&block.code, block.code_line) {
        let text = &blank.text;
        let (message, help) = match blank.unfit {
            Some(unfit) => (
                format!("`{text}` takes plain values only: {}", unfit.reason()),
                unfit.help,
            ),
            None => (
                format!("`{text}` stands in code within a command: its value is quoted for both"),
                "pass it outside the code where you can: `bash -c '… \"$1\"' - <name>`".to_owned(),
            ),
        };
        report.add(
            Severity::Info,
            "blank-in-code",
            (block.code_line + blank.line, text),
            message,
            help,
        );
    }
}

fn refused_line(block: &Block) -> usize {
    let at = block.code.lines().position(|line| {
        let word = line.split_whitespace().next().unwrap_or_default();
        matches!(
            word,
            "curl"
                | "wget"
                | "git"
                | "npm"
                | "docker"
                | "kubectl"
                | "cd"
                | "sudo"
                | "ssh"
                | "psql"
                | "echo"
        ) && !line.trim_start().starts_with("psql -")
    });
    block.code_line + at.unwrap_or_default()
}

fn shell_lints(block: &Block, report: &mut Report<'_>) {
    let code = &block.code;
    let pipefail = code.contains("pipefail");
    let mut backup = false;
    for (first, command) in logical_commands(code) {
        let line = block.code_line + first;
        let program = shell::program(&command);
        if program == "psql"
            && pattern!(r"\s(?:-f\b|-f\S|--file\b)|<").is_match(&command)
            && !command.contains("ON_ERROR_STOP")
        {
            report.add(
                Severity::Warning,
                "psql-without-on-error-stop",
                (line, "psql"),
                "psql goes on after an error in a file and exits with 0",
                "write `psql -v ON_ERROR_STOP=1 …`",
            );
        }
        if !pipefail
            && pattern!(r"\|\s*(?:sudo\s+)?tee\b").is_match(&command)
            && !command.contains("PIPESTATUS")
        {
            report.add(
                Severity::Warning,
                "pipe-hides-exit-code",
                (line, "tee"),
                "behind `| tee` the exit code is that of `tee`: a failure looks like success",
                "begin the block with `set -o pipefail`; the output is kept anyway",
            );
        }
        if let Some((phrase, help)) = opens_an_editor(program, &command) {
            report.add(
                Severity::Warning,
                "opens-editor",
                (line, phrase),
                format!("`{phrase}` opens an editor here, and waits until somebody closes it"),
                help,
            );
        }
        let dumps = matches!(program, "pg_dump" | "pg_dumpall" | "pg_basebackup");
        if !pipefail
            && dumps
            && pattern!(r"\|\s*(?:gzip|zstd|bzip2|xz|aws|gsutil|ssh)\b").is_match(&command)
        {
            report.add(
                Severity::Warning,
                "pipe-hides-exit-code",
                (line, program),
                "a dump that fails behind a pipe leaves a short file and an exit code of 0",
                "begin the block with `set -o pipefail`",
            );
        }
        if backup && program == "ls" && pattern!(r"(?i)dump|backup|\.sql|\.bak").is_match(&command)
        {
            report.add(
                Severity::Warning,
                "backup-verified-by-ls",
                (line, "ls"),
                "`ls` shows that a file is there, not that the backup can be restored",
                "read it through: `pg_restore -f /dev/null FILE` (custom format), or restore it into a scratch database",
            );
        }
        backup |= dumps;
        if program == "pg_restore" && pattern!(r"[\w_]\*[\w.]*").is_match(&command) {
            report.add(
                Severity::Warning,
                "glob-in-restore",
                (line, "*"),
                "a pattern that matches two dumps breaks the restore",
                "name the one file to restore",
            );
        }
        if program == "grep"
            && !command.contains('|')
            && pattern!(r"(?i)error|fail|exception|fatal").is_match(&command)
        {
            report.add(
                Severity::Info,
                "grep-exits-1",
                (line, "grep"),
                "`grep` exits with 1 when nothing is found, which here means that all is well",
                "write `! grep …`, or say `expect=\"exit == 1\"`",
            );
        }
    }
}

/// A command that waits in an editor, and how it is said without one.
fn opens_an_editor(program: &str, command: &str) -> Option<(&'static str, &'static str)> {
    let has = |flags: &[&str]| {
        command.split_whitespace().any(|word| {
            flags
                .iter()
                .any(|flag| word == *flag || word.starts_with(&format!("{flag}=")))
        })
    };
    let says_message = pattern!(
        r"\s-[a-zA-Z]*[mFC](?:\s|[\x22'\w])|\s--(?:message|file|reuse-message|fixup|squash)\b"
    )
    .is_match(command);
    let with_message = "give the message with `-m`, or leave it as it is with `--no-edit`";
    let by_command = "change it by a command (`kubectl patch`, a file that is installed), or mark the block `.manual`";
    let subcommand = command
        .split_whitespace()
        .skip_while(|word| *word != program)
        .skip(1)
        .find(|word| !word.starts_with('-'))
        .unwrap_or_default();
    match (program, subcommand) {
        ("git", "revert")
            if !has(&[
                "--no-edit",
                "-n",
                "--no-commit",
                "--abort",
                "--continue",
                "--quit",
                "--skip",
            ]) =>
        {
            Some(("git revert", "add `--no-edit`"))
        }
        ("git", "commit") if !says_message && !has(&["--no-edit"]) => {
            Some(("git commit", with_message))
        }
        ("git", "merge") if has(&["--edit", "-e"]) => Some(("git merge", "take `--edit` out")),
        ("git", "rebase") if has(&["-i", "--interactive"]) => Some((
            "git rebase -i",
            "say what is meant without `-i`, or mark the block `.manual`",
        )),
        ("git", "tag") if has(&["-a", "-s"]) && !says_message => {
            Some(("git tag", "give the message with `-m`"))
        }
        ("crontab", _) if has(&["-e"]) => Some((
            "crontab -e",
            "install a file instead: `crontab FILE`, or mark the block `.manual`",
        )),
        ("visudo", _) if !has(&["-c", "--check"]) => Some((
            "visudo",
            "install a file and check it: `visudo -c -f FILE`, or mark the block `.manual`",
        )),
        ("vipw" | "vigr", _) => Some(("vipw", by_command)),
        ("kubectl" | "oc" | "systemctl", "edit") => Some(("edit", by_command)),
        ("patronictl", _)
            if command.contains("edit-config")
                && !has(&["--set", "-s", "--apply", "--pg", "-p"]) =>
        {
            Some((
                "edit-config",
                "say what is set with `--set`, or mark the block `.manual`",
            ))
        }
        _ => None,
    }
}

/// Commands over their continued lines, with the line of their start.
pub(super) fn logical_commands(code: &str) -> Vec<(usize, String)> {
    let mut commands: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (index, line) in shell::lines(code).iter().enumerate() {
        match line.kind {
            LineKind::Command => {
                commands.push((index, line.command().to_owned()));
                inside = true;
            }
            LineKind::Continuation if inside => {
                if let Some((_, command)) = commands.last_mut() {
                    command.push('\n');
                    command.push_str(line.command());
                }
            }
            _ => inside = false,
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::opens_an_editor;
    use crate::runbook::shell;

    #[test]
    fn commands_that_open_an_editor() {
        let opens = |command: &str| opens_an_editor(shell::program(command), command).is_some();
        for command in [
            "git revert HEAD",
            "git revert -m 1 HEAD",
            "git commit",
            "git commit --amend",
            "git commit -a",
            "git rebase -i HEAD~3",
            "git tag -a v7",
            "crontab -e",
            "sudo crontab -u shop -e",
            "sudo visudo",
            "kubectl edit deployment/shop",
            "sudo systemctl edit shop",
        ] {
            assert!(opens(command), "{command}");
        }
        for command in [
            "git revert --no-edit HEAD",
            "git revert --abort",
            "git commit -m 'one'",
            "git commit -am 'one'",
            "git commit --amend --no-edit",
            "git commit -F note.txt",
            "git commit --message=one",
            "git rebase main",
            "git tag v7",
            "git tag -a v7 -m 'seven'",
            "crontab -l",
            "visudo -c -f shop.sudoers",
            "kubectl get deployment/shop",
        ] {
            assert!(!opens(command), "{command}");
        }
    }
}
