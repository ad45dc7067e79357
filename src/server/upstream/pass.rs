//! What is not served here goes to the upstream: request and answer pass through as they come, neither is held.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{self, BodyStream, BoxBody, SizedStream};
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::Stream;
use hyper::Response;
use hyper::body::Incoming;

use super::copy_to_client;
use super::{Download, Upload, UploadEnd, Upstream};
use crate::server::app::State;
use crate::server::http::error::RequestError;
use crate::server::http::path::{Addressed, addressed, loggable};
use crate::server::limits::memory_budget::Reservation;
use crate::server::metrics::Metrics;

/// How a forwarded request ended, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// The whole answer was passed on, whatever its status.
    Answered,
    /// No connection.
    Unreachable,
    /// The upstream broke off, or its response is not valid HTTP.
    Broken,
    /// The upstream was silent for too long.
    TimedOut,
    /// The client broke off, or sent what cannot be forwarded.
    Abandoned,
    /// The request had been here before.
    Looped,
}

impl Forwarded {
    /// Every end.
    pub const ALL: [Forwarded; 6] =
        [Self::Answered, Self::Unreachable, Self::Broken, Self::TimedOut, Self::Abandoned, Self::Looped];

    /// The value of the label.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::TimedOut => "timeout",
            Self::Abandoned => "abandoned",
            Self::Looped => "loop",
        }
    }

    fn of(error: &RequestError) -> Self {
        match error {
            RequestError::UpstreamUnreachable => Self::Unreachable,
            RequestError::UpstreamBroke | RequestError::UpstreamInvalid(_) => Self::Broken,
            RequestError::UpstreamTimeout => Self::TimedOut,
            RequestError::UpstreamLoop => Self::Looped,
            _ => Self::Abandoned,
        }
    }
}

/// Counts a request once, when it is over.
struct Counted {
    metrics: Metrics,
    result: Forwarded,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.metrics.count_forwarded(self.result);
    }
}

/// Data of an application from which nothing is passed on: that of the metrics port, which is no way to the upstream.
#[derive(Debug, Clone, Copy)]
pub struct StaysHere;

/// The route of everything that has no other one.
///
/// # Errors
/// [`RequestError::NotFound`] without an upstream, [`RequestError::NotOnMetricsPort`] if it [`StaysHere`]; what
/// [`or_refuse`] returns.
pub async fn anything(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, RequestError> {
    if request.app_data::<StaysHere>().is_some() {
        return Err(RequestError::NotOnMetricsPort);
    }
    or_refuse(&request, payload, &state, RequestError::NotFound).await
}

/// Passes a request on to the upstream, and its answer back. Without an upstream the answer is what `UNSERVED` says if
/// rudder-server could have sent the request, else `refusal`.
///
/// # Errors
/// [`RequestError::Unserved`], `refusal`, or why there is no answer of the upstream; [`RequestError::MetricsElsewhere`] and
/// [`RequestError::BadRequest`] for a path that may be normalized to `/metrics`, or to one above the root.
pub async fn or_refuse(
    request: &HttpRequest,
    payload: Payload,
    state: &State,
    refusal: RequestError,
) -> Result<HttpResponse, RequestError> {
    match addressed(request.uri().path()) {
        Addressed::Metrics => return Err(RequestError::MetricsElsewhere(state.metrics_port)),
        Addressed::Outside => {
            return Err(RequestError::BadRequest("the path leads above its root: remove its dot segments".to_owned()));
        }
        Addressed::Other => {}
    }
    let Some(upstream) = &state.upstream else {
        return Err(state.unserved.reject(request, payload, state, refusal).await);
    };
    let (upload, end) = if has_body(request) {
        Upload::streamed(payload, state.body_timeout, upstream.timeout())
    } else {
        (Upload::Empty, UploadEnd::reached())
    };
    pass(request, upload, end, upstream, &state.metrics, None).await
}

/// Passes a request on whose body had to be read already.
///
/// # Errors
/// Why there is no answer of the upstream.
pub async fn whole(
    request: &HttpRequest,
    (bytes, share): (Bytes, Reservation),
    upstream: &Upstream,
    metrics: &Metrics,
    witness: Option<Box<dyn Witness>>,
) -> Result<HttpResponse, RequestError> {
    let upload = Upload::Whole { bytes, share: Some(share) };
    pass(request, upload, UploadEnd::reached(), upstream, metrics, witness).await
}

/// Sees an answer pass by.
pub trait Witness {
    /// Status, and `Content-Encoding` where there is one.
    fn head(&mut self, status: u16, coding: Option<&str>);
    /// A piece of the body.
    fn piece(&mut self, piece: &Bytes);
    /// The answer was whole. Where it is not, the witness is dropped without this.
    fn end(&mut self);
}

fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes().trim_ascii() != b"0")
}

