//! Exports requests as OpenTelemetry spans. The attributes of the spans follow the semantic conventions for HTTP
//! servers, but the path and the query are left out, because both may contain secrets.

use std::sync::OnceLock;

use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

use super::record::{Exchange, SpanIds};
use crate::server::http::error::RequestError;
use crate::server::http::trace_context::{Id, TraceParent};

/// The tracer of this process.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Enables the export of requests as spans through `tracer`. Only the first call has an effect.
pub fn export_with(tracer: SdkTracer) {
    TRACER.set(tracer).ok();
}

/// Whether requests are exported as spans.
pub(crate) fn are_exported() -> bool {
    TRACER.get().is_some()
}

/// Exports a finished request as a span, and returns the IDs of the trace and the span. Returns `None` if requests are
/// not exported.
pub(crate) fn export(exchange: &Exchange<'_>) -> Option<SpanIds> {
    let (tracer, (started, duration)) = TRACER.get().zip(exchange.time)?;
    // The thread's current context is not used as the parent, because it may belong to another request.
    let parent = exchange
        .parent
        .as_ref()
        .map_or_else(Context::new, |parent| Context::new().with_remote_span_context(context_of(parent)));
    // OpenTelemetry's semantic conventions require `_OTHER` for unknown methods.
    let method = if exchange.method == "other" { "_OTHER" } else { exchange.method };
    let name = match (exchange.route, method) {
        (Some(route), method) => format!("{method} {route}"),
        (None, "_OTHER") => "HTTP".to_owned(),
        (None, method) => method.to_owned(),
    };
    let integer = |name: &'static str, value: u64| KeyValue::new(name, i64::try_from(value).unwrap_or(i64::MAX));
    let failure = exchange.status.is_server_error();
    let attributes = [
        Some(KeyValue::new("http.request.method", method)),
        Some(KeyValue::new("url.scheme", "http")),
        Some(integer("http.response.status_code", exchange.status.as_u16().into())),
        exchange.route.map(|route| KeyValue::new("http.route", route.to_owned())),
        exchange.request_bytes.map(|bytes| integer("http.request.body.size", bytes)),
        exchange.response_bytes.map(|bytes| integer("http.response.body.size", bytes)),
        failure
            .then(|| KeyValue::new("error.type", exchange.error.map_or("internal_server_error", RequestError::code))),
        Some(KeyValue::new("request_id", exchange.id.to_owned())),
        exchange.destination.map(|destination| KeyValue::new("dest_type", destination)),
        exchange.events.map(|events| integer("events", events)),
        exchange.events.map(|_| integer("rejected", exchange.rejected.iter().sum())),
    ];
    let mut span = tracer
        .span_builder(name)
        .with_kind(SpanKind::Server)
        .with_start_time(started)
        .with_attributes(attributes.into_iter().flatten())
        .start_with_context(tracer, &parent);
    if failure {
        span.set_status(Status::error(""));
    }
    let context = span.span_context();
    let ids = (Id(context.trace_id().to_bytes()), Id(context.span_id().to_bytes()));
    span.end_with_timestamp(started + duration);
    Some(ids)
}

fn context_of(parent: &TraceParent) -> SpanContext {
    let flags = if parent.sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    SpanContext::new(
        TraceId::from_bytes(parent.trace_id.0),
        SpanId::from_bytes(parent.parent_id.0),
        flags,
        true,
        TraceState::NONE,
    )
}
