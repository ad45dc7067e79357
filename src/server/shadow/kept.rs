//! The requests that are kept for shadow comparison, the memory that is reserved for them, and their queue.

use std::mem::size_of;

use bytes::{Bytes, BytesMut};
use hyper::Request;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::server::limits::memory_budget::Reservation;
use crate::server::metrics::Metrics;
use crate::server::metrics::labels::Compared;
use crate::server::upstream::BufferedResponse;
use golden::intended::question::{ComparedResponse, Traits};
use transform::endpoint::Endpoint;
use transform::meter::Halt;
use transform::request::PayloadFormat;
use transform::request::coding::Coding;

/// The number of bytes that are reserved for a kept request, in addition to the bodies of the request and its
/// responses.
pub(super) const OVERHEAD_BYTES: usize = size_of::<ShadowRequest>() + 16 * 1024;

/// The first available response to a request: this service's or the upstream's.
#[derive(Debug)]
pub(super) enum Known {
    /// This service's response.
    Ours(ComparedResponse),
    /// The upstream's response.
    Theirs(BufferedResponse),
}

/// A request that is kept for comparison. The metrics count it exactly once, whatever the result of the comparison.
#[derive(Debug)]
pub(super) struct ShadowRequest {
    pub(super) request: Request<()>,
    pub(super) endpoint: Endpoint,
    pub(super) form: PayloadFormat,
    pub(super) coding: Coding,
    pub(super) traits: Traits,
    pub(super) body: Bytes,
    pub(super) known: Option<Known>,
    pub(super) room: Claim,
}

/// The slot that a kept request occupies, and the memory reserved for the request. Dropping this value counts the
/// request in the metrics, with `result`.
#[derive(Debug)]
pub(super) struct Claim {
    share: Reservation,
    held: usize,
    max_bytes: usize,
    pub(super) result: Compared,
    metrics: Metrics,
    _place: OwnedSemaphorePermit,
}

impl Claim {
    /// Creates a claim with a slot, but without memory. Initially, `result` is [`Compared::Dropped`].
    pub(super) fn new(share: Reservation, max_bytes: usize, metrics: Metrics, place: OwnedSemaphorePermit) -> Self {
        Self { share, held: 0, max_bytes, result: Compared::Dropped, metrics, _place: place }
    }

    /// Reserves `more` additional bytes.
    ///
    /// # Errors
    /// [`Halt::MemoryInUse`] or [`Halt::MemoryLimit`] if the bytes are not available.
    pub(super) fn grow(&mut self, more: usize) -> Result<(), Halt> {
        let held = self.held.saturating_add(more);
        if held > self.max_bytes {
            return Err(Halt::MemoryInUse);
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

/// A kept request that has not been queued for comparison yet.
#[derive(Debug)]
pub struct PendingComparison {
    pub(super) kept: ShadowRequest,
    queue: mpsc::UnboundedSender<ShadowRequest>,
    /// The headers of the upstream's response, and the part of its body that has arrived. `None` until the headers
    /// arrive.
    pub(super) theirs: Option<(BufferedResponse, BytesMut)>,
}

impl PendingComparison {
    /// Creates a pending comparison. The kept request is sent to `queue` once one of the two responses is known.
    pub(super) fn new(kept: ShadowRequest, queue: mpsc::UnboundedSender<ShadowRequest>) -> Self {
        Self { kept, queue, theirs: None }
    }

    /// Records this service's response, and returns a value that queues the request when dropped. Returns `None` if the
    /// memory for the response is not available.
    #[must_use]
    pub fn answered(mut self, status: u16, body: Bytes) -> Option<AfterResponse> {
        self.kept.room.grow(body.len()).ok()?;
        self.kept.known = Some(Known::Ours(ComparedResponse { status, body }));
        Some(AfterResponse(Some(self)))
    }

    /// Queues the request for comparison.
    pub(super) fn queue(self) {
        // The queue is closed only if the service has stopped.
        self.queue.send(self.kept).ok();
    }
}

/// Queues a request for comparison when dropped, which happens after the response has been sent.
#[derive(Debug)]
pub struct AfterResponse(Option<PendingComparison>);

impl Drop for AfterResponse {
    fn drop(&mut self) {
        if let Some(watch) = self.0.take() {
            watch.queue();
        }
    }
}
