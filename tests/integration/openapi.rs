//! The OpenAPI document. The committed file equals the served document, which describes the actual responses.

use std::sync::LazyLock;

use rudder_kafka_transformer::server::routes::docs;
use serde_json::{Value, json};

use crate::oracle::same;
use crate::overload::hold;
use crate::security::Folder;
use crate::server::{Response, Server, fetch};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&docs::document()).expect("JSON"));

#[test]
fn the_committed_openapi_document_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json");
    let committed = std::fs::read_to_string(path).expect("openapi/openapi.json");
    assert!(
        committed == docs::document(),
        "openapi/openapi.json is out of date: cargo run -- openapi > openapi/openapi.json"
    );
}

#[test]
fn the_openapi_page_loads_nothing_external_and_has_security_headers() {
    let server = Server::shared();
    let served = server.get("/openapi.json");
    assert_eq!(served.text(), docs::document());
    assert_eq!(served.header("content-type"), Some("application/json; charset=utf-8"));
    let page = server.get("/docs/");
    assert!(page.text().contains("swagger-ui"));
    // The SVG namespace is a name that looks like a URL. Nothing is loaded from this URL.
    let text = page.text().replace("http://www.w3.org/2000/svg", "");
    assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
    for file in ["", "swagger-ui.css", "swagger-ui-bundle.js", "docs.css", "docs.js"] {
        let response = server.get(&format!("/docs/{file}"));
        assert_eq!(response.status, 200, "{file}");
        let policy = response.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(response.header("cache-control"), Some("no-cache"));
    }
    assert!(server.get("/docs/docs.js").text().contains("validatorUrl: null"));
    assert_eq!(server.get("/docs/nothing").status, 404);
}

#[test]
fn the_openapi_page_can_try_out_only_endpoints_of_its_own_port() {
    let folder = Folder::new();
    let token = format!("--operator-token-file={}", folder.write("token", "a-token-of-the-operator"));
    let served = |url: String| {
        let page = fetch(&format!("{url}/docs"), "GET", &[], b"");
        let attribute = |name: &str| {
            let (_, rest) = page.text().split_once(&format!("{name}=\"")).expect("the attribute");
            rest.split('"').next().unwrap_or_default().to_owned()
        };
        let paths: Vec<String> = attribute("data-served").split(' ').map(str::to_owned).collect();
        (attribute("data-requires-token"), paths)
    };
    let has = |paths: &[String], path: &str| paths.iter().any(|other| other == path);
    let server = Server::shared();
    let (requires_token, paths) = served(format!("http://{}", server.address));
    assert_eq!(requires_token, "false");
    assert!(has(&paths, "/v0/destinations/{destination}") && has(&paths, "/explain"), "{paths:?}");
    assert!(!has(&paths, "/metrics"), "{paths:?}");
    let server = Server::start(&["--page=metrics", &token]);
    let (requires_token, paths) = served(format!("http://{}", server.metrics));
    assert_eq!(requires_token, "true");
    assert!(has(&paths, "/metrics") && has(&paths, "/explain") && has(&paths, "/destinations"), "{paths:?}");
    assert!(!has(&paths, "/v0/destinations/{destination}") && !has(&paths, "/features"), "{paths:?}");
    let (_, paths) = served(format!("http://{}", server.address));
    assert!(has(&paths, "/features") && !has(&paths, "/explain") && !has(&paths, "/destinations"), "{paths:?}");
}

/// Returns every operation of the document, with its path and method.
fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        item.as_object().expect("operations").iter().map(move |(method, operation)| (&**path, &**method, operation))
    })
}

/// Returns the fields of an object, or nothing if the value is not an object.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Validates a value against a schema of the document. Returns the first violation.
fn violation(schema: &Value, value: &Value) -> Option<String> {
    let mut root = schema.clone();
    root["components"] = DOCUMENT["components"].clone();
    let validator = jsonschema::draft202012::new(&root).expect("a schema");
    validator.validate(value).err().map(|error| format!("{error} at {}: {value:.300}", error.instance_path()))
}

/// Sends a request to the port of an operation.
fn send(operation: &Value, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let server = Server::shared();
    let address = if operation["servers"].is_array() { server.metrics } else { server.address };
    fetch(&format!("http://{address}{path}"), &method.to_uppercase(), headers, body)
}

/// Panics unless the document describes the response.
#[track_caller]
fn assert_described(operation: &Value, response: &Response, what: &str) {
    let described = &operation["responses"][response.status.to_string()];
    assert!(described.is_object(), "{what}: {} is not documented", response.status);
    for (name, header) in members(&described["headers"]) {
        let value = response.header(name).unwrap_or_else(|| panic!("{what}: no header {name}"));
        assert_eq!(violation(&header["schema"], &value.into()), None, "{what}: {name}");
    }
    let kind = response.header("content-type").and_then(|kind| kind.split(';').next()).expect("a content type");
    let content = &described["content"][kind];
    assert!(content.is_object(), "{what}: {kind} is not documented");
    let body = if kind == "application/json" { response.json() } else { response.text().into() };
    assert_eq!(violation(&content["schema"], &body), None, "{what}");
}

