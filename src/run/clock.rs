//! The line of time that a run stands on. Durations and deadlines are reckoned from times of the wall
//! clock; where that clock is set, every time that the state holds moves with it, so that what has
//! passed and what is left stay what they were. A date that the guide names is not moved: it follows
//! the wall clock.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{Attempt, Note, Pairing, PairingFact, RunState, TargetLock, Timestamp};

/// How the wall clock stands to the time since the machine was started, sleep included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockAnchor {
    /// The boot, and the clocks' namespace where the system has such.
    pub boot: String,
    /// Milliseconds from 1970 to that boot by the wall clock.
    pub boot_ms: i64,
}

/// A step of the clock in words: `1 d 2 h`, `3.5 s`.
fn length(by: TimeDelta) -> String {
    let seconds = (by.abs() + TimeDelta::milliseconds(500)).num_seconds();
    let seconds = seconds.unsigned_abs();
    match seconds {
        0..60 => format!("{:.1} s", by.abs().num_milliseconds() as f64 / 1e3),
        _ => crate::text::duration::format_s(seconds),
    }
}

/// What is noted of it.
pub(super) fn words(by: TimeDelta) -> String {
    let way = match by < TimeDelta::zero() {
        true => "back",
        false => "forward",
    };
    format!(
        "the clock of this machine was set {way} by {}: the window, waits and durations go on as \
         measured, and times before this are shown by the new clock; a wait until a date follows it",
        length(by)
    )
}

/// Moves every time of the state.
pub(super) fn step(state: &mut RunState, by: TimeDelta) {
    let mut shift = Shift(by);
    let RunState {
        opened_at,
        window_ends,
        deployed_at,
        soaks,
        last_event_at,
        locks,
        given_at,
        captured,
        phases,
        steps,
        actions,
        rollback,
        past_rollbacks,
        notes,
        input_changes,
        guide_on_disk,
        pairing,
        alerts,
        alarms,
        written,
        moved,
        identities_seen,
        counted,
        clock: _,
        // Without times, or with those of earlier runs and other machines.
        run: _,
        runbook: _,
        environment: _,
        protected: _,
        targets: _,
        config: _,
        directory: _,
        opened_by: _,
        unattended: _,
        mode: _,
        driver: _,
        epoch: _,
        identities: _,
        inputs: _,
        choices: _,
        current_phase: _,
        provenance: _,
        armed_before: _,
        seq: _,
        untrusted: _,
        open_alarms: _,
    } = state;
    shift.all([opened_at, last_event_at]);
    shift.all(window_ends.iter_mut().chain(deployed_at));
    for lock in locks.values_mut() {
        if let TargetLock::Ours { since } = lock {
            shift.one(since);
        }
    }
    shift.all(moved.values_mut().map(|moved| &mut moved.since));
    shift.all(identities_seen.iter_mut().map(|seen| &mut seen.at));
    shift.all(counted.iter_mut().map(|own| &mut own.at));
    shift.all(given_at.values_mut());
    shift.all(written.values_mut().map(|written| &mut written.at));
    shift.all(captured.values_mut().map(|captured| &mut captured.at));
    for phase in phases.values_mut() {
        shift.all(&mut phase.entered_at);
        shift.all(phase.criteria.values_mut().map(|known| &mut known.at));
        shift.all(phase.gate.as_mut().map(|gate| &mut gate.at));
    }
    for step in steps.values_mut() {
        shift.all(step.ticks.values_mut().map(|tick| &mut tick.at));
        shift.all(step.skipped.as_mut().map(|skip| &mut skip.at));
        shift.all(step.left_out.values_mut().map(|skip| &mut skip.at));
    }
    for attempt in actions.values_mut().flat_map(|action| &mut action.attempts) {
        of_attempt(&mut shift, attempt);
    }
    for rollback in rollback.iter_mut().chain(past_rollbacks) {
        shift.one(&mut rollback.started_at);
        shift.all(&mut rollback.ended_at);
    }
    shift.all(soaks.values_mut().flat_map(super::SoakState::times));
    shift.all(notes.iter_mut().map(|note: &mut Note| &mut note.at));
    shift.all(input_changes.iter_mut().map(|change| &mut change.at));
    shift.all(guide_on_disk.as_mut().map(|seen| &mut seen.at));
    of_pairing(&mut shift, pairing);
    for alert in alerts {
        shift.all([&mut alert.first_at, &mut alert.last_at]);
        shift.all(alert.acknowledged.as_mut().map(|known| &mut known.at));
    }
    for alarm in alarms {
        shift.one(&mut alarm.began_at);
        shift.all(&mut alarm.ended_at);
        shift.all(alarm.seen.as_mut().map(|seen| &mut seen.at));
    }
}

fn of_attempt(shift: &mut Shift, attempt: &mut Attempt) {
    shift.one(&mut attempt.started_at);
    shift.all(
        attempt
            .ended_at
            .iter_mut()
            .chain(&mut attempt.cancel_requested_at),
    );
    for hold in &mut attempt.holds {
        shift.one(&mut hold.since);
        shift.all(hold.ended.as_mut().map(|end| &mut end.at));
    }
    for round in &mut attempt.rounds {
        shift.one(&mut round.at);
    }
    for used in &mut attempt.keyboard {
        shift.one(&mut used.since);
        shift.all(&mut used.until);
    }
}

fn of_pairing(shift: &mut Shift, pairing: &mut Pairing) {
    shift.all(&mut pairing.driver_left);
    shift.all(pairing.offer.as_mut().map(|offer| &mut offer.at));
    shift.all(pairing.hands.values_mut().map(|hand| &mut hand.since));
    shift.all(pairing.waiting.as_mut().map(|waiting| &mut waiting.at));
    for logged in &mut pairing.log {
        shift.one(&mut logged.at);
        if let PairingFact::DriverLeft { since } = &mut logged.fact {
            shift.one(since);
        }
    }
}

struct Shift(TimeDelta);

impl Shift {
    /// A time that cannot be moved so far stays: no clock shows it either.
    fn one(&mut self, at: &mut Timestamp) {
        *at = at.checked_add_signed(self.0).unwrap_or(*at);
    }

    fn all<'a>(&mut self, times: impl IntoIterator<Item = &'a mut Timestamp>) {
        for at in times {
            self.one(at);
        }
    }
}
