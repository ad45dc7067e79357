//! JSON on one line.

/// Appends JSON as one line. If the JSON contains a line break, all whitespace outside strings is removed.
pub(super) fn push_line(out: &mut String, json: &str) {
    if memchr::memchr2(b'\n', b'\r', json.as_bytes()).is_none() {
        out.push_str(json);
        return;
    }
    // Outside strings, JSON contains no quotes and no backslashes, so every unescaped quote begins or ends a string.
    let mut rest = json;
    while let Some(at) = rest.find('"') {
        let (between, string) = rest.split_at(at);
        out.extend(between.split_ascii_whitespace());
        let end = string_end(string);
        out.push_str(&string[..end]);
        rest = &string[end..];
    }
    out.extend(rest.split_ascii_whitespace());
}

/// Returns the position after the JSON string with which `text` begins.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multi_line_json_becomes_one_line_without_whitespace_between_tokens() {
        for (json, line) in [
            ("{\"a\": 1.0}", "{\"a\": 1.0}"),
            (
                "{\r\n\t\"a b\" : [ 1,\n 1e400 ],\n \"\\\" { \\\\\": \"x  y\"\n}",
                "{\"a b\":[1,1e400],\"\\\" { \\\\\":\"x  y\"}",
            ),
            ("[\n]", "[]"),
        ] {
            let mut out = String::new();
            push_line(&mut out, json);
            assert_eq!(out, line);
        }
    }
}
