//! The spans of requests, as an OTLP collector receives them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::cli::run;
use crate::logs::Service;

/// The headers and bodies of the requests that the collector received.
type Received = Vec<(String, Vec<u8>)>;

/// Accepts POST requests until a connection sends nothing.
fn collect(listener: &TcpListener) -> Received {
    let mut received = Vec::new();
    loop {
        let (stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while reader.read_line(&mut head).expect("a line") > 0 && !head.ends_with("\r\n\r\n") {}
        if head.is_empty() {
            return received;
        }
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
            .expect("a length");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the body");
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        reader.get_mut().write_all(response).expect("sent");
        received.push((head, body));
    }
}

/// Runs a service, sends it the requests in `ask`, and stops it. Returns the requests that the collector received, and
/// the log.
fn exported(environment: &[(&str, &str)], ask: impl FnOnce(&Service)) -> (Received, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let collector = thread::spawn(move || collect(&listener));
    let endpoint = format!("http://{address}");
    let known = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("LOG_LEVEL", "debug")];
    let service = Service::start(&[&known, environment].concat());
    ask(&service);
    let log = service.stop();
    drop(TcpStream::connect(address).expect("a listener"));
    (collector.join().expect("no panic"), log)
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

const TRACE_ID: [u8; 16] = *b"\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c";
const PARENT_ID: [u8; 8] = *b"\xb7\xad\x6b\x71\x69\x20\x33\x31";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_request_with_a_traceparent_is_exported_as_a_span_of_its_trace() {
    let environment = [("OTEL_SERVICE_NAME", "routing"), ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cret")];
    let (received, log) = exported(&environment, |service| {
        let headers = [("traceparent", TRACEPARENT), ("X-Request-ID", "r-1")];
        service.request("POST", "/v0/destinations/kafka?m4rk", &headers, b"[null]");
    });
    let [(head, body)] = &received[..] else { panic!("{} posts", received.len()) };
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let lower = head.to_ascii_lowercase();
    assert!(
        lower.contains("content-type: application/x-protobuf\r\n") && lower.contains("api-key: s3cret\r\n"),
        "{head}"
    );
    assert!(contains(body, &TRACE_ID) && contains(body, &PARENT_ID));
    for text in [
        "POST /v0/destinations/{destination}",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "service.name",
        "routing",
        "request_id",
        "r-1",
        "dest_type",
    ] {
        assert!(contains(body, text.as_bytes()), "no {text}");
    }
    assert!(!contains(body, b"m4rk"));
    let line = log.lines().find(|line| line.contains("\"message\":\"request\"")).expect("a line");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(line["fields"]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    let span_id = line["fields"]["span_id"].as_str().and_then(|id| u64::from_str_radix(id, 16).ok()).expect("an id");
    assert!(contains(body, &span_id.to_be_bytes()), "the log line has the ID of the span");
    assert!(!log.contains("s3cret"));
}

#[test]
fn a_request_without_traceparent_is_exported_and_an_unsampled_one_is_not() {
    let (received, log) = exported(&[], |service| {
        service.request("GET", "/m4rk", &[], b"");
        service.request("GET", "/version", &[("traceparent", &TRACEPARENT.replace("-01", "-00"))], b"");
    });
    let [(_, body)] = &received[..] else { panic!("{} posts", received.len()) };
    assert!(contains(body, b"rudder-kafka-transformer"), "the service's name");
    assert!(!contains(body, b"m4rk") && !contains(body, b"/version") && !contains(body, &TRACE_ID));
    assert!(log.contains("\"trace_id\":"), "{log}");
}

#[test]
fn otel_environment_variables_can_disable_traces() {
    for environment in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let (received, log) = exported(&[environment], |service| {
            service.request("GET", "/health", &[], b"");
        });
        assert!(received.is_empty());
        assert!(!log.contains("trace_id"), "{log}");
    }
}

#[test]
fn unsupported_otel_environment_variables_abort_startup_with_code_78() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    for (name, value) in [
        ("OTEL_TRACES_EXPORTER", "s3cret"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "user:s3cret@collector"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "s3cret"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/s3cret"),
    ] {
        let output = run(&["--port=0", "--metrics-port=0"], &[endpoint, (name, value)]);
        let text = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(text.contains(name) && !text.contains("s3cret"), "{text}");
    }
}
