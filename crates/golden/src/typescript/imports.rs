//! Access to imported files.

use std::path::{Path, PathBuf};

/// Resolves and reads the files that another file imports.
pub trait Imports {
    /// Returns the path and text of the file that `from` imports as `specifier`.
    ///
    /// # Errors
    /// Returns the reason why the file cannot be read, worded to follow a colon.
    fn text(&mut self, from: &Path, specifier: &str) -> Result<(PathBuf, String), String>;
}

/// Rejects every import.
pub(super) struct NoImports;

impl Imports for NoImports {
    fn text(&mut self, _: &Path, _: &str) -> Result<(PathBuf, String), String> {
        Err("imports are not available".to_owned())
    }
}
