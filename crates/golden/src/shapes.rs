//! The JSON formats of cases: the format of this repository, the format of rudder-transformer, and the format of
//! recorded responses.
//!
//! The format of a case is determined by its fields. A case with `input` and `output` is from this repository, or, if
//! it has a `feature`, from rudder-transformer. A case with `response` was recorded.

use http::{HeaderName, HeaderValue, Method, Uri};

use crate::case::{ApiVersion, Author, Case, Expected, ExpectedBody, Request};
use json::raw::{Kind, Raw};
use json::text::Text;

/// Returns whether a value looks like a case, so that files with other content can be skipped.
#[must_use]
pub fn is_case(value: Raw<'_>) -> bool {
    let [input, output, response, path] = value.members(["input", "output", "response", "path"]);
    (input.is_some() && output.is_some()) || (response.is_some() && path.is_some())
}

/// The error for content that is not a case.
pub const NOT_A_CASE: &str = r#"not a case: it needs the fields "input" and "output", or "path" and "response""#;

/// Reads a case. `name` is used for a case that does not have its own name.
///
/// # Errors
/// Returns a description of the field that is missing or has the wrong type. The description contains nothing from the
/// case.
pub fn read(case: Raw<'_>, name: &str) -> Result<Case, String> {
    if !case.is_object() {
        return Err(format!("a case must be an object, not {}", kind(Some(case))));
    }
    match case.members(["input", "output", "response"]) {
        [None, None, None] => Err(NOT_A_CASE.to_owned()),
        [.., Some(_)] => recorded(case),
        _ => with_input_and_output(case, name),
    }
}

/// Parses a case in this repository's format or in rudder-transformer's.
fn with_input_and_output(case: Raw<'_>, name: &str) -> Result<Case, String> {
    let [input, output, feature] = case.members(["input", "output", "feature"]);
    let request = object(object(input, "input")?.member("request"), "input.request")?;
    let response = object(object(output, "output")?.member("response"), "output.response")?;
    let description = optional_string(case, "description", "description")?.unwrap_or_default();
    let (author, path) = match (request.member("path"), feature) {
        (Some(path), None) => (Author::Us, string(Some(path), "input.request.path")?),
        (path, Some(_)) => {
            let path = path.map(|path| string(Some(path), "input.request.path")).transpose()?;
            (Author::Reference, path.map_or_else(|| path_of_feature(case), Ok)?)
        }
        (None, None) => {
            return Err("neither `input.request.path` nor `feature` is set, so the path is unknown".to_owned());
        }
    };
    let suffix = optional_string(request, "pathSuffix", "input.request.pathSuffix")?.unwrap_or_default();
    let mut rules = Vec::new();
    if let Some(listed) = case.member("rules") {
        listed.for_each_element(|rule| rules.push(string(Some(rule), "rules")));
    }
    let name = if author == Author::Us || description.is_empty() { name } else { &description };
    Ok(Case {
        name: name.to_owned(),
        rules: rules.into_iter().collect::<Result<_, _>>()?,
        author,
        request: read_request(request, path + &suffix, "input.request")?,
        expected: Expected {
            status: status(response.member("status"), "output.response.status")?,
            api_version: ApiVersion::Usual,
            body: expected_body(response, "output.response")?,
        },
        description,
    })
}

