//! The output formats of `transform`.

use clap::ValueEnum;

/// The output formats of `transform`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// Responses: an array if the input is an array or compacted, otherwise one per line
    Json,
    /// One {"message":…,"userId":…,"topic":…} per line, without rejected events
    Payloads,
    /// Key, tab and message, one event per line; only events for the topic in --only-topic
    Kcat,
}
