//! The `explain` command: its text and JSON output, its summary, and errors for malformed input.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::tools::{DESTINATION, Folder, Ran, run};

fn json_lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn explain_prints_the_topic_rule_that_applies_and_the_skipped_rules() {
    let folder = Folder::new("printed");
    let destination = folder.write(
        "destination.json",
        r#"{"topic":"{{ event.tier || silver }}","enableMultiTopic":true,"eventToTopicMap":[{"from":"Paid","to":"money"}]}"#,
    );
    let arguments = ["explain", "--destination", &destination, "--partitions", "12"];
    let ran = run(
        &arguments,
        r#"{"type":"track","event":"Else","channel":"sources","timestamp":0,"tier":"gold","userId":"u-42"}"#,
    );
    let lines = [
        "stdin:1",
        "  topic      gold                  by Config.topic",
        "    skipped  topic of the message's integrations: the message has no integrations",
        "             Config.eventTypeToTopicMap: message.type is \"track\"; track events are looked up by name in eventToTopicMap instead",
        "             Config.eventToTopicMap: eventToTopicMap has no entry for \"Else\"",
        "  key        u-42                  partition 1 (0–11), from message.userId",
        "  timestamp  0                     unchanged, equal to message.timestamp",
        "  templates  Config/topic          message.tier = \"gold\", removed from the event",
        r#"  response   {"output":{"message":{"type":"track","event":"Else","channel":"sources","timestamp":0,"userId":"u-42"},"userId":"u-42","topic":"gold"},"metadata":{"rudderId":"undefined<<>>gold"},"statusCode":200}"#,
        "",
        "",
    ];
    assert_eq!(ran, Ran { code: Some(0), out: lines.join("\n"), err: String::new() });

    let ran = run(&arguments, r#"[{"message":{"userId":"\u001b[31m\n"},"metadata":{}}, {"message":{},"metadata":7}]"#);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("stdin:1:2\n"), "{}", ran.out);
    assert!(ran.out.contains("  key        \\u{1b}[31m\\n "), "{}", ran.out);
    assert!(ran.out.contains("message.tier not found, default used: \"silver\""), "{}", ran.out);
    assert!(
        ran.out.contains("  rejected   the event's metadata is not a JSON object  metadata_not_an_object, error type: instrumentation\n"),
        "{}",
        ran.out
    );
}

#[test]
fn explain_json_output_contains_every_event_and_then_the_summary() {
    let folder = Folder::new("json");
    let destination = folder.write("destination.json", DESTINATION);
    let mut events = String::new();
    for index in 0..30 {
        let _ = writeln!(events, r#"{{"type":"track","event":"Paid","userId":"u-{}"}}"#, index % 3);
    }
    events.push_str("[{\"type\":\"page\"},null]\nnope\n");
    let ran = run(&["explain", "--destination", &destination, "--partitions=4", "--format=json"], &events);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), "stdin:32:2: not JSON: expected ident\n"));
    let printed = json_lines(&ran);
    assert_eq!(printed.len(), 33);
    for (index, event) in printed[..32].iter().enumerate() {
        assert_eq!(event["index"], json!(index));
        assert_eq!((&event["file"], &event["line"]), (&json!("stdin"), &json!((index + 1).min(31))));
    }
    assert_eq!((&printed[0]["topic"]["value"], &printed[0]["topic"]["rule"]), (&json!("money"), &json!("event_name")));
    assert_eq!((&printed[0]["key"]["value"], printed[0].get("event")), (&json!("u-0"), None));
    assert_eq!((&printed[31]["event"], &printed[31]["rejection"]["code"]), (&json!(2), &json!("event_not_an_object")));
    let response: Value = serde_json::from_str(printed[0]["response"].as_str().expect("text")).expect("JSON");
    assert_eq!(response["output"]["topic"], "money");
    let partition = |index: usize| printed[index]["key"]["partition"].as_u64().and_then(|at| usize::try_from(at).ok());
    let mut partitions = [0; 4];
    for index in 0..31 {
        partitions[partition(index).expect("a partition")] += 1;
    }
    assert_eq!(
        printed[32],
        json!({ "summary": {
            "events": 32, "transformed": 31, "undeliverable": 0, "rejected": 1,
            "topics": [{ "topic": "money", "events": 30, "share": 0.9677 }, { "topic": "events", "events": 1, "share": 0.0323 }],
            "otherTopics": 0,
            "rules": [{ "rule": "event_name", "events": 30, "share": 0.9677 }, { "rule": "default", "events": 1, "share": 0.0323 }],
            "keySources": [{ "source": "user_id", "events": 30, "share": 0.9677 }, { "source": "empty", "events": 1, "share": 0.0323 }],
            "rejections": [{ "code": "event_not_an_object", "events": 1 }],
            "problems": [],
            "warnings": [],
            "keys": { "distinct": 4, "shortBy": 0, "hottest": [
                { "key": "u-0", "events": 10, "share": 0.3226, "partition": partition(0) },
                { "key": "u-1", "events": 10, "share": 0.3226, "partition": partition(1) },
                { "key": "u-2", "events": 10, "share": 0.3226, "partition": partition(2) },
                { "key": "", "events": 1, "share": 0.0323, "partition": partition(30) },
            ] },
            "partitions": { "count": 4, "events": partitions },
        } })
    );
    let ran = run(&["explain", "--destination", &destination, "--partitions=4", "--format=json", "--summary"], &events);
    assert_eq!(json_lines(&ran), printed[32..]);
}

