//! The routes, a file per endpoint.

pub mod batch;
pub mod processor;
pub mod router_transform;
pub mod status;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use bytes::Bytes;

use super::app::{API_VERSION, JSON, State, form_of};
use super::body::{self, Body};
use super::error::RequestError;
use super::request_log::{self, Rejected};
use crate::server::overload::Share;
use crate::transform::request::{BodyError, Form, Limits, RouterAnswer};

/// Answers from this size on are written in pieces: in one they would be copied in one go, while all other connections of
/// the worker wait.
const LARGE_ANSWER_BYTES: usize = 1 << 20;

/// What is written of a large answer at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Reads the body of a request and hands it to `transform` as text. The share of it in what is in memory is for the answer
/// to keep.
async fn transformed<T: Send + 'static>(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
    transform: impl FnOnce(&str, Form) -> Result<T, BodyError> + Send + 'static,
) -> Result<(T, Share), RequestError> {
    let form = form_of(request);
    let body = Body::collect(request, payload, state).await?;
    request_log::note_body(request, body.len());
    let turn = if body.is_large() { Some(state.admission.turn().await?) } else { None };
    let beside = turn.is_some();
    let work = move || -> Result<(T, Share), RequestError> {
        let _turn = turn;
        let decoded = body.decode()?;
        Ok((transform(&body::text(&decoded.bytes), form)?, decoded.share))
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
    let (answer, share) = transformed(&request, payload, &state, move |body, form| answer(body, form, limits)).await?;
    request.extensions_mut().insert(answer.family);
    state.metrics.count_rejections(answer.family, &answer.rejections);
    let mut rejected = Rejected::default();
    answer.rejections.iter().for_each(|rejection| rejected[*rejection as usize] += 1);
    request_log::note_events(&request, answer.events as u64, &rejected);
    Ok(answered(answer.body, share))
}

/// A transformation's answer.
fn answered(body: String, share: Share) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(JSON)
        .insert_header(API_VERSION)
        .body(Answer { rest: Bytes::from(body), _share: share })
}

/// An answer on its way to the client. Until it is written it is in memory as its request was, and counts as that.
struct Answer {
    rest: Bytes,
    _share: Share,
}

impl MessageBody for Answer {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let piece = self.rest.len().min(if self.rest.len() < LARGE_ANSWER_BYTES { usize::MAX } else { PIECE_BYTES });
        Poll::Ready((piece > 0).then(|| Ok(self.rest.split_to(piece))))
    }
}
