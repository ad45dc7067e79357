//! How many cases there were, and how they ended.

/// How many cases there were, and how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Cases that a response was asked for.
    pub(super) cases: usize,
    /// Those of them whose answer is another one.
    pub(super) failed: usize,
    /// Those whose answer differs, and is meant to.
    pub(super) deliberate: usize,
    /// Cases or files that cannot be read.
    pub(super) unreadable: usize,
    /// Files that were found in a folder and hold no cases.
    pub(super) passed_over: usize,
    /// Destinations of rudder-transformer that are not served here.
    pub(super) other_destinations: usize,
}
