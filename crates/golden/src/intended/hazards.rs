//! Properties of a body that make rudder-transformer fail the whole request.

use json::raw::Raw;
use json::scan::{Scanner, white_space};

/// The maximum nesting depth that rudder-transformer supports.
const MAX_LEVELS: usize = 5_000;

/// Returns whether values in a valid JSON text are nested deeper than rudder-transformer supports.
pub(super) fn is_too_deep(text: &str) -> bool {
    if text.len() <= 2 * MAX_LEVELS {
        return false;
    }
    let bytes = text.as_bytes();
    let (mut at, mut level) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => level += 1,
            b'}' | b']' => level = level.saturating_sub(1),
            b'"' => match Scanner::new(bytes).string(at + 1) {
                Ok(end) => at = end.quote,
                Err(_) => return false,
            },
            _ => {}
        }
        if level > MAX_LEVELS {
            return true;
        }
        at += 1;
    }
    false
}

/// Returns whether any object in a valid JSON text has a field named `__proto__`, even if the name is escaped.
pub(super) fn has_field_proto(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(quote) = bytes.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) {
        let start = at + quote + 1;
        let Ok(end) = Scanner::new(bytes).string(start) else { return false };
        at = end.quote + 1;
        let is_name = bytes.get(white_space(bytes, at)) == Some(&b':');
        if is_name && Raw::parse(&text[start - 1..at]).is_ok_and(|name| name.is_string("__proto__")) {
            return true;
        }
    }
    false
}
