//! The deployment files say about the service what is so. Their schemas are checked by `deploy/check.py`.

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
fn the_settings_in_kubernetes_are_settings() {
    let deployment = file("kubernetes/deployment.yaml");
    let environment = block(&deployment, "          env:");
    let mut count = 0;
    for (at, line) in environment.iter().enumerate() {
        let Some(name) = line.trim().strip_prefix("- name: ") else { continue };
        let value = environment.get(at + 1).and_then(|line| line.trim().strip_prefix("value: "));
        assert_is_setting(name, value.map(|value| value.trim_matches('"')));
        count += 1;
    }
    assert!(count >= 5, "{environment:?}");
    // The time that a pod gets to end holds what the service takes for it.
    let seconds = |mark: &str| {
        let at = deployment.lines().position(|line| line.trim() == mark).unwrap_or_else(|| panic!("no {mark}"));
        let line = deployment.lines().nth(at + 1).unwrap_or_default();
        line.trim().trim_start_matches("value: ").trim_matches('"').parse::<u64>().expect("seconds")
    };
    let grace = deployment.lines().find_map(|line| line.trim().strip_prefix("terminationGracePeriodSeconds: "));
    let grace: u64 = grace.and_then(|seconds| seconds.parse().ok()).expect("a time to end");
    assert!(grace > seconds("- name: DRAIN_DELAY") + seconds("- name: SHUTDOWN_TIMEOUT"));
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
    let (deployment, of_service) = (file("kubernetes/deployment.yaml"), file("kubernetes/service.yaml"));
    for (name, port) in [("http", service), ("metrics", metrics)] {
        assert!(deployment.contains(&format!("- name: {name}\n              containerPort: {port}\n")), "{name}");
        assert!(
            of_service.contains(&format!("- name: {name}\n      port: {port}\n      targetPort: {name}\n")),
            "{name}"
        );
    }
}

#[test]
fn probes_ask_what_the_service_answers() {
    let deployment = file("kubernetes/deployment.yaml");
    let server = Server::shared();
    let mut count = 0;
    for probe in ["startupProbe:", "livenessProbe:", "readinessProbe:"] {
        let lines = block(&deployment, &format!("          {probe}"));
        let field = |name: &str| {
            lines
                .iter()
                .find_map(|line| line.trim().strip_prefix(name))
                .unwrap_or_else(|| panic!("{probe} has no {name}"))
        };
        let address = match field("port: ") {
            "http" => server.address,
            "metrics" => server.metrics,
            other => panic!("{probe} asks at {other}"),
        };
        let response = crate::server::fetch(&format!("http://{address}{}", field("path: ")), "GET", &[], b"");
        assert_eq!(response.status, 200, "{probe}");
        count += 1;
    }
    assert_eq!(count, 3);
    assert!(file("kubernetes/servicemonitor.yaml").contains("- port: metrics\n      path: /metrics\n"));
    assert_eq!(crate::server::fetch(&format!("http://{}/metrics", server.metrics), "GET", &[], b"").status, 200);
}

#[test]
fn images_run_as_nobody_and_ask_themselves() {
    let dockerfile = file("Dockerfile");
    let last = dockerfile.rsplit("\nFROM ").next().expect("a stage");
    assert!(last.starts_with("scratch\n"), "nothing but the binary");
    for line in [
        "USER 65532:65532",
        "CMD [\"/rudder-kafka-transformer\", \"health\"]",
        "ENTRYPOINT [\"/rudder-kafka-transformer\"]",
    ] {
        assert!(last.contains(line), "{line}");
    }
    let (compose, deployment) = (file("compose.yaml"), file("kubernetes/deployment.yaml"));
    assert!(compose.contains("read_only: true") && compose.contains("user: \"65532:65532\""));
    assert!(deployment.contains("readOnlyRootFilesystem: true") && deployment.contains("runAsNonRoot: true"));
    let toolchain = env!("CARGO_PKG_RUST_VERSION");
    let image = dockerfile.lines().find_map(|line| line.strip_prefix("FROM rust:")).expect("a compiler");
    let minor =
        |version: &str| version.split('.').nth(1).and_then(|minor| minor.split('-').next()?.parse::<u32>().ok());
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
