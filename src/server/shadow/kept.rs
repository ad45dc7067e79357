//! Requests that are kept to be compared: the room that they take, and how they get to the comparison.

use std::mem::size_of;

use bytes::{Bytes, BytesMut};
use hyper::Request;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::server::limits::memory_budget::Reservation;
use crate::server::metrics::Metrics;
use crate::server::metrics::labels::Compared;
use crate::server::upstream::Held;
use golden::intended::question::{ComparedResponse, Traits};
use transform::endpoint::Endpoint;
use transform::meter::Halt;
use transform::request::PayloadFormat;
use transform::request::coding::Coding;

/// What a kept request counts for besides its bodies.
pub(super) const OVERHEAD_BYTES: usize = size_of::<Kept>() + 16 * 1024;
/// Whose answer is there already.
#[derive(Debug)]
pub(super) enum Known {
    Ours(ComparedResponse),
    Theirs(Held),
}

/// A request that is kept to be compared. However it ends, it is counted once.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) request: Request<()>,
    pub(super) endpoint: Endpoint,
    pub(super) form: PayloadFormat,
    pub(super) coding: Coding,
    pub(super) traits: Traits,
    pub(super) body: Bytes,
    pub(super) known: Option<Known>,
    pub(super) room: Claim,
}

/// A place in the queue and bytes of memory.
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
    /// A place, and no bytes yet. Until it is known how the comparison ends, the request counts as dropped.
    pub(super) fn new(share: Reservation, max_bytes: usize, metrics: Metrics, place: OwnedSemaphorePermit) -> Self {
        Self { share, held: 0, max_bytes, result: Compared::Dropped, metrics, _place: place }
    }

    /// Claims `more` bytes.
    ///
    /// # Errors
    /// [`Halt::MemoryInUse`] if there is no room for them.
    pub(super) fn grow(&mut self, more: usize) -> Result<(), Halt> {
        let held = self.held.saturating_add(more);
        // One that is alone would get more than there is.
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

/// A kept request whose answer is on its way to the client.
#[derive(Debug)]
pub struct Watch {
    pub(super) kept: Kept,
    queue: mpsc::UnboundedSender<Kept>,
    /// What has come of the upstream's response.
    pub(super) theirs: Option<(Held, BytesMut)>,
}

impl Watch {
    /// A request whose comparison is queued in `queue` once both responses are there or can be had.
    pub(super) fn new(kept: Kept, queue: mpsc::UnboundedSender<Kept>) -> Self {
        Self { kept, queue, theirs: None }
    }

    /// Gives it our response; dropped, it queues itself.
    #[must_use]
    pub fn answered(mut self, status: u16, body: Bytes) -> Option<AfterResponse> {
        self.kept.room.grow(body.len()).ok()?;
        self.kept.known = Some(Known::Ours(ComparedResponse { status, body }));
        Some(AfterResponse(Some(self)))
    }

    /// Queues it.
    pub(super) fn queue(self) {
        // There is no queue only where the service has ended.
        self.queue.send(self.kept).ok();
    }
}

/// Queues a request for its comparison once it is dropped, which is when the response has left.
#[derive(Debug)]
pub struct AfterResponse(Option<Watch>);

impl Drop for AfterResponse {
    fn drop(&mut self) {
        if let Some(watch) = self.0.take() {
            watch.queue();
        }
    }
}
