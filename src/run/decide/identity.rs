//! Which database a target is. Another one halts the run; a person looks at both and says why it may
//! go on.

use super::{given, one, typed_word};
use crate::run::{Event, Mode, Refusal, RunState, TargetIdentity, Timestamp};

/// Refuses as long as a target is another than the one that was confirmed.
pub(super) fn settled(state: &RunState) -> Result<(), Refusal> {
    match state.moved_words().into_iter().next() {
        Some(words) => Err(Refusal::new(
            words,
            "nothing starts until somebody compares both (`K`, or `gonogo accept`) and gives a reason",
        )),
        None => Ok(()),
    }
}

/// A database has said who it is, in a session that began just then.
pub(super) fn seen(
    state: &RunState,
    target: &str,
    identity: &TargetIdentity,
    alive_until: Option<Timestamp>,
) -> Result<Vec<Event>, Refusal> {
    let known = match (state.moved.get(target), state.identities.get(target)) {
        (Some(moved), _) => &moved.to,
        (None, Some(known)) => known,
        (None, None) => {
            return one(Event::TargetVerified {
                target: target.to_owned(),
                identity: identity.clone(),
            });
        }
    };
    // Of a run that is over nothing can be halted any more.
    if known == identity || state.mode.is_over() {
        return Ok(Vec::new());
    }
    let alive_until = alive_until.or_else(|| state.last_proved(target));
    let what = known.differences(identity, alive_until);
    if what.is_empty() {
        return one(Event::TargetVerified {
            target: target.to_owned(),
            identity: identity.clone(),
        });
    }
    one(Event::TargetChanged {
        target: target.to_owned(),
        from: known.clone(),
        to: identity.clone(),
        what,
    })
}

/// A person goes on with what answers now; `seen` is the mark of what they looked at.
pub(super) fn accept(
    state: &RunState,
    target: &str,
    seen: &str,
    typed: Option<&str>,
    reason: &str,
) -> Result<Vec<Event>, Refusal> {
    let Some(moved) = state.moved.get(target) else {
        return Err(Refusal::new(
            format!("`{target}` is the confirmed database"),
            "nothing to accept",
        ));
    };
    if moved.to.mark() != seen {
        return Err(Refusal::new(
            format!("`{target}` has changed again: {}", moved.to.describe()),
            "check it again, then give a reason",
        ));
    }
    let Some(reason) = given(Some(reason)) else {
        return Err(Refusal::new(
            "continuing with another database needs a reason",
            "write who changed it, and how you know that it is the right one",
        ));
    };
    typed_word(state.identity_word().as_deref(), typed)?;
    let mut events = vec![Event::TargetAccepted {
        target: target.to_owned(),
        identity: moved.to.clone(),
        reason: reason.to_owned(),
    }];
    let others = state.moved.iter().any(|(name, _)| name != target);
    if moved.halted && state.mode == Mode::Held && !others {
        events.push(Event::RunResumed {});
    }
    Ok(events)
}

/// The typed word of a rollback stands for every target that has changed.
pub(super) fn accepted_by_word(state: &RunState) -> impl Iterator<Item = Event> + '_ {
    state
        .moved
        .iter()
        .map(|(target, moved)| Event::TargetAccepted {
            target: target.clone(),
            identity: moved.to.clone(),
            reason: "the rollback goes on with it: its word was typed".to_owned(),
        })
}
