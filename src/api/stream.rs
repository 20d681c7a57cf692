//! What those who have joined are told. Nothing is put by for them: when a client has room for more it
//! is given the next line of the feed, so one that reads nothing holds up nobody, and takes no memory but
//! what is on its way to it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::watch;

use super::connections::{Connection, Work};
use super::identity::{Denied, On, PASS};
use super::routes::asked;
use super::seats::{Known, Seat, Wish};
use super::server::Server;
use crate::run::{Observation, person};
use crate::supervisor::{Message, Next, SnapshotLines, head, line};

const HEARTBEAT: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
pub(super) struct StreamQuery {
    name: String,
    #[serde(default)]
    observe: bool,
}

/// `GET /stream?name=NAME&observe=BOOL`: joins the run. The answer's header holds the pass for all other
/// requests, its body the whole state and then what is new, line by line, until the client goes.
pub(super) async fn stream(
    State(server): State<Server>,
    On(connection): On,
    query: Result<Query<StreamQuery>, QueryRejection>,
) -> Result<Response, Denied> {
    let StreamQuery { name, observe } = asked(query)?;
    let wish = Wish {
        name: &name,
        observe,
    };
    let reader = Reader::join(&server, &connection, &wish).await?;
    let mut pass = HeaderValue::from_str(&reader.seat.pass)
        .map_err(|error| Denied::unavailable(error.to_string()))?;
    pass.set_sensitive(true);
    let lines = futures::stream::unfold(reader, |mut reader| async {
        let line = reader.next().await?;
        Some((Ok::<_, Infallible>(line), reader))
    });
    Ok(([(PASS, pass)], Body::from_stream(lines)).into_response())
}

/// One who reads the feed. Their seat is theirs as long as this is.
struct Reader {
    server: Server,
    seat: Arc<Seat>,
    changed: watch::Receiver<u64>,
    /// Up to where the feed was read; `None`: not begun.
    place: Option<u64>,
    /// A snapshot that is being read, and how many pieces of it were.
    snapshot: Option<(Arc<SnapshotLines>, usize)>,
    _work: Work,
}

impl Drop for Reader {
    fn drop(&mut self) {
        tracing::debug!(client = %self.seat.name, "client left");
        self.server.seats.leave(&self.seat);
    }
}

impl Reader {
    /// Takes a seat; another login is recorded the first time it comes.
    async fn join(
        server: &Server,
        connection: &Arc<Connection>,
        wish: &Wish<'_>,
    ) -> Result<Self, Denied> {
        let (driver, guests) = server.handle.feed.look(|state| {
            let guests = state.pairing.guests.clone();
            (state.driver.clone(), guests)
        });
        let known = Known {
            driver: &driver,
            guests: &guests,
        };
        let seat = server.seats.join(wish, connection, &known);
        let seat =
            seat.map_err(|refusal| Denied::refused(StatusCode::SERVICE_UNAVAILABLE, refusal))?;
        let reader = Self {
            server: server.clone(),
            seat,
            changed: server.handle.feed.watch(),
            place: None,
            snapshot: None,
            _work: connection.works(),
        };
        if connection.peer.guest.is_some() {
            let joined = Observation::GuestJoined {
                name: person(&reader.seat.name).to_owned(),
                uid: connection.peer.uid,
            };
            server.handle.observe(joined).await;
        }
        Ok(reader)
    }

    /// The next bytes, as soon as there are any; `None` where the supervisor ends. Asked for only when
    /// the client has room for them.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            self.seat.takes();
            if let Some(piece) = self.piece() {
                return Some(piece);
            }
            let next = match self.place {
                None => Next::BeginAgain,
                Some(place) => self.server.handle.feed.next(place),
            };
            match next {
                Next::Line(place, line) => {
                    self.place = Some(place);
                    // Empty where it could not be written.
                    if !line.is_empty() {
                        return Some(line);
                    }
                }
                Next::BeginAgain => {
                    self.begin().await?;
                    return Some(head(&self.seat.name));
                }
                Next::Nothing => tokio::select! {
                    changed = self.changed.changed() => changed.ok()?,
                    () = tokio::time::sleep(HEARTBEAT) => {
                        return Some(line(&Message::Heartbeat { at: chrono::Utc::now() }));
                    }
                },
            }
        }
    }

    /// The next piece of the snapshot that is being read.
    fn piece(&mut self) -> Option<Bytes> {
        let (lines, read) = self.snapshot.as_mut()?;
        let piece = lines.pieces.get(*read).cloned();
        *read += 1;
        if *read >= lines.pieces.len() {
            self.snapshot = None;
            self.seat.reads_snapshot(false);
        }
        piece
    }

    /// Takes a snapshot to be read from here on.
    async fn begin(&mut self) -> Option<()> {
        let feed = self.server.handle.feed.clone();
        // Writing it may take a while, where a run is long.
        let written = tokio::task::spawn_blocking(move || (feed.snapshot(), feed.is_crowded()));
        let (lines, is_crowded) = match written.await {
            Ok(written) => written,
            Err(error) => {
                tracing::error!(%error, "a snapshot was not written");
                return None;
            }
        };
        if is_crowded {
            let driver = self.server.handle.feed.look(|state| state.driver.clone());
            self.server.seats.cut_slow_readers(&driver);
        }
        self.seat.reads_snapshot(true);
        self.place = Some(lines.place);
        self.snapshot = Some((lines, 0));
        Some(())
    }
}
