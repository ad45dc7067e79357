//! `explain`: shows where each event of a file would go and why, and summarizes many events.

pub(super) mod event;
mod heavy_hitters;
mod summary;
mod table;

use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::process::ExitCode;

use anstream::AutoStream;
use clap::{Args, value_parser};

use super::diagnostics::Diagnostic;
use super::format::Format;
use super::input::{self, Batch, Entry, Input, Request};
use super::run::{self, Failure, Part, Stream, Work};
use super::transform::LIMITS;
use summary::Summary;
use transform::explain::{Explanation, Options, explain};
use transform::family::Family;
use transform::meter::Unlimited;

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(after_help = examples())]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// Number of partitions of each topic, to show the partition of each key
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=i64::from(MAX_PARTITIONS)))]
    partitions: Option<u32>,

    /// Show only the counts
    #[arg(long)]
    summary: bool,

    /// Show every event
    #[arg(long, conflicts_with = "summary")]
    all: bool,

    /// Output format: text for people, or JSON with one line per event and a last line with the counts
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The maximum of `--partitions`, far above the number of partitions of real topics. It bounds the memory that the
/// counts per partition use.
const MAX_PARTITIONS: u32 = 1_000_000;

/// The number of events that are explained individually in text, without `--all`.
const SHOWN: u64 = 20;

fn examples() -> String {
    format!(
        "{}\n\n{}",
        input::FORMS,
        "\
Text output shows the first 20 events, followed by a summary if there are more than 20. JSON output shows every event.

Examples:
  rudder-kafka-transformer explain events.json --partitions 12
  rudder-kafka-transformer explain events.ndjson.gz --destination destination.json \\
    --partitions 12 --summary
  rudder-kafka-transformer explain events.ndjson --destination destination.json --format json"
    )
}

/// The settings with which the events of each batch are explained.
struct Explain {
    options: Options,
    format: Format,
    /// The maximum number of events that are explained individually in one part of the output.
    most: u64,
}

/// The output for a batch or for a part of it.
struct Explained {
    source: std::sync::Arc<str>,
    /// The explained events, formatted by [`event`].
    events: Vec<String>,
    /// The total size of `events`, in bytes.
    bytes: usize,
    summary: Summary,
}

/// Explains the events and prints the result. The exit code shows whether every event would be produced.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let partitions = arguments.partitions.and_then(NonZeroU32::new);
    let options = Options { partitions, batch_bytes: arguments.input.batch_bytes() };
    let format = arguments.format;
    let most = match format {
        _ if arguments.summary => 0,
        Format::Text if !arguments.all => SHOWN,
        Format::Text | Format::Json => u64::MAX,
    };
    let mut stdout = AutoStream::auto(io::stdout());
    let mut summary = Summary::of(partitions);
    let mut printed = 0;
    let outcome = run::over(&arguments.input, Explain { options, format, most }, |batch| {
        let mut text = String::new();
        for (index, event) in (summary.events..).zip(&batch.events) {
            if printed < most {
                printed += 1;
                match format {
                    Format::Text => text.push_str(event),
                    Format::Json => event::push_numbered(&mut text, index, event),
                }
            }
        }
        summary.merge(batch.summary);
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    });
    let good = match outcome {
        Ok(good) => good && summary.rejected() == 0 && summary.undeliverable == 0,
        // If reading fails midway, the events before that point are still summarized.
        Err(Failure::Input(_)) if summary.events > 0 => true,
        outcome => return run::end(outcome),
    };
    let text = match format {
        Format::Text if summary.events > printed => table::text(&summary, printed),
        Format::Text => String::new(),
        Format::Json => format!("{}\n", serde_json::json!({ "summary": summary.to_json() })),
    };
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => run::end(outcome.map(|_| good)),
        Err(error) => run::end(Err(Failure::Output(error))),
    }
}

impl Part for Explained {
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn split(&mut self) -> Self {
        let rest = Explained {
            source: self.source.clone(),
            events: Vec::new(),
            bytes: 0,
            summary: Summary::of(self.summary.partitions),
        };
        std::mem::replace(self, rest)
    }
}

impl Work for Explain {
    type Part = Explained;

    fn begin(&self, batch: &Batch) -> Explained {
        Explained {
            source: batch.source.clone(),
            events: Vec::new(),
            bytes: 0,
            summary: Summary::of(self.options.partitions),
        }
    }

    fn take(&self, entry: Entry, family: &'static Family, output: &mut Stream<'_, Explained>) {
        if let Entry::Request(request) = entry {
            self.request(&request, family, output);
        }
    }
}

impl Explain {
    fn request(&self, request: &Request, family: &'static Family, output: &mut Stream<'_, Explained>) {
        let mut explained = 0;
        let on_event = |explanation: &Explanation<'_>| {
            output.hand_over_if_large();
            let part = &mut output.part;
            if (part.events.len() as u64) < self.most {
                let place = request.place(explained);
                let text = match self.format {
                    Format::Text => event::text(&part.source, place, self.options.partitions, explanation),
                    Format::Json => event::json(&part.source, place, explanation),
                };
                part.bytes += text.len() + size_of::<String>();
                part.events.push(text);
            }
            part.summary.count(explanation);
            explained += 1;
            ControlFlow::Continue(())
        };
        let result = explain(family, &request.body, request.form, "", LIMITS, self.options, &Unlimited, on_event);
        let Err(error) = result else { return };
        // Limits apply to a request. If all events of this request together exceed a limit, each event is explained
        // separately.
        let events = request.events();
        if events.len() <= 1 {
            return output.diagnostics.note(request.place(0), Diagnostic::Unanswered(error));
        }
        for (index, event) in events.into_iter().enumerate().skip(explained) {
            self.request(&request.only(index, event), family, output);
        }
    }
}
