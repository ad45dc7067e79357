//! Sanitizes text from brokers, which may contain anything, including escape sequences for the terminal.

use json::display::{self, shorten};

/// The maximum number of characters in a sanitized text.
const MAX_CHARACTERS: usize = 200;

/// Shortens a text, and escapes line breaks and other characters that a terminal would interpret.
pub(super) fn sanitize(text: &str) -> String {
    display::sanitize(&shorten(text, MAX_CHARACTERS))
}

/// Joins names with commas, in order. Shortens and escapes the result like [`sanitize`].
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    sanitize(&names.into_iter().take(MAX_CHARACTERS).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_text_from_a_broker_are_escaped() {
        assert_eq!(sanitize("a\u{1b}[31mb\nc\u{202e}d"), r"a\u{1b}[31mb\nc\u{202e}d");
        assert_eq!(sanitize(&"é".repeat(1000)).chars().count(), MAX_CHARACTERS + 1);
        assert_eq!(listed(["PLAIN", "x\r"]), r"PLAIN, x\r");
    }
}
