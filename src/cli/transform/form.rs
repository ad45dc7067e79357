//! The output formats of `transform`.

use clap::ValueEnum;

/// The output formats of `transform`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// The responses: an array for an array or compacted input, otherwise one per line
    Json,
    /// One {"message":…,"userId":…,"topic":…} per line, without the rejected events
    Payloads,
    /// Key, tab and message, one per line, of the events for one --only-topic
    Kcat,
}
