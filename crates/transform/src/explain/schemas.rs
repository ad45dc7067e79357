//! Checks events against the Avro schemas of their destination (docs/contract.md#config-avro-schemas).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;

use super::problem::{Problem, ProblemCode, Verdict, in_any_case};
use crate::avro::message::{Mismatch, MismatchKind, Mismatches, fit};
use crate::avro::schema::{Schema, Unusable};
use crate::meter::Meter;
use crate::partition::as_received;
use crate::produced::Produced;
use json::raw::{EMPTY_OBJECT, Raw};
use json::text::quoted;

/// The memory that is reserved for parsing a schema, in bytes per byte of the schema's text.
const BYTES_PER_BYTE: usize = 100;

/// The Avro schemas of a destination.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    /// The schemas by ID. An error is the reason why events are not compared with that schema.
    by_id: HashMap<String, Result<Schema, String>>,
    /// The reason why the producer cannot read the first invalid schema; `None` if no schema was found to be invalid.
    invalid: Option<String>,
}

impl Schemas {
    /// Reads `Config.avroSchemas`.
    pub(super) fn read(list: Option<Raw<'_>>, meter: &dyn Meter) -> Self {
        let mut schemas = Self::default();
        if let Some(list) = list {
            list.for_each_element(|entry| schemas.add(entry, meter));
        }
        schemas
    }

    fn add(&mut self, entry: Raw<'_>, meter: &dyn Meter) {
        let [id, text] = ["schemaId", "schema"]
            .map(|name| in_any_case(entry, name).and_then(Raw::as_string).map(|text| as_received(&text.decoded())));
        let (id, text) = (id.unwrap_or_default(), text.unwrap_or_default());
        let schema = match meter.reserve(text.len().saturating_mul(BYTES_PER_BYTE)) {
            Ok(()) => Schema::parse(&text),
            Err(_) => Err(Unusable::NotChecked("there is not enough memory to read the schema".to_owned())),
        };
        let schema = match schema {
            Ok(schema) => Ok(schema),
            Err(Unusable::NotChecked(why)) => Err(why),
            Err(Unusable::Invalid(why)) => {
                self.invalid.get_or_insert_with(|| format!("the schema with schemaId {}: {why}", quoted(&id)));
                Err("the producer cannot read the schema".to_owned())
            }
        };
        match self.by_id.entry(id) {
            Entry::Vacant(place) => drop(place.insert(schema)),
            Entry::Occupied(mut place) => drop(place.insert(Err("two schemas have this schemaId".to_owned()))),
        }
    }

    /// If a schema is invalid, returns the problem [`ProblemCode::AvroSchemaInvalid`]. rudder-server does not start a
    /// destination with an invalid schema.
    pub(super) fn problem(&self) -> Option<Problem> {
        self.invalid.as_deref().map(|why| Problem::about(ProblemCode::AvroSchemaInvalid, why))
    }

    /// Compares an event with the schema that the event refers to, and adds all problems and warnings to `verdict`.
    pub(super) fn judge(&self, produced: &Produced<'_>, verdict: &mut Verdict) {
        let Some(id) = produced.schema_id else {
            return verdict.problems.push(Problem::of(ProblemCode::SchemaIdMissing));
        };
        let Some(id) = id.as_string() else { return };
        match self.by_id.get(&as_received(&id.decoded())) {
            None => verdict.problems.push(Problem::of(ProblemCode::SchemaIdUnknown)),
            Some(Err(_)) if self.invalid.is_some() => {}
            Some(Err(why)) => verdict.warnings.push(Problem::about(ProblemCode::AvroNotCompared, why)),
            Some(Ok(schema)) => {
                let fit = fit(schema, produced.message.unwrap_or(EMPTY_OBJECT));
                add(&mut verdict.problems, fit.errors);
                add(&mut verdict.warnings, fit.warnings);
            }
        }
    }
}

/// Adds a problem for each mismatch in `first`. If `more` mismatches were omitted, the last problem's text ends with
/// their number.
fn add(problems: &mut Vec<Problem>, Mismatches { first, more }: Mismatches) {
    problems.extend(first.into_iter().map(problem));
    if let Some(last) = problems.last_mut().filter(|_| more > 0) {
        let _ = write!(last.text.to_mut(), "; and {more} more");
    }
}

