//! The log behind `tracing`: a writer that never blocks a request, and a rate limit for lines that clients can cause.
//!
//! There is one log per process, because `tracing` has one global subscriber. The counts of lost lines are global too.

pub mod line_limit;
pub mod rate_limit;
pub mod writer;

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a line was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The writer's queue is full: stderr is slower than the log.
    QueueFull,
    /// The write failed: the reader of the pipe has exited, or the disk is full.
    WriteFailed,
    /// The line exceeded the rate limit of its call site.
    Suppressed,
}

impl Loss {
    /// All reasons, in the order of their discriminants.
    pub const ALL: [Loss; 3] = [Loss::QueueFull, Loss::WriteFailed, Loss::Suppressed];

    /// The label `reason` of `kafka_transformer_log_lines_dropped_total`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Loss::QueueFull => "queue_full",
            Loss::WriteFailed => "write_failed",
            Loss::Suppressed => "suppressed",
        }
    }
}

/// The number of lines that were not written, by reason.
#[derive(Debug, Default)]
pub struct Losses([AtomicU64; Loss::ALL.len()]);

/// The counts of the log of this process.
pub static LOSSES: Losses = Losses([const { AtomicU64::new(0) }; Loss::ALL.len()]);

impl Losses {
    /// Counts lines that were not written.
    pub fn add(&self, loss: Loss, lines: u64) {
        self.0[loss as usize].fetch_add(lines, Ordering::Relaxed);
    }

    /// The number of lines that were not written for this reason since the process started.
    #[must_use]
    pub fn count(&self, loss: Loss) -> u64 {
        self.0[loss as usize].load(Ordering::Relaxed)
    }
}
