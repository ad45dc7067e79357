//! `POST /v0/destinations/{destination}`: the processor transformation (docs/contract.md#processor-transformation).

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};

use super::served;
use crate::server::app::State;
use crate::server::endpoint::Endpoint;
use crate::server::http::error::RequestError;
use crate::server::openapi::{BodyHeaders, DestinationName, EventAnswer, ProcessorRequest, Refusals};
use crate::server::upstream::pass;

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
        ("destination" = inline(DestinationName), Path, description = "The destination; its name may be in any letter case"),
        BodyHeaders,
    ),
    request_body = ProcessorRequest,
    responses(
        (status = 200, description = "One answer per event", body = Vec<EventAnswer>,
            headers(("apiVersion" = String, description = "Always 2"))),
        Refusals,
    ),
)]
pub async fn transform(
    request: HttpRequest,
    destination: Path<String>,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, RequestError> {
    let Some(family) = state.natives.by_name(&destination) else {
        return pass::or_refuse(&request, payload, &state, RequestError::unknown_destination(&destination)).await;
    };
    request.extensions_mut().insert(family);
    let query = request.query_string().to_owned();
    served(Endpoint::Processor { family, query }, request, payload, state).await
}
