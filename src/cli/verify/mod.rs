//! `verify`: runs golden cases against the built-in transformer or the transformer at a URL, or records its responses
//! in golden files.

mod counts;
mod engine;
mod json;
mod progress;
mod recording;
mod report;
mod transformer;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use self::engine::Engine;
use self::report::{Detail, Report};
use self::transformer::Transformer;
use super::exit_codes::{EXIT_FOUND, EXIT_USAGE};
use super::format::Format;
use super::stdio;
use super::trust::Trust;
use crate::server::settings::Settings;
use crate::server::version::VERSION;
use golden::junit;
use golden::run::{Filter, Step, each};
use golden::sources::{self, Source};
use golden::verdict::{Verdict, judge};
use transform::request::Limits;

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Files or folders with cases, - for JSON lines on stdin, or a checkout of rudder-transformer
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Send the cases to the transformer at this URL (http or https) instead of this binary
    #[arg(long, value_name = "URL")]
    against: Option<String>,

    /// Write the responses of the transformer at this URL to a golden file instead of comparing
    #[arg(long, value_name = "URL", requires = "output", conflicts_with_all = ["against", "junit"])]
    record: Option<String>,

    /// Golden file to write with --record: one JSON object per line, compressed if the name ends with .gz
    #[arg(long, value_name = "FILE", requires = "record")]
    output: Option<PathBuf>,

    /// Run only cases with this text in their name or description (case-insensitive)
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Timeout of a request, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    #[command(flatten)]
    trust: Trust,

    /// Format of the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Also write a JUnit XML report, for CI
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Show only failures and the summary
    #[arg(long, short)]
    quiet: bool,

    /// Show every case
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
}

/// Examples for `--help`.
const EXAMPLES: &str = "\
Examples:
  Verify this binary:
    rudder-kafka-transformer verify test-fixtures
  Run the test cases of a rudder-transformer checkout against this binary:
    rudder-kafka-transformer verify ~/src/rudder-transformer
  Verify a running transformer:
    rudder-kafka-transformer verify test-fixtures/recorded --against http://localhost:9090
  Record the responses of a running transformer, and compare this binary's responses with them:
    rudder-kafka-transformer verify --record http://localhost:9090 test-fixtures --output golden.ndjson.gz
    rudder-kafka-transformer verify golden.ndjson.gz --junit verify.xml";

/// Verifies golden cases, or records the responses to them.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match work(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(problems) => {
            for problem in problems {
                stdio::error(problem);
            }
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn work(arguments: &Arguments) -> Result<u8, Vec<String>> {
    let one = |problem: String| vec![problem];
    let (mut sources, mut other_destinations, mut problems) = (Vec::<Source>::new(), 0, Vec::new());
    for path in &arguments.paths {
        match sources::of_path(path) {
            Ok(found) => {
                sources.extend(found.sources);
                other_destinations += found.other_destinations;
            }
            Err(unreadable) => problems.push(unreadable.to_string()),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let filter = Filter::by(arguments.filter.as_deref());
    let timeout = Duration::from_secs(arguments.timeout);
    let at = |flag: &str, url: &str| {
        let tls = arguments.trust.tls(url).map_err(one)?;
        Transformer::at(url, timeout, Some(tls)).map_err(|what| one(format!("{flag} {what}")))
    };
    if let (Some(url), Some(output)) = (&arguments.record, &arguments.output) {
        let transformer = at("--record", url)?;
        return recording::run(&sources, &filter, transformer, output, arguments.format).map_err(one);
    }
    let junit = arguments
        .junit
        .as_ref()
        .map(|path| File::create(path).map_err(|error| one(format!("--junit {}: {error}", path.display()))));
    let junit = junit.transpose()?;
    // The engine is declared first, so that it is dropped last, after all requests.
    let engine;
    let (transformer, target) = match &arguments.against {
        Some(url) => (at("--against", url)?, url.trim().trim_end_matches('/').to_owned()),
        None => {
            engine = Engine::start()
                .map_err(|problem| one(format!("the built-in transformer cannot be started: {problem}")))?;
            let transformer = Transformer::at(&engine.url(), timeout, None).map_err(|what| one(what.to_owned()))?;
            (transformer, format!("built-in transformer {VERSION}"))
        }
    };
    let limits = Settings::defaults().map_err(|error| one(error.to_string()))?.limits();
    let mut report = Report::new(arguments.format, arguments.detail(), target, junit.is_some());
    report.skip_destinations(other_destinations, arguments.filter.is_some());
    let stopped = verify(&sources, &filter, transformer, arguments.against.is_none(), limits, &mut report);
    let code = finish(&mut report, arguments, stopped)?;
    if let Some(file) = junit {
        let mut file = BufWriter::new(file);
        let written = junit::write(report.suites(), &mut file).and_then(|()| file.flush());
        written.map_err(|error| one(format!("cannot write the --junit file: {error}")))?;
    }
    Ok(code)
}

impl Arguments {
    fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Usual,
        }
    }
}

/// Why a run stopped early.
enum Stopped {
    /// The transformer stopped responding.
    Silent(String),
    /// The report cannot be written.
    Unwritten(io::Error),
}

fn verify(
    sources: &[Source],
    filter: &Filter,
    mut transformer: Transformer,
    is_own: bool,
    limits: Limits,
    report: &mut Report,
) -> Option<Stopped> {
    let outcome = each(sources, filter, |step| {
        let written = match step {
            Step::File(source) => report.begin(source),
            Step::Skipped(path) => report.skip(path),
            Step::Unreadable(unreadable) => report.unreadable(&unreadable),
            Step::Case(found) => {
                let began = Instant::now();
                let verdict = match transformer.ask(&found.case.request) {
                    Ok(answer) => judge(&found.case, &answer, is_own, limits),
                    Err(unanswered) if unanswered.gives_up => {
                        return ControlFlow::Break(Stopped::Silent(unanswered.why));
                    }
                    Err(unanswered) => Verdict::unanswered(&found.case, &unanswered.why),
                };
                report.case(&found, &verdict, began.elapsed())
            }
        };
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Stopped::Unwritten(error)),
        }
    });
    outcome.break_value()
}

/// Writes the summary and returns the exit code.
fn finish(report: &mut Report, arguments: &Arguments, stopped: Option<Stopped>) -> Result<u8, Vec<String>> {
    let counts = report.counts();
    let written = match stopped {
        Some(Stopped::Unwritten(error)) => Err(error),
        Some(Stopped::Silent(why)) => {
            let silent = format!("{}: {why}", report.target());
            if counts.cases == 0 {
                return Err(vec![silent]);
            }
            report.end(Some(&silent)).map(|()| EXIT_FOUND)
        }
        None if counts.cases == 0 && counts.unreadable == 0 => {
            return Err(vec![match &arguments.filter {
                Some(_) => "no case has the --filter text in its name or description".to_owned(),
                None => "the files contain no cases".to_owned(),
            }]);
        }
        None => report.end(None).map(|()| 0),
    };
    let code = match written {
        Ok(code) => code,
        // A reader that closes the pipe does not want more output.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => return Err(vec![format!("cannot write to stdout: {error}")]),
    };
    Ok(match (counts.cases, counts.failed + counts.unreadable) {
        (_, 0) => code,
        (0, _) => EXIT_USAGE,
        _ => EXIT_FOUND,
    })
}
