//! Objects from which fields are removed.
//!
//! Only the objects on the path to a removed field are parsed, once each. Everything else remains a slice of the text,
//! so that literals, escapes, order and duplicates survive.

use std::borrow::Cow;

use crate::budget::{EventBudget, Exhausted};
use crate::meter::Usage;
use json::probe::looked_at;
use json::raw::{Kind, Raw};
use json::text::Text;

/// The maximum number of fields of an object on a path.
pub const MAX_MEMBERS: usize = 100_000;
/// The work of comparing two names.
const COMPARISON_WORK: u64 = 3;
/// A low estimate of the size of a field, in bytes.
const BYTES_PER_MEMBER: usize = 32;
/// The maximum number of fields for which memory is preallocated.
const USUAL_MEMBERS: usize = 32;

/// A value from which fields can be removed.
///
/// Only objects on the paths that are looked up are parsed. Their depth, and therefore the recursion, is limited by
/// [`crate::rules::templates::MAX_PATH_NAMES`].
#[derive(Debug, Clone)]
pub enum LazyObject<'a> {
    /// Not parsed yet.
    Whole(Raw<'a>),
    /// Parsed.
    Object(Box<Parts<'a>>),
}

/// A parsed object.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    raw: Raw<'a>,
    members: Vec<Member<'a>>,
    changed: bool,
}

#[derive(Debug, Clone)]
struct Member<'a> {
    key: Text<'a>,
    /// The decoded key, if the key has escapes. Cached because keys may be compared many times.
    decoded: Option<Box<[u8]>>,
    value: LazyObject<'a>,
}

/// The result of a lookup.
#[derive(Debug)]
pub enum Found<'d, 'a> {
    /// A field of an object.
    Member(Place<'d, 'a>),
    /// The length of an array, which can be read but not removed.
    ArrayLength,
    /// Nothing was found.
    Nothing,
    /// An object on the path has more than [`MAX_MEMBERS`] fields, or the lookup exceeds the event's budget.
    TooComplex,
}

/// A field that was found.
#[derive(Debug)]
pub struct Place<'d, 'a> {
    parent: &'d mut Parts<'a>,
    index: usize,
}

/// The type of a value, and its fields if it is an object.
enum Inside<'d, 'a> {
    Object(&'d mut Parts<'a>),
    Array,
    Scalar,
    TooComplex,
}

impl<'a> LazyObject<'a> {
    /// Creates a lazy object over `raw`.
    #[must_use]
    pub fn of(raw: Raw<'a>) -> Self {
        LazyObject::Whole(raw)
    }

