//! The reserved connection: open before it is needed, to cancel and terminate sessions, and holder of
//! the target's lock. A pid is never signalled alone: it must still be the session that the operator
//! saw.

use std::sync::Arc;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use super::Target;
use super::link::{Link, Scope, answered, column};
use super::lock::{self, LockNews, LockReading, LockRecord};
use super::prover::Place;
use super::trouble::{Trouble, identifier};
use crate::run::{LockHolder, SessionSignal as Signal, Signalled};

/// How often the idle connection and its lock are looked at.
const LOOK: Duration = Duration::from_secs(2);
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(10);
/// `application_name` is cut to this many bytes by the server.
const NAME_BYTES: usize = 63;

pub(super) enum Request {
    One {
        signal: Signal,
        pid: i32,
        backend_start_us: i64,
        answer: oneshot::Sender<Result<Signalled, Trouble>>,
    },
    Ours {
        signal: Signal,
        prefix: String,
        answer: oneshot::Sender<Result<Vec<i32>, Trouble>>,
    },
    /// Look now whether the lock is ours.
    Lock {
        answer: oneshot::Sender<Result<LockReading, Trouble>>,
    },
    /// Take the lock from this holder.
    Take {
        from: LockHolder,
        answer: oneshot::Sender<Result<LockReading, Trouble>>,
    },
}

/// The reserved connection, and whether the lock is held on it.
struct Reserved {
    link: Link,
    locked: bool,
}

impl From<Link> for Reserved {
    fn from(link: Link) -> Self {
        Self {
            link,
            locked: false,
        }
    }
}

pub(super) struct Control {
    pub(super) place: Arc<Place>,
    pub(super) news: Option<mpsc::Sender<LockNews>>,
    /// `None`: the lock is not wanted, or not any more.
    pub(super) record: watch::Receiver<Option<LockRecord>>,
}

impl Control {
    /// Serves until every handle is gone. A request never waits for a connection that is being
    /// opened in the background: it opens its own.
    pub(super) async fn run(self, mut requests: mpsc::Receiver<Request>) {
        let mut reserved: Option<Reserved> = None;
        let mut retry = Duration::ZERO;
        let mut look = Duration::ZERO;
        let mut wanted = self.record.clone();
        loop {
            tokio::select! {
                biased;
                request = requests.recv() => match request {
                    Some(request) => self.serve(request, &mut reserved).await,
                    None => return,
                },
                Ok(()) = wanted.changed() => look = Duration::ZERO,
                // The lock is wanted where the address leads.
                () = self.place.control_moves.notified() => {
                    reserved = None;
                    retry = Duration::ZERO;
                }
                opened = self.open_after(retry), if reserved.is_none() => {
                    reserved = opened.map(Reserved::from);
                    look = Duration::ZERO;
                    retry = match reserved {
                        Some(_) => Duration::ZERO,
                        None => (retry * 2).clamp(FIRST_RETRY, LAST_RETRY),
                    };
                }
                () = sleep(look), if reserved.is_some() => {
                    look = LOOK;
                    if let Err(trouble) = self.look(&mut reserved).await {
                        tracing::debug!(target = self.place.target.name(), "the lock: {trouble}");
                    }
                }
            }
        }
    }

    async fn open_after(&self, pause: Duration) -> Option<Link> {
        sleep(pause).await;
        match self.open().await {
            Ok(link) => Some(link),
            Err(trouble) => {
                tracing::debug!(
                    target = self.place.target.name(),
                    "no reserved connection: {trouble}"
                );
                self.tell(LockReading::Unknown(trouble.message));
                None
            }
        }
    }

    async fn open(&self) -> Result<Link, Trouble> {
        Link::open(&self.place.target, &self.place.run, Scope::System).await
    }

    /// Says what is known of the lock. A lost connection is forgotten: the next one asks anew.
    async fn look(&self, reserved: &mut Option<Reserved>) -> Result<LockReading, Trouble> {
        let result = match reserved {
            Some(open) => self.look_over(open).await,
            None => Err(Trouble::lost(
                "there is no reserved connection",
                "it is opened again",
            )),
        };
        if result.as_ref().is_err_and(|trouble| trouble.disconnected) {
            *reserved = None;
        }
        match &result {
            Ok(reading) => self.tell(reading.clone()),
            Err(trouble) => self.tell(LockReading::Unknown(trouble.message.clone())),
        }
        result
    }

