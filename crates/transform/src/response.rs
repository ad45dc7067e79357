//! Writes responses (docs/contract.md#output, docs/contract.md#batch, docs/contract.md#event-error).
//!
//! Values from the request are copied as text.

use crate::decision::Topic;
use crate::family::Family;
use crate::meter::{Halt, Usage};
use crate::rejection::Rejection;
use crate::request::event::{Event, Field, Metadata};
use json::javascript::{JsString, if_truthy};
use json::raw::Raw;

/// The parts of a transformed event that are written to the response.
pub struct Output<'e> {
    /// The message.
    pub message: Raw<'e>,
    /// The partition key; `None` means the empty key.
    pub user_id: Option<JsString<'e>>,
    /// `schemaId` in the integrations object.
    pub schema_id: Option<Raw<'e>>,
    /// The topic.
    pub topic: Topic<'e>,
}

/// The maximum size, in bytes, of the response to a transformed event, not counting the values that are copied into the
/// response.
pub const OVERHEAD: usize = 192;

/// The maximum size, in bytes, of a rejection, not counting the metadata and the IDs that are copied into the
/// rejection.
const REJECTION_OVERHEAD: usize = 1024;

/// Appends the response for a transformed event.
///
/// # Errors
/// Fails if the meter halts the request.
pub fn write_output(
    out: &mut String,
    output: &Output<'_>,
    metadata: &Metadata<'_>,
    usage: &Usage<'_>,
) -> Result<(), Halt> {
    let topic_text = output.topic.text.as_ref().map(JsString::escaped);
    let user_id = output.user_id.as_ref().map_or("", JsString::escaped);
    let schema_id = if_truthy(output.schema_id);
    let rudder_id = JsString::of(metadata.rudder_id);
    let text_bytes = |value: Option<Raw<'_>>| value.map_or(0, |value| value.text().len());
    let bytes = OVERHEAD
        + output.message.text().len()
        + user_id.len()
        + text_bytes(schema_id)
        + text_bytes(output.topic.value)
        + topic_text.map_or(0, str::len)
        + rudder_id.escaped().len()
        + metadata.raw.text().len();
    usage.grow(out, bytes)?;
    out.push_str("{\"output\":{\"message\":");
    out.push_str(output.message.text());
    out.push_str(",\"userId\":\"");
    out.push_str(user_id);
    out.push('"');
    if let Some(schema_id) = schema_id {
        out.push_str(",\"schemaId\":");
        out.push_str(schema_id.text());
    }
    if let Some(topic) = output.topic.value {
        out.push_str(",\"topic\":");
        out.push_str(topic.text());
    }
    out.push_str("},\"metadata\":");
    match topic_text {
        Some(topic) => write_routed_metadata(out, metadata, &rudder_id, topic),
        None => out.push_str(metadata.raw.text()),
    }
    out.push_str(",\"statusCode\":200}");
    Ok(())
}

/// Appends a copy of the metadata. In the copy, the value of `rudderId` ends with `<<>>` and the topic, as
/// rudder-server expects (docs/contract.md#output).
fn write_routed_metadata(out: &mut String, metadata: &Metadata<'_>, rudder_id: &JsString<'_>, topic: &str) {
    metadata.raw.write_with(out, "rudderId", metadata.rudder_id, |out| {
        out.push('"');
        out.push_str(rudder_id.escaped());
        out.push_str("<<>>");
        out.push_str(topic);
        out.push('"');
    });
}

/// Returns the maximum size of a rejection, in bytes.
fn rejection_bytes(metadata: Option<&Metadata<'_>>) -> usize {
    let Some(metadata) = metadata else { return REJECTION_OVERHEAD };
    let ids = [metadata.destination_id, metadata.workspace_id].into_iter().flatten();
    // An ID `{}` becomes the 15 characters `[object Object]`.
    REJECTION_OVERHEAD + metadata.raw.text().len() + ids.map(|id| 8 * id.text().len()).sum::<usize>()
}

/// The endpoint that rejects an event, which determines the format of `metadata` in the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectedBy {
    /// The processor transformation. `metadata` is one object, or `null` if the event's metadata is not an object,
    /// because rudder-server cannot decode any other value.
    Processor,
    /// `/batch`. `metadata` is an array of objects.
    Batch,
}

/// Appends the response to a rejected event.
///
/// # Errors
/// Fails if the meter halts the request.
pub fn write_rejection(
    out: &mut String,
    by: RejectedBy,
    family: &Family,
    event: Option<&Event<'_>>,
    rejection: Rejection,
    usage: &Usage<'_>,
) -> Result<(), Halt> {
    let (before, missing, after, feature) = match by {
        RejectedBy::Processor => ("", "null", "", "processor"),
        RejectedBy::Batch => ("[", "", "],\"batched\":false", "batch"),
    };
    let metadata = object_metadata(event);
    usage.grow(out, rejection_bytes(metadata))?;
    out.push_str("{\"metadata\":");
    out.push_str(before);
    out.push_str(metadata.map_or(missing, |metadata| metadata.raw.text()));
    out.push_str(after);
    write_reason(out, family, metadata, feature, rejection);
    out.push('}');
    Ok(())
}

fn object_metadata<'e, 'a>(event: Option<&'e Event<'a>>) -> Option<&'e Metadata<'a>> {
    match event?.metadata {
        Field::Object(ref metadata) => Some(metadata),
        Field::Missing | Field::Wrong => None,
    }
}

fn write_reason(
    out: &mut String,
    family: &Family,
    metadata: Option<&Metadata<'_>>,
    feature: &str,
    rejection: Rejection,
) {
    out.push_str(",\"statusCode\":400,\"error\":\"");
    out.push_str(rejection.text());
    out.push_str("\",\"statTags\":{\"errorCategory\":\"dataValidation\",\"errorType\":\"");
    out.push_str(rejection.error_type().text());
    out.push_str("\",\"destType\":\"");
    out.push_str(family.dest_type);
    out.push_str("\",\"module\":\"destination\",\"implementation\":\"native\",\"feature\":\"");
    out.push_str(feature);
    let ids =
        metadata.map(|metadata| [("destinationId", metadata.destination_id), ("workspaceId", metadata.workspace_id)]);
    for (name, id) in ids.into_iter().flatten() {
        if let Some(id) = id.filter(|id| !id.is_null()) {
            out.push_str("\",\"");
            out.push_str(name);
            out.push_str("\":\"");
            out.push_str(JsString::of(Some(id)).escaped());
        }
    }
    out.push_str("\"}");
}

/// Appends to `out` the response of the router endpoint `feature` to events whose destination type does not support
/// this endpoint.
pub fn write_unsupported<'e>(
    out: &mut String,
    family: &Family,
    feature: &str,
    metadata: impl Iterator<Item = Raw<'e>>,
) {
    out.push_str("{\"metadata\":");
    write_array(out, metadata.map(Raw::text));
    out.push_str(",\"batched\":false,\"statusCode\":500,\"error\":\"");
    out.push_str(family.name);
    out.push_str(" does not implement ");
    out.push_str(feature);
    out.push_str("\",\"statTags\":{\"errorCategory\":\"transformation\"}}");
}

/// Appends a JSON array of `values`, which must be JSON texts.
pub fn write_array<'e>(out: &mut String, values: impl Iterator<Item = &'e str>) {
    out.push('[');
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(value);
    }
    out.push(']');
}
