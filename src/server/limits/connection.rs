//! The state of one connection, shared by its transport, the middleware, and the worker's periodic check for idle and
//! slow clients.
//!
//! These three run on the worker that serves the connection, so no locks are needed.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;
use socket2::SockRef;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::connection_slot::ConnectionSlot;
use super::header_bytes::HeaderBytes;
use super::min_rate::MinReceiveRate;
use super::unacknowledged;

/// The state of one connection.
#[derive(Debug)]
pub struct Connection {
    tcp: RefCell<Option<TcpStream>>,
    /// The waker of the task that serves the connection.
    task: RefCell<Option<Waker>>,
    /// Whether the task waits for a request to finish or for the client to receive more of a response.
    wants_wake: Cell<bool>,
    admitted: RefCell<Option<ConnectionSlot>>,
    phase: Cell<Phase>,
    /// Whether at least one request has been parsed.
    has_served: Cell<bool>,
    closing: Cell<Closing>,
    /// Counts the bytes of incomplete headers that have arrived.
    head: RefCell<HeaderBytes>,
    /// The number of bytes that the socket has accepted for sending.
    written: Cell<u64>,
    /// Whether the send buffer is full.
    blocked: Cell<bool>,
    receive_rate: Cell<Option<MinReceiveRate>>,
}

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The connection has been waiting for the headers of a request since this time.
    Waiting(Instant),
    /// The connection is waiting for the service or for the body of a request. Each of these waits has its own timeout.
    InService,
}

/// Whether the connection has been ordered to close, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// The connection stays open.
    Open,
    /// The connection closes as if the client had closed its side.
    Ended,
    /// The connection closes immediately, without sending buffered data.
    Aborted,
}

impl Connection {
    /// Creates the state of a connection that has just been accepted.
    pub(crate) fn new(tcp: TcpStream, admitted: Option<ConnectionSlot>) -> Self {
        Self {
            tcp: RefCell::new(Some(tcp)),
            task: RefCell::default(),
            wants_wake: Cell::default(),
            admitted: RefCell::new(admitted),
            phase: Cell::new(Phase::Waiting(Instant::now())),
            has_served: Cell::default(),
            closing: Cell::new(Closing::Open),
            head: RefCell::default(),
            written: Cell::default(),
            blocked: Cell::default(),
            receive_rate: Cell::default(),
        }
    }

