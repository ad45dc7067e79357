//! Tunes glibc's allocator. It keeps enough free memory for the next requests and regularly returns the rest to the OS,
//! both under load and when idle. Other systems keep their defaults.

use std::time::Duration;

/// How often memory is returned to the OS. Without this, the process would keep its peak memory forever and grow with
/// every new peak.
const EVERY: Duration = Duration::from_secs(4);

/// The free memory that a worker's arena keeps for its next requests. The default is so small that a typical request
/// returns its memory to the OS, and the next one faults it back in page by page. This takes a fifth of the CPU time.
const KEEP_BYTES: i32 = 32 << 20;
/// Allocations of at least this size are mapped separately and returned to the OS as soon as they are freed.
const MMAP_BYTES: i32 = 8 << 20;

/// Sets how much free memory is kept, for the whole process. Call it once at startup, before there are threads.
///
/// By default, glibc creates an arena per thread, up to eight per core, and each arena keeps the amount set here. With
/// one arena per worker, no worker waits for another. The threads for large requests share these arenas.
pub fn keep_enough(workers: usize) {
    glibc::set_trim_threshold(KEEP_BYTES);
    glibc::set_mmap_threshold(MMAP_BYTES);
    glibc::set_arenas(i32::try_from(workers).unwrap_or(i32::MAX));
}

/// Periodically returns free memory of all arenas to the OS. This can take milliseconds after a load peak, so it does
/// not run on a worker. It runs on a timer, even without requests, because connections, headers and responses leave
/// free memory too.
pub async fn trim() {
    periodically(|| {
        glibc::trim();
        tracing::trace!("trimmed the heap");
    })
    .await;
}

/// Periodically returns the free end of a worker's arena to the OS. Call it on every worker, because only a thread that
/// uses an arena can do this. Freeing a large block makes glibc trim the end of the arena if more than the configured
/// amount is free.
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

/// The size of a block that is large enough to make glibc check whether it can trim.
const PIECE_BYTES: usize = 256 << 10;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    /// Sets the amount of free memory above which the rest is returned to the OS.
    pub(super) fn set_trim_threshold(bytes: i32) {
        set(libc::M_TRIM_THRESHOLD, bytes);
    }

    /// Sets the number of arenas.
    pub(super) fn set_arenas(count: i32) {
        set(libc::M_ARENA_MAX, count);
    }

    /// Sets the size from which allocations are mapped separately.
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

    /// Returns free pages to the OS.
    #[allow(unsafe_code, reason = "malloc_trim has no safe wrapper")]
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
