//! Avro schemas, as goavro parses them.
//!
//! goavro differs from the specification: it accepts a record, enum, array or map written directly in a field, and ignores
//! aliases. A later type replaces an earlier one of the same name, and each default is encoded when the schema is read.
//! Types are kept in a list and refer to each other by index, so memory grows in proportion to the schema's text.

use std::collections::{HashMap, HashSet};

/// The maximum size of a schema, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 1 << 20;

/// The maximum length of a path in a message, in characters.
const MAX_PATH: usize = 200;

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// The producer rejects it, for this reason.
    Invalid(String),
    /// It exceeds a limit of the check, so that the producer's verdict is not known.
    NotChecked(String),
}

impl Unusable {
    pub(super) fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid(why.into())
    }

    /// The same, found within a part of the schema.
    pub(super) fn within(self, part: &str) -> Self {
        match self {
            Self::Invalid(why) if why.len() > MAX_PATH => Self::Invalid(why),
            Self::Invalid(why) => Self::Invalid(format!("{part}: {why}")),
            not_checked @ Self::NotChecked(_) => not_checked,
        }
    }
}

/// A type, by its index in the list of a schema.
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
    /// A date or a time, which is an int.
    IntTime,
    /// A date or a time, which is a long.
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
    /// The indexes of the fields that have no default.
    pub(super) required: Vec<usize>,
    /// Whether all of its fields have been read.
    pub(super) is_complete: bool,
}

impl Record {
    /// The index of the field with this name.
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

/// A union: a value names its branch, as in `{"string": "x"}`, unless it is null.
#[derive(Debug)]
pub(super) struct Union {
    pub(super) branches: Vec<TypeId>,
    pub(super) by_name: HashMap<String, TypeId>,
    pub(super) has_null: bool,
}

impl Union {
    /// The branch with this name.
    pub(super) fn branch(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }
}

/// A schema.
#[derive(Debug)]
pub struct Schema {
    pub(super) types: Vec<Type>,
    /// The name of each type in a union's value.
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

    /// The name of a type in a union's value and in messages.
    pub(super) fn name(&self, id: TypeId) -> &str {
        &self.names[id]
    }

    /// Whether a message, which is a JSON object, can have this schema: a record or a map.
    #[must_use]
    pub fn takes_objects(&self) -> bool {
        matches!(self.get(self.root), Type::Record(_) | Type::Map(_))
    }

    /// The names of record fields whose value must name a branch of a union.
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
