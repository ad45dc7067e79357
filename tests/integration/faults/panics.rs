//! A panic affects only the request in which it happens, not other requests on the same worker.

use std::io::Write as _;

use super::{assert_response, connect, read_to_end, request, until, with_good_clients};
use crate::server::{Server, exchange, read_response};

/// The connection limit. The limit is low, so that leaked connections are noticed.
const CONNECTIONS: usize = 60;

/// Starts a service in this process, with routes that panic. Its only worker also serves well-behaved clients.
fn start() -> Server {
    let connections = format!("--max-connections={CONNECTIONS}");
    Server::start(&["--workers=1", "--max-wait-milliseconds=60000", &connections])
}

fn assert_nothing_left(server: &Server) {
    for gauge in ["transformer_http_concurrent_requests", "kafka_transformer_in_flight_bytes"] {
        until("nothing is in flight", || server.sum(gauge, &[]) == 0.0);
    }
    until("all connections are available", || {
        let mut all: Vec<_> = (0..CONNECTIONS).map(|_| connect(server.address)).collect();
        all.iter_mut().all(|stream| exchange(stream, request("again").as_bytes()).status == 200)
    });
}

fn get(path: &str) -> String {
    format!("GET /test/{path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

#[test]
fn a_panic_anywhere_affects_no_other_request() {
    let server = start();
    let good = with_good_clients(server.address, || {
        for _ in 0..50 {
            for (path, status) in [("panic", 500), ("panic-off-loop", 500), ("panic-in-task", 200)] {
                let mut stream = connect(server.address);
                assert_eq!(exchange(&mut stream, get(path).as_bytes()).status, status, "{path}");
                assert_response(&exchange(&mut stream, request("same").as_bytes()), "same");
            }
            // If a panic occurs after the first byte of the response, the connection is closed, so that the partial
            // response does not look complete.
            let mut stream = connect(server.address);
            stream.write_all(get("panic-in-response").as_bytes()).expect("sent");
            let response = String::from_utf8(read_to_end(&mut stream)).expect("text");
            assert!(!response.ends_with("0\r\n\r\n"), "{response}");
        }
    });
    assert!(good >= 2);
    assert_nothing_left(&server);
}

#[test]
fn a_stopped_worker_is_replaced() {
    // A panic never stops a worker. This test shows what would happen if something else stopped a worker.
    let server = start();
    for round in 0..3 {
        let mut kept = connect(server.address);
        assert_response(&exchange(&mut kept, request("kept").as_bytes()), "kept");
        let mut last = connect(server.address);
        last.write_all(get("end-worker").as_bytes()).expect("sent");
        drop(read_to_end(&mut last));
        // The connections of the worker are closed without a partial response, and another worker
        // accepts new connections.
        kept.write_all(request("kept").as_bytes()).ok();
        let rest = read_to_end(&mut kept);
        assert!(rest.is_empty() || read_response(&mut &*rest).status == 200, "{rest:?}");
        until("another worker serves requests", || {
            let mut stream = connect(server.address);
            stream.write_all(request(&round.to_string()).as_bytes()).ok();
            stream.shutdown(std::net::Shutdown::Write).ok();
            let response = read_to_end(&mut stream);
            !response.is_empty() && {
                assert_response(&read_response(&mut &*response), &round.to_string());
                true
            }
        });
    }
    assert_nothing_left(&server);
}
