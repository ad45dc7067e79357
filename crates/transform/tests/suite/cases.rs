//! Runs the test cases in `test-fixtures` without a server.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use transform::family::Family;
use transform::request::{BodyError, Limits, PayloadFormat, RouterResponse, dest_type};
use transform::{batch, processor, router_transform};

use crate::explain_consistency::assert_consistent;
use crate::oracle::same;

const LIMITS: Limits = Limits { events: 100_000, response_bytes: 1 << 30 };

/// A request and the expected response.
struct Case {
    name: String,
    path: String,
    form: PayloadFormat,
    body: String,
    status: u64,
    expected: Expected,
}

enum Expected {
    Text(String),
    Json(Value),
}

impl Case {
    fn new(name: &str, request: &Value, response: &Value) -> Self {
        let compacted = request["headers"].as_object().into_iter().flatten().any(|(name, value)| {
            let value = value.as_str().unwrap_or_default();
            name.eq_ignore_ascii_case("x-content-format") && value.trim().eq_ignore_ascii_case("json+compactedv1")
        });
        Self {
            name: name.to_owned(),
            path: request["path"].as_str().expect("a path").to_owned(),
            form: if compacted { PayloadFormat::Compacted } else { PayloadFormat::Plain },
            body: body(request),
            status: response["status"].as_u64().expect("a status"),
            expected: match response["rawBody"].as_str() {
                Some(text) => Expected::Text(text.to_owned()),
                None => Expected::Json(response["body"].clone()),
            },
        }
    }
}

/// Returns the body of a case's request as text.
fn body(request: &Value) -> String {
    let text = if let Some(hex) = request["rawBodyHex"].as_str() {
        let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("a byte");
        String::from_utf8_lossy(&digits.chunks(2).map(byte).collect::<Vec<u8>>()).into_owned()
    } else if let Some(text) = request["rawBody"].as_str() {
        text.to_owned()
    } else {
        request["body"].to_string()
    };
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}

/// Returns the status and the body of the response that the service would send.
fn response(case: &Case) -> (u64, String) {
    let Case { path, form, body, .. } = case;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.trim_end_matches('/');
    let routed = |RouterResponse { body, .. }: RouterResponse| body;
    let text = match path {
        "/batch" => dest_type(body, *form).and_then(|_| batch::respond(body, *form, LIMITS)).map(routed),
        "/routerTransform" => router_transform::respond(body, *form, LIMITS).map(routed),
        path => {
            let name = path.rsplit('/').next().expect("a name");
            let Some(family) = Family::by_name(name) else {
                return (404, json!({ "error": format!("Unknown destination: {name}") }).to_string());
            };
            assert_consistent(family, *form, query, body);
            processor::respond(family, body, *form, query, LIMITS).map(|response| response.body)
        }
    };
    match text {
        Ok(text) => (200, text),
        Err(error @ BodyError::UnknownDestination(_)) => (404, json!({ "error": error.to_string() }).to_string()),
        Err(error) => (400, json!({ "error": "Bad Request", "message": error.to_string() }).to_string()),
    }
}

fn assert_responses(cases: impl Iterator<Item = Case>, at_least: usize) {
    let mut count = 0;
    for case in cases {
        let (status, got) = response(&case);
        assert_eq!(status, case.status, "{}: {got}", case.name);
        match &case.expected {
            Expected::Text(text) => assert_eq!(&got, text, "{}", case.name),
            Expected::Json(json) => {
                let got: Value = serde_json::from_str(&got).unwrap_or_else(|error| panic!("{}: {error}", case.name));
                assert!(same(&got, json), "{}: {got} instead of {json}", case.name);
            }
        }
        count += 1;
    }
    assert!(count >= at_least, "only {count} cases");
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-fixtures")
}

#[test]
fn cases_of_this_repository_get_the_expected_responses() {
    let files = ["processor", "batch"].into_iter().flat_map(|folder| {
        fs::read_dir(fixtures().join(folder)).expect("the fixtures").map(|entry| entry.expect("a fixture").path())
    });
    let cases = files.map(|path| {
        let text = fs::read_to_string(&path).expect("a fixture");
        let case: Value = serde_json::from_str(&text).expect("JSON");
        Case::new(&path.display().to_string(), &case["input"]["request"], &case["output"]["response"])
    });
    // Cases with status 415 are skipped, because only the server rejects unsupported content codings.
    assert_responses(cases.filter(|case| case.status != 415), 170);
}

#[test]
fn recorded_cases_get_the_recorded_responses() {
    let file = File::open(fixtures().join("recorded/recorded.ndjson.gz")).expect("the recorded responses");
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    let cases = lines.map(|line| {
        let case: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
        Case::new(case["name"].as_str().expect("a name"), &case, &case["response"])
    });
    assert_responses(cases, 500);
}
