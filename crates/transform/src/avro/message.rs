//! Checks whether the producer can encode a message with a schema. The message must be in Avro's JSON encoding.
//!
//! A field that the schema does not have is an error, and so is a missing field without a default. The value of a union
//! must name its branch, as in `{"string": "x"}`.

use std::collections::{HashMap, HashSet};

use super::default::wanted;
use super::schema::{Record, Schema, Type, TypeId, Union};
use crate::partition::as_received;
use json::raw::{Kind, Raw};
use json::text::quoted;

/// The maximum number of errors, and the maximum number of warnings, that are listed for a message. Further mismatches
/// are only counted.
pub const MAX_MISMATCHES: usize = 10;

/// The maximum nesting depth at which values of a message are compared with the schema.
const MAX_DEPTH: usize = 128;

/// The maximum length of a pointer, in characters. A longer pointer is truncated and ends with `…`.
const MAX_POINTER: usize = 200;

/// The maximum number of a union's branches that the text of a mismatch lists.
const MAX_BRANCHES: usize = 5;

/// The maximum length of a branch's name in the text of a mismatch, in characters.
const MAX_NAME: usize = 80;

/// The kinds of mismatches between a message and its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MismatchKind {
    /// The value of a union does not name its branch.
    UnionValue,
    /// The message lacks a field that has no default in the schema.
    FieldMissing,
    /// The message has a field that the schema does not have.
    FieldUnknown,
    /// A value does not have the type that the schema requires.
    WrongType,
    /// The value of a float or a double is `null`, which the producer encodes as NaN.
    NullIsNan,
    /// The value of a decimal is a number written as text. The producer encodes the bytes of the text as if they were
    /// the number.
    DecimalIsText,
    /// A value is nested too deeply to be compared.
    TooDeep,
}

impl MismatchKind {
    /// Whether the mismatch is only a warning: the producer is expected to encode the message in spite of the mismatch.
    #[must_use]
    pub fn is_encoded(self) -> bool {
        matches!(self, Self::NullIsNan | Self::DecimalIsText | Self::TooDeep)
    }
}

/// A mismatch between a message and its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The kind of mismatch.
    pub kind: MismatchKind,
    /// The position in the message, as a JSON Pointer (RFC 6901) with control characters escaped. A truncated pointer
    /// ends with `…`.
    pub pointer: String,
    /// The actual type and the type that the schema requires, such as `is a string, not a long`. The text contains no
    /// value from the message. It is empty if the kind of mismatch needs no details.
    pub detail: String,
}

/// The mismatches of one severity: errors or warnings.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Mismatches {
    /// The first mismatches, at most [`MAX_MISMATCHES`].
    pub first: Vec<Mismatch>,
    /// The number of mismatches that are not listed in `first`.
    pub more: usize,
}

/// The result of comparing a message with a schema.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The reasons why the producer cannot encode the message. If there are any, the producer drops the event.
    pub errors: Mismatches,
    /// The warnings. Each warning means that a value is probably encoded differently than intended, or that a value was
    /// not compared with the schema.
    pub warnings: Mismatches,
}

/// Checks a message against a schema in the same way as the producer.
///
/// Numbers are read as rudder-server prints them, so `1.0` is valid for an int. If a field occurs several times, its
/// last value counts. Time and memory are linear in the size of the message, regardless of the schema.
#[must_use]
pub fn fit(schema: &Schema, message: Raw<'_>) -> Fit {
    let mut comparison = Comparison { schema, path: Vec::new(), found: Fit::default() };
    comparison.compare(schema.root(), message);
    comparison.found
}

/// One step of a path in the message: the name of a field or the index of an element.
enum Within {
    Name(String),
    Index(usize),
}

struct Comparison<'s> {
    schema: &'s Schema,
    /// The path to the current value. Pointers are built only for mismatches, because building a pointer takes time
    /// proportional to the length of the path.
    path: Vec<Within>,
    found: Fit,
}

