//! Reads the input of the tools: events from files or stdin, in all supported formats.
//!
//! | step | file |
//! | --- | --- |
//! | open a file, decompress gzip | `source.rs` |
//! | decide between one value per line and values that span lines | `form.rs` |
//! | split the bytes into batches of complete values | `splitter.rs`, `values.rs`, `boundaries.rs`, `position.rs` |
//! | process batches on threads, and return results in order | `parallel.rs` |
//! | classify a value: event, bare message, array, compacted object | `value.rs` |
//! | fill in the destination | `destination.rs` |
//! | group events into requests | `requests.rs`, `compacted.rs` |

mod boundaries;
mod compacted;
mod destination;
mod error;
mod form;
mod parallel;
mod position;
mod request;
mod requests;
mod source;
mod splitter;
mod value;
mod values;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use clap::{Args, ValueHint, value_parser};

pub(in crate::cli) use error::{InputError, system_reason};
pub(in crate::cli) use parallel::{PART_BYTES, Parts, in_order};
pub(in crate::cli) use request::{Frame, Place, Request};
pub(in crate::cli) use requests::{Entry, requests};
pub(in crate::cli) use source::STANDARD_INPUT;
pub(in crate::cli) use splitter::Batch;

use destination::DefaultDestination;
use destinations::select::Selector;
use source::{Source, is_standard_input};
use splitter::Splitter;
use transform::explain::delivery::DEFAULT_BATCH_BYTES;
use transform::family::{FAMILIES, Family, KAFKA};

/// Input arguments that several tools share.
#[derive(Debug, Args)]
pub(in crate::cli) struct Input {
    /// Files with events, plain or gzip; - or no argument means stdin
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    reading: Reading,

    /// Value of Router.KAFKA.batchBytes in rudder-server; rudder-server does not produce larger records
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_BATCH_BYTES, value_parser = value_parser!(u64).range(1..=0x7fff_ffff))]
    batch_bytes: u64,

    /// Number of worker threads [default: number of cores]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

/// Arguments for reading event files, and the destination for events without a destination.
#[derive(Debug, Args)]
pub(in crate::cli) struct Reading {
    /// File with the destination for events without a destination; it contains a destination, a complete
    /// workspaceConfig.json, a destination of the Rudder CLI, or only a Config; - means stdin
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    destination: Option<PathBuf>,

    /// ID of the destination, if the file contains several
    #[arg(long, value_name = "ID", requires = "destination")]
    destination_id: Option<String>,

    /// Name of the destination, if the file contains several
    #[arg(long, value_name = "NAME", requires = "destination")]
    destination_name: Option<String>,

    /// Type of destinations that do not specify their type: kafka, azure_event_hub or confluent_cloud [default: kafka]
    #[arg(long, value_name = "TYPE", value_parser = family)]
    family: Option<&'static Family>,

    /// Read each line as a separate value, even if the first line is malformed
    #[arg(long)]
    lines: bool,
}

/// The input formats, for the help of each tool that reads events.
pub(in crate::cli) const FORMS: &str = "\
The first lines of the input determine how the input is read:
  lines     one value per line (NDJSON), in constant memory; a malformed line does not affect other lines
  an array  one array of events, which may span lines, in constant memory
  objects   objects and arrays one after another, each of which may span lines
A value is an event {\"message\":…,\"metadata\":…,\"destination\":…}, an array of events, a compacted
object {\"input\":[…],\"destinations\":{…},\"connections\":{…}}, or an SDK's request body {\"batch\":[…]}.
With --destination, any other object without the field message is treated as a message. A line,
an object or an array element may be up to 256 MiB. Invalid UTF-8 is replaced with U+FFFD.";

/// The input of a tool. All of its files exist.
pub(in crate::cli) struct Opened {
    sources: Vec<Source>,
    lines: bool,
    /// The number of worker threads.
    pub(in crate::cli) jobs: NonZeroUsize,
    /// The destination that events without a destination get.
    pub(in crate::cli) default_destination: Arc<DefaultDestination>,
    /// The family of the destination.
    pub(in crate::cli) family: &'static Family,
    /// The total size of all files on disk, in bytes. `None` means that the size is unknown.
    pub(in crate::cli) bytes: Option<u64>,
    /// The number of bytes that have been read from disk so far.
    pub(in crate::cli) read: Arc<AtomicU64>,
}

impl Input {
    /// The maximum size of a produced record, in bytes.
    pub(in crate::cli) fn batch_bytes(&self) -> u64 {
        self.batch_bytes
    }

    /// Opens the input (see [`Reading::open`]).
    ///
    /// # Errors
    /// Returns an [`InputError`] if a file or the destination cannot be used.
    pub(in crate::cli) fn open(&self) -> Result<Opened, InputError> {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let jobs = self.jobs.and_then(|jobs| NonZeroUsize::new(jobs.into())).unwrap_or_else(cores);
        self.reading.open(&self.files, jobs)
    }
}

impl Reading {
    /// Returns the family of destinations that do not specify their type.
    pub(in crate::cli) fn family(&self) -> &'static Family {
        self.family.unwrap_or(&KAFKA)
    }

    /// Locates `files`, or stdin if there are no files, and reads the destination. This happens before any output, so
    /// that errors are reported first.
    ///
    /// # Errors
    /// Returns an [`InputError`] if a file or the destination cannot be used.
    pub(in crate::cli) fn open(&self, files: &[PathBuf], jobs: NonZeroUsize) -> Result<Opened, InputError> {
        let standard_input = [PathBuf::from(STANDARD_INPUT)];
        let files = if files.is_empty() { &standard_input[..] } else { files };
        let readers = files.iter().chain(&self.destination).filter(|path| is_standard_input(path));
        if readers.count() > 1 {
            return Err(InputError::StandardInputTwice);
        }
        let (default_destination, family) = match &self.destination {
            Some(path) => {
                let selector = Selector { id: self.destination_id.clone(), name: self.destination_name.clone() };
                DefaultDestination::read(path, self.family, &selector)?
            }
            None => (DefaultDestination::none(), self.family()),
        };
        let sources = files.iter().map(|path| Source::find(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Opened {
            bytes: sources.iter().map(Source::bytes).sum(),
            sources,
            lines: self.lines,
            jobs,
            default_destination: Arc::new(default_destination),
            family,
            read: Arc::default(),
        })
    }
}

/// Parses the value of `--family`.
///
/// # Errors
/// Returns a message with the known names.
pub(in crate::cli) fn family(name: &str) -> Result<&'static Family, String> {
    Family::by_spelling(name)
        .ok_or_else(|| format!("expected one of {}", FAMILIES.map(|family| family.name).join(", ")))
}

impl Opened {
    /// The name that messages use for the input.
    pub(in crate::cli) fn name(&self) -> Arc<str> {
        match self.sources.as_slice() {
            [source] => source.name(),
            _ => "all files".into(),
        }
    }

    /// Returns the input as batches, in order.
    pub(in crate::cli) fn batches(&mut self) -> impl Iterator<Item = Result<Batch, InputError>> + Send + use<> {
        let (lines, read) = (self.lines, Arc::clone(&self.read));
        std::mem::take(&mut self.sources).into_iter().flat_map(move |source| {
            let opened = source.open(&read);
            let (mut splitter, mut failure) = match opened {
                Ok(stream) => (Some(Splitter::of(stream, lines)), None),
                Err(error) => (None, Some(error)),
            };
            std::iter::from_fn(move || match splitter.as_mut() {
                Some(splitter) => splitter.next_batch().transpose(),
                None => failure.take().map(Err),
            })
        })
    }
}
