//! The result of connecting to one destination.

use connect::step::Report;

/// The result of connecting to one destination.
pub(in crate::cli::check) enum Connection {
    /// A connection was attempted.
    Tried(Report),
    /// No connection was attempted, because the destination's configuration has errors.
    NoSettings,
    /// No connection was attempted, because the event loop could not be started on this machine.
    Failed(String),
}

impl Connection {
    /// Counts the failed steps.
    pub(in crate::cli::check) fn failures(&self) -> usize {
        match self {
            Connection::Tried(report) => report.failures().count(),
            Connection::NoSettings | Connection::Failed(_) => 1,
        }
    }

    /// Counts the steps with a warning, which is a problem that does not stop the producer.
    pub(in crate::cli::check) fn warnings(&self) -> usize {
        match self {
            Connection::Tried(report) => report.warnings().count(),
            Connection::NoSettings | Connection::Failed(_) => 0,
        }
    }
}
