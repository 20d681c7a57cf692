//! Carries what is typed to a step to the supervisor, beside the loop that reads the keys.

use tokio::sync::mpsc::{Sender, UnboundedSender, unbounded_channel};

use super::ask::Answer;
use super::link::Control;
use crate::run::{ActionId, Typed};

/// Sends what is typed to a step one after the other, in the order in which it was typed; what comes
/// while an answer is awaited goes together.
pub(super) fn typist(
    control: impl Control,
    answers: Sender<Answer>,
) -> UnboundedSender<(ActionId, u32, Typed)> {
    let (sender, mut keys) = unbounded_channel::<(ActionId, u32, Typed)>();
    tokio::spawn(async move {
        let mut next = None;
        loop {
            let Some((action, attempt, mut typed)) = (match next.take() {
                Some(key) => Some(key),
                None => keys.recv().await,
            }) else {
                return;
            };
            while let Ok(more) = keys.try_recv() {
                if (more.0, more.1) != (action, attempt) {
                    next = Some(more);
                    break;
                }
                match (&mut typed, more) {
                    (Typed::Keys(typed), (_, _, Typed::Keys(more))) => typed.extend(more),
                    // Of sizes the last one holds; between keys each stands in its place.
                    (Typed::Size { .. }, (_, _, size @ Typed::Size { .. })) => typed = size,
                    (_, more) => {
                        next = Some(more);
                        break;
                    }
                }
            }
            let answer = control.type_to(action, attempt, typed).await;
            if answers.send(Answer::Typed(answer)).await.is_err() {
                return;
            }
        }
    });
    sender
}
