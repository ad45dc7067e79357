//! `POST /batch`: grouping for delivery (contract, section 6).

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::served;
use crate::server::app::State;
use crate::server::endpoint::Endpoint;
use crate::server::error::RequestError;
use crate::server::openapi::{BatchAnswer, ErrorBody, RouterRequest, UnknownDestinationBody};

/// Group events for delivery
///
/// Groups the events of `input` by destination and topic.
#[utoipa::path(
    post,
    path = "/batch",
    tag = "transformation",
    params(("X-Content-Format" = Option<String>, Header, description = "`json+compactedv1` for the compacted form")),
    request_body = RouterRequest,
    responses(
        (status = 200, description = "One entry per group", body = Vec<BatchAnswer>,
            headers(("apiVersion" = String, description = "Always 2"))),
        (status = 400, description = "The body cannot be read", body = ErrorBody),
        (status = 404, description = "The destination is not served, and there is no upstream that it could be passed on to", body = UnknownDestinationBody),
        (status = 408, description = "The body comes too slowly: send it again", body = ErrorBody),
        (status = 413, description = "The body, or the answer to it, passes a limit", body = ErrorBody),
        (status = 415, description = "The Content-Encoding is not supported", body = ErrorBody),
        (status = 502, description = "With an upstream: it cannot be reached, or broke off", body = ErrorBody),
        (status = 503, description = "Overloaded: send it again", body = ErrorBody,
            headers(("X-Rudder-Should-Retry" = String, description = "true"), ("X-Rudder-Error-Reason" = String, description = "overloaded"))),
        (status = 504, description = "With an upstream: it did not answer in time", body = ErrorBody),
    ),
)]
pub async fn batch(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, RequestError> {
    served(Endpoint::Batch, request, payload, state).await
}
