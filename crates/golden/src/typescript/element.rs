//! A test case read from a file.

use serde_json::Value;

/// An element of the exported array, with its location.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// The value, as `JSON.stringify` would print it.
    pub value: Value,
    /// The 1-based line number.
    pub line: usize,
    /// The 1-based column, in characters.
    pub column: usize,
}
