//! What responses look like. They list every field that can be there.

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The response for one event.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub enum EventResponse {
    /// Transformed.
    Transformed(Transformed),
    /// Rejected.
    Rejected(Rejected),
}

/// A transformed event.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct Transformed {
    /// What is produced.
    pub output: Output,
    /// As received, with the topic behind `rudderId`.
    pub metadata: Map<String, Value>,
    /// Always 200.
    #[schema(minimum = 200, maximum = 200)]
    pub status_code: u16,
}

/// What rudder-server produces to Kafka.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct Output {
    /// The event.
    pub message: Map<String, Value>,
    /// The partition key.
    pub user_id: String,
    /// The Avro schema, where the event names one.
    #[schema(required = false)]
    pub schema_id: Value,
    /// The topic: a string, unless Config or the event hold something else.
    #[schema(required = false)]
    pub topic: Value,
}

/// A rejected event.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct Rejected {
    /// As received; `null` where it is not an object.
    #[schema(required = true)]
    pub metadata: Option<Map<String, Value>>,
    /// Always 400.
    #[schema(minimum = 400, maximum = 400)]
    pub status_code: u16,
    /// What is wrong.
    pub error: String,
    /// For the client's statistics.
    pub stat_tags: StatTags,
}

/// What the client counts errors by.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct StatTags {
    /// Always `dataValidation`.
    #[schema(pattern = "^dataValidation$")]
    pub error_category: String,
    /// The event or the destination is at fault.
    #[schema(pattern = "^(instrumentation|configuration)$")]
    pub error_type: String,
    /// The destination's name, uppercase.
    #[schema(pattern = "^(KAFKA|AZURE_EVENT_HUB|CONFLUENT_CLOUD)$")]
    pub dest_type: String,
    /// Always `destination`.
    #[schema(pattern = "^destination$")]
    pub module: String,
    /// Always `native`.
    #[schema(pattern = "^native$")]
    pub implementation: String,
    /// The endpoint.
    #[schema(pattern = "^(processor|batch)$")]
    pub feature: String,
    /// From the metadata.
    #[schema(required = false)]
    pub destination_id: String,
    /// From the metadata.
    #[schema(required = false)]
    pub workspace_id: String,
}

/// A group of events, or why there is none.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub enum BatchResponse {
    /// Events that are delivered together.
    Group(Group),
    /// An event that was rejected.
    Rejected(RejectedInBatch),
    /// Events of a destination that is not delivered in groups.
    Unsupported(Unsupported),
}

/// Events of one destination and topic.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct Group {
    /// The messages.
    pub batched_request: Vec<Map<String, Value>>,
    /// The metadata of each.
    pub metadata: Vec<Map<String, Value>>,
    /// Always true.
    pub batched: bool,
    /// Always 200.
    #[schema(minimum = 200, maximum = 200)]
    pub status_code: u16,
    /// The destination, as the first event has it.
    pub destination: Map<String, Value>,
}

/// An event that was rejected.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct RejectedInBatch {
    /// The event's, where it has any.
    #[schema(max_items = 1)]
    pub metadata: Vec<Map<String, Value>>,
    /// Always false.
    pub batched: bool,
    /// Always 400.
    #[schema(minimum = 400, maximum = 400)]
    pub status_code: u16,
    /// What is wrong.
    pub error: String,
    /// For the client's statistics.
    pub stat_tags: StatTags,
}

/// Events of a destination that has no such endpoint.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct Unsupported {
    /// The metadata of each event.
    pub metadata: Vec<Map<String, Value>>,
    /// Always false.
    pub batched: bool,
    /// Always 500.
    #[schema(minimum = 500, maximum = 500)]
    pub status_code: u16,
    /// That there is no such endpoint.
    pub error: String,
    /// For the client's statistics.
    pub stat_tags: UnsupportedStatTags,
}

/// What the client counts such errors by.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct UnsupportedStatTags {
    /// Always `transformation`.
    #[schema(pattern = "^transformation$")]
    pub error_category: String,
}

/// The response of `/routerTransform`.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct RouterTransformResponse {
    /// One error per destination.
    pub output: Vec<RouterResponse>,
}

/// An error of `/routerTransform`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub enum RouterResponse {
    /// The events of one destination.
    Unsupported(Unsupported),
    /// There are no events.
    NoEvents(NoEvents),
}

/// That a request has no events.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct NoEvents {
    /// The name of the destination.
    pub metadata: Vec<Map<String, Value>>,
    /// Always false.
    pub batched: bool,
    /// Always 400.
    #[schema(minimum = 400, maximum = 400)]
    pub status_code: u16,
    /// That there are none.
    pub error: String,
}

/// A request that is rejected as a whole.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct ErrorBody {
    /// The name of the status.
    pub error: String,
    /// What is wrong and where.
    pub message: String,
    /// Only of `/explain`, if `destination` holds several: those to choose from.
    #[schema(required = false)]
    pub destinations: Vec<DestinationChoice>,
}

/// One of several destinations.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct DestinationChoice {
    /// Its ID; empty if it has none.
    pub id: String,
    /// Its name; empty if it has none.
    pub name: String,
    /// Its type.
    pub family: String,
    /// Whether it is in use.
    pub enabled: bool,
}

/// A destination that is not served.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "describes the response; it is written as text")]
pub struct UnknownDestinationBody {
    /// Which one.
    pub error: String,
}
