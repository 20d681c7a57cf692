//! `gonogo rehearse GUIDE`: the run's own engine, driven without a person over the same socket that
//! the cockpit uses. Prose goes to standard error, the final status to standard output with `--json`.

mod said;

use super::print;
use super::print::say;
use said::say;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clap::Args;

use super::by_hand::{Prompt, Said};
use super::exit::Trouble;
use super::session::{self, Joined};
use super::{Exit, OpenArguments, open, status, trust};
use crate::api::{Client, CommandAnswer, Message};
use crate::run::{
    ActionId, Asking, Command, Ending, Mode, Next, Policy, RunState, apply, autopilot,
};
use crate::supervisor::SecretState;

/// A measurement that a criterion waits for must come within this time.
const MEASURING: Duration = Duration::from_secs(30);
/// How long another run may hold the target: one that has just ended lets go within this time.
const BLOCKED: Duration = Duration::from_secs(10);
/// A step that asks for keys gets them within this time, from somebody in the cockpit.
const ASKING: Duration = Duration::from_secs(15);
/// Why a walk takes the controls, for the report.
const GOES_ON: &str = "goes on with the walk";
/// The same command refused this often means that it will never be taken.
const REFUSALS: u32 = 20;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    open: OpenArguments,
    /// Roll back at the end, and verify it.
    #[arg(long)]
    rollback: bool,
    /// Also tick what only a person can judge, and commit a held transaction that no condition judges; never in a protected environment. A guide may say so
    /// itself (`rehearsal: assume`).
    #[arg(long)]
    assume: bool,
    /// Print the final status as one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn main(arguments: Arguments) -> color_eyre::Result<Exit> {
    let opened = open::prepare_to_run(&arguments.open)?;
    open::refuse_errors(&opened)?;
    trust::require(opened.provenance.configuration.as_ref())?;
    let assume = arguments.assume || opened.runbook.settings.rehearsal_assumes;
    let run = open::create(opened, true).await?;
    let client = session::connect(&run).await?;
    let policy = Policy {
        assume,
        roll_back: arguments.rollback,
    };
    walk(&run, &client, policy, None, arguments.json).await
}

/// The policy that a revived rehearsal goes on with.
pub(super) fn policy_of(state: &RunState, roll_back: bool) -> Policy {
    Policy {
        assume: state.runbook.settings.rehearsal_assumes,
        roll_back,
    }
}

/// Joins a run, walks it to its end, and says how it ended.
pub(super) async fn walk(
    run: &str,
    client: &Client,
    policy: Policy,
    prompt: Option<Prompt>,
    json: bool,
) -> color_eyre::Result<Exit> {
    let mut joined = Joined::join(client).await?;
    // The walk before this one is gone, or ends at this moment.
    joined.takes_controls(GOES_ON, false).await?;
    go(run, joined, policy, prompt, json).await
}

/// [`walk`], of somebody who drives already.
pub(super) async fn go(
    run: &str,
    joined: Joined,
    policy: Policy,
    prompt: Option<Prompt>,
    json: bool,
) -> color_eyre::Result<Exit> {
    say!("run {run}");
    let (ended, state) = Walk {
        joined,
        policy,
        prompt,
        refused: 0,
        answered: 0,
        measuring: None,
        asking: None,
        secrets_told: BTreeSet::new(),
        unwritten: None,
    }
    .finish()
    .await?;
    let proof = state.rollback_proof();
    let proof = proof.map_or_else(|| "not verified".to_owned(), |proof| proof.words());
    let document = status::document(run).await?;
    if json {
        print::json(&document)?;
    }
    Ok(match ended {
        Finish::Ended(Ending::Done) => {
            say!("done: every gate was passed");
            Exit::Done
        }
        Finish::Ended(Ending::RolledBack) => {
            say!("rolled back, {proof}");
            Exit::RolledBack
        }
        Finish::Ended(Ending::Failed) => {
            say!("no-go; `gonogo report {run}` says why");
            Exit::Failed
        }
        Finish::Ended(Ending::Stuck) => {
            say!("the rollback is stuck");
            say!(
                "  next: `gonogo rollback {run}` or `gonogo attach {run}` goes on where it stopped"
            );
            Exit::Failed
        }
        Finish::Person(why) => {
            say!("waiting for a person: {why}");
            say!("  next: `gonogo attach {run}`");
            Exit::Waiting
        }
    })
}

