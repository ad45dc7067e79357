//! Errors in a tool's input. Each message is a single line and never contains a part of an event.

use std::io;
use std::sync::Arc;

use destinations::source::UTF_16;

/// The maximum size in bytes of a value that is read at once: a line, an object, or an array element. An array may
/// have any size.
pub(super) const MAX_VALUE_BYTES: usize = 256 << 20;

/// Why reading the input stopped.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum InputError {
    /// A file cannot be opened or read.
    #[error("{name}: {}", system_reason(.error))]
    Unreadable {
        /// The name of the file.
        name: Arc<str>,
        /// The OS error.
        error: io::Error,
    },
    /// The file starts like gzip data, but is damaged.
    #[error("{name}: the gzip data is damaged or truncated")]
    Gzip {
        /// The name of the file.
        name: Arc<str>,
    },
    /// The input is not JSON, or ends within a value.
    #[error("{name}:{line}:{column}: {reason}")]
    NotJson {
        /// The name of the file.
        name: Arc<str>,
        /// The 1-based line number.
        line: u64,
        /// The 1-based column, in bytes.
        column: u64,
        /// The reason why the input is not JSON.
        reason: String,
    },
    /// A value is larger than [`MAX_VALUE_BYTES`].
    #[error("{name}:{line}: a line, object or array element is larger than {} MiB", MAX_VALUE_BYTES >> 20)]
    TooLarge {
        /// The name of the file.
        name: Arc<str>,
        /// The 1-based number of the line where the value begins.
        line: u64,
    },
    /// The file passed to `--destination` does not contain a usable destination.
    #[error("{name}: {reason}")]
    NotADestination {
        /// The name of the file.
        name: Arc<str>,
        /// The reason why the destination is not usable.
        reason: String,
    },
    /// The input is UTF-16, which PowerShell and Excel write.
    #[error("{name}: {UTF_16}")]
    Utf16 {
        /// The name of the file.
        name: Arc<str>,
    },
    /// Both the events and the destination would be read from stdin.
    #[error("stdin can be read only once: name a file for the events or for --destination")]
    StandardInputTwice,
    /// No line of the input is JSON.
    #[error("{name}: no line is JSON")]
    NothingIsJson {
        /// The name of the file.
        name: Arc<str>,
    },
    /// A worker thread panicked.
    #[error("a batch of events failed because of a bug in this program; please report it")]
    Fault,
}

/// Returns the message of an operating system error, without its number.
pub(in crate::cli) fn system_reason(error: &io::Error) -> String {
    let text = match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory, not a file".to_owned(),
        _ => error.to_string(),
    };
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
