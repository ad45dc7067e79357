//! Reads JSON text once, from start to end.
//!
//! The caller of a [`Reader`] decides which objects and arrays to open. The reader reads every other value as a whole:
//! with [`scan`], which validates the value, or with [`checked`] if the text is known to be valid.

use crate::checked;
use crate::invalid::Invalid;
use crate::probe::looked_at;
use crate::raw::Raw;
use crate::scan::{self, Scanner};
use crate::text::Text;

/// Reads JSON text from start to end, and skips the whitespace before each token.
///
/// If `CHECKS` is true, the reader validates every byte. If `CHECKS` is false, the text must already be valid, and the
/// reader only finds where values end.
///
/// ```
/// use json::invalid::Invalid;
/// use json::reader::Reader;
///
/// # fn main() -> Result<(), Invalid> {
/// let mut names = Vec::new();
/// Reader::new(r#"{"a": 1, "b": [2, 3]}"#).object::<Invalid>(|reader, name| {
///     names.push(name.escaped());
///     reader.skip()
/// })?;
/// assert_eq!(names, ["a", "b"]);
/// # Ok(())
/// # }
/// ```
pub struct Reader<'a, const CHECKS: bool = true> {
    text: &'a str,
    scanner: Scanner<'a>,
    at: usize,
}

impl<'a> Reader<'a> {
    /// Creates a reader at the start of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text, scanner: Scanner::new(text.as_bytes()), at: 0 }
    }
}

impl<'a> Reader<'a, false> {
    /// Creates a reader at the start of a valid value. The value is not validated again.
    #[must_use]
    pub fn of(value: Raw<'a>) -> Self {
        Self { text: value.0, scanner: Scanner::new(value.0.as_bytes()), at: 0 }
    }
}