enum Finish {
    Ended(Ending),
    Person(String),
}

/// What was typed at the prompt; `None` where its input has ended.
type Line = Option<String>;

struct Walk {
    joined: Joined,
    policy: Policy,
    /// Who does by hand what a rollback asks for.
    prompt: Option<Prompt>,
    refused: u32,
    /// The event that the last command ended with; nothing is decided before it is seen here.
    answered: u64,
    measuring: Option<(String, Instant)>,
    /// The running action that asks for keys, since when, and what it says.
    asking: Option<(ActionId, Instant, String)>,
    /// What was said of secrets that are not here.
    secrets_told: BTreeSet<String>,
    /// Why the journal cannot be written.
    unwritten: Option<String>,
}

impl Walk {
    async fn finish(mut self) -> color_eyre::Result<(Finish, RunState)> {
        let ended = self.walk_on().await?;
        Ok((ended, self.joined.state))
    }

    async fn walk_on(&mut self) -> color_eyre::Result<Finish> {
        loop {
            for asking in std::mem::take(&mut self.joined.asked) {
                self.heard_asking(asking);
            }
            let state = &self.joined.state;
            let next = match state.seq >= self.answered {
                true => autopilot(state, self.policy),
                false => Next::Wait,
            };
            if let Some(why) = self.asked_too_long() {
                return Ok(Finish::Person(why));
            }
            let asks = match &mut self.prompt {
                Some(prompt) => prompt.asks(&self.joined.state),
                None => false,
            };
            match next {
                Next::Person(_) | Next::Measure(_) if asks => {}
                Next::Ended(ending) => return Ok(Finish::Ended(ending)),
                Next::Person(why) => return Ok(Finish::Person(why)),
                // What would come by itself cannot be written, so it does not come.
                Next::Wait
                    if self.unwritten.is_some() && self.joined.state.running().is_empty() =>
                {
                    let why = self.unwritten.clone().unwrap_or_default();
                    if self.waited_for(&why) > BLOCKED {
                        return Ok(Finish::Person(why));
                    }
                }
                Next::Wait => self.measuring = None,
                Next::Measure(what) => {
                    let late = self.waited_for(&what) > MEASURING;
                    // A rollback has no gate: a person looks, and ticks it or not.
                    if late && self.goes_back() {
                        return Ok(Finish::Person(format!("not met yet: {what}")));
                    }
                    if late {
                        self.no_go(&what).await?;
                    }
                }
                Next::Blocked(why) => {
                    if self.waited_for(&why) > BLOCKED {
                        return Ok(Finish::Person(why));
                    }
                }
                Next::Do(command) => {
                    self.measuring = None;
                    if let Some(why) = self.command(command).await? {
                        return Ok(Finish::Person(why));
                    }
                }
            }
            if let Some(line) = self.listen().await?
                && let Some(why) = self.answer(&line).await?
            {
                return Ok(Finish::Person(why));
            }
        }
    }

    fn goes_back(&self) -> bool {
        self.joined.state.mode == Mode::RollingBack
    }

    /// What was said at the prompt; why a person is still needed where they leave.
    async fn answer(&mut self, line: &Line) -> color_eyre::Result<Option<String>> {
        let left = "manual items of the rollback are still open".to_owned();
        let (Some(prompt), Some(line)) = (&self.prompt, line) else {
            return Ok(Some(left));
        };
        match prompt.said(&self.joined.state, line) {
            Said::Do(command) => self.command(command).await,
            Said::Again => Ok(None),
            Said::Leave => Ok(Some(left)),
        }
    }

    /// How long this has been waited for without a break.
    fn waited_for(&mut self, what: &str) -> Duration {
        let since = match self.measuring.take() {
            Some((known, since)) if known == what => since,
            _ => Instant::now(),
        };
        self.measuring = Some((what.to_owned(), since));
        since.elapsed()
    }

    /// A criterion that stays unmet decides the gate.
    async fn no_go(&mut self, what: &str) -> color_eyre::Result<()> {
        let command = Command::Gate {
            phase: self.joined.state.current_phase.clone(),
            decision: crate::run::GateDecision::NoGo,
            reason: Some(format!("not met within {} s: {what}", MEASURING.as_secs())),
        };
        self.command(command).await.map(|_| ())
    }

