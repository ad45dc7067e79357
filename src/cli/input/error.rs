//! Why input cannot be used, each in one line. No text holds a part of an event.

use std::io;
use std::sync::Arc;

use destinations::source::UTF_16;

/// The largest value that is read at once: a line, an object, or an element of an array. An array as such may be of
/// any size.
pub(super) const MAX_VALUE_BYTES: usize = 256 << 20;

/// Why reading ends before the input does.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum InputError {
    /// A file cannot be opened or read.
    #[error("{name}: {}", system_reason(.error))]
    Unreadable {
        /// Which one.
        name: Arc<str>,
        /// What the system said.
        error: io::Error,
    },
    /// It begins like gzip, and is not one.
    #[error("{name}: the gzip data are damaged or end too early")]
    Gzip {
        /// Which one.
        name: Arc<str>,
    },
    /// It is not JSON, or ends within a value.
    #[error("{name}:{line}:{column}: {reason}")]
    NotJson {
        /// Which one.
        name: Arc<str>,
        /// From 1.
        line: u64,
        /// In bytes, from 1.
        column: u64,
        /// What is wrong.
        reason: String,
    },
    /// A value is past [`MAX_VALUE_BYTES`].
    #[error("{name}:{line}: a line, object or element is larger than {} MiB", MAX_VALUE_BYTES >> 20)]
    TooLarge {
        /// Which one.
        name: Arc<str>,
        /// Where it begins.
        line: u64,
    },
    /// What should be a destination is another thing.
    #[error("{name}: {reason}")]
    NotADestination {
        /// Which one.
        name: Arc<str>,
        /// What it is.
        reason: String,
    },
    /// It is UTF-16, as PowerShell and Excel write it.
    #[error("{name}: {UTF_16}")]
    Utf16 {
        /// Which one.
        name: Arc<str>,
    },
    /// Two parts of the input are `-`.
    #[error("standard input can be read once: name a file for the events or for --destination")]
    StandardInputTwice,
    /// Every line of it is something else.
    #[error("{name}: no line of it is JSON")]
    NothingIsJson {
        /// What was read.
        name: Arc<str>,
    },
    /// A thread ended on a fault.
    #[error("a batch of events failed because of a bug in this program; please report it")]
    Fault,
}

/// What the system said, without its number.
pub(in crate::cli) fn system_reason(error: &io::Error) -> String {
    let text = match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it may not be read by this user".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory, not a file".to_owned(),
        _ => error.to_string(),
    };
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
