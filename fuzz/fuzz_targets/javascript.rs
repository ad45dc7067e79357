//! Compares the crate's truthiness, string conversion and trimming of JSON text with those of the tests' reference
//! implementation. An input of eight bytes is also interpreted as a floating-point number.

#![no_main]

#[path = "../comparable.rs"]
mod comparable;
#[path = "../../crates/transform/tests/suite/oracle.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod oracle;

use json::javascript::{JsString, trim, truthy};
use json::raw::Raw;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fn number(bytes: [u8; 8]) {
    let number = f64::from_bits(u64::from_le_bytes(bytes));
    if !number.is_finite() {
        return;
    }
    let literal = format!("{number:e}");
    let raw = Raw::parse(&literal).expect("a number");
    assert_eq!(truthy(Some(raw)), number != 0.0);
    let string = JsString::of(Some(raw));
    let (got, expected) = (string.escaped(), oracle::string(Some(&Value::from(number))));
    // If two texts of the shortest length are equally near the number, JavaScript chooses the text with the even last
    // digit, but Rust may choose the other text.
    assert!(got == expected || got.len() == expected.len() && got.parse() == Ok(number), "{got}, not {expected}");
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bytes) = bytes.try_into() {
        number(bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let spaces = |c: char| (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}';
    assert_eq!(trim(bytes), text.trim_matches(spaces).as_bytes());
    let Some(value) = comparable::value(text) else { return };
    let raw = Raw::parse(text).expect("the scanner accepts what serde_json accepts");
    assert_eq!(truthy(Some(raw)), oracle::truthy(Some(&value)), "{text}");
    let string = JsString::of(Some(raw)).into_decoded();
    assert_eq!(String::from_utf8_lossy(&string), oracle::string(Some(&value)), "{text}");
});
