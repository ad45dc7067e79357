//! Golden cases: requests with the responses that are expected, read from files of several shapes, put to a
//! transformer, and judged. The transformer is our own, started inside the process, or any one behind a URL.
//!
//! | module | decides |
//! | --- | --- |
//! | [`sources`] | which files a path stands for |
//! | [`read`] | which cases a file has, within limits |
//! | [`case`], [`shapes`] | what a case is, and how it stands in JSON |
//! | [`typescript`] | what a file of the reference's own tests says |
//! | [`transformer`], [`engine`] | who answers, and how it is asked |
//! | [`verdict`] | whether a response is the expected one, or differs on purpose |
//! | [`run`] | the way through all cases |
//! | [`record`] | a golden file from a transformer's answers |
//! | [`junit`] | what a CI system is reported |

pub mod case;
pub mod engine;
pub mod junit;
pub mod read;
pub mod record;
pub mod run;
pub mod shapes;
pub mod sources;
pub mod transformer;
pub mod typescript;
pub mod verdict;

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
