//! Errors that apply to a whole request, with their status, name and text (docs/contract.md#errors). Errors that apply
//! to a single event are in [`transform::rejection`].

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use json::display::shorten;
use serde_json::json;

use super::coding::UnsupportedCoding;
use super::headers::JSON;
use super::unserved::{UnservedEndpoint, UnservedRequest};
use crate::server::config::UnservedPolicy;
use crate::server::limits::limit::{Limit, LimitValue, LimitValues};
use destinations::select::Choice;
use transform::meter::Halt;
use transform::request::BodyError;

/// Why a request is rejected as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The body cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// `POST /explain` got several destinations. The fields are the error text and the destinations to choose from.
    #[error("{0}")]
    DestinationAmbiguous(String, Vec<Choice>),
    /// The operator token is missing or wrong.
    #[error("operator token required: send it in the header Authorization: Bearer <token>")]
    Unauthorized,
    /// No endpoint has this path and method.
    #[error("no such endpoint: see /docs, or set UPSTREAM_TRANSFORMER_URL to a transformer that serves it")]
    NotFound,
    /// `/metrics` was requested on the service's port. The number is the metrics port.
    #[error("metrics are served at /metrics on port {0} (METRICS_PORT)")]
    MetricsElsewhere(u16),
    /// The metrics port has no endpoint with this path and method.
    #[error("no such endpoint on the metrics port: use /metrics, /destinations, /health or /ready")]
    NotOnMetricsPort,
    /// An endpoint of this service was requested with a method that it does not support. The string is the value of the
    /// header `Allow`.
    #[error("method not allowed: use {}", .0.replace(", ", " or "))]
    MethodNotAllowed(&'static str),
    /// This service does not handle the destination type.
    #[error("Unknown destination: {0}")]
    UnknownDestination(String),
    /// Only a rudder-transformer can serve the request, and there is no upstream.
    #[error("{}", .0.message())]
    Unserved(Box<UnservedRequest>),
    /// The body exceeds a limit.
    #[error("{0}")]
    PayloadTooLarge(String, Option<LimitValue>),
    /// The response would exceed a limit.
    #[error("{0}")]
    ResponseTooLarge(String, Option<LimitValue>),
    /// The request needs more memory than one request can ever get.
    #[error(
        "the request and its response need more than three quarters of MAX_IN_FLIGHT_BYTES: send smaller batches or increase MAX_IN_FLIGHT_BYTES"
    )]
    MemoryLimit,
    /// The `Content-Encoding` is not supported.
    #[error("Content-Encoding {0:?} is not supported: use gzip, deflate, br or none")]
    UnsupportedMediaType(String),
    /// The body arrived too slowly.
    #[error("the body arrived too slowly or stalled")]
    RequestTimeout,
    /// The service is overloaded.
    #[error("the service is overloaded; retry")]
    Overloaded(Limit),
    /// The upstream cannot be reached.
    #[error("the upstream transformer (UPSTREAM_TRANSFORMER_URL) is unreachable")]
    UpstreamUnreachable,
    /// The upstream's response is incomplete or missing.
    #[error("the upstream transformer (UPSTREAM_TRANSFORMER_URL) disconnected or did not respond with HTTP")]
    UpstreamBroke,
    /// The framing of the upstream's response is ambiguous.
    #[error("the upstream transformer (UPSTREAM_TRANSFORMER_URL) sent an invalid response: {0}")]
    UpstreamInvalid(&'static str),
    /// The upstream did not respond in time.
    #[error("the upstream transformer did not respond within UPSTREAM_TIMEOUT or UPSTREAM_CONNECT_TIMEOUT")]
    UpstreamTimeout,
    /// The upstream is this service, or sends requests back to it.
    #[error("UPSTREAM_TRANSFORMER_URL leads back to this service")]
    UpstreamLoop,
    /// The response of the upstream to `/features` is not known yet.
    #[error("/features of the upstream transformer (UPSTREAM_TRANSFORMER_URL) is unavailable; retry")]
    FeaturesUnknown,
    /// The service is not ready for requests.
    #[error("{0}")]
    NotReady(&'static str),
    /// A bug in the service.
    #[error("internal error: see the log of this service")]
    InternalServerError,
}

/// The maximum length, in characters, of a name that an error repeats from the request.
const MAX_NAME_CHARACTERS: usize = 100;

impl RequestError {
    /// A stable identifier of the error, for the log. It never contains client data.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) | Self::DestinationAmbiguous(..) => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::NotFound | Self::MetricsElsewhere(_) | Self::NotOnMetricsPort => "not_found",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::UnknownDestination(_) => "unknown_destination",
            Self::Unserved(_) => "unserved",
            Self::PayloadTooLarge(..) => "payload_too_large",
            Self::ResponseTooLarge(..) => "response_too_large",
            Self::MemoryLimit => "memory_limit",
            Self::UnsupportedMediaType(_) => "unsupported_media_type",
            Self::RequestTimeout => "request_timeout",
            Self::Overloaded(_) => "overloaded",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::UpstreamBroke => "upstream_broke",
            Self::UpstreamInvalid(_) => "upstream_invalid_response",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::UpstreamLoop => "upstream_loop",
            Self::FeaturesUnknown => "features_unknown",
            Self::NotReady(_) => "not_ready",
            Self::InternalServerError => "internal_server_error",
        }
    }

    /// Creates the error for an unknown destination. A long name is shortened.
    #[must_use]
    pub fn unknown_destination(name: &str) -> Self {
        Self::UnknownDestination(shorten(name, MAX_NAME_CHARACTERS).into_owned())
    }

    /// Creates the error for an unsupported coding. A long name is shortened.
    #[must_use]
    pub fn unsupported_encoding(name: &str) -> Self {
        Self::UnsupportedMediaType(shorten(name, MAX_NAME_CHARACTERS).into_owned())
    }

    /// Returns the details of the error that are logged in addition to its code. They never contain client data.
    #[must_use]
    pub fn detail(&self, limits: Option<&LimitValues>) -> Detail<'_> {
        let (text, limit) = match self {
            Self::BadRequest(text) => (Some(text.as_str()), None),
            Self::PayloadTooLarge(text, limit) | Self::ResponseTooLarge(text, limit) => (Some(text.as_str()), *limit),
            Self::UpstreamInvalid(text) => (Some(*text), None),
            Self::MemoryLimit => (None, limits.map(|limits| limits.of(Limit::InFlightBytes))),
            Self::Overloaded(limit) => (None, limits.map(|limits| limits.of(*limit))),
            _ => (None, None),
        };
        Detail { text, position: text.and_then(position_in), limit }
    }

    /// Returns the body of the response, as JSON.
    #[must_use]
    pub fn body(&self) -> String {
        let body = match self {
            Self::DestinationAmbiguous(_, choices) => {
                let choices: Vec<_> = choices
                    .iter()
                    .map(|Choice { id, name, family, enabled }| {
                        json!({ "id": id, "name": name, "family": family.name, "enabled": enabled })
                    })
                    .collect();
                let error = self.status_code().canonical_reason();
                json!({ "error": error, "message": self.to_string(), "destinations": choices })
            }
            // Unlike the other error texts, this text is also returned by rudder-transformer, so clients may depend on
            // it.
            Self::UnknownDestination(_) => json!({ "error": self.to_string() }),
            Self::Unserved(unserved) if unserved.policy == UnservedPolicy::Reject => {
                match (unserved.endpoint, &unserved.name) {
                    (
                        UnservedEndpoint::Destination | UnservedEndpoint::Batch | UnservedEndpoint::RouterTransform,
                        Some(name),
                    ) => json!({ "error": Self::unknown_destination(name).to_string() }),
                    _ => self.named_body(),
                }
            }
            _ => self.named_body(),
        };
        body.to_string()
    }

    /// Whether the body is unreadable, so that any transformer would reject it.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::BadRequest(_))
    }

    fn named_body(&self) -> serde_json::Value {
        json!({ "error": self.status_code().canonical_reason(), "message": self.to_string() })
    }

    /// Returns a stable identifier of the reason why rudder-server should retry without counting the attempt. Returns
    /// `None` if the attempt should count.
    fn retry_reason(&self) -> Option<&'static str> {
        match self {
            Self::Overloaded(_) => Some("overloaded"),
            Self::Unserved(unserved) if unserved.policy == UnservedPolicy::Retry => Some("unserved"),
            _ => None,
        }
    }
}

