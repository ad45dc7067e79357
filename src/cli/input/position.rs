//! Tracks the line and column in a stream that is only partly in memory.

/// The line and column of the next byte to count.
pub(super) struct Position {
    /// The line, from 1.
    pub(super) line: u64,
    /// The column in bytes, from 1.
    pub(super) column: u64,
    /// The position of the next byte to count in the buffer.
    counted: usize,
}

impl Position {
    /// Returns the position of the first byte of a stream.
    pub(super) fn start() -> Self {
        Self { line: 1, column: 1, counted: 0 }
    }

    /// Advances to the byte at index `to` of `buffer`. Does nothing if that byte has been counted.
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

    /// Advances to `to`, where a problem is to be reported, and returns `what`.
    pub(super) fn at(&mut self, buffer: &[u8], to: usize, what: &'static str) -> &'static str {
        self.count_to(buffer, to);
        what
    }

    /// Adjusts the position after the bytes before `end`, which were counted, were removed from the buffer.
    pub(super) fn forget(&mut self, end: usize) {
        self.counted -= end;
    }
}
