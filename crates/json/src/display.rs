//! Shortens and sanitizes untrusted text for terminals and logs.

use std::borrow::Cow;

/// Returns the first `characters` characters of a text, followed by `…` if the text has more.
///
/// ```
/// assert_eq!(json::display::shorten("orders", 6), "orders");
/// assert_eq!(json::display::shorten("orders-eu", 6), "orders…");
/// ```
#[must_use]
pub fn shorten(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Returns the longest prefix of `text` with at most `bytes` bytes, without splitting a character.
///
/// ```
/// assert_eq!(json::display::start("ü", 1), "");
/// assert_eq!(json::display::start("aü", 9), "aü");
/// ```
#[must_use]
pub fn start(text: &str, bytes: usize) -> &str {
    let end = (0..=text.len().min(bytes)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// Escapes control characters, invisible characters and characters that change the direction of text.
///
/// The result is a single line that cannot control a terminal.
///
/// ```
/// assert_eq!(json::display::sanitize("a\u{1b}[31m\n"), r"a\u{1b}[31m\n");
/// ```
#[must_use]
pub fn sanitize(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        let is_hidden = character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if is_hidden {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_text_is_limited_in_characters_not_bytes() {
        assert_eq!(shorten(&"ü".repeat(1000), 3), "üüü…");
        assert_eq!((shorten("", 0), shorten("a", 0)), ("".into(), "…".into()));
    }

    #[test]
    fn control_and_invisible_characters_are_escaped_in_sanitized_text() {
        assert_eq!(sanitize("a\u{1b}]0;x\u{7}\r\nü\u{85}"), r"a\u{1b}]0;x\u{7}\r\nü\u{85}");
        assert_eq!(sanitize("\u{202e}\u{2066}\u{200b}\u{feff}"), r"\u{202e}\u{2066}\u{200b}\u{feff}");
        assert_eq!(sanitize("\"plain\" \\ text 😀"), "\"plain\" \\ text 😀");
    }
}
