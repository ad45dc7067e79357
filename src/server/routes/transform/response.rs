//! The responses to transformation requests. Large responses are sent in chunks. The memory of every response is
//! counted as in flight until the response has been written.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use crate::server::http::headers::{API_VERSION, JSON};
use crate::server::limits::memory_budget::Reservation;
use crate::server::shadow::kept::AfterResponse;

/// The minimum size of a response that is written in chunks, in bytes. Copying such a response in one piece would delay
/// all other connections of the worker.
pub(super) const LARGE_RESPONSE_BYTES: usize = 256 * 1024;

/// The size of a chunk of a large response, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// The maximum size of the last chunk of a response, in bytes. The connection takes the last chunk only when fewer
/// bytes than this number are left to write. Until then, the memory of the whole response is counted as in flight.
const LAST_PIECE_BYTES: usize = 32 * 1024;

/// Creates the response to a transformation request. `then` is dropped after the response has been written.
pub(super) fn response(body: Bytes, share: Reservation, then: Option<AfterResponse>) -> HttpResponse {
    HttpResponse::Ok().insert_header(JSON).insert_header(API_VERSION).body(TransformedBody {
        rest: body,
        _share: share,
        _then: then,
    })
}

/// Returns a body whose memory is counted as in flight until the body has been written.
pub fn counted(body: Bytes, share: Reservation) -> impl MessageBody + 'static {
    TransformedBody { rest: body, _share: share, _then: None }
}

/// A response that is being sent. Its memory and that of the request are counted as in flight until the response has
/// been written.
struct TransformedBody {
    rest: Bytes,
    _share: Reservation,
    /// Dropped with the response, after the response has been written.
    _then: Option<AfterResponse>,
}

impl MessageBody for TransformedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let piece = match self.rest.len() {
            rest if rest <= LAST_PIECE_BYTES => rest,
            rest if rest < LARGE_RESPONSE_BYTES => rest - LAST_PIECE_BYTES,
            _ => PIECE_BYTES,
        };
        Poll::Ready((piece > 0).then(|| Ok(self.rest.split_to(piece))))
    }
}

/// Attaches `then` to a response. `then` is dropped after the response has been written.
pub(super) fn and_then(response: HttpResponse, then: Option<AfterResponse>) -> HttpResponse {
    match then {
        Some(then) => response.map_body(|_, body| BoxBody::new(Followed { body, _then: then })),
        None => response,
    }
}

/// A body with a value that is dropped after the body.
struct Followed {
    body: BoxBody,
    _then: AfterResponse,
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
