//! What the dialog of the rollback says about the option that is chosen: when the guide takes it, how long it
//! takes, what it loses and undoes, and what stands in its way.

use super::super::page::Page;
use super::RollBackDialog;
use crate::run::{FoundState, RollbackPlan, action_title};
use crate::ui::dialogs::included::Files;
use crate::ui::format::{duration, estimate, minute, seconds_between};
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::view::Look;

impl RollBackDialog {
    pub(super) fn about(&self, plan: &RollbackPlan, look: &Look<'_>, page: &mut Page<'_>) {
        self.advice(plan, look, page);
        time(plan, look, page);
        losses(plan, page);
        undoes(plan, page);
        self.loss_now(plan, page);
        runs_again(plan, look, page);
        found(plan, look, page);
        self.in_the_way(plan, look, page);
    }

    /// What the guide says of when it is taken.
    fn advice(&self, plan: &RollbackPlan, look: &Look<'_>, page: &mut Page<'_>) {
        let run = look.run();
        if self.changed {
            page.say(
                "IT HAS CHANGED since you looked: this is what would run now".to_owned(),
                Role::Alarm,
            );
        }
        if let Some(against) = &plan.discouraged {
            page.say(
                format!("the guide advises against it: {against}"),
                Role::Warning,
            );
        }
        if let Some(when) = &plan.only_if {
            page.say(
                format!("the guide says when: {}", plain(when)),
                Role::Warning,
            );
        }
        if !run.runbook.triggers.is_empty() {
            let triggers = plain(&run.runbook.triggers.join("; "));
            page.say(
                format!("the guide rolls back when: {triggers}"),
                Role::Muted,
            );
        }
    }

    /// What it would lose now, by the guide's own query.
    fn loss_now(&self, plan: &RollbackPlan, page: &mut Page<'_>) {
        if let Some(block) = plan.loss_query {
            let (text, role) = match self.losses.get(&block) {
                Some(Some(Ok(loss))) => (format!("would lose now: {loss}"), Role::Destructive),
                Some(Some(Err(why))) => (format!("amount unknown: {why}"), Role::Unknown),
                Some(None) | None => ("reading how much would be lost…".to_owned(), Role::Muted),
            };
            page.say(text, role);
        }
    }

    fn in_the_way(&self, plan: &RollbackPlan, look: &Look<'_>, page: &mut Page<'_>) {
        let run = look.run();
        for warning in &plan.warnings {
            page.say(format!("✗ {warning}"), Role::Alarm);
        }
        for (target, moved) in &run.moved {
            if let Some(known) = run.identities.get(target) {
                page.say(format!("confirmed: {}", known.describe()), Role::Text);
            }
            let now = moved.to.describe();
            page.say(format!("it would run on: {now}"), Role::Alarm);
        }
        if let Some(why) = look.model.out_of_reach(plan) {
            page.say(format!("{why}: it can still begin"), Role::Warning);
        }
        let is_found = |reason: &&String| plan.found.iter().any(|found| found.text == **reason);
        let reasons = plan.reasons.iter().filter(|reason| !is_found(reason));
        for reason in reasons.filter(|_| !plan.ready) {
            page.say(format!("✗ {reason}"), Role::Failed);
        }
        // Said above the commands too: their files may lie below what is in sight.
        for missing in self.files.values().flat_map(Files::missing) {
            page.say(format!("✗ {missing}"), Role::Failed);
        }
    }
}

/// What is cancelled for it, and how long it takes.
fn time(plan: &RollbackPlan, look: &Look<'_>, page: &mut Page<'_>) {
    let run = look.run();
    for (action, _) in run.busy() {
        let title = run.step_of(action).map_or("", |step| step.title.as_str());
        page.say(
            format!("cancelled first: `{}`, which is running", plain(title)),
            Role::Warning,
        );
    }
    if let Some(known) = &plan.measured {
        page.say(
            format!(
                "it took {} in run {} ({})",
                duration(known.seconds),
                known.run,
                known.environment
            ),
            Role::Muted,
        );
    }
    let schedule = look.model.schedule();
    if let (Some(seconds), Some(ends)) = (plan.estimate_s, schedule.window_ends) {
        let done = look.model.now
            + chrono::TimeDelta::try_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
                .unwrap_or_default();
        let (words, role) = if done <= ends {
            ("within the window", Role::Passed)
        } else {
            ("AFTER the window ends", Role::Failed)
        };
        page.say(
            format!(
                "{}: done by about {}, {words}",
                estimate(seconds),
                minute(done)
            ),
            role,
        );
    }
}

fn losses(plan: &RollbackPlan, page: &mut Page<'_>) {
    match &plan.loses {
        Some(loses) => page.say(format!("loses: {}", plain(loses)), Role::Destructive),
        None => page.say(
            match plan
                .actions
                .iter()
                .any(|action| !action.destructive.is_empty())
            {
                true => "the guide does not say what is lost; what is destroyed is listed below",
                false => "the guide names nothing that is lost",
            }
            .to_owned(),
            Role::Muted,
        ),
    }
    if let Some(loss) = &plan.loss {
        let role = match (loss.tables.is_empty(), loss.unknown.is_empty()) {
            (true, true) => Role::Passed,
            (_, false) => Role::Unknown,
            (false, true) => Role::Destructive,
        };
        page.say(plain(&loss.words()), role);
    }
}

fn undoes(plan: &RollbackPlan, page: &mut Page<'_>) {
    let (text, role) = match &plan.takes_back {
        Some(steps) => (format!("undoes: {}", plain(steps)), Role::Text),
        None => (
            "the guide does not say what this undoes".to_owned(),
            Role::Muted,
        ),
    };
    page.say(text, role);
    let (text, role) = match &plan.expects[..] {
        [] => (
            "it has no conditions to check afterwards: it cannot be verified".to_owned(),
            Role::Muted,
        ),
        expects => (
            format!("must be true after it: {}", plain(&expects.join("; "))),
            Role::Text,
        ),
    };
    page.say(text, role);
}

fn runs_again(plan: &RollbackPlan, look: &Look<'_>, page: &mut Page<'_>) {
    let run = look.run();
    let again = run.would_run_again(&plan.option).into_iter();
    let again: Vec<String> = again
        .map(|(step, action)| format!("`{}`", plain(&action_title(&run.runbook, step, action))))
        .collect();
    if !again.is_empty() {
        let instead = match run
            .going_back()
            .is_some_and(|begun| begun.id == plan.option)
        {
            true => "; Esc, then Enter continues at what failed",
            false => "",
        };
        let passed = again.join(", ");
        page.say(
            format!("would run a second time: {passed}{instead}"),
            Role::Warning,
        );
    }
}

/// What was looked up of what it needs.
fn found(plan: &RollbackPlan, look: &Look<'_>, page: &mut Page<'_>) {
    if let Some(looked) = plan.looked_at.filter(|_| !plan.found.is_empty()) {
        let age = duration(seconds_between(looked, look.model.now));
        for found in &plan.found {
            let (mark, role) = match found.state {
                FoundState::Good => ("✓", Role::Passed),
                FoundState::Bad => ("✗", Role::Failed),
                FoundState::Unknown => ("?", Role::Unknown),
            };
            page.say(format!("{mark} {} ({age} ago)", found.text), role);
        }
    }
}
