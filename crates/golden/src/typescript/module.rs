//! A parsed file.

use std::ops::Deref;
use std::path::PathBuf;
use std::rc::Rc;

use super::problem::Problem;
use super::source_file::SourceFile;
use super::statements::Statements;

/// A file with its top-level statements.
#[derive(Debug)]
pub(super) struct Module {
    file: SourceFile,
    pub(super) statements: Statements,
}

impl Module {
    /// Parses the text of the file at `path`.
    ///
    /// # Errors
    /// Same as [`SourceFile::tokenize`].
    pub(super) fn parse(path: PathBuf, text: &str) -> Result<Rc<Self>, Problem> {
        let file = SourceFile::tokenize(path, text)?;
        let statements = Statements::of(&file);
        Ok(Rc::new(Self { file, statements }))
    }
}

impl Deref for Module {
    type Target = SourceFile;

    fn deref(&self) -> &SourceFile {
        &self.file
    }
}
