//! Soaks: windows of time in which what was deployed is watched, as the guide has them (`First Hour`,
//! `Ongoing (24-48 hours)`, `Week 1`). They run beside the walk and overlap:
//!
//! ```text
//! not begun ── the steps before it are settled: `SoakBegan` (engine) ──▶ under way
//! under way ── its time is over: `SoakEnded` (engine) ─────────────────▶ over
//! under way ── GO before that, with a reason: `SoakEnded` (person) ────▶ ended early
//! ```
//!
//! A window of the cleanup is counted from the end of the deployment, any other from where the walk reaches
//! it. No gate passes before its windows are over, and what a person answers for a window counts once that
//! is over; a note answers earlier. Time in which nobody watched is listed; of a window that was watched for
//! less than nine tenths nobody can say that it was quiet.

mod rounds;

pub use rounds::EACH_ROUND_S;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{Event, Judgement, Mode, Pause, Record, RunState, Timestamp, Verdict};
use crate::runbook::{Expectation, Phase, Soak, Step};

/// A shorter time without a supervisor is no gap.
const SHORTEST_GAP: TimeDelta = TimeDelta::minutes(1);

/// A window that has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoakState {
    pub began_at: Timestamp,
    pub ends_at: Timestamp,
    pub ended: Option<SoakEnd>,
    /// When nobody watched, oldest first.
    pub gaps: Vec<Gap>,
    /// When its criteria were answered, by their line in the guide.
    #[serde(default)]
    pub answers: BTreeMap<usize, Vec<Timestamp>>,
    /// When its measured criteria did not hold, by their line.
    #[serde(default)]
    pub breaches: BTreeMap<usize, Vec<Breach>>,
}

/// A time in which a criterion did not hold, or could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    pub from: Timestamp,
    /// `None` while it lasts.
    pub to: Option<Timestamp>,
    /// What was seen as it began.
    pub found: String,
    pub measured: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoakEnd {
    pub at: Timestamp,
    pub by: String,
    /// Why a person ended it before its time.
    pub reason: Option<String>,
}

/// A time without a supervisor: at most from the last event before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl SoakState {
    pub(super) fn times(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        let gaps = self.gaps.iter_mut();
        let breaches = self.breaches.values_mut().flatten();
        [&mut self.began_at, &mut self.ends_at]
            .into_iter()
            .chain(self.ended.as_mut().map(|end| &mut end.at))
            .chain(gaps.flat_map(|gap| [&mut gap.from, &mut gap.to]))
            .chain(self.answers.values_mut().flatten())
            .chain(breaches.flat_map(|one| [&mut one.from].into_iter().chain(&mut one.to)))
    }

    /// How long nobody watched, within the window.
    pub fn unwatched(&self) -> TimeDelta {
        let within = |at: Timestamp| at.clamp(self.began_at, self.ends_at);
        let gaps = self.gaps.iter();
        gaps.fold(TimeDelta::zero(), |sum, gap| {
            sum + (within(gap.to) - within(gap.from))
        })
    }

    /// How many of the rounds of a question were answered, and how many there are in the window.
    fn rounds(&self, line: usize, every_s: u64) -> (usize, usize) {
        let rounds = (self.ends_at - self.began_at).num_seconds() / seconds(every_s);
        let answers = self.answers.get(&line).into_iter().flatten();
        let answered: BTreeSet<i64> = answers
            .map(|at| self.round(*at, every_s).clamp(1, rounds.max(1)))
            .collect();
        (answered.len(), usize::try_from(rounds).unwrap_or(0).max(1))
    }

    /// The round that was due last at a time, counted from 1.
    fn round(&self, at: Timestamp, every_s: u64) -> i64 {
        (at - self.began_at).num_seconds() / seconds(every_s)
    }

    /// When a question is to be answered next.
    fn next_round(&self, line: usize, every_s: u64) -> Timestamp {
        let last = self.answers.get(&line).and_then(|answers| answers.last());
        let next = last.map_or(0, |last| self.round(*last, every_s)) + 1;
        next.checked_mul(seconds(every_s))
            .and_then(TimeDelta::try_seconds)
            .and_then(|after| self.began_at.checked_add_signed(after))
            .unwrap_or(self.ends_at)
    }

    /// It was watched for so much of it that its quiet says something.
    fn was_watched(&self) -> bool {
        self.unwatched() * 10 <= self.ends_at - self.began_at
    }
}

impl RunState {
    /// The windows of a phase, in the order of the guide.
    pub fn soaks_of<'a>(&'a self, phase: &'a Phase) -> impl Iterator<Item = &'a Soak> {
        let soaks = self.runbook.soaks.iter();
        soaks.filter(|soak| soak.phase == phase.id)
    }

    /// Windows under way in phases whose gates are not passed, the one that ends first in front.
    pub fn soaking(&self) -> Vec<(&Soak, &SoakState)> {
        if self.mode.is_over() {
            return Vec::new();
        }
        let own = |soak| Some((soak, self.under_way(soak)?));
        let soaks = self.runbook.soaks.iter();
        let mut soaking: Vec<_> = soaks
            .filter(|soak| !self.is_phase_passed(&soak.phase))
            .filter_map(own)
            .collect();
        soaking.sort_by_key(|(_, own)| own.ends_at);
        soaking
    }

