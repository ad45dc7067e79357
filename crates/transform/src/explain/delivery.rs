//! Predicts whether rudder-server delivers a transformed event to Kafka
//! (docs/contract.md#delivery-by-rudder-server, docs/contract.md#destination-configuration).

use super::problem::{Problem, ProblemCode, Verdict, in_any_case};
use super::schemas::Schemas;
use crate::family::Family;
use crate::meter::Meter;
use crate::partition::as_received;
use crate::produced::Produced;
use crate::topic_name;
use json::javascript::truthy;
use json::raw::{Kind, Raw};

/// The default of rudder-server's setting `Router.KAFKA.batchBytes`, which is the maximum size of a record in bytes.
pub const DEFAULT_BATCH_BYTES: u64 = 1 << 20;

/// Predicts which transformed events rudder-server's producer would drop, and why.
pub struct Judge<'m> {
    batch_bytes: u64,
    family: &'static Family,
    meter: &'m dyn Meter,
    destination: Destination,
}

/// The settings that the producer reads from the current destination.
#[derive(Debug, Default)]
struct Destination {
    /// The text of the destination. If the next destination has the same text, it is not read again.
    text: String,
    /// The reasons why rudder-server does not start the destination's producer; empty if it starts the producer.
    problems: Vec<Problem>,
    /// The Avro schemas. `None` means that messages are produced as JSON.
    schemas: Option<Schemas>,
}

impl<'m> Judge<'m> {
    /// Creates a judge for destinations of `family`. The judge reports records of more than `batch_bytes` bytes as too
    /// large, and uses `meter` to reserve the memory for Avro schemas.
    #[must_use]
    pub fn new(family: &'static Family, batch_bytes: u64, meter: &'m dyn Meter) -> Self {
        Self { batch_bytes, family, meter, destination: Destination::default() }
    }

    /// Reads the destination of the next events. Call this before the destination's templates are filled, because the
    /// producer reads the destination without filling templates.
    pub fn destination(&mut self, destination: Raw<'_>) {
        if self.destination.text != destination.text() {
            self.destination = Destination::of(destination, self.family, self.meter);
        }
    }

    /// Returns the problems and warnings of the event whose response is `response`. A rejected event has no problems
    /// and no warnings.
    #[must_use]
    pub fn verdict(&self, response: &str) -> Verdict {
        let Some(produced) = Produced::of(response) else { return Verdict::default() };
        let mut verdict = Verdict { problems: self.destination.problems.clone(), warnings: Vec::new() };
        verdict.problems.extend(topic_problem(produced.topic));
        match &self.destination.schemas {
            Some(schemas) => schemas.judge(&produced, &mut verdict),
            // The size is checked only for records in JSON, because the size of the Avro encoding is not known here.
            None => {
                let bytes = produced.record_bytes();
                if bytes > self.batch_bytes {
                    verdict.problems.push(Problem::about(ProblemCode::RecordTooLarge, &bytes.to_string()));
                }
            }
        }
        verdict
    }
}

fn topic_problem(topic: Option<Raw<'_>>) -> Option<Problem> {
    let topic = topic.filter(|topic| truthy(Some(*topic)));
    let Some(topic) = topic else { return Some(Problem::of(ProblemCode::NoTopic)) };
    let Some(name) = topic.as_string() else { return Some(Problem::of(ProblemCode::TopicNotAString)) };
    let reason = topic_name::illegal(&as_received(&name.decoded()))?;
    Some(Problem::about(ProblemCode::TopicIllegal, &reason))
}

