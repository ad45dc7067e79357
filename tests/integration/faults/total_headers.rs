//! Unfinished headers on many connections. The total size of these headers is limited.

use std::io::Write as _;

use super::process::Process;
use super::{MEBIBYTE, POST, assert_response, connect, request, with_good_clients};
use crate::server::exchange;

#[test]
fn the_total_size_of_unfinished_headers_on_a_thousand_connections_is_limited() {
    const AT_ONCE: usize = 1000;
    let process = Process::start(&["--header-timeout=600", "--max-connections=2000"]);
    let at_rest = process.peak_memory();
    let head = format!("{POST}X: {}", "y".repeat(120_000));
    let good = with_good_clients(process.address, || {
        let held: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let mut stream = connect(process.address);
                // These headers are just below the limit. The service may have closed the connection already.
                stream.write_all(head.as_bytes()).ok();
                stream
            })
            .collect();
        assert_response(&exchange(&mut connect(process.address), request("after").as_bytes()), "after");
        drop(held);
    });
    assert!(good >= 2);
    // Memory for 8 MiB of headers, in buffers that grow by doubling, and for the other buffers of a thousand
    // connections: 30 to 60 MiB, and up to 90 MiB on a busy machine. Without the limit, it is 130 MiB.
    let grown = process.peak_memory() - at_rest;
    assert!(grown < 110 * MEBIBYTE, "{} MiB more", grown >> 20);
    process.assert_nothing_left();
}
