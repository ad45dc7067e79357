//! The number of cases by result.

/// The number of cases by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// The number of cases that were sent.
    pub(super) cases: usize,
    /// The number of cases with an unexpected response.
    pub(super) failed: usize,
    /// The number of cases whose only differences are intended.
    pub(super) intended: usize,
    /// The number of cases and files that cannot be read.
    pub(super) unreadable: usize,
    /// The number of files without cases, in folders that are searched for cases.
    pub(super) skipped: usize,
    /// The number of destinations that this service does not support, in a checkout of rudder-transformer.
    pub(super) other_destinations: usize,
}
