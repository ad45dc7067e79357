//! The routes, a file per endpoint.

pub mod batch;
pub mod explain;
pub mod features;
pub mod page;
pub mod processor;
pub mod router_transform;
pub mod status;

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _, web};
use bytes::Bytes;

use super::app::{API_VERSION, JSON, State, Version, form_of};
use super::config::native_destinations::Natives;
use super::endpoint::{Endpoint, Transformed, cannot_be_read};
use super::http::body::{self, Body, Decoded};
use super::http::error::RequestError;
use super::limits::memory_budget::{Cancellation, RequestMeter, Reservation};
use super::metrics::worker::WorkerSeries;
use super::request_log;
use super::shadow::{AfterAnswer, Listener};
use super::upstream::pass;
use transform::meter::Halt;
use transform::request::{BodyError, Form, Limits};

/// Answers from this size on are written in pieces: in one they would be copied in one go, while all other connections of
/// the worker wait.
const LARGE_ANSWER_BYTES: usize = 256 * 1024;

/// What is written of a large answer at once.
const PIECE_BYTES: usize = 64 * 1024;

/// The last piece of an answer, which is given out only once the connection has less than this to write: until then the
/// whole answer counts as in memory.
const LAST_PIECE_BYTES: usize = 32 * 1024;

/// Who answers a request whose body was read.
enum Answerer {
    /// We do, and have.
    Us(Box<Transformed>),
    /// The upstream, which gets the body as it was sent.
    Upstream {
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
            return pass::or_refuse(&request, payload, &state, RequestError::NotFound).await;
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
        Ok((Answerer::Us(answer), share)) => {
            request.extensions_mut().insert(answer.family);
            if let Some(series) = request.app_data::<Rc<WorkerSeries>>() {
                let version = request.app_data().map_or("", |Version(version)| *version);
                answer.count(series, version);
            }
            request_log::note_events(&request, &answer.tally);
            // What of it is being written is there twice.
            let bytes = answer.body.capacity() + answer.body.len().min(LARGE_ANSWER_BYTES);
            let body = Bytes::from(answer.body);
            let then = watch(endpoint).and_then(|watch| watch.answered(200, body.clone()));
            drop(sent);
            share.shrink_to(bytes);
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
        Ok((Answerer::Upstream { is_ours }, share)) => {
            let Some(upstream) = &state.upstream else { return Err(RequestError::NotFound) };
            let watch = if is_ours { watch(endpoint) } else { None };
            let witness = watch.map(|watch| Box::new(Listener::of(watch)) as Box<dyn pass::Witness>);
            pass::whole(&request, (sent, share), upstream, &state.metrics, witness).await
        }
    }
}

/// Work that is done on the event loop at most: some milliseconds. A usual body causes two units per byte, one for each that
/// is read and one for each that is written, so that all below the size of a large one stay there.
const MAX_WORK_ON_LOOP: u64 = 4 << 20;

/// Reads a body as far as it takes to know who answers it; if that is us, the answer is made. Where that happens depends on
/// the work it makes: what turns out to take too much on the event loop begins again off it.
async fn read(
    endpoint: &Endpoint,
    body: Body,
    form: Form,
    state: &State,
) -> Result<(Answerer, Reservation), RequestError> {
    // Dropped with this future, which is when the client has gone.
    let cancellation = Cancellation::default();
    let reading = Reading {
        endpoint: endpoint.clone(),
        form,
        limits: state.limits,
        natives: state.natives,
        has_upstream: state.upstream.is_some(),
        upstream_answers: state.shadow.as_ref().is_some_and(super::shadow::Shadow::answers_from_upstream),
        cancelled: cancellation.flag(),
    };
    if body.is_large() {
        let permit = state.admission.transform_permit().await?;
        return off_the_loop(move || {
            let _permit = permit;
            reading.answer_fully(body.decode()?)
        })
        .await;
    }
    let decoded = body.decode()?;
    let held = decoded.share.bytes();
    match reading.answer(&decoded, MAX_WORK_ON_LOOP) {
        Err(Stopped::TooMuchWork) => decoded.share.shrink_to(held),
        Err(Stopped::Refused(error)) => return Err(error),
        Ok(answerer) => return Ok((answerer, decoded.share)),
    }
    let permit = state.admission.transform_permit().await?;
    off_the_loop(move || {
        let _permit = permit;
        reading.answer_fully(decoded)
    })
    .await
}

/// Runs `work` on a thread that may block.
async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RequestError> + Send + 'static,
) -> Result<T, RequestError> {
    web::block(work).await.map_err(|_| RequestError::InternalServerError)?
}

/// What a body is read with.
struct Reading {
    endpoint: Endpoint,
    form: Form,
    limits: Limits,
    natives: Natives,
    has_upstream: bool,
    upstream_answers: bool,
    cancelled: Arc<AtomicBool>,
}

/// Why a body has no answer.
enum Stopped {
    /// It takes more work than it was given.
    TooMuchWork,
    /// It is rejected.
    Refused(RequestError),
}

impl<E: Into<RequestError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl Reading {
    fn answer(&self, decoded: &Decoded, max_work: u64) -> Result<Answerer, Stopped> {
        let text = body::text_within(&decoded.bytes, &decoded.share)?;
        if (self.has_upstream || self.natives != Natives::ALL)
            && let Some(name) = self.endpoint.dest_type(&text, self.form)?
            && self.natives.by_name(&name).is_none()
        {
            return if self.has_upstream {
                Ok(Answerer::Upstream { is_ours: false })
            } else {
                Err(RequestError::unknown_destination(&name).into())
            };
        }
        if self.upstream_answers {
            return Ok(Answerer::Upstream { is_ours: true });
        }
        let meter = RequestMeter { reservation: &decoded.share, cancelled: &self.cancelled, max_work };
        match self.endpoint.answer_within(&text, self.form, self.limits, &meter) {
            Ok(answer) => Ok(Answerer::Us(Box::new(answer))),
            Err(BodyError::Halted(Halt::WorkLimit)) => Err(Stopped::TooMuchWork),
            Err(error) => Err(error.into()),
        }
    }

    /// Answers whatever work that takes.
    fn answer_fully(&self, decoded: Decoded) -> Result<(Answerer, Reservation), RequestError> {
        match self.answer(&decoded, u64::MAX) {
            Ok(answerer) => Ok((answerer, decoded.share)),
            Err(Stopped::Refused(error)) => Err(error),
            Err(Stopped::TooMuchWork) => Err(RequestError::InternalServerError),
        }
    }
}

/// A transformation's answer, and what follows once it has left.
fn answered(body: Bytes, share: Reservation, then: Option<AfterAnswer>) -> HttpResponse {
    HttpResponse::Ok().insert_header(JSON).insert_header(API_VERSION).body(Answer {
        rest: body,
        _share: share,
        _then: then,
    })
}

/// An answer on its way to the client. Until it is written it is in memory as its request was, and counts as that.
struct Answer {
    rest: Bytes,
    _share: Reservation,
    /// Dropped with it, once it is written.
    _then: Option<AfterAnswer>,
}

impl MessageBody for Answer {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let piece = match self.rest.len() {
            rest if rest <= LAST_PIECE_BYTES => rest,
            rest if rest < LARGE_ANSWER_BYTES => rest - LAST_PIECE_BYTES,
            _ => PIECE_BYTES,
        };
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
