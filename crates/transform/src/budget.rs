//! Limits the work that templates may cause for one event.
//!
//! Without a limit, a small body with many templates and many events would delay all other requests.

use crate::meter::Usage;
use crate::rejection::Rejection;

/// The event needs more than its budget, or the request was halted: see [`Usage::halted`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

/// The work that the templates of one event may cause: bytes read or written, and names compared.
///
/// It depends only on the size of the event. The time for a body is therefore linear in its size, and an expensive
/// event is rejected alone, regardless of the other events.
pub struct EventBudget<'u, 'm> {
    usage: &'u Usage<'m>,
    left: u64,
}

impl<'u, 'm> EventBudget<'u, 'm> {
    /// The work allowed per event, plus per byte of the event. Real events use about four units per byte, and have at
    /// least 700 bytes of metadata.
    const BASE: u64 = 1 << 11;
    const PER_BYTE: u64 = 64;

    /// Creates the budget of an event of this size.
    #[must_use]
    pub fn for_event(bytes: usize, usage: &'u Usage<'m>) -> Self {
        Self { usage, left: Self::BASE + Self::PER_BYTE * bytes as u64 }
    }

    /// Spends `units` of work. Call it before doing the work.
    ///
    /// # Errors
    /// [`Exhausted`] if the remaining budget is too small.
    #[inline]
    pub fn work(&mut self, units: u64) -> Result<(), Exhausted> {
        self.left = self.left.checked_sub(units).ok_or(Exhausted)?;
        self.usage.work(units).map_err(|_| Exhausted)
    }

    /// Charges memory that is freed after the event, before it is allocated.
    ///
    /// # Errors
    /// [`Exhausted`] if the meter rejects it.
    pub fn memory(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.usage.scratch(bytes).map_err(|_| Exhausted)
    }
}

impl From<Exhausted> for Rejection {
    fn from(Exhausted: Exhausted) -> Self {
        Rejection::TemplatesTooComplex
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_may_cost_what_its_size_allows_and_no_more() {
        let usage = Usage::unlimited();
        let mut budget = EventBudget::for_event(1_000, &usage);
        assert_eq!(budget.work(2_048 + 64_000), Ok(()));
        assert_eq!(budget.work(1), Err(Exhausted));
    }
}
