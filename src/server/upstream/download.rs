//! The body of the upstream's response, streamed as it arrives. If the upstream disconnects early, the stream ends with
//! an error, so that an incomplete body never looks complete.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, Sleep, sleep};

use crate::server::http::error::RequestError;

/// The body of the upstream's response, as a stream of chunks.
#[derive(Debug)]
pub struct Download {
    incoming: Incoming,
    timeout: Duration,
    /// The timer for the next chunk. It runs only while this stream waits for the upstream, so that a slow client does
    /// not make the upstream appear slow.
    silence: Pin<Box<Sleep>>,
    is_waiting: bool,
    is_over: bool,
}

impl Download {
    /// Creates a stream of the chunks of `incoming`. `timeout` is the maximum time to wait for a chunk.
    #[must_use]
    pub fn new(incoming: Incoming, timeout: Duration) -> Self {
        Self { incoming, timeout, silence: Box::pin(sleep(timeout)), is_waiting: false, is_over: false }
    }

    /// Whether all chunks have been returned.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_over || self.incoming.is_end_stream()
    }

    /// Returns the next chunk, or `None` after the last one.
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
                            // Trailers may be discarded (RFC 9110, section 6.5.1).
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
