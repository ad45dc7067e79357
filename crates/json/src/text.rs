//! JSON strings: keeps escapes as they were sent, decodes them for comparisons, and escapes new strings.

use std::borrow::Cow;

/// A JSON string without its quotes. Escapes, including lone surrogates, are kept, so it can be copied unchanged.
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

    /// The text between the quotes.
    #[must_use]
    pub fn escaped(self) -> &'a str {
        self.escaped
    }

    /// Whether the string may contain escapes. If not, its text is the decoded string.
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
        // `is_escaped` explains the comparison of lengths.
        self.escaped.as_bytes() == name && !self.has_escapes()
            || self.escaped.len() > name.len()
                && self.escaped.len() <= 6 * name.len()
                && self.has_escapes()
                && *self.decoded() == *name
    }

    #[inline(never)]
    fn is_escaped(self, name: &str) -> bool {
        // An escape is at most six times as long as its character, so a long key does not have to be decoded for each
        // comparison.
        self.escaped.len() > name.len()
            && self.escaped.len() <= 6 * name.len()
            && self.has_escapes()
            && *self.decoded() == *name.as_bytes()
    }

    fn has_escapes(self) -> bool {
        self.may_have_escapes && memchr::memchr(b'\\', self.escaped.as_bytes()).is_some()
    }

    /// Decodes the escapes to UTF-8. A lone surrogate becomes the three bytes that its code point would have in UTF-8
    /// (WTF-8).
    #[must_use]
    pub fn decoded(self) -> Cow<'a, [u8]> {
        if self.has_escapes() { Cow::Owned(unescape(self.escaped)) } else { Cow::Borrowed(self.escaped.as_bytes()) }
    }
}

/// Escapes the name of a field for a JSON pointer (RFC 6901), without the slash before it.
#[must_use]
pub fn pointer_step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Returns the first 80 characters of `text` in quotes, with control characters escaped, for a message.
#[must_use]
pub fn quoted(text: &str) -> String {
    const MAX_CHARACTERS: usize = 80;
    let cut: String = text.chars().take(MAX_CHARACTERS).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

/// Decodes the escapes in the text between a JSON string's quotes, see [`Text::decoded`].
#[must_use]
pub fn unescape(escaped: &str) -> Vec<u8> {
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
    // serde_json keeps lone surrogates when it deserializes bytes. A `String` cannot contain them.
    serde::Deserializer::deserialize_bytes(&mut deserializer, Bytes).unwrap_or_default()
}

/// Escapes `decoded` (UTF-8 or WTF-8, see [`Text::decoded`]) and appends it to `out` without quotes.
pub fn escape(decoded: &[u8], out: &mut String) {
    for chunk in decoded.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\0'..='\u{1f}' => push_unicode_escape(u16::try_from(u32::from(character)).unwrap_or(0), out),
                _ => out.push(character),
            }
        }
        // Each of the three bytes of a surrogate is a separate invalid chunk. The first one is always `ed`, and the
        // code unit is decoded from all three.
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

    #[test]
    fn escaping_undoes_unescaping() {
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
