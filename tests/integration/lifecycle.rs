//! Startup, panics and shutdown.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::server::{Server, exchange, fetch, read_response};

const EVENT: &str = r#"[{"message":{"userId":"u"},"metadata":{"jobId":1},"destination":{"Config":{"topic":"t"}}}]"#;

fn head(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn a_request_that_panics_gets_500_and_its_connection_keeps_serving() {
    let server = Server::start(&["--workers=1"]);
    for path in ["/test/panic", "/test/panic-off-loop"] {
        let mut stream = server.connect();
        for _ in 0..20 {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            let response = exchange(&mut stream, request.as_bytes());
            assert_eq!(response.status, 500, "{path}");
            let body = response.text();
            if path == "/test/panic" {
                assert_eq!(response.json()["error"], "Internal Server Error");
                assert!(!body.contains("contents"), "{body}");
            }
        }
        // The connection and the only worker still work after the panics.
        let response =
            exchange(&mut stream, format!("{}{EVENT}", head("/v0/destinations/kafka", EVENT.len())).as_bytes());
        assert_eq!(response.status, 200);
    }
}

/// Waits until connections are refused.
fn await_closed(server: &Server) {
    while TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
}

#[test]
fn shutdown_waits_for_requests_in_flight() {
    let mut server = Server::start(&[]);
    let mut stream = server.connect();
    let (first, second) = EVENT.split_at(30);
    // `100 Continue` shows that the request has reached the server before the shutdown begins.
    let head = "POST /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n", EVENT.len()).expect("sent");
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).expect("100 Continue");
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(first.as_bytes()).expect("sent");
    server.begin_stop();
    await_closed(&server);
    stream.write_all(second.as_bytes()).expect("sent");
    let response = read_response(&mut stream);
    assert_eq!(response.status, 200);
    assert_eq!(response.json()[0]["output"]["userId"], "u");
    server.stop().expect("a clean end");
}

#[test]
fn during_the_drain_delay_ready_is_503_and_requests_are_still_served() {
    let mut server = Server::start(&[]);
    let on_metrics_port = |path: &str| fetch(&format!("http://{}{path}", server.metrics), "GET", &[], b"").status;
    assert_eq!((server.get("/ready").status, on_metrics_port("/ready")), (200, 200));
    assert_eq!(server.get("/ready").json()["ready"], true);
    server.begin_drain();
    while server.get("/ready").status != 503 {
        std::thread::yield_now();
    }
    let on_metrics_port = |path: &str| fetch(&format!("http://{}{path}", server.metrics), "GET", &[], b"").status;
    assert_eq!(on_metrics_port("/ready"), 503);
    let rejection = server.get("/ready").json();
    assert_eq!(rejection["message"], "the service is shutting down");
    // Nothing else has changed, except that connections are closed after each response.
    assert_eq!((server.get("/health").status, on_metrics_port("/health")), (200, 200));
    let mut stream = server.connect();
    let response = exchange(&mut stream, format!("{}{EVENT}", head("/v0/destinations/kafka", EVENT.len())).as_bytes());
    assert_eq!((response.status, response.header("connection")), (200, Some("close")));
    assert_eq!(stream.read(&mut [0]).expect("closed in order"), 0);
    server.stop().expect("a clean end");
}

#[test]
fn shutdown_does_not_wait_for_idle_connections() {
    let server = Server::start(&["--shutdown-timeout=3600"]);
    let mut idle = server.connect();
    assert_eq!(exchange(&mut idle, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    server.stop().expect("a clean end");
    assert_eq!(idle.read(&mut [0]).expect("closed in order"), 0);
}

#[test]
fn every_pipelined_request_gets_its_response() {
    let mut stream = Server::shared().connect();
    let request = format!("{}{EVENT}", head("/v0/destinations/kafka", EVENT.len()));
    let expected = exchange(&mut stream, request.as_bytes());
    // All requests are sent before the first response is read.
    stream.write_all(request.repeat(50).as_bytes()).expect("sent");
    for _ in 0..50 {
        assert_eq!(read_response(&mut stream).body, expected.body);
    }
}
