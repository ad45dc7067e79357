//! What the templates of a request may cost.

/// The work that templates may make in one request: bytes read or written and names compared. Without it, a small body
/// whose templates and events multiply would hold up all others.
#[derive(Debug)]
pub struct Work {
    pub(super) done: u64,
    allowed: u64,
}

impl Work {
    /// What every request may do, and what it may for each byte of its body. Real requests need some four a byte.
    const BASE: u64 = 1 << 24;
    const PER_BYTE: u64 = 64;

    /// What a body of `bytes` allows.
    #[must_use]
    pub fn allowed_for(bytes: usize) -> Self {
        Self { done: 0, allowed: Self::BASE + Self::PER_BYTE * bytes as u64 }
    }

    /// Whether more was done than allowed.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        self.done > self.allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_cost_what_its_size_allows_and_no_more() {
        let mut work = Work::allowed_for(1_000);
        assert!(!work.is_too_much());
        work.done = (1 << 24) + 64_000;
        assert!(!work.is_too_much());
        work.done += 1;
        assert!(work.is_too_much());
    }
}
