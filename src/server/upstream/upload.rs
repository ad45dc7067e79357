//! The bodies of requests to the upstream. A body is streamed from the client or sent from memory.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::error::PayloadError;
use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{mpsc, oneshot};

use crate::server::http::error::RequestError;
use crate::server::http::identity::BodyStart;
use crate::server::limits::memory_budget::Reservation;
use crate::server::limits::min_rate::MinRate;

/// The maximum number of chunks of a forwarded body that are buffered between the client and the upstream.
const PIECES: usize = 2;

/// The body of a request to the upstream.
#[derive(Debug)]
pub enum Upload {
    /// No body.
    Empty,
    /// A body in memory.
    Whole {
        /// The part of the body that has not been sent yet.
        bytes: Bytes,
        /// The memory reserved for the body, which counts as in flight until this value is dropped. `None` if the
        /// memory is reserved elsewhere.
        share: Option<Reservation>,
    },
    /// A body streamed from a client.
    Streamed(mpsc::Receiver<Result<Bytes, ClientDisconnected>>),
}

/// The error for a client that disconnected early or stalled. It aborts the request to the upstream, because a normal
/// end would make an incomplete body look complete.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the client disconnected")]
pub struct ClientDisconnected;

/// Reports once how the upload of a body ended.
#[derive(Debug)]
pub struct UploadEnd(Option<oneshot::Receiver<Result<(), RequestError>>>);

impl UploadEnd {
    /// Creates an instance for an upload that does not stream a client's body. Its `wait` returns immediately.
    #[must_use]
    pub fn reached() -> Self {
        Self(None)
    }

    /// Returns how the upload ended, or `None` if this is not known.
    pub(super) fn outcome(&mut self) -> Option<Result<(), RequestError>> {
        self.0.as_mut()?.try_recv().ok()
    }

    /// Waits for the end of the upload. Call this method again only if the previous call was canceled.
    ///
    /// # Errors
    /// [`RequestError::BadRequest`] if the client disconnected, [`RequestError::RequestTimeout`] if the client was too
    /// slow, [`RequestError::UpstreamTimeout`] if the upstream stopped reading.
    pub(super) async fn wait(&mut self) -> Result<(), RequestError> {
        let Some(end) = self.0.as_mut() else { return Ok(()) };
        let outcome = end.await.unwrap_or(Ok(()));
        self.0 = None;
        outcome
    }
}

impl Upload {
    /// Streams a client's body to the upstream, chunk by chunk. The client may be idle for `pause` (see [`MinRate`]),
    /// and the upstream has `timeout` to accept a chunk. `start` keeps the first bytes for a log line. The body is read
    /// on the calling thread.
    #[must_use]
    pub fn streamed(payload: Payload, pause: Duration, timeout: Duration, start: BodyStart) -> (Self, UploadEnd) {
        let (sender, receiver) = mpsc::channel(PIECES);
        let (done, end) = oneshot::channel();
        actix_web::rt::spawn(async move {
            let payload = payload.inspect(|piece| piece.iter().for_each(|piece| start.keep(piece)));
            pass_on(payload, &sender, done, pause, timeout).await;
        });
        (Self::Streamed(receiver), UploadEnd(Some(end)))
    }
}

async fn pass_on(
    mut payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    sender: &mpsc::Sender<Result<Bytes, ClientDisconnected>>,
    done: oneshot::Sender<Result<(), RequestError>>,
    pause: Duration,
    timeout: Duration,
) {
    let (mut waited, mut received) = (Duration::ZERO, 0);
    loop {
        // Only the time spent waiting for the client counts against the client's minimum rate, not the time spent
        // waiting for the upstream.
        let asked = Instant::now();
        let rate = MinRate::new(asked.checked_sub(waited).unwrap_or(asked), pause);
        let next = tokio::time::timeout(rate.time_left(received, asked), payload.next()).await;
        waited += asked.elapsed();
        let Ok(next) = next else {
            done.send(Err(RequestError::RequestTimeout)).ok();
            sender.send(Err(ClientDisconnected)).await.ok();
            return;
        };
        let Some(piece) = next else { break };
        match piece.inspect(|piece| received += piece.len()) {
            Ok(piece) => match tokio::time::timeout(timeout, sender.send(Ok(piece))).await {
                Ok(Ok(())) => {}
                // The upstream has stopped reading the request. Its response explains why.
                Ok(Err(_)) => break,
                Err(_) => {
                    done.send(Err(RequestError::UpstreamTimeout)).ok();
                    return;
                }
            },
            Err(error) => {
                // Report the reason before making the request fail.
                done.send(Err(RequestError::BadRequest(format!("the body ended early: {error}")))).ok();
                sender.send(Err(ClientDisconnected)).await.ok();
                return;
            }
        }
    }
    done.send(Ok(())).ok();
}

impl Body for Upload {
    type Data = Bytes;
    type Error = ClientDisconnected;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ClientDisconnected>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            Self::Whole { bytes, .. } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streamed(receiver) => receiver.poll_recv(context).map(|piece| Some(piece?.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole { bytes, .. } => bytes.is_empty(),
            Self::Streamed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(_) => SizeHint::default(),
        }
    }
}