/// Details of an error for the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail<'e> {
    /// A description of the problem.
    pub text: Option<&'e str>,
    /// The line and column at which the JSON is malformed.
    pub position: Option<(u64, u64)>,
    /// The limit that was reached.
    pub limit: Option<LimitValue>,
}

/// Parses the line and column at the end of the JSON parser's message.
fn position_in(text: &str) -> Option<(u64, u64)> {
    let (line, column) = text.rsplit_once(" at line ")?.1.split_once(" column ")?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

impl From<BodyError> for RequestError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::UnknownDestination(name) => Self::unknown_destination(&name),
            BodyError::TooManyEvents(events) => {
                Self::PayloadTooLarge(error.to_string(), Some(LimitValue::of("MAX_EVENTS", events)))
            }
            BodyError::ResponseTooLarge(bytes) => {
                // The limit of a response is twice the limit of a request body.
                Self::ResponseTooLarge(error.to_string(), Some(LimitValue::of("MAX_BODY_BYTES", bytes / 2)))
            }
            BodyError::ResponseOutOfProportion(_) => Self::ResponseTooLarge(error.to_string(), None),
            BodyError::Halted(halt) => halt.into(),
            BodyError::NotJson(_)
            | BodyError::NotAnArray
            | BodyError::NotAnObject { .. }
            | BodyError::InputNotAnArray
            | BodyError::DestTypeMissing => Self::BadRequest(error.to_string()),
        }
    }
}

