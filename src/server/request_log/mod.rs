//! Log lines about requests (docs/reference/logs.md):
//! * one line at level debug for each request,
//! * one line at level warn for each destination with rejected events,
//! * one line at level warn or error for each request that is rejected or fails.
//!
//! The lines never contain a raw path, a query, a header or a part of a body, because each of these may contain a
//! secret. The IDs of destinations, sources and workspaces are logged only if they look like IDs.

mod record;
#[cfg(feature = "otlp")]
pub mod spans;

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpRequest};

use super::activity::observed::RejectedEvents;
use super::config::UnservedPolicy;
use super::http::error::{Detail, RequestError};
use super::http::identity::Identity;
use super::http::lengths::{request_bytes, response_bytes};
use super::http::path::loggable;
use super::http::request_id::{RequestIds, X_REQUEST_ID};
use super::http::route::{FromUpstream, Route, UpstreamAddress, method_label};
use super::http::trace_context::TraceParent;
use super::limits::limit::LimitValues;
use record::{Exchange, SpanIds};
use transform::decision::{Rejected, Tally};
use transform::family::Family;
use transform::rejection::Rejection;

/// The event counts of a request, as reported by the route that handled the request. They are recorded only if a log
/// line or span may contain them.
#[derive(Debug, Clone, Copy, Default)]
struct Noted {
    events: Option<u64>,
    rejected: Rejected,
}

/// The rejected events of a request, by destination.
#[derive(Debug)]
struct NotedDestinations(Vec<RejectedEvents>);

/// The maximum number of destinations per request that get their own log line about rejected events. All further
/// destinations share one additional line.
const MAX_DESTINATION_LINES: usize = 8;

/// Records the rejected events of a request, by destination, for the log.
pub(crate) fn note_rejected(request: &HttpRequest, mut destinations: Vec<RejectedEvents>) {
    let rest = destinations.split_off(destinations.len().min(MAX_DESTINATION_LINES));
    if let Some(others) = rest.into_iter().reduce(RejectedEvents::merged) {
        destinations.push(RejectedEvents { identity: Identity::default(), ..others });
    }
    request.extensions_mut().insert(NotedDestinations(destinations));
}

/// Whether all requests are logged or traced, and not only requests with errors.
fn reports_every_request() -> bool {
    #[cfg(feature = "otlp")]
    if spans::are_exported() {
        return true;
    }
    tracing::enabled!(tracing::Level::DEBUG)
}

/// Records how many events a request has and how many of these are rejected, if a log line or span may contain the
/// counts.
pub(crate) fn note_events(request: &HttpRequest, tally: &Tally) {
    if tally.rejected.iter().any(|count| *count > 0) || reports_every_request() {
        request.extensions_mut().insert(Noted { events: Some(tally.events), rejected: tally.rejected });
    }
}

