//! Prepares the requests to send: golden cases, recorded events or generated events.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use json::raw::{Kind, Raw};

use super::batches::Batches;
use super::bodies::{self, Shape};
use super::request::{BodyForm, Request};
use crate::cli::format;
use crate::cli::input::{Entry, Reading, requests};
use golden::sources::{self, Source};
use golden::{case, read};
use transform::family::Family;
use transform::request::PayloadFormat;

/// The maximum total size of bodies that are kept in memory, in bytes.
const MAX_BYTES: usize = 256 << 20;

/// The type of generated events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Generate {
    /// Web shop events, 2.3 KB each
    Tracks,
    /// Web shop events, for a destination with three templates in its Config
    Templates,
    /// Web shop events from reverse ETL, whose timestamp the transformer sets
    ReverseEtl,
}

/// The requests of a run.
#[derive(Debug)]
pub(super) struct Plan {
    /// The requests, at least one.
    pub(super) requests: Vec<Request>,
    /// The description of the requests in the report.
    pub(super) description: String,
    /// Notes on skipped cases and events.
    pub(super) notes: Vec<String>,
}

/// Generates one request with `size` events.
pub(super) fn generated(what: Generate, family: &'static Family, form: BodyForm, size: usize) -> Plan {
    let shape = match what {
        Generate::Tracks => Shape::Compacted,
        Generate::Templates => Shape::Templates,
        Generate::ReverseEtl => Shape::ReverseEtl,
    };
    let mut batches = Batches::new(family, form, size);
    batches.add(&bodies::body(shape, size), PayloadFormat::Compacted);
    plan(batches.finish(), "generated", Vec::new())
}

/// Reads requests from files.
///
/// # Errors
/// Returns one message per problem.
pub(super) fn recorded(files: &[PathBuf], reading: &Reading, form: BodyForm, size: usize) -> Result<Plan, Vec<String>> {
    let (mut cases, mut notes, mut others) = (Cases::default(), Vec::new(), Vec::new());
    for path in files {
        match golden(path)? {
            Some(sources) => cases.read(&sources, &mut notes),
            None => others.push(path.clone()),
        }
    }
    let mut found = cases.requests;
    if !others.is_empty() {
        let mut opened = reading.open(&others, NonZeroUsize::MIN).map_err(|error| vec![error.to_string()])?;
        let mut batches = Batches::new(opened.family, form, size);
        let default_destination = std::sync::Arc::clone(&opened.default_destination);
        let mut problems = Vec::new();
        for batch in opened.batches() {
            let batch = batch.map_err(|error| vec![error.to_string()])?;
            let _ = requests(&batch, &default_destination, |entry| match entry {
                Entry::Request(request) => batches.add(&request.body, request.form),
                Entry::BadLine(place, reason) | Entry::Broken(place, reason) => {
                    problems.push(format!("{}:{place}: {reason}", batch.source));
                }
                Entry::ArrayBegins | Entry::ArrayEnds => {}
            });
            if !problems.is_empty() {
                return Err(problems);
            }
            if batches.bytes() > MAX_BYTES {
                notes.push(format!("the events after the first {} MiB are not sent", MAX_BYTES >> 20));
                break;
            }
        }
        found.extend(batches.finish());
    }
    if found.is_empty() {
        return Err(vec!["there are no events or cases in the files".to_owned()]);
    }
    Ok(plan(found, "recorded", notes))
}

fn plan(requests: Vec<Request>, origin: &str, notes: Vec<String>) -> Plan {
    let events: usize = requests.iter().map(|request| request.events).sum();
    let bytes: usize = requests.iter().map(|request| request.body.len()).sum();
    let all = requests.len().max(1);
    let description = format!(
        "{}, {:.0} events and {:.1} KB per request",
        format::count(all, &format!("{origin} request")),
        events as f64 / all as f64,
        bytes as f64 / all as f64 / 1e3
    );
    Plan { requests, description, notes }
}

/// Returns the sources of golden cases at a path, or `None` if the path is a file of events.
fn golden(path: &Path) -> Result<Option<Vec<Source>>, Vec<String>> {
    if path == Path::new("-") {
        return Ok(None);
    }
    let found = sources::of_path(path).map_err(|unreadable| vec![unreadable.to_string()])?;
    let is_folder = path.is_dir();
    let sources = found.sources.into_iter().map(|source| Source { found: true, ..source });
    // A file without cases may contain events. If it has no events either, the event reader reports the problem.
    let with_cases: Vec<Source> = sources.filter(has_cases).collect();
    Ok((is_folder || !with_cases.is_empty()).then_some(with_cases))
}

fn has_cases(source: &Source) -> bool {
    let Ok(Some(mut cases)) = read::cases(source) else { return false };
    cases.any(|case| case.is_ok())
}

/// The requests collected from golden cases.
#[derive(Default)]
struct Cases {
    requests: Vec<Request>,
    bytes: usize,
}

impl Cases {
    fn read(&mut self, sources: &[Source], notes: &mut Vec<String>) {
        let cases = sources.iter().filter_map(|source| read::cases(source).ok().flatten()).flatten();
        for case in cases {
            match case {
                Ok(found) => self.requests.push(self::request(found.case)),
                Err(unreadable) => {
                    notes.push(format!("skipped {unreadable}"));
                    continue;
                }
            }
            self.bytes += self.requests.last().map_or(0, |request| request.body.len());
            if self.bytes > MAX_BYTES {
                notes.push(format!("the cases after the first {} MiB are not sent", MAX_BYTES >> 20));
                break;
            }
        }
    }
}

fn request(case: case::Case) -> Request {
    let case::Case { request, expected, .. } = case;
    let events = std::str::from_utf8(&request.body).ok().and_then(|body| Raw::parse(body).ok()).map_or(0, count);
    let body = request.encoded().into();
    let mut headers = request.headers;
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    Request { method: request.method, path: request.path, headers, body, status: expected.status, events }
}

/// Counts the events in a body.
fn count(body: Raw<'_>) -> usize {
    let events = if body.kind() == Kind::Array { Some(body) } else { body.member("input") };
    let mut count = 0;
    if let Some(events) = events {
        events.for_each_element(|_| count += 1);
    }
    count
}
