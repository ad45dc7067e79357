//! The properties of JavaScript objects: unique names, in JavaScript's order (docs/contract.md#js-property-order).

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// The hasher for property names, with a random seed. For short names, it is several times faster than the standard
/// library's hasher.
pub type NameHasher = foldhash::fast::RandomState;

/// The properties of a JavaScript object: names are unique, and iteration follows JavaScript's property order.
#[derive(Debug)]
pub struct Properties<K, V> {
    entries: Vec<(K, V)>,
    /// Maps each name to its index in `entries`. The map is empty unless there are more than [`FEW`] entries.
    index: HashMap<K, usize, NameHasher>,
}

/// The maximum number of properties whose names are compared one by one. For so few names, hashing would be slower.
const FEW: usize = 8;

impl<K, V> Default for Properties<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: HashMap::default() }
    }
}

impl<K: AsRef<[u8]> + Borrow<[u8]> + Clone + Eq + Hash, V> Properties<K, V> {
    /// Returns the index of the property called `name`. If there is no such property, adds it with the value that
    /// `make` returns.
    pub fn place(&mut self, name: K, make: impl FnOnce() -> V) -> usize {
        self.find(name.as_ref()).unwrap_or_else(|| self.add(name, make()))
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        if self.entries.len() <= FEW {
            self.entries.iter().position(|(known, _)| known.as_ref() == name)
        } else {
            self.index.get(name).copied()
        }
    }

    /// Returns the value of the property called `name`.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&V> {
        self.find(name).map(|place| &self.entries[place].1)
    }

    /// Adds a property with a new name, and returns its index.
    fn add(&mut self, name: K, value: V) -> usize {
        let place = self.entries.len();
        if place == FEW {
            self.index.extend(self.entries.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)));
        }
        if place >= FEW {
            self.index.insert(name.clone(), place);
        }
        self.entries.push((name, value));
        place
    }

    /// The number of properties.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no properties.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the value at an index that [`Properties::place`] returned.
    pub fn at(&mut self, place: usize) -> Option<&mut V> {
        self.entries.get_mut(place).map(|(_, value)| value)
    }

    /// The maximum number of bytes that adding a property called `name` allocates.
    #[must_use]
    pub fn member_bytes(name: &K) -> usize {
        4 * (size_of::<(K, V)>() + size_of::<(K, usize)>()) + 2 * name.as_ref().len()
    }

    /// Sets the property called `name`. An existing property keeps its position in the order.
    pub fn set(&mut self, name: K, value: V) {
        match self.find(name.as_ref()) {
            Some(place) => self.entries[place].1 = value,
            None => _ = self.add(name, value),
        }
    }

    /// Returns the values in JavaScript's property order: first the properties whose names are array indices,
    /// ascending, then all others in insertion order.
    #[must_use]
    pub fn into_ordered(mut self) -> Vec<V> {
        self.entries.sort_by_key(|(name, _)| array_index(name.as_ref()).map_or(u64::MAX, u64::from));
        self.entries.into_iter().map(|(_, value)| value).collect()
    }
}

/// Sorts fields into JavaScript's property order. If several fields have the same name, only the first is kept, with
/// the value of the last.
#[must_use]
pub fn in_property_order<K: AsRef<[u8]>, V>(mut fields: Vec<(K, V)>) -> Vec<(K, V)> {
    let hidden = if fields.len() <= FEW { hide_few(&mut fields) } else { hide_many(&mut fields) };
    if !hidden.is_empty() {
        let mut hidden = hidden.into_iter().peekable();
        let mut index = 0;
        fields.retain(|_| {
            index += 1;
            hidden.next_if_eq(&(index - 1)).is_none()
        });
    }
    if fields.iter().any(|(name, _)| name.as_ref().first().is_some_and(u8::is_ascii_digit)) {
        fields.sort_by_key(|(name, _)| array_index(name.as_ref()).map_or(u64::MAX, u64::from));
    }
    fields
}

/// If several fields have the same name, gives the first of them the value of the last. Returns, in ascending order,
/// the indices of all fields that have the same name as an earlier field.
fn hide_few<K: AsRef<[u8]>, V>(fields: &mut [(K, V)]) -> Vec<usize> {
    let mut hidden = Vec::new();
    for later in 1..fields.len() {
        let (before, rest) = fields.split_at_mut(later);
        let (name, value) = &mut rest[0];
        if let Some((_, first)) = before.iter_mut().find(|(earlier, _)| earlier.as_ref() == name.as_ref()) {
            std::mem::swap(first, value);
            hidden.push(later);
        }
    }
    hidden
}

/// Like [`hide_few`], but also fast for many fields.
fn hide_many<K: AsRef<[u8]>, V>(fields: &mut [(K, V)]) -> Vec<usize> {
    let mut places: HashMap<&[u8], usize, NameHasher> =
        HashMap::with_capacity_and_hasher(fields.len(), NameHasher::default());
    let mut hidden = Vec::new();
    let mut moves = Vec::new();
    for (place, (name, _)) in fields.iter().enumerate() {
        let first = *places.entry(name.as_ref()).or_insert(place);
        if first != place {
            hidden.push(place);
            moves.push((first, place));
        }
    }
    for (first, later) in moves {
        let (before, rest) = fields.split_at_mut(later);
        std::mem::swap(&mut before[first].1, &mut rest[0].1);
    }
    hidden
}

/// Returns the array index that a property name represents, or `None` if the name is not an array index in the
/// canonical form that JavaScript requires.
fn array_index(name: &[u8]) -> Option<u32> {
    if !name.iter().all(u8::is_ascii_digit) || (name.len() > 1 && name[0] == b'0') {
        return None;
    }
    let index: u32 = std::str::from_utf8(name).ok()?.parse().ok()?;
    (index < u32::MAX).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_names_that_are_array_indices_come_first_in_ascending_order() {
        let mut properties = Properties::default();
        for name in ["b", "10", "2", "01", "-1", "4294967295", "4294967294", "0", ""] {
            properties.set(name.as_bytes(), name);
        }
        properties.set(b"b", "later");
        assert_eq!(properties.into_ordered(), ["0", "2", "10", "4294967294", "later", "01", "-1", "4294967295", ""]);
    }

    #[test]
    fn field_lists_and_property_maps_have_the_same_order() {
        let few = ["b", "10", "b", "2", "", "b"];
        let many = ["b", "10", "x", "2", "b", "", "01", "2", "same start 1", "same start 2", "b", "same start 1", "0"];
        for names in [&few[..], &many, &["a"], &[]] {
            let mut properties = Properties::default();
            names.iter().enumerate().for_each(|(place, name)| properties.set(name.as_bytes(), (*name, place)));
            let fields = names.iter().enumerate().map(|(place, name)| (*name, place)).collect();
            assert_eq!(in_property_order(fields), properties.into_ordered(), "{names:?}");
        }
    }
}
