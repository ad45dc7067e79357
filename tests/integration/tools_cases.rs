//! Cases of `explain` and `transform`, one per file in `test-fixtures/tools`. They cover destinations in every format,
//! and events that the service transforms but rudder-server drops. Both tools agree on exit code and findings, and
//! `POST /explain` agrees with them on the outcome of each event.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::server::Server;
use crate::tools::{Folder, run};

struct Case {
    name: String,
    destination: Vec<u8>,
    arguments: Vec<String>,
    events: Vec<u8>,
    code: i32,
    says: Vec<String>,
    says_not: Vec<String>,
}

/// Replaces each string `@x N` with N times the letter x.
fn repeated(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(count) = text.strip_prefix("@x ") {
                *text = "x".repeat(count.parse().expect("a number"));
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(repeated),
        Value::Object(fields) => fields.values_mut().for_each(repeated),
        _ => {}
    }
}

/// Returns the bytes of a file. A string is written verbatim or as UTF-16, and any other value as JSON.
fn bytes(mut value: Value) -> Vec<u8> {
    repeated(&mut value);
    match value {
        Value::String(text) => match text.strip_prefix("@utf16 ") {
            Some(text) => [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
            None => text.into_bytes(),
        },
        value => value.to_string().into_bytes(),
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-fixtures/tools");
    let mut paths: Vec<_> = fs::read_dir(folder).expect("fixtures").map(|entry| entry.expect("one").path()).collect();
    paths.sort();
    assert!(paths.len() >= 50, "only {} cases", paths.len());
    let read = |path: &std::path::PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut case: Value = serde_json::from_slice(&fs::read(path).expect("a fixture")).expect(&name);
        assert!(case["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().map(|text| text.as_str().expect("a text").to_owned()).collect()
        };
        Case {
            destination: bytes(case["destination"].take()),
            arguments: texts(&case["arguments"]),
            events: bytes(case["events"].take()),
            code: i32::try_from(case["code"].as_i64().expect("a code")).expect("small"),
            says: texts(&case["says"]),
            says_not: texts(&case["saysNot"]),
            name,
        }
    };
    paths.iter().map(read).collect()
}

#[test]
fn explain_and_transform_have_the_expected_output_and_exit_code_in_each_case() {
    let folder = Folder::new("cases");
    for case in cases() {
        let destination = folder.write("destination", &case.destination);
        for tool in [&["explain"][..], &["explain", "--format=json"], &["transform"]] {
            let mut arguments: Vec<&str> = tool.to_vec();
            arguments.extend(["--destination", &destination]);
            arguments.extend(case.arguments.iter().map(String::as_str));
            let ran = run(&arguments, &case.events);
            // JSON escapes quotes within strings.
            let printed = format!("{}{}", ran.out.replace("\\\"", "\""), ran.err);
            let shown = &printed[..printed.len().min(3000)];
            assert_eq!(ran.code, Some(case.code), "{} {tool:?}: {shown}", case.name);
            for word in &case.says {
                assert!(word.split('|').any(|word| printed.contains(word)), "{} {tool:?}: {word}: {shown}", case.name);
            }
            for word in &case.says_not {
                assert!(!printed.contains(word.as_str()), "{} {tool:?}: {word}: {shown}", case.name);
            }
            assert!(case.code != 2 || ran.out.is_empty() && ran.err.lines().count() <= 4, "{}: {shown}", case.name);
        }
    }
}

#[test]
fn explain_endpoint_and_tools_agree_on_which_events_are_undeliverable() {
    let mut compared = 0;
    for case in cases() {
        let Ok(events) = serde_json::from_slice::<Value>(&case.events) else { continue };
        let Ok(destination) = String::from_utf8(case.destination.clone()) else { continue };
        let argument = |name: &str| {
            let at = case.arguments.iter().position(|argument| argument == name)?;
            case.arguments.get(at + 1)
        };
        let batch_bytes = argument("--batch-bytes").map(|bytes| bytes.parse::<u64>().expect("a number"));
        // The request contains no whitespace between values.
        let body = json!({
            "events": if events.is_array() { events } else { json!([events]) },
            "destination": destination,
            "destinationId": argument("--destination-id"),
            "destinationName": argument("--destination-name"),
            "family": argument("--family"),
            "batchBytes": batch_bytes,
        });
        let body = body.to_string();
        if body.len() > 1 << 20 {
            continue;
        }
        let response = Server::shared().post("/explain", &[], body.as_bytes());
        assert_eq!(response.status, if case.code == 2 { 400 } else { 200 }, "{}: {}", case.name, response.text());
        if case.code < 2 {
            let explained = response.json();
            let outcomes = explained["events"].as_array().expect("events").iter().map(|event| &event["outcome"]);
            let any_dropped = outcomes.clone().any(|outcome| outcome == "undeliverable");
            assert_eq!(any_dropped, case.code == 1, "{}: {}", case.name, response.text());
            for event in explained["events"].as_array().expect("events") {
                assert_eq!(event.get("problems").is_some(), event["outcome"] == "undeliverable", "{}", case.name);
            }
        }
        compared += 1;
    }
    assert!(compared >= 40, "only {compared} cases");
}

#[test]
fn explain_endpoint_rejects_several_destinations_and_lists_them() {
    let destinations = json!([
        { "id": "a", "name": "A", "type": "KAFKA", "config": {} },
        { "id": "b", "name": "B", "type": "CONFLUENT_CLOUD", "enabled": false, "config": { "password": "s3cret" } },
    ]);
    let body = json!({ "events": [], "destination": destinations }).to_string();
    let response = Server::shared().post("/explain", &[], body.as_bytes());
    assert_eq!(response.status, 400);
    assert_eq!(
        response.json(),
        json!({
            "error": "Bad Request",
            "message": "destination: it has 2 destinations; choose one with destinationId or destinationName: \"A\" (ID \"a\"), \"B\" (ID \"b\")",
            "destinations": [
                { "id": "a", "name": "A", "family": "kafka", "enabled": true },
                { "id": "b", "name": "B", "family": "confluent_cloud", "enabled": false },
            ],
        })
    );
}

#[test]
fn explain_summary_counts_the_events_that_rudder_server_drops() {
    let folder = Folder::new("dropped");
    let destination = folder.write("destination.json", r#"{"topic":"{{ event.tenant || events }}"}"#);
    let events = "{\"tenant\":\"a\"}\n{\"tenant\":\"a b\"}\n{\"tenant\":\"c/d\"}\nnull\n";
    let ran = run(&["explain", "--destination", &destination, "--summary"], events);
    assert_eq!(ran.code, Some(1));
    for row in [
        "4 events, 3 transformed, 1 rejected, 2 dropped by rudder-server\n",
        "\ndropped because                           events    share\ntopic_illegal                                  2    66.7%  Kafka does not allow the name of the topic: …\n",
    ] {
        assert!(ran.out.contains(row), "{row}\n{}", ran.out);
    }
    let ran = run(&["transform", "--destination", &destination, "--payloads"], events);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(1), 3), "{}", ran.out);
    assert_eq!(
        ran.err.lines().collect::<Vec<_>>(),
        [
            "stdin:2: not produced: Kafka does not allow the name of the topic: it contains \" \"; only letters, digits, `.`, `_` and `-` are allowed",
            "stdin:3: not produced: Kafka does not allow the name of the topic: it contains \"/\"; only letters, digits, `.`, `_` and `-` are allowed",
            "stdin:4: rejected: the event is not a JSON object",
        ]
    );
}

#[test]
fn stdin_can_be_the_destination_or_the_events_but_not_both() {
    let folder = Folder::new("stdin");
    let destination = r#"{"topic":"t"}"#;
    let events = folder.write("events.json", "{}");
    let expected = "{\"message\":{},\"userId\":\"\",\"topic\":\"t\"}\n";
    let ran = run(&["transform", "--payloads", "--destination", "-", &events], destination);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), expected, ""));
    let file = folder.write("destination.json", destination);
    for files in [&[][..], &["-"]] {
        let ran = run(&[&["transform", "--payloads", "--destination", &file], files].concat(), "{}");
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), expected));
    }
    for arguments in [
        &["transform", "--destination", "-"][..],
        &["explain", "--destination", "-", "-"],
        &["explain", "-", "-"],
        &["check", "-", "-"],
    ] {
        let ran = run(arguments, destination);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ran.err.starts_with("error: stdin can be read only once"), "{}", ran.err);
    }
    for selector in ["--destination-id", "--destination-name"] {
        assert_eq!(run(&["transform", selector, "x"], "{}").code, Some(2), "{selector} needs --destination");
    }
}

