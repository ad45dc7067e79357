//! Stores JSON strings with their escapes unchanged, decodes escapes for comparisons, and escapes new strings.

use std::borrow::Cow;

/// A JSON string without its quotes. Escapes, including lone surrogates, are kept, so the string can be copied
/// unchanged.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    escaped: &'a str,
    may_have_escapes: bool,
}

impl<'a> Text<'a> {
    /// Wraps the text between the quotes of a valid JSON string.
    pub fn new(escaped: &'a str, may_have_escapes: bool) -> Self {
        Self { escaped, may_have_escapes }
    }

    /// Wraps a string that contains no escapes and needs none.
    #[must_use]
    pub const fn plain(name: &'static str) -> Self {
        Self { escaped: name, may_have_escapes: false }
    }

    /// The text between the quotes, with its escapes.
    #[must_use]
    pub fn escaped(self) -> &'a str {
        self.escaped
    }

    /// Whether the string may contain escapes. If not, [`Text::escaped`] is already the decoded string.
    #[must_use]
    pub fn may_have_escapes(self) -> bool {
        self.may_have_escapes
    }

    /// Whether the decoded string equals `name`.
    #[must_use]
    #[inline]
    pub fn is(self, name: &str) -> bool {
        self.escaped == name || (self.may_have_escapes && self.is_escaped(name))
    }

    /// Whether the result of [`Text::decoded`] equals `name`.
    #[must_use]
    pub fn is_bytes(self, name: &[u8]) -> bool {
        // `is_escaped` explains why the lengths are compared first.
        self.escaped.as_bytes() == name && !self.has_escapes()
            || self.escaped.len() > name.len()
                && self.escaped.len() <= 6 * name.len()
                && self.has_escapes()
                && *self.decoded() == *name
    }

    #[inline(never)]
    fn is_escaped(self, name: &str) -> bool {
        // A string with escapes is longer than its decoded form, but at most six times as long. If the two lengths
        // contradict this, the strings differ. This check avoids decoding a long key for each comparison.
        self.escaped.len() > name.len()
            && self.escaped.len() <= 6 * name.len()
            && self.has_escapes()
            && *self.decoded() == *name.as_bytes()
    }

    fn has_escapes(self) -> bool {
        self.may_have_escapes && memchr::memchr(b'\\', self.escaped.as_bytes()).is_some()
    }

    /// Decodes the string to UTF-8. A lone surrogate becomes three bytes, as in WTF-8.
    #[must_use]
    pub fn decoded(self) -> Cow<'a, [u8]> {
        if self.has_escapes() { Cow::Owned(unescape(self.escaped)) } else { Cow::Borrowed(self.escaped.as_bytes()) }
    }

    /// Like [`Text::decoded`], but if the string has escapes, decodes it into `buffer`, which the caller can reuse.
    #[must_use]
    #[inline]
    pub fn decoded_in<'b>(self, buffer: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        if self.may_have_escapes { self.unescaped_in(buffer) } else { self.escaped.as_bytes() }
    }

    #[inline(never)]
    fn unescaped_in(self, buffer: &mut Vec<u8>) -> &[u8] {
        buffer.clear();
        unescape_into(self.escaped, buffer);
        buffer
    }
}

