//! Connections: how many there may be, and what happens to one whose client is too slow.
//!
//! A connection past the limit is accepted, told 503 and closed: a client that is told to come back loses nothing, one that
//! nobody accepts waits. The framework's own limit, past which nobody accepts, stands higher, so that sockets are bounded.
//!
//! With TLS a connection begins here once its handshake is over. Until then it counts for the framework's limit alone, and has
//! the time that a head of a request has.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use socket2::{SockRef, Socket};

use super::settings::Settings;
use super::tls::TlsStream;

/// Connections past the limit that are still accepted, to be told so: an eighth of it, and these.
const ROOM_TO_REFUSE: usize = 32;

/// Connections of the metrics port: who scrapes, probes, and looks at the page.
const OF_METRICS: usize = 100;

/// How often a worker looks at its connections.
const ROUND: Duration = Duration::from_secs(1);

thread_local! {
    /// The connections of this worker, which a connection never leaves.
    static OF_WORKER: RefCell<Vec<Weak<Connection>>> = const { RefCell::new(Vec::new()) };
}

/// The connections of the service.
#[derive(Debug, Clone)]
pub struct Connections {
    open: Arc<AtomicUsize>,
    limit: usize,
    patience: Patience,
}

/// How long a connection may stay in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Without a whole head of a request: idle, or sending one.
    head: Duration,
    /// Without taking more of an answer.
    answer: Duration,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    open: Arc<AtomicUsize>,
    refused: bool,
    /// A second handle on its socket, to shut it.
    socket: Option<Socket>,
    phase: Cell<Phase>,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// For the head of a request, since then.
    Head(Instant),
    /// For us, or for the body, which has limits of its own.
    Request,
    /// For the client to take more of the answer, since then.
    Answer(Instant),
}

impl Connections {
    /// No connections yet, and the limits that settings give.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let patience = Patience {
            // A client that was idle all the time it may be gets the whole time for a head, too.
            head: Duration::from_secs(settings.keep_alive.saturating_add(settings.header_timeout)),
            answer: Duration::from_secs(settings.body_timeout),
        };
        Self { open: Arc::default(), limit: settings.max_connections, patience }
    }

    /// Those of the metrics port.
    #[must_use]
    pub fn of_metrics(settings: &Settings) -> Self {
        Self { limit: OF_METRICS, ..Self::new(settings) }
    }

    /// How many a worker accepts at the most.
    #[must_use]
    pub fn accepted_by_each(&self, workers: usize) -> usize {
        (self.limit.saturating_add(self.limit / 8).saturating_add(ROOM_TO_REFUSE)).div_ceil(workers)
    }

    /// Takes note of a new connection, on the worker that serves it.
    pub fn note(&self, stream: &dyn Any, data: &mut Extensions) {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        let stream = stream.downcast_ref::<TcpStream>().or_else(|| {
            let encrypted = stream.downcast_ref::<TlsStream>()?;
            Some(encrypted.get_ref().0)
        });
        let socket = stream.and_then(|stream| SockRef::from(stream).try_clone().ok());
        let connection = Rc::new(Connection {
            open: self.open.clone(),
            refused: before >= self.limit,
            socket,
            phase: Cell::new(Phase::Head(Instant::now())),
        });
        OF_WORKER.with_borrow_mut(|all| all.push(Rc::downgrade(&connection)));
        data.insert(connection);
    }

    /// Shuts, for ever, those connections of the worker it runs on whose clients are too slow.
    pub async fn shut_slow(self) {
        let mut rounds = actix_web::rt::time::interval(ROUND);
        loop {
            let now = rounds.tick().await.into_std();
            OF_WORKER.with_borrow_mut(|all| {
                all.retain(|connection| {
                    let Some(connection) = connection.upgrade() else { return false };
                    if self.patience.ends(connection.phase.get(), now) {
                        connection.shut();
                    }
                    true
                });
            });
        }
    }
}

impl Patience {
    fn ends(self, phase: Phase, now: Instant) -> bool {
        match phase {
            Phase::Head(since) => now.saturating_duration_since(since) > self.head,
            Phase::Answer(since) => now.saturating_duration_since(since) > self.answer,
            Phase::Request => false,
        }
    }
}

impl Connection {
    /// Whether it is one too many.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// A request has come.
    pub(super) fn begin(&self) {
        self.phase.set(Phase::Request);
    }

    /// The client has taken what there was of the answer, and can have more.
    pub(super) fn answer(&self) {
        self.phase.set(Phase::Answer(Instant::now()));
    }

    /// The answer has been written.
    pub(super) fn end(&self) {
        self.phase.set(Phase::Head(Instant::now()));
    }

    /// Ends it for both sides; the framework sees the end of the stream and lets go of it.
    fn shut(&self) {
        if let Some(socket) = &self.socket {
            // A socket that the client has closed meanwhile cannot be shut any more, which is as well.
            socket.shutdown(std::net::Shutdown::Both).ok();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_by_phase() {
        let patience = Patience { head: Duration::from_secs(10), answer: Duration::from_secs(30) };
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        for (phase, lasts) in [(Phase::Head(start), 10), (Phase::Answer(start), 30)] {
            assert!(!patience.ends(phase, after(lasts)), "{phase:?}");
            assert!(patience.ends(phase, after(lasts + 1)), "{phase:?}");
        }
        assert!(!patience.ends(Phase::Request, after(100_000)));
    }
}
