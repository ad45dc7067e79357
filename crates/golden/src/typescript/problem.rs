//! Problems in a file, with their location.

use std::path::PathBuf;

/// A construct that cannot be parsed, with its location. The description of the problem quotes names and punctuation
/// from the file, but no values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file with the problem: the file that was read, or a file that it imports.
    pub file: PathBuf,
    /// The 1-based line number.
    pub line: usize,
    /// The 1-based column, in characters.
    pub column: usize,
    /// A description of the problem.
    pub what: String,
}

/// A syntax error that the lexer has found. The line number of the error is not known yet.
#[derive(Debug)]
pub(super) struct Fault {
    /// The offset in bytes.
    pub(super) offset: usize,
    /// A description of the problem.
    pub(super) what: String,
}

impl Fault {
    pub(super) fn at(offset: usize, what: impl Into<String>) -> Self {
        Self { offset, what: what.into() }
    }
}
