//! Reads TypeScript files that export test cases as an array literal, without running code.
//!
//! Literals are supported with everything that TypeScript adds to JSON: comments, single quotes, names and numbers as
//! keys, trailing commas, template strings, computed keys, `as` and `satisfies`. Constants, enums and functions built
//! from literals are supported too, including those of imported files. A name may be used as a value, as a property
//! (`{ name }`), with a path (`name.property[0]`), spread (`...name`) or called (`name(1)`). A function may have
//! parameters and constants, and returns a value. Anything else, such as an operator or a class, fails only the case
//! that contains it.
//!
//! A parser library would need similar limits: swc overflows the stack at a thousand nested brackets in a debug build.
//! oxc needs a newer compiler than this crate.
//!
//! | module | content |
//! | --- | --- |
//! | `element`, `problem` | the results: a case, or the reason why it cannot be read |
//! | `imports` | access to imported files |
//! | `limits` | limits on size, nesting and total work |
//! | `scalar` | string and number literals |
//! | `tokens` | the lexer |
//! | `source_file` | a file split into tokens, with their locations |
//! | `types`, `signature` | where types end, and the parts of functions |
//! | `constructs` | names of unsupported constructs, for the text of problems |
//! | `statements` | constants, imports and exports of a file |
//! | `module` | a source file with its statements |
//! | `value` | evaluated values and their size |
//! | `evaluator` | the state of the evaluation, and its limits |
//! | `names` | name resolution |
//! | `evaluate` | expressions |
//! | `composed` | template strings, enums, and built-in functions |
//! | `functions` | function calls |
//! | `cases` | the elements of the exported array |

mod cases;
mod composed;
mod constructs;
mod element;
mod evaluate;
mod evaluator;
mod functions;
mod imports;
mod limits;
mod module;
mod names;
mod problem;
mod scalar;
mod signature;
mod source_file;
mod statements;
mod tokens;
mod types;
mod value;

use std::path::Path;

pub use self::element::Element;
use self::evaluator::Evaluator;
pub use self::imports::Imports;
use self::imports::NoImports;
pub use self::limits::MAX_BYTES;
use self::module::Module;
pub use self::problem::Problem;

/// Reads the elements of the array that a file exports as `data` or as its default export, without access to other
/// files.
///
/// # Errors
/// Fails if there is no such array, or the text cannot be split into tokens. An unreadable element is a [`Problem`] in
/// the result.
pub fn read(text: &str) -> Result<Vec<Result<Element, Problem>>, Problem> {
    read_with(Path::new(""), text, &mut NoImports)
}

/// Like [`read`], but with access to the files that the file at `path` imports.
///
/// # Errors
/// Same as [`read`].
pub fn read_with(path: &Path, text: &str, imports: &mut dyn Imports) -> Result<Vec<Result<Element, Problem>>, Problem> {
    let module = Module::parse(path.to_owned(), text)?;
    Evaluator::new(module, imports).cases()
}

#[cfg(test)]
mod function_tests;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;