#[test]
fn explain_prints_20_of_many_events_and_a_summary() {
    let folder = Folder::new("many");
    let destination = folder.write("destination.json", DESTINATION);
    let mut events = String::new();
    for index in 0..40_000 {
        let key = if index % 2 == 0 { "hot".to_owned() } else { format!("u-{index}") };
        let _ = writeln!(events, r#"{{"type":"track","event":"Paid","userId":"{key}"}}"#);
    }
    let arguments = ["explain", "--destination", &destination, "--partitions", "3"];
    let ran = run(&arguments, &events);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(ran.out.matches("\n  topic ").count(), 20);
    assert!(ran.out.contains("… and 39980 more; use --all to show every event. Summary:\n"));
    let summary = run(&[&arguments[..], &["--summary", "--jobs", "1"]].concat(), &events);
    assert!(ran.out.ends_with(&summary.out), "{}", summary.out);
    for row in [
        "40000 events, 40000 transformed, none rejected\n",
        "\nmoney                                      40000   100.0%\n",
        "\nConfig.eventToTopicMap                     40000   100.0%\n",
        "\nhottest of 20001 keys                     events    share  partition\nhot                                        20000    50.0%          ",
        "\npartition (0–2)                           events    share  (even: 33.3%)\n0 ",
    ] {
        assert!(summary.out.contains(row), "{row}\n{}", summary.out);
    }
    let all = run(&[&arguments[..], &["--all"]].concat(), &events[..events.len() / 100]);
    assert!(all.out.matches("\n  topic ").count() > 300);
    assert!(!all.out.contains("All together"), "{}", all.out);
}

#[test]
fn explain_reports_malformed_input_like_transform() {
    let printed = "error: stdin:1:1: not JSON: expected value (use --lines to skip lines that are not JSON)\n";
    assert_eq!(run(&["explain"], "garbage"), Ran { code: Some(2), out: String::new(), err: printed.to_owned() });
    // Events before the point of failure are still reported.
    let ran = run(&["explain", "--summary"], "[{\"message\":{}},");
    assert_eq!((ran.code, ran.out.lines().next()), (Some(2), Some("1 events, 0 transformed, 1 rejected")));
    for partitions in ["0", "1000001", "x"] {
        assert_eq!(run(&["explain", "--partitions", partitions], "").code, Some(2), "{partitions}");
    }
}
