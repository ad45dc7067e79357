//! JSON values as slices of the request: nothing here builds a tree or copies a byte. Literals and escapes stay as they
//! were sent (docs/contract.md#request-body and docs/contract.md#intended-differences).

use serde::de::IgnoredAny;

use super::reader::Reader;
use super::text::Text;

/// The text is not the JSON that was asked for. Where and why is found by [`explain`], off the hot way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

/// What a value is, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `false`.
    False,
    /// `true`.
    True,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind {
    /// The kind with its article, for a message: `a string`; `true`, `false` and `null` stand for themselves.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::False => "false",
            Self::True => "true",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// One valid JSON value, exactly as it was sent, without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(pub(super) &'a str);

/// The empty object, which stands in for a missing message (docs/reference/differences.md#message_not_an_object).
pub const EMPTY_OBJECT: Raw<'static> = Raw("{}");
/// The literal `null`.
pub const NULL: Raw<'static> = Raw("null");

impl<'a> Raw<'a> {
    /// Checks that `text` is one JSON value and nothing else but white space.
    ///
    /// # Errors
    /// [`Invalid`] where it is not.
    pub fn parse(text: &'a str) -> Result<Self, Invalid> {
        let mut reader = Reader::new(text);
        let value = reader.value()?;
        reader.end()?;
        Ok(value)
    }

    /// The text of the value.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.0
    }

    /// What the value is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't') => Kind::True,
            Some(b'f') => Kind::False,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// Whether the value is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether the value is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The value as a string, `None` for any other kind.
    #[must_use]
    pub fn as_string(self) -> Option<Text<'a>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(Text::new(inner, true))
    }

    /// Whether the value is the string `expected`.
    #[must_use]
    pub fn is_string(self, expected: &str) -> bool {
        self.as_string().is_some_and(|text| text.is(expected))
    }

    /// Calls `on_member` for each member of an object, in the order sent, duplicates too. Other values have none.
    pub fn for_each_member(self, mut on_member: impl FnMut(Text<'a>, Raw<'a>)) {
        if self.is_object() {
            // A `Raw` is valid, so that the walk cannot fail.
            let _ = Reader::new(self.0).object::<Invalid>(|reader, key| {
                on_member(key, reader.value()?);
                Ok(())
            });
        }
    }

    /// Calls `on_element` for each element of an array. Other values have none.
    pub fn for_each_element(self, mut on_element: impl FnMut(Raw<'a>)) {
        if self.kind() == Kind::Array {
            let _ = Reader::new(self.0).array::<Invalid>(|reader| {
                on_element(reader.value()?);
                Ok(())
            });
        }
    }

    /// The members of an object that are called `names`, in that order: of duplicates the last one, as in JavaScript.
    #[must_use]
    pub fn members<const N: usize>(self, names: [&str; N]) -> [Option<Raw<'a>>; N] {
        let mut found = [None; N];
        self.for_each_member(|key, value| {
            if let Some(index) = names.iter().position(|name| key.is(name)) {
                found[index] = Some(value);
            }
        });
        found
    }

    /// The member called `name`, see [`Raw::members`].
    #[must_use]
    pub fn member(self, name: &str) -> Option<Raw<'a>> {
        let [found] = self.members([name]);
        found
    }

    /// Where this value begins inside `outer`, in bytes. Both must be slices of the same text.
    #[must_use]
    pub fn offset_in(self, outer: Raw<'_>) -> usize {
        self.0.as_ptr().addr() - outer.0.as_ptr().addr()
    }

    /// Appends this object to `out` with the member called `name` set to what `write_value` appends: in the place of
    /// `current`, its value now, or behind all others where it has none. Every other byte stays.
    pub fn write_with(
        self,
        out: &mut String,
        name: &str,
        current: Option<Raw<'_>>,
        write_value: impl FnOnce(&mut String),
    ) {
        let (before, behind) = match current {
            Some(current) => {
                let start = current.offset_in(self);
                (&self.0[..start], &self.0[start + current.0.len()..])
            }
            None => self.0.split_at(self.0.len() - 1),
        };
        out.push_str(before);
        if current.is_none() {
            let first = before[1..].bytes().all(|byte| byte.is_ascii_whitespace());
            out.push_str(if first { "\"" } else { ",\"" });
            out.push_str(name);
            out.push_str("\":");
        }
        write_value(out);
        out.push_str(behind);
    }
}

/// Why `text` is not one JSON value: what was wrong, with line and column. `None` where it is one.
///
/// Reads the whole text again, because only a rejected body has to pay for it.
#[must_use]
pub fn explain(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).err().map(|error| error.to_string())
}

/// [`explain`], with the library's "ident" replaced by the literals that it means.
#[must_use]
pub fn not_json(text: &str) -> Option<String> {
    explain(text).map(|why| why.replace("expected ident", "expected true, false or null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_text_that_was_sent() {
        let text = r#" {"a" : [1.0, -0, 1e400, "\ud800"] , "a":"\u0062"} "#;
        let value = Raw::parse(text).unwrap();
        assert_eq!(value.text(), text.trim());
        assert_eq!(value.member("a").unwrap().text(), r#""\u0062""#);
        assert!(value.member("a").unwrap().is_string("b"));
    }

    #[test]
    fn names_are_compared_without_their_escapes() {
        let value = Raw::parse(r#"{"\u0061":1}"#).unwrap();
        assert_eq!(value.member("a").unwrap().text(), "1");
    }

    #[test]
    fn what_serde_json_refuses_is_refused_at_every_level() {
        for bad in
            ["", "nul", "01", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "[1 2]", "\"\t\"", "\"\\x\"", "[", "{", "1 1"]
        {
            assert_eq!(Raw::parse(bad), Err(Invalid), "{bad}");
            assert!(explain(bad).is_some(), "{bad}");
        }
    }
}