    async fn look_over(&self, reserved: &mut Reserved) -> Result<LockReading, Trouble> {
        let (link, target) = (&mut reserved.link, &self.place.target);
        let record = self.record.borrow().clone();
        match (record, reserved.locked) {
            (Some(record), true) => {
                lock::keep(link, &record, target).await?;
                Ok(LockReading::Ours)
            }
            (Some(record), false) => {
                let reading = lock::acquire(link, &record, target).await?;
                reserved.locked = reading == LockReading::Ours;
                Ok(reading)
            }
            (None, locked) => {
                if locked {
                    lock::release(link, target).await?;
                    reserved.locked = false;
                } else {
                    link.rows("SELECT /* gonogo monitor */ 1", target).await?;
                }
                Ok(LockReading::Unknown("the lock is not wanted".to_owned()))
            }
        }
    }

    /// Waits for the lock while its holder's session is ended over a connection of its own.
    async fn take(
        &self,
        from: &LockHolder,
        reserved: &mut Option<Reserved>,
    ) -> Result<LockReading, Trouble> {
        let Some(record) = self.record.borrow().clone() else {
            return Err(Trouble::passing(
                "this run no longer needs a lock",
                "it is over: open a new run",
            ));
        };
        let mut other = self.open().await?;
        let open = match reserved {
            Some(open) => open,
            None => reserved.insert(self.open().await?.into()),
        };
        let (taken, ended) = tokio::join!(
            lock::take(&mut open.link, &record, &self.place.target),
            lock::end(&mut other, from, &self.place.target),
        );
        ended?;
        taken?;
        open.locked = true;
        self.tell(LockReading::Ours);
        Ok(LockReading::Ours)
    }

    fn tell(&self, lock: LockReading) {
        let Some(news) = &self.news else {
            return;
        };
        let target = self.place.target.name().to_owned();
        // A full channel: the next look says it again.
        if let Err(error) = news.try_send(LockNews { target, lock }) {
            tracing::debug!("news of a lock found nobody ready for it: {error}");
        }
    }

    async fn serve(&self, request: Request, reserved: &mut Option<Reserved>) {
        // Who asked may have gone away; the deed is done all the same.
        let heard = match request {
            Request::One {
                signal,
                pid,
                backend_start_us,
                answer,
            } => {
                let result = self.one(signal, pid, backend_start_us, reserved).await;
                answer.send(result).is_ok()
            }
            Request::Ours {
                signal,
                prefix,
                answer,
            } => {
                let result = self.ours(signal, &prefix, reserved).await;
                answer.send(result).is_ok()
            }
            Request::Lock { answer } => {
                if reserved.is_none() {
                    *reserved = self.open_after(Duration::ZERO).await.map(Reserved::from);
                }
                answer.send(self.look(reserved).await).is_ok()
            }
            Request::Take { from, answer } => answer.send(self.take(&from, reserved).await).is_ok(),
        };
        if !heard {
            tracing::debug!("nobody waits for what came of a signal");
        }
    }

    async fn one(
        &self,
        signal: Signal,
        pid: i32,
        backend_start_us: i64,
        reserved: &mut Option<Reserved>,
    ) -> Result<Signalled, Trouble> {
        let deed = Deed::One {
            sql: one_sql(signal),
            pid,
            backend_start_us,
            run: cut(&format!("gonogo:{}:", self.place.run)).to_owned(),
        };
        let found = self.attempt(reserved, &deed).await;
        let found = found.map_err(|trouble| signalling(trouble, &self.place.target))?;
        Ok(match found.first() {
            None => Signalled::Gone,
            Some(Found { ours: true, .. }) => Signalled::Ours,
            Some(Found { same: None, .. }) => Signalled::Hidden,
            Some(Found {
                same: Some(false), ..
            }) => Signalled::Recycled,
            Some(Found {
                sent: Some(true), ..
            }) => Signalled::Sent,
            Some(_) => Signalled::NotSent,
        })
    }

    async fn ours(
        &self,
        signal: Signal,
        prefix: &str,
        reserved: &mut Option<Reserved>,
    ) -> Result<Vec<i32>, Trouble> {
        let deed = Deed::Ours {
            sql: ours_sql(signal),
            prefix: cut(prefix).to_owned(),
            own: cut(&format!("gonogo:{}:monitor", self.place.run)).to_owned(),
        };
        let found = self.attempt(reserved, &deed).await?;
        Ok(found
            .into_iter()
            .filter(|found| found.sent == Some(true))
            .map(|found| found.pid)
            .collect())
    }

