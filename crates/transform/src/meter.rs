//! Accounts for the memory and the work of a request.
//!
//! Memory is reserved before it is allocated. Work is reported so that a request can stop if its client has
//! disconnected.

use std::cell::Cell;
use std::mem::size_of;

use json::invalid::Invalid;

/// The reason why the transformation of a request stopped before it was complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Other requests use the memory that this request needs.
    #[error("other requests use the memory that this request needs")]
    MemoryInUse,
    /// The request needs more memory than a single request may use.
    #[error("the request needs more memory than one request may use")]
    MemoryLimit,
    /// The client has disconnected.
    #[error("the request was cancelled")]
    Cancelled,
    /// The request exceeds the work limit that the caller of the transformation set.
    #[error("the request needs more work than its limit allows")]
    WorkLimit,
}

/// Limits the memory and the work of one request.
///
/// The server implements this trait with its memory budget. The tools use [`Unlimited`].
pub trait Meter {
    /// Reserves `bytes` additional bytes until the request ends.
    ///
    /// # Errors
    /// [`Halt::MemoryInUse`] or [`Halt::MemoryLimit`].
    fn reserve(&self, bytes: usize) -> Result<(), Halt>;

    /// Decides whether the request may continue. `work` is the total work for the request so far, in units. Reading
    /// bytes, writing bytes and comparing names count as work. This method is called repeatedly, even while a single
    /// expensive event is transformed.
    ///
    /// # Errors
    /// [`Halt::Cancelled`] or [`Halt::WorkLimit`].
    fn checkpoint(&self, work: u64) -> Result<(), Halt>;
}

/// A meter without limits.
#[derive(Debug, Clone, Copy)]
pub struct Unlimited;

impl Meter for Unlimited {
    fn reserve(&self, _bytes: usize) -> Result<(), Halt> {
        Ok(())
    }

    fn checkpoint(&self, _work: u64) -> Result<(), Halt> {
        Ok(())
    }
}

/// The reason why reading a body failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// The body is not valid JSON of the expected type.
    Invalid,
    /// The meter halted the request.
    Halted(Halt),
}

impl From<Invalid> for ReadError {
    fn from(Invalid: Invalid) -> Self {
        Self::Invalid
    }
}

impl From<Halt> for ReadError {
    fn from(halt: Halt) -> Self {
        Self::Halted(halt)
    }
}

/// The memory and the work that one request uses, and the meter that limits them.
///
/// Charges are collected and reserved in steps, so a typical request calls its meter only a few times. After the
/// meter's first rejection, every later rejection returns the same error (see [`Usage::halted`]).
pub struct Usage<'m> {
    meter: &'m dyn Meter,
    /// The number of bytes that stay in use until the request ends.
    kept: Cell<usize>,
    /// The number of bytes that stay in use until the current event ends.
    scratch: Cell<usize>,
    /// The capacity of the response, in bytes.
    response: Cell<usize>,
    /// The number of bytes that the meter has granted.
    reserved: Cell<usize>,
    work: Cell<u64>,
    /// The value of `work` at the last checkpoint.
    checked: Cell<u64>,
    halted: Cell<Option<Halt>>,
}

/// The minimum number of bytes that are reserved in advance.
const MIN_STEP: usize = 1 << 10;
/// The maximum number of bytes that are reserved in advance.
const MAX_STEP: usize = 64 << 10;

/// The units of work between two checkpoints.
const WORK_STEP: u64 = 1 << 18;

impl<'m> Usage<'m> {
    /// Starts to account for a new request, whose memory and work `meter` limits.
    #[must_use]
    pub fn of(meter: &'m dyn Meter) -> Self {
        Self {
            meter,
            kept: Cell::new(0),
            scratch: Cell::new(0),
            response: Cell::new(0),
            reserved: Cell::new(0),
            work: Cell::new(0),
            checked: Cell::new(0),
            halted: Cell::new(None),
        }
    }

