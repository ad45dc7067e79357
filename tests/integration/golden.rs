//! Golden files through the real server: our own cases, and what the reference answered.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use serde::Deserialize;
use serde_json::Value;

use crate::server::Server;

/// A case in the reference's shape. Beside `body`, which is a JSON value, `rawBody` is the exact text and `rawBodyHex`
/// its bytes, for what a JSON value cannot hold.
#[derive(Debug, Deserialize)]
pub struct Case {
    pub description: String,
    #[serde(default)]
    pub rules: Vec<String>,
    input: Input,
    output: Output,
}

#[derive(Debug, Deserialize)]
struct Input {
    request: Request,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: Option<String>,
    path: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    raw_body: Option<String>,
    raw_body_hex: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Output {
    response: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    status: u16,
    body: Option<Value>,
    raw_body: Option<String>,
}

/// A line of the recorded cases.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    name: String,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    raw_body: String,
    response: RecordedResponse,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordedResponse {
    status: u16,
    api_version: Option<String>,
    body: Value,
}

impl Case {
    /// Path, headers and text of the body, where it has a text; `path` is used where the case names none.
    pub fn request(&self, path: &str) -> Option<(String, &BTreeMap<String, String>, String)> {
        let request = &self.input.request;
        let body = match (&request.body, &request.raw_body) {
            (Some(body), None) => body.to_string(),
            (None, Some(raw)) => raw.clone(),
            _ => return None,
        };
        Some((request.path.clone().unwrap_or_else(|| path.to_owned()), &request.headers, body))
    }
}

/// Path, headers and body of every recorded case.
pub fn recorded_requests() -> impl Iterator<Item = (String, BTreeMap<String, String>, String)> {
    let file = root().join("test-fixtures/recorded/recorded.ndjson.gz");
    recorded(&file).map(|case| (case.path, case.headers, case.raw_body))
}

fn recorded(file: &Path) -> impl Iterator<Item = Recorded> + use<> {
    let lines = BufReader::new(flate2::read::GzDecoder::new(File::open(file).expect("the recorded cases"))).lines();
    lines.map(|line| serde_json::from_str(&line.expect("a line")).expect("a recorded case"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every case in `test-fixtures`, with its file.
pub fn fixtures() -> Vec<(PathBuf, Case)> {
    let mut cases = Vec::new();
    for folder in ["processor", "batch", "explain", "service"] {
        let folder = root().join("test-fixtures").join(folder);
        for entry in fs::read_dir(&folder).expect("the fixtures") {
            let path = entry.expect("a fixture").path();
            let text = fs::read_to_string(&path).expect("a readable fixture");
            let case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            cases.push((path, case));
        }
    }
    cases.sort_by(|(a, _), (b, _)| a.cmp(b));
    cases
}

/// Numbers compare as doubles, whatever their literal.
pub fn as_doubles(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64()),
        Value::Array(values) => values.iter().map(as_doubles).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), as_doubles(value))).collect(),
        other => other.clone(),
    }
}

fn compress(coding: &str, body: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body).and_then(|()| encoder.finish()).expect("compressed")
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body).and_then(|()| encoder.finish()).expect("compressed")
        }
        "br" => {
            let mut compressed = Vec::new();
            brotli::BrotliCompress(&mut &*body, &mut compressed, &Default::default()).expect("compressed");
            compressed
        }
        _ => body.to_vec(),
    }
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

/// What is wrong with the server's answer to a case; `path` is used where the case names none.
fn failure(server: &Server, case: &Case, path: &str) -> Option<String> {
    let request = &case.input.request;
    let path = request.path.as_deref().unwrap_or(path);
    let body = match (&request.body, &request.raw_body, &request.raw_body_hex) {
        (Some(body), None, None) => body.to_string().into_bytes(),
        (None, Some(raw), None) => raw.clone().into_bytes(),
        (None, None, Some(hex)) => from_hex(hex),
        _ => Vec::new(),
    };
    let body = compress(request.headers.get("Content-Encoding").map_or("", String::as_str), &body);
    let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let method = request.method.as_deref().unwrap_or("POST");
    let answer = server.request(method, path, &headers, &body);
    let expected = &case.output.response;
    if answer.status != expected.status {
        return Some(format!("status {} instead of {}: {}", answer.status, expected.status, answer.text()));
    }
    if let Some(text) = &expected.raw_body {
        let text = text.replace("$VERSION", env!("CARGO_PKG_VERSION"));
        return (answer.text() != text).then(|| format!("expected {text}\n     got {}", answer.text()));
    }
    // An explanation is no transformation.
    let transforms = method == "POST" && path != "/explain";
    if transforms && (answer.header("apiVersion") == Some("2")) != (expected.status == 200) {
        return Some(format!("apiVersion {:?} with status {}", answer.header("apiVersion"), answer.status));
    }
    if answer.header("content-type") != Some("application/json; charset=utf-8") {
        return Some(format!("content type {:?}", answer.header("content-type")));
    }
    let expected = expected.body.clone().unwrap_or_default().to_string();
    let expected: Value = serde_json::from_str(&expected.replace("$VERSION", env!("CARGO_PKG_VERSION"))).expect("JSON");
    let got = answer.json();
    (as_doubles(&expected) != as_doubles(&got)).then(|| format!("expected {expected}\n     got {got}"))
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
            let why = failure(Server::shared(), case, "/v0/destinations/kafka")?;
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
    for case in recorded(file) {
        count += 1;
        let headers: Vec<(&str, &str)> = case.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let answer = server.request(&case.method, &case.path, &headers, case.raw_body.as_bytes());
        let same = answer.status == case.response.status
            && answer.header("apiVersion") == case.response.api_version.as_deref()
            && as_doubles(&answer.json()) == as_doubles(&case.response.body);
        if !same {
            failures.push(format!("{}: expected {}\n     got {}", case.name, case.response.body, answer.text()));
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
fn beside() -> Option<PathBuf> {
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
        let text = fs::read_to_string(folder.join("upstream").join(file)).expect("the reference's cases");
        let cases: Vec<Case> = serde_json::from_str(&text).expect("the reference's shape");
        for case in &cases {
            count += 1;
            if let Some(why) = failure(Server::shared(), case, path) {
                failures.push(format!("{file} ({}): {why}", case.description));
            }
        }
    }
    assert_eq!(count, 19);
    report(&failures, count);
}
