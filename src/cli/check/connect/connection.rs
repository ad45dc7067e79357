//! What connecting to one destination came to.

use connect::step::Report;

/// What connecting to one destination came to.
pub(in crate::cli::check) enum Connection {
    /// It was tried.
    Tried(Report),
    /// What the destination comes to cannot be connected with.
    NoSettings,
    /// This process cannot wait for sockets.
    Failed(String),
}

impl Connection {
    /// How many steps failed.
    pub(in crate::cli::check) fn failures(&self) -> usize {
        match self {
            Connection::Tried(report) => report.failures().count(),
            Connection::NoSettings | Connection::Failed(_) => 1,
        }
    }

    /// How many steps failed without keeping the producer from its work.
    pub(in crate::cli::check) fn warnings(&self) -> usize {
        match self {
            Connection::Tried(report) => report.warnings().count(),
            Connection::NoSettings | Connection::Failed(_) => 0,
        }
    }
}
