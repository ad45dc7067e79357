//! The schemas of the requests and responses of `POST /explain`, with every field that can occur.
//! [`transform::explain`] creates the explanations.

#![allow(dead_code, reason = "these types describe JSON that is read and written elsewhere")]

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::requests::{any_case_name, or_anything};
use crate::server::routes::explain::findings::DestinationCheck;
use crate::server::routes::explain::limits::MAX_EVENTS;

/// Events to explain, and defaults that apply to all events.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainBody {
    /// The events.
    #[schema(schema_with = events)]
    pub events: Vec<Value>,
    /// The destination for events without a destination of their own. The value is a destination with `Config` or
    /// `config`, an array of destinations, a complete `workspaceConfig.json`, a destination of the Rudder CLI, or only
    /// a Config. A string is read as the text of a JSON or YAML file with such content.
    #[schema(required = false)]
    pub destination: Value,
    /// The ID of the destination to use, if `destination` contains several destinations.
    #[schema(schema_with = any_text, required = false)]
    pub destination_id: String,
    /// The name of the destination to use, if `destination` contains several destinations.
    #[schema(schema_with = any_text, required = false)]
    pub destination_name: String,
    /// The connection for events without a connection of their own.
    #[schema(required = false)]
    pub connection: Value,
    /// The destination type (case-insensitive), for a destination that does not contain its type.
    #[schema(schema_with = any_case_name, required = false)]
    pub family: String,
    /// The number of partitions of each topic.
    #[schema(minimum = 1, maximum = 2_147_483_647, required = false)]
    pub partitions: u32,
    /// The maximum size of a record in bytes: the setting `Router.KAFKA.batchBytes` of rudder-server. 1048576 if
    /// missing.
    #[schema(minimum = 1, maximum = 2_147_483_647, required = false)]
    pub batch_bytes: u32,
    /// Whether the response reports problems in the destination's configuration.
    #[schema(required = false)]
    pub check: bool,
}

/// Returns the schema of a string.
fn any_text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

/// Returns the schema of up to 100 events, which may be values of any type.
fn events() -> RefOr<Schema> {
    let event = ObjectBuilder::new().schema_type(Type::Object).description(Some(
        "An event as rudder-server sends it, with a field `message`; only a message, which gets `{}` as metadata; or the body of an SDK request, `{\"batch\":[…]}`, whose events are explained one by one",
    ));
    let event = or_anything(event, "Any other value is explained as a rejected event");
    ArrayBuilder::new().items(event).max_items(Some(MAX_EVENTS)).description(Some("The events")).into()
}

/// The explanations of the events, in the order of the request.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Explanations {
    /// One explanation per event.
    pub events: Vec<Explanation>,
    /// The problems in the destination's configuration. Present if `check` is true in the request, and there is a
    /// destination.
    #[schema(value_type = DestinationCheck, required = false)]
    pub check: Option<DestinationCheck>,
}

/// The explanation of one event: what was decided, and why. If the event was rejected, the decisions that would have
/// followed are missing.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Explanation {
    /// The index of the event in the request, from 0.
    pub index: usize,
    /// Whether the event is transformed, rejected, or transformed but then dropped by rudder-server (`undeliverable`).
    #[schema(pattern = "^(transformed|undeliverable|rejected)$")]
    pub outcome: String,
    /// Why the event was rejected.
    #[schema(value_type = RejectionShown, required = false)]
    pub rejection: Option<RejectionShown>,
    /// Why rudder-server would drop the transformed event. Present if `outcome` is `undeliverable`.
    #[schema(required = false)]
    pub problems: Vec<Problem>,
    /// Possible problems of the record: parts that are probably unintended, or that were not compared with the record's
    /// Avro schema.
    #[schema(required = false)]
    pub warnings: Vec<Problem>,
    /// The topic.
    #[schema(value_type = TopicChoice, required = false)]
    pub topic: Option<TopicChoice>,
    /// The partition key.
    #[schema(value_type = KeyChoice, required = false)]
    pub key: Option<KeyChoice>,
    /// The result of the reverse-ETL timestamp rule.
    #[schema(value_type = TimestampUse, required = false)]
    pub timestamp: Option<TimestampUse>,
    /// The templates of the destination's Config, in the order in which the service evaluated them.
    pub templates: Vec<TemplateUse>,
    /// The exact response of the service to the event.
    pub response: String,
}

