//! Bytes of headers that have not ended, counted for each worker: a connection and its state never leave one.

use std::cell::Cell;

thread_local! {
    /// What all [`HeaderBytes`] of this worker hold.
    static HEADERS: Cell<usize> = const { Cell::new(0) };
}

/// Returns how many bytes of unfinished headers the connections of this worker hold.
#[must_use]
pub fn of_worker() -> usize {
    HEADERS.get()
}

/// Bytes of headers that one connection has sent and that have not ended.
#[derive(Debug, Default)]
pub struct HeaderBytes(usize);

impl HeaderBytes {
    /// How many they are.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0
    }

    /// Adds `more` bytes.
    pub fn grow(&mut self, more: usize) {
        self.0 += more;
        HEADERS.set(HEADERS.get() + more);
    }

    /// Forgets them: the headers have ended.
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
