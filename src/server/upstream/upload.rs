//! A body on its way to the upstream: from the client as it comes, or from memory.

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

/// Pieces between the client's connection and the upstream's. It is all that is held of a body that is passed on.
const PIECES: usize = 2;

/// The body of a request to the upstream.
#[derive(Debug)]
pub enum Upload {
    /// None.
    Empty,
    /// One that is in memory.
    Whole {
        /// What is left of it.
        bytes: Bytes,
        /// It counts as in flight as long as it is here.
        share: Option<Reservation>,
    },
    /// One that comes from a client.
    Streamed(mpsc::Receiver<Result<Bytes, Cut>>),
}

/// The client broke off. The upstream has to see that its request did: an end would make a part look like the whole.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the client disconnected")]
pub struct Cut;

/// How a body got to the upstream, which is reported once.
#[derive(Debug)]
pub struct UploadEnd(Option<oneshot::Receiver<Result<(), RequestError>>>);

impl UploadEnd {
    /// The end of a body that is in memory.
    #[must_use]
    pub fn reached() -> Self {
        Self(None)
    }

    /// How it ended, where that has been reported and not waited for.
    pub(super) fn outcome(&mut self) -> Option<Result<(), RequestError>> {
        self.0.as_mut()?.try_recv().ok()
    }

    /// Waits for the end. It is to be called again only where it has not been waited out.
    ///
    /// # Errors
    /// [`RequestError::BadRequest`] where the client disconnected, [`RequestError::UpstreamTimeout`] where the upstream
    /// took no more.
    pub(super) async fn wait(&mut self) -> Result<(), RequestError> {
        let Some(end) = self.0.as_mut() else { return Ok(()) };
        let outcome = end.await.unwrap_or(Ok(()));
        self.0 = None;
        outcome
    }
}

impl Upload {
    /// Passes a client's body on, piece by piece: the client may pause for `pause` (see [`MinRate`]), and the upstream has
    /// `timeout` to take a piece. `start` keeps the first bytes. The body is read on the thread that this is called on.
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
    sender: &mpsc::Sender<Result<Bytes, Cut>>,
    done: oneshot::Sender<Result<(), RequestError>>,
    pause: Duration,
    timeout: Duration,
) {
    let (mut waited, mut received) = (Duration::ZERO, 0);
    loop {
        // Time in which the upstream takes nothing is not the client's.
        let asked = Instant::now();
        let rate = MinRate::new(asked.checked_sub(waited).unwrap_or(asked), pause);
        let next = tokio::time::timeout(rate.patience(received, asked), payload.next()).await;
        waited += asked.elapsed();
        let Ok(next) = next else {
            done.send(Err(RequestError::RequestTimeout)).ok();
            sender.send(Err(Cut)).await.ok();
            return;
        };
        let Some(piece) = next else { break };
        match piece.inspect(|piece| received += piece.len()) {
            Ok(piece) => match tokio::time::timeout(timeout, sender.send(Ok(piece))).await {
                Ok(Ok(())) => {}
                // The upstream wants no more of it: its answer says why.
                Ok(Err(_)) => break,
                Err(_) => {
                    done.send(Err(RequestError::UpstreamTimeout)).ok();
                    return;
                }
            },
            Err(error) => {
                // First the reason, then what makes the request fail.
                done.send(Err(RequestError::BadRequest(format!("the body ended early: {error}")))).ok();
                sender.send(Err(Cut)).await.ok();
                return;
            }
        }
    }
    done.send(Ok(())).ok();
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
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
