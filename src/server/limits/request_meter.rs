//! Limits the resources that one request uses. The memory for the request is taken from the memory budget. The
//! service stops processing the request when the client disconnects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::memory_budget::Reservation;
use transform::meter::{Halt, Meter};

/// Cancels the processing of a request when this value is dropped. The future of the response holds this value, and the
/// framework drops the future when the client disconnects.
#[derive(Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Returns the flag that is set when this value is dropped. The code that processes the request checks this flag.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for Cancellation {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Takes the memory for a request from the budget. Stops the request if the client disconnects, or if the work for the
/// request exceeds `max_work`.
#[derive(Debug)]
pub struct RequestMeter<'r> {
    /// The memory that is reserved for the request.
    pub reservation: &'r Reservation,
    /// Whether the client has disconnected.
    pub cancelled: &'r AtomicBool,
    /// The maximum amount of work, in the unit of [`transform::meter::Usage::work`].
    pub max_work: u64,
}

impl Meter for RequestMeter<'_> {
    fn reserve(&self, bytes: usize) -> Result<(), Halt> {
        self.reservation.reserve(bytes)
    }

    fn checkpoint(&self, work: u64) -> Result<(), Halt> {
        if self.cancelled.load(Ordering::Relaxed) {
            Err(Halt::Cancelled)
        } else if work > self.max_work {
            Err(Halt::WorkLimit)
        } else {
            Ok(())
        }
    }
}
