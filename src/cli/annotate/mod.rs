//! `gonogo annotate GUIDE`: a walk through every block whose role was inferred, in which a person says
//! what it is. What was said is written onto the fences of the guide, or to `gonogo.toml` beside it.
//! Nothing is run and nothing is connected to.

mod draft;
mod job;
mod screen;
mod targets;
mod walk;
mod write;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::exit::Trouble;
use super::{Exit, open, print};
use crate::runbook::annotate::{Answer, Proposal, proposals};
use crate::text::scrub::scrub_line;
use crate::ui::terminal::Guard;
use job::Job;
use walk::{Step, Walk};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The Markdown guide.
    guide: PathBuf,
    /// Keep the answers in `gonogo.toml` and leave the guide as it is.
    #[arg(long)]
    sidecar: bool,
    /// Ask nothing: settle the blocks that are certain and harmless.
    #[arg(long)]
    accept_certain: bool,
    /// Ask about plain content too.
    #[arg(long)]
    all: bool,
    /// Print what would be written as a unified diff, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print what was inferred of each block as one JSON document, and write nothing.
    #[arg(long, conflicts_with_all = ["accept_certain", "dry_run"])]
    json: bool,
}

pub(super) fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let job = Job::read(&arguments.guide, arguments.sidecar, arguments.dry_run)?;
    let proposals = proposals(&job.runbook, job.bytes(), arguments.all);
    if arguments.json {
        print::json(&json!({
            "file": job.file,
            "digest": job.runbook.digest,
            "blocks": proposals,
        }))?;
        return Ok(Exit::Done);
    }
    let errors = open::errors(&job.runbook.diagnostics);
    if errors > 0 {
        print::say!(
            "`{}` has {}; `gonogo check` says where",
            job.file,
            open::counted(errors, "error")
        );
    }
    if proposals.is_empty() {
        print::say!("nothing left to settle in `{}`", job.file);
        return Ok(Exit::Done);
    }
    if arguments.accept_certain {
        return certain(&job, &proposals, arguments);
    }
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err(Trouble::usage(
            "no terminal to ask on (standard input or output is a pipe or a file)",
            "use `gonogo annotate GUIDE --json` to inspect it, or `--accept-certain` to settle what is certain",
        ));
    }
    ask(&job, &proposals)
}

fn fenced(proposals: &[Proposal]) -> impl Fn(usize) -> bool {
    move |block| {
        proposals
            .iter()
            .any(|proposal| proposal.block == block && proposal.fenced)
    }
}

/// Settles without a person what leaves no doubt.
fn certain(job: &Job, proposals: &[Proposal], arguments: &Arguments) -> color_eyre::Result<Exit> {
    if let Some(why) = job.obstacle.as_ref().filter(|_| !arguments.sidecar) {
        return Err(job::not_writable(job, why));
    }
    let mut answers: Vec<Answer> = proposals
        .iter()
        .filter(|proposal| proposal.certain)
        .filter_map(|proposal| {
            Some(Answer {
                block: proposal.block,
                settle: proposal.accept?,
                id: None,
                expect: None,
                undo: None,
            })
        })
        .collect();
    // One that its fence cannot carry is left to a person.
    if job.edits(&answers, &fenced(proposals)).is_err() {
        answers.retain(|answer| {
            job.try_answer(answer, fenced(proposals)(answer.block))
                .is_ok()
        });
    }
    let left = proposals.len() - answers.len();
    let edits = job
        .edits(&answers, &fenced(proposals))
        .map_err(|why| Trouble::failed(why, "settle the blocks one by one"))?;
    if arguments.dry_run {
        show(&edits.diff)?;
    } else if !edits.is_empty() {
        match job.write(&edits) {
            Ok(written) => told(&written),
            Err((file, error)) => {
                print::out(&job.entries(&answers))?;
                return Err(Trouble::failed(
                    format!("`{file}` was not written: {error}"),
                    "try again; what would have been written to `gonogo.toml` is shown above",
                ));
            }
        }
    }
    let settled = open::counted(answers.len(), "block");
    if arguments.dry_run {
        print::say!("{settled} would be settled, {left} left to a person; nothing was written");
    } else {
        print::say!("{settled} settled, {left} left to a person");
    }
    Ok(Exit::Done)
}

/// The walk, until it is written or left.
fn ask(job: &Job, proposals: &[Proposal]) -> color_eyre::Result<Exit> {
    let mut walk = Walk::new(job, proposals);
    let (guard, mut screen) = Guard::take()?;
    let step = loop {
        screen.draw(|frame| screen::draw(&mut walk, frame))?;
        let step = walk.event(&crossterm::event::read()?);
        match step {
            Step::Stay => {}
            Step::Write if !job.look_only => match walk.edits().map(|edits| job.write(&edits)) {
                Ok(Ok(written)) => break Step::Written(written),
                Ok(Err((file, error))) => walk.rescue(&file, &error.to_string()),
                Err(why) => walk.rescue(&job.file, &why),
            },
            Step::KeepBeside => match job.keep_beside(&walk.answers()) {
                Ok(written) => break Step::Written(vec![written]),
                Err(why) => walk.rescue(&job.config_path.display().to_string(), &why),
            },
            other => break other,
        }
    };
    drop(guard);
    match step {
        Step::Written(written) => {
            told(&written);
            print::say!("{} settled", open::counted(walk.answers().len(), "block"));
            Ok(Exit::Done)
        }
        Step::Write => {
            let edits = walk
                .edits()
                .map_err(|why| Trouble::failed(why, "settle the blocks one by one"))?;
            show(&edits.diff)?;
            let settled = open::counted(walk.answers().len(), "block");
            print::say!("{settled} would be settled; nothing was written");
            Ok(Exit::Done)
        }
        Step::Print => {
            print::out(&job.entries(&walk.answers()))?;
            print::say!("nothing was written; add the entries above to `gonogo.toml`");
            Ok(Exit::Failed)
        }
        _ => {
            print::say!("nothing was written");
            Ok(Exit::Failed)
        }
    }
}

fn told(written: &[String]) {
    for file in written {
        print::say!("written: `{file}`");
    }
}

/// A diff on standard output: scrubbed for a terminal, as it is for a program that applies it.
fn show(diff: &[u8]) -> std::io::Result<()> {
    if !std::io::stdout().is_terminal() {
        return print::bytes(diff);
    }
    let text = String::from_utf8_lossy(diff);
    let lines: String = text
        .lines()
        .map(|line| format!("{}\n", scrub_line(line, false)))
        .collect();
    print::out(&lines)
}
