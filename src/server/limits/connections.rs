//! Limits the number of connections, and disconnects clients that are too slow or idle.
//!
//! Some connections above the limit are accepted too, because a client whose connection waits in the OS's backlog could
//! not even request `/health`. On a connection above the limit, `/health` and `/ready` are served. Any other request
//! gets 503, unless the worker can free a slot by closing another connection that has been idle for long enough. A
//! connection with a request in flight is never closed to free its slot.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;

use super::connection::Connection;
use super::connection_slot::ConnectionSlots;
use super::header_bytes;
use crate::server::config::ConnectionConfig;

/// All workers together may keep this number of connections above the limit open, plus an eighth of the limit.
const EXTRA: usize = 32;
/// The number of connections above the limit that each worker may keep open, even if its share of the total is smaller.
const MIN_EXTRA_PER_WORKER: usize = 8;

/// A worker stops accepting connections when it has this many more than the limit plus
/// [`Connections::extra_per_worker`].
const BACKLOG: usize = 64;

/// The maximum number of connections of the metrics port, which serves scrapes, probes and the web page.
const MAX_METRICS_CONNECTIONS: usize = 100;

/// The interval at which a worker checks for clients that are too slow or idle.
const SWEEP: Duration = Duration::from_secs(1);

/// The timeout for headers on a connection above the limit.
const EXTRA_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection must have been idle before it can be closed to free its slot for another connection.
const YIELDS_AFTER: Duration = Duration::from_secs(1);

/// The maximum number of bytes of incomplete headers on all connections of the process together.
const HEAD_BYTES: usize = 8 << 20;
/// The number of bytes of incomplete headers that every worker allows, even if the worker's share of [`HEAD_BYTES`] is
/// smaller.
const MIN_HEAD_BYTES_PER_WORKER: usize = 1 << 20;

thread_local! {
    /// The connections of this worker. A connection stays on its worker.
    static WORKER_CONNECTIONS: RefCell<Vec<Weak<Connection>>> = const { RefCell::new(Vec::new()) };
}

/// The limits on the connections of one port.
#[derive(Debug, Clone)]
pub struct Connections {
    slots: ConnectionSlots,
    workers: usize,
    timeouts: ClientTimeouts,
}

/// The timeouts after which a client is disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ClientTimeouts {
    /// The maximum time that a connection may be idle before the first byte of the next request arrives.
    idle: Duration,
    /// The maximum time until all headers of a request have arrived, including the idle time before the first byte.
    head: Duration,
    /// The maximum time without progress while the client receives a response.
    response: Duration,
}

impl Connections {
    /// Creates the limits of the service's port, which is served by `workers` threads.
    #[must_use]
    pub fn new(config: &ConnectionConfig, workers: usize) -> Self {
        let &ConnectionConfig { max, header_timeout, body_timeout, keep_alive } = config;
        let timeouts = ClientTimeouts {
            idle: keep_alive,
            // A client that was idle for the whole keep-alive time still gets the full header timeout.
            head: keep_alive.saturating_add(header_timeout),
            response: body_timeout,
        };
        Self { slots: ConnectionSlots::new(max), workers, timeouts }
    }

    /// Creates the limits of the metrics port.
    #[must_use]
    pub fn for_metrics_port(config: &ConnectionConfig) -> Self {
        Self::new(&ConnectionConfig { max: MAX_METRICS_CONNECTIONS, ..*config }, 1)
    }

    /// The slots that enforce the connection limit.
    #[must_use]
    pub fn slots(&self) -> &ConnectionSlots {
        &self.slots
    }

    /// The maximum number of connections above the limit that each worker keeps open.
    fn extra_per_worker(&self) -> usize {
        (self.slots.limit() / 8).saturating_add(EXTRA).div_ceil(self.workers).max(MIN_EXTRA_PER_WORKER)
    }

    /// The number of connections at which a worker stops accepting.
    #[must_use]
    pub fn accepted_by_worker(&self) -> usize {
        self.slots.limit().saturating_add(self.extra_per_worker()).saturating_add(BACKLOG)
    }

    /// The maximum number of open connections: the connection limit, plus all connections above it that the workers may
    /// accept.
    #[must_use]
    pub fn most(&self) -> usize {
        self.slots.limit().saturating_add((self.extra_per_worker() + BACKLOG).saturating_mul(self.workers))
    }

