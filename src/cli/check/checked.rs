//! One input and what was found in it, and counts over all of them.

use check::Report;
use check::code::Severity;

use super::connect::connection::Connection;

/// One input and what it came to.
pub(super) struct Checked {
    /// What it is called in messages: nothing secret of a URL.
    pub(super) name: String,
    /// What was found, or why it could not be read.
    pub(super) outcome: Result<Report, String>,
    /// What connecting to each of its destinations came to, in their order; none if nobody asked for it.
    pub(super) connections: Vec<Connection>,
}

/// How many steps of connecting failed in all inputs.
pub(super) fn failures(checked: &[Checked]) -> usize {
    checked.iter().flat_map(|checked| &checked.connections).map(Connection::failures).sum()
}

/// How many steps of connecting failed without keeping a producer from its work.
pub(super) fn warnings(checked: &[Checked]) -> usize {
    checked.iter().flat_map(|checked| &checked.connections).map(Connection::warnings).sum()
}

/// How many findings of a severity there are in all inputs.
pub(super) fn counted(checked: &[Checked], severity: Severity) -> usize {
    checked.iter().filter_map(|checked| checked.outcome.as_ref().ok()).map(|report| report.count(severity)).sum()
}
