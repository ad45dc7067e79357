//! Finds the end of type annotations, which are skipped without being interpreted.

use super::source_file::SourceFile;
use super::tokens::Kind;

/// Keywords that may precede a type.
const PREFIXES: [&str; 6] = ["keyof", "typeof", "readonly", "unique", "infer", "asserts"];

/// Returns the token after the type that begins at `at`, or `at` itself if there is no type.
pub(super) fn after_type(file: &SourceFile, at: usize) -> usize {
    after(file, at, true)
}

/// Returns the token after the return type of a function. A following arrow belongs to the function, not to the type.
pub(super) fn after_return_type(file: &SourceFile, at: usize) -> usize {
    after(file, at, false)
}

fn after(file: &SourceFile, at: usize, through_arrows: bool) -> usize {
    let mut next = at;
    if file.is_sign(next, b'|') || file.is_sign(next, b'&') {
        next += 1;
    }
    loop {
        let end = after_operand(file, next);
        if end == next {
            return at;
        }
        next = end;
        // These tokens continue a type: unions, intersections, function types, type predicates and conditional types.
        let continues = file.is_sign(next, b'|')
            || file.is_sign(next, b'&')
            || (through_arrows && file.kind(next) == Some(Kind::Arrow))
            || file.is_word(next, "is")
            || file.is_word(next, "extends");
        if !continues {
            return next;
        }
        next += 1;
    }
}

fn after_operand(file: &SourceFile, at: usize) -> usize {
    let mut next = at;
    while PREFIXES.iter().any(|prefix| file.is_word(next, prefix)) {
        next += 1;
    }
    match file.kind(next) {
        Some(Kind::Name) => {
            next += 1;
            while file.is_sign(next, b'.') && file.kind(next + 1) == Some(Kind::Name) {
                next += 2;
            }
            if file.is_sign(next, b'<') {
                next = after_angles(file, next).unwrap_or(next);
            }
        }
        Some(Kind::Text | Kind::Template | Kind::Number | Kind::Open(_)) => next = file.after(next),
        Some(Kind::Sign(b'-')) if file.kind(next + 1) == Some(Kind::Number) => next += 2,
        _ => return at,
    }
    // `[]` and `['property']` after a type are part of the type if they are on the same line.
    while file.kind(next) == Some(Kind::Open(b'[')) && !file.begins_line(next) {
        next = file.after(next);
    }
    next
}

/// The maximum number of tokens between angle brackets, which bounds the search for a `>` that may not exist.
const MAX_IN_ANGLES: usize = 1000;

/// Returns the token after the `>` that closes the `<` at `at`, or `None` if the `<` is never closed.
pub(super) fn after_angles(file: &SourceFile, at: usize) -> Option<usize> {
    let (mut open, mut next) = (0_usize, at);
    for _ in 0..MAX_IN_ANGLES {
        match file.kind(next)? {
            Kind::Sign(b'<') => open += 1,
            Kind::Sign(b'>') => {
                open -= 1;
                if open == 0 {
                    return Some(next + 1);
                }
            }
            Kind::Close(_) | Kind::Sign(b';') => return None,
            _ => {}
        }
        next = file.after(next);
    }
    None
}
