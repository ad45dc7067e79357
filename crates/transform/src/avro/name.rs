//! Names of Avro types and their namespaces.

use serde_json::{Map, Value};

use super::schema::Unusable;
use json::text::quoted;

/// The maximum length of a full name, in bytes. Without a limit, a long namespace would be repeated in the full names
/// of many types.
const MAX_NAME_BYTES: usize = 1_000;

/// The full name of a type, such as `com.example.User`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    full: String,
}

impl Name {
    /// Reads `name` and `namespace` of a schema object. A name with a dot is a full name. Any other name is in the
    /// object's own namespace or, if the object has no namespace, in the namespace `enclosing`.
    pub(super) fn of(schema: &Map<String, Value>, enclosing: &str) -> Result<Self, Unusable> {
        let name = match schema.get("name") {
            None => return Err(Unusable::invalid("it has no name")),
            Some(Value::String(name)) if !name.is_empty() => name,
            Some(_) => return Err(Unusable::invalid("its name is empty or not a string")),
        };
        let namespace = match schema.get("namespace") {
            None => "",
            Some(Value::String(namespace)) => namespace,
            Some(_) => return Err(Unusable::invalid("its namespace is not a string")),
        };
        let namespace = if namespace.is_empty() { enclosing } else { namespace };
        let is_full = name.contains('.') || namespace.is_empty();
        let length = if is_full { name.len() } else { namespace.len() + 1 + name.len() };
        if length > MAX_NAME_BYTES {
            return Err(Unusable::NotChecked(format!(
                "a name has {length} bytes; the limit is {MAX_NAME_BYTES} bytes"
            )));
        }
        let full = if is_full { name.clone() } else { format!("{namespace}.{name}") };
        match full.split('.').find(|part| !is_name(part)) {
            None => Ok(Self { full }),
            Some(part) => Err(Unusable::invalid(not_a_name(part))),
        }
    }

    /// Returns the full name.
    pub(super) fn full(&self) -> &str {
        &self.full
    }

    /// Returns the part after the last dot.
    pub(super) fn short(&self) -> &str {
        self.full.rsplit_once('.').map_or(&self.full, |(_, short)| short)
    }

    /// Returns the part before the last dot; empty for a name without a namespace.
    pub(super) fn namespace(&self) -> &str {
        self.full.rsplit_once('.').map_or("", |(namespace, _)| namespace)
    }
}

/// Returns whether `text` is an Avro name: a letter or `_`, then letters, digits and `_`, all ASCII.
pub(super) fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.bytes().next().is_some_and(is_letter) && text.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

/// Returns the error for a `text` that is not a name.
pub(super) fn not_a_name(text: &str) -> String {
    format!("{} is not a valid name: use letters, digits and `_`, and do not start with a digit", quoted(text))
}
