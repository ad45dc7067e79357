//! Probes and other clients get responses while one client uses every connection. The timeouts are so long that only
//! the mechanism under test frees connections.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::process::Process;
use super::{POST, assert_response, batch, connect, expected_response, request, until};
use crate::security::{Folder, tls_connect, tls_flags};
use crate::server::{exchange, fetch, read_response};

/// The timeout of a TCP handshake, which the kernel completes without the process. If a handshake is dropped, the
/// kernel retries only after a second, which exceeds this timeout.
const QUEUED: Duration = Duration::from_millis(900);

const PATIENT: [&str; 4] = ["--keep-alive=600", "--header-timeout=600", "--body-timeout=600", "--max-connections=100"];

#[track_caller]
fn assert_probes(address: SocketAddr) {
    for path in ["/health", "/ready"] {
        assert_eq!(fetch(&format!("http://{address}{path}"), "GET", &[], b"").status, 200, "{path}");
    }
}

/// Starts a request without sending its body.
fn begin_request(address: SocketAddr, mark: &str) -> TcpStream {
    let mut stream = connect(address);
    write!(stream, "{POST}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", batch(mark).len()).expect("sent");
    stream.read_exact(&mut [0; 25]).expect("100 Continue");
    stream
}

fn until_served(address: SocketAddr) {
    until("a request is served", || {
        let response = exchange(&mut connect(address), request("other").as_bytes());
        assert!(matches!(response.status, 200 | 503), "{response:?}");
        response.status == 200
    });
}

#[test]
fn idle_connections_to_the_metrics_port_do_not_block_probes_and_scrapes() {
    let process = Process::start(&PATIENT);
    let _idle: Vec<_> = (0..400).map(|_| connect(process.metrics())).collect();
    assert_probes(process.metrics());
    until("metrics are scraped", || {
        fetch(&format!("http://{}/metrics", process.metrics()), "GET", &[], b"").status == 200
    });
}

/// The number of idle connections in a burst. It is above the limit of the metrics port, and above the length of the
/// default accept queue.
const BURST: usize = 400;

#[test]
fn a_burst_of_connections_waits_in_the_accept_queue_and_probes_succeed() {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn").expect("a readable /proc");
    let burst = BURST.min(limit.trim().parse().expect("a number"));
    let process = Process::start(&PATIENT);
    process.signal("STOP");
    // The stopped process accepts no connection. With a shorter accept queue, the kernel would drop handshakes.
    let idle: Vec<_> = [process.metrics(), process.address]
        .into_iter()
        .flat_map(|address| (0..burst).map(move |_| TcpStream::connect_timeout(&address, QUEUED)))
        .collect();
    process.signal("CONT");
    let failed = idle.iter().filter(|stream| stream.is_err()).count();
    assert_eq!(failed, 0, "failures among {} connections", idle.len());
    for address in [process.metrics(), process.address] {
        assert_probes(address);
    }
}

#[test]
fn idle_and_slow_connections_do_not_affect_other_clients() {
    let process = Process::start(&PATIENT);
    let held: Vec<_> = (0..20).map(|number| (begin_request(process.address, &number.to_string()), number)).collect();
    let mut others: Vec<TcpStream> = (0..100).map(|_| connect(process.address)).collect();
    others.extend((0..100).map(|_| {
        let mut stream = connect(process.address);
        stream.write_all(b"GET /health HTTP/1.1\r\nX: ").expect("sent");
        stream
    }));
    others.extend((0..40).map(|_| {
        let mut stream = connect(process.address);
        assert_eq!(exchange(&mut stream, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
        stream
    }));
    assert_probes(process.address);
    assert_probes(process.metrics());
    until_served(process.address);
    for (mut stream, number) in held {
        stream.write_all(batch(&number.to_string()).as_bytes()).expect("sent");
        assert_response(&read_response(&mut stream), &number.to_string());
    }
}

#[test]
fn new_connections_are_rejected_and_probes_succeed_if_all_connections_are_busy() {
    let process = Process::start(&PATIENT);
    let held: Vec<_> = (0..100).map(|number| (begin_request(process.address, &number.to_string()), number)).collect();
    for _ in 0..100 {
        let response = exchange(&mut connect(process.address), request("other").as_bytes());
        assert_eq!((response.status, response.header("X-Rudder-Should-Retry")), (503, Some("true")));
        assert_eq!(response.header("Connection"), Some("close"));
    }
    let _idle: Vec<_> = (0..200).map(|_| connect(process.address)).collect();
    assert_probes(process.address);
    for (mut stream, number) in held {
        stream.write_all(batch(&number.to_string()).as_bytes()).expect("sent");
        assert_response(&read_response(&mut stream), &number.to_string());
    }
    until_served(process.address);
}

#[test]
fn a_connection_above_the_limit_is_served_after_another_connection_closes() {
    let process = Process::start(&["--max-connections=1", "--keep-alive=600"]);
    let held = begin_request(process.address, "held");
    let mut above = connect(process.address);
    // The second connection is above the limit and has not sent a request.
    until("the connection is accepted", || process.open_files() >= process.files_at_rest() + 2);
    drop(held);
    until("there is room for another connection", || process.open_files() <= process.files_at_rest() + 1);
    let response = exchange(&mut above, request("above").as_bytes());
    assert_eq!((response.status, response.text()), (200, &*expected_response("above")));
    assert_eq!(response.header("Connection"), None, "the connection is within the limit now");
}

#[test]
fn unfinished_tls_handshakes_do_not_block_other_clients() {
    let folder = Folder::new();
    let [certificate, key] = tls_flags(&folder, "first");
    let process = Process::start(&[&PATIENT[..], &["--metrics-tls=false", &certificate, &key]].concat());
    let _stalled: Vec<_> = (0..300).map(|_| connect(process.address)).collect();
    let ask = |request: &str| {
        let mut stream = tls_connect(connect(process.address), "first").expect("TLS");
        stream.write_all(request.as_bytes()).expect("sent");
        read_response(&mut stream).status
    };
    assert_eq!(ask("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    until("a request is served", || ask(&request("other")) == 200);
}