    /// Sends a command. Something that keeps being refused needs a person: why.
    async fn command(&mut self, command: Command) -> color_eyre::Result<Option<String>> {
        match self.joined.asks(command).await? {
            CommandAnswer::Accepted { seq } => {
                self.answered = seq;
                self.refused = 0;
                Ok(None)
            }
            CommandAnswer::Refused(refusal) => {
                self.refused += 1;
                if self.refused > REFUSALS {
                    return Ok(Some(format!("{}; {}", refusal.message, refusal.help)));
                }
                // What it waits for (an identity, say) comes with a later message.
                tokio::time::sleep(Duration::from_millis(250)).await;
                Ok(None)
            }
        }
    }

    /// Takes the next message in, or the next line at the prompt.
    async fn listen(&mut self) -> color_eyre::Result<Option<Line>> {
        // Whoever could answer a step that asks is not here.
        let patience = match &self.asking {
            Some((_, since, _)) => ASKING.saturating_sub(since.elapsed()),
            None if self.unwritten.is_some() => BLOCKED,
            None => Duration::from_secs(3_600),
        };
        // What is said next is about what has come of the last answer.
        let heard = self.joined.state.seq >= self.answered;
        let prompt = &mut self.prompt;
        let line = async {
            match prompt {
                Some(prompt) if heard => prompt.line().await,
                _ => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            message = self.joined.stream.next() => message,
            line = line => return Ok(Some(line)),
            () = tokio::time::sleep(patience) => return Ok(None),
        };
        let Some(message) = message else {
            return Err(Trouble::failed(
                "the supervisor was lost midway",
                "`gonogo runs` lists the run; `gonogo resume RUN` goes on with it",
            ));
        };
        match message {
            Message::Snapshot(snapshot) => {
                let known = self.joined.state.seq;
                let missed = snapshot.state.seq.saturating_sub(known);
                say!("  {missed} events went by unread; the report has them");
                self.joined.state = snapshot.state;
                self.joined.takes_controls(GOES_ON, false).await?;
            }
            Message::Event(record) => {
                apply(&mut self.joined.state, &record);
                say(&self.joined.state, &record.event);
            }
            Message::Asking(asking) => self.heard_asking(asking),
            Message::Health(health) => {
                self.heard_of_secrets(&health.secrets);
                self.unwritten = health.failure;
            }
            _ => {}
        }
        Ok(None)
    }

    /// What is waited for is said once.
    fn heard_of_secrets(&mut self, secrets: &[SecretState]) {
        let mut told = BTreeSet::new();
        for secret in secrets {
            let words = match &secret.failure {
                None => format!("  waits     for secret `{}`", secret.name),
                Some(why) => format!("  secret    {why}"),
            };
            if !self.secrets_told.contains(&words) {
                say!("{words}");
            }
            told.insert(words);
        }
        self.secrets_told = told;
    }

    /// A step that asks for keys is said to: here is nobody who types.
    fn heard_asking(&mut self, asking: Asking) {
        let of_it = self
            .asking
            .as_ref()
            .filter(|(action, ..)| *action == asking.action);
        let Some(prompt) = asking.prompt else {
            if of_it.is_some() {
                self.asking = None;
            }
            return;
        };
        let since = of_it.map_or_else(Instant::now, |(_, since, _)| *since);
        let state = &self.joined.state;
        let step = state.step_of(asking.action);
        let title = step.map(|step| crate::run::action_title(&state.runbook, step, asking.action));
        let what = match (asking.hidden, prompt.as_str()) {
            (true, "") => "hidden input".to_owned(),
            (false, "") => "input".to_owned(),
            (true, prompt) => format!("hidden input: {prompt}"),
            (false, prompt) => format!("input: {prompt}"),
        };
        let words = format!("`{}` waits for {what}", title.unwrap_or_default());
        if of_it.is_none_or(|(_, _, before)| *before != words) {
            say!("  asks      {words}");
        }
        self.asking = Some((asking.action, since, words));
    }

    fn asked_too_long(&mut self) -> Option<String> {
        let (action, since, words) = self.asking.as_ref()?;
        let runs = self.joined.state.action(*action);
        if !runs.is_some_and(|own| own.is_running()) {
            self.asking = None;
            return None;
        }
        (since.elapsed() >= ASKING).then(|| format!("{words}; `I` gives it your keyboard"))
    }
}