    fn under_way(&self, soak: &Soak) -> Option<&SoakState> {
        self.soaks.get(&soak.line).filter(|own| own.ended.is_none())
    }

    /// The window that a line of a phase is asked for: the last one before it, of its step or of the phase.
    fn soak_over(&self, phase: &Phase, line: usize) -> Option<&Soak> {
        let step = phase.steps.iter().rfind(|step| step.line <= line);
        let is_around = |soak: &&Soak| {
            let of_step = soak.step.as_ref();
            soak.phase == phase.id
                && soak.line <= line
                && of_step.is_none_or(|id| step.is_some_and(|step| step.id == *id))
        };
        let soaks = self.runbook.soaks.iter();
        soaks.filter(is_around).max_by_key(|soak| soak.line)
    }

    /// Why a box is not ticked yet: its window is not over.
    pub fn asked_later(&self, step: &Step, index: usize) -> Option<String> {
        let phase = self.runbook.phase_of(&step.id)?;
        let line = step.ticks.get(index)?.line;
        self.not_over(self.soak_over(phase, line)?)
    }

    fn not_over(&self, soak: &Soak) -> Option<String> {
        let title = &soak.title;
        match self.soaks.get(&soak.line) {
            None => Some(format!("`{title}` has not begun")),
            Some(own) if own.ended.is_none() => {
                Some(format!("`{title}` goes on until {}", minute(own.ends_at)))
            }
            Some(_) => None,
        }
    }

    /// What the windows of a phase say against its gate.
    pub(super) fn soak_objections(&self, phase: &Phase) -> Vec<String> {
        let mut objections: Vec<String> = Vec::new();
        for soak in self.soaks_of(phase) {
            objections.extend(self.not_over(soak).map(|words| format!("soak {words}")));
            let own = self.soaks.get(&soak.line);
            if own.is_some_and(|own| own.ended.is_some() && !own.was_watched()) {
                objections.push(format!(
                    "inconclusive: nobody watched for much of `{}`",
                    soak.title
                ));
            }
        }
        objections.extend(self.seldom_answered(phase));
        objections.extend(self.seldom_asked(phase));
        objections.extend(self.breach_objections(phase));
        let early = |item: &&Expectation| self.was_judged_early(phase, item);
        let items = self.gate_items(phase).into_iter().filter(early);
        objections
            .extend(items.map(|item| format!("judged before its window was over: {}", item.text)));
        objections
    }

    /// A person's plain word on a window that was not over then.
    fn was_judged_early(&self, phase: &Phase, item: &Expectation) -> bool {
        let known = self.phases.get(&phase.id);
        let known = known.and_then(|own| own.criteria.get(&item.line));
        let soak = self.soak_over(phase, item.line);
        let ended = soak.and_then(|soak| self.soaks.get(&soak.line)?.ended.as_ref());
        match (known, ended) {
            (Some(known), Some(ended)) => {
                // A question that is asked again and again was answered for as long as a round lasts.
                let every = item.measure.as_ref().and_then(|measure| measure.every_s);
                let holds = every.and_then(|every| i64::try_from(every).ok());
                let holds = TimeDelta::try_seconds(holds.unwrap_or(0)).unwrap_or_default();
                item.cel.is_none() && known.note.is_none() && ended.at - known.at > holds
            }
            _ => false,
        }
    }

    /// Where nothing is left to do in a phase before a window is over.
    pub(super) fn soak_pause(&self, phase: &Phase, now: Timestamp) -> Option<Pause> {
        if !self.questions_due(now).is_empty() {
            return None;
        }
        let soaking = self.soaking();
        let own = soaking.iter().filter(|(soak, _)| soak.phase == phase.id);
        let (soak, first) = own.min_by_key(|(_, own)| own.ends_at)?;
        let has_work = phase.steps.iter().any(|step| self.has_work(step));
        let questions = self
            .questions(phase)
            .filter(|(_, own, _)| own.ended.is_none());
        let rounds = questions.map(|(item, own, every_s)| own.next_round(item.line, every_s));
        (!has_work).then(|| Pause {
            until: rounds.fold(first.ends_at, Timestamp::min),
            what: soak.title.clone(),
            soaks: true,
        })
    }

    /// Whether a step holds anything that can be done before its window is over.
    fn has_work(&self, step: &Step) -> bool {
        let mut ticks = self.open_ticks(step);
        let is_open = |action| {
            let own = self.action(action).and_then(|own| own.last());
            let waits = !self.is_watch(action) || self.awaits_round(action);
            waits && own.is_none() && !self.is_left_out(step, action) && !self.is_optional(action)
        };
        use super::StepStatus::{Cancelled, Failed, Skipped, Stuck, Unknown};
        match self.step_status(step) {
            Skipped => false,
            Failed | Cancelled | Unknown | Stuck => true,
            _ => {
                !self.open_choices(step).is_empty()
                    || ticks.any(|(index, _)| self.asked_later(step, index).is_none())
                    || self.actions_of(step).into_iter().any(is_open)
            }
        }
    }

