//! JSON values as slices of the request.
//!
//! Values are neither parsed into trees nor copied, so literals and escapes are unchanged
//! (docs/contract.md#request-body, docs/contract.md#intentional-differences).

use crate::text::Text;

/// The JSON type of a value, determined by its first byte.
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
    /// The type as a noun for messages, such as `a string`. `true`, `false` and `null` are named as in JSON.
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

/// One valid JSON value, exactly as it was sent, without whitespace around it.
///
/// ```
/// use json::raw::{Kind, Raw};
///
/// # fn main() -> Result<(), json::invalid::Invalid> {
/// let event = Raw::parse(r#"{"userId": "u1", "value": 1.0}"#)?;
/// assert_eq!(event.kind(), Kind::Object);
/// assert_eq!(event.member("value").map(Raw::text), Some("1.0"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(pub(crate) &'a str);

/// The empty object, which replaces a missing message (docs/reference/differences.md#message_not_an_object).
pub const EMPTY_OBJECT: Raw<'static> = Raw("{}");
/// The literal `null`.
pub const NULL: Raw<'static> = Raw("null");

impl<'a> Raw<'a> {
    /// Wraps a text that is known to be one valid JSON value without surrounding whitespace.
    ///
    /// The text is not checked. For any other text, the methods return unspecified results or panic.
    #[inline]
    #[must_use]
    pub const fn from_valid(text: &'a str) -> Self {
        Self(text)
    }

    /// The text of the value.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.0
    }

    /// The type of the value.
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

    /// The value as a string, or `None` if it is not a string.
    #[must_use]
    pub fn as_string(self) -> Option<Text<'a>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(Text::new(inner, true))
    }

    /// Whether the value is a string equal to `expected`.
    #[must_use]
    pub fn is_string(self, expected: &str) -> bool {
        self.as_string().is_some_and(|text| text.is(expected))
    }

    /// The offset of this value in `outer`, in bytes. Both values must be slices of the same text.
    #[must_use]
    pub fn offset_in(self, outer: Raw<'_>) -> usize {
        self.0.as_ptr().addr() - outer.0.as_ptr().addr()
    }

    /// Appends a copy of this object to `out`. In the copy, the field `name` has the value that `write_value` appends.
    ///
    /// `current` must be the field's value in this object, or `None` if the object has no such field. A missing field
    /// is added at the end. All other bytes are copied unchanged.
    pub fn write_with(
        self,
        out: &mut String,
        name: &str,
        current: Option<Raw<'_>>,
        write_value: impl FnOnce(&mut String),
    ) {
        let (before, after) = match current {
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
        out.push_str(after);
    }
}
