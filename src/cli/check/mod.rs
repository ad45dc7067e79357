//! `check`: reports configuration problems of destinations before they are used.

mod checked;
mod connect;
mod json;
pub(super) mod load;
mod text;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use self::connect::connection::Connection;
use super::exit_codes::{EXIT_FOUND, EXIT_USAGE};
use super::format::Format;
use super::input::{STANDARD_INPUT, family};
use super::stdio;
use super::trust::Trust;
use ::connect::problem;
use check::code::{Severity, table};
use check::{Report, check};
use checked::Checked;
use destinations::FORMS;
use transform::family::Family;

/// The text of `--help` after the arguments.
const EXAMPLES: &str = "\
Examples:
  rudder-kafka-transformer check workspaceConfig.json
  rudder-kafka-transformer check --strict destination.json other-destination.json
  jq .destination.Config event.json | rudder-kafka-transformer check --family kafka
  rudder-kafka-transformer check --no-secrets destinations/kafka.yaml
  rudder-kafka-transformer check --connect --timeout 5 destination.json
  rudder-kafka-transformer check --format json https://$TOKEN:@config.example.com/workspaceConfig | jq '.inputs[].destinations'

Accepts a data plane's workspaceConfig.json, an object whose keys are workspace IDs and whose values are
workspaceConfig.json files, an array of destinations, or one destination. A single destination may be in the format of
rudder-server, of the control plane's API, or of the Rudder CLI (YAML). With --family, the input may also be only the
Config of a destination. Destinations whose type is not Apache Kafka, Azure Event Hubs or Confluent Cloud are counted
but not checked.

Secrets are never shown. If a destination sets caCertificate, --connect presents a client certificate to brokers that
request one, as rudder-server does. KAFKA_SSL_CERTIFICATE_FILE_PATH and KAFKA_SSL_KEY_FILE_PATH contain the paths of the
client certificate and its key.";

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Files or http(s) URLs to check; - or no argument means stdin
    #[arg(value_name = "FILE|URL")]
    inputs: Vec<String>,

    /// Type of destinations that do not specify their type: kafka, azure_event_hub or confluent_cloud
    #[arg(long, value_name = "TYPE", value_parser = family)]
    family: Option<&'static Family>,

    /// Treat warnings as errors in the exit code
    #[arg(long)]
    strict: bool,

    /// Do not report missing credentials; use this for exports of the control plane, which contain no credentials
    #[arg(long)]
    no_secrets: bool,

    /// Do not let disabled destinations affect the exit code
    #[arg(long)]
    enabled_only: bool,

    /// Format of the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Print all possible findings as Markdown, and exit
    #[arg(long)]
    codes: bool,

    #[command(flatten)]
    trust: Trust,

    #[command(flatten)]
    connect: connect::Options,
}

/// Checks every input and reports the findings.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    if arguments.codes {
        return stdio::print(&format!("{}\n{}", table(), problem::table()));
    }
    // A clock set before 1970 is treated as 1970.
    #[expect(clippy::disallowed_methods, reason = "the validity of certificates depends on the time")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let standard_input = [STANDARD_INPUT.to_owned()];
    let inputs = if arguments.inputs.is_empty() { &standard_input[..] } else { &arguments.inputs };
    if inputs.iter().filter(|input| *input == STANDARD_INPUT).count() > 1 {
        stdio::error("stdin can be read only once: use - only once");
        return ExitCode::from(EXIT_USAGE);
    }
    let options = arguments.connect.options();
    let one = |input: &String| {
        let name = load::shown(input);
        let mut outcome = load::load(input, &arguments.trust).and_then(|bytes| check(&bytes, arguments.family, now));
        if arguments.no_secrets {
            let _ = outcome.as_mut().map(Report::drop_missing_secrets);
        }
        if let Err(problem) = &outcome {
            stdio::error(format_args!("{name}: {problem}"));
        }
        let connections = match (&outcome, &options) {
            (Ok(report), Some(options)) => connect::connect_all(report, options),
            _ => Vec::new(),
        };
        Checked { name, outcome, connections }
    };
    let checked: Vec<Checked> = inputs.iter().map(one).collect();
    let written = write_report(&checked, arguments.format);
    if let Some(nothing) = nothing_checked(&checked) {
        stdio::error(nothing);
        return stdio::end(written, ExitCode::from(EXIT_USAGE));
    }
    stdio::end(written, exit_code(&checked, arguments))
}

fn write_report(checked: &[Checked], format: Format) -> io::Result<()> {
    let mut out = io::BufWriter::new(anstream::stdout());
    match format {
        Format::Text => text::write(&mut out, checked)?,
        Format::Json => json::write(&mut out, checked)?,
    }
    out.flush()
}

/// Returns an error message if no input has a Kafka destination, because exiting with success would be misleading.
/// Returns `None` if a destination was checked, or if an input could not be read (which has already been reported).
fn nothing_checked(checked: &[Checked]) -> Option<String> {
    let reports: Vec<&Report> = checked.iter().filter_map(|checked| checked.outcome.as_ref().ok()).collect();
    let any = reports.iter().any(|report| !report.destinations.is_empty());
    (!reports.is_empty() && !any).then(|| {
        let others: usize = reports.iter().flat_map(|report| report.others.values()).sum();
        format!(
            "nothing was checked: no Kafka, Azure Event Hubs or Confluent Cloud destination found ({others} of other \
             types skipped); supported formats: {FORMS}"
        )
    })
}

fn exit_code(checked: &[Checked], arguments: &Arguments) -> ExitCode {
    let count = |severity| -> usize {
        let reports = checked.iter().filter_map(|checked| checked.outcome.as_ref().ok());
        let destinations = reports.flat_map(|report| &report.destinations);
        let counting = destinations.filter(|destination| destination.enabled || !arguments.enabled_only);
        counting.map(|destination| destination.findings.count(severity)).sum()
    };
    let steps = |count: fn(&Connection) -> usize| -> usize {
        checked
            .iter()
            .filter_map(|checked| Some((checked.outcome.as_ref().ok()?, &checked.connections)))
            .flat_map(|(report, connections)| report.destinations.iter().zip(connections))
            .filter(|(destination, _)| destination.enabled || !arguments.enabled_only)
            .map(|(_, connection)| count(connection))
            .sum()
    };
    if checked.iter().any(|checked| checked.outcome.is_err()) {
        ExitCode::from(EXIT_USAGE)
    } else if count(Severity::Error) + steps(Connection::failures) > 0
        || arguments.strict && count(Severity::Warning) + steps(Connection::warnings) > 0
    {
        ExitCode::from(EXIT_FOUND)
    } else {
        ExitCode::SUCCESS
    }
}
