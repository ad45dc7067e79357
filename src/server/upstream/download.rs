//! The body of the upstream's answer, as it comes. One that breaks off ends in an error, never in an end.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, Sleep, sleep};

use crate::server::http::error::RequestError;

/// The pieces of a response.
#[derive(Debug)]
pub struct Download {
    incoming: Incoming,
    timeout: Duration,
    /// Runs only while a piece is waited for: a client that takes its time does not make the upstream slow.
    silence: Pin<Box<Sleep>>,
    is_waiting: bool,
    is_over: bool,
}

impl Download {
    /// The pieces of `incoming`, between which `timeout` may pass.
    #[must_use]
    pub fn new(incoming: Incoming, timeout: Duration) -> Self {
        Self { incoming, timeout, silence: Box::pin(sleep(timeout)), is_waiting: false, is_over: false }
    }

    /// Whether the last piece has been given.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_over || self.incoming.is_end_stream()
    }

    /// The next piece.
    pub(super) async fn piece(&mut self) -> Option<Result<Bytes, RequestError>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for Download {
    type Item = Result<Bytes, RequestError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match Pin::new(&mut this.incoming).poll_frame(context) {
                Poll::Ready(frame) => {
                    this.is_waiting = false;
                    match frame {
                        Some(Ok(frame)) => {
                            // Trailers may be left out (RFC 9110, section 6.5.1).
                            let Ok(piece) = frame.into_data() else { continue };
                            return Poll::Ready(Some(Ok(piece)));
                        }
                        Some(Err(_)) => return Poll::Ready(Some(Err(RequestError::UpstreamBroke))),
                        None => {
                            this.is_over = true;
                            return Poll::Ready(None);
                        }
                    }
                }
                Poll::Pending => {
                    if !this.is_waiting {
                        this.is_waiting = true;
                        this.silence.as_mut().reset(Instant::now() + this.timeout);
                    }
                    ready!(this.silence.as_mut().poll(context));
                    return Poll::Ready(Some(Err(RequestError::UpstreamTimeout)));
                }
            }
        }
    }
}
