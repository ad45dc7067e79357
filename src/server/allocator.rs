//! What the C library does with memory that is free: keep enough of it for the next requests, and return what a load
//! has left, while there is a load as well as afterwards. Elsewhere than on Linux with the GNU C library nothing is
//! done.

use std::time::Duration;

/// How often memory is returned. By then a load has left some: without that, a process would keep for ever what its
/// largest moment so far has needed, and grow with every larger one.
const EVERY: Duration = Duration::from_secs(4);

/// Free memory that a worker keeps for its next requests. By itself the C library keeps so little that a request of
/// usual size gives its memory back to the system, and the next one takes it again page by page: a fifth of all work.
const KEPT_BYTES: i32 = 32 << 20;
/// From this size on memory is taken from the system for itself and returned at once.
const APART_BYTES: i32 = 8 << 20;

/// Sets how much is kept; for the whole process, so that it is called once, at the start, before there are threads.
///
/// By itself the C library gives each new thread a part of memory of its own, up to eight for each processor, and each
/// part keeps what is set here. One for each of `workers` is enough for no worker to wait for another; threads that
/// work on a large request now and then take one of those.
pub fn keep_enough(workers: usize) {
    glibc::keep_free(KEPT_BYTES);
    glibc::take_apart(APART_BYTES);
    glibc::part_into(i32::try_from(workers).unwrap_or(i32::MAX));
}

/// Returns free memory between what is in use to the OS, of all arenas, from time to time. That takes milliseconds
/// after a load and next to nothing at rest, so it is not for a worker to do. It does not depend on requests:
/// connections, headers and responses of any kind leave free memory too.
pub async fn give_back() {
    every_so_often(|| {
        glibc::trim();
        tracing::trace!("trimmed the heap");
    })
    .await;
}

/// On a worker: returns the free end of the worker's arena, which only a thread that uses the arena can do. It does so
/// with the next larger piece that it frees, if no more is to be kept.
pub async fn give_back_end() {
    every_so_often(|| {
        glibc::keep_free(0);
        drop(std::hint::black_box(Vec::<u8>::with_capacity(PIECE_BYTES)));
        glibc::keep_free(KEPT_BYTES);
    })
    .await;
}

async fn every_so_often(trim: impl Fn()) {
    let mut ticks = actix_web::rt::time::interval(EVERY);
    loop {
        ticks.tick().await;
        trim();
    }
}

/// Large enough for the C library to look at what it could return.
const PIECE_BYTES: usize = 256 << 10;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    /// Sets from how many free bytes on they are returned.
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
            tracing::warn!(parameter, "the C library rejects a setting of its allocator");
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
mod glibc {
    pub(super) fn keep_free(_bytes: i32) {}
    pub(super) fn take_apart(_bytes: i32) {}
    pub(super) fn part_into(_parts: i32) {}
    pub(super) fn trim() {}
}
