//! The examples in the OpenAPI document. They come from golden cases, so that every example is tested.
//!
//! An example has the same name in the request body, the parameters and the response.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::server::version::VERSION;

/// The parts of a golden case that examples are made from.
#[derive(Deserialize)]
struct Case {
    description: String,
    input: Input,
    output: Output,
}

#[derive(Deserialize)]
struct Input {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    path: String,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
}

#[derive(Deserialize)]
struct Output {
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status: u16,
    body: Option<Value>,
    raw_body: Option<String>,
}

macro_rules! cases {
    ($($operation:literal: $($folder:literal / $name:literal),+;)+) => {
        /// For each golden case: the path of the operation, the name of the case, and its JSON text.
        const CASES: &[(&str, &str, &str)] = &[$($((
            $operation,
            $name,
            include_str!(concat!("../../../test-fixtures/", $folder, "/", $name, ".json")),
        ),)+)+];
    };
}

cases! {
    "/v0/destinations/{destination}":
        "processor" / "topic_event_name",
        "processor" / "compacted",
        "processor" / "malformed_no_object",
        "processor" / "integrations_schema_id",
        "processor" / "template_found_and_removed",
        "processor" / "azure_event_hub_integrations",
        "processor" / "confluent_cloud_integrations",
        "processor" / "not_json_truncated",
        "processor" / "plain_object",
        "processor" / "compacted_array";
    "/batch":
        "batch" / "groups",
        "batch" / "compacted",
        "batch" / "malformed_events",
        "batch" / "azure_event_hub_has_no_batch",
        "batch" / "dest_type_missing",
        "batch" / "array_body",
        "batch" / "input_not_an_array";
    "/routerTransform":
        "batch" / "router_transform",
        "batch" / "router_transform_empty",
        "batch" / "dest_type_missing";
    "/explain":
        "explain" / "event_name",
        "explain" / "template",
        "explain" / "azure_event_hub",
        "explain" / "rejected";
    "/features": "service" / "features";
    "/health": "service" / "health";
    "/version": "service" / "version";
}

/// The name of the header that announces the format of a body.
const CONTENT_FORMAT: &str = "X-Content-Format";

/// Adds all examples to the operations in `paths`, the paths of an OpenAPI document.
pub fn add(paths: &mut Map<String, Value>) {
    for (path, name, text) in CASES {
        let (Some(item), Ok(case)) = (paths.get_mut(*path), serde_json::from_str::<Case>(text)) else { continue };
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            add_case(operation, path, name, &case);
        }
    }
}

fn add_case(operation: &mut Value, path: &str, name: &str, case: &Case) {
    let example = |value: &Value| json!({ "summary": case.description, "value": value });
    let (request, response) = (&case.input.request, &case.output.response);
    let body = match (&response.body, &response.raw_body) {
        (Some(body), _) => body.to_string(),
        (None, text) => json!(text).to_string(),
    };
    if let Ok(body) = serde_json::from_str(&body.replace("$VERSION", VERSION)) {
        let content = &mut operation["responses"][response.status.to_string()]["content"];
        for content in content.as_object_mut().into_iter().flat_map(Map::values_mut) {
            content["examples"][name] = example(&body);
        }
    }
    let (200, Some(body)) = (response.status, &request.body) else { return };
    operation["requestBody"]["content"]["application/json"]["examples"][name] = example(body);
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let value = match parameter["in"].as_str() {
            Some("path") => path.find('{').and_then(|start| request.path.get(start..)).map(Value::from),
            // The API documentation page fills in the first example of a parameter. A case without this header
            // therefore gets an empty example.
            _ if parameter["name"] == CONTENT_FORMAT => {
                Some(request.headers.get(CONTENT_FORMAT).cloned().unwrap_or_else(|| "".into()))
            }
            _ => None,
        };
        if let Some(value) = value {
            parameter["examples"][name] = example(&value);
        }
    }
}