    /// Creates a lazy object and parses its fields. Values in `known` that are slices of `raw` are skipped without
    /// being read.
    ///
    /// # Errors
    /// [`Exhausted`] if this exceeds the event's budget.
    pub fn within(
        raw: Raw<'a>,
        known: &[Option<Raw<'a>>],
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Self, Exhausted> {
        let members = Member::all_of(raw, known, budget)?;
        Ok(Self::Object(Box::new(Parts { raw, members, changed: false })))
    }

    /// Creates a lazy object and parses its fields and those of its field `name`, so that its copies need not parse
    /// them. Returns `None` if this exceeds the limits.
    #[must_use]
    pub fn opened(raw: Raw<'a>, name: &str, usage: &Usage<'_>) -> Option<Self> {
        let mut budget = EventBudget::for_event(raw.text().len(), usage);
        let mut object = Self::of(raw);
        let Inside::Object(parts) = object.inside(&mut budget) else { return None };
        if let Some(index) = parts.position(name, &mut budget).ok()? {
            _ = parts.members[index].value.inside(&mut budget);
        }
        usage.keep(object.copied_bytes()).ok()?;
        Some(object)
    }

    /// Returns a copy for one event.
    ///
    /// # Errors
    /// [`Exhausted`] if this exceeds the event's budget.
    pub fn copy_within(&self, budget: &mut EventBudget<'_, '_>) -> Result<Self, Exhausted> {
        let bytes = self.copied_bytes();
        budget.work((bytes / size_of::<Member<'_>>()) as u64)?;
        budget.memory(bytes)?;
        Ok(self.clone())
    }

    /// The memory of a copy, in bytes.
    fn copied_bytes(&self) -> usize {
        let LazyObject::Object(parts) = self else { return 0 };
        let of_member = |member: &Member<'a>| {
            size_of::<Member<'_>>() + member.decoded.as_ref().map_or(0, |name| name.len()) + member.value.copied_bytes()
        };
        size_of::<Parts<'_>>() + parts.members.iter().map(of_member).sum::<usize>()
    }

    fn inside(&mut self, budget: &mut EventBudget<'_, '_>) -> Inside<'_, 'a> {
        if let LazyObject::Whole(raw) = *self {
            match raw.kind() {
                Kind::Object => {}
                Kind::Array => return Inside::Array,
                _ => return Inside::Scalar,
            }
            let Ok(members) = Member::all_of(raw, &[], budget) else { return Inside::TooComplex };
            *self = LazyObject::Object(Box::new(Parts { raw, members, changed: false }));
        }
        match self {
            LazyObject::Object(parts) => Inside::Object(parts),
            LazyObject::Whole(_) => Inside::Scalar,
        }
    }

    /// Sets the field called `name`. If there is no such field, it is added at the end. If there are duplicates, the
    /// last one is set. A value that is not an object is unchanged.
    ///
    /// # Errors
    /// [`Exhausted`] if the object has more than [`MAX_MEMBERS`] fields, or this exceeds the event's budget.
    pub fn set(
        &mut self,
        name: &'static str,
        value: LazyObject<'a>,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<(), Exhausted> {
        let parts = match self.inside(budget) {
            Inside::Object(parts) => parts,
            Inside::TooComplex => return Err(Exhausted),
            Inside::Array | Inside::Scalar => return Ok(()),
        };
        parts.changed = true;
        match parts.position(name, budget)? {
            Some(index) => parts.members[index].value = value,
            None => parts.members.push(Member { key: Text::plain(name), decoded: None, value }),
        }
        Ok(())
    }

    /// Returns the text of the field called `name`.
    ///
    /// # Errors
    /// [`Exhausted`] if this exceeds the event's budget.
    pub fn member_text(
        &mut self,
        name: &str,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Option<Cow<'a, str>>, Exhausted> {
        let parts = match self.inside(budget) {
            Inside::Object(parts) => parts,
            Inside::TooComplex => return Err(Exhausted),
            Inside::Array | Inside::Scalar => return Ok(None),
        };
        let Some(index) = parts.position(name, budget)? else { return Ok(None) };
        parts.members[index].value.text_within(budget).map(Some)
    }

    /// Calls `on_field` for each field of the object called `name`, with its name and value. The value is `None` if a
    /// part of it was removed.
    pub fn each_field(&self, name: &str, mut on_field: impl FnMut(&[u8], Option<Raw<'a>>)) {
        let LazyObject::Object(parts) = self else { return };
        let Some(member) = parts.members.iter().rfind(|member| member.name() == name.as_bytes()) else { return };
        let LazyObject::Object(parts) = &member.value else { return };
        for member in &parts.members {
            on_field(member.name(), (!member.value.is_changed()).then(|| member.value.raw()));
        }
    }

    /// The original text.
    fn raw(&self) -> Raw<'a> {
        match self {
            LazyObject::Whole(raw) => *raw,
            LazyObject::Object(parts) => parts.raw,
        }
    }

    /// The maximum size of the current text, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        match self {
            LazyObject::Whole(raw) => raw.text().len(),
            LazyObject::Object(parts) => parts.raw.text().len(),
        }
    }

    /// Like [`LazyObject::text`], but charges memory before it is allocated. No field of the value may have been set.
    ///
    /// # Errors
    /// [`Exhausted`] if this exceeds the event's budget.
    pub fn text_within(&self, budget: &mut EventBudget<'_, '_>) -> Result<Cow<'a, str>, Exhausted> {
        if let LazyObject::Object(_) = self {
            budget.memory(self.max_bytes())?;
        }
        Ok(self.text())
    }

