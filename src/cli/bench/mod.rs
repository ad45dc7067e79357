//! `bench`: sends requests like those of rudder-server to one or two transformers, and reports throughput, latency, CPU
//! and memory.
//!
//! | module | responsibility |
//! | --- | --- |
//! | `requests`, `batches`, `bodies` | requests to send: recorded cases, recorded events, generated events |
//! | `target` | address of a transformer, and one HTTP exchange |
//! | `load` | schedule and connections |
//! | `usage` | CPU time and memory of a transformer |
//! | `report` | printed results |

mod batches;
#[allow(dead_code, missing_docs, reason = "the benchmarks and examples share this file, and use the rest of it")]
mod bodies;
mod load;
mod report;
mod request;
mod requests;
mod target;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueHint, value_parser};

use self::load::{Load, Tally};
use self::report::{Measured, Sent};
use self::request::BodyForm;
use self::requests::{Generate, Plan};
use self::target::{Prepared, Target};
use self::usage::Meter;
use super::exit_codes::{EXIT_FOUND, EXIT_USAGE};
use super::format::{Format, count};
use super::input::Reading;
use super::stdio;
use super::trust::Trust;

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Base URL of the transformer to measure (http or https), without a path such as /v0/destinations/kafka
    #[arg(value_name = "URL")]
    url: String,

    /// Golden case or event files (plain or gzip), or - for stdin. Without FILE, bench generates events
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    trust: Trust,

    /// URL of another transformer to compare with; the two are measured in alternating rounds
    #[arg(long, value_name = "URL")]
    against: Option<String>,

    /// Format of request bodies; golden cases are sent as they were recorded
    #[arg(long, value_enum, default_value_t = BodyForm::Compacted)]
    form: BodyForm,

    /// Events to generate if there is no FILE
    #[arg(long, value_enum, default_value_t = Generate::Tracks, conflicts_with = "files")]
    generate: Generate,

    /// Events per request
    #[arg(long, value_name = "EVENTS", default_value_t = 100, value_parser = value_parser!(u16).range(1..=10_000))]
    batch: u16,

    /// Number of concurrent requests; rudder-server sends at most 100
    #[arg(long, short, value_name = "N", default_value_t = 16, value_parser = value_parser!(u16).range(1..=4096))]
    connections: u16,

    /// Keep connections open; by default, each request opens a new connection, as rudder-server does
    #[arg(long)]
    keep_alive: bool,

    /// Send this many requests per second, regardless of responses; latency is measured from the time when a request
    /// was due
    #[arg(long, value_name = "REQUESTS", value_parser = value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,

    /// Seconds of load for each transformer; with --against, in rounds of one second
    #[arg(long, short, value_name = "SECONDS", default_value_t = 10, value_parser = value_parser!(u64).range(1..=3600))]
    seconds: u64,

    /// Timeout of a request, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    timeout: u64,

    /// Number of sending threads [default: one per two cores]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    threads: Option<u16>,

    /// Process ID of the transformer, if it runs on this machine; the CPU and memory usage of this process and its
    /// child processes is shown [default: the process that listens on the port of the URL]
    #[arg(long, value_name = "PID", conflicts_with = "metrics", value_parser = value_parser!(u32).range(1..))]
    pid: Option<u32>,

    /// URL of the transformer's metrics, such as http://localhost:9091/metrics, to read CPU and memory usage
    #[arg(long, value_name = "URL")]
    metrics: Option<String>,

    /// Like --pid, for the transformer of --against
    #[arg(long, value_name = "PID", requires = "against", conflicts_with = "against_metrics", value_parser = value_parser!(u32).range(1..))]
    against_pid: Option<u32>,

    /// Like --metrics, for the transformer of --against
    #[arg(long, value_name = "URL", requires = "against")]
    against_metrics: Option<String>,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Examples for `--help`.
const EXAMPLES: &str = "\
FILE contains golden cases (see verify --help) or events (see transform --help). A request contains up to --batch
events, which all have the same destination. A golden case is sent as it was recorded, and its response must have the
recorded status.

Examples:
  How much load can this transformer handle?
    rudder-kafka-transformer bench http://localhost:9090
  How does it compare with rudder-transformer, with my events and keep-alive connections?
    rudder-kafka-transformer bench http://localhost:9090 --against http://localhost:9190 --keep-alive events.ndjson
  How long do requests take at a tenth of that load?
    rudder-kafka-transformer bench http://localhost:9090 --rate 300 --connections 400 --seconds 60
  Output for a script:
    rudder-kafka-transformer bench http://localhost:9090 --format json | jq '.targets[0].requestsPerSecond'";

