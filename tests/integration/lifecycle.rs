//! Startup, panics and shutdown.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::server::{Server, exchange, fetch, read_response};

const EVENT: &str = r#"[{"message":{"userId":"u"},"metadata":{"jobId":1},"destination":{"Config":{"topic":"t"}}}]"#;

fn head(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn a_panic_costs_one_response() {
    let server = Server::start(&["--workers=1"]);
    for path in ["/test/panic", "/test/panic-beside"] {
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
        // The connection on which it happened still works, and so does the only worker.
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
fn stopping_lets_a_request_in_flight_finish() {
    let mut server = Server::start(&[]);
    let mut stream = server.connect();
    let (first, second) = EVENT.split_at(30);
    // `100 Continue` shows that the request has reached the server before the shutdown begins.
    let head = "POST /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n", EVENT.len()).expect("sent");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("100 Continue");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
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
fn a_shutdown_is_announced_before_the_listener_closes() {
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
    let refusal = server.get("/ready").json();
    assert_eq!(refusal["message"], "the service is shutting down");
    // Nothing else has changed, but for connections, which are to be opened to others from now on.
    assert_eq!((server.get("/health").status, on_metrics_port("/health")), (200, 200));
    let mut stream = server.connect();
    let response = exchange(&mut stream, format!("{}{EVENT}", head("/v0/destinations/kafka", EVENT.len())).as_bytes());
    assert_eq!((response.status, response.header("connection")), (200, Some("close")));
    assert_eq!(stream.read(&mut [0]).expect("closed in order"), 0);
    server.stop().expect("a clean end");
}

#[test]
fn stopping_does_not_wait_for_idle_connections() {
    let server = Server::start(&["--shutdown-timeout=3600"]);
    let mut idle = server.connect();
    assert_eq!(exchange(&mut idle, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    server.stop().expect("a clean end");
    assert_eq!(idle.read(&mut [0]).expect("closed in order"), 0);
}

#[test]
fn many_requests_on_one_connection() {
    let mut stream = Server::shared().connect();
    let request = format!("{}{EVENT}", head("/v0/destinations/kafka", EVENT.len()));
    let expected = exchange(&mut stream, request.as_bytes());
    // Pipelined: all are sent before the first response is read.
    stream.write_all(request.repeat(50).as_bytes()).expect("sent");
    for _ in 0..50 {
        assert_eq!(read_response(&mut stream).body, expected.body);
    }
}
