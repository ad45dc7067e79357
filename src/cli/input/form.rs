//! Decides from the first lines of the input whether each line is one value, or a value may span several lines.

use serde::de::IgnoredAny;

/// How values are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Each line is a value. A malformed line does not affect other lines.
    Lines,
    /// Values follow one another, and a value may span lines.
    Values,
}

/// Why the format of the input cannot be determined.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJson {
    /// The 1-based line number in the inspected text.
    pub(super) line: u64,
    /// The 1-based column, in bytes.
    pub(super) column: u64,
    /// The reason why the text is not JSON.
    pub(super) reason: String,
}

impl NotJson {
    /// Splits an error of the JSON library into position and reason.
    pub(super) fn of(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        Self {
            line: (error.line() as u64).max(1),
            column: (error.column() as u64).max(1),
            reason: format!("not JSON: {reason}"),
        }
    }
}

/// Decides from a prefix of the input how values are separated. The prefix must start with a value. If the input has
/// several lines, the prefix must contain at least two of them.
///
/// # Errors
/// Returns [`NotJson`] if neither the first nor the second line shows the format.
pub(super) fn decide(beginning: &str) -> Result<Form, NotJson> {
    if beginning.starts_with('[') {
        return Ok(Form::Values);
    }
    let (first, rest) = beginning.split_once('\n').unwrap_or((beginning, ""));
    let mut values = serde_json::Deserializer::from_str(beginning).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) if values.byte_offset() <= first.len() => match serde_json::from_str::<IgnoredAny>(first) {
            Ok(_) => Ok(Form::Lines),
            Err(error) => by_second_line(rest, &error),
        },
        Some(Err(error)) if error.is_eof() && rest.is_empty() => Err(NotJson::of(&error)),
        Some(Err(error)) if !error.is_eof() => by_second_line(rest, &error),
        _ => Ok(Form::Values),
    }
}

/// Decides how values are separated in an input whose first line is malformed. Returns [`Form::Lines`] if the second
/// line is a complete object.
fn by_second_line(rest: &str, error: &serde_json::Error) -> Result<Form, NotJson> {
    let second = rest.lines().next().unwrap_or_default();
    let is_object = second.starts_with('{') && serde_json::from_str::<IgnoredAny>(second).is_ok();
    if is_object { Ok(Form::Lines) } else { Err(NotJson::of(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_format_is_detected_from_the_first_lines() {
        for (text, form) in [
            ("{\"a\":1}", Form::Lines),
            ("{\"a\":1}\n", Form::Lines),
            ("{\"a\":1}\n{\"b\":", Form::Lines),
            ("{\"a\":1} oops\n{\"b\":1}\n", Form::Lines),
            ("null\n5\n", Form::Lines),
            ("{\"a\":1\n{\"b\":1}\n", Form::Lines),
            ("half\"}\n{\"b\":1}\n", Form::Lines),
            ("{\"a\":\"half\n{\"b\":1}\n", Form::Lines),
            ("[", Form::Values),
            ("[{\"a\":1}]\n[]\n", Form::Values),
            ("{\n \"a\":1}\n", Form::Values),
            ("{\"a\":\n{\"b\":1}\n}", Form::Values),
            ("{\n  \"a\": [\n", Form::Values),
            ("{\n}\n{\n}\n", Form::Values),
        ] {
            assert_eq!(decide(text), Ok(form), "{text:?}");
        }
        for (text, line, column) in [
            ("{\"a\":", 1, 5),
            ("PK\u{3}", 1, 1),
            ("a,b\n1,2\n", 1, 1),
            ("{\n\"a\":x}\n", 2, 5),
            ("{'a':1}\n5\n", 1, 2),
            ("{\"a\":1}x\n", 1, 8),
        ] {
            let error = decide(text).unwrap_err();
            assert_eq!((error.line, error.column), (line, column), "{text:?}: {error:?}");
            assert!(error.reason.starts_with("not JSON: "), "{error:?}");
        }
    }
}
