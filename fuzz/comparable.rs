//! Parses JSON that the reference implementation supports.

use serde_json::Value;

/// Returns the value of a text, or `None` if the reference implementation would read a different value. The reference
/// implementation does not support lone surrogates, infinities or deep nesting. Numbers with more than fifteen digits
/// are excluded as well, because two texts of the shortest length can be equally near such a number. The reference
/// implementation and JavaScript may then choose different texts. Other tests compare such numbers with a JavaScript
/// engine.
pub fn value(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    is_plain(&value).then_some(value)
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            format!("{:e}", number.abs()).bytes().take_while(|byte| *byte != b'e').count() <= 16
        }
        Value::Array(values) => values.iter().all(is_plain),
        Value::Object(members) => members.values().all(is_plain),
        _ => true,
    }
}
