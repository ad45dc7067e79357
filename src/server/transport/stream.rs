//! The byte stream that the framework reads requests from and writes responses to: a TCP connection, with or without
//! TLS, that hands over one request at a time.
//!
//! The framework parses and queues every request that it has read, and continues to read even if a client does not
//! receive the responses. This transport therefore holds back each request until the client has received the previous
//! response. This bounds the cost of a connection, and TCP flow control makes the client wait.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::framing::{self, Framing, HeadScanner};
use crate::server::limits::connection::Connection;
use crate::server::limits::connections::Connections;

/// The maximum number of bytes to read at once while searching for the end of a request.
const READ_BYTES: usize = 8 << 10;

/// The maximum size of the headers that the framework's parser accepts, in bytes. A request with larger headers gets
/// status 431.
const MAX_HEAD_BYTES: usize = 128 << 10;

/// The TCP socket of a connection, below the TLS layer.
#[derive(Debug)]
pub struct Socket(Rc<Connection>);

impl Socket {
    /// Creates the socket of a connection. The connection is closed when the socket is dropped.
    pub(crate) fn of(connection: Rc<Connection>) -> Self {
        Self(connection)
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_shutdown(context)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.disconnect();
    }
}

/// The byte stream of a connection.
#[derive(Debug)]
pub(crate) enum Stream {
    /// The socket itself, without TLS.
    Plain(Socket),
    /// A TLS connection whose handshake is complete.
    Tls(Box<TlsStream<Socket>>),
}

/// A connection, as the framework sees it.
#[derive(Debug)]
pub struct Transport {
    stream: Stream,
    connection: Rc<Connection>,
    connections: Rc<Connections>,
    phase: Phase,
    /// Bytes that have been read but not handed over to the framework yet.
    inbox: BytesMut,
    /// The number of bytes at the start of `inbox` that may be handed over.
    ready: usize,
}

/// The position of the next byte in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The next byte is in the headers, or before them.
    Head(Head),
    /// The next byte is in the body.
    Body(Framing),
    /// The request is complete. The framework parses the request when the next read returns [`Poll::Pending`].
    Ended,
}

/// The progress of the search for the end of the headers. The headers begin at the start of `inbox`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Head {
    scanner: HeadScanner,
    /// The number of bytes at the start of `inbox` that have been searched for the end of the headers.
    scanned: usize,
    /// The number of bytes that were in `inbox` when the headers were last parsed.
    parsed: usize,
}

impl Head {
    /// Scans the new bytes in `inbox`. If the headers are complete, or if the framework would reject them, returns the
    /// number of bytes to hand over and the framing of the bytes that follow.
    ///
    /// Parsing always starts at the beginning of the headers, so incomplete headers are parsed only when their size has
    /// doubled since the last time. The total work is therefore linear in the size of the headers, even if they arrive
    /// in small chunks.
    fn scan(&mut self, inbox: &[u8]) -> Option<(usize, Framing)> {
        if let Some(end) = self.scanner.end(&inbox[self.scanned..]) {
            let end = self.scanned + end;
            let mut body = Framing::after(&inbox[..end]);
            let begun = body.take(&inbox[end..]);
            return Some((end + begun, body));
        }
        self.scanned = inbox.len();
        let is_rejected = if inbox.len() >= 2 * self.parsed {
            self.parsed = inbox.len();
            framing::is_rejected(inbox)
        } else {
            false
        };
        (is_rejected || inbox.len() >= MAX_HEAD_BYTES).then_some((inbox.len(), Framing::UntilClose))
    }
}

impl Transport {
    pub(crate) fn new(stream: Stream, connection: Rc<Connection>, connections: Rc<Connections>) -> Self {
        Self { stream, connection, connections, phase: Phase::Head(Head::default()), inbox: BytesMut::new(), ready: 0 }
    }

    /// Returns the state of the connection, and the limits that apply to it.
    pub(crate) fn connection(&self) -> (Rc<Connection>, Rc<Connections>) {
        (self.connection.clone(), self.connections.clone())
    }

