//! Files and cases that cannot be read, with their location.

use std::fmt;
use std::path::PathBuf;

/// A case or a whole file that cannot be read, with its location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The file.
    pub file: PathBuf,
    /// The 1-based line number, if known.
    pub line: Option<usize>,
    /// The 1-based column in characters, if known.
    pub column: Option<usize>,
    /// The problem. The text quotes nothing from the file except names and punctuation of source code.
    pub problem: String,
}

impl Unreadable {
    /// Creates a problem with a whole file.
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
