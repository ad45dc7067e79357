//! Where a type ends: types are stepped over, whatever they say.

use super::Module;
use super::tokens::Kind;

/// Words that go before a type.
const PREFIXES: [&str; 6] = ["keyof", "typeof", "readonly", "unique", "infer", "asserts"];

/// What comes behind the type that begins at `at`; `at` itself where there is none.
pub(super) fn behind_type(module: &Module, at: usize) -> usize {
    behind(module, at, true)
}

/// What comes behind the type of a function's result: the arrow behind it is that of the function.
pub(super) fn behind_return_type(module: &Module, at: usize) -> usize {
    behind(module, at, false)
}

fn behind(module: &Module, at: usize, through_arrows: bool) -> usize {
    let mut next = at;
    if module.is_sign(next, b'|') || module.is_sign(next, b'&') {
        next += 1;
    }
    loop {
        let end = behind_operand(module, next);
        if end == next {
            return at;
        }
        next = end;
        // A union, an intersection or a function type goes on; so does a type predicate or a condition on its first word.
        let goes_on = module.is_sign(next, b'|')
            || module.is_sign(next, b'&')
            || (through_arrows && module.kind(next) == Some(Kind::Arrow))
            || module.is_word(next, "is")
            || module.is_word(next, "extends");
        if !goes_on {
            return next;
        }
        next += 1;
    }
}

fn behind_operand(module: &Module, at: usize) -> usize {
    let mut next = at;
    while PREFIXES.iter().any(|prefix| module.is_word(next, prefix)) {
        next += 1;
    }
    match module.kind(next) {
        Some(Kind::Name) => {
            next += 1;
            while module.is_sign(next, b'.') && module.kind(next + 1) == Some(Kind::Name) {
                next += 2;
            }
            if module.is_sign(next, b'<') {
                next = behind_angles(module, next).unwrap_or(next);
            }
        }
        Some(Kind::Text | Kind::Template | Kind::Number | Kind::Open(_)) => next = module.behind(next),
        Some(Kind::Sign(b'-')) if module.kind(next + 1) == Some(Kind::Number) => next += 2,
        _ => return at,
    }
    // `[]` and `['member']` behind a type belong to it, on the same line.
    while module.kind(next) == Some(Kind::Open(b'[')) && !module.begins_line(next) {
        next = module.behind(next);
    }
    next
}

/// Tokens between angle brackets. They are looked for only, so that many that are never closed have to cost little each.
const MAX_IN_ANGLES: usize = 1000;

/// What comes behind the `>` that closes the `<` at `at`.
pub(super) fn behind_angles(module: &Module, at: usize) -> Option<usize> {
    let (mut open, mut next) = (0_usize, at);
    for _ in 0..MAX_IN_ANGLES {
        match module.kind(next)? {
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
        next = module.behind(next);
    }
    None
}
