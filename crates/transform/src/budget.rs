//! What templates may cost in one event. Without a bound, a small body whose templates and events multiply would delay all
//! other requests.

use crate::meter::Usage;
use crate::rejection::Rejection;

/// The event needs more than it may have, or the request was halted: see [`Usage::halted`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

/// The work that the templates of one event may cause: bytes read or written and names compared. It grows with the event's
/// own bytes only, so that all events of a body together cost a time in proportion to the body, and an expensive event is
/// rejected alone, whatever its neighbors are.
pub struct EventBudget<'u, 'm> {
    usage: &'u Usage<'m>,
    left: u64,
}

impl<'u, 'm> EventBudget<'u, 'm> {
    /// What every event may cause, and what it may for each of its bytes. Real events cause some four per byte, and have 700
    /// bytes of metadata or more.
    const BASE: u64 = 1 << 11;
    const PER_BYTE: u64 = 64;

    /// The budget of an event of `bytes`.
    #[must_use]
    pub fn for_event(bytes: usize, usage: &'u Usage<'m>) -> Self {
        Self { usage, left: Self::BASE + Self::PER_BYTE * bytes as u64 }
    }

    /// Spends `units` of work, before it is done.
    ///
    /// # Errors
    /// [`Exhausted`] if the event has less left.
    #[inline]
    pub fn work(&mut self, units: u64) -> Result<(), Exhausted> {
        self.left = self.left.checked_sub(units).ok_or(Exhausted)?;
        self.usage.work(units).map_err(|_| Exhausted)
    }

    /// Charges memory that lasts as long as the event, before it is allocated.
    ///
    /// # Errors
    /// [`Exhausted`] if the request gets no more.
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