    /// Starts to account for a new request without limits.
    #[must_use]
    pub fn unlimited() -> Usage<'static> {
        Usage::of(&Unlimited)
    }

    /// Charges `bytes` bytes that stay in use until the request ends.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn keep(&self, bytes: usize) -> Result<(), Halt> {
        self.kept.set(self.kept.get().saturating_add(bytes));
        self.settle()
    }

    /// Charges `bytes` bytes that stay in use until [`Usage::end_event`] is called.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn scratch(&self, bytes: usize) -> Result<(), Halt> {
        self.scratch.set(self.scratch.get().saturating_add(bytes));
        self.settle()
    }

    /// If the capacity of `items` is used up, charges the memory for growing it. Call this before pushing another item.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn keep_one_more<T>(&self, items: &Vec<T>) -> Result<(), Halt> {
        if items.len() < items.capacity() {
            return Ok(());
        }
        // A growing `Vec` doubles its capacity, and uses both the old and the new buffer while it copies the items.
        self.keep(items.capacity().max(4).saturating_mul(size_of::<T>()).saturating_mul(2))
    }

    /// If the capacity of a hash map with `len` entries of `entry_bytes` bytes each is used up, charges the memory for
    /// growing it. Call this before inserting another entry.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn keep_one_more_entry(&self, len: usize, capacity: usize, entry_bytes: usize) -> Result<(), Halt> {
        if len < capacity {
            return Ok(());
        }
        // The hash table has eight slots for every seven entries, uses one extra byte per slot, and doubles when it
        // grows.
        self.keep(capacity.max(4).saturating_mul(entry_bytes + 1).saturating_mul(5) / 2)
    }

    /// Charges the memory for `more` additional bytes in `response`, and reserves the capacity.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    #[inline]
    pub fn grow(&self, response: &mut String, more: usize) -> Result<(), Halt> {
        if response.capacity() - response.len() >= more {
            return Ok(());
        }
        self.grow_by_half(response, more)
    }

    #[inline(never)]
    fn grow_by_half(&self, response: &mut String, more: usize) -> Result<(), Halt> {
        let capacity = response.len().saturating_add(more).max(response.capacity().saturating_mul(3) / 2);
        self.response.set(capacity);
        self.settle()?;
        response.reserve_exact(capacity - response.len());
        Ok(())
    }

    /// Like [`Usage::grow`], but leaves `response` unchanged if the meter rejects the charge. Use this if `more` is
    /// only an estimate.
    pub fn try_grow(&self, response: &mut String, more: usize) {
        let capacity = response.len().saturating_add(more);
        if capacity <= response.capacity() {
            return;
        }
        let total = self.kept.get().saturating_add(self.scratch.get()).saturating_add(capacity);
        let missing = total.saturating_sub(self.reserved.get());
        if missing == 0 || self.meter.reserve(missing).is_ok() {
            self.reserved.set(self.reserved.get().max(total));
            self.response.set(capacity);
            response.reserve_exact(more);
        }
    }

    /// Releases the charges for the current event. Call this after the memory of the event has been freed.
    #[inline]
    pub fn end_event(&self) {
        self.scratch.set(0);
    }

    /// Releases all charges for memory. Call this after all of this memory has been freed.
    pub fn start_over(&self) {
        self.kept.set(0);
        self.scratch.set(0);
        self.response.set(0);
    }

    /// Counts `units` of work, and periodically asks the meter whether to continue.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    #[inline]
    pub fn work(&self, units: u64) -> Result<(), Halt> {
        self.work.set(self.work.get().saturating_add(units));
        if self.work.get() - self.checked.get() < WORK_STEP { Ok(()) } else { self.checkpoint() }
    }

    /// Asks the meter whether to continue.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn checkpoint(&self) -> Result<(), Halt> {
        self.checked.set(self.work.get());
        self.meter.checkpoint(self.work.get()).map_err(|halt| self.halt(halt))
    }

    /// The error of the meter's first rejection, if there was one. Ignore all results that were computed after a
    /// rejection.
    #[must_use]
    #[inline]
    pub fn halted(&self) -> Option<Halt> {
        self.halted.get()
    }

    fn halt(&self, halt: Halt) -> Halt {
        let first = self.halted.get().unwrap_or(halt);
        self.halted.set(Some(first));
        first
    }

    #[inline]
    fn settle(&self) -> Result<(), Halt> {
        let total = self.kept.get().saturating_add(self.scratch.get()).saturating_add(self.response.get());
        if total <= self.reserved.get() { Ok(()) } else { self.reserve(total) }
    }

    #[inline(never)]
    fn reserve(&self, total: usize) -> Result<(), Halt> {
        let total = total.saturating_add((total / 8).clamp(MIN_STEP, MAX_STEP));
        self.meter.reserve(total - self.reserved.get()).map_err(|halt| self.halt(halt))?;
        self.reserved.set(total);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A meter that grants memory up to a limit, and counts the granted bytes and the calls.
    struct UpTo {
        limit: usize,
        granted: Cell<usize>,
        calls: Cell<usize>,
    }

    impl Meter for UpTo {
        fn reserve(&self, bytes: usize) -> Result<(), Halt> {
            self.calls.set(self.calls.get() + 1);
            let granted = self.granted.get() + bytes;
            if granted > self.limit {
                return Err(Halt::MemoryInUse);
            }
            self.granted.set(granted);
            Ok(())
        }

        fn checkpoint(&self, work: u64) -> Result<(), Halt> {
            if work > 10 { Err(Halt::Cancelled) } else { Ok(()) }
        }
    }

    fn up_to(limit: usize) -> UpTo {
        UpTo { limit, granted: Cell::new(0), calls: Cell::new(0) }
    }

    #[test]
    fn memory_is_reserved_in_steps_before_it_is_allocated() {
        let meter = up_to(1 << 20);
        let usage = Usage::of(&meter);
        let mut response = String::new();
        while response.len() < 100_000 {
            usage.grow(&mut response, 100).unwrap();
            assert!(meter.granted.get() >= response.capacity());
            response.push_str(&"x".repeat(100));
        }
        assert!(meter.calls.get() < 30, "{}", meter.calls.get());
        assert!(meter.granted.get() < 300_000, "{}", meter.granted.get());
    }

    #[test]
    fn scratch_memory_is_reserved_once_for_all_events() {
        let meter = up_to(4_000);
        let usage = Usage::of(&meter);
        for _ in 0..10 {
            assert_eq!(usage.scratch(2_000), Ok(()));
            usage.end_event();
        }
        assert_eq!(usage.scratch(2_000).and_then(|()| usage.keep(3_000)), Err(Halt::MemoryInUse));
    }

    #[test]
    fn a_capacity_estimate_above_the_memory_limit_does_not_halt_the_request() {
        let meter = up_to(10_000);
        let usage = Usage::of(&meter);
        let mut response = String::new();
        usage.try_grow(&mut response, 20_000);
        assert_eq!((response.capacity(), usage.halted()), (0, None));
        usage.try_grow(&mut response, 5_000);
        assert_eq!((response.capacity(), meter.granted.get()), (5_000, 5_000));
        assert_eq!(usage.grow(&mut response, 20_000), Err(Halt::MemoryInUse));
    }

    #[test]
    fn a_halted_request_gets_the_same_error_for_all_further_work_and_memory() {
        let meter = up_to(1 << 20);
        let usage = Usage::of(&meter);
        assert_eq!((usage.work(10), usage.checkpoint(), usage.halted()), (Ok(()), Ok(()), None));
        assert_eq!((usage.work(1), usage.checkpoint()), (Ok(()), Err(Halt::Cancelled)));
        assert_eq!(usage.work(WORK_STEP), Err(Halt::Cancelled));
        assert_eq!(usage.keep(2 << 20), Err(Halt::Cancelled));
        assert_eq!(usage.halted(), Some(Halt::Cancelled));
    }

    #[test]
    fn the_memory_reserved_for_a_map_covers_its_allocations() {
        let meter = up_to(usize::MAX);
        let usage = Usage::of(&meter);
        let mut map = std::collections::HashMap::new();
        for key in 0..100_000_u64 {
            usage.keep_one_more_entry(map.len(), map.capacity(), size_of::<(u64, u64)>()).unwrap();
            map.insert(key, key);
        }
        assert!(usage.kept.get() >= map.capacity() * 8 / 7 * 17, "{} for {}", usage.kept.get(), map.capacity());
    }
}
