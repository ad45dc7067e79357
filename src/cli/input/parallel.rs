//! Processes batches in parallel and returns the results in order. Memory is bounded: a worker hands over the result of
//! a batch in parts, and blocks while too many parts are waiting to be consumed.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::error::InputError;
use super::splitter::Batch;

/// The maximum total size in bytes of the batches in flight, including the memory that each batch reserves for its
/// results. A larger batch runs alone.
const BYTES_IN_FLIGHT: usize = 64 << 20;
/// The size in bytes at which a worker hands over a part of a result.
pub(in crate::cli) const PART_BYTES: usize = 256 << 10;
/// The maximum number of parts per batch that wait to be consumed. With this maximum, a worker rarely blocks on a batch
/// of 1 MB.
const PARTS_WAITING: usize = 6;
/// The number of bytes that a batch reserves for its results, which are the waiting parts, the part in progress, and
/// the part being written.
const RESERVED_BYTES: usize = (PARTS_WAITING + 2) * PART_BYTES;

/// The results of all batches, in parts of about [`PART_BYTES`] and in batch order.
pub(in crate::cli) struct Results<R> {
    order: Receiver<Result<Ordered<R>, InputError>>,
    allowance: Arc<Allowance>,
    current: Option<Ordered<R>>,
}

/// The receiver for the results of one batch. Receivers are queued in batch order, before the results exist.
struct Ordered<R> {
    parts: Receiver<Part<R>>,
    bytes: usize,
}

enum Part<R> {
    Result(R),
    /// The batch is finished. If the channel closes without this message, the worker has panicked.
    End,
}

/// The sending end for the parts of a batch's result.
pub(in crate::cli) struct Parts<R>(SyncSender<Part<R>>);

impl<R> Parts<R> {
    /// Hands over a part, and blocks while too many parts are waiting. After the output is closed, parts are dropped.
    pub(in crate::cli) fn send(&self, part: R) {
        let _ = self.0.send(Part::Result(part));
    }
}

/// Runs `work` on every batch, on `jobs` threads.
///
/// # Errors
/// Fails if a thread cannot be started.
pub(in crate::cli) fn in_order<R: Send + 'static>(
    batches: impl Iterator<Item = Result<Batch, InputError>> + Send + 'static,
    jobs: NonZeroUsize,
    work: impl Fn(Batch, &Parts<R>) + Send + Sync + 'static,
) -> std::io::Result<Results<R>> {
    let jobs = jobs.get();
    let allowance = Arc::new(Allowance::default());
    let (into_order, order) = sync_channel(2 * jobs);
    let (into_work, for_work) = sync_channel::<(Batch, Parts<R>)>(jobs);
    let (work, for_work) = (Arc::new(work), Arc::new(Mutex::new(for_work)));
    for _ in 0..jobs {
        let (work, for_work) = (Arc::clone(&work), Arc::clone(&for_work));
        thread::Builder::new().name("worker".to_owned()).spawn(move || {
            loop {
                let next = for_work.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok((batch, parts)) = next else { break };
                work(batch, &parts);
                let _ = parts.0.send(Part::End);
            }
        })?;
    }
    let allowed = Arc::clone(&allowance);
    thread::Builder::new().name("reader".to_owned()).spawn(move || {
        for batch in batches {
            let sent = match batch {
                Err(error) => into_order.send(Err(error)).map_err(|_| ()),
                Ok(batch) => {
                    let bytes = batch.bytes.capacity() + RESERVED_BYTES;
                    allowed.take(bytes);
                    // Workers receive batches in this order, so the batch that the consumer waits for is always in
                    // progress already.
                    let (sender, parts) = sync_channel(PARTS_WAITING);
                    let ordered = into_order.send(Ok(Ordered { parts, bytes }));
                    ordered.map_err(|_| ()).and_then(|()| into_work.send((batch, Parts(sender))).map_err(|_| ()))
                }
            };
            if sent.is_err() {
                break;
            }
        }
    })?;
    Ok(Results { order, allowance, current: None })
}

impl<R> Iterator for Results<R> {
    type Item = Result<R, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(current) = &self.current else {
                match self.order.recv().ok()? {
                    Err(error) => return Some(Err(error)),
                    Ok(ordered) => self.current = Some(ordered),
                }
                continue;
            };
            match current.parts.recv() {
                Ok(Part::Result(part)) => return Some(Ok(part)),
                Ok(Part::End) => {}
                Err(_) => return Some(Err(InputError::Fault)),
            }
            self.allowance.release(current.bytes);
            self.current = None;
        }
    }
}

/// A semaphore that counts bytes.
#[derive(Default)]
struct Allowance {
    taken: Mutex<usize>,
    released: Condvar,
}

impl Allowance {
    /// Blocks until `bytes` are available.
    fn take(&self, bytes: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken > 0 && *taken + bytes > BYTES_IN_FLIGHT {
            taken = self.released.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += bytes;
    }

    fn release(&self, bytes: usize) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) -= bytes;
        self.released.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::super::splitter::Parts as Places;
    use super::*;

    fn batch() -> Batch {
        Batch { source: "test".into(), bytes: vec![b'x'; 1 << 20], parts: Places::Lines { first: 1 } }
    }

    #[test]
    fn worker_results_stay_in_order_and_workers_wait_for_a_slow_consumer() {
        let sent = Arc::new(AtomicUsize::new(0));
        let (count, batches, jobs) = (Arc::clone(&sent), 100, 2);
        let number = Arc::new(AtomicUsize::new(0));
        let mut results = in_order(
            std::iter::repeat_with(|| Ok(batch())).take(batches),
            NonZeroUsize::new(jobs).expect("some"),
            move |_, parts| {
                let number = number.fetch_add(1, Ordering::SeqCst);
                for part in 0..50 {
                    parts.send((number, part));
                    count.fetch_add(1, Ordering::SeqCst);
                }
            },
        )
        .expect("threads");
        // Both workers block on a full channel, because nothing is consumed and both have many more parts.
        let full = jobs * PARTS_WAITING;
        let began = Instant::now();
        while sent.load(Ordering::SeqCst) < full {
            assert!(began.elapsed() < Duration::from_secs(60), "{sent:?} parts");
            thread::yield_now();
        }
        let mut taken = 0;
        let mut latest = None;
        for part in &mut results {
            let part = part.unwrap_or_else(|error| panic!("{error}"));
            taken += 1;
            assert!(sent.load(Ordering::SeqCst) <= taken + full + PARTS_WAITING, "{sent:?} parts sent, {taken} taken");
            // Which worker is first is not defined, but the parts of a batch stay together and in order.
            assert!(part.1 == 0 || latest == Some((part.0, part.1 - 1)), "{part:?} after {latest:?}");
            latest = Some(part);
        }
        assert_eq!(taken, batches * 50);
    }

    #[test]
    fn a_panic_of_a_worker_is_reported_as_an_error() {
        let mut results = in_order(std::iter::once(Ok(batch())), NonZeroUsize::MIN, |_, parts: &Parts<u8>| {
            parts.send(1);
            std::panic::resume_unwind(Box::new("a fault"));
        })
        .expect("threads");
        assert!(matches!(results.next(), Some(Ok(1))));
        assert!(matches!(results.next(), Some(Err(InputError::Fault))));
    }
}
