//! Parses the types of a schema in the same order as goavro. The order matters, because a type may refer only to types
//! that were parsed earlier.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::default;
use super::name::{Name, is_name, not_a_name};
use super::schema::{Field, MAX_SCHEMA_BYTES, Record, Schema, Type, TypeId, Union, Unusable};
use json::invalid::not_json;
use json::text::quoted;

/// The predefined types, by name.
const KNOWN: [(&str, Type); 13] = [
    ("null", Type::Null),
    ("boolean", Type::Boolean),
    ("int", Type::Int),
    ("long", Type::Long),
    ("float", Type::Float),
    ("double", Type::Double),
    ("bytes", Type::Bytes),
    ("string", Type::String),
    ("int.date", Type::IntTime),
    ("int.time-millis", Type::IntTime),
    ("long.time-micros", Type::LongTime),
    ("long.timestamp-millis", Type::LongTime),
    ("long.timestamp-micros", Type::LongTime),
];

impl Schema {
    /// Parses the text of a schema. Time and memory are linear in the size of the text.
    ///
    /// # Errors
    /// [`Unusable`] if the producer rejects the schema, or if the schema cannot be checked here.
    pub fn parse(text: &str) -> Result<Self, Unusable> {
        if text.len() > MAX_SCHEMA_BYTES {
            let why = format!("the schema has {} bytes; the limit is {MAX_SCHEMA_BYTES} bytes", text.len());
            return Err(Unusable::NotChecked(why));
        }
        // serde_json limits the nesting depth, and therefore the recursion of all functions here.
        let json: Value = serde_json::from_str(text).map_err(|error| unreadable(text, &error))?;
        let mut builder = Builder::new();
        let root = builder.any(&json, "")?;
        let (types, names) = builder.into_types();
        Ok(Self { types, names, root })
    }
}

fn unreadable(text: &str, error: &serde_json::Error) -> Unusable {
    let message = error.to_string();
    match not_json(text) {
        Some(why) => Unusable::Invalid(format!("it is not JSON: {why}")),
        None if message.starts_with("recursion limit") => {
            Unusable::NotChecked("the schema is nested deeper than 127 levels".to_owned())
        }
        None if message.starts_with("number out of range") => Unusable::invalid("it has a number that is too large"),
        None => Unusable::NotChecked("the schema has a string with a lone surrogate".to_owned()),
    }
}

/// A schema that is being parsed.
pub(super) struct Builder {
    types: Vec<Type>,
    names: Vec<String>,
    /// The types to which the rest of the schema can refer, by full name.
    defined: HashMap<String, TypeId>,
}

impl Builder {
    pub(super) fn new() -> Self {
        let mut builder = Self { types: Vec::new(), names: Vec::new(), defined: HashMap::new() };
        for (name, known) in KNOWN {
            let id = builder.add(known, name);
            builder.defined.insert(name.to_owned(), id);
        }
        builder
    }

    /// Returns the types and, for each type, the name by which values of unions refer to the type.
    pub(super) fn into_types(self) -> (Vec<Type>, Vec<String>) {
        (self.types, self.names)
    }

    fn add(&mut self, one: Type, name: &str) -> TypeId {
        self.types.push(one);
        self.names.push(name.to_owned());
        self.types.len() - 1
    }

    /// Adds a named type. Its own fields, and all types that are parsed later, can refer to it.
    fn define(&mut self, one: Type, name: &Name) -> TypeId {
        let id = self.add(one, name.full());
        self.defined.insert(name.full().to_owned(), id);
        id
    }

