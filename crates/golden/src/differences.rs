//! What two responses differ in, as it is reported: a JSON pointer and two kinds; with contents only where they are
//! asked for, which nothing that logs does.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use crate::intended::table::IntendedDifference;
use json::display::shorten;
use json::raw::{Kind, Raw};

/// Differences that are reported one by one.
pub(super) const MAX_LISTED: usize = 10;
/// Characters of a pointer.
pub(super) const MAX_POINTER: usize = 200;
/// Characters of a value that are reported, where contents are.
pub(super) const MAX_CONTENTS: usize = 200;

/// Whether differences are reported with what the values are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Only of what kind they are: for logs.
    #[default]
    Hidden,
    /// The beginning of their text too: for anyone who brought both responses.
    Told,
}

/// One side of a difference: what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The kind of value, `missing` where there is none; of the responses as a whole what they are.
    pub kind: Cow<'static, str>,
    /// The beginning of its text, where contents are reported.
    pub text: Option<String>,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.as_deref().unwrap_or(&self.kind))
    }
}

/// One difference, as `/3/output/topic: string vs missing`, ours first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where (RFC 6901), `/` for the responses as a whole.
    pub pointer: String,
    /// What our response has there.
    pub ours: Side,
    /// What theirs has.
    pub theirs: Side,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let another = if self.ours.kind == self.theirs.kind { "another " } else { "" };
        write!(f, "{}: {} vs {another}{}", self.pointer, self.ours.kind, self.theirs.kind)
    }
}

/// A difference that is intended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// Where, `/` for the responses as a whole.
    pub pointer: String,
    /// Why.
    pub why: IntendedDifference,
}

/// What two answers differ in.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Differences {
    /// The first ones.
    pub listed: Vec<Difference>,
    /// Whether there are more.
    pub more: bool,
    /// Whether something was nested too deep to be compared, and its text is not the same.
    pub too_deep: bool,
    /// The first of those that are intended, and one of each row, which count as none.
    pub allowed: Vec<Allowed>,
    contents: Contents,
}

impl Differences {
    /// None yet.
    #[must_use]
    pub fn with(contents: Contents) -> Self {
        Self { contents, ..Self::default() }
    }

    /// Adds one difference of the responses as a whole, in words.
    pub(super) fn list_whole(&mut self, ours: impl Into<Cow<'static, str>>, theirs: impl Into<Cow<'static, str>>) {
        let (ours, theirs) = (Side { kind: ours.into(), text: None }, Side { kind: theirs.into(), text: None });
        self.listed.push(Difference { pointer: "/".to_owned(), ours, theirs });
    }

    /// One difference of the responses as a whole, in words.
    #[must_use]
    pub fn of_whole(ours: &'static str, theirs: &'static str) -> Self {
        let mut found = Self::default();
        found.list_whole(ours, theirs);
        found
    }

    /// Whether nothing differs, but for what is meant to.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && !self.too_deep
    }

    /// No differences, reported as these are.
    pub(super) fn none_yet(&self) -> Self {
        Self::with(self.contents)
    }

    /// Adds other differences, up to the number that is reported.
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

    /// The rows of the intended differences.
    #[must_use]
    pub fn rows(&self) -> BTreeSet<IntendedDifference> {
        self.allowed.iter().map(|allowed| allowed.why).collect()
    }

    /// Notes a difference that is intended.
    pub(super) fn allow(&mut self, pointer: &str, why: IntendedDifference) {
        self.add_allowed(Allowed { pointer: place(pointer), why });
    }

    /// Adds the difference between two values at `pointer`, `None` where there is none.
    pub(super) fn list(&mut self, pointer: &str, ours: Option<Raw<'_>>, theirs: Option<Raw<'_>>) {
        if self.listed.len() == MAX_LISTED {
            self.more = true;
            return;
        }
        let side = |value: Option<Raw<'_>>| Side {
            kind: kind(value).into(),
            text: value
                .filter(|_| self.contents == Contents::Told)
                .map(|value| shorten(value.text(), MAX_CONTENTS).into_owned()),
        };
        self.listed.push(Difference { pointer: place(pointer), ours: side(ours), theirs: side(theirs) });
    }
}

/// A pointer as it is reported.
fn place(pointer: &str) -> String {
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
