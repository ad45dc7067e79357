//! Evaluated values: their size, their properties, and their conversion to text.

use serde_json::Value;

use super::limits::BYTES_PER_COST;
use super::scalar;

/// The value of an expression. `None` means `undefined`, which JSON does not have.
pub(super) type Evaluated = Option<Value>;

/// A value that several places can share, stored together with its size.
pub(super) struct Shared {
    pub(super) value: Evaluated,
    /// The number of nested levels.
    pub(super) depth: usize,
    /// The cost of each use, see [`MAX_COST`](super::limits::MAX_COST).
    pub(super) cost: usize,
}

impl Shared {
    pub(super) fn new(value: Evaluated) -> Self {
        let (cost, depth) = value.as_ref().map_or((0, 0), measure);
        Self { value, depth, cost }
    }
}

/// Returns the cost and the nesting depth of a value. The evaluator has already limited the depth.
pub(super) fn measure(value: &Value) -> (usize, usize) {
    let mut cost = 1;
    let mut depth = 0;
    let mut add = |(inner, levels): (usize, usize), name: usize| {
        cost += inner + name;
        depth = depth.max(levels);
    };
    match value {
        Value::String(text) => add((text.len() / BYTES_PER_COST, 0), 0),
        Value::Array(values) => values.iter().for_each(|value| add(measure(value), 0)),
        Value::Object(properties) => {
            properties.iter().for_each(|(name, value)| add(measure(value), name.len() / BYTES_PER_COST))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    (cost, depth + 1)
}

/// Returns a property of a value. Returns `Some(None)` if the property is missing, and `None` if the value cannot have
/// properties.
pub(super) fn property_of<'v>(value: Option<&'v Value>, key: &str) -> Option<Option<&'v Value>> {
    match value {
        Some(Value::Object(properties)) => Some(properties.get(key)),
        Some(Value::Array(_)) if key == "length" => None,
        Some(Value::Array(values)) => Some(key.parse::<usize>().ok().and_then(|index| values.get(index))),
        _ => None,
    }
}

/// Converts a string, number or boolean to text as `String(value)` does. Returns `None` for any other value.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_f64().map(scalar::property_name),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
