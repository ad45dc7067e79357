//! Decides whether a value is empty for a template (docs/contract.md#template-empty).
//!
//! `""` is empty, and so are arrays and objects that contain only empty values. The last duplicate field wins, as in
//! JavaScript.

use crate::budget::{EventBudget, Exhausted};
use json::invalid::Invalid;
use json::raw::Raw;
use json::reader::Reader;

/// Represents an array in the list of open containers. An object is represented by the offset of its current key.
const ARRAY: u32 = u32::MAX;

/// Returns whether a value contains only empty strings, arrays and objects.
///
/// The value is read once, without building a tree. If a part is not empty, the rest of the text is searched for a
/// later duplicate that hides it, within the event's budget.
///
/// # Errors
/// [`Exhausted`].
pub fn is_empty(value: Raw<'_>, budget: &mut EventBudget<'_, '_>) -> Result<bool, Exhausted> {
    let mut reader = Reader::new(value.text());
    let mut open: Vec<u32> = Vec::new();
    while let Some(byte) = reader.peek() {
        let at = u32::try_from(reader.offset()).map_err(|_| Exhausted)?;
        let has_content = match byte {
            b'{' | b'[' => {
                if open.len() == open.capacity() {
                    budget.memory(2 * open.capacity().max(4) * size_of::<u32>())?;
                }
                open.push(if byte == b'[' { ARRAY } else { at });
                reader.bump();
                false
            }
            b'}' | b']' => {
                open.pop();
                reader.bump();
                false
            }
            b',' => {
                reader.bump();
                false
            }
            b'"' => {
                let text = reader.string().map_err(|_| Exhausted)?;
                if reader.peek() == Some(b':') {
                    reader.bump();
                    if let Some(object) = open.last_mut() {
                        *object = at;
                    }
                    false
                } else {
                    !text.escaped().is_empty()
                }
            }
            _ => {
                reader.skip().map_err(|_| Exhausted)?;
                true
            }
        };
        if has_content && !is_hidden(value.text(), reader.offset(), &open, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns whether a value is hidden by a later duplicate of a name on the path to it. `from` is the end of the value.
fn is_hidden(text: &str, from: usize, open: &[u32], budget: &mut EventBudget<'_, '_>) -> Result<bool, Exhausted> {
    let mut reader = Reader::new(text);
    reader.advance(from);
    let mut looked_at = from;
    for &container in open.iter().rev() {
        let key = if container == ARRAY { None } else { key_at(text, container as usize) };
        let key = key.map(json::text::Text::decoded);
        while reader.peek() == Some(b',') {
            reader.bump();
            if let Some(key) = &key
                && reader.name().map_err(|_| Exhausted)?.is_bytes(key)
            {
                return Ok(true);
            }
            reader.skip().map_err(|_| Exhausted)?;
            budget.work((reader.offset() - looked_at) as u64)?;
            looked_at = reader.offset();
        }
        // Closes the container.
        reader.bump();
        budget.work(1 + key.map_or(0, |key| key.len()) as u64)?;
    }
    Ok(false)
}

fn key_at(text: &str, offset: usize) -> Option<json::text::Text<'_>> {
    let mut reader = Reader::new(text);
    reader.advance(offset);
    let key: Result<_, Invalid> = reader.string();
    key.ok()
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
    fn work_for_depth_and_duplicates_is_limited() {
        let deep = format!("{}{}", "[".repeat(300_000), "]".repeat(300_000));
        assert_eq!(is_empty_with(&deep, 1_000), Ok(true));
        let names: Vec<String> = (0..3_000).map(|name| format!("\"{name}\":1")).collect();
        let hidden = format!("{{{},{}}}", names.join(","), names.join(",").replace(":1", ":\"\""));
        assert_eq!(is_empty_with(&hidden, hidden.len()), Err(Exhausted), "each name is searched for after all others");
        let other = format!("{{{}}}", names.join(","));
        assert_eq!(is_empty_with(&other, other.len()), Ok(false));
    }
}
