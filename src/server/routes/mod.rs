//! The routes, a file per endpoint.

pub mod batch;
pub mod explain;
pub mod features;
pub mod processor;
pub mod router_transform;
pub mod status;

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _, web};
use bytes::Bytes;

use super::app::{API_VERSION, JSON, State, Version, form_of};
use super::body::{self, Body};
use super::endpoint::{Endpoint, Transformed, cannot_be_read};
use super::error::RequestError;
use super::forward;
use super::metrics::series::WorkerSeries;
use super::overload::Share;
use super::request_log;
use super::shadow::{AfterAnswer, Listener};
use crate::transform::request::Form;

/// Answers from this size on are written in pieces: in one they would be copied in one go, while all other connections of
/// the worker wait.
const LARGE_ANSWER_BYTES: usize = 1 << 20;

/// What is written of a large answer at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Who answers a request whose body was read.
enum Answerer {
    /// We do, and have.
    Us(Box<Transformed>, Share),
    /// The upstream, which gets the body as it was sent.
    Upstream {
        /// It counts as in flight until then.
        share: Share,
        /// Whether it would be ours, and the upstream answers only until it is trusted.
        is_ours: bool,
    },
}

/// Answers a request to an endpoint that is served here, unless its body turns out to be for the upstream.
async fn served(
    endpoint: Endpoint,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, RequestError> {
    let shadow = state.shadow.as_ref().zip(state.upstream.as_ref());
    let mut is_chosen = None;
    if let Some((shadow, _)) = shadow
        && shadow.answers_from_upstream()
        && matches!(endpoint, Endpoint::Processor { .. })
    {
        // Where nothing is compared, nothing has to be read.
        if !*is_chosen.insert(shadow.chooses()) {
            return forward::or_refuse(&request, payload, &state, RequestError::NotFound).await;
        }
    }
    let form = form_of(&request);
    let body = Body::collect(&request, payload, &state).await?;
    let (sent, coding) = (body.sent(), body.coding());
    let answerer = read(&endpoint, body, form, &state).await;
    let watch = |endpoint| {
        let (shadow, upstream) = shadow?;
        let is_chosen = is_chosen.unwrap_or_else(|| shadow.chooses());
        is_chosen.then(|| shadow.keep(upstream, &request, (endpoint, form, coding), &sent)).flatten()
    };
    match answerer {
        Ok(Answerer::Us(answer, share)) => {
            request.extensions_mut().insert(answer.family);
            if let Some(series) = request.app_data::<Rc<WorkerSeries>>() {
                let version = request.app_data().map_or("", |Version(version)| *version);
                answer.count(series, version);
            }
            request_log::note_events(&request, &answer.tally);
            let body = Bytes::from(answer.body);
            let then = watch(endpoint).and_then(|watch| watch.answered(200, body.clone()));
            Ok(answered(body, share, then))
        }
        Err(error) if cannot_be_read(&error) => {
            let (status, body) = (error.status_code().as_u16(), Bytes::from(error.body()));
            Ok(and_then(
                HttpResponse::from_error(error),
                watch(endpoint).and_then(|watch| watch.answered(status, body)),
            ))
        }
        Err(RequestError::UnknownDestination(name)) => {
            Err(state.unserved.reject_read(&request, &state, name, (&sent, coding)))
        }
        Err(error) => Err(error),
        Ok(Answerer::Upstream { share, is_ours }) => {
            let Some(upstream) = &state.upstream else { return Err(RequestError::NotFound) };
            let watch = if is_ours { watch(endpoint) } else { None };
            let witness = watch.map(|watch| Box::new(Listener::of(watch)) as Box<dyn forward::Witness>);
            forward::whole(&request, (sent, share), upstream, &state.metrics, witness).await
        }
    }
}

/// Reads a body as far as it takes to know who answers it; if that is us, the answer is made.
async fn read(endpoint: &Endpoint, body: Body, form: Form, state: &State) -> Result<Answerer, RequestError> {
    let turn = if body.is_large() { Some(state.admission.turn().await?) } else { None };
    let beside = turn.is_some();
    let (endpoint, limits, natives) = (endpoint.clone(), state.limits, state.natives);
    let has_upstream = state.upstream.is_some();
    let upstream_answers = state.shadow.as_ref().is_some_and(super::shadow::Shadow::answers_from_upstream);
    let all_are_ours = natives == super::natives::Natives::ALL;
    let work = move || -> Result<Answerer, RequestError> {
        let _turn = turn;
        let decoded = body.decode()?;
        let text = body::text(&decoded.bytes);
        if (has_upstream || !all_are_ours)
            && let Some(name) = endpoint.dest_type(&text, form)?
            && natives.by_name(&name).is_none()
        {
            return if has_upstream {
                drop(text);
                Ok(Answerer::Upstream { share: decoded.share, is_ours: false })
            } else {
                Err(RequestError::unknown_destination(&name))
            };
        }
        if upstream_answers {
            drop(text);
            return Ok(Answerer::Upstream { share: decoded.share, is_ours: true });
        }
        let answer = endpoint.answer(&text, form, limits)?;
        drop(text);
        Ok(Answerer::Us(Box::new(answer), decoded.share))
    };
    if beside { web::block(work).await.map_err(|_| RequestError::InternalServerError)? } else { work() }
}

/// A transformation's answer, and what follows once it has left.
fn answered(body: Bytes, share: Share, then: Option<AfterAnswer>) -> HttpResponse {
    HttpResponse::Ok().insert_header(JSON).insert_header(API_VERSION).body(Answer {
        rest: body,
        _share: share,
        _then: then,
    })
}

/// An answer on its way to the client. Until it is written it is in memory as its request was, and counts as that.
struct Answer {
    rest: Bytes,
    _share: Share,
    /// Dropped with it, once it is written.
    _then: Option<AfterAnswer>,
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

/// An answer with what follows once it has left.
fn and_then(response: HttpResponse, then: Option<AfterAnswer>) -> HttpResponse {
    match then {
        Some(then) => response.map_body(|_, body| BoxBody::new(Followed { body, _then: then })),
        None => response,
    }
}

/// A body that is dropped with what follows it.
struct Followed {
    body: BoxBody,
    _then: AfterAnswer,
}

impl MessageBody for Followed {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
