//! Avro schemas, as goavro parses them.
//!
//! goavro differs from the specification. It accepts a record, enum, array or map written directly in a field, and
//! ignores aliases. A later type replaces an earlier one of the same name. Each default is encoded when the schema is
//! parsed.
//!
//! Types are kept in a list and refer to each other by index, so memory is linear in the size of the schema's text.

use std::collections::{HashMap, HashSet};

/// The maximum size of a schema, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 1 << 20;

/// The maximum length of an error, in bytes, to which the surrounding part of the schema is added.
const MAX_PATH: usize = 200;

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// The producer rejects the schema, for this reason.
    Invalid(String),
    /// The schema exceeds a limit of the check, so the producer's verdict is unknown.
    NotChecked(String),
}

impl Unusable {
    pub(super) fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid(why.into())
    }

    /// Adds to an error the part of the schema in which the error was found.
    pub(super) fn within(self, part: &str) -> Self {
        match self {
            Self::Invalid(why) if why.len() > MAX_PATH => Self::Invalid(why),
            Self::Invalid(why) => Self::Invalid(format!("{part}: {why}")),
            not_checked @ Self::NotChecked(_) => not_checked,
        }
    }
}

/// The index of a type in the list of a schema.
pub(super) type TypeId = usize;

/// A type.
#[derive(Debug)]
pub(super) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    /// A date or time that is encoded as an int.
    IntTime,
    /// A date or time that is encoded as a long.
    LongTime,
    /// A decimal number in bytes.
    Decimal,
    Array(TypeId),
    Map(TypeId),
    Enum(HashSet<String>),
    Fixed {
        size: usize,
        is_decimal: bool,
    },
    Record(Record),
    Union(Union),
}

/// A record.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) fields: Vec<Field>,
    pub(super) by_name: HashMap<String, usize>,
    /// The indexes of the fields without a default.
    pub(super) required: Vec<usize>,
    /// Whether all fields have been parsed.
    pub(super) is_complete: bool,
}

impl Record {
    /// Returns the index of the field with this name.
    pub(super) fn field(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

/// A field of a record.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) of: TypeId,
    pub(super) has_default: bool,
}

/// A union. A value names its branch, as in `{"string": "x"}`, unless it is null.
#[derive(Debug)]
pub(super) struct Union {
    pub(super) branches: Vec<TypeId>,
    pub(super) by_name: HashMap<String, TypeId>,
    pub(super) has_null: bool,
}

impl Union {
    /// Returns the branch with this name.
    pub(super) fn branch(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }
}

/// A schema.
#[derive(Debug)]
pub struct Schema {
    pub(super) types: Vec<Type>,
    /// The name of each type in the value of a union.
    pub(super) names: Vec<String>,
    pub(super) root: TypeId,
}

impl Schema {
    /// The type of the whole message.
    pub(super) fn root(&self) -> TypeId {
        self.root
    }

    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id]
    }

    /// Returns the name of a type in the value of a union and in mismatches.
    pub(super) fn name(&self, id: TypeId) -> &str {
        &self.names[id]
    }

    /// Whether the schema is a record or a map. No other schema fits a message, which is a JSON object.
    #[must_use]
    pub fn takes_objects(&self) -> bool {
        matches!(self.get(self.root), Type::Record(_) | Type::Map(_))
    }

    /// Returns the names of record fields whose value must name a branch of a union.
    pub fn union_fields(&self) -> impl Iterator<Item = &str> {
        let needs_branch = |field: &&Field| match self.get(field.of) {
            Type::Union(union) => union.branches.iter().any(|branch| !matches!(self.get(*branch), Type::Null)),
            _ => false,
        };
        let records = self.types.iter().filter_map(|one| match one {
            Type::Record(record) => Some(record),
            _ => None,
        });
        records.flat_map(|record| &record.fields).filter(needs_branch).map(|field| field.name.as_str())
    }
}
