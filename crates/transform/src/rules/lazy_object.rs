//! Objects from which fields are removed.
//!
//! Only the objects on the path to a removed field are parsed, once each. Everything else remains a slice of the text,
//! so that literals, escapes, order and duplicates survive.

mod parts;

use std::borrow::Cow;

use crate::budget::{EventBudget, Exhausted};
use crate::meter::Usage;
use json::probe::looked_at;
use json::raw::{Kind, Raw};
use parts::Member;
pub use parts::{MAX_MEMBERS, Parts, Place};

/// A value from which fields can be removed.
///
/// Only objects on the paths that are looked up are parsed. Their depth, and therefore the recursion, is limited by
/// [`crate::rules::templates::MAX_PATH_NAMES`].
#[derive(Debug, Clone)]
pub enum LazyObject<'a> {
    /// A value that has not been parsed.
    Whole(Raw<'a>),
    /// An object whose fields have been parsed.
    Object(Box<Parts<'a, Self>>),
}

/// The result of a lookup.
#[derive(Debug)]
pub enum Found<'d, 'a> {
    /// A field of an object.
    Member(Place<'d, 'a, LazyObject<'a>>),
    /// The length of an array, which can be read but not removed.
    ArrayLength,
    /// Nothing was found.
    Nothing,
    /// An object on the path has more than [`MAX_MEMBERS`] fields, or the lookup exceeds the event's budget.
    TooComplex,
}

/// The type of a value, and its fields if it is an object.
enum Inside<'d, 'a> {
    Object(&'d mut Parts<'a, LazyObject<'a>>),
    Array,
    Scalar,
    TooComplex,
}

impl<'a> From<Raw<'a>> for LazyObject<'a> {
    fn from(raw: Raw<'a>) -> Self {
        Self::of(raw)
    }
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
    /// [`Exhausted`] if `raw` has more than [`MAX_MEMBERS`] fields, or if parsing it would exceed the event's budget.
    pub fn within(
        raw: Raw<'a>,
        known: &[Option<Raw<'a>>],
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Self, Exhausted> {
        Ok(Self::Object(Box::new(Parts::of(raw, known, budget)?)))
    }

    /// Creates a lazy object, and parses its fields and the fields of its field `name`, so that copies of the lazy
    /// object need not parse them. Returns `None` if `raw` is not an object, or if parsing it would exceed the limits.
    #[must_use]
    pub fn opened(raw: Raw<'a>, name: &str, usage: &Usage<'_>) -> Option<Self> {
        let mut budget = EventBudget::for_event(raw.text().len(), usage);
        let mut object = Self::of(raw);
        let Inside::Object(parts) = object.inside(&mut budget) else { return None };
        if let Some(index) = parts.position(name, &mut budget).ok()? {
            _ = parts.at(index).value.inside(&mut budget);
        }
        usage.keep(object.copied_bytes()).ok()?;
        Some(object)
    }

    /// Returns a copy for one event.
    ///
    /// # Errors
    /// [`Exhausted`] if copying would exceed the event's budget.
    pub fn copy_within(&self, budget: &mut EventBudget<'_, '_>) -> Result<Self, Exhausted> {
        let bytes = self.copied_bytes();
        budget.work((bytes / size_of::<Member<'_, Self>>()) as u64)?;
        budget.memory(bytes)?;
        Ok(self.clone())
    }

    /// The memory that a copy needs, in bytes.
    fn copied_bytes(&self) -> usize {
        if let LazyObject::Object(parts) = self { parts.copied_bytes(Self::copied_bytes) } else { 0 }
    }

    fn inside(&mut self, budget: &mut EventBudget<'_, '_>) -> Inside<'_, 'a> {
        if let LazyObject::Whole(raw) = *self {
            match raw.kind() {
                Kind::Object => {}
                Kind::Array => return Inside::Array,
                _ => return Inside::Scalar,
            }
            let Ok(parts) = Parts::of(raw, &[], budget) else { return Inside::TooComplex };
            *self = LazyObject::Object(Box::new(parts));
        }
        match self {
            LazyObject::Object(parts) => Inside::Object(parts),
            LazyObject::Whole(_) => Inside::Scalar,
        }
    }

    /// Sets the field called `name`. If there is no such field, it is added at the end. If several fields have this
    /// name, the last one is set. A value that is not an object is unchanged.
    ///
    /// # Errors
    /// [`Exhausted`] if the object has more than [`MAX_MEMBERS`] fields, or if setting the field would exceed the
    /// event's budget.
    pub fn set(
        &mut self,
        name: &'static str,
        value: LazyObject<'a>,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<(), Exhausted> {
        match self.inside(budget) {
            Inside::Object(parts) => parts.set(name, value, budget),
            Inside::TooComplex => Err(Exhausted),
            Inside::Array | Inside::Scalar => Ok(()),
        }
    }

    /// Returns the current text of the value of the field called `name`, or `None` if there is no such field.
    ///
    /// # Errors
    /// [`Exhausted`] if reading the field would exceed the event's budget.
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
        parts.at(index).value.text_within(budget).map(Some)
    }

    /// If this object and its field `name` have been parsed as objects, calls `on_field` for each field of the inner
    /// object, with the name and the value of that field. The value is `None` if a part of it was removed.
    pub fn each_field(&self, name: &str, mut on_field: impl FnMut(&[u8], Option<Raw<'a>>)) {
        let LazyObject::Object(parts) = self else { return };
        let Some(member) = parts.members().rfind(|member| member.name() == name.as_bytes()) else { return };
        let LazyObject::Object(parts) = &member.value else { return };
        for member in parts.members() {
            on_field(member.name(), (!member.value.is_changed()).then(|| member.value.raw()));
        }
    }

    /// The value as it was before any field was removed or set.
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

    /// Like [`LazyObject::text`], but charges the memory for the text to `budget` before it is allocated. Do not call
    /// this function if a field of the value was set.
    ///
    /// # Errors
    /// [`Exhausted`] if the meter halts the request.
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
            Inside::Object(parts) => parts.literal(path, budget)?,
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
                    object = &mut parent.at(index).value;
                }
            }
        }
    }

    fn is_changed(&self) -> bool {
        match self {
            LazyObject::Whole(_) => false,
            LazyObject::Object(parts) => parts.changed || parts.members().any(|member| member.value.is_changed()),
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
                for (index, member) in parts.members().enumerate() {
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

#[cfg(test)]
mod tests;
