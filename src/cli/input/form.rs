//! Whether input is lines, each a value, or values that go over lines. What it begins with decides.

use serde::de::IgnoredAny;

/// How values are distinguished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Each line is one. One that is broken costs nothing else.
    Lines,
    /// They follow each other, over any number of lines.
    Values,
}

/// Why input has no form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJson {
    /// From 1, counted in what was looked at.
    pub(super) line: u64,
    /// From 1.
    pub(super) column: u64,
    /// What is wrong there.
    pub(super) reason: String,
}

impl NotJson {
    /// The library's error, its place apart from its reason.
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

/// Decides by the beginning of the input, which has two lines at least where there are two. It starts with a value.
///
/// # Errors
/// [`NotJson`] where neither its first line nor its second gives a clue.
pub(super) fn decide(beginning: &str) -> Result<Form, NotJson> {
    if beginning.starts_with('[') {
        return Ok(Form::Values);
    }
    let (first, rest) = beginning.split_once('\n').unwrap_or((beginning, ""));
    let mut values = serde_json::Deserializer::from_str(beginning).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) if values.byte_offset() <= first.len() => match serde_json::from_str::<IgnoredAny>(first) {
            Ok(_) => Ok(Form::Lines),
            Err(error) => as_second_line_tells(rest, &error),
        },
        Some(Err(error)) if error.is_eof() && rest.is_empty() => Err(NotJson::of(&error)),
        Some(Err(error)) if !error.is_eof() => as_second_line_tells(rest, &error),
        _ => Ok(Form::Values),
    }
}

/// A first line that is broken is the first of lines where the second is an object by itself.
fn as_second_line_tells(rest: &str, error: &serde_json::Error) -> Result<Form, NotJson> {
    let second = rest.lines().next().unwrap_or_default();
    let is_object = second.starts_with('{') && serde_json::from_str::<IgnoredAny>(second).is_ok();
    if is_object { Ok(Form::Lines) } else { Err(NotJson::of(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_decides() {
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
