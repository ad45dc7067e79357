//! Checks the Avro settings of a destination: which schemas it has, and whether the producer can read them.

use std::collections::HashMap;

use super::code::Code;
use super::config::{Config, kind, member, text_of};
use super::destination::Avro;
use super::finding::{Findings, quoted, step};
use json::raw::{Kind, Raw};
use transform::avro::schema::{Schema, Unusable};

/// The maximum number of fields with a union type that one finding lists.
const MOST_NAMED: usize = 5;

/// Reads the settings of the message format. If they are unusable, reports a finding and returns `None`.
pub fn read(config: &Config<'_>, findings: &mut Findings) -> Option<Avro> {
    let (convert, embed) = (config.flag("convertToAvro")?, config.flag("embedAvroSchemaID")?);
    let schemas = config.list("avroSchemas");
    if !convert {
        if let Some((_, pointer)) = config.raw("embedAvroSchemaID").filter(|_| embed) {
            findings.note(Code::AvroEmbedUnused, pointer);
        }
        if let Some((_, pointer)) =
            config.raw("avroSchemas").filter(|_| schemas.iter().any(|(entry, _)| is_filled_in(*entry)))
        {
            findings.note(Code::AvroSchemasUnused, pointer);
        }
    } else if schemas.is_empty() {
        let pointer = config.raw("avroSchemas").map_or_else(|| config.pointer.to_owned(), |(_, pointer)| pointer);
        findings.note(Code::AvroSchemasMissing, pointer);
    }
    let mut ids = HashMap::new();
    let mut are_typed = true;
    for (entry, pointer) in schemas {
        // The types are checked even if convertToAvro is off, because the producer decodes all entries before it reads
        // convertToAvro. The producer treats null as an empty entry.
        if !entry.is_object() && !entry.is_null() {
            findings.add(
                Code::FieldWrongType,
                pointer,
                format!("an entry of avroSchemas is {}, not an object", kind(entry)),
            );
            are_typed = false;
            continue;
        }
        let id = typed(entry, "schemaId", &pointer, &mut are_typed, findings);
        let schema = typed(entry, "schema", &pointer, &mut are_typed, findings);
        if convert {
            check_id(id, &pointer, embed, &mut ids, findings);
            check_schema(schema, &pointer, findings);
        }
    }
    are_typed.then_some(Avro { convert, embed_schema_id: convert && embed })
}

/// The value of a field in an entry of `avroSchemas`.
enum FieldValue {
    Absent,
    WrongType,
    Given(String, String),
}

/// Reads a string field of an entry, and reports a value that is not a string.
fn typed(entry: Raw<'_>, name: &str, pointer: &str, are_typed: &mut bool, findings: &mut Findings) -> FieldValue {
    let Some((name, value)) = member(entry, name).filter(|(_, value)| !value.is_null()) else {
        return FieldValue::Absent;
    };
    let pointer = step(pointer, &name);
    if let Some(text) = text_of(value) {
        return FieldValue::Given(text, pointer);
    }
    let as_text =
        if value.kind() == Kind::Object { "; write the schema as a string, with its quotes escaped" } else { "" };
    findings.add(Code::FieldWrongType, pointer, format!("{name} is {}, not a string{as_text}", kind(value)));
    *are_typed = false;
    FieldValue::WrongType
}

/// Whether an entry has a `schemaId` or `schema` that is not blank.
fn is_filled_in(entry: Raw<'_>) -> bool {
    let text = |name| member(entry, name).and_then(|(_, value)| text_of(value));
    [text("schemaId"), text("schema")].into_iter().flatten().any(|text| !text.trim().is_empty())
}

fn check_id(id: FieldValue, pointer: &str, embed: bool, ids: &mut HashMap<String, String>, findings: &mut Findings) {
    let (id, pointer) = match id {
        FieldValue::WrongType => return,
        FieldValue::Absent => return findings.note(Code::AvroSchemaIdMissing, pointer),
        FieldValue::Given(id, pointer) if id.trim().is_empty() => {
            return findings.note(Code::AvroSchemaIdMissing, pointer);
        }
        FieldValue::Given(id, pointer) => (id, pointer),
    };
    if embed && id.parse::<i32>().is_err() {
        let message = format!("{} is not a signed 32-bit integer, so it cannot be embedded", quoted(&id));
        findings.add(Code::AvroSchemaIdNotEmbeddable, &pointer, message);
    }
    if let Some(earlier) = ids.get(&id) {
        let message = format!("the schemaId at {earlier} is also {}", quoted(&id));
        findings.add(Code::AvroSchemaIdRepeated, pointer, message);
    } else {
        ids.insert(id, pointer);
    }
}

fn check_schema(schema: FieldValue, pointer: &str, findings: &mut Findings) {
    let (text, pointer) = match schema {
        FieldValue::WrongType => return,
        FieldValue::Absent => return findings.note(Code::AvroSchemaMissing, pointer),
        FieldValue::Given(text, pointer) if text.trim().is_empty() => {
            return findings.note(Code::AvroSchemaMissing, pointer);
        }
        FieldValue::Given(text, pointer) => (text, pointer),
    };
    match Schema::parse(&text) {
        Err(Unusable::Invalid(why)) => {
            findings.add(Code::AvroSchemaInvalid, pointer, format!("the producer cannot read the schema: {why}"));
        }
        Err(Unusable::NotChecked(why)) => {
            findings.add(Code::AvroSchemaNotChecked, pointer, format!("the schema was not checked: {why}"));
        }
        Ok(schema) if !schema.takes_objects() => findings.note(Code::AvroSchemaNotARecord, pointer),
        Ok(schema) => {
            let fields: Vec<String> = schema.union_fields().take(MOST_NAMED + 1).map(quoted).collect();
            if !fields.is_empty() {
                let more = if fields.len() > MOST_NAMED { " and more" } else { "" };
                let named = fields.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let message = format!(
                    "the schema has union fields ({named}{more}): for these fields, events must contain {{\"string\": \"x\"}}, not \"x\""
                );
                findings.add(Code::AvroUnionField, pointer, message);
            }
        }
    }
}
