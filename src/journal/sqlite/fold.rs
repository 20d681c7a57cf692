//! Folding a journal while its chain is verified: what was found intact goes to a second thread, which
//! reads the events and folds them, so that a long run is there in the time of the slower of the two
//! and its events never lie in memory all at once.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::journal::Damage;
use crate::journal::chain::Row;
use crate::run::Record;

/// Rows that change the thread at once.
const BATCH: usize = 256;
/// Batches that wait at most: a walk that is faster waits for the fold.
const WAITING: usize = 16;

/// Where intact rows go while the chain is walked.
pub(super) enum Sink {
    /// Nobody wants them.
    Nothing,
    Records(Vec<Record>),
    /// What is to be folded, in batches.
    Fold(mpsc::Sender<Vec<Row>>, Vec<Row>),
}

impl Sink {
    /// Takes the next row; what is wrong with it where its event cannot be read.
    pub(super) async fn take(&mut self, row: Row) -> Result<(), String> {
        match self {
            Self::Nothing => {}
            Self::Records(records) => records.push(row.record()?),
            Self::Fold(sender, batch) => {
                batch.push(row);
                if batch.len() >= BATCH {
                    hand_on(sender, batch).await;
                }
            }
        }
        Ok(())
    }

    /// The last rows are on their way.
    pub(super) async fn finish(mut self) {
        if let Self::Fold(sender, batch) = &mut self {
            hand_on(sender, batch).await;
        }
    }
}

async fn hand_on(sender: &mpsc::Sender<Vec<Row>>, batch: &mut Vec<Row>) {
    // Who folds has stopped at an event that it cannot read; the chain is verified to its end.
    if sender.send(std::mem::take(batch)).await.is_err() {
        tracing::debug!("the rest of the journal is not folded");
    }
}

/// What was folded, and the first event that could not be read.
pub(super) type Folded<T> = (T, Option<Damage>);

/// Begins to fold; what goes into the sink is folded in its order.
pub(super) fn begin<T: Send + 'static>(
    mut state: T,
    mut fold: impl FnMut(&mut T, Record) + Send + 'static,
) -> (Sink, JoinHandle<Folded<T>>) {
    let (sender, mut receiver) = mpsc::channel::<Vec<Row>>(WAITING);
    let folding = tokio::task::spawn_blocking(move || {
        while let Some(rows) = receiver.blocking_recv() {
            for row in rows {
                match row.record() {
                    Ok(record) => fold(&mut state, record),
                    Err(reason) => {
                        let first_bad = u64::try_from(row.seq).unwrap_or_default();
                        return (state, Some(Damage { first_bad, reason }));
                    }
                }
            }
        }
        (state, None)
    });
    (Sink::Fold(sender, Vec::new()), folding)
}
