//! Messages as Avro: which schemas there are, and whether they are schemas.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use apache_avro::Schema;
use serde_json::Value;

use super::code::Code;
use super::config::{Config, kind, member, text_of};
use super::destination::Avro;
use super::finding::{Findings, quoted, step};
use crate::transform::json::{Kind, Raw};

/// The longest schema that is looked at, in bytes.
const MAX_SCHEMA_BYTES: usize = 1 << 20;

/// What is told of a schema at which the library gave up.
const UNREADABLE: &str = "it cannot be read";

/// How messages are written; `None` where that cannot be used, which was told.
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
        return Some(Avro::default());
    }
    if schemas.is_empty() {
        let pointer = config.raw("avroSchemas").map_or_else(|| config.pointer.to_owned(), |(_, pointer)| pointer);
        findings.note(Code::AvroSchemasMissing, pointer);
    }
    let mut ids = HashMap::new();
    for (entry, pointer) in schemas {
        if entry.is_object() {
            schema_id(entry, &pointer, embed, &mut ids, findings);
            schema(entry, &pointer, findings);
        } else {
            findings.add(Code::MemberWrongType, pointer, format!("a schema's entry is {}, not an object", kind(entry)));
        }
    }
    Some(Avro { convert, embed_schema_id: embed })
}

/// Whether somebody wrote something into an entry.
fn is_filled_in(entry: Raw<'_>) -> bool {
    let text = |name| member(entry, name).and_then(|(_, value)| text_of(value));
    [text("schemaId"), text("schema")].into_iter().flatten().any(|text| !text.trim().is_empty())
}

fn schema_id(entry: Raw<'_>, pointer: &str, embed: bool, ids: &mut HashMap<String, String>, findings: &mut Findings) {
    let (name, value) = match member(entry, "schemaId") {
        Some((name, value)) if !value.is_null() => (name, value),
        _ => return findings.note(Code::AvroSchemaIdMissing, pointer),
    };
    let pointer = step(pointer, &name);
    let Some(id) = text_of(value) else {
        return findings.add(Code::MemberWrongType, pointer, format!("schemaId is {}, not a string", kind(value)));
    };
    if id.trim().is_empty() {
        return findings.note(Code::AvroSchemaIdMissing, pointer);
    }
    let is_digits = id.bytes().all(|byte| byte.is_ascii_digit());
    if embed && !(is_digits && id.parse::<u32>().is_ok()) {
        let message = format!("{} is no number of 32 bits, so that it cannot be embedded", quoted(&id));
        findings.add(Code::AvroSchemaIdNotEmbeddable, &pointer, message);
    }
    if let Some(earlier) = ids.get(&id) {
        let message = format!("{} is the schemaId at {earlier} too", quoted(&id));
        findings.add(Code::AvroSchemaIdRepeated, pointer, message);
    } else {
        ids.insert(id, pointer);
    }
}

fn schema(entry: Raw<'_>, pointer: &str, findings: &mut Findings) {
    let (name, value) = match member(entry, "schema") {
        Some((name, value)) if !value.is_null() => (name, value),
        _ => return findings.note(Code::AvroSchemaMissing, pointer),
    };
    let pointer = step(pointer, &name);
    let Some(schema) = text_of(value) else {
        let as_text = if value.kind() == Kind::Object { "; it has to be the JSON of the schema as text" } else { "" };
        let message = format!("schema is {}, not a string{as_text}", kind(value));
        return findings.add(Code::MemberWrongType, pointer, message);
    };
    if schema.trim().is_empty() {
        return findings.note(Code::AvroSchemaMissing, pointer);
    }
    if let Err(problem) = parse(&schema) {
        findings.add(Code::AvroSchemaInvalid, pointer, format!("the schema is no Avro schema: {problem}"));
    }
}

/// Whether the text is an Avro schema.
///
/// # Errors
/// Why it is none.
pub fn parse(schema: &str) -> Result<(), String> {
    if schema.len() > MAX_SCHEMA_BYTES {
        return Err(format!("it has {} bytes, and {MAX_SCHEMA_BYTES} are looked at", schema.len()));
    }
    // The library's word on JSON would show the text where it goes wrong.
    let json: Value = serde_json::from_str(schema).map_err(|problem| format!("it is no JSON: {problem}"))?;
    names(&json)?;
    // The library unwraps what it should tell; what is left of that must not end the check of all other destinations.
    match catch_unwind(AssertUnwindSafe(|| Schema::parse(&json))) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(problem)) => Err(bounded(&problem.to_string())),
        Err(_) => Err(UNREADABLE.to_owned()),
    }
}

