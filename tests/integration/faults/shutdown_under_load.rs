//! SIGTERM under load.
//!
//! A request is accepted if the service has read its headers before it stops, which `100 Continue` confirms. Every
//! accepted request gets its response. Any other request gets either no byte of a response or a complete rejection, so
//! its client can send the request to the next instance and loses nothing. A request is not accepted if it arrives
//! while its keep-alive connection is being closed, or if only part of its headers has arrived.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::process::Process;
use super::{POST, assert_response, batch, connect, request, try_connect, until};
use crate::server::{Response, exchange, read_response};

const REQUESTS: usize = 1_000;

/// The number of clients, each with one connection at a time.
const CLIENTS: usize = 20;

/// Sends the rest of a request and reads the response. Returns `None` if the connection ends before the first byte of
/// the response. Panics if the connection ends within the response.
fn ask(stream: &mut TcpStream, rest: &[u8]) -> Option<Response> {
    stream.write_all(rest).ok()?;
    matches!(stream.peek(&mut [0]), Ok(1)).then(|| read_response(stream))
}

/// Sends requests to a service and returns those that got no response. With `keep_alive`, connections are reused until
/// a response closes them. The last tenth of the requests is sent only after `late` returns.
fn send_all(
    address: SocketAddr,
    marks: &[String],
    keep_alive: bool,
    late: impl Fn(),
    answered: &AtomicUsize,
) -> Vec<String> {
    let mut unanswered = Vec::new();
    let mut kept = None;
    for (number, mark) in marks.iter().enumerate() {
        if number == marks.len() * 9 / 10 {
            late();
        }
        let Some(mut stream) = kept.take().or_else(|| try_connect(address)) else {
            unanswered.push(mark.clone());
            continue;
        };
        match ask(&mut stream, request(mark).as_bytes()) {
            None => unanswered.push(mark.clone()),
            Some(response) => {
                assert_response(&response, mark);
                answered.fetch_add(1, Ordering::Relaxed);
                if keep_alive && response.header("Connection") != Some("close") {
                    kept = Some(stream);
                }
            }
        }
    }
    unanswered
}

/// Resends requests that got no response to the next instance. Returns the number of responses.
fn resend(unanswered: &[String]) -> usize {
    let next = Process::start(&[]);
    let answered = AtomicUsize::new(0);
    let lost = send_all(next.address, unanswered, true, || {}, &answered);
    assert_eq!(lost, [""; 0], "every resent request gets a response");
    answered.into_inner()
}

/// Stops a service under load, and resends requests that got no response.
fn stop_under_load(keep_alive: bool) {
    let process = Process::start(&[]);
    let address = process.address;
    let marks: Vec<String> = (0..REQUESTS).map(|number| number.to_string()).collect();
    let (answered, is_closed) = (AtomicUsize::new(0), AtomicBool::new(false));
    // Some requests always arrive after the listener is closed, on new or on keep-alive connections.
    let late = || until("the listener is closed", || is_closed.load(Ordering::Acquire));
    let unanswered: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = marks
            .chunks(REQUESTS / CLIENTS)
            .map(|share| scope.spawn(|| send_all(address, share, keep_alive, late, &answered)))
            .collect();
        until("a third of the requests have a response", || answered.load(Ordering::Relaxed) > REQUESTS / 3);
        process.signal("TERM");
        until("the listener is closed", || TcpStream::connect(address).is_err());
        is_closed.store(true, Ordering::Release);
        clients.into_iter().flat_map(|client| client.join().expect("no response is truncated")).collect()
    });
    assert_eq!(process.ended().code(), Some(0));
    let answered = answered.into_inner();
    assert_eq!(answered + unanswered.len(), REQUESTS, "each request gets a complete response, or no byte of one");
    assert!(!unanswered.is_empty(), "the service stopped under load");
    assert_eq!(answered + resend(&unanswered), REQUESTS);
}

#[test]
fn no_request_on_a_new_connection_is_lost_at_shutdown_if_clients_retry() {
    stop_under_load(false);
}

#[test]
fn no_request_on_a_keep_alive_connection_is_lost_at_shutdown_if_clients_retry() {
    stop_under_load(true);
}

#[test]
fn every_request_accepted_before_a_shutdown_is_served() {
    let process = Process::start(&[]);
    let address = process.address;
    let mark = |number: usize| format!("held-{number}");
    // On half of the connections, the request is preceded by another request.
    let held: Vec<TcpStream> = (0..REQUESTS / 2)
        .map(|number| {
            let mut stream = connect(address);
            if number % 2 == 0 {
                assert_response(&exchange(&mut stream, request("before").as_bytes()), "before");
            }
            let head = format!("{POST}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", batch(&mark(number)).len());
            stream.write_all(head.as_bytes()).expect("sent");
            stream.read_exact(&mut [0; 25]).expect("100 Continue");
            stream
        })
        .collect();
    // The partial headers have been read, because they arrived with a request that got its response.
    let (part, rest) = (&request("part")[..40], &request("part")[40..]);
    let parts: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = connect(address);
            assert_response(&exchange(&mut stream, (request("before") + part).as_bytes()), "before");
            stream
        })
        .collect();
    process.signal("TERM");
    until("the listener is closed", || TcpStream::connect(address).is_err());
    for (number, mut stream) in held.into_iter().enumerate() {
        let response = exchange(&mut stream, batch(&mark(number)).as_bytes());
        assert_response(&response, &mark(number));
        assert_eq!(response.header("Connection"), Some("close"), "the next request must go to another instance");
    }
    let mut unanswered = Vec::new();
    for mut stream in parts {
        match ask(&mut stream, rest.as_bytes()) {
            Some(response) => assert_response(&response, "part"),
            None => unanswered.push("part".to_owned()),
        }
    }
    assert_eq!(process.ended().code(), Some(0));
    assert_eq!(resend(&unanswered), unanswered.len());
}
