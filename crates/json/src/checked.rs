//! Finds where values end in text that is known to be valid, such as the text of a [`Raw`](crate::raw::Raw).
//!
//! Only quotes, backslashes and brackets determine where a valid object or array ends, so the search ignores all other
//! bytes. It reads 64 bytes at a time. If the JSON is invalid, a returned position may be wrong, but it is never beyond
//! the end of the text.

use crate::scan::{StringEnd, chunk};
use crate::steps::{BLOCK, STEP, Structure, ends_of_scalar, ends_of_string, structure_of_block};

/// Returns the position after the value that starts at `at`.
#[inline]
pub fn value(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(b'"') => string(text, at + 1).quote + 1,
        Some(b'{' | b'[') => container(text, at),
        _ => scalar(text, at),
    }
}

/// Returns the end of a string; `at` is the position after its opening quote.
#[inline]
pub fn string(text: &[u8], mut at: usize) -> StringEnd {
    let mut has_escapes = false;
    loop {
        at = plain(text, at);
        match text.get(at) {
            Some(b'\\') => {
                has_escapes = true;
                at = (at + 2).min(text.len());
            }
            _ => return StringEnd { quote: at.min(text.len().saturating_sub(1)), has_escapes },
        }
    }
}

/// Returns the position of the next quote or backslash, or the end of the text.
#[inline]
pub fn plain(text: &[u8], at: usize) -> usize {
    first(text, at, ends_of_string)
}

/// Returns the position after a number, `true`, `false` or `null`.
#[inline]
fn scalar(text: &[u8], at: usize) -> usize {
    first(text, at, ends_of_scalar)
}

/// Returns the position of the first byte at or after `at` for which `found` sets a bit. Returns the end of the text if
/// there is no such byte.
#[inline]
fn first(text: &[u8], mut at: usize, found: impl Fn(&[u8; STEP]) -> u32) -> usize {
    while let Some(step) = chunk(text, at) {
        let ends = found(step);
        if ends != 0 {
            return at + ends.trailing_zeros() as usize;
        }
        at += STEP;
    }
    let ends = found(&padded(text, at));
    at + (ends.trailing_zeros() as usize).min(text.len().saturating_sub(at))
}

/// Returns the bytes from `at` to the end of the text, padded with zeros. At most `N` bytes may remain.
#[cold]
#[inline(never)]
fn padded<const N: usize>(text: &[u8], at: usize) -> [u8; N] {
    let rest = text.get(at..).unwrap_or_default();
    let mut last = [0; N];
    last[..rest.len()].copy_from_slice(rest);
    last
}

/// Returns the position after the object or array that starts at `at`.
#[inline(never)]
fn container(text: &[u8], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut strings = Strings::default();
    let mut at = at;
    while let Some(block) = block_at(text, at) {
        let found = structure_of_block(&block);
        let outside = strings.outside(&found);
        let opens = found.opens & outside;
        let mut brackets = opens | found.closes & outside;
        while brackets != 0 {
            let bracket = brackets & brackets.wrapping_neg();
            if opens & bracket != 0 {
                depth += 1;
            } else if depth <= 1 {
                return at + bracket.trailing_zeros() as usize + 1;
            } else {
                depth -= 1;
            }
            brackets ^= bracket;
        }
        at += BLOCK;
    }
    text.len()
}

/// Returns the 64 bytes that start at `at`, padded with zeros if fewer bytes remain. Returns `None` if no bytes remain.
#[inline]
fn block_at(text: &[u8], at: usize) -> Option<[u8; BLOCK]> {
    match chunk(text, at) {
        Some(block) => Some(*block),
        None => (at < text.len()).then(|| padded(text, at)),
    }
}

/// The state between two blocks: whether the next block starts inside a string, and whether its first byte is escaped.
#[derive(Default)]
struct Strings {
    /// All bits are set if the next block starts inside a string. Otherwise, no bit is set.
    open: u64,
    /// Whether the first byte of the next block is escaped.
    is_escaped: bool,
}

