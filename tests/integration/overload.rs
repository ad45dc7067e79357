//! Load shedding: docs/contract.md#retryable-503, docs/reference/differences.md#overload
//!
//! Above its limits, the service immediately rejects requests with a retryable 503, and loses no event. Slow clients do
//! not hold resources that other clients need.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::server::{PATIENCE, Response, Server, exchange};

const EVENT: &str = r#"[{"message":{"userId":"u"},"metadata":{"jobId":1},"destination":{"Config":{"topic":"t"}}}]"#;
const POST: &str = "POST /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\n";

/// Sends a request without the last byte of its body, and waits until the body is counted as in flight.
pub fn hold(server: &Server, length: usize) -> TcpStream {
    let mut held = server.connect();
    let in_flight = || server.sum("kafka_transformer_in_flight_bytes", &[]) as usize;
    let before = in_flight();
    let head = format!("{POST}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n");
    held.write_all(head.as_bytes()).expect("sent");
    held.read_exact(&mut [0; 25]).expect("100 Continue");
    held.write_all(&vec![b' '; length - 1]).expect("sent");
    let began = Instant::now();
    while in_flight() < before + length - 1 {
        assert!(began.elapsed() < PATIENCE, "the body is not counted as in flight");
        std::thread::yield_now();
    }
    held
}

/// Sends a request until the response is 200.
fn until_accepted(ask: impl Fn() -> Response) {
    let began = Instant::now();
    while ask().status != 200 {
        assert!(began.elapsed() < PATIENCE, "every request is rejected");
        std::thread::yield_now();
    }
}

/// Waits until the server has closed a connection.
fn assert_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest)),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

fn assert_overloaded(response: &Response) {
    assert_eq!(response.status, 503);
    assert_eq!(response.header("X-Rudder-Should-Retry"), Some("true"));
    assert_eq!(response.header("X-Rudder-Error-Reason"), Some("overloaded"));
    assert_eq!(response.header("Connection"), Some("close"));
    assert_eq!(response.json()["error"], "Service Unavailable");
}

