//! Reads a string of a Config as a template (docs/contract.md#template-syntax).

use std::borrow::Cow;

use json::javascript::trim;
use json::raw::Raw;
use json::text::escape;

/// A template: `{{ path || default }}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// The path, with dots between names, directly followed by the default as a JSON string.
    text: String,
    /// The size of the path, in bytes.
    path_bytes: usize,
    /// Whether the value of the template can change the topic.
    pub(crate) in_routing: bool,
    /// The slot of the path in the tree of all paths, if the tree contains the path.
    pub(crate) slot: Option<usize>,
    /// The position of the template in the text of the Config.
    pub(crate) start: usize,
}

/// The reason why a value is not a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTemplate {
    /// The value is not a string, or is not enclosed in `{{` and `}}`.
    Braces,
    /// `||` is missing between the braces.
    Bars,
    /// The text before `||` is not a path.
    Path,
}

impl Template {
    /// Reads a string of the Config as a template.
    ///
    /// # Errors
    /// Returns the reason why the string is not a template. Such a string is used verbatim.
    pub fn read(leaf: Raw<'_>) -> Result<Self, NoTemplate> {
        let text = leaf.as_string().ok_or(NoTemplate::Braces)?.decoded();
        let inside = trim(&text).strip_prefix(b"{{").and_then(|rest| rest.strip_suffix(b"}}"));
        let inside = inside.ok_or(NoTemplate::Braces)?;
        let bar = memchr::memmem::find(inside, b"||").ok_or(NoTemplate::Bars)?;
        let path = trim(&inside[..bar]);
        if !is_path(path) {
            return Err(NoTemplate::Path);
        }
        let path = std::str::from_utf8(path).map_err(|_| NoTemplate::Path)?;
        // At the start of a path, `event.` addresses the message.
        let (root, path) = match path.strip_prefix("event.") {
            Some(rest) => ("message.", rest),
            None => ("", path),
        };
        let mut default = Cow::Borrowed(trim(&inside[bar + 2..]));
        if memchr::memchr(b'"', &default).is_some() {
            default.to_mut().retain(|&byte| byte != b'"');
        }
        Ok(Self::new([root, path], trim(&default)))
    }

    /// Creates a template. Its path is the concatenation of the two texts in `path`. `default` is the decoded default.
    pub(crate) fn new(path: [&str; 2], default: &[u8]) -> Self {
        let path_bytes = path[0].len() + path[1].len();
        let mut text = String::with_capacity(path_bytes + default.len() + "\"\"".len());
        path.iter().for_each(|piece| text.push_str(piece));
        text.push('"');
        escape(default, &mut text);
        text.push('"');
        Self { text, path_bytes, in_routing: false, slot: None, start: 0 }
    }

    /// The path, with dots between names. A prefix `event.` is stored as `message.`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.text[..self.path_bytes]
    }

    /// The default, as a JSON string. It is used if the event has no value at the path.
    #[must_use]
    pub fn default(&self) -> &str {
        &self.text[self.path_bytes..]
    }

    /// The number of names in the path.
    #[must_use]
    pub fn names(&self) -> usize {
        1 + self.path().bytes().filter(|byte| *byte == b'.').count()
    }

    /// The size in memory of the template's path and default value, in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text.capacity()
    }
}

/// Returns whether `path` matches `^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$`, where `\w` is ASCII only.
fn is_path(path: &[u8]) -> bool {
    let mut starts_name = true;
    for byte in path {
        match byte {
            b'.' if starts_name => return false,
            b'.' => starts_name = true,
            b'0'..=b'9' if starts_name => return false,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' => starts_name = false,
            _ => return false,
        }
    }
    !starts_name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Option<(String, String)> {
        let json = serde_json::to_string(text).unwrap();
        let template = Template::read(Raw::parse(&json).unwrap()).ok()?;
        Some((template.path().to_owned(), serde_json::from_str(template.default()).unwrap()))
    }

    #[test]
    fn a_template_is_parsed_into_its_path_and_default() {
        for (text, path, default) in [
            ("{{ event.a.b || x }}", "message.a.b", "x"),
            ("{{event.a||x}}", "message.a", "x"),
            ("\u{a0}\u{feff}{{ a._1 || x || y }}\u{2003}", "a._1", "x || y"),
            ("{{ a || \" q\"u\" \" }}", "a", "qu"),
            ("{{ a || 'x' }}", "a", "'x'"),
            ("{{ a || }}", "a", ""),
            ("{{ event || x }}", "event", "x"),
            ("{{ eventual.a || x }}", "eventual.a", "x"),
            ("{{ a || b }} {{ c || d }}", "a", "b }} {{ c || d"),
            ("{{ a\n||\nb\nc }}", "a", "b\nc"),
        ] {
            assert_eq!(template(text), Some((path.to_owned(), default.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_text_that_deviates_from_the_template_syntax_is_not_a_template() {
        for text in [
            "{{ a }}",
            "{{ || x }}",
            "{{ 0a || x }}",
            "{{ a.0b || x }}",
            "{{ a b || x }}",
            "x {{ a || x }}",
            "{{ a || x }} y",
            "{ a || x }",
            "{{}}",
            "{{",
            "{{ ä || x }}",
            "{{ a. || x }}",
            "{{ a-b || x }}",
            "{{}",
        ] {
            assert_eq!(template(text), None, "{text}");
        }
    }

    #[test]
    fn the_reason_why_a_value_is_not_a_template_is_reported() {
        for (json, reason) in [
            (r#""{{ a }}""#, NoTemplate::Bars),
            (r#""{{ 0a || x }}""#, NoTemplate::Path),
            (r#""x {{ a || x }}""#, NoTemplate::Braces),
            (r#""{{ \ud800 || x }}""#, NoTemplate::Path),
            ("7", NoTemplate::Braces),
        ] {
            assert_eq!(Template::read(Raw::parse(json).unwrap()), Err(reason), "{json}");
        }
    }
}
