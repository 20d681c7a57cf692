//! Actions that wait for a person in their middle: a transaction before its `COMMIT`, a step that asks
//! for keys. What is typed goes from the socket to the shim and is kept nowhere on the way.

use std::io;

use tokio::sync::mpsc;

use super::actions::collect;
use super::core::{Slot, Supervisor};
use super::handle::{Asker, Input, TypedRequest};
use crate::executor::{ExitRecord, Waiting};
use crate::run::{ActionId, Asking, Evidence, Observation, Refusal, Typed};

impl Supervisor {
    /// What an action waits for has changed, or is told to a supervisor that has just begun to follow it.
    pub(super) fn waiting(&mut self, action: ActionId, attempt: u32, waiting: Waiting) {
        self.feed.publish_asking(Asking {
            action,
            attempt,
            hidden: waiting.asks.as_ref().is_some_and(|asks| asks.hidden),
            prompt: waiting.asks.map(|asks| asks.prompt),
        });
        let Some(held) = waiting.held else { return };
        let known = self
            .state
            .action(action)
            .and_then(|state| state.last())
            .filter(|last| last.number == attempt)
            .and_then(|last| last.holds.iter().find(|hold| hold.number == held.number));
        if let Some(hold) = known {
            // It was decided, and the supervisor died before it could say so to the shim.
            if let Some(end) = &hold.ended {
                self.release(action, attempt, held.number, end.commit);
            }
            return;
        }
        let (directory, actor) = (
            self.executor.directory(action, attempt),
            self.state.actor_of(action),
        );
        let sender = self.sender.clone();
        tokio::spawn(async move {
            // Nothing has failed so far, or it would not be held.
            let so_far = ExitRecord {
                exit: Some(0),
                elapsed_ms: held.elapsed_ms,
                ..ExitRecord::default()
            };
            let (evidence, unread) = collect(&directory, so_far, actor).await;
            if let Some(reason) = unread {
                tracing::warn!(%action, attempt, %reason, "held, but what it shows cannot be judged");
            }
            let request = Input::Observed(Observation::Held {
                action,
                attempt,
                number: held.number,
                line: held.line,
                since: held.since,
                evidence: Some(Box::new(evidence)),
            });
            if sender.send(request).await.is_err() {
                tracing::warn!(%action, attempt, "held, but the supervisor is ending");
            }
        });
    }

    /// Says to the shim what was decided about a held transaction.
    pub(super) fn release(&self, action: ActionId, attempt: u32, number: u32, commit: bool) {
        let told = match self.slots.get(&(action, attempt)) {
            Some(Slot::Running(running)) => running.release(number, commit),
            _ => Err(io::Error::other("it is not running")),
        };
        if let Err(error) = told {
            tracing::warn!(%action, attempt, commit, %error, "a held transaction is not released");
        }
    }

    /// Passes on what the driver types, if they have given their keyboard to that action.
    pub(super) fn type_to(&self, request: TypedRequest) {
        let TypedRequest {
            by,
            action,
            attempt,
            typed,
            answer,
        } = request;
        let taken = self.may_type(&by, action, attempt).and_then(|()| {
            let told = match self.slots.get(&(action, attempt)) {
                Some(Slot::Running(running)) => match typed {
                    Typed::Keys(bytes) => running.type_bytes(bytes),
                    Typed::Size { columns, rows } => running.resize(columns, rows),
                },
                _ => Err(io::Error::other("it is not running")),
            };
            told.map(|()| self.state.seq)
                .map_err(|error| Refusal::new(format!("not typed: {error}"), "look at the step"))
        });
        if answer.send(taken).is_err() {
            tracing::debug!("the client left before its answer");
        }
    }

    /// Only the connection from which it was lent types to a step: a name can be had again.
    pub(super) fn keyboard_lent(&mut self, action: ActionId, by: &Asker) {
        let attempt = self.state.action(action).and_then(|state| state.last());
        if let (Some(attempt), Some(seat)) = (attempt, by.seat) {
            self.keyboards.insert((action, attempt.number), seat);
        }
    }

    fn may_type(&self, by: &Asker, action: ActionId, attempt: u32) -> Result<(), Refusal> {
        if by.name != self.state.driver {
            return Err(Refusal::new(
                format!("`{}` drives this run; you are watching", self.state.driver),
                "take control first",
            ));
        }
        let keyboard = self
            .state
            .action(action)
            .and_then(|state| state.last())
            .filter(|last| last.number == attempt)
            .and_then(|last| last.keyboard());
        let lent_from = self.keyboards.get(&(action, attempt)).copied();
        match keyboard == Some(&by.name) {
            true if lent_from.is_some() && lent_from == by.seat => Ok(()),
            true => Err(Refusal::new(
                "this terminal has joined again since it gave that step its keyboard",
                "give it the keyboard again",
            )),
            false => Err(Refusal::new(
                "that step does not have your keyboard",
                "give it the keyboard first",
            )),
        }
    }

    /// An action has ended: it asks for nothing.
    pub(super) fn asks_no_more(&self, action: ActionId, attempt: u32) {
        self.feed.publish_asking(Asking {
            action,
            attempt,
            prompt: None,
            hidden: false,
        });
    }
}

/// Tells the supervisor of each change, without making who follows the action wait.
pub(super) fn tell_waiting(
    action: ActionId,
    attempt: u32,
    sender: mpsc::Sender<Input>,
) -> impl FnMut(Waiting) {
    let (changes, mut changed) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(waiting) = changed.recv().await {
            let input = Input::Waiting {
                action,
                attempt,
                waiting,
            };
            if sender.send(input).await.is_err() {
                return;
            }
        }
    });
    move |waiting| {
        if changes.send(waiting).is_err() {
            tracing::debug!("the supervisor is ending");
        }
    }
}

/// What is known of an action whose shim is gone without a word. Where it held a transaction, the
/// `COMMIT` was never sent: that is no riddle.
pub(super) fn lost(
    waiting: io::Result<Waiting>,
    reason: String,
) -> (Option<Box<Evidence>>, Option<String>) {
    let evidence = match waiting {
        Ok(waiting) => waiting.held.map(|_| {
            Box::new(Evidence {
                uncommitted: true,
                ..Evidence::default()
            })
        }),
        Err(error) => {
            tracing::warn!(%error, "whether it was held cannot be read");
            None
        }
    };
    (evidence, Some(reason))
}
