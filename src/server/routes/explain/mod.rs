//! `POST /explain`: shows where events would go, and why. Metrics and logs include the request, but not its events.

pub mod error;
pub mod findings;
pub mod limits;
pub mod request;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::off_loop::off_the_loop;
use crate::server::http::body::{BodyReader, Decoded};
use crate::server::http::error::RequestError;
use crate::server::http::headers::JSON;
use crate::server::http::operator_token::OperatorToken;
use crate::server::http::text::text_within;
use crate::server::limits::permits::Permits;
use crate::server::limits::request_meter::RequestMeter;
use crate::server::openapi::explanations::{ExplainBody, Explanations};
use crate::server::openapi::rejections::ExplainRejections;
use crate::server::openapi::requests::CodingHeader;
use limits::{MAX_BODY_BYTES, MAX_EVENTS, MAX_WORKING_BYTES, RequestLimits};
use request::ExplainRequest;
use transform::explain;
use transform::request::{BodyError, Limits, PayloadFormat};

/// The state of this route.
#[derive(Debug, Clone)]
pub struct ExplainService {
    /// The required operator token, or `None` if no token is required.
    pub operator: Option<Arc<OperatorToken>>,
    /// Reads the bodies of requests.
    pub bodies: BodyReader,
    /// Permits for requests to `/explain`. They are separate from other permits, so that these requests and
    /// rudder-server's requests do not wait for each other.
    pub permits: Permits,
    /// The maximum number of events in a request, if lower than [`MAX_EVENTS`].
    pub max_events: usize,
}

/// Explain events
///
/// Shows for each event the topic, the partition key and the partition, the rule that chose the topic, and the rules
/// that were tried earlier. Also shows the changes made by templates and by the timestamp rule, the exact response,
/// and, if rudder-server would drop the event, the reason. With `check`, also reports problems in the destination's
/// configuration, like the command `check`. The events are not counted in metrics. Templates that read `request.query`
/// use the query of this request. `PAGE=false` disables this endpoint, and `PAGE=metrics` moves it to the metrics port.
/// Requires the operator token if `OPERATOR_TOKEN_FILE` is set.
#[utoipa::path(
    post,
    path = "/explain",
    tag = "explanation",
    security((), ("operator" = [])),
    operation_id = "explain",
    params(CodingHeader),
    request_body = ExplainBody,
    responses((status = 200, description = "One explanation per event", body = Explanations), ExplainRejections),
)]
pub async fn explain(
    request: HttpRequest,
    payload: Payload,
    service: Data<ExplainService>,
) -> Result<HttpResponse, RequestError> {
    if let Some(token) = &service.operator {
        token.check(&request)?;
    }
    let limit = MAX_BODY_BYTES.min(service.bodies.max_bytes);
    let body = service.bodies.collect_up_to(limit, &request, payload).await?;
    let query = request.query_string().to_owned();
    let limits = RequestLimits { events: MAX_EVENTS.min(service.max_events), filled_bytes: MAX_WORKING_BYTES };
    // Even a small body can be expensive to explain, and must not delay requests of rudder-server.
    let work = move |cancelled: &AtomicBool| explained(&body.decode()?, &query, limits, cancelled);
    let explanations = off_the_loop(&service.permits, work).await?;
    Ok(HttpResponse::Ok().insert_header(JSON).body(explanations))
}

/// Returns the explanations for the events in a body, as JSON.
fn explained(
    decoded: &Decoded,
    query: &str,
    limits: RequestLimits,
    cancelled: &AtomicBool,
) -> Result<Vec<u8>, RequestError> {
    let share = &decoded.share;
    let text = text_within(&decoded.bytes, share)?;
    let ExplainRequest { family, options, body, checked } = ExplainRequest::read(&text, limits)?;
    // This is an estimate of the memory for the explanations, and for the events after defaults have been added.
    share.reserve(2 * body.capacity())?;
    let findings = checked.as_ref().map(findings::findings);
    let findings = findings.map(|findings| serde_json::to_vec(&findings)).transpose();
    let findings = findings.map_err(|_| RequestError::InternalServerError)?;
    share.reserve(findings.as_ref().map_or(0, |findings| 2 * findings.len()))?;
    let meter = RequestMeter { reservation: share, cancelled, max_work: u64::MAX };
    let too_large = || RequestError::from(BodyError::ResponseTooLarge(MAX_WORKING_BYTES));
    let limits = Limits { events: limits.events, response_bytes: MAX_WORKING_BYTES };
    let mut out = Vec::from(b"{\"events\":[");
    let mut failure = None;
    explain::explain(family, &body, PayloadFormat::Plain, query, limits, options, &meter, |explanation| {
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
    out.push(b']');
    if let Some(findings) = findings {
        out.extend_from_slice(b",\"check\":");
        out.extend_from_slice(&findings);
    }
    out.push(b'}');
    failure.map_or(Ok(out), Err)
}
