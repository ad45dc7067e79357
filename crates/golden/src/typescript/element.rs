//! A test case read from a file.

use serde_json::Value;

/// An element of the exported array, with its location.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// The value, as `JSON.stringify` would print it.
    pub value: Value,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}
