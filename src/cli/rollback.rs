//! `gonogo rollback RUN`: the rollback without the cockpit. Nothing is started, not even a supervisor,
//! before somebody has said so: at the prompt, or with the arguments.

use super::print;
use super::print::say;
use std::io::{BufRead, IsTerminal};

use clap::Args;

use super::by_hand::Prompt;
use super::exit::Trouble;
use super::rollback_view::{Files, digests, files_of, show, show_files, show_so_far};
use super::session::{self, Joined};
use super::{Exit, identity, kept, trust, unattended};
use crate::api::Seat;
use crate::run::{
    Command, Mode, Policy, Preview, RollbackPlan, RunState, World, action_title, is_armed,
    plans_in_the_world, preview, rollback_plans, same_person,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run; without it the newest that is under way.
    run: Option<String>,
    /// The rollback to take; without it the one that was begun, or the recommended one.
    #[arg(long, value_name = "NAME")]
    option: Option<String>,
    /// The word that confirms it (see `gonogo plan`); the default is to ask at the terminal.
    #[arg(long, value_name = "WORD")]
    confirm: Option<String>,
    /// If the rollback is stuck: run what failed again, and continue.
    #[arg(long, group = "how")]
    retry: bool,
    /// If the rollback is stuck: skip the step that failed, and continue.
    #[arg(long, value_name = "REASON", group = "how")]
    skip: Option<String>,
    /// Restart a rollback from its first action: what has passed runs a second time.
    #[arg(long, group = "how")]
    anew: bool,
    /// Why, for the report.
    #[arg(long)]
    reason: Option<String>,
    /// Print the final status as one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    takeover: session::Takeover,
}

/// A run as it stands, and its supervisor where it has one.
struct Seen {
    state: RunState,
    you: String,
    /// Kept as long as it is looked at.
    joined: Option<Joined>,
    /// What its supervisor sees of the world.
    world: World,
}

impl Seen {
    fn seat(&self) -> Option<&Seat> {
        self.joined.as_ref().map(|joined| &joined.seat)
    }
}

/// What was agreed to.
enum Agreed {
    /// The commands to send, in this order.
    Do(Vec<Command>),
    /// It goes on by itself, once it has a supervisor.
    GoOn,
}

pub(super) async fn main(arguments: Arguments) -> color_eyre::Result<Exit> {
    let run = session::choose_in_time(arguments.run.as_deref()).await?;
    let seen = look(&run, arguments.takeover).await?;
    say!("run {run}: {}", crate::report::sentence(&seen.state));
    trust::require_for_run(&seen.state)?;
    let agreed = agree(&arguments, &seen).await?;
    let client = session::connect(&run).await?;
    let mut joined = match seen.joined.and_then(Joined::catches_up) {
        Some(joined) => joined,
        // There was no supervisor yet, or it has ended since.
        None => Joined::join(&client).await?,
    };
    // Whoever asks for the rollback at a prompt takes the controls, visibly: it waits for nobody.
    let reason = match &arguments.reason {
        Some(reason) => format!("`gonogo rollback`: {reason}"),
        None => "`gonogo rollback`".to_owned(),
    };
    joined.takes_controls(&reason, true).await?;
    let commands = match agreed {
        Agreed::Do(commands) => commands,
        Agreed::GoOn => Vec::new(),
    };
    for command in commands {
        joined.does(command).await?;
    }
    let mut policy: Policy = unattended::policy_of(&joined.state, true);
    policy.assume = false;
    let prompt = Prompt::at_terminal();
    let exit = unattended::go(&run, joined, policy, prompt, arguments.json).await?;
    if exit == Exit::Failed {
        say!(
            "run {run}: {}",
            crate::report::sentence(&kept::read(&run).await?.state)
        );
    }
    Ok(exit)
}

/// Looks at a run without starting anything.
async fn look(run: &str, takeover: session::Takeover) -> color_eyre::Result<Seen> {
    if let Some(client) = session::reach(run, takeover).await? {
        let joined = Joined::join(&client).await?;
        return Ok(Seen {
            // A rollback waits for no answer to that.
            world: client.world().await.unwrap_or_default(),
            state: joined.state.clone(),
            you: joined.me.clone(),
            joined: Some(joined),
        });
    }
    Ok(Seen {
        state: kept::read(run).await?.state,
        you: identity::me(),
        joined: None,
        world: World::default(),
    })
}