fn problem(Mismatch { kind, pointer, detail }: Mismatch) -> Problem {
    let code = match kind {
        MismatchKind::UnionValue => ProblemCode::AvroUnionValue,
        MismatchKind::FieldMissing => ProblemCode::AvroFieldMissing,
        MismatchKind::FieldUnknown => ProblemCode::AvroFieldUnknown,
        MismatchKind::WrongType => ProblemCode::AvroWrongType,
        MismatchKind::NullIsNan => ProblemCode::AvroNullIsNan,
        MismatchKind::DecimalIsText => ProblemCode::AvroDecimalIsText,
        MismatchKind::TooDeep => ProblemCode::AvroNotCompared,
    };
    let space = if detail.is_empty() { "" } else { " " };
    Problem::about(code, &format!("message{pointer}{space}{detail}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::explain::delivery::{DEFAULT_BATCH_BYTES, Judge};
    use crate::family::KAFKA;
    use crate::meter::{Halt, Unlimited};

    fn verdict(meter: &dyn Meter, schemas: &Value, message: &Value) -> Verdict {
        let destination =
            json!({ "Config": { "topic": "t", "convertToAvro": true, "avroSchemas": schemas } }).to_string();
        let mut judge = Judge::new(&KAFKA, DEFAULT_BATCH_BYTES, meter);
        judge.destination(Raw::parse(&destination).unwrap());
        judge.verdict(&json!({ "output": { "message": message, "topic": "t", "schemaId": "1" } }).to_string())
    }

    fn shown(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(|problem| format!("{} {}", problem.code.code(), problem.text)).collect()
    }

    fn record(fields: &Value) -> String {
        json!({ "type": "record", "name": "E", "fields": fields }).to_string()
    }

    #[test]
    fn avro_problems_above_the_limit_of_ten_are_counted_but_not_listed() {
        let schema = record(&json!([{ "name": "a", "type": "int" }]));
        let message: Value =
            (0..30).map(|at| (format!("f{at}"), json!("secret"))).collect::<serde_json::Map<_, _>>().into();
        let Verdict { problems, warnings } =
            verdict(&Unlimited, &json!([{ "schemaId": "1", "schema": schema }]), &message);
        assert_eq!((problems.len(), warnings.len()), (10, 0));
        assert_eq!(problems[0].text, "the event has a field that the Avro schema lacks: message/f0");
        assert_eq!(problems[9].text, "the event has a field that the Avro schema lacks: message/f9; and 21 more");
    }

    #[test]
    fn avro_problems_and_warnings_do_not_contain_values_of_the_event() {
        let fields = json!([
            { "name": "a", "type": ["null", "string"] },
            { "name": "b", "type": { "type": "enum", "name": "B", "symbols": ["X"] } },
            { "name": "c", "type": "boolean" },
            { "name": "d", "type": ["int", "long"] },
            { "name": "e", "type": { "type": "bytes", "logicalType": "decimal", "precision": 9 } },
        ]);
        let message = json!({ "a": "4711", "b": "4711", "c": 4711, "d": { "x": 4711 }, "e": "4711", "f": "4711" });
        let Verdict { problems, warnings } =
            verdict(&Unlimited, &json!([{ "schemaId": "1", "schema": record(&fields) }]), &message);
        assert_eq!((problems.len(), warnings.len()), (5, 1));
        for shown in shown(&problems).into_iter().chain(shown(&warnings)) {
            assert!(!shown.contains("4711") && shown.contains("message/"), "{shown}");
        }
    }

    #[test]
    fn an_invalid_avro_schema_is_reported_even_if_the_event_uses_another_schema() {
        let good = json!({ "schemaId": "1", "schema": record(&json!([])) });
        for bad in [
            json!({ "schemaId": "2", "schema": "{}" }),
            json!({ "schemaId": "2" }),
            json!({ "schemaId": "2", "schema": { "type": "string" } }),
            json!(7),
        ] {
            let Verdict { problems, warnings } = verdict(&Unlimited, &json!([good, bad]), &json!({}));
            assert!(shown(&problems)[0].starts_with("avro_schema_invalid "), "{bad}: {problems:?}");
            assert_eq!((problems.len(), warnings.len()), (1, 0), "{bad}");
        }
        assert_eq!(verdict(&Unlimited, &json!([good, null]), &json!({})).problems.len(), 1);
        assert_eq!(verdict(&Unlimited, &json!([good]), &json!({})), Verdict::default());
    }

    #[test]
    fn an_event_that_is_not_compared_with_its_avro_schema_gets_a_warning() {
        struct NoMemory;
        impl Meter for NoMemory {
            fn reserve(&self, _bytes: usize) -> Result<(), Halt> {
                Err(Halt::MemoryInUse)
            }
            fn checkpoint(&self, _work: u64) -> Result<(), Halt> {
                Ok(())
            }
        }
        let good = json!({ "schemaId": "1", "schema": record(&json!([])) });
        let large = json!({ "schemaId": "1", "schema": " ".repeat((1 << 20) + 1) });
        for (meter, schemas, why) in [
            (&NoMemory as &dyn Meter, json!([good]), "there is not enough memory to read the schema"),
            (&Unlimited, json!([good, good]), "two schemas have this schemaId"),
            (&Unlimited, json!([large]), "the schema has 1048577 bytes; the limit is 1048576 bytes"),
        ] {
            let Verdict { problems, warnings } = verdict(meter, &schemas, &json!({ "x": 1 }));
            let expected = format!("avro_not_compared the event was not compared with its Avro schema: {why}");
            assert_eq!((problems, shown(&warnings)), (vec![], vec![expected]));
        }
    }
}
