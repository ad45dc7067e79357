//! SIGTERM under load.
//!
//! A request is accepted if the service read its headers before it stopped, which `100 Continue` confirms. Every
//! accepted request gets its response. Any other one gets either no byte of a response, or a complete rejection, so a
//! client that sends it to the next instance loses nothing. That concerns requests that cross with the closing of a
//! kept connection, and partly sent headers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::process::Process;
use super::{POST, assert_answer, batch, connect, request, try_connect, until};
use crate::server::{Response, exchange, read_response};

const REQUESTS: usize = 1_000;

/// Number of clients, each with one connection at a time.
const CLIENTS: usize = 20;

/// Sends a request and reads its response; `None` if the connection ends before its first byte. Panics if it ends
/// within the response.
fn ask(stream: &mut TcpStream, rest: &[u8]) -> Option<Response> {
    stream.write_all(rest).ok()?;
    matches!(stream.peek(&mut [0]), Ok(1)).then(|| read_response(stream))
}

/// Sends requests to a service and returns those without a response. With `keep`, connections are reused until a
/// response closes them. The last tenth waits for `late`.
fn put(address: SocketAddr, marks: &[String], keep: bool, late: impl Fn(), answered: &AtomicUsize) -> Vec<String> {
    let mut left = Vec::new();
    let mut kept = None;
    for (number, mark) in marks.iter().enumerate() {
        if number == marks.len() * 9 / 10 {
            late();
        }
        let Some(mut stream) = kept.take().or_else(|| try_connect(address)) else {
            left.push(mark.clone());
            continue;
        };
        match ask(&mut stream, request(mark).as_bytes()) {
            None => left.push(mark.clone()),
            Some(response) => {
                assert_answer(&response, mark);
                answered.fetch_add(1, Ordering::Relaxed);
                if keep && response.header("Connection") != Some("close") {
                    kept = Some(stream);
                }
            }
        }
    }
    left
}

/// Sends requests without a response to the next instance.
fn put_again(left: &[String]) -> usize {
    let next = Process::start(&[]);
    let answered = AtomicUsize::new(0);
    assert_eq!(put(next.address, left, true, || {}, &answered), [""; 0], "whoever sends again loses nothing");
    answered.into_inner()
}

/// Stops a service under load and sends the requests without a response to the next one.
fn stop_under_load(keep: bool) {
    let process = Process::start(&[]);
    let address = process.address;
    let marks: Vec<String> = (0..REQUESTS).map(|number| number.to_string()).collect();
    let (answered, is_closed) = (AtomicUsize::new(0), AtomicBool::new(false));
    // Some requests always arrive after the listener is closed, on new or on kept connections.
    let late = || until("nobody listens any more", || is_closed.load(Ordering::Acquire));
    let left: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = marks
            .chunks(REQUESTS / CLIENTS)
            .map(|share| scope.spawn(|| put(address, share, keep, late, &answered)))
            .collect();
        until("a third is answered", || answered.load(Ordering::Relaxed) > REQUESTS / 3);
        process.signal("TERM");
        until("nobody listens any more", || TcpStream::connect(address).is_err());
        is_closed.store(true, Ordering::Release);
        clients.into_iter().flat_map(|client| client.join().expect("no answer breaks off")).collect()
    });
    assert_eq!(process.ended().code(), Some(0));
    let answered = answered.into_inner();
    assert_eq!(answered + left.len(), REQUESTS, "each has one whole answer, or no byte of one");
    assert!(!left.is_empty(), "it stopped in the middle");
    assert_eq!(answered + put_again(&left), REQUESTS);
}

#[test]
fn a_thousand_requests_on_new_connections_survive_a_shutdown() {
    stop_under_load(false);
}

#[test]
fn a_thousand_requests_on_kept_connections_survive_a_shutdown() {
    stop_under_load(true);
}

#[test]
fn every_request_accepted_before_a_shutdown_is_served() {
    let process = Process::start(&[]);
    let address = process.address;
    let mark = |number: usize| format!("held-{number}");
    // Whether it is the first request on a connection.
    let held: Vec<TcpStream> = (0..REQUESTS / 2)
        .map(|number| {
            let mut stream = connect(address);
            if number % 2 == 0 {
                assert_answer(&exchange(&mut stream, request("before").as_bytes()), "before");
            }
            let head = format!("{POST}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", batch(&mark(number)).len());
            stream.write_all(head.as_bytes()).expect("sent");
            stream.read_exact(&mut [0; 25]).expect("100 Continue");
            stream
        })
        .collect();
    // Partial headers have been read: they arrived with a request that is served.
    let (part, rest) = (&request("part")[..40], &request("part")[40..]);
    let parts: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = connect(address);
            assert_answer(&exchange(&mut stream, (request("before") + part).as_bytes()), "before");
            stream
        })
        .collect();
    process.signal("TERM");
    until("nobody listens any more", || TcpStream::connect(address).is_err());
    for (number, mut stream) in held.into_iter().enumerate() {
        let response = exchange(&mut stream, batch(&mark(number)).as_bytes());
        assert_answer(&response, &mark(number));
        assert_eq!(response.header("Connection"), Some("close"), "the next request is for another instance");
    }
    let mut left = Vec::new();
    for mut stream in parts {
        match ask(&mut stream, rest.as_bytes()) {
            Some(response) => assert_answer(&response, "part"),
            None => left.push("part".to_owned()),
        }
    }
    assert_eq!(process.ended().code(), Some(0));
    assert_eq!(put_again(&left), left.len());
}