/// Shows what would be done and asks for it.
async fn agree(arguments: &Arguments, seen: &Seen) -> color_eyre::Result<Agreed> {
    let state = &seen.state;
    let begun = state.rollback.as_ref().map(|begun| begun.option.as_str());
    let wanted = arguments.option.as_deref();
    let same = begun.is_some_and(|begun| wanted.is_none_or(|wanted| wanted == begun));
    if state.mode == Mode::RollingBack {
        return go_on(arguments, seen, same);
    }
    let goes_on_there = arguments.retry || arguments.skip.is_some();
    if goes_on_there && !(same && state.mode == Mode::Stuck) {
        return Err(Trouble::usage(
            "that rollback is not stuck: there is nothing to retry or to skip",
            "leave `--retry` and `--skip` out",
        ));
    }
    let mut anew = arguments.anew;
    if state.mode == Mode::Stuck {
        show_so_far(state);
        if same && !anew {
            match how(arguments, state)? {
                How::Anew => anew = true,
                how => return stuck(arguments, seen, how).await,
            }
        }
    }
    let plans = plans_in_the_world(state, seen.world.readiness.as_ref());
    let stuck = begun.filter(|_| state.mode == Mode::Stuck);
    let plan = choose(&plans, wanted.or(stuck))?;
    begin(arguments, seen, plan, anew).await
}

/// The rollback is under way already.
fn go_on(arguments: &Arguments, seen: &Seen, same: bool) -> color_eyre::Result<Agreed> {
    if !same || arguments.retry || arguments.skip.is_some() || arguments.anew {
        return Err(Trouble::usage(
            "a rollback is already running",
            "wait for its end, or `gonogo attach` to cancel what it runs",
        ));
    }
    show_so_far(&seen.state);
    say_driver(seen);
    if seen.joined.is_none() {
        say!("  NO SUPERVISOR: it does not continue until it has one");
    }
    let plans = rollback_plans(&seen.state);
    let begun = seen.state.rollback.as_ref();
    let plan = choose(&plans, begun.map(|begun| begun.option.as_str()))?;
    // Who confirmed its beginning with a word may give that again.
    let word = plan
        .confirm
        .clone()
        .filter(|word| arguments.confirm.as_ref() == Some(word))
        .unwrap_or_else(|| "yes".to_owned());
    confirmed(arguments, &word, "to go on with it")?;
    Ok(Agreed::GoOn)
}

/// Begins a rollback from its first action.
async fn begin(
    arguments: &Arguments,
    seen: &Seen,
    plan: &RollbackPlan,
    anew: bool,
) -> color_eyre::Result<Agreed> {
    let state = &seen.state;
    let named = plan
        .actions
        .iter()
        .filter(|action| !action.files.is_empty())
        .map(|action| action.action);
    let files = files_of(seen.seat(), state, named).await;
    show(plan, state, &files, &seen.world);
    say_driver(seen);
    let again = state.would_run_again(&plan.option);
    if !again.is_empty() && !anew {
        let titles: Vec<String> = again
            .iter()
            .map(|(step, action)| format!("`{}`", action_title(&state.runbook, step, *action)))
            .collect();
        say!("  would run a second time: {}", titles.join(", "));
        if !std::io::stdin().is_terminal() {
            return Err(Trouble::usage(
                "this rollback was begun before; nothing was changed",
                "give `--anew` to begin it from its first action",
            ));
        }
        let typed = line("type `anew` to begin it from its first action: ")?;
        if typed.trim() != "anew" {
            return Err(not_confirmed("anew"));
        }
    }
    let word = plan.confirm.clone().unwrap_or_else(|| "yes".to_owned());
    confirmed(arguments, &word, "to begin")?;
    Ok(Agreed::Do(vec![Command::Rollback {
        option: plan.option.clone(),
        hash: plan.hash.clone(),
        typed: plan.confirm.as_ref().map(|_| word),
        reason: arguments.reason.clone(),
        included: digests(&files),
    }]))
}

/// How a stuck rollback goes on.
enum How {
    Retry,
    Skip(String),
    Anew,
}