#[test]
fn early_rejections_do_not_wait_for_the_body_and_close_the_connection() {
    let server = Server::start(&["--max-in-flight-bytes=100000", "--max-body-bytes=200000"]);
    let _held = hold(&server, 70_000);
    // Not one byte of the body is sent.
    let mut declared = server.connect();
    assert_overloaded(&exchange(&mut declared, format!("{POST}Content-Length: 50000\r\n\r\n").as_bytes()));
    // A chunked body that never ends.
    let mut chunked = server.connect();
    let chunk = |length: usize| format!("{length:x}\r\n{}\r\n", " ".repeat(length));
    let request = format!("{POST}Transfer-Encoding: chunked\r\n\r\n{}", chunk(50_000));
    assert_overloaded(&exchange(&mut chunked, request.as_bytes()));
    let mut unread = server.connect();
    let request = format!("POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunk(500));
    let response = exchange(&mut unread, request.as_bytes());
    assert_eq!((response.status, response.header("Connection")), (404, Some("close")));
    for stream in [&mut declared, &mut chunked, &mut unread] {
        assert_closed(stream);
    }
}

#[test]
fn a_connection_stays_open_after_a_request_with_a_complete_chunked_body() {
    let mut stream = Server::shared().connect();
    for _ in 0..3 {
        let request = format!("{POST}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{EVENT}\r\n0\r\n\r\n", EVENT.len());
        let response = exchange(&mut stream, request.as_bytes());
        assert_eq!((response.status, response.header("Connection")), (200, None));
    }
}

#[test]
fn a_connection_above_the_limit_gets_a_retryable_503_except_for_probes() {
    let server = Server::start(&["--max-connections=2", "--workers=1"]);
    let (mut first, second) = (hold(&server, EVENT.len()), hold(&server, EVENT.len()));
    let mut third = server.connect();
    assert_overloaded(&exchange(&mut third, format!("{POST}Content-Length: 100\r\n\r\n").as_bytes()));
    // Probes and Prometheus still get responses.
    for path in ["/health", "/ready", "/health/"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    assert_overloaded(&server.get("/version"));
    assert!(server.scrape().contains("transformer_http_request_duration"));
    // Requests in flight continue, and a connection that closes makes room for another connection.
    assert_eq!(exchange(&mut first, b" ").status, 400, "the held body is blank");
    drop((second, third));
    until_accepted(|| server.transform(EVENT.as_bytes()));
}

#[test]
fn a_request_with_a_stalled_body_gets_408() {
    let server = Server::start(&["--body-timeout=1"]);
    for request in
        [format!("{POST}Content-Length: 100\r\n\r\n[ "), format!("{POST}Transfer-Encoding: chunked\r\n\r\n2\r\n[ \r\n")]
    {
        let mut stream = server.connect();
        let response = exchange(&mut stream, request.as_bytes());
        assert_eq!(response.status, 408);
        assert_eq!(response.json()["error"], "Request Timeout");
        assert_eq!(response.header("Connection"), Some("close"));
        assert_eq!(response.header("X-Rudder-Should-Retry"), None, "the service is not overloaded");
    }
}

#[test]
fn stalled_headers_close_the_connection() {
    let server = Server::start(&["--header-timeout=1", "--keep-alive=1"]);
    let mut first = server.connect();
    assert_eq!(exchange(&mut first, POST.as_bytes()).status, 408);
    assert_closed(&mut first);
    // The framework applies its timeout only to the first headers on a connection. Here, the second headers stall.
    let mut second = server.connect();
    assert_eq!(exchange(&mut second, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    second.write_all(POST.as_bytes()).expect("sent");
    assert_closed(&mut second);
}

#[test]
fn a_client_that_does_not_read_its_response_is_disconnected() {
    let server = Server::start(&["--max-in-flight-bytes=100000000", "--body-timeout=1"]);
    // The response does not fit into the socket buffers of both sides.
    let body = EVENT.replace("\"userId\"", &format!("\"large\":\"{}\",\"userId\"", "x".repeat(30_000_000)));
    let mut slow = server.connect();
    write!(slow, "{POST}Content-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
    slow.read_exact(&mut [0; 12]).expect("the response begins");
    let fits = format!("{EVENT}{}", " ".repeat(50_000_000));
    assert_overloaded(&server.transform(fits.as_bytes()));
    until_accepted(|| server.transform(fits.as_bytes()));
    let mut received = Vec::new();
    slow.read_to_end(&mut received).ok();
    assert!(received.len() < body.len(), "the rest of the response is discarded");
}

/// Returns a body that takes some milliseconds to transform, but is small enough to stay on the event loop.
fn expensive() -> String {
    let events = EVENT.trim_matches(['[', ']']);
    let templates: Vec<String> = (0..200).map(|name| format!("\"{{{{ event.a{name} || b }}}}\"")).collect();
    let event = events.replace("\"topic\":\"t\"", &format!("\"topic\":\"t\",\"x\":[{}]", templates.join(",")));
    format!("[{}]", vec![event; 100].join(","))
}

#[test]
fn requests_are_rejected_only_while_the_worker_is_overloaded() {
    let server = Server::start(&["--workers=1", "--max-wait-milliseconds=1"]);
    let body = expensive();
    let _uploads: Vec<TcpStream> = (0..20).map(|_| hold(&server, body.len())).collect();
    // Slow uploads do not cause rejections, because they wait for their clients, not for the worker.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(server.transform(body.as_bytes()).status, 200)));
        }
    });
    // Send requests until one is rejected. Each request gets either status 200 or the retryable 503.
    let (is_rejected, began) = (AtomicBool::new(false), Instant::now());
    let accepted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| {
                while !is_rejected.load(Ordering::Relaxed) {
                    assert!(began.elapsed() < PATIENCE, "no request was rejected");
                    let response = server.transform(body.as_bytes());
                    if response.status == 200 {
                        accepted.fetch_add(1, Ordering::Relaxed);
                    } else {
                        assert_overloaded(&response);
                        is_rejected.store(true, Ordering::Relaxed);
                    }
                    let probed = (server.get("/health").status, server.get("/ready").status);
                    assert_eq!(probed, (200, 200), "overload does not fail the probes");
                }
            });
        }
    });
    assert!(accepted.into_inner() > 0);
    assert_eq!(server.transform(body.as_bytes()).status, 200, "requests are accepted again after the load");
}

#[test]
fn with_a_long_max_wait_a_busy_worker_rejects_no_request() {
    let server = Server::start(&["--workers=1", "--max-wait-milliseconds=60000"]);
    let body = expensive();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| (0..5).for_each(|_| assert_eq!(server.transform(body.as_bytes()).status, 200)));
        }
    });
}
