//! SIGTERM under load.
//!
//! What "accepted" means: the service has read the headers of a request before it stopped, which `100 Continue` reports.
//! Such a request is answered. Any other one gets not one byte of a response and the end of its connection, or is
//! rejected one: anyone who sends it again, to the next instance, loses nothing. Those are requests that cross with
//! the end of a kept connection, and heads of which a part had come.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::process::Process;
use super::{POST, assert_answer, batch, connect, request, try_connect, until};
use crate::server::{Response, exchange, read_response};

const REQUESTS: usize = 1_000;

/// Clients, each with a connection at a time.
const CLIENTS: usize = 20;

/// Sends a request and reads its response, `None` where the connection ends without any byte of one. Where it ends
/// within a response this panics.
fn ask(stream: &mut TcpStream, rest: &[u8]) -> Option<Response> {
    stream.write_all(rest).ok()?;
    matches!(stream.peek(&mut [0]), Ok(1)).then(|| read_response(stream))
}

/// Puts requests to a service; returns those that it did not answer. With `keep`, connections are used again, as long
/// as no response says that they end. The last tenth waits for `late`.
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

/// Puts to the next instance what got no response from one.
fn put_again(left: &[String]) -> usize {
    let next = Process::start(&[]);
    let answered = AtomicUsize::new(0);
    assert_eq!(put(next.address, left, true, || {}, &answered), [""; 0], "whoever sends again loses nothing");
    answered.into_inner()
}

/// Stops a service in the middle of its requests and puts those that got no response to the next one.
fn stop_under_load(keep: bool) {
    let process = Process::start(&[]);
    let address = process.address;
    let marks: Vec<String> = (0..REQUESTS).map(|number| number.to_string()).collect();
    let (answered, is_closed) = (AtomicUsize::new(0), AtomicBool::new(false));
    // However quick all of it is, some come when nobody listens any more, on new connections or on those they have kept.
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
fn a_thousand_requests_on_connections_of_their_own_outlive_a_stop() {
    stop_under_load(false);
}

#[test]
fn a_thousand_requests_on_kept_connections_outlive_a_stop() {
    stop_under_load(true);
}

#[test]
fn every_request_whose_head_was_read_before_a_stop_is_answered() {
    let process = Process::start(&[]);
    let address = process.address;
    let mark = |number: usize| format!("held-{number}");
    // The first on a connection, or not.
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
    // A part of a head has been read: it came with a request that is answered.
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
