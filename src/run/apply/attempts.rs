//! What happens to an attempt between its start and its end.

use chrono::{DateTime, Utc};

use crate::run::{
    Attempt, CommandMark, CommandRun, Event, Hold, HoldEnd, KeyboardUse, RoundSeen, Verdict,
};

/// Rounds of a repeated check that are kept; the journal has all of them.
const ROUNDS: usize = 2_000;

fn gravity(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Warn => 1,
        Verdict::Inconclusive => 2,
        Verdict::Fail => 3,
    }
}

/// How far a command came.
fn mark_of(event: &Event) -> Option<CommandMark> {
    Some(match event {
        Event::CommandBegan { run, .. } => CommandMark::Began(run.clone()),
        Event::CommandEnded { command, done, .. } => CommandMark::Ended(*command, done.clone()),
        Event::BatchDone { command, batch, .. } => CommandMark::Batched(*command, batch.clone()),
        Event::LockWaited { command, wait, .. } => CommandMark::Waited(*command, wait.clone()),
        _ => return None,
    })
}

/// How its commands went, by its shim, but for whom their waits held up: that is not the shim's to know.
fn take_commands(attempt: &mut Attempt, told: &[CommandRun]) {
    let known = std::mem::replace(&mut attempt.commands, told.to_vec());
    for run in &mut attempt.commands {
        let before = known.iter().find(|before| before.index == run.index);
        if run.batch.is_none() {
            run.batch = before.and_then(|before| before.batch.clone());
        }
        let before = before.iter().flat_map(|run| &run.waits);
        for (wait, seen) in run.waits.iter_mut().zip(before) {
            wait.held_up.clone_from(&seen.held_up);
        }
    }
}

/// Folds one event of this attempt into it.
pub(super) fn apply(attempt: &mut Attempt, at: DateTime<Utc>, by: &str, event: &Event) {
    match event {
        Event::ActionLaunched { launched, .. } => {
            attempt.launched = Some(launched.clone());
        }
        Event::CommandBegan { .. }
        | Event::CommandEnded { .. }
        | Event::BatchDone { .. }
        | Event::LockWaited { .. } => {
            if let Some(mark) = mark_of(event) {
                mark.add_to(&mut attempt.commands);
            }
        }
        Event::FlagRead { flag, .. } => attempt.flag = Some(Box::new(flag.clone())),
        Event::TransactionSeen { transaction, .. } => {
            attempt.transaction = Some(*transaction);
        }
        Event::CancelRequested { .. } => {
            attempt.cancel_requested_at = attempt.cancel_requested_at.or(Some(at));
        }
        Event::TransactionHeld {
            number,
            line,
            since,
            judgements,
            ..
        } => {
            attempt.holds.push(Hold {
                number: *number,
                line: *line,
                since: *since,
                judgements: judgements.clone(),
                ended: None,
            });
        }
        Event::TransactionEnded {
            number,
            commit,
            reason,
            ..
        } => {
            let hold = attempt.holds.iter_mut().find(|hold| hold.number == *number);
            if let Some(hold) = hold {
                hold.ended = Some(HoldEnd {
                    at,
                    by: by.to_owned(),
                    commit: *commit,
                    reason: reason.clone(),
                });
            }
        }
        Event::KeyboardGiven { .. } => {
            attempt.keyboard.push(KeyboardUse {
                by: by.to_owned(),
                since: at,
                until: None,
            });
        }
        Event::KeyboardReturned { .. } => attempt.return_keyboard(at),
        Event::ActionFinished {
            outcome,
            evidence,
            judgements,
            reason,
            ..
        } => {
            attempt.return_keyboard(at);
            attempt.ended_at = Some(at);
            attempt.outcome = Some(*outcome);
            if !evidence.commands.is_empty() {
                take_commands(attempt, &evidence.commands);
            }
            attempt.flag = evidence.flag.clone().or(attempt.flag.take());
            attempt.evidence = Some(evidence.clone());
            attempt.judgements.clone_from(judgements);
            attempt.reason.clone_from(reason);
        }
        Event::ActionSampled {
            round,
            evidence,
            judgements,
            ..
        } => {
            attempt.round = *round;
            let worst = judgements.iter().map(|judgement| judgement.verdict);
            attempt.rounds.push(RoundSeen {
                round: *round,
                at,
                verdict: worst.max_by_key(gravity).unwrap_or(Verdict::Pass),
                found: evidence.gist(),
            });
            if attempt.rounds.len() > ROUNDS {
                attempt.rounds.remove(0);
            }
            attempt.evidence = Some(evidence.clone());
            attempt.judgements.clone_from(judgements);
        }
        _ => {}
    }
}
