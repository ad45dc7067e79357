//! How far a long run has come, on stderr where that is a terminal.

use std::cell::Cell;
use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A run that takes less time shows nothing.
const PATIENCE: Duration = Duration::from_millis(800);

/// A line that shows itself late or never. How many cases there will be nobody knows before.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    /// Whether it would be seen, and has not been shown yet.
    waiting: Cell<bool>,
}

impl Progress {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} cases, {elapsed}  {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, began: Instant::now(), waiting: Cell::new(stderr().is_terminal()) }
    }

    /// A file begins.
    pub(super) fn file(&self, name: &str) {
        self.bar.set_message(name.to_owned());
    }

    /// One more case is done.
    pub(super) fn case(&self) {
        self.bar.inc(1);
        if self.waiting.get() && self.began.elapsed() > PATIENCE {
            self.waiting.set(false);
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Writes something while the line is out of the way.
    pub(super) fn beside<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bar.suspend(write)
    }

    /// Takes it away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
