//! Finds the values of all templates of a Config in one pass through an event (docs/contract.md#dynamic-configuration).
//!
//! The paths form a tree, in which templates with the same path share a slot. The cost of a pass depends on the size of
//! the event and not on the number of templates. The tree supports only usual events: names on the paths have no dots
//! or duplicates, and no object or array is both the value of a path and an intermediate value of another path. For
//! such events, the tree finds the same values as [`LazyObject::find`](crate::rules::lazy_object::LazyObject::find).
//! For all others, it returns `None`.

use std::collections::HashMap;
use std::ops::Range;

use crate::budget::{EventBudget, Exhausted};
use crate::rules::lazy_object::MAX_MEMBERS;
use json::invalid::Invalid;
use json::properties::NameHasher;
use json::raw::{Kind, Raw};
use json::reader::Reader;

/// The maximum number of children that are compared with a name one by one. Above this number, children are indexed.
const FEW_CHILDREN: usize = 8;

/// The parts of an event that the paths of a tree lead into.
pub const ROOTS: [&str; 2] = ["message", "metadata"];

/// The parts that templates can address even if the event itself does not contain them.
pub(crate) const SHARED_ROOTS: [&str; 3] = ["destination", "connection", "request"];

/// The paths of the templates of a Config.
#[derive(Debug, Default)]
pub struct PathTree {
    /// The root of the tree, which stands for the event.
    root: Node,
    /// The indices of the templates of each path in the tree, ascending.
    slots: Vec<Vec<usize>>,
    /// The indices of the templates whose paths do not lead into one of [`ROOTS`], ascending.
    elsewhere: Vec<usize>,
    /// The indices of the templates that are not in the tree, ascending.
    shared: Vec<usize>,
    /// Whether the path of a template is one of [`ROOTS`].
    has_whole_root: bool,
}

/// A name in a path. Paths with a common prefix share nodes.
#[derive(Debug, Default)]
struct Node {
    name: Box<str>,
    /// The slot of the path that ends here.
    slot: Option<usize>,
    children: Vec<Node>,
    /// The indices of the children by name, if there are more than [`FEW_CHILDREN`].
    index: HashMap<Box<str>, usize, NameHasher>,
}

/// The value at a path.
#[derive(Debug, Clone)]
pub struct Hit<'e> {
    /// The slot of the path.
    pub slot: usize,
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
    /// Returns the maximum memory of a tree, in bytes. The paths of its `templates` have `names` names in total.
    #[must_use]
    pub fn max_bytes(names: usize, templates: usize) -> usize {
        2 * names * (size_of::<Node>() + size_of::<(Box<str>, usize)>() + 64)
            + 2 * templates * size_of::<(Vec<usize>, [usize; 4], &str)>()
    }

    /// Creates the tree for the paths of all templates.
    #[must_use]
    pub fn of<'t>(paths: impl Iterator<Item = &'t str>) -> Self {
        let mut tree = Self::default();
        let mut sorted: Vec<(&str, usize)> = paths.enumerate().map(|(template, path)| (path, template)).collect();
        // A dot sorts before all characters of names, so paths with the same first names are neighbors.
        sorted.sort_unstable();
        let mut latest = None;
        for (path, template) in sorted {
            let first = path.split('.').next().unwrap_or_default();
            if !ROOTS.contains(&first) {
                tree.elsewhere.push(template);
            }
            if SHARED_ROOTS.contains(&first) {
                tree.shared.push(template);
            } else if latest == Some(path)
                && let Some(templates) = tree.slots.last_mut()
            {
                templates.push(template);
            } else {
                latest = Some(path);
                tree.has_whole_root |= ROOTS.contains(&path);
                tree.root.add(path, tree.slots.len());
                tree.slots.push(vec![template]);
            }
        }
        tree.elsewhere.sort_unstable();
        tree.shared.sort_unstable();
        tree.root.index_children();
        tree
    }

    /// The indices of the templates that share a slot, ascending.
    #[must_use]
    pub fn templates_at(&self, slot: usize) -> &[usize] {
        &self.slots[slot]
    }

    /// All slots, with the indices of their templates.
    pub fn slots(&self) -> impl Iterator<Item = (usize, &[usize])> {
        self.slots.iter().map(Vec::as_slice).enumerate()
    }

    /// The indices of the templates that [`PathTree::find`] does not look for, ascending.
    #[must_use]
    pub fn elsewhere(&self) -> &[usize] {
        &self.elsewhere
    }

    /// The indices of the templates that are not in the tree, because their paths lead into parts that events share,
    /// ascending.
    #[must_use]
    pub fn shared(&self) -> &[usize] {
        &self.shared
    }

    /// Returns the values of templates in the message and the metadata of an event; `None` if the tree does not support
    /// the event or the event exceeds its budget.
    #[must_use]
    pub fn find<'e>(&self, parts: [Raw<'e>; ROOTS.len()], budget: &mut EventBudget<'_, '_>) -> Option<Vec<Hit<'e>>> {
        if self.has_whole_root {
            return None;
        }
        let mut hits = Vec::new();
        for (index, (root, part)) in ROOTS.iter().zip(parts).enumerate() {
            if let Some(root) = self.root.descend(root.as_bytes()) {
                budget.work(part.text().len() as u64).ok()?;
                root.walk(&mut Reader::of(part), index, &mut hits, budget).ok()?;
            }
        }
        Some(hits)
    }

    /// Returns the indices of the templates in the tree that may find a value, ascending. The fields of `message` are
    /// considered in addition to those of the event.
    ///
    /// # Errors
    /// [`Exhausted`] if this exceeds the event's budget.
    pub fn reach(
        &self,
        event: Raw<'_>,
        message: Option<Raw<'_>>,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Vec<usize>, Exhausted> {
        let mut slots: Vec<usize> = Vec::new();
        // These parts exist even if the event lacks them.
        slots.extend(ROOTS.iter().filter_map(|root| self.root.descend(root.as_bytes())?.slot));
        self.root.reach(event, &mut slots, budget)?;
        if let Some(message) = message
            && let Some(root) = self.root.descend(b"message")
        {
            root.reach(message, &mut slots, budget)?;
        }
        slots.sort_unstable();
        slots.dedup();
        let reached = slots.iter().flat_map(|slot| self.templates_at(*slot));
        budget.memory(2 * size_of::<usize>() * (reached.clone().count() + 2 * self.shared.len()))?;
        let mut templates: Vec<usize> = reached.copied().collect();
        templates.sort_unstable();
        Ok(templates)
    }
}

