//! Checks the defaults of fields. A default must match the type of its field. If the type is a union, the default must
//! match the union's first branch.

use serde_json::Value;

use super::schema::{Type, TypeId};

/// Checks whether `value` is a valid default for a field of type `of`. The time is linear in the size of `value`.
///
/// # Errors
/// Returns the reason why the producer cannot encode the default.
pub(super) fn check(types: &[Type], of: TypeId, value: &Value) -> Result<(), String> {
    match &types[of] {
        // If the type of the field is int or long, the producer truncates any number to an integer. It does not
        // truncate numbers inside an array, object or union.
        Type::Int | Type::Long if value.is_number() => Ok(()),
        Type::Decimal if value.is_string() => Ok(()),
        Type::Union(union) => {
            // The producer treats the string "null" as null if it is the default of a union.
            let value = if value.as_str() == Some("null") { &Value::Null } else { value };
            encode(types, union.branches[0], value)
                .map_err(|why| format!("the default of a union must match its first branch: {why}"))
        }
        _ => encode(types, of, value).map_err(|why| format!("the default does not match the type: {why}")),
    }
}

fn encode(types: &[Type], of: TypeId, value: &Value) -> Result<(), String> {
    let fits = match (&types[of], value) {
        (Type::Null, Value::Null)
        | (Type::Boolean, Value::Bool(_))
        | (Type::Float | Type::Double, Value::Number(_))
        | (Type::Bytes | Type::String, Value::String(_)) => true,
        (Type::Int | Type::IntTime, Value::Number(number)) => is_whole(number, -2_147_483_648.0, 2_147_483_648.0),
        (Type::Long | Type::LongTime, Value::Number(number)) => is_whole(number, -TWO_TO_THE_63RD, TWO_TO_THE_63RD),
        (Type::Array(items), Value::Array(elements)) => {
            elements.iter().try_for_each(|element| encode(types, *items, element))?;
            true
        }
        (Type::Map(values), Value::Object(members)) => {
            members.values().try_for_each(|member| encode(types, *values, member))?;
            true
        }
        (Type::Enum(symbols), Value::String(symbol)) => symbols.contains(symbol),
        (Type::Fixed { size, is_decimal: false }, Value::String(text)) => text.len() == *size,
        (Type::Record(record), Value::Object(members)) => {
            if !record.is_complete {
                return Err("the type is a record whose fields are not all defined yet".to_owned());
            }
            let mut present = 0;
            for (name, member) in members {
                // If a default has a field that is not in the schema, the producer ignores this field.
                let Some(field) = record.field(name).map(|index| &record.fields[index]) else { continue };
                present += usize::from(!field.has_default);
                encode(types, field.of, member)?;
            }
            if present < record.required.len() {
                return Err("a field of the record is missing and has no default".to_owned());
            }
            true
        }
        (Type::Union(union), Value::Null) => union.has_null,
        (Type::Union(union), Value::Object(members)) if members.len() == 1 => {
            for (name, member) in members {
                let branch = union.branch(name).ok_or("the value refers to a branch that the union does not have")?;
                encode(types, branch, member)?;
            }
            true
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("{} is not {}", kind(value), wanted(&types[of]))) }
}

const TWO_TO_THE_63RD: f64 = 9_223_372_036_854_775_808.0;

fn is_whole(number: &serde_json::Number, from: f64, below: f64) -> bool {
    number.as_f64().is_some_and(|number| number.fract() == 0.0 && (from..below).contains(&number))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "the number",
        Value::String(_) => "the string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Returns a description of a type.
pub(super) fn wanted(one: &Type) -> &'static str {
    match one {
        Type::Null => "null",
        Type::Boolean => "a boolean",
        Type::Int | Type::IntTime => "an int",
        Type::Long | Type::LongTime => "a long",
        Type::Float => "a float",
        Type::Double => "a double",
        Type::Bytes => "bytes (a string)",
        Type::String => "a string",
        Type::Decimal => "a decimal (bytes in a string)",
        Type::Array(_) => "an array",
        Type::Map(_) => "a map (an object)",
        Type::Enum(_) => "a symbol of the enum",
        Type::Fixed { .. } => "a string of the fixed size",
        Type::Record(_) => "a record (an object)",
        Type::Union(_) => "a union's value",
    }
}