    /// Over the connection at hand; over a new one where that has gone stale.
    async fn attempt(
        &self,
        reserved: &mut Option<Reserved>,
        deed: &Deed,
    ) -> Result<Vec<Found>, Trouble> {
        if let Some(open) = reserved {
            match deed.perform(&mut open.link, &self.place.target).await {
                Err(trouble) if trouble.disconnected => *reserved = None,
                result => return result,
            }
        }
        let mut fresh = self.open().await?;
        let result = deed.perform(&mut fresh, &self.place.target).await;
        *reserved = Some(fresh.into());
        result
    }
}

/// A statement that signals, with its parameters.
enum Deed {
    One {
        sql: String,
        pid: i32,
        backend_start_us: i64,
        /// What the names of this run's sessions begin with.
        run: String,
    },
    Ours {
        sql: String,
        prefix: String,
        own: String,
    },
}

/// A session that was found, whether it is the one that was meant, what the function returned, and whether
/// it is one of ours.
struct Found {
    pid: i32,
    same: Option<bool>,
    sent: Option<bool>,
    ours: bool,
}

impl Deed {
    async fn perform(&self, link: &mut Link, target: &Target) -> Result<Vec<Found>, Trouble> {
        let query = match self {
            Self::One {
                sql,
                pid,
                backend_start_us,
                run,
            } => sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(pid)
                .bind(backend_start_us)
                .bind(run),
            Self::Ours { sql, prefix, own } => sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(prefix)
                .bind(own),
        };
        let rows = answered(query.fetch_all(&mut link.connection), target).await?;
        rows.iter()
            .map(|row| {
                Ok(Found {
                    pid: column(row, 0, target)?,
                    same: column(row, 1, target)?,
                    sent: column(row, 2, target)?,
                    ours: column(row, 3, target)?,
                })
            })
            .collect()
    }
}

/// `$1` the pid, `$2` when its session began, `$3` what the names of this run's sessions begin with. The
/// function is called only where it is that session, and neither of this run nor one that may hold the lock
/// of another.
fn one_sql(signal: Signal) -> String {
    format!(
        "SELECT /* gonogo monitor */ pid, same, CASE WHEN same AND NOT ours THEN {}(pid) END, ours \
         FROM (SELECT pid, (extract(epoch FROM backend_start) * 1000000)::int8 = $2 AS same, \
                      pid = pg_backend_pid() \
                      OR coalesce(left(application_name, length($3)) = $3 \
                                  OR application_name LIKE 'gonogo:%:monitor', false) AS ours \
               FROM pg_stat_activity WHERE pid = $1 OFFSET 0) session",
        function(signal)
    )
}

/// `$1` a whole application name, or its beginning up to a colon; `$2` the monitor's own.
fn ours_sql(signal: Signal) -> String {
    format!(
        "SELECT /* gonogo monitor */ pid, true, {}(pid), true \
         FROM (SELECT pid FROM pg_stat_activity \
               WHERE pid <> pg_backend_pid() AND application_name <> $2 AND $1 <> '' \
                 AND (application_name = $1 \
                      OR left(application_name, length($1)) = $1 \
                         AND (right($1, 1) = ':' OR substr(application_name, length($1) + 1, 1) = ':')) \
               OFFSET 0) session",
        function(signal)
    )
}

/// A signal needs another right than a reading.
fn signalling(trouble: Trouble, target: &Target) -> Trouble {
    if !trouble.message.contains("lacks a right") {
        return trouble;
    }
    Trouble {
        help: format!(
            "as a superuser: `GRANT pg_signal_backend TO {}`; only a superuser can stop the session of one",
            identifier(target.user())
        ),
        ..trouble
    }
}

fn function(signal: Signal) -> &'static str {
    match signal {
        Signal::Cancel => "pg_cancel_backend",
        Signal::Terminate => "pg_terminate_backend",
    }
}

fn cut(name: &str) -> &str {
    let mut end = name.len().min(NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_long_application_name_is_cut_as_the_server_cuts_it() {
        let name = format!("gonogo:{}", "x".repeat(80));
        assert_eq!(cut(&name).len(), 63);
        assert_eq!(cut("gonogo:r:s"), "gonogo:r:s");
    }
}
