//! TypeScript files that export test cases as an array literal, read without running anything.
//!
//! Supported are literals with everything that TypeScript adds to JSON: comments, single quotes, names and numbers as keys,
//! trailing commas, template strings, computed keys, `as` and `satisfies`. So are constants, enums and functions made of
//! them, also from imported files. Their names may be used as a value, as a field (`{ name }`), with a path
//! (`name.member[0]`), spread (`...name`) or called (`name(1)`). A function may have parameters and constants, and returns
//! a value. Everything else, such as an operator or a class, costs the one case that contains it.
//!
//! A parser of a library would have to be guarded against the same input: swc's overflows the stack at a thousand brackets in
//! a debug build, and oxc's needs a newer compiler than this crate.
//!
//! | module | decides |
//! | --- | --- |
//! | `tokens` | where tokens begin and end |
//! | `statements` | which constants, imports and exports a file has |
//! | `types` | where a type ends |
//! | `scalar` | what a string or a number is |
//! | `names` | what a name stands for |
//! | `evaluate` | what an expression is |
//! | `composed` | what template strings, enums and `Object.assign` are |
//! | `functions` | what a call returns |
//! | `cases` | which elements there are |
//! | `constructs` | what is said of what cannot be read |

mod cases;
mod composed;
mod constructs;
mod evaluate;
mod functions;
mod names;
mod scalar;
mod statements;
mod tokens;
mod types;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::Value;

use self::evaluate::Evaluator;
use self::statements::Statements;
use self::tokens::{Kind, Token};

/// The largest file that is read.
pub const MAX_BYTES: usize = 8 << 20;
/// Levels of brackets, and of constants made of constants.
const MAX_DEPTH: usize = 100;
/// Maximum cost of all cases of a file: one per value, and one per eight bytes of a string. Constants that repeat each other
/// grow exponentially, so the limit depends on the file's size: [`BASE_COST`], and [`COST_PER_TOKEN`] for each token of the
/// file and of those it imports, but no more than this.
const MAX_COST: usize = 4 << 20;
/// What a file of any size may come to.
const BASE_COST: usize = 64 << 10;
/// What each token of a file adds to that.
const COST_PER_TOKEN: usize = 16;
/// Bytes of a string that cost as much as a value.
const BYTES_PER_COST: usize = 8;
/// Files that one file may import from, directly or not.
const MAX_FILES: usize = 32;

/// One element of the array, and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// The value, as `JSON.stringify` would see it.
    pub value: Value,
    /// Its line, counted from 1.
    pub line: usize,
    /// Its column in characters, counted from 1.
    pub column: usize,
}

/// What cannot be read, and where. The text holds names and punctuation of the file, and no values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file: the one that was read, or one that it imports from.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is there.
    pub what: String,
}

/// The files that the one being read may import.
pub trait Imports {
    /// Path and text of what `from` imports as `specifier`.
    ///
    /// # Errors
    /// Why there is nothing to read, as the end of a sentence.
    fn text(&mut self, from: &Path, specifier: &str) -> Result<(PathBuf, String), String>;
}

/// No other files.
struct Alone;

impl Imports for Alone {
    fn text(&mut self, _: &Path, _: &str) -> Result<(PathBuf, String), String> {
        Err("which is not at hand".to_owned())
    }
}

/// The elements of the array that a text exports as `data` or by default. Those that cannot be read are problems among them.
///
/// # Errors
/// [`Problem`] where there is no such array, or the text cannot be taken apart at all.
pub fn read(text: &str) -> Result<Vec<Result<Element, Problem>>, Problem> {
    read_with(Path::new(""), text, &mut Alone)
}

/// [`read`], with the files that the one at `path` imports from.
///
/// # Errors
/// As [`read`].
pub fn read_with(path: &Path, text: &str, imports: &mut dyn Imports) -> Result<Vec<Result<Element, Problem>>, Problem> {
    let module = Module::of(path.to_owned(), text)?;
    Evaluator::new(module, imports).cases()
}

/// A fault at a place of a text.
#[derive(Debug)]
struct Fault {
    /// In bytes.
    offset: usize,
    what: String,
}

impl Fault {
    fn at(offset: usize, what: impl Into<String>) -> Self {
        Self { offset, what: what.into() }
    }
}

/// A file, taken apart.
#[derive(Debug)]
struct Module {
    path: PathBuf,
    text: String,
    tokens: Vec<Token>,
    statements: Statements,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// Characters of a name that a problem repeats.
const MAX_NAME: usize = 40;

impl Module {
    fn of(path: PathBuf, text: &str) -> Result<Rc<Self>, Problem> {
        let lines = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        let mut module =
            Self { path, text: text.to_owned(), tokens: Vec::new(), statements: Statements::default(), lines };
        if text.len() > MAX_BYTES {
            return Err(module.problem(0, format!("the file is larger than {MAX_BYTES} bytes")));
        }
        module.tokens = tokens::tokens(text).map_err(|fault| module.problem(fault.offset, fault.what))?;
        module.statements = Statements::of(&module);
        Ok(Rc::new(module))
    }

    /// A problem at an offset in bytes.
    fn problem(&self, offset: usize, what: impl Into<String>) -> Problem {
        let line = self.lines.partition_point(|begin| *begin <= offset).max(1);
        let begin = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(begin..offset).map_or(0, |before| before.chars().count()) + 1;
        Problem { file: self.path.clone(), line, column, what: what.into() }
    }

    /// Line and column of a token; behind the last one, those of the end.
    fn problem_at(&self, at: usize, what: impl Into<String>) -> Problem {
        self.problem(self.tokens.get(at).map_or(self.text.len(), |token| token.start as usize), what)
    }

    fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// The text of a token, nothing behind the last one.
    fn word(&self, at: usize) -> &str {
        let token = self.tokens.get(at);
        token.and_then(|token| self.text.get(token.start as usize..token.end as usize)).unwrap_or_default()
    }

    /// The text of a name, cut where it is very long.
    fn shown(&self, at: usize) -> String {
        let word = self.word(at);
        match word.char_indices().nth(MAX_NAME) {
            Some((end, _)) => format!("{}…", &word[..end]),
            None => word.to_owned(),
        }
    }

    fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.kind(at) == Some(Kind::Sign(sign))
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.kind(at) == Some(Kind::Name) && self.word(at) == word
    }

    /// Whether a line ends before the token.
    fn begins_line(&self, at: usize) -> bool {
        self.tokens.get(at).is_none_or(|token| token.begins_line)
    }

    /// What comes behind a token, and behind all that it encloses where it is an opening bracket.
    fn behind(&self, at: usize) -> usize {
        match self.tokens.get(at) {
            Some(Token { kind: Kind::Open(_), partner, .. }) => *partner as usize + 1,
            _ => at + 1,
        }
    }

    /// The string in quotes at a token.
    fn string_at(&self, at: usize) -> Option<String> {
        (self.kind(at) == Some(Kind::Text)).then(|| scalar::string(self.word(at)).ok()).flatten()
    }
}

#[cfg(test)]
mod function_tests;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;