impl From<UnsupportedCoding> for RequestError {
    fn from(UnsupportedCoding(name): UnsupportedCoding) -> Self {
        Self::unsupported_encoding(&name)
    }
}

impl From<Halt> for RequestError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::MemoryInUse => Self::Overloaded(Limit::InFlightBytes),
            Halt::MemoryLimit => Self::MemoryLimit,
            // These two errors never reach a client: a canceled request gets no response, and heavy work is redone off
            // the event loop.
            Halt::Cancelled | Halt::WorkLimit => Self::InternalServerError,
        }
    }
}

impl From<Limit> for RequestError {
    fn from(limit: Limit) -> Self {
        Self::Overloaded(limit)
    }
}

impl ResponseError for RequestError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unserved(unserved) => match unserved.policy {
                UnservedPolicy::Retry => StatusCode::SERVICE_UNAVAILABLE,
                UnservedPolicy::Reject => StatusCode::NOT_FOUND,
            },
            Self::BadRequest(_) | Self::DestinationAmbiguous(..) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::MetricsElsewhere(_) | Self::NotOnMetricsPort | Self::UnknownDestination(_) => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge(..) | Self::ResponseTooLarge(..) | Self::MemoryLimit => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Overloaded(_) | Self::NotReady(_) | Self::FeaturesUnknown => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamUnreachable | Self::UpstreamBroke | Self::UpstreamInvalid(_) | Self::UpstreamLoop => {
                StatusCode::BAD_GATEWAY
            }
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header(JSON);
        if *self == Self::Unauthorized {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if let Self::MethodNotAllowed(allow) = self {
            response.insert_header((ALLOW, *allow));
        }
        if let Some(reason) = self.retry_reason() {
            // rudder-server retries such a request without counting the attempt.
            response.insert_header(("X-Rudder-Should-Retry", "true"));
            response.insert_header(("X-Rudder-Error-Reason", reason));
        }
        if let Self::Overloaded(limit) = self {
            response.extensions_mut().insert(*limit);
        }
        response.body(self.body())
    }
}
