//! Names of unsupported constructs, for the text of problems.

use super::problem::Problem;
use super::source_file::SourceFile;
use super::tokens::Kind;

/// Builds a problem about an unsupported construct. `construct` is the noun phrase with which the text of the problem
/// begins.
pub(super) fn not_read(file: &SourceFile, at: usize, construct: &str) -> Problem {
    file.problem_at(
        at,
        format!("{construct} is not supported: only literals, constants, and functions that return them can be read"),
    )
}

/// Returns a noun phrase for the construct that begins at a token.
pub(super) fn construct(file: &SourceFile, at: usize) -> String {
    let Some(kind) = file.kind(at) else { return "the end of the file".to_owned() };
    let next = file.kind(at + 1);
    match kind {
        Kind::Regex => "a regular expression".to_owned(),
        Kind::Open(b'`') => "a template string with a substitution".to_owned(),
        Kind::Open(b'(') => "a function".to_owned(),
        Kind::Open(b'{') => "an object".to_owned(),
        Kind::Text | Kind::Template => "a string".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::Spread => "a spread".to_owned(),
        Kind::Name => match file.word(at) {
            "function" | "async" => "a function".to_owned(),
            "class" => "a class".to_owned(),
            "new" => format!("`new {}(…)`", file.truncated(at + 1)),
            word @ ("await" | "typeof" | "void" | "delete" | "yield" | "this" | "super" | "import") => {
                format!("`{word}`")
            }
            _ if next == Some(Kind::Arrow) => "a function".to_owned(),
            _ if matches!(next, Some(Kind::Open(b'('))) => format!("the call `{}(…)`", file.truncated(at)),
            _ if matches!(next, Some(Kind::Template | Kind::Open(b'`'))) => "a tagged template string".to_owned(),
            _ if file.is_sign(at + 1, b'.') && file.kind(at + 3) == Some(Kind::Open(b'(')) => {
                format!("the call `{}.{}(…)`", file.truncated(at), file.truncated(at + 2))
            }
            _ => format!("`{}` (not defined in this file)", file.truncated(at)),
        },
        Kind::Close(_) | Kind::Sign(b',' | b';' | b':') => format!("`{}` instead of a value", file.word(at)),
        _ => format!("the operator `{}`", file.word(at)),
    }
}

/// Returns a noun phrase for the construct that follows a value.
pub(super) fn construct_after(file: &SourceFile, at: usize) -> String {
    match file.kind(at) {
        Some(Kind::Sign(b'.') | Kind::Optional) if file.kind(at + 2) == Some(Kind::Open(b'(')) => {
            format!("the call `.{}(…)`", file.truncated(at + 1))
        }
        Some(Kind::Sign(b'.') | Kind::Optional | Kind::Open(b'[')) => "a property of a value".to_owned(),
        Some(Kind::Open(b'(')) => "a function call".to_owned(),
        Some(Kind::Arrow) => "a function".to_owned(),
        Some(Kind::Template | Kind::Open(b'`')) => "a tagged template string".to_owned(),
        Some(Kind::Sign(b'?')) => "a conditional expression".to_owned(),
        Some(Kind::Text | Kind::Number | Kind::Name | Kind::Open(_) | Kind::Spread | Kind::Regex) => {
            "a value without a comma before it".to_owned()
        }
        _ => format!("the operator `{}`", file.truncated(at)),
    }
}
