//! Finds the end of a JSON value and validates every byte of the value.
//!
//! The scanner accepts exactly the texts that serde_json accepts, which tests and a fuzz target verify. It does not
//! recurse. For each level of nesting beyond 63, it allocates one bit.

use crate::invalid::Invalid;
use crate::steps::{BLOCK, STEP, non_digits, specials, specials_of_block};

/// The end of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StringEnd {
    /// The position of the closing quote.
    pub quote: usize,
    /// Whether the string contains a backslash.
    pub has_escapes: bool,
}

/// Returns the position of the first byte at or after `at` that is not whitespace, or the end of the text.
#[inline]
pub fn white_space(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        // Fast path: JSON that a program wrote usually has no whitespace between tokens.
        Some(byte) if *byte <= b' ' => past_white_space(text, at),
        _ => at,
    }
}

#[cold]
#[inline(never)]
fn past_white_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// Like [`white_space`], but fails if there is no whitespace at `at`.
#[cold]
fn after_white_space(text: &[u8], at: usize) -> Result<usize, Invalid> {
    let after = white_space(text, at);
    if after > at { Ok(after) } else { Err(Invalid) }
}

/// Validates a text from start to end.
///
/// The scanner looks ahead, in blocks of 64 bytes, for bytes that can end a string. The CPU can then read the next
/// string without waiting for the end of the previous one.
#[derive(Debug)]
pub struct Scanner<'a> {
    text: &'a [u8],
    /// The position of the current block in the text, or [`NOWHERE`] before the first block.
    block: usize,
    /// A mask of the bytes in the current block that can end a string. The lowest bit represents the first byte.
    specials: u64,
}

#[inline]
fn scalar(text: &[u8], at: usize) -> Result<usize, Invalid> {
    match text.get(at) {
        Some(b'-' | b'0'..=b'9') => number(text, at),
        Some(b't') => literal(text, at, b"true"),
        Some(b'f') => literal(text, at, b"false"),
        Some(b'n') => literal(text, at, b"null"),
        _ => Err(Invalid),
    }
}

#[inline]
fn literal(text: &[u8], at: usize, expected: &[u8]) -> Result<usize, Invalid> {
    if text[at..].starts_with(expected) { Ok(at + expected.len()) } else { Err(Invalid) }
}

/// The types of the containers whose end has not been read yet, one bit each: 1 means an object, 0 means an array.
struct Nesting {
    /// The types of the innermost containers, at most 63. The lowest bit represents the innermost container. The
    /// highest bit that is set does not represent a container, but marks the end of the types.
    near: u64,
    /// The types of the containers that are not in `near`. Each element has the types of 63 containers, in the same
    /// form as `near`.
    far: Vec<u64>,
}

impl Nesting {
    /// The value of `near` if it contains no types.
    const NONE: u64 = 1;

    fn open(&mut self, object: bool) {
        if self.near >> 63 != 0 {
            self.far.push(self.near);
            self.near = Self::NONE;
        }
        self.near = self.near << 1 | u64::from(object);
    }

    /// Closes the innermost container.
    fn close(&mut self) {
        self.near >>= 1;
        if self.near == Self::NONE
            && let Some(far) = self.far.pop()
        {
            self.near = far;
        }
    }

    /// Whether no container is open.
    fn is_empty(&self) -> bool {
        self.near == Self::NONE
    }

    /// Whether the innermost container is an object.
    fn in_object(&self) -> bool {
        self.near & 1 == 1
    }
}

/// A position in a container: before or after a value.
enum Place {
    /// The position of the first byte of a value.
    Value(usize),
    /// The position after the last byte of a value.
    End(usize),
}

/// A position beyond the end of every text.
const NOWHERE: usize = usize::MAX / 2;

