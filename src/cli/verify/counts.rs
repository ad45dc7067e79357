//! The number of cases by result.

/// The number of cases by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Cases that were sent.
    pub(super) cases: usize,
    /// Cases with an unexpected response.
    pub(super) failed: usize,
    /// Cases with an intended difference.
    pub(super) intended: usize,
    /// Cases or files that cannot be read.
    pub(super) unreadable: usize,
    /// Files in a folder that contain no cases.
    pub(super) skipped: usize,
    /// Destinations of rudder-transformer that this service does not support.
    pub(super) other_destinations: usize,
}
