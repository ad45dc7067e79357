//! The fields of a parsed object, some of which may be removed.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::budget::{EventBudget, Exhausted};
use json::probe::looked_at;
use json::properties::NameHasher;
use json::raw::Raw;
use json::text::Text;

/// The maximum number of fields in an object on the path of a template.
pub const MAX_MEMBERS: usize = 100_000;
/// The units of work for comparing two names.
pub(super) const COMPARISON_WORK: u64 = 3;
/// The units of work for adding a name to an index.
const INDEX_WORK: u64 = 8;
/// The number of searches of an object after which its names are indexed. Building an index costs about as much as this
/// number of searches.
const SEARCHES: u32 = 8;
/// The maximum number of fields in an object whose names are never indexed, because comparing so few names one by one
/// is faster.
const FEW_MEMBERS: usize = 8;
/// A low estimate of the size of a field, in bytes.
const BYTES_PER_MEMBER: usize = 32;
/// The maximum number of fields for which memory is preallocated.
const USUAL_MEMBERS: usize = 32;

/// A parsed object. `V` is the type of the values of its fields.
#[derive(Debug, Clone)]
pub struct Parts<'a, V> {
    pub(super) raw: Raw<'a>,
    /// All fields, including those that were removed.
    members: Vec<Member<'a, V>>,
    /// Maps each name to the position in `members` of the last field with that name. The map is created after
    /// [`SEARCHES`] searches, if there are more than [`FEW_MEMBERS`] fields.
    index: HashMap<Cow<'a, [u8]>, usize, NameHasher>,
    searches: u32,
    /// Whether the name of any field contains a dot.
    has_dots: bool,
    /// Whether a field of this object was removed or set.
    pub(super) changed: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Member<'a, V> {
    pub(super) key: Text<'a>,
    /// The decoded key.
    name: Cow<'a, [u8]>,
    pub(super) value: V,
    /// The position in `members` of the previous field with the same name. Set only if the names are indexed.
    hidden: Option<u32>,
    is_removed: bool,
}

/// A field that a lookup found.
#[derive(Debug)]
pub struct Place<'d, 'a, V> {
    pub(super) parent: &'d mut Parts<'a, V>,
    pub(super) index: usize,
}