impl<'a> Scanner<'a> {
    /// Creates a scanner of `text`.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, block: NOWHERE, specials: 0 }
    }

    /// Reads the value that starts at `at`, and returns the position after it.
    ///
    /// # Errors
    /// [`Invalid`] if there is no valid value.
    #[inline(always)]
    pub fn value(&mut self, at: usize) -> Result<usize, Invalid> {
        match self.text.get(at) {
            Some(b'"') => self.string(at + 1).map(|end| end.quote + 1),
            Some(b'{' | b'[') => self.container(at),
            _ => scalar(self.text, at),
        }
    }

    /// Reads a string; `at` is the position after its opening quote.
    ///
    /// # Errors
    /// [`Invalid`] if the string is not closed, or contains a control character or an invalid escape.
    #[inline(always)]
    pub fn string(&mut self, at: usize) -> Result<StringEnd, Invalid> {
        let quote = self.plain(at);
        if self.text.get(quote) == Some(&b'"') {
            return Ok(StringEnd { quote, has_escapes: false });
        }
        self.string_with_escapes(quote)
    }

    /// Reads the rest of a string, starting at its first escape.
    #[inline(never)]
    fn string_with_escapes(&mut self, mut at: usize) -> Result<StringEnd, Invalid> {
        loop {
            match self.text.get(at) {
                Some(b'"') => return Ok(StringEnd { quote: at, has_escapes: true }),
                Some(b'\\') => at = escape(self.text, at + 1)?,
                // A control character, or the end of the text.
                _ => return Err(Invalid),
            }
            at = self.plain(at);
        }
    }

    /// Returns the position of the first quote, backslash or control character at or after `at`, or the end of the
    /// text.
    #[inline]
    pub(crate) fn plain(&mut self, at: usize) -> usize {
        let ahead = at.wrapping_sub(self.block);
        if ahead < BLOCK {
            let found = self.specials >> ahead;
            return if found != 0 {
                at + found.trailing_zeros() as usize
            } else {
                self.plain_beyond(self.block + BLOCK)
            };
        }
        self.plain_beyond(at)
    }

    /// Implements [`Scanner::plain`] for a position that is not in the current block.
    #[inline(never)]
    fn plain_beyond(&mut self, mut at: usize) -> usize {
        while let Some(block) = chunk(self.text, at) {
            self.block = at;
            self.specials = specials_of_block(block);
            if self.specials != 0 {
                return at + self.specials.trailing_zeros() as usize;
            }
            at += BLOCK;
        }
        self.plain_at_end(at)
    }

    /// Implements [`Scanner::plain`] for the last bytes of the text, which do not fill a block.
    #[inline(never)]
    fn plain_at_end(&self, mut at: usize) -> usize {
        while let Some(step) = chunk(self.text, at) {
            let found = specials(step);
            if found != 0 {
                return at + found.trailing_zeros() as usize;
            }
            at += STEP;
        }
        while self.text.get(at).is_some_and(|byte| !is_special(*byte)) {
            at += 1;
        }
        at
    }

    /// Reads the object or array that starts at `at`, and returns the position after it.
    #[inline(never)]
    fn container(&mut self, at: usize) -> Result<usize, Invalid> {
        let text = self.text;
        let mut nesting = Nesting { near: Nesting::NONE, far: Vec::new() };
        let mut place = Place::Value(at);
        loop {
            let mut end = match place {
                Place::End(end) => end,
                Place::Value(at) => match text.get(at) {
                    Some(b'"') => self.string(at + 1)?.quote + 1,
                    Some(open @ (b'{' | b'[')) => {
                        let is_object = *open == b'{';
                        let at = white_space(text, at + 1);
                        if text.get(at) != Some(closing(is_object)) {
                            nesting.open(is_object);
                            place = if is_object { self.members(at)? } else { Place::Value(at) };
                            continue;
                        }
                        at + 1
                    }
                    _ => scalar(text, at)?,
                },
            };
            // The containers around the value may end directly after it.
            loop {
                if nesting.is_empty() {
                    return Ok(end);
                }
                let in_object = nesting.in_object();
                match text.get(end) {
                    Some(b',') => {
                        place =
                            if in_object { self.members(end + 1)? } else { Place::Value(white_space(text, end + 1)) };
                        break;
                    }
                    close if close == Some(closing(in_object)) => {
                        nesting.close();
                        end += 1;
                    }
                    _ => end = after_white_space(text, end)?,
                }
            }
        }
    }

    /// Reads the fields of an object, starting at a field's name, while their values are strings. Stops before the
    /// first value that is not a string, or after the first string that is not followed by `,"`.
    ///
    /// Most values are strings without whitespace around them. Two comparisons recognize such a string: one with `":"`
    /// at its start, and one with `","` at its end.
    #[inline(always)]
    fn members(&mut self, mut at: usize) -> Result<Place, Invalid> {
        if self.text.get(at) != Some(&b'"') {
            at = after_white_space(self.text, at)?;
            if self.text.get(at) != Some(&b'"') {
                return Err(Invalid);
            }
        }
        loop {
            let quote = self.plain(at + 1);
            match chunk(self.text, quote) {
                Some(b"\":\"") => {
                    let end = self.plain(quote + 3);
                    if chunk(self.text, end) != Some(b"\",\"") {
                        return Ok(Place::End(self.string(end)?.quote + 1));
                    }
                    at = end + 2;
                }
                Some([b'"', b':', b'1'..=b'9']) => {
                    let end = number(self.text, quote + 2)?;
                    if chunk(self.text, end) != Some(b",\"") {
                        return Ok(Place::End(end));
                    }
                    at = end + 1;
                }
                Some([b'"', b':', first]) if *first > b' ' => return Ok(Place::Value(quote + 2)),
                _ => return self.name(quote),
            }
        }
    }

    /// Reads the rest of a name and the colon after it. Returns the position of the value.
    #[cold]
    fn name(&mut self, at: usize) -> Result<Place, Invalid> {
        let colon = white_space(self.text, self.string(at)?.quote + 1);
        if self.text.get(colon) == Some(&b':') {
            Ok(Place::Value(white_space(self.text, colon + 1)))
        } else {
            Err(Invalid)
        }
    }
}

