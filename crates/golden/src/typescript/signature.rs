//! The parts of a function: the parameters, their types, and the body.

use super::problem::Problem;
use super::source_file::SourceFile;
use super::tokens::Kind;
use super::types::{after_angles, after_return_type, after_type};

/// The tokens at which the parts of a function begin.
pub(super) struct Function {
    /// The opening parenthesis, or the only parameter if there are no parentheses.
    pub(super) parameters: usize,
    pub(super) body: usize,
    /// Whether the body is a block in braces, not an expression.
    pub(super) is_block: bool,
}

/// Returns the function at a token, if the evaluator can call it.
pub(super) fn function_at(file: &SourceFile, at: usize) -> Option<Function> {
    if file.is_word(at, "function") {
        let mut next = at + 1;
        if file.kind(next) == Some(Kind::Name) {
            next += 1;
        }
        if file.is_sign(next, b'<') {
            next = after_angles(file, next)?;
        }
        let parameters = next;
        let body = after_parameters(file, parameters)?;
        return (file.kind(body) == Some(Kind::Open(b'{'))).then_some(Function { parameters, body, is_block: true });
    }
    let parameters = if file.is_sign(at, b'<') { after_angles(file, at)? } else { at };
    let arrow = match file.kind(parameters)? {
        Kind::Name if parameters == at => at + 1,
        _ => after_parameters(file, parameters)?,
    };
    let body = arrow + 1;
    let is_block = file.kind(body) == Some(Kind::Open(b'{'));
    (file.kind(arrow) == Some(Kind::Arrow)).then_some(Function { parameters, body, is_block })
}

/// Returns the token after the parenthesized parameters at `at` and the return type.
fn after_parameters(file: &SourceFile, at: usize) -> Option<usize> {
    if file.kind(at) != Some(Kind::Open(b'(')) {
        return None;
    }
    let next = file.after(at);
    Some(if file.is_sign(next, b':') { after_return_type(file, next + 1) } else { next })
}

/// Returns whether a function begins at a token.
pub(super) fn is_function(file: &SourceFile, at: usize) -> bool {
    function_at(file, at).is_some()
}

/// Returns the opening parenthesis of a call. `at` is the token after the function's name.
pub(super) fn call_at(file: &SourceFile, at: usize) -> Option<usize> {
    let open = if file.is_sign(at, b'<') { after_angles(file, at)? } else { at };
    (file.kind(open) == Some(Kind::Open(b'('))).then_some(open)
}

/// Returns the token after a pattern and its optional type.
///
/// # Errors
/// Fails if there is no type after the colon.
pub(super) fn after_pattern_type(file: &SourceFile, at: usize) -> Result<usize, Problem> {
    let mut next = file.after(at);
    if file.is_sign(next, b'?') {
        next += 1;
    }
    if !file.is_sign(next, b':') {
        return Ok(next);
    }
    let after = after_type(file, next + 1);
    if after == next + 1 { Err(file.problem_at(after, "expected a type")) } else { Ok(after) }
}
