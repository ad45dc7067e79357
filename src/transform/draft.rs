//! An object under change: what nobody touches stays the slice it was, so that literals, escapes, order and duplicates
//! survive. Only the objects on the way to a change are taken apart, each once.

use std::borrow::Cow;

use super::json::{Kind, Raw};
use super::text::Text;

/// Members that an object may have which a path leads through.
pub const MAX_MEMBERS: usize = 100_000;

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
    members: Vec<Member<'a>>,
    changed: bool,
}

#[derive(Debug)]
struct Member<'a> {
    key: Text<'a>,
    name: Cow<'a, [u8]>,
    value: Draft<'a>,
}

/// What a path led to.
#[derive(Debug)]
pub enum Found<'d, 'a> {
    /// A member of an object.
    Member(Place<'d, 'a>),
    /// The length of an array, which is there to read but not to remove.
    ArrayLength,
    /// Nothing.
    Nothing,
    /// An object of more than [`MAX_MEMBERS`] on the way.
    TooWide,
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
    TooWide,
}

impl<'a> Draft<'a> {
    /// A draft of `raw`.
    #[must_use]
    pub fn of(raw: Raw<'a>) -> Self {
        Draft::Whole(raw)
    }

    fn inside(&mut self, steps: &mut u64) -> Inside<'_, 'a> {
        if let Draft::Whole(raw) = *self {
            match raw.kind() {
                Kind::Object => {}
                Kind::Array => return Inside::Array,
                _ => return Inside::Scalar,
            }
            *steps += raw.text().len() as u64;
            let mut members = Vec::new();
            raw.for_each_member(|key, value| {
                if members.len() <= MAX_MEMBERS {
                    members.push(Member { key, name: key.decoded(), value: Draft::Whole(value) });
                }
            });
            if members.len() > MAX_MEMBERS {
                return Inside::TooWide;
            }
            *self = Draft::Object(Parts { raw, members, changed: false });
        }
        match self {
            Draft::Object(parts) => Inside::Object(parts),
            Draft::Whole(_) => Inside::Scalar,
        }
    }

    /// Sets the member called `name`: in the place of the last one of that name, or behind all others.
    /// Nothing happens to a value that is no object.
    pub fn set(&mut self, name: &'static str, value: Draft<'a>) {
        let Inside::Object(parts) = self.inside(&mut 0) else { return };
        parts.changed = true;
        match parts.position(name.as_bytes(), &mut 0) {
            Some(index) => parts.members[index].value = value,
            None => {
                parts.members.push(Member { key: Text::plain(name), name: Cow::Borrowed(name.as_bytes()), value });
            }
        }
    }

