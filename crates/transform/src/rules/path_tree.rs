//! Finds the values of all templates of a Config in one pass through an event (docs/contract.md#dynamic-configuration).
//!
//! The paths form a tree, in which templates with the same path share a slot. The cost of a pass depends on the size of
//! the event and not on the number of templates. The tree supports only usual events: names on the paths have no dots
//! or duplicates, and no object or array is both the value of a path and an intermediate value of another path. For
//! such events, the tree finds the same values as [`LazyObject::find`](crate::rules::lazy_object::LazyObject::find).
//! For all other events, [`PathTree::find`] returns `None`.

mod names;

use std::ops::Range;

use crate::budget::{EventBudget, Exhausted};
use crate::rules::lazy_object::MAX_MEMBERS;
use json::invalid::Invalid;
use json::raw::{Kind, Raw};
use json::reader::Reader;
use names::{Match, NameTree, NodeRef};

/// The fields of an event in which [`PathTree::find`] looks for values.
pub const ROOTS: [&str; 2] = ["message", "metadata"];

/// The fields that templates can address even if the event itself does not contain these fields.
pub(crate) const SHARED_ROOTS: [&str; 3] = ["destination", "connection", "request"];

/// Whether `name` is the first name of `path`.
pub(crate) fn starts_with(path: &str, name: &str) -> bool {
    path.strip_prefix(name).is_some_and(|rest| matches!(rest.as_bytes().first(), None | Some(b'.')))
}

/// The paths of the templates of a Config.
#[derive(Debug, Default)]
pub struct PathTree {
    names: NameTree,
    /// The indices of the templates in the tree, grouped by slot, and ascending within each slot.
    templates: Vec<usize>,
    /// For each slot, the position in `templates` after the last template of the slot.
    ends: Vec<usize>,
    /// The indices of the templates whose paths do not start with one of [`ROOTS`], ascending.
    elsewhere: Vec<usize>,
    /// The indices of the templates that are not in the tree, because their paths start with one of [`SHARED_ROOTS`],
    /// ascending.
    shared: Vec<usize>,
    /// Whether the path of any template consists of a single name that is in [`ROOTS`].
    has_whole_root: bool,
}

/// A value that was found at the path of a slot.
#[derive(Debug, Clone)]
pub struct Hit<'e> {
    /// The slot of the path.
    pub slot: usize,
    /// The index in [`ROOTS`] of the part of the event that contains the value.
    pub root: usize,
    /// The value.
    pub value: Raw<'e>,
    /// The position of the whole field (name and value) in the text of the message or metadata that contains it.
    pub field: Range<usize>,
    /// Whether a template removes the field.
    pub is_removed: bool,
}

/// The error if the tree does not support an event.
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
    /// Returns the maximum memory, in bytes, of a tree for `templates` templates, whose paths have `names` names and
    /// `path_bytes` bytes in total.
    #[must_use]
    pub fn max_bytes(templates: usize, names: usize, path_bytes: usize) -> usize {
        NameTree::max_bytes(names, path_bytes) + 2 * templates * size_of::<([&str; 2], [usize; 6])>()
    }

    /// Creates the tree for the paths of all templates.
    #[must_use]
    pub fn of<'t>(paths: impl Iterator<Item = &'t str>) -> Self {
        let mut sorted: Vec<(&str, usize)> = paths.enumerate().map(|(template, path)| (path, template)).collect();
        sorted.sort_unstable();
        let mut tree = Self::default();
        let mut paths: Vec<&str> = Vec::with_capacity(sorted.len());
        for (path, template) in sorted {
            if !ROOTS.iter().any(|root| starts_with(path, root)) {
                tree.elsewhere.push(template);
            }
            if SHARED_ROOTS.iter().any(|root| starts_with(path, root)) {
                tree.shared.push(template);
                continue;
            }
            if paths.last() != Some(&path) {
                tree.has_whole_root |= ROOTS.contains(&path);
                paths.push(path);
                tree.ends.push(tree.templates.len());
            }
            tree.templates.push(template);
            if let Some(end) = tree.ends.last_mut() {
                *end += 1;
            }
        }
        tree.names = NameTree::of(&paths);
        tree.elsewhere.sort_unstable();
        tree.shared.sort_unstable();
        tree
    }

    /// The indices of the templates that share a slot, ascending.
    #[must_use]
    pub fn templates_at(&self, slot: usize) -> &[usize] {
        let start = slot.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.templates[start..self.ends[slot]]
    }

    /// Returns each slot with the indices of its templates.
    pub fn slots(&self) -> impl Iterator<Item = (usize, &[usize])> {
        (0..self.ends.len()).map(|slot| (slot, self.templates_at(slot)))
    }

    /// The indices of the templates that [`PathTree::find`] does not look up, ascending.
    #[must_use]
    pub fn elsewhere(&self) -> &[usize] {
        &self.elsewhere
    }

    /// The indices of the templates that are not in the tree, because their paths start with `destination`,
    /// `connection` or `request`, ascending.
    #[must_use]
    pub fn shared(&self) -> &[usize] {
        &self.shared
    }

    /// Looks up templates in an event, and returns the values that it finds. `parts` are the event's message and
    /// metadata. Returns `None` if the tree does not support the event, or if the search would exceed the event's
    /// budget.
    #[must_use]
    pub fn find<'e>(&self, parts: [Raw<'e>; ROOTS.len()], budget: &mut EventBudget<'_, '_>) -> Option<Vec<Hit<'e>>> {
        if self.has_whole_root {
            return None;
        }
        let mut hits = Vec::new();
        for (index, (root, part)) in ROOTS.iter().zip(parts).enumerate() {
            if let Some(root) = self.node(root) {
                budget.work(part.text().len() as u64).ok()?;
                root.walk(&mut Reader::of(part), index, &mut hits, budget).ok()?;
            }
        }
        Some(hits)
    }

    /// Returns the indices of the templates in the tree that may find a value in `event`, ascending. If `message` is
    /// not `None`, the result also includes the templates that may find a value in this message.
    ///
    /// # Errors
    /// [`Exhausted`] if the search would exceed the event's budget.
    pub fn reach(
        &self,
        event: Raw<'_>,
        message: Option<Raw<'_>>,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Vec<usize>, Exhausted> {
        budget.memory((self.ends.len() + self.templates.len() + self.shared.len()) / 4)?;
        let mut slots = Marks::below(self.ends.len());
        // Templates can address the roots even if the event lacks these fields.
        ROOTS.iter().filter_map(|root| self.node(root)?.slot()).for_each(|slot| _ = slots.add(slot));
        if let Some(root) = self.names.root() {
            root.reach(event, &mut slots, budget)?;
        }
        if let Some(message) = message
            && let Some(root) = self.node("message")
        {
            root.reach(message, &mut slots, budget)?;
        }
        let mut templates = Marks::below(self.templates.len() + self.shared.len());
        let mut count = 0;
        slots.for_each(|slot| {
            count += self.templates_at(slot).len();
            self.templates_at(slot).iter().for_each(|template| _ = templates.add(*template));
        });
        budget.memory(size_of::<usize>() * count)?;
        let mut reached = Vec::with_capacity(count);
        templates.for_each(|template| reached.push(template));
        Ok(reached)
    }

    /// Returns the node of one of [`ROOTS`].
    fn node(&self, root: &str) -> Option<NodeRef<'_>> {
        self.names.root()?.descend(root.as_bytes())
    }
}

