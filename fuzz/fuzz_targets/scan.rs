//! Tests that the scanner accepts exactly the JSON that serde_json accepts.

#![no_main]

use json::invalid::explain;
use json::raw::Raw;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let ours = Raw::parse(text);
    assert_eq!(ours.is_ok(), explain(text).is_none());
    if let Ok(value) = ours {
        let json_whitespace = [' ', '\t', '\n', '\r'];
        assert_eq!(value.text(), text.trim_matches(json_whitespace));
    }
});
