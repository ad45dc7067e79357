//! Faults on purpose, at the real service. Each test counts what was lost, which is nothing: every request that was
//! accepted gets the bytes that it gets without the fault, others do so meanwhile, and afterwards nothing is kept of
//! it.

mod bombs;
mod chunks;
mod clock;
mod crowds;
mod cut;
mod descriptors;
mod floods;
mod framing;
mod given_back;
mod gone;
mod heads;
mod killed;
mod locked_out;
mod log_floods;
mod log_stuck;
mod panics;
mod pipelined;
mod process;
mod proportion;
mod slow;
mod smuggling;
mod steady;
mod stopped;
mod unread;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::server::{PATIENCE, Response, exchange, read_response};

const MEBIBYTE: usize = 1 << 20;

const POST: &str = "POST /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\n";

/// A batch that no other request has, so that a response which went astray is seen.
fn batch(mark: &str) -> String {
    format!(
        r#"[{{"message":{{"userId":"{mark}"}},"metadata":{{"jobId":1}},"destination":{{"Config":{{"topic":"t"}}}}}}]"#
    )
}

/// The response to [`batch`], to the byte.
fn answer(mark: &str) -> String {
    format!(
        r#"[{{"output":{{"message":{{"userId":"{mark}"}},"userId":"{mark}","topic":"t"}},"metadata":{{"jobId":1,"rudderId":"undefined<<>>t"}},"statusCode":200}}]"#
    )
}

/// A request with a batch of its own.
fn request(mark: &str) -> String {
    let body = batch(mark);
    format!("{POST}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[track_caller]
fn assert_answer(response: &Response, mark: &str) {
    assert_eq!((response.status, response.text()), (200, &*answer(mark)));
    assert_eq!(response.header("apiVersion"), Some("2"));
}

fn connect(address: SocketAddr) -> TcpStream {
    try_connect(address).expect("the server listens")
}

/// A connection, unless nobody listens.
fn try_connect(address: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// Ends a connection without the farewell of TCP, as a machine does that lost its power and is back.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("it is open");
}

/// Everything that comes until the end of a connection, however that ends.
fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error} behind {} bytes", bytes.len());
    }
    bytes
}

/// All responses on a connection on which `bytes` are sent, until the server ends it.
fn conversation(address: SocketAddr, bytes: &[u8]) -> Vec<Response> {
    let mut stream = connect(address);
    // A server that refuses may close before everything is written.
    stream.write_all(bytes).ok();
    let answers = read_to_end(&mut stream);
    let mut rest = &answers[..];
    let mut responses = Vec::new();
    while !rest.is_empty() {
        responses.push(read_response(&mut rest));
    }
    responses
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        // Who looks without a pause takes the core from what is waited for, and from other tests.
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Does `fault` while good clients ask, on connections that they keep and on new ones, and get what they should.
/// Returns how many answers they got, which are at least one for each.
fn beside_good_clients(address: SocketAddr, fault: impl FnOnce()) -> usize {
    struct Over<'f>(&'f AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ask = |stream: &mut TcpStream| {
        let mark = format!("good-{}", asked.fetch_add(1, Ordering::Relaxed));
        assert_answer(&exchange(stream, request(&mark).as_bytes()), &mark);
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
            client.join().expect("a good client gets every answer");
        }
    });
    asked.into_inner()
}
