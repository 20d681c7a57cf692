//! `gonogo check GUIDE…`: what was understood, and what is wrong.

use super::print;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Args;

use super::{Exit, open};
use crate::runbook::diagnostic::{Diagnostic, Severity, render};
use crate::runbook::{Actor, Role, Runbook, check_document};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[arg(required = true)]
    guides: Vec<PathBuf>,
    /// Print JSON: one document, or an array of them for several guides.
    #[arg(long)]
    json: bool,
}

pub(super) fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let mut documents = Vec::new();
    let mut errors = 0;
    for path in &arguments.guides {
        let bytes = open::read_guide(path)?;
        let file = path.display().to_string();
        let (config, config_path) = open::read_config(path)?;
        let mut runbook = open::understand(path, &bytes, &config, config_path.as_deref());
        open::check_conditions(&mut runbook, &bytes, &config);
        check_shell_syntax(&mut runbook);
        runbook
            .diagnostics
            .sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        errors += open::errors(&runbook.diagnostics);
        if arguments.json {
            documents.push(check_document(&runbook));
        } else {
            let source = String::from_utf8_lossy(&bytes);
            print::remark(&render(&runbook.diagnostics, &file, &source));
            print::out(&summary(&runbook))?;
        }
    }
    if arguments.json {
        match documents.as_slice() {
            [only] => print::json(only)?,
            several => print::json(&several)?,
        }
    }
    Ok(if errors > 0 { Exit::Guide } else { Exit::Done })
}

/// What was understood, for a person.
fn summary(runbook: &Runbook) -> String {
    let mut text = format!("{}: {}\n", runbook.file, runbook.title);
    if let Some(damage) = &runbook.repaired {
        text += &format!("  repaired: {damage}\n");
    }
    for phase in runbook.walk() {
        text += &format!("  line {:>4}  {}\n", phase.line, phase.title);
        for step in &phase.steps {
            if step.title != phase.title {
                text += &format!("  line {:>4}    {}\n", step.line, step.title);
            }
            for block in step
                .blocks
                .iter()
                .filter_map(|number| runbook.block(*number))
            {
                let role = serde_json::to_value(block.role).unwrap_or_default();
                text += &format!(
                    "  line {:>4}      {} {}: {}\n",
                    block.line,
                    block.lang.as_deref().unwrap_or("-"),
                    role.as_str().unwrap_or_default(),
                    block.why
                );
            }
        }
    }
    for option in &runbook.rollback {
        let title = option.title.to_lowercase();
        let advice = match (option.recommended, &option.discouraged) {
            // The author's heading says it.
            (true, _) if title.contains("recommended") => "",
            (true, _) => " (recommended)",
            (_, Some(_)) => " (discouraged)",
            _ => "",
        };
        text += &format!(
            "  line {:>4}  way back: {}{advice}\n",
            option.line, option.title
        );
    }
    let count = |severity| {
        runbook
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    };
    text += &format!(
        "  {}, {}, {}\n",
        open::counted(runbook.blocks.len(), "block"),
        open::counted(count(Severity::Error), "error"),
        open::counted(count(Severity::Warning), "warning"),
    );
    text
}

/// `bash -n` over every shell block that may run: half a block that ran before its syntax error is
/// the worst of both. Nothing is executed.
fn check_shell_syntax(runbook: &mut Runbook) {
    let mut found = Vec::new();
    for block in &runbook.blocks {
        let runs = matches!(block.role, Role::Run) && block.actor == Actor::Shell;
        if !runs {
            continue;
        }
        match bash_objection(&block.code) {
            Ok(None) => {}
            Ok(Some((line, message))) => found.push(Diagnostic {
                severity: Severity::Error,
                code: "shell-syntax".to_owned(),
                line: block.code_line + line.saturating_sub(1),
                column: 1,
                width: 1,
                message,
                help: "the block would stop here after running what stands before it".to_owned(),
            }),
            Err(error) => {
                found.push(Diagnostic {
                    severity: Severity::Info,
                    code: "no-bash".to_owned(),
                    line: block.line,
                    column: 1,
                    width: 1,
                    message: format!(
                        "shell syntax is not checked: bash cannot be started ({error})"
                    ),
                    help: "install bash".to_owned(),
                });
                break;
            }
        }
    }
    runbook.diagnostics.extend(found);
}

fn bash_objection(code: &str) -> std::io::Result<Option<(usize, String)>> {
    let mut bash = Command::new("bash")
        .args(["--norc", "-n"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = bash.stdin.take() {
        match input.write_all(code.as_bytes()) {
            // It stopped reading at the error.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    let output = bash.wait_with_output()?;
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("bash refuses it").to_owned();
    // `bash: line 3: syntax error near …`
    let rest = first
        .split_once("line ")
        .map(|(_, rest)| rest)
        .unwrap_or(&first);
    let line = rest
        .split(':')
        .next()
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(1);
    let message = rest
        .split_once(": ")
        .map_or(first.as_str(), |(_, message)| message);
    Ok(Some((line, message.to_owned())))
}