    /// Whether the connection is within the connection limit.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        self.admitted.borrow().is_some()
    }

    pub(crate) fn admit(&self, admitted: ConnectionSlot) {
        self.admitted.replace(Some(admitted));
    }

    /// Removes and returns the connection's slot, if it has one.
    pub(crate) fn release(&self) -> Option<ConnectionSlot> {
        self.admitted.take()
    }

    /// Returns when the connection began to wait for the headers of a request. Returns `None` while the connection is
    /// busy with a request or is closing.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        match self.phase.get() {
            Phase::Waiting(since) if !self.is_ending() => Some(since),
            _ => None,
        }
    }

    /// Whether the connection has been ordered to close.
    pub(crate) fn is_ending(&self) -> bool {
        self.closing.get() != Closing::Open
    }

    /// Whether at least one request has been parsed.
    pub(crate) fn has_served(&self) -> bool {
        self.has_served.get()
    }

    /// Whether the socket has received bytes that have not been read yet.
    pub(crate) fn has_unread(&self) -> bool {
        let tcp = self.tcp.borrow();
        tcp.as_ref()
            .is_some_and(|tcp| SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|bytes| bytes > 0))
    }

    /// Marks the connection as busy with a request until the returned guard is dropped. Call this function when a
    /// request has been parsed.
    pub(crate) fn begin(self: &Rc<Self>) -> InService {
        self.has_served.set(true);
        self.phase.set(Phase::InService);
        InService(self.clone())
    }

    /// Whether the next request must wait, because the connection is still busy with the previous request or the send
    /// buffer is full.
    pub(crate) fn is_occupied(&self) -> bool {
        self.blocked.get() || self.phase.get() == Phase::InService
    }

    /// Whether the send buffer is full.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    /// Asks for the connection's task to be woken when the result of [`Self::is_occupied`] may have changed.
    pub(crate) fn want_wake(&self) {
        self.wants_wake.set(true);
    }

    /// Adds `more` to the number of bytes of incomplete headers. `None` resets this number to zero: the headers are
    /// complete, or the connection is closed because of them.
    pub(crate) fn head_grew(&self, more: Option<usize>) {
        let mut head = self.head.borrow_mut();
        match more {
            Some(more) => head.grow(more),
            None => head.clear(),
        }
    }

    /// The number of bytes of incomplete headers that have arrived.
    pub(crate) fn head_bytes(&self) -> usize {
        self.head.borrow().bytes()
    }

    /// Closes the connection as if the client had closed its side.
    pub(crate) fn close(&self) {
        if !self.is_ending() {
            self.closing.set(Closing::Ended);
            self.wake();
        }
    }

    /// Closes the connection immediately, without sending buffered data.
    pub(crate) fn abort(&self) {
        if let Some(tcp) = &*self.tcp.borrow() {
            // Without this option, the OS would keep retransmitting megabytes to a client that reads nothing. An error
            // means that the client has already disconnected, so the error is ignored.
            SockRef::from(tcp).set_linger(Some(Duration::ZERO)).ok();
        }
        self.closing.set(Closing::Aborted);
        self.wake();
    }

    /// Whether the client receives a response more slowly than required. `pause` is the maximum time without progress.
    pub(crate) fn receives_too_slowly(&self, pause: Duration, now: Instant) -> bool {
        if !self.blocked.get() {
            self.receive_rate.set(None);
            return false;
        }
        let unacknowledged = self.tcp.borrow().as_ref().and_then(unacknowledged::bytes).unwrap_or(0);
        let received = self.written.get().saturating_sub(unacknowledged);
        let mut rate = self.receive_rate.get().unwrap_or_else(|| MinReceiveRate::new(received, now, pause));
        let is_too_slow = rate.is_too_slow(received, now);
        self.receive_rate.set(Some(rate));
        is_too_slow
    }

    fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    fn wake_if_wanted(&self) {
        if self.wants_wake.take() {
            self.wake();
        }
    }

    fn remember(&self, context: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *task = Some(context.waker().clone());
        }
    }

    /// If the connection has been ordered to close, returns the result with which the connection ends. Otherwise,
    /// returns `None`, and the task of `context` will be woken when the connection is ordered to close.
    pub(crate) fn closed(&self, context: &Context<'_>) -> Option<io::Result<()>> {
        self.remember(context);
        match self.closing.get() {
            Closing::Open => None,
            Closing::Ended => Some(Ok(())),
            Closing::Aborted => Some(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    /// Reads from the socket, unless the connection has been ordered to close.
    pub(crate) fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match (self.closed(context), &mut *self.tcp.borrow_mut()) {
            (Some(closed), _) => Poll::Ready(closed),
            (None, Some(tcp)) => Pin::new(tcp).poll_read(context, buffer),
            (None, None) => Poll::Ready(Ok(())),
        }
    }

    /// Waits until the socket is readable or closed. Returns 1 if there is data, and 0 if the connection has ended.
    pub(crate) fn poll_peek(&self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match &*self.tcp.borrow() {
            Some(tcp) => tcp.poll_peek(context, &mut ReadBuf::uninit(&mut [MaybeUninit::uninit()])),
            None => Poll::Ready(Ok(0)),
        }
    }

    /// Writes to the socket, unless the connection has been ordered to close immediately.
    pub(crate) fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(Err(error)) = self.closed(context) {
            return Poll::Ready(Err(error));
        }
        let written = match &mut *self.tcp.borrow_mut() {
            Some(tcp) => Pin::new(tcp).poll_write(context, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        };
        match &written {
            Poll::Pending => self.blocked.set(true),
            Poll::Ready(Ok(bytes)) => {
                self.written.set(self.written.get() + *bytes as u64);
                if self.blocked.take() {
                    if let Phase::Waiting(_) = self.phase.get() {
                        // Until now, the client was still receiving a response, so its idle time starts only now.
                        self.phase.set(Phase::Waiting(Instant::now()));
                    }
                    self.wake_if_wanted();
                }
            }
            Poll::Ready(Err(_)) => {}
        }
        written
    }

    /// Closes the sending side of the connection.
    pub(crate) fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.tcp.borrow_mut() {
            Some(tcp) => Pin::new(tcp).poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Closes the socket and releases the slot, even while there are other references to the connection.
    pub(crate) fn disconnect(&self) {
        self.tcp.take();
        self.release();
    }
}

/// A guard that marks a connection as busy with a request. The guard exists from the moment at which the headers of the
/// request have been parsed until the last byte of the response has been written.
#[derive(Debug)]
pub struct InService(Rc<Connection>);

impl Drop for InService {
    fn drop(&mut self) {
        self.0.phase.set(Phase::Waiting(Instant::now()));
        self.0.wake_if_wanted();
    }
}
