//! What `transform` prints.

use clap::ValueEnum;

/// What `transform` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// The responses: an array for an array or compacted input, otherwise one per line
    Json,
    /// One {"message":…,"userId":…,"topic":…} per line, without the rejected events
    Payloads,
    /// Key, tab and message, one per line, of the events of one --only-topic
    Kcat,
}
