//! Runs a tool over its input: processes it batch by batch, reports problems as they occur, and determines the exit
//! code.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use super::diagnostics::{Diagnostic, DiagnosticLog, Diagnostics};
use super::exit_codes::{EXIT_FOUND, EXIT_USAGE};
use super::input::{self, Batch, Entry, Input, InputError, PART_BYTES, Parts, requests};
use super::progress::Progress;
use super::stdio;
use transform::family::Family;

/// The work of a tool: how it processes batches.
pub(super) trait Work: Send + Sync + 'static {
    /// A part of the tool's output.
    type Part: Part;

    /// Creates the first part of a batch's output.
    fn begin(&self, batch: &Batch) -> Self::Part;

    /// Processes an entry of the batch: the beginning or end of an array, or a request with events.
    fn take(&self, entry: Entry, family: &'static Family, output: &mut Stream<'_, Self::Part>);
}

/// A part of a tool's output, kept in memory until it is written.
pub(super) trait Part: Send + 'static {
    /// Returns the approximate size of this part in memory, in bytes.
    fn bytes(&self) -> usize;

    /// Splits off and returns the output so far. Later output is added to `self`.
    fn split(&mut self) -> Self;
}

/// The output of a batch: the part in progress, and the channel for finished parts.
pub(super) struct Stream<'s, P> {
    /// The part in progress.
    pub(super) part: P,
    /// The problems with the events of this part.
    pub(super) diagnostics: Diagnostics,
    source: Arc<str>,
    parts: &'s Parts<Done<P>>,
}

impl<P: Part> Stream<'_, P> {
    /// Hands over the part if it is large enough to be written. Call this after every event, to bound memory
    /// regardless of the size of a batch's output.
    pub(super) fn hand_over_if_large(&mut self) {
        if self.part.bytes() >= PART_BYTES {
            self.parts.send(Done {
                source: Arc::clone(&self.source),
                part: self.part.split(),
                diagnostics: std::mem::take(&mut self.diagnostics),
                values: 0,
                good: 0,
                bare: 0,
                broken: None,
            });
        }
    }
}

/// A finished part of a batch's output. The last part of a batch has the counts of the whole batch.
struct Done<P> {
    source: Arc<str>,
    part: P,
    diagnostics: Diagnostics,
    /// The number of events, arrays and malformed lines.
    values: u64,
    /// The number of values that are JSON.
    good: u64,
    /// The number of events that look like bare messages and have no destination.
    bare: u64,
    /// The error that ended the input, if any.
    broken: Option<InputError>,
}

/// Why a run stopped before the end of its input.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The input cannot be used.
    #[error("{0}")]
    Input(InputError),
    /// The results cannot be written.
    #[error("cannot write to stdout: {0}")]
    Output(io::Error),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// The result of a run: whether all events were processed without problems.
pub(super) type Outcome = Result<bool, Failure>;

/// Runs a tool on every batch of its input, and passes the parts of the output to `on_part`, in order. Returns whether
/// there were no problems.
///
/// # Errors
/// Returns a [`Failure`]. The results up to that point have been passed to `on_part`.
pub(super) fn over<W: Work>(input: &Input, work: W, mut on_part: impl FnMut(W::Part) -> io::Result<()>) -> Outcome {
    stdio::report_panics();
    let mut opened = input.open().map_err(Failure::Input)?;
    let mut progress = Progress::of(opened.bytes, Arc::clone(&opened.read));
    let (default_destination, family, name) = (Arc::clone(&opened.default_destination), opened.family, opened.name());
    let on_batch = move |batch: Batch, parts: &Parts<Done<W::Part>>| {
        let source = Arc::clone(&batch.source);
        let mut output = Stream { part: work.begin(&batch), diagnostics: Diagnostics::default(), source, parts };
        let (mut values, mut good, mut broken) = (0, 0, None);
        let bare = requests(&batch, &default_destination, |entry| {
            values += 1;
            match entry {
                Entry::BadLine(place, reason) => output.diagnostics.note(place, Diagnostic::NotJson(reason)),
                Entry::Broken(place, reason) => broken = Some(batch.broken(place, reason)),
                entry => {
                    good += 1;
                    work.take(entry, family, &mut output);
                }
            }
        });
        let Stream { part, diagnostics, source, .. } = output;
        parts.send(Done { source, part, diagnostics, values, good, bare, broken });
    };
    let results = input::in_order(opened.batches(), opened.jobs, on_batch).map_err(Failure::Thread)?;
    let (mut log, mut values, mut good, mut bare) = (DiagnosticLog::default(), 0, 0, 0);
    let mut failure = None;
    for done in results {
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                failure = Some(Failure::Input(error));
                break;
            }
        };
        if let Err(error) = on_part(done.part) {
            failure = Some(Failure::Output(error));
            break;
        }
        log.report(&done.source, &done.diagnostics, &progress);
        (values, good, bare) = (values + done.values, good + done.good, bare + done.bare);
        if let Some(error) = done.broken {
            failure = Some(Failure::Input(error));
            break;
        }
        progress.tick();
    }
    progress.finish();
    log.conclude(&progress);
    if bare > 0 {
        let events = if bare == 1 { "event has" } else { "events have" };
        progress.say(&format!(
            "note: {bare} {events} no message, metadata or destination; use --destination to treat such events as messages"
        ));
    }
    match failure {
        Some(failure) => Err(failure),
        None if values == 0 => {
            progress.say(&format!("note: {name}: no events found"));
            Ok(true)
        }
        None if good == 0 => Err(Failure::Input(InputError::NothingIsJson { name })),
        None => Ok(!log.any()),
    }
}

/// Reports the failure of a run, if there is one, and returns the exit code.
pub(super) fn end(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_FOUND),
        Err(Failure::Output(error)) => stdio::end(Err(error), ExitCode::SUCCESS),
        Err(failure) => {
            stdio::error(failure);
            ExitCode::from(EXIT_USAGE)
        }
    }
}
