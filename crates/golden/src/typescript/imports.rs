//! Access to imported files.

use std::path::{Path, PathBuf};

/// Resolves and reads the files that another file imports.
pub trait Imports {
    /// Returns path and text of the file that `from` imports as `specifier`.
    ///
    /// # Errors
    /// Why the file cannot be read, worded as the end of a sentence.
    fn text(&mut self, from: &Path, specifier: &str) -> Result<(PathBuf, String), String>;
}

/// Rejects every import.
pub(super) struct NoImports;

impl Imports for NoImports {
    fn text(&mut self, _: &Path, _: &str) -> Result<(PathBuf, String), String> {
        Err("which is not available".to_owned())
    }
}
