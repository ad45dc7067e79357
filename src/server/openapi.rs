//! The OpenAPI document and the page that shows it. The types here only describe; requests and answers themselves
//! stay text, see [`crate::transform`].

use actix_web::web::{self, ServiceConfig};
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::routes::{batch, features, processor, router_transform, status};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "rudder-kafka-transformer",
        description = "Transforms RudderStack events for Apache Kafka, Azure Event Hubs and Confluent Cloud.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        processor::transform,
        batch::batch,
        router_transform::router_transform,
        status::health,
        status::ready,
        features::features,
        status::version
    ),
    tags(
        (name = "transformation", description = "What rudder-server calls for every batch of events"),
        (name = "status", description = "What the service is and can do")
    )
)]
struct Document;

/// Paths that answer like another one.
const ALIASES: [(&str, &str); 3] = [
    ("/v1/destinations/{destination}", "/v0/destinations/{destination}"),
    ("/buildVersion", "/version"),
    ("/transformerBuildVersion", "/version"),
];

fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let paths = &mut document.paths.paths;
    for (alias, of) in ALIASES {
        let Some(mut item) = paths.get(of).cloned() else { continue };
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.operation_id = Some(alias.trim_matches('/').replace("/destinations/{destination}", "Transform"));
        }
        paths.insert(alias.to_owned(), item);
    }
    document
}

/// The document as pretty JSON, as it is kept in `openapi/openapi.json`.
#[must_use]
pub fn document() -> String {
    let mut text = openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Registers `/docs` and `/openapi.json`.
pub fn configure(config: &mut ServiceConfig) {
    config.service(web::redirect("/docs", "/docs/")).service(
        SwaggerUi::new("/docs/{_:.*}")
            .url("/openapi.json", openapi())
            // Without this the page would ask a server on the internet whether the document is valid.
            .config(Config::default().validator_url("none")),
    );
}

/// The body of a processor request, in one of two forms.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the body; it is read as text")]
pub enum CompactedOrPlain {
    /// Every event carries its destination.
    Plain(Vec<Event>),
    /// With the header `X-Content-Format: json+compactedv1`.
    Compacted(Compacted),
}

/// Events, with destinations and connections beside them.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; it is read as text")]
pub struct Compacted {
    /// The events.
    pub input: Vec<Event>,
    /// By `metadata.destinationId`.
    pub destinations: Map<String, Value>,
    /// By `metadata.sourceId:metadata.destinationId`.
    pub connections: Option<Map<String, Value>>,
}

/// The body of a router request.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; it is read as text")]
pub struct RouterRequest {
    /// `kafka`, `azure_event_hub` or `confluent_cloud`, in any letter case.
    #[schema(example = "kafka")]
    pub dest_type: String,
    /// The events.
    pub input: Vec<Event>,
    /// In the compacted form: by `metadata.destinationId`.
    pub destinations: Option<Map<String, Value>>,
    /// In the compacted form: by `metadata.sourceId:metadata.destinationId`.
    pub connections: Option<Map<String, Value>>,
}

/// An event.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; it is read as text")]
pub struct Event {
    /// The event itself, which is passed through.
    pub message: Option<Map<String, Value>>,
    /// What the client needs to match the answer to its job; passed through.
    pub metadata: Map<String, Value>,
    /// In the plain form: where the event goes.
    pub destination: Option<Destination>,
    /// In the plain form: how source and destination are connected.
    pub connection: Option<Map<String, Value>>,
}

/// A destination as rudder-server sends it; members that are not listed do not matter.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code, reason = "describes the body; it is read as text")]
pub struct Destination {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// Its settings: `topic`, `enableMultiTopic`, `eventTypeToTopicMap`, `eventToTopicMap`.
    pub config: Option<Map<String, Value>>,
    /// Whether Config may hold templates.
    #[serde(rename = "hasDynamicConfig")]
    pub has_dynamic_config: Option<bool>,
}

/// The answer for one event.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the answer; it is written as text")]
pub enum EventAnswer {
    /// Transformed.
    Transformed(Transformed),
    /// Refused.
    Rejected(Rejected),
}

/// A transformed event.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the answer; it is written as text")]
pub struct Transformed {
    /// What is produced.
    pub output: Output,
    /// As received, with the topic behind `rudderId`.
    pub metadata: Map<String, Value>,
    /// Always 200.
    #[schema(example = 200)]
    pub status_code: u16,
}

/// What rudder-server produces to Kafka.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the answer; it is written as text")]
pub struct Output {
    /// The event.
    pub message: Map<String, Value>,
    /// The partition key.
    pub user_id: String,
    /// The Avro schema, where the event names one.
    pub schema_id: Option<Value>,
    /// The topic: a string, unless Config or the event hold something else.
    pub topic: Option<Value>,
}

/// A refused event.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the answer; it is written as text")]
pub struct Rejected {
    /// As received; `null` where it is no object.
    #[schema(required = true)]
    pub metadata: Option<Map<String, Value>>,
    /// Always 400.
    #[schema(example = 400)]
    pub status_code: u16,
    /// What is wrong.
    pub error: String,
    /// For the client's statistics.
    pub stat_tags: StatTags,
}

/// What the client counts errors by.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the answer; it is written as text")]
pub struct StatTags {
    /// `dataValidation`.
    pub error_category: String,
    /// `instrumentation` (the event) or `configuration` (the destination).
    pub error_type: String,
    /// The destination's name, upper case.
    pub dest_type: String,
    /// `destination`.
    pub module: String,
    /// `native`.
    pub implementation: String,
    /// `processor` or `batch`.
    pub feature: String,
    /// From the metadata.
    pub destination_id: Option<String>,
    /// From the metadata.
    pub workspace_id: Option<String>,
}

/// A group of events, or an event that was refused.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the answer; it is written as text")]
pub struct BatchAnswer {
    /// The messages of the group.
    pub batched_request: Option<Vec<Map<String, Value>>>,
    /// The metadata of each.
    pub metadata: Vec<Map<String, Value>>,
    /// Whether this is a group.
    pub batched: bool,
    /// 200, or what is wrong.
    pub status_code: u16,
    /// What is wrong.
    pub error: Option<String>,
    /// For the client's statistics.
    pub stat_tags: Option<Map<String, Value>>,
    /// The destination of the group.
    pub destination: Option<Map<String, Value>>,
}

/// The answer of `/routerTransform`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the answer; it is written as text")]
pub struct RouterTransformAnswer {
    /// One error per destination.
    pub output: Vec<BatchAnswer>,
}

/// A request that is refused as a whole.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the answer; it is written as text")]
pub struct ErrorBody {
    /// The name of the status.
    #[schema(example = "Bad Request")]
    pub error: String,
    /// What is wrong and where.
    pub message: String,
}

/// A destination that is not served.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the answer; it is written as text")]
pub struct UnknownDestinationBody {
    /// Which one.
    #[schema(example = "Unknown destination: kinesis")]
    pub error: String,
}