impl<'a, const CHECKS: bool> Reader<'a, CHECKS> {
    /// Returns the next byte that is not whitespace, without reading it.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        match self.text.as_bytes().get(self.at) {
            // Fast path: JSON that a program wrote usually has no whitespace between tokens.
            Some(byte) if *byte > b' ' => Some(*byte),
            _ => self.peek_after_space(),
        }
    }

    #[cold]
    fn peek_after_space(&mut self) -> Option<u8> {
        self.at = scan::white_space(self.text.as_bytes(), self.at);
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads the punctuation byte that [`Reader::peek`] returned.
    pub fn bump(&mut self) {
        self.at += 1;
    }

    /// The offset of the next unread byte. Whitespace that [`Reader::peek`] skipped counts as read.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Reads one value of any type.
    ///
    /// # Errors
    /// [`Invalid`] if there is no valid value.
    #[inline]
    pub fn value(&mut self) -> Result<Raw<'a>, Invalid> {
        self.peek();
        let start = self.at;
        self.at = self.end_of_value(start)?;
        self.text.get(start..self.at).map(Raw).ok_or(Invalid)
    }

    /// Reads one value of any type without returning it.
    ///
    /// # Errors
    /// [`Invalid`] if there is no valid value.
    #[inline(always)]
    pub fn skip(&mut self) -> Result<(), Invalid> {
        self.peek();
        self.at = self.end_of_value(self.at)?;
        Ok(())
    }

    #[inline]
    fn end_of_value(&mut self, start: usize) -> Result<usize, Invalid> {
        let end = if CHECKS { self.scanner.value(start)? } else { checked::value(self.text.as_bytes(), start) };
        looked_at(end - start);
        Ok(end)
    }

    /// Reads one value. If the text continues with the object `known`, byte for byte, returns `known` without parsing
    /// the value, which is faster.
    ///
    /// # Errors
    /// [`Invalid`] if there is no valid value.
    pub fn value_like(&mut self, known: Option<Raw<'a>>) -> Result<Raw<'a>, Invalid> {
        self.peek();
        if let Some(known) = known.filter(|known| known.is_object())
            && self.text.as_bytes()[self.at..].starts_with(known.0.as_bytes())
        {
            // The bytes of `known` end with its closing brace, so the same bytes in the text are a complete value.
            self.at += known.0.len();
            looked_at(known.0.len());
            return Ok(known);
        }
        self.value()
    }

    /// If `known` contains the next value, skips and returns that value. The values in `known` must be slices of the
    /// reader's text.
    pub(crate) fn skip_known(&mut self, known: &[Option<Raw<'a>>]) -> Option<Raw<'a>> {
        if known.is_empty() {
            return None;
        }
        self.peek();
        let rest = self.rest().as_ptr();
        let known = known.iter().copied().flatten().find(|known| known.0.as_ptr() == rest)?;
        self.advance(known.0.len());
        Some(known)
    }

    /// Reads a string.
    ///
    /// # Errors
    /// [`Invalid`] if there is no valid string.
    #[inline]
    pub fn string(&mut self) -> Result<Text<'a>, Invalid> {
        self.expect(b'"')?;
        let start = self.at;
        let end = if CHECKS { self.scanner.string(start)? } else { checked::string(self.text.as_bytes(), start) };
        self.at = end.quote + 1;
        looked_at(self.at - start);
        let escaped = self.text.get(start..end.quote).ok_or(Invalid)?;
        Ok(Text::new(escaped, end.has_escapes))
    }

    /// Reads an object. Calls `on_member` with the name of each field; `on_member` must read the field's value.
    ///
    /// # Errors
    /// [`Invalid`] if there is no valid object, and every error that `on_member` returns.
    pub fn object<E: From<Invalid>>(
        &mut self,
        mut on_member: impl FnMut(&mut Self, Text<'a>) -> Result<(), E>,
    ) -> Result<Raw<'a>, E> {
        self.parts(|reader| {
            let key = reader.name()?;
            on_member(reader, key)
        })
    }

    /// Reads an array. Calls `on_element` once per element; `on_element` must read the element.
    ///
    /// # Errors
    /// [`Invalid`] if there is no valid array, and every error that `on_element` returns.
    pub fn array<E: From<Invalid>>(
        &mut self,
        on_element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<Raw<'a>, E> {
        self.container(b'[', b']', on_element)
    }

    /// Reads an object. Calls `on_part` until the object ends. Each call must read one or more fields, including their
    /// names and the commas between the fields.
    ///
    /// # Errors
    /// [`Invalid`] if there is no valid object, and every error that `on_part` returns.
    pub fn parts<E: From<Invalid>>(&mut self, on_part: impl FnMut(&mut Self) -> Result<(), E>) -> Result<Raw<'a>, E> {
        self.container(b'{', b'}', on_part)
    }

    /// Reads the name of a field and the colon after it.
    ///
    /// # Errors
    /// [`Invalid`] if there is no valid name and colon.
    #[inline(always)]
    pub fn name(&mut self) -> Result<Text<'a>, Invalid> {
        if self.peek() != Some(b'"') {
            return Err(Invalid);
        }
        let start = self.at + 1;
        let quote = if CHECKS { self.scanner.plain(start) } else { checked::plain(self.text.as_bytes(), start) };
        if scan::chunk(self.text.as_bytes(), quote) != Some(b"\":") {
            return self.unusual_name();
        }
        looked_at(quote - start);
        self.at = quote + 2;
        Ok(Text::new(self.text.get(start..quote).ok_or(Invalid)?, false))
    }

    /// Reads a name that contains an escape or is followed by whitespace.
    #[inline(never)]
    fn unusual_name(&mut self) -> Result<Text<'a>, Invalid> {
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    /// The text that has not been read yet.
    pub fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Skips the first `bytes` bytes of [`Reader::rest`] without validating them.
    pub fn advance(&mut self, bytes: usize) {
        looked_at(1);
        self.at += bytes;
    }

    /// Checks that only whitespace remains.
    ///
    /// # Errors
    /// [`Invalid`] if any other byte remains.
    pub fn end(&mut self) -> Result<(), Invalid> {
        self.peek().map_or(Ok(()), |_| Err(Invalid))
    }

    fn container<E: From<Invalid>>(
        &mut self,
        open: u8,
        close: u8,
        mut on_part: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<Raw<'a>, E> {
        self.expect(open)?;
        let start = self.at - 1;
        if self.peek() == Some(close) {
            self.bump();
        } else {
            loop {
                on_part(self)?;
                match self.peek() {
                    Some(b',') => self.bump(),
                    Some(byte) if byte == close => {
                        self.bump();
                        break;
                    }
                    _ => return Err(Invalid.into()),
                }
            }
        }
        let read = self.text.get(start..self.at).ok_or(Invalid)?;
        Ok(Raw(read))
    }

    fn expect(&mut self, byte: u8) -> Result<(), Invalid> {
        if self.peek() == Some(byte) {
            self.bump();
            Ok(())
        } else {
            Err(Invalid)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_counts_as_a_repetition_only_if_all_its_bytes_are_equal() {
        let known = Raw::parse(r#"{"a":1}"#).ok();
        let mut reader = Reader::new(r#"{"a":1},{"a":12}"#);
        assert_eq!(reader.value_like(known).unwrap().text(), r#"{"a":1}"#);
        reader.bump();
        assert_eq!(reader.value_like(known).unwrap().text(), r#"{"a":12}"#);
    }

    #[test]
    fn an_array_or_object_with_a_wrong_delimiter_is_rejected() {
        let elements = |text| Reader::new(text).array::<Invalid>(|reader| reader.skip()).map(Raw::text);
        assert_eq!(elements("[1,{}]"), Ok("[1,{}]"));
        for text in ["[1}", "[1 2]", "[1:2]", "[1", "[1,]", "{1]"] {
            assert_eq!(elements(text), Err(Invalid), "{text}");
        }
        let members = |text| Reader::new(text).object::<Invalid>(|reader, _| reader.skip()).map(Raw::text);
        assert_eq!(members(r#"{"a":1}"#), Ok(r#"{"a":1}"#));
        for text in [r#"{"a":1]"#, r#"{"a":1 "b":2}"#, r#"{"a":1:2}"#, r#"{"a" 1}"#, r#"{"a":1"#] {
            assert_eq!(members(text), Err(Invalid), "{text}");
        }
    }
}
