//! The schemas of responses, with every field that can occur.

#![allow(dead_code, reason = "these types describe JSON that is read and written elsewhere")]

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The response for one event.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum EventResponse {
    /// A transformed event.
    Transformed(Transformed),
    /// A rejected event.
    Rejected(Rejected),
}

/// A transformed event.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transformed {
    /// The record to produce.
    pub output: Output,
    /// The metadata as received, with the topic appended to `rudderId`.
    pub metadata: Map<String, Value>,
    /// Always 200.
    #[schema(minimum = 200, maximum = 200)]
    pub status_code: u16,
}

/// The record that rudder-server produces to Kafka.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Output {
    /// The event.
    pub message: Map<String, Value>,
    /// The partition key.
    pub user_id: String,
    /// The ID of the Avro schema, if the event names one.
    #[schema(required = false)]
    pub schema_id: Value,
    /// The topic: a string, unless Config or the event contains a topic of another type.
    #[schema(required = false)]
    pub topic: Value,
}

/// A rejected event.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rejected {
    /// The metadata as received, or `null` if it is not an object.
    #[schema(required = true)]
    pub metadata: Option<Map<String, Value>>,
    /// Always 400.
    #[schema(minimum = 400, maximum = 400)]
    pub status_code: u16,
    /// The error message.
    pub error: String,
    /// Labels for rudder-server's statistics.
    pub stat_tags: StatTags,
}

/// The labels by which rudder-server counts errors.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatTags {
    /// Always `dataValidation`.
    #[schema(pattern = "^dataValidation$")]
    pub error_category: String,
    /// What is wrong: the event (`instrumentation`) or the destination (`configuration`).
    #[schema(pattern = "^(instrumentation|configuration)$")]
    pub error_type: String,
    /// The destination type in uppercase.
    #[schema(pattern = "^(KAFKA|AZURE_EVENT_HUB|CONFLUENT_CLOUD)$")]
    pub dest_type: String,
    /// Always `destination`.
    #[schema(pattern = "^destination$")]
    pub module: String,
    /// Always `native`.
    #[schema(pattern = "^native$")]
    pub implementation: String,
    /// The endpoint that rejected the event.
    #[schema(pattern = "^(processor|batch)$")]
    pub feature: String,
    /// `destinationId` from the metadata.
    #[schema(required = false)]
    pub destination_id: String,
    /// `workspaceId` from the metadata.
    #[schema(required = false)]
    pub workspace_id: String,
}

/// A group of events, or an error.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum BatchResponse {
    /// Events that are delivered together.
    Group(Group),
    /// An event that was rejected.
    Rejected(RejectedInBatch),
    /// An error for events of a destination type that does not support this endpoint.
    Unsupported(Unsupported),
}

/// Events of one destination and topic.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// The messages.
    pub batched_request: Vec<Map<String, Value>>,
    /// The metadata of each message.
    pub metadata: Vec<Map<String, Value>>,
    /// Always true.
    pub batched: bool,
    /// Always 200.
    #[schema(minimum = 200, maximum = 200)]
    pub status_code: u16,
    /// The destination, taken from the first event.
    pub destination: Map<String, Value>,
}

/// An event that was rejected.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RejectedInBatch {
    /// The metadata of the event, if it has any.
    #[schema(max_items = 1)]
    pub metadata: Vec<Map<String, Value>>,
    /// Always false.
    pub batched: bool,
    /// Always 400.
    #[schema(minimum = 400, maximum = 400)]
    pub status_code: u16,
    /// The error message.
    pub error: String,
    /// Labels for rudder-server's statistics.
    pub stat_tags: StatTags,
}

/// An error for events of a destination type that does not support the endpoint.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unsupported {
    /// The metadata of each event.
    pub metadata: Vec<Map<String, Value>>,
    /// Always false.
    pub batched: bool,
    /// Always 500.
    #[schema(minimum = 500, maximum = 500)]
    pub status_code: u16,
    /// An error message stating that the endpoint is not supported.
    pub error: String,
    /// Labels for rudder-server's statistics.
    pub stat_tags: UnsupportedStatTags,
}

/// The labels by which rudder-server counts errors for destination types that do not support the endpoint.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnsupportedStatTags {
    /// Always `transformation`.
    #[schema(pattern = "^transformation$")]
    pub error_category: String,
}

/// The response of `/routerTransform`.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterTransformResponse {
    /// One error per destination.
    pub output: Vec<RouterResponse>,
}

/// An error in a response of `/routerTransform`.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum RouterResponse {
    /// The error for the events of one destination.
    Unsupported(Unsupported),
    /// The error for a request without events.
    NoEvents(NoEvents),
}

/// The error for a request without events.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoEvents {
    /// One object, with the destination type of the request.
    pub metadata: Vec<Map<String, Value>>,
    /// Always false.
    pub batched: bool,
    /// Always 400.
    #[schema(minimum = 400, maximum = 400)]
    pub status_code: u16,
    /// An error message stating that there are no events.
    pub error: String,
}

/// The error for a request that is rejected as a whole.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorBody {
    /// The name of the status.
    pub error: String,
    /// A description of the error and its location.
    pub message: String,
    /// The destinations to choose from. Present only in a response of `/explain`, if `destination` in the request
    /// contains several destinations.
    #[schema(required = false)]
    pub destinations: Vec<DestinationChoice>,
}

/// One of several destinations.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DestinationChoice {
    /// The ID, or empty if the destination has none.
    pub id: String,
    /// The name, or empty if the destination has none.
    pub name: String,
    /// The destination type.
    pub family: String,
    /// Whether the destination is enabled.
    pub enabled: bool,
}

/// The error for a destination type that this service does not handle.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnknownDestinationBody {
    /// An error message with the name of the destination type.
    pub error: String,
}
