//! The schemas of requests.
//!
//! A schema describes every body that gets a 200. This includes malformed events. An error in an event is reported in
//! the response for that event, so an element of `input` may be any value.

#![allow(dead_code, reason = "these types describe JSON that is read and written elsewhere")]

use serde_json::{Map, Value};
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use transform::family::FAMILIES;

/// Returns a schema for `wanted` or any other value. `otherwise` describes what happens to any other value.
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
        .additional_properties(Some(or_anything(of, "With any other value, events that need it are rejected")))
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
    /// `json+compactedv1` (case-insensitive) for the compacted format. With any other value, or without the header, the
    /// body is plain.
    #[param(rename = "X-Content-Format", value_type = String, required = false)]
    content_format: Option<String>,
    /// The compression of the body.
    #[param(rename = "Content-Encoding", schema_with = codings, required = false)]
    content_encoding: Option<String>,
}

/// The header that announces the compression of a body, for an endpoint with only one format.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct CodingHeader {
    /// The compression of the body.
    #[param(rename = "Content-Encoding", schema_with = codings, required = false)]
    content_encoding: Option<String>,
}

/// The supported codings. An empty header is treated as missing.
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

/// A destination's name, case-insensitive.
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
    /// Destinations by `metadata.destinationId`, in the compacted format.
    #[schema(schema_with = destinations, required = false)]
    pub destinations: Map<String, Value>,
    /// Connections by `metadata.sourceId:metadata.destinationId`, in the compacted format.
    #[schema(schema_with = connections, required = false)]
    pub connections: Map<String, Value>,
}

/// An event.
#[derive(ToSchema)]
pub struct Event {
    /// The event itself, which is passed through. A missing `message` is treated as `{}`.
    pub message: Option<Map<String, Value>>,
    /// Data that rudder-server uses to match the response to its job. It is passed through unchanged.
    pub metadata: Map<String, Value>,
    /// The destination of the event, in the plain format.
    #[schema(value_type = Destination, required = false)]
    pub destination: Option<Destination>,
    /// The connection between source and destination, in the plain format.
    pub connection: Option<Map<String, Value>>,
}

/// A destination as rudder-server sends it. Other fields are ignored.
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
