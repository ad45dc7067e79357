//! The memory budget shared by all requests, and load shedding above its limit (docs/contract.md#retryable-503). A
//! client that gets a retryable 503 loses nothing, whereas an OOM-killed process loses every request in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use transform::meter::Halt;

/// The memory that all requests use together: for received and decompressed bodies, responses, and intermediate data.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    bytes: Arc<AtomicUsize>,
    limit: usize,
}

/// The memory that is reserved for one request. Dropping this value releases the memory.
#[derive(Debug)]
pub struct Reservation {
    budget: MemoryBudget,
    bytes: AtomicUsize,
}

/// The maximum number of bytes of a small request (or a quarter of the budget, if that is less). Small requests can use
/// the whole budget, but large requests can use only three quarters of it. This leaves room for small requests, however
/// many large requests there are.
const SMALL_BYTES: usize = 1 << 20;

impl MemoryBudget {
    /// Creates an unused budget of `limit` bytes.
    #[must_use]
    pub fn up_to(limit: usize) -> Self {
        Self { bytes: Arc::default(), limit }
    }

    /// Creates an empty reservation for a request.
    #[must_use]
    pub fn reservation(&self) -> Reservation {
        Reservation { budget: self.clone(), bytes: AtomicUsize::new(0) }
    }

    /// The number of bytes in use.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The maximum number of bytes that can be in use.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The maximum number of bytes for one request: three quarters of the limit.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.limit - self.limit / 4
    }

    /// Returns the maximum number of bytes that all requests together may use after one of them has grown to `own`
    /// bytes.
    fn ceiling(&self, own: usize) -> usize {
        if own <= SMALL_BYTES.min(self.limit / 4) { self.limit } else { self.largest() }
    }

    /// Checks whether the budget has room for a request of `bytes` bytes now, without reserving anything.
    ///
    /// # Errors
    /// [`Halt::MemoryInUse`] if there is no room now. [`Halt::MemoryLimit`] if `bytes` exceeds the maximum for one
    /// request.
    pub fn check(&self, bytes: usize) -> Result<(), Halt> {
        if bytes > self.largest() {
            Err(Halt::MemoryLimit)
        } else if self.bytes().saturating_add(bytes) > self.ceiling(bytes) {
            Err(Halt::MemoryInUse)
        } else {
            Ok(())
        }
    }
}

impl Reservation {
    /// The number of reserved bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Reserves `more` bytes.
    ///
    /// # Errors
    /// [`Halt::MemoryInUse`] if other requests use too much of the budget. [`Halt::MemoryLimit`] if the reservation
    /// would exceed the maximum for one request.
    pub fn reserve(&self, more: usize) -> Result<(), Halt> {
        let own = self.bytes().saturating_add(more);
        if own > self.budget.largest() {
            return Err(Halt::MemoryLimit);
        }
        let ceiling = self.budget.ceiling(own);
        self.budget
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |all| {
                all.checked_add(more).filter(|all| *all <= ceiling)
            })
            .map_err(|_| Halt::MemoryInUse)?;
        self.bytes.store(own, Ordering::Relaxed);
        Ok(())
    }

    /// Grows the reservation to `bytes` bytes, if it is smaller.
    ///
    /// # Errors
    /// Like [`Self::reserve`].
    pub fn grow_to(&self, bytes: usize) -> Result<(), Halt> {
        match bytes.saturating_sub(self.bytes()) {
            0 => Ok(()),
            more => self.reserve(more),
        }
    }

    /// Shrinks the reservation to `bytes` bytes, and releases the rest.
    pub fn shrink_to(&self, bytes: usize) {
        let released = self.bytes().saturating_sub(bytes);
        self.bytes.fetch_sub(released, Ordering::Relaxed);
        self.budget.bytes.fetch_sub(released, Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_reservations_share_one_limit_and_are_released_when_dropped() {
        let budget = MemoryBudget::up_to(100);
        let (one, two) = (budget.reservation(), budget.reservation());
        assert_eq!(one.grow_to(40), Ok(()));
        assert_eq!(two.grow_to(35), Ok(()));
        assert_eq!(two.grow_to(36), Err(Halt::MemoryInUse));
        assert_eq!(two.grow_to(10), Ok(()), "growing never shrinks a reservation");
        assert_eq!(budget.bytes(), 75);
        one.shrink_to(30);
        assert_eq!(two.grow_to(45), Ok(()));
        drop(one);
        assert_eq!((budget.bytes(), two.bytes()), (45, 45));
    }

    #[test]
    fn a_request_that_can_never_fit_into_the_memory_budget_is_not_retryable() {
        let budget = MemoryBudget::up_to(100);
        let alone = budget.reservation();
        assert_eq!(alone.grow_to(75), Ok(()));
        assert_eq!(alone.grow_to(76), Err(Halt::MemoryLimit));
        assert_eq!(
            (budget.check(76), budget.check(75), budget.check(25)),
            (Err(Halt::MemoryLimit), Err(Halt::MemoryInUse), Ok(()))
        );
    }

    #[test]
    fn a_small_request_gets_memory_that_large_requests_cannot_use() {
        let budget = MemoryBudget::up_to(8 << 20);
        let large: Vec<Reservation> = (0..3).map(|_| budget.reservation()).collect();
        for reservation in &large {
            assert_eq!(reservation.reserve(2 << 20), Ok(()));
        }
        assert_eq!(large[0].reserve(1), Err(Halt::MemoryInUse));
        let small = budget.reservation();
        assert_eq!(small.reserve(1 << 20), Ok(()));
        assert_eq!(small.reserve(1), Err(Halt::MemoryInUse), "the request is no longer small");
    }
}
