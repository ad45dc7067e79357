//! Whether a message fits a schema, in Avro's JSON form, which the producer reads messages in.
//!
//! In that form the message must have exactly the fields of the schema: one that the schema lacks is an error, as is one that the
//! message lacks where the schema has no default. A union's value names its branch: `{"string": "x"}`.

use std::collections::HashMap;

use super::default::wanted;
use super::schema::{Record, Schema, Type, TypeId, Union};
use crate::check::config::kind;
use crate::check::finding::{quoted, step};
use crate::transform::json::{Kind, Raw};

/// The most mismatches that are reported for one message; the search ends there.
pub const MAX_MISMATCHES: usize = 20;

/// The deepest level of a message that is compared with its schema.
const MAX_DEPTH: usize = 128;

/// The longest pointer of a mismatch; a longer one ends with `…`.
const MAX_POINTER_BYTES: usize = 500;

/// The most branches of a union that are named.
const MAX_BRANCHES: usize = 5;

/// A place where a message does not fit its schema. The producer aborts such an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the message: an RFC 6901 pointer.
    pub pointer: String,
    /// What is wrong, without any value of the message. Lower case, no final stop.
    pub text: String,
}

/// Compares a message with its schema: at most [`MAX_MISMATCHES`] places where it does not fit, none where the producer can encode it.
/// Numbers count as rudder-server prints them, so that `1.0` is the int 1. Time grows in proportion to the message.
#[must_use]
pub fn mismatches(schema: &Schema, message: Raw<'_>) -> Vec<Mismatch> {
    let mut comparison = Comparison { schema, path: Vec::new(), found: Vec::new() };
    comparison.compare(schema.root(), message);
    comparison.found
}

/// One step from a value to one within it.
enum Within {
    Name(String),
    Index(usize),
}

struct Comparison<'s> {
    schema: &'s Schema,
    /// Where the comparison is. Pointers are made of it for mismatches only: one for each value would cost the length of each path.
    path: Vec<Within>,
    found: Vec<Mismatch>,
}

