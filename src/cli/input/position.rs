//! Line and column of a place in a stream of which only a part is in memory.

/// The line and the column of the byte up to which was counted.
pub(super) struct Position {
    /// From 1.
    pub(super) line: u64,
    /// In bytes, from 1.
    pub(super) column: u64,
    /// Its place in the buffer.
    counted: usize,
}

impl Position {
    /// The first byte of a stream.
    pub(super) fn start() -> Self {
        Self { line: 1, column: 1, counted: 0 }
    }

    /// Goes on to the byte of `buffer` at `to`, unless it is there or past it.
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

    /// Goes on to where something is, and reports it.
    pub(super) fn at(&mut self, buffer: &[u8], to: usize, what: &'static str) -> &'static str {
        self.count_to(buffer, to);
        what
    }

    /// The bytes up to `end`, to which was counted, are not in the buffer anymore.
    pub(super) fn forget(&mut self, end: usize) {
        self.counted -= end;
    }
}
