//! The routes, a file per endpoint.

pub mod batch;
pub mod processor;
pub mod router_transform;
pub mod status;

use std::convert::Infallible;

use actix_web::body::SizedStream;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};

use bytes::Bytes;

use super::app::{API_VERSION, JSON, State, form_of};
use super::body::{self, Body};
use super::error::RequestError;
use crate::transform::request::{BodyError, Form, Limits, RouterAnswer};

/// Bodies from this size on are transformed beside the event loop, so that no other request waits for them.
const LARGE_BODY_BYTES: usize = 1 << 20;

/// What is written of a large answer at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Reads the body of a request and hands it to `transform` as text.
async fn transformed<T: Send + 'static>(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
    transform: impl FnOnce(&str, Form) -> Result<T, BodyError> + Send + 'static,
) -> Result<T, RequestError> {
    let form = form_of(request);
    let body = Body::collect(request, payload, state).await?;
    let beside = body.is_compressed() || body.len() >= LARGE_BODY_BYTES;
    let work = move || -> Result<T, RequestError> {
        let decoded = body.decode()?;
        Ok(transform(&body::text(&decoded.bytes), form)?)
    };
    if beside { web::block(work).await.map_err(|_| RequestError::InternalServerError)? } else { work() }
}

/// Answers a router request.
async fn router_answered(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
    answer: fn(&str, Form, Limits) -> Result<RouterAnswer, BodyError>,
) -> Result<HttpResponse, RequestError> {
    let limits = state.limits;
    let answer = transformed(&request, payload, &state, move |body, form| answer(body, form, limits)).await?;
    request.extensions_mut().insert(answer.family);
    state.metrics.count_rejections(answer.family, &answer.rejections);
    Ok(answered(answer.body))
}

/// A transformation's answer.
fn answered(body: String) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(JSON).insert_header(API_VERSION);
    if body.len() < LARGE_BODY_BYTES {
        return response.body(body);
    }
    // In one piece it would be copied in one go, while all other connections of the worker wait.
    let length = body.len() as u64;
    let mut rest = Bytes::from(body);
    let pieces = std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| Ok::<_, Infallible>(rest.split_to(rest.len().min(PIECE_BYTES))))
    });
    response.body(SizedStream::new(length, futures_util::stream::iter(pieces)))
}
