//! How many connections there may be, and which of them end when there are too many or their clients are too slow.
//!
//! Every connection is accepted: one that waits in the system's queue could not even ask for `/health`. Above the limit a
//! connection gets a response to `/health` and `/ready`, and 503 to anything else, unless another one has waited without a
//! request for long enough to be disconnected in its place. A connection with a request in service never is.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;

use super::connection::Connection;
use super::connection_slot::ConnectionSlots;
use super::header_bytes;
use crate::server::config::ConnectionConfig;

/// Connections above the limit, of all workers together: an eighth of the limit, and these.
const EXTRA: usize = 32;
/// Connections above the limit that each worker accepts at least.
const EXTRA_OF_WORKER: usize = 8;

/// What a worker accepts beyond that before it has got round to disconnecting others.
const BACKLOG: usize = 64;

/// Connections of the metrics port: for scrapes, probes, and the page.
const OF_METRICS: usize = 100;

/// How often a worker sweeps its connections.
const SWEEP: Duration = Duration::from_secs(1);

/// The time for headers on a connection above the limit.
const EXTRA_PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection has to have waited to be disconnected for another one's request.
const YIELDS_AFTER: Duration = Duration::from_secs(1);

/// Bytes of headers that have not ended, of all connections of the process together.
const HEAD_BYTES: usize = 8 << 20;
/// The same of one worker, at least.
const HEAD_BYTES_OF_WORKER: usize = 1 << 20;

thread_local! {
    /// The connections of this worker, which a connection never leaves.
    static OF_WORKER: RefCell<Vec<Weak<Connection>>> = const { RefCell::new(Vec::new()) };
}

/// The connections of one port.
#[derive(Debug, Clone)]
pub struct Connections {
    slots: ConnectionSlots,
    workers: usize,
    patience: Patience,
}

/// How long a client may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Patience {
    /// To begin the headers of a request.
    idle: Duration,
    /// To send the headers of a request, idle time included.
    head: Duration,
    /// To take more of a response.
    response: Duration,
}

impl Connections {
    /// No connections yet, and the limits of the service's port, which `workers` serve.
    #[must_use]
    pub fn new(config: &ConnectionConfig, workers: usize) -> Self {
        let &ConnectionConfig { max, header_timeout, body_timeout, keep_alive } = config;
        let patience = Patience {
            idle: keep_alive,
            // A client that was idle all the time it may be gets the whole time for headers, too.
            head: keep_alive.saturating_add(header_timeout),
            response: body_timeout,
        };
        Self { slots: ConnectionSlots::new(max), workers, patience }
    }

    /// No connections yet, and the limits of the metrics port.
    #[must_use]
    pub fn of_metrics(config: &ConnectionConfig) -> Self {
        Self::new(&ConnectionConfig { max: OF_METRICS, ..*config }, 1)
    }

    /// The places of its connections within the limit.
    #[must_use]
    pub fn slots(&self) -> &ConnectionSlots {
        &self.slots
    }

    /// Connections above the limit that each worker keeps.
    fn extra_of_worker(&self) -> usize {
        (self.slots.limit() / 8).saturating_add(EXTRA).div_ceil(self.workers).max(EXTRA_OF_WORKER)
    }

    /// The number of connections at which a worker stops accepting.
    #[must_use]
    pub fn accepted_by_worker(&self) -> usize {
        self.slots.limit().saturating_add(self.extra_of_worker()).saturating_add(BACKLOG)
    }

    /// The most connections that there are at once.
    #[must_use]
    pub fn most(&self) -> usize {
        self.slots.limit().saturating_add((self.extra_of_worker() + BACKLOG).saturating_mul(self.workers))
    }

    /// Registers a connection that has been accepted, on the worker that serves it.
    pub(crate) fn accept(&self, tcp: TcpStream) -> Rc<Connection> {
        let admitted = self.slots.try_take();
        if admitted.is_none() {
            self.make_room_above();
        }
        let connection = Rc::new(Connection::new(tcp, admitted));
        OF_WORKER.with_borrow_mut(|all| {
            // The sweep drops those that have gone, too; without it a burst would grow the list.
            if all.len() == all.capacity() {
                all.retain(|connection| connection.strong_count() > 0);
            }
            all.push(Rc::downgrade(&connection));
        });
        connection
    }

    /// Disconnects the connection above the limit that has waited longest, where there is no room for one more.
    fn make_room_above(&self) {
        let above = |connection: &Rc<Connection>| !connection.is_admitted() && !connection.is_ending();
        if with_worker(|all| all.filter(above).count()) >= self.extra_of_worker()
            && let Some(longest) = longest_waiting(above)
        {
            longest.close();
        }
    }

    /// Admits a connection above the limit that has brought a request, where there is room by now, or where another one of this
    /// worker has waited long enough for its next request to be disconnected.
    pub(crate) fn admit(&self, connection: &Connection) -> bool {
        if connection.is_admitted() {
            return true;
        }
        let place = self.slots.try_take().or_else(|| {
            let now = Instant::now();
            let longest = longest_waiting(|other| {
                other.is_admitted()
                    && other.waiting_since().is_some_and(|since| now.saturating_duration_since(since) >= YIELDS_AFTER)
                    // A request that has just come would be lost.
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

    /// Disconnects those who have waited longest with headers that have not ended, until these take no more memory than they may.
    pub(crate) fn bound_heads(&self) {
        let most = (HEAD_BYTES / self.workers).max(HEAD_BYTES_OF_WORKER);
        while header_bytes::of_worker() > most {
            let Some(oldest) = longest_waiting(|connection| connection.head_bytes() > 0) else { break };
            oldest.head_grew(None);
            oldest.close();
        }
    }

    /// Disconnects, for ever, those connections of the worker it runs on whose clients are too slow.
    pub async fn sweep(self) {
        let mut sweeps = actix_web::rt::time::interval(SWEEP);
        loop {
            let now = sweeps.tick().await.into_std();
            OF_WORKER.with_borrow_mut(|all| all.retain(|connection| connection.strong_count() > 0));
            with_worker(|all| all.for_each(|connection| self.patience.check(&connection, now)));
        }
    }
}

impl Patience {
    fn check(self, connection: &Connection, now: Instant) {
        if connection.takes_too_slowly(self.response, now) {
            connection.abort();
        } else if !connection.is_blocked()
            && let Some(since) = connection.waiting_since()
        {
            // The first request on a connection has the time for headers, and the framework keeps it.
            let is_idle = connection.has_served() && connection.head_bytes() == 0;
            let patience = if is_idle { self.idle } else { self.head };
            let patience = if connection.is_admitted() { patience } else { patience.min(EXTRA_PATIENCE) };
            if now.saturating_duration_since(since) > patience {
                connection.close();
            }
        }
    }
}

/// Looks at the connections of the worker that this runs on, the oldest first.
fn with_worker<R>(look: impl FnOnce(&mut dyn Iterator<Item = Rc<Connection>>) -> R) -> R {
    OF_WORKER.with_borrow(|all| look(&mut all.iter().filter_map(Weak::upgrade)))
}

/// Of those of this worker that wait for a request and are `eligible`, the one that has waited longest.
fn longest_waiting(eligible: impl Fn(&Rc<Connection>) -> bool) -> Option<Rc<Connection>> {
    with_worker(|all| {
        let waiting = all.filter_map(|connection| Some((connection.waiting_since()?, connection)));
        waiting.filter(|(_, connection)| eligible(connection)).min_by_key(|(since, _)| *since)
    })
    .map(|(_, connection)| connection)
}