impl<'a, V: From<Raw<'a>>> Parts<'a, V> {
    /// Parses the fields of the object `raw`. Fails if there are more than [`MAX_MEMBERS`] fields. Values in `known`
    /// that are slices of `raw` are skipped without being read.
    pub(super) fn of(
        raw: Raw<'a>,
        known: &[Option<Raw<'a>>],
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Self, Exhausted> {
        budget.work(raw.text().len() as u64)?;
        // Reserves capacity for the usual number of fields in an object of this size.
        let usual = (raw.text().len() / BYTES_PER_MEMBER).clamp(1, USUAL_MEMBERS);
        budget.memory(usual * size_of::<Member<'_, V>>())?;
        let mut members: Vec<Member<'a, V>> = Vec::with_capacity(usual);
        let mut outcome = Ok(());
        let mut has_dots = false;
        let on_member = |key: Text<'a>, value: Raw<'a>| {
            if outcome.is_ok() && members.len() == members.capacity() {
                outcome = budget.memory(2 * members.capacity().max(4) * size_of::<Member<'_, V>>());
            }
            if members.len() == MAX_MEMBERS {
                outcome = Err(Exhausted);
            }
            if outcome.is_ok() {
                let name = key.decoded();
                if let Cow::Owned(name) = &name {
                    outcome = budget.memory(2 * name.len());
                }
                has_dots |= name.contains(&b'.');
                members.push(Member { key, name, value: value.into(), hidden: None, is_removed: false });
            }
        };
        raw.for_each_member_knowing(known, on_member);
        outcome.map(|()| Self { raw, members, index: HashMap::default(), searches: 0, has_dots, changed: false })
    }

    /// The fields that were not removed.
    pub(super) fn members(&self) -> impl DoubleEndedIterator<Item = &Member<'a, V>> {
        self.members.iter().filter(|member| !member.is_removed)
    }

    /// The field at an index that [`Parts::position`] returned.
    pub(super) fn at(&mut self, index: usize) -> &mut Member<'a, V> {
        &mut self.members[index]
    }

    /// Returns the index of the last field called `name` that was not removed.
    pub(super) fn position(
        &mut self,
        name: &str,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Option<usize>, Exhausted> {
        if self.searches >= SEARCHES && self.members.len() > FEW_MEMBERS && self.index.is_empty() {
            self.index_names(budget)?;
        }
        if !self.index.is_empty() {
            budget.work(1 + name.len() as u64 / 8)?;
            let found = self.index.get(name.as_bytes()).copied();
            return Ok(found.filter(|index| !self.members[*index].is_removed));
        }
        self.searches = self.searches.saturating_add(1);
        budget.work(1 + COMPARISON_WORK * self.members.len() as u64)?;
        looked_at(self.members.len());
        Ok(self.members.iter().rposition(|member| !member.is_removed && member.name == name.as_bytes()))
    }

    /// Returns the index of the last field whose name is the whole `path`, including its dots. Returns `None` if no
    /// name contains a dot.
    pub(super) fn literal(&mut self, path: &str, budget: &mut EventBudget<'_, '_>) -> Result<Option<usize>, Exhausted> {
        if self.has_dots { self.position(path, budget) } else { Ok(None) }
    }

    /// Indexes the names of all fields.
    fn index_names(&mut self, budget: &mut EventBudget<'_, '_>) -> Result<(), Exhausted> {
        let members = self.members.len();
        budget.work(INDEX_WORK * members as u64)?;
        budget.memory(2 * members * size_of::<(Cow<'_, [u8]>, usize)>())?;
        looked_at(members);
        self.index.reserve(members);
        for (index, member) in self.members.iter_mut().enumerate() {
            if let Cow::Owned(name) = &member.name {
                budget.memory(name.len())?;
            }
            let hidden = self.index.insert(member.name.clone(), index);
            member.hidden = hidden.map(|index| index as u32);
        }
        Ok(())
    }

    /// Finds the field whose name is the shortest prefix of `path`. Returns its index and the rest of `path`.
    pub(super) fn shortest_name<'p>(
        &mut self,
        path: &'p str,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Option<(usize, &'p str)>, Exhausted> {
        for end in memchr::memchr_iter(b'.', path.as_bytes()).chain([path.len()]) {
            let (name, rest) = path.split_at(end);
            if let Some(index) = self.position(name, budget)? {
                return Ok(Some((index, rest)));
            }
            if !self.has_dots {
                break;
            }
        }
        Ok(None)
    }

    /// Sets the field called `name`. If there is no such field, it is added at the end. If several fields have this
    /// name, the last one is set.
    pub(super) fn set(
        &mut self,
        name: &'static str,
        value: V,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<(), Exhausted> {
        self.changed = true;
        if let Some(index) = self.position(name, budget)? {
            self.members[index].value = value;
            return Ok(());
        }
        let key = Text::plain(name);
        let added = Member { key, name: key.decoded(), value, hidden: None, is_removed: false };
        if !self.index.is_empty() {
            self.index.insert(added.name.clone(), self.members.len());
        }
        self.members.push(added);
        Ok(())
    }

    /// The memory that a copy needs, in bytes.
    pub(super) fn copied_bytes(&self, of_value: impl Fn(&V) -> usize) -> usize {
        let of_member = |member: &Member<'a, V>| {
            let decoded = if let Cow::Owned(name) = &member.name { name.len() } else { 0 };
            let indexed = if self.index.is_empty() { 0 } else { 2 * size_of::<(Cow<'_, [u8]>, usize)>() + decoded };
            size_of::<Member<'_, V>>() + decoded + indexed + of_value(&member.value)
        };
        size_of::<Self>() + self.members.iter().map(of_member).sum::<usize>()
    }
}

impl<V> Member<'_, V> {
    /// The decoded name of the field.
    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }
}

impl<V> Place<'_, '_, V> {
    /// The value of the field.
    #[must_use]
    pub fn value(&self) -> &V {
        &self.parent.members[self.index].value
    }

    /// Removes the field, and the earlier fields with the same name, which it hides.
    ///
    /// # Errors
    /// [`Exhausted`] if removing the fields would exceed the event's budget.
    pub fn remove(self, budget: &mut EventBudget<'_, '_>) -> Result<(), Exhausted> {
        let Parts { members, index, changed, .. } = self.parent;
        *changed = true;
        if index.is_empty() {
            budget.work(members.len() as u64)?;
            let name = members[self.index].name.clone();
            members.iter_mut().filter(|member| member.name == name).for_each(|member| member.is_removed = true);
            return Ok(());
        }
        let mut next = Some(self.index);
        while let Some(member) = next.and_then(|index| members.get_mut(index)) {
            budget.work(1)?;
            member.is_removed = true;
            next = member.hidden.map(|index| index as usize);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Usage;

    #[test]
    fn fields_are_found_and_removed_alike_with_and_without_an_index() {
        let text = r#"{"a":1,"\u0061":2,"b":3,"a":4,"":5,"b":6}"#;
        let usage = Usage::unlimited();
        let mut budget = EventBudget::for_event(10_000, &usage);
        let raw = Raw::parse(text).unwrap();
        assert!(text.matches("\":").count() <= FEW_MEMBERS, "the object has too many fields for this test");
        let mut linear = Parts::<Raw<'_>>::of(raw, &[], &mut budget).unwrap();
        let mut indexed = linear.clone();
        indexed.index_names(&mut budget).unwrap();
        let names = ["a", "b", "x", "", "new"];
        for removed in ["a", "", "b", "new"] {
            for name in names {
                let found = [&mut linear, &mut indexed].map(|parts| parts.position(name, &mut budget).unwrap());
                assert_eq!(found[0], found[1], "{name} before removing {removed}");
            }
            for parts in [&mut linear, &mut indexed] {
                if removed == "b" {
                    parts.set("new", raw, &mut budget).unwrap();
                    parts.set("a", raw, &mut budget).unwrap();
                }
                let index = parts.position(removed, &mut budget).unwrap().unwrap();
                Place { parent: parts, index }.remove(&mut budget).unwrap();
            }
            let left =
                [&linear, &indexed].map(|parts| parts.members().map(|member| member.name.clone()).collect::<Vec<_>>());
            assert_eq!(left[0], left[1], "after removing {removed}");
        }
        assert!(linear.index.is_empty() && !indexed.index.is_empty(), "only `indexed` must have an index");
        assert_eq!(indexed.members().map(Member::name).collect::<Vec<_>>(), [b"a"]);
    }

    #[test]
    fn field_names_of_large_objects_are_indexed_after_several_lookups() {
        let usage = Usage::unlimited();
        for members in [FEW_MEMBERS, FEW_MEMBERS + 1] {
            let fields: Vec<String> = (0..members).map(|name| format!(r#""n{name}":1"#)).collect();
            let text = format!("{{{}}}", fields.join(","));
            let mut budget = EventBudget::for_event(1_000, &usage);
            let mut parts = Parts::<Raw<'_>>::of(Raw::parse(&text).unwrap(), &[], &mut budget).unwrap();
            for _ in 0..SEARCHES {
                assert_eq!(parts.position("n1", &mut budget), Ok(Some(1)));
                assert!(parts.index.is_empty());
            }
            assert_eq!(parts.position("n1", &mut budget), Ok(Some(1)));
            assert_eq!(parts.index.len(), if members > FEW_MEMBERS { members } else { 0 });
        }
    }
}
