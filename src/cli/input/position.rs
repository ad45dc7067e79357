//! Tracks the line and column in a stream that is only partly in memory.

/// The line and column of the next byte to count.
pub(super) struct Position {
    /// The 1-based line number.
    pub(super) line: u64,
    /// The 1-based column, in bytes.
    pub(super) column: u64,
    /// The buffer index of the next byte to count.
    counted: usize,
}

impl Position {
    /// Returns the position of the first byte of a stream.
    pub(super) fn start() -> Self {
        Self { line: 1, column: 1, counted: 0 }
    }

    /// Advances to the byte at index `to` of `buffer`. Does nothing if that byte has already been counted.
    pub(super) fn count_to(&mut self, buffer: &[u8], to: usize) {
        let bytes = buffer.get(self.counted..to).unwrap_or_default();
        match memchr::memrchr(b'\n', bytes) {
            Some(last) => {
                self.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
                self.column = (bytes.len() - last) as u64;
            }
            None => self.column += bytes.len() as u64,
        }
        self.counted = self.counted.max(to);
    }

    /// Advances to index `to`, the position of a problem. Returns `what`, the description of the problem.
    pub(super) fn at(&mut self, buffer: &[u8], to: usize, what: &'static str) -> &'static str {
        self.count_to(buffer, to);
        what
    }

    /// Adjusts the buffer index after the first `end` bytes were removed from the buffer. These bytes must have been
    /// counted.
    pub(super) fn forget(&mut self, end: usize) {
        self.counted -= end;
    }
}
