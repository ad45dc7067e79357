//! The differences between two responses. Each difference consists of a JSON pointer and the types of both values. The
//! values are included only on request, and never in logs.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use crate::intended::table::IntendedDifference;
use json::display::shorten;
use json::raw::{Kind, Raw};

/// The maximum number of differences that are listed.
pub(super) const MAX_LISTED: usize = 10;
/// The maximum length of a pointer, in characters.
pub(super) const MAX_POINTER: usize = 200;
/// The maximum length of a listed value, in characters.
pub(super) const MAX_CONTENTS: usize = 200;

/// Whether differences include values.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Only the types of the values are included, as required for logs.
    #[default]
    Hidden,
    /// The types and a prefix of each value are included, for callers that may read both responses.
    Shown,
}

/// One side of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The type of the value, or `missing` if there is no value. If the difference is between whole responses, a
    /// description of the response.
    pub kind: Cow<'static, str>,
    /// A prefix of the value, if values are included.
    pub text: Option<String>,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.as_deref().unwrap_or(&self.kind))
    }
}

/// A difference, displayed as `/3/output/topic: string vs missing`. This service's side comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The location as a JSON Pointer (RFC 6901), or `/` for the whole response.
    pub pointer: String,
    /// The value in this service's response.
    pub ours: Side,
    /// The value in the other response.
    pub theirs: Side,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let another = if self.ours.kind == self.theirs.kind { "another " } else { "" };
        write!(f, "{}: {} vs {another}{}", self.pointer, self.ours.kind, self.theirs.kind)
    }
}

/// An intended difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The location as a JSON Pointer (RFC 6901), or `/` for the whole response.
    pub pointer: String,
    /// The row in the table of intended differences that allows this difference.
    pub why: IntendedDifference,
}

/// The differences between two responses.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Differences {
    /// The first few differences.
    pub listed: Vec<Difference>,
    /// Whether there are more differences than those in `listed`.
    pub more: bool,
    /// Whether some values differ as text, but are nested too deeply to be compared.
    pub too_deep: bool,
    /// The first few intended differences, including at least one for each table row that applied. `listed` does not
    /// contain intended differences.
    pub allowed: Vec<Allowed>,
    contents: Contents,
}

impl Differences {
    /// Creates an empty list.
    #[must_use]
    pub fn with(contents: Contents) -> Self {
        Self { contents, ..Self::default() }
    }

    /// Adds a difference between the whole responses.
    pub(super) fn add_whole(&mut self, ours: impl Into<Cow<'static, str>>, theirs: impl Into<Cow<'static, str>>) {
        let (ours, theirs) = (Side { kind: ours.into(), text: None }, Side { kind: theirs.into(), text: None });
        self.listed.push(Difference { pointer: "/".to_owned(), ours, theirs });
    }

    /// Creates a list with a single difference, which covers the whole response.
    #[must_use]
    pub fn of_whole(ours: &'static str, theirs: &'static str) -> Self {
        let mut found = Self::default();
        found.add_whole(ours, theirs);
        found
    }

    /// Returns whether there are no differences except intended ones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && !self.too_deep
    }

    /// Creates an empty list with the same [`Contents`].
    pub(super) fn new_empty(&self) -> Self {
        Self::with(self.contents)
    }

    /// Adds the differences of another list, until the maximum number of listed differences is reached.
    pub fn append(&mut self, other: Self) {
        let room = MAX_LISTED - self.listed.len();
        self.more |= other.more || other.listed.len() > room;
        self.too_deep |= other.too_deep;
        self.listed.extend(other.listed.into_iter().take(room));
        other.allowed.into_iter().for_each(|allowed| self.add_allowed(allowed));
    }

    fn add_allowed(&mut self, allowed: Allowed) {
        if self.allowed.len() < MAX_LISTED || self.allowed.iter().all(|other| other.why != allowed.why) {
            self.allowed.push(allowed);
        }
    }

    /// Returns the table rows that allow the intended differences in this list.
    #[must_use]
    pub fn rows(&self) -> BTreeSet<IntendedDifference> {
        self.allowed.iter().map(|allowed| allowed.why).collect()
    }

    /// Adds an intended difference.
    pub(super) fn allow(&mut self, pointer: &str, why: IntendedDifference) {
        self.add_allowed(Allowed { pointer: shorten_pointer(pointer), why });
    }

    /// Adds a difference between two values at `pointer`. `None` means a missing value.
    pub(super) fn add(&mut self, pointer: &str, ours: Option<Raw<'_>>, theirs: Option<Raw<'_>>) {
        if self.listed.len() == MAX_LISTED {
            self.more = true;
            return;
        }
        let side = |value: Option<Raw<'_>>| Side {
            kind: kind(value).into(),
            text: value
                .filter(|_| self.contents == Contents::Shown)
                .map(|value| shorten(value.text(), MAX_CONTENTS).into_owned()),
        };
        self.listed.push(Difference { pointer: shorten_pointer(pointer), ours: side(ours), theirs: side(theirs) });
    }
}

/// Shortens a pointer. The empty pointer becomes `/`.
fn shorten_pointer(pointer: &str) -> String {
    if pointer.is_empty() { "/".to_owned() } else { shorten(pointer, MAX_POINTER).into_owned() }
}

fn kind(value: Option<Raw<'_>>) -> &'static str {
    match value.map(Raw::kind) {
        None => "missing",
        Some(Kind::Null) => "null",
        Some(Kind::True | Kind::False) => "boolean",
        Some(Kind::Number) => "number",
        Some(Kind::String) => "string",
        Some(Kind::Array) => "array",
        Some(Kind::Object) => "object",
    }
}