/// Why an event was rejected.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RejectionShown {
    /// The reason, as a stable identifier.
    pub code: String,
    /// The error message in the response.
    pub text: String,
    /// What is wrong: the event (`instrumentation`) or the destination (`configuration`).
    #[schema(pattern = "^(instrumentation|configuration)$")]
    pub error_type: String,
}

/// Why an event does not reach Kafka, or why the record in Kafka may differ from what was intended.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The reason, as a stable identifier.
    pub code: String,
    /// The reason as text.
    pub text: String,
}

/// The topic and the rule that chose it.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicChoice {
    /// The topic, which can be any JSON value. `null` if the response has no topic.
    #[schema(required = true)]
    pub value: Value,
    /// The rule that chose the topic.
    #[schema(pattern = "^(integrations|event_type|event_name|default|none)$")]
    pub rule: String,
    /// The rule as text.
    pub text: String,
    /// The rules that were tried earlier and did not apply, in the order in which they were tried.
    pub skipped: Vec<SkippedRule>,
}

/// A topic rule that did not apply.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkippedRule {
    /// The rule.
    #[schema(pattern = "^(integrations|event_type|event_name|default)$")]
    pub rule: String,
    /// The rule as text.
    pub tried: String,
    /// Why the rule did not apply, as a stable identifier.
    pub reason: String,
    /// Why the rule did not apply, as text.
    pub text: String,
}

/// The partition key and the field that it was taken from.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyChoice {
    /// The key as rudder-server reads it.
    pub value: String,
    /// The field that the key was taken from.
    #[schema(pattern = "^(user_id|anonymous_id|empty)$")]
    pub source: String,
    /// The field as text.
    pub text: String,
    /// The partition. Present if the request contains `partitions`.
    #[schema(required = false)]
    pub partition: u32,
}

/// The result of the reverse-ETL timestamp rule.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum TimestampUse {
    /// The rule sets the timestamp of the message.
    Applied(TimestampApplied),
    /// The rule does not apply.
    NotApplied(TimestampNotApplied),
}

/// The timestamp that the rule sets.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimestampApplied {
    /// Always true.
    pub applied: bool,
    /// The field that the timestamp was taken from, or `null` if no field contains a usable timestamp.
    #[schema(required = true)]
    pub from: Option<String>,
    /// The timestamp.
    #[schema(required = true)]
    pub value: Value,
    /// Whether the message had a different timestamp before the rule was applied.
    pub changed: bool,
    /// The explanation as text.
    pub text: String,
}

/// Why the message keeps its timestamp.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimestampNotApplied {
    /// Always false.
    pub applied: bool,
    /// Why the rule did not apply, as a stable identifier.
    pub reason: String,
    /// Why the rule did not apply, as text.
    pub text: String,
}

/// The result of a template.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateUse {
    /// The location of the template in Config, as a JSON pointer. If the pointer is long, `…` replaces its beginning.
    pub pointer: String,
    /// The path that the template looks up in the event.
    pub path: String,
    /// The default of the template, for events without a value at `path`.
    pub default: String,
    /// Whether the event has a value for the template.
    pub found: bool,
    /// The value that was found, or the default. `null` if the event is rejected because of the template.
    #[schema(required = true)]
    pub value: Value,
    /// Whether `value` is a string with only the beginning of a longer value.
    #[schema(required = false)]
    pub value_cut: bool,
    /// The field that the template removed from the event, or `null` if the template removed none.
    #[schema(required = true)]
    pub removed: Option<String>,
    /// Whether the event is rejected because of the template.
    #[schema(required = false)]
    pub rejected: bool,
}
