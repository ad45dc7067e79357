//! Decides whether a response is the expected one. Shadow verification uses the same comparison, with the same intended
//! differences (docs/contract.md#intentional-differences).

use super::case::{ApiVersion, Author, Case, ExpectedBody};
use crate::compare::Infinite;
use crate::differences::{Allowed, Contents, Differences};
use crate::intended;
use crate::intended::question::{ComparedResponse, Question, Traits};
use crate::response::Response;
use json::decode::text;
use json::display::shorten;
use json::raw::Raw;
use transform::endpoint::Endpoint;
use transform::endpoint::{CONTENT_FORMAT, JSON_CONTENT_TYPE, form_named};
use transform::request::Limits;

/// The maximum length of a body or header in a finding, in characters.
const MAX_CHARACTERS: usize = 300;

/// An unexpected part of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The location: `status`, `apiVersion`, `content type`, `body`, or a JSON pointer into the body.
    pub place: String,
    /// The expected value.
    pub expected: String,
    /// The actual value.
    pub got: String,
}

/// The result of comparing a response with the expected one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The first few unexpected parts of the response.
    pub findings: Vec<Finding>,
    /// Whether the response has more unexpected parts than those in `findings`.
    pub more: bool,
    /// The intended differences.
    pub allowed: Vec<Allowed>,
}

impl Verdict {
    /// Creates the verdict for a missing response.
    #[must_use]
    pub fn unanswered(case: &Case, why: &str) -> Self {
        let expected = format!("status {}", case.expected.status);
        Self { findings: vec![finding("response", expected, why)], ..Self::default() }
    }

    /// Returns whether the response is as expected.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }
}

fn finding(place: &str, expected: impl Into<String>, got: impl Into<String>) -> Finding {
    Finding { place: place.to_owned(), expected: expected.into(), got: got.into() }
}

/// Compares a response with the expected one. `is_own` is true if this service sent the response. Such a response must
/// match the cases of this repository exactly.
#[must_use]
pub fn judge(case: &Case, response: &Response, is_own: bool, limits: Limits) -> Verdict {
    let exact = exactly(case, response);
    if exact.is_good() || (is_own && case.author == Author::Us) {
        return exact;
    }
    as_intended(case, response, limits).unwrap_or(exact)
}

/// Compares a response without allowing any difference.
fn exactly(case: &Case, response: &Response) -> Verdict {
    let expected = &case.expected;
    let body = text(&response.body);
    let mut verdict = Verdict::default();
    if response.status != expected.status {
        verdict.findings.push(finding("status", expected.status.to_string(), response.status.to_string()));
        let wanted = match &expected.body {
            ExpectedBody::Json(body) => beginning(&on_one_line(body)),
            ExpectedBody::Text(body) => beginning(body),
            ExpectedBody::Any => "anything".to_owned(),
        };
        verdict.findings.push(finding("body", wanted, beginning(&on_one_line(&body))));
        return verdict;
    }
    verdict.findings.extend(api_version(case, response));
    match &expected.body {
        ExpectedBody::Any => {}
        ExpectedBody::Text(text) => {
            if *text != body {
                verdict.findings.push(finding("body", beginning(text), beginning(&body)));
            }
        }
        ExpectedBody::Json(wanted) => {
            let json = JSON_CONTENT_TYPE;
            let content_type = response.content_type.as_deref().unwrap_or("missing");
            if case.author == Author::Us && content_type != json {
                verdict.findings.push(finding("content type", json, beginning(content_type)));
            }
            match (Raw::parse(wanted), Raw::parse(&body)) {
                (Ok(wanted), Ok(got)) => {
                    let mut found = Differences::with(Contents::Shown);
                    found.compare("", Some(wanted), Some(got), Infinite::Exact);
                    append(&mut verdict, found, true);
                }
                _ => {
                    verdict.findings.push(finding("body", beginning(wanted), format!("not JSON: {}", beginning(&body))))
                }
            }
        }
    }
    verdict
}

fn api_version(case: &Case, response: &Response) -> Option<Finding> {
    let transforms = case.request.method == "POST" && Endpoint::at(&case.request.path).is_some();
    let expected = match &case.expected.api_version {
        ApiVersion::Recorded(version) => version.as_deref(),
        // On endpoints that do not transform, a response of rudder-transformer is correct with or without the header
        // `apiVersion`.
        ApiVersion::Usual if !transforms && case.author == Author::Reference => return None,
        ApiVersion::Usual => (transforms && case.expected.status == 200).then_some("2"),
    };
    let actual = response.api_version.as_deref();
    let shown = |version: Option<&str>| version.map_or_else(|| "missing".to_owned(), beginning);
    (expected != actual).then(|| finding("apiVersion", shown(expected), shown(actual)))
}