#[test]
fn all_tools_report_missing_files_and_directories_with_the_same_message() {
    let folder = Folder::new("missing");
    let events = folder.write("events.json", "{}");
    let directory = env!("CARGO_TARGET_TMPDIR");
    for (path, reason) in [("/nowhere/at-all", "no such file"), (directory, "it is a directory, not a file")] {
        for arguments in [
            &["check", path][..],
            &["transform", path],
            &["explain", path],
            &["transform", "--destination", path, &events],
            &["explain", "--destination", path, &events],
        ] {
            let ran = run(arguments, "");
            assert_eq!((ran.code, ran.err), (Some(2), format!("error: {path}: {reason}\n")), "{arguments:?}");
        }
    }
}

#[test]
fn check_reads_yaml_destinations_and_skips_other_destination_types() {
    let folder = Folder::new("check");
    let cli = folder.write(
        "kafka.yaml",
        "kind: destination\nspec:\n  id: k\n  display_name: K\n  type: kafka\n  enabled: false\n  config:\n    host_name: kafka.example.com\n    \
         port: \"9093\"\n    topic: t\n    ssl_enabled: true\n    use_sasl: true\n    sasl_type: plain\n",
    );
    let other = folder.write("s3.yaml", "kind: destination\nspec:\n  type: s3\n  config: {}\n");
    for (arguments, code, word) in [
        (&["check", &cli][..], 1, "/spec/config"),
        (&["check", "--no-secrets", &cli], 0, "SASL_SSL|no problems|nothing is wrong"),
        (&["check", "--enabled-only", &cli], 0, "sasl/password-missing"),
        (&["check", "--no-secrets", &other, &cli], 0, "skipped: 1 s3"),
        (&["check", &other], 2, "nothing was checked"),
    ] {
        let ran = run(arguments, "");
        let printed = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {printed}");
        assert!(word.split('|').any(|word| printed.contains(word)), "{arguments:?}: {printed}");
    }
}
