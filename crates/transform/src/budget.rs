//! Limits the work of templates for one event.
//!
//! Without this limit, a small body with many templates and events could delay all other requests.

use crate::flat_tree::FlatTree;
use crate::meter::Usage;
use crate::rejection::Rejection;
use json::raw::Raw;

/// The error if an event exceeds its budget, or if the meter halted the request (see [`Usage::halted`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

/// The work that is still allowed for the templates of one event. Reading bytes, writing bytes and comparing names
/// count as work.
///
/// The budget depends only on the size of the event. The time to transform a body is therefore linear in the size of
/// the body, and an expensive event is rejected without affecting other events.
pub struct EventBudget<'u, 'm> {
    usage: &'u Usage<'m>,
    left: u64,
}

impl<'u, 'm> EventBudget<'u, 'm> {
    /// The units of work allowed for each event, regardless of its size.
    const BASE: u64 = 1 << 10;
    /// The additional units of work allowed per byte of the event. Real events use about four units per byte, and have
    /// at least 700 bytes of metadata.
    const PER_BYTE: u64 = 8;

    /// Creates the budget of an event with a size of `bytes` bytes.
    #[must_use]
    pub fn for_event(bytes: usize, usage: &'u Usage<'m>) -> Self {
        Self { usage, left: Self::BASE + Self::PER_BYTE * bytes as u64 }
    }

    /// Charges `units` of work. Call this before doing the work.
    ///
    /// # Errors
    /// [`Exhausted`] if the remaining budget is too small.
    #[inline]
    pub fn work(&mut self, units: u64) -> Result<(), Exhausted> {
        self.left = self.left.checked_sub(units).ok_or(Exhausted)?;
        self.usage.work(units).map_err(|_| Exhausted)
    }

    /// Builds the flat tree of a value.
    ///
    /// # Errors
    /// [`Exhausted`] if building the tree would exceed the remaining budget.
    pub fn tree_of<'a>(&mut self, value: Raw<'a>) -> Result<FlatTree<'a>, Exhausted> {
        self.work(value.text().len() as u64)?;
        FlatTree::within(value, self.usage).map_err(|_| Exhausted)
    }

    /// Charges `bytes` bytes of memory that are freed after the event. Call this before allocating the memory.
    ///
    /// # Errors
    /// [`Exhausted`] if the meter halts the request.
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
    fn the_work_budget_of_an_event_is_1024_plus_8_times_its_size() {
        let usage = Usage::unlimited();
        let mut budget = EventBudget::for_event(1_000, &usage);
        assert_eq!(budget.work(1_024 + 8_000), Ok(()));
        assert_eq!(budget.work(1), Err(Exhausted));
    }
}