/// Compares a response, allowing intended differences. Returns `None` if intended differences do not apply to the case.
fn as_intended(case: &Case, response: &Response, limits: Limits) -> Option<Verdict> {
    let endpoint = Endpoint::at(&case.request.path).filter(|_| case.request.method == "POST")?;
    let (ExpectedBody::Json(body) | ExpectedBody::Text(body)) = &case.expected.body else { return None };
    let expected = ComparedResponse { status: case.expected.status, body: body.clone().into() };
    let actual = ComparedResponse { status: response.status, body: response.body.clone() };
    let expected_is_ours = case.author == Author::Us;
    let (ours, theirs) = if expected_is_ours { (&expected, &actual) } else { (&actual, &expected) };
    // For any other status of this service, rudder-transformer has no corresponding response.
    if !matches!(ours.status, 200 | 400) {
        return None;
    }
    // If a body is not JSON, `exactly` reports the beginning of the body.
    let is_json = |response: &ComparedResponse| Raw::parse(&text(&response.body)).is_ok();
    if ours.status == 200 && theirs.status == 200 && !(is_json(ours) && is_json(theirs)) {
        return None;
    }
    let request_body = text(&case.request.body);
    let form = form_named(case.request.header(CONTENT_FORMAT).map(str::as_bytes));
    // `application/json` is the default for a case without `Content-Type`.
    let traits = Traits::of(&case.request.path, case.request.header("Content-Type").or(Some("application/json")));
    let question = Question { endpoint: &endpoint, form, limits, text: &request_body, traits };
    let found = intended::judge(&question, ours, theirs, Contents::Shown).differences;
    let mut verdict = Verdict { allowed: found.allowed.clone(), ..Verdict::default() };
    if ours.status == theirs.status {
        verdict.findings.extend(api_version(case, response));
    } else if !found.is_empty() {
        return None;
    }
    append(&mut verdict, found, expected_is_ours);
    (!verdict.is_good() || !verdict.allowed.is_empty()).then_some(verdict)
}

fn append(verdict: &mut Verdict, found: Differences, expected_is_ours: bool) {
    for listed in found.listed {
        let (ours, theirs) = (on_one_line(&listed.ours.to_string()), on_one_line(&listed.theirs.to_string()));
        let (expected, got) = if expected_is_ours { (ours, theirs) } else { (theirs, ours) };
        verdict.findings.push(Finding { place: listed.pointer, expected, got });
    }
    if found.too_deep && verdict.findings.is_empty() {
        let listed = "the text differs, and is nested too deeply to compare value by value";
        verdict.findings.push(finding("body", "JSON", listed));
    }
    verdict.more |= found.more;
}

