//! Shadow verification: a percentage of the requests that this service handles itself is also sent to the upstream, and
//! the two responses are compared. The comparison runs after the client has received its response, and uses a bounded
//! amount of memory.

pub mod kept;
pub mod tap;
mod verify;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::HttpRequest;
use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};

use self::kept::{Claim, OVERHEAD_BYTES, PendingComparison, ShadowRequest};
use super::config::{RequestConfig, ShadowAnswer, ShadowConfig};
use super::limits::memory_budget::MemoryBudget;
use super::metrics::Metrics;
use super::metrics::labels::Compared;
use super::upstream::Upstream;
use golden::intended::question::Traits;
use transform::endpoint::Endpoint;
use transform::request::PayloadFormat;
use transform::request::coding::Coding;

/// The maximum number of requests that wait for their comparison or are being compared.
const MAX_KEPT: usize = 64;
/// The memory limit for kept requests is the memory limit for requests in flight divided by this number.
const PART_OF_IN_FLIGHT: usize = 4;

/// Selects requests for comparison, and limits how many requests are kept. Clones share their state.
#[derive(Debug, Clone)]
pub struct Shadow {
    percent: u64,
    answer: ShadowAnswer,
    chosen: Arc<AtomicU64>,
    room: Arc<Semaphore>,
    bytes: MemoryBudget,
    max_bytes: usize,
    queue: mpsc::UnboundedSender<ShadowRequest>,
    metrics: Metrics,
}

impl Shadow {
    /// Starts a task on the calling thread. The task compares the responses to kept requests until the last clone of
    /// the returned value is dropped.
    #[must_use]
    pub fn start(config: ShadowConfig, requests: &RequestConfig, upstream: &Upstream, metrics: &Metrics) -> Self {
        let (queue, kept) = mpsc::unbounded_channel();
        let max_bytes = requests.in_flight_bytes / PART_OF_IN_FLIGHT;
        let verifier = verify::Verifier {
            upstream: upstream.with_own_connections(),
            limits: requests.limits,
            max_body_bytes: requests.max_body_bytes,
            bytes: MemoryBudget::up_to(max_bytes),
            metrics: metrics.clone(),
            lines: verify::Lines::default(),
        };
        let shadow = Self {
            percent: u64::from(config.percent),
            answer: config.answer,
            chosen: Arc::default(),
            room: Arc::new(Semaphore::new(MAX_KEPT)),
            bytes: verifier.bytes.clone(),
            max_bytes,
            queue,
            metrics: metrics.clone(),
        };
        actix_web::rt::spawn(verifier.run(kept));
        shadow
    }

    /// Whether the client gets the upstream's response, even to a request that is not selected for comparison.
    #[must_use]
    pub fn answers_from_upstream(&self) -> bool {
        self.answer == ShadowAnswer::Upstream
    }

    /// Returns whether the next request is selected for comparison. Selected requests are spread evenly among all
    /// requests.
    #[must_use]
    pub fn chooses(&self) -> bool {
        let before = self.chosen.fetch_add(1, Ordering::Relaxed) % 100;
        (before + 1) * self.percent / 100 > before * self.percent / 100
    }

    /// Keeps a request for comparison. Returns `None` if no slot or memory is available, or if this process has
    /// forwarded the request before.
    #[must_use]
    pub fn keep(
        &self,
        upstream: &Upstream,
        request: &HttpRequest,
        (endpoint, form, coding): (Endpoint, PayloadFormat, Coding),
        body: &Bytes,
    ) -> Option<PendingComparison> {
        let sent = upstream.request_like(request.head()).ok()?;
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            self.metrics.count_compared(Compared::Dropped);
            return None;
        };
        // If the claim cannot reserve enough memory, here or later, the metrics count the request as dropped.
        let mut room = Claim::new(self.bytes.reservation(), self.max_bytes, self.metrics.clone(), place);
        room.grow(body.len() + OVERHEAD_BYTES).ok()?;
        let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
        let traits = Traits::of(request.path(), content_type);
        let kept =
            ShadowRequest { request: sent, traits, endpoint, form, coding, body: body.clone(), known: None, room };
        Some(PendingComparison::new(kept, self.queue.clone()))
    }
}
