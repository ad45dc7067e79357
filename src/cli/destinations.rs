//! `destinations`: shows the `/destinations` report of a running service in a terminal: where events go, and why some
//! events are rejected.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, value_parser};

use super::check::load::problem;
use super::exit_codes::EXIT_USAGE;
use super::explain::event::printable;
use super::format::count;
use super::stdio;
use super::trust::Trust;
use crate::server::activity::report::{DestinationReport, KeysReport, Report};

/// Arguments of `destinations`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// URL of the service, such as http://localhost:9091; the path /destinations is optional
    url: String,

    /// Refresh every two seconds until interrupted
    #[arg(long)]
    watch: bool,

    /// File with the operator token; required if the service runs with OPERATOR_TOKEN_FILE
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    #[command(flatten)]
    trust: Trust,

    /// Number of partitions of each topic, to compute the partition of each key and the skew
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = value_parser!(u32).range(1..=0x7fff_ffff))]
    partitions: u32,

    /// Show only destinations whose ID, type, topics or rejection reasons contain this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Print the JSON response of the service
    #[arg(long, conflicts_with_all = ["watch", "filter"])]
    json: bool,
}

/// The timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The time between two requests.
const PAUSE: Duration = Duration::from_secs(2);
/// The maximum size of a response, in bytes: 300 destinations with 32 topics each take 2 MiB.
const MAX_BYTES: u64 = 16 << 20;
/// The maximum size of a token file, in bytes.
const MAX_TOKEN_BYTES: usize = 4096;
/// Moves the cursor to the top of the screen, and clears the screen below it.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";
/// The maximum number of topics and keys that are listed for a destination.
const LISTED: usize = 5;

/// Shows the destinations once, or repeatedly with `--watch`.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let source = match Source::new(arguments) {
        Ok(source) => source,
        Err(problem) => {
            stdio::error(problem);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    loop {
        let text = source.fetch().and_then(|text| if arguments.json { Ok(text) } else { shown(&text, arguments) });
        let text = match text {
            Ok(text) => text,
            Err(problem) if arguments.watch => format!("{}: {problem}\n", source.url),
            Err(problem) => {
                stdio::error(format_args!("{}: {problem}", source.url));
                return ExitCode::FAILURE;
            }
        };
        if !arguments.watch {
            return stdio::print(&text);
        }
        let printed = stdio::print(&format!("{CLEAR}{text}"));
        if printed != ExitCode::SUCCESS {
            return printed;
        }
        std::thread::sleep(PAUSE);
    }
}

/// The service to request reports from.
struct Source {
    agent: ureq::Agent,
    url: String,
    authorization: Option<String>,
}

impl Source {
    fn new(arguments: &Arguments) -> Result<Self, String> {
        let base = arguments.url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        if !["http://", "https://"].iter().any(|scheme| base.starts_with(scheme)) || base.contains('@') {
            return Err("the URL must be http:// or https:// with a host and optionally a port and a path; pass a token with --token-file".to_owned());
        }
        let base = base.strip_suffix("/destinations").unwrap_or(base);
        let token = arguments.token_file.as_ref().map(|file| {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            let token = text.trim();
            let is_token = token.len() <= MAX_TOKEN_BYTES && token.bytes().all(|byte| byte.is_ascii_graphic());
            if is_token && !token.is_empty() {
                Ok(format!("Bearer {token}"))
            } else {
                Err(format!("{}: the file does not contain a valid token", file.display()))
            }
        });
        Ok(Self {
            agent: ureq::Agent::config_builder()
                .timeout_global(Some(TIMEOUT))
                // Never send the token to another host.
                .max_redirects(0)
                .http_status_as_error(false)
                .tls_config(arguments.trust.tls(base)?)
                .build()
                .into(),
            url: format!("{base}/destinations?partitions={}", arguments.partitions),
            authorization: token.transpose()?,
        })
    }

    fn fetch(&self) -> Result<String, String> {
        let mut request = self.agent.get(&self.url);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut response = request.call().map_err(|error| problem(&error))?;
        match response.status().as_u16() {
            200 => {}
            401 => return Err("operator token required: use --token-file".to_owned()),
            404 => return Err("404: this port does not serve /destinations; use the metrics port".to_owned()),
            status => return Err(format!("the service responds with {status}")),
        }
        response.body_mut().with_config().limit(MAX_BYTES).read_to_string().map_err(|error| problem(&error))
    }
}

