//! Converts YAML to JSON, using the core schema of YAML 1.2.
//!
//! Time and memory are linear in the size of the text. Nesting is limited, and aliases are rejected because they can
//! expand to any size.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Number, Value};

/// The maximum size of a YAML file, in bytes. A Rudder CLI file is far smaller, because it contains only one
/// destination.
pub const MAX_BYTES: usize = 4 << 20;
/// The maximum nesting depth.
const MAX_DEPTH: usize = 64;

/// An array or object that is not complete yet.
enum Open {
    Array(Vec<Value>),
    /// A mapping, and the name of the next value if that name was already read.
    Object(Map<String, Value>, Option<String>),
}

/// Reads the documents of a YAML text. Empty documents are skipped.
///
/// # Errors
/// Returns the reason why the text cannot be read, with the line and column. The reason contains nothing from the text.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("it is not JSON, and exceeds the YAML limit of {} MiB", MAX_BYTES >> 20));
    }
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let place = error.marker();
            format!("it is not valid YAML: line {} column {}", place.line(), place.col() + 1)
        })?;
        let value = match event {
            Event::SequenceStart(..) => {
                open.push(Open::Array(Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Object(Map::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|ended| match ended {
                Open::Array(elements) => Value::Array(elements),
                Open::Object(fields, _) => Value::Object(fields),
            }),
            Event::Scalar(text, style, _, tag) => Some(scalar(&text, style, tag.as_deref())),
            Event::Alias(_) => return Err(at("aliases are not supported", span)),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                None
            }
        };
        if open.len() > MAX_DEPTH {
            return Err(at("it is nested too deeply", span));
        }
        let Some(value) = value else { continue };
        match open.last_mut() {
            None if value.is_null() => {}
            None => documents.push(value),
            Some(Open::Array(elements)) => elements.push(value),
            Some(Open::Object(fields, name)) => match name.take() {
                Some(name) => drop(fields.insert(name, value)),
                None => {
                    let key = name_of(value).ok_or_else(|| at("a key is not a string", span))?;
                    if fields.contains_key(&key) {
                        return Err(at("duplicate key", span));
                    }
                    *name = Some(key);
                }
            },
        }
    }
    Ok(documents)
}

fn at(reason: &str, span: Span) -> String {
    format!("{reason}: line {} column {}", span.start.line(), span.start.col() + 1)
}

/// Converts the key of a mapping to a field name. Numbers and literals are formatted as in JSON. Returns `None` for an
/// array or object.
fn name_of(value: Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name),
        Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style != ScalarStyle::Plain || is_text {
        return Value::from(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::from(text), Value::Number),
    }
}

/// Parses a number. Returns `None` for any other text, such as `1.2.3`, `0x`, `.inf` and `1_000`.
fn number(text: &str) -> Option<Number> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+')).map(Number::from);
        }
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let starts_as_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if !starts_as_number || !digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte)) {
        return None;
    }
    let whole = text.strip_prefix('+').unwrap_or(text);
    let whole = whole.parse::<i64>().map(Number::from).or_else(|_| whole.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(text.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_scalars_are_converted_to_json_by_the_rules_of_the_yaml_core_schema() {
        let text = "a: [1, -2, +3, 0x1F, 0o17, 1.5, 1e3, 18446744073709551615]\nb: [true, False, ~, null, ]\n\
                    c: [yes, 1.2.3, 1_000, 0x, .inf, '1', \"true\", !!str 7, 2026-01-01, e]\nd: |\n  x\n\n  y\ne: >-\n  x\n  y\nf:\n7: g\n";
        let expected = json!({
            "a": [1, -2, 3, 31, 15, 1.5, 1000.0, 18_446_744_073_709_551_615_u64],
            "b": [true, false, null, null],
            "c": ["yes", "1.2.3", "1_000", "0x", ".inf", "1", "true", "7", "2026-01-01", "e"],
            "d": "x\n\ny\n", "e": "x y", "f": null, "7": "g",
        });
        assert_eq!(documents(text), Ok(vec![expected]));
        assert_eq!(documents("---\n---\na: 1\n...\n---\n- b\n"), Ok(vec![json!({ "a": 1 }), json!(["b"])]));
        assert_eq!(documents("# nothing\n"), Ok(vec![]));
    }

    #[test]
    fn yaml_with_aliases_duplicate_keys_or_deep_nesting_is_rejected() {
        let nested = |depth: usize| documents(&format!("a: {}1{}", "[".repeat(depth), "]".repeat(depth)));
        assert!(nested(MAX_DEPTH - 1).is_ok());
        assert_eq!(nested(MAX_DEPTH), Err(format!("it is nested too deeply: line 1 column {}", MAX_DEPTH + 3)));
        for text in [
            "a: ".repeat(500_000),
            "- ".repeat(1_000_000),
            "[".repeat(1_000_000),
            "&a ".repeat(300_000),
            "{a: ".repeat(500_000),
        ] {
            assert!(documents(&text).is_err());
        }
        assert_eq!(documents("a: &x 1\nb: *x\n"), Err("aliases are not supported: line 2 column 4".to_owned()));
        assert_eq!(documents("a: 1\na: 2\n"), Err("duplicate key: line 2 column 1".to_owned()));
        let wide: String = (0..100_000).map(|at| format!("k{at}: v\n")).collect();
        assert_eq!(documents(&wide).map(|documents| documents[0].as_object().map(Map::len)), Ok(Some(100_000)));
    }

    #[test]
    fn parsing_malformed_yaml_does_not_panic() {
        let text = "a: [1, {b: \"c\\u0041\"}]\n? x\n: - |2\n    y\n%TAG ! !\n--- !!str &a 'q'\n...\n";
        for at in 0..text.len() {
            let _ = documents(&text[..at]);
            for other in ["", "\t", "\"", "{", "&", "*", "%", "---", "\u{feff}", "\0", ":", "!"] {
                let _ = documents(&format!("{}{other}{}", &text[..at], &text[at + 1..]));
            }
        }
    }
}
