//! The responses of a transformation: large ones leave in pieces, and all count as in memory until the client has them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use crate::server::http::headers::{API_VERSION, JSON};
use crate::server::limits::memory_budget::Reservation;
use crate::server::shadow::kept::AfterResponse;

/// Responses from this size on are written in pieces: in one they would be copied in one go, while all other connections of
/// the worker wait.
pub(super) const LARGE_RESPONSE_BYTES: usize = 256 * 1024;

/// What is written of a large response at once.
const PIECE_BYTES: usize = 64 * 1024;

/// The last piece of a response, which is given out only once the connection has less than this to write: until then the
/// whole response counts as in memory.
const LAST_PIECE_BYTES: usize = 32 * 1024;

/// The response of a transformation, and what follows once it has left.
pub(super) fn response(body: Bytes, share: Reservation, then: Option<AfterResponse>) -> HttpResponse {
    HttpResponse::Ok().insert_header(JSON).insert_header(API_VERSION).body(TransformedBody {
        rest: body,
        _share: share,
        _then: then,
    })
}

/// A response on its way to the client. Until it is written it is in memory as its request was, and counts as that.
struct TransformedBody {
    rest: Bytes,
    _share: Reservation,
    /// Dropped with it, once it is written.
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

/// A response with what follows once it has left.
pub(super) fn and_then(response: HttpResponse, then: Option<AfterResponse>) -> HttpResponse {
    match then {
        Some(then) => response.map_body(|_, body| BoxBody::new(Followed { body, _then: then })),
        None => response,
    }
}

/// A body that is dropped with what follows it.
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
