//! Counts the bytes that parsing reads, so that tests can verify that work is proportional to the input.
//!
//! Builds without debug assertions count nothing.

#[cfg(debug_assertions)]
use std::cell::Cell;

#[cfg(debug_assertions)]
thread_local! {
    static LOOKED_AT: Cell<u64> = const { Cell::new(0) };
}

/// Adds `bytes` to the number of bytes read on this thread.
#[inline(always)]
pub fn looked_at(bytes: usize) {
    #[cfg(debug_assertions)]
    LOOKED_AT.set(LOOKED_AT.get() + bytes as u64);
    let _ = bytes;
}

/// Returns the number of bytes read on this thread since the last call of this function.
#[cfg(debug_assertions)]
#[must_use]
pub fn take() -> u64 {
    LOOKED_AT.replace(0)
}
