//! JSON values as trees that are stored in one list.
//!
//! Some code needs every part of a value, such as every string of a Config with templates. The tree is built and read
//! without recursion, so deep nesting cannot overflow the stack.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::meter::{Halt, Usage};
use crate::partition::as_received;
use json::properties::in_property_order;
use json::raw::Raw;
use json::reader::Reader;
use json::text::pointer_step;

/// A value and all values in it, as JavaScript sees them: if several fields have the same name, only the last one is
/// included, and fields are in property order.
#[derive(Debug)]
pub struct FlatTree<'a> {
    /// The parts of the tree, which are the value and all values in it. The first part is the whole value. Every other
    /// part follows the part that contains it.
    parts: Vec<Part<'a>>,
}

#[derive(Debug)]
struct Part<'a> {
    range: Range<usize>,
    content: Content<'a>,
}

#[derive(Debug)]
enum Content<'a> {
    Scalar(Raw<'a>),
    Array(Vec<usize>),
    Object(Vec<Member<'a>>),
}

/// The name of a field, and the index of the part that is the value of the field.
type Member<'a> = (Cow<'a, [u8]>, usize);

/// A leaf of a [`FlatTree`]: a string, number or literal, or an array or object whose content is not in the tree.
#[derive(Debug, Clone)]
pub struct Leaf<'a> {
    /// The value of the leaf.
    pub raw: Raw<'a>,
    /// The position of the leaf in the text of the value that the tree was built from.
    pub range: Range<usize>,
}

/// The maximum size of a reported JSON pointer, in bytes.
const MAX_POINTER_BYTES: usize = 1024;

/// The memory to charge for a part, in bytes. It includes an entry in the array that contains the part, and an entry in
/// the list of leaves. It is doubled because vectors double when they grow.
const PART_BYTES: usize = 2 * (size_of::<Part<'_>>() + size_of::<usize>() + size_of::<Leaf<'_>>());
/// The memory to charge for a field in addition to its part, in bytes: an entry in a vector, which doubles when it
/// grows, and the memory for finding duplicates.
const MEMBER_BYTES: usize = 2 * size_of::<Member<'_>>() + 3 * size_of::<(&[u8], usize)>() + 4 * size_of::<usize>();

/// Returns the offsets of all arrays and objects that contain a byte at one of `offsets`. Both `offsets` and the result
/// are ascending.
fn containers_around(value: Raw<'_>, offsets: &[usize], usage: &Usage<'_>) -> Result<Vec<usize>, Halt> {
    let mut offsets = offsets.iter().copied().peekable();
    let mut around = Vec::new();
    // The offsets of the open containers. The first `noted` of them are already in the result.
    let mut open: Vec<usize> = Vec::new();
    let mut noted = 0;
    let mut reader = Reader::of(value);
    while offsets.peek().is_some()
        && let Some(byte) = reader.peek()
    {
        match byte {
            b'{' | b'[' => {
                usage.scratch(if open.len() < open.capacity() {
                    0
                } else {
                    2 * size_of::<usize>() * open.len().max(4)
                })?;
                open.push(reader.offset());
                reader.bump();
            }
            b'}' | b']' => {
                open.pop();
                noted = noted.min(open.len());
                reader.bump();
            }
            b',' | b':' => reader.bump(),
            _ if reader.skip().is_err() => break,
            _ => {
                if offsets.next_if(|offset| *offset < reader.offset()).is_some() {
                    while offsets.next_if(|offset| *offset < reader.offset()).is_some() {}
                    usage.scratch(2 * size_of::<usize>() * (open.len() - noted))?;
                    around.extend_from_slice(&open[noted..]);
                    noted = open.len();
                }
            }
        }
    }
    Ok(around)
}

/// One step of a JSON pointer.
#[derive(Debug, Clone, Copy)]
enum Step<'o> {
    Index(usize),
    Name(&'o [u8]),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Index(index) => write!(f, "/{index}"),
            Step::Name(name) => write!(f, "/{}", pointer_step(&as_received(name))),
        }
    }
}

/// An array or object whose end has not been read yet.
struct Open<'a> {
    part: usize,
    elements: Vec<usize>,
    members: Vec<Member<'a>>,
}

