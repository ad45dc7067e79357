//! Forwards requests to the upstream, and the upstream's responses to the clients. Responses are streamed. The body of
//! a request is also streamed, if this service has not read the body yet.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{self, BodyStream, BoxBody, SizedStream};
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Payload;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::Stream;
use hyper::Response;
use hyper::body::Incoming;

use super::Upstream;
use super::download::Download;
use super::headers::copy_to_client;
use super::upload::{Upload, UploadEnd};
use crate::server::http::error::RequestError;
use crate::server::http::identity::BodyStart;
use crate::server::http::path::loggable;
use crate::server::http::route::{FromUpstream, UpstreamAddress};
use crate::server::limits::memory_budget::Reservation;
use crate::server::metrics::Metrics;
use crate::server::metrics::labels::Forwarded;

/// Returns the metric label for a forwarded request that failed with `error`.
fn result_of(error: &RequestError) -> Forwarded {
    match error {
        RequestError::UpstreamUnreachable => Forwarded::Unreachable,
        RequestError::UpstreamBroke | RequestError::UpstreamInvalid(_) => Forwarded::Broken,
        RequestError::UpstreamTimeout => Forwarded::TimedOut,
        RequestError::UpstreamLoop => Forwarded::Looped,
        _ => Forwarded::Abandoned,
    }
}

/// Counts a forwarded request, with its result, when dropped.
struct Counted {
    metrics: Metrics,
    result: Forwarded,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.metrics.count_forwarded(self.result);
    }
}

/// Forwards a request while streaming its body from the client, and returns the upstream's response. `pause` is the
/// maximum idle time of the client.
///
/// # Errors
/// Returns an error if there is no response from the upstream.
pub async fn streamed(
    request: &HttpRequest,
    payload: Payload,
    pause: Duration,
    upstream: &Upstream,
    metrics: &Metrics,
) -> Result<HttpResponse, RequestError> {
    let start = BodyStart::default();
    let (upload, end) = if has_body(request) {
        Upload::streamed(payload, pause, upstream.timeout(), start.clone())
    } else {
        (Upload::Empty, UploadEnd::reached())
    };
    pass(request, (upload, end), upstream, metrics, None).await.inspect_err(|error| {
        if is_upstream_failure(error) {
            start.note(request);
        }
    })
}

/// Forwards a request whose body has already been read, and returns the upstream's response.
///
/// # Errors
/// Returns an error if there is no response from the upstream.
pub async fn whole(
    request: &HttpRequest,
    (bytes, share): (Bytes, Reservation),
    upstream: &Upstream,
    metrics: &Metrics,
    tap: Option<Box<dyn BodyTap>>,
) -> Result<HttpResponse, RequestError> {
    let start = BodyStart::default();
    start.keep(&bytes);
    let upload = Upload::Whole { bytes, share: Some(share) };
    pass(request, (upload, UploadEnd::reached()), upstream, metrics, tap).await.inspect_err(|error| {
        if is_upstream_failure(error) {
            start.note(request);
        }
    })
}

/// Observes a response while it is forwarded.
pub trait BodyTap {
    /// Called first, with the status and the `Content-Encoding` (`None` if the response has none).
    fn head(&mut self, status: u16, coding: Option<&str>);
    /// Called with each chunk of the body.
    fn piece(&mut self, piece: &Bytes);
    /// Called when the response is complete. If the response ends early, the tap is dropped without this call.
    fn end(&mut self);
}

/// Whether the upstream, and not the client, caused an error.
fn is_upstream_failure(error: &RequestError) -> bool {
    result_of(error) != Forwarded::Abandoned
}

fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes().trim_ascii() != b"0")
}

async fn pass(
    request: &HttpRequest,
    (upload, end): (Upload, UploadEnd),
    upstream: &Upstream,
    metrics: &Metrics,
    tap: Option<Box<dyn BodyTap>>,
) -> Result<HttpResponse, RequestError> {
    let mut counted = Counted { metrics: metrics.clone(), result: Forwarded::Abandoned };
    let began = Instant::now();
    let sent = async { upstream.send(upstream.request_like(request.head())?, upload, end).await };
    match sent.await {
        Ok(answer) => {
            metrics.observe_upstream(began.elapsed());
            Ok(passed_back(request, answer, upstream, counted, tap))
        }
        Err(error) => {
            counted.result = result_of(&error);
            if is_upstream_failure(&error) {
                request.extensions_mut().insert(UpstreamAddress(upstream.address()));
            }
            Err(error)
        }
    }
}

/// Converts the upstream's response to a response to the client. The `Content-Length` is kept, so that the client
/// notices if the body is truncated.
fn passed_back(
    request: &HttpRequest,
    answer: Response<Incoming>,
    upstream: &Upstream,
    mut counted: Counted,
    mut tap: Option<Box<dyn BodyTap>>,
) -> HttpResponse {
    let (head, incoming) = answer.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::new(status).set_body(());
    response.extensions_mut().insert(FromUpstream);
    copy_to_client(&head.headers, response.headers_mut());
    if status == StatusCode::NO_CONTENT {
        // A 204 response must not have a `Content-Length` (RFC 9110, section 8.6). With this header, a client might
        // wait for a body.
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(tap) = &mut tap {
        let coding =
            response.headers().get("content-encoding").map(|coding| String::from_utf8_lossy(coding.as_bytes()));
        tap.head(status.as_u16(), coding.as_deref());
    }
    let download = Download::new(incoming, upstream.timeout());
    let method = request.method();
    let has_none = method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if has_none || download.is_whole() {
        counted.result = Forwarded::Responded;
        if let Some(mut tap) = tap {
            tap.end();
        }
        // The response to a HEAD request has the `Content-Length` that the response to a GET request would have. A 304
        // response keeps its `Content-Length`, although it has no body.
        return response.set_body(match length {
            Some(length) if method == Method::HEAD || length == 0 => {
                BoxBody::new(SizedStream::new(length, futures_util::stream::empty::<Result<Bytes, RequestError>>()))
            }
            _ => BoxBody::new(body::None::new()),
        });
    }
    let (path, upstream) = (loggable(request.uri().path()), upstream.clone());
    let pieces = Passing { download, counted, tap, path, upstream };
    response.set_body(match length {
        Some(length) => BoxBody::new(SizedStream::new(length, pieces)),
        None => BoxBody::new(BodyStream::new(pieces)),
    })
}

/// The body of a response that is being forwarded, as a stream of chunks.
struct Passing {
    download: Download,
    counted: Counted,
    tap: Option<Box<dyn BodyTap>>,
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
                if let Some(tap) = &mut this.tap {
                    tap.piece(piece);
                }
            }
            Poll::Ready(Some(Err(error))) => {
                this.upstream.report(&this.path, error, "the response ended early");
                this.counted.result = result_of(error);
                this.tap = None;
            }
            _ => {}
        }
        if !matches!(polled, Poll::Ready(Some(Err(_)))) && this.download.is_whole() {
            this.counted.result = Forwarded::Responded;
            if let Some(mut tap) = this.tap.take() {
                tap.end();
            }
        }
        polled
    }
}
