//! Decides whether a value is empty for a template (docs/contract.md#template-empty).
//!
//! `""` is empty, and so are arrays and objects that contain only empty values. If several fields have the same name,
//! the last one wins, as in JavaScript.

use std::borrow::Cow;

use crate::budget::{EventBudget, Exhausted};
use json::invalid::Invalid;
use json::raw::Raw;
use json::reader::Reader;
use json::text::Text;

/// The entry in the list of open containers for an array, and for an object whose first key has not been read. Any
/// other object is represented by the offset of its current key.
const ARRAY: u32 = u32::MAX;

/// Returns whether a value contains only empty strings, arrays and objects.
///
/// First, the value is read up to the first part that is not empty. This part does not count if the name of a field
/// that contains it occurs again later in the same object. Therefore, the rest of the value is searched for such a
/// duplicate. A tree of the value is built only if there is one.
///
/// # Errors
/// [`Exhausted`] if the check would exceed the event's budget.
pub fn is_empty(value: Raw<'_>, budget: &mut EventBudget<'_, '_>) -> Result<bool, Exhausted> {
    Ok(match first_content(value, budget)? {
        None => true,
        Some(Content::Shown) => false,
        Some(Content::Hidden) => {
            let tree = budget.tree_of(value)?;
            tree.leaves().iter().all(|leaf| leaf.raw.is_string(""))
        }
    })
}

/// Whether a value that is not empty is visible to JavaScript.
enum Content {
    /// The value is visible.
    Shown,
    /// A later duplicate hides the value or one of its containers.
    Hidden,
}

/// Finds the first scalar that is not an empty string. Returns [`Content::Hidden`] if a later field of the same name
/// hides the scalar or a container around it, and [`Content::Shown`] otherwise. Returns `None` if there is no such
/// scalar.
fn first_content(value: Raw<'_>, budget: &mut EventBudget<'_, '_>) -> Result<Option<Content>, Exhausted> {
    let mut reader = Reader::of(value);
    let mut open: Vec<u32> = Vec::new();
    let mut expects_name = false;
    while let Some(byte) = reader.peek() {
        let has_content = match byte {
            b'{' | b'[' => {
                if open.len() == open.capacity() {
                    budget.memory(2 * open.capacity().max(4) * size_of::<u32>())?;
                }
                expects_name = byte == b'{';
                open.push(ARRAY);
                reader.bump();
                false
            }
            b'}' | b']' => {
                open.pop();
                expects_name = false;
                reader.bump();
                false
            }
            b',' => {
                expects_name = open.last().is_some_and(|container| *container != ARRAY);
                reader.bump();
                false
            }
            b'"' if expects_name => {
                let at = u32::try_from(reader.offset()).map_err(|_| Exhausted)?;
                if let Some(object) = open.last_mut() {
                    *object = at;
                }
                expects_name = false;
                reader.name().map_err(|_| Exhausted)?;
                false
            }
            b'"' => !reader.string().map_err(|_| Exhausted)?.escaped().is_empty(),
            _ => {
                reader.skip().map_err(|_| Exhausted)?;
                true
            }
        };
        if has_content {
            let is_hidden = is_hidden(value, reader.offset(), &open, budget)?;
            return Ok(Some(if is_hidden { Content::Hidden } else { Content::Shown }));
        }
    }
    Ok(None)
}

/// Returns whether a later duplicate of a name hides a part of `value`. `from` is the end of the part, and `open` lists
/// the containers around the part.
fn is_hidden(value: Raw<'_>, from: usize, open: &[u32], budget: &mut EventBudget<'_, '_>) -> Result<bool, Exhausted> {
    let mut reader = Reader::of(value);
    reader.advance(from);
    let mut looked_at = from;
    for &container in open.iter().rev() {
        let mut key = None;
        while reader.peek() == Some(b',') {
            reader.bump();
            if container != ARRAY {
                let key = key.get_or_insert_with(|| key_at(value, container as usize));
                if reader.name().map_err(|_| Exhausted)?.is_bytes(key) {
                    return Ok(true);
                }
            }
            reader.skip().map_err(|_| Exhausted)?;
            budget.work((reader.offset() - looked_at) as u64)?;
            looked_at = reader.offset();
        }
        // The next byte closes the container.
        reader.bump();
        budget.work(1 + key.map_or(0, |key| key.len()) as u64)?;
    }
    Ok(false)
}

/// Returns the decoded name of the field that starts at `offset` in `value`.
fn key_at(value: Raw<'_>, offset: usize) -> Cow<'_, [u8]> {
    let mut reader = Reader::of(value);
    reader.advance(offset);
    let key: Result<_, Invalid> = reader.string();
    key.map_or(Cow::Borrowed(&[]), Text::decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Usage;

    fn is_empty_with(text: &str, bytes: usize) -> Result<bool, Exhausted> {
        let usage = Usage::unlimited();
        is_empty(Raw::parse(text).unwrap(), &mut EventBudget::for_event(bytes, &usage))
    }

    #[test]
    fn a_value_is_empty_if_it_contains_only_empty_values() {
        for (text, empty) in [
            ("[]", true),
            (r#""""#, true),
            ("null", false),
            (r#"{"a":["",{"b":""}]}"#, true),
            (r#"{"a":["x"],"\u0061":""}"#, true),
            (r#"{"a":"x","a":""}"#, true),
            (r#"{"a":"x","a":"","a":1}"#, false),
            (r#"{"o":{"a":"x","b":2},"o":{}}"#, true),
            (r#"{"o":[{"a":"x"},3],"p":{"o":""}}"#, false),
            (r#"{"a":{"b":1,"b":""},"c":""}"#, true),
            (r#"[{"a":1},{"a":""}]"#, false),
            (r#"{"a":["",0]}"#, false),
            (r#"[null]"#, false),
            (r#"[false]"#, false),
            (r#"[" "]"#, false),
        ] {
            assert_eq!(is_empty_with(text, 1_000), Ok(empty), "{text}");
        }
    }

    #[test]
    fn checking_deep_or_duplicate_values_for_emptiness_stays_within_budget() {
        let deep = format!("{}{}", "[".repeat(300_000), "]".repeat(300_000));
        assert_eq!(is_empty_with(&deep, 1_000), Ok(true));
        let names: Vec<String> = (0..3_000).map(|name| format!("\"{name}\":1")).collect();
        let hidden = format!("{{{},{}}}", names.join(","), names.join(",").replace(":1", ":\"\""));
        assert_eq!(is_empty_with(&hidden, hidden.len() / 4), Ok(true));
        let other = format!("{{{}}}", names.join(","));
        assert_eq!(is_empty_with(&other, other.len()), Ok(false));
    }
}