/// Returns the path for a rudder-transformer case, based on its `feature`.
fn path_of_feature(case: Raw<'_>) -> Result<String, String> {
    let [feature, module, name, version] = case.members(["feature", "module", "name", "version"]);
    if module.is_some_and(|module| !module.is_string("destination")) {
        return Err(r#"its "module" must be "destination""#.to_owned());
    }
    let feature = string(feature, "feature")?;
    match feature.as_str() {
        "processor" => {
            let name = string(name, "name")?;
            let version = version.map_or(Ok("v0".to_owned()), |version| string(Some(version), "version"))?;
            let is_plain =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_plain(&name) || !is_plain(&version) {
                return Err("name and version must consist of ASCII letters, digits and underscores".to_owned());
            }
            Ok(format!("/{version}/destinations/{name}"))
        }
        "batch" => Ok("/batch".to_owned()),
        "router" => Ok("/routerTransform".to_owned()),
        _ => Err(r#"its "feature" must be "processor", "batch" or "router""#.to_owned()),
    }
}

/// Parses a case in the format of recorded responses.
fn recorded(case: Raw<'_>) -> Result<Case, String> {
    let response = object(case.member("response"), "response")?;
    let api_version = optional_string(response, "apiVersion", "response.apiVersion")?;
    let path = string(case.member("path"), "path")?;
    Ok(Case {
        name: string(case.member("name"), "name")?,
        description: String::new(),
        rules: Vec::new(),
        author: Author::Reference,
        request: read_request(case, path, "")?,
        expected: Expected {
            status: status(response.member("status"), "response.status")?,
            api_version: ApiVersion::Recorded(api_version),
            body: expected_body(response, "response")?,
        },
    })
}

fn read_request(request: Raw<'_>, path: String, at: &str) -> Result<Request, String> {
    let member = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    let method = optional_string(request, "method", &member("method"))?.unwrap_or_else(|| "POST".to_owned());
    if method.parse::<Method>().is_err() {
        return Err(format!("{} is not an HTTP method", member("method")));
    }
    if !path.starts_with('/') || path.parse::<Uri>().is_err() {
        return Err("its path is invalid: it must begin with / and be URL-encoded".to_owned());
    }
    let mut headers = Vec::new();
    if let Some(given) = request.member("headers").filter(|given| !given.is_null()) {
        let at = member("headers");
        object(Some(given), &at)?.for_each_member(|name, value| headers.push(header(name, value, &at)));
    }
    let headers = headers.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let [body, raw, hex] = request.members(["body", "rawBody", "rawBodyHex"]);
    let body = match (body, raw, hex) {
        (Some(body), None, None) => compact(body),
        (None, Some(raw), None) => text(Some(raw), &member("rawBody"))?.decoded().into_owned(),
        (None, None, Some(hex)) => from_hex(&string(Some(hex), &member("rawBodyHex"))?)
            .ok_or_else(|| format!("{} is not hexadecimal", member("rawBodyHex")))?,
        (None, None, None) => Vec::new(),
        _ => {
            return Err(format!(
                "{} has more than one of body, rawBody and rawBodyHex",
                if at.is_empty() { "it" } else { at }
            ));
        }
    };
    Ok(Request { method, path, headers, body })
}

/// Removes whitespace between JSON tokens, because rudder-server sends no such whitespace.
fn compact(value: Raw<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.text().len());
    let (mut in_string, mut escaped) = (false, false);
    for &byte in value.text().as_bytes() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
    out
}

/// The names of headers that belong to the connection, and are therefore not part of a case.
const CONNECTION_HEADERS: [&str; 4] = ["connection", "content-length", "host", "transfer-encoding"];

/// Reads a header of a request. Returns `None` for a header in [`CONNECTION_HEADERS`], which is not sent.
fn header(name: Text<'_>, value: Raw<'_>, at: &str) -> Result<Option<(String, String)>, String> {
    let name = String::from_utf8_lossy(&name.decoded()).into_owned();
    let value = match value.kind() {
        Kind::String => string(Some(value), at)?,
        Kind::Number | Kind::True | Kind::False => value.text().to_owned(),
        Kind::Null => return Ok(None),
        Kind::Array | Kind::Object => return Err(format!("a value in {at} is {}", kind(Some(value)))),
    };
    if HeaderName::try_from(&*name).is_err() || HeaderValue::try_from(&*value).is_err() {
        return Err(format!("{at} contains an invalid HTTP header"));
    }
    let is_sent = !CONNECTION_HEADERS.iter().any(|other| name.eq_ignore_ascii_case(other));
    Ok(is_sent.then_some((name, value)))
}

fn expected_body(response: Raw<'_>, at: &str) -> Result<ExpectedBody, String> {
    match response.members(["body", "rawBody"]) {
        [Some(body), None] => Ok(ExpectedBody::Json(with_version(body.text()))),
        [None, Some(raw)] => Ok(ExpectedBody::Text(with_version(&string(Some(raw), &format!("{at}.rawBody"))?))),
        [None, None] => Ok(ExpectedBody::Any),
        [Some(_), Some(_)] => Err(format!("{at} has both body and rawBody")),
    }
}

/// Replaces `$VERSION` in a response with the version of this service.
fn with_version(text: &str) -> String {
    text.replace("$VERSION", env!("CARGO_PKG_VERSION"))
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| match pair {
            [_, _] => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
            _ => None,
        })
        .collect()
}

