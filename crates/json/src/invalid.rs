//! The error for malformed JSON, and its explanation.

use serde::de::IgnoredAny;

/// The error for text that is not valid JSON, or is not a value of the expected type.
///
/// The error has no position, which keeps parsing fast. [`explain`] finds the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

/// Returns the reason why `text` is not valid JSON, including the line and column. Returns `None` if `text` is valid.
///
/// Call this function only for rejected bodies, because it parses the text again.
#[must_use]
pub fn explain(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).err().map(|error| error.to_string())
}

/// Like [`explain`], but replaces the word "ident" in serde_json's message with "true, false or null".
#[must_use]
pub fn not_json(text: &str) -> Option<String> {
    explain(text).map(|why| why.replace("expected ident", "expected true, false or null"))
}
