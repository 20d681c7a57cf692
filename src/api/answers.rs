//! What a connection has asked, by the id of each request: one that comes again waits for the answer to
//! the first, or is given it again. A client that heard no answer can so ask once more without an act
//! being done twice.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::{CommandAnswer, RequestId};
use crate::run::Refusal;

/// Answers kept for a connection. It has fewer requests than this under way at once.
const KEPT: usize = 64;

struct Asked {
    id: RequestId,
    /// Of the request as it was sent: an id is used for one thing.
    digest: [u8; 32],
    answer: watch::Receiver<Option<CommandAnswer>>,
}

#[derive(Default)]
pub(super) struct Answers {
    asked: Mutex<VecDeque<Asked>>,
}

impl Answers {
    /// Does what is asked, unless it was asked before. It is done to its end even where nobody waits for
    /// the answer any more.
    pub(super) async fn once(
        &self,
        id: RequestId,
        body: &[u8],
        act: impl Future<Output = CommandAnswer> + Send + 'static,
    ) -> CommandAnswer {
        let digest = Sha256::digest(body).into();
        let mut answer = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            match asked.iter().find(|known| known.id == id) {
                Some(known) if known.digest != digest => {
                    return CommandAnswer::Refused(Refusal::new(
                        "another request had the same id",
                        "give each request an id of its own",
                    ));
                }
                Some(known) => known.answer.clone(),
                None => {
                    let (sender, answer) = watch::channel(None);
                    tokio::spawn(async move {
                        let done = act.await;
                        sender.send_replace(Some(done));
                    });
                    while asked.len() >= KEPT {
                        asked.pop_front();
                    }
                    asked.push_back(Asked {
                        id,
                        digest,
                        answer: answer.clone(),
                    });
                    answer
                }
            }
        };
        let answered = answer.wait_for(Option::is_some).await;
        answered
            .ok()
            .and_then(|answer| answer.clone())
            .unwrap_or_else(|| {
                CommandAnswer::Refused(Refusal::new(
                    "the supervisor is shutting down; it may or may not have been done",
                    "check the run before you try again",
                ))
            })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::sync::Notify;

    use super::*;

    fn id(id: &str) -> RequestId {
        RequestId::try_from(id.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn what_is_asked_twice_is_done_once_and_answered_twice() {
        let answers = Arc::new(Answers::default());
        let (done, go) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let ask = |name: &'static str| {
            let (answers, done, go) = (answers.clone(), done.clone(), go.clone());
            tokio::spawn(async move {
                let act = async move {
                    go.notified().await;
                    let seq = done.fetch_add(1, Ordering::SeqCst) + 1;
                    CommandAnswer::Accepted { seq }
                };
                answers.once(id(name), name.as_bytes(), act).await
            })
        };
        // The first who waits goes away; it is done all the same.
        let first = ask("one");
        while answers.asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        first.abort();
        let again = ask("one");
        go.notify_one();
        let accepted = CommandAnswer::Accepted { seq: 1 };
        assert_eq!(again.await.unwrap(), accepted);
        assert_eq!(ask("one").await.unwrap(), accepted);
        go.notify_one();
        let other = ask("two").await.unwrap();
        assert_eq!(other, CommandAnswer::Accepted { seq: 2 });
        assert_eq!(done.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_id_is_used_for_one_thing() {
        let answers = Answers::default();
        let act = |seq| async move { CommandAnswer::Accepted { seq } };
        answers.once(id("one"), b"a", act(1)).await;
        let other = answers.once(id("one"), b"b", act(2)).await;
        assert!(matches!(other, CommandAnswer::Refused(_)));
    }

    #[tokio::test]
    async fn no_more_answers_are_kept_than_these() {
        let answers = Answers::default();
        for number in 0..1_000 {
            let act = async { CommandAnswer::Accepted { seq: 1 } };
            answers.once(id(&number.to_string()), b"", act).await;
        }
        assert_eq!(answers.asked.lock().unwrap().len(), KEPT);
    }
}
