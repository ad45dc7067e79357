//! Formats texts of the report, and sanitizes them for a terminal.

/// `1 case`, `2 cases`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Puts a text on one line, and replaces characters that would move a terminal's cursor or change the direction of
/// text.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let is_hidden = character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if is_hidden {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// The beginning of a text, up to a number of characters.
pub(super) fn beginning(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_move_the_cursor() {
        assert_eq!(printable("a\u{1b}[2Jü\n\u{202e}"), "a\\u{1b}[2Jü\\u{a}\\u{202e}");
        assert_eq!((count(1, "case", "cases"), count(0, "case", "cases")), ("1 case".to_owned(), "0 cases".to_owned()));
    }
}
