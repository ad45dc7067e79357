//! More connections than file descriptors.

use std::process::Command;

use super::process::Process;
use super::{assert_answer, connect, request, until};
use crate::cli::binary;
use crate::server::exchange;

/// The binary with a hard limit that it cannot raise.
fn starved(descriptors: usize) -> Process {
    let binary = binary();
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")]).arg(binary.get_program());
    limited.env_clear().args(["--host=127.0.0.1", "--port=0"]);
    Process::spawn(&mut limited)
}

#[test]
fn without_free_descriptors_open_connections_are_served_and_others_wait() {
    let process = starved(64);
    until("it says that this is too little", || process.logged("MAX_CONNECTIONS needs") == 1);
    let mut first = connect(process.address);
    assert_answer(&exchange(&mut first, request("first").as_bytes()), "first");
    let open = process.open_files();
    // The kernel queues them, whatever the service does.
    let mut crowd: Vec<_> = (0..100).map(|_| connect(process.address)).collect();
    until("there is none left", || process.open_files() >= 64);
    let failed = "accept";
    until("the log says so", || process.logged(failed) >= 1);
    let (busy, said) = (process.busy(), process.logged(failed));
    assert_answer(&exchange(&mut first, request("meanwhile").as_bytes()), "meanwhile");
    // The service retries accept at intervals: three more attempts take a second and a half.
    until("it has tried three more times", || process.logged(failed) >= said + 3);
    let busy = process.busy() - busy;
    assert!(busy < 75, "{busy} hundredths of a second of work while nobody could come in");
    // Waiting clients get their responses as soon as others disconnect, in the order of their arrival.
    for (number, mut stream) in crowd.drain(..).enumerate() {
        let mark = number.to_string();
        assert_answer(&exchange(&mut stream, request(&mark).as_bytes()), &mark);
    }
    assert_answer(&exchange(&mut first, request("last").as_bytes()), "last");
    until("all descriptors are given back", || process.open_files() <= open);
}
