//! Slow but steady clients. Clients above the minimum rate of 10 kB/s are served. Clients below this rate are
//! disconnected.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::process::Process;
use super::{MEBIBYTE, POST, assert_response, batch, expected_response, until};
use crate::security::{Folder, tls_connect, tls_flags};
use crate::server::{PATIENCE, read_response};

/// The interval at which a slow client reads or writes. This interval is the fault under test.
const STEP: Duration = Duration::from_millis(250);

const TIMES: [&str; 2] = ["--body-timeout=2", "--keep-alive=1"];

/// The time during which clients are slow. It is several times the longest allowed idle time.
const SLOW_FOR: Duration = Duration::from_secs(8);

/// Opens a connection with a small receive buffer, so that the kernel acknowledges data in small steps.
fn connect(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(16 << 10).expect("a size");
    socket.set_tcp_nodelay(true).expect("an option");
    socket.connect(&address.into()).expect("the server listens");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Returns a batch of 8 MiB and the expected response.
fn large(mark: &str) -> (String, String) {
    let user = format!(r#""userId":"{mark}"}}"#);
    let padded = format!(r#""userId":"{mark}","padding":"{}"}}"#, "x".repeat(8 * MEBIBYTE));
    (batch(mark).replace(&user, &padded), expected_response(mark).replacen(&user, &padded, 1))
}

/// Reads at a given rate for [`SLOW_FOR`]. Returns the bytes read, and whether the connection is still open.
fn read_slowly(stream: &mut impl Read, bytes_per_second: usize) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    let mut piece = vec![0; bytes_per_second / 4];
    let began = Instant::now();
    while began.elapsed() < SLOW_FOR {
        std::thread::sleep(STEP);
        if stream.read_exact(&mut piece).is_err() {
            return (read, false);
        }
        read.extend(&piece);
    }
    (read, true)
}

/// Sends a large batch, and checks every byte of the response. Reads the response slowly at first, then at full speed.
fn assert_served(mut stream: impl Read + Write, bytes_per_second: usize) {
    let mark = bytes_per_second.to_string();
    let (body, expected) = large(&mark);
    write!(stream, "{POST}Content-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
    let (read, is_open) = read_slowly(&mut stream, bytes_per_second);
    assert!(is_open, "{bytes_per_second} bytes per second: closed after {} bytes", read.len());
    let response = read_response(&mut read.chain(stream));
    assert_eq!((response.status, response.text() == expected), (200, true));
}

#[test]
fn clients_that_read_above_the_minimum_rate_are_served() {
    let process = Process::start(&TIMES);
    std::thread::scope(|scope| {
        for rate in [12_000, 25_000, 200_000] {
            let address = process.address;
            scope.spawn(move || assert_served(connect(address), rate));
        }
    });
    process.assert_nothing_left();
}

#[test]
fn clients_that_read_above_the_minimum_rate_are_served_over_tls() {
    let folder = Folder::new();
    let [certificate, key] = tls_flags(&folder, "first");
    let process = Process::start(&[&TIMES[..], &["--metrics-tls=false", &certificate, &key]].concat());
    // TLS decrypts records of 16 KiB, so this client reads in steps of that size.
    assert_served(tls_connect(connect(process.address), "first").expect("TLS"), 25_000);
}

#[test]
fn clients_that_read_below_the_minimum_rate_are_disconnected() {
    let process = Process::start(&TIMES);
    let (body, _) = large("slow");
    let mut stream = connect(process.address);
    write!(stream, "{POST}Content-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
    let open = process.open_files();
    let mut byte = [0; 500];
    until("the connection is closed", || {
        std::thread::sleep(STEP);
        // Data that has arrived can still be read.
        stream.read(&mut byte).is_err() || process.open_files() < open
    });
    process.assert_nothing_left();
}

/// Sends a body in pieces, with a delay before each piece.
fn send_slowly(stream: &mut TcpStream, body: &str, bytes_per_second: usize) -> std::io::Result<()> {
    write!(stream, "{POST}Content-Length: {}\r\n\r\n", body.len())?;
    for piece in body.as_bytes().chunks(bytes_per_second / 4) {
        std::thread::sleep(STEP);
        stream.write_all(piece)?;
    }
    Ok(())
}

#[test]
fn uploads_above_the_minimum_rate_are_served_and_slower_uploads_are_not() {
    let process = Process::start(&["--body-timeout=1"]);
    let body = batch("upload").replace("}}", &format!("{}}}}}", " ".repeat(80_000)));
    let mut steady = connect(process.address);
    send_slowly(&mut steady, &body, 16_000).expect("the connection stays open");
    assert_response(&read_response(&mut steady), "upload");
    let mut slow = connect(process.address);
    let sent = send_slowly(&mut slow, &body, 4_000);
    if let Err(error) = sent {
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    }
    // The response arrives, unless the connection is reset before it is read.
    let mut response = Vec::new();
    slow.read_to_end(&mut response).ok();
    assert!(response.is_empty() || response.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&response));
    process.assert_nothing_left();
}
