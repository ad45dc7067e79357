//! Compares two JSON texts by value. Numbers are compared as doubles. Key order is ignored, and the last duplicate key
//! wins.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::differences::Differences;
use crate::intended::table::IntendedDifference;
use json::display::shorten;
use json::raw::{Kind, Raw};
use json::text::pointer_step;

/// The maximum length of a field name in a pointer, in characters.
const MAX_NAME: usize = 40;
/// The maximum nesting depth. The limit is low because a value is parsed again for each level of arrays and objects
/// around it.
const MAX_DEPTH: usize = 100;

/// Whether a number that is too large for a double may be `null` in the other response. rudder-transformer copies the
/// message and the metadata to its response, and prints such numbers as `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Infinite {
    /// `null` is allowed.
    AsNull,
    /// `null` is a difference.
    Exact,
}

impl Differences {
    /// Adds the differences between two values at `pointer`. `None` means a missing value.
    pub fn compare(&mut self, pointer: &str, ours: Option<Raw<'_>>, theirs: Option<Raw<'_>>, infinite: Infinite) {
        self.walk(&mut pointer.to_owned(), ours, theirs, infinite, 0);
    }

    fn walk(
        &mut self,
        pointer: &mut String,
        ours: Option<Raw<'_>>,
        theirs: Option<Raw<'_>>,
        infinite: Infinite,
        depth: usize,
    ) {
        if self.more {
            return;
        }
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            if ours.is_some() || theirs.is_some() {
                self.add(pointer, ours, theirs);
            }
            return;
        };
        if ours.text() == theirs.text() {
            return;
        }
        if depth == MAX_DEPTH {
            self.too_deep = true;
            return;
        }
        match (ours.kind(), theirs.kind()) {
            (Kind::Object, Kind::Object) => each_member(ours, theirs, |name, ours, theirs| {
                self.below(pointer, &pointer_name(name), ours, theirs, infinite, depth);
            }),
            (Kind::Array, Kind::Array) => {
                let (ours, theirs) = (elements(ours), elements(theirs));
                for index in 0..ours.len().max(theirs.len()) {
                    let (ours, theirs) = (ours.get(index).copied(), theirs.get(index).copied());
                    self.below(pointer, &index.to_string(), ours, theirs, infinite, depth);
                }
            }
            (Kind::String, Kind::String) if decoded(ours) == decoded(theirs) => {}
            (Kind::Number, Kind::Number) if double(ours) == double(theirs) => {}
            (Kind::Number, Kind::Null) if infinite == Infinite::AsNull && double(ours).is_infinite() => {
                self.allow(pointer, IntendedDifference::NumberLiterals);
            }
            _ => self.add(pointer, Some(ours), Some(theirs)),
        }
    }

    fn below(
        &mut self,
        pointer: &mut String,
        name: &str,
        ours: Option<Raw<'_>>,
        theirs: Option<Raw<'_>>,
        infinite: Infinite,
        depth: usize,
    ) {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(name);
        self.walk(pointer, ours, theirs, infinite, depth + 1);
        pointer.truncate(length);
    }
}

type Members<'a> = Vec<(Cow<'a, [u8]>, Raw<'a>)>;

/// Calls `on_member` once for every field name in either object.
pub(super) fn each_member(
    ours: Raw<'_>,
    theirs: Raw<'_>,
    mut on_member: impl FnMut(&[u8], Option<Raw<'_>>, Option<Raw<'_>>),
) {
    let (ours, mut theirs) = (members(ours), by_name(&members(theirs)));
    let mut last = by_name(&ours);
    for (name, _) in &ours {
        // The last duplicate wins.
        if let Some(value) = last.remove(name) {
            on_member(name, Some(value), theirs.remove(name));
        }
    }
    let mut left: Vec<_> = theirs.into_iter().collect();
    left.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in left {
        on_member(&name, None, Some(value));
    }
}

fn members(object: Raw<'_>) -> Members<'_> {
    let mut members = Vec::new();
    object.for_each_member(|name, value| members.push((name.decoded(), value)));
    members
}

fn by_name<'a>(members: &Members<'a>) -> HashMap<Cow<'a, [u8]>, Raw<'a>> {
    members.iter().map(|(name, value)| (name.clone(), *value)).collect()
}

