//! `POST /v0/destinations/{destination}`: the processor transformation (contract, section 3).

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};

use super::{answered, transformed};
use crate::server::app::State;
use crate::server::error::RequestError;
use crate::server::openapi::{CompactedOrPlain, ErrorBody, EventAnswer, UnknownDestinationBody};
use crate::server::request_log;
use crate::transform::family::Family;
use crate::transform::processor;

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
        (status = 404, description = "The destination is not served", body = UnknownDestinationBody),
        (status = 408, description = "The body comes too slowly: send it again", body = ErrorBody),
        (status = 413, description = "The body, or the answer to it, passes a limit", body = ErrorBody),
        (status = 415, description = "The Content-Encoding is not supported", body = ErrorBody),
        (status = 503, description = "Overloaded: send it again", body = ErrorBody,
            headers(("X-Rudder-Should-Retry" = String, description = "true"), ("X-Rudder-Error-Reason" = String, description = "overloaded"))),
    ),
)]
pub async fn transform(
    request: HttpRequest,
    destination: Path<String>,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, RequestError> {
    let family = Family::by_name(&destination).ok_or_else(|| RequestError::unknown_destination(&destination))?;
    request.extensions_mut().insert(family);
    let (query, limits) = (request.query_string().to_owned(), state.limits);
    let (answer, share) =
        transformed(&request, payload, &state, move |body, form| processor::answer(family, body, form, &query, limits))
            .await?;
    state.metrics.count(family, &answer.tally);
    request_log::note_events(&request, answer.tally.events, &answer.tally.rejected);
    Ok(answered(answer.body, share))
}
