//! An object under change: what nobody touches stays the slice it was, so that literals, escapes, order and duplicates
//! survive. Only the objects on the way to a change are taken apart, each once.

use std::borrow::Cow;

use super::json::{Kind, Raw};
use super::text::Text;

/// A value that may be changed.
///
/// Its depth is that of the longest path asked for, not that of the JSON: recursion over it is bounded by
/// [`super::dynamic_config::MAX_PATH_NAMES`].
#[derive(Debug)]
pub enum Draft<'a> {
    /// Not looked into yet.
    Whole(Raw<'a>),
    /// Taken apart.
    Object(Parts<'a>),
}

/// An object taken apart.
#[derive(Debug)]
pub struct Parts<'a> {
    raw: Raw<'a>,
    members: Vec<(Text<'a>, Draft<'a>)>,
    changed: bool,
}

/// What a path led to.
#[derive(Debug)]
pub enum Found<'d, 'a> {
    /// A member of an object.
    Member(Place<'d, 'a>),
    /// The length of an array, which is there to read but not to remove.
    ArrayLength,
}

/// A member that a path led to.
#[derive(Debug)]
pub struct Place<'d, 'a> {
    parent: &'d mut Parts<'a>,
    index: usize,
}

impl<'a> Draft<'a> {
    /// A draft of `raw`.
    #[must_use]
    pub fn of(raw: Raw<'a>) -> Self {
        Draft::Whole(raw)
    }

