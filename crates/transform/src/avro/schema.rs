//! Avro schemas, as goavro parses them.
//!
//! goavro differs from the Avro specification. It accepts a field object that itself contains the definition of a
//! record, enum, array or map, and it ignores aliases. A later type replaces an earlier type of the same name. goavro
//! encodes each default while it parses the schema.
//!
//! Types are kept in a list and refer to each other by index, so memory is linear in the size of the schema's text.

use std::collections::{HashMap, HashSet};

/// The maximum size of a schema, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 1 << 20;

/// The maximum length, in bytes, of an error to which [`Unusable::within`] adds the name of a part.
const MAX_PATH: usize = 200;

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// The producer rejects the schema. The text is the reason.
    Invalid(String),
    /// The schema cannot be checked here, for example because it exceeds a limit. The producer's verdict is therefore
    /// unknown. The text is the reason.
    NotChecked(String),
}

impl Unusable {
    pub(super) fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid(why.into())
    }

    /// Adds `part` to the text of an error. `part` is a name for the part of the schema in which the error was found.
    pub(super) fn within(self, part: &str) -> Self {
        match self {
            Self::Invalid(why) if why.len() > MAX_PATH => Self::Invalid(why),
            Self::Invalid(why) => Self::Invalid(format!("{part}: {why}")),
            not_checked @ Self::NotChecked(_) => not_checked,
        }
    }
}

/// The index of a type in its schema's list of types.
pub(super) type TypeId = usize;

/// An Avro type.
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
    /// A decimal number that is encoded as bytes.
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

/// A record type.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) fields: Vec<Field>,
    pub(super) by_name: HashMap<String, usize>,
    /// The indexes in `fields` of the fields without a default.
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

/// A union type. A value of the union names its branch, as in `{"string": "x"}`, unless the value is null.
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

/// A parsed Avro schema.
#[derive(Debug)]
pub struct Schema {
    pub(super) types: Vec<Type>,
    /// For each type, the name by which values of unions refer to the type.
    pub(super) names: Vec<String>,
    pub(super) root: TypeId,
}

impl Schema {
    /// Returns the index of the type of the whole message.
    pub(super) fn root(&self) -> TypeId {
        self.root
    }

    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id]
    }

    /// Returns the name of a type. Values of unions and the texts of mismatches refer to the type by this name.
    pub(super) fn name(&self, id: TypeId) -> &str {
        &self.names[id]
    }

    /// Whether the schema is a record or a map. Only such a schema fits a message, because a message is a JSON object.
    #[must_use]
    pub fn takes_objects(&self) -> bool {
        matches!(self.get(self.root), Type::Record(_) | Type::Map(_))
    }

    /// Returns the names of the record fields whose values must name a branch of a union.
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
