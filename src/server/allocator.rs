//! Tunes glibc's allocator: it keeps enough free memory for the next requests, and regularly returns any other free
//! memory to the OS, both under load and when idle. On systems without glibc, this module has no effect.

use std::time::Duration;

/// The interval at which free memory is returned to the OS. If it were never returned, the process would keep its peak
/// memory forever and grow with every new peak.
const EVERY: Duration = Duration::from_secs(4);

/// The number of bytes of free memory that a worker's arena keeps for the next requests. With glibc's default, which is
/// smaller, the memory of a typical request is returned to the OS, and the next request causes a page fault for every
/// page that it uses. Handling these page faults takes a fifth of the CPU time.
const KEEP_BYTES: i32 = 32 << 20;
/// The minimum size, in bytes, of allocations that are mapped separately. Such an allocation is returned to the OS as
/// soon as it is freed.
const MMAP_BYTES: i32 = 8 << 20;

/// Sets the maximum number of arenas, and how much free memory each arena keeps. Call this function once at startup,
/// before any thread is started.
///
/// By default, glibc creates an arena per thread, up to eight per core. This function sets the limit to one arena per
/// worker: enough that no worker waits for the arena of another worker. The threads that process large requests share
/// these arenas.
pub fn keep_enough(workers: usize) {
    glibc::set_trim_threshold(KEEP_BYTES);
    glibc::set_mmap_threshold(MMAP_BYTES);
    glibc::set_arenas(i32::try_from(workers).unwrap_or(i32::MAX));
}

/// Periodically returns free memory of all arenas to the OS. Do not call this function on a worker, because it can take
/// milliseconds to return memory after a load peak. Memory is returned even while no request is processed, because
/// closed connections, headers and sent responses also leave free memory behind.
pub async fn trim() {
    periodically(|| {
        glibc::trim();
        tracing::trace!("trimmed the heap");
    })
    .await;
}

/// Periodically returns the free memory at the end of a worker's arena to the OS. Call this function on every worker,
/// because only a thread that uses an arena can trim its end. Freeing a large block makes glibc trim the end of the
/// arena if the free memory at the end exceeds the trim threshold.
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

/// The size of the block that is freed to trim an arena, in bytes. Whenever a block of at least this size is freed,
/// glibc checks whether to trim the arena.
const PIECE_BYTES: usize = 256 << 10;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    /// Sets how many bytes of free memory an arena keeps. Free memory above this threshold is returned to the OS.
    pub(super) fn set_trim_threshold(bytes: i32) {
        set(libc::M_TRIM_THRESHOLD, bytes);
    }

    /// Sets the maximum number of arenas.
    pub(super) fn set_arenas(count: i32) {
        set(libc::M_ARENA_MAX, count);
    }

    /// Sets the minimum size, in bytes, of allocations that are mapped separately.
    pub(super) fn set_mmap_threshold(bytes: i32) {
        set(libc::M_MMAP_THRESHOLD, bytes);
    }

    #[allow(unsafe_code, reason = "mallopt has no safe wrapper")]
    fn set(parameter: i32, value: i32) {
        // SAFETY: mallopt takes two integers and stores one of them under the allocator's own locks. It ignores
        // parameters that it does not know. No pointer is involved.
        let accepted = unsafe { libc::mallopt(parameter, value) };
        if accepted != 1 {
            tracing::warn!(parameter, "glibc rejected an allocator setting");
        }
    }

    /// Returns the free pages of all arenas to the OS.
    #[allow(unsafe_code, reason = "malloc_trim has no safe wrapper")]
    pub(super) fn trim() {
        // SAFETY: malloc_trim takes an integer. It touches only free memory, holds the allocator's own locks while
        // doing so, and may be called from any thread at any time (malloc_trim(3): MT-Safe).
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
