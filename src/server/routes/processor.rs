//! `POST /v0/destinations/{destination}`: the processor transformation (docs/contract.md#processor-transformation).

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};

use super::transform::Transformation;
use crate::server::http::error::RequestError;
use crate::server::openapi::rejections::Rejections;
use crate::server::openapi::requests::{BodyHeaders, DestinationName, ProcessorRequest};
use crate::server::openapi::responses::EventResponse;
use transform::endpoint::Endpoint;

/// Transform events
///
/// Turns a batch of events into `{message, userId, topic}` payloads: one response per event, in order. A malformed
/// event gets an error as its response and does not affect other events.
#[utoipa::path(
    post,
    path = "/v0/destinations/{destination}",
    tag = "transformation",
    operation_id = "transform",
    params(
        ("destination" = inline(DestinationName), Path, description = "The destination type (case-insensitive)"),
        BodyHeaders,
    ),
    request_body = ProcessorRequest,
    responses(
        (status = 200, description = "One response per event", body = Vec<EventResponse>,
            headers(("apiVersion" = String, description = "Always 2"))),
        Rejections,
    ),
)]
pub async fn transform(
    request: HttpRequest,
    destination: Path<String>,
    payload: Payload,
    service: Data<Transformation>,
) -> Result<HttpResponse, RequestError> {
    transform_for(&destination, request, payload, service).await
}

/// Responds to a request like [`transform()`], for the destination type `destination`.
///
/// # Errors
/// Returns an error if the request is rejected as a whole.
pub async fn transform_for(
    destination: &str,
    request: HttpRequest,
    payload: Payload,
    service: Data<Transformation>,
) -> Result<HttpResponse, RequestError> {
    let Some(family) = service.native_destinations.by_name(destination) else {
        let unknown = RequestError::unknown_destination(destination);
        return service.fallback.forward_or(&request, payload, unknown).await;
    };
    request.extensions_mut().insert(family);
    let query = request.query_string().to_owned();
    service.serve(Endpoint::Processor { family, query }, &request, payload).await
}
