//! A bounded, lossy log writer: lines wait in a queue, and a separate thread writes them.
//!
//! `tracing-appender` is similar, but the size of its queue is limited in lines instead of bytes, and it does not count
//! failed writes. Its guard prints to stdout when the sink is stuck, and printing panics if the write to stdout fails.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use super::{Loss, Losses};

/// The maximum size of the queue in bytes: about 4,000 lines. In addition, the writer thread may hold a batch of up to
/// this size.
const MAX_QUEUED_BYTES: usize = 1 << 20;

/// The maximum size, in bytes, of the buffer that the writer thread keeps between batches.
const KEPT_BYTES: usize = 64 * 1024;

/// How long the writer thread waits before it retries a write to a full non-blocking pipe.
const RETRY: Duration = Duration::from_millis(10);

/// The writer for `tracing`. A write never blocks and never fails: lines that do not fit into the queue are dropped and
/// counted.
#[derive(Debug, Clone)]
pub struct LogWriter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Signals that lines have been queued.
    filled: Condvar,
    /// Signals that a batch has been written.
    written: Condvar,
    losses: &'static Losses,
}

#[derive(Debug, Default)]
struct Queue {
    /// Complete lines, one after another.
    lines: Vec<u8>,
    /// Whether the writer thread is writing a batch.
    is_writing: bool,
}

impl LogWriter {
    /// Starts the thread that writes to `sink`. The thread runs until the process exits. Lost lines are counted in
    /// `losses`.
    ///
    /// # Errors
    /// Fails if the thread cannot be started.
    pub fn start(sink: impl Write + Send + 'static, losses: &'static Losses) -> io::Result<Self> {
        let shared =
            Arc::new(Shared { queue: Mutex::default(), filled: Condvar::new(), written: Condvar::new(), losses });
        let writing = shared.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || writing.write_to(sink))?;
        Ok(Self(shared))
    }

    /// Queues a line, or counts it as lost.
    fn push(&self, line: &[u8]) {
        let mut queue = self.0.lock();
        if queue.lines.len() + line.len() > MAX_QUEUED_BYTES {
            drop(queue);
            self.0.losses.add(Loss::QueueFull, 1);
            return;
        }
        queue.lines.extend_from_slice(line);
        drop(queue);
        self.0.filled.notify_one();
    }

    /// Waits up to `limit` for all queued lines to be written. Returns whether all of them were written.
    pub fn flush(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut queue = self.0.lock();
        while !queue.lines.is_empty() || queue.is_writing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            queue = self.0.written.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, sink: impl Write) {
        let mut sink = Sink { inner: sink, is_mid_line: false };
        let mut batch = Vec::new();
        loop {
            let mut queue = self.lock();
            while queue.lines.is_empty() {
                queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut queue.lines, &mut batch);
            queue.is_writing = true;
            drop(queue);
            self.losses.add(Loss::WriteFailed, sink.write_batch(&batch));
            batch.clear();
            batch.shrink_to(KEPT_BYTES);
            self.lock().is_writing = false;
            self.written.notify_all();
        }
    }
}

struct Sink<W> {
    inner: W,
    /// Whether the last successful write ended in the middle of a line.
    is_mid_line: bool,
}

impl<W: Write> Sink<W> {
    /// Writes complete lines. Returns the number of lines that were lost.
    fn write_batch(&mut self, batch: &[u8]) -> u64 {
        if self.is_mid_line && self.write(b"\n") > 0 {
            return lines(batch);
        }
        let left = self.write(batch);
        let (written, lost) = batch.split_at(batch.len() - left);
        self.is_mid_line = if written.is_empty() { self.is_mid_line } else { !written.ends_with(b"\n") };
        lines(lost)
    }

    /// Writes as much as the sink accepts. Returns the number of bytes that were not written.
    fn write(&mut self, mut bytes: &[u8]) -> usize {
        while !bytes.is_empty() {
            match self.inner.write(bytes) {
                Ok(0) => break,
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY),
                Err(_) => break,
            }
        }
        bytes.len()
    }
}

