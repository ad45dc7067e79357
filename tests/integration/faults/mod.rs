//! Fault injection against the real service. Each test checks that nothing is lost: every accepted request gets the
//! response that it gets without the fault, other clients are served meanwhile, and no resources are held afterwards.

mod blocked_stderr;
mod client_disconnects;
mod clock_jumps;
mod connection_exhaustion;
mod decompression_bombs;
mod descriptor_limit;
mod endless_headers;
mod kill_9;
mod log_floods;
mod malformed_chunks;
mod many_connections;
mod memory_amplification;
mod memory_return;
mod min_rate;
mod panics;
mod pipelined;
mod process;
mod shutdown_under_load;
mod slow_clients;
mod smuggling;
mod total_headers;
mod truncated_connections;
mod unread_responses;
mod wrong_lengths;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::server::{PATIENCE, Response, exchange, read_response};

const MEBIBYTE: usize = 1 << 20;

const POST: &str = "POST /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\n";

/// Returns a batch that is unique to its request, so that a misrouted response is detected.
fn batch(mark: &str) -> String {
    format!(
        r#"[{{"message":{{"userId":"{mark}"}},"metadata":{{"jobId":1}},"destination":{{"Config":{{"topic":"t"}}}}}}]"#
    )
}

/// Returns the exact response to [`batch`].
fn expected_response(mark: &str) -> String {
    format!(
        r#"[{{"output":{{"message":{{"userId":"{mark}"}},"userId":"{mark}","topic":"t"}},"metadata":{{"jobId":1,"rudderId":"undefined<<>>t"}},"statusCode":200}}]"#
    )
}

/// Returns a request with a unique batch.
fn request(mark: &str) -> String {
    let body = batch(mark);
    format!("{POST}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[track_caller]
fn assert_response(response: &Response, mark: &str) {
    assert_eq!((response.status, response.text()), (200, &*expected_response(mark)));
    assert_eq!(response.header("apiVersion"), Some("2"));
}

fn connect(address: SocketAddr) -> TcpStream {
    try_connect(address).expect("the server listens")
}

/// Opens a connection. Returns `None` if nothing listens.
fn try_connect(address: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// Resets a connection (RST), like a machine that lost power and rebooted.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("the socket");
}

/// Reads until the connection is closed or reset.
fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error} after {} bytes", bytes.len());
    }
    bytes
}

/// Sends `bytes` on a new connection. Returns all responses until the server closes the connection.
fn all_responses(address: SocketAddr, bytes: &[u8]) -> Vec<Response> {
    let mut stream = connect(address);
    // A server that rejects a request may close the connection before everything is written.
    stream.write_all(bytes).ok();
    let received = read_to_end(&mut stream);
    let mut rest = &received[..];
    let mut responses = Vec::new();
    while !rest.is_empty() {
        responses.push(read_response(&mut rest));
    }
    responses
}

/// Waits until a condition is met.
#[track_caller]
fn until(what: &str, mut is_met: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_met() {
        assert!(began.elapsed() < PATIENCE, "timed out waiting until {what}");
        // Polling in a busy loop would take CPU time from the process under test and from other tests.
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Runs `fault` while well-behaved clients send requests, on keep-alive and on new connections, and checks their
/// responses. Returns the number of responses, at least one per client.
fn with_good_clients(address: SocketAddr, fault: impl FnOnce()) -> usize {
    struct Over<'f>(&'f AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let (is_over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ask = |stream: &mut TcpStream| {
        let mark = format!("good-{}", sent.fetch_add(1, Ordering::Relaxed));
        assert_response(&exchange(stream, request(&mark).as_bytes()), &mark);
        std::thread::park_timeout(Duration::from_millis(1));
        !is_over.load(Ordering::Acquire)
    };
    std::thread::scope(|scope| {
        let over = Over(&is_over);
        let clients = [
            scope.spawn(|| {
                let mut kept = connect(address);
                while ask(&mut kept) {}
            }),
            scope.spawn(|| while ask(&mut connect(address)) {}),
        ];
        fault();
        drop(over);
        for client in clients {
            client.join().expect("every response is correct");
        }
    });
    sent.into_inner()
}
