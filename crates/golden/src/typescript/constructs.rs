//! The names of what cannot be read.

use super::tokens::Kind;
use super::{Module, Problem};

/// Says that a construct cannot be read, which is the subject of the sentence.
pub(super) fn not_read(module: &Module, at: usize, construct: &str) -> Problem {
    module.problem_at(
        at,
        format!("{construct} is not supported: only literals, constants, and functions that return them are read"),
    )
}

/// What begins at a token, in words.
pub(super) fn construct(module: &Module, at: usize) -> String {
    let Some(kind) = module.kind(at) else { return "the end of the file".to_owned() };
    let next = module.kind(at + 1);
    match kind {
        Kind::Regex => "a regular expression".to_owned(),
        Kind::Open(b'`') => "a template string with a substitution".to_owned(),
        Kind::Open(b'(') => "a function".to_owned(),
        Kind::Open(b'{') => "an object".to_owned(),
        Kind::Text | Kind::Template => "a string".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::Spread => "a spread".to_owned(),
        Kind::Name => match module.word(at) {
            "function" | "async" => "a function".to_owned(),
            "class" => "a class".to_owned(),
            "new" => format!("`new {}(…)`", module.shown(at + 1)),
            word @ ("await" | "typeof" | "void" | "delete" | "yield" | "this" | "super" | "import") => {
                format!("`{word}`")
            }
            _ if next == Some(Kind::Arrow) => "a function".to_owned(),
            _ if matches!(next, Some(Kind::Open(b'('))) => format!("the call `{}(…)`", module.shown(at)),
            _ if matches!(next, Some(Kind::Template | Kind::Open(b'`'))) => "a tagged template string".to_owned(),
            _ if module.is_sign(at + 1, b'.') && module.kind(at + 3) == Some(Kind::Open(b'(')) => {
                format!("the call `{}.{}(…)`", module.shown(at), module.shown(at + 2))
            }
            _ => format!("`{}` (not known in this file)", module.shown(at)),
        },
        Kind::Close(_) | Kind::Sign(b',' | b';' | b':') => format!("`{}` in place of a value", module.word(at)),
        _ => format!("the operator `{}`", module.word(at)),
    }
}

/// What goes on behind a value, in words.
pub(super) fn construct_behind(module: &Module, at: usize) -> String {
    match module.kind(at) {
        Some(Kind::Sign(b'.') | Kind::Optional) if module.kind(at + 2) == Some(Kind::Open(b'(')) => {
            format!("the call `.{}(…)`", module.shown(at + 1))
        }
        Some(Kind::Sign(b'.') | Kind::Optional | Kind::Open(b'[')) => "a member of a value".to_owned(),
        Some(Kind::Open(b'(')) => "a function call".to_owned(),
        Some(Kind::Arrow) => "a function".to_owned(),
        Some(Kind::Template | Kind::Open(b'`')) => "a tagged template string".to_owned(),
        Some(Kind::Sign(b'?')) => "a conditional expression".to_owned(),
        Some(Kind::Text | Kind::Number | Kind::Name | Kind::Open(_) | Kind::Spread | Kind::Regex) => {
            "what stands here without a comma before it".to_owned()
        }
        _ => format!("the operator `{}`", module.shown(at)),
    }
}
