//! What cannot be read, and where.

use std::fmt;
use std::path::PathBuf;

/// What cannot be read or used, and where: a case, or a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1, where it is known.
    pub line: Option<usize>,
    /// In characters, counted from 1, where it is known.
    pub column: Option<usize>,
    /// What is wrong. It holds nothing of what the file holds but names and punctuation of source text.
    pub problem: String,
}

impl Unreadable {
    /// Something about a file as a whole.
    #[must_use]
    pub fn file(file: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, column: None, problem: problem.into() }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        write!(f, ": {}", self.problem)
    }
}
