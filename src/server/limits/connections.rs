//! Limits the number of connections, and disconnects clients that are too slow or idle.
//!
//! Every connection is accepted: a connection in the backlog of the OS could not even request `/health`. On a
//! connection above the limit, `/health` and `/ready` are served and anything else gets 503, unless a connection that
//! has been idle for long enough can be closed instead. A connection with a request in service is never closed.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;

use super::connection::Connection;
use super::connection_slot::ConnectionSlots;
use super::header_bytes;
use crate::server::config::ConnectionConfig;

/// The number of connections above the limit that all workers accept, in addition to an eighth of the limit.
const EXTRA: usize = 32;
/// The minimum number of connections above the limit that each worker accepts.
const EXTRA_OF_WORKER: usize = 8;

/// The number of further connections that a worker may accept before it closes others.
const BACKLOG: usize = 64;

/// The maximum number of connections of the metrics port: for scrapes, probes and the page.
const OF_METRICS: usize = 100;

/// How often a worker sweeps its connections.
const SWEEP: Duration = Duration::from_secs(1);

/// The timeout for headers on a connection above the limit.
const EXTRA_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection must have been idle before it is closed in favor of another one.
const YIELDS_AFTER: Duration = Duration::from_secs(1);

/// The maximum number of bytes of incomplete headers, for all connections of the process.
const HEAD_BYTES: usize = 8 << 20;
/// The minimum share of each worker in that number.
const HEAD_BYTES_OF_WORKER: usize = 1 << 20;

thread_local! {
    /// The connections of this worker. A connection stays on its worker.
    static OF_WORKER: RefCell<Vec<Weak<Connection>>> = const { RefCell::new(Vec::new()) };
}

/// The connections of one port.
#[derive(Debug, Clone)]
pub struct Connections {
    slots: ConnectionSlots,
    workers: usize,
    patience: ClientTimeouts,
}

/// The timeouts of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ClientTimeouts {
    /// The time to wait for the first byte of the next request.
    idle: Duration,
    /// The time to receive all headers of a request, including idle time.
    head: Duration,
    /// The time to wait for the client to read more of a response.
    response: Duration,
}

impl Connections {
    /// Creates the limits of the service's port, which is served by `workers` threads.
    #[must_use]
    pub fn new(config: &ConnectionConfig, workers: usize) -> Self {
        let &ConnectionConfig { max, header_timeout, body_timeout, keep_alive } = config;
        let patience = ClientTimeouts {
            idle: keep_alive,
            // A client that was idle for the whole keep-alive time still gets the full time for its headers.
            head: keep_alive.saturating_add(header_timeout),
            response: body_timeout,
        };
        Self { slots: ConnectionSlots::new(max), workers, patience }
    }

    /// Creates the limits of the metrics port.
    #[must_use]
    pub fn for_metrics_port(config: &ConnectionConfig) -> Self {
        Self::new(&ConnectionConfig { max: OF_METRICS, ..*config }, 1)
    }

    /// The slots within the limit.
    #[must_use]
    pub fn slots(&self) -> &ConnectionSlots {
        &self.slots
    }

    /// The number of connections above the limit that each worker keeps.
    fn extra_of_worker(&self) -> usize {
        (self.slots.limit() / 8).saturating_add(EXTRA).div_ceil(self.workers).max(EXTRA_OF_WORKER)
    }

    /// The number of connections at which a worker stops accepting.
    #[must_use]
    pub fn accepted_by_worker(&self) -> usize {
        self.slots.limit().saturating_add(self.extra_of_worker()).saturating_add(BACKLOG)
    }

    /// The maximum number of concurrent connections, including those above the limit.
    #[must_use]
    pub fn most(&self) -> usize {
        self.slots.limit().saturating_add((self.extra_of_worker() + BACKLOG).saturating_mul(self.workers))
    }