impl Strings {
    /// Returns a mask of the bytes outside strings in the next block. `found` contains the structural bytes of that
    /// block.
    #[inline]
    fn outside(&mut self, found: &Structure) -> u64 {
        let mut quotes = found.quotes;
        if found.backslashes != 0 || self.is_escaped {
            quotes &= !escaped(found.backslashes, &mut self.is_escaped);
        }
        let strings = prefix_xor(quotes) ^ self.open;
        // Copies the highest bit to all 64 bits.
        self.open = 0_u64.wrapping_sub(strings >> 63);
        !strings
    }
}

/// Replaces each bit with the XOR of itself and all lower bits. For a mask of quotes, this sets the bits from each
/// opening quote up to, but not including, the closing quote.
#[inline]
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// Returns a mask of the escaped bytes of a block: the bytes after a backslash that is not escaped itself.
///
/// On entry, `is_escaped` is true if the first byte of this block is escaped. On return, `is_escaped` is true if the
/// first byte of the next block is escaped.
#[cold]
fn escaped(backslashes: u64, is_escaped: &mut bool) -> u64 {
    let mut escaped = u64::from(std::mem::take(is_escaped));
    let mut left = backslashes & !escaped;
    while left != 0 {
        let backslash = left & left.wrapping_neg();
        left ^= backslash;
        let after = backslash << 1;
        *is_escaped |= after == 0;
        escaped |= after;
        left &= !after;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Scanner;

    /// Asserts that the value at `start` ends where the validating scanner finds its end.
    #[track_caller]
    fn assert_same(text: &str, start: usize) {
        let expected = Scanner::new(text.as_bytes()).value(start).expect(text);
        assert_eq!(value(text.as_bytes(), start), expected, "{text:?}");
    }

    #[test]
    fn skipping_a_json_value_ends_where_the_validating_scanner_ends() {
        let values = [
            "0",
            "-1.5e+10",
            "123456789012345678901234567890",
            "true",
            "false",
            "null",
            "\"\"",
            "\"a\"",
            r#""\"""#,
            r#""\\""#,
            r#""\\\"\\""#,
            "\"[{\"",
            r#""]}\"]}""#,
            "[]",
            "{}",
            "[[],[[]],{}]",
            r#"{"a":{"b":[1,"]"]},"c":"}"}"#,
            r#"[ 1 , { "x\\" : "\\" } ]"#,
            "\"ü😀\u{2028}\"",
            "[\"ü\",\"😀\"]",
        ];
        for value in values {
            for before in (0..70).chain([126, 127, 128, 129]) {
                for after in ["", ",", "]", "}", " ", ",\"x\":1}", &"]".repeat(70)] {
                    // The value follows a string of varying length, so it starts at every offset in a block.
                    assert_same(&format!("\"{}\",{value}{after}", "x".repeat(before)), before + 3);
                    // The value is inside a container that spans several blocks.
                    let around = format!("[\"{}\",{value},\"{}\"]{after}", "\\\\".repeat(before), "y".repeat(before));
                    assert_same(&around, 0);
                }
            }
        }
    }

    #[test]
    fn a_backslash_at_any_offset_in_a_block_escapes_the_next_byte() {
        for before in 0..130 {
            for backslashes in 0..6 {
                let string = format!("\"{}{}\"", "x".repeat(before), "\\\\".repeat(backslashes));
                assert_same(&format!("[{string},[\"]\"]]"), 0);
                assert_same(&format!("[{}\\\"]\"]", &string[..string.len() - 1]), 0);
            }
        }
    }

    #[test]
    fn a_deeply_nested_json_value_is_skipped_without_recursion() {
        let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_same(&text, 0);
    }

    #[test]
    fn skipping_an_invalid_json_value_never_goes_beyond_the_end_of_the_text() {
        for text in ["", "\"", "\"\\", "[", "[\"", "{\"a\":", "]", "\\", "[\"\\", "1", "\"abc"] {
            for at in 0..=text.len() {
                assert!(value(text.as_bytes(), at) <= text.len(), "{text:?} {at}");
            }
        }
    }
}
