//! Red flags that are up, as grave as the guide says, each with its clock: alerts that nobody has acknowledged,
//! red flags that a gate found to be so, and checks that failed in a window in which the deployment is
//! watched. Nothing is done about them by itself: what the guide says to do is offered.

use chrono::TimeDelta;

use super::{Alert, Outcome, RunState, StepStatus, Timestamp, Verdict};
use crate::runbook::{Graded, Phase, Step};

/// A red flag that is up.
#[derive(Clone, Debug, PartialEq)]
pub struct Flag {
    pub text: String,
    /// The phase that it is of, by id.
    pub phase: String,
    pub since: Timestamp,
    /// `None` where the guide says nothing of how grave it is.
    pub graded: Option<Graded>,
    /// The alert that it is.
    pub alert: Option<u64>,
}

impl Flag {
    /// When what the guide says is to be done at the latest.
    pub fn due(&self) -> Option<Timestamp> {
        let within = i64::try_from(self.graded.as_ref()?.severity.within_s?).ok()?;
        self.since
            .checked_add_signed(TimeDelta::try_seconds(within)?)
    }

    /// The guide says to roll back because of it.
    pub fn rolls_back(&self) -> bool {
        let graded = self.graded.as_ref();
        graded.is_some_and(|graded| graded.severity.rolls_back)
    }

    /// How grave it is by the guide: `P0: roll back immediately`.
    pub fn severity_words(&self) -> Option<String> {
        let graded = self.graded.as_ref()?;
        let severity = &graded.severity;
        let label = match severity.label.as_str() {
            "" => "the guide says".to_owned(),
            label => label.to_owned(),
        };
        let because = graded.because.as_ref();
        let because = because.map_or_else(String::new, |because| format!(" ({because})"));
        Some(format!("{label}: {}{because}", severity.words))
    }
}

impl RunState {
    /// The red flags that are up, the gravest in front, then the oldest.
    pub fn flags(&self) -> Vec<Flag> {
        if self.mode.is_over() {
            return Vec::new();
        }
        let mut flags: Vec<Flag> = self
            .open_alerts()
            .map(|alert| self.of_alert(alert))
            .collect();
        for phase in self.walked() {
            flags.extend(self.of_criteria(phase));
            let is_watched = self.soaks_of(phase).next().is_some();
            if is_watched && !self.is_phase_passed(&phase.id) {
                flags.extend(
                    phase
                        .steps
                        .iter()
                        .filter_map(|step| self.of_step(phase, step)),
                );
            }
        }
        flags.sort_by_key(|flag| {
            let graded = flag.graded.as_ref();
            let rank = graded.map_or(usize::MAX, |graded| graded.severity.rank);
            (rank, flag.since)
        });
        flags
    }

    fn of_alert(&self, alert: &Alert) -> Flag {
        let mut said = format!("{} {}", alert.pattern, alert.text);
        for item in self.expectations_of(alert.action) {
            said.push(' ');
            said.push_str(&item.text);
        }
        let phase = self.runbook.phase(&alert.phase);
        // The red flag of the guide that quotes what was seen.
        let flags = phase.into_iter().flat_map(|phase| &phase.criteria);
        for item in flags.filter(|item| item.red_flag && item.text.contains(&alert.pattern)) {
            said.push(' ');
            said.push_str(&item.text);
        }
        Flag {
            graded: self.runbook.graded(
                &said,
                self.code_of(alert.action).map_or("", |(code, _)| code),
            ),
            text: self.alert_words(alert),
            phase: alert.phase.clone(),
            since: alert.first_at,
            alert: Some(alert.id),
        }
    }

    /// Red flags of a gate that are so: before it is passed, or found since.
    fn of_criteria(&self, phase: &Phase) -> Vec<Flag> {
        let Some(own) = self.phases.get(&phase.id) else {
            return Vec::new();
        };
        let passed = own.gate.as_ref().filter(|_| own.is_passed());
        let found = |line: &usize| {
            let known = own.criteria.get(line)?;
            let is_news = passed.is_none_or(|gate| known.at > gate.at);
            (known.judgement.verdict == Verdict::Fail && is_news).then_some(known)
        };
        let items = self.gate_items(phase).into_iter();
        items
            .filter(|item| item.red_flag)
            .filter_map(|item| {
                let known = found(&item.line)?;
                Some(Flag {
                    text: item.text.clone(),
                    phase: phase.id.clone(),
                    since: known.at,
                    graded: self.runbook.graded(&item.text, ""),
                    alert: None,
                })
            })
            .collect()
    }

    /// A check of a watched phase that failed.
    fn of_step(&self, phase: &Phase, step: &Step) -> Option<Flag> {
        if self.step_status(step) != StepStatus::Failed {
            return None;
        }
        let failed = |action| Some((action, self.action(action)?.last()?));
        let (action, attempt) = self
            .actions_of(step)
            .into_iter()
            .filter_map(failed)
            .find(|(_, attempt)| attempt.outcome == Some(Outcome::Failed))?;
        let breach = attempt
            .judgements
            .iter()
            .find(|judgement| judgement.verdict == Verdict::Fail)?;
        let code = self.code_of(action).map_or("", |(code, _)| code);
        let said = format!("{} {} {}", step.title, breach.text, breach.explanation);
        Some(Flag {
            text: format!("`{}`: {}: {}", step.title, breach.text, breach.explanation),
            phase: phase.id.clone(),
            since: attempt.ended_at.unwrap_or(attempt.started_at),
            graded: self.runbook.graded(&said, code),
            alert: None,
        })
    }
}
