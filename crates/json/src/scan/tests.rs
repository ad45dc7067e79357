//! Compares the scanner with serde_json.

use super::*;

/// Returns whether the scanner accepts `text` as one value, and whether serde_json does.
fn verdicts(text: &str) -> (bool, bool) {
    let bytes = text.as_bytes();
    let ours = Scanner::new(bytes).value(white_space(bytes, 0)).is_ok_and(|end| white_space(bytes, end) == bytes.len());
    (ours, serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

fn assert_same(text: &str) {
    let (ours, theirs) = verdicts(text);
    assert_eq!(ours, theirs, "{text:?}");
}

/// Calls [`assert_same`] for arrays and objects that contain `text`. In the arrays, `text` starts at different offsets
/// in a block, and a complete block follows it. In the objects, `text` is the value of a field.
fn assert_same_in_block(text: &str) {
    let block = "z".repeat(BLOCK);
    for before in ["[", "[\"\",", "[\"0123456789\","] {
        assert_same(&format!("{before}{text},\"{block}\"]"));
    }
    for after in [
        format!(",\"a\":\"{block}\"}}"),
        format!(", \"a\":\"{block}\"}}"),
        format!(",\"{block}\"}}"),
        "}".repeat(BLOCK),
    ] {
        assert_same(&format!("{{\"\":{text}{after}"));
    }
}

#[test]
fn the_scanner_accepts_the_same_short_texts_as_serde_json() {
    let mut checked = 0;
    // All texts of up to four bytes from an alphabet that covers the grammar.
    let alphabet = b"{}[],:\"\\u0159-+.eEtnfa \n\x01";
    let mut texts = vec![String::new()];
    for length in 0..4 {
        texts = texts
            .iter()
            .flat_map(|text| alphabet.iter().map(move |byte| format!("{text}{}", char::from(*byte))))
            .collect();
        for text in &texts {
            assert_same(text);
            if length < 3 {
                assert_same_in_block(text);
            }
            checked += 1;
        }
    }
    // All texts of up to seven tokens.
    let parts = ["{", "}", "[", "]", ",", ":", "\"a\"", "1"];
    let mut texts = vec![String::new()];
    for _ in 0..7 {
        texts = texts.iter().flat_map(|text| parts.iter().map(move |part| format!("{text}{part}"))).collect();
        for text in &texts {
            assert_same(text);
            checked += 1;
        }
    }
    assert!(checked > 2_500_000, "{checked}");
}

#[test]
fn the_scanner_accepts_the_same_strings_as_serde_json() {
    for length in [0, 1, 14, 15, 16, 17, 31, 32, 33, 40, 62, 63, 64, 65, 130] {
        for place in 0..=length {
            for byte in 0..=0x7f_u8 {
                let text = format!("\"{}{}{}\"", "x".repeat(place), char::from(byte), "y".repeat(length - place));
                assert_same(&text);
                assert_same_in_block(&text);
            }
            for escape in [
                "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u00e9", "\\uD800", "\\uDFFF", "\\u12G4",
                "\\u123", "\\U1234", "\\x", "\\'", "\\", "\\u", "ü", "\u{7f}", "😀", "\u{2028}",
            ] {
                let text = format!("\"{}{escape}{}\"", "x".repeat(place), "y".repeat(length - place));
                assert_same(&text);
                assert_same_in_block(&text);
            }
        }
    }
}

#[test]
fn the_scanner_accepts_the_same_unusual_tokens_as_serde_json() {
    for text in [
        "0",
        "-0",
        "-",
        "01",
        "-01",
        "1.",
        "1.0",
        "12.5",
        "1.2.3",
        "12..3",
        "12.e3",
        "12.5e3",
        "12.5E",
        "12.-5",
        "1234567.12345678",
        "1234567.123456789",
        "123456789012345.5",
        "123456789012345",
        "1234567890123456",
        ".5",
        "1e",
        "1e+",
        "1E-5",
        "1e400",
        "1.5e+07",
        "+1",
        "0x10",
        "1_0",
        "NaN",
        "Infinity",
        "-Infinity",
        "true",
        "tru",
        "truee",
        "True",
        "false",
        "fals",
        "null",
        "nul",
        "nulll",
        "1 2",
        "00",
        "0e0",
        "0.0.0",
        "1e1.5",
        "--1",
        "9".repeat(400).as_str(),
        "\u{feff}1",
        "\u{a0}1",
        "1\u{c}",
        "1\u{b}",
        "1/",
        "//1",
        "/**/1",
        "'a'",
        "[1,]",
        "[,1]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{1:2}",
        "{\"a\":}",
        "[1}",
        "{\"a\":1]",
    ] {
        assert_same(text);
        assert_same_in_block(text);
    }
}

#[test]
fn mismatched_brackets_are_rejected_at_up_to_1000_levels_of_nesting() {
    for levels in [1, 62, 63, 64, 65, 127, 128, 129, 200, 1000] {
        // The pattern of object and array levels does not repeat every 64 levels.
        let object = |level: usize| level.is_multiple_of(7) || level % 5 == 3;
        let open: String = (0..levels).map(|level| if object(level) { "{\"a\":" } else { "[" }).collect();
        let close: String = (0..levels).rev().map(|level| if object(level) { "}" } else { "]" }).collect();
        assert_eq!(verdicts(&format!("{open}1{close}")), (true, true), "{levels}");
        assert_eq!(verdicts(&format!("{open}1{}", &close[1..])), (false, false), "{levels}");
        for wrong in 0..levels {
            let mut close = close.clone().into_bytes();
            close[wrong] = if close[wrong] == b'}' { b']' } else { b'}' };
            let close = String::from_utf8(close).unwrap();
            assert!(!verdicts(&format!("{open}1{close}")).0, "{levels} {wrong}");
        }
    }
}

#[test]
fn a_string_of_16_mib_is_parsed_with_a_stack_of_128_kib() {
    let text = format!("\"{}\"", "x".repeat(16 << 20));
    let checked = std::thread::Builder::new()
        .stack_size(128 << 10)
        .spawn(move || crate::raw::Raw::parse(&text).is_ok_and(|raw| raw.text().len() == text.len()));
    assert!(checked.unwrap().join().unwrap());
}
