//! Tunes the GNU C library's allocator: it keeps enough free memory for the next requests, and regularly returns the
//! rest to the OS, under load and at rest. Other systems are left at their defaults.

use std::time::Duration;

/// How often memory is returned to the OS. Without this, the process would keep its peak memory forever, and grow with
/// each higher peak.
const EVERY: Duration = Duration::from_secs(4);

/// The free memory that a worker's arena keeps for its next requests. The default is so small that a request of usual
/// size returns its memory to the OS and the next one faults it in again page by page, which takes a fifth of the CPU
/// time.
const KEEP_BYTES: i32 = 32 << 20;
/// Allocations of at least this size are mapped separately and returned to the OS as soon as they are freed.
const MMAP_BYTES: i32 = 8 << 20;

/// Sets how much free memory is kept, for the whole process. Call it once at startup, before there are threads.
///
/// By default the C library creates an arena per thread, up to eight per core, and each arena keeps the amount set
/// here. One arena per worker is enough for no worker to wait for another; the threads for large requests share them.
pub fn keep_enough(workers: usize) {
    glibc::set_trim_threshold(KEEP_BYTES);
    glibc::set_mmap_threshold(MMAP_BYTES);
    glibc::set_arenas(i32::try_from(workers).unwrap_or(i32::MAX));
}

/// Periodically returns free memory of all arenas to the OS. This takes milliseconds after load and almost nothing at
/// rest, so it does not run on a worker. It does not depend on requests, because connections, headers and responses
/// leave free memory too.
pub async fn trim() {
    periodically(|| {
        glibc::trim();
        tracing::trace!("trimmed the heap");
    })
    .await;
}

/// Runs on a worker, and returns the free end of the worker's arena, which only a thread that uses the arena can do.
/// Freeing a large block makes the C library trim the end of the arena if more than the configured amount is free.
pub async fn trim_arena() {
    periodically(|| {
        glibc::set_trim_threshold(0);
        drop(std::hint::black_box(Vec::<u8>::with_capacity(PIECE_BYTES)));
        glibc::set_trim_threshold(KEEP_BYTES);
    })
    .await;
}

async fn periodically(trim: impl Fn()) {
    let mut ticks = actix_web::rt::time::interval(EVERY);
    loop {
        ticks.tick().await;
        trim();
    }
}

/// A block large enough to make the C library check whether it can trim.
const PIECE_BYTES: usize = 256 << 10;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    /// Sets the amount of free memory above which it is returned.
    pub(super) fn set_trim_threshold(bytes: i32) {
        set(libc::M_TRIM_THRESHOLD, bytes);
    }

    /// Sets the number of arenas.
    pub(super) fn set_arenas(parts: i32) {
        set(libc::M_ARENA_MAX, parts);
    }

    /// Sets the size from which allocations are mapped separately.
    pub(super) fn set_mmap_threshold(bytes: i32) {
        set(libc::M_MMAP_THRESHOLD, bytes);
    }

    #[allow(unsafe_code, reason = "the C library has no safe name for it")]
    fn set(parameter: i32, value: i32) {
        // SAFETY: mallopt takes two integers and stores one of them under the allocator's own locks. It ignores
        // parameters that it does not know. No pointer is involved.
        let accepted = unsafe { libc::mallopt(parameter, value) };
        if accepted != 1 {
            tracing::warn!(parameter, "the C library rejects a setting of its allocator");
        }
    }

    /// Returns free pages to the OS.
    #[allow(unsafe_code, reason = "the C library has no safe name for it")]
    pub(super) fn trim() {
        // SAFETY: malloc_trim takes an integer, touches only free memory, under the allocator's own locks, and may be
        // called from any thread at any time (malloc_trim(3): MT-Safe).
        unsafe { libc::malloc_trim(0) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod glibc {
    pub(super) fn set_trim_threshold(_bytes: i32) {}
    pub(super) fn set_mmap_threshold(_bytes: i32) {}
    pub(super) fn set_arenas(_parts: i32) {}
    pub(super) fn trim() {}
}