    fn is_reached(&self, soak: &Soak, now: Timestamp) -> bool {
        let Some(phase) = self.walked().find(|phase| phase.id == soak.phase) else {
            return false;
        };
        let is_later = self.runbook.cleanup.iter().any(|own| own.id == phase.id);
        let reached = match is_later {
            true => {
                let due = phase.wait_s.is_none() || self.due(phase).is_some_and(|due| due <= now);
                self.deployed_at.is_some() && due
            }
            false => self.current_phase == phase.id,
        };
        let is_watched = |step: &Step| {
            let mut soaks = self.soaks_of(phase);
            soaks.any(|other| other.step.as_ref() == Some(&step.id))
        };
        let mut before = phase
            .steps
            .iter()
            .take_while(|step| soak.step.as_ref().is_some_and(|id| step.id != *id))
            .filter(|step| !is_watched(step));
        reached && !self.is_phase_passed(&phase.id) && before.all(|step| self.is_step_settled(step))
    }

    /// Windows that begin, and windows whose time is over.
    pub(super) fn soak_events(&self, now: Timestamp) -> Vec<Event> {
        if !matches!(self.mode, Mode::Running | Mode::Held) {
            return Vec::new();
        }
        let mut events = Vec::new();
        for soak in self
            .runbook
            .soaks
            .iter()
            .filter(|soak| !soak.phase.is_empty())
        {
            let line = soak.line;
            match self.soaks.get(&line) {
                None if self.is_reached(soak, now) => {
                    let length = i64::try_from(soak.duration_s).ok();
                    let length = length.and_then(TimeDelta::try_seconds);
                    let ends_at = length.and_then(|length| now.checked_add_signed(length));
                    events.extend(ends_at.map(|ends_at| Event::SoakBegan { line, ends_at }));
                }
                Some(own) if own.ended.is_none() && own.ends_at <= now => {
                    events.push(Event::SoakEnded { line, reason: None });
                }
                _ => {}
            }
        }
        events
    }

    /// A person goes on before the windows of a phase are over.
    pub(super) fn soaks_cut_short(&self, phase: &Phase, reason: Option<&str>) -> Vec<Event> {
        let under_way = self
            .soaks_of(phase)
            .filter(|soak| self.under_way(soak).is_some());
        let ended = under_way.map(|soak| Event::SoakEnded {
            line: soak.line,
            reason: reason.map(str::to_owned),
        });
        ended.collect()
    }
}

pub(super) fn apply(state: &mut RunState, record: &Record) {
    match &record.event {
        Event::SoakBegan { line, ends_at } => {
            let begun = SoakState {
                began_at: record.at,
                ends_at: *ends_at,
                ended: None,
                gaps: Vec::new(),
                answers: BTreeMap::new(),
                breaches: BTreeMap::new(),
            };
            state.soaks.insert(*line, begun);
        }
        Event::SoakEnded { line, reason } => {
            if let Some(own) = state.soaks.get_mut(line) {
                own.ended = Some(SoakEnd {
                    at: record.at,
                    by: record.by.clone(),
                    reason: reason.clone(),
                });
            }
        }
        _ => {}
    }
}

/// A supervisor has begun: nobody watched since the last event, at most.
pub(super) fn revived(state: &mut RunState, record: &Record) {
    let gap = Gap {
        from: state.last_event_at,
        to: record.at,
    };
    if gap.to - gap.from < SHORTEST_GAP {
        return;
    }
    let soaks = state.soaks.values_mut();
    for own in soaks.filter(|own| own.ended.is_none()) {
        own.gaps.push(gap);
    }
}

fn minute(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn seconds(every_s: u64) -> i64 {
    i64::try_from(every_s).unwrap_or(i64::MAX).max(1)
}

/// A criterion was judged: the window that it is of keeps when, and for how long it did not hold.
pub(super) fn answered(
    state: &mut RunState,
    phase: &str,
    line: usize,
    judgement: &Judgement,
    at: Timestamp,
) {
    let book = state.runbook.clone();
    let soak = book
        .phase(phase)
        .and_then(|phase| state.soak_over(phase, line))
        .map(|soak| soak.line);
    let own = soak.and_then(|soak| state.soaks.get_mut(&soak));
    if let Some(own) = own {
        if judgement.cel.is_none() {
            own.answers.entry(line).or_default().push(at);
            return;
        }
        let holds = matches!(judgement.verdict, Verdict::Pass | Verdict::Warn);
        let known = own.breaches.get(&line).and_then(|known| known.last());
        match known.is_some_and(|last| last.to.is_none()) {
            true if holds => {
                let open = own.breaches.entry(line).or_default().last_mut();
                open.into_iter().for_each(|last| last.to = Some(at));
            }
            false if !holds && own.ended.is_none() => {
                own.breaches.entry(line).or_default().push(Breach {
                    from: at,
                    to: None,
                    found: judgement.explanation.clone(),
                    measured: judgement.verdict == Verdict::Fail,
                });
            }
            _ => {}
        }
    }
}
