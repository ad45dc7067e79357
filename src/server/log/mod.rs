//! The log behind `tracing`: a writer that never blocks a request, and rate limits for lines that clients can cause.
//!
//! There is one log per process, because `tracing` has one global subscriber. For the same reason, the counts of lost
//! lines are global.

pub mod line_limit;
pub mod rate_limit;
pub mod writer;

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a line was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The writer's queue was full, because lines were logged faster than stderr accepted them.
    QueueFull,
    /// The write failed, for example because the reader of the pipe had exited or the disk was full.
    WriteFailed,
    /// The line exceeded the rate limit of its call site.
    Suppressed,
}

impl Loss {
    /// All reasons, in the order of their discriminants.
    pub const ALL: [Loss; 3] = [Loss::QueueFull, Loss::WriteFailed, Loss::Suppressed];

    /// The value of the label `reason` of `kafka_transformer_log_lines_dropped_total`.
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

/// The number of log lines that this process has lost, by reason.
pub static LOSSES: Losses = Losses([const { AtomicU64::new(0) }; Loss::ALL.len()]);

impl Losses {
    /// Adds `lines` to the number of lines that were lost for the reason `loss`.
    pub fn add(&self, loss: Loss, lines: u64) {
        self.0[loss as usize].fetch_add(lines, Ordering::Relaxed);
    }

    /// Returns the number of lines that were lost for the reason `loss`.
    #[must_use]
    pub fn count(&self, loss: Loss) -> u64 {
        self.0[loss as usize].load(Ordering::Relaxed)
    }
}