    /// Registers an accepted connection, on the worker that serves it.
    pub(crate) fn accept(&self, tcp: TcpStream) -> Rc<Connection> {
        let admitted = self.slots.try_take();
        if admitted.is_none() {
            self.make_room_above();
        }
        let connection = Rc::new(Connection::new(tcp, admitted));
        OF_WORKER.with_borrow_mut(|all| {
            // The sweep removes closed connections; without it a burst would grow the list.
            if all.len() == all.capacity() {
                all.retain(|connection| connection.strong_count() > 0);
            }
            all.push(Rc::downgrade(&connection));
        });
        connection
    }

    /// If there are too many connections above the limit, disconnects the one that has waited longest.
    fn make_room_above(&self) {
        let above = |connection: &Rc<Connection>| !connection.is_admitted() && !connection.is_ending();
        if with_worker(|all| all.filter(above).count()) >= self.extra_of_worker()
            && let Some(longest) = longest_waiting(above)
        {
            longest.close();
        }
    }

    /// Admits a connection above the limit that has sent a request, if a slot is free by now or another connection of
    /// this worker has been idle long enough to be closed.
    pub(crate) fn admit(&self, connection: &Connection) -> bool {
        if connection.is_admitted() {
            return true;
        }
        let place = self.slots.try_take().or_else(|| {
            let now = Instant::now();
            let longest = longest_waiting(|other| {
                other.is_admitted()
                    && other.waiting_since().is_some_and(|since| now.saturating_duration_since(since) >= YIELDS_AFTER)
                    // A request that has just arrived would be lost.
                    && (other.head_bytes() > 0 || !other.has_unread())
            })?;
            longest.close();
            longest.release()
        });
        let has_place = place.is_some();
        if let Some(place) = place {
            connection.admit(place);
        }
        has_place
    }

    /// Disconnects the clients that have waited longest with incomplete headers, until these use no more memory than
    /// allowed.
    pub(crate) fn bound_heads(&self) {
        let most = (HEAD_BYTES / self.workers).max(HEAD_BYTES_OF_WORKER);
        while header_bytes::of_worker() > most {
            let Some(oldest) = longest_waiting(|connection| connection.head_bytes() > 0) else { break };
            oldest.head_grew(None);
            oldest.close();
        }
    }

    /// Runs forever, and disconnects clients of this worker that are too slow.
    pub async fn sweep(self) {
        let mut sweeps = actix_web::rt::time::interval(SWEEP);
        loop {
            let now = sweeps.tick().await.into_std();
            OF_WORKER.with_borrow_mut(|all| all.retain(|connection| connection.strong_count() > 0));
            with_worker(|all| all.for_each(|connection| self.patience.check(&connection, now)));
        }
    }
}

impl ClientTimeouts {
    fn check(self, connection: &Connection, now: Instant) {
        if connection.takes_too_slowly(self.response, now) {
            connection.abort();
        } else if !connection.is_blocked()
            && let Some(since) = connection.waiting_since()
        {
            // For the first request on a connection, the framework enforces the header timeout.
            let is_idle = connection.has_served() && connection.head_bytes() == 0;
            let patience = if is_idle { self.idle } else { self.head };
            let patience = if connection.is_admitted() { patience } else { patience.min(EXTRA_TIMEOUT) };
            if now.saturating_duration_since(since) > patience {
                connection.close();
            }
        }
    }
}

/// Iterates over the connections of this worker, the oldest first.
fn with_worker<R>(look: impl FnOnce(&mut dyn Iterator<Item = Rc<Connection>>) -> R) -> R {
    OF_WORKER.with_borrow(|all| look(&mut all.iter().filter_map(Weak::upgrade)))
}

/// Among the idle connections of this worker that are `eligible`, returns the one that has been idle longest.
fn longest_waiting(eligible: impl Fn(&Rc<Connection>) -> bool) -> Option<Rc<Connection>> {
    with_worker(|all| {
        let waiting = all.filter_map(|connection| Some((connection.waiting_since()?, connection)));
        waiting.filter(|(_, connection)| eligible(connection)).min_by_key(|(since, _)| *since)
    })
    .map(|(_, connection)| connection)
}
