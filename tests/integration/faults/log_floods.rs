//! Log lines that clients and upstreams can cause are rate limited, and the number of suppressed lines is logged.

use std::net::SocketAddr;
use std::time::Instant;

use super::process::Process;
use super::{POST, connect, until};
use crate::server::{exchange, sum};

const REQUESTS: usize = 2_000;

/// Returns how many log lines with this source and message were written, and how many were reported as suppressed.
fn counted(process: &Process, source: &str, message: &str) -> (usize, usize) {
    let (reports, lines): (Vec<String>, Vec<String>) =
        process.lines(message).into_iter().partition(|line| line.contains("similar lines suppressed"));
    let suppressed = reports.iter().filter(|line| line.contains(&format!("source=\"{source}\""))).map(|line| {
        let number = line.split(" suppressed=").nth(1).and_then(|rest| rest.split(' ').next());
        number.and_then(|number| number.parse::<usize>().ok()).unwrap_or_else(|| panic!("no number: {line}"))
    });
    (lines.len(), suppressed.sum())
}

/// Checks that at most ten lines of each kind are written per second, and that reports count all suppressed lines.
#[track_caller]
fn assert_limited(process: &Process, began: Instant, source: &str, message: &str) {
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("a few") + 2;
    until("every line is written or reported", || {
        let (written, suppressed) = counted(process, source, message);
        written + suppressed == REQUESTS
    });
    let (written, _) = counted(process, source, message);
    assert!((10..=10 * seconds).contains(&written), "{written} lines in {seconds} s");
}

#[test]
fn malformed_http_on_either_port_does_not_flood_the_log() {
    let of_port: [fn(&Process) -> SocketAddr; 2] = [|process| process.address, |process| process.metrics];
    for port in of_port {
        let process = Process::start(&[]);
        let began = Instant::now();
        for _ in 0..REQUESTS {
            assert_eq!(exchange(&mut connect(port(&process)), b"\0\r\n\r\n").status, 400);
        }
        assert_limited(&process, began, "actix_http::h1::dispatcher", "stream error");
        let suppressed =
            sum(&process.scrape(), "kafka_transformer_log_lines_dropped_total", &["reason=\"suppressed\""]);
        assert_eq!(counted(&process, "actix_http::h1::dispatcher", "stream error").1, suppressed as usize);
        process.assert_nothing_left();
    }
}

#[test]
fn an_upstream_that_is_down_does_not_flood_the_log() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let process = Process::start(&["--upstream-transformer-url", &format!("http://{free}")]);
    let began = Instant::now();
    let request = format!("{POST}Content-Length: 2\r\n\r\n[]").replace("/kafka", "/webhook");
    let mut stream = connect(process.address);
    for _ in 0..REQUESTS {
        assert_eq!(exchange(&mut stream, request.as_bytes()).status, 502);
    }
    let lines = [
        ("rudder_kafka_transformer::server::request_log", "request failed"),
        ("rudder_kafka_transformer::server::upstream", "no complete response from the upstream"),
    ];
    for (source, message) in lines {
        assert_limited(&process, began, source, message);
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("a few") + 2;
    // Per second, the log has at most ten lines of each of the two kinds, and one report of suppressed lines for each
    // kind. It also has one line with the address.
    let all = process.logged("");
    assert!(all <= seconds * 22 + 1, "{all} lines in {seconds} s");
}