impl<'a> FlatTree<'a> {
    /// Builds the tree of a value.
    #[must_use]
    pub fn of(value: Raw<'a>) -> Self {
        Self::within(value, &Usage::unlimited()).unwrap_or(Self { parts: Vec::new() })
    }

    /// Builds the tree of a value. Memory is charged to the current event of `usage` before it is allocated.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn within(value: Raw<'a>, usage: &Usage<'_>) -> Result<Self, Halt> {
        Self::build(value, None, usage)
    }

    /// Like [`FlatTree::within`], but opens only arrays and objects that contain a byte at one of `offsets`. All other
    /// arrays and objects become leaves. `offsets` must be ascending.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn around(value: Raw<'a>, offsets: &[usize], usage: &Usage<'_>) -> Result<Self, Halt> {
        let containers = containers_around(value, offsets, usage)?;
        Self::build(value, Some(&containers), usage)
    }

    /// Builds the tree of a value. `containers` are the offsets of the arrays and objects to open. `None` means that
    /// all of them are opened.
    fn build(value: Raw<'a>, containers: Option<&[usize]>, usage: &Usage<'_>) -> Result<Self, Halt> {
        let mut containers = containers.map(|containers| containers.iter().copied().peekable());
        let mut parts: Vec<Part<'a>> = Vec::new();
        let mut open: Vec<Open<'a>> = Vec::new();
        let mut reader = Reader::of(value);
        while let Some(byte) = reader.peek() {
            match byte {
                b',' => reader.bump(),
                b']' | b'}' => {
                    reader.bump();
                    if let Some(closed) = open.pop() {
                        let part = &mut parts[closed.part];
                        part.range.end = reader.offset();
                        part.content = if byte == b']' {
                            Content::Array(closed.elements)
                        } else {
                            Content::Object(in_property_order(closed.members))
                        };
                    }
                }
                _ => {
                    let in_object = open
                        .last()
                        .is_some_and(|parent| value.text().as_bytes()[parts[parent.part].range.start] == b'{');
                    let index = parts.len();
                    usage.scratch(PART_BYTES)?;
                    if let Some(parent) = open.last_mut() {
                        if in_object {
                            usage.scratch(MEMBER_BYTES)?;
                            let Ok(name) = reader.string() else { break };
                            reader.peek();
                            reader.bump();
                            let name = name.decoded();
                            usage.scratch(if matches!(name, Cow::Owned(_)) { 3 * name.len() } else { 0 })?;
                            parent.members.push((name, index));
                        } else {
                            parent.elements.push(index);
                        }
                    }
                    let Some(first) = reader.peek() else { break };
                    let start = reader.offset();
                    let is_opened = (first == b'{' || first == b'[')
                        && containers.as_mut().is_none_or(|containers| containers.next_if_eq(&start).is_some());
                    if is_opened {
                        reader.bump();
                        usage.scratch(2 * size_of::<Open<'_>>())?;
                        open.push(Open { part: index, elements: Vec::new(), members: Vec::new() });
                        parts.push(Part { range: start..start, content: Content::Array(Vec::new()) });
                    } else {
                        let Ok(raw) = reader.value() else { break };
                        parts.push(Part { range: start..reader.offset(), content: Content::Scalar(raw) });
                    }
                }
            }
        }
        Ok(Self { parts })
    }

    /// Returns all leaves, depth first, with fields in JavaScript's property order.
    #[must_use]
    pub fn leaves(&self) -> Vec<Leaf<'a>> {
        let mut leaves = Vec::new();
        let mut to_visit = vec![0];
        while let Some(index) = to_visit.pop() {
            let Some(part) = self.parts.get(index) else { break };
            match &part.content {
                Content::Scalar(raw) => leaves.push(Leaf { raw: *raw, range: part.range.clone() }),
                Content::Array(elements) => to_visit.extend(elements.iter().rev()),
                Content::Object(members) => to_visit.extend(members.iter().rev().map(|(_, index)| *index)),
            }
        }
        leaves
    }

    /// Returns, for each position in `starts`, a JSON pointer to the part that starts there.
    ///
    /// If a pointer is too long, only its end is kept, after `…`. In names, a lone surrogate becomes U+FFFD.
    #[must_use]
    pub fn pointers(&self, starts: &[usize]) -> Vec<String> {
        let mut parents: Vec<Option<(usize, Step<'_>)>> = vec![None; self.parts.len()];
        for (index, part) in self.parts.iter().enumerate() {
            match &part.content {
                Content::Scalar(_) => {}
                Content::Array(elements) => {
                    elements
                        .iter()
                        .enumerate()
                        .for_each(|(at, &child)| parents[child] = Some((index, Step::Index(at))));
                }
                Content::Object(members) => {
                    members.iter().for_each(|(name, child)| parents[*child] = Some((index, Step::Name(name))));
                }
            }
        }
        let pointer = |start: &usize| {
            // Parts are sorted by their start.
            let mut at = self.parts.binary_search_by_key(start, |part| part.range.start).unwrap_or(0);
            let mut steps = Vec::new();
            let mut bytes = 0;
            while let Some((parent, step)) = parents.get(at).copied().flatten() {
                let step = step.to_string();
                bytes += step.len();
                if bytes > MAX_POINTER_BYTES {
                    steps.push("…".to_owned());
                    break;
                }
                steps.push(step);
                at = parent;
            }
            steps.reverse();
            steps.concat()
        };
        starts.iter().map(pointer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Vec<String> {
        let tree = FlatTree::of(Raw::parse(text).unwrap());
        tree.leaves()
            .iter()
            .map(|leaf| {
                assert_eq!(&text[leaf.range.clone()], leaf.raw.text());
                leaf.raw.text().to_owned()
            })
            .collect()
    }

    #[test]
    fn json_leaves_are_in_property_order_and_omit_overwritten_duplicates() {
        assert_eq!(leaves(r#"{"b":{"z":1,"z":2},"10":3, "2":[4,{"x":5},[]],"b" : 6,"a":{}}"#), ["4", "5", "3", "6"]);
        assert_eq!(leaves("7"), ["7"]);
    }

    #[test]
    fn a_flat_tree_expands_only_objects_and_arrays_that_contain_a_given_offset() {
        let text = r#"{"a":[{"x":1},{"y":["!",{}]}],"b":{"!":[2]},"c":[],"d":["!"],"e":"!","f":{}}"#;
        let value = Raw::parse(text).unwrap();
        let offsets: Vec<usize> = text.match_indices('!').map(|(at, _)| at).collect();
        let leaves = |offsets: &[usize]| -> Vec<&str> {
            let tree = FlatTree::around(value, offsets, &Usage::unlimited()).unwrap();
            tree.leaves().iter().map(|leaf| leaf.raw.text()).collect()
        };
        assert_eq!(leaves(&offsets), [r#"{"x":1}"#, r#""!""#, "{}", "[2]", "[]", r#""!""#, r#""!""#, "{}"]);
        assert_eq!(
            leaves(&offsets[..1]),
            [r#"{"x":1}"#, r#""!""#, "{}", r#"{"!":[2]}"#, "[]", r#"["!"]"#, r#""!""#, "{}"]
        );
        assert_eq!(leaves(&[]), [text]);
    }

    #[test]
    fn offsets_in_a_json_text_are_converted_to_json_pointers() {
        let text = r#"{"b":{"z":1,"z":2},"10":[7,{"a/b~":{"\u0078":3}}],"":4}"#;
        let tree = FlatTree::of(Raw::parse(text).unwrap());
        let starts: Vec<usize> = tree.leaves().iter().map(|leaf| leaf.range.start).collect();
        assert_eq!(tree.pointers(&starts), ["/10/0", "/10/1/a~1b~0/x", "/b/z", "/"]);
        assert_eq!(FlatTree::of(Raw::parse(" 7").unwrap()).pointers(&[0]), [""]);
        let deep = format!("{}7{}", "[".repeat(100_000), "]".repeat(100_000));
        let pointer = FlatTree::of(Raw::parse(&deep).unwrap()).pointers(&[100_000]).concat();
        assert_eq!(pointer, format!("…{}", "/0".repeat(MAX_POINTER_BYTES / 2)));
    }

    #[test]
    fn a_flat_tree_of_a_deeply_nested_value_is_built_without_recursion() {
        let deep = format!("{}{}", "[".repeat(300_000), "]".repeat(300_000));
        assert!(FlatTree::of(Raw::parse(&deep).unwrap()).leaves().is_empty());
    }
}
