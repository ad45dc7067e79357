//! The text of a file with its tokens and their locations.

use json::display::shorten;
use std::path::PathBuf;

use super::limits::MAX_BYTES;
use super::problem::Problem;
use super::scalar;
use super::tokens::{Kind, Token, tokens};

/// The maximum length, in characters, of a name quoted in a problem.
const MAX_NAME: usize = 40;

/// A file split into tokens. A token is identified by its index. An index after the last token means the end of the
/// file.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) path: PathBuf,
    text: String,
    tokens: Vec<Token>,
    /// The offset in bytes at which each line begins.
    lines: Vec<usize>,
}

impl SourceFile {
    /// Splits the text of the file at `path` into tokens.
    ///
    /// # Errors
    /// Fails if the file is larger than [`MAX_BYTES`], has an invalid token, or its brackets do not match.
    pub(super) fn tokenize(path: PathBuf, text: &str) -> Result<Self, Problem> {
        let lines = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        let mut file = Self { path, text: text.to_owned(), tokens: Vec::new(), lines };
        if text.len() > MAX_BYTES {
            return Err(file.problem(0, format!("the file is larger than {MAX_BYTES} bytes")));
        }
        file.tokens = tokens(text).map_err(|fault| file.problem(fault.offset, fault.what))?;
        Ok(file)
    }

    /// Returns the number of tokens.
    pub(super) fn token_count(&self) -> usize {
        self.tokens.len()
    }

    /// Builds a problem located at an offset in bytes.
    pub(super) fn problem(&self, offset: usize, what: impl Into<String>) -> Problem {
        let line = self.lines.partition_point(|begin| *begin <= offset).max(1);
        let begin = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(begin..offset).map_or(0, |before| before.chars().count()) + 1;
        Problem { file: self.path.clone(), line, column, what: what.into() }
    }

    /// Builds a problem located at a token, or at the end of the file.
    pub(super) fn problem_at(&self, at: usize, what: impl Into<String>) -> Problem {
        self.problem(self.tokens.get(at).map_or(self.text.len(), |token| token.start as usize), what)
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// Returns the text of a token, which is empty at the end of the file.
    pub(super) fn word(&self, at: usize) -> &str {
        let token = self.tokens.get(at);
        token.and_then(|token| self.text.get(token.start as usize..token.end as usize)).unwrap_or_default()
    }

    /// Returns the text of a token, truncated if it is very long.
    pub(super) fn truncated(&self, at: usize) -> String {
        shorten(self.word(at), MAX_NAME).into_owned()
    }

    pub(super) fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.kind(at) == Some(Kind::Sign(sign))
    }

    pub(super) fn is_word(&self, at: usize, word: &str) -> bool {
        self.kind(at) == Some(Kind::Name) && self.word(at) == word
    }

    /// Returns whether a token is the first on its line.
    pub(super) fn begins_line(&self, at: usize) -> bool {
        self.tokens.get(at).is_none_or(|token| token.begins_line)
    }

    /// Returns the token after the token at `at`. For an opening bracket, returns the token after the closing bracket.
    pub(super) fn after(&self, at: usize) -> usize {
        match self.tokens.get(at) {
            Some(Token { kind: Kind::Open(_), partner, .. }) => *partner as usize + 1,
            _ => at + 1,
        }
    }

    /// Returns the token after the comma at `at`. The closing bracket of the list, at `end`, is accepted instead of a
    /// comma.
    pub(super) fn after_comma(&self, at: usize, end: usize) -> Result<usize, Problem> {
        if at == end || self.is_sign(at, b',') {
            return Ok(at + 1);
        }
        Err(self.problem_at(at, "missing comma"))
    }

    /// Returns whether an expression may end directly before the token at `at`.
    pub(super) fn ends_expression(&self, at: usize) -> bool {
        match self.kind(at) {
            None | Some(Kind::Sign(b',' | b';') | Kind::Close(_) | Kind::Between) => true,
            // Another statement begins.
            Some(Kind::Name | Kind::Open(b'{')) => {
                self.begins_line(at) && !matches!(self.word(at), "in" | "instanceof")
            }
            _ => false,
        }
    }

    /// Returns the value of the quoted string literal at a token.
    pub(super) fn string_at(&self, at: usize) -> Option<String> {
        (self.kind(at) == Some(Kind::Text)).then(|| scalar::string(self.word(at)).ok()).flatten()
    }
}
