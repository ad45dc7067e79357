//! Shadow verification: a share of the requests that are served here goes to the upstream too, and both answers are
//! compared, after the client has its own and at nobody's cost but memory that is bounded.

pub mod compare;
pub mod differences;
pub mod intended;
mod verify;

use std::mem::size_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::HttpRequest;
use bytes::{Bytes, BytesMut};
use hyper::Request;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use self::intended::{Answer, Traits};
use super::endpoint::Endpoint;
use super::http::body::Coding;
use super::http::error::{Limit, RequestError};
use super::limits::memory_budget::{MemoryBudget, Reservation};
use super::metrics::Metrics;
use super::settings::{Settings, ShadowAnswer};
use super::upstream::pass::Witness;
use super::upstream::{Held, Upstream};
use transform::request::Form;

/// How a comparison ended, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// The answers are the same.
    Equal,
    /// They differ as it is intended, and in nothing else.
    Intended,
    /// They are not.
    Different,
    /// There was no room to keep the request for it.
    Dropped,
    /// There was no answer of the upstream to compare with, or no time: it was overloaded or out of reach.
    Failed,
}

impl Compared {
    /// Every end.
    pub const ALL: [Compared; 5] = [Self::Equal, Self::Intended, Self::Different, Self::Dropped, Self::Failed];

    /// The value of the label.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Intended => "intended",
            Self::Different => "different",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}

/// Requests that wait for their comparison or are in it.
const MAX_KEPT: usize = 64;
/// What a kept request is taken for beside its bodies.
const OVERHEAD_BYTES: usize = size_of::<Kept>() + 16 * 1024;
/// Their memory, as a part of that for requests in flight.
const PART_OF_IN_FLIGHT: usize = 4;

/// The choice of requests, and the room for them. Copies share both.
#[derive(Debug, Clone)]
pub struct Shadow {
    percent: u64,
    answer: ShadowAnswer,
    chosen: Arc<AtomicU64>,
    room: Arc<Semaphore>,
    bytes: MemoryBudget,
    max_bytes: usize,
    queue: mpsc::UnboundedSender<Kept>,
    metrics: Metrics,
}

/// Whose answer is there already.
#[derive(Debug)]
enum Known {
    Ours(Answer),
    Theirs(Held),
}

/// A request that is kept to be compared. However it ends, it is counted once.
#[derive(Debug)]
struct Kept {
    request: Request<()>,
    endpoint: Endpoint,
    form: Form,
    coding: Coding,
    traits: Traits,
    body: Bytes,
    known: Option<Known>,
    room: Claim,
}

/// A place in the queue and bytes of memory.
#[derive(Debug)]
struct Claim {
    share: Reservation,
    held: usize,
    max_bytes: usize,
    result: Compared,
    metrics: Metrics,
    _place: OwnedSemaphorePermit,
}

impl Shadow {
    /// The shadow of the settings, `None` where they ask for none. It compares on the thread that it is called on, as long
    /// as there is a copy of it.
    #[must_use]
    pub fn start(settings: &Settings, upstream: &Upstream, metrics: &Metrics) -> Option<Self> {
        if settings.shadow_percent == 0 {
            return None;
        }
        let (queue, kept) = mpsc::unbounded_channel();
        let max_bytes = settings.in_flight_bytes() / PART_OF_IN_FLIGHT;
        let verifier = verify::Verifier {
            upstream: upstream.with_own_connections(),
            limits: settings.limits(),
            max_body_bytes: settings.max_body_bytes,
            bytes: MemoryBudget::up_to(max_bytes),
            metrics: metrics.clone(),
            lines: verify::Lines::default(),
        };
        let shadow = Self {
            percent: u64::from(settings.shadow_percent),
            answer: settings.shadow_answer,
            chosen: Arc::default(),
            room: Arc::new(Semaphore::new(MAX_KEPT)),
            bytes: verifier.bytes.clone(),
            max_bytes,
            queue,
            metrics: metrics.clone(),
        };
        actix_web::rt::spawn(verifier.run(kept));
        Some(shadow)
    }

    /// Whether the client is to get the upstream's answer.
    #[must_use]
    pub fn answers_from_upstream(&self) -> bool {
        self.answer == ShadowAnswer::Upstream
    }

