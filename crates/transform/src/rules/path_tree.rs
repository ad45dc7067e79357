//! Finds the values of all templates of a Config in one pass through an event (docs/contract.md#dynamic-configuration).
//!
//! The paths form a tree, which supports only usual Configs and events: all paths lead into the message or the
//! metadata, no path is a prefix of another, and names on the paths have no dots, escapes or duplicates in the event.
//! For these, the tree finds the same values as [`LazyObject::find`](crate::rules::lazy_object::LazyObject::find). For
//! others, it returns `None`.

use std::ops::Range;

use crate::budget::{EventBudget, Exhausted};
use crate::rules::lazy_object::MAX_MEMBERS;
use json::invalid::Invalid;
use json::raw::{Kind, Raw};
use json::reader::Reader;

/// The maximum number of children of a node. Each child is compared with every name of an object.
const MAX_CHILDREN: usize = 16;
/// The maximum number of nodes of a tree.
const MAX_NODES: usize = 256;

/// The parts of an event that paths can lead into.
pub const ROOTS: [&str; 2] = ["message", "metadata"];

/// The paths of the templates of a Config.
#[derive(Debug)]
pub struct PathTree {
    roots: [Node; ROOTS.len()],
    templates: usize,
}

/// A name in a path. Paths with a common prefix share nodes.
#[derive(Debug, Default)]
struct Node {
    name: Box<str>,
    /// The index of the template whose path ends here; such a node has no children.
    template: Option<usize>,
    children: Vec<Node>,
}

/// The value at a path.
#[derive(Debug, Clone)]
pub struct Hit<'e> {
    /// The index in [`ROOTS`] of the part of the event that contains the value.
    pub root: usize,
    /// The value.
    pub value: Raw<'e>,
    /// The position of the whole field (name and value) in the text of that part.
    pub field: Range<usize>,
    /// Whether a template removes the field.
    pub is_removed: bool,
}

/// The tree cannot be used for an event.
struct Unusual;

impl From<Invalid> for Unusual {
    fn from(Invalid: Invalid) -> Self {
        Unusual
    }
}

impl From<Exhausted> for Unusual {
    fn from(Exhausted: Exhausted) -> Self {
        Unusual
    }
}

impl PathTree {
    /// The maximum memory of a tree of paths with this number of names, in bytes.
    #[must_use]
    pub fn max_bytes(names: usize) -> usize {
        2 * names.min(MAX_NODES) * (size_of::<Node>() + 32)
    }

    /// Creates the tree of the paths of templates, in order; `None` if the tree does not support them.
    pub fn of<'t>(paths: impl Iterator<Item = &'t str>) -> Option<Self> {
        let mut root = Node::default();
        let mut nodes = 0;
        let mut templates = 0;
        for path in paths {
            root.add(path, templates, &mut nodes)?;
            templates += 1;
        }
        let mut roots = <[Node; ROOTS.len()]>::default();
        for node in root.children {
            let place = ROOTS.iter().position(|name| **name == *node.name)?;
            node.template.is_none().then(|| roots[place] = node)?;
        }
        Some(Self { roots, templates })
    }

    /// Returns the values in an event, by template; `None` if the tree does not support the event or the event exceeds
    /// its budget.
    #[must_use]
    pub fn find<'e>(
        &self,
        parts: [Raw<'e>; ROOTS.len()],
        budget: &mut EventBudget<'_, '_>,
    ) -> Option<Vec<Option<Hit<'e>>>> {
        budget.memory(self.templates * size_of::<Option<Hit<'_>>>()).ok()?;
        let mut hits = vec![None; self.templates];
        for (index, (root, part)) in self.roots.iter().zip(parts).enumerate() {
            if !root.children.is_empty() {
                budget.work(part.text().len() as u64).ok()?;
                root.walk(&mut Reader::of(part), index, &mut hits, budget).ok()?;
            }
        }
        Some(hits)
    }
}

impl Node {
    /// Adds a path; `None` if it is a prefix of another path, another path is a prefix of it, or the tree becomes too
    /// large.
    fn add(&mut self, path: &str, template: usize, nodes: &mut usize) -> Option<()> {
        let mut node = self;
        for name in path.split('.') {
            let place = node.children.iter().position(|child| *child.name == *name);
            if place.is_none() {
                *nodes += 1;
                if node.template.is_some() || node.children.len() == MAX_CHILDREN || *nodes > MAX_NODES {
                    return None;
                }
                node.children.push(Node { name: name.into(), ..Node::default() });
            }
            let place = place.unwrap_or(node.children.len() - 1);
            node = &mut node.children[place];
        }
        let is_new = node.children.is_empty() && node.template.is_none();
        node.template = Some(template);
        is_new.then_some(())
    }

