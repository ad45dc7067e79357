//! Slots that enforce the connection limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The connection slots of one port. Clones share the same slots.
#[derive(Debug, Clone)]
pub struct ConnectionSlots {
    taken: Arc<AtomicUsize>,
    limit: usize,
}

/// A slot that is in use. Dropping this value releases the slot.
#[derive(Debug)]
pub struct ConnectionSlot(Arc<AtomicUsize>);

impl ConnectionSlots {
    /// Creates `limit` free slots.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { taken: Arc::default(), limit }
    }

    /// The total number of slots.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The number of slots in use.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Takes a slot, or returns `None` if all slots are in use.
    #[must_use]
    pub fn try_take(&self) -> Option<ConnectionSlot> {
        let limit = self.limit;
        let took =
            self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| (taken < limit).then_some(taken + 1));
        took.is_ok().then(|| ConnectionSlot(self.taken.clone()))
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