async fn pass(
    request: &HttpRequest,
    upload: Upload,
    end: UploadEnd,
    upstream: &Upstream,
    metrics: &Metrics,
    witness: Option<Box<dyn Witness>>,
) -> Result<HttpResponse, RequestError> {
    let mut counted = Counted { metrics: metrics.clone(), result: Forwarded::Abandoned };
    let sent = async { upstream.send(upstream.request_like(request.head())?, upload, end).await };
    match sent.await {
        Ok(answer) => Ok(passed_back(request, answer, upstream, counted, witness)),
        Err(error) => {
            counted.result = Forwarded::of(&error);
            Err(error)
        }
    }
}

/// Marks an answer as the upstream's, to which nothing is added.
#[derive(Debug, Clone, Copy)]
pub struct FromUpstream;

/// The upstream's answer as ours. Its length is kept, so that a client sees where it was cut.
fn passed_back(
    request: &HttpRequest,
    answer: Response<Incoming>,
    upstream: &Upstream,
    mut counted: Counted,
    mut witness: Option<Box<dyn Witness>>,
) -> HttpResponse {
    let (head, incoming) = answer.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::new(status).set_body(());
    response.extensions_mut().insert(FromUpstream);
    copy_to_client(&head.headers, response.headers_mut());
    if status == StatusCode::NO_CONTENT {
        // It has no content, and so no length (RFC 9110, section 8.6): a client that believes it would wait.
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(witness) = &mut witness {
        let coding =
            response.headers().get("content-encoding").map(|coding| String::from_utf8_lossy(coding.as_bytes()));
        witness.head(status.as_u16(), coding.as_deref());
    }
    let download = Download::new(incoming, upstream.timeout());
    let method = request.method();
    let has_none = method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if has_none || download.is_whole() {
        counted.result = Forwarded::Answered;
        if let Some(mut witness) = witness {
            witness.end();
        }
        // The answer to HEAD has the length of what GET would get; 304 keeps its header by itself.
        return response.set_body(match length {
            Some(length) if method == Method::HEAD || length == 0 => {
                BoxBody::new(SizedStream::new(length, futures_util::stream::empty::<Result<Bytes, RequestError>>()))
            }
            _ => BoxBody::new(body::None::new()),
        });
    }
    let (path, upstream) = (loggable(request.uri().path()), upstream.clone());
    let pieces = Passing { download, counted, witness, path, upstream };
    response.set_body(match length {
        Some(length) => BoxBody::new(SizedStream::new(length, pieces)),
        None => BoxBody::new(BodyStream::new(pieces)),
    })
}

/// The pieces of an answer on their way to the client.
struct Passing {
    download: Download,
    counted: Counted,
    witness: Option<Box<dyn Witness>>,
    path: String,
    upstream: Upstream,
}

impl Stream for Passing {
    type Item = Result<Bytes, RequestError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.download).poll_next(context);
        match &polled {
            Poll::Ready(Some(Ok(piece))) => {
                if let Some(witness) = &mut this.witness {
                    witness.piece(piece);
                }
            }
            Poll::Ready(Some(Err(error))) => {
                this.upstream.report(&this.path, error, "the response ended early");
                this.counted.result = Forwarded::of(error);
                this.witness = None;
            }
            _ => {}
        }
        if !matches!(polled, Poll::Ready(Some(Err(_)))) && this.download.is_whole() {
            this.counted.result = Forwarded::Answered;
            if let Some(mut witness) = this.witness.take() {
                witness.end();
            }
        }
        polled
    }
}
