//! `POST /v0/destinations/{destination}`: the processor transformation (contract, section 3).

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};

use super::served;
use crate::server::app::State;
use crate::server::endpoint::Endpoint;
use crate::server::error::RequestError;
use crate::server::forward;
use crate::server::openapi::{CompactedOrPlain, ErrorBody, EventAnswer, UnknownDestinationBody};

/// Transform events
///
/// Turns a batch of events into `{message, userId, topic}` payloads, one answer per event, in their order. A bad event
/// is answered with an error of its own; the others are not touched by it.
#[utoipa::path(
    post,
    path = "/v0/destinations/{destination}",
    tag = "transformation",
    operation_id = "transform",
    params(
        ("destination" = String, Path, description = "kafka, azure_event_hub or confluent_cloud, in any letter case", example = "kafka"),
        ("X-Content-Format" = Option<String>, Header, description = "`json+compactedv1` for the compacted form"),
    ),
    request_body = CompactedOrPlain,
    responses(
        (status = 200, description = "One answer per event", body = Vec<EventAnswer>,
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
pub async fn transform(
    request: HttpRequest,
    destination: Path<String>,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, RequestError> {
    let Some(family) = state.natives.by_name(&destination) else {
        return forward::or_refuse(&request, payload, &state, RequestError::unknown_destination(&destination)).await;
    };
    request.extensions_mut().insert(family);
    let query = request.query_string().to_owned();
    served(Endpoint::Processor { family, query }, request, payload, state).await
}
