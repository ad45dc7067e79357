//! `transform`: what the service would answer, for files of events.

mod answers;
mod kcat;
mod output;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::input::{self, Batch, Entry, Filling, Input, InputError, Opened, requests};
use super::progress::Progress;
use super::troubles::{Told, Trouble, Troubles};
use super::{EXIT_FOUND, EXIT_USAGE};
use crate::transform::family::Family;
use output::Output;

/// What `transform` is asked for.
#[derive(Debug, Args)]
#[command(after_help = examples())]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// What to print
    #[arg(long, value_enum, default_value_t = Form::Json)]
    format: Form,

    /// The same as --format payloads
    #[arg(long, conflicts_with = "format")]
    payloads: bool,

    /// Only the events of this topic, with --format payloads or kcat
    #[arg(long)]
    topic: Option<String>,
}

/// What `transform` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// The answers: an array where the input is one or compacted, else one a line
    Json,
    /// One {"message":…,"userId":…,"topic":…} a line, without the refused events
    Payloads,
    /// Key, tab, message, a line each, of the events of one --topic
    Kcat,
}

fn examples() -> String {
    format!(
        "{}\n\n{}",
        input::FORMS,
        "\
Examples:
  rudder-kafka-transformer transform events.json
  rudder-kafka-transformer transform events.ndjson.gz --destination destination.json --payloads
  rudder-kafka-transformer transform events.ndjson --destination destination.json --format kcat --topic orders \\
    | kcat -P -b localhost:9092 -t orders -K '\\t'

Exit codes: 0 all events are answered, 1 some are refused or some lines are not JSON, 2 the input cannot be used."
    )
}

/// What became of a batch.
struct Done {
    source: Arc<str>,
    /// What is printed.
    text: String,
    troubles: Troubles,
    /// Events, arrays and bad lines that were met.
    values: u64,
    /// Lines and events that are JSON.
    read: u64,
    /// Events that look like bare messages and have no destination to go to.
    bare: u64,
    /// Why nothing can follow.
    broken: Option<InputError>,
}

/// Transforms and prints. The exit code tells whether all went well.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let form = if arguments.payloads { Form::Payloads } else { arguments.format };
    match (form, &arguments.topic) {
        (Form::Kcat, None) => {
            eprintln!("error: --format kcat needs --topic, because kcat writes to one; explain --summary counts the events of each");
            return ExitCode::from(EXIT_USAGE);
        }
        (Form::Json, Some(_)) => {
            eprintln!("error: --topic goes with --format payloads or kcat");
            return ExitCode::from(EXIT_USAGE);
        }
        _ => {}
    }
    match arguments.input.open().map_err(Failure::Input).and_then(|opened| print(opened, form, arguments.topic.clone())) {
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

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Input(InputError),
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
    #[error("no thread can be started: {0}")]
    Thread(io::Error),
}

/// Returns whether every event got its answer.
fn print(mut opened: Opened, form: Form, topic: Option<String>) -> Result<bool, Failure> {
    let mut progress = Progress::of(opened.bytes, Arc::clone(&opened.read));
    let (filling, family) = (Arc::clone(&opened.filling), opened.family);
    let name = opened.name();
    let work = move |batch: Batch| transform(&batch, &filling, family, form, topic.as_deref());
    let results = input::in_order(opened.batches(), opened.jobs, work).map_err(Failure::Thread)?;
    let (mut told, mut values, mut read, mut bare) = (Told::default(), 0, 0, 0);
    let mut failure = None;
    for done in results {
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                failure = Some(Failure::Input(error));
                break;
            }
        };
        let mut stdout = io::stdout().lock();
        if let Err(error) = stdout.write_all(done.text.as_bytes()).and_then(|()| stdout.flush()) {
            failure = Some(Failure::Output(error));
            break;
        }
        told.tell(&done.source, &done.troubles, &progress);
        (values, read, bare) = (values + done.values, read + done.read, bare + done.bare);
        if let Some(error) = done.broken {
            failure = Some(Failure::Input(error));
            break;
        }
        progress.tick();
    }
    progress.finish();
    told.conclude(&progress);
    if bare > 0 {
        let one = if bare == 1 { "one event has" } else { "events have" };
        progress.say(&format!(
            "note: {one} neither message, metadata nor destination; with --destination such are taken for messages"
        ));
    }
    match failure {
        Some(failure) => Err(failure),
        None if values == 0 => Err(Failure::Input(InputError::Empty { name })),
        None if read == 0 => Err(Failure::Input(InputError::NothingIsJson { name })),
        None => Ok(!told.any()),
    }
}

/// Transforms the events of a batch.
fn transform(batch: &Batch, filling: &Filling, family: &'static Family, form: Form, topic: Option<&str>) -> Done {
    let mut output = Output::of(form, topic, batch.bytes.len());
    let mut troubles = Troubles::default();
    let (mut values, mut read, mut broken) = (0, 0, None);
    let bare = requests(batch, filling, |entry| {
        values += 1;
        match entry {
            Entry::ArrayBegins => output.array_begins(),
            Entry::ArrayEnds => output.array_ends(),
            Entry::Request(request) => {
                read += 1;
                answers::write(&request, family, &mut output, &mut troubles);
            }
            Entry::BadLine(place, reason) => troubles.note(place, Trouble::NotJson(reason)),
            Entry::Broken(place, reason) => broken = Some(batch.broken(place, reason)),
        }
    });
    Done { source: Arc::clone(&batch.source), text: output.into_text(), troubles, values, read, bare, broken }
}