/// Returns the number of lines in `bytes`, including an incomplete last line.
fn lines(bytes: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', bytes).count();
    (ends + usize::from(!bytes.is_empty() && !bytes.ends_with(b"\n"))) as u64
}

/// Each call of `write` queues one line, because `tracing` writes each line with one call.
impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for LogWriter {
    type Writer = &'w LogWriter;

    fn make_writer(&'w self) -> Self::Writer {
        self
    }
}

/// Writes to the process's stderr without locking [`io::Stderr`]. A write that hangs therefore does not block other
/// threads that write to stderr.
#[derive(Debug, Clone, Copy)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(io::stderr(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// The timeout of every wait in these tests.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A sink that follows a script: each write performs the next step, which either accepts a number of bytes or
    /// fails.
    struct Scripted {
        steps: Receiver<Result<usize, io::ErrorKind>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let most = self.steps.recv().map_err(|_| io::ErrorKind::BrokenPipe)??;
            let taken = &bytes[..bytes.len().min(most)];
            self.written.lock().unwrap().extend_from_slice(taken);
            Ok(taken.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Started {
        writer: LogWriter,
        steps: SyncSender<Result<usize, io::ErrorKind>>,
        written: Arc<Mutex<Vec<u8>>>,
        losses: &'static Losses,
    }

    fn started() -> Started {
        let (steps, taken) = sync_channel(0);
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let losses: &'static Losses = Box::leak(Box::default());
        let sink = Scripted { steps: taken, written: written.clone() };
        Started { writer: LogWriter::start(sink, losses).unwrap(), steps, written, losses }
    }

    impl Started {
        fn written(&self) -> String {
            String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn a_blocked_log_sink_does_not_block_writers_and_lost_lines_are_counted() {
        let log = started();
        let line = [&[b'x'; 99][..], b"\n"].concat();
        // The sink accepts nothing until the test sends a step.
        (&log.writer).write_all(b"first\n").unwrap();
        let fit = MAX_QUEUED_BYTES / line.len();
        while !log.writer.0.lock().is_writing {
            thread::yield_now();
        }
        for _ in 0..fit + 7 {
            (&log.writer).write_all(&line).unwrap();
        }
        assert_eq!(log.losses.count(Loss::QueueFull), 7);
        assert!(!log.writer.flush(Duration::from_millis(5)), "`flush` gives up after its time limit");
        log.steps.send(Ok(usize::MAX)).unwrap();
        log.steps.send(Ok(usize::MAX)).unwrap();
        assert!(log.writer.flush(PATIENCE));
        assert_eq!(log.written().lines().count(), fit + 1);
        assert_eq!(log.losses.count(Loss::WriteFailed), 0);
    }

    #[test]
    fn failed_log_writes_are_counted_and_the_next_line_is_complete() {
        let log = started();
        let write = |line: &str, steps: &[Result<usize, io::ErrorKind>]| {
            (&log.writer).write_all(line.as_bytes()).unwrap();
            for step in steps {
                log.steps.send(*step).unwrap();
            }
            assert!(log.writer.flush(PATIENCE));
        };
        write("1\n", &[Ok(9)]);
        write("2\n", &[Err(io::ErrorKind::StorageFull)]);
        write("3\n4\n", &[Err(io::ErrorKind::Interrupted), Err(io::ErrorKind::WouldBlock), Ok(3), Ok(0)]);
        assert_eq!(log.losses.count(Loss::WriteFailed), 2);
        // One more write fails. All later writes succeed.
        write("5\n", &[Err(io::ErrorKind::BrokenPipe)]);
        write("6\n", &[Ok(1), Ok(9)]);
        write("7\n", &[Ok(9)]);
        assert_eq!(log.losses.count(Loss::WriteFailed), 3);
        assert_eq!(log.written(), "1\n3\n4\n6\n7\n");
    }
}
