//! The compose file and its workspace agree with the service. The other deployment files are run by the scripts of `.ci`.

use std::fs;
use std::path::PathBuf;

use clap::{Args as _, Command};
use rudder_kafka_transformer::server::settings::Settings;
use serde_json::{Value, json};

use crate::server::{Server, settings};

fn file(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines below `mark`, as far as they are indented more than it.
fn block<'t>(text: &'t str, mark: &str) -> Vec<&'t str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| line.trim_end() != mark);
    let outer = lines.next().map(indent).unwrap_or_else(|| panic!("no {mark:?}"));
    lines.take_while(|line| line.trim().is_empty() || indent(line) > outer).collect()
}

/// The setting with this environment variable is set to its value, and the service would start with it.
fn assert_is_setting(name: &str, value: Option<&str>) {
    let command = Settings::augment_args(Command::new("test"));
    let argument = command
        .get_arguments()
        .find(|argument| argument.get_env().is_some_and(|env| env == name))
        .unwrap_or_else(|| panic!("there is no setting {name}"));
    // `${NAME:-}` is empty where the command's environment has no NAME, and counts as not set.
    if let Some(value) = value.filter(|value| !value.starts_with("${")) {
        let flag = format!("--{}={value}", argument.get_long().expect("a flag"));
        assert_eq!(settings(&[&flag]).validate(), Ok(()), "{name}={value}");
    }
}

#[test]
fn the_settings_in_compose_are_settings() {
    let compose = file("compose.yaml");
    let service = block(&compose, "  rudder-kafka-transformer:").join("\n");
    let environment = block(&service, "    environment:");
    assert!(!environment.is_empty());
    for line in environment {
        let (name, value) = line.trim().split_once(": ").expect("name: value");
        assert_is_setting(name, Some(value.trim_matches('"')));
    }
}

#[test]
fn ports_are_those_that_the_service_listens_on() {
    let defaults = settings(&[]);
    let (service, metrics) = (defaults.port, defaults.metrics_port);
    let dockerfile = file("Dockerfile");
    assert!(dockerfile.contains(&format!("EXPOSE {service} {metrics}\n")));
    let compose = file("compose.yaml");
    for port in [service, metrics] {
        assert!(compose.contains(&format!("- \"127.0.0.1:{port}:{port}\"")), "{port}");
    }
    assert!(compose.contains(&format!("DEST_TRANSFORM_URL: http://rudder-kafka-transformer:{service}\n")));
}

#[test]
fn the_image_is_built_with_a_supported_compiler() {
    let dockerfile = file("Dockerfile");
    let image = dockerfile.lines().find_map(|line| line.strip_prefix("FROM rust:")).expect("a compiler");
    let minor =
        |version: &str| version.split('.').nth(1).and_then(|minor| minor.split('-').next()?.parse::<u32>().ok());
    let toolchain = env!("CARGO_PKG_RUST_VERSION");
    assert!(minor(image) >= minor(toolchain), "{image} is older than {toolchain}");
}

/// An event as rudder-server sends it for the destination of the workspace file.
fn event(destination: &Value, message: Value) -> Value {
    let definition = &destination["destinationDefinition"];
    json!({
        "message": message,
        "metadata": { "jobId": 1, "destinationId": destination["id"] },
        "destination": {
            "ID": destination["id"],
            "Config": destination["config"],
            "DestinationDefinition": { "Name": definition["name"] },
        },
    })
}

#[test]
fn the_destination_of_the_workspace_file_is_one_that_is_transformed() {
    let workspace: Value = serde_json::from_str(&file("workspaceConfig.json")).expect("JSON");
    let source = &workspace["sources"][0];
    let destination = &source["destinations"][0];
    let name = destination["destinationDefinition"]["name"].as_str().expect("a name").to_ascii_lowercase();
    let order = json!({"type": "track", "event": "Order Completed", "userId": "u-42"});
    let other = json!({"type": "track", "event": "Other", "userId": "u-42"});
    let body = json!([event(destination, order), event(destination, other)]).to_string();
    let answer = Server::shared().post(&format!("/v0/destinations/{name}"), &[], body.as_bytes()).json();
    assert_eq!((&answer[0]["statusCode"], &answer[0]["output"]["userId"]), (&json!(200), &json!("u-42")));
    // The topic that the comment in compose.yaml reads from, and the write key that it writes with.
    let compose = file("compose.yaml");
    let topic = answer[0]["output"]["topic"].as_str().expect("a topic");
    assert!(compose.contains(&format!("--topic {topic} ")), "{topic}");
    assert!(compose.contains(&format!("curl -u {}:", source["writeKey"].as_str().expect("a key"))));
    assert_eq!(answer[1]["output"]["topic"], "events");
    assert_eq!((&destination["config"]["hostName"], &destination["config"]["port"]), (&json!("kafka"), &json!("9092")));
    assert!(compose.contains("KAFKA_ADVERTISED_LISTENERS: PLAINTEXT://kafka:9092\n"));
}