/// Whether every name in a schema is one: the library panics at one that is none. The depth is that of JSON, which its
/// reader limits.
fn names(schema: &Value) -> Result<(), String> {
    let members = match schema {
        Value::Array(variants) => return variants.iter().try_for_each(names),
        Value::Object(members) => members,
        _ => return Ok(()),
    };
    let aliases = members.get("aliases").and_then(Value::as_array).into_iter().flatten();
    let named = ["name", "type"].into_iter().filter_map(|member| members.get(member)).chain(aliases);
    for name in named.filter_map(Value::as_str) {
        let (namespace, last) = name.rsplit_once('.').unwrap_or(("", name));
        // A name may begin with a dot: it is in no namespace then.
        if !is_name(last) || !namespace.is_empty() && !namespace.split('.').all(is_name) {
            return Err(format!("{} is no name: letters, digits and _, with dots between names", quoted(name)));
        }
    }
    let fields = members.get("fields").and_then(Value::as_array).into_iter().flatten();
    let within = ["type", "items", "values"].into_iter().filter_map(|member| members.get(member));
    within.chain(fields).try_for_each(names)
}

/// A name as Avro's specification has it.
fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(is_letter) && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

fn bounded(problem: &str) -> String {
    const MOST: usize = 200;
    let line: String = problem.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect();
    if line.len() < problem.len() { format!("{line}…") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_parsed_whatever_they_are() {
        for good in [
            r#"{"type":"record","name":"e","fields":[{"name":"userId","type":["null","string"],"default":null}]}"#,
            r#""string""#,
            r#"{"type":"array","items":"long"}"#,
            r#"{"type":"record","name":".e","namespace":"a.b","aliases":["c","d.e"],"fields":[{"name":"x","type":"int","doc":"a b"}]}"#,
            r#"{"type":"record","name":"e","fields":[{"name":"x","type":["null","e"],"default":null}],"owner":{"name":"A. Person"}}"#,
        ] {
            assert_eq!(parse(good), Ok(()), "{good}");
        }
        for (bad, word) in [
            ("{", "no JSON"),
            ("record", "no JSON"),
            ("{}", "type"),
            ("7", ""),
            (r#"{"type":"record","fields":[]}"#, ""),
            (r#"{"type":"record","name":"e","fields":[{"name":"x","type":"nothing"}]}"#, ""),
            (r#"{"type":"fixed","name":"f","size":-1}"#, ""),
            (r#"{"type":"enum","name":"9","symbols":["a","a"]}"#, "\"9\" is no name"),
            (r#"{"type":"a b"}"#, "\"a b\" is no name"),
            (r#"{"type":"fixed","name":"f","size":1,"aliases":["-"]}"#, "\"-\" is no name"),
            (r#"{"type":"fixed","name":"f","size":1,"namespace":"-"}"#, ""),
            (r#"{"type":"fixed","name":"a..f","size":1}"#, "no name"),
            (r#"{"type":"record","name":"e","fields":[{"name":"x y","type":"int"}]}"#, "\"x y\" is no name"),
            (r#"["int",{"type":"map","values":{"type":"fixed","name":"ü","size":1}}]"#, "no name"),
            (r#"{"type":"record","name":"e","fields":[{"name":"x","type":"int","default":"1"}]}"#, ""),
        ] {
            let problem = parse(bad).expect_err(bad);
            assert!(
                problem.contains(word) && !problem.is_empty() && problem.chars().count() <= 201,
                "{bad}: {problem}"
            );
        }
    }

    #[test]
    fn no_schema_makes_it_panic() {
        let schema = r#"[{"type":"record","name":"a.e","aliases":["b"],"fields":[{"name":"x","type":{"type":"enum","name":"s","symbols":["A","B"],"default":"A"},"default":"B"},{"name":"y","type":["null","a.e"],"default":null},{"name":"z","type":{"type":"fixed","name":"f","size":2},"default":"ab"},{"name":"m","type":{"type":"map","values":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}},"default":{}}]},"int"]"#;
        assert_eq!(parse(schema), Ok(()));
        for at in 0..schema.len() {
            for text in ["", "\"", "9", "{", "null", "-1", "true", "[]", "record", ".", " "] {
                let changed = format!("{}{text}{}", &schema[..at], &schema[at + 1..]);
                if let Err(problem) = parse(&changed) {
                    assert!(problem != UNREADABLE, "{changed}");
                }
            }
        }
    }

    #[test]
    fn depth_and_length_are_no_danger() {
        let deep = format!("{}\"string\"{}", r#"{"type":"array","items":"#.repeat(100_000), "}".repeat(100_000));
        assert!(parse(&deep).is_err());
        let nested = format!("{}\"string\"{}", r#"{"type":"array","items":"#.repeat(60), "}".repeat(60));
        assert_eq!(parse(&nested), Ok(()));
        let deepest = nested.replace("\"string\"", &nested);
        assert_eq!(parse(&deepest), Ok(()));
        assert!(parse(&" ".repeat(MAX_SCHEMA_BYTES + 1)).is_err());
        let many: Vec<String> = (0..20_000).map(|at| format!(r#"{{"name":"f{at}","type":"string"}}"#)).collect();
        assert_eq!(parse(&format!(r#"{{"type":"record","name":"e","fields":[{}]}}"#, many.join(","))), Ok(()));
    }
}
