//! The error for malformed JSON, and its explanation.

use serde::de::IgnoredAny;

/// The text is not valid JSON, or is not a value of the expected type.
///
/// The error has no position, which keeps parsing fast. [`explain`] finds the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

/// Returns the reason why `text` is not valid JSON, with line and column, or `None` if it is valid.
///
/// This parses the text again, so call it only for rejected bodies.
#[must_use]
pub fn explain(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).err().map(|error| error.to_string())
}

/// Like [`explain`], but names the literals that serde_json calls "ident".
#[must_use]
pub fn not_json(text: &str) -> Option<String> {
    explain(text).map(|why| why.replace("expected ident", "expected true, false or null"))
}
