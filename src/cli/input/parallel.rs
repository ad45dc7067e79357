//! Work on batches in parallel, results in order. Bounded: what was read and not written yet is, and so is memory.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::error::InputError;
use super::splitter::Batch;

/// Bytes of input that are under work; one batch that is larger goes alone.
const BYTES_UNDER_WORK: usize = 64 << 20;

/// The results of a work on every batch, in the order of the batches.
pub(in crate::cli) struct Results<R> {
    order: Receiver<Result<Ordered<R>, InputError>>,
    allowance: Arc<Allowance>,
    /// Bytes of the batch whose result was given out last.
    latest: usize,
}

/// The place of a result in the order, before it is there.
struct Ordered<R> {
    result: Receiver<R>,
    bytes: usize,
}

/// Does `work` on every batch, on `jobs` threads.
///
/// # Errors
/// What a thread cannot be started with.
pub(in crate::cli) fn in_order<R: Send + 'static>(
    batches: impl Iterator<Item = Result<Batch, InputError>> + Send + 'static,
    jobs: NonZeroUsize,
    work: impl Fn(Batch) -> R + Send + Sync + 'static,
) -> std::io::Result<Results<R>> {
    let jobs = jobs.get();
    let allowance = Arc::new(Allowance::default());
    let (into_order, order) = sync_channel(2 * jobs);
    let (into_work, for_work) = sync_channel::<(Batch, SyncSender<R>)>(jobs);
    let (work, for_work) = (Arc::new(work), Arc::new(Mutex::new(for_work)));
    for _ in 0..jobs {
        let (work, for_work) = (Arc::clone(&work), Arc::clone(&for_work));
        thread::Builder::new().name("worker".to_owned()).spawn(move || {
            loop {
                let next = for_work.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok((batch, done)) = next else { break };
                // Nobody waits for it any more once the output is closed.
                let _ = done.send(work(batch));
            }
        })?;
    }
    let allowed = Arc::clone(&allowance);
    thread::Builder::new().name("reader".to_owned()).spawn(move || {
        for batch in batches {
            let sent = match batch {
                Err(error) => into_order.send(Err(error)).map_err(|_| ()),
                Ok(batch) => {
                    let bytes = batch.bytes.len();
                    allowed.take(bytes);
                    let (done, result) = sync_channel(1);
                    let ordered = into_order.send(Ok(Ordered { result, bytes }));
                    ordered.map_err(|_| ()).and_then(|()| into_work.send((batch, done)).map_err(|_| ()))
                }
            };
            if sent.is_err() {
                break;
            }
        }
    })?;
    Ok(Results { order, allowance, latest: 0 })
}

impl<R> Iterator for Results<R> {
    type Item = Result<R, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.allowance.give_back(std::mem::take(&mut self.latest));
        match self.order.recv().ok()? {
            Err(error) => Some(Err(error)),
            Ok(Ordered { result, bytes }) => {
                self.latest = bytes;
                Some(result.recv().map_err(|_| InputError::Fault))
            }
        }
    }
}

/// How many bytes may be under work.
#[derive(Default)]
struct Allowance {
    taken: Mutex<usize>,
    given_back: Condvar,
}

impl Allowance {
    /// Waits until there is room for `bytes`.
    fn take(&self, bytes: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken > 0 && *taken + bytes > BYTES_UNDER_WORK {
            taken = self.given_back.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += bytes;
    }

    fn give_back(&self, bytes: usize) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) -= bytes;
        self.given_back.notify_one();
    }
}