    /// Registers an accepted connection, on the worker that serves it.
    pub(crate) fn accept(&self, tcp: TcpStream) -> Rc<Connection> {
        let admitted = self.slots.try_take();
        if admitted.is_none() {
            self.close_excess();
        }
        let connection = Rc::new(Connection::new(tcp, admitted));
        WORKER_CONNECTIONS.with_borrow_mut(|all| {
            // Without this cleanup, a burst of short connections would grow the list between two sweeps.
            if all.len() == all.capacity() {
                all.retain(|connection| connection.strong_count() > 0);
            }
            all.push(Rc::downgrade(&connection));
        });
        connection
    }

    /// If this worker has too many connections above the limit, closes one of them: the one that has waited longest for
    /// a request.
    fn close_excess(&self) {
        let above = |connection: &Rc<Connection>| !connection.is_admitted() && !connection.is_ending();
        if with_worker(|all| all.filter(above).count()) >= self.extra_per_worker()
            && let Some(longest) = longest_waiting(above)
        {
            longest.close();
        }
    }

    /// Tries to give a slot to a connection that has sent a request. If no slot is free, closes another connection of
    /// this worker that has been idle for long enough, and uses its slot. Returns whether the connection has a slot.
    pub(crate) fn admit(&self, connection: &Connection) -> bool {
        if connection.is_admitted() {
            return true;
        }
        let slot = self.slots.try_take().or_else(|| {
            let now = Instant::now();
            let longest = longest_waiting(|other| {
                other.is_admitted()
                    && other.waiting_since().is_some_and(|since| now.saturating_duration_since(since) >= YIELDS_AFTER)
                    // Unread bytes may be a request that has just arrived, and closing the connection would lose that
                    // request.
                    && (other.head_bytes() > 0 || !other.has_unread())
            })?;
            longest.close();
            longest.release()
        });
        let is_admitted = slot.is_some();
        if let Some(slot) = slot {
            connection.admit(slot);
        }
        is_admitted
    }

    /// Disconnects clients of this worker that have sent incomplete headers, until the number of bytes of incomplete
    /// headers is within the worker's limit. Starts with the connection that has waited longest for a complete request.
    pub(crate) fn bound_heads(&self) {
        let most = (HEAD_BYTES / self.workers).max(MIN_HEAD_BYTES_PER_WORKER);
        while header_bytes::of_worker() > most {
            let Some(oldest) = longest_waiting(|connection| connection.head_bytes() > 0) else { break };
            oldest.head_grew(None);
            oldest.close();
        }
    }

    /// Periodically disconnects clients of this worker that are too slow or idle. Never returns.
    pub async fn sweep(self) {
        let mut sweeps = actix_web::rt::time::interval(SWEEP);
        loop {
            let now = sweeps.tick().await.into_std();
            WORKER_CONNECTIONS.with_borrow_mut(|all| all.retain(|connection| connection.strong_count() > 0));
            with_worker(|all| all.for_each(|connection| self.timeouts.check(&connection, now)));
        }
    }
}

impl ClientTimeouts {
    fn check(self, connection: &Connection, now: Instant) {
        if connection.receives_too_slowly(self.response, now) {
            connection.abort();
        } else if !connection.is_blocked()
            && let Some(since) = connection.waiting_since()
        {
            // For the first request on a connection, the framework enforces the header timeout.
            let is_idle = connection.has_served() && connection.head_bytes() == 0;
            let timeout = if is_idle { self.idle } else { self.head };
            let timeout = if connection.is_admitted() { timeout } else { timeout.min(EXTRA_TIMEOUT) };
            if now.saturating_duration_since(since) > timeout {
                connection.close();
            }
        }
    }
}

/// Calls `look` with the connections of this worker, oldest first.
fn with_worker<R>(look: impl FnOnce(&mut dyn Iterator<Item = Rc<Connection>>) -> R) -> R {
    WORKER_CONNECTIONS.with_borrow(|all| look(&mut all.iter().filter_map(Weak::upgrade)))
}

/// Returns the connection of this worker that has waited longest for a request. Considers only connections for which
/// `eligible` returns true.
fn longest_waiting(eligible: impl Fn(&Rc<Connection>) -> bool) -> Option<Rc<Connection>> {
    with_worker(|all| {
        let waiting = all.filter_map(|connection| Some((connection.waiting_since()?, connection)));
        waiting.filter(|(_, connection)| eligible(connection)).min_by_key(|(since, _)| *since)
    })
    .map(|(_, connection)| connection)
}
