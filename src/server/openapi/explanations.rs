//! What `POST /explain` is asked and answers: [`transform::explain`] makes it. They list every member that can be
//! there.

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::requests::{any_case_name, or_anything};
use crate::server::routes::explain::request::MAX_EVENTS;

/// Events to explain, and what they have in common.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; it is read as text")]
pub struct ExplainBody {
    /// The events.
    #[schema(schema_with = events)]
    pub events: Vec<Value>,
    /// For events that have none: a destination with `Config` or `config`, an array of destinations, a whole
    /// `workspaceConfig.json`, a destination of the Rudder CLI, or a Config alone. A string is the text of a file with
    /// one of these, in JSON or YAML.
    #[schema(required = false)]
    pub destination: Value,
    /// The ID of the destination, if `destination` holds several.
    #[schema(schema_with = any_text, required = false)]
    pub destination_id: String,
    /// The name of the destination, if `destination` holds several.
    #[schema(schema_with = any_text, required = false)]
    pub destination_name: String,
    /// For events that have none.
    #[schema(required = false)]
    pub connection: Value,
    /// The type of a destination that does not name its own, in any letter case.
    #[schema(schema_with = any_case_name, required = false)]
    pub family: String,
    /// How many partitions a topic has.
    #[schema(minimum = 1, maximum = 2_147_483_647, required = false)]
    pub partitions: u32,
    /// `Router.KAFKA.batchBytes` of rudder-server: the largest record that is produced, in bytes; 1048576 if missing.
    #[schema(minimum = 1, maximum = 2_147_483_647, required = false)]
    pub batch_bytes: u32,
}

/// A string.
fn any_text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

/// Up to 100 of anything.
fn events() -> RefOr<Schema> {
    let event = ObjectBuilder::new().schema_type(Type::Object).description(Some(
        "An event as rudder-server sends it, with a member `message`; a message alone, which gets `{}` as metadata; or the body of an SDK, `{\"batch\":[…]}`, which counts as its events",
    ));
    let event = or_anything(event, "Anything else is rejected in its explanation");
    ArrayBuilder::new().items(event).max_items(Some(MAX_EVENTS)).description(Some("The events")).into()
}

/// What was decided of each event, in their order.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response")]
pub struct Explanations {
    /// One explanation per event.
    pub events: Vec<Explanation>,
}

/// What was decided of one event. What was not decided, because the event was rejected before, is left out.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response")]
pub struct Explanation {
    /// The place of the event in the request, from 0.
    pub index: usize,
    /// What became of it.
    #[schema(pattern = "^(transformed|undeliverable|rejected)$")]
    pub outcome: String,
    /// Why it was rejected.
    #[schema(value_type = RejectionShown, required = false)]
    pub rejection: Option<RejectionShown>,
    /// Why rudder-server would drop it after the transformation; there if `outcome` is `undeliverable`.
    #[schema(required = false)]
    pub problems: Vec<Problem>,
    /// What reaches Kafka as something else than was probably meant, or was not compared with its Avro schema.
    #[schema(required = false)]
    pub warnings: Vec<Problem>,
    /// Where it goes.
    #[schema(value_type = TopicChoice, required = false)]
    pub topic: Option<TopicChoice>,
    /// Its partition key.
    #[schema(value_type = KeyChoice, required = false)]
    pub key: Option<KeyChoice>,
    /// What the reverse-ETL rule did.
    #[schema(value_type = TimestampUse, required = false)]
    pub timestamp: Option<TimestampUse>,
    /// The templates of its destination's Config, in the order in which they were filled.
    pub templates: Vec<TemplateUse>,
    /// The text of its response, byte for byte.
    pub response: String,
}

/// Why an event was rejected.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response")]
pub struct RejectionShown {
    /// The reason as a stable word.
    pub code: String,
    /// The text that the client gets.
    pub text: String,
    /// The event or the destination is at fault.
    #[schema(pattern = "^(instrumentation|configuration)$")]
    pub error_type: String,
}

/// Why an event does not reach Kafka, or not as meant.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response")]
pub struct Problem {
    /// The reason as a stable word.
    pub code: String,
    /// The reason for people.
    pub text: String,
}

/// The topic, and how it was found.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response")]
pub struct TopicChoice {
    /// Any JSON value; `null` too where the response has no topic.
    #[schema(required = true)]
    pub value: Value,
    /// The rule that gave it.
    #[schema(pattern = "^(integrations|event_type|event_name|default|none)$")]
    pub rule: String,
    /// The rule for people.
    pub text: String,
    /// The rules that were tried before, in order.
    pub passed_over: Vec<PassedOver>,
}

/// A topic rule that did not apply.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response")]
pub struct PassedOver {
    /// The rule.
    #[schema(pattern = "^(integrations|event_type|event_name|default)$")]
    pub rule: String,
    /// The rule for people.
    pub tried: String,
    /// Why not, as a stable word.
    pub reason: String,
    /// Why not, for people.
    pub text: String,
}

/// The partition key, and how it was found.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response")]
pub struct KeyChoice {
    /// The key as rudder-server has it.
    pub value: String,
    /// The member that gave it.
    #[schema(pattern = "^(user_id|anonymous_id|empty)$")]
    pub source: String,
    /// The member for people.
    pub text: String,
    /// The partition, where `partitions` was given.
    #[schema(required = false)]
    pub partition: u32,
}

/// What the reverse-ETL timestamp rule did.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the response")]
pub enum TimestampUse {
    /// It gives the message a timestamp.
    Applied(TimestampApplied),
    /// It does not apply.
    NotApplied(TimestampNotApplied),
}

/// The timestamp that the message gets.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response")]
pub struct TimestampApplied {
    /// Always true.
    pub applied: bool,
    /// The member that it is from; `null` where no candidate is usable.
    #[schema(required = true)]
    pub from: Option<String>,
    /// The timestamp.
    #[schema(required = true)]
    pub value: Value,
    /// Whether the message had another one.
    pub changed: bool,
    /// For people.
    pub text: String,
}

/// Why the message keeps its timestamp.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response")]
pub struct TimestampNotApplied {
    /// Always false.
    pub applied: bool,
    /// Why not, as a stable word.
    pub reason: String,
    /// Why not, for people.
    pub text: String,
}

/// What became of a template.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response")]
pub struct TemplateUse {
    /// Where it stands in Config: a JSON pointer, of which a long one keeps only its end, behind `…`.
    pub pointer: String,
    /// What it looks up in the event.
    pub path: String,
    /// Its default.
    pub default: String,
    /// Whether it found a value.
    pub found: bool,
    /// What is used, the value found or the default; `null` where the event is rejected because of the template.
    #[schema(required = true)]
    pub value: Value,
    /// Whether the value is longer and only its start is here, as a string.
    #[schema(required = false)]
    pub value_cut: bool,
    /// The member that was removed from the event with its value.
    #[schema(required = true)]
    pub removed: Option<String>,
    /// Whether the event is rejected because of the template.
    #[schema(required = false)]
    pub rejected: bool,
}
