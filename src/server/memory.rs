//! What the C library does with memory that is free: keep enough of it for the next requests, and give back what a load has
//! left, while there is a load as well as afterwards. Elsewhere than on Linux with the GNU C library nothing is done.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::overload::InFlight;

/// How often memory is given back. By then a load has left some: without that, a process would keep for ever what its
/// largest moment so far has needed, and grow with every larger one.
const EVERY: Duration = Duration::from_secs(4);

/// How often it is given back once nothing comes: connections that linger have some of it for a while.
const TIMES: u32 = 4;

/// Free memory that a worker keeps for its next requests. By itself the C library keeps so little that a request of usual
/// size gives its memory back to the system, and the next one takes it again page by page: a fifth of all work.
const KEPT_BYTES: i32 = 32 << 20;
/// From this size on memory is taken from the system for itself and given back at once.
const APART_BYTES: i32 = 8 << 20;

/// Sets how much is kept; for the whole process, so that it is called once, at the start, before there are threads.
///
/// By itself the C library gives each new thread a part of memory of its own, up to eight for each processor, and each part
/// keeps what is set here. One for each of `workers` is enough for no worker to wait for another; threads that work on a
/// large request now and then take one of those.
pub fn keep_enough(workers: usize) {
    allocator::keep_free(KEPT_BYTES);
    allocator::take_apart(APART_BYTES);
    allocator::part_into(i32::try_from(workers).unwrap_or(i32::MAX));
}

/// Connections so far that left memory which is worth returning to the OS, whatever their requests were.
static RELEASES: AtomicUsize = AtomicUsize::new(0);

/// Notes that a connection has ended whose buffers were large.
pub(super) fn note_release() {
    RELEASES.fetch_add(1, Ordering::Relaxed);
}

/// Whether requests have come since it was asked last, or shortly before.
struct Use {
    in_flight: InFlight,
    latest: usize,
    times_left: u32,
}

impl Use {
    fn of(in_flight: InFlight) -> Self {
        Self { latest: Self::so_far(&in_flight), in_flight, times_left: 0 }
    }

    /// Requests and large connections so far.
    fn so_far(in_flight: &InFlight) -> usize {
        in_flight.admitted().wrapping_add(RELEASES.load(Ordering::Relaxed))
    }

    fn is_recent(&mut self) -> bool {
        let admitted = Self::so_far(&self.in_flight);
        if admitted != self.latest || !self.in_flight.is_empty() {
            self.latest = admitted;
            self.times_left = TIMES;
            return true;
        }
        let is_recent = self.times_left > 0;
        self.times_left = self.times_left.saturating_sub(1);
        is_recent
    }
}

/// Watches requests for ever, and gives back what lies free between what is in use, of all parts of memory. That takes
/// milliseconds, so it is not for a worker to do.
pub async fn give_back(in_flight: InFlight) {
    while_in_use(in_flight, || {
        allocator::trim();
        tracing::trace!("gave memory back");
    })
    .await;
}

/// On a worker: watches requests for ever, and gives back the free end of the worker's part of memory, which only a thread
/// that uses the part can give back. It does so with the next larger piece that it frees, where no more is to be kept.
pub async fn give_back_end(in_flight: InFlight) {
    while_in_use(in_flight, || {
        allocator::keep_free(0);
        drop(std::hint::black_box(Vec::<u8>::with_capacity(PIECE_BYTES)));
        allocator::keep_free(KEPT_BYTES);
    })
    .await;
}

/// Does `give` from time to time, as long as there is something to give.
async fn while_in_use(in_flight: InFlight, give: impl Fn()) {
    let mut requests = Use::of(in_flight);
    let mut ticks = actix_web::rt::time::interval(EVERY);
    loop {
        ticks.tick().await;
        if requests.is_recent() {
            give();
        }
    }
}

/// Large enough for the C library to look at what it could give back.
const PIECE_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_while_requests_come_and_some_times_afterwards() {
        let in_flight = InFlight::up_to(100);
        let mut requests = Use::of(in_flight.clone());
        assert!(!requests.is_recent(), "nothing has come");
        for _ in 0..3 {
            drop(in_flight.share());
            assert!(requests.is_recent(), "one has come and gone");
        }
        let mut long = in_flight.share();
        assert_eq!(long.grow_to(1), Ok(()));
        for _ in 0..2 * TIMES {
            assert!(requests.is_recent(), "one is there");
        }
        drop(long);
        for _ in 0..TIMES {
            assert!(requests.is_recent(), "connections may linger");
        }
        assert!(!requests.is_recent(), "and then there is nothing left to give");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod allocator {
    /// Sets from how many free bytes on they are given back.
    pub(super) fn keep_free(bytes: i32) {
        set(libc::M_TRIM_THRESHOLD, bytes);
    }

    /// Sets how many parts of memory there are for threads.
    pub(super) fn part_into(parts: i32) {
        set(libc::M_ARENA_MAX, parts);
    }

    /// Sets from which size on memory is taken from the system for itself.
    pub(super) fn take_apart(bytes: i32) {
        set(libc::M_MMAP_THRESHOLD, bytes);
    }

    #[allow(unsafe_code, reason = "the C library has no safe name for it")]
    fn set(parameter: i32, value: i32) {
        // SAFETY: mallopt takes two numbers and keeps one, under the allocator's own locks; it refuses those that it does
        // not know. No pointer is involved.
        let accepted = unsafe { libc::mallopt(parameter, value) };
        if accepted != 1 {
            tracing::warn!(parameter, "the C library does not take a setting of its allocator");
        }
    }

    /// Gives free pages back.
    #[allow(unsafe_code, reason = "the C library has no safe name for it")]
    pub(super) fn trim() {
        // SAFETY: malloc_trim takes a number, touches only memory that is free, under the allocator's own locks, and may
        // be called from any thread at any time (malloc_trim(3): MT-Safe).
        unsafe { libc::malloc_trim(0) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod allocator {
    pub(super) fn keep_free(_bytes: i32) {}
    pub(super) fn take_apart(_bytes: i32) {}
    pub(super) fn part_into(_parts: i32) {}
    pub(super) fn trim() {}
}
