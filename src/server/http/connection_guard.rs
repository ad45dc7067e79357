//! Middleware for every request: rejects requests on connections above the limit, announces to clients that their
//! connection closes after the response, and marks the connection as busy until the response has been written.

use std::cell::RefCell;
use std::error::Error as StdError;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use bytes::Bytes;
use futures_util::Stream;

use super::error::RequestError;
use super::identity;
use crate::server::lifecycle::Lifecycle;
use crate::server::limits::connection::{Connection, InService};
use crate::server::limits::connections::Connections;
use crate::server::limits::limit::Limit;

/// Rejects requests on connections above the limit with 503. Probes are exempt: if they failed, the orchestrator would
/// restart a service that is merely busy. If a connection is above the limit, or if the service is shutting down, the
/// connection closes after the response, so that the client's next request can reach another instance.
pub async fn connection_guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let connection = request.conn_data::<Rc<Connection>>().cloned();
    let limits = request.conn_data::<Rc<Connections>>().cloned();
    let in_service = connection.as_ref().map(Connection::begin);
    let stopping = request.app_data::<Lifecycle>().is_some_and(Lifecycle::is_stopping);
    let unread = keep_unread(&mut request);
    let is_probe = is_probe(&request);
    let is_rejected = match (&connection, &limits) {
        (Some(connection), Some(_)) if is_probe => !connection.is_admitted(),
        (Some(connection), Some(limits)) => !limits.admit(connection),
        _ => false,
    };
    let mut response = if is_rejected && !is_probe {
        let (own, payload) = request.parts_mut();
        identity::note_unread(own, payload).await;
        request.error_response(RequestError::Overloaded(Limit::Connections))
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    if is_rejected || stopping {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| GuardedBody { body, rest: Bytes::new(), _in_service: in_service, _unread: unread }))
}

/// Whether the request is an orchestrator's health probe.
fn is_probe(request: &ServiceRequest) -> bool {
    let path = request.path();
    matches!(*request.method(), Method::GET | Method::HEAD)
        && matches!(path.strip_suffix('/').unwrap_or(path), "/health" | "/ready")
}

/// Returns a second owner of a chunked request body, so that the body is not dropped before the response has been sent.
/// If the handler dropped the body without reading all of it, the framework would read it to its end, but a client may
/// never send the end. If the body still exists when the response has been sent, the framework closes the connection
/// instead.
fn keep_unread(request: &mut ServiceRequest) -> Option<Rc<RefCell<Payload>>> {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let unread = Rc::new(RefCell::new(request.take_payload()));
    request.set_payload(Payload::Stream { payload: Box::pin(SharedPayload(unread.clone())) });
    Some(unread)
}

/// A request body that the handler shares with the middleware.
struct SharedPayload(Rc<RefCell<Payload>>);

impl Stream for SharedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// The body of a response, with two values that are dropped after it: the guard that marks the connection as busy, and
/// the unread request body.
struct GuardedBody {
    body: BoxBody,
    /// The rest of the current chunk, if the chunk is too large for the framework to buffer at once.
    rest: Bytes,
    _in_service: Option<InService>,
    _unread: Option<Rc<RefCell<Payload>>>,
}

/// The maximum number of bytes of a response that are passed to the framework at once. The framework copies them into a
/// buffer of the connection, where they stay until the client has received them.
const PIECE_BYTES: usize = 64 << 10;

impl MessageBody for GuardedBody {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            match ready!(this.body.as_pin_mut().poll_next(context)) {
                Some(Ok(piece)) => this.rest = piece,
                end_or_error => return Poll::Ready(end_or_error),
            }
        }
        Poll::Ready(Some(Ok(this.rest.split_to(this.rest.len().min(PIECE_BYTES)))))
    }
}
