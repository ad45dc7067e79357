//! The information about requests that the log contains, and the data that the log must never contain.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr};
use std::time::Instant;

use serde_json::Value;

use crate::cli::{port, signal, start};
use crate::security::Folder;
use crate::server::{PATIENCE, Response, Server, exchange, fetch, fetch_unchecked};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Two events that are rejected for different reasons, and an event that is not rejected.
const BATCH: &str =
    r#"[null,{"message":{}},{"message":{"userId":"u"},"metadata":{"jobId":1},"destination":{"Config":{"topic":"t"}}}]"#;

/// Returns an event for a destination. The event is rejected because of its message.
fn rejected(destination: &str) -> String {
    format!(
        r#"{{"message":7,"metadata":{{"jobId":1,"destinationId":"{destination}","sourceId":"s-1","workspaceId":"w-1"}},"destination":{{}}}}"#
    )
}

/// A process of the service with LOG_FORMAT=json.
pub struct Service {
    child: Child,
    pub port: u16,
    log: BufReader<ChildStderr>,
}

impl Service {
    pub fn start(environment: &[(&str, &str)]) -> Self {
        let known =
            [("HOST", "127.0.0.1"), ("PORT", "0"), ("METRICS_PORT", "0"), ("WORKERS", "1"), ("LOG_FORMAT", "json")];
        let (child, line, log) = start(&[], &[&known, environment].concat());
        Self { child, port: port(&line), log }
    }

    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        fetch(&format!("http://127.0.0.1:{}{path}", self.port), method, headers, body)
    }

    fn transform(&self, headers: &[(&str, &str)], body: &str) -> Response {
        self.request("POST", "/v0/destinations/kafka", headers, body.as_bytes())
    }

    /// Stops the service and returns the lines that it logged after startup.
    pub fn stop(mut self) -> String {
        signal(&self.child, "TERM");
        let mut text = String::new();
        self.log.read_to_string(&mut text).expect("the log");
        assert_eq!(self.child.wait().expect("an exit").code(), Some(0), "{text}");
        text
    }

    /// Stops the service and returns the log lines with this message.
    pub fn lines(self, message: &str) -> Vec<Value> {
        self.lines_with(|other| other == message)
    }

    /// Stops the service and returns the log lines whose message matches.
    fn lines_with(self, matches: impl Fn(&str) -> bool) -> Vec<Value> {
        let text = self.stop();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")));
        lines.filter(|line: &Value| line["fields"]["message"].as_str().is_some_and(&matches)).collect()
    }
}

impl Drop for Service {
    /// Kills the process if the test panicked, because a process that stays alive would keep the output of the test
    /// runner open.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn every_request_is_logged_at_debug() {
    let service = Service::start(&[("LOG_LEVEL", "debug")]);
    let response = service.transform(&[("X-Request-ID", "r-1"), ("traceparent", TRACEPARENT)], BATCH);
    service.request("GET", "/nowhere", &[], b"");
    let lines = service.lines("request");
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["level"], "DEBUG");
    let mut fields = lines[0]["fields"].clone();
    let duration = fields["duration_ms"].take().as_f64().expect("milliseconds");
    assert!(duration > 0.0 && duration < 60_000.0, "{duration}");
    let expected = serde_json::json!({
        "message": "request",
        "request_id": "r-1",
        "method": "POST",
        "route": "/v0/destinations/{destination}",
        "status": 200,
        "duration_ms": null,
        "request_bytes": BATCH.len(),
        "response_bytes": response.body.len(),
        "dest_type": "kafka",
        "events": 3,
        "rejected": 2,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "parent_id": "b7ad6b7169203331",
    });
    assert_eq!(fields, expected);
    let fields = lines[1]["fields"].as_object().expect("fields");
    assert_eq!((&fields["status"], &fields["reason"]), (&404.into(), &"not_found".into()));
    for absent in ["route", "events", "rejected", "trace_id", "parent_id", "span_id", "dest_type"] {
        assert!(!fields.contains_key(absent), "{absent}: {fields:?}");
    }
}

