//! Tests the parser of TypeScript files with any text. The positions of the elements and problems that the parser
//! returns must exist in the text. For JSON, the parser must return the value that the JSON represents.

#![no_main]

use golden::typescript::read;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

#[path = "../../crates/transform/tests/suite/oracle.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod oracle;

fn depth(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn json(text: &str) {
    let Ok(Value::Array(values)) = serde_json::from_str(text) else { return };
    // In an object literal, `__proto__` is not a field, even if it is written with escapes. The parser limits the
    // nesting depth.
    if text.contains("__proto__") || text.contains("\\u") || values.iter().any(|value| depth(value) > 90) {
        return;
    }
    let elements = read(&format!("export const data = {text};")).expect("an array");
    assert_eq!(elements.len(), values.len());
    for (element, value) in elements.iter().zip(&values) {
        let element = element.as_ref().expect("JSON is TypeScript");
        // Numbers are compared as doubles, because the parser drops the sign of zero, as `JSON.stringify` does.
        assert!(oracle::same(&element.value, value), "{} instead of {value}", element.value);
    }
}

fuzz_target!(|text: &str| {
    let lines = text.split(['\n', '\r', '\u{2028}', '\u{2029}']).count();
    match read(text) {
        Ok(elements) => {
            for element in elements {
                let (line, column, what) = match element {
                    Ok(element) => (element.line, element.column, String::new()),
                    Err(problem) => (problem.line, problem.column, problem.what),
                };
                assert!((1..=lines).contains(&line) && column >= 1, "{line}:{column} of {lines} lines");
                assert!(!what.contains('\n') && what.len() <= 4096, "{what}");
            }
        }
        Err(problem) => assert!((1..=lines).contains(&problem.line), "{problem:?} in {lines} lines"),
    }
    json(text);
});
