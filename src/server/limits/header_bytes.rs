//! Counts the bytes of incomplete headers. Each worker has its own count, because a connection stays on its worker.

use std::cell::Cell;

thread_local! {
    /// The sum of all [`HeaderBytes`] of this worker.
    static HEADERS: Cell<usize> = const { Cell::new(0) };
}

/// The number of bytes of incomplete headers on the connections of this worker.
#[must_use]
pub fn of_worker() -> usize {
    HEADERS.get()
}

/// The number of bytes of incomplete headers that one connection has sent.
#[derive(Debug, Default)]
pub struct HeaderBytes(usize);

impl HeaderBytes {
    /// Returns the number of bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0
    }

    /// Adds `more` to the number of bytes.
    pub fn grow(&mut self, more: usize) {
        self.0 += more;
        HEADERS.set(HEADERS.get() + more);
    }

    /// Sets the number of bytes to 0. Call this method when the headers are complete.
    pub fn clear(&mut self) {
        HEADERS.set(HEADERS.get() - self.0);
        self.0 = 0;
    }
}

impl Drop for HeaderBytes {
    fn drop(&mut self) {
        self.clear();
    }
}