impl NodeRef<'_> {
    /// Adds to `slots` each slot whose path leads to a field of `object`, even if another field hides that field.
    fn reach(self, object: Raw<'_>, slots: &mut Marks, budget: &mut EventBudget<'_, '_>) -> Result<(), Exhausted> {
        budget.work(object.text().len() as u64)?;
        // The object is valid, so only the budget can stop the walk early.
        self.reach_from(&mut Reader::of(object), slots, budget).map_err(|_| Exhausted)
    }

    /// Like [`NodeRef::reach`], for the object that `reader` reads next. Recursion is limited by the number of names in
    /// a path.
    fn reach_from(
        self,
        reader: &mut Reader<'_, false>,
        slots: &mut Marks,
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
            let length = if first == Some(b'[') { node.descend(b"length") } else { None };
            for slot in [node.slot(), length.and_then(NodeRef::slot)].into_iter().flatten() {
                slots.add(slot);
            }
            match first {
                Some(b'{') if node.children() > 0 => node.reach_from(reader, slots, budget),
                _ => Ok(reader.skip()?),
            }
        })?;
        Ok(())
    }

    /// Reads a valid object, and adds the values of templates to `hits`. Recursion is limited by the number of names in
    /// a path.
    fn walk<'e>(
        self,
        reader: &mut Reader<'e, false>,
        root: usize,
        hits: &mut Vec<Hit<'e>>,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<(), Unusual> {
        let mut fields = 0;
        let mut found = Marks::below(self.children());
        let mut buffer = Vec::new();
        reader.parts::<Unusual>(|reader| {
            fields += 1;
            reader.peek();
            let start = reader.offset();
            let name = reader.name()?;
            if name.may_have_escapes() && name.escaped().len() > buffer.capacity() {
                budget.memory(2 * name.escaped().len())?;
            }
            let position = match self.find(name.decoded_in(&mut buffer)) {
                Match::Child(position) => position,
                Match::Dotted => return Err(Unusual),
                Match::Nothing => return Ok(reader.skip()?),
            };
            if !found.add(position) {
                return Err(Unusual);
            }
            let child = self.child(position).ok_or(Unusual)?;
            let is_object = reader.peek() == Some(b'{');
            let Some(slot) = child.slot() else {
                if is_object {
                    return child.walk(reader, root, hits, budget);
                }
                let value = reader.value()?;
                // The path of a template may lead to the length of this array.
                let is_unusual = value.kind() == Kind::Array && child.descend(b"length").is_some();
                return if is_unusual { Err(Unusual) } else { Ok(()) };
            };
            let value = reader.value()?;
            if child.children() > 0 && matches!(value.kind(), Kind::Object | Kind::Array) {
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
        Ok(budget.work((fields * self.comparisons()) as u64)?)
    }
}

/// A set of small numbers.
struct Marks {
    first: u64,
    /// The bits for the numbers 64 and above.
    more: Vec<u64>,
}

impl Marks {
    /// Creates an empty set for numbers below `limit`.
    fn below(limit: usize) -> Self {
        Self { first: 0, more: vec![0; limit.saturating_sub(1) / 64] }
    }

    /// Adds a number. Returns whether it is new.
    fn add(&mut self, number: usize) -> bool {
        let word = match number / 64 {
            0 => &mut self.first,
            word => &mut self.more[word - 1],
        };
        let bit = 1 << (number % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Calls `visit` for each number in the set, in ascending order.
    fn for_each(&self, mut visit: impl FnMut(usize)) {
        for (word, bits) in std::iter::once(self.first).chain(self.more.iter().copied()).enumerate() {
            let mut bits = bits;
            while bits != 0 {
                visit(64 * word + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