/// Runs the measurement and prints the report.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    stdio::report_panics();
    match measure(arguments) {
        Ok((text, code)) => stdio::print_and_end(&text, code),
        Err(problems) => {
            for problem in problems {
                stdio::error(problem);
            }
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// A transformer to measure, with its requests and results.
struct Contender {
    target: Target,
    requests: Vec<Prepared>,
    meter: Option<Meter>,
    measured: Measured,
}

fn measure(arguments: &Arguments) -> Result<(String, ExitCode), Vec<String>> {
    let plan = plan(arguments)?;
    for note in &plan.notes {
        stdio::note(format_args!("note: {note}"));
    }
    let mut contenders =
        vec![contender("URL", &arguments.url, &plan, arguments, arguments.pid, arguments.metrics.as_deref())?];
    if let Some(url) = &arguments.against {
        let (pid, metrics) = (arguments.against_pid, arguments.against_metrics.as_deref());
        contenders.push(contender("--against", url, &plan, arguments, pid, metrics)?);
    }
    let load = load(arguments);
    let rounds = if contenders.len() > 1 { (arguments.seconds, 1) } else { (1, arguments.seconds) };
    for round in 0..rounds.0 {
        // The first transformer is measured first in even rounds, and last in odd rounds, so that neither always
        // follows the other.
        let others = if round % 2 == 0 { 0 } else { contenders.len() - 1 };
        for turn in 0..contenders.len() {
            if let Some(contender) = contenders.get_mut(turn.abs_diff(others)) {
                contender.round(load, Duration::from_secs(rounds.1));
            }
        }
    }
    let measured: Vec<Measured> = contenders.into_iter().map(|contender| contender.measured).collect();
    let sent = Sent { requests: plan.description, connections: described(arguments), rounds };
    let text = match arguments.format {
        Format::Text => report::text(&sent, &measured),
        Format::Json => report::json(&sent, &measured),
    };
    let all_good = measured.iter().all(|target| target.tally.errors() == 0 && target.tally.rejected.is_empty());
    Ok((text, if all_good { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FOUND) }))
}

fn plan(arguments: &Arguments) -> Result<Plan, Vec<String>> {
    let size = usize::from(arguments.batch);
    if arguments.files.is_empty() {
        return Ok(requests::generated(arguments.generate, arguments.reading.family(), arguments.form, size));
    }
    requests::recorded(&arguments.files, &arguments.reading, arguments.form, size)
}

fn load(arguments: &Arguments) -> Load {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Load {
        connections: usize::from(arguments.connections),
        threads: arguments.threads.map_or((cores / 2).max(1), usize::from),
        rate: arguments.rate.map(f64::from),
        timeout: Duration::from_secs(arguments.timeout),
    }
}

fn described(arguments: &Arguments) -> String {
    let kept = if arguments.keep_alive { ", kept alive" } else { " at a time, one request per connection" };
    let rate = arguments.rate.map_or_else(String::new, |rate| format!(", {rate} requests/s"));
    format!("{}{kept}{rate}", count(arguments.connections.into(), "connection"))
}

/// Resolves a transformer's address and sends it one request. Fails if there is no response or the server is not a
/// transformer.
fn contender(
    name: &str,
    url: &str,
    plan: &Plan,
    arguments: &Arguments,
    pid: Option<u32>,
    metrics: Option<&str>,
) -> Result<Contender, Vec<String>> {
    let certificates = arguments.trust.certificates(url).map_err(|problem| vec![problem])?;
    let target = Target::resolve(url, certificates).map_err(|problem| vec![format!("{name} {problem}")])?;
    let shown = target.url.clone();
    let requests = plan.requests.iter().map(|request| Prepared::new(request, &target, arguments.keep_alive));
    let requests = requests.collect::<Result<Vec<_>, _>>().map_err(|problem| vec![problem])?;
    if let Some(request) = requests.first() {
        let timeout = Duration::from_secs(arguments.timeout);
        let response = load::once(&target, request, timeout).map_err(|failure| vec![format!("{shown}: {failure}")])?;
        if response.status != request.status && !response.is_retryable {
            let path = plan.requests.first().map(|request| request.path.as_str()).unwrap_or_default();
            return Err(vec![format!(
                "{shown}{path} responds with status {} instead of {}: check the URL, and whether the transformer serves this destination type",
                response.status, request.status
            )]);
        }
    }
    let meter = match Meter::find(&target, pid, metrics, &arguments.trust) {
        Ok(meter) => Some(meter),
        // If --pid or --metrics is set, the process or URL must be readable. If neither is set and no process is found,
        // a note is enough.
        Err(problem) if pid.is_some() || metrics.is_some() => return Err(vec![problem]),
        Err(problem) => {
            stdio::note(format_args!("note: {problem}"));
            None
        }
    };
    let cpu = meter.is_some().then(Vec::new);
    let measured = Measured { url: shown, tally: Tally::default(), rates: Vec::new(), cpu, usage: None };
    Ok(Contender { target, requests, meter, measured })
}

impl Contender {
    fn round(&mut self, load: Load, time: Duration) {
        let read = |meter: &Option<Meter>| meter.as_ref().and_then(|meter| meter.read().ok());
        let before = read(&self.meter);
        let tally = load::run(&self.target, &self.requests, load, time);
        let after = read(&self.meter);
        self.measured.rates.push(tally.rate());
        self.measured.tally.add(&tally);
        self.measured.usage = after;
        match (before, after, &mut self.measured.cpu) {
            (Some(before), Some(after), Some(rounds)) => {
                rounds.push((after.cpu_seconds - before.cpu_seconds).max(0.0));
            }
            // Without the CPU time of one round, the sum over all rounds would be wrong.
            _ => self.measured.cpu = None,
        }
    }
}
