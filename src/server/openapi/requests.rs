//! The schemas of requests.
//!
//! The schemas accept every body that gets a response with status 200, even if the body contains malformed events: the
//! error of such an event is a part of the response. An element of `input` can therefore be any value.

#![allow(dead_code, reason = "these types describe JSON that is read and written elsewhere")]

use serde_json::{Map, Value};
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use transform::family::FAMILIES;

/// Returns a schema that accepts both `wanted` and any other value. `otherwise` describes how other values are treated.
pub(super) fn or_anything(wanted: impl Into<RefOr<Schema>>, otherwise: &str) -> RefOr<Schema> {
    let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(otherwise));
    AnyOfBuilder::new().item(wanted).item(anything).into()
}

fn events() -> RefOr<Schema> {
    let event = or_anything(Ref::from_schema_name("Event"), "Any other value gets a response with an error");
    ArrayBuilder::new().items(event).description(Some("The events")).into()
}

fn map(of: impl Into<RefOr<Schema>>, description: &str) -> RefOr<Schema> {
    let map = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(or_anything(of, "With any other value, events that need this entry are rejected")))
        .description(Some(description));
    or_anything(map, "Any other value is treated as an empty object")
}

fn destinations() -> RefOr<Schema> {
    map(Ref::from_schema_name("Destination"), "Destinations by `metadata.destinationId`")
}

fn connections() -> RefOr<Schema> {
    map(ObjectBuilder::new().schema_type(Type::Object), "Connections by `metadata.sourceId:metadata.destinationId`")
}

/// The headers that announce the format of a body.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct BodyHeaders {
    /// The format of the body: `json+compactedv1` (case-insensitive) for the compacted format. With any other value, or
    /// without the header, the body is in the plain format.
    #[param(rename = "X-Content-Format", value_type = String, required = false)]
    content_format: Option<String>,
    /// The compression of the body.
    #[param(rename = "Content-Encoding", schema_with = codings, required = false)]
    content_encoding: Option<String>,
}

/// The header that announces the compression of a body, for endpoints with only one body format.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct CodingHeader {
    /// The compression of the body.
    #[param(rename = "Content-Encoding", schema_with = codings, required = false)]
    content_encoding: Option<String>,
}

/// Returns the schema of the supported codings. An empty header is treated like a missing one.
fn codings() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["gzip", "deflate", "br", "identity", ""]))
}

/// The destination type in a path.
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

/// Returns the schema of a case-insensitive destination type.
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
    AnyOfBuilder::new()
        .item(names())
        .item(in_any_case)
        .description(Some("The destination type (case-insensitive)"))
        .into()
}

/// The body of a processor request, in one of two formats.
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

/// Events, with separate destinations and connections.
#[derive(ToSchema)]
pub struct Compacted {
    /// The events.
    #[schema(schema_with = events)]
    pub input: Vec<Event>,
    /// Destinations by `metadata.destinationId`.
    #[schema(schema_with = destinations, required = false)]
    pub destinations: Map<String, Value>,
    /// Connections by `metadata.sourceId:metadata.destinationId`.
    #[schema(schema_with = connections, required = false)]
    pub connections: Map<String, Value>,
}

/// The body of a router request, plain or compacted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouterRequest {
    /// The destination type.
    #[schema(schema_with = any_case_name)]
    pub dest_type: String,
    /// The events. Treated as empty if missing.
    #[schema(schema_with = events, required = false)]
    pub input: Vec<Event>,
    /// Destinations by `metadata.destinationId`, if the request is in the compacted format.
    #[schema(schema_with = destinations, required = false)]
    pub destinations: Map<String, Value>,
    /// Connections by `metadata.sourceId:metadata.destinationId`, if the request is in the compacted format.
    #[schema(schema_with = connections, required = false)]
    pub connections: Map<String, Value>,
}

/// An event.
#[derive(ToSchema)]
pub struct Event {
    /// The event itself, which is passed through. A missing `message` is treated as `{}`.
    pub message: Option<Map<String, Value>>,
    /// Data that rudder-server uses to match the response to the job of the event. It is passed through unchanged.
    pub metadata: Map<String, Value>,
    /// The destination of the event, if the request is in the plain format.
    #[schema(value_type = Destination, required = false)]
    pub destination: Option<Destination>,
    /// The connection between source and destination, if the request is in the plain format.
    pub connection: Option<Map<String, Value>>,
}

/// A destination as rudder-server sends it. Fields that are not listed here are ignored.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
pub struct Destination {
    /// The ID.
    #[schema(rename = "ID")]
    pub id: Option<String>,
    /// The settings: `topic`, `enableMultiTopic`, `eventTypeToTopicMap`, `eventToTopicMap`.
    pub config: Option<Map<String, Value>>,
    /// Whether Config may contain templates. Treated as true if missing.
    #[schema(rename = "hasDynamicConfig")]
    pub has_dynamic_config: Option<bool>,
}
