//! An object under change: what nobody touches stays the slice it was, so that literals, escapes, order and duplicates
//! survive. Only the objects on the path to a change are parsed, each once.

use std::borrow::Cow;

use crate::budget::{EventBudget, Exhausted};
use crate::meter::Usage;
use json::probe::looked_at;
use json::raw::{Kind, Raw};
use json::text::Text;

/// Members that an object may have which a path leads through.
pub const MAX_MEMBERS: usize = 100_000;
/// Bytes of an object for each of its fields, in most objects or fewer.
const BYTES_PER_MEMBER: usize = 32;
/// Fields for which there is room from the start.
const USUAL_MEMBERS: usize = 32;

/// A value that may be changed.
///
/// Its depth is that of the longest path asked for, not that of the JSON: recursion over it is bounded by
/// [`crate::rules::templates::MAX_PATH_NAMES`].
#[derive(Debug, Clone)]
pub enum LazyObject<'a> {
    /// Not looked into yet.
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
    /// The decoded key, if it has escapes: it is compared again and again.
    decoded: Option<Box<[u8]>>,
    value: LazyObject<'a>,
}

/// What a path led to.
#[derive(Debug)]
pub enum Found<'d, 'a> {
    /// A field of an object.
    Member(Place<'d, 'a>),
    /// The length of an array, which is there to read but not to remove.
    ArrayLength,
    /// Nothing.
    Nothing,
    /// An object of more than [`MAX_MEMBERS`] on the path, or a path that needs more than the event's budget.
    TooComplex,
}

/// A member that a path led to.
#[derive(Debug)]
pub struct Place<'d, 'a> {
    parent: &'d mut Parts<'a>,
    index: usize,
}

/// What an object is, once somebody wants to look into it.
enum Inside<'d, 'a> {
    Object(&'d mut Parts<'a>),
    Array,
    Scalar,
    TooComplex,
}

impl<'a> LazyObject<'a> {
    /// A lazy object over `raw`.
    #[must_use]
    pub fn of(raw: Raw<'a>) -> Self {
        LazyObject::Whole(raw)
    }

    /// A lazy object over a parsed object. Values in `known` that are slices of it are skipped without being read.
    ///
    /// # Errors
    /// [`Exhausted`] if it needs more than the event's budget.
    pub fn within(
        raw: Raw<'a>,
        known: &[Option<Raw<'a>>],
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Self, Exhausted> {
        let members = Member::all_of(raw, known, budget)?;
        Ok(Self::Object(Box::new(Parts { raw, members, changed: false })))
    }

    /// A lazy object over `raw` with it and its field `name` parsed, which copies share; `None` if that takes too much.
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

    /// A copy for one event.
    ///
    /// # Errors
    /// [`Exhausted`] if it needs more than the event's budget.
    pub fn copy_within(&self, budget: &mut EventBudget<'_, '_>) -> Result<Self, Exhausted> {
        let bytes = self.copied_bytes();
        budget.work((bytes / size_of::<Member<'_>>()) as u64)?;
        budget.memory(bytes)?;
        Ok(self.clone())
    }

    /// The memory of a copy.
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

    /// Sets the member called `name`: in the place of the last one of that name, or behind all others.
    /// Nothing happens to a value that is not an object.
    ///
    /// # Errors
    /// [`Exhausted`] if the object has more than [`MAX_MEMBERS`], or needs more than the event's budget.
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

    /// The text of the member called `name`.
    ///
    /// # Errors
    /// [`Exhausted`] if it needs more than the event's budget.
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

    /// Calls `on_field` for each field of the field called `name`: with its name, and its value unless something was taken
    /// out of that.
    pub fn each_field(&self, name: &str, mut on_field: impl FnMut(&[u8], Option<Raw<'a>>)) {
        let LazyObject::Object(parts) = self else { return };
        let Some(member) = parts.members.iter().rfind(|member| member.name() == name.as_bytes()) else { return };
        let LazyObject::Object(parts) = &member.value else { return };
        for member in &parts.members {
            on_field(member.name(), (!member.value.is_changed()).then(|| member.value.raw()));
        }
    }

    /// What it was made of.
    fn raw(&self) -> Raw<'a> {
        match self {
            LazyObject::Whole(raw) => *raw,
            LazyObject::Object(parts) => parts.raw,
        }
    }

    /// The bytes that its text has at most.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        match self {
            LazyObject::Whole(raw) => raw.text().len(),
            LazyObject::Object(parts) => parts.raw.text().len(),
        }
    }

    /// [`LazyObject::text`], whose memory is charged before it is taken. Only for values in which no member was set.
    ///
    /// # Errors
    /// [`Exhausted`] if it needs more than the event's budget.
    pub fn text_within(&self, budget: &mut EventBudget<'_, '_>) -> Result<Cow<'a, str>, Exhausted> {
        if let LazyObject::Object(_) = self {
            budget.memory(self.max_bytes())?;
        }
        Ok(self.text())
    }

    /// Follows a path of names with dots between them, within a budget. A name may hold dots itself: the
    /// whole path as one name of this object goes first; then, in each object on the way, the fewest names that it has
    /// a member for (docs/contract.md#dynamic-configuration).
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
                Some((index, behind)) => {
                    rest = &behind[1..];
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

    /// The text as it is now: without a change, the very text it was made of.
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
    /// The fields of an object, of which there are at most [`MAX_MEMBERS`].
    fn all_of(
        raw: Raw<'a>,
        known: &[Option<Raw<'a>>],
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Vec<Self>, Exhausted> {
        budget.work(raw.text().len() as u64)?;
        // Room for what objects of this size usually have.
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
    /// The last member called `name`.
    fn position(&self, name: &str, budget: &mut EventBudget<'_, '_>) -> Result<Option<usize>, Exhausted> {
        budget.work(1 + self.members.len() as u64)?;
        looked_at(self.members.len());
        Ok(self.members.iter().rposition(|member| member.name() == name.as_bytes()))
    }

    /// The member with the fewest names of a path, and what is left of the path.
    fn shortest_name<'p>(
        &self,
        path: &'p str,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Option<(usize, &'p str)>, Exhausted> {
        for end in memchr::memchr_iter(b'.', path.as_bytes()).chain([path.len()]) {
            let (name, behind) = path.split_at(end);
            if let Some(index) = self.position(name, budget)? {
                return Ok(Some((index, behind)));
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

    /// Takes the member out, and with it the duplicates that it hid.
    ///
    /// # Errors
    /// [`Exhausted`] if that needs more than the event's budget.
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
