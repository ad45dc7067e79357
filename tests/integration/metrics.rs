//! The values of `/metrics` after known requests (docs/contract.md#metric-labels).

use std::collections::{BTreeSet, HashSet};
use std::net::Shutdown;

use rudder_kafka_transformer::server::metrics::table::{self, Kind};
use serde_json::{Value, json};

use crate::overload::hold;
use crate::server::{PATIENCE, Server, exchange, read_response, samples, sum};

/// Returns a body with `count` events of the given source type and namespace.
fn events(count: usize, source_type: &str, namespace: &str) -> Vec<u8> {
    let metadata = json!({"sourceType": source_type, "destinationType": "KAFKA", "namespace": namespace});
    let event = json!({"message": {"userId": "u"}, "metadata": metadata, "destination": {"Config": {"topic": "t"}}});
    json!(vec![event; count]).to_string().into_bytes()
}

/// Returns the value of the first series of `name` with these labels.
pub fn value(scrape: &str, name: &str, labels: &[&str]) -> Option<f64> {
    scrape
        .lines()
        .find(|line| line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label)))
        .and_then(|line| line.rsplit(' ').next()?.parse().ok())
}

#[test]
fn metrics_count_requests_topic_rules_keys_rejections_and_templates() {
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
    assert_eq!(count("kafka_transformer_events_by_path_total", r#"path="rewritten""#), Some(1.0));
    assert_eq!(count("kafka_transformer_events_by_path_total", r#"path="fast""#), Some(3.0));
    assert_eq!(count("kafka_transformer_templates_total", r#"outcome="filled""#), Some(1.0));
    assert_eq!(count("kafka_transformer_templates_total", r#"outcome="defaulted""#), Some(1.0));
    let requests = |labels: &[&str]| value(&scrape, "transformer_http_request_duration_count", labels);
    let route = r#"route="/v0/destinations/{destination}""#;
    assert_eq!(requests(&[r#"code="200""#, route, r#"destType="kafka""#, instance]), Some(2.0));
    assert_eq!(requests(&[r#"code="400""#, route, r#"destType="kafka""#]), Some(1.0));
    assert_eq!(requests(&[r#"code="404""#, r#"method="GET""#, r#"route="unmatched""#]), Some(1.0));
    assert_eq!(requests(&[r#"method="other""#, r#"route="/health""#]), Some(1.0));
    assert!(!scrape.contains("made/up"), "paths are not labels");
    assert!(value(&scrape, "process_resident_memory_bytes", &[instance]).is_some_and(|bytes| bytes > 1e6));
}

#[test]
fn size_and_event_metrics_match_the_requests_sent() {
    let server = Server::start(&["--workers=1"]);
    let (mut sent, mut received, mut transformed) = (0, 0, 0);
    for (count, source_type) in [(1, "web"), (7, "ios"), (100, "web"), (180, "web"), (250, "ios")] {
        let body = events(count, source_type, "shop");
        let response = server.post("/v1/destinations/Kafka/", &[], &body);
        assert_eq!(response.status, 200);
        sent += body.len();
        received += response.body.len();
        transformed += count;
    }
    // A response is counted as in flight until its worker drops it, which may happen after the client has read the
    // whole response. Once the only worker serves another request, it has dropped the earlier response.
    assert_eq!(server.get("/health").status, 200);
    let scrape = server.scrape();
    let route = [r#"method="POST""#, r#"route="/v1/destinations/{destination}""#, r#"code="200""#];
    let total = |name: &str, labels: &[&str]| sum(&scrape, name, labels) as usize;
    assert_eq!(total("transformer_http_request_size_sum", &route), sent);
    assert_eq!(total("transformer_http_request_size_count", &route), 5);
    assert_eq!(total("transformer_http_response_size_sum", &route), received);
    let origin = [
        r#"destination="kafka""#,
        r#"version="v1""#,
        r#"destVersion="1""#,
        r#"destinationType="KAFKA""#,
        r#"k8_namespace="shop""#,
    ];
    for name in ["transformer_dest_transform_input_events", "transformer_dest_transform_output_events"] {
        assert_eq!(total(&format!("{name}_sum"), &origin), transformed);
        assert_eq!(total(&format!("{name}_sum"), &[r#"sourceType="ios""#]), 257);
        assert_eq!(total(&format!("{name}_bucket"), &[r#"le="100""#]), 3);
        assert_eq!(total(&format!("{name}_bucket"), &[r#"le="200""#]), 4);
    }
    assert_eq!(total("kafka_transformer_events_by_topic_rule_total", &[]), transformed);
    assert_eq!(total("kafka_transformer_events_by_key_source_total", &[]), transformed);
    assert_eq!(total("kafka_transformer_events_by_path_total", &[]), transformed);
    assert_eq!(total("transformer_http_concurrent_requests", &[]), 0);
    assert_eq!(total("kafka_transformer_in_flight_bytes", &[]), 0);
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert_eq!(total("kafka_transformer_build_info", &[&version]), 1);
}

#[test]
fn the_request_size_metric_counts_the_bytes_of_a_chunked_body() {
    let server = Server::start(&[]);
    let body = events(3, "web", "shop");
    let head =
        "POST /v0/destinations/kafka HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let chunked = [head.as_bytes(), format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    let mut stream = server.connect();
    assert_eq!(exchange(&mut stream, &chunked).status, 200);
    assert_eq!(sum(&server.scrape(), "transformer_http_request_size_sum", &[]) as usize, body.len());
}

#[test]
fn a_request_is_counted_as_in_flight_while_its_body_is_received() {
    let server = Server::start(&[]);
    let body = events(1, "web", "shop");
    let head = format!(
        "POST /v0/destinations/kafka HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    let mut stream = server.connect();
    // `100 Continue` shows that the request is open.
    assert_eq!(exchange(&mut stream, head.as_bytes()).status, 100);
    let scrape = server.scrape();
    assert_eq!(sum(&scrape, "transformer_http_concurrent_requests", &[]), 1.0);
    assert_eq!(sum(&scrape, "kafka_transformer_in_flight_bytes", &[]), 0.0, "missing bytes are not counted");
    let (most, last) = body.split_at(body.len() - 1);
    std::io::Write::write_all(&mut stream, most).expect("the body is sent");
    let began = std::time::Instant::now();
    while sum(&server.scrape(), "kafka_transformer_in_flight_bytes", &[]) as usize != most.len() {
        assert!(began.elapsed() < PATIENCE, "received bytes are not counted");
        std::thread::yield_now();
    }
    std::io::Write::write_all(&mut stream, last).expect("the body is sent");
    assert_eq!(read_response(&mut stream).status, 200);
    assert_eq!(sum(&server.scrape(), "transformer_http_concurrent_requests", &[]), 0.0);
}

#[test]
fn overload_rejections_are_counted_with_the_exceeded_limit_as_label() {
    let server = Server::start(&["--max-in-flight-bytes=100000"]);
    let first = hold(&server, 70_000);
    assert_eq!(server.transform(&[b' '; 50_000]).status, 503);
    let scrape = server.scrape();
    assert_eq!(sum(&scrape, "kafka_transformer_overload_rejections_total", &[r#"limit="in_flight_bytes""#]), 1.0);
    assert_eq!(sum(&scrape, "kafka_transformer_overload_rejections_total", &[]), 1.0);
    let route = r#"route="/v0/destinations/{destination}""#;
    assert_eq!(sum(&scrape, "transformer_memory_fenced_requests", &[route]), 1.0);
    first.shutdown(Shutdown::Both).expect("the client disconnects");
}

#[test]
fn clients_cannot_create_an_unbounded_number_of_metric_series() {
    let server = Server::start(&["--max-wait-milliseconds=10000"]);
    let mut stream = server.connect();
    for index in 0..10_000 {
        let path = format!("/a/path/nobody/knows/{index}");
        let request = format!("GET {path} HTTP/1.1\r\nHost: t\r\n\r\n");
        assert_eq!(exchange(&mut stream, request.as_bytes()).status, 404);
        let body = events(1, &format!("type {}", index % 300), &format!("namespace {index}"));
        let head = format!("POST /v0/destinations/kafka HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n", body.len());
        assert_eq!(exchange(&mut stream, &[head.as_bytes(), &body].concat()).status, 200);
    }
    let scrape = server.scrape();
    assert!(!scrape.contains("nobody"));
    for name in ["transformer_dest_transform_input_events", "transformer_dest_transform_output_events"] {
        let series = samples(&scrape).filter(|(sample, ..)| *sample == format!("{name}_count"));
        assert!(series.count() <= 501);
        assert_eq!(sum(&scrape, &format!("{name}_sum"), &[]), 10_000.0, "events labeled `other` are counted too");
    }
    let routes: HashSet<&str> =
        samples(&scrape).filter_map(|(_, labels, _)| labels.split_once("route=\"")?.1.split('"').next()).collect();
    assert_eq!(routes, HashSet::from(["/v0/destinations/{destination}", "unmatched"]));
}

#[test]
fn metrics_endpoint_and_metrics_page_match_the_metric_table() {
    let server = Server::start(&["--destination-metrics=1"]);
    assert_eq!(server.transform(&events(1, "web", "shop")).status, 200);
    let scrape = server.scrape();
    let exposed: HashSet<&str> = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let mut expected = HashSet::new();
    for metric in table::ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        expected.insert(format!("{} {kind}", metric.name));
    }
    // This series does not exist before the first rejected request.
    expected.remove("transformer_memory_fenced_requests counter");
    // This series exists only with TLS.
    expected.remove("kafka_transformer_certificate_expiry_seconds gauge");
    let own: HashSet<String> =
        exposed.iter().filter(|line| !line.starts_with("process_")).map(ToString::to_string).collect();
    assert_eq!(own, expected);
    for (name, labels, _) in samples(&scrape) {
        let Some(metric) = table::ALL.iter().find(|metric| {
            name.strip_prefix(metric.name).is_some_and(|rest| matches!(rest, "" | "_sum" | "_count" | "_bucket"))
        }) else {
            assert!(name.starts_with("process_"), "{name}");
            continue;
        };
        for label in metric.labels.iter().chain(&["instanceName"]) {
            assert!(labels.contains(&format!("{label}=\"")), "{name} has no {label}");
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/metrics.md");
    let committed = std::fs::read_to_string(path).expect("docs/reference/metrics.md");
    assert!(
        committed == table::page(),
        "docs/reference/metrics.md is out of date: cargo run -- metrics > docs/reference/metrics.md"
    );
}

/// Returns the series of the event metrics that rudder-transformer has too, with their sums.
fn transformed_series(scrape: &str) -> BTreeSet<String> {
    let is_sum = |sample: &str| sample.starts_with("transformer_dest_transform_") && sample.ends_with("_events_sum");
    samples(scrape)
        .filter(|(sample, ..)| is_sum(sample))
        .map(|(sample, labels, value)| {
            let mut labels: Vec<&str> = labels.split("\",").map(|label| label.trim_end_matches(['"', '}'])).collect();
            labels.sort_unstable();
            format!("{sample} {} {value}", labels.join(" ").replace("=\"", "="))
        })
        .collect()
}

#[test]
fn event_metrics_have_the_same_series_as_in_rudder_transformer() {
    let server = Server::start(&[]);
    let event =
        |metadata: Value, destination: Value| json!({"message": {}, "metadata": metadata, "destination": destination});
    let full = json!({"sourceType": "web", "destinationType": "KAFKA", "namespace": "shop"});
    let later = event(json!({"sourceType": "ios"}), json!({"version": 9}));
    let batch = |first: Value| json!([first, later]).to_string();
    for first in [
        event(full.clone(), json!({"version": 2})),
        event(full.clone(), json!({"version": "3.5"})),
        event(full.clone(), json!({"version": null})),
        event(full.clone(), json!({"version": "new"})),
        event(json!({}), json!({})),
    ] {
        assert_eq!(server.transform(batch(first).as_bytes()).status, 200);
    }
    let compacted = json!({
        "input": [{"message": {}, "metadata": {"destinationId": "d", "sourceType": "web"}}],
        "destinations": {"d": {"version": 4}}, "connections": {},
    });
    let headers = [("X-Content-Format", "json+compactedv1")];
    let path = "/v1/destinations/confluent_cloud";
    assert_eq!(server.post(path, &headers, compacted.to_string().as_bytes()).status, 200);
    // A request to the router endpoint is counted as a transformation, with one entry per destination. A request to
    // /batch is not counted.
    let input =
        [("a", 1), ("b", 1), ("a", 2)].map(|(id, version)| event(full.clone(), json!({"ID": id, "version": version})));
    for path in ["/routerTransform", "/batch"] {
        let body = json!({"destType": "KAFKA", "input": input}).to_string();
        assert_eq!(server.post(path, &[], body.as_bytes()).status, 200);
    }
    let mut expected = BTreeSet::new();
    let mut expect = |destination, version, (dest_version, source_type, destination_type, namespace), input, output| {
        for (name, events) in [("input", input), ("output", output)] {
            expected.insert(format!(
                "transformer_dest_transform_{name}_events_sum destVersion={dest_version} destination={destination} \
                 destinationType={destination_type} instanceName=localhost k8_namespace={namespace} \
                 sourceType={source_type} version={version} {events}"
            ));
        }
    };
    expect("kafka", "v0", ("2", "web", "KAFKA", "shop"), 2, 2);
    expect("kafka", "v0", ("3", "web", "KAFKA", "shop"), 2, 2);
    // These sums include the events of two requests without a valid destination version, and those of the request to
    // /routerTransform.
    expect("kafka", "v0", ("1", "web", "KAFKA", "shop"), 4 + 3, 4 + 2);
    expect("kafka", "v0", ("1", "undefined", "undefined", "undefined"), 2, 2);
    expect("confluent_cloud", "v1", ("4", "web", "undefined", "undefined"), 1, 1);
    assert_eq!(transformed_series(&server.scrape()), expected);
}
