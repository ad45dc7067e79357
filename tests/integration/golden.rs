//! Golden files through the real server: our own cases, and what the reference answered.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rudder_kafka_transformer::server::endpoint::Endpoint;
use rudder_kafka_transformer::verify::case::{ApiVersion, Case, ExpectedBody, Request};
use rudder_kafka_transformer::verify::read;
use rudder_kafka_transformer::verify::sources::Source;
use serde_json::Value;

use crate::server::{Response, Server};
use crate::twin::same;

/// Every recorded case, those beside the repository too where they are there.
pub fn recorded() -> impl Iterator<Item = Case> {
    let own = root().join("test-fixtures/recorded/recorded.ndjson.gz");
    let all = beside().map(|folder| folder.join("recorded.ndjson.gz"));
    all.into_iter().chain([own]).flat_map(|file| cases(&file))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The cases of a file, all of which can be read.
fn cases(path: &Path) -> impl Iterator<Item = Case> + use<> {
    let source = Source { path: path.to_owned(), found: false };
    let cases = read::cases(&source).unwrap_or_else(|unreadable| panic!("{unreadable}")).expect("a file with cases");
    cases.map(|found| found.unwrap_or_else(|unreadable| panic!("{unreadable}")).case)
}

/// Every case in `test-fixtures`, with its file.
pub fn fixtures() -> Vec<(PathBuf, Case)> {
    let mut found = Vec::new();
    for folder in ["processor", "batch", "explain", "service"] {
        let folder = root().join("test-fixtures").join(folder);
        for entry in fs::read_dir(&folder).expect("the fixtures") {
            let path = entry.expect("a fixture").path();
            found.extend(cases(&path).map(|case| (path.clone(), case)));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}

fn ask(server: &Server, request: &Request) -> Response {
    let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    server.request(&request.method, &request.path, &headers, &request.encoded())
}

/// What is wrong with the server's answer to a case.
fn failure(server: &Server, case: &Case) -> Option<String> {
    let answer = ask(server, &case.request);
    let expected = &case.expected;
    if answer.status != expected.status {
        return Some(format!("status {} instead of {}: {}", answer.status, expected.status, answer.text()));
    }
    let body = match &expected.body {
        ExpectedBody::Text(text) => {
            return (answer.text() != text).then(|| format!("expected {text}\n     got {}", answer.text()));
        }
        ExpectedBody::Json(body) => body,
        ExpectedBody::Any => return Some("the case expects no body, and so nothing".to_owned()),
    };
    let transforms = case.request.method == "POST" && Endpoint::at(&case.request.path).is_some();
    if (answer.header("apiVersion") == Some("2")) != (transforms && expected.status == 200) {
        return Some(format!("apiVersion {:?} with status {}", answer.header("apiVersion"), answer.status));
    }
    if answer.header("content-type") != Some("application/json; charset=utf-8") {
        return Some(format!("content type {:?}", answer.header("content-type")));
    }
    let expected: Value = serde_json::from_str(body).expect("JSON");
    let got = answer.json();
    (!same(&expected, &got)).then(|| format!("expected {expected}\n     got {got}"))
}

fn report(failures: &[String], of: usize) {
    assert!(
        failures.is_empty(),
        "{} of {of} cases differ:\n{}",
        failures.len(),
        failures[..failures.len().min(10)].join("\n")
    );
}

#[test]
fn our_cases_get_their_answers() {
    let cases = fixtures();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|(path, case)| {
            let why = failure(Server::shared(), case)?;
            Some(format!("{} ({}): {why}", path.display(), case.description))
        })
        .collect();
    report(&failures, cases.len());
}

/// Writes a line past the test runner, which swallows what a passing test prints.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

fn run_recorded(file: &Path, at_least: usize) {
    let server = Server::shared();
    let mut failures = Vec::new();
    let mut count = 0;
    for case in cases(file) {
        count += 1;
        let answer = ask(server, &case.request);
        let ExpectedBody::Json(body) = &case.expected.body else { panic!("{}: no JSON", case.name) };
        let expected: Value = serde_json::from_str(body).expect("JSON");
        let ApiVersion::Recorded(api_version) = &case.expected.api_version else { panic!("{}: no header", case.name) };
        let is_same = answer.status == case.expected.status
            && answer.header("apiVersion") == api_version.as_deref()
            && same(&answer.json(), &expected);
        if !is_same {
            failures.push(format!("{}: expected {expected}\n     got {}", case.name, answer.text()));
        }
    }
    assert!(count >= at_least, "only {count} cases in {}", file.display());
    report(&failures, count);
    say(&format!("{count} recorded answers, 0 differ"));
}

#[test]
fn recorded_answers_of_the_reference_are_ours() {
    run_recorded(&root().join("test-fixtures/recorded/recorded.ndjson.gz"), 500);
}

/// The larger set beside the repository, which is there for those who build this project; elsewhere the tests that read
/// it say that they do nothing.
pub fn beside() -> Option<PathBuf> {
    let folder = root().join("../shared/golden");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs {}", folder.display());
    say(&format!("skipped: there is no {}", folder.display()));
    None
}

#[test]
fn all_recorded_answers_are_ours() {
    if let Some(folder) = beside() {
        run_recorded(&folder.join("recorded.ndjson.gz"), 2965);
    }
}

#[test]
fn the_references_own_cases_pass() {
    let Some(folder) = beside() else { return };
    let mut failures = Vec::new();
    let mut count = 0;
    for (file, path) in [
        ("kafka.processor.json", "/v0/destinations/kafka"),
        ("azure_event_hub.processor.json", "/v0/destinations/azure_event_hub"),
        ("confluent_cloud.processor.json", "/v0/destinations/confluent_cloud"),
        ("kafka.batch.json", "/batch"),
    ] {
        for case in cases(&folder.join("upstream").join(file)) {
            count += 1;
            assert_eq!(case.request.path, path, "{file}");
            if let Some(why) = failure(Server::shared(), &case) {
                failures.push(format!("{file} ({}): {why}", case.description));
            }
        }
    }
    assert_eq!(count, 19);
    report(&failures, count);
}