impl Comparison<'_> {
    fn list(&mut self, kind: MismatchKind) -> &mut Mismatches {
        if kind.is_encoded() { &mut self.found.warnings } else { &mut self.found.errors }
    }

    fn add(&mut self, kind: MismatchKind, detail: impl FnOnce(&Self) -> String) {
        if self.list(kind).first.len() >= MAX_MISMATCHES {
            self.list(kind).more += 1;
        } else {
            let mismatch = Mismatch { kind, pointer: self.pointer(), detail: detail(self) };
            self.list(kind).first.push(mismatch);
        }
    }

    /// Adds a mismatch without details for the field `name`.
    fn add_at(&mut self, name: String, kind: MismatchKind) {
        self.path.push(Within::Name(name));
        self.add(kind, |_| String::new());
        self.path.pop();
    }

    fn pointer(&self) -> String {
        let mut pointer = Pointer::default();
        for within in &self.path {
            let pushed = pointer.push("/").and_then(|()| match within {
                Within::Name(name) => name.chars().try_for_each(|character| pointer.name(character)),
                Within::Index(index) => pointer.push(&index.to_string()),
            });
            if pushed.is_none() {
                break;
            }
        }
        pointer.text
    }

    fn compare_within(&mut self, within: Within, of: TypeId, value: Raw<'_>) {
        self.path.push(within);
        self.compare(of, value);
        self.path.pop();
    }

    fn compare(&mut self, of: TypeId, value: Raw<'_>) {
        if self.path.len() > MAX_DEPTH {
            let detail = |_: &Self| format!("is nested deeper than {MAX_DEPTH} levels");
            return self.add(MismatchKind::TooDeep, detail);
        }
        let schema = self.schema;
        let fits = match (schema.get(of), value.kind()) {
            (Type::Array(items), Kind::Array) => {
                let mut index = 0;
                value.for_each_element(|element| {
                    self.compare_within(Within::Index(index), *items, element);
                    index += 1;
                });
                true
            }
            (Type::Map(values), Kind::Object) => {
                for (name, member) in last_members(value) {
                    self.compare_within(Within::Name(name), *values, member);
                }
                true
            }
            (Type::Record(record), Kind::Object) => {
                self.record(record, value);
                true
            }
            (Type::Union(union), _) => {
                self.union(union, value);
                true
            }
            (Type::Float | Type::Double, Kind::Null) => {
                self.add(MismatchKind::NullIsNan, |_| String::new());
                true
            }
            (Type::Decimal | Type::Fixed { is_decimal: true, .. }, Kind::String) if is_decimal_text(value) => {
                self.add(MismatchKind::DecimalIsText, |_| String::new());
                scalar_fits(schema.get(of), value)
            }
            (scalar, _) => scalar_fits(scalar, value),
        };
        if !fits {
            let detail = |this: &Self| format!("is {}, not {}", value.kind().noun(), this.wanted(of));
            self.add(MismatchKind::WrongType, detail);
        }
    }

    fn wanted(&self, of: TypeId) -> String {
        match self.schema.get(of) {
            Type::Enum(_) => format!("a symbol of the enum {}", quoted(self.schema.name(of))),
            Type::Fixed { size, .. } => format!("a string of {size} bytes"),
            Type::Record(_) => format!("the record {} (an object)", quoted(self.schema.name(of))),
            Type::Int | Type::IntTime => "an int (a 32-bit integer)".to_owned(),
            Type::Long | Type::LongTime => "a long (a 64-bit integer)".to_owned(),
            other => wanted(other).to_owned(),
        }
    }

    fn record(&mut self, record: &Record, value: Raw<'_>) {
        let mut present = HashSet::new();
        let mut required = 0;
        for (name, member) in last_members(value) {
            let Some(index) = record.field(&name) else {
                self.add_at(name, MismatchKind::FieldUnknown);
                continue;
            };
            let field = &record.fields[index];
            required += usize::from(!field.has_default);
            present.insert(index);
            self.compare_within(Within::Name(name), field.of, member);
        }
        // A schema may have many more fields than a message has. Missing fields are therefore counted by subtraction,
        // and are looked up only until the maximum number of mismatches is reached.
        let mut missing = record.required.len() - required;
        for index in record.required.iter().filter(|index| !present.contains(*index)) {
            if self.found.errors.first.len() >= MAX_MISMATCHES {
                break;
            }
            self.add_at(record.fields[*index].name.clone(), MismatchKind::FieldMissing);
            missing -= 1;
        }
        self.found.errors.more += missing;
    }

    fn union(&mut self, union: &Union, value: Raw<'_>) {
        if value.is_null() && union.has_null {
            return;
        }
        let mut members = last_members(value);
        let member = if members.len() == 1 { members.pop() } else { None };
        let branch = member.and_then(|(name, member)| Some((union.branch(&name)?, name, member)));
        if let Some((of, name, member)) = branch {
            return self.compare_within(Within::Name(name), of, member);
        }
        self.add(MismatchKind::UnionValue, |this| {
            let is = if value.is_object() { "an object that does not name a branch" } else { value.kind().noun() };
            format!("is {is}; write {}", this.examples(union, value))
        });
    }

    /// Returns an example of how to write the value for the first branch that the value matches. If the value matches
    /// no branch, returns an example for each branch.
    fn examples(&self, union: &Union, value: Raw<'_>) -> String {
        let mut forms: Vec<(bool, String)> = Vec::new();
        for branch in union.branches.iter().take(MAX_BRANCHES) {
            let fits = match (self.schema.get(*branch), value.kind()) {
                (Type::Null, _) => {
                    forms.push((value.is_null(), "null".to_owned()));
                    continue;
                }
                (Type::Array(_), Kind::Array) | (Type::Record(_) | Type::Map(_), Kind::Object) => true,
                (scalar, _) => scalar_fits(scalar, value),
            };
            let name: String = self.schema.name(*branch).chars().take(MAX_NAME).collect();
            forms.push((fits, format!("{{{name:?}: …}}")));
        }
        match forms.iter().find(|(fits, _)| *fits) {
            Some((_, form)) => form.clone(),
            None => forms.into_iter().map(|(_, form)| form).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// A JSON pointer of at most [`MAX_POINTER`] characters. Control characters are escaped, so the pointer can be printed
/// to a terminal.
#[derive(Default)]
struct Pointer {
    text: String,
    length: usize,
}

impl Pointer {
    /// Appends text. Returns `None` once the pointer is full.
    fn push(&mut self, text: &str) -> Option<()> {
        if self.length > MAX_POINTER {
            return None;
        }
        self.length += text.chars().count();
        if self.length > MAX_POINTER {
            self.text.push('…');
            return None;
        }
        self.text.push_str(text);
        Some(())
    }

    fn name(&mut self, character: char) -> Option<()> {
        match character {
            '~' => self.push("~0"),
            '/' => self.push("~1"),
            '"' | '\'' | '\\' => self.push(character.encode_utf8(&mut [0; 4])),
            _ => self.push(&character.escape_debug().to_string()),
        }
    }
}

/// Returns the fields of an object as rudder-server prints them: each name once, with its last value.
fn last_members(object: Raw<'_>) -> Vec<(String, Raw<'_>)> {
    let mut members: Vec<(String, Raw<'_>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    object.for_each_member(|name, value| {
        let name = as_received(&name.decoded());
        match places.get(&name) {
            Some(place) => members[*place].1 = value,
            None => {
                places.insert(name.clone(), members.len());
                members.push((name, value));
            }
        }
    });
    members
}

/// Returns whether `value` matches the scalar type `of`. Returns `false` if `of` is not a scalar type.
fn scalar_fits(of: &Type, value: Raw<'_>) -> bool {
    match (of, value.kind()) {
        (Type::Null, Kind::Null)
        | (Type::Boolean, Kind::True | Kind::False)
        | (Type::Bytes | Type::String | Type::Decimal, Kind::String) => true,
        (Type::Int | Type::IntTime, Kind::Number) => is_whole(value, -2_147_483_648.0, 2_147_483_648.0),
        (Type::Long | Type::LongTime, Kind::Number) => {
            is_whole(value, -9_223_372_036_854_775_808.0, 9_223_372_036_854_775_808.0)
        }
        (Type::Float, Kind::Number) => number(value).is_some_and(|number| number.abs() <= f64::from(f32::MAX)),
        (Type::Double, Kind::Number) => number(value).is_some_and(f64::is_finite),
        (Type::Enum(symbols), Kind::String) => symbols.contains(&text(value)),
        (Type::Fixed { size, .. }, Kind::String) => text(value).len() == *size,
        _ => false,
    }
}

/// Returns whether a string is a number written as text.
fn is_decimal_text(value: Raw<'_>) -> bool {
    text(value).parse::<f64>().is_ok_and(f64::is_finite)
}

fn text(value: Raw<'_>) -> String {
    value.as_string().map(|text| as_received(&text.decoded())).unwrap_or_default()
}

fn number(value: Raw<'_>) -> Option<f64> {
    value.text().parse().ok()
}

/// Returns whether a number is an integer from `from` (inclusive) to `below` (exclusive).
fn is_whole(value: Raw<'_>, from: f64, below: f64) -> bool {
    number(value).is_some_and(|number| number.fract() == 0.0 && (from..below).contains(&number))
}
