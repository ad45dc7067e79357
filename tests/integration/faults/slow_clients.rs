//! Clients that send or read one byte at a time, on every available connection.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::process::Process;
use super::{POST, batch, connect, expected_response, request, until, with_good_clients};
use crate::server::exchange;

/// The connection limit.
const CONNECTIONS: usize = 150;

/// The delay before a slow client sends its next byte. This delay is the fault under test.
const PAUSE: Duration = Duration::from_millis(20);

/// A slow client.
struct Slow {
    stream: TcpStream,
    /// The bytes that have not been sent yet.
    rest: Vec<u8>,
    received: Vec<u8>,
}

/// Opens a slow client. Depending on `number`, the client is slow in the first headers, in later headers, in a body or
/// in a chunked body.
fn slow(server: &Process, number: usize) -> Slow {
    let mut stream = connect(server.address);
    let body = batch("slow").replace("\"userId\"", &format!("\"large\":\"{}\",\"userId\"", "x".repeat(3_000)));
    let head = format!("{POST}X-Slow: {}\r\nContent-Length: {}\r\n\r\n", "x".repeat(3_000), body.len());
    let chunks: String = body.chars().map(|byte| format!("1\r\n{byte}\r\n")).collect();
    let (at_once, rest) = match number % 4 {
        0 => (String::new(), head),
        1 => {
            assert_eq!(exchange(&mut stream, request("first").as_bytes()).status, 200);
            (String::new(), head)
        }
        2 => (head, body),
        _ => (format!("{POST}Transfer-Encoding: chunked\r\n\r\n"), chunks),
    };
    stream.write_all(at_once.as_bytes()).expect("sent");
    stream.set_nonblocking(true).expect("the socket");
    Slow { stream, rest: rest.into_bytes(), received: Vec::new() }
}

impl Slow {
    /// Sends a byte. Returns whether the connection is still open.
    fn trickle(&mut self) -> bool {
        let sent = self.rest.pop().is_some_and(|_| self.stream.write_all(b"x").is_ok());
        let mut piece = [0; 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => false,
            Ok(read) => {
                self.received.extend(&piece[..read]);
                true
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock && sent,
        }
    }
}

/// Lets slow clients send until the server has disconnected all of them. Returns the time this took.
fn exhaust(mut slow: Vec<Slow>) -> Duration {
    let began = Instant::now();
    let mut done = Vec::new();
    until("all slow clients are disconnected", || {
        std::thread::sleep(PAUSE);
        let (open, closed): (Vec<_>, Vec<_>) =
            slow.drain(..).map(|mut slow| (slow.trickle(), slow)).partition(|(open, _)| *open);
        slow.extend(open.into_iter().map(|(_, slow)| slow));
        done.extend(closed);
        slow.is_empty()
    });
    for (_, slow) in done {
        let printed = String::from_utf8_lossy(&slow.received).into_owned();
        assert!(
            printed.is_empty() || printed.starts_with("HTTP/1.1 408") || printed.starts_with("HTTP/1.1 400"),
            "{printed}"
        );
        assert!(!printed.contains(&expected_response("slow")), "no incomplete request is served");
    }
    began.elapsed()
}

const SHORT_TIMEOUTS: [&str; 4] = ["--max-connections=150", "--header-timeout=1", "--keep-alive=1", "--body-timeout=1"];

#[test]
fn slow_clients_are_disconnected_and_other_clients_are_served() {
    let server = Process::start(&SHORT_TIMEOUTS);
    let slow: Vec<_> = (0..CONNECTIONS - 50).map(|number| slow(&server, number)).collect();
    let mut took = Duration::MAX;
    let good = with_good_clients(server.address, || took = exhaust(slow));
    // With these settings, headers may take two seconds and are checked every second. A body may take one second plus
    // its time at the minimum rate.
    assert!(took < Duration::from_secs(20) && good > 50, "{took:?}, {good} good requests");
    server.assert_nothing_left();
}

#[test]
fn slow_clients_on_every_connection_delay_but_do_not_block_other_clients() {
    let server = Process::start(&SHORT_TIMEOUTS);
    let slow: Vec<_> = (0..CONNECTIONS).map(|number| slow(&server, number)).collect();
    let (mut rejected, mut served) = (0, 0);
    std::thread::scope(|scope| {
        let exhausted = scope.spawn(|| exhaust(slow));
        until("good clients are served", || {
            let response = exchange(&mut connect(server.address), request("good").as_bytes());
            match response.status {
                200 => {
                    assert_eq!(response.text(), expected_response("good"));
                    served += 1;
                }
                _ => {
                    assert_eq!((response.status, response.header("X-Rudder-Should-Retry")), (503, Some("true")));
                    assert_eq!(served, 0, "after a slow client is disconnected, good clients are always served");
                    rejected += 1;
                }
            }
            served == 100
        });
        exhausted.join().expect("an end");
    });
    assert!(rejected > 0, "every connection was in use");
    server.assert_nothing_left();
}