/// Returns the bracket that closes an object or array.
#[inline]
fn closing(is_object: bool) -> &'static u8 {
    if is_object { &b'}' } else { &b']' }
}

/// Returns the `N` bytes that start at `at`, or `None` if fewer bytes remain.
#[inline]
pub(crate) fn chunk<const N: usize>(text: &[u8], at: usize) -> Option<&[u8; N]> {
    text.get(at..)?.first_chunk()
}

/// Reads a number: `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`.
#[inline]
fn number(text: &[u8], at: usize) -> Result<usize, Invalid> {
    // Fast path: nearly every number is short, and has no exponent.
    if let Some(step) = chunk::<STEP>(text, at)
        && matches!(step[0], b'1'..=b'9')
    {
        let others = non_digits(step);
        let mut end = others.trailing_zeros() as usize;
        if step.get(end) == Some(&b'.') {
            // The lowest bit of `others` marks the decimal point. The next bit marks the byte after the fraction.
            let after = (others & (others - 1)).trailing_zeros() as usize;
            if after > end + 1 {
                end = after;
            }
        }
        if end < STEP && !matches!(step[end], b'.' | b'e' | b'E') {
            return Ok(at + end);
        }
    }
    any_number(text, at)
}

fn any_number(text: &[u8], mut at: usize) -> Result<usize, Invalid> {
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match text.get(at) {
        Some(b'0') => at + 1,
        Some(b'1'..=b'9') => digits(text, at)?,
        _ => return Err(Invalid),
    };
    if text.get(at) == Some(&b'.') {
        at = digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = digits(text, at)?;
    }
    Ok(at)
}

#[inline]
fn digits(text: &[u8], from: usize) -> Result<usize, Invalid> {
    let mut at = from;
    // Fast path: nearly every number fits into one step of 16 bytes. Searching a step needs no branch per digit.
    if let Some(step) = chunk(text, at) {
        at += non_digits(step).trailing_zeros().min(STEP as u32) as usize;
    }
    while let Some(b'0'..=b'9') = text.get(at) {
        at += 1;
    }
    if at > from { Ok(at) } else { Err(Invalid) }
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// Reads the rest of an escape; `at` is the position after its backslash.
#[cold]
fn escape(text: &[u8], at: usize) -> Result<usize, Invalid> {
    match text.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => match text.get(at + 1..at + 5) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 5),
            _ => Err(Invalid),
        },
        _ => Err(Invalid),
    }
}

#[cfg(test)]
mod tests;
