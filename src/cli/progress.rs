//! How far a long run has come: a bar on stderr, where that is a terminal and the run takes its time.

use std::io::{IsTerminal as _, stderr, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::stdio;

/// A run that takes less time shows nothing.
const PATIENCE: Duration = Duration::from_millis(800);

/// A bar that shows itself late or never.
pub(super) struct Progress {
    bar: ProgressBar,
    read: Arc<AtomicU64>,
    began: Instant,
    /// Whether it would be seen, and has not been shown yet.
    waiting: bool,
}

impl Progress {
    /// For a run over `total` bytes, where that is known, of which `read` counts those read.
    pub(super) fn of(total: Option<u64>, read: Arc<AtomicU64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        let template = match total {
            Some(_) => "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
            None => "{spinner} {bytes}  {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        // On one and the same terminal it would be lost between the lines of the output.
        let waiting = stderr().is_terminal() && !stdout().is_terminal();
        Self { bar, read, began: Instant::now(), waiting }
    }

    /// Brings it up to date.
    pub(super) fn tick(&mut self) {
        if self.waiting && self.began.elapsed() > PATIENCE {
            self.waiting = false;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(self.read.load(Ordering::Relaxed));
    }

    /// Prints a line to stderr, above it.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| stdio::note(line));
    }

    /// Takes it away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