impl Destination {
    fn of(destination: Raw<'_>, family: &Family, meter: &dyn Meter) -> Self {
        let config = destination.member("Config");
        let [topic, convert, schemas] = ["topic", "convertToAvro", "avroSchemas"]
            .map(|name| config.and_then(|config| in_any_case(config, name)).filter(|value| !value.is_null()));
        let problem = match topic {
            None => Some(ProblemCode::ConfigTopicEmpty),
            Some(topic) if topic.is_string("") => Some(ProblemCode::ConfigTopicEmpty),
            Some(topic) if topic.kind() != Kind::String => Some(ProblemCode::ConfigTopicNotAString),
            Some(_) => None,
        };
        let converts = family.schema_id && convert.is_some_and(|convert| convert.kind() == Kind::True);
        let schemas = converts.then(|| Schemas::read(schemas, meter));
        let mut problems: Vec<Problem> = problem.map(Problem::of).into_iter().collect();
        problems.extend(schemas.as_ref().and_then(Schemas::problem));
        Self { text: destination.text().to_owned(), problems, schemas }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::family::{AZURE_EVENT_HUB, KAFKA};
    use crate::meter::Unlimited;

    const MAP: &str = r#"{"type":"map","values":"string"}"#;

    fn codes_of(family: &'static Family, config: &Value, output: &Value) -> Vec<&'static str> {
        let destination = json!({ "Config": config }).to_string();
        let response = json!({ "output": output, "metadata": {}, "statusCode": 200 }).to_string();
        let mut judge = Judge::new(family, 100, &Unlimited);
        judge.destination(Raw::parse(&destination).unwrap());
        judge.verdict(&response).problems.iter().map(|problem| problem.code.code()).collect()
    }

    #[test]
    fn an_undeliverable_event_is_reported_with_its_problem_codes() {
        let good = json!({ "topic": "t" });
        let avro = json!({ "topic": "t", "ConvertToAvro": true, "avroSchemas": [{ "schemaId": "1", "schema": MAP }] });
        let large = "x".repeat(100);
        for (config, output, codes) in [
            (&good, json!({ "message": {}, "topic": "a.b-C_9" }), vec![]),
            (&good, json!({ "message": {} }), vec!["no_topic"]),
            (&good, json!({ "message": {}, "topic": "" }), vec!["no_topic"]),
            (&good, json!({ "message": {}, "topic": 7 }), vec!["topic_not_a_string"]),
            (&good, json!({ "message": {}, "topic": "Acme Inc / EU" }), vec!["topic_illegal"]),
            (&good, json!({ "message": {}, "topic": ".." }), vec!["topic_illegal"]),
            (&good, json!({ "message": {}, "topic": "a".repeat(250) }), vec!["topic_illegal"]),
            (&good, json!({ "message": {}, "topic": "größe" }), vec!["topic_illegal"]),
            (&good, json!({ "message": { "a": large }, "topic": "t" }), vec!["record_too_large"]),
            (&good, json!({ "message": {}, "userId": large, "topic": "t" }), vec!["record_too_large"]),
            (&avro, json!({ "message": { "a": large }, "topic": "t", "schemaId": "1" }), vec![]),
            (&avro, json!({ "message": {}, "topic": "t" }), vec!["schema_id_missing"]),
            (&avro, json!({ "message": {}, "topic": "t", "schemaId": "2" }), vec!["schema_id_unknown"]),
            (&json!({}), json!({ "message": {}, "topic": "t" }), vec!["config_topic_empty"]),
            (&json!({ "topic": "" }), json!({ "message": {}, "topic": "t" }), vec!["config_topic_empty"]),
            (&json!({ "topic": null }), json!({ "message": {} }), vec!["config_topic_empty", "no_topic"]),
            (&json!({ "topic": 7 }), json!({ "message": {}, "topic": "t" }), vec!["config_topic_not_a_string"]),
            (&json!({ "TOPIC": "t" }), json!({ "message": {}, "topic": "t" }), vec![]),
            (&json!({ "topic": "{{ event.a || }}" }), json!({ "message": {}, "topic": "" }), vec!["no_topic"]),
        ] {
            assert_eq!(codes_of(&KAFKA, config, &output), codes, "{config} {output}");
        }
        assert!(codes_of(&AZURE_EVENT_HUB, &avro, &json!({ "message": {}, "topic": "t" })).is_empty());
    }

    #[test]
    fn a_record_is_reported_as_too_large_only_above_batch_bytes() {
        let response = |bytes: usize| format!(r#"{{"output":{{"message":"{}","topic":"t"}}}}"#, "x".repeat(bytes - 24));
        let mut judge = Judge::new(&KAFKA, DEFAULT_BATCH_BYTES, &Unlimited);
        judge.destination(Raw::parse(r#"{"Config":{"topic":"t"}}"#).unwrap());
        assert_eq!(judge.verdict(&response(1 << 20)).problems, []);
        let problems = judge.verdict(&response((1 << 20) + 1)).problems;
        assert_eq!(problems[0].text, "the record has 1048577 bytes, more than Router.KAFKA.batchBytes allows");
        assert_eq!(judge.verdict(r#"{"metadata":null,"statusCode":400}"#).problems, []);
    }

    #[test]
    fn every_delivery_problem_has_a_unique_code() {
        let codes: HashSet<&str> = ProblemCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(codes.len(), ProblemCode::ALL.len());
    }
}
