//! Many connections, some of which send a complete request.

use std::io::Write as _;
use std::net::Shutdown;

use super::process::Process;
use super::{assert_response, connect, request, reset};
use crate::server::read_response;

const CONNECTS: usize = 10_000;

/// The number of connections that are open at the same time. It is below the limit on file descriptors.
const GROUP: usize = 100;

#[test]
fn complete_requests_are_served_even_if_most_connections_send_incomplete_ones() {
    let server = Process::start(&["--max-connections=5000"]);
    let mut answered = 0;
    for group in 0..CONNECTS / GROUP {
        let connections: Vec<_> = (0..GROUP)
            .map(|number| {
                let mut stream = connect(server.address);
                let mark = format!("{group}-{number}");
                let request = request(&mark);
                // Send nothing, part of the headers, part of the body, or the whole request.
                let sent = [0, 40, request.len() - 10, request.len()][number % 4];
                stream.write_all(&request.as_bytes()[..sent]).expect("sent");
                (stream, mark, sent == request.len())
            })
            .collect();
        for (number, (mut stream, mark, is_whole)) in connections.into_iter().enumerate() {
            if is_whole {
                assert_response(&read_response(&mut stream), &mark);
                answered += 1;
            } else if number % 8 < 4 {
                reset(stream);
            } else {
                stream.shutdown(Shutdown::Both).expect("the socket");
            }
        }
    }
    assert_eq!(answered, CONNECTS / 4);
    server.assert_nothing_left();
}
