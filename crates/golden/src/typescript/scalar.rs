//! Parses strings and numbers as JavaScript does. The JSON5 library does most of the parsing. This module adds the
//! features that JSON5 lacks.

use serde_json::{Number, Value};

/// Parses a string, or a template string without substitutions. `token` includes its quotes.
///
/// # Errors
/// Returns a noun phrase for what cannot be read. The caller uses it as the subject of the error message.
pub(super) fn string(token: &str) -> Result<String, &'static str> {
    let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    let is_template = token.starts_with('`');
    let mut json5 = String::with_capacity(token.len() + 2);
    json5.push('"');
    let mut characters = inner.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('u') if characters.peek() == Some(&'{') => {
                    characters.next();
                    let digits: String = characters.by_ref().take_while(|character| *character != '}').collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    json5.push(code.filter(|_| digits.len() <= 6).ok_or(INVALID_CHARACTER)?);
                    // The decoded character may have to be escaped in JSON5.
                    if let Some(code @ ('"' | '\\' | '\n' | '\r')) = code {
                        json5.pop();
                        push_escaped(code, &mut json5);
                    }
                }
                // A digit other than a lone 0 is an octal escape, which strict mode forbids.
                Some('0') if characters.peek().is_some_and(char::is_ascii_digit) => return Err(OCTAL),
                Some('1'..='9') => return Err(OCTAL),
                // A line continuation adds nothing to the string.
                Some('\r') => drop(characters.next_if_eq(&'\n')),
                Some('\n' | '\u{2028}' | '\u{2029}') => {}
                Some(escaped) => json5.extend(['\\', escaped]),
                None => return Err(INVALID_CHARACTER),
            },
            '\r' if is_template => {
                characters.next_if_eq(&'\n');
                json5.push_str("\\n");
            }
            '"' | '\n' => push_escaped(character, &mut json5),
            _ => json5.push(character),
        }
    }
    json5.push('"');
    json5::from_str(&json5).map_err(|_| INVALID_CHARACTER)
}

const INVALID_CHARACTER: &str = "an invalid escape sequence";
const OCTAL: &str = "an octal escape";

fn push_escaped(character: char, json5: &mut String) {
    match character {
        '\n' => json5.push_str("\\n"),
        '\r' => json5.push_str("\\r"),
        other => json5.extend(['\\', other]),
    }
}

/// Parses a number without its sign.
///
/// # Errors
/// Returns a noun phrase for what cannot be read. The caller uses it as the subject of the error message.
pub(super) fn number(token: &str) -> Result<f64, &'static str> {
    const INVALID_NUMBER: &str = "an invalid number";
    if token.ends_with('n') && !token.starts_with("0x") {
        return Err("a BigInt (which JSON does not have)");
    }
    let digits = token.replace('_', "");
    let misplaced = token.contains("__") || token.ends_with('_') || token.contains("_.") || token.contains("._");
    let (base, rest) = match digits.as_bytes() {
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'0'..=b'9', ..] => return Err("a number with a leading zero"),
        _ => (10, &*digits),
    };
    if misplaced {
        return Err(INVALID_NUMBER);
    }
    if base != 10 {
        // Octal and binary literals of more than 128 bits are rejected, because tests do not contain any.
        return u128::from_str_radix(rest, base).map(|number| number as f64).map_err(|_| INVALID_NUMBER);
    }
    json5::from_str(&digits).map_err(|_| INVALID_NUMBER)
}

/// Converts a number as `JSON.stringify` does. Integers have no fraction, and numbers that JSON does not support become
/// `null`.
pub(super) fn json_number(number: f64) -> Value {
    const LARGEST_EXACT: f64 = 9_007_199_254_740_991.0;
    if number.fract() == 0.0 && number.abs() <= LARGEST_EXACT {
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// Converts a number to a property name.
pub(super) fn property_name(number: f64) -> String {
    ryu_js::Buffer::new().format(number).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typescript_string_literals_are_parsed_as_in_javascript() {
        for (token, expected) in [
            (r"'a\'b\x41\u00fc\0'", "a'bA\u{fc}\0"),
            (r#""say \"x\"""#, "say \"x\""),
            (r#"'say "x"'"#, "say \"x\""),
            (r"'\u{1F600}\u{22}\u{5c}\u{a}'", "\u{1f600}\"\\\n"),
            (r"'\ud83d\ude00'", "\u{1f600}"),
            ("'a\\\nb\\\r\nc'", "abc"),
            ("`a\r\nb\rc\nd\\\ne`", "a\nb\nc\nde"),
            (r"`\`\${x}$`", "`${x}$"),
            (r"'\q\/\v'", "q/\u{b}"),
            ("''", ""),
            ("'\u{2028}'", "\u{2028}"),
        ] {
            assert_eq!(string(token).as_deref(), Ok(expected), "{token}");
        }
        for token in [r"'\ud800'", r"'\u12'", r"'\xg'", r"'\u{110000}'", r"'\u{}'", r"'\u{0000000041}'"] {
            assert_eq!(string(token), Err(INVALID_CHARACTER), "{token}");
        }
        for token in [r"'\1'", r"'\01'", r"`\8`"] {
            assert_eq!(string(token), Err(OCTAL), "{token}");
        }
    }

    #[test]
    fn typescript_number_literals_are_parsed_as_in_javascript() {
        for (token, expected) in [
            ("0", "0"),
            ("1_000", "1000"),
            ("0x1F", "31"),
            ("0XfF", "255"),
            ("0b101", "5"),
            ("0o17", "15"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e3", "1000"),
            ("1E-2", "0.01"),
            ("9007199254740993", "9007199254740992.0"),
            ("12345678901234567890", "1.2345678901234567e+19"),
            ("1e400", "null"),
            ("0xFFFFFFFFFFFFFFFFF", "2.9514790517935283e+20"),
        ] {
            assert_eq!(
                number(token).map(json_number).map(|value| value.to_string()).as_deref(),
                Ok(expected),
                "{token}"
            );
        }
        for token in ["017", "1__0", "1_", "1_.5", "0x", "0b2", "1.2.3", "5n", "3px", "1e"] {
            assert!(number(token).is_err(), "{token}");
        }
        assert_eq!(property_name(1e21), "1e+21");
    }
}