/// Escapes the name of a field for use in a JSON pointer (RFC 6901). The result does not include the leading slash.
#[must_use]
pub fn pointer_step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Quotes `text` for a message. Control characters are escaped, and only the first 80 characters are included.
#[must_use]
pub fn quoted(text: &str) -> String {
    const MAX_CHARACTERS: usize = 80;
    let cut: String = text.chars().take(MAX_CHARACTERS).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

/// Decodes the text between the quotes of a JSON string, like [`Text::decoded`].
#[must_use]
pub fn unescape(escaped: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(escaped.len());
    unescape_into(escaped, &mut decoded);
    decoded
}

fn unescape_into(escaped: &str, decoded: &mut Vec<u8>) {
    let mut rest = escaped.as_bytes();
    while let Some(at) = backslash(rest) {
        decoded.extend_from_slice(&rest[..at]);
        let (escape, after) = rest[at + 1..].split_first().unwrap_or((&b'\\', &[]));
        rest = after;
        let unit = match escape {
            b'b' => u32::from(b'\x08'),
            b'f' => u32::from(b'\x0c'),
            b'n' => u32::from(b'\n'),
            b'r' => u32::from(b'\r'),
            b't' => u32::from(b'\t'),
            b'u' => code_point(&mut rest),
            other => u32::from(*other),
        };
        push_code_point(unit, decoded);
    }
    decoded.extend_from_slice(rest);
}

/// Returns the offset of the first backslash.
fn backslash(text: &[u8]) -> Option<usize> {
    const SHORT: usize = 16;
    match text.len() {
        ..SHORT => text.iter().position(|byte| *byte == b'\\'),
        _ => memchr::memchr(b'\\', text),
    }
}

/// Reads the digits after `\u`. If the escape starts a surrogate pair, also reads the second escape. Returns the code
/// point.
fn code_point(rest: &mut &[u8]) -> u32 {
    let high = code_unit(rest);
    if (0xd800..0xdc00).contains(&high)
        && let Some(mut after) = rest.strip_prefix(b"\\u")
    {
        let low = code_unit(&mut after);
        if (0xdc00..0xe000).contains(&low) {
            *rest = after;
            return 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    high
}

fn code_unit(rest: &mut &[u8]) -> u32 {
    let (digits, after) = rest.split_at(rest.len().min(4));
    *rest = after;
    digits.iter().fold(0, |unit, digit| unit << 4 | char::from(*digit).to_digit(16).unwrap_or(0))
}

/// Appends a code point in UTF-8. A surrogate is encoded as three bytes, as in WTF-8.
fn push_code_point(point: u32, decoded: &mut Vec<u8>) {
    match char::from_u32(point) {
        Some(character) => decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            let tail = |bits: u32| 0x80 | (bits & 0x3f) as u8;
            decoded.extend_from_slice(&[0xe0 | (point >> 12 & 0xf) as u8, tail(point >> 6), tail(point)]);
        }
    }
}

/// Escapes `decoded` (UTF-8 or WTF-8, see [`Text::decoded`]) and appends it to `out` without quotes.
pub fn escape(decoded: &[u8], out: &mut String) {
    let is_plain = |byte: &u8| (b' '..=b'~').contains(byte) && !matches!(byte, b'"' | b'\\');
    if decoded.iter().all(is_plain)
        && let Ok(text) = std::str::from_utf8(decoded)
    {
        out.push_str(text);
        return;
    }
    for chunk in decoded.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\0'..='\u{1f}' => push_unicode_escape(u16::try_from(u32::from(character)).unwrap_or(0), out),
                _ => out.push(character),
            }
        }
        // Each of the three bytes of a surrogate is a separate invalid chunk. The first byte is always 0xed. The code
        // unit is decoded from all three bytes.
        if chunk.invalid() == [0xed] {
            let at = chunk.invalid().as_ptr().addr() - decoded.as_ptr().addr();
            if let Some(&[_, high, low]) = decoded.get(at..at + 3) {
                let unit = 0xd000 | (u16::from(high & 0x3f) << 6) | u16::from(low & 0x3f);
                push_unicode_escape(unit, out);
            }
        }
    }
}

fn push_unicode_escape(unit: u16, out: &mut String) {
    use std::fmt::Write as _;
    let _ = write!(out, "\\u{unit:04x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a string with serde_json, which keeps lone surrogates when it deserializes bytes.
    fn decoded_by_serde_json(escaped: &str) -> Vec<u8> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        let quoted = format!("\"{escaped}\"");
        let mut deserializer = serde_json::Deserializer::from_str(&quoted);
        serde::Deserializer::deserialize_bytes(&mut deserializer, Bytes).unwrap()
    }

    proptest::proptest! {
        #[test]
        fn escapes_are_decoded_to_the_same_bytes_as_in_serde_json(
            parts in proptest::collection::vec(
                proptest::prop_oneof![
                    r#"\\["\\/bfnrt]"#,
                    r"\\u[0-9a-fA-F]{4}",
                    r"\\u[dD][89abAB][0-9a-f]{2}",
                    r"\\u[dD][c-fC-F][0-9a-f]{2}",
                    "[a-zü😀 /u]{0,3}",
                ],
                0..8,
            ),
        ) {
            let escaped = parts.concat();
            proptest::prop_assert_eq!(unescape(&escaped), decoded_by_serde_json(&escaped), "{}", escaped);
        }
    }

    #[test]
    fn escaping_a_decoded_string_restores_its_canonical_json_text() {
        for escaped in [r"plain", r"\u0000\u001f", r"\ud800", r"a\ud800b\udfffc", r"\ud800\ud800", "ü😀"] {
            let mut again = String::new();
            escape(&unescape(escaped), &mut again);
            assert_eq!(again, escaped);
        }
        let mut pair = String::new();
        escape(&unescape(r#"\ud83d\ude00\"\\\/\n"#), &mut pair);
        assert_eq!(pair, r#"😀\"\\/\u000a"#);
    }
}
