//! More connections than the process has file descriptors.

use std::process::Command;

use super::process::Process;
use super::{assert_response, connect, request, until};
use crate::cli::binary;
use crate::server::exchange;

/// Starts the binary with a hard limit on file descriptors. The binary cannot raise a hard limit.
fn starved(descriptors: usize) -> Process {
    let binary = binary();
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")]).arg(binary.get_program());
    limited.env_clear().args(["--host=127.0.0.1", "--port=0"]);
    Process::spawn(&mut limited)
}

#[test]
fn new_connections_wait_and_open_ones_are_served_if_no_file_descriptor_is_free() {
    let process = starved(64);
    until("the low limit is logged", || process.logged("MAX_CONNECTIONS needs") == 1);
    let mut first = connect(process.address);
    assert_response(&exchange(&mut first, request("first").as_bytes()), "first");
    let open = process.open_files();
    // The kernel queues these connections, whatever the service does.
    let mut waiting: Vec<_> = (0..100).map(|_| connect(process.address)).collect();
    until("no descriptor is left", || process.open_files() >= 64);
    let failed = "accept";
    until("the failure is logged", || process.logged(failed) >= 1);
    let (busy, failures) = (process.busy(), process.logged(failed));
    assert_response(&exchange(&mut first, request("meanwhile").as_bytes()), "meanwhile");
    // The service retries accept at intervals, so three more attempts take a second and a half.
    until("accept was retried three times", || process.logged(failed) >= failures + 3);
    let busy = process.busy() - busy;
    assert!(busy < 75, "{busy} hundredths of a second of CPU time while no connection could be accepted");
    // Waiting clients get their responses in the order of their arrival, each as soon as an earlier client disconnects.
    for (number, mut stream) in waiting.drain(..).enumerate() {
        let mark = number.to_string();
        assert_response(&exchange(&mut stream, request(&mark).as_bytes()), &mark);
    }
    assert_response(&exchange(&mut first, request("last").as_bytes()), "last");
    until("all descriptors are released", || process.open_files() <= open);
}
