//! The progress bar of a long run, on stderr if it is a terminal.

use std::io::{IsTerminal as _, stderr, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::stdio;

/// The duration of a run after which the bar is shown.
const DELAY: Duration = Duration::from_millis(800);

/// A progress bar that is shown only after [`DELAY`], and only on a terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    read: Arc<AtomicU64>,
    began: Instant,
    /// Whether the bar has not been shown yet but may be shown later.
    waiting: bool,
}

impl Progress {
    /// Creates a bar for `total` bytes, if the total is known. `read` counts the bytes read so far.
    pub(super) fn of(total: Option<u64>, read: Arc<AtomicU64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        let template = match total {
            Some(_) => "{bar:30} {percent:>3}%  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
            None => "{spinner} {bytes}  {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        // If stdout is also a terminal, the bar would be lost between the lines of output.
        let waiting = stderr().is_terminal() && !stdout().is_terminal();
        Self { bar, read, began: Instant::now(), waiting }
    }

    /// Updates the bar.
    pub(super) fn tick(&mut self) {
        if self.waiting && self.began.elapsed() > DELAY {
            self.waiting = false;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(self.read.load(Ordering::Relaxed));
    }

    /// Prints a line to stderr, above the bar.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| stdio::note(line));
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