/// Returns the elements of an array.
pub(super) fn elements(array: Raw<'_>) -> Vec<Raw<'_>> {
    let mut elements = Vec::new();
    array.for_each_element(|element| elements.push(element));
    elements
}

fn decoded(string: Raw<'_>) -> Option<Cow<'_, [u8]>> {
    string.as_string().map(json::text::Text::decoded)
}

/// Parses a JSON number. A number that is too large for a double becomes infinite.
fn double(number: Raw<'_>) -> f64 {
    number.text().parse().unwrap_or(f64::NAN)
}

/// Returns a field name as a step of a JSON pointer (RFC 6901), shortened and on one line.
pub(super) fn pointer_name(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    pointer_step(&shorten(&name, MAX_NAME)).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differences::{Allowed, Contents, MAX_CONTENTS, MAX_LISTED, MAX_POINTER};

    fn differences(ours: &str, theirs: &str) -> Differences {
        let mut found = Differences::default();
        let parse = |text| Raw::parse(text).ok();
        found.compare("", parse(ours), parse(theirs), Infinite::Exact);
        found
    }

    fn listed(ours: &str, theirs: &str) -> Vec<String> {
        differences(ours, theirs).listed.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn json_that_parses_to_equal_javascript_values_has_no_differences() {
        for (ours, theirs) in [
            ("1.0", "1"),
            ("12345678901234567890", "12345678901234567000"),
            ("-0", "0"),
            ("1e2", "100"),
            (r#"{"a":1,"b":[ ]}"#, r#"{"b":[],"a":1e0}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"\u0061":"\u00fc\/"}"#, r#"{"a":"ü/"}"#),
            (r#""\uD800""#, r#""\ud800""#),
        ] {
            assert_eq!(listed(ours, theirs), Vec::<String>::new(), "{ours} {theirs}");
        }
    }

    #[test]
    fn differences_contain_the_pointer_and_the_types_of_both_values() {
        assert_eq!(listed("1", "2"), ["/: number vs another number"]);
        assert_eq!(listed("[1,[true]]", "[1,[\"x\"]]"), ["/1/0: boolean vs string"]);
        assert_eq!(listed("true", "false"), ["/: boolean vs another boolean"]);
        assert_eq!(listed(r#"{"a":1,"b":2}"#, r#"{"a":1,"c":null}"#), ["/b: number vs missing", "/c: missing vs null"]);
        assert_eq!(listed("[1]", "[1,{}]"), ["/1: missing vs object"]);
        assert_eq!(listed("1e400", "null"), ["/: number vs null"]);
        assert_eq!(listed(r#"{"a/~\n":"secret"}"#, "{}"), [r"/a~1~0\n: string vs missing"]);
        assert_eq!(listed("[]", "{}"), ["/: array vs object"]);
    }

    #[test]
    fn null_instead_of_an_infinite_number_is_an_intended_difference() {
        let mut found = Differences::default();
        let parse = |text| Raw::parse(text).ok();
        found.compare("/m", parse("[1e400,-1e400]"), parse("[null,null]"), Infinite::AsNull);
        assert!(found.is_empty());
        assert_eq!(found.allowed.len(), 2);
        assert_eq!(found.allowed[1], Allowed { pointer: "/m/1".to_owned(), why: IntendedDifference::NumberLiterals });
        found.compare("/m", parse("[1e300]"), parse("[null]"), Infinite::AsNull);
        found.compare("/m", parse("[null]"), parse("[1e400]"), Infinite::AsNull);
        let listed: Vec<String> = found.listed.iter().map(ToString::to_string).collect();
        assert_eq!(listed, ["/m/0: number vs null", "/m/0: null vs number"]);
    }

    #[test]
    fn values_are_shown_in_differences_only_on_request_and_shortened_if_long() {
        let (ours, theirs) = (format!("[\"{}\"]", "s".repeat(5000)), "[1,{}]");
        let parse = |text| Raw::parse(text).ok();
        let mut found = Differences::default();
        found.compare("", parse(&ours), parse(theirs), Infinite::Exact);
        assert!(!format!("{found:?}").contains("sss"));
        let mut found = Differences::with(Contents::Shown);
        found.compare("", parse(&ours), parse(theirs), Infinite::Exact);
        let sides: Vec<_> =
            found.listed.iter().map(|listed| (listed.ours.to_string(), listed.theirs.to_string())).collect();
        let cut = format!("\"{}…", "s".repeat(MAX_CONTENTS - 1));
        assert_eq!(sides, [(cut, "1".to_owned()), ("missing".to_owned(), "{}".to_owned())]);
    }

    #[test]
    fn the_number_and_length_of_listed_differences_are_limited() {
        let many = format!("[{}]", vec!["1"; 1000].join(","));
        let found = differences(&many, "[]");
        assert!(found.listed.len() == MAX_LISTED && found.more);
        let long = format!("{{\"{}\":1}}", "ü".repeat(5000));
        assert_eq!(listed(&long, "{}"), [format!("/{}…: number vs missing", "ü".repeat(MAX_NAME))]);
        let deep = format!("{}1{}", r#"{"a-name":"#.repeat(60), "}".repeat(60));
        let other = deep.replace('1', "2");
        assert!(listed(&deep, &other)[0].len() < MAX_POINTER + 60);
    }

    #[test]
    fn values_nested_too_deeply_to_compare_are_reported_unless_their_texts_are_equal() {
        let nested = |depth: usize, inner: &str| format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth));
        let found = differences(&nested(100_000, "1"), &nested(100_000, " 1"));
        assert!(found.too_deep && found.listed.is_empty() && !found.is_empty());
        assert!(differences(&nested(100_000, "1"), &nested(100_000, "1")).is_empty());
    }
}
