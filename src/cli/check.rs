//! `gonogo check GUIDE…`: what was understood, and what is wrong.

use super::print;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;

use super::exit::Trouble;
use super::shell_syntax::{self, Objection, Said};
use super::{Exit, configuration, open};
use crate::runbook::diagnostic::{Diagnostic, Severity, render};
use crate::runbook::{
    Actor, Block, FINDINGS, RULES, Role, Rule, Runbook, check_document, closest, decoded, finding,
    findings_page, rule_named, rules_page, settle_findings,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[arg(required_unless_present = "explain")]
    guides: Vec<PathBuf>,
    /// Print what a finding or a rule of the reader means, by its name; `all` prints every finding,
    /// `rules` every rule.
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
    /// Print JSON: one document, or an array of them for several guides.
    #[arg(long)]
    json: bool,
}

pub(super) fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    if let Some(code) = &arguments.explain {
        return explain(code);
    }
    let mut checked = read_all(&arguments.guides)?;
    check_shell_syntax(&mut checked);
    let mut errors = 0;
    for guide in &mut checked {
        let diagnostics = &mut guide.runbook.diagnostics;
        diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        errors += open::errors(diagnostics);
        if !arguments.json {
            let source = decoded(&guide.bytes);
            let runbook = &guide.runbook;
            print::remark(&render(&runbook.diagnostics, &runbook.file, &source));
            print::out(&summary(runbook))?;
        }
    }
    if arguments.json {
        let documents: Vec<_> = checked
            .iter()
            .map(|guide| check_document(&guide.runbook))
            .collect();
        match documents.as_slice() {
            [only] => print::json(only)?,
            several => print::json(&several)?,
        }
    }
    // The process ends here: to take a large guide to pieces first costs a tenth of reading it.
    std::mem::forget(checked);
    Ok(if errors > 0 { Exit::Guide } else { Exit::Done })
}

/// What a finding or a rule means.
fn explain(code: &str) -> color_eyre::Result<Exit> {
    let page = match code {
        "all" => Some(findings_page()),
        "rules" => Some(rules_page()),
        _ => rule_named(code).map(Rule::explained),
    };
    if let Some(page) = page {
        print::out(&page)?;
        return Ok(Exit::Done);
    }
    let Some(found) = finding(code) else {
        let rules = RULES.iter().map(|rule| rule.id);
        let codes: Vec<&str> = FINDINGS
            .iter()
            .map(|known| known.code)
            .chain(rules)
            .collect();
        let help = match closest(code, &codes) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`--explain all` lists the findings, `--explain rules` the rules".to_owned(),
        };
        return Err(Trouble::usage(
            format!("unknown finding or rule `{code}`"),
            help,
        ));
    };
    let severity = serde_json::to_value(found.severity).unwrap_or_default();
    let severity = severity.as_str().unwrap_or_default();
    print::out(&format!("{severity}[{}]: {}\n", found.code, found.meaning))?;
    Ok(Exit::Done)
}

/// A guide as it was read.
struct Checked {
    bytes: Vec<u8>,
    runbook: Runbook,
}

