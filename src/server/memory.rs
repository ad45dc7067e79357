//! What the C library does with memory that is free: keep enough of it while requests come, give all back once a load is
//! over. Elsewhere than on Linux with the GNU C library nothing is done.

use std::time::Duration;

use super::overload::InFlight;

/// How long nothing must have come.
const QUIET: Duration = Duration::from_secs(2);

/// How often memory is given back once nothing comes: connections that linger have some of it for a while.
const TIMES: u32 = 4;

/// Free memory that a worker keeps for its next requests. By itself the C library keeps so little that a request of usual
/// size gives its memory back to the system, and the next one takes it again page by page: a fifth of all work.
const KEPT_BYTES: i32 = 32 << 20;
/// From this size on memory is taken from the system for itself and given back at once.
const APART_BYTES: i32 = 8 << 20;

/// Sets how much is kept; for the whole process, so that it is called once, at the start.
pub fn keep_enough() {
    allocator::keep_free(KEPT_BYTES);
    allocator::take_apart(APART_BYTES);
}

/// Watches requests for ever, and gives the memory of the worker it runs on back when there are none for a while.
pub async fn give_back(in_flight: InFlight) {
    let mut ticks = actix_web::rt::time::interval(QUIET);
    let mut latest = in_flight.admitted();
    let mut times_left = 0;
    loop {
        ticks.tick().await;
        let admitted = in_flight.admitted();
        if admitted != latest || !in_flight.is_empty() {
            latest = admitted;
            times_left = TIMES;
        } else if times_left > 0 {
            times_left -= 1;
            allocator::trim();
            // That leaves the end of a worker's own part of memory, which only the worker itself can give back, and does
            // with the next larger piece that it frees, where no more than that is to be kept.
            allocator::keep_free(0);
            drop(std::hint::black_box(Vec::<u8>::with_capacity(PIECE_BYTES)));
            allocator::keep_free(KEPT_BYTES);
            tracing::debug!("idle: gave memory back");
        }
    }
}

/// Large enough for the C library to look at what it could give back.
const PIECE_BYTES: usize = 256 << 10;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod allocator {
    /// Sets from how many free bytes on they are given back.
    pub(super) fn keep_free(bytes: i32) {
        set(libc::M_TRIM_THRESHOLD, bytes);
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
    pub(super) fn trim() {}
}
