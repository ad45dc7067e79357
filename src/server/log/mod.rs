//! The log behind `tracing`: a writer that never blocks a request, and a limit for lines that clients can cause.
//!
//! One log for the process, as there is one subscriber of `tracing`; so is the count of lines that were not written.

pub mod line_limit;
pub mod rate_limit;
pub mod writer;

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a line was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The queue of the writer is full: stderr takes lines more slowly than they come.
    QueueFull,
    /// The system rejected the write: the reader of the pipe is gone, or the disk is full.
    WriteFailed,
    /// The line was above the limit of its kind.
    Suppressed,
}

impl Loss {
    /// All of them, in the order of their numbers.
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

/// How many lines were not written, by reason.
#[derive(Debug, Default)]
pub struct Losses([AtomicU64; Loss::ALL.len()]);

/// The losses of the process's log.
pub static LOSSES: Losses = Losses([const { AtomicU64::new(0) }; Loss::ALL.len()]);

impl Losses {
    /// Counts lines that were not written.
    pub fn add(&self, loss: Loss, lines: u64) {
        self.0[loss as usize].fetch_add(lines, Ordering::Relaxed);
    }

    /// Returns how many lines were not written for this reason since the process started.
    #[must_use]
    pub fn count(&self, loss: Loss) -> u64 {
        self.0[loss as usize].load(Ordering::Relaxed)
    }
}
