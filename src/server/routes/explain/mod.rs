//! `POST /explain`: where events would go, and why. Nothing of it is counted or logged but that it was asked.

pub mod request;

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::explain::request::{ExplainRequest, RequestLimits};
use crate::server::app::{JSON, State};
use crate::server::http::body::{self, Body, Decoded};
use crate::server::http::error::RequestError;
use crate::server::limits::memory_budget::{Cancellation, RequestMeter};
use crate::server::openapi::{CodingHeader, ExplainBody, ExplainRefusals, Explanations};
use transform::explain;
use transform::request::{BodyError, Form, Limits};

/// Bytes of a body.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// Events in a request.
pub const MAX_EVENTS: usize = 100;
/// Bytes of all events once the destination is filled in, and of all explanations.
pub const MAX_WORKING_BYTES: usize = 8 << 20;

/// Explain events
///
/// Says for each event which topic it would go to and by which rule, with the rules that were tried before, what its partition
/// key is and which partition that leads to, what the destination's templates and the timestamp rule did to it, why
/// rudder-server would not produce it, and the exact answer. Nothing is counted in metrics. Templates that address `request.query` get the query of this request.
/// With `PAGE` off there is no such endpoint, with `PAGE=metrics` it is on the metrics port. Where the service has an
/// `OPERATOR_TOKEN_FILE`, it asks for that token.
#[utoipa::path(
    post,
    path = "/explain",
    tag = "explanation",
    security((), ("operator" = [])),
    operation_id = "explain",
    params(CodingHeader),
    request_body = ExplainBody,
    responses((status = 200, description = "One explanation per event", body = Explanations), ExplainRefusals),
)]
pub async fn explain(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, RequestError> {
    state.check_operator(&request)?;
    let limit = MAX_BODY_BYTES.min(state.max_body_bytes);
    let body = Body::collect_up_to(limit, &request, payload, &state).await?;
    // A small body may make much work here, for which requests of rudder-server are not to wait.
    let permit = state.admission.explain_permit().await?;
    let query = request.query_string().to_owned();
    let limits = RequestLimits { events: MAX_EVENTS.min(state.limits.events), filled_bytes: MAX_WORKING_BYTES };
    // Dropped with this future, which is when the client has gone.
    let cancellation = Cancellation::default();
    let cancelled = cancellation.flag();
    let work = move || {
        let _permit = permit;
        explained(&body.decode()?, &query, limits, &cancelled)
    };
    let answer = web::block(work).await.map_err(|_| RequestError::InternalServerError)??;
    Ok(HttpResponse::Ok().insert_header(JSON).body(answer))
}

/// The explanations that a body asks for, as JSON.
fn explained(
    decoded: &Decoded,
    query: &str,
    limits: RequestLimits,
    cancelled: &AtomicBool,
) -> Result<Vec<u8>, RequestError> {
    let share = &decoded.share;
    let text = body::text_within(&decoded.bytes, share)?;
    let ExplainRequest { family, options, body } = ExplainRequest::read(&text, limits)?;
    // The events once they are filled in, and their explanations: those of the current one stand for themselves too.
    share.reserve(2 * body.capacity())?;
    let meter = RequestMeter { reservation: share, cancelled, max_work: u64::MAX };
    let too_large = || RequestError::from(BodyError::AnswerTooLarge(MAX_WORKING_BYTES));
    let limits = Limits { events: limits.events, answer_bytes: MAX_WORKING_BYTES };
    let mut out = Vec::from(b"{\"events\":[");
    let mut failure = None;
    explain::explain(family, &body, Form::Plain, query, limits, options, &meter, |explanation| {
        let capacity = out.capacity();
        if explanation.index > 0 {
            out.push(b',');
        }
        failure = match serde_json::to_writer(&mut out, explanation) {
            Err(_) => Some(RequestError::InternalServerError),
            Ok(()) if out.len() > MAX_WORKING_BYTES => Some(too_large()),
            Ok(()) => match share.reserve(out.capacity() - capacity) {
                Ok(()) => return ControlFlow::Continue(()),
                Err(halt) => Some(halt.into()),
            },
        };
        ControlFlow::Break(())
    })?;
    out.extend_from_slice(b"]}");
    failure.map_or(Ok(out), Err)
}