fn status(value: Option<Raw<'_>>, at: &str) -> Result<u16, String> {
    let status = value.and_then(|value| value.text().parse().ok()).filter(|status| (100..600).contains(status));
    status.ok_or_else(|| format!("{at} must be an HTTP status code (100 to 599), not {}", kind(value)))
}

fn object<'a>(value: Option<Raw<'a>>, at: &str) -> Result<Raw<'a>, String> {
    value.filter(|value| value.is_object()).ok_or_else(|| format!("{at} must be an object, not {}", kind(value)))
}

fn text<'a>(value: Option<Raw<'a>>, at: &str) -> Result<Text<'a>, String> {
    value.and_then(Raw::as_string).ok_or_else(|| format!("{at} must be a string, not {}", kind(value)))
}

fn string(value: Option<Raw<'_>>, at: &str) -> Result<String, String> {
    text(value, at).map(|text| String::from_utf8_lossy(&text.decoded()).into_owned())
}

fn optional_string(object: Raw<'_>, name: &str, at: &str) -> Result<Option<String>, String> {
    object.member(name).filter(|value| !value.is_null()).map(|value| string(Some(value), at)).transpose()
}

fn kind(value: Option<Raw<'_>>) -> &'static str {
    match value.map(Raw::kind) {
        None => "missing",
        Some(Kind::Null) => "null",
        Some(Kind::True | Kind::False) => "a boolean",
        Some(Kind::Number) => "a number",
        Some(Kind::String) => "a string",
        Some(Kind::Array) => "an array",
        Some(Kind::Object) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(text: &str) -> Result<Case, String> {
        read(Raw::parse(text).expect("JSON"), "its_file")
    }

    #[test]
    fn golden_cases_in_every_supported_format_are_read() {
        let ours = case(
            r#"{"description":"d","rules":["1.a"],"input":{"request":{"path":"/a?b","rawBodyHex":"5bFf"}},
                "output":{"response":{"status":200,"body":[ 1.0 ]}}}"#,
        )
        .unwrap();
        assert_eq!((ours.author, ours.name.as_str(), ours.rules), (Author::Us, "its_file", vec!["1.a".to_owned()]));
        assert_eq!((ours.request.method.as_str(), ours.request.body), ("POST", vec![0x5b, 0xff]));
        assert_eq!(ours.expected.body, ExpectedBody::Json("[ 1.0 ]".to_owned()));
        let shape = |rest: &str| {
            format!(
                r#"{{"name":"kafka","description":"d","module":"destination",{rest},"input":{{"request":{{"body":[],"pathSuffix":"?a=1","headers":{{"X":"1","Host":"h","N":null,"Y":2}}}}}},"output":{{"response":{{"status":400}}}}}}"#
            )
        };
        for (rest, path) in [
            (r#""feature":"processor""#, "/v0/destinations/kafka?a=1"),
            (r#""feature":"processor","version":"v1""#, "/v1/destinations/kafka?a=1"),
            (r#""feature":"batch""#, "/batch?a=1"),
            (r#""feature":"router""#, "/routerTransform?a=1"),
        ] {
            let theirs = case(&shape(rest)).unwrap();
            assert_eq!(
                (theirs.author, theirs.name.as_str(), theirs.request.path.as_str()),
                (Author::Reference, "d", path)
            );
            assert_eq!(theirs.request.headers, [("X", "1"), ("Y", "2")].map(|(a, b)| (a.to_owned(), b.to_owned())));
            assert_eq!(theirs.expected.body, ExpectedBody::Any);
        }
        let recorded = case(
            r#"{"name":"r","method":"GET","path":"/x","headers":{},"rawBody":"\u005b\ud83d\ude00","response":{"status":404,"apiVersion":null,"rawBody":"Not Found"}}"#,
        )
        .unwrap();
        assert_eq!((recorded.author, recorded.request.body), (Author::Reference, "[😀".as_bytes().to_vec()));
        assert_eq!(recorded.expected.api_version, ApiVersion::Recorded(None));
        assert_eq!(recorded.expected.body, ExpectedBody::Text("Not Found".to_owned()));
    }

    #[test]
    fn a_json_body_is_sent_without_whitespace_between_tokens() {
        let text = r#" [ 1.0 , { "a \" b" : "\\" , "c":[ ] } ,
            " \\\" " ] "#;
        let compacted = compact(Raw::parse(text).expect("JSON"));
        assert_eq!(String::from_utf8(compacted).unwrap(), r#"[1.0,{"a \" b":"\\","c":[]}," \\\" "]"#);
    }

    #[test]
    fn an_error_for_an_invalid_golden_case_names_the_field_but_no_value() {
        let whole = r#"{"input":{"request":{"path":"/","body":1}},"output":{"response":{"status":200}}}"#;
        assert!(case(whole).is_ok());
        for (from, to, problem) in [
            (whole, "5", "a case must be an object, not a number"),
            (whole, "{}", NOT_A_CASE),
            (whole, r#"{"output":{}}"#, "input must be an object, not missing"),
            (whole, r#"{"response":{}}"#, "path must be a string, not missing"),
            (r#""request":{"#, r#""other":{"#, "input.request must be an object, not missing"),
            (r#""path":"/""#, r#""x":1"#, "neither `input.request.path` nor `feature` is set, so the path is unknown"),
            (r#""/""#, "null", "input.request.path must be a string, not null"),
            (r#""/""#, r#""s3cret""#, "its path is invalid: it must begin with / and be URL-encoded"),
            (r#""/""#, r#""/a b""#, "its path is invalid: it must begin with / and be URL-encoded"),
            (r#""body":1"#, r#""method":"s3 cret""#, "input.request.method is not an HTTP method"),
            (r#""body":1"#, r#""headers":[]"#, "input.request.headers must be an object, not an array"),
            (r#""body":1"#, r#""headers":{"a b":"s3cret"}"#, "input.request.headers contains an invalid HTTP header"),
            (r#""body":1"#, r#""headers":{"a":{}}"#, "a value in input.request.headers is an object"),
            (r#""body":1"#, r#""rawBodyHex":"5g""#, "input.request.rawBodyHex is not hexadecimal"),
            (r#""body":1"#, r#""rawBodyHex":"5""#, "input.request.rawBodyHex is not hexadecimal"),
            (
                r#""body":1"#,
                r#""body":1,"rawBody":"""#,
                "input.request has more than one of body, rawBody and rawBodyHex",
            ),
            ("200", "\"200\"", "output.response.status must be an HTTP status code (100 to 599), not a string"),
            ("200", "7", "output.response.status must be an HTTP status code (100 to 599), not a number"),
            ("200", r#"200,"body":1,"rawBody":"""#, "output.response has both body and rawBody"),
            (r#"{"input""#, r#"{"feature":"proxy","x""#, "input must be an object, not missing"),
        ] {
            assert_eq!(case(&whole.replace(from, to)).unwrap_err(), problem, "{to}");
        }
        let theirs = whole.replace(r#""path":"/","#, "");
        for (more, problem) in [
            (r#""feature":"proxy""#, r#"its "feature" must be "processor", "batch" or "router""#),
            (r#""feature":1"#, "feature must be a string, not a number"),
            (
                r#""feature":"processor","name":"../x""#,
                "name and version must consist of ASCII letters, digits and underscores",
            ),
            (r#""feature":"processor""#, "name must be a string, not missing"),
            (r#""feature":"batch","module":"source""#, r#"its "module" must be "destination""#),
        ] {
            assert_eq!(case(&theirs.replacen('{', &format!("{{{more},"), 1)).unwrap_err(), problem);
        }
    }
}
