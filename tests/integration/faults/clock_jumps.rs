//! Clock jumps. A test cannot set the system clock, so it replaces the clock that the process sees.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use super::process::Process;
use super::{POST, assert_response, batch, connect, request, until};
use crate::cli::binary;
use crate::security::Folder;
use crate::server::{exchange, read_response};

/// C code that overrides the C library's `clock_gettime`. The override shifts the wall-clock time by the number
/// of seconds in a file. Like setting the system clock, this does not change the monotonic clock.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        char text[32] = {0};
        int file = open(getenv("SECONDS_WRONG"), O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            if (read(file, text, sizeof text - 1) > 0) time->tv_sec += atoll(text);
            close(file);
        }
    }
    return result;
}
"#;

const YEAR: i64 = 366 * 86_400;

/// Returns the year in a response's Date header.
fn year(address: SocketAddr) -> i64 {
    let response = exchange(&mut connect(address), request("date").as_bytes());
    assert_response(&response, "date");
    let date = response.header("Date").expect("a date");
    date.split(' ').nth(3).and_then(|year| year.parse().ok()).expect(date)
}

/// Opens a connection and sends part of a body. Returns the connection and the whole body.
fn begin(address: SocketAddr, mark: &str) -> (TcpStream, String) {
    let mut stream = connect(address);
    let body = batch(mark);
    write!(stream, "{POST}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", body.len()).expect("sent");
    stream.read_exact(&mut [0; 25]).expect("100 Continue");
    stream.write_all(&body.as_bytes()[..10]).expect("sent");
    (stream, body)
}

#[test]
fn clock_jumps_do_not_affect_timeouts() {
    let folder = Folder::new();
    let (source, library) = (folder.write("shim.c", SHIM), folder.path("shim.so"));
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, &source]).status();
    assert!(compiled.expect("cc, which also links these tests").success());
    let wrong = folder.write("wrong", "0");
    // One service has timeouts that exceed the test's duration. The other service times out a body after two seconds.
    let start = |seconds: u32| {
        let times = ["body-timeout", "header-timeout", "keep-alive"].map(|name| format!("--{name}={seconds}"));
        let environment = [("LD_PRELOAD", &library), ("SECONDS_WRONG", &wrong)];
        Process::spawn(binary().args(["--host=127.0.0.1", "--port=0"]).args(times).envs(environment))
    };
    let (patient, impatient) = (start(600), start(2));
    let address = patient.address;
    let now = year(address);
    let mut kept = connect(address);
    for jump in [20 * YEAR, -YEAR, 0] {
        assert_response(&exchange(&mut kept, request("kept").as_bytes()), "kept");
        let mut head = connect(address);
        head.write_all(&request("head").as_bytes()[..40]).expect("sent");
        let (mut body, text) = begin(address, "body");
        let began = Instant::now();
        let (mut stalled, _) = begin(impatient.address, "stalled");
        fs::write(&wrong, jump.to_string()).expect("written");
        // The Date header is updated twice a second.
        until("the date has jumped", || {
            (year(address) - now - jump / YEAR).abs() <= 1 && (jump == 0 || year(address) != now)
        });
        assert_response(&exchange(&mut kept, request("kept").as_bytes()), "kept");
        assert_response(&exchange(&mut head, &request("head").as_bytes()[40..]), "head");
        assert_response(&exchange(&mut body, &text.as_bytes()[10..]), "body");
        // A stalled body times out after two seconds, whatever the clock shows.
        assert_eq!(read_response(&mut stalled).status, 408);
        let took = began.elapsed();
        assert!(
            (Duration::from_secs(2)..Duration::from_secs(20)).contains(&took),
            "{took:?} with a jump of {jump} seconds"
        );
    }
}