/// Formats the report as text.
fn shown(text: &str, arguments: &Arguments) -> Result<String, String> {
    let report: Report = serde_json::from_str(text)
        .map_err(|_| "the response is not a report of /destinations: check the URL".to_owned())?;
    let filter = arguments.filter.as_deref().map(str::to_lowercase);
    let is_found =
        |destination: &&DestinationReport| filter.as_ref().is_none_or(|text| searched(destination).contains(text));
    let found: Vec<&DestinationReport> = report.destinations.iter().filter(is_found).collect();
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{}; service uptime {}; \"recent\" means the last {}",
        count(found.len(), "destination"),
        duration(report.uptime_seconds),
        duration(report.recent_seconds)
    );
    let _ = writeln!(
        out,
        "{:<32} {:<16} {:>10} {:>10} {:>12} {:>9} {:>6}  latest",
        "destination", "type", "events/s", "recent", "total", "rejected", "empty"
    );
    let now = report.started_at + report.uptime_seconds;
    for destination in found {
        write_destination(&mut out, destination, now);
    }
    if report.others.events.total > 0 {
        let _ = writeln!(
            out,
            "{:<32} {:<16} {:>10} {:>10} {:>12} {:>9}",
            format!("(beyond the first {})", report.limits.destinations),
            "",
            "",
            report.others.events.recent,
            report.others.events.total,
            report.others.rejected.recent
        );
    }
    Ok(out)
}

/// Returns the text that `--filter` searches: a destination's IDs, type, topics and rejection reasons.
fn searched(destination: &DestinationReport) -> String {
    let ids = [&destination.destination_id, &destination.workspace_id].into_iter().flatten().map(String::as_str);
    let topics = destination.topics.iter().map(|topic| topic.topic.as_str());
    let reasons = destination.rejections.iter().map(|rejection| rejection.reason.as_str());
    let all = ids.chain([destination.dest_type.as_str()]).chain(topics).chain(reasons);
    all.collect::<Vec<_>>().join(" ").to_lowercase()
}

fn write_destination(out: &mut String, destination: &DestinationReport, now: u64) {
    let ago = |time: u64| duration(now.saturating_sub(time));
    let _ = writeln!(
        out,
        "{:<32} {:<16} {:>10.1} {:>10} {:>12} {:>9} {:>5.1}%  {} ago",
        printable(destination.destination_id.as_deref().unwrap_or("(without an ID)")),
        destination.dest_type,
        destination.events_per_second,
        destination.events.recent,
        destination.events.total,
        destination.rejected.recent,
        destination.empty_keys.recent_share * 100.0,
        ago(destination.latest_event_at)
    );
    for rejection in &destination.rejections {
        let field = if rejection.field.is_empty() { String::new() } else { format!(" ({})", rejection.field) };
        let (recent, total) = (rejection.events.recent, rejection.events.total);
        let _ = writeln!(
            out,
            "    rejected {}{field}: {recent} recent, {total} in total, latest {} ago",
            rejection.reason,
            ago(rejection.latest_at)
        );
    }
    let topics = destination.topics.iter().filter(|topic| topic.events.recent > 0).take(LISTED);
    let topics: Vec<String> =
        topics.map(|topic| format!("{} {}", printable(&topic.topic), topic.events.recent)).collect();
    if !topics.is_empty() {
        let _ = writeln!(out, "    topics   {}", topics.join(", "));
    }
    write_keys(out, &destination.keys);
}

fn write_keys(out: &mut String, keys: &KeysReport) {
    // A key with one event is not hot.
    let hot = keys.hottest.iter().filter(|key| key.events > 1).take(LISTED);
    let hot: Vec<String> = hot
        .map(|key| {
            let name = if key.key.is_empty() { "(empty)".to_owned() } else { printable(&key.key) };
            format!("{name} {:.1}% → {}", key.share * 100.0, key.partition)
        })
        .collect();
    if !hot.is_empty() {
        let exact = if keys.short_by > 0 {
            format!(" (counts may be too low by up to {})", keys.short_by)
        } else {
            String::new()
        };
        let _ = writeln!(out, "    hot keys {}{exact}", hot.join(", "));
    }
    if let Some(skew) = keys.skew.as_ref().filter(|skew| skew.factor >= 1.5 && keys.events >= 100) {
        let _ = writeln!(
            out,
            "    skew     partition {} gets {:.1}% of the events, {:.1} times an even share",
            skew.partition,
            skew.share * 100.0,
            skew.factor
        );
    }
}

/// Formats a time span as a whole number of seconds, minutes, hours or days.
fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
