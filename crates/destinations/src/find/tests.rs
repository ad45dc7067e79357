//! Tests that destinations are found in every supported input format.

use super::*;
use transform::family::KAFKA;

fn found(text: &str, given: Option<&'static Family>) -> Result<Vec<String>, String> {
    let found = destinations(Raw::parse(text).unwrap(), given)?;
    let ours = found.ours.iter().map(|found| {
        let sources: Vec<&str> = found.sources.iter().map(|source| source.name.as_str()).collect();
        format!("{}@{} {}", found.id, found.pointer, sources.join("+")).trim_end().to_owned()
    });
    let others = found.others.iter().map(|(kind, count)| format!("{count} {kind}").trim_end().to_owned());
    Ok(ours.chain(others).collect())
}

const KAFKA_D: &str = r#"{"id":"d","destinationDefinition":{"name":"KAFKA"},"config":{}}"#;

#[test]
fn destinations_are_found_in_workspace_configs_in_lists_and_in_bare_configs() {
    for (text, expected) in [
        (KAFKA_D.to_owned(), vec!["d@"]),
        (format!("[{KAFKA_D},7]"), vec!["d@/0", "1"]),
        (format!(r#"{{"destinations":[{KAFKA_D}]}}"#), vec!["d@/destinations/0"]),
        (format!(r#"{{"destinations":{{"x/y":{KAFKA_D}}}}}"#), vec!["d@/destinations/x~1y"]),
        (
            format!(r#"{{"sources":[{{"name":"web","destinations":[{KAFKA_D}]}}]}}"#),
            vec!["d@/sources/0/destinations/0 web"],
        ),
        (
            format!(
                r#"{{"Sources":[{{"name":"a","Destinations":[{KAFKA_D}]}},{{"name":"b","destinations":[{KAFKA_D},{{"destinationDefinition":{{"name":"S3"}}}},{{}}]}}]}}"#
            ),
            vec!["d@/Sources/0/Destinations/0 a+b", "1", "1 S3"],
        ),
        (
            format!(r#"{{"w-1":{{"sources":[{{"destinations":[{KAFKA_D}]}}]}}}}"#),
            vec!["d@/w-1/sources/0/destinations/0"],
        ),
        (format!(r#"[{{"sources":[{{"destinations":[{KAFKA_D}]}}]}}]"#), vec!["d@/0/sources/0/destinations/0"]),
        (r#"{"sources":[]}"#.to_owned(), vec![]),
        (r#"{"sources":[null,{"destinations":null},7]}"#.to_owned(), vec![]),
    ] {
        assert_eq!(found(&text, None), Ok(expected.into_iter().map(str::to_owned).collect()), "{text}");
    }
    assert_eq!(found(r#"{"hostName":"a"}"#, Some(&KAFKA)), Ok(vec!["@".to_owned()]));
    assert_eq!(found(r#"{"destinations":[{"hostName":"a"},{}]}"#, Some(&KAFKA)).map(|ours| ours.len()), Ok(2));
    assert_eq!(found(&KAFKA_D.replace("\"config\"", "\"sources\":[],\"config\""), None), Ok(vec!["d@".to_owned()]));
    assert_eq!(found(r#"{"Config":{}}"#, Some(&KAFKA)), Ok(vec!["@".to_owned()]));
    assert_eq!(
        found(r#"{"Config":{},"destinationDefinition":{"name":"S3"}}"#, Some(&KAFKA)),
        Ok(vec!["1 S3".to_owned()])
    );
}

#[test]
fn destinations_with_the_same_id_are_merged_if_equal_and_marked_if_different() {
    let other = KAFKA_D.replace("{}", r#"{"topic":"t"}"#);
    let text = format!("[{KAFKA_D},{other},{KAFKA_D},{other}]");
    let found = destinations(Raw::parse(&text).unwrap(), None).unwrap();
    let differs: Vec<bool> = found.ours.iter().map(|found| found.differs).collect();
    assert_eq!(differs, [false, true]);
}

#[test]
fn json_is_rejected_if_it_has_no_destination_or_no_destination_type() {
    for (text, word) in [
        ("7", "workspaceConfig.json"),
        ("[]", "empty"),
        ("{}", "supported formats"),
        (r#"{"a":1}"#, "supported formats"),
        (r#"{"id":"a","name":"b"}"#, "--family"),
        (r#"{"hostname":"a"}"#, "--family"),
        (r#"{"Config":{}}"#, "--family"),
        (r#"[{"Config":{}}]"#, "--family"),
    ] {
        let problem = found(text, None).expect_err(text);
        assert!(problem.contains(word), "{text}: {problem}");
    }
}

#[test]
fn destinations_in_the_formats_of_the_control_plane_api_and_rudder_cli_are_found() {
    let api = r#"{"id":"d","type":"KAFKA","name":"K","config":{"topic":"t"}}"#;
    let cli = r#"{"version":"rudder/v1","kind":"destination","spec":{"id":"d","display_name":"K","type":"kafka","config":{"topic":"t"}}}"#;
    for (text, expected) in [
        (api.to_owned(), "d@"),
        (format!("[{api}]"), "d@/0"),
        (format!(r#"{{"destinations":[{api}],"paging":{{}}}}"#), "d@/destinations/0"),
        (format!(r#"{{"destination":{api}}}"#), "d@/destination"),
        (api.replace("\"KAFKA\"", "\"confluent_cloud\""), "d@"),
        (api.replace(r#""name":"K","#, r#""sources":[{"id":"s"}],"#), "d@"),
        (cli.to_owned(), "d@/spec"),
        (format!("[{cli}]"), "d@/0/spec"),
        (api.replace("KAFKA", "S3"), "1 S3"),
        (cli.replace("\"destination\"", "\"event-stream-source\""), "1 kind: event-stream-source"),
    ] {
        assert_eq!(found(&text, None), Ok(vec![expected.to_owned()]), "{text}");
    }
    // A value that looks like a destination is not a Config, regardless of the given family.
    for text in [
        r#"{"id":"d","name":"K"}"#,
        r#"{"destinationDefinition":{"name":"KAFKA"},"topic":"t"}"#,
        r#"{"type":"KAFKA","enabled":true}"#,
    ] {
        let found = destinations(Raw::parse(text).unwrap(), Some(&KAFKA)).unwrap();
        assert!(found.ours[0].config.is_none(), "{text}");
    }
}

#[test]
fn the_enabled_and_dynamic_config_flags_of_a_destination_are_read() {
    let found = |text| destinations(Raw::parse(text).unwrap(), Some(&KAFKA)).unwrap().ours.remove(0);
    for (text, enabled, dynamic) in [
        (r#"{"Config":{},"hasDynamicConfig":false}"#, true, false),
        (r#"{"config":{},"hasDynamicConfig":false}"#, true, true),
        (r#"{"Config":{},"hasDynamicConfig":true,"Enabled":false}"#, false, true),
        (r#"{"config":{},"isEnabled":false}"#, false, true),
        (r#"{"config":{},"deleted":true}"#, false, true),
    ] {
        let found = found(text);
        assert_eq!((found.enabled, found.is_dynamic()), (enabled, dynamic), "{text}");
    }
}

#[test]
fn finding_many_destinations_with_the_same_id_takes_linear_time() {
    let one = |topic: usize| KAFKA_D.replace("{}", &format!(r#"{{"topic":"t{topic}"}}"#));
    let text = format!("[{}]", (0..5_000).map(one).collect::<Vec<_>>().join(","));
    let found = destinations(Raw::parse(&text).unwrap(), None).unwrap();
    assert_eq!(found.ours.iter().filter(|found| found.differs).count(), 4_999);
}

#[test]
fn variables_in_a_rudder_cli_file_are_reported_with_json_pointers() {
    let text = r#"{"kind":"destination","spec":{"type":"kafka","config":{"hostName":"{{ .HOST }}","topic":"{{ event.a || b }}",
        "eventToTopicMap":[{"from":"a","to":"{{ .T }}"}]}}}"#;
    let found = |text| destinations(Raw::parse(text).unwrap(), None).unwrap().ours.remove(0).variables();
    assert_eq!(found(text), ["/spec/config/hostName", "/spec/config/eventToTopicMap/0/to"]);
    assert!(found(r#"{"type":"KAFKA","config":{"hostName":"{{ .HOST }}"}}"#).is_empty());
}