/// Middleware that writes the log lines of each request, and adds the request ID to each response that does not come
/// from the upstream.
pub async fn log(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id =
        request.app_data::<Data<RequestIds>>().map_or(HeaderValue::from_static(""), |ids| ids.of(request.headers()));
    let parent = TraceParent::of(request.headers());
    #[expect(
        clippy::disallowed_methods,
        reason = "the start of a span needs the wall-clock time; its duration needs a monotonic clock"
    )]
    let started = reports_every_request().then(|| (SystemTime::now(), Instant::now()));
    let time = || started.map(|(at, started)| (at, started.elapsed()));
    let method = request.method().clone();
    match next.call(request).await {
        Ok(mut response) => {
            if !response.response().extensions().contains::<FromUpstream>() {
                response.headers_mut().insert(X_REQUEST_ID, id.clone());
            }
            let is_error = response.status().is_client_error() || response.status().is_server_error();
            if started.is_some() || is_error || response.request().extensions().contains::<Noted>() {
                log_response(&id, &response, time(), parent);
            }
            Ok(response)
        }
        Err(error) => {
            let mut response = error.error_response();
            log_failure(&id, &method, &error, time(), parent);
            response.headers_mut().insert(X_REQUEST_ID, id);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Logs a request that got a response.
fn log_response(
    id: &HeaderValue,
    response: &ServiceResponse<impl MessageBody>,
    time: Option<(SystemTime, Duration)>,
    parent: Option<TraceParent>,
) {
    let request = response.request();
    let route = request.app_data::<Route>().map(|route| route.0);
    let extensions = request.extensions();
    let noted = extensions.get::<Noted>().copied().unwrap_or_default();
    let failed = extensions.get::<UpstreamAddress>();
    let exchange = Exchange {
        id: id.to_str().unwrap_or(""),
        method: method_label(request.method()),
        route,
        status: response.status(),
        time,
        request_bytes: request_bytes(request),
        response_bytes: response_bytes(response.response().body()),
        destination: extensions.get::<&'static Family>().map(|family| family.name),
        events: noted.events,
        rejected: noted.rejected,
        destinations: extensions.get::<NotedDestinations>().map_or(&[], |noted| &noted.0),
        error: response.response().error().and_then(Error::as_error),
        identity: extensions.get::<Identity>(),
        upstream: failed.map(|address| (loggable(request.uri().path()), &*address.0)),
        limits: request.app_data::<LimitValues>(),
        parent,
    };
    exchange.log();
}

/// Logs a request for which the service returned an error instead of a response, because of a bug in the service.
fn log_failure(
    id: &HeaderValue,
    method: &Method,
    error: &Error,
    time: Option<(SystemTime, Duration)>,
    parent: Option<TraceParent>,
) {
    let exchange = Exchange {
        id: id.to_str().unwrap_or(""),
        method: method_label(method),
        route: None,
        status: error.as_response_error().status_code(),
        time,
        request_bytes: None,
        response_bytes: None,
        destination: None,
        events: None,
        rejected: Rejected::default(),
        destinations: &[],
        error: error.as_error(),
        identity: None,
        upstream: None,
        limits: None,
        parent,
    };
    exchange.log();
}

impl Exchange<'_> {
    /// Writes the log lines and exports the span. [`super::log::rate_limit`] limits the number of lines of each kind.
    fn log(&self) {
        let (trace_id, span_id) = match self.span() {
            Some((trace_id, span_id)) => (Some(trace_id), Some(span_id)),
            None => (self.parent.map(|parent| parent.trace_id), None),
        };
        let parent_id = self.parent.map(|parent| parent.parent_id);
        // Writes a log line with the given fields and the fields that all lines share. A field that is `None` is left
        // out.
        macro_rules! line {
            ($level:ident, $text:literal, $identity:expr, $($own:tt)*) => {{
                let identity: Option<&Identity> = $identity;
                tracing::$level!(
                    request_id = self.id,
                    method = self.method,
                    route = self.route,
                    status = self.status.as_u16(),
                    dest_type = self.destination.or_else(|| identity?.dest_type.as_deref()),
                    destination_id = identity.and_then(|identity| identity.destination_id.as_deref()),
                    source_id = identity.and_then(|identity| identity.source_id.as_deref()),
                    workspace_id = identity.and_then(|identity| identity.workspace_id.as_deref()),
                    $($own)*
                    trace_id = trace_id.map(tracing::field::display),
                    parent_id = parent_id.map(tracing::field::display),
                    span_id = span_id.map(tracing::field::display),
                    $text
                )
            }};
        }
        for RejectedEvents { identity, events, rejected } in self.destinations {
            let (count, reasons) = (rejected.iter().sum::<u64>(), Reasons(rejected));
            line!(warn, "events rejected", Some(identity), events, rejected = count, reasons = %reasons,);
        }
        let reason = self.error.map(RequestError::code);
        let Detail { text, position, limit } = self.detail();
        let (line, column) = (position.map(|(line, _)| line), position.map(|(_, column)| column));
        let (limit, limit_value) = (limit.map(|limit| limit.setting), limit.map(|limit| limit.value));
        let (path, upstream) =
            (self.upstream.as_ref().map(|(path, _)| &**path), self.upstream.as_ref().map(|(_, at)| *at));
        match self.kind() {
            Kind::Ordinary => {}
            Kind::Rejected => {
                line!(warn, "request rejected", self.identity, reason, detail = text, line, column, limit, limit_value,);
            }
            Kind::Overloaded => {
                line!(warn, "request rejected under overload", self.identity, reason, limit, limit_value,);
            }
            Kind::Unserved => self.report_unserved(),
            Kind::Failed => {
                line!(error, "request failed", self.identity, reason, detail = text, path, upstream,);
            }
        }
        let rejected: u64 = self.rejected.iter().sum();
        tracing::debug!(
            request_id = self.id,
            method = self.method,
            route = self.route,
            status = self.status.as_u16(),
            duration_ms = self.time.map(|(_, duration)| duration.as_micros() as f64 / 1e3),
            request_bytes = self.request_bytes,
            response_bytes = self.response_bytes,
            dest_type = self.destination,
            events = self.events,
            rejected = self.events.map(|_| rejected),
            reason,
            trace_id = trace_id.map(tracing::field::display),
            parent_id = parent_id.map(tracing::field::display),
            span_id = span_id.map(tracing::field::display),
            "request"
        );
    }

    /// Logs a request that was not served. Does nothing if the rate limit suppressed the log line when the request was
    /// rejected.
    fn report_unserved(&self) {
        let Some(RequestError::Unserved(unserved)) = self.error else { return };
        let Some(line) = &unserved.line else { return };
        tracing::error!(
            request_id = self.id,
            status = self.status.as_u16(),
            path = line.path,
            endpoint = unserved.endpoint.code(),
            dest_type = line.identity.dest_type,
            destination_id = line.identity.destination_id,
            source_id = line.identity.source_id,
            workspace_id = line.identity.workspace_id,
            suppressed = (line.suppressed > 0).then_some(line.suppressed),
            "request not served, {}: {}",
            match unserved.policy {
                UnservedPolicy::Retry => "rudder-server keeps the events and retries",
                UnservedPolicy::Reject => "rudder-server drops the events",
            },
            unserved.message(),
        );
    }

    /// Returns the error details that may be logged. Error texts of `/explain` are left out, because they may repeat an
    /// operator's input.
    fn detail(&self) -> Detail<'_> {
        let detail = self.error.map(|error| error.detail(self.limits)).unwrap_or_default();
        if self.route == Some("/explain") { Detail { text: None, ..detail } } else { detail }
    }

    /// If the export of spans is enabled, exports the request as a span, and returns the IDs of the trace and the span.
    fn span(&self) -> Option<SpanIds> {
        #[cfg(feature = "otlp")]
        return spans::export(self);
        #[cfg(not(feature = "otlp"))]
        None
    }

    fn kind(&self) -> Kind {
        match self.error {
            Some(error) if matches!(error.code(), "not_found" | "method_not_allowed") => Kind::Ordinary,
            Some(RequestError::NotReady(_) | RequestError::FeaturesUnknown) => Kind::Ordinary,
            Some(RequestError::Overloaded(_)) => Kind::Overloaded,
            Some(RequestError::Unserved(_)) => Kind::Unserved,
            _ if self.status.is_server_error() => Kind::Failed,
            Some(_) if self.status.is_client_error() => Kind::Rejected,
            _ => Kind::Ordinary,
        }
    }
}

/// The kind of log line that a request gets in addition to the line at level debug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No further log line. Ordinary requests are successful requests, failed probes during startup and shutdown,
    /// `/features` requests while the features are unknown, and requests with an unknown path or a wrong method.
    /// Scanners send thousands of requests for unknown paths.
    Ordinary,
    /// A client error. rudder-server drops the events of the request.
    Rejected,
    /// The service is overloaded. rudder-server retries the request.
    Overloaded,
    /// Only a rudder-transformer can serve the request, and there is no upstream.
    Unserved,
    /// A bug in the service, or a failure of the upstream.
    Failed,
}

/// Formats rejection reasons with their counts, such as `metadata_missing=2,event_not_an_object=1`.
struct Reasons<'r>(&'r Rejected);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = Rejection::ALL.iter().zip(self.0).filter(|(_, count)| **count > 0);
        for (index, (rejection, count)) in counted.enumerate() {
            write!(f, "{}{}={count}", if index > 0 { "," } else { "" }, rejection.code())?;
        }
        Ok(())
    }
}
