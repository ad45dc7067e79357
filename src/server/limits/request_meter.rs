//! Limits the resources of one request. Memory is taken from the budget, and work stops when the client disconnects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::memory_budget::Reservation;
use transform::meter::{Halt, Meter};

/// Whether the client of a request has disconnected. Set when the future of its response is dropped.
#[derive(Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Returns the flag that is checked while the request is processed.
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

/// Grants a request memory from the budget, and work until its client disconnects.
#[derive(Debug)]
pub struct RequestMeter<'r> {
    /// The memory of the request.
    pub reservation: &'r Reservation,
    /// Set once the client has disconnected.
    pub cancelled: &'r AtomicBool,
    /// The maximum work (see [`transform::meter::Usage::work`]).
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