    /// The text of the member called `name`.
    pub fn member_text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let Inside::Object(parts) = self.inside(&mut 0) else { return None };
        let index = parts.position(name.as_bytes(), &mut 0)?;
        Some(parts.members[index].value.text())
    }

    /// Follows a path of names with dots between them, adding to `steps` what it costs. A name may hold dots itself: the
    /// whole path as one name of this object goes first; then, in each object on the way, the fewest names that it has
    /// a member for (contract, section 3.2).
    pub fn find<'d>(&'d mut self, path: &str, steps: &mut u64) -> Found<'d, 'a> {
        let literal = match self.inside(steps) {
            Inside::Object(parts) => parts.position(path.as_bytes(), steps),
            Inside::TooWide => return Found::TooWide,
            Inside::Array | Inside::Scalar => None,
        };
        let mut draft = self;
        let mut rest = path;
        loop {
            let parent = match draft.inside(steps) {
                Inside::Object(parts) => parts,
                Inside::Array if rest == "length" => return Found::ArrayLength,
                Inside::Array | Inside::Scalar => return Found::Nothing,
                Inside::TooWide => return Found::TooWide,
            };
            if let Some(index) = literal {
                return Found::Member(Place { parent, index });
            }
            let ends = memchr::memchr_iter(b'.', rest.as_bytes()).chain([rest.len()]);
            let member = ends
                .map(|end| rest.split_at(end))
                .find_map(|(name, behind)| Some((parent.position(name.as_bytes(), steps)?, behind)));
            match member {
                None => return Found::Nothing,
                Some((index, "")) => return Found::Member(Place { parent, index }),
                Some((index, behind)) => {
                    rest = &behind[1..];
                    draft = &mut parent.members[index].value;
                }
            }
        }
    }

    fn is_changed(&self) -> bool {
        match self {
            Draft::Whole(_) => false,
            Draft::Object(parts) => parts.changed || parts.members.iter().any(|member| member.value.is_changed()),
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

impl Parts<'_> {
    /// The last member called `name`.
    fn position(&self, name: &[u8], steps: &mut u64) -> Option<usize> {
        *steps += 1 + self.members.len() as u64;
        self.members.iter().rposition(|member| *member.name == *name)
    }
}

impl<'a> Place<'_, 'a> {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &Draft<'a> {
        &self.parent.members[self.index].value
    }

    /// Takes the member out, and with it the duplicates that it hid.
    pub fn remove(self) {
        let name = self.parent.members[self.index].name.clone();
        self.parent.members.retain(|member| member.name != name);
        self.parent.changed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'d, 'a>(draft: &'d mut Draft<'a>, path: &str) -> Found<'d, 'a> {
        draft.find(path, &mut 0)
    }

    fn after_removing(text: &str, paths: &[&str]) -> String {
        let mut draft = Draft::of(Raw::parse(text).unwrap());
        for path in paths {
            match find(&mut draft, path) {
                Found::Member(place) => place.remove(),
                other => panic!("{path}: {other:?}"),
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
        assert!(matches!(find(&mut draft, "a.b"), Found::Member(_)));
        assert!(matches!(find(&mut draft, "a.c"), Found::Nothing));
        assert_eq!(draft.text(), text);
        // Nor beside a change.
        let mut draft = Draft::of(Raw::parse(r#"{ "a" : { "b" : 1 }, "c" : 2 }"#).unwrap());
        assert!(matches!(find(&mut draft, "a.b"), Found::Member(_)));
        draft.set("c", Draft::of(Raw::parse("3").unwrap()));
        assert_eq!(draft.text(), r#"{"a":{ "b" : 1 },"c":3}"#);
    }

    #[test]
    fn what_is_read_and_compared_is_counted() {
        let mut steps = 0;
        let mut draft = Draft::of(Raw::parse(r#"{"a":{"b":1,"c":2}}"#).unwrap());
        assert!(matches!(draft.find("a.b", &mut steps), Found::Member(_)));
        // Two objects are read; the whole path and the first name are sought in the one, the second name in the other.
        assert_eq!(steps, 19 + 13 + 2 * (1 + 1) + (1 + 2));
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
        assert!(matches!(find(&mut draft, "m.a.b"), Found::Nothing));
    }

    #[test]
    fn the_length_of_an_array_is_found_but_no_member() {
        let mut draft = Draft::of(Raw::parse(r#"{"a":[1,2]}"#).unwrap());
        assert!(matches!(find(&mut draft, "a.length"), Found::ArrayLength));
        assert!(matches!(find(&mut draft, "a.length.x"), Found::Nothing));
        assert!(matches!(find(&mut draft, "a.other"), Found::Nothing));
    }

    #[test]
    fn an_object_may_be_only_so_wide() {
        let wide = |members: usize| format!("{{\"a\":{{{}}}}}", vec!["\"x\":1"; members].join(","));
        let (fits, too_wide) = (wide(MAX_MEMBERS), wide(MAX_MEMBERS + 1));
        assert!(matches!(find(&mut Draft::of(Raw::parse(&fits).unwrap()), "a.x"), Found::Member(_)));
        assert!(matches!(find(&mut Draft::of(Raw::parse(&too_wide).unwrap()), "a.x"), Found::TooWide));
    }
}