#[test]
fn the_length_of_a_chunked_body_is_logged() {
    let service = Service::start(&[("LOG_LEVEL", "debug")]);
    let head = "POST /batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = r#"{"destType":"kafka","input":[null,null]}"#;
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).expect("a listener");
    let sent = format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    assert_eq!(exchange(&mut stream, sent.as_bytes()).status, 200);
    drop(stream);
    let lines = service.lines("request");
    let fields = &lines[0]["fields"];
    assert_eq!(fields["request_bytes"], body.len());
    assert_eq!((&fields["events"], &fields["rejected"]), (&2.into(), &2.into()));
    assert_eq!(fields["dest_type"], "kafka");
}

#[test]
fn a_batch_with_rejected_events_is_logged_with_counts() {
    let service = Service::start(&[]);
    service.transform(&[("X-Request-ID", "r-2"), ("traceparent", TRACEPARENT)], BATCH);
    service.transform(&[], "[]");
    let lines = service.lines("events rejected");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "WARN");
    let expected = serde_json::json!({
        "message": "events rejected",
        "request_id": "r-2",
        "method": "POST",
        "route": "/v0/destinations/{destination}",
        "status": 200,
        "dest_type": "kafka",
        "events": 3,
        "rejected": 2,
        "reasons": "event_not_an_object=1,metadata_missing=1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "parent_id": "b7ad6b7169203331",
    });
    assert_eq!(lines[0]["fields"], expected);
}

#[test]
fn a_rejected_request_is_logged_and_an_unknown_path_is_not() {
    let service = Service::start(&[("MAX_EVENTS", "2")]);
    let id = |number: usize| format!("r-{number}");
    let requests = [
        ("/v0/destinations/kafka", "{", Some((400, "bad_request"))),
        ("/v0/destinations/kafka", "[1,2,3]", Some((413, "payload_too_large"))),
        ("/v0/destinations/no-such", "[]", Some((404, "unknown_destination"))),
        ("/nowhere", "[]", None),
    ];
    for (number, (path, body, _)) in requests.iter().enumerate() {
        service.request("POST", path, &[("X-Request-ID", &id(number))], body.as_bytes());
    }
    let lines = service.lines("request rejected");
    let printed: Vec<_> = lines
        .iter()
        .map(|line| {
            assert_eq!(line["level"], "WARN");
            let fields = &line["fields"];
            (fields["request_id"].clone(), fields["status"].clone(), fields["reason"].clone())
        })
        .collect();
    let expected: Vec<_> = (0..)
        .zip(requests)
        .filter_map(|(number, (_, _, printed))| {
            printed.map(|(status, code)| (id(number).into(), status.into(), code.into()))
        })
        .collect();
    assert_eq!(printed, expected);
}

#[test]
fn a_request_rejected_under_overload_is_logged_with_limit_and_destination() {
    let service = Service::start(&[("MAX_IN_FLIGHT_BYTES", "200000")]);
    // The first request holds the received part of its body and waits for the rest.
    let mut first = TcpStream::connect(("127.0.0.1", service.port)).expect("a listener");
    first.write_all(b"POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: 140001\r\n\r\n").expect("sent");
    first.write_all(&[b' '; 140_000]).expect("sent");
    let second = format!("[{}{}]", rejected("d-1"), " ".repeat(60_000));
    let began = Instant::now();
    while service.transform(&[("X-Request-ID", "r-3")], &second).status != 503 {
        assert!(began.elapsed() < PATIENCE, "the first request's body is not counted");
    }
    drop(first);
    let lines = service.lines("request rejected under overload");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "WARN");
    let fields = &lines[0]["fields"];
    assert_eq!((&fields["request_id"], &fields["reason"]), (&"r-3".into(), &"overloaded".into()));
    assert_eq!((&fields["limit"], &fields["limit_value"]), (&"MAX_IN_FLIGHT_BYTES".into(), &200_000.into()));
    assert_eq!(ids(fields), ["d-1", "s-1", "w-1"]);
}

/// Returns the IDs of destination, source and workspace in a line.
fn ids(fields: &Value) -> [&str; 3] {
    ["destination_id", "source_id", "workspace_id"].map(|name| fields[name].as_str().unwrap_or_default())
}

