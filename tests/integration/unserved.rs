//! Without an upstream, requests that only rudder-transformer can serve are retried or rejected, counted, and logged as
//! errors.

use std::io::Write as _;

use serde_json::Value;

use crate::logs::Service;
use crate::server::{Response, Server, read_response};

const METADATA: &str =
    r#"{"jobId":1,"destinationId":"2fGkZ1","sourceId":"src-1","workspaceId":"ws1","destinationType":"GA4"}"#;

/// Returns requests. The items of each are its path, its body, its `endpoint` label in the metric, and the destination
/// type that the error names if the request is rejected.
fn requests() -> [(&'static str, String, &'static str, Option<&'static str>); 11] {
    let events = format!(r#"[{{"message":{{"userId":"s3cr3t"}},"metadata":{METADATA}}}]"#);
    let router = |dest_type: &str| format!(r#"{{"input":{events},"destType":"{dest_type}"}}"#);
    [
        ("/customTransform", events.clone(), "user_transformation", None),
        ("//customTransform/?x=s3cr3t", events.clone(), "user_transformation", None),
        ("/v0/validate", events.clone(), "tracking_plan", None),
        ("/v0/destinations/ga4", events.clone(), "destination", Some("ga4")),
        ("/v1/destinations/Confluent_Cloud/", events.clone(), "destination", Some("Confluent_Cloud")),
        ("/batch", router("hs"), "batch", Some("hs")),
        ("/batch", router("azure_event_hub"), "batch", Some("azure_event_hub")),
        ("/routerTransform", router("hs"), "router_transform", Some("hs")),
        ("/v1/destinations/webhook/proxy", "{}".to_owned(), "delivery", None),
        ("/deleteUsers", r#"[{"jobId":"1","destType":"am"}]"#.to_owned(), "deletion", None),
        ("/v2/sources/shopify", "{}".to_owned(), "source", None),
    ]
}

fn assert_counted(server: &Server) {
    let scrape = server.scrape();
    for (label, count) in [
        ("user_transformation", 2.0),
        ("tracking_plan", 1.0),
        ("destination", 2.0),
        ("batch", 2.0),
        ("router_transform", 1.0),
        ("delivery", 1.0),
        ("deletion", 1.0),
        ("source", 1.0),
    ] {
        let label = format!("endpoint=\"{label}\"");
        let counted = crate::metrics::value(&scrape, "kafka_transformer_unserved_requests_total", &[&label]);
        assert_eq!(counted, Some(count), "{label}");
    }
}

/// Sends every request to a service that supports only Apache Kafka, and then requests that rudder-server never sends.
fn send_all(flags: &[&str], check: impl Fn(&Response, &str, Option<&str>)) {
    let server = Server::start(&[&["--native-destinations=kafka"], flags].concat());
    for (path, body, _, name) in requests() {
        check(&server.post(path, &[], body.as_bytes()), path, name);
    }
    assert_counted(&server);
    for (method, path, body, error) in [
        ("POST", "/foo", "[]", "Not Found"),
        ("GET", "/customTransform", "", "Not Found"),
        ("GET", "/v0/destinations/ga4", "", "Not Found"),
        ("PUT", "/batch", "", "Not Found"),
        ("POST", "/v2/destinations/ga4", "[]", "Not Found"),
        ("POST", "/v0/destinations/no-such", "[]", "Unknown destination: no-such"),
        ("POST", "/batch", r#"{"destType":"no such","input":[]}"#, "Unknown destination: no such"),
    ] {
        let response = server.request(method, path, &[], body.as_bytes());
        assert_eq!((response.status, response.json()["error"].as_str()), (404, Some(error)), "{method} {path}");
        assert_eq!(response.header("X-Rudder-Should-Retry"), None);
    }
    assert_counted(&server);
    assert_eq!(server.transform(b"[]").status, 200);
}

#[test]
fn unserved_requests_get_a_retryable_503_by_default() {
    for flags in [&[][..], &["--unserved=retry"]] {
        send_all(flags, |response, path, _| {
            assert_eq!(response.status, 503, "{path}");
            assert_eq!(response.header("X-Rudder-Should-Retry"), Some("true"), "{path}");
            assert_eq!(response.header("X-Rudder-Error-Reason"), Some("unserved"), "{path}");
            assert_eq!(response.json()["error"], "Service Unavailable");
            assert!(response.text().contains("set UPSTREAM_TRANSFORMER_URL"), "{path}: {}", response.text());
        });
    }
}

#[test]
fn unserved_requests_get_404_if_the_unserved_setting_is_reject() {
    send_all(&["--unserved=reject"], |response, path, name| {
        assert_eq!((response.status, response.header("X-Rudder-Should-Retry")), (404, None), "{path}");
        match name {
            Some(name) => assert_eq!(response.text(), format!(r#"{{"error":"Unknown destination: {name}"}}"#)),
            None => {
                assert_eq!(response.json()["error"], "Not Found");
                assert!(response.text().contains("set UPSTREAM_TRANSFORMER_URL"), "{path}: {}", response.text());
            }
        }
    });
}

/// Returns path, endpoint, destination type, destination, source and workspace of each line. Every line must have the
/// level ERROR.
fn printed(lines: &[Value]) -> Vec<[Option<String>; 6]> {
    let names = ["path", "endpoint", "dest_type", "destination_id", "source_id", "workspace_id"];
    let line = |line: &Value| {
        assert_eq!(line["level"], "ERROR");
        assert!(!line.to_string().contains("s3cr3t"), "{line}");
        names.map(|name| line["fields"][name].as_str().map(str::to_owned))
    };
    lines.iter().map(line).collect()
}

#[test]
fn unserved_requests_are_logged_as_errors_with_their_destination() {
    let service = Service::start(&[]);
    let some = |text: &str| Some(text.to_owned());
    let mut expected = Vec::new();
    // At most ten lines are written per second.
    for (path, body, endpoint, name) in requests().into_iter().take(10) {
        if name == Some("azure_event_hub") || name == Some("Confluent_Cloud") {
            continue;
        }
        assert_eq!(service.request("POST", path, &[("X-Request-ID", "r-9")], body.as_bytes()).status, 503);
        let path = path.split('?').next().unwrap_or(path).to_owned();
        let mut ids = ["2fGkZ1", "src-1", "ws1"].map(some);
        let mut dest_type = name.map(str::to_owned).or(some("GA4"));
        match endpoint {
            "delivery" => (dest_type, ids) = (some("webhook"), [const { None }; 3]),
            "deletion" => (dest_type, ids) = (some("am"), [const { None }; 3]),
            _ => {}
        }
        let [destination, source, workspace] = ids;
        expected.push([Some(path), some(endpoint), dest_type, destination, source, workspace]);
    }
    let text = "request not served, rudder-server keeps the events and retries: ";
    let log = service.stop();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let message = |line: &&Value| line["fields"]["message"].as_str().is_some_and(|message| message.starts_with(text));
    let lines: Vec<Value> = lines.iter().filter(message).cloned().collect();
    assert_eq!(printed(&lines), expected);
    assert!(lines.iter().all(|line| line["fields"]["request_id"] == "r-9"), "{lines:?}");
    assert!(lines[0].to_string().contains("user transformations are not served by this service: set UPSTREAM"));
}

#[test]
fn log_lines_of_unserved_requests_are_rate_limited() {
    let service = Service::start(&[("UNSERVED", "reject")]);
    let started = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(service.request("POST", "/customTransform", &[], b"[]").status, 404);
    }
    let seconds = usize::try_from(started.elapsed().as_secs()).expect("few") + 2;
    let log = service.stop();
    let lines = log.matches("request not served, rudder-server drops the events: ").count();
    assert!((10..=10 * seconds).contains(&lines), "{lines} lines in {seconds} s");
}

#[test]
fn responses_to_unserved_requests_do_not_wait_for_stalled_or_huge_bodies() {
    let server = Server::start(&["--max-body-bytes=1000"]);
    for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let mut stream = server.connect();
        let head = format!("POST /customTransform HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        assert_eq!(read_response(&mut stream).status, 503, "{framing}");
    }
    // This body is larger than the part that the service inspects, and larger than the body limit.
    let events = format!(r#"[{{"metadata":{METADATA},"message":"{}"}}]"#, "x".repeat(300_000));
    assert_eq!(server.post("/v0/destinations/ga4", &[], events.as_bytes()).status, 503);
    let unknown_coding = [("Content-Encoding", "zstd")];
    assert_eq!(server.post("/v0/destinations/ga4", &unknown_coding, b"x").status, 503);
    assert_eq!(server.get("/health").status, 200);
}
