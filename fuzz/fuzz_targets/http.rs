//! Tests that the running service handles arbitrary bytes on a connection. No response may have a status 5xx other than
//! 503 or 504. The service must close the connection in time, and must respond to the next client.

#![no_main]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use clap::Parser;
use libfuzzer_sys::fuzz_target;
use rudder_kafka_transformer::server::settings::Settings;
use rudder_kafka_transformer::server::{Listeners, run};

/// The client's timeout for reads and writes. It is longer than any timeout of the service that the bytes can trigger.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

/// Returns the address of the service. The first call starts the service, which runs until the process exits.
fn service() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let listen = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listeners = Listeners { service: listen(), metrics: listen(), tls: None };
        let address = listeners.service.local_addr().expect("bound");
        let settings = Arguments::parse_from(["http", "--host=127.0.0.1", "--workers=1"]).settings;
        std::thread::spawn(move || {
            let never = std::future::pending::<std::future::Ready<()>>();
            actix_web::rt::System::new().block_on(run(&settings, listeners, never)).expect("the service runs");
        });
        address
    })
}

/// Sends `bytes`, and returns everything that the service sends until it closes the connection. `may_be_half` is
/// whether the bytes may be an incomplete request. If so, the client then shuts down its sending side.
fn exchange(bytes: &[u8], may_be_half: bool) -> Vec<u8> {
    let mut stream = TcpStream::connect(service()).expect("the service listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a valid timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a valid timeout");
    // The service may respond and close the connection before the client has written everything.
    let written = stream.write_all(bytes);
    if may_be_half {
        let _ = written.and_then(|()| stream.shutdown(Shutdown::Write));
    }
    let mut answer = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return answer,
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("the response does not end"),
            // The fuzzer's timer interrupted the call, which is repeated.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The service closed the connection before it read all bytes.
            Err(_) => return answer,
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let answer = exchange(bytes, true);
    if !answer.is_empty() {
        assert!(answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
        let status = answer.get(9..12).unwrap_or_default();
        assert!(
            status.first() != Some(&b'5') || matches!(status, b"503" | b"504"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    let health = exchange(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);
    assert!(health.starts_with(b"HTTP/1.1 200 "), "{:?}", String::from_utf8_lossy(&health));
});