    /// Reads more bytes into `inbox`. Returns their number, which is 0 at the end of the connection.
    fn fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut bytes = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut bytes))?;
        self.inbox.extend_from_slice(bytes.filled());
        Poll::Ready(Ok(bytes.filled().len()))
    }

    /// Moves the bytes that may be handed over from `inbox` to `buffer`, as far as `buffer` has room.
    fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) {
        let bytes = self.ready.min(buffer.remaining());
        buffer.put_slice(&self.inbox[..bytes]);
        self.inbox.advance(bytes);
        self.ready -= bytes;
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
    }

    /// Continues to read headers. Returns `None` if there was progress; the caller then continues with the new `phase`.
    fn poll_head(&mut self, mut head: Head, context: &mut Context<'_>) -> Option<Poll<io::Result<()>>> {
        if head.scanned == 0 && self.connection.is_occupied() {
            return Some(self.poll_suspended(context));
        }
        let mut framing = None;
        if head.scanned == self.inbox.len() {
            match self.fill(context) {
                Poll::Ready(Ok(0)) if self.inbox.is_empty() => return Some(Poll::Ready(Ok(()))),
                // The connection ends within the headers. The incomplete headers are handed over.
                Poll::Ready(Ok(0)) => framing = Some((self.inbox.len(), Framing::UntilClose)),
                Poll::Ready(Ok(more)) => {
                    self.connection.head_grew(Some(more));
                    self.connections.bound_heads();
                }
                Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                Poll::Pending => return Some(Poll::Pending),
            }
        }
        self.phase = match framing.or_else(|| head.scan(&self.inbox)) {
            Some((ready, body)) => {
                self.ready = ready;
                self.connection.head_grew(None);
                Phase::Body(body)
            }
            None => Phase::Head(head),
        };
        None
    }

    /// Waits, without reading, until the previous response has been received or the client disconnects.
    fn poll_suspended(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.want_wake();
        match self.connection.poll_peek(context) {
            // With TLS, there may still be requests that have already been received and decrypted.
            Poll::Ready(Ok(0)) if self.inbox.is_empty() && matches!(self.stream, Stream::Plain(_)) => {
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    }

    /// Continues to read a body. Returns `None` if `inbox` contains bytes to hand over.
    fn poll_body(
        &mut self,
        mut body: Framing,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Option<Poll<io::Result<()>>> {
        let direct = match &mut body {
            Framing::Length(left) => Some(left),
            Framing::UntilClose => None,
            // A chunked body is read into `inbox`, to search for its end.
            Framing::Chunked(_) => {
                match self.fill(context) {
                    Poll::Ready(Ok(more)) if more > 0 => self.ready = body.take(&self.inbox),
                    end_or_pending => return Some(end_or_pending.map_ok(|_| ())),
                }
                self.phase = Phase::Body(body);
                return None;
            }
        };
        let before = buffer.filled().len();
        let polled = match direct {
            None => Pin::new(&mut self.stream).poll_read(context, buffer),
            Some(left) => {
                let polled = Pin::new(&mut (&mut self.stream).take(*left)).poll_read(context, buffer);
                *left -= (buffer.filled().len() - before) as u64;
                polled
            }
        };
        self.phase = Phase::Body(body);
        Some(polled)
    }

    /// Returns [`Poll::Pending`] unless the connection has ended, so that the framework parses the previous request
    /// before it reads the next one.
    fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.phase = Phase::Head(Head::default());
        // Usually no data has arrived yet. The socket then wakes the task when the next request arrives.
        if self.inbox.is_empty() && ready!(self.fill(context))? == 0 {
            return Poll::Ready(Ok(()));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(closed) = this.connection.closed(context) {
            return Poll::Ready(closed);
        }
        loop {
            if this.ready > 0 {
                this.hand_over(buffer);
                return Poll::Ready(Ok(()));
            }
            let polled = match this.phase {
                Phase::Head(head) => this.poll_head(head, context),
                Phase::Body(body) if body.has_ended() => {
                    this.phase = Phase::Ended;
                    None
                }
                Phase::Body(body) => this.poll_body(body, context, buffer),
                Phase::Ended => Some(this.poll_ended(context)),
            };
            if let Some(polled) = polled {
                return polled;
            }
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Stream::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(socket) => Pin::new(socket).poll_flush(context),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scans headers that arrive byte by byte. Returns how many bytes were parsed in total, and the result of the last
    /// scan.
    fn scan(bytes: &[u8]) -> (usize, Option<(usize, Framing)>) {
        let (mut head, mut parsed) = (Head::default(), 0);
        for length in 1..=bytes.len() {
            let before = head.parsed;
            let ended = head.scan(&bytes[..length]);
            if head.parsed > before {
                parsed += head.parsed;
            }
            if ended.is_some() {
                return (parsed, ended);
            }
        }
        (parsed, None)
    }

    #[test]
    fn headers_in_small_chunks_are_parsed_in_linear_time() {
        let head = format!("POST / HTTP/1.1\r\nX: {}\r\nContent-Length: 3\r\n\r\n", "y".repeat(100_000));
        let (parsed, ended) = scan(head.as_bytes());
        assert_eq!(ended, Some((head.len(), Framing::Length(3))));
        assert!(parsed < 2 * head.len(), "{parsed} bytes parsed of {}", head.len());
    }

    #[test]
    fn the_framework_gets_complete_headers_together_with_the_received_part_of_the_body() {
        let bytes = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n[1GET /";
        assert_eq!(Head::default().scan(bytes), Some((bytes.len() - 4, Framing::Length(0))));
        assert_eq!(Head::default().scan(&bytes[..bytes.len() - 7]), Some((bytes.len() - 7, Framing::Length(3))));
    }

    #[test]
    fn the_framework_gets_incomplete_headers_only_if_it_will_reject_them() {
        assert_eq!(scan(b"[1]").1, Some((1, Framing::UntilClose)));
        let endless = "x".repeat(2 * MAX_HEAD_BYTES);
        assert_eq!(scan(format!("GET /{endless}").as_bytes()).1, Some((MAX_HEAD_BYTES, Framing::UntilClose)));
    }
}
