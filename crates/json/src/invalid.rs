//! Malformed JSON, and why it is malformed.

use serde::de::IgnoredAny;

/// The text is not valid JSON, or not the JSON that was asked for. [`explain`] finds where and why; keeping that out of
/// this type keeps reading fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

/// Why `text` is not one JSON value: what was wrong, with line and column. `None` where it is one.
///
/// Reads the whole text again, because only a rejected body has to pay for it.
#[must_use]
pub fn explain(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).err().map(|error| error.to_string())
}

/// [`explain`], with the library's "ident" replaced by the literals that it means.
#[must_use]
pub fn not_json(text: &str) -> Option<String> {
    explain(text).map(|why| why.replace("expected ident", "expected true, false or null"))
}
