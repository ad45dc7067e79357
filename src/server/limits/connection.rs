//! The state of one connection, shared by its transport, the middleware, and the sweep of its worker.
//!
//! All of it stays on one worker, so that cells do.

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
use super::min_rate::MinTakeRate;
use super::unacknowledged;

/// One connection.
#[derive(Debug)]
pub struct Connection {
    tcp: RefCell<Option<TcpStream>>,
    /// The task that serves it.
    task: RefCell<Option<Waker>>,
    /// Whether that task waits for the end of a request, or for the client to take more.
    wants_wake: Cell<bool>,
    admitted: RefCell<Option<ConnectionSlot>>,
    phase: Cell<Phase>,
    /// Whether there has been a request.
    has_served: Cell<bool>,
    closing: Cell<Closing>,
    /// Bytes of headers that have not ended.
    head: RefCell<HeaderBytes>,
    /// Bytes that the system took to send.
    written: Cell<u64>,
    /// Whether there is more to write than the system takes.
    blocked: Cell<bool>,
    take_rate: Cell<Option<MinTakeRate>>,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// For the headers of a request, since then.
    Waiting(Instant),
    /// For the body, which has limits of its own, or for the service.
    InService,
}

/// Whether a connection has been ordered to close, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// It has not.
    Open,
    /// As if the client had sent its last byte.
    Ended,
    /// At once, without what is still to be sent.
    Aborted,
}

impl Connection {
    /// A connection that has just been accepted.
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
            take_rate: Cell::default(),
        }
    }

    /// Whether it is within the limit of connections.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        self.admitted.borrow().is_some()
    }

    pub(crate) fn admit(&self, admitted: ConnectionSlot) {
        self.admitted.replace(Some(admitted));
    }

    /// Takes its place within the limit away.
    pub(crate) fn release(&self) -> Option<ConnectionSlot> {
        self.admitted.take()
    }

    /// Since when it has waited for the headers of a request; `None` while one is in service or it ends.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        match self.phase.get() {
            Phase::Waiting(since) if !self.is_ending() => Some(since),
            _ => None,
        }
    }

    /// Whether it has been ordered to close.
    pub(crate) fn is_ending(&self) -> bool {
        self.closing.get() != Closing::Open
    }

    /// Whether there has been a request.
    pub(crate) fn has_served(&self) -> bool {
        self.has_served.get()
    }

    /// Whether bytes have come that nobody has read yet.
    pub(crate) fn has_unread(&self) -> bool {
        let tcp = self.tcp.borrow();
        tcp.as_ref()
            .is_some_and(|tcp| SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|bytes| bytes > 0))
    }

    /// A request has been parsed.
    pub(crate) fn begin(self: &Rc<Self>) -> InService {
        self.has_served.set(true);
        self.phase.set(Phase::InService);
        InService(self.clone())
    }

    /// Whether the next request has to wait: for the response to the one before, or for the client to take that.
    pub(crate) fn is_occupied(&self) -> bool {
        self.blocked.get() || self.phase.get() == Phase::InService
    }

    /// Whether there is more to write than the system takes.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    /// Has the task polled once [`Self::is_occupied`] may have changed.
    pub(crate) fn want_wake(&self) {
        self.wants_wake.set(true);
    }

    /// Counts bytes of headers that have not ended, or, with `None`, that these have ended.
    pub(crate) fn head_grew(&self, more: Option<usize>) {
        let mut head = self.head.borrow_mut();
        match more {
            Some(more) => head.grow(more),
            None => head.clear(),
        }
    }

    /// The bytes of headers that have not ended.
    pub(crate) fn head_bytes(&self) -> usize {
        self.head.borrow().bytes()
    }

    /// Ends the connection as if the client had sent its last byte.
    pub(crate) fn close(&self) {
        if !self.is_ending() {
            self.closing.set(Closing::Ended);
            self.wake();
        }
    }

    /// Ends the connection without sending what the client does not take.
    pub(crate) fn abort(&self) {
        if let Some(tcp) = &*self.tcp.borrow() {
            // Without this the system would go on offering megabytes to a client that takes none. That the client has gone
            // meanwhile is as well.
            SockRef::from(tcp).set_linger(Some(Duration::ZERO)).ok();
        }
        self.closing.set(Closing::Aborted);
        self.wake();
    }

    /// Whether the client takes less of what is written than it has to, by now.
    pub(crate) fn takes_too_slowly(&self, pause: Duration, now: Instant) -> bool {
        if !self.blocked.get() {
            self.take_rate.set(None);
            return false;
        }
        let unacknowledged = self.tcp.borrow().as_ref().and_then(unacknowledged::bytes).unwrap_or(0);
        let taken = self.written.get().saturating_sub(unacknowledged);
        let mut rate = self.take_rate.get().unwrap_or_else(|| MinTakeRate::new(taken, now, pause));
        let is_too_slow = rate.is_too_slow(taken, now);
        self.take_rate.set(Some(rate));
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

    /// How the connection ended, if it was ordered to close; otherwise the task is polled once it is.
    pub(crate) fn closed(&self, context: &Context<'_>) -> Option<io::Result<()>> {
        self.remember(context);
        match self.closing.get() {
            Closing::Open => None,
            Closing::Ended => Some(Ok(())),
            Closing::Aborted => Some(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    /// Reads from the socket.
    pub(crate) fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match (self.closed(context), &mut *self.tcp.borrow_mut()) {
            (Some(closed), _) => Poll::Ready(closed),
            (None, Some(tcp)) => Pin::new(tcp).poll_read(context, buffer),
            (None, None) => Poll::Ready(Ok(())),
        }
    }

    /// Waits for the socket to have something to read, or an end; returns how many bytes there are, up to one.
    pub(crate) fn poll_peek(&self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match &*self.tcp.borrow() {
            Some(tcp) => tcp.poll_peek(context, &mut ReadBuf::uninit(&mut [MaybeUninit::uninit()])),
            None => Poll::Ready(Ok(0)),
        }
    }

    /// Writes to the socket, unless it was ordered to close at once.
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
                        // It could not be idle before.
                        self.phase.set(Phase::Waiting(Instant::now()));
                    }
                    self.wake_if_wanted();
                }
            }
            Poll::Ready(Err(_)) => {}
        }
        written
    }

    /// Sends the end of what is written.
    pub(crate) fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.tcp.borrow_mut() {
            Some(tcp) => Pin::new(tcp).poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Closes the socket, whatever else still refers to the connection.
    pub(crate) fn disconnect(&self) {
        self.tcp.take();
        self.release();
    }
}

/// That a request is in service, from its headers to the last byte of its response.
#[derive(Debug)]
pub struct InService(Rc<Connection>);

impl Drop for InService {
    fn drop(&mut self) {
        self.0.phase.set(Phase::Waiting(Instant::now()));
        self.0.wake_if_wanted();
    }
}
