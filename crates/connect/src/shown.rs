//! What the other side said, made fit for a line: brokers may send anything, escape sequences for the terminal too.

/// Most characters that are repeated of a text.
const MAX_CHARACTERS: usize = 200;

/// The text in one line, without control characters, and not endless.
pub(super) fn shown(text: &str) -> String {
    let mut line: String =
        text.chars().take(MAX_CHARACTERS).map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect();
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        line.push('…');
    }
    line
}

/// The names in one line, in their order, and not endlessly many.
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    shown(&names.into_iter().take(MAX_CHARACTERS).collect::<Vec<_>>().join(", "))
}

/// Whether a character only shows itself: it neither moves the cursor nor turns the direction of writing.
fn is_harmless(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_broker_cannot_control_the_terminal() {
        assert_eq!(shown("a\u{1b}[31mb\nc\u{202e}d"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}d");
        assert_eq!(shown(&"é".repeat(1000)).chars().count(), MAX_CHARACTERS + 1);
        assert_eq!(listed(["PLAIN", "x\r"]), "PLAIN, x\u{fffd}");
    }
}