impl Node {
    /// Adds a path that sorts after all others.
    fn add(&mut self, path: &str, slot: usize) {
        let mut node = self;
        for name in path.split('.') {
            if node.children.last().is_none_or(|last| *last.name != *name) {
                if node.children.is_empty() {
                    // Most nodes have one child.
                    node.children.reserve_exact(1);
                }
                node.children.push(Node { name: name.into(), ..Node::default() });
            }
            let last = node.children.len() - 1;
            node = &mut node.children[last];
        }
        node.slot = Some(slot);
    }

    /// Returns the node that `name`, which may be several names with dots between them, leads to.
    fn descend(&self, name: &[u8]) -> Option<&Self> {
        name.split(|byte| *byte == b'.').try_fold(self, |node, name| Some(&node.children[node.place(name)?]))
    }

    /// Adds the slots that fields of `object` lead to, regardless of duplicates and of fields that hide others.
    fn reach(
        &self,
        object: Raw<'_>,
        slots: &mut Vec<usize>,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<(), Exhausted> {
        budget.work(object.text().len() as u64)?;
        // The object is valid, so only the budget can end the walk.
        self.reach_from(&mut Reader::of(object), slots, budget).map_err(|_| Exhausted)
    }

    /// Like [`Node::reach`]. Recursion is limited by the number of names in a path.
    fn reach_from(
        &self,
        reader: &mut Reader<'_, false>,
        slots: &mut Vec<usize>,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<(), Unusual> {
        let mut buffer = Vec::new();
        reader.parts::<Unusual>(|reader| {
            let name = reader.name()?;
            if name.may_have_escapes() && name.escaped().len() > buffer.capacity() {
                budget.memory(2 * name.escaped().len())?;
            }
            let Some(node) = self.descend(name.decoded_in(&mut buffer)) else { return Ok(reader.skip()?) };
            let first = reader.peek();
            let length = node.children.iter().find(|child| first == Some(b'[') && &*child.name == "length");
            for slot in [node.slot, length.and_then(|length| length.slot)].into_iter().flatten() {
                if slots.len() == slots.capacity() {
                    budget.memory(2 * slots.capacity().max(4) * size_of::<usize>())?;
                }
                slots.push(slot);
            }
            match first {
                Some(b'{') if !node.children.is_empty() => node.reach_from(reader, slots, budget),
                _ => Ok(reader.skip()?),
            }
        })?;
        Ok(())
    }

    /// Returns the index of the child called `name`.
    fn place(&self, name: &[u8]) -> Option<usize> {
        if self.children.len() > FEW_CHILDREN {
            return self.index.get(std::str::from_utf8(name).ok()?).copied();
        }
        self.children.iter().position(|child| child.name.as_bytes() == name)
    }

    /// Indexes the children of this node and of all nodes below it. Recursion is limited by the number of names in a
    /// path.
    fn index_children(&mut self) {
        if self.children.len() > FEW_CHILDREN {
            let names = self.children.iter().enumerate().map(|(place, child)| (child.name.clone(), place));
            self.index = names.collect();
        }
        self.children.iter_mut().for_each(Self::index_children);
    }

    /// Walks over a valid object. Recursion is limited by the number of names in a path.
    fn walk<'e>(
        &self,
        reader: &mut Reader<'e, false>,
        root: usize,
        hits: &mut Vec<Hit<'e>>,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<(), Unusual> {
        let mut fields = 0;
        let mut found = Found::of(self.children.len());
        let mut buffer = Vec::new();
        reader.parts::<Unusual>(|reader| {
            fields += 1;
            reader.peek();
            let start = reader.offset();
            let name = reader.name()?;
            if name.may_have_escapes() && name.escaped().len() > buffer.capacity() {
                budget.memory(2 * name.escaped().len())?;
            }
            let Some(place) = self.child(name.decoded_in(&mut buffer))? else { return Ok(reader.skip()?) };
            if found.is_repeated(place) {
                return Err(Unusual);
            }
            let child = &self.children[place];
            let is_object = reader.peek() == Some(b'{');
            let Some(slot) = child.slot else {
                if is_object {
                    return child.walk(reader, root, hits, budget);
                }
                let value = reader.value()?;
                // The path may lead to the length of the array.
                let is_unusual = value.kind() == Kind::Array && child.child(b"length")?.is_some();
                return if is_unusual { Err(Unusual) } else { Ok(()) };
            };
            let value = reader.value()?;
            if !child.children.is_empty() && matches!(value.kind(), Kind::Object | Kind::Array) {
                return Err(Unusual);
            }
            if hits.len() == hits.capacity() {
                budget.memory(2 * hits.capacity().max(4) * size_of::<Hit<'_>>())?;
            }
            hits.push(Hit { slot, root, value, field: start..reader.offset(), is_removed: false });
            Ok(())
        })?;
        if fields > MAX_MEMBERS {
            return Err(Unusual);
        }
        Ok(budget.work((fields * self.children.len().min(FEW_CHILDREN)) as u64)?)
    }

    /// Returns the child called `name`. Fails if `name` starts with the name of a child and a dot, because it may then
    /// stand for several names of a path.
    #[inline]
    fn child(&self, name: &[u8]) -> Result<Option<usize>, Unusual> {
        if self.children.len() > FEW_CHILDREN {
            let end = memchr::memchr(b'.', name).unwrap_or(name.len());
            let found = self.place(&name[..end]);
            return if found.is_some() && end < name.len() { Err(Unusual) } else { Ok(found) };
        }
        let first = name.first();
        for (place, child) in self.children.iter().enumerate() {
            // Most names differ in their first byte.
            if child.name.as_bytes().first() == first
                && let Some(rest) = name.strip_prefix(child.name.as_bytes())
            {
                match rest.first() {
                    None => return Ok(Some(place)),
                    Some(b'.') => return Err(Unusual),
                    Some(_) => {}
                }
            }
        }
        Ok(None)
    }
}

/// The children of a node that were found in an object.
struct Found {
    first: u64,
    /// The children after the first 64.
    more: Vec<u64>,
}

impl Found {
    fn of(children: usize) -> Self {
        Self { first: 0, more: vec![0; children.saturating_sub(1) / 64] }
    }

    /// Notes that a child was found. Returns whether it was found before.
    fn is_repeated(&mut self, place: usize) -> bool {
        let word = match place / 64 {
            0 => &mut self.first,
            word => &mut self.more[word - 1],
        };
        let bit = 1 << (place % 64);
        let is_repeated = *word & bit != 0;
        *word |= bit;
        is_repeated
    }
}

#[cfg(test)]
mod tests;