    /// Walks over a valid object. Recursion is limited by the number of names in a path.
    fn walk<'e>(
        &self,
        reader: &mut Reader<'e, false>,
        root: usize,
        hits: &mut [Option<Hit<'e>>],
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<(), Unusual> {
        let mut fields = 0;
        let mut found = 0_u32;
        reader.parts::<Unusual>(|reader| {
            fields += 1;
            reader.peek();
            let start = reader.offset();
            let name = reader.name()?;
            if name.may_have_escapes() {
                return Err(Unusual);
            }
            let Some(place) = self.child(name.escaped())? else { return Ok(reader.skip()?) };
            if found & 1 << place != 0 {
                return Err(Unusual);
            }
            found |= 1 << place;
            let child = &self.children[place];
            if child.template.is_none() && reader.peek() == Some(b'{') {
                return child.walk(reader, root, hits, budget);
            }
            let value = reader.value()?;
            match child.template {
                Some(template) => {
                    let field = start..reader.offset();
                    hits[template] = Some(Hit { root, value, field, is_removed: false });
                }
                // The path may lead to the length of the array.
                None if value.kind() == Kind::Array => return Err(Unusual),
                None => {}
            }
            Ok(())
        })?;
        if fields > MAX_MEMBERS {
            return Err(Unusual);
        }
        Ok(budget.work((fields * self.children.len()) as u64)?)
    }

    /// Returns the child called `name`. Fails if `name` starts with the name of a child and a dot, because it may then
    /// stand for several names of a path.
    #[inline]
    fn child(&self, name: &str) -> Result<Option<usize>, Unusual> {
        let first = name.as_bytes().first();
        for (place, child) in self.children.iter().enumerate() {
            // Most names differ in their first byte.
            if child.name.as_bytes().first() == first
                && let Some(rest) = name.strip_prefix(&*child.name)
            {
                match rest.as_bytes().first() {
                    None => return Ok(Some(place)),
                    Some(b'.') => return Err(Unusual),
                    Some(_) => {}
                }
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Usage;
    use crate::rules::lazy_object::{Found, LazyObject};

    /// Returns the text of the values that the tree finds.
    fn found(paths: &[&str], message: &str) -> Option<Vec<Option<String>>> {
        let usage = Usage::unlimited();
        let mut budget = EventBudget::for_event(message.len(), &usage);
        let parts = [Raw::parse(message).unwrap(), Raw::parse("{}").unwrap()];
        let hits = PathTree::of(paths.iter().copied())?.find(parts, &mut budget)?;
        Some(hits.into_iter().map(|hit| hit.map(|hit| hit.value.text().to_owned())).collect())
    }

    #[test]
    fn the_tree_finds_the_same_values_as_single_lookups() {
        let paths = ["message.a", "message.b.c", "message.b.d.e", "message.f.g"];
        for message in [
            "{}",
            r#"{"a":1,"b":{"c":[2],"d":{"e":{"x":3}}},"f":{"g":null}}"#,
            r#" { "f" : 7 , "b" : { "d" : "e" , "c" : "" } , "ab" : 1 , "a" : {"a":1} } "#,
            r#"{"b":null,"a":{"c":1},"c":{"b":{"c":1}},"fg":{"g":1}}"#,
        ] {
            let event = format!(r#"{{"message":{message}}}"#);
            let usage = Usage::unlimited();
            let alone = paths.map(|path| {
                let mut budget = EventBudget::for_event(event.len(), &usage);
                match LazyObject::of(Raw::parse(&event).unwrap()).find(path, &mut budget) {
                    Found::Member(place) => Some(place.value().text().into_owned()),
                    _ => None,
                }
            });
            assert_eq!(found(&paths, message), Some(alone.to_vec()), "{message}");
        }
    }

    #[test]
    fn unusual_events_and_paths_are_not_supported() {
        let paths = ["message.a.b", "message.c"];
        for message in [
            r#"{"a.b":1}"#,
            r#"{"a.x":1}"#,
            r#"{"\u0061":{"b":1}}"#,
            r#"{"a":{"b":1},"a":{}}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[1]}"#,
        ] {
            assert_eq!(found(&paths, message), None, "{message}");
        }
        for paths in [
            &["message.a", "message.a"][..],
            &["message.a", "message.a.b"],
            &["message.a.b", "message.a"],
            &["message"],
            &["userId"],
            &["destination.Config.topic"],
        ] {
            assert!(PathTree::of(paths.iter().copied()).is_none(), "{paths:?}");
        }
    }
}
