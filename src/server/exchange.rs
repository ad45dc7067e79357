//! What is around every exchange of a request and an answer: connections that are too many are refused, those that end are
//! announced, and what the answer needs is kept until the client has it.

use std::cell::RefCell;
use std::error::Error as StdError;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _};
use bytes::Bytes;
use futures_util::Stream;

use super::app::State;
use super::connections::Connection;
use super::error::{Limit, RequestError};

/// Answers on a connection that is one too many with 503, except to probes: an orchestrator that gets no answer would
/// restart a service that is only busy. Whoever is answered while the service stops, or is refused, is told that the
/// connection ends: the next request then finds another instance.
pub async fn attend(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let connection = request.conn_data::<Rc<Connection>>().cloned();
    if let Some(connection) = &connection {
        connection.begin();
    }
    let refused = connection.as_ref().is_some_and(|connection| connection.is_refused());
    let stopping = request.app_data::<Data<State>>().is_some_and(|state| state.lifecycle.is_stopping());
    let unread = keep_unread(&mut request);
    let mut response = if refused && !is_probe(&request) {
        request.error_response(RequestError::Overloaded(Limit::Connections))
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    if refused || stopping {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| Answer { body, connection, _unread: unread }))
}

/// Whether this is what an orchestrator asks.
fn is_probe(request: &ServiceRequest) -> bool {
    let path = request.path();
    matches!(*request.method(), Method::GET | Method::HEAD)
        && matches!(path.strip_suffix('/').unwrap_or(path), "/health" | "/ready")
}

/// Keeps what is left of a chunked body until the answer has been sent. The framework reads one whose handler let go of it
/// to its end, which a client may never send; with one that somebody still holds it closes the connection.
fn keep_unread(request: &mut ServiceRequest) -> Option<Rc<RefCell<Payload>>> {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let unread = Rc::new(RefCell::new(request.take_payload()));
    request.set_payload(Payload::Stream { payload: Box::pin(Lent(unread.clone())) });
    Some(unread)
}

/// A body that somebody else keeps.
struct Lent(Rc<RefCell<Payload>>);

impl Stream for Lent {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// An answer, and what has to last until it is written.
struct Answer {
    body: BoxBody,
    connection: Option<Rc<Connection>>,
    _unread: Option<Rc<RefCell<Payload>>>,
}

impl MessageBody for Answer {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let polled = self.body.as_pin_mut().poll_next(context);
        if let (Some(connection), Poll::Ready(_)) = (&self.connection, &polled) {
            connection.answer();
        }
        polled
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.end();
        }
    }
}