    pub(super) fn any(&mut self, schema: &Value, enclosing: &str) -> Result<TypeId, Unusable> {
        match schema {
            Value::String(name) => self.named(name, &Map::new(), enclosing),
            Value::Object(object) => self.object(object, enclosing),
            Value::Array(branches) => self.union(branches, enclosing),
            _ => Err(Unusable::invalid("the type is neither a name nor an object nor a union")),
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, enclosing: &str) -> Result<TypeId, Unusable> {
        match schema.get("type") {
            None => Err(Unusable::invalid("it has no type")),
            Some(Value::String(name)) => self.named(name, schema, enclosing),
            Some(within @ (Value::Object(_) | Value::Array(_))) => self.any(within, enclosing),
            Some(_) => Err(Unusable::invalid("its type is neither a name nor an object nor a union")),
        }
    }

    /// Returns the type called `name`: a logical type, an existing type, or a type that `schema` defines.
    fn named(&mut self, name: &str, schema: &Map<String, Value>, enclosing: &str) -> Result<TypeId, Unusable> {
        if let Some(Value::String(logical)) = schema.get("logicalType") {
            match (name, logical.as_str()) {
                ("bytes", "decimal") => {
                    precision(schema)?;
                    return Ok(self.add(Type::Decimal, "bytes.decimal"));
                }
                ("fixed", "decimal") => {
                    precision(schema)?;
                    return self.fixed(schema, enclosing, true);
                }
                ("string", "validated-string") => {
                    return Err(Unusable::invalid("the producer cannot use the logical type validated-string"));
                }
                _ => {
                    if let Some(id) = self.defined.get(&format!("{name}.{logical}")) {
                        return Ok(*id);
                    }
                }
            }
        }
        let in_namespace = || self.defined.get(&format!("{enclosing}.{name}"));
        if let Some(id) = self.defined.get(name).or_else(in_namespace) {
            return Ok(*id);
        }
        match name {
            "array" => self.list(schema, enclosing, "items", Type::Array, "array"),
            "map" => self.list(schema, enclosing, "values", Type::Map, "map"),
            "enum" => self.enumeration(schema, enclosing),
            "fixed" => self.fixed(schema, enclosing, false),
            "record" => self.record(schema, enclosing),
            "bytes.decimal" => {
                precision(schema)?;
                Ok(self.add(Type::Decimal, "bytes.decimal"))
            }
            _ => Err(Unusable::Invalid(format!("the type {} is not defined", quoted(name)))),
        }
    }

    fn list(
        &mut self,
        schema: &Map<String, Value>,
        enclosing: &str,
        member: &str,
        of: fn(TypeId) -> Type,
        name: &str,
    ) -> Result<TypeId, Unusable> {
        let within = schema.get(member).ok_or_else(|| Unusable::Invalid(format!("the {name} has no {member}")))?;
        let id = self.any(within, enclosing).map_err(|problem| problem.within(member))?;
        Ok(self.add(of(id), name))
    }

    fn enumeration(&mut self, schema: &Map<String, Value>, enclosing: &str) -> Result<TypeId, Unusable> {
        let name = Name::of(schema, enclosing)?;
        let symbols = match schema.get("symbols") {
            Some(Value::Array(symbols)) if !symbols.is_empty() => symbols,
            _ => return Err(Unusable::Invalid(format!("the enum {} has no symbols", quoted(name.full())))),
        };
        let mut known = HashSet::new();
        for symbol in symbols {
            match symbol.as_str() {
                Some(symbol) if is_name(symbol) => known.insert(symbol.to_owned()),
                Some(symbol) => return Err(Unusable::invalid(not_a_name(symbol))),
                None => {
                    let why = format!("a symbol of the enum {} is not a string", quoted(name.full()));
                    return Err(Unusable::Invalid(why));
                }
            };
        }
        Ok(self.define(Type::Enum(known), &name))
    }

    fn fixed(&mut self, schema: &Map<String, Value>, enclosing: &str, is_decimal: bool) -> Result<TypeId, Unusable> {
        let size = match schema.get("size") {
            Some(Value::Number(size)) => size.as_f64(),
            Some(Value::String(size)) => size.parse::<u32>().ok().map(f64::from),
            _ => None,
        };
        // If the size has a fraction, it is truncated to an integer, as in the producer.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 2^31")]
        let size = match size {
            Some(size) if (1.0..=2_147_483_647.0).contains(&size) => size as usize,
            _ => return Err(Unusable::invalid("the size of a fixed is not a number greater than zero")),
        };
        let fixed = Type::Fixed { size, is_decimal };
        match Name::of(schema, enclosing) {
            Ok(name) => Ok(self.define(fixed, &name)),
            // Unlike other fixed types, a fixed type for decimals needs no name.
            Err(_) if is_decimal && !schema.contains_key("name") => Ok(self.add(fixed, "fixed.decimal")),
            Err(problem) => Err(problem),
        }
    }

    fn record(&mut self, schema: &Map<String, Value>, enclosing: &str) -> Result<TypeId, Unusable> {
        let name = Name::of(schema, enclosing)?;
        let Some(Value::Array(fields)) = schema.get("fields") else {
            return Err(Unusable::Invalid(format!("the record {} has no fields", quoted(name.full()))));
        };
        let id = self.define(Type::Record(Record::default()), &name);
        let mut record = Record::default();
        for field in fields {
            let Value::Object(field) = field else {
                return Err(Unusable::Invalid(format!("a field of {} is not an object", quoted(name.full()))));
            };
            let called = field.get("name").and_then(Value::as_str).unwrap_or_default();
            let read = self.field(field, name.namespace(), &mut record);
            read.map_err(|problem| problem.within(&format!("the field {}", quoted(called))))?;
        }
        record.is_complete = true;
        self.types[id] = Type::Record(record);
        Ok(id)
    }

    fn field(&mut self, field: &Map<String, Value>, namespace: &str, record: &mut Record) -> Result<(), Unusable> {
        let of = self.object(field, namespace)?;
        let name = Name::of(field, namespace)?.short().to_owned();
        if record.by_name.insert(name.clone(), record.fields.len()).is_some() {
            return Err(Unusable::invalid("an earlier field has the same name"));
        }
        let default = field.get("default");
        if let Some(value) = default {
            default::check(&self.types, of, value).map_err(Unusable::Invalid)?;
        }
        if default.is_none() {
            record.required.push(record.fields.len());
        }
        record.fields.push(Field { name, of, has_default: default.is_some() });
        Ok(())
    }

    fn union(&mut self, branches: &[Value], enclosing: &str) -> Result<TypeId, Unusable> {
        if branches.is_empty() {
            return Err(Unusable::invalid("a union has no branches"));
        }
        let mut union = Union { branches: Vec::new(), by_name: HashMap::new(), has_null: false };
        for branch in branches {
            let id = self.any(branch, enclosing)?;
            if union.by_name.insert(self.names[id].clone(), id).is_some() {
                return Err(Unusable::Invalid(format!("a union has the type {} twice", quoted(&self.names[id]))));
            }
            union.has_null |= matches!(self.types[id], Type::Null);
            union.branches.push(id);
        }
        Ok(self.add(Type::Union(union), "union"))
    }
}

/// Checks `precision` and `scale` of a decimal. The precision must be at least 1. The scale must be between 0 and the
/// precision.
fn precision(schema: &Map<String, Value>) -> Result<(), Unusable> {
    let number = |name: &str| match schema.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64().map(f64::trunc) {
            Some(number) if number.abs() < 9e18 => Ok(Some(number)),
            _ => Err(Unusable::Invalid(format!("the {name} of a decimal is not a number"))),
        },
    };
    let Some(precision) = number("precision")? else {
        return Err(Unusable::invalid("a decimal has no precision"));
    };
    if precision < 1.0 {
        return Err(Unusable::Invalid(format!(
            "the precision of a decimal is {precision}, but must be greater than zero"
        )));
    }
    match number("scale")? {
        Some(scale) if scale < 0.0 => Err(Unusable::Invalid(format!("the scale of a decimal is {scale}, below 0"))),
        Some(scale) if scale > precision => {
            Err(Unusable::Invalid(format!("the scale of a decimal is {scale}, above its precision {precision}")))
        }
        _ => Ok(()),
    }
}