fn how(arguments: &Arguments, state: &RunState) -> color_eyre::Result<How> {
    if arguments.retry {
        return Ok(How::Retry);
    }
    if let Some(reason) = &arguments.skip {
        return Ok(How::Skip(reason.clone()));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Trouble::usage(
            "the rollback is stuck: say how to continue; nothing was changed",
            "give `--retry`, `--skip REASON`, `--anew` (what has passed runs a second time), or \
             another rollback with `--option`",
        ));
    }
    if let Some((step, action)) = state.stuck_at() {
        let title = action_title(&state.runbook, step, action);
        say!("  `retry`        runs `{title}` again, and continues");
        say!(
            "  `skip REASON`  skips the step `{}`, and continues",
            step.title
        );
    }
    say!("  `anew`         begins it from its first action: what has passed runs a second time");
    let typed = line("which? ")?;
    let typed = typed.trim();
    match typed.split_once(' ').unwrap_or((typed, "")) {
        ("retry", "") => Ok(How::Retry),
        ("anew", "") => Ok(How::Anew),
        ("skip", reason) if !reason.trim().is_empty() => Ok(How::Skip(reason.trim().to_owned())),
        _ => Err(Trouble::usage(
            "unknown answer; nothing was changed",
            "type `retry`, `skip` and why, or `anew`",
        )),
    }
}

/// Goes on where the rollback is stuck.
async fn stuck(arguments: &Arguments, seen: &Seen, how: How) -> color_eyre::Result<Agreed> {
    let state = &seen.state;
    let (step, action) = state.stuck_at().ok_or_else(|| {
        Trouble::failed(
            "it has no command left to retry",
            "`--anew` begins it from its first action, `gonogo attach` shows where it stands",
        )
    })?;
    say_driver(seen);
    if let How::Skip(reason) = how {
        return Ok(Agreed::Do(vec![Command::Skip {
            step: step.id.clone(),
            reason,
            action: None,
        }]));
    }
    let shown =
        preview(state, action).map_err(|refusal| Trouble::failed(refusal.message, refusal.help))?;
    let files = files_of(seen.seat(), state, [action]).await;
    say!(
        "retry: {}  [{}]",
        action_title(&state.runbook, step, action),
        shown.target
    );
    shown.command.lines().for_each(|line| say!("      {line}"));
    files.values().for_each(show_files);
    if let Some(word) = &shown.confirm {
        confirmed(arguments, word, "to run it again")?;
    }
    Ok(Agreed::Do(retry(arguments, state, shown, &files)))
}

fn retry(arguments: &Arguments, state: &RunState, shown: Preview, files: &Files) -> Vec<Command> {
    let action = shown.action;
    let arm = (!is_armed(state, &shown)).then(|| Command::Arm {
        action,
        hash: shown.hash.clone(),
    });
    let start = Command::Start {
        from: None,
        action,
        hash: shown.hash,
        typed: shown.confirm,
        reason: arguments.reason.clone(),
        included: digests(files).and_then(|mut digests| digests.remove(&action)),
    };
    arm.into_iter().chain([start]).collect()
}

fn say_driver(seen: &Seen) {
    let driver = &seen.state.driver;
    if !same_person(driver, &seen.you) {
        say!(
            "  `{driver}` drives this run; rolling back takes the controls, and the report says so"
        );
    }
}

fn choose<'a>(
    plans: &'a [RollbackPlan],
    wanted: Option<&str>,
) -> color_eyre::Result<&'a RollbackPlan> {
    let names = || {
        plans
            .iter()
            .map(|plan| format!("`{}`", plan.option))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match wanted {
        Some(name) => plans
            .iter()
            .find(|plan| plan.option == name)
            .ok_or_else(|| {
                Trouble::usage(
                    format!("there is no rollback `{name}`"),
                    format!("choose {}", names()),
                )
            }),
        None => plans.first().ok_or_else(|| {
            Trouble::usage(
                "the guide has no rollback",
                "roll back by hand, and note what you did",
            )
        }),
    }
}

/// The word was given with the arguments, or is asked for.
fn confirmed(arguments: &Arguments, word: &str, what_for: &str) -> color_eyre::Result<()> {
    let typed = match &arguments.confirm {
        Some(typed) => typed.clone(),
        None if std::io::stdin().is_terminal() => line(&format!("type `{word}` {what_for}: "))?,
        None => {
            return Err(Trouble::usage(
                "no terminal to confirm it on; nothing was changed",
                format!("give `--confirm {word}`"),
            ));
        }
    };
    if typed.trim() == word {
        return Ok(());
    }
    Err(not_confirmed(word))
}

fn not_confirmed(word: &str) -> color_eyre::Report {
    Trouble::usage(
        "not confirmed; nothing was changed",
        format!("type `{word}`"),
    )
}

fn line(question: &str) -> color_eyre::Result<String> {
    print::remark(question);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
