//! The descriptions of error responses to requests that are rejected as a whole. Many endpoints share these
//! descriptions. The texts of the examples come from [`RequestError`].

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use serde_json::Value;
use utoipa::IntoResponses;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::{Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::server::config::UnservedPolicy;
use crate::server::http::error::RequestError;
use crate::server::http::unserved::{UnservedEndpoint, UnservedRequest};
use crate::server::limits::limit::Limit;
use crate::server::routes::explain::error::ExplainError;
use crate::server::routes::explain::limits::{MAX_EVENTS, MAX_WORKING_BYTES};
use transform::request::{BodyError, max_response_bytes};

/// An error response: its status, its description, the name of the schema of its body, and its examples. Golden cases
/// add further examples.
type Row = (StatusCode, &'static str, &'static str, Vec<(&'static str, RequestError)>);

fn overloaded() -> Row {
    let examples = vec![("overloaded", RequestError::Overloaded(Limit::InFlightBytes))];
    (StatusCode::SERVICE_UNAVAILABLE, "Overloaded: retry", "ErrorBody", examples)
}

/// Returns the description of the error response to a transformation request that is rejected because the service is
/// overloaded, or because there is no upstream for the destination type.
fn overloaded_or_unserved() -> Row {
    let unserved = UnservedRequest {
        endpoint: UnservedEndpoint::Destination,
        policy: UnservedPolicy::Retry,
        name: Some("kinesis".to_owned()),
        line: None,
    };
    let (status, _, body, mut examples) = overloaded();
    examples.push(("unserved", RequestError::Unserved(Box::new(unserved))));
    let text = "Retry the request. Either this service is overloaded, or it does not handle the destination type, there is no upstream, and UNSERVED=retry";
    (status, text, body, examples)
}

fn unauthorized() -> Row {
    let examples = vec![("no_token", RequestError::Unauthorized)];
    (StatusCode::UNAUTHORIZED, "OPERATOR_TOKEN_FILE is set, and the token is missing or wrong", "ErrorBody", examples)
}

fn rows() -> Vec<Row> {
    let body = "ErrorBody";
    vec![
        (StatusCode::BAD_REQUEST, "The body cannot be read", body, vec![]),
        (
            StatusCode::NOT_FOUND,
            "This service does not handle the destination type, there is no upstream, and UNSERVED=reject",
            "UnknownDestinationBody",
            vec![("unknown_destination", RequestError::unknown_destination("kinesis"))],
        ),
        (
            StatusCode::REQUEST_TIMEOUT,
            "The body arrived too slowly: retry",
            body,
            vec![("slow_body", RequestError::RequestTimeout)],
        ),
        (
            StatusCode::PAYLOAD_TOO_LARGE,
            "The body or the response exceeds a limit",
            body,
            vec![
                ("too_many_events", BodyError::TooManyEvents(100_000).into()),
                ("response_above_limit", BodyError::ResponseTooLarge(419_430_400).into()),
                ("response_too_large", BodyError::ResponseOutOfProportion(max_response_bytes(1_000_000)).into()),
                ("memory_limit", RequestError::MemoryLimit),
            ],
        ),
        (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The Content-Encoding is not supported",
            body,
            vec![("unknown_encoding", RequestError::unsupported_encoding("zstd"))],
        ),
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "A bug in the service",
            body,
            vec![("fault", RequestError::InternalServerError)],
        ),
        (
            StatusCode::BAD_GATEWAY,
            "The upstream, if there is one, was unreachable, disconnected early or sent an invalid response",
            body,
            vec![
                ("unreachable", RequestError::UpstreamUnreachable),
                ("broke_off", RequestError::UpstreamBroke),
                ("invalid_response", RequestError::UpstreamInvalid("both Content-Length and Transfer-Encoding")),
                ("loop", RequestError::UpstreamLoop),
            ],
        ),
        overloaded_or_unserved(),
        (
            StatusCode::GATEWAY_TIMEOUT,
            "The upstream, if there is one, did not respond in time",
            body,
            vec![("upstream_timeout", RequestError::UpstreamTimeout)],
        ),
    ]
}

fn response((status, description, schema, examples): Row) -> (String, RefOr<Response>) {
    let examples = examples.into_iter().map(|(name, error)| {
        let value = serde_json::from_str::<Value>(&error.body()).ok();
        (name, ExampleBuilder::new().value(value).build())
    });
    let content: Content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).examples_from_iter(examples).build();
    let mut response = ResponseBuilder::new().description(description).content("application/json", content);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        for (name, description) in
            [("X-Rudder-Should-Retry", "true"), ("X-Rudder-Error-Reason", "overloaded or unserved")]
        {
            let mut header = Header::default();
            header.description = Some(description.to_owned());
            response = response.header(name, header);
        }
    }
    if status == StatusCode::UNAUTHORIZED {
        let mut header = Header::default();
        header.description = Some("Bearer".to_owned());
        response = response.header("WWW-Authenticate", header);
    }
    (status.as_str().to_owned(), response.build().into())
}

/// The error responses of the transformation endpoints.
pub struct Rejections;

impl IntoResponses for Rejections {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        rows().into_iter().map(response).collect()
    }
}

/// The error responses of `/explain`.
pub struct ExplainRejections;

impl IntoResponses for ExplainRejections {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let with_an_upstream = [StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT];
        let own = |(status, description, schema, examples): Row| match status {
            StatusCode::NOT_FOUND => {
                let examples = vec![("no_page", RequestError::NotFound)];
                (status, "PAGE is false, or PAGE is metrics and this is not the metrics port", "ErrorBody", examples)
            }
            StatusCode::SERVICE_UNAVAILABLE => overloaded(),
            StatusCode::BAD_REQUEST => {
                let examples = vec![
                    ("no_events", ExplainError::EventsNotAnArray.into()),
                    ("unknown_family", ExplainError::FamilyUnknown.into()),
                    ("no_count", ExplainError::PartitionsInvalid.into()),
                ];
                (status, description, schema, examples)
            }
            StatusCode::PAYLOAD_TOO_LARGE => {
                let examples = vec![
                    ("too_many_events", ExplainError::TooManyEvents(MAX_EVENTS).into()),
                    ("too_large", ExplainError::TooLarge(MAX_WORKING_BYTES).into()),
                ];
                (status, description, schema, examples)
            }
            _ => (status, description, schema, examples),
        };
        let rows = rows().into_iter().filter(|(status, ..)| !with_an_upstream.contains(status)).map(own);
        rows.chain([unauthorized()]).map(response).collect()
    }
}

/// The error response to a request with a missing or wrong operator token.
pub struct ForOperators;

impl IntoResponses for ForOperators {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [response(unauthorized())].into()
    }
}

/// The error response of an overloaded service, for all endpoints except the probes.
pub struct Overload;

impl IntoResponses for Overload {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [response(overloaded())].into()
    }
}