    /// Whether the next request is one of the share, which is spread evenly.
    #[must_use]
    pub fn chooses(&self) -> bool {
        let before = self.chosen.fetch_add(1, Ordering::Relaxed) % 100;
        (before + 1) * self.percent / 100 > before * self.percent / 100
    }

    /// Keeps a request, unless there is no room for it or it has been here before.
    #[must_use]
    pub fn keep(
        &self,
        upstream: &Upstream,
        request: &HttpRequest,
        (endpoint, form, coding): (Endpoint, Form, Coding),
        body: &Bytes,
    ) -> Option<Watch> {
        let sent = upstream.request_like(request.head()).ok()?;
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            self.metrics.count_compared(Compared::Dropped);
            return None;
        };
        let mut room = Claim {
            share: self.bytes.reservation(),
            held: 0,
            max_bytes: self.max_bytes,
            result: Compared::Dropped,
            metrics: self.metrics.clone(),
            _place: place,
        };
        // Without room the claim counts the request as dropped, here and below.
        room.grow(body.len() + OVERHEAD_BYTES).ok()?;
        let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
        let traits = Traits::of(request.path(), content_type);
        let kept = Kept { request: sent, traits, endpoint, form, coding, body: body.clone(), known: None, room };
        Some(Watch { kept, queue: self.queue.clone(), theirs: None })
    }
}

impl Claim {
    /// Claims `more` bytes.
    fn grow(&mut self, more: usize) -> Result<(), RequestError> {
        let held = self.held.saturating_add(more);
        // One that is alone would get more than there is.
        if held > self.max_bytes {
            return Err(RequestError::Overloaded(Limit::InFlightBytes));
        }
        self.share.grow_to(held)?;
        self.held = held;
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.metrics.count_compared(self.result);
    }
}

/// A kept request whose answer is on its way to the client.
#[derive(Debug)]
pub struct Watch {
    kept: Kept,
    queue: mpsc::UnboundedSender<Kept>,
    theirs: Option<(Held, BytesMut)>,
}

impl Watch {
    /// Gives it our answer; dropped, it queues itself.
    #[must_use]
    pub fn answered(mut self, status: u16, body: Bytes) -> Option<AfterAnswer> {
        self.kept.room.grow(body.len()).ok()?;
        self.kept.known = Some(Known::Ours(Answer { status, body }));
        Some(AfterAnswer(Some(self)))
    }

    fn queue(self) {
        // There is no queue only where the service has ended.
        self.queue.send(self.kept).ok();
    }
}

/// Queues a request for its comparison once it is dropped, which is when the answer has left.
#[derive(Debug)]
pub struct AfterAnswer(Option<Watch>);

impl Drop for AfterAnswer {
    fn drop(&mut self) {
        if let Some(watch) = self.0.take() {
            watch.queue();
        }
    }
}

/// Sees the upstream's answer pass by to the client.
pub struct Listener(Option<Watch>);

impl Listener {
    /// One for a kept request.
    #[must_use]
    pub fn of(mut watch: Watch) -> Self {
        // Until there is a whole answer.
        watch.kept.room.result = Compared::Failed;
        Self(Some(watch))
    }
}

impl Witness for Listener {
    fn head(&mut self, status: u16, coding: Option<&str>) {
        if let Some(watch) = &mut self.0 {
            let held = Held { status, coding: coding.map(str::to_owned), body: Bytes::new() };
            watch.theirs = Some((held, BytesMut::new()));
        }
    }

    fn piece(&mut self, piece: &Bytes) {
        let Some(watch) = &mut self.0 else { return };
        if watch.kept.room.grow(piece.len()).is_err() {
            watch.kept.room.result = Compared::Dropped;
            self.0 = None;
        } else if let Some((_, body)) = &mut watch.theirs {
            body.extend_from_slice(piece);
        }
    }

    fn end(&mut self) {
        let Some(mut watch) = self.0.take() else { return };
        if let Some((held, body)) = watch.theirs.take() {
            watch.kept.known = Some(Known::Theirs(Held { body: body.freeze(), ..held }));
            watch.queue();
        }
    }
}
