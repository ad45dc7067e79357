//! Clients that send requests and do not read the responses.

use std::io::{BufReader, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::process::Process;
use super::{MEBIBYTE, assert_response, connect, request, until};
use crate::security::{Folder, tls_connect, tls_flags};
use crate::server::{exchange, fetch, read_response};

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

/// Long timeouts, so that only the timeout under test closes a connection.
const PATIENT: [&str; 2] = ["--keep-alive=600", "--header-timeout=600"];

/// Sends the same request until `max_bytes` are sent or the service stops reading.
fn pipeline(address: SocketAddr, request: &str, max_bytes: usize) -> TcpStream {
    let mut stream = connect(address);
    let bytes = request.repeat(max_bytes / request.len());
    stream.set_nonblocking(true).expect("the socket");
    let mut sent = 0;
    until("the service stops reading", || {
        match stream.write(&bytes.as_bytes()[sent..]) {
            Ok(more) => sent += more,
            Err(error) => return error.kind() == ErrorKind::WouldBlock && sent > max_bytes / 4,
        }
        sent == bytes.len()
    });
    stream
}

/// Waits until the service has finished all work.
fn until_idle(process: &Process) {
    let (mut busy, mut same) = (process.busy(), 0);
    until("the service is idle", || {
        let now = process.busy();
        same = if now == busy { same + 1 } else { 0 };
        busy = now;
        same == 100
    });
}

#[test]
fn unread_responses_use_no_cpu_and_close_the_connection() {
    let process = Process::start(&[&PATIENT[..], &["--body-timeout=4"]].concat());
    let (at_rest, open) = (process.peak_memory(), process.open_files());
    let clients: Vec<_> = (0..4).map(|_| pipeline(process.address, HEALTH, 4 * MEBIBYTE)).collect();
    until_idle(&process);
    let busy = process.busy();
    for number in 0..4 {
        let mark = number.to_string();
        assert_response(&exchange(&mut connect(process.address), request(&mark).as_bytes()), &mark);
    }
    until("the connections are closed", || process.open_files() <= open);
    let busy = process.busy() - busy;
    // The measurement covers most of the four seconds of BODY_TIMEOUT, on two workers.
    assert!(busy < 60, "{busy} hundredths of a second of work while nothing was read");
    let grown = process.peak_memory() - at_rest;
    assert!(grown < 8 * MEBIBYTE, "{} KiB more", grown >> 10);
    drop(clients);
    process.assert_nothing_left();
}

#[test]
fn memory_of_unread_openapi_responses_is_bounded_and_returned_to_the_os() {
    const CLIENTS: usize = 300;
    let process = Process::start(&PATIENT);
    let documents = || fetch(&format!("http://{}/openapi.json", process.address), "GET", &[], b"");
    assert_eq!(documents().status, 200);
    let (at_rest, open) = (process.memory(), process.open_files());
    let request = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    let clients: Vec<_> = (0..CLIENTS).map(|_| pipeline(process.address, request, 39_000)).collect();
    until_idle(&process);
    assert_eq!(documents().status, 200, "other clients are served");
    let grown = process.peak_memory() - at_rest;
    assert!(grown < CLIENTS * (256 << 10), "{} MiB more", grown >> 20);
    drop(clients);
    until("the connections are closed", || process.open_files() <= open);
    until("the memory is returned", || process.memory() < at_rest + 12 * MEBIBYTE);
}

#[test]
fn unread_responses_close_the_connection_over_tls() {
    let folder = Folder::new();
    let [certificate, key] = tls_flags(&folder, "first");
    let process =
        Process::start(&[&PATIENT[..], &["--body-timeout=4", "--metrics-tls=false", &certificate, &key]].concat());
    let (at_rest, open) = (process.peak_memory(), process.open_files());
    let mut client = tls_connect(connect(process.address), "first").expect("TLS");
    client.sock.set_nonblocking(true).expect("the socket");
    let bytes = HEALTH.repeat(4 * MEBIBYTE / HEALTH.len());
    let mut sent = 0;
    until("the service stops reading", || match client.write(&bytes.as_bytes()[sent..]) {
        Ok(more) => {
            sent += more;
            sent == bytes.len()
        }
        Err(error) => error.kind() == ErrorKind::WouldBlock && sent > MEBIBYTE,
    });
    until_idle(&process);
    let busy = process.busy();
    until("the connection is closed", || process.open_files() <= open);
    let busy = process.busy() - busy;
    assert!(busy < 60, "{busy} hundredths of a second of work while nothing was read");
    let grown = process.peak_memory() - at_rest;
    assert!(grown < 8 * MEBIBYTE, "{} KiB more", grown >> 10);
}

#[test]
fn responses_that_are_read_late_arrive_in_order() {
    /// The number of requests. Their responses together exceed the socket buffers of both sides.
    const REQUESTS: usize = 20_000;
    let process = Process::start(&PATIENT);
    let stream = connect(process.address);
    let mut writer = stream.try_clone().expect("a second handle");
    let requests: String = (0..REQUESTS).map(|number| request(&format!("late-{number}"))).collect();
    std::thread::scope(|scope| {
        let sent = scope.spawn(move || writer.write_all(requests.as_bytes()));
        // Reading starts once the service stops reading, or everything is sent.
        until_idle(&process);
        let mut reader = BufReader::new(stream);
        for number in 0..REQUESTS {
            assert_response(&read_response(&mut reader), &format!("late-{number}"));
        }
        sent.join().expect("a client").expect("sent");
    });
    process.assert_nothing_left();
}
