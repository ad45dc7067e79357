//! Converts JSON values like JavaScript, as the contract requires (docs/contract.md#javascript-semantics).
//!
//! The conversions work on the text of a value, without parsing it into a tree.

use std::borrow::Cow;

use crate::probe::looked_at;
use crate::raw::{Kind, Raw};
use crate::reader::Reader;
use crate::text::{Text, unescape};

/// Returns whether a value is truthy in JavaScript. A missing value, `null`, `false`, `""` and all forms of zero, such
/// as `-0.0`, are falsy.
#[must_use]
pub fn truthy(value: Option<Raw<'_>>) -> bool {
    value.is_some_and(|value| match value.kind() {
        Kind::Null | Kind::False => false,
        Kind::String => value.text().len() > 2,
        Kind::Number => number(value) != 0.0,
        Kind::True | Kind::Array | Kind::Object => true,
    })
}

/// Returns the value if it is truthy.
#[must_use]
pub fn if_truthy(value: Option<Raw<'_>>) -> Option<Raw<'_>> {
    value.filter(|_| truthy(value))
}

fn number(value: Raw<'_>) -> f64 {
    looked_at(value.text().len());
    // Every JSON number parses as `f64`; a number that is too large becomes infinite, as in JavaScript.
    value.text().parse().unwrap_or(f64::NAN)
}

/// The maximum size, in bytes, of a string for which [`JsString::max_bytes`] returns 0.
const SHORT: usize = 1024;

/// The result of `String(value)`, as a JSON string without its quotes. Escapes are kept as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsString<'a>(Cow<'a, str>);

impl<'a> JsString<'a> {
    /// Returns `String(value)`. A missing value becomes `undefined`.
    #[must_use]
    pub fn of(value: Option<Raw<'a>>) -> Self {
        let Some(value) = value else {
            return Self(Cow::Borrowed("undefined"));
        };
        Self(match value.kind() {
            Kind::String => Cow::Borrowed(value.as_string().map_or("", Text::escaped)),
            Kind::Null | Kind::True | Kind::False => Cow::Borrowed(value.text()),
            Kind::Object => Cow::Borrowed("[object Object]"),
            Kind::Number => shortest(value),
            Kind::Array => Cow::Owned(joined(value)),
        })
    }

    /// Wraps the text that [`JsString::escaped`] returned for an earlier conversion.
    #[must_use]
    pub fn from_escaped(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Returns the maximum number of bytes that are allocated to convert a value and to decode the converted string.
    /// Returns 0 for all values except arrays and long strings, because all other values need little memory.
    #[must_use]
    pub fn max_bytes(value: Raw<'_>) -> usize {
        match value.kind() {
            // The 3 bytes `{},` become the 16 bytes `[object Object],`. While the buffer grows, it may have twice the
            // size of the result. Decoding needs the size of the result once more.
            Kind::Array => 16 * value.text().len(),
            Kind::String if value.text().len() > SHORT => 4 * value.text().len(),
            _ => 0,
        }
    }

    /// The string as JSON text, with escapes but without quotes.
    #[must_use]
    pub fn escaped(&self) -> &str {
        &self.0
    }

    /// Decodes the escapes like [`Text::decoded`], so that the string can be compared.
    #[must_use]
    pub fn into_decoded(self) -> Cow<'a, [u8]> {
        if memchr::memchr(b'\\', self.0.as_bytes()).is_some() {
            return Cow::Owned(unescape(&self.0));
        }
        match self.0 {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }
    }
}

/// Formats a number as JavaScript does: as the shortest text that represents the same double.
fn shortest(value: Raw<'_>) -> Cow<'_, str> {
    let text = value.text();
    let digits = text.strip_prefix('-').unwrap_or(text);
    // The literal of an integer below 2^53 is already its shortest form.
    if digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit()) && text != "-0" {
        return Cow::Borrowed(text);
    }
    Cow::Owned(ryu_js::Buffer::new().format(number(value)).to_owned())
}

/// Joins the elements of an array with commas, as `String(array)` does. Inner arrays are flattened, and `null` becomes
/// the empty string.
///
/// Flattening only drops brackets, so it needs no recursion.
fn joined(array: Raw<'_>) -> String {
    let mut out = String::new();
    let mut reader = Reader::new(array.text());
    while let Some(byte) = reader.peek() {
        match byte {
            b'[' | b']' => reader.bump(),
            b',' => {
                reader.bump();
                out.push(',');
            }
            _ => match reader.value() {
                Ok(value) if value.is_null() => {}
                Ok(value) => out.push_str(JsString::of(Some(value)).escaped()),
                Err(_) => break,
            },
        }
    }
    out
}

/// The non-ASCII whitespace and line terminators that JavaScript's `trim()` removes.
const WIDE_SPACE: [&str; 19] = [
    "\u{a0}", "\u{1680}", "\u{2000}", "\u{2001}", "\u{2002}", "\u{2003}", "\u{2004}", "\u{2005}", "\u{2006}",
    "\u{2007}", "\u{2008}", "\u{2009}", "\u{200a}", "\u{2028}", "\u{2029}", "\u{202f}", "\u{205f}", "\u{3000}",
    "\u{feff}",
];

/// Removes whitespace from both ends of a decoded string, as JavaScript's `trim()` does.
#[must_use]
pub fn trim(mut characters: &[u8]) -> &[u8] {
    loop {
        characters = match characters {
            [b' ' | b'\t'..=b'\r', rest @ ..] | [rest @ .., b' ' | b'\t'..=b'\r'] => rest,
            // Fast path: most texts start and end with a visible ASCII character.
            [0..0x80, .., 0..0x80] | [0..0x80] | [] => return characters,
            _ => {
                let strip = |space: &&str| {
                    let space = space.as_bytes();
                    characters.strip_prefix(space).or_else(|| characters.strip_suffix(space))
                };
                let Some(rest) = WIDE_SPACE.iter().find_map(strip) else { return characters };
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Raw<'_> {
        Raw::parse(text).unwrap()
    }

    #[test]
    fn truthiness_matches_javascript() {
        for falsy in ["false", "0", "-0", "0.0", "0e9", "1e-400", "\"\"", "null"] {
            assert!(!truthy(Some(raw(falsy))), "{falsy}");
        }
        assert!(!truthy(None));
        for value in ["true", "1", "-1", "1e-300", "1e400", "\" \"", "\"0\"", "\"false\"", "[]", "{}"] {
            assert!(truthy(Some(raw(value))), "{value}");
        }
    }

    #[test]
    fn string_conversion_matches_javascript() {
        for (text, expected) in [
            ("1.0", "1"),
            ("1e21", "1e+21"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e-7", "1e-7"),
            ("12345678901234567890", "12345678901234567000"),
            ("-12", "-12"),
            ("1e400", "Infinity"),
            ("-1e400", "-Infinity"),
            ("999999999999999", "999999999999999"),
            ("0.1", "0.1"),
            ("778169643447191.25", "778169643447191.2"),
            ("null", "null"),
            ("true", "true"),
            ("{\"a\":1}", "[object Object]"),
            ("[]", ""),
            ("[1,[2,[null,[]]],{},\"x\\n\",false]", "1,2,,,[object Object],x\\n,false"),
            ("\"a\\ud800\"", "a\\ud800"),
        ] {
            assert_eq!(JsString::of(Some(raw(text))).escaped(), expected, "{text}");
        }
        assert_eq!(JsString::of(None).escaped(), "undefined");
    }

    #[test]
    fn a_deeply_nested_array_is_converted_to_a_string_without_recursion() {
        let deep = format!("{}7{}", "[".repeat(500_000), "]".repeat(500_000));
        assert_eq!(JsString::of(Some(raw(&deep))).escaped(), "7");
    }

    #[test]
    fn trim_removes_exactly_the_whitespace_that_javascript_removes() {
        let text = "\u{feff}\u{a0}\u{2003}\t a b\u{2029}\r\n\u{3000}";
        assert_eq!(trim(text.as_bytes()), b"a b");
        // Other languages treat U+0085 or U+200B as whitespace, but JavaScript does not.
        assert_eq!(trim("\u{85}\u{200b}".as_bytes()), "\u{85}\u{200b}".as_bytes());
    }
}
