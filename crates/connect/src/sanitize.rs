//! What the other side sent, made fit for a line: brokers may send anything, escape sequences for the terminal too.

use json::display::{self, shorten};

/// Most characters that are repeated of a text.
const MAX_CHARACTERS: usize = 200;

/// The text in one line, sanitized and shortened.
pub(super) fn sanitize(text: &str) -> String {
    display::sanitize(&shorten(text, MAX_CHARACTERS))
}

/// The names in one line, in their order, and not endlessly many.
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    sanitize(&names.into_iter().take(MAX_CHARACTERS).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_broker_cannot_control_the_terminal() {
        assert_eq!(sanitize("a\u{1b}[31mb\nc\u{202e}d"), r"a\u{1b}[31mb\nc\u{202e}d");
        assert_eq!(sanitize(&"é".repeat(1000)).chars().count(), MAX_CHARACTERS + 1);
        assert_eq!(listed(["PLAIN", "x\r"]), r"PLAIN, x\r");
    }
}
