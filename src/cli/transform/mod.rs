//! `transform`: transforms events from files and prints the service's responses.

mod answers;
mod form;
mod kcat;
mod line;
mod output;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::exit_codes::EXIT_USAGE;
use super::input::{self, Batch, Entry, Input};
use super::run::{self, Failure, Stream, Work};
use super::stdio;
pub(super) use answers::LIMITS;
use answers::Target;
use form::Form;
use output::Output;
use transform::family::Family;

/// Arguments of `transform`.
#[derive(Debug, Args)]
#[command(after_help = examples())]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// Output format
    #[arg(long, value_enum, default_value_t = Form::Json)]
    format: Form,

    /// The same as --format payloads
    #[arg(long, conflicts_with = "format")]
    payloads: bool,

    /// Print only the events for this topic; requires --format payloads or kcat
    #[arg(long = "only-topic", value_name = "TOPIC")]
    topic: Option<String>,
}

fn examples() -> String {
    format!(
        "{}\n\n{}",
        input::FORMS,
        "\
Examples:
  rudder-kafka-transformer transform events.json
  rudder-kafka-transformer transform events.ndjson.gz --destination destination.json --payloads
  rudder-kafka-transformer transform events.ndjson --destination destination.json \\
    --format kcat --only-topic orders | kcat -P -b localhost:9092 -t orders -K '\\t'"
    )
}

/// Transforms the events and prints the responses. The exit code shows whether there were problems.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let form = if arguments.payloads { Form::Payloads } else { arguments.format };
    let topic = arguments.topic.clone();
    match (form, &topic) {
        (Form::Kcat, None) => {
            stdio::error(
                "--format kcat requires --only-topic, because kcat writes to one topic; explain --summary lists the topics",
            );
            return ExitCode::from(EXIT_USAGE);
        }
        (Form::Json, Some(_)) => {
            stdio::error("--only-topic requires --format payloads or kcat");
            return ExitCode::from(EXIT_USAGE);
        }
        _ => {}
    }
    let mut ends_a_line = true;
    let outcome = run::over(
        &arguments.input,
        Transform { batch_bytes: arguments.input.batch_bytes(), form, topic: topic.map(Arc::from) },
        |output| {
            let text = output.into_text();
            let mut stdout = io::stdout().lock();
            ends_a_line = text.ends_with('\n') || text.is_empty() && ends_a_line;
            stdout.write_all(text.as_bytes())?;
            stdout.flush()
        },
    );
    if !ends_a_line && !matches!(outcome, Err(Failure::Output(_))) {
        // The array stays open, because its end was not reached. Start the error message on a new line.
        let _ = io::stdout().write_all(b"\n");
    }
    run::end(outcome)
}

struct Transform {
    batch_bytes: u64,
    form: Form,
    topic: Option<Arc<str>>,
}

impl Work for Transform {
    type Part = Output;

    fn begin(&self, batch: &Batch) -> Output {
        Output::of(self.form, self.topic.clone(), batch.continues_array())
    }

    fn take(&self, entry: Entry, family: &'static Family, output: &mut Stream<'_, Output>) {
        match entry {
            Entry::ArrayBegins => output.part.array_begins(),
            Entry::ArrayEnds => output.part.array_ends(),
            Entry::Request(request) => {
                let target = Target { family, batch_bytes: self.batch_bytes };
                answers::write(&request, target, output);
            }
            Entry::BadLine(..) | Entry::Broken(..) => {}
        }
    }
}
