//! The progress of a run, on stderr if it is a terminal.

use std::cell::Cell;
use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The duration of a run after which progress is shown.
const DELAY: Duration = Duration::from_millis(800);

/// A progress line that is shown only after [`DELAY`], and only on a terminal. The total number of cases is not known
/// in advance.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    /// Whether the line has not been shown yet but may be shown later.
    waiting: Cell<bool>,
}

impl Progress {
    /// Creates the progress line, which is hidden at first.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} cases, {elapsed}  {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, began: Instant::now(), waiting: Cell::new(stderr().is_terminal()) }
    }

    /// Shows the name of the current file.
    pub(super) fn file(&self, name: &str) {
        self.bar.set_message(name.to_owned());
    }

    /// Counts a finished case.
    pub(super) fn case(&self) {
        self.bar.inc(1);
        if self.waiting.get() && self.began.elapsed() > DELAY {
            self.waiting.set(false);
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Runs `write` while the line is hidden.
    pub(super) fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bar.suspend(write)
    }

    /// Removes the line.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