    fn parts(&mut self) -> Option<&mut Parts<'a>> {
        if let Draft::Whole(raw) = *self
            && raw.is_object()
        {
            let mut members = Vec::new();
            raw.for_each_member(|key, value| members.push((key, Draft::Whole(value))));
            *self = Draft::Object(Parts { raw, members, changed: false });
        }
        match self {
            Draft::Object(parts) => Some(parts),
            Draft::Whole(_) => None,
        }
    }

    /// Sets the member called `name`: in the place of the last one of that name, or behind all others.
    /// Nothing happens to a value that is no object.
    pub fn set(&mut self, name: &'static str, value: Draft<'a>) {
        let Some(parts) = self.parts() else { return };
        parts.changed = true;
        match parts.position(|key| key.is(name)) {
            Some(index) => parts.members[index].1 = value,
            None => parts.members.push((Text::plain(name), value)),
        }
    }

    /// The member called `name`.
    pub fn member(&mut self, name: &str) -> Option<&mut Draft<'a>> {
        let parts = self.parts()?;
        let index = parts.position(|key| key.is(name))?;
        Some(&mut parts.members[index].1)
    }

    /// Follows a path of names. A name may hold dots itself: the whole path as one name of this object goes first; then,
    /// in each object on the way, the fewest names joined by dots that it has a member for (contract, section 3.2).
    pub fn find<'d>(&'d mut self, path: &[String]) -> Option<Found<'d, 'a>> {
        let whole = path.join(".");
        let literal = self.parts()?.position(|key| key.is(&whole));
        if let Some(index) = literal {
            let parent = self.parts()?;
            return Some(Found::Member(Place { parent, index }));
        }
        let mut draft = self;
        let mut rest = path;
        loop {
            if let Draft::Whole(raw) = draft
                && raw.kind() == Kind::Array
            {
                return (rest == ["length"]).then_some(Found::ArrayLength);
            }
            let parent = draft.parts()?;
            let (index, names) = (1..=rest.len()).find_map(|names| {
                let joined = rest[..names].join(".");
                let index = parent.position(|key| key.is(&joined))?;
                Some((index, names))
            })?;
            rest = &rest[names..];
            if rest.is_empty() {
                return Some(Found::Member(Place { parent, index }));
            }
            draft = &mut parent.members[index].1;
        }
    }

    fn is_changed(&self) -> bool {
        match self {
            Draft::Whole(_) => false,
            Draft::Object(parts) => parts.changed || parts.members.iter().any(|(_, value)| value.is_changed()),
        }
    }

    /// The text as it is now: without a change, the very text it was made of.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        match self {
            Draft::Whole(raw) => Cow::Borrowed(raw.text()),
            Draft::Object(parts) if !self.is_changed() => Cow::Borrowed(parts.raw.text()),
            Draft::Object(parts) => {
                let mut out = String::with_capacity(parts.raw.text().len());
                self.write(&mut out);
                Cow::Owned(out)
            }
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Draft::Whole(raw) => out.push_str(raw.text()),
            Draft::Object(parts) if !self.is_changed() => out.push_str(parts.raw.text()),
            Draft::Object(parts) => {
                out.push('{');
                for (index, (key, value)) in parts.members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push('"');
                    out.push_str(key.escaped());
                    out.push_str("\":");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl<'a> Parts<'a> {
    /// The last member whose name fits.
    fn position(&self, fits: impl Fn(&Text<'a>) -> bool) -> Option<usize> {
        self.members.iter().rposition(|(key, _)| fits(key))
    }
}

impl<'a> Place<'_, 'a> {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &Draft<'a> {
        &self.parent.members[self.index].1
    }

    /// The member's name.
    #[must_use]
    pub fn name(&self) -> Text<'a> {
        self.parent.members[self.index].0
    }

    /// Takes the member out, and with it the duplicates that it hid.
    pub fn remove(self) {
        let name = self.name().decoded();
        self.parent.members.retain(|(key, _)| key.decoded() != name);
        self.parent.changed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    fn after_removing(text: &str, paths: &[&str]) -> String {
        let mut draft = Draft::of(Raw::parse(text).unwrap());
        for name in paths {
            match draft.find(&path(name)) {
                Some(Found::Member(place)) => place.remove(),
                other => panic!("{name}: {other:?}"),
            }
        }
        draft.text().into_owned()
    }

    #[test]
    fn removing_leaves_every_other_byte() {
        let text = r#"{"a": {"x":1.0, "y" : [1e400 ,-0]}, "b":"\ud800", "a.c":7}"#;
        assert_eq!(after_removing(text, &["a.x"]), r#"{"a":{"y":[1e400 ,-0]},"b":"\ud800","a.c":7}"#);
        assert_eq!(after_removing(text, &["a.x", "a.y"]), r#"{"a":{},"b":"\ud800","a.c":7}"#);
    }

    #[test]
    fn looking_changes_nothing() {
        let text = r#"{ "a" : { "b" : 1 } }"#;
        let mut draft = Draft::of(Raw::parse(text).unwrap());
        assert!(matches!(draft.find(&path("a.b")), Some(Found::Member(_))));
        assert!(draft.find(&path("a.c")).is_none());
        assert_eq!(draft.text(), text);
    }

    #[test]
    fn a_removed_member_takes_the_duplicates_it_hid_along() {
        assert_eq!(after_removing(r#"{"a":1,"b":2,"\u0061":3}"#, &["a"]), r#"{"b":2}"#);
    }

    #[test]
    fn names_with_dots_are_found() {
        assert_eq!(after_removing(r#"{"a":{"b.c":1,"d":2}}"#, &["a.b.c"]), r#"{"a":{"d":2}}"#);
        assert_eq!(after_removing(r#"{"a.b":1,"a":{"b":2}}"#, &["a.b"]), r#"{"a":{"b":2}}"#);
        // The shorter name wins, even where it leads nowhere.
        let mut draft = Draft::of(Raw::parse(r#"{"m":{"a":{},"a.b":1}}"#).unwrap());
        assert!(draft.find(&path("m.a.b")).is_none());
    }

    #[test]
    fn the_length_of_an_array_is_found_but_no_member() {
        let mut draft = Draft::of(Raw::parse(r#"{"a":[1,2]}"#).unwrap());
        assert!(matches!(draft.find(&path("a.length")), Some(Found::ArrayLength)));
        assert!(draft.find(&path("a.length.x")).is_none());
        assert!(draft.find(&path("a.other")).is_none());
    }
}
