//! Clients that disconnect while their requests wait for a permit. The memory of these requests is released, and the
//! requests are not counted as served.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::{MEBIBYTE, POST, assert_response, batch, connect, expected_response, request, reset, until};
use crate::server::{Server, exchange};

/// Returns a request that is large enough to run off the event loop.
fn large(mark: &str) -> String {
    let body = format!("{}{}", batch(mark), " ".repeat(MEBIBYTE));
    format!("{POST}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Opens a connection that holds the only permit until the connection is reset.
fn hold_permit(server: &Server) -> TcpStream {
    let mut holder = connect(server.address);
    holder.write_all(b"GET /test/hold-permit HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    let mut response = Vec::new();
    let mut byte = [0];
    while !response.ends_with(b"held") {
        holder.read_exact(&mut byte).expect("a piece of a response");
        response.push(byte[0]);
    }
    holder
}

#[test]
fn a_client_disconnect_releases_the_memory_of_its_waiting_request() {
    let server = Server::start(&["--workers=1", "--max-wait-milliseconds=60000"]);
    let in_flight = || server.sum("kafka_transformer_in_flight_bytes", &[]);
    let holder = hold_permit(&server);
    let mut gone = connect(server.address);
    gone.write_all(large("gone").as_bytes()).expect("sent");
    until("the body is in memory", || in_flight() >= MEBIBYTE as f64);
    // The large request waits for a permit. Small requests need no permit.
    assert_response(&exchange(&mut connect(server.address), request("small").as_bytes()), "small");
    reset(gone);
    until("the memory is released", || in_flight() == 0.0);
    until("no request is open", || server.sum("transformer_http_concurrent_requests", &[]) == 0.0);
    reset(holder);
    let next = exchange(&mut connect(server.address), large("next").as_bytes());
    assert_eq!((next.status, next.text()), (200, &*expected_response("next")));
    let requests = |code: &str| {
        let labels = ["route=\"/v0/destinations/{destination}\"", code];
        server.sum("transformer_http_request_duration_count", &labels)
    };
    assert_eq!((requests("code=\"200\""), requests("code=\"503\"")), (2.0, 0.0), "disconnects are not counted");
    assert_eq!(server.sum("kafka_transformer_events_by_topic_rule_total", &[]), 2.0);
}
