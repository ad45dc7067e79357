//! What `/metrics` shows after known requests.

use crate::server::Server;

/// The value of the first series of `name` with these labels.
pub fn value(scrape: &str, name: &str, labels: &[&str]) -> Option<f64> {
    scrape
        .lines()
        .find(|line| line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label)))
        .and_then(|line| line.rsplit(' ').next()?.parse().ok())
}

#[test]
fn requests_and_decisions_are_counted() {
    let server = Server::start(&["--instance-id=node-1"]);
    let event = r#"{"message":{"userId":"u"},"metadata":{},"destination":{"Config":{"topic":"t"}}}"#;
    let keyless = r#"{"message":{"integrations":{"KAFKA":{"topic":"i"}}},"metadata":{},"destination":{}}"#;
    assert_eq!(server.transform(format!("[{event},{event},{keyless},null]").as_bytes()).status, 200);
    let templated = r#"{"message":{"userId":"u","a":1},"metadata":{},"destination":{"Config":{"topic":"{{ event.a || x }}","x":"{{ event.b || y }}"}}}"#;
    assert_eq!(server.transform(format!("[{templated}]").as_bytes()).status, 200);
    assert_eq!(server.transform(b"nope").status, 400);
    assert_eq!(server.get("/a/path/that/a/client/made/up").status, 404);
    assert_eq!(server.request("BREW", "/health", &[], b"").status, 404);
    assert_eq!(server.post("/batch", &[], br#"{"destType":"KAFKA","input":[5]}"#).status, 200);

    let scrape = server.scrape();
    let instance = r#"instanceName="node-1""#;
    let rule = |rule: &str| format!("rule=\"{rule}\"");
    let count = |name: &str, label: &str| value(&scrape, name, &[label, instance, r#"destType="kafka""#]);
    assert_eq!(count("kafka_transformer_events_by_topic_rule_total", &rule("default")), Some(3.0));
    assert_eq!(count("kafka_transformer_events_by_topic_rule_total", &rule("integrations")), Some(1.0));
    assert_eq!(count("kafka_transformer_events_by_key_source_total", r#"source="user_id""#), Some(3.0));
    assert_eq!(count("kafka_transformer_events_by_key_source_total", r#"source="empty""#), Some(1.0));
    assert_eq!(count("kafka_transformer_events_rejected_total", r#"reason="event_not_an_object""#), Some(2.0));
    assert_eq!(count("kafka_transformer_events_by_way_total", r#"way="changed""#), Some(1.0));
    assert_eq!(count("kafka_transformer_events_by_way_total", r#"way="untouched""#), Some(3.0));
    assert_eq!(count("kafka_transformer_templates_total", r#"outcome="filled""#), Some(1.0));
    assert_eq!(count("kafka_transformer_templates_total", r#"outcome="defaulted""#), Some(1.0));
    let requests = |labels: &[&str]| value(&scrape, "transformer_http_request_duration_count", labels);
    let route = r#"route="/v0/destinations/{destination}""#;
    assert_eq!(requests(&[r#"code="200""#, route, r#"destType="kafka""#, instance]), Some(2.0));
    assert_eq!(requests(&[r#"code="400""#, route, r#"destType="kafka""#]), Some(1.0));
    assert_eq!(requests(&[r#"code="404""#, r#"method="GET""#, r#"route="unmatched""#]), Some(1.0));
    assert_eq!(requests(&[r#"method="other""#, r#"route="/health""#]), Some(1.0));
    assert!(!scrape.contains("made/up"), "a path is no label");
    assert!(value(&scrape, "process_resident_memory_bytes", &[instance]).is_some_and(|bytes| bytes > 1e6));
}