#[test]
fn every_destination_with_rejected_events_has_its_own_log_line() {
    let service = Service::start(&[]);
    let [long, odd] = ["x".repeat(1 << 20), "a\\u001b[31m\\n".to_owned()];
    let good = rejected("d-2").replace("7,\"metadata", "{},\"metadata");
    let events = [rejected("d-1"), good, rejected("d-2"), rejected("d-1"), rejected(&long), rejected(&odd)];
    service.transform(&[], &format!("[{}]", events.join(",")));
    let router = format!(r#"{{"destType":"kafka","input":[{}]}}"#, rejected("d-3"));
    service.request("POST", "/batch", &[], router.as_bytes());
    let lines = service.lines("events rejected");
    let counts: Vec<_> = lines
        .iter()
        .map(|line| {
            let fields = &line["fields"];
            assert_eq!((&fields["dest_type"], ids(fields)[1..].join(" ")), (&"kafka".into(), "s-1 w-1".to_owned()));
            let [events, rejected] = ["events", "rejected"].map(|name| fields[name].as_u64().expect("a count"));
            let reasons = fields["reasons"].as_str().expect("reasons");
            (ids(fields)[0].to_owned(), events, rejected, reasons.to_owned())
        })
        .collect();
    let line =
        |id: &str, events, rejected| (id.to_owned(), events, rejected, format!("message_not_an_object={rejected}"));
    let long = format!("{}…", "x".repeat(64));
    let expected = [line("d-1", 2, 2), line("d-2", 2, 1), line(&long, 1, 1), line("", 1, 1), line("d-3", 1, 1)];
    assert_eq!(counts, expected);
}

#[test]
fn a_request_with_many_destinations_logs_a_bounded_number_of_lines() {
    let service = Service::start(&[]);
    let events: Vec<String> = (0..1_000).map(|number| rejected(&format!("d-{number}"))).collect();
    service.transform(&[], &format!("[{}]", events.join(",")));
    let lines = service.lines("events rejected");
    assert_eq!(lines.len(), 9);
    let sum: u64 = lines.iter().filter_map(|line| line["fields"]["rejected"].as_u64()).sum();
    assert_eq!(sum, 1_000);
    assert_eq!(ids(&lines[8]["fields"]), [""; 3], "the line for all other destinations");
}

#[test]
fn rejected_requests_are_logged_with_destination_and_cause() {
    let service = Service::start(&[("MAX_EVENTS", "2"), ("MAX_BODY_BYTES", "2000")]);
    let event = rejected("d-1");
    let large = format!("[{event},{}]", " ".repeat(2_000));
    for body in [format!("[{event},\n {{]"), format!("[{event},1,2]"), large] {
        service.transform(&[], &body);
    }
    let lines = service.lines("request rejected");
    let fields: Vec<&Value> = lines.iter().map(|line| &line["fields"]).collect();
    for fields in &fields {
        assert_eq!((ids(fields), &fields["dest_type"]), (["d-1", "s-1", "w-1"], &"kafka".into()), "{fields}");
    }
    let [malformed, events, bytes] = fields[..] else { panic!("{fields:?}") };
    assert_eq!((&malformed["line"], &malformed["column"]), (&2.into(), &3.into()), "{malformed}");
    assert!(malformed["detail"].as_str().is_some_and(|text| text.contains("not valid JSON")), "{malformed}");
    assert_eq!((&events["limit"], &events["limit_value"]), (&"MAX_EVENTS".into(), &2.into()));
    assert_eq!((&bytes["limit"], &bytes["limit_value"]), (&"MAX_BODY_BYTES".into(), &2_000.into()));
}

#[test]
fn upstream_failures_are_logged_with_destination_and_upstream_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let upstream = format!("http://{free}");
    let service = Service::start(&[("UPSTREAM_TRANSFORMER_URL", &format!("{upstream}/base"))]);
    let event = rejected("d-1").replace("\"jobId\":1", "\"jobId\":1,\"destinationType\":\"WEBHOOK\"");
    assert_eq!(service.request("POST", "/v0/destinations/webhook", &[], format!("[{event}]").as_bytes()).status, 502);
    let router = format!(r#"{{"destType":"webhook","input":[{event}]}}"#);
    assert_eq!(service.request("POST", "/batch", &[], router.as_bytes()).status, 502);
    let lines = service.lines("request failed");
    let found: Vec<_> = lines
        .iter()
        .map(|line| {
            let fields = &line["fields"];
            assert_eq!(ids(fields), ["d-1", "s-1", "w-1"], "{fields}");
            assert_eq!(
                (&fields["upstream"], &fields["reason"]),
                (&upstream.as_str().into(), &"upstream_unreachable".into())
            );
            (fields["path"].as_str().unwrap_or_default(), fields["dest_type"].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(found, [("/v0/destinations/webhook", "WEBHOOK"), ("/batch", "webhook")]);
}

#[test]
fn the_first_log_line_contains_the_configuration() {
    let environment =
        [("HOST", "127.0.0.1"), ("PORT", "0"), ("METRICS_PORT", "0"), ("WORKERS", "3"), ("LOG_FORMAT", "json")];
    let upstream = ("UPSTREAM_TRANSFORMER_URL", "http://127.0.0.1:1/base");
    let (mut child, line, _log) =
        start(&["--shadow-percent=5", "--page=metrics"], &[&environment[..], &[upstream]].concat());
    signal(&child, "KILL");
    child.wait().expect("an exit");
    let fields = serde_json::from_str::<Value>(&line).expect("JSON")["fields"].take();
    for (name, value) in [
        ("version", Value::from(env!("CARGO_PKG_VERSION"))),
        ("workers", 3.into()),
        ("max_connections", 1_000.into()),
        ("max_events", 100_000.into()),
        ("max_body_bytes", "200MiB".into()),
        ("max_wait_milliseconds", "30ms".into()),
        ("upstream", "http://127.0.0.1:1".into()),
        ("native_destinations", "kafka,azure_event_hub,confluent_cloud".into()),
        ("shadow_percent", 5.into()),
        ("tls", "off".into()),
        ("page", "metrics".into()),
    ] {
        assert_eq!(fields[name], value, "{name}: {line}");
    }
    assert!(fields["max_in_flight_bytes"].as_str().is_some_and(|size| size.ends_with("iB")), "{line}");
}

#[test]
fn log_lines_of_batches_with_rejected_events_are_rate_limited() {
    let service = Service::start(&[]);
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).expect("a listener");
    let request = "POST /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n[null]";
    let started = Instant::now();
    // This number of requests is low, so that the log would fit into the pipe even without the rate limit.
    for _ in 0..120 {
        assert_eq!(exchange(&mut stream, request.as_bytes()).status, 200);
    }
    let seconds = usize::try_from(started.elapsed().as_secs()).expect("a few") + 1;
    drop(stream);
    let lines = service.lines_with(|message| ["events rejected", "similar lines suppressed"].contains(&message));
    let (reports, lines): (Vec<_>, Vec<_>) = lines.iter().partition(|line| !line["fields"]["suppressed"].is_null());
    // At most ten lines are logged per second, and 120 requests take less than twelve seconds.
    assert!((10..=10 * (seconds + 1)).contains(&lines.len()), "{} lines in {seconds} s", lines.len());
    let suppressed: u64 = reports.iter().filter_map(|line| line["fields"]["suppressed"].as_u64()).sum();
    assert_eq!(suppressed + lines.len() as u64, 120, "every line is written or counted");
    for report in reports {
        assert_eq!((&report["level"], &report["fields"]["sample"]), (&"WARN".into(), &"events rejected".into()));
        assert_eq!(report["fields"]["source"], "rudder_kafka_transformer::server::request_log");
    }
}

#[test]
fn responses_have_the_request_id_of_the_client_or_a_generated_id() {
    let server = Server::start(&[]);
    for (method, path, status) in [
        ("GET", "/health", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/v0/destinations/kafka", 400),
        ("GET", "/test/panic", 500),
    ] {
        let response = server.request(method, path, &[("X-Request-ID", "kept-1")], b"");
        assert_eq!((response.status, response.header("X-Request-ID")), (status, Some("kept-1")), "{path}");
        let generated = [server.request(method, path, &[("X-Request-ID", "two words")], b""), server.get(path)]
            .map(|response| response.header("X-Request-ID").expect("an id").to_owned());
        assert!(generated.iter().all(|id| id.len() == 32), "{generated:?}");
        assert_ne!(generated[0], generated[1]);
    }
}

#[test]
fn contents_of_requests_are_not_logged() {
    let service = Service::start(&[("LOG_LEVEL", "trace")]);
    let marked = |name: &str| format!("{MARK}-{name}");
    let header = marked("header");
    let headers = [
        ("Authorization", header.as_str()),
        ("Cookie", &header),
        ("X-Write-Key", &header),
        ("User-Agent", &header),
        ("Content-Type", &header),
    ];
    let member = marked("member");
    let event = format!(
        r#"{{"message":{{"userId":"{member}","{member}":"{member}","event":"{member}"}},"metadata":{{"jobId":1,"{member}":"{member}","destinationId":"not {member}","sourceId":"{member}\\n","workspaceId":["{member}"]}},"destination":{{"ID":"{member}","{member}":1,"Config":{{"topic":"{{{{ message.{member} || {member} }}}}","{member}":"{member}"}}}}}}"#
    );
    let bodies = [
        format!("[{event}]"),
        format!(r#"[{event},"{member}",{{"message":"{member}","metadata":{{}}}}]"#),
        format!(r#"{{"destType":"kafka","input":[{event},null]}}"#),
        format!(r#"{{"destType":"{member}","input":[]}}"#),
        format!(r#"[{{"message":{member}}}]"#),
        format!("[\"{member}"),
        member.clone(),
    ];
    let path = marked("path");
    let paths = [
        "/v0/destinations/kafka",
        "/batch",
        "/routerTransform",
        &format!("/v0/destinations/{path}"),
        &format!("/{path}"),
    ];
    for path in paths {
        for body in &bodies {
            for more in [None, Some(("Content-Encoding", header.as_str())), Some(("Content-Encoding", "gzip"))] {
                let headers: Vec<_> = headers.into_iter().chain(more).collect();
                let target = format!("{path}?{MARK}-query={MARK}");
                let response = service.request("POST", &target, &headers, body.as_bytes());
                assert!(response.status < 500);
            }
        }
    }
    service.request("GET", &format!("/{path}?{MARK}"), &headers, b"");
    // Malformed HTTP is rejected before it reaches a route.
    for bad in [
        format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {MARK}\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {MARK}\r\n\r\n"),
        format!("{MARK} {MARK} {MARK}\r\n\r\n"),
        format!("POST /batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{MARK}\r\n\r\n"),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", service.port)).expect("a listener");
        assert!(exchange(&mut stream, bad.as_bytes()).status >= 400, "{bad}");
    }
    let log = service.stop();
    assert!(log.contains("request rejected") && log.contains("\"events\":3"), "{log}");
    let leak = log.lines().find(|line| line.contains(MARK));
    assert_eq!(leak, None);
}

/// The marker in every value that must never be logged.
const MARK: &str = "m4rk";

#[test]
fn logs_and_metrics_contain_no_secrets_or_event_contents() {
    let folder = Folder::new();
    let [certificate, key] = folder.put_pair("first");
    let token = format!("{MARK}-token-of-the-operator");
    let token_file = folder.write("token", &token);
    // Nothing listens on this port.
    let upstream = format!("http://127.0.0.1:1/{MARK}-base");
    for level in ["error", "warn", "info", "debug", "trace"] {
        let environment = [
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("METRICS_PORT", "0"),
            ("WORKERS", "1"),
            ("LOG_FORMAT", "json"),
            // `start` waits for the line with the address, so that line is always enabled.
            ("LOG_LEVEL", &*format!("{level},rudder_kafka_transformer::cli::serve=info")),
            ("TLS_CERT_FILE", &*certificate),
            ("TLS_KEY_FILE", &key),
            ("OPERATOR_TOKEN_FILE", &token_file),
            ("UPSTREAM_TRANSFORMER_URL", &upstream),
            ("SHADOW_PERCENT", "100"),
        ];
        let (child, line, log) = start(&[], &environment);
        let address = |mark: &str| {
            let rest = line.split(mark).nth(1).unwrap_or_else(|| panic!("{line}"));
            rest.split([',', '/']).next().unwrap_or_default().to_owned()
        };
        let (own, of_metrics) = (address("listening on https://"), address("metrics on http://"));
        let mut service = Service { child, port: 0, log };
        let post = |path: &str, authorization: &str, body: &str| {
            let headers = [("Authorization", authorization), ("X-Request-ID", "r-1")];
            fetch_unchecked(&format!("https://{own}{path}"), "POST", &headers, body.as_bytes())
        };
        let event = format!(
            r#"{{"message":{{"userId":"{MARK}","{MARK}":"{MARK}","event":"{MARK}","type":"track"}},"metadata":{{"jobId":1,"{MARK}":"{MARK}"}},"destination":{{"ID":"not {MARK}","Config":{{"topic":"{{{{ message.{MARK} || {MARK} }}}}","password":"{MARK}","{MARK}":"{MARK}"}}}}}}"#
        );
        let right = format!("Bearer {token}");
        let wrong = format!("Bearer {MARK}-wrong");
        for body in [format!("[{event},null,\"{MARK}\"]"), format!("[{event}"), MARK.to_owned()] {
            for path in ["/v0/destinations/kafka", "/batch", &format!("/{MARK}?{MARK}={MARK}")] {
                post(path, &wrong, &body);
            }
            let input = format!(r#"{{"events":{body},"destination":{{"{MARK}":"{MARK}","password":"{MARK}"}}}}"#);
            assert_eq!(post("/explain", &wrong, &input).status, 401);
            assert!([200, 400].contains(&post("/explain", &right, &input).status));
        }
        let scrape = |authorization: &str| {
            fetch(&format!("http://{of_metrics}/metrics"), "GET", &[("Authorization", authorization)], b"")
        };
        assert_eq!(scrape(&wrong).status, 401);
        // Send malformed TLS, and reload a key file without a key.
        let mut plain = TcpStream::connect(&own).expect("a listener");
        plain.write_all(format!("GET /{MARK} HTTP/1.1\r\nHost: {MARK}\r\n\r\n").as_bytes()).expect("sent");
        plain.read_to_end(&mut Vec::new()).ok();
        let good = std::fs::read_to_string(&key).expect("a key");
        folder.write("tls.key", format!("-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n"));
        signal(&service.child, "HUP");
        let mut read = String::new();
        while !read.contains("stays in use") {
            assert_ne!(service.log.read_line(&mut read).expect("a line"), 0, "{read}");
        }
        let metrics = scrape(&right);
        assert_eq!(metrics.status, 200);
        assert!(metrics.text().contains("transformer_http_request_duration"));
        assert!(!metrics.text().contains(MARK), "{:?}", metrics.text().lines().find(|line| line.contains(MARK)));
        let log = line + &read + &service.stop();
        folder.write("tls.key", &good);
        assert_eq!(log.lines().find(|line| line.contains(MARK)), None, "at {level}");
        let secret_lines = good.lines().filter(|line| !line.starts_with('-'));
        for secret in secret_lines {
            assert!(!log.contains(secret) && !metrics.text().contains(secret), "at {level}");
        }
        if level != "error" {
            assert!(log.contains("unauthorized") && log.contains("request rejected"), "at {level}: {log}");
        }
    }
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_build_without_otlp_reports_that_the_endpoint_has_no_effect() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("HOST", "127.0.0.1"), ("PORT", "0")];
    let (mut child, line, _log) = start(&["--metrics-port=0"], &environment);
    signal(&child, "KILL");
    child.wait().expect("an exit");
    assert!(line.contains("WARN") && line.contains("OTEL_EXPORTER_OTLP_ENDPOINT has no effect"), "{line}");
}
