//! Decodes the text of a file, and converts YAML to JSON.

use std::borrow::Cow;

use serde_json::Value;

use super::{rudder_cli, yaml};
use json::invalid::explain;
use json::raw::Raw;

/// The byte order mark that Excel, Notepad and PowerShell write at the start of UTF-8 files.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The error for UTF-16 files.
pub const UTF_16: &str = "it is UTF-16, not UTF-8; convert it first: iconv -f UTF-16 -t UTF-8";

/// Returns whether bytes are probably UTF-16, judging by a byte order mark or a zero byte next to the first ASCII
/// character.
#[must_use]
pub fn is_utf_16(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [0, second, ..] => second.is_ascii_graphic(),
        [first, 0, ..] => first.is_ascii_graphic(),
        _ => false,
    }
}

/// Reads the bytes of a file as JSON text.
///
/// YAML is converted to JSON. In destinations of the Rudder CLI, field names are converted to the names in a Config.
/// Other JSON is unchanged.
///
/// # Errors
/// Returns a one-line reason if the file cannot be read. The reason contains nothing from the file.
pub fn read(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    if is_utf_16(bytes) {
        return Err(UTF_16.to_owned());
    }
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1) + 1;
        format!("it is not UTF-8: byte {} at line {line} column {column}", before.len() + 1)
    })?;
    read_text(text)
}

/// Like [`read`], but takes text instead of bytes.
///
/// # Errors
/// Same as [`read`].
pub fn read_text(text: &str) -> Result<Cow<'_, str>, String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    if let Ok(root) = Raw::parse(text) {
        return Ok(rudder_cli::renamed_json(root).map_or(Cow::Borrowed(text), Cow::Owned));
    }
    if text.trim_start().starts_with(['{', '[']) {
        return Err(format!("it is not JSON: {}", explain(text).unwrap_or_default()));
    }
    from_yaml(text).map(Cow::Owned)
}

fn from_yaml(text: &str) -> Result<String, String> {
    let documents: Vec<Value> = yaml::documents(text)?.into_iter().map(rudder_cli::renamed).collect();
    match <[Value; 1]>::try_from(documents) {
        Ok([value]) if value.is_object() || value.is_array() => Ok(value.to_string()),
        // A scalar is also valid YAML, but not a supported format.
        Ok(_) => Err(format!("it is not JSON: {}", explain(text).unwrap_or_default())),
        Err(documents) if documents.is_empty() => Err("it is empty".to_owned()),
        Err(documents) => Ok(Value::from(documents).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_file_is_unchanged_and_a_yaml_file_is_converted_to_json() {
        for (text, expected) in [
            ("{\"a\": 1.0}", "{\"a\": 1.0}"),
            (" [1e400]\n", " [1e400]\n"),
            ("a: 1\nb: [x, \"{{ event.y || z }}\", true, ~]\n", r#"{"a":1,"b":["x","{{ event.y || z }}",true,null]}"#),
            ("---\na: 1\n---\nb: \"2\"\n", r#"[{"a":1},{"b":"2"}]"#),
            ("# nothing but a comment\n- a: |\n    x\n    y\n", r#"[{"a":"x\ny\n"}]"#),
        ] {
            assert_eq!(read(text.as_bytes()).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(read(b"\xef\xbb\xbf{}").as_deref(), Ok("{}"));
    }

    #[test]
    fn errors_for_an_invalid_json_or_yaml_file_contain_no_file_content() {
        let deep = "[".repeat(2_000_000);
        let nested = (0..200).fold(String::new(), |text, depth| format!("{text}{}a:\n", " ".repeat(depth)))
            + &" ".repeat(200)
            + "b";
        let bomb = format!("a: &a [{}]\nb: &b [*a,*a]\nc: [*b,*b]\n", ["s3cret"; 10].join(","));
        for (bytes, word) in [
            (&b"\xff\xfe{\0}\0"[..], "UTF-16"),
            (b"\xfe\xff\0{\0}", "UTF-16"),
            (b"{\0}\0", "UTF-16"),
            (b"a: \xff", "not UTF-8: byte 4 at line 1 column 4"),
            (b"  \n", "empty"),
            (b"# s3cret\n", "empty"),
            (b"{\"s3cret\":1,}", "not JSON: key must be a string at line 1 column 13"),
            (b"s3cret", "not JSON: expected value at line 1 column 1"),
            (b"<html>s3cret</html>", "not JSON: expected value at line 1 column 1"),
            (b"password: s3cret\n  x: y\n", "YAML: line 2"),
            (b"a: \"s3cret\n", "YAML: line"),
            (b"? [a]\n: s3cret\n", "a key is not a string: line 1"),
            (b"base: &s3cret {}\n<<: *s3cret\n", "aliases are not supported: line 2"),
            (b"a: s3cret\na: s3cret\n", "duplicate key: line 2 column 1"),
            (b"topic: {{ .s3cret }}\n", "line 1 column"),
            (bomb.as_bytes(), "aliases are not supported"),
            (deep.as_bytes(), "not JSON"),
            (nested.as_bytes(), "too deep"),
        ] {
            let problem = read(bytes).expect_err(word);
            assert!(problem.contains(word), "{word}: {problem}");
            assert!(!problem.contains("s3cret") && problem.len() < 200, "{problem}");
        }
        let long = format!("a: {}", "x".repeat(yaml::MAX_BYTES));
        assert!(read(long.as_bytes()).is_err_and(|problem| problem.contains("4 MiB")));
    }
}