/// Reads all guides, as many at a time as there are cores.
fn read_all(guides: &[PathBuf]) -> color_eyre::Result<Vec<Checked>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let read = || {
        let mut read = Vec::new();
        while let Some((index, path)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            guides.get(index).map(|path| (index, path))
        } {
            read.push((index, read_one(path)));
        }
        read
    };
    let mut all = std::thread::scope(|scope| {
        let readers: Vec<_> = (1..cores.min(guides.len()))
            .map(|_| scope.spawn(read))
            .collect();
        let mut all = read();
        for reader in readers {
            match reader.join() {
                Ok(more) => all.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, checked)| checked).collect()
}

fn read_one(path: &Path) -> color_eyre::Result<Checked> {
    let bytes = open::read_guide(path)?;
    let (config, file) = configuration::read(path)?;
    let mut runbook = open::understand(path, &bytes, &config, file.as_ref());
    open::check_conditions(&mut runbook, &bytes, &config);
    Ok(Checked { bytes, runbook })
}

/// What was understood, for a person.
fn summary(runbook: &Runbook) -> String {
    let mut text = format!("{}: {}\n", runbook.file, runbook.title);
    if let Some(damage) = &runbook.repaired {
        text += &format!("  repaired: {damage}\n");
    }
    if !runbook.phases_why.is_empty() {
        text += &format!("  phases {}\n", runbook.phases_why);
    }
    for phase in runbook.walk() {
        text += &format!("  line {:>4}  {}\n", phase.line, phase.title);
        for step in &phase.steps {
            if step.title != phase.title {
                text += &format!("  line {:>4}    {}\n", step.line, step.title);
            }
            text += &blocks_of(runbook, &step.blocks);
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
            "  line {:>4}  rollback: {}{advice}\n",
            option.line, option.title
        );
        for step in &option.steps {
            if step.title != option.title {
                text += &format!("  line {:>4}    {}\n", step.line, step.title);
            }
            text += &blocks_of(runbook, &step.blocks);
        }
    }
    for section in &runbook.references {
        if !section.blocks.is_empty() {
            text += &format!(
                "  line {:>4}  beside the walk: {}\n",
                section.line, section.title
            );
            text += &blocks_of(runbook, &section.blocks);
        }
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

fn blocks_of(runbook: &Runbook, numbers: &[usize]) -> String {
    let blocks = numbers.iter().filter_map(|number| runbook.block(*number));
    let line = |block: &Block| {
        let role = serde_json::to_value(block.role).unwrap_or_default();
        format!(
            "  line {:>4}      {} {}: {}\n",
            block.line,
            block.lang.as_deref().unwrap_or("-"),
            role.as_str().unwrap_or_default(),
            block.why
        )
    };
    blocks.map(line).collect()
}

/// What bash says about every shell block that may run.
fn check_shell_syntax(checked: &mut [Checked]) {
    let mut places = Vec::new();
    let mut codes = Vec::new();
    for (index, guide) in checked.iter().enumerate() {
        for (line, code) in shell_code(&guide.runbook) {
            places.push((index, line));
            codes.push(code);
        }
    }
    let mut found = Vec::new();
    let mut lines: Option<(usize, Vec<String>)> = None;
    match shell_syntax::objections(&codes) {
        Ok(said) => {
            for ((index, line), said) in places.into_iter().zip(said) {
                match said {
                    Said::Nothing => {}
                    Said::Unasked => {
                        let message = format!(
                            "the shell syntax from here on is not checked: {} other blocks were",
                            shell_syntax::MOST
                        );
                        let help = "check fewer guides at a time, or a shorter one";
                        found.push((index, note("shell-unchecked", line, message, help)));
                        break;
                    }
                    Said::Objection(objection) => {
                        let (_, lines) = match &mut lines {
                            Some(known) if known.0 == index => known,
                            lines => {
                                let text = decoded(&checked[index].bytes);
                                lines.insert((index, text.lines().map(str::to_owned).collect()))
                            }
                        };
                        found.push((index, syntax(line, &objection, lines)));
                    }
                }
            }
        }
        Err(error) => found.extend(places.first().map(|(index, line)| {
            let message = format!("shell syntax is not checked: {error}");
            let help = "install bash, and see that the folder for temporary files can be written";
            (*index, note("no-bash", *line, message, help))
        })),
    }
    for (index, diagnostic) in found {
        checked[index].runbook.diagnostics.push(diagnostic);
    }
    for guide in checked {
        settle_findings(&mut guide.runbook, &decoded(&guide.bytes));
    }
}

/// Shell code that may run, with the line where it begins: whole blocks, and the parts of those that
/// run part by part. Blanks make no sense to a shell before they are filled in.
fn shell_code(runbook: &Runbook) -> impl Iterator<Item = (usize, &str)> {
    runbook.blocks.iter().flat_map(|block| {
        let whole = (block.role == Role::Run && block.actor == Actor::Shell)
            .then_some((block.code_line, block.code.as_str()));
        let parts = block
            .parts
            .iter()
            .filter(|part| {
                block.role == Role::Split && part.role == Role::Run && part.actor == Actor::Shell
            })
            .map(|part| (part.line, part.code.as_str()));
        whole.into_iter().chain(parts)
    })
}

fn syntax(first: usize, objection: &Objection, lines: &[String]) -> Diagnostic {
    let line = first + objection.line - 1;
    let text = lines.get(line - 1).map_or("", String::as_str);
    let indent = text
        .chars()
        .take_while(|character| character.is_whitespace())
        .count();
    let (severity, help) = if objection.stops {
        (
            Severity::Error,
            "the block would stop here after running what comes before it",
        )
    } else {
        (
            Severity::Warning,
            "bash takes everything after it as its text; end it with that word alone on a line, with no leading spaces",
        )
    };
    Diagnostic {
        severity,
        code: "shell-syntax".to_owned(),
        line,
        column: indent + 1,
        width: text.trim().chars().count().max(1),
        message: objection.message.clone(),
        help: help.to_owned(),
        also: Vec::new(),
    }
}

fn note(code: &str, line: usize, message: String, help: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Info,
        code: code.to_owned(),
        line,
        column: 1,
        width: 1,
        message,
        help: help.to_owned(),
        also: Vec::new(),
    }
}