impl Comparison<'_> {
    fn is_full(&self) -> bool {
        self.found.len() >= MAX_MISMATCHES
    }

    fn add(&mut self, text: impl Into<String>) {
        if self.is_full() {
            return;
        }
        let mut pointer = String::new();
        for within in &self.path {
            match within {
                Within::Name(name) => pointer = step(&pointer, name),
                Within::Index(index) => pointer = format!("{pointer}/{index}"),
            }
            if pointer.len() > MAX_POINTER_BYTES {
                pointer = pointer.chars().take(MAX_POINTER_BYTES).collect();
                pointer.push('…');
                break;
            }
        }
        self.found.push(Mismatch { pointer, text: text.into() });
    }

    fn compare_within(&mut self, within: Within, of: TypeId, value: Raw<'_>) {
        if !self.is_full() {
            self.path.push(within);
            self.compare(of, value);
            self.path.pop();
        }
    }

    fn compare(&mut self, of: TypeId, value: Raw<'_>) {
        if self.path.len() > MAX_DEPTH {
            return self.add(format!("levels deeper than {MAX_DEPTH} are not compared with the schema"));
        }
        let schema = self.schema;
        let fits = match (schema.get(of), value.kind()) {
            (Type::Null, Kind::Null)
            | (Type::Boolean, Kind::True | Kind::False)
            | (Type::Float | Type::Double, Kind::Null)
            | (Type::Bytes | Type::String | Type::Decimal, Kind::String) => true,
            (Type::Int | Type::IntTime, Kind::Number) => is_whole(value, -2_147_483_648.0, 2_147_483_648.0),
            (Type::Long | Type::LongTime, Kind::Number) => {
                is_whole(value, -9_223_372_036_854_775_808.0, 9_223_372_036_854_775_808.0)
            }
            (Type::Float, Kind::Number) => number(value).is_some_and(|number| number.abs() <= f64::from(f32::MAX)),
            (Type::Double, Kind::Number) => number(value).is_some_and(f64::is_finite),
            (Type::Enum(symbols), Kind::String) => symbols.contains(&text(value)),
            (Type::Fixed { size, .. }, Kind::String) => text(value).len() == *size,
            (Type::Array(items), Kind::Array) => {
                let mut index = 0;
                value.for_each_element(|element| {
                    self.compare_within(Within::Index(index), *items, element);
                    index += 1;
                });
                true
            }
            (Type::Map(values), Kind::Object) => {
                value.for_each_member(|name, member| {
                    if !self.is_full() {
                        let name = String::from_utf8_lossy(&name.decoded()).into_owned();
                        self.compare_within(Within::Name(name), *values, member);
                    }
                });
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
            _ => false,
        };
        if !fits {
            let text = format!("the schema wants {}; the event has {}", self.wanted(of), kind(value));
            self.add(text);
        }
    }

    fn wanted(&self, of: TypeId) -> String {
        match self.schema.get(of) {
            Type::Enum(_) => format!("a symbol of the enum {}", quoted(self.schema.name(of))),
            Type::Fixed { size, .. } => format!("a string of {size} bytes"),
            Type::Record(_) => format!("the record {} (an object)", quoted(self.schema.name(of))),
            other => wanted(other).to_owned(),
        }
    }

    fn record(&mut self, record: &Record, value: Raw<'_>) {
        // rudder-server prints each name once, with its last value.
        let mut given: Vec<(usize, Raw<'_>)> = Vec::new();
        let mut seen: HashMap<usize, usize> = HashMap::new();
        let mut required = 0;
        value.for_each_member(|name, member| {
            if self.is_full() {
                return;
            }
            let name = String::from_utf8_lossy(&name.decoded()).into_owned();
            let Some(index) = record.field(&name) else {
                let text = format!("the schema has no field {}", quoted(&name));
                self.path.push(Within::Name(name));
                self.add(text);
                self.path.pop();
                return;
            };
            if let Some(at) = seen.get(&index) {
                given[*at].1 = member;
                return;
            }
            required += usize::from(!record.fields[index].has_default);
            seen.insert(index, given.len());
            given.push((index, member));
        });
        for (index, member) in given {
            let field = &record.fields[index];
            self.compare_within(Within::Name(field.name.clone()), field.of, member);
        }
        if required < record.required {
            for (index, field) in record.fields.iter().enumerate() {
                if !field.has_default && !seen.contains_key(&index) {
                    let name = quoted(&field.name);
                    self.add(format!("the field {name} of the schema is missing, and it has no default"));
                }
                if self.is_full() {
                    return;
                }
            }
        }
    }

    fn union(&mut self, union: &Union, value: Raw<'_>) {
        if value.is_null() && union.has_null {
            return;
        }
        let mut branch = None;
        let mut members = 0;
        value.for_each_member(|name, member| {
            members += 1;
            let name = String::from_utf8_lossy(&name.decoded()).into_owned();
            branch = union.branch(&name).map(|of| (of, name, member));
        });
        match branch.filter(|_| members == 1) {
            Some((of, name, member)) => self.compare_within(Within::Name(name), of, member),
            None => {
                let is = if value.is_object() { "an object that names no branch" } else { kind(value) };
                let text = format!("the schema has a union: write {}, not {is}", self.examples(union, value));
                self.add(text);
            }
        }
    }

    /// How a value of this union is written; the branch that the value fits first, if there is one.
    fn examples(&self, union: &Union, value: Raw<'_>) -> String {
        let mut forms: Vec<(bool, String)> = Vec::new();
        for branch in union.branches.iter().take(MAX_BRANCHES) {
            let fits = match (self.schema.get(*branch), value.kind()) {
                (Type::Null, _) => {
                    forms.push((value.is_null(), "null".to_owned()));
                    continue;
                }
                (Type::String | Type::Enum(_) | Type::Bytes, Kind::String)
                | (Type::Boolean, Kind::True | Kind::False)
                | (Type::Int | Type::Long | Type::Float | Type::Double, Kind::Number)
                | (Type::IntTime | Type::LongTime, Kind::Number)
                | (Type::Array(_), Kind::Array)
                | (Type::Record(_) | Type::Map(_), Kind::Object) => true,
                _ => false,
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

/// The most characters of a branch's name that are shown.
const MAX_NAME: usize = 80;

fn text(value: Raw<'_>) -> String {
    crate::check::config::text_of(value).unwrap_or_default()
}

fn number(value: Raw<'_>) -> Option<f64> {
    value.text().parse().ok()
}

/// Whether a number is printed without fraction and exponent, and is within the bounds.
fn is_whole(value: Raw<'_>, from: f64, below: f64) -> bool {
    number(value).is_some_and(|number| number.fract() == 0.0 && (from..below).contains(&number))
}
