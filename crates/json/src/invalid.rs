//! Malformed JSON, and why it is malformed.

use serde::de::IgnoredAny;

/// The text is not valid JSON, or not of the expected kind.
///
/// The error has no position, which keeps parsing fast; [`explain`] finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

/// Returns why `text` is not valid JSON, with line and column; `None` if it is valid.
///
/// This parses the text again, so the cost applies only to rejected bodies.
#[must_use]
pub fn explain(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).err().map(|error| error.to_string())
}

/// [`explain`], with the library's "ident" replaced by the literals that it means.
#[must_use]
pub fn not_json(text: &str) -> Option<String> {
    explain(text).map(|why| why.replace("expected ident", "expected true, false or null"))
}