    /// Looks up a path (names separated by dots) within a budget.
    ///
    /// Names may contain dots themselves. A field of this object whose name is the whole path takes precedence.
    /// Otherwise, the shortest matching name wins in each object along the path
    /// (docs/contract.md#dynamic-configuration).
    pub fn find<'d>(&'d mut self, path: &str, budget: &mut EventBudget<'_, '_>) -> Found<'d, 'a> {
        self.try_find(path, budget).unwrap_or(Found::TooComplex)
    }

    fn try_find<'d>(&'d mut self, path: &str, budget: &mut EventBudget<'_, '_>) -> Result<Found<'d, 'a>, Exhausted> {
        let literal = match self.inside(budget) {
            Inside::Object(parts) => parts.position(path, budget)?,
            Inside::TooComplex => return Err(Exhausted),
            Inside::Array | Inside::Scalar => None,
        };
        let mut object = self;
        let mut rest = path;
        loop {
            let parent = match object.inside(budget) {
                Inside::Object(parts) => parts,
                Inside::Array if rest == "length" => return Ok(Found::ArrayLength),
                Inside::Array | Inside::Scalar => return Ok(Found::Nothing),
                Inside::TooComplex => return Err(Exhausted),
            };
            if let Some(index) = literal {
                return Ok(Found::Member(Place { parent, index }));
            }
            match parent.shortest_name(rest, budget)? {
                None => return Ok(Found::Nothing),
                Some((index, "")) => return Ok(Found::Member(Place { parent, index })),
                Some((index, after)) => {
                    rest = &after[1..];
                    object = &mut parent.members[index].value;
                }
            }
        }
    }

    fn is_changed(&self) -> bool {
        match self {
            LazyObject::Whole(_) => false,
            LazyObject::Object(parts) => parts.changed || parts.members.iter().any(|member| member.value.is_changed()),
        }
    }

    /// Returns the current text. If nothing was changed, this is the original slice.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        match self {
            LazyObject::Whole(raw) => Cow::Borrowed(raw.text()),
            LazyObject::Object(parts) if !self.is_changed() => Cow::Borrowed(parts.raw.text()),
            LazyObject::Object(parts) => {
                looked_at(parts.raw.text().len());
                let mut out = String::with_capacity(parts.raw.text().len());
                self.write(&mut out);
                Cow::Owned(out)
            }
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            LazyObject::Whole(raw) => out.push_str(raw.text()),
            LazyObject::Object(parts) if !self.is_changed() => out.push_str(parts.raw.text()),
            LazyObject::Object(parts) => {
                out.push('{');
                for (index, member) in parts.members.iter().enumerate() {
                    out.push_str(if index > 0 { ",\"" } else { "\"" });
                    out.push_str(member.key.escaped());
                    out.push_str("\":");
                    member.value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl<'a> Member<'a> {
    /// Reads the fields of an object. At most [`MAX_MEMBERS`] are allowed.
    fn all_of(
        raw: Raw<'a>,
        known: &[Option<Raw<'a>>],
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Vec<Self>, Exhausted> {
        budget.work(raw.text().len() as u64)?;
        // Reserves capacity for the usual number of fields in an object of this size.
        let usual = (raw.text().len() / BYTES_PER_MEMBER).clamp(1, USUAL_MEMBERS);
        budget.memory(usual * size_of::<Self>())?;
        let mut members: Vec<Self> = Vec::with_capacity(usual);
        let mut outcome = Ok(());
        let on_member = |key: Text<'a>, value: Raw<'a>| {
            if outcome.is_ok() && members.len() == members.capacity() {
                outcome = budget.memory(2 * members.capacity().max(4) * size_of::<Self>());
            }
            if members.len() == MAX_MEMBERS {
                outcome = Err(Exhausted);
            }
            if outcome.is_ok() {
                let decoded = match key.decoded() {
                    Cow::Borrowed(_) => None,
                    Cow::Owned(name) => {
                        outcome = budget.memory(name.len());
                        Some(name.into_boxed_slice())
                    }
                };
                members.push(Member { key, decoded, value: LazyObject::Whole(value) });
            }
        };
        raw.for_each_member_knowing(known, on_member);
        outcome.map(|()| members)
    }

    #[inline]
    fn name(&self) -> &[u8] {
        self.decoded.as_deref().unwrap_or_else(|| self.key.escaped().as_bytes())
    }
}

impl Parts<'_> {
    /// Returns the index of the last field called `name`.
    fn position(&self, name: &str, budget: &mut EventBudget<'_, '_>) -> Result<Option<usize>, Exhausted> {
        budget.work(1 + COMPARISON_WORK * self.members.len() as u64)?;
        looked_at(self.members.len());
        Ok(self.members.iter().rposition(|member| member.name() == name.as_bytes()))
    }

    /// Returns the field with the shortest name that is a prefix of a path, and the rest of the path.
    fn shortest_name<'p>(
        &self,
        path: &'p str,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Option<(usize, &'p str)>, Exhausted> {
        for end in memchr::memchr_iter(b'.', path.as_bytes()).chain([path.len()]) {
            let (name, rest) = path.split_at(end);
            if let Some(index) = self.position(name, budget)? {
                return Ok(Some((index, rest)));
            }
        }
        Ok(None)
    }
}

impl<'a> Place<'_, 'a> {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &LazyObject<'a> {
        &self.parent.members[self.index].value
    }

    /// Removes the field and the duplicates that it hides.
    ///
    /// # Errors
    /// [`Exhausted`] if this exceeds the event's budget.
    pub fn remove(self, budget: &mut EventBudget<'_, '_>) -> Result<(), Exhausted> {
        let members = &mut self.parent.members;
        budget.work(members.len() as u64)?;
        let Member { key, decoded, .. } = &members[self.index];
        let (key, decoded) = (*key, decoded.clone());
        let name = decoded.as_deref().unwrap_or_else(|| key.escaped().as_bytes());
        members.retain(|member| member.name() != name);
        self.parent.changed = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
