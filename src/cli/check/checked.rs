//! One input of `check` with its findings, and the totals for all inputs.

use check::Report;
use check::code::Severity;

use super::connect::connection::Connection;

/// An input with its findings.
pub(super) struct Checked {
    /// The name that messages use for the input. A URL is shown without its secrets.
    pub(super) name: String,
    /// The findings, or the reason why the input could not be read.
    pub(super) outcome: Result<Report, String>,
    /// The connection attempts, in the order of the destinations. Empty without `--connect`.
    pub(super) connections: Vec<Connection>,
}

/// Counts the failed connection steps of all inputs.
pub(super) fn failures(checked: &[Checked]) -> usize {
    checked.iter().flat_map(|checked| &checked.connections).map(Connection::failures).sum()
}

/// Counts, across all inputs, the failed connection steps that do not stop a producer from working.
pub(super) fn warnings(checked: &[Checked]) -> usize {
    checked.iter().flat_map(|checked| &checked.connections).map(Connection::warnings).sum()
}

/// Counts the findings of a severity in all inputs.
pub(super) fn counted(checked: &[Checked], severity: Severity) -> usize {
    checked.iter().filter_map(|checked| checked.outcome.as_ref().ok()).map(|report| report.count(severity)).sum()
}