/// Formats JSON, or its beginning, on one line. Each line break and the indentation around it become a space. JSON
/// strings contain no line breaks.
fn on_one_line(json: &str) -> String {
    json.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Returns a prefix of a text.
fn beginning(text: &str) -> String {
    shorten(text, MAX_CHARACTERS).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intended::table::IntendedDifference;
    use crate::shapes;

    const LIMITS: Limits = Limits { events: 1000, response_bytes: 1 << 20 };

    fn recorded(body: &str, response: &str) -> Case {
        let body = serde_json::Value::from(body);
        let text = format!(
            r#"{{"name":"c","method":"POST","path":"/v0/destinations/kafka","rawBody":{body},"response":{response}}}"#
        );
        shapes::read(Raw::parse(&text).expect("JSON"), "c").expect("a case")
    }

    fn response(status: u16, body: &str) -> Response {
        let api_version = (status == 200).then(|| "2".to_owned());
        let content_type = Some("application/json; charset=utf-8".to_owned());
        Response { status, api_version, content_type, body: body.to_owned().into() }
    }

    fn findings(case: &Case, response: &Response) -> Vec<String> {
        let verdict = judge(case, response, true, LIMITS);
        verdict.findings.iter().map(|Finding { place, expected, got }| format!("{place}: {expected} | {got}")).collect()
    }

    #[test]
    fn every_difference_between_a_response_and_its_golden_case_is_reported() {
        // This event is well-formed. For a malformed event, the comparison would allow intended differences.
        let case = recorded(
            r#"[{"message":{},"metadata":{},"destination":{"Config":{}}}]"#,
            r#"{"status":200,"apiVersion":"2","body":[{"a":1.0,"b":"x"}]}"#,
        );
        assert_eq!(findings(&case, &response(200, r#"[{"b":"\u0078","a":1}]"#)), Vec::<String>::new());
        assert_eq!(
            findings(&case, &response(200, r#"[{"b":"y"},2]"#)),
            ["/0/b: \"x\" | \"y\"", "/0/a: 1.0 | missing", "/1: missing | 2"]
        );
        assert_eq!(
            findings(&case, &response(500, "oops")),
            ["status: 200 | 500", "body: [{\"a\":1.0,\"b\":\"x\"}] | oops"]
        );
        assert_eq!(findings(&case, &response(200, "oops")), ["body: [{\"a\":1.0,\"b\":\"x\"}] | not JSON: oops"]);
        let headless = Response { api_version: None, ..response(200, r#"[{"a":1,"b":"x"}]"#) };
        assert_eq!(findings(&case, &headless), ["apiVersion: 2 | missing"]);
        let long = format!("[{{\"a\":\"{}\",\"b\":\"x\"}}]", "z".repeat(100_000));
        assert!(findings(&case, &response(200, &long))[0].len() < 1000);
        let text = recorded("[]", r#"{"status":404,"rawBody":"Not Found"}"#);
        assert_eq!(findings(&text, &response(404, "Not Found")), Vec::<String>::new());
        assert_eq!(findings(&text, &response(404, "{}")), ["body: Not Found | {}"]);
        assert_eq!(Verdict::unanswered(&case, "gone").findings[0].got, "gone");
    }

    #[test]
    fn intended_differences_are_allowed_and_reported() {
        let body = r#"[{"message":{"n":1e400},"metadata":{},"destination":{"Config":{"topic":"t"}}},null]"#;
        let ours = r#"[{"output":{"message":{"n":1e400},"userId":"","topic":"t"},"metadata":{"rudderId":"undefined<<>>t"},"statusCode":200},
            {"metadata":null,"statusCode":400,"error":"the event is not a JSON object"}]"#;
        let allowed = |case: &Case, response: &Response| {
            let verdict = judge(case, response, true, LIMITS);
            assert!(verdict.is_good(), "{verdict:?}");
            verdict.allowed.into_iter().map(|allowed| (allowed.pointer, allowed.why)).collect::<Vec<_>>()
        };
        let whole = recorded(body, r#"{"status":500,"apiVersion":null,"rawBody":"Internal Server Error"}"#);
        assert_eq!(allowed(&whole, &response(200, ours)), [("/".to_owned(), IntendedDifference::MalformedEvent)]);
        let null =
            recorded(body, &format!(r#"{{"status":200,"apiVersion":"2","body":{}}}"#, ours.replace("1e400", "null")));
        assert_eq!(
            allowed(&null, &response(200, ours)),
            [("/0/output/message/n".to_owned(), IntendedDifference::NumberLiterals)]
        );
        let empty = recorded("[]", r#"{"status":500,"apiVersion":null,"body":{}}"#);
        assert_eq!(allowed(&empty, &response(200, "[]")), [("/".to_owned(), IntendedDifference::NoEvents)]);
        let unreadable = recorded("[", r#"{"status":500,"apiVersion":null,"body":{}}"#);
        assert_eq!(allowed(&unreadable, &response(400, "{}")), [("/".to_owned(), IntendedDifference::UnreadableBody)]);
        // These differences are not intended: a status other than 200 and 400 from this service, a wrong number of
        // events, and a different topic alongside an intended difference.
        assert!(!judge(&unreadable, &response(503, "{}"), true, LIMITS).is_good());
        assert_eq!(findings(&whole, &response(200, "[]"))[0], "status: 500 | 200");
        assert_eq!(
            findings(&null, &response(200, &ours.replace("\"t\"", "\"u\""))),
            ["/0/output/topic: \"t\" | \"u\""]
        );
    }

    #[test]
    fn rudder_transformer_may_differ_as_intended_from_a_case_but_this_service_may_not() {
        let text = r#"{"input":{"request":{"path":"/v0/destinations/kafka","body":[]}},"output":{"response":{"status":200,"body":[]}}}"#;
        let case = shapes::read(Raw::parse(text).expect("JSON"), "c").expect("a case");
        let theirs = response(500, r#"{"error":"x"}"#);
        assert!(!judge(&case, &theirs, true, LIMITS).is_good());
        let verdict = judge(&case, &theirs, false, LIMITS);
        assert!(verdict.is_good() && verdict.allowed[0].why == IntendedDifference::NoEvents, "{verdict:?}");
        let html = Response { content_type: None, ..response(200, "[]") };
        assert_eq!(findings(&case, &html), ["content type: application/json; charset=utf-8 | missing"]);
    }
}