#[test]
fn every_endpoint_responds_as_the_openapi_document_describes() {
    let paths: Vec<&str> = operations().map(|(path, ..)| path).collect();
    let expected = [
        "/batch",
        "/buildVersion",
        "/destinations",
        "/explain",
        "/features",
        "/health",
        "/metrics",
        "/openapi.json",
        "/ready",
        "/routerTransform",
        "/transformerBuildVersion",
        "/v0/destinations/{destination}",
        "/v1/destinations/{destination}",
        "/version",
    ];
    assert_eq!(paths, expected);
    for (path, method, operation) in operations() {
        // These requests have no body, so transformations respond with an error.
        let response = send(operation, method, &path.replace("{destination}", "kafka"), &[], b"");
        assert_eq!(response.status, if method == "get" { 200 } else { 400 }, "{path}");
        assert_described(operation, &response, path);
    }
}

/// Returns the name of each parameter that has an example with the name `example`, and the value of this example.
fn parameter<'o>(operation: &'o Value, location: &str, example: &str) -> Vec<(&'o str, &'o str)> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters
        .filter(|parameter| parameter["in"] == location)
        .filter_map(|parameter| Some((parameter["name"].as_str()?, parameter["examples"][example]["value"].as_str()?)))
        .collect()
}

#[test]
fn every_request_example_in_openapi_gets_its_documented_response() {
    let mut sent = 0;
    for (path, method, operation) in operations() {
        let content = &operation["requestBody"]["content"]["application/json"];
        for (name, example) in members(&content["examples"]) {
            let what = format!("{path} {name}");
            let body = &example["value"];
            assert_eq!(violation(&content["schema"], body), None, "{what}");
            let path = parameter(operation, "path", name)
                .into_iter()
                .fold(path.to_owned(), |path, (parameter, value)| path.replace(&format!("{{{parameter}}}"), value));
            let response =
                send(operation, method, &path, &parameter(operation, "header", name), body.to_string().as_bytes());
            assert_described(operation, &response, &what);
            let shown = &operation["responses"]["200"]["content"]["application/json"]["examples"][name]["value"];
            assert_eq!(response.status, 200, "{what}");
            assert!(same(&response.json(), shown), "{what}: {} instead of {shown}", response.text());
            sent += 1;
        }
    }
    assert!(sent >= 20, "only {sent} examples");
}

#[test]
fn every_response_example_in_openapi_matches_its_schema() {
    let mut seen = Vec::new();
    for (path, method, operation) in operations() {
        for (status, response) in members(&operation["responses"]) {
            let examples = &response["content"]["application/json"]["examples"];
            assert!(method == "get" || members(examples).next().is_some(), "{path} {status} has no example");
            for (_, content) in members(&response["content"]) {
                for (name, example) in members(&content["examples"]) {
                    let wrong = violation(&content["schema"], &example["value"]);
                    assert_eq!(wrong, None, "{path} {status} {name}");
                    seen.push(status.as_str());
                }
            }
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, ["200", "400", "401", "404", "408", "413", "415", "500", "502", "503", "504"]);
}

#[test]
fn error_responses_match_the_openapi_document() {
    let large = Server::start(&["--max-body-bytes=10"]);
    for path in ["/v0/destinations/kafka", "/batch", "/routerTransform"] {
        let operation = &DOCUMENT["paths"][path.replace("kafka", "{destination}")]["post"];
        let unknown = path.replace("kafka", "kinesis");
        let body = json!({ "destType": "kinesis", "input": [] }).to_string();
        let server = Server::shared();
        for (status, response) in [
            (400, server.post(path, &[], b"[")),
            (404, server.post(&unknown, &[], body.as_bytes())),
            (413, large.post(path, &[], &[b' '; 11])),
            (415, server.post(path, &[("Content-Encoding", "zstd")], body.as_bytes())),
        ] {
            assert_eq!(response.status, status, "{path}");
            assert_described(operation, &response, &format!("{path} {status}"));
        }
        let loaded = Server::start(&["--max-in-flight-bytes=100000"]);
        let _held = hold(&loaded, 70_000);
        let response = loaded.post(path, &[], &[b' '; 50_000]);
        assert_eq!(response.status, 503);
        assert_described(operation, &response, &format!("{path} 503"));
    }
}

#[test]
fn a_body_that_violates_its_openapi_schema_is_rejected_with_400() {
    for (path, body) in [
        ("/v0/destinations/{destination}", json!({})),
        ("/v0/destinations/{destination}", json!("x")),
        ("/batch", json!([])),
        ("/batch", json!({ "destType": 1 })),
        ("/routerTransform", json!({ "destType": "kafka", "input": {} })),
    ] {
        let operation = &DOCUMENT["paths"][path]["post"];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        assert!(violation(schema, &body).is_some(), "{path} {body}");
        let path = path.replace("{destination}", "kafka");
        let response = Server::shared().post(&path, &[], body.to_string().as_bytes());
        assert_eq!(response.status, 400, "{path} {body}");
    }
}
