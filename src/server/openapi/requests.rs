//! What requests look like.
//!
//! A schema says what gets a 200. That is more than what an event should look like: what is wrong with one
//! event is reported in its own response, so an element of `input` may be anything.

use serde_json::{Map, Value};
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use transform::family::FAMILIES;

/// What `wanted` describes, or anything else, with what then happens.
pub(super) fn or_anything(wanted: impl Into<RefOr<Schema>>, otherwise: &str) -> RefOr<Schema> {
    let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(otherwise));
    AnyOfBuilder::new().item(wanted).item(anything).into()
}

fn events() -> RefOr<Schema> {
    let event = or_anything(Ref::from_schema_name("Event"), "Anything else gets a response of its own that says so");
    ArrayBuilder::new().items(event).description(Some("The events")).into()
}

fn map(of: impl Into<RefOr<Schema>>, description: &str) -> RefOr<Schema> {
    let map = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(or_anything(of, "Anything else is rejected with the events that need it")))
        .description(Some(description));
    or_anything(map, "Anything else counts as an empty object")
}

fn destinations() -> RefOr<Schema> {
    map(Ref::from_schema_name("Destination"), "By `metadata.destinationId`")
}

fn connections() -> RefOr<Schema> {
    map(ObjectBuilder::new().schema_type(Type::Object), "By `metadata.sourceId:metadata.destinationId`")
}

/// The headers that tell how a body is to be read.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "describes the headers")]
pub struct BodyHeaders {
    /// `json+compactedv1`, in any letter case, for the compacted form; with anything else, or none, the body is plain.
    #[param(rename = "X-Content-Format", value_type = String, required = false)]
    content_format: Option<String>,
    /// How the body is compressed.
    #[param(rename = "Content-Encoding", schema_with = codings, required = false)]
    content_encoding: Option<String>,
}

/// The header that reports how a body is compressed, for an endpoint with one form only.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "describes the header")]
pub struct CodingHeader {
    /// How the body is compressed.
    #[param(rename = "Content-Encoding", schema_with = codings, required = false)]
    content_encoding: Option<String>,
}

/// An empty one is not one.
fn codings() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["gzip", "deflate", "br", "identity", ""]))
}

/// The name of a destination in a path.
pub struct DestinationName;

impl PartialSchema for DestinationName {
    fn schema() -> RefOr<Schema> {
        names().into()
    }
}

impl ToSchema for DestinationName {}

fn names() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(FAMILIES.map(|family| family.name)))
}

/// A destination's name in any letter case.
pub(super) fn any_case_name() -> RefOr<Schema> {
    let any_case = |name: &str| -> String {
        name.chars()
            .map(|letter| match letter.is_ascii_lowercase() {
                true => format!("[{}{letter}]", letter.to_ascii_uppercase()),
                false => letter.to_string(),
            })
            .collect()
    };
    let pattern = format!("^({})$", FAMILIES.map(|family| any_case(family.name)).join("|"));
    let in_any_case = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    AnyOfBuilder::new().item(names()).item(in_any_case).description(Some("The destination, in any letter case")).into()
}

/// The body of a processor request, in one of two forms.
pub struct ProcessorRequest;

impl PartialSchema for ProcessorRequest {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(events())
            .item(Ref::from_schema_name("Compacted"))
            .description(Some(
                "Plain: an array of events, each with its destination. Compacted: an object, with the header \
                 `X-Content-Format: json+compactedv1`.",
            ))
            .into()
    }
}

impl ToSchema for ProcessorRequest {}

/// Events, with destinations and connections next to them.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; it is read as text")]
pub struct Compacted {
    /// The events.
    #[schema(schema_with = events)]
    pub input: Vec<Event>,
    /// By `metadata.destinationId`.
    #[schema(schema_with = destinations, required = false)]
    pub destinations: Map<String, Value>,
    /// By `metadata.sourceId:metadata.destinationId`.
    #[schema(schema_with = connections, required = false)]
    pub connections: Map<String, Value>,
}

/// The body of a router request, plain or compacted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; it is read as text")]
pub struct RouterRequest {
    /// The destination.
    #[schema(schema_with = any_case_name)]
    pub dest_type: String,
    /// The events; none where it is missing.
    #[schema(schema_with = events, required = false)]
    pub input: Vec<Event>,
    /// In the compacted form: by `metadata.destinationId`.
    #[schema(schema_with = destinations, required = false)]
    pub destinations: Map<String, Value>,
    /// In the compacted form: by `metadata.sourceId:metadata.destinationId`.
    #[schema(schema_with = connections, required = false)]
    pub connections: Map<String, Value>,
}

/// An event.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; it is read as text")]
pub struct Event {
    /// The event itself, which is passed through; `{}` where it is missing.
    pub message: Option<Map<String, Value>>,
    /// What the client needs to match the response to its job; passed through.
    pub metadata: Map<String, Value>,
    /// In the plain form: where the event goes.
    #[schema(value_type = Destination, required = false)]
    pub destination: Option<Destination>,
    /// In the plain form: how source and destination are connected.
    pub connection: Option<Map<String, Value>>,
}

/// A destination as rudder-server sends it; members that are not listed do not matter.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[allow(dead_code, reason = "describes the body; it is read as text")]
pub struct Destination {
    /// Its id.
    #[schema(rename = "ID")]
    pub id: Option<String>,
    /// Its settings: `topic`, `enableMultiTopic`, `eventTypeToTopicMap`, `eventToTopicMap`.
    pub config: Option<Map<String, Value>>,
    /// Whether Config may hold templates; where it is missing, it may.
    #[schema(rename = "hasDynamicConfig")]
    pub has_dynamic_config: Option<bool>,
}
