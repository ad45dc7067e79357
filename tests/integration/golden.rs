//! Golden cases against a real server: cases of this repository, and recorded responses of rudder-transformer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use golden::case::{ApiVersion, Case, ExpectedBody, Request};
use golden::read;
use golden::response::Response as Comparable;
use golden::sources::Source;
use golden::verdict::judge;
use serde_json::Value;
use transform::endpoint::Endpoint;
use transform::request::Limits;

use crate::oracle::same;
use crate::server::{Response, Server};

/// Returns every recorded case, including the cases in the folder next to the repository if that folder exists.
pub fn recorded() -> impl Iterator<Item = Case> {
    let own = root().join("test-fixtures/recorded/recorded.ndjson.gz");
    let all = shared_golden().map(|folder| folder.join("recorded.ndjson.gz"));
    all.into_iter().chain([own]).flat_map(|file| cases(&file))
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the cases of a file. Panics if a case cannot be read.
pub fn cases(path: &Path) -> impl Iterator<Item = Case> + use<> {
    let source = Source { path: path.to_owned(), found: false };
    let cases = read::cases(&source).unwrap_or_else(|unreadable| panic!("{unreadable}")).expect("a file with cases");
    cases.map(|found| found.unwrap_or_else(|unreadable| panic!("{unreadable}")).case)
}

/// Returns every case in `test-fixtures`, with its file.
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

/// Returns the difference between the server's response and the expected response of a case, if any.
fn failure(server: &Server, case: &Case) -> Option<String> {
    let response = ask(server, &case.request);
    let expected = &case.expected;
    if response.status != expected.status {
        return Some(format!("status {} instead of {}: {}", response.status, expected.status, response.text()));
    }
    let body = match &expected.body {
        ExpectedBody::Text(text) => {
            return (response.text() != text).then(|| format!("expected {text}\n     got {}", response.text()));
        }
        ExpectedBody::Json(body) => body,
        ExpectedBody::Any => return Some("the case has no expected body".to_owned()),
    };
    // docs/contract.md#api-version
    let transforms = case.request.method == "POST" && Endpoint::at(&case.request.path).is_some();
    if (response.header("apiVersion") == Some("2")) != (transforms && expected.status == 200) {
        return Some(format!("apiVersion {:?} with status {}", response.header("apiVersion"), response.status));
    }
    if response.header("content-type") != Some("application/json; charset=utf-8") {
        return Some(format!("content type {:?}", response.header("content-type")));
    }
    let expected: Value = serde_json::from_str(body).expect("JSON");
    let got = response.json();
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
fn golden_cases_of_this_repository_get_their_expected_responses() {
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

/// Writes a line directly to stderr, because the test runner hides the output of passing tests.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

/// Parses JSON text. One recorded case contains a lone surrogate, which serde_json rejects, so an otherwise unused
/// character replaces it.
fn value(text: &str) -> Value {
    let text = text.replace("\\ud800", "\\uf8ff");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:.300}"))
}

/// Returns whether the server's response to a recorded case equals the recorded response of rudder-transformer. This
/// function does not use the comparison of `verify`.
fn is_same(case: &Case, response: &Response) -> bool {
    let ApiVersion::Recorded(api_version) = &case.expected.api_version else { panic!("{}: no header", case.name) };
    let is_same_body = match &case.expected.body {
        ExpectedBody::Json(body) => same(&value(response.text()), &value(body)),
        ExpectedBody::Text(_) | ExpectedBody::Any => false,
    };
    response.status == case.expected.status && response.header("apiVersion") == api_version.as_deref() && is_same_body
}

/// Checks the cases of a file. Cases with `known-difference` in their name may have intended differences. All other
/// cases must not differ.
fn run_with_intended(file: &Path, at_least: [usize; 2]) {
    let limits = Limits { events: 10_000, response_bytes: 1 << 30 };
    let (mut failures, mut count, mut intended) = (Vec::new(), 0, BTreeMap::new());
    for case in cases(file) {
        count += 1;
        let response = ask(Server::shared(), &case.request);
        if !case.name.contains("known-difference") {
            if !is_same(&case, &response) {
                failures.push(format!("{}: got {}", case.name, response.text()));
            }
            continue;
        }
        let comparable = Comparable {
            status: response.status,
            api_version: response.header("apiVersion").map(str::to_owned),
            content_type: response.header("content-type").map(str::to_owned),
            body: response.body.into(),
        };
        let verdict = judge(&case, &comparable, true, limits);
        if !verdict.is_good() {
            failures.push(format!("{}: {verdict:?}", case.name));
        }
        let rows: BTreeSet<&str> = verdict.allowed.iter().map(|allowed| allowed.why.code()).collect();
        rows.into_iter().for_each(|row| *intended.entry(row).or_insert(0) += 1);
    }
    report(&failures, count);
    let total: usize = intended.values().sum();
    assert!(count >= at_least[0] && total >= at_least[1], "{}: {count} cases, {intended:?}", file.display());
    say(&format!("{count} recorded responses, 0 differ; intended differences: {intended:?}"));
}

#[test]
fn responses_to_recorded_rudder_server_requests_differ_only_as_intended() {
    run_with_intended(&root().join("test-fixtures/recorded/rudder-server.ndjson.gz"), [84, 9]);
}

#[test]
fn responses_to_generated_requests_differ_only_as_intended() {
    run_with_intended(&root().join("test-fixtures/recorded/generated.ndjson.gz"), [500, 230]);
}

#[test]
fn responses_to_all_shared_golden_requests_differ_only_as_intended() {
    if let Some(folder) = shared_golden() {
        run_with_intended(&folder.join("rudder-server.ndjson.gz"), [84, 9]);
        run_with_intended(&folder.join("fresh.ndjson.gz"), [3288, 230]);
    }
}

fn run_recorded(file: &Path, at_least: usize) {
    let server = Server::shared();
    let mut failures = Vec::new();
    let mut count = 0;
    for case in cases(file) {
        count += 1;
        let response = ask(server, &case.request);
        if !is_same(&case, &response) {
            failures.push(format!("{}: expected {:?}\n     got {}", case.name, case.expected.body, response.text()));
        }
    }
    assert!(count >= at_least, "only {count} cases in {}", file.display());
    report(&failures, count);
    say(&format!("{count} recorded responses, 0 differ"));
}

#[test]
fn responses_equal_the_recorded_responses_of_rudder_transformer() {
    run_recorded(&root().join("test-fixtures/recorded/recorded.ndjson.gz"), 500);
}

/// Returns the folder next to the repository with a larger set of cases, which only maintainers have. Elsewhere, tests
/// that use it report that they are skipped.
pub fn shared_golden() -> Option<PathBuf> {
    let folder = root().join("../shared/golden");
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var("REQUIRE_SHARED_GOLDEN").as_deref() == Ok("1");
    assert!(!required, "REQUIRE_SHARED_GOLDEN=1, but {} does not exist", folder.display());
    say(&format!("skipped: {} does not exist", folder.display()));
    None
}

#[test]
fn responses_equal_all_shared_golden_responses_of_rudder_transformer() {
    if let Some(folder) = shared_golden() {
        run_recorded(&folder.join("recorded.ndjson.gz"), 2965);
    }
}

#[test]
fn test_cases_of_rudder_transformer_get_their_expected_responses() {
    let Some(folder) = shared_golden() else { return };
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
