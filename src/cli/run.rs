//! The run of a tool over its input: batch by batch, what goes wrong told on the way, and the exit code at the end.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use super::input::{self, Batch, Entry, Input, InputError, requests};
use super::progress::Progress;
use super::troubles::{Told, Trouble, Troubles};
use super::{EXIT_FOUND, EXIT_USAGE};
use crate::transform::family::Family;

/// What a tool does with a batch.
pub(super) trait Work: Send + Sync + 'static {
    /// What comes of it.
    type Result: Send + 'static;

    /// A result to begin with.
    fn begin(&self, batch: &Batch) -> Self::Result;

    /// Takes in what the batch has: an array's beginning or end, or events.
    fn take(&self, entry: Entry, family: &'static Family, result: &mut Self::Result, troubles: &mut Troubles);
}

/// What became of a batch.
struct Done<R> {
    source: Arc<str>,
    result: R,
    troubles: Troubles,
    /// Events, arrays and bad lines that were met.
    values: u64,
    /// Those that are JSON.
    good: u64,
    /// Events that look like bare messages and have no destination to go to.
    bare: u64,
    /// Why nothing can follow.
    broken: Option<InputError>,
}

/// Why a run ends before its input.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The input cannot be used.
    #[error("{0}")]
    Input(InputError),
    /// The results cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
    /// The system has no threads left.
    #[error("no thread can be started: {0}")]
    Thread(io::Error),
}

/// How a run ended.
pub(super) type Outcome = Result<bool, Failure>;

/// Does a tool's work on every batch of its input and hands the results to `on_result`, in order. Returns whether all went
/// well, as far as is known here.
///
/// # Errors
/// [`Failure`]; the results before it were handed over.
pub(super) fn over<W: Work>(input: &Input, work: W, mut on_result: impl FnMut(W::Result) -> io::Result<()>) -> Outcome {
    // A panic's text may hold what was being read; its place is enough to find it.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("fault at {place}");
    }));
    let mut opened = input.open().map_err(Failure::Input)?;
    let mut progress = Progress::of(opened.bytes, Arc::clone(&opened.read));
    let (filling, family, name) = (Arc::clone(&opened.filling), opened.family, opened.name());
    let on_batch = move |batch: Batch| {
        let mut done = Done {
            source: Arc::clone(&batch.source),
            result: work.begin(&batch),
            troubles: Troubles::default(),
            values: 0,
            good: 0,
            bare: 0,
            broken: None,
        };
        done.bare = requests(&batch, &filling, |entry| {
            done.values += 1;
            match entry {
                Entry::BadLine(place, reason) => done.troubles.note(place, Trouble::NotJson(reason)),
                Entry::Broken(place, reason) => done.broken = Some(batch.broken(place, reason)),
                entry => {
                    done.good += 1;
                    work.take(entry, family, &mut done.result, &mut done.troubles);
                }
            }
        });
        done
    };
    let results = input::in_order(opened.batches(), opened.jobs, on_batch).map_err(Failure::Thread)?;
    let (mut told, mut values, mut good, mut bare) = (Told::default(), 0, 0, 0);
    let mut failure = None;
    for done in results {
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                failure = Some(Failure::Input(error));
                break;
            }
        };
        if let Err(error) = on_result(done.result) {
            failure = Some(Failure::Output(error));
            break;
        }
        told.tell(&done.source, &done.troubles, &progress);
        (values, good, bare) = (values + done.values, good + done.good, bare + done.bare);
        if let Some(error) = done.broken {
            failure = Some(Failure::Input(error));
            break;
        }
        progress.tick();
    }
    progress.finish();
    told.conclude(&progress);
    if bare > 0 {
        let events = if bare == 1 { "event has" } else { "events have" };
        progress.say(&format!(
            "note: {bare} {events} neither message, metadata nor destination; with --destination such are taken for messages"
        ));
    }
    match failure {
        Some(failure) => Err(failure),
        None if values == 0 => Err(Failure::Input(InputError::Empty { name })),
        None if good == 0 => Err(Failure::Input(InputError::NothingIsJson { name })),
        None => Ok(!told.any()),
    }
}

/// The exit code of a run, whose failure is told.
pub(super) fn end(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_FOUND),
        // Who reads the output has seen enough of it.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}
