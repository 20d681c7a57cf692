//! Folding a journal while its chain is verified: what was found intact goes to a second thread, which
//! reads the events and folds them, so that a long run is there in the time of the slower of the two
//! and its events never lie in memory all at once.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::stretch;
use crate::journal::Damage;
use crate::run::Record;

/// Stretches that wait at most: a walk that is faster waits for the fold.
const WAITING: usize = 32;

/// Where intact stretches go while the chain is walked.
pub(super) enum Sink {
    /// Nobody wants them.
    Nothing,
    Records(Vec<Record>),
    /// What is to be folded.
    Fold(mpsc::Sender<Vec<u8>>),
}

impl Sink {
    /// Takes the next stretch, whole or not at all; what is wrong where one of its events cannot be read.
    pub(super) async fn take(&mut self, stretch: Vec<u8>) -> Result<(), String> {
        match self {
            Self::Nothing => {}
            Self::Records(records) => {
                let before = records.len();
                if let Err(reason) = each(&stretch, |record| records.push(record)) {
                    records.truncate(before);
                    return Err(reason.reason);
                }
            }
            // Who folds has stopped at an event that it cannot read; the chain is verified to its end.
            Self::Fold(sender) => {
                if sender.send(stretch).await.is_err() {
                    tracing::debug!("the rest of the journal is not folded");
                }
            }
        }
        Ok(())
    }
}

/// The records of an intact stretch, up to the first that cannot be read.
fn each(mut stretch: &[u8], mut take: impl FnMut(Record)) -> Result<(), Damage> {
    while let Some(seen) = stretch::next(&mut stretch) {
        let record = seen.record().map_err(|reason| Damage {
            first_bad: u64::try_from(seen.seq).unwrap_or_default(),
            reason,
        })?;
        take(record);
    }
    Ok(())
}

/// What was folded, and the first event that could not be read.
pub(super) type Folded<T> = (T, Option<Damage>);

/// Begins to fold; what goes into the sink is folded in its order, until the sink is dropped.
pub(super) fn begin<T: Send + 'static>(
    mut state: T,
    mut fold: impl FnMut(&mut T, Record) + Send + 'static,
) -> (Sink, JoinHandle<Folded<T>>) {
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(WAITING);
    let folding = tokio::task::spawn_blocking(move || {
        while let Some(stretch) = receiver.blocking_recv() {
            if let Err(damage) = each(&stretch, |record| fold(&mut state, record)) {
                return (state, Some(damage));
            }
        }
        (state, None)
    });
    (Sink::Fold(sender), folding)
}
